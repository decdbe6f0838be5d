"""Bugs of faulty.py: where to, how often and when a router sends, and what is left of it."""

import socket
import struct
import time

import plain
from bugs import MINIMUM, TCP, UDP, bug, head_size, is_echo, is_fragment, is_whole, later, put
from bugs import with_head_sum, with_sums

CUT = 1500 - plain.ETHERNET_SIZE  # what is left of the largest packet after recv(1500)


class Copying(plain.Router):
    """A router that sends copies, the same frame, out on wrong legs too."""

    def hand_out(self, leg, out, target, packet):
        super().hand_out(leg, out, target, packet)
        mac = out.neighbours.get(target)
        for wrong in self.wrong_legs(leg, out) if mac else ():
            wrong.send_frame(mac, plain.ETH_P_IP, packet)


@bug
class AllLegs(Copying):
    """It sends a packet out on every leg."""

    def wrong_legs(self, _leg, out):
        return [one for one in self.legs if one is not out]


@bug
class OtherLegs(Copying):
    """It sends a packet out on every leg but that it came in on, as a hub does."""

    def wrong_legs(self, leg, out):
        return [one for one in self.legs if one not in (leg, out)]


@bug
class BackToo(Copying):
    """It sends a packet out on the right leg, and on that it came in on."""

    def wrong_legs(self, leg, out):
        return [leg] if leg is not out else []


@bug
class OwnEcho(plain.Router):
    """It reads what it has sent itself, and carries it again until the TTL is used up."""

    class leg(plain.Leg):
        """It sends by a socket of its own: to the one that sends, packet(7) shows nothing of it."""

        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.sender.bind((self.name, 0))

        def send_frame(self, target_mac, kind, payload):
            self.sender.send(target_mac + self.mac + struct.pack("!H", kind) + payload)

    def is_input(self, packet_type):
        return True

    def is_meant(self, leg, frame):
        return frame[6:12] == leg.mac or super().is_meant(leg, frame)


@bug
class Twice(plain.Leg):
    """It sends every packet twice."""

    def send_frame(self, target_mac, kind, payload):
        for _ in range(2 if kind == plain.ETH_P_IP else 1):
            super().send_frame(target_mac, kind, payload)


@bug
class OneWay(plain.Router):
    """It carries only what goes to a leg behind that it came in on: from net1 to net2."""

    def hand_out(self, leg, out, target, packet):
        if leg.name < out.name:
            super().hand_out(leg, out, target, packet)


@bug
class OneInTenLost(plain.Router):
    """It drops every tenth packet."""

    count = 0

    def hand_out(self, leg, out, target, packet):
        self.count += 1
        if self.count % 10:
            super().hand_out(leg, out, target, packet)


@bug
class TtlKeptOneInTenLost(OneInTenLost):
    """It leaves the TTL as it is, and drops every tenth packet."""

    def lower_ttl(self, packet):
        pass


@bug
class Late(plain.Router):
    """It carries everything after two seconds."""

    def hand_out(self, leg, out, target, packet):
        later(super().hand_out, leg, out, target, bytes(packet))


@bug
class LateBothWays(plain.Router):
    """It carries everything after 0.6 seconds: each way is in time, and both together are not."""

    def hand_out(self, leg, out, target, packet):
        later(super().hand_out, leg, out, target, bytes(packet), delay=0.6)


@bug
class Slow(plain.Router):
    """Right, if slow: each packet takes it 10 ms."""

    def hand_out(self, leg, out, target, packet):
        time.sleep(0.01)
        super().hand_out(leg, out, target, packet)


@bug
class OnlySlash24(plain.Router):
    """It finds a leg by the first three bytes of an address, whatever the prefix."""

    def route(self, target):
        return next((leg for leg in self.legs if leg.address[:3] == target[:3]), None)


# ---- what is carried, and what is made of it ----------------------------------------------------


@bug
def udp_only(packet):
    """It carries UDP alone."""
    return packet if packet[9] == UDP else None


