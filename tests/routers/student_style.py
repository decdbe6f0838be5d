#!/usr/bin/python3
# Routers as students wrote them for the course when it ran on Docker: everything in tables, one
# thread a socket, no ARP of one's own. Two habits of theirs, chosen by the first argument:
#   all        one socket a leg for everything, ntohs(3)
#   protocols  one socket for each leg and protocol: htons(0x0800), htons(0x0806)
import signal
import socket
import struct
import sys
import threading

import netifaces

INTERFACES = ["net1", "net2"]
MAC_TABLE = {
    "1.1.1.2": "02:42:01:01:01:02",
    "2.2.2.2": "02:42:02:02:02:02",
}
ROUTES = {"1.1.1": "net1", "2.2.2": "net2"}

my_ip = {}
my_mac = {}
send_socket = {}


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def ip_checksum(header):
    s = 0
    for i in range(0, len(header), 2):
        s += (header[i] << 8) + header[i + 1]
    while s >> 16:
        s = (s & 0xFFFF) + (s >> 16)
    return ~s & 0xFFFF


def handle_arp(iface, frame):
    arp = struct.unpack("!HHBBH6s4s6s4s", frame[14:42])
    if arp[4] != 1:
        return
    if socket.inet_ntoa(arp[8]) != my_ip[iface]:
        return
    me = mac_bytes(my_mac[iface])
    eth = struct.pack("!6s6sH", arp[5], me, 0x0806)
    reply = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 2, me, arp[8], arp[5], arp[6])
    send_socket[iface].send(eth + reply)


def handle_ip(iface, frame):
    if frame[0:6] != mac_bytes(my_mac[iface]):
        return
    length = struct.unpack("!H", frame[16:18])[0]
    ihl = (frame[14] & 15) * 4
    header = bytearray(frame[14:14 + ihl])
    data = frame[14 + ihl:14 + length]
    dst = socket.inet_ntoa(bytes(header[16:20]))
    if dst not in MAC_TABLE:
        return
    header[8] -= 1
    if header[8] == 0:
        return
    header[10:12] = b"\x00\x00"
    header[10:12] = struct.pack("!H", ip_checksum(header))
    out = ROUTES[dst[:dst.rfind(".")]]
    eth = struct.pack("!6s6sH", mac_bytes(MAC_TABLE[dst]), mac_bytes(my_mac[out]), 0x0800)
    send_socket[out].send(eth + bytes(header) + data)


def handle(iface, frame):
    eth_type = struct.unpack("!H", frame[12:14])[0]
    if eth_type == 0x0806:
        handle_arp(iface, frame)
    elif eth_type == 0x0800:
        handle_ip(iface, frame)


def listen(iface, s):
    while True:
        frame, address = s.recvfrom(65535)
        if address[2] == socket.PACKET_OUTGOING:
            continue
        handle(iface, frame)


def open_socket(iface, protocol):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, protocol)
    s.bind((iface, 0))
    return s


signal.alarm(300)  # added for the tests: it ends by itself
style = sys.argv[1]
sockets = []
for name in INTERFACES:
    addresses = netifaces.ifaddresses(name)
    my_ip[name] = addresses[netifaces.AF_INET][0]["addr"]
    my_mac[name] = addresses[netifaces.AF_LINK][0]["addr"]
    if style == "all":
        opened = [open_socket(name, socket.ntohs(3))]
    else:
        opened = [open_socket(name, socket.htons(0x0800)), open_socket(name, socket.htons(0x0806))]
    send_socket[name] = opened[0]
    sockets += [(name, s) for s in opened]
for name, s in sockets:
    threading.Thread(target=listen, args=(name, s), daemon=True).start()
print("ready", flush=True)
signal.pause()
