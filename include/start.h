/* The start of a stage. */
#ifndef PYROUTE_START_H
#define PYROUTE_START_H

#include "keeper.h"
#include "session.h"

/* What there is to say of a start beside its success or failure. */
struct start_outcome {
	int signalled; /* one of process_ending_signals() ended it: then the result is -ECANCELED */
	bool legs_all_only; /* NET_LEG_ALL_ONLY of net.h: bpf(2) is refused here */
};

/* Somebody who looks on: TELL(CONTEXT, ...) is called every so often while a start goes on. */
struct start_watcher {
	keeper_tell *tell;
	void *context;
};

/* Brings STAGE up, after stopping the one that runs in SESSION. Needs root. On every way out but
 * success nothing of it is left. LIMITS false: without control groups, on a machine that has
 * none. WATCHER may be NULL. */
int start_stage(struct session *session, const struct stage *stage, bool limits,
		const struct start_watcher *watcher, struct start_outcome *outcome,
		struct error *error);

/* The same for the stage NAME with scripts of its own: calls its up.sh; where that fails, its
 * down.sh. Needs root only to stop a stage of the other kind. */
int start_scripts(struct session *session, const char *name, struct start_outcome *outcome,
		  struct error *error);

#endif
