/* What becomes of the probes: who on the computer sees them, and whether it answers. */
#ifndef PYROUTE_TEST_EARS_H
#define PYROUTE_TEST_EARS_H

#include "probes.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>

/* What is in reach of a frame that arrives on net1: packet sockets on the other ends of both of
 * the computer's links, and a DHCP server on the computer itself. */
struct ears {
	int client, internet, server;
};

static inline struct ears ears_open(struct computer *computer)
{
	const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(67)};
	struct ears ears = {
		.client = packet_socket(computer->client_ns, "eth0", ETH_P_ALL),
		.internet = packet_socket(computer->internet_ns, "far", ETH_P_ALL),
		.server = socket_in(computer->ns, AF_INET, SOCK_DGRAM, 0),
	};

	assert_int_equal(bind(ears.server, (const struct sockaddr *)&any, sizeof(any)), 0);
	return ears;
}

static inline void ears_close(struct ears *ears)
{
	close_fd(&ears->client);
	close_fd(&ears->internet);
	close_fd(&ears->server);
}
#define EARS CLEANUP(ears_close) struct ears

/* True for what IPv6 says unasked: looking for neighbours, duplicates of itself, and routers, and
 * (the only packets with options) telling what it listens to. */
static inline bool is_chatter(const uint8_t *frame)
{
	const uint8_t *next = frame + ETH_HLEN + 6, *icmp = frame + ETH_HLEN + 40;

	return frame_type(frame) == ETH_P_IPV6 &&
	       (*next == IPPROTO_HOPOPTS || *icmp == ND_ROUTER_SOLICIT ||
		*icmp == ND_NEIGHBOR_SOLICIT);
}

/* True where a frame left the computer within LIMIT milliseconds, towards the client or the
 * internet; chatter is counted or not. */
static inline bool acts(const struct ears *ears, int limit, bool count_chatter)
{
	struct pollfd ready[] = {{ears->client, POLLIN, 0}, {ears->internet, POLLIN, 0}};
	uint8_t frame[FRAME_SIZE];

	while (poll(ready, 2, limit) > 0)
		for (int i = 0; i < 2; i++)
			if (receive(ready[i].fd, frame, 0) > 0 &&
			    (count_chatter || !is_chatter(frame)))
				return true;
	return false;
}

static inline void assert_silent(int (*raise)(struct computer *computer))
{
	COMPUTER computer = computer_make(MTU);
	EARS ears = ears_open(&computer);
	char datagram[16];

	assert_int_equal(raise(&computer), 0);
	/* The second locks open, so that it is the filter which holds. */
	set(computer.ns, "/proc/sys/net/ipv4/conf/net1/rp_filter", "0");
	set(computer.ns, "/proc/sys/net/ipv4/conf/net1/forwarding", "1");
	set(computer.ns, "/proc/sys/net/ipv6/conf/net1/forwarding", "1");
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++) {
		send_probe(ears.client, &probes[i]);
		if (acts(&ears, 0, true))
			fail_msg("answered: %s", probes[i].name);
	}
	/* The slowest answers, those to IGMP and MLD queries, may take as long as we said. */
	assert_false(acts(&ears, 1000, true));
	assert_int_equal(recv(ears.server, datagram, sizeof(datagram), MSG_DONTWAIT), -1);
}

/* Frames of all kinds that arrive on a packet socket of PROTOCOL when each probe is sent once. */
static inline unsigned seen_by(struct computer *computer, uint16_t protocol)
{
	CLEANUP_FD int client = packet_socket(computer->client_ns, "eth0", ETH_P_ALL);
	CLEANUP_FD int router = packet_socket(computer->ns, "net1", protocol);
	uint8_t frame[FRAME_SIZE];
	unsigned count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
		send_probe(client, &probes[i]);
	while (receive(router, frame, 100) > 0)
		count++;
	return count;
}

static inline unsigned probes_of(uint16_t type)
{
	unsigned count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
		count += probes[i].type == type;
	return count;
}

static inline void assert_all_is_seen(struct computer *computer)
{
	assert_int_equal(seen_by(computer, ETH_P_ALL), ARRAY_SIZE(probes));
	/* The kernel takes VLAN tags off, hence the two tagged ones are ARP here. */
	assert_int_equal(seen_by(computer, ETH_P_ARP), probes_of(ETH_P_ARP) + 2);
	assert_int_equal(seen_by(computer, ETH_P_IP), probes_of(ETH_P_IP));
	assert_int_equal(seen_by(computer, ETH_P_IPV6), probes_of(ETH_P_IPV6));
	assert_int_equal(seen_by(computer, ETH_P_802_2), probes_of(0));
}

/* The rules of nftables that the computer has on its links. */
static inline unsigned count_rules(const struct computer *computer)
{
	CLEANUP_FD int fd = socket_in(computer->ns, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	const struct {
		struct nlmsghdr head;
		struct nfgenmsg body;
	} request = {.head = {.nlmsg_len = sizeof(request),
			      .nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE,
			      .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		     .body = {.nfgen_family = NFPROTO_NETDEV}};
	union {
		struct nlmsghdr head;
		uint8_t bytes[1 << 16];
	} dump;
	unsigned count = 0;
	ssize_t got;

	assert_int_equal(send(fd, &request, sizeof(request), 0), sizeof(request));
	for (;;) {
		got = recv(fd, &dump, sizeof(dump), 0);
		assert_true(got > 0);
		for (struct nlmsghdr *message = &dump.head; NLMSG_OK(message, (unsigned)got);
		     message = NLMSG_NEXT(message, got)) {
			if (message->nlmsg_type == NLMSG_DONE)
				return count;
			assert_int_not_equal(message->nlmsg_type, NLMSG_ERROR);
			count++;
		}
	}
}

#endif
