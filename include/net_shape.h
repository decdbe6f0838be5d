/* What a link does to the frames that leave by it, by the queueing disciplines netem and tbf
 * (tc-netem(8), tc-tbf(8)). */
#ifndef PYROUTE_NET_SHAPE_H
#define PYROUTE_NET_SHAPE_H

#include "error.h"

#include <stdint.h>

struct nl_sock;

/* 0: nothing. A frame is counted by its bytes from the Ethernet header to the end of its payload.
 */
struct net_shape {
	uint32_t delay; /* microseconds */
	uint32_t loss;	/* of a million frames */
	uint64_t rate;	/* bits a second */
};

/* Shapes what leaves by the link NAME, whose MTU is that many bytes and which has no queueing
 * discipline yet. Frames are lost and delayed first, and then pass at the rate, those that exceed
 * it waiting for as long as a tenth of a second and the delay together, a few frames always. On a
 * kernel without netem or tbf -ENOENT, with an error that says so. */
int net_link_shape(struct nl_sock *socket, const char *name, unsigned mtu,
		   const struct net_shape *shape, struct error *error);

#endif
