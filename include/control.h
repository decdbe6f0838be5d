/* Whether a stage's network is still as the stage says, so that nothing but the student's router
 * can carry its packets: in a client, and on the computer's side of the wires. What a router is
 * asked proves nothing about it otherwise: a client that forwards, a wire around the router or a
 * route that avoids it may carry the packets as well.
 *
 * Each function looks in a child of ours that enters the user and the network namespace of whom it
 * looks at and none else, so that no path of theirs is walked, and in which nobody can see it. Both
 * return 0, or -EBADE where something is otherwise, with one sentence that says what, and what to
 * do; what stands in it of theirs can be shown. Other codes: it could not be looked at. -EINTR: the
 * network changed time and again meanwhile.
 *
 * What is not looked at: rules of nftables(8), queueing disciplines and filters of tc(8), but for
 * the leg's own; settings other than forwarding, such as proxy ARP; programs that send frames
 * themselves, as the router does; where a client's links lead to. */
#ifndef PYROUTE_CONTROL_H
#define PYROUTE_CONTROL_H

#include "error.h"
#include "ns.h"
#include "stage.h"

/* Of CLIENT's namespaces the two are enough. The client is EXPECTED, of STAGE: of its links there
 * are lo and its interfaces, which are up, have their MTU and Ethernet address, use ARP and belong
 * to no bridge; their addresses are the stage's, or of IPv6 also link-local; so are the routes,
 * besides those that the kernel makes itself; no neighbour's Ethernet address is written down; no
 * rule chooses between tables of routes; and it forwards where the stage says so, and only there. A
 * link with a name that the kernel gives to what it makes itself (tunl0, sit0) and that is down is
 * no matter. */
int control_client(const struct ns_set *client, const struct stage *stage,
		   const struct stage_client *expected, struct error *error);

/* COMPUTER is as in service.h, NS_SET_NONE being our own namespaces. IPv4 is not forwarded there;
 * each leg of STAGE is there, is up, has its addresses and no other, belongs to no bridge, uses no
 * ARP and no multicast, has its filter on what arrives (net_guard.h), forwards nothing of either
 * family, and no route of any table leads there. */
int control_computer(const struct ns_set *computer, const struct stage *stage, struct error *error);

#endif
