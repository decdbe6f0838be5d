/* Who reaps what connect brings into a client: a small program of ours, bare/reap.c. */
#ifndef PYROUTE_STEWARD_H
#define PYROUTE_STEWARD_H

#include "error.h"

#include <sys/types.h>

/* Makes us a process that does nothing but wait: in a session of its own, away from the terminal,
 * with SIGTERM when PARENT dies. -ECANCELED where it is dead already. */
int steward_prepare(pid_t parent, struct error *error);

/* Waits until CHILD, one of ours, has ended, and reaps it: 0. -ECANCELED where the parent dies
 * first. Of ours nothing is written to, but errno. */
int steward_wait(pid_t child);

/* Becomes that program, which has no file open: it reaps our children until there are none, and
 * ends as CHILD does, one of them, with the exit status of a shell; when the parent dies it kills
 * CHILD. Returns only where that fails: -errno. */
int steward_become(pid_t child, struct error *error);

#endif
