/* A client's own network stack: its settings, interfaces, addresses and routes. */
#ifndef PYROUTE_STACK_H
#define PYROUTE_STACK_H

#include "error.h"
#include "net.h"
#include "stage.h"

/* In a client, its settings (settings.h) and its wires being there: brings up lo and every ethN
 * with its addresses, which are ready then, and the routes. IPv6 is on for the interfaces that have
 * an address of it, and for lo where the stage has IPv6. /proc/sys/net must be open to writing.
 * OFFLOADS are those of this kernel, to be switched off. */
int stack_raise(const struct stage *stage, const struct stage_client *client,
		const struct net_offloads *offloads, struct error *error);

/* The interface of CLIENT by whose net VIA, a next hop of FAMILY, is reached; the rules say there
 * is one. */
int stack_find_way(const struct stage *stage, const struct stage_client *client, enum family family,
		   const struct stage_address *via, char name[IFNAMSIZ], struct error *error);

#endif
