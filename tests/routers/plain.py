#!/usr/bin/python3
"""A router in plain Python on raw frames: ARP, echo, TTL, checksums, ICMP errors.

It routes between the legs net1, net2, ..., whose addresses it asks the kernel for. It needs
CAP_NET_RAW alone, prints "ready" when it listens, and ends on SIGTERM or after TIME_LIMIT.
other_macs.py is this router under Ethernet addresses of its own making, dual_stack.py one that does
IPv6 too, faulty.py this one with a bug.
"""

import fcntl
import ipaddress
import re
import select
import signal
import socket
import struct
import time

TIME_LIMIT = 300  # seconds: a router that a test forgot ends by itself

ETH_P_ALL, ETH_P_IP, ETH_P_ARP = 0x0003, 0x0800, 0x0806
BROADCAST_MAC = b"\xff" * 6
ETHERNET_SIZE = 14
SIOCGIFADDR, SIOCGIFNETMASK, SIOCGIFMTU, SIOCGIFHWADDR = 0x8915, 0x891B, 0x8921, 0x8927

ARP_REQUEST, ARP_REPLY = 1, 2
IPPROTO_ICMP = socket.IPPROTO_ICMP
ICMP_ECHO_REPLY, ICMP_UNREACHABLE, ICMP_ECHO, ICMP_TIME_EXCEEDED = 0, 3, 8, 11
NET_UNREACHABLE, FRAGMENTATION_NEEDED = 0, 4  # codes of ICMP_UNREACHABLE

WAITING_MAX = 256  # frames kept for one neighbour whose Ethernet address is not known yet
ARP_INTERVAL = 0.5  # seconds between two requests for one neighbour
BATCH = 64  # frames read from one leg before the others have their turn


def checksum(data):
    """The Internet checksum (RFC 1071) of DATA; 0 where DATA holds its right checksum."""
    if len(data) % 2:
        data = bytes(data) + b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ipv4_packet(source, target, payload):
    """An ICMP message PAYLOAD in an IPv4 packet of the router's own."""
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, IPPROTO_ICMP, 0, source, target
    )
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def icmp_message(kind, code, rest, data):
    """An ICMP message with its checksum; REST is the second word of its header."""
    body = struct.pack("!BBHI", kind, code, 0, rest) + data
    return body[:2] + struct.pack("!H", checksum(body)) + body[4:]


def arp_message(operation, mac, address, target_mac, target):
    """An ARP message for IPv4 on Ethernet (RFC 826)."""
    head = struct.pack("!HHBBH", 1, ETH_P_IP, 6, 4, operation)
    return head + mac + address + target_mac + target


class Leg:
    """One interface of the router: its addresses, its packet socket and its neighbours."""

    def __init__(self, name, mac=None):
        self.name = name
        self.mac = mac or self.ask(SIOCGIFHWADDR)[2:8]
        self.find_addresses()
        (self.mtu,) = struct.unpack("=i", self.ask(SIOCGIFMTU)[:4])
        self.neighbours = {}  # address -> Ethernet address
        self.waiting = {}  # address -> packets that wait for the Ethernet address
        self.asked = {}  # address -> time of the last ARP request
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.setblocking(False)
        self.socket.bind((name, ETH_P_ALL))

    def find_addresses(self):
        self.address = self.ask(SIOCGIFADDR)[4:8]
        mask = self.ask(SIOCGIFNETMASK)[4:8]
        self.network = ipaddress.IPv4Interface(
            f"{socket.inet_ntoa(self.address)}/{socket.inet_ntoa(mask)}"
        ).network

    def ask(self, request):
        """What an interface ioctl (netdevice(7)) tells of this leg: the union of struct ifreq."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            return fcntl.ioctl(asker, request, struct.pack("16s24x", self.name.encode()))[16:]

    def send_frame(self, target_mac, kind, payload):
        try:
            self.socket.send(target_mac + self.mac + struct.pack("!H", kind) + payload)
        except BlockingIOError:
            pass  # the wire is full: a router drops

    def send_packet(self, next_hop, packet):
        """Sends PACKET to the neighbour NEXT_HOP, whose Ethernet address is asked for first."""
        mac = self.neighbours.get(next_hop)
        if mac:
            self.send_frame(mac, self.kind_of(next_hop), packet)
            return
        queue = self.waiting.setdefault(next_hop, [])
        if len(queue) < WAITING_MAX:
            queue.append(bytes(packet))
        now = time.monotonic()
        if now - self.asked.get(next_hop, -ARP_INTERVAL) >= ARP_INTERVAL:
            self.asked[next_hop] = now
            self.send_question(next_hop)

    def kind_of(self, _address):
        """The Ethernet type of packets to a neighbour with this address."""
        return ETH_P_IP

    def send_question(self, neighbour):
        message = arp_message(ARP_REQUEST, self.mac, self.address, bytes(6), neighbour)
        self.send_frame(BROADCAST_MAC, ETH_P_ARP, message)

    def learn(self, neighbour, mac):
        """Notes a neighbour's Ethernet address, and sends what waited for it."""
        self.neighbours[neighbour] = mac
        for packet in self.waiting.pop(neighbour, ()):
            self.send_frame(mac, self.kind_of(neighbour), packet)

    def answers_for(self, address):
        return address == self.address

    def answer_arp(self, mac, source, address):
        """Tells the neighbour SOURCE at MAC that ADDRESS is here."""
        self.send_frame(mac, ETH_P_ARP, arp_message(ARP_REPLY, self.mac, address, mac, source))

    def receive_arp(self, message):
        """Learns who speaks, frees what waited for them, and answers for the leg's own address."""
        if len(message) < 28 or message[:6] != b"\x00\x01\x08\x00\x06\x04":
            return
        operation, mac, source = struct.unpack_from("!H6s4s", message, 6)
        self.learn(source, mac)
        if operation == ARP_REQUEST and self.answers_for(message[24:28]):
            self.answer_arp(mac, source, message[24:28])


