/* The computer's side of a private stage's wires: a network namespace that holds the legs, owned by
 * a user namespace in which the student is who they are on the computer and has, at first, every
 * capability over that network. No process lives in it; it is there as long as somebody keeps it,
 * which is the keeper, and who runs a router in it. */
#ifndef PYROUTE_COMPUTER_H
#define PYROUTE_COMPUTER_H

#include "error.h"
#include "ns.h"
#include "privilege.h"

struct nl_sock;

/* Makes it for STUDENT, whose ids are those of OUTSIDE in the calling process's user namespace.
 * COMPUTER gets the user and the network namespace, and is the caller's. */
int computer_make(const struct caller *student, const struct caller *outside,
		  struct ns_set *computer, struct error *error);

/* In it (computer_enter()), before there is a leg: nothing is forwarded, and lo is up. SOCKET is of
 * this network namespace. */
int computer_settle(struct nl_sock *socket, struct error *error);

/* Takes the calling process into COMPUTER's network namespace, and no further. */
int computer_enter(const struct ns_set *computer, struct error *error);

#endif
