/* The ends of a net's wires: the computer's leg and a client's interfaces. What lies between them
 * is switchboard.h's. */
#ifndef PYROUTE_WIRE_H
#define PYROUTE_WIRE_H

#include "error.h"
#include "net.h"
#include "stage.h"

#include <net/if.h>

struct nl_sock;

/* The far end of a leg: what the keeper asks the starter to join the computer to, along with an fd
 * of the network namespace. Crosses a socket. */
struct wire_far_end {
	uint32_t net; /* number */
	char name[IFNAMSIZ];
	uint8_t mac[MAC_SIZE];
	uint8_t mac_given; /* 0 or 1; 0: the kernel chooses one: a bridge's port */
};

/* A leg, as a journal remembers it: index and Ethernet address tell it from any other link that may
 * one day bear its name. */
struct wire_leg {
	char name[IFNAMSIZ];
	unsigned index;
	uint8_t mac[MAC_SIZE];
};

#define WIRE_LEGS_MAX 16

/* Legs that are made and not up yet. */
struct wire_legs {
	struct wire_leg leg[WIRE_LEGS_MAX];
	const struct stage_net *net[WIRE_LEGS_MAX]; /* whose each is; borrowed */
	size_t count;
	bool all_only; /* NET_LEG_ALL_ONLY of net.h, of one that came up */
};

/* The name of NET's leg: netN. */
void wire_leg_name(const struct stage_net *net, char name[IFNAMSIZ]);

/* The name of a client's interface number INDEX: ethINDEX. */
void wire_interface_name(size_t index, char name[IFNAMSIZ]);

/* ADDRESS as net.h has it. */
struct net_address wire_address(const struct stage_address *address, enum family family);

/* In the computer's network namespace: joins it to FAR in the namespace FAR_NS by what will be
 * NET's leg, which LEGS, not full, has one more by then. Where that fails half way, what there is
 * stands behind the last in LEGS, else its index there is 0. KIT is opened for the first one. */
int wire_make_leg(struct nl_sock *socket, struct net_leg_kit *kit, const struct stage_net *net,
		  const struct wire_far_end *far, int far_ns, struct wire_legs *legs,
		  struct error *error);

/* Makes LEGS silent legs with their nets' addresses that are up, and none is left in LEGS. Better
 * when many are made: see net_leg_prepare(). OWN_NS is as in net_leg_raise(). */
int wire_raise_legs(struct nl_sock *socket, const struct net_leg_kit *kit, bool own_ns,
		    struct wire_legs *legs, struct error *error);

/* The clients' ends of the wires being up: settles every leg of STAGE (net_leg_settle()). SOCKET is
 * of the network namespace that they are in. */
int wire_settle_legs(struct nl_sock *socket, const struct stage *stage, struct error *error);

#endif
