/* A checkout's running stage: the way to its keeper, its end, and what one that crashed leaves.
 * Its start is start.h. One with scripts of its own (scripts.h) has a record in the place of a
 * keeper. One that was started without root has its directory in its user's own base (rundir.h),
 * and whatever is done to it is done with that user's rights alone. Two locks serialise starts and
 * stops: first the caller's own, in this checkout, then root's, where the computer is changed. */
#ifndef PYROUTE_SESSION_H
#define PYROUTE_SESSION_H

#include "checkout.h"
#include "error.h"
#include "host.h"
#include "record.h"
#include "rundir.h"
#include "stage.h"

/* Where a checkout's stage has its socket, journal and lock. */
struct session {
	const struct checkout *checkout; /* borrowed */
	const char *name;		 /* borrowed: --name; NULL: none */
	const struct caller *caller;	 /* borrowed */
	char id[RUNDIR_ID_SIZE];	 /* of the two; names its directory */
	bool own;			 /* the two below are the caller's, not root's */
	int base;			 /* the directory of all of them */
	int dir;			 /* this one's; -1 where there is none */
	int lock;			 /* root's, once taken */
	struct record record;		 /* of a stage with scripts; with the lock, once taken */
};
#define SESSION_NONE ((struct session){.base = -1, .dir = -1, .lock = -1, .record = RECORD_EMPTY})
void session_close(struct session *session);
#define CLEANUP_SESSION CLEANUP(session_close)

/* Opens what there is, to ask the keeper; of a checkout that is no more, nothing yet. NAME tells
 * the stages of one checkout apart: NULL is the one without a name. Makes nothing. SESSION refers
 * to itself from now on, and must not be moved. */
int session_open(const struct checkout *checkout, const struct caller *caller, const char *name,
		 struct session *session, struct error *error);

/* Where no stage runs here, opens the caller's own whose checkout was at this very path when it was
 * started: the folder was deleted, and perhaps made anew, which makes another checkout of it.
 * Returns 1 where there is a stage, else 0. */
int session_find_gone(struct session *session, struct error *error);
/* To be called by what only deals with the stage that runs. Where that was started without root,
 * and we are root by sudo, we become the caller for good: it is not for root to believe what such a
 * keeper says. */
int session_lower(const struct session *session, struct error *error);
/* As checkout_mark() and checkout_can_mark(), where .stage tells of this session: it is of the
 * stage without a name alone. */
int session_mark(const struct session *session, const char *stage, struct error *error);
int session_can_mark(const struct session *session, struct error *error);

/* The name of the stage that runs, if it is one with scripts of its own, else NULL. */
const char *session_scripted(const struct session *session);

/* Connects to the keeper of the stage that runs. Returns the socket, the caller's; -ESRCH: none
 * runs. -EACCES: it is somebody else's. -EOPNOTSUPP: it has no keeper, but scripts. */
int session_connect(const struct session *session, struct error *error);

/* Where ERROR is that the keeper which SOCKET leads to did not answer (-ETIMEDOUT), says whose it
 * is, its pid, and what to do. Returns -(error->code). */
int session_silent(const struct session *session, int socket, struct error *error);

/* Returns an fd, the caller's, that becomes readable or hangs up when the stage that runs ends, of
 * whichever kind it is; -ESRCH: none runs. */
int session_guard(const struct session *session, struct error *error);

/* Takes down the stage that runs, and puts back what it changed; its name goes to NAME. WANTED, if
 * not NULL, must be its name, else -EINVAL. -ESRCH: none runs, and nothing of one that crashed is
 * left either. Needs root for one that root started; one with scripts still runs where its down.sh
 * failed. -ECANCELED, as below. */
int session_down(struct session *session, const char *wanted, char name[STAGE_NAME_SIZE],
		 struct error *error);

/* For a start: takes the locks, to be held until session_close(). As root: root's too, and clears
 * away after stages that crashed, of any checkout. Else the stage will be in the caller's own base.
 * From here on the signals that ask us to end (process_ending_signals()) are blocked. -ECANCELED:
 * one came while somebody else held root's lock; it is still pending. */
int session_lock(struct session *session, struct error *error);

/* Then: ends the stage that runs, if one does. While a down.sh runs root's lock is not held, so
 * that the computer may have changed by then. -ECANCELED as above. -EPERM: it takes root to end it.
 */
int session_end_running(struct session *session, struct error *error);

/* For the start of a stage with scripts: takes the caller's own lock, until session_close(), and
 * ends the stage that runs, if one does; root is needed where that is one of ours. Signals and
 * -ECANCELED as with session_lock(). */
int session_make_way(struct session *session, struct error *error);

/* Removes what a stage leaves that is the living's to remove: the journal, once all that it tells
 * is put back, and the directory. */
int session_clear_away(const struct session *session, struct error *error);

#endif
