/* The start of a stage. */
#ifndef PYROUTE_START_H
#define PYROUTE_START_H

#include "session.h"

/* Brings STAGE up, after stopping the one that runs in SESSION. Needs root. On every way out but
 * success nothing of it is left. LIMITS false: without control groups, on a machine that has none.
 * -ECANCELED where SIGINT, SIGTERM or SIGHUP came; *SIGNALLED says which. */
int start_stage(struct session *session, const struct stage *stage, bool limits, int *signalled,
		struct error *error);

#endif