class Router:
    def __init__(self, legs):
        self.legs = legs
        self.own = {leg.address: leg for leg in legs}
        self.routes = {}  # target -> leg or None, as looked up before

    def route(self, target):
        """The leg whose network holds TARGET, or None."""
        if target not in self.routes:
            address = ipaddress.IPv4Address(bytes(target))
            self.routes[target] = next((g for g in self.legs if address in g.network), None)
        return self.routes[target]

    def receive_packet(self, leg, packet):
        """An IPv4 packet, a view with its Ethernet padding, came in on LEG."""
        if len(packet) < 20 or packet[0] >> 4 != 4:
            return
        head = (packet[0] & 0x0F) * 4
        size = int.from_bytes(packet[2:4], "big")
        if head < 20 or size < head or size > len(packet) or checksum(packet[:head]):
            return
        packet = packet[:size]
        target = bytes(packet[16:20])
        if target in self.own:
            self.receive_echo(leg, packet, head)
        else:
            self.forward(leg, packet, target)

    def receive_echo(self, leg, packet, head):
        message = packet[head:]
        if packet[9] != IPPROTO_ICMP or len(message) < 8 or checksum(message):
            return
        if message[0] == ICMP_ECHO:
            (rest,) = struct.unpack_from("!I", message, 4)
            answer = icmp_message(ICMP_ECHO_REPLY, 0, rest, bytes(message[8:]))
            self.send_icmp(leg, bytes(packet[16:20]), bytes(packet[12:16]), answer)

    def send_icmp(self, leg, source, target, message):
        """A MESSAGE of the router's own, from its address SOURCE to a neighbour on LEG."""
        leg.send_packet(target, ipv4_packet(source, target, message))

    def forward(self, leg, packet, target):
        if self.is_last_hop(packet):
            self.complain(leg, packet, ICMP_TIME_EXCEEDED, 0)
            return
        out = self.route(target)
        if out is None:
            self.complain(leg, packet, ICMP_UNREACHABLE, NET_UNREACHABLE)
            return
        if len(packet) > out.mtu:  # this router does not fragment, and says so
            self.complain(leg, packet, ICMP_UNREACHABLE, FRAGMENTATION_NEEDED, out.mtu)
            return
        self.lower_ttl(packet)
        self.hand_out(leg, out, target, packet)

    def is_last_hop(self, packet):
        return packet[8] <= 1

    def lower_ttl(self, packet):
        packet[8] -= 1
        # RFC 1624: the TTL's word fell by 0x0100, so the complement of the sum rises by as much.
        total = int.from_bytes(packet[10:12], "big") + 0x0100
        packet[10:12] = ((total & 0xFFFF) + (total >> 16)).to_bytes(2, "big")

    def hand_out(self, _leg, out, target, packet):
        """Sends PACKET, which came in on _LEG, as it is to go out: on OUT, to TARGET."""
        out.send_packet(target, packet)

    def complain(self, leg, packet, kind, code, rest=0):
        """An ICMP error to PACKET's sender, but none about an ICMP error (RFC 1122, 3.2.2)."""
        head = (packet[0] & 0x0F) * 4
        if packet[9] == IPPROTO_ICMP and packet[head : head + 1] not in (b"\x00", b"\x08"):
            return
        message = icmp_message(kind, code, rest, bytes(packet[: head + 8]))
        self.send_icmp(leg, leg.address, bytes(packet[12:16]), message)

    def receive_frame(self, leg, frame):
        """A frame, a writable view, came in on LEG."""
        if len(frame) < ETHERNET_SIZE or not self.is_meant(leg, frame):
            return
        kind = int.from_bytes(frame[12:14], "big")
        if kind == ETH_P_IP:
            self.receive_packet(leg, frame[ETHERNET_SIZE:])
        elif kind == ETH_P_ARP:
            leg.receive_arp(bytes(frame[ETHERNET_SIZE:]))

    def is_meant(self, leg, frame):
        """True where FRAME is to the router, or to everybody."""
        return frame[:6] in (leg.mac, BROADCAST_MAC)

    def is_input(self, packet_type):
        """False where a frame is one that this computer sends, which packet sockets see too."""
        return packet_type != socket.PACKET_OUTGOING

    def read(self, leg, buffer):
        """Handles up to a BATCH of the frames that wait on LEG."""
        view = memoryview(buffer)
        for _ in range(BATCH):
            try:
                size, sender = leg.socket.recvfrom_into(buffer)
            except BlockingIOError:
                return
            if self.is_input(sender[2]):
                self.receive_frame(leg, view[:size])

    def run(self):
        poll = select.epoll()
        legs = {leg.socket.fileno(): leg for leg in self.legs}
        for number in legs:
            poll.register(number, select.EPOLLIN)
        buffer = bytearray(65536)
        print("ready", flush=True)
        while True:
            for number, _ in self.wait(poll):
                self.read(legs[number], buffer)

    def wait(self, poll):
        """The legs, by their numbers, on which something came."""
        return poll.poll()


def leg_names():
    return sorted(name for _, name in socket.if_nameindex() if re.fullmatch(r"net\d+", name))


def main(macs=None, router=Router, leg=Leg):
    """Routes between all legs; MACS gives a leg's name an Ethernet address other than its own."""
    signal.alarm(TIME_LIMIT)
    macs = macs or {}
    router([leg(name, macs.get(name)) for name in leg_names()]).run()


if __name__ == "__main__":
    main()
