/* What there is in a network namespace, that of the calling thread: its links, addresses, routes,
 * neighbours and rules, one after the other, as plain data. Whoever has rights there chose the
 * names: they are not to be shown as they are. Each function returns 0, what VISIT returned where
 * that is negative and thus ended it, or -errno; -EINTR: the network changed meanwhile, and what
 * was visited may have something twice or lack something. */
#ifndef PYROUTE_NET_SURVEY_H
#define PYROUTE_NET_SURVEY_H

#include "net.h"

struct net_seen_link {
	unsigned index;
	char name[IFNAMSIZ];
	uint8_t mac[NET_MAC_SIZE]; /* zeros where its address is of another size */
	unsigned flags;		   /* IFF_... */
	unsigned mtu;		   /* bytes */
	unsigned master;	   /* of the bridge or the like that it belongs to; 0: none */
};
typedef int net_visit_link(void *context, const struct net_seen_link *link, struct error *error);
int net_survey_links(net_visit_link *visit, void *context, struct error *error);

struct net_seen_address {
	unsigned index; /* the link's */
	struct net_address address;
	bool peer; /* the prefix is that of another address, at the link's other end */
};
typedef int net_visit_address(void *context, const struct net_seen_address *address,
			      struct error *error);
int net_survey_addresses(net_visit_address *visit, void *context, struct error *error);

/* One of several next hops is visited as a route by itself, which is not plain. */
struct net_seen_route {
	unsigned table;		    /* RT_TABLE_... */
	uint8_t protocol, type;	    /* RTPROT_..., RTN_... */
	struct net_address to;	    /* its length 0: the default route */
	struct net_address gateway; /* family 0: none */
	unsigned index;		    /* of the link; 0: none */
	bool plain;		    /* that is all; its priority and metrics do not count */
};
typedef int net_visit_route(void *context, const struct net_seen_route *route, struct error *error);
int net_survey_routes(net_visit_route *visit, void *context, struct error *error);

struct net_seen_neighbour {
	unsigned index; /* the link's */
	struct net_address address;
	unsigned state, flags; /* NUD_..., NTF_... */
};
typedef int net_visit_neighbour(void *context, const struct net_seen_neighbour *neighbour,
				struct error *error);
int net_survey_neighbours(net_visit_neighbour *visit, void *context, struct error *error);

/* Which table is asked for a route (ip-rule(8)). None where the kernel has no such rules. */
struct net_seen_rule {
	int family;
	unsigned priority, table;
	bool plain; /* it holds for every packet */
};
typedef int net_visit_rule(void *context, const struct net_seen_rule *rule, struct error *error);
int net_survey_rules(net_visit_rule *visit, void *context, struct error *error);

#endif
