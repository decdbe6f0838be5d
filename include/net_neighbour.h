/* Where packets to an address go: the kernel's route lookup, and its table of neighbours. */
#ifndef PYROUTE_NET_NEIGHBOUR_H
#define PYROUTE_NET_NEIGHBOUR_H

#include "net.h"

/* What the kernel would do with a packet. */
struct net_route {
	unsigned index; /* of the link that it leaves by */
	char link[IFNAMSIZ];
	struct net_address source;  /* what it would be sent from; family 0: not said */
	struct net_address gateway; /* family 0: none, the address itself is the next hop */
	uint8_t own;		    /* 0 or 1: the address is one of ours, and lo the link */
};

/* Looks up the way to TO, for packets from FROM (NULL: the kernel chooses). SOCKET is of the
 * calling thread's network namespace. -ENETUNREACH, -EHOSTUNREACH...: there is none. */
int net_route_find(struct nl_sock *socket, const struct net_address *to,
		   const struct net_address *from, struct net_route *route, struct error *error);

/* Has the kernel forget the neighbour ADDRESS on the link INDEX, so that it asks anew before it
 * sends there. That it knows none is success. */
int net_neighbour_forget(struct nl_sock *socket, unsigned index, const struct net_address *address,
			 struct error *error);

/* The Ethernet address that the kernel has for it: 1, or 0 where it has none. */
int net_neighbour_find(struct nl_sock *socket, unsigned index, const struct net_address *address,
		       uint8_t mac[NET_MAC_SIZE], struct error *error);

#endif
