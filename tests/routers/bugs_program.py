"""Bugs of faulty.py: what a router says itself, and how its program behaves."""

import os
import signal
import socket
import struct
import time

import plain
from bugs import DELAY, MINIMUM, bug, head_size, is_echo, with_icmp_sum


@bug
class EchoSilent(plain.Router):
    """It answers no ping to its own addresses."""

    def receive_echo(self, leg, packet, head):
        pass


@bug
class EchoNearLegOnly(plain.Router):
    """It answers a ping only to the address of the leg on which it came in."""

    def receive_echo(self, leg, packet, head):
        if packet[16:20] == leg.address:
            super().receive_echo(leg, packet, head)


@bug
class EchoEverybody(plain.Router):
    """It answers pings to everybody in their place, and carries none."""

    def forward(self, leg, packet, target):
        if is_echo(packet) and packet[head_size(packet)] == plain.ICMP_ECHO:
            self.receive_echo(leg, packet, head_size(packet))
        else:
            super().forward(leg, packet, target)


@bug
class EchoToo(plain.Router):
    """It answers pings to everybody in their place, and carries them as well."""

    def forward(self, leg, packet, target):
        if is_echo(packet) and packet[head_size(packet)] == plain.ICMP_ECHO:
            self.receive_echo(leg, packet, head_size(packet))
        super().forward(leg, packet, target)


class Speaking(plain.Router):
    """A router that says something else: said() makes the source and the message of KINDS."""

    kinds = (plain.ICMP_ECHO_REPLY,)

    def send_icmp(self, leg, source, target, message):
        if message[0] in self.kinds:
            source, message = self.said(source, message)
        super().send_icmp(leg, source, target, message)


@bug
class EchoIdZero(Speaking):
    """Its answer to a ping has an identifier of 0, and the checksum right."""

    def said(self, source, message):
        return source, with_icmp_sum(message[:4] + bytes(2) + message[6:])


@bug
class EchoSequenceZero(Speaking):
    """Its answer to a ping has a sequence number of 0, and the checksum right."""

    def said(self, source, message):
        return source, with_icmp_sum(message[:6] + bytes(2) + message[8:])


@bug
class EchoDataLost(Speaking):
    """Its answer to a ping has none of the data."""

    def said(self, source, message):
        return source, with_icmp_sum(message[:8])


@bug
class EchoTypeKept(Speaking):
    """Its answer to a ping is of the type of the question."""

    def said(self, source, message):
        return source, with_icmp_sum(bytes((plain.ICMP_ECHO,)) + message[1:])


@bug
class EchoChecksumKept(Speaking):
    """Its answer to a ping has the ICMP checksum of the question."""

    def said(self, source, message):
        question = with_icmp_sum(bytes((plain.ICMP_ECHO,)) + message[1:])
        return source, message[:2] + question[2:4] + message[4:]


@bug
class EchoOtherSource(Speaking):
    """Its answer to a ping comes from the address of another leg."""

    def said(self, source, message):
        return next(address for address in self.own if address != source), message


class Complaining(Speaking):
    kinds = (plain.ICMP_UNREACHABLE, plain.ICMP_TIME_EXCEEDED)


@bug
class ErrorShort(Complaining):
    """Its ICMP errors quote the header alone, without the 8 bytes behind it."""

    def said(self, source, message):
        return source, with_icmp_sum(message[:-8])


@bug
class ErrorUnquoted(Complaining):
    """Its ICMP errors quote nothing."""

    def said(self, source, message):
        return source, with_icmp_sum(message[:8])


@bug
class ErrorChecksumZero(Complaining):
    """Its ICMP errors have a checksum of 0."""

    def said(self, source, message):
        return source, message[:2] + bytes(2) + message[4:]


@bug
class ErrorCode(Complaining):
    """Its ICMP errors have the code 1."""

    def said(self, source, message):
        return source, with_icmp_sum(message[:1] + b"\1" + message[2:])


@bug
class ErrorOtherSource(Complaining):
    """Its ICMP errors come from the address of another leg."""

    def said(self, source, message):
        return next(address for address in self.own if address != source), message


class ComplainingElsewhere(Complaining):
    """A router whose ICMP errors go out on other legs too: legs_for() tells on which."""

    def send_icmp(self, leg, source, target, message):
        packet = plain.ipv4_packet(source, target, message)
        mac = leg.neighbours.get(target)
        if message[0] in self.kinds and mac:
            for one in self.legs_for(leg):
                one.send_frame(mac, plain.ETH_P_IP, packet)
        else:
            super().send_icmp(leg, source, target, message)

    def said(self, source, message):
        return source, message


@bug
class ErrorTwice(ComplainingElsewhere):
    """It says each ICMP error twice."""

    def legs_for(self, leg):
        return [leg, leg]


@bug
class ErrorOtherLeg(ComplainingElsewhere):
    """Its ICMP errors go out on a leg on which nobody asked."""

    def legs_for(self, leg):
        return [next(one for one in self.legs if one is not leg)]


