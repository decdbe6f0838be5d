/* Marking by nftables(8) what arrives at a link. Only net*.c include this. */
#ifndef PYROUTE_NET_MARK_H
#define PYROUTE_NET_MARK_H

#include "error.h"

/* Marks each frame that arrives at the link NAME as meant for another host (PACKET_OTHERHOST), and
 * drops what cannot be marked. It stands in a table of its own, pyroute-NAME, in the network
 * namespace of the calling thread, which must be that of the link; one left there by a link of that
 * name before is replaced. Takes CAP_NET_ADMIN over the network namespace alone. -EOPNOTSUPP: the
 * kernel lacks what it takes, or refuses it. */
int net_mark_arrivals(const char *name, struct error *error);

#endif
