#!/usr/bin/python3
"""Both ends of a conversation between two clients, over IPv4 or IPv6.

talk.py tcp-receive PORT                  prints "ready", then "BYTES SHA256" of what came
talk.py tcp-send ADDRESS PORT BYTES       sends random bytes, prints the same of what it sent
talk.py udp-echo PORT                     prints "ready", sends back every datagram
talk.py udp-ask ADDRESS PORT COUNT BYTES  sends datagrams one by one; prints how many came back
Either end fails where nothing moves for SILENCE seconds."""

import hashlib
import os
import signal
import socket
import sys

SILENCE = 10
TIME_LIMIT = 120


def tcp_receive(port):
    listener = socket.create_server(("", int(port)), family=socket.AF_INET6, dualstack_ipv6=True)
    listener.settimeout(SILENCE)
    print("ready", flush=True)
    connection, _ = listener.accept()
    connection.settimeout(SILENCE)
    digest, size = hashlib.sha256(), 0
    while data := connection.recv(65536):
        digest.update(data)
        size += len(data)
    print(size, digest.hexdigest())


def tcp_send(address, port, size):
    data = os.urandom(int(size))
    with socket.create_connection((address, int(port)), SILENCE) as connection:
        for start in range(0, len(data), 65536):  # the time limit is that of one sendall()
            connection.sendall(data[start : start + 65536])
    print(len(data), hashlib.sha256(data).hexdigest())


def udp_echo(port):
    one = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    one.bind(("", int(port)))
    print("ready", flush=True)
    while True:
        data, sender = one.recvfrom(65536)
        one.sendto(data, sender)


def udp_ask(address, port, count, size):
    one = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    one.connect((address, int(port)))
    one.settimeout(SILENCE / 2)
    returned = 0
    for _ in range(int(count)):
        data = os.urandom(int(size))
        one.send(data)
        try:
            returned += one.recv(65536) == data
        except OSError:  # silence, or an ICMP error
            pass
    print(returned)
    sys.exit(returned != int(count))


if __name__ == "__main__":
    signal.alarm(TIME_LIMIT)
    parts = {"tcp-receive": tcp_receive, "tcp-send": tcp_send,
             "udp-echo": udp_echo, "udp-ask": udp_ask}
    parts[sys.argv[1]](*sys.argv[2:])
