"""Bugs of faulty.py: ARP."""

import struct

import plain
from bugs import bug, later


@bug
class ArpSilent(plain.Leg):
    """It answers no ARP question."""

    def answer_arp(self, mac, source, address):
        pass


@bug
class ArpEverybody(plain.Leg):
    """It answers ARP questions for everybody's address."""

    def answers_for(self, address):
        return True


@bug
class ArpBothLegs(plain.Leg):
    """Allowed: each leg answers ARP for the addresses of all legs, as Linux does."""

    addresses = set()

    def find_addresses(self):
        super().find_addresses()
        self.addresses.add(self.address)

    def answers_for(self, address):
        return address in self.addresses


class Answering(plain.Leg):
    """A leg whose ARP answer is another: answer() tells its frame's target and the message."""

    def answer_arp(self, mac, source, address):
        self.send_frame(*self.answer(mac, source, address))


@bug
class ArpOpcode(Answering):
    """Its ARP answer has the operation of a question, 1; Linux learns from it all the same."""

    def answer(self, mac, source, address):
        return mac, plain.ETH_P_ARP, plain.arp_message(1, self.mac, address, mac, source)


@bug
class ArpByteOrder(Answering):
    """Its ARP answer has its numbers in little-endian order, as struct has them without "!"."""

    def answer(self, mac, source, address):
        message = plain.arp_message(plain.ARP_REPLY, self.mac, address, mac, source)
        return mac, plain.ETH_P_ARP, struct.pack("<HHBBH", 1, 0x0800, 6, 4, 2) + message[8:]


@bug
class ArpSwapped(Answering):
    """Its ARP answer has sender and target swapped, as the question has them."""

    def answer(self, mac, source, address):
        message = plain.arp_message(plain.ARP_REPLY, mac, source, self.mac, address)
        return mac, plain.ETH_P_ARP, message


@bug
class ArpAddressesKept(Answering):
    """Its ARP answer has the right Ethernet addresses, and the IPv4 addresses of the question."""

    def answer(self, mac, source, address):
        message = plain.arp_message(plain.ARP_REPLY, self.mac, source, mac, address)
        return mac, plain.ETH_P_ARP, message


@bug
class ArpZeroSender(Answering):
    """Its ARP answer says that the router's Ethernet address is 00:00:00:00:00:00."""

    def answer(self, mac, source, address):
        message = plain.arp_message(plain.ARP_REPLY, bytes(6), address, mac, source)
        return mac, plain.ETH_P_ARP, message


@bug
class ArpBroadcast(Answering):
    """Allowed: its ARP answer goes to everybody, with all fields right (RFC 5227, 2.6)."""

    def answer(self, mac, source, address):
        message = plain.arp_message(plain.ARP_REPLY, self.mac, address, mac, source)
        return plain.BROADCAST_MAC, plain.ETH_P_ARP, message


@bug
class ArpZeroTarget(Answering):
    """Its ARP answer goes to everybody, and to no Ethernet address inside; Linux takes it."""

    def answer(self, mac, source, address):
        message = plain.arp_message(plain.ARP_REPLY, self.mac, address, bytes(6), source)
        return plain.BROADCAST_MAC, plain.ETH_P_ARP, message


@bug
class ArpOtherLeg(Answering):
    """Its ARP answer has the Ethernet address of another leg, on which nothing is taken here."""

    macs = []  # of all legs

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.macs.append(self.mac)

    def answer(self, mac, source, address):
        other = next(one for one in self.macs if one != self.mac)
        message = plain.arp_message(plain.ARP_REPLY, other, address, mac, source)
        return mac, plain.ETH_P_ARP, message


