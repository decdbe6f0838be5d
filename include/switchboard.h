/* How a net becomes links, in the keeper. A net of two ends is a plain veth pair between the two
 * namespaces. All others have their middle in the keeper's network namespace, out of the computer's
 * sight and of the clients' reach, with a veth pair to each end: a net of two ends that delays,
 * loses or limits joins these two; one of more ends (or of a single one) is a switch, that is a
 * bridge, and the computer's leg sees every frame on it exactly once. */
#ifndef PYROUTE_SWITCHBOARD_H
#define PYROUTE_SWITCHBOARD_H

#include "error.h"
#include "stage.h"

struct ends;
struct net_offloads;
struct nl_sock;
struct wire_far_end;

/* Asks for a leg whose far end is FAR in the namespace FAR_NS; CONTEXT is the caller's own. Returns
 * 0 where it is there, SWITCHBOARD_LATER where it will be, which is only for who says that it can
 * WAIT, or -errno. */
#define SWITCHBOARD_LATER 1
typedef int switchboard_ask_leg(void *context, const struct wire_far_end *far, int far_ns,
				bool can_wait, struct error *error);

/* What it takes to make wires. All is borrowed. */
struct switchboard {
	struct nl_sock *socket; /* of the keeper's network namespace */
	int ns;			/* that namespace */
	const struct stage *stage;
	const struct ends *ends;
	const struct net_offloads *offloads;
	const int *client_ns; /* client_ns[i] is that of stage->clients[i] */
	switchboard_ask_leg *ask;
	void *context; /* for ASK */
};

/* Before there is a wire: sets what the kernel's network does in the calling process's namespace,
 * which is to carry frames and nothing else. */
int switchboard_settle(struct error *error);

/* Makes every wire of NET. Returns 0, or SWITCHBOARD_LATER where it is one that was asked for. */
int switchboard_make_net(const struct switchboard *board, const struct stage_net *net,
			 struct error *error);

/* The clients being up: makes sure that the first frame on NET passes. */
int switchboard_settle_net(const struct switchboard *board, const struct stage_net *net,
			   struct error *error);

#endif
