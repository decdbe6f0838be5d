#!/usr/bin/python3
"""A router built on scapy: slow, and right. It routes between the legs net1, net2, ..., prints
"ready" when it listens, and ends on SIGTERM or after TIME_LIMIT seconds."""

import ipaddress
import re
import signal
import socket

from scapy.all import ARP, ICMP, IP, Ether, Padding, Raw, conf, sniff
from scapy.all import get_if_addr, get_if_hwaddr

TIME_LIMIT = 300
PREFIX_LENGTH = 24  # of the course's networks
BROADCAST_MAC = "ff:ff:ff:ff:ff:ff"


class Leg:
    def __init__(self, name):
        self.mac = get_if_hwaddr(name)
        self.address = get_if_addr(name)
        self.network = ipaddress.ip_interface(f"{self.address}/{PREFIX_LENGTH}").network
        self.socket = conf.L2socket(iface=name)
        self.neighbours = {}  # address -> Ethernet address
        self.waiting = {}  # address -> packets that wait for the Ethernet address

    def send(self, next_hop, packet):
        """Sends PACKET to the neighbour NEXT_HOP, asking for its Ethernet address first."""
        if next_hop in self.neighbours:
            self.socket.send(Ether(src=self.mac, dst=self.neighbours[next_hop]) / packet)
            return
        self.waiting.setdefault(next_hop, []).append(packet)
        who_has = ARP(op="who-has", hwsrc=self.mac, psrc=self.address, pdst=next_hop)
        self.socket.send(Ether(src=self.mac, dst=BROADCAST_MAC) / who_has)

    def receive_arp(self, message):
        self.neighbours[message.psrc] = message.hwsrc
        for packet in self.waiting.pop(message.psrc, ()):
            self.send(message.psrc, packet)
        if message.op == 1 and message.pdst == self.address:
            is_at = ARP(op="is-at", hwsrc=self.mac, psrc=self.address,
                        hwdst=message.hwsrc, pdst=message.psrc)
            self.socket.send(Ether(src=self.mac, dst=message.hwsrc) / is_at)


class Router:
    def __init__(self, names):
        self.legs = {name: Leg(name) for name in names}

    def receive(self, frame):
        leg = self.legs[frame.sniffed_on]
        if Ether not in frame or frame[Ether].src == leg.mac:
            return
        if ARP in frame:
            leg.receive_arp(frame[ARP])
        elif frame[Ether].dst == leg.mac and isinstance(frame[Ether].payload, IP):
            self.receive_packet(leg, frame[Ether].payload)

    def receive_packet(self, leg, packet):
        if Padding in packet:
            packet[Padding].underlayer.remove_payload()
        if packet.dst in (one.address for one in self.legs.values()):
            self.receive_echo(leg, packet)
        elif packet.ttl <= 1:
            self.complain(leg, packet, "time-exceeded", "ttl-zero-during-transit")
        else:
            self.forward(leg, packet)

    def receive_echo(self, leg, packet):
        if isinstance(packet.payload, ICMP) and packet[ICMP].type == 8:
            echo = ICMP(type="echo-reply", id=packet[ICMP].id, seq=packet[ICMP].seq)
            leg.send(packet.src, IP(src=packet.dst, dst=packet.src) / echo / packet[ICMP].payload)

    def forward(self, leg, packet):
        target = ipaddress.ip_address(packet.dst)
        out = next((one for one in self.legs.values() if target in one.network), None)
        if out is None:
            self.complain(leg, packet, "dest-unreach", "network-unreachable")
            return
        packet.ttl -= 1
        del packet.chksum  # scapy computes it anew; those of TCP and UDP stay as they came
        out.send(packet.dst, packet)

    def complain(self, leg, packet, kind, code):
        """An ICMP error to PACKET's sender, but none about an ICMP error (RFC 1122, 3.2.2)."""
        if isinstance(packet.payload, ICMP) and packet[ICMP].type not in (0, 8):
            return
        quote = bytes(packet)[: packet.ihl * 4 + 8]
        message = ICMP(type=kind, code=code) / Raw(quote)
        leg.send(packet.src, IP(src=leg.address, dst=packet.src) / message)

    def run(self):
        print("ready", flush=True)
        sniff(opened_socket={leg.socket: name for name, leg in self.legs.items()},
              prn=self.receive, store=False)


if __name__ == "__main__":
    signal.alarm(TIME_LIMIT)
    Router(n for _, n in socket.if_nameindex() if re.fullmatch(r"net\d+", n)).run()