@bug
class ArpGratuitous(plain.Leg):
    """Allowed: it announces its addresses by ARP when it begins (RFC 5227, 2.3)."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.send_question(self.address)


@bug
class ArpAsksFirst(plain.Leg):
    """Right: before it answers it asks who asks, and nobody else (RFC 1122, 2.3.2.1)."""

    def answer_arp(self, mac, source, address):
        message = plain.arp_message(1, self.mac, self.address, bytes(6), source)
        self.send_frame(mac, plain.ETH_P_ARP, message)
        super().answer_arp(mac, source, address)


@bug
class ArpAnnouncesAgain(plain.Leg):
    """Right: with every answer it tells everybody too, by a gratuitous reply (RFC 5227, 3)."""

    def answer_arp(self, mac, source, address):
        everybody = plain.BROADCAST_MAC
        message = plain.arp_message(2, self.mac, self.address, everybody, self.address)
        self.send_frame(everybody, plain.ETH_P_ARP, message)
        super().answer_arp(mac, source, address)


@bug
class ArpSourceKept(plain.Leg):
    """The frame of its ARP answer has the Ethernet address of who asked as its source."""

    def answer_arp(self, mac, source, address):
        message = plain.arp_message(plain.ARP_REPLY, self.mac, address, mac, source)
        self.socket.send(mac + mac + struct.pack("!H", plain.ETH_P_ARP) + message)


@bug
class ArpMacTypo(Answering):
    """Its ARP answer tells an Ethernet address with another end, at which it takes nothing."""

    def answer(self, mac, source, address):
        other = self.mac[:5] + b"\x10"
        return mac, plain.ETH_P_ARP, plain.arp_message(2, other, address, mac, source)


@bug
class ArpTargetSelf(Answering):
    """Its ARP answer is for itself by its target fields; Linux takes it all the same."""

    def answer(self, mac, source, address):
        return mac, plain.ETH_P_ARP, plain.arp_message(2, self.mac, address, self.mac, address)


@bug
class ArpTypeSwapped(Answering):
    """Its ARP answer goes under the Ethernet type 0x0608."""

    def answer(self, mac, source, address):
        return mac, 0x0608, plain.arp_message(2, self.mac, address, mac, source)


@bug
class ArpAllLegs(plain.Leg):
    """It sends its ARP answers out on every leg."""

    legs = []

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.legs.append(self)

    def answer_arp(self, mac, source, address):
        message = plain.arp_message(plain.ARP_REPLY, self.mac, address, mac, source)
        for leg in self.legs:
            leg.send_frame(mac, plain.ETH_P_ARP, message)


@bug
class OneMac(plain.Leg):
    """Allowed: all legs have one Ethernet address, which is none of theirs."""

    def __init__(self, name, _mac=None):
        super().__init__(name, b"\2\0\0\0\0\1")


@bug
class OneLegsMac(plain.Leg):
    """Allowed: all legs have the Ethernet address of the first."""

    macs = []

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.macs.append(self.mac)
        self.mac = self.macs[0]


@bug
class ArpTwiceLater(plain.Leg):
    """It answers ARP, and once more 150 ms later."""

    def answer_arp(self, mac, source, address):
        super().answer_arp(mac, source, address)
        later(super().answer_arp, mac, source, address, delay=0.15)


@bug
class ArpAnnouncesOther(plain.Leg):
    """It announces its address at the Ethernet address of nobody, and answers rightly."""

    def answer_arp(self, mac, source, address):
        message = plain.arp_message(2, bytes(6), self.address, plain.BROADCAST_MAC, self.address)
        self.send_frame(plain.BROADCAST_MAC, plain.ETH_P_ARP, message)
        super().answer_arp(mac, source, address)


@bug
class ArpLate(plain.Leg):
    """It answers ARP after two seconds."""

    def answer_arp(self, mac, source, address):
        later(super().answer_arp, mac, source, address)


@bug
class ArpSocketMissing(plain.Leg):
    """Its sockets are of the IPv4 type, and hear no ARP."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.socket.bind((self.name, plain.ETH_P_IP))


@bug
class ArpNeverAsks(plain.Leg):
    """It asks for no Ethernet address, and reaches only those who have asked for its own."""

    def send_packet(self, next_hop, packet):
        if next_hop in self.neighbours:
            super().send_packet(next_hop, packet)


@bug
class ArpAnswersOnly(plain.Leg):
    """Right: it learns Ethernet addresses from answers alone, and so asks those who have asked."""

    def receive_arp(self, message):
        if message[6:8] == b"\x00\x02":
            super().receive_arp(message)
        elif message[6:8] == b"\x00\x01" and self.answers_for(message[24:28]):
            self.answer_arp(message[8:14], message[14:18], message[24:28])


