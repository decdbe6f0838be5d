/* Two network namespaces and the wires between them, for the tests of net. */
#ifndef PYROUTE_TEST_SIDES_H
#define PYROUTE_TEST_SIDES_H

#include "wires.h"

#include <sys/ioctl.h>

static const uint8_t mac_1[NET_MAC_SIZE] = {0x02, 0x42, 1, 1, 1, 1};
static const uint8_t mac_2[NET_MAC_SIZE] = {0x02, 0x42, 1, 1, 1, 2};
static const uint8_t broadcast[NET_MAC_SIZE] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* Two namespaces, each with a socket; neither is the one the test is in. */
struct sides {
	int near_ns, far_ns;
	struct nl_sock *near, *far;
};

static inline struct sides sides_make(void)
{
	struct sides sides = {.near_ns = namespace_make(), .far_ns = namespace_make()};

	sides.near = net_in(sides.near_ns);
	sides.far = net_in(sides.far_ns);
	return sides;
}

static inline void sides_drop(struct sides *sides)
{
	net_socket_close(&sides->near);
	net_socket_close(&sides->far);
	close_fd(&sides->near_ns);
	close_fd(&sides->far_ns);
}
#define SIDES CLEANUP(sides_drop) struct sides

/* A wire between the two, down. */
static inline int wire(struct sides *sides, const char *near, const char *far)
{
	const struct net_end end = {near, -1, mac_1};
	const struct net_end peer = {far, sides->far_ns, mac_2};

	return net_veth_create(sides->near, &end, &peer, MTU, &why);
}

static inline void wire_up(struct sides *sides, const char *near, const char *far)
{
	works(wire(sides, near, far));
	works(net_link_up(sides->near, near, &why));
	works(net_link_up(sides->far, far, &why));
	works(net_link_settle(sides->near, near, &why));
}

/* Sends a frame of SIZE bytes of protocol 0x88b5 (for experiments, IEEE 802). */
static inline bool send_frame(int from, const uint8_t *destination, uint8_t mark, size_t size)
{
	uint8_t frame[FRAME_SIZE] = {[12] = 0x88, 0xb5, mark};

	memcpy(frame, destination, NET_MAC_SIZE);
	memcpy(frame + NET_MAC_SIZE, mac_1, NET_MAC_SIZE);
	return send(from, frame, size, 0) == (ssize_t)size;
}

/* Sends such a frame and looks for it. */
static inline bool arrives(int from, int to, const uint8_t *destination, uint8_t mark)
{
	uint8_t got[FRAME_SIZE];

	if (!send_frame(from, destination, mark, 64))
		return false;
	while (receive(to, got, 200) > 0)
		if (frame_type(got) == 0x88b5)
			return got[14] == mark;
	return false;
}

/* How many such frames come in until none does for LIMIT milliseconds. */
static inline unsigned count_frames(int fd, int limit)
{
	uint8_t got[FRAME_SIZE];
	unsigned count = 0;

	while (receive(fd, got, limit) > 0)
		count += frame_type(got) == 0x88b5;
	return count;
}

static inline unsigned index_of(struct nl_sock *net, const char *name)
{
	unsigned index;

	works(net_link_index(net, name, &index, &why));
	return index;
}

static inline void link_request(int ns, const char *name, unsigned long number,
				struct ifreq *request)
{
	CLEANUP_FD int fd = socket_in(ns, AF_INET, SOCK_DGRAM, 0);

	(void)snprintf(request->ifr_name, sizeof(request->ifr_name), "%s", name);
	assert_int_equal(ioctl(fd, number, request), 0);
}

#endif
