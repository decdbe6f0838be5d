/* The start of a stage. */
#ifndef PYROUTE_START_H
#define PYROUTE_START_H

#include "keeper.h"
#include "session.h"
#include "timing.h"

/* So many open files a start takes at least. */
#define START_FILES 64

/* What there is to say of a start beside its success or failure. */
struct start_outcome {
	int signalled; /* one of process_ending_signals() ended it: then the result is -ECANCELED */
	bool legs_all_only;	     /* NET_LEG_ALL_ONLY of net.h: bpf(2) is refused here */
	bool private;		     /* the legs are in a network namespace of the stage's own */
	bool one_id;		     /* its clients have no other ids than their root's */
	struct client_limits limits; /* what limits the clients where control groups do not */
};

/* Somebody who looks on: TELL(CONTEXT, ...) is called every so often while a start goes on. */
struct start_watcher {
	keeper_tell *tell;
	void *context;
};

/* Where the time of a start went. */
struct start_timing {
	struct timing starter;
	struct timing *others; /* shared: the keeper's, then each client's */
};

/* How a stage is wanted. */
struct start_wish {
	bool limits;			     /* false: none, on a machine without control groups */
	bool private;			     /* also as root */
	const struct start_watcher *watcher; /* NULL: nobody */
	struct start_timing *timing;	     /* NULL: nobody asks */
};

/* Brings STAGE up, after stopping the one that runs in SESSION. Who is not root gets a private one:
 * the computer's side of its wires is a network namespace of the stage's, and nothing changes on
 * the computer. On every way out but success nothing of it is left. */
int start_stage(struct session *session, const struct stage *stage, const struct start_wish *wish,
		struct start_outcome *outcome, struct error *error);

/* The same for the stage NAME with scripts of its own: calls its up.sh; where that fails, its
 * down.sh. Needs root only to stop a stage of the other kind. */
int start_scripts(struct session *session, const char *name, struct start_outcome *outcome,
		  struct error *error);

#endif
