"""Bugs of faulty.py: what a router changes in what it carries, and Ethernet addresses."""

import struct

import plain
from bugs import bug, head_size, with_head_sum


@bug
class TtlKept(plain.Router):
    """It leaves the TTL as it is."""

    def lower_ttl(self, packet):
        pass


@bug
class TtlKeptInQueue(plain.Router):
    """It leaves the TTL of what waits for ARP as it is."""

    def hand_out(self, leg, out, target, packet):
        if target not in out.neighbours:
            packet = bytearray(packet)
            packet[8] += 1
            with_head_sum(packet)
        super().hand_out(leg, out, target, packet)


@bug
class TtlTwice(plain.Router):
    """It takes two from the TTL."""

    def lower_ttl(self, packet):
        super().lower_ttl(packet)
        super().lower_ttl(packet)


@bug
class TtlReset(plain.Router):
    """It sends everything with a TTL of 64."""

    def lower_ttl(self, packet):
        packet[8] = 64
        with_head_sum(packet)


@bug
class TtlZeroCarried(plain.Router):
    """It carries a packet whose TTL is 1, with a TTL of 0."""

    def is_last_hop(self, packet):
        return packet[8] == 0


@bug
class ChecksumKept(plain.Router):
    """It leaves the header's checksum as it was before it lowered the TTL."""

    def lower_ttl(self, packet):
        packet[8] -= 1


@bug
class ChecksumZero(plain.Router):
    """It leaves the header's checksum 0."""

    def lower_ttl(self, packet):
        packet[8] -= 1
        packet[10:12] = bytes(2)


@bug
class ChecksumSwapped(plain.Router):
    """It writes the header's checksum in little-endian order."""

    def lower_ttl(self, packet):
        super().lower_ttl(packet)
        packet[10], packet[11] = packet[11], packet[10]


@bug
class ChecksumOfAll(plain.Router):
    """It takes the header's checksum over the whole packet."""

    def lower_ttl(self, packet):
        packet[8] -= 1
        packet[10:12] = bytes(2)
        packet[10:12] = plain.checksum(packet).to_bytes(2, "big")


@bug
class ChecksumCarryLost(plain.Router):
    """It loses the carry of the header's checksum: one packet in 256 has a wrong one."""

    def lower_ttl(self, packet):
        packet[8] -= 1
        total = int.from_bytes(packet[10:12], "big") + 0x0100
        packet[10:12] = (total & 0xFFFF).to_bytes(2, "big")


@bug
class ChecksumUnasked(plain.Router):
    """It carries packets whose header's checksum was wrong, with a right one."""

    def receive_packet(self, leg, packet):
        if len(packet) >= 20 and 20 <= head_size(packet) <= len(packet):
            with_head_sum(packet)
        super().receive_packet(leg, packet)


@bug
def identification_lost(packet):
    """It clears the identification when the header's checksum is made already."""
    packet[4:6] = bytes(2)
    return packet


@bug
def identification_unsummed(packet):
    """It clears the identification, and leaves the header's checksum as the packet came with it."""
    total = int.from_bytes(packet[10:12], "big") - 0x0100
    packet[10:12] = ((total & 0xFFFF) - (total < 0)).to_bytes(2, "big")
    packet[4:6] = bytes(2)
    return packet


@bug
def header_length(packet):
    """It sends a header that says it is 4 bytes longer than it is, with a checksum that fits."""
    packet[0] += 1
    return with_head_sum(packet)


@bug
def total_length(packet):
    """It takes the Ethernet header's 14 bytes for a part of the total length."""
    packet[2:4] = (len(packet) + plain.ETHERNET_SIZE).to_bytes(2, "big")
    return with_head_sum(packet)


# ---- Ethernet addresses -------------------------------------------------------------------------


class CarryingLeg(plain.Leg):
    """A leg that knows what Ethernet header a packet came with: addresses() makes the new one."""

    came = {}  # IPv4 source -> the last Ethernet addresses that it came with

    def send_frame(self, target_mac, kind, payload):
        came = self.came.get(bytes(payload[12:16])) if kind == plain.ETH_P_IP else None
        if not came:
            super().send_frame(target_mac, kind, payload)
            return
        target, source = self.addresses(target_mac, came)
        self.socket.send(target + source + struct.pack("!H", kind) + payload)


class CarryingRouter(plain.Router):
    def receive_frame(self, leg, frame):
        if frame[12:14] == b"\x08\x00" and self.is_meant(leg, frame):
            CarryingLeg.came[bytes(frame[26:30])] = bytes(frame[:12])
        super().receive_frame(leg, frame)


@bug
class SourceMacKept(CarryingRouter):
    """What it carries keeps the Ethernet address of its sender as the source."""

    class leg(CarryingLeg):
        def addresses(self, target_mac, came):
            return target_mac, came[6:]


@bug
class EthernetKept(CarryingRouter):
    """What it carries keeps both Ethernet addresses that it came with."""

    class leg(CarryingLeg):
        def addresses(self, target_mac, came):
            return came[:6], came[6:]


@bug
class TargetMacOfSender(CarryingRouter):
    """What it carries goes to the Ethernet address of its sender."""

    class leg(CarryingLeg):
        def addresses(self, target_mac, came):
            return came[6:], self.mac


@bug
class TargetBroadcast(plain.Leg):
    """Every packet goes to the Ethernet address of everybody."""

    def send_frame(self, target_mac, kind, payload):
        target_mac = plain.BROADCAST_MAC if kind == plain.ETH_P_IP else target_mac
        super().send_frame(target_mac, kind, payload)


@bug
class TypeSwapped(plain.Leg):
    """Its packets' Ethernet type is in little-endian order, 0x0008."""

    def send_frame(self, target_mac, kind, payload):
        super().send_frame(target_mac, 0x0008 if kind == plain.ETH_P_IP else kind, payload)


@bug
class NoEthernetHeader(plain.Leg):
    """It puts packets onto the wire without an Ethernet header."""

    def send_frame(self, target_mac, kind, payload):
        if kind == plain.ETH_P_IP:
            self.socket.send(payload)
        else:
            super().send_frame(target_mac, kind, payload)


@bug
def header_twice(packet):
    """It puts its Ethernet header before the one that a packet came with; the MTU cuts the end."""
    return (bytes(12) + b"\x08\x00" + packet)[:1500]


@bug
class TakesOthers(plain.Router):
    """It takes frames between others: what a client sends to another of its net comes twice."""

    def is_meant(self, leg, frame):
        return True
