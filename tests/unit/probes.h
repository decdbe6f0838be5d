/* Frames that a computer might answer, one of each kind, as a client of net1 would send them. */
#ifndef PYROUTE_TEST_PROBES_H
#define PYROUTE_TEST_PROBES_H

#include "computer.h"

#include <netinet/in.h>

#define LEG	  "\x02\x42\x01\x01\x01\x01"
#define EVERYBODY "\xff\xff\xff\xff\xff\xff"

/* What an ordinary computer does: answers (a frame leaves it), or nothing that this test waits
 * for. */
enum custom { ANSWERED, UNANSWERED };

static const struct probe {
	const char *name;
	enum custom custom;
	const char *destination; /* Ethernet address */
	uint16_t type;		 /* 0: the payload's length, as IEEE 802.3 has it */
	uint8_t protocol;	 /* IP's; 0: the payload follows the Ethernet header */
	const char *to;		 /* IP address */
	const char *payload;
	size_t size;
} probes[] = {
#define BYTES(text)	text, sizeof(text) - 1
#define ARP_FOR_THE_LEG BYTES("\0\1\x08\0\6\4\0\1\x02\x42\1\1\1\2\1\1\1\2\0\0\0\0\0\0\1\1\1\1")
#define ICMP_ECHO	BYTES("\x08\0\0\0\0\0\0\0")
#define TCP_SYN		BYTES("\x30\0\0\x50\0\0\0\1\0\0\0\0\x50\2\xff\xff\0\0\0\0")
#define UDP_TO(p)	BYTES("\x30\0" p "\0\x0c\0\0data")
#define ICMP6_ECHO	BYTES("\x80\0\0\0\0\0\0\0")
#define MLD_QUERY	BYTES("\x82\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")
#define ICMP6_NS	BYTES("\x87\0\0\0\0\0\0\0\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1\1\1\x02\x42\1\1\1\2")
#define SOLICIT_LEG                                                                                \
	BYTES("\x87\0\0\0\0\0\0\0\x20\1\x0d\xb8\0\1\0\0\0\0\0\0\0\0\0\1\1\1\x02\x42\1\1\1\2")
#define TO_ALL	   "\x33\x33\0\0\0\1"
#define TO_ROUTERS "\x33\x33\0\0\0\2"
#define TO_NODE	   "\x33\x33\xff\0\0\1"
	{"ARP, broadcast", ANSWERED, EVERYBODY, ETH_P_ARP, 0, NULL, ARP_FOR_THE_LEG},
	{"ARP, unicast", ANSWERED, LEG, ETH_P_ARP, 0, NULL, ARP_FOR_THE_LEG},
	{"ping the leg", ANSWERED, LEG, ETH_P_IP, IPPROTO_ICMP, "1.1.1.1", ICMP_ECHO},
	{"ping the host's other address", ANSWERED, LEG, ETH_P_IP, IPPROTO_ICMP, "10.9.9.1",
	 ICMP_ECHO},
	{"ping through it", ANSWERED, LEG, ETH_P_IP, IPPROTO_ICMP, "10.9.9.2", ICMP_ECHO},
	{"ping by default route", ANSWERED, LEG, ETH_P_IP, IPPROTO_ICMP, "8.8.8.8", ICMP_ECHO},
	{"ping the prefix", ANSWERED, EVERYBODY, ETH_P_IP, IPPROTO_ICMP, "1.1.1.255", ICMP_ECHO},
	{"ping everybody", ANSWERED, EVERYBODY, ETH_P_IP, IPPROTO_ICMP, "255.255.255.255",
	 ICMP_ECHO},
	{"ping all hosts", ANSWERED, "\x01\0\x5e\0\0\1", ETH_P_IP, IPPROTO_ICMP, "224.0.0.1",
	 ICMP_ECHO},
	{"TCP SYN", ANSWERED, LEG, ETH_P_IP, IPPROTO_TCP, "1.1.1.1", TCP_SYN},
	{"TCP SYN elsewhere", ANSWERED, LEG, ETH_P_IP, IPPROTO_TCP, "10.9.9.1", TCP_SYN},
	{"UDP, closed port", ANSWERED, LEG, ETH_P_IP, IPPROTO_UDP, "1.1.1.1", UDP_TO("\0\7")},
	{"unknown protocol", ANSWERED, LEG, ETH_P_IP, 253, "1.1.1.1", BYTES("data")},
	{"DHCP", UNANSWERED, EVERYBODY, ETH_P_IP, IPPROTO_UDP, "255.255.255.255", UDP_TO("\0\x43")},
	{"mDNS", UNANSWERED, "\x01\0\x5e\0\0\xfb", ETH_P_IP, IPPROTO_UDP, "224.0.0.251",
	 UDP_TO("\x14\xe9")},
	{"IGMP query", UNANSWERED, "\x01\0\x5e\0\0\1", ETH_P_IP, IPPROTO_IGMP, "224.0.0.1",
	 BYTES("\x11\1\0\0\0\0\0\0")},
	{"neighbour, unicast", ANSWERED, LEG, ETH_P_IPV6, IPPROTO_ICMPV6, "fe80::1", ICMP6_NS},
	/* Answered once the kernel has joined the group, which it does in its own time. */
	{"neighbour", UNANSWERED, TO_NODE, ETH_P_IPV6, IPPROTO_ICMPV6, "ff02::1:ff00:1", ICMP6_NS},
	{"ping all nodes", ANSWERED, TO_ALL, ETH_P_IPV6, IPPROTO_ICMPV6, "ff02::1", ICMP6_ECHO},
	{"ping fe80::1", ANSWERED, LEG, ETH_P_IPV6, IPPROTO_ICMPV6, "fe80::1", ICMP6_ECHO},
	{"neighbour, the leg, unicast", ANSWERED, LEG, ETH_P_IPV6, IPPROTO_ICMPV6, "2001:db8:1::1",
	 SOLICIT_LEG},
	{"neighbour, the leg", ANSWERED, TO_NODE, ETH_P_IPV6, IPPROTO_ICMPV6, "ff02::1:ff00:1",
	 SOLICIT_LEG},
	{"ping the leg, IPv6", ANSWERED, LEG, ETH_P_IPV6, IPPROTO_ICMPV6, "2001:db8:1::1",
	 ICMP6_ECHO},
	{"ping the subnet's routers", ANSWERED, LEG, ETH_P_IPV6, IPPROTO_ICMPV6,
	 "2001:db8:1::", ICMP6_ECHO},
	{"ping all routers", ANSWERED, TO_ROUTERS, ETH_P_IPV6, IPPROTO_ICMPV6, "ff02::2",
	 ICMP6_ECHO},
	{"TCP SYN, IPv6", ANSWERED, LEG, ETH_P_IPV6, IPPROTO_TCP, "2001:db8:1::1", TCP_SYN},
	{"unknown protocol, IPv6", ANSWERED, LEG, ETH_P_IPV6, 253, "2001:db8:1::1", BYTES("data")},
	{"routers?", UNANSWERED, TO_ROUTERS, ETH_P_IPV6, IPPROTO_ICMPV6, "ff02::2",
	 BYTES("\x85\0\0\0\0\0\0\0")},
	{"MLD query", UNANSWERED, TO_ALL, ETH_P_IPV6, IPPROTO_ICMPV6, "ff02::1", MLD_QUERY},
	{"ARP with a priority tag", ANSWERED, EVERYBODY, ETH_P_8021Q, 0, NULL,
	 BYTES("\0\0\x08\6\0\1\x08\0\6\4\0\1\x02\x42\1\1\1\2\1\1\1\2\0\0\0\0\0\0\1\1\1\1")},
	{"ARP in VLAN 5", UNANSWERED, EVERYBODY, ETH_P_8021Q, 0, NULL,
	 BYTES("\0\5\x08\6\0\1\x08\0\6\4\0\1\x02\x42\1\1\1\2\1\1\1\2\0\0\0\0\0\0\1\1\1\1")},
	{"spanning tree", UNANSWERED, "\x01\x80\xc2\0\0\0", 0, 0, NULL,
	 BYTES("\x42\x42\3\0\0\0\0\0")},
	{"LLC TEST", UNANSWERED, LEG, 0, 0, NULL, BYTES("\0\1\xf3")},
	{"LLC XID", UNANSWERED, LEG, 0, 0, NULL, BYTES("\0\1\xbf\x81\1\0")},
	{"PPPoE", UNANSWERED, EVERYBODY, 0x8863, 0, NULL, BYTES("\x11\x09\0\0\0\4\1\1\0\0")},
	{"MPLS", UNANSWERED, LEG, ETH_P_MPLS_UC, 0, NULL, BYTES("\0\1\1\x40")},
};

