/* What a stage leaves that the living must put back: the end of one that is stopped, and of one
 * whose keeper was killed. */
#ifndef PYROUTE_RECOVERY_H
#define PYROUTE_RECOVERY_H

#include "error.h"

/* Puts back what the journal of the stage ID (rundir.h) tells, or leaves it to another stage that
 * shares it, and then removes its directory below BASE. */
int recovery_clear_away(int base, const char *id, struct error *error);

/* Clears away after every stage of BASE that has no keeper any more, of whichever checkout. The
 * lock is held, so that it is no start in progress. */
int recovery_run(int base, struct error *error);

#endif
