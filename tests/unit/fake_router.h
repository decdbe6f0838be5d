/* A client and a router that a test plays by hand, for the tests of asker. */
#ifndef PYROUTE_TEST_FAKE_ROUTER_H
#define PYROUTE_TEST_FAKE_ROUTER_H

#include "asker.h"
#include "sides.h"

#include <linux/icmp.h>
#include <netinet/in.h>

/* A client, 1.1.1.2, whose gateway 1.1.1.1 is this test, with a packet socket on its wire. */
struct fake {
	struct sides sides;
	int fd;
};

static inline void fake_drop(struct fake *fake)
{
	close_fd(&fake->fd);
	sides_drop(&fake->sides);
}
#define FAKE CLEANUP(fake_drop) struct fake

static inline struct fake fake_make(void)
{
	struct fake fake = {.sides = sides_make()};
	const struct net_address gateway = address_of("1.1.1.1", 0);

	set(fake.sides.near_ns, "/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	set(fake.sides.far_ns, "/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	wire_up(&fake.sides, "eth0", "eth0");
	works(net_link_up(fake.sides.near, "lo", &why));
	add_address(fake.sides.near, "eth0", "1.1.1.2", 24);
	works(route_add(fake.sides.near, "eth0", NULL, &gateway, &why));
	fake.fd = packet_socket(fake.sides.far_ns, "eth0", ETH_P_ALL);
	return fake;
}

static inline struct asker_plan plan_of(enum asker_kind kind, uint32_t count)
{
	return (struct asker_plan){.kind = kind,
				   .token = 0xabcdef01U,
				   .to = address_of("2.2.2.2", 0),
				   .port = 9,
				   .count = count,
				   .sizes = {56},
				   .size_count = 1,
				   .within = 20000};
}

static inline struct ns_set client_of(const struct fake *fake)
{
	struct ns_set client = NS_SET_NONE;

	client.fd[NS_NET] = fake->sides.near_ns;
	return client;
}

static inline void begin(const struct fake *fake, const struct asker_plan *plan,
			 struct asker *asker)
{
	const struct ns_set client = client_of(fake);

	works(asker_start(plan, &client, asker, &why));
	works(asker_meet(asker, &why));
	works(asker_go(asker, &why));
}

static inline void free_report(struct asker_report **report)
{
	free(*report);
}
#define REPORT CLEANUP(free_report) struct asker_report

static inline struct asker_report *report_new(void)
{
	struct asker_report *report = calloc(1, sizeof(*report));

	assert_non_null(report);
	return report;
}

/* ---- the router's hands ---------------------------------------------------------------------- */

#define IP	(ETH_HLEN)
#define ICMP	(ETH_HLEN + 20)
#define PAYLOAD (ICMP + 8)

static const uint8_t gateway_address[4] = {1, 1, 1, 1};
static const uint8_t client_address[4] = {1, 1, 1, 2};

/* RFC 1071. */
static inline void put_checksum(uint8_t *place, const uint8_t *bytes, size_t size)
{
	uint32_t sum = 0;

	memset(place, 0, 2);
	for (size_t i = 0; i < size; i++)
		sum += (uint32_t)bytes[i] << (i & 1 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	place[0] = (uint8_t)(~sum >> 8);
	place[1] = (uint8_t)~sum;
}

static inline void answer_arp(const struct fake *fake, uint8_t *frame)
{
	uint8_t *body = frame + ETH_HLEN;

	memmove(body + 18, body + 8, 10);
	memcpy(body + 8, mac_2, NET_MAC_SIZE);
	memcpy(body + 14, gateway_address, 4);
	body[7] = 2;
	memcpy(frame, frame + 6, NET_MAC_SIZE);
	memcpy(frame + 6, mac_2, NET_MAC_SIZE);
	assert_int_equal(send(fake->fd, frame, 42, 0), 42);
}

/* The next packet of PROTOCOL that the client sends. Answers ARP. */
static inline size_t next_packet(const struct fake *fake, uint8_t protocol,
				 uint8_t frame[FRAME_SIZE])
{
	for (;;) {
		size_t size = receive(fake->fd, frame, 10000);

		assert_int_not_equal(size, 0);
		if (frame_type(frame) == ETH_P_ARP)
			answer_arp(fake, frame);
		else if (frame_type(frame) == ETH_P_IP && frame[IP + 9] == protocol)
			return size;
	}
}

/* Sends the IP packet, whose payload is all that follows, with right lengths and checksums, from
 * the gateway's Ethernet address. */
static inline void send_packet(const struct fake *fake, uint8_t *frame, size_t size, bool icmp)
{
	memcpy(frame, mac_1, NET_MAC_SIZE);
	memcpy(frame + 6, mac_2, NET_MAC_SIZE);
	frame[IP + 2] = (uint8_t)((size - IP) >> 8);
	frame[IP + 3] = (uint8_t)(size - IP);
	put_checksum(frame + IP + 10, frame + IP, 20);
	if (icmp)
		put_checksum(frame + ICMP + 2, frame + ICMP, size - ICMP);
	assert_int_equal(send(fake->fd, frame, size, 0), (ssize_t)size);
}

/* Makes the request that FRAME is the addressee's reply. */
static inline void turn(uint8_t *frame)
{
	uint8_t source[4];

	memcpy(source, frame + IP + 12, 4);
	memcpy(frame + IP + 12, frame + IP + 16, 4);
	memcpy(frame + IP + 16, source, 4);
	frame[IP + 8] = 61;
	frame[ICMP] = ICMP_ECHOREPLY;
}

static inline void reply(const struct fake *fake, uint8_t *frame, size_t size)
{
	turn(frame);
	send_packet(fake, frame, size, true);
}

/* Sends the error of TYPE about the packet in FRAME, of which QUOTED bytes are quoted. */
static inline void send_error(const struct fake *fake, uint8_t *frame, uint8_t type, size_t quoted)
{
	memmove(frame + PAYLOAD, frame + IP, quoted);
	memset(frame + ICMP, 0, 8);
	memcpy(frame + IP + 12, gateway_address, 4);
	memcpy(frame + IP + 16, client_address, 4);
	frame[IP + 8] = 64;
	frame[IP + 9] = IPPROTO_ICMP;
	frame[ICMP] = type;
	send_packet(fake, frame, PAYLOAD + quoted, true);
}

#endif