@bug
class ArpQuestionToZero(ArpAnswersOnly):
    """Its ARP questions go to 00:00:00:00:00:00 in the place of everybody."""

    def send_question(self, neighbour):
        message = plain.arp_message(1, self.mac, self.address, bytes(6), neighbour)
        self.send_frame(bytes(6), plain.ETH_P_ARP, message)


class Asking(ArpAnswersOnly):
    """A leg whose ARP question is another: question() makes the message."""

    def send_question(self, neighbour):
        self.send_frame(plain.BROADCAST_MAC, plain.ETH_P_ARP, self.question(neighbour))


@bug
class ArpQuestionOwnMac(Asking):
    """Right: its ARP questions have its own Ethernet address as the target's; nobody looks at it."""

    def question(self, neighbour):
        return plain.arp_message(1, self.mac, self.address, self.mac, neighbour)


@bug
class ArpQuestionOpcode(Asking):
    """Its ARP questions have the operation of an answer, 2."""

    def question(self, neighbour):
        return plain.arp_message(2, self.mac, self.address, bytes(6), neighbour)


@bug
class ArpQuestionSwapped(Asking):
    """Its ARP questions have sender and target swapped."""

    def question(self, neighbour):
        return plain.arp_message(1, self.mac, neighbour, bytes(6), self.address)


@bug
class ArpQuestionByteOrder(Asking):
    """Its ARP questions have their numbers in little-endian order."""

    def question(self, neighbour):
        message = plain.arp_message(1, self.mac, self.address, bytes(6), neighbour)
        return struct.pack("<HHBBH", 1, 0x0800, 6, 4, 1) + message[8:]


@bug
class ArpQuestionSender(Asking):
    """Its ARP questions say that they are from 0.0.0.0; who answers that, answers a probe."""

    def question(self, neighbour):
        return plain.arp_message(1, self.mac, bytes(4), bytes(6), neighbour)


@bug
class ArpQuestionZeroMac(Asking):
    """Its ARP questions say that its Ethernet address is 00:00:00:00:00:00, and who is asked learns it."""

    def question(self, neighbour):
        return plain.arp_message(1, bytes(6), self.address, bytes(6), neighbour)


@bug
class ArpQuestionNobody(Asking):
    """Its ARP questions are for an address that nobody has, in the place of the neighbour's."""

    def question(self, neighbour):
        return plain.arp_message(1, self.mac, self.address, bytes(6), neighbour[:3] + b"\xfe")


class AskingElsewhere(ArpAnswersOnly):
    """A leg whose ARP questions go out on others: wrong_legs() tells on which."""

    legs = []

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.legs.append(self)

    def send_question(self, neighbour):
        message = plain.arp_message(1, self.mac, self.address, bytes(6), neighbour)
        for leg in self.wrong_legs():
            leg.send_frame(plain.BROADCAST_MAC, plain.ETH_P_ARP, message)


@bug
class ArpQuestionOtherLeg(AskingElsewhere):
    """Its ARP questions go out on every leg but the right one."""

    def wrong_legs(self):
        return [leg for leg in self.legs if leg is not self]


@bug
class ArpQuestionAllLegs(AskingElsewhere):
    """Its ARP questions go out on every leg."""

    def wrong_legs(self):
        return self.legs


@bug
class OneMacAsksAll(AskingElsewhere):
    """All legs have one Ethernet address, and its ARP questions go out on every leg."""

    def __init__(self, name, _mac=None):
        super().__init__(name, b"\2\0\0\0\0\1")

    def wrong_legs(self):
        return self.legs


@bug
class ArpAsksAlways(plain.Leg):
    """It asks for the Ethernet address before every packet, though it knows it."""

    def send_packet(self, next_hop, packet):
        if next_hop in self.neighbours:
            self.send_question(next_hop)
        super().send_packet(next_hop, packet)


@bug
class ArpNoCache(plain.Leg):
    """It forgets an Ethernet address once it has sent what waited for it."""

    def learn(self, neighbour, mac):
        super().learn(neighbour, mac)
        del self.neighbours[neighbour]
        self.asked.pop(neighbour, None)


@bug
class FirstLost(plain.Leg):
    """It drops what comes while it asks for the Ethernet address: each first packet."""

    def learn(self, neighbour, mac):
        self.waiting.pop(neighbour, None)
        super().learn(neighbour, mac)
