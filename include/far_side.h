/* The computer's side of a private stage's wires as the keeper holds it: where its starter is not
 * root it makes the legs there by itself. */
#ifndef PYROUTE_FAR_SIDE_H
#define PYROUTE_FAR_SIDE_H

#include "error.h"
#include "net.h"
#include "ns.h"
#include "privilege.h"
#include "stage.h"
#include "wire.h"

struct far_side {
	struct ns_set ns;
	struct nl_sock *socket; /* in that network namespace, while legs are made; else NULL */
	struct net_leg_kit kit;
	int own_ns; /* the keeper's network namespace; borrowed, while legs are made */
	struct wire_legs legs;
};
#define FAR_SIDE_NONE ((struct far_side){.ns = NS_SET_NONE, .kit = NET_LEG_KIT_NONE, .own_ns = -1})
void far_side_close(struct far_side *far);

/* Makes it, which is the STUDENT's, from the network namespace OWN_NS, where the caller is and
 * stays.
 */
int far_side_make(struct far_side *far, const struct caller *student, int own_ns,
		  struct error *error);

/* Makes a leg of NET there, as wire_make_leg(); raises all that are made, as wire_raise_legs(). */
int far_side_make_leg(struct far_side *far, const struct stage_net *net,
		      const struct wire_far_end *wanted, int far_ns, struct error *error);
int far_side_raise_legs(struct far_side *far, struct error *error);

/* wire_settle_legs(), if there are any; no more are made after that. */
int far_side_settle(struct far_side *far, const struct stage *stage, struct error *error);

#endif
