#!/usr/bin/python3
"""Sends, once each, the frames that a talkative kernel answers, acts on or passes on.

send.py INTERFACE --mac MAC --prefix 1.1.1. --own ADDRESS --other ADDRESS ...
MAC is the Ethernet address of the interface under test, OWN and OWN6 (which it may lack) are its
addresses; OTHER, SERVICE and OTHER6 are other addresses of the same host; ELSEWHERE lies beyond it,
and NEIGHBOUR next to it on another interface.

Every frame carries its label, probe:NAME, and a source address of its own, so that an answer of
whatever form can be told by one or the other. It prints a line for each: sent probe:NAME SOURCE."""

import argparse
import socket

import frames
from frames import ETH_P_ARP, ETH_P_IP, ETH_P_IPV6, ICMP, IGMP, TCP, UDP

BROADCAST = b"\xff" * 6
ALL_HOSTS_MAC = frames.mac("01:00:5e:00:00:01")
MADE_UP_MAC = frames.mac("02:00:00:00:99:99")
ALL_NODES, ALL_ROUTERS = "ff02::1", "ff02::2"
ROUTER_ALERT = bytes((frames.ICMPV6, 0, 5, 2, 0, 0, 1, 0))  # the hop-by-hop header of RFC 2710
IGMP_QUERY = b"\x11\x64" + bytes(6)
MLD_QUERY, ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT, SOLICITATION, ECHO6 = 130, 133, 134, 135, 128


def binary(address):
    return socket.inet_pton(socket.AF_INET6, address)


def solicited(address):
    """The group that a neighbour solicitation for ADDRESS goes to (RFC 4291, 2.7.1)."""
    group = binary("ff02::1:ff00:0")[:13] + binary(address)[13:]
    return socket.inet_ntop(socket.AF_INET6, group)


class Sender:
    def __init__(self, options):
        self.options = options
        self.count = 0
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.bind((options.interface, 0))

    def sources(self):
        """Source addresses that no frame had yet: Ethernet, IPv4 and IPv6."""
        self.count += 1
        host = 100 + self.count
        return bytes((2, 0, 0, 0, 1, host)), f"{self.options.prefix}{host}", f"fe80::{host}"

    def send(self, name, source, frame):
        """Sends FRAME, whose label follows the packet, as padding, where it holds none itself."""
        label = b"probe:" + name.encode()
        self.socket.send(frame if label in frame else frame + label)
        print("sent", label.decode(), source, flush=True)

    def arp(self, name, target, frame_target):
        mac, source, _ = self.sources()
        message = frames.arp(1, mac, source, bytes(6), target)
        self.send(name, source, frames.ethernet(frame_target, mac, ETH_P_ARP, message))

    def ip(self, name, target, protocol, build, frame_target=None, source=None, ttl=64):
        """BUILD makes the payload from source, target and label."""
        mac, own, _ = self.sources()
        source = source or own
        payload = build(source, target, b"probe:" + name.encode())
        packet = frames.ipv4(source, target, protocol, payload, ttl)
        frame = frames.ethernet(frame_target or self.options.mac, mac, ETH_P_IP, packet)
        self.send(name, source, frame)

    def echo(self, name, target, **more):
        self.ip(name, target, ICMP, lambda source, target, label: frames.icmp_echo(label), **more)

    def udp(self, name, target, port, **more):
        self.ip(name, target, UDP,
                lambda source, target, label: frames.udp(source, target, port, label), **more)

    def tcp(self, name, target, port):
        self.ip(name, target, TCP,
                lambda source, target, label: frames.tcp_syn(source, target, port, label))

    def ip6(self, name, target, kind, body, frame_target=None, hops=255, extension=b""):
        mac, _, source = self.sources()
        message = frames.icmpv6(source, target, kind, body)
        packet = frames.ipv6(source, target, frames.ICMPV6, message, hops, extension)
        frame_target = frame_target or frames.mac_of_group(target)
        self.send(name, source, frames.ethernet(frame_target, mac, ETH_P_IPV6, packet))


