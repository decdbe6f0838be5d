/* The student's router: `pyroute run`. */
#ifndef PYROUTE_ROUTER_H
#define PYROUTE_ROUTER_H

#include "error.h"
#include "privilege.h"

/* Runs ARGV as CALLER with CAP_NET_RAW alone, and waits for it; the end of the connection KEEPER,
 * which is the stage's, ends it and all that it started. Sets *STATUS as enter_client() does. */
int router_run(const struct caller *caller, int keeper, char *const *argv, int *status,
	       struct error *error);

#endif