@bug
def icmp_only(packet):
    """It carries ICMP alone."""
    return packet if packet[9] == plain.IPPROTO_ICMP else None


@bug
def tcp_lost(packet):
    """It carries everything but TCP."""
    return packet if packet[9] != TCP else None


@bug
def options_lost(packet):
    """It drops packets with IPv4 options."""
    return packet if head_size(packet) == 20 else None


@bug
def options_unsummed(packet):
    """It takes the header's checksum over 20 bytes, though options follow."""
    packet[10:12] = bytes(2)
    packet[10:12] = plain.checksum(packet[:20]).to_bytes(2, "big")
    return packet


@bug
def df_lost(packet):
    """It drops packets that may not be fragmented (DF), which is nearly all that Linux sends."""
    return packet if not packet[6] & 0x40 else None


@bug
def df_cleared(packet):
    """It clears the bit DF."""
    packet[6] &= 0xBF
    return with_head_sum(packet)


@bug
def fragments_lost(packet):
    """It drops fragments."""
    return packet if not is_fragment(packet) else None


@bug
def header_rebuilt(packet):
    """It makes the IPv4 header anew: without type of service, identification, DF and fragments."""
    packet[1] = 0
    packet[4:8] = bytes(4)
    return with_head_sum(packet)


@bug
class SourceReplaced(plain.Router):
    """It puts its own address in the place of the source, with every checksum right."""

    def hand_out(self, leg, out, target, packet):
        packet = bytearray(packet)
        packet[12:16] = out.address
        super().hand_out(leg, out, target, with_sums(packet))


@bug
def icmp_id_zero(packet):
    """It carries echo messages with an identifier of 0, and the checksum right."""
    return with_sums(put(packet, 4, bytes(2))) if is_echo(packet) else packet


@bug
def icmp_sequence_zero(packet):
    """It carries echo messages with a sequence number of 0, and the checksum right."""
    return with_sums(put(packet, 6, bytes(2))) if is_echo(packet) else packet


@bug
def icmp_checksum_zero(packet):
    """It carries ICMP with a checksum of 0."""
    return put(packet, 2, bytes(2)) if is_whole(packet, plain.IPPROTO_ICMP) else packet


@bug
def port_swapped(packet):
    """It swaps the bytes of the target's port in UDP and TCP."""
    at = head_size(packet) + 2
    return put(packet, 2, packet[at : at + 2][::-1]) if is_whole(packet, UDP, TCP) else packet


@bug
def payload_cut(packet):
    """It reads 1500 bytes of a frame: of the largest packets the last 14 are missing."""
    return packet[:CUT]


@bug
def load_zeroed(packet):
    """It carries the header, and behind it zeros."""
    size = head_size(packet)
    return packet[:size] + bytes(len(packet) - size)


@bug
def large_lost(packet):
    """It drops the largest packets, whose frames have more than 1500 bytes."""
    return packet if len(packet) <= CUT else None


@bug
def payload_changed(packet):
    """It changes the last byte of what is longer than 100 bytes, and makes the checksums right."""
    if len(packet) > 100 and not is_fragment(packet):
        packet[-1] ^= 0xFF
        packet = with_sums(packet)
    return packet


@bug
class PaddingKept(plain.Leg):
    """Right: short packets go out padded to 60 bytes, as on a real Ethernet."""

    def send_frame(self, target_mac, kind, payload):
        super().send_frame(target_mac, kind, bytes(payload).ljust(MINIMUM, b"\0"))


@bug
def padding_counted(packet):
    """It takes a short packet's padding to 60 bytes for a part of the packet."""
    packet = packet.ljust(MINIMUM, b"\0")
    packet[2:4] = len(packet).to_bytes(2, "big")
    return with_head_sum(packet)


@bug
class MtuUnasked(plain.Leg):
    """It sends what is larger than the wire's MTU, and ends with the error that this is."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.mtu = 65535
