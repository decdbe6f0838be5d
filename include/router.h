/* The student's router: `pyroute run`. */
#ifndef PYROUTE_ROUTER_H
#define PYROUTE_ROUTER_H

#include "error.h"
#include "ns.h"
#include "privilege.h"
#include "supervise.h"

/* Where a router runs: in COMPUTER, the computer's side of a private stage, or where that is
 * NS_SET_NONE on the computer itself, which needs root. */
struct router_place {
	const struct caller *caller;
	const struct ns_set *computer;
};

/* Becomes, in a child, what a router is: CALLER with CAP_NET_RAW alone, in its place, with the
 * files that CALLER has outside. */
int router_become_child(const struct router_place *place, struct error *error);

/* Runs ARGV as CALLER with CAP_NET_RAW alone, and waits for it; the stage's end, by which GUARD
 * becomes readable (session_guard()), ends it and all that it started. It runs in COMPUTER, the
 * computer's side of a private stage, with the files that CALLER has outside; where that is
 * NS_SET_NONE on the computer itself, which needs root. Where it was killed, the caller's terminal
 * is put back as it was. Sets *STATUS as enter_client() does. */
int router_run(const struct caller *caller, const struct ns_set *computer,
	       const struct supervise_guard *guard, char *const *argv, int *status,
	       struct error *error);

#endif