@bug
class ErrorsUncarried(plain.Router):
    """It carries no ICMP errors of others'."""

    def forward(self, leg, packet, target):
        if packet[9] != plain.IPPROTO_ICMP or is_echo(packet):
            super().forward(leg, packet, target)


@bug
class TimeExceededSilent(plain.Router):
    """It drops a packet whose TTL is 1, and says nothing of it."""

    def complain(self, leg, packet, kind, code, rest=0):
        if kind != plain.ICMP_TIME_EXCEEDED:
            super().complain(leg, packet, kind, code, rest)


@bug
class UnreachableSilent(plain.Router):
    """It drops a packet that it has no leg for, and says nothing of it."""

    def complain(self, leg, packet, kind, code, rest=0):
        if (kind, code) != (plain.ICMP_UNREACHABLE, plain.NET_UNREACHABLE):
            super().complain(leg, packet, kind, code, rest)


# ---- the program itself -------------------------------------------------------------------------


@bug
class Empty(plain.Router):
    """It reads, and does nothing with it."""

    def receive_frame(self, leg, frame):
        pass


@bug
class NeverListens(plain.Leg):
    """It opens no socket, and waits."""

    def __init__(self, *_):
        while True:
            signal.pause()


@bug
class ListensLate(plain.Leg):
    """Right, if slow: it opens its sockets after two seconds."""

    def __init__(self, *arguments):
        if not self.waited:
            time.sleep(DELAY)
        ListensLate.waited = True
        super().__init__(*arguments)

    waited = False


@bug
class SocketEach(plain.Leg):
    """Right, if slow: it opens a socket for each frame that it sends, as scapy's sendp() does."""

    def send_frame(self, target_mac, kind, payload):
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(plain.ETH_P_ALL)) as sender:
            sender.bind((self.name, 0))
            sender.send(target_mac + self.mac + struct.pack("!H", kind) + payload)


@bug
class SendsFirst(plain.Leg):
    """Right: it opens its sockets for sending at once, and those for hearing a moment later."""

    senders = []

    def __init__(self, *arguments):
        if not self.senders:
            for name in plain.leg_names():
                sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(plain.ETH_P_ALL))
                sender.bind((name, 0))
                self.senders.append(sender)
            time.sleep(0.15)
        super().__init__(*arguments)


@bug
class OneLeg(plain.Leg):
    """It listens on net1 alone, and sends on all legs."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        if self.name != "net1":
            self.socket.close()
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.socket.bind((self.name, 0))


@bug
class CrashStart(plain.Leg):
    """It ends with an exception before it listens."""

    def find_addresses(self):
        raise KeyError(self.name)


@bug
class CrashForward(plain.Router):
    """It ends with an exception at the first packet that is to be carried."""

    def hand_out(self, leg, out, target, packet):
        raise NameError("name 'target_mac' is not defined")


@bug
class CrashMalformed(plain.Router):
    """It ends with an exception at a packet that is too short for its header or its length."""

    def receive_packet(self, leg, packet):
        fields = struct.unpack_from("!BBHHHBBH4s4s", packet)
        if fields[2]:
            packet[fields[2] - 1]
        super().receive_packet(leg, packet)


@bug
class CrashIpv6(plain.Router):
    """It ends with an exception at the first frame of IPv6, or of any type but ARP and IPv4."""

    def receive_frame(self, leg, frame):
        {plain.ETH_P_IP: "ip", plain.ETH_P_ARP: "arp"}[int.from_bytes(frame[12:14], "big")]
        super().receive_frame(leg, frame)


@bug
class Ends(plain.Router):
    """It says that it is ready, and ends with status 0."""

    def run(self):
        print("ready", flush=True)


@bug
class Hangs(plain.Router):
    """It carries a packet or two, and hangs."""

    def hand_out(self, leg, out, target, packet):
        super().hand_out(leg, out, target, packet)
        if target in out.neighbours:
            while True:
                signal.pause()


@bug
class Busy(plain.Router):
    """Right, if rude: it waits with all of a processor's time."""

    def wait(self, poll):
        return poll.poll(0)


@bug
class Floods(plain.Router):
    """It sends frames of an experimental type to everybody, without end, and carries all else."""

    def wait(self, poll):
        for leg in self.legs:
            leg.send_frame(plain.BROADCAST_MAC, 0x88B5, bytes(MINIMUM))
        return poll.poll(0)


@bug
class Prints(plain.Router):
    """It prints without end, gigabytes, and carries what it comes to between."""

    def wait(self, poll):
        os.write(1, (b"packet: " + b"00 " * 18 + b"\n") * 1000)
        return poll.poll(0)


@bug
class IgnoresSigterm(plain.Router):
    """Right, but for its end: it ignores SIGTERM."""

    def run(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        super().run()


@bug
class Forks(plain.Router):
    """Its command ends with status 0; a child, in a session of its own, is to go on."""

    def run(self):
        if os.fork():
            os._exit(0)
        os.setsid()
        signal.alarm(plain.TIME_LIMIT)  # it is not inherited
        super().run()
