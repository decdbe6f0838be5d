/* An IPv6 address that is shown on a link and never assigned: no route leads to it, nothing is sent
 * from it, no program can bind to it. Only net*.c include this. */
#ifndef PYROUTE_NET_TENTATIVE_H
#define PYROUTE_NET_TENTATIVE_H

#include "net.h"
#include "net_batch.h"

/* Adds ADDRESS to the link NAME (INDEX), which must be down, with ARP, without a carrier since it
 * was made, and make no addresses up. Leaves it down; net_tentative_put_last() must follow in the
 * batch that brings it up. Switches IPv6 on. The calling thread must be in the socket's network
 * namespace. */
int net_tentative_add(struct nl_sock *socket, const char *name, unsigned index,
		      const struct net_address *address, struct error *error);

/* Makes the address last as long as the link is up. */
void net_tentative_put_last(struct net_batch *batch, unsigned index,
			    const struct net_address *address);

#endif
