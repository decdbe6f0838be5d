#!/usr/bin/python3
"""plain.py's router for both families: to IPv4 it adds IPv6 (RFC 8200), with neighbour discovery
(RFC 4861), echo and errors (RFC 4443). A leg may have addresses of either family or of both."""

import ipaddress
import signal
import socket
import struct

import plain

ETH_P_IPV6 = 0x86DD
HEAD_SIZE = 40
ICMPV6 = 58
UNREACHABLE, TOO_BIG, TIME_EXCEEDED, ECHO_REQUEST, ECHO_REPLY = 1, 2, 3, 128, 129
SOLICITATION, ADVERTISEMENT = 135, 136
SOURCE_OPTION, TARGET_OPTION = 1, 2  # of neighbour discovery: an Ethernet address
ROUTER_SOLICITED_OVERRIDE = 0xE0000000  # flags of an advertisement
ERROR_SIZE = 1280  # bytes that an error packet may have (RFC 4443, 2.4)
MULTICAST = 0xFF  # the first byte of a group's address


def icmpv6_packet(source, target, kind, code, rest, data, hops=64):
    """An ICMPv6 message in a packet; REST is the second word of its header."""
    body = struct.pack("!BBHI", kind, code, 0, rest) + data
    pseudo = source + target + struct.pack("!II", len(body), ICMPV6)
    body = body[:2] + struct.pack("!H", plain.checksum(pseudo + body)) + body[4:]
    return struct.pack("!IHBB", 6 << 28, len(body), ICMPV6, hops) + source + target + body


def is_right(packet):
    """True where the checksum of the ICMPv6 message in PACKET is."""
    body = packet[HEAD_SIZE:]
    pseudo = bytes(packet[8:HEAD_SIZE]) + struct.pack("!II", len(body), ICMPV6)
    return len(body) >= 8 and plain.checksum(pseudo + bytes(body)) == 0


def group_of(address):
    """The group that solicitations of ADDRESS go to (RFC 4291, 2.7.1)."""
    return socket.inet_pton(socket.AF_INET6, "ff02::1:ff00:0")[:13] + address[13:]


def ethernet_option(message, wanted):
    """The Ethernet address in the option WANTED of a neighbour discovery message, or None."""
    options = bytes(message[24:])
    while len(options) >= 8 and options[1]:
        if options[0] == wanted:
            return options[2:8]
        options = options[8 * options[1] :]
    return None


class Leg(plain.Leg):
    def find_addresses(self):
        try:
            super().find_addresses()
        except OSError:  # it has no IPv4 address
            self.address, self.network = None, ()
        self.address6, self.network6 = None, ()
        with open("/proc/net/if_inet6", encoding="ascii") as addresses:
            for line in addresses:
                address, _, length, scope, _, name = line.split()
                if name == self.name and scope == "00":  # global
                    self.address6 = bytes.fromhex(address)
                    self.network6 = ipaddress.IPv6Interface(
                        (self.address6, int(length, 16))
                    ).network

    def kind_of(self, address):
        return ETH_P_IPV6 if len(address) == 16 else super().kind_of(address)

    def send_question(self, neighbour):
        if len(neighbour) != 16:
            super().send_question(neighbour)
            return
        group = group_of(neighbour)
        option = struct.pack("!BB", SOURCE_OPTION, 1) + self.mac
        self.send_frame(b"\x33\x33" + group[-4:], ETH_P_IPV6, icmpv6_packet(
            self.address6, group, SOLICITATION, 0, 0, neighbour + option, hops=255))

    def receive_discovery(self, packet):
        """A solicitation or an advertisement; one with another hop limit came from elsewhere."""
        message = packet[HEAD_SIZE:]
        if packet[7] != 255 or len(message) < 24:
            return
        source, target = bytes(packet[8:24]), bytes(message[8:24])
        if message[0] == ADVERTISEMENT:
            mac = ethernet_option(message, TARGET_OPTION)
            if mac:
                self.learn(target, mac)
            return
        mac = ethernet_option(message, SOURCE_OPTION)
        if mac and target == self.address6:
            self.learn(source, mac)
            option = struct.pack("!BB", TARGET_OPTION, 1) + self.mac
            self.send_frame(mac, ETH_P_IPV6, icmpv6_packet(
                self.address6, source, ADVERTISEMENT, 0, ROUTER_SOLICITED_OVERRIDE,
                self.address6 + option, hops=255))


class Router(plain.Router):
    def __init__(self, legs):
        super().__init__(legs)
        self.own6 = {leg.address6 for leg in legs}

    def receive_frame(self, leg, frame):
        kind = int.from_bytes(frame[12:14], "big")
        if kind != ETH_P_IPV6:
            super().receive_frame(leg, frame)
        elif leg.address6 and (bytes(frame[:6]) == leg.mac or bytes(frame[:2]) == b"\x33\x33"):
            self.receive_ipv6(leg, frame[plain.ETHERNET_SIZE :])

    def receive_ipv6(self, leg, packet):
        if len(packet) < HEAD_SIZE or packet[0] >> 4 != 6:
            return
        size = HEAD_SIZE + int.from_bytes(packet[4:6], "big")
        if size > len(packet):
            return
        packet = packet[:size]
        target = bytes(packet[24:HEAD_SIZE])
        if target in self.own6 or target[0] == MULTICAST:
            self.receive_icmpv6(leg, packet)
        elif not ipaddress.IPv6Address(target).is_link_local:
            self.forward_ipv6(leg, packet, target)

    def receive_icmpv6(self, leg, packet):
        if packet[6] != ICMPV6 or not is_right(packet):
            return
        message = packet[HEAD_SIZE:]
        if message[0] in (SOLICITATION, ADVERTISEMENT):
            leg.receive_discovery(packet)
        elif message[0] == ECHO_REQUEST and packet[24] != MULTICAST:
            source, target = bytes(packet[8:24]), bytes(packet[24:HEAD_SIZE])
            (rest,) = struct.unpack_from("!I", message, 4)
            leg.send_packet(source, icmpv6_packet(
                target, source, ECHO_REPLY, 0, rest, bytes(message[8:])))

    def forward_ipv6(self, leg, packet, target):
        address = ipaddress.IPv6Address(target)
        out = next((one for one in self.legs if address in one.network6), None)
        if packet[7] <= 1:
            self.complain_ipv6(leg, packet, TIME_EXCEEDED)
        elif out is None:
            self.complain_ipv6(leg, packet, UNREACHABLE)
        elif len(packet) > out.mtu:
            self.complain_ipv6(leg, packet, TOO_BIG, out.mtu)
        else:
            packet[7] -= 1
            out.send_packet(target, packet)

    def complain_ipv6(self, leg, packet, kind, rest=0):
        """An error to PACKET's sender, but none about an error (RFC 4443, 2.4)."""
        if packet[6] == ICMPV6 and packet[HEAD_SIZE] < 128:
            return
        source = bytes(packet[8:24])
        quoted = bytes(packet[: ERROR_SIZE - HEAD_SIZE - 8])
        leg.send_packet(source, icmpv6_packet(leg.address6, source, kind, 0, rest, quoted))


if __name__ == "__main__":
    signal.alarm(plain.TIME_LIMIT)
    Router([Leg(name) for name in plain.leg_names()]).run()
