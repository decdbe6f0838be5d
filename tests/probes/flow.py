#!/usr/bin/python3
"""A flow of plain frames over one wire, of the type 0x88b5 (for experiments, IEEE 802).

flow.py send INTERFACE TARGET LABEL [--source MAC] [--count N] [--size BYTES] [--mbit RATE]
    sends N frames labelled probe:LABEL-1 and on to the Ethernet address TARGET, at RATE where given
flow.py measure INTERFACE
    prints "ready"; once frames came and then none for SILENCE seconds, prints how many bits a second
    came"""

import argparse
import signal
import socket
import time

import frames

TYPE = 0x88B5
SILENCE = 2
TIME_LIMIT = 60


def open_socket(interface):
    one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    one.bind((interface, TYPE))
    return one


def send(options):
    one = open_socket(options.interface)
    source = options.source or one.getsockname()[4]
    start = time.monotonic()
    for number in range(1, options.count + 1):
        label = f"probe:{options.label}-{number}".encode()
        frame = frames.ethernet(options.target, source, TYPE, label)
        one.send(frame.ljust(options.size, b"\0"))
        if options.mbit:
            due = start + number * options.size * 8 / (options.mbit * 1e6)
            time.sleep(max(0, due - time.monotonic()))


def measure(options):
    one = open_socket(options.interface)
    print("ready", flush=True)
    one.settimeout(TIME_LIMIT)
    one.recv(65536)  # with it the time begins
    one.settimeout(SILENCE)
    start = last = time.monotonic()
    size = 0
    try:
        while True:
            size += len(one.recv(65536))
            last = time.monotonic()
    except TimeoutError:
        print(int(size * 8 / (last - start)))


def main():
    signal.alarm(TIME_LIMIT)
    parser = argparse.ArgumentParser()
    parts = parser.add_subparsers(required=True)
    part = parts.add_parser("send")
    part.add_argument("interface")
    part.add_argument("target", type=frames.mac)
    part.add_argument("label")
    part.add_argument("--source", type=frames.mac)
    part.add_argument("--count", type=int, default=1)
    part.add_argument("--size", type=int, default=60)
    part.add_argument("--mbit", type=float)
    part.set_defaults(do=send)
    part = parts.add_parser("measure")
    part.add_argument("interface")
    part.set_defaults(do=measure)
    options = parser.parse_args()
    options.do(options)


if __name__ == "__main__":
    main()
