/* Requests to rtnetlink(7), written one after the other into one buffer and sent by one send(2), of
 * which the last alone is acknowledged. No C library call that sets errno. */
#ifndef PYROUTE_BENCH_NETLINK_H
#define PYROUTE_BENCH_NETLINK_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct batch {
	char *buffer; /* the caller's, aligned to 4 */
	size_t length;
	struct nlmsghdr *last; /* begun last */
};

/* A veth pair whose ends are born where they belong. */
struct veth {
	const char *name; /* here */
	unsigned index;
	unsigned group;
	const char *peer;
	unsigned peer_index;
	pid_t peer_ns; /* the network namespace of this process */
};

/* IPv4, in the computer's byte order. */
typedef uint32_t ipv4;

/* Opens a socket with room for a wave's requests. Returns it, or -errno. */
int netlink_open(void);

/* The pair, with one queue each way, its first end up. */
void netlink_veth(struct batch *batch, const struct veth *veth);
void netlink_up(struct batch *batch, unsigned index);
/* ADDRESS/24 */
void netlink_address(struct batch *batch, unsigned index, ipv4 address);
void netlink_default_route(struct batch *batch, unsigned index, ipv4 gateway);
/* Takes ::1 away from it. Where there is none that is no failure. */
void netlink_no_loopback(struct batch *batch, unsigned index);
/* A question about the link, whose answer nobody wants. */
void netlink_ask(struct batch *batch, unsigned index);
void netlink_delete_group(struct batch *batch, unsigned group);

/* Sends what is there and empties the batch. Returns 0, or the first failure, -errno. */
long netlink_send(int socket, struct batch *batch);
/* The same without waiting for an answer. */
long netlink_send_unheard(int socket, struct batch *batch);

#endif
