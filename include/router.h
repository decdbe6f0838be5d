/* The student's router: `pyroute run`. */
#ifndef PYROUTE_ROUTER_H
#define PYROUTE_ROUTER_H

#include "error.h"
#include "privilege.h"

/* Runs ARGV as CALLER with CAP_NET_RAW alone, and waits for it; the stage's end, by which GUARD
 * becomes readable (session_guard()), ends it and all that it started. Sets *STATUS as
 * enter_client() does. */
int router_run(const struct caller *caller, int guard, char *const *argv, int *status,
	       struct error *error);

#endif
