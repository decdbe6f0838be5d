/* A checkout's running stage: the way to its keeper, its end, and what one that crashed leaves.
 * Its start is start.h. One with scripts of its own (scripts.h) has a record in the place of a
 * keeper. Two locks serialise starts and stops: first the caller's own, in this checkout, then
 * root's, where the computer is changed. */
#ifndef PYROUTE_SESSION_H
#define PYROUTE_SESSION_H

#include "checkout.h"
#include "error.h"
#include "host.h"
#include "record.h"
#include "rundir.h"
#include "stage.h"

#define SESSION_SOCKET "socket" /* in the session's directory */

/* Where a checkout's stage has its socket, journal and lock. */
struct session {
	const struct checkout *checkout; /* borrowed */
	const struct caller *caller;	 /* borrowed */
	char id[RUNDIR_ID_SIZE];	 /* of the checkout; names its directory */
	int base;			 /* the directory of all of them */
	int dir;			 /* this one's; -1 where there is none */
	struct record record;		 /* of a stage with scripts; with the lock, once taken */
};
#define SESSION_NONE ((struct session){.base = -1, .dir = -1, .record = RECORD_EMPTY})
void session_close(struct session *session);
#define CLEANUP_SESSION CLEANUP(session_close)

/* Opens what there is, to ask the keeper. Makes nothing. SESSION refers to itself from now on, and
 * must not be moved. */
int session_open(const struct checkout *checkout, const struct caller *caller,
		 struct session *session, struct error *error);

/* The name of the stage that runs, if it is one with scripts of its own, else NULL. */
const char *session_scripted(const struct session *session);

/* Connects to the keeper of the stage that runs. Returns the socket, the caller's; -ESRCH: none
 * runs. -EACCES: it is somebody else's. -EOPNOTSUPP: it has no keeper, but scripts. */
int session_connect(const struct session *session, struct error *error);

/* Returns an fd, the caller's, that becomes readable or hangs up when the stage that runs ends, of
 * whichever kind it is; -ESRCH: none runs. */
int session_guard(const struct session *session, struct error *error);

/* Takes down the stage that runs, and puts back what it changed; its name goes to NAME. WANTED, if
 * not NULL, must be its name, else -EINVAL. -ESRCH: none runs, and nothing of one that crashed is
 * left either. Needs root, but for one with scripts, which still runs where its down.sh failed.
 * -ECANCELED, as below. */
int session_down(struct session *session, const char *wanted, char name[STAGE_NAME_SIZE],
		 struct error *error);

/* For a start, which needs root: takes the lock and clears away after stages that crashed, of any
 * checkout. Returns the lock, to be held through the start. From here on the signals that ask us
 * to end (process_ending_signals()) are blocked. -ECANCELED: one came while somebody else held the
 * lock; it is still pending. */
int session_lock(struct session *session, struct error *error);

/* Ends the stage that runs, if one does. LOCK is held; while a down.sh runs it is not, so that the
 * computer may have changed by then. -ECANCELED as above. */
int session_end_running(struct session *session, int *lock, struct error *error);

/* For the start of a stage with scripts: takes the caller's own lock, until session_close(), and
 * ends the stage that runs, if one does; root is needed where that is one of ours. Signals and
 * -ECANCELED as with session_lock(). */
int session_make_way(struct session *session, struct error *error);

/* Fills in the first stage of any checkout that has a journal in BASE (rundir_open_base()): 1; 0
 * where there is none. */
int session_find_any(int base, struct host_stage *stage, struct error *error);

/* Removes what a stage leaves that is the living's to remove: the journal, once all that it tells
 * is put back, and the directory. */
int session_clear_away(const struct session *session, struct error *error);

#endif
