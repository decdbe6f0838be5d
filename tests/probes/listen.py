#!/usr/bin/python3
"""Prints one line for whatever the kernel's own stack delivers: "heard" and what it was.

It listens where a careless host would: on all addresses, by UDP ports 67 and 9999, TCP port 7777,
and by raw sockets for ICMP, IGMP and ICMPv6. Prints "ready" when it listens; ends on SIGTERM or
after TIME_LIMIT seconds."""

import select
import signal
import socket

import frames

TIME_LIMIT = 120


def udp(port):
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind(("0.0.0.0", port))
    return one


def tcp(port):
    one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("0.0.0.0", port))
    one.listen()
    return one


def raw(family, protocol):
    return socket.socket(family, socket.SOCK_RAW, protocol)


def main():
    signal.alarm(TIME_LIMIT)
    listeners = {
        udp(67): "udp-67",
        udp(9999): "udp-9999",
        tcp(7777): "tcp-7777",
        raw(socket.AF_INET, frames.ICMP): "icmp",
        raw(socket.AF_INET, frames.IGMP): "igmp",
        raw(socket.AF_INET6, frames.ICMPV6): "icmp6",
    }
    print("ready", flush=True)
    while True:
        for one in select.select(list(listeners), [], [])[0]:
            if listeners[one] == "tcp-7777":
                accepted, sender = one.accept()
                accepted.close()
                data = b""
            else:
                data, sender = one.recvfrom(65536)
            label = frames.LABEL.search(data)
            source = sender[0].split("%")[0]
            print("heard", listeners[one], source, label[0].decode() if label else "", flush=True)


if __name__ == "__main__":
    main()
