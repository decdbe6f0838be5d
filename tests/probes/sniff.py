#!/usr/bin/python3
"""Prints one line for each frame that a packet socket sees: INTERFACE in|out and what it was.

sniff.py [--protocol all|ip|arp] [INTERFACE...]     without INTERFACE: every one there is or will be
Prints "ready" when it listens; ends after TIME_LIMIT seconds or on SIGTERM, with which it first prints
all that came before."""

import argparse
import select
import signal
import socket

import frames

TIME_LIMIT = 120
PROTOCOLS = {"all": frames.ETH_P_ALL, "ip": frames.ETH_P_IP, "arp": frames.ETH_P_ARP}


def open_socket(protocol, interface):
    one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    one.bind((interface, protocol))
    return one


def open_end():
    """What becomes readable with SIGTERM, and stays so."""
    end, signalled = socket.socketpair()
    signalled.setblocking(False)
    signal.set_wakeup_fd(signalled.detach())
    signal.signal(signal.SIGTERM, lambda *_: None)
    return end


def main():
    signal.alarm(TIME_LIMIT)
    parser = argparse.ArgumentParser()
    parser.add_argument("--protocol", choices=PROTOCOLS, default="all")
    parser.add_argument("interfaces", nargs="*")
    options = parser.parse_args()
    protocol = PROTOCOLS[options.protocol]
    sockets = [open_socket(protocol, name) for name in options.interfaces]
    if not sockets:  # bound to none, it hears all, interfaces made later included (packet(7))
        sockets = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))]
    end = open_end()
    print("ready", flush=True)
    ready = sockets
    while ready != [end]:
        ready = select.select([*sockets, end], [], [])[0]
        for one in ready:
            if one is end:
                continue
            frame, sender = one.recvfrom(65536)
            direction = "out" if sender[2] == socket.PACKET_OUTGOING else "in"
            print(sender[0], direction, frames.describe(frame), flush=True)


if __name__ == "__main__":
    main()
