/* The student's router: `pyroute run`. */
#ifndef PYROUTE_ROUTER_H
#define PYROUTE_ROUTER_H

#include "error.h"
#include "ns.h"
#include "privilege.h"
#include "supervise.h"

/* Runs ARGV as CALLER with CAP_NET_RAW alone, and waits for it; the stage's end, by which GUARD
 * becomes readable (session_guard()), ends it and all that it started. It runs in COMPUTER, the
 * computer's side of a private stage, with the files that CALLER has outside; where that is
 * NS_SET_NONE on the computer itself, which needs root. Where it was killed, the caller's terminal
 * is put back as it was. Sets *STATUS as enter_client() does. */
int router_run(const struct caller *caller, const struct ns_set *computer,
	       const struct supervise_guard *guard, char *const *argv, int *status,
	       struct error *error);

#endif