static inline uint32_t sum(uint32_t start, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		start += (uint32_t)bytes[i] << (i & 1 ? 0 : 8);
	return start;
}

/* RFC 1071. */
static inline void put_checksum(uint8_t *place, uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	place[0] = (uint8_t)(~total >> 8);
	place[1] = (uint8_t)~total;
}

/* Fills the checksum of a packet's payload in. ADDRESSES are source and destination. */
static inline void finish(uint8_t *payload, size_t size, uint8_t protocol, const uint8_t *addresses,
			  size_t addresses_size)
{
	uint32_t pseudo = sum((uint32_t)size + protocol, addresses, addresses_size);

	if (protocol == IPPROTO_ICMP || protocol == IPPROTO_IGMP)
		put_checksum(payload + 2, sum(0, payload, size));
	else if (protocol == IPPROTO_ICMPV6)
		put_checksum(payload + 2, sum(pseudo, payload, size));
	else if (protocol == IPPROTO_TCP)
		put_checksum(payload + 16, sum(pseudo, payload, size));
}

static inline size_t put_ipv4(uint8_t *packet, const struct probe *probe)
{
	const uint8_t header[12] = {
		0x45, [3] = (uint8_t)(20 + probe->size), [8] = 64, [9] = probe->protocol};

	memcpy(packet, header, sizeof(header));
	memcpy(packet + 12, (const uint8_t[]){1, 1, 1, 2}, 4);
	assert_int_equal(inet_pton(AF_INET, probe->to, packet + 16), 1);
	put_checksum(packet + 10, sum(0, packet, 20));
	memcpy(packet + 20, probe->payload, probe->size);
	finish(packet + 20, probe->size, probe->protocol, packet + 12, 8);
	return 20 + probe->size;
}