def send_arp(sender, o):
    sender.arp("arp-own", o.own, BROADCAST)
    sender.arp("arp-own-unicast", o.own, o.mac)
    sender.arp("arp-other", o.other, BROADCAST)
    sender.arp("arp-service-unicast", o.service, o.mac)


def send_icmp(sender, o):
    sender.echo("echo-own", o.own)
    sender.echo("echo-other", o.other)
    sender.echo("echo-service", o.service)
    sender.echo("echo-subnet-broadcast", o.prefix + "255", frame_target=BROADCAST)
    sender.echo("echo-broadcast", "255.255.255.255", frame_target=BROADCAST)
    sender.echo("echo-all-hosts", "224.0.0.1", frame_target=ALL_HOSTS_MAC)
    sender.echo("echo-as-neighbour", o.other, source=o.neighbour)
    sender.echo("forward", o.elsewhere)
    sender.echo("forward-last-hop", o.elsewhere, ttl=1)
    sender.ip("igmp-query", "224.0.0.1", IGMP,
              lambda source, target, label: frames.with_checksum(IGMP_QUERY, 2),
              frame_target=ALL_HOSTS_MAC, ttl=1)


def send_transport(sender, o):
    sender.tcp("syn-own-closed", o.own, 7)
    sender.tcp("syn-other-closed", o.other, 7)
    sender.tcp("syn-own-open", o.own, 7777)
    sender.tcp("syn-service-open", o.service, 7777)
    sender.udp("udp-own-closed", o.own, 7)
    sender.udp("udp-other-closed", o.other, 7)
    sender.udp("udp-own-open", o.own, 9999)
    sender.udp("udp-broadcast-open", "255.255.255.255", 9999, frame_target=BROADCAST)
    sender.udp("dhcp", "255.255.255.255", 67, frame_target=BROADCAST, source="0.0.0.0")


def send_ipv6(sender, o):
    ping = b"\0\1\0\1"
    sender.ip6("echo6-all-nodes", ALL_NODES, ECHO6, ping + b"probe:echo6-all-nodes")
    sender.ip6("echo6-other", o.other6, ECHO6, ping + b"probe:echo6-other", frame_target=o.mac)
    sender.ip6("solicit-other", solicited(o.other6), SOLICITATION, bytes(4) + binary(o.other6))
    sender.ip6("solicit-router", ALL_ROUTERS, ROUTER_SOLICITATION, bytes(4))
    sender.ip6("advertise-router", ALL_NODES, ROUTER_ADVERTISEMENT, b"\x40\0\x07\x08" + bytes(8))
    sender.ip6("mld-query", ALL_NODES, MLD_QUERY, bytes(20), hops=1, extension=ROUTER_ALERT)


def send_ipv6_own(sender, o):
    """What is meant for the interface's own IPv6 address, where it has one."""
    if not o.own6:
        return
    ping = b"\0\1\0\1"
    network = socket.inet_ntop(socket.AF_INET6, binary(o.own6)[:8] + bytes(8))
    sender.ip6("echo6-own", o.own6, ECHO6, ping + b"probe:echo6-own", frame_target=o.mac)
    sender.ip6("echo6-any-router", network, ECHO6, ping + b"probe:echo6-any-router",
               frame_target=o.mac)
    sender.ip6("solicit-own", solicited(o.own6), SOLICITATION, bytes(4) + binary(o.own6))
    sender.ip6("solicit-own-unicast", o.own6, SOLICITATION, bytes(4) + binary(o.own6),
               frame_target=o.mac)
    sender.ip6("echo6-all-routers", ALL_ROUTERS, ECHO6, ping + b"probe:echo6-all-routers")


def send_to_made_up(sender, o):
    """A frame to nobody's Ethernet address, which packet sockets see and no kernel answers."""
    sender.echo("made-up-mac", o.own, frame_target=MADE_UP_MAC)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("interface")
    parser.add_argument("--mac", type=frames.mac, required=True)
    for name in "prefix", "own", "other", "other6", "service", "elsewhere", "neighbour":
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--own6")
    options = parser.parse_args()
    sender = Sender(options)
    for part in send_arp, send_icmp, send_transport, send_ipv6, send_ipv6_own, send_to_made_up:
        part(sender, options)


if __name__ == "__main__":
    main()
