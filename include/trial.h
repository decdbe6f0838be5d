/* Trying something in a child of its own, in namespaces of its own: what it makes goes with it, and
 * what it breaks is its own. */
#ifndef PYROUTE_TRIAL_H
#define PYROUTE_TRIAL_H

#include "error.h"
#include "subids.h"

struct trial {
	int flags; /* CLONE_NEW...; with CLONE_NEWUSER the child is root of it, and has mounts too
		    */
	/* Returns what is not negative, or -errno. */
	int (*run_child)(void *argument, struct error *error);
	void *argument;		  /* the child sees a copy of it */
	const struct subids *ids; /* what its user namespace has; NULL: as a start maps them */
	bool began; /* set: there was a child with these namespaces, and with their rights */
};

/* Runs TRIAL and returns what its function did; -errno too where its child could not be made, or
 * took longer than five seconds. */
int trial_run(struct trial *trial, struct error *error);

#endif