static inline size_t put_ipv6(uint8_t *packet, const struct probe *probe)
{
	const uint8_t header[8] = {
		0x60, [5] = (uint8_t)probe->size, [6] = probe->protocol, [7] = 255};

	memcpy(packet, header, sizeof(header));
	assert_int_equal(inet_pton(AF_INET6, "fe80::2", packet + 8), 1);
	assert_int_equal(inet_pton(AF_INET6, probe->to, packet + 24), 1);
	memcpy(packet + 40, probe->payload, probe->size);
	finish(packet + 40, probe->size, probe->protocol, packet + 8, 32);
	return 40 + probe->size;
}

static inline void send_probe(int fd, const struct probe *probe)
{
	uint8_t frame[256] = {0};
	size_t size = probe->size;

	memcpy(frame, probe->destination, NET_MAC_SIZE);
	memcpy(frame + NET_MAC_SIZE, client_mac, NET_MAC_SIZE);
	frame[12] = (uint8_t)(probe->type >> 8);
	frame[13] = (uint8_t)(probe->type ? probe->type : probe->size);
	if (!probe->protocol)
		memcpy(frame + ETH_HLEN, probe->payload, size);
	else if (probe->type == ETH_P_IP)
		size = put_ipv4(frame + ETH_HLEN, probe);
	else
		size = put_ipv6(frame + ETH_HLEN, probe);
	size = size + ETH_HLEN < ETH_ZLEN ? ETH_ZLEN : size + ETH_HLEN;
	assert_int_equal(send(fd, frame, size, 0), (ssize_t)size);
}

#endif
