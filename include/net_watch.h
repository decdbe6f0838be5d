/* Waiting until an IPv6 address is ready.
 *
 * The kernel acknowledges RTM_NEWADDR before it has done the work: the address's entry in the table
 * "local" and its group for neighbour solicitations come from a work queue, some milliseconds later
 * (addrconf_dad_work() in net/ipv6/addrconf.c), even where no duplicates are looked for. It tells
 * of the end of that work by a notice, holding the lock under which rtnetlink answers for links: a
 * question about a link that is asked after the notice is answered when all is done.
 *
 * Only net*.c include this. */
#ifndef PYROUTE_NET_WATCH_H
#define PYROUTE_NET_WATCH_H

#include "net.h"

/* Opens a netlink socket in the calling thread's network namespace that hears of every address of
 * IPv6 from now on. The caller owns it: CLEANUP_NET. */
int net_watch_open(struct nl_sock **watch, struct error *error);

/* Waits for the notice that ADDRESS, added since WATCH was opened, is ready on the link INDEX.
 * -ETIMEDOUT after five seconds without any notice. */
int net_watch_address(struct nl_sock *watch, unsigned index, const struct net_address *address,
		      struct error *error);

#endif
