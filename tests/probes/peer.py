#!/usr/bin/env python3
"""peer.py LINK [COUNT]: tries to reach through LINK, a veth, into the network namespace of its other end.

The kernel shows that as a number (IFLA_LINK_NETNSID), which most requests for links take as the
place that they are about (IFLA_TARGET_NETNSID). Prints what came of each, or of the first COUNT.
"""

import errno
import os
import socket
import struct
import sys

NEWLINK, DELLINK, GETLINK, GETADDR = 16, 17, 18, 22
REQUEST, ACK, DUMP, EXCL, CREATE = 1, 4, 0x300, 0x200, 0x400
ERROR, DONE = 2, 3
IFNAME, LINKINFO, INFO_KIND, LINK_NETNSID, TARGET_NETNSID = 3, 18, 1, 37, 46
IFA_TARGET_NETNSID = 10


def attribute(kind, value):
    value = struct.pack("=I", value) if isinstance(value, int) else value
    return struct.pack("=HH", len(value) + 4, kind) + value + bytes(-len(value) % 4)


def ask(kind, flags, index, *attributes):
    """The messages of the answer; fails as the kernel says."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as netlink:
        netlink.setsockopt(270, 12, 1)  # NETLINK_GET_STRICT_CHK: a list of addresses heeds its target
        netlink.bind((0, 0))
        head = struct.pack("=BBBBI", 0, 0, 0, 0, index) if kind == GETADDR else struct.pack(
            "=BBHiII", 0, 0, 0, index, 0, 0)
        body = head + b"".join(attributes)
        netlink.send(struct.pack("=IHHII", len(body) + 16, kind, flags | REQUEST, 1, 0) + body)
        found = []
        while True:
            answer = netlink.recv(1 << 20)
            while answer:
                length, what = struct.unpack("=IH", answer[:6])
                # A list that fails ends with the reason.
                if what in (ERROR, DONE) and length >= 20 and (code := struct.unpack("=i", answer[16:20])[0]) != 0:
                    raise OSError(-code, os.strerror(-code))
                if what in (ERROR, DONE):
                    return found
                found.append(answer[16:length])
                answer = answer[(length + 3) & ~3:]
                if not flags & DUMP and not flags & ACK:
                    return found


def attributes_of(link):
    found = {}
    rest = link[16:]
    while len(rest) >= 4:
        length, kind = struct.unpack("=HH", rest[:4])
        found[kind & 0x3FFF] = rest[4:length]
        rest = rest[(length + 3) & ~3:]
    return found


def number(value):
    return struct.unpack("=i", value)[0]


def main():
    own = attributes_of(ask(GETLINK, 0, socket.if_nametoindex(sys.argv[1]))[0])
    there = number(own[LINK_NETNSID])
    peer = number(own[5])  # IFLA_LINK
    target = attribute(TARGET_NETNSID, there)
    kind = attribute(LINKINFO, attribute(INFO_KIND, b"veth\0"))
    ways = {
        "list links": (GETLINK, DUMP, 0, target),
        "show the other end": (GETLINK, 0, peer, target),
        "list addresses": (GETADDR, DUMP, 0, attribute(IFA_TARGET_NETNSID, there)),
        "move a link there": (NEWLINK, ACK, peer, target),
        "make a link": (NEWLINK, ACK | CREATE | EXCL, 0, target, attribute(IFNAME, b"planted\0"), kind),
        "delete it": (DELLINK, ACK, 0, target, attribute(IFNAME, b"planted\0")),
    }
    for name, way in list(ways.items())[: int(sys.argv[2]) if len(sys.argv) > 2 else None]:
        try:
            ask(*way)
            print(f"{name}: done")
        except OSError as error:
            print(f"{name}: {errno.errorcode[error.errno]}")


main()
