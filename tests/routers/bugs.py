"""What the bugs of faulty.py are made of: their table, and how packets are read and written.

A bug is a class, plain.Leg or plain.Router with something else in the place of one function, or a
function that changes or drops what is carried. Its name is that of BUG: TtlKept is "ttl-kept"."""

import re
import socket
import struct
import threading

import plain

DELAY = 2  # seconds that a late router waits
MINIMUM = 46  # bytes of a frame behind its header: shorter ones are padded on a real Ethernet
TCP, UDP = socket.IPPROTO_TCP, socket.IPPROTO_UDP
CHECKSUM_AT = {plain.IPPROTO_ICMP: 2, TCP: 16, UDP: 6}  # in the protocol's header

BUGS = {}  # name -> class


def bug(thing):
    """Puts a class into BUGS, or the one that carries what the function THING makes of a packet."""
    name = re.sub(r"(?<=.)([A-Z])", r"-\1", thing.__name__).replace("_", "-").lower()
    BUGS[name] = thing if isinstance(thing, type) else router_that(thing)
    return thing


def router_that(change):
    """A router that carries CHANGE(packet), a function that returns None where it drops it."""

    class Changing(plain.Router):
        __doc__ = change.__doc__

        def hand_out(self, leg, out, target, packet):
            changed = change(bytearray(packet))
            if changed is not None:
                super().hand_out(leg, out, target, changed)

    return Changing


def later(act, *arguments, delay=DELAY):
    """Calls ACT after DELAY seconds, and goes on."""
    timer = threading.Timer(delay, act, arguments)
    timer.daemon = True
    timer.start()


def head_size(packet):
    return (packet[0] & 0x0F) * 4


def is_fragment(packet):
    return int.from_bytes(packet[6:8], "big") & 0x3FFF != 0


def is_whole(packet, *protocols):
    """True of one of PROTOCOLS that has its header and all that its checksum is about."""
    return packet[9] in protocols and not is_fragment(packet)


def is_echo(packet):
    return is_whole(packet, plain.IPPROTO_ICMP) and packet[head_size(packet)] in (0, 8)


def with_head_sum(packet):
    """PACKET with its header's checksum made right."""
    size = head_size(packet)
    packet[10:12] = bytes(2)
    packet[10:12] = plain.checksum(packet[:size]).to_bytes(2, "big")
    return packet


def with_sums(packet):
    """PACKET with every checksum made right that is in it."""
    packet = with_head_sum(packet)
    protocol = packet[9]
    if is_whole(packet, *CHECKSUM_AT):
        data = packet[head_size(packet) :]
        at = CHECKSUM_AT[protocol]
        data[at : at + 2] = bytes(2)
        pseudo = packet[12:20] + struct.pack("!BBH", 0, protocol, len(data))
        total = plain.checksum(data if protocol == plain.IPPROTO_ICMP else pseudo + data)
        data[at : at + 2] = total.to_bytes(2, "big")
        packet[head_size(packet) :] = data
    return packet


def put(packet, at, value):
    """PACKET with VALUE at the byte AT of what its IPv4 header is followed by."""
    at += head_size(packet)
    packet[at : at + len(value)] = value
    return packet


def with_icmp_sum(message):
    message = message[:2] + bytes(2) + message[4:]
    return message[:2] + plain.checksum(message).to_bytes(2, "big") + message[4:]
