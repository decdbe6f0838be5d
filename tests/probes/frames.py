"""Frames: how the probes build them and read them. Only the standard library, since the probes
also run inside clients."""

import re
import socket
import struct

ETH_P_ALL, ETH_P_IP, ETH_P_ARP, ETH_P_IPV6 = 0x0003, 0x0800, 0x0806, 0x86DD
ICMP, IGMP, TCP, UDP, ICMPV6 = 1, 2, 6, 17, 58
PROTOCOLS = {ICMP: "icmp", IGMP: "igmp", TCP: "tcp", UDP: "udp", ICMPV6: "icmp6"}
LABEL = re.compile(rb"probe:[a-z0-9-]+")


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def checksum(data):
    """The Internet checksum (RFC 1071); 0 over data that holds its right checksum."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def with_checksum(data, offset, pseudo=b""):
    """DATA with the checksum of PSEUDO and DATA in the two bytes at OFFSET."""
    return data[:offset] + struct.pack("!H", checksum(pseudo + data)) + data[offset + 2 :]


def ethernet(target, source, kind, payload):
    return (target + source + struct.pack("!H", kind) + payload).ljust(60, b"\0")


def arp(operation, mac_source, source, mac_target, target):
    return struct.pack("!HHBBH6s4s6s4s", 1, ETH_P_IP, 6, 4, operation, mac_source,
                       socket.inet_aton(source), mac_target, socket.inet_aton(target))


def ipv4(source, target, protocol, payload, ttl=64):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0x1234, 0, ttl, protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(target))
    return with_checksum(head, 10) + payload


def ipv6(source, target, protocol, payload, hops=255, extension=b""):
    """EXTENSION is a hop-by-hop header, whose first byte is PROTOCOL."""
    first = 0 if extension else protocol
    return (struct.pack("!IHBB", 6 << 28, len(extension) + len(payload), first, hops)
            + socket.inet_pton(socket.AF_INET6, source)
            + socket.inet_pton(socket.AF_INET6, target) + extension + payload)


def pseudo4(source, target, protocol, size):
    return (socket.inet_aton(source) + socket.inet_aton(target)
            + struct.pack("!BBH", 0, protocol, size))


def icmp_echo(label):
    return with_checksum(struct.pack("!BBHHH", 8, 0, 0, 1, 1) + label, 2)


def udp(source, target, port, label, port_source=4000):
    size = 8 + len(label)
    data = struct.pack("!HHHH", port_source, port, size, 0) + label
    return with_checksum(data, 6, pseudo4(source, target, UDP, size))


def tcp_syn(source, target, port, label):
    data = struct.pack("!HHIIBBHHH", 4000, port, 1, 0, 5 << 4, 0x02, 8192, 0, 0) + label
    return with_checksum(data, 16, pseudo4(source, target, TCP, len(data)))


def icmpv6(source, target, kind, body):
    data = struct.pack("!BBH", kind, 0, 0) + body
    pseudo = (socket.inet_pton(socket.AF_INET6, source)
              + socket.inet_pton(socket.AF_INET6, target) + struct.pack("!II", len(data), ICMPV6))
    return with_checksum(data, 2, pseudo)


def mac_of_group(address):
    """The Ethernet address of an IPv6 multicast group (RFC 2464, 7)."""
    return b"\x33\x33" + socket.inet_pton(socket.AF_INET6, address)[-4:]


# ---- reading -----------------------------------------------------------------------------------


def describe_arp(body):
    if len(body) < 28:
        return "arp short"
    operation, source, target = struct.unpack_from("!H6x4s6x4s", body, 6)
    name = {1: "request", 2: "reply"}.get(operation, operation)
    return f"arp-{name} {socket.inet_ntoa(source)} > {socket.inet_ntoa(target)}"


def judge_checksums(packet, head, protocol):
    """What the receiver of an IPv4 packet would say of its checksums: ok, bad, none."""
    if checksum(packet[:head]):
        return "bad"
    data = packet[head:]
    if protocol == UDP and data[6:8] == b"\0\0":
        return "none"
    if protocol in (TCP, UDP):
        data = packet[12:20] + struct.pack("!BBH", 0, protocol, len(data)) + data
    return "bad" if protocol in (TCP, UDP, ICMP) and checksum(data) else "ok"


def describe_ipv4(body):
    if len(body) < 20:
        return "ip short"
    head = (body[0] & 0x0F) * 4
    packet = body[: int.from_bytes(body[2:4], "big")]
    protocol = body[9]
    name = PROTOCOLS.get(protocol, f"ip-{protocol}")
    source, target = socket.inet_ntoa(body[12:16]), socket.inet_ntoa(body[16:20])
    kind = f"-{packet[head]}" if protocol == ICMP and len(packet) > head else ""
    fragment = int.from_bytes(body[6:8], "big") & 0x3FFF
    verdict = "fragment" if fragment else judge_checksums(packet, head, protocol)
    return f"{name}{kind} {source} > {target} ttl={body[8]} size={len(packet)} sum={verdict}"


def describe_ipv6(body):
    if len(body) < 40:
        return "ip6 short"
    source = socket.inet_ntop(socket.AF_INET6, body[8:24])
    target = socket.inet_ntop(socket.AF_INET6, body[24:40])
    rest = body[40:]
    protocol = body[6]
    if protocol == 0 and len(rest) >= 8:  # a hop-by-hop header
        protocol, rest = rest[0], rest[8 * (rest[1] + 1) :]
    kind = f"-{rest[0]}" if protocol == ICMPV6 and rest else ""
    # A neighbour solicitation and its answer hold the address that they are about.
    about = ""
    if kind in ("-135", "-136") and len(rest) >= 24:
        about = " about " + socket.inet_ntop(socket.AF_INET6, rest[8:24])
    return (f"{PROTOCOLS.get(protocol, f'ip6-{protocol}')}{kind} {source} > {target}"
            f" hops={body[7]}{about}")


def describe(frame):
    """One line about FRAME: Ethernet addresses, protocol, addresses, checksums, probe's label."""
    kind = int.from_bytes(frame[12:14], "big")
    readers = {ETH_P_ARP: describe_arp, ETH_P_IP: describe_ipv4, ETH_P_IPV6: describe_ipv6}
    what = readers[kind](frame[14:]) if kind in readers else f"type-{kind:04x}"
    label = LABEL.search(frame)
    return (f"{frame[6:12].hex(':')} > {frame[:6].hex(':')} {what} bytes={len(frame)}"
            + (f" {label[0].decode()}" if label else ""))
