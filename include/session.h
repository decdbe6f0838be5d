/* A checkout's running stage: the way to its keeper, its end, and what one that crashed leaves.
 * Its start is start.h. */
#ifndef PYROUTE_SESSION_H
#define PYROUTE_SESSION_H

#include "checkout.h"
#include "error.h"
#include "rundir.h"
#include "stage.h"

#include <signal.h>

#define SESSION_SOCKET "socket" /* in the session's directory */

/* Where a checkout's stage has its socket, journal and lock. */
struct session {
	const struct checkout *checkout; /* borrowed */
	const struct caller *caller;	 /* borrowed */
	char id[RUNDIR_ID_SIZE];	 /* of the checkout; names its directory */
	int base;			 /* the directory of all of them */
	int dir;			 /* this one's; -1 where there is none */
};
#define SESSION_NONE                                                                               \
	(struct session)                                                                           \
	{                                                                                          \
		.base = -1, .dir = -1                                                              \
	}
void session_close(struct session *session);
#define CLEANUP_SESSION CLEANUP(session_close)

/* Opens what there is, to ask the keeper. Makes nothing. */
int session_open(const struct checkout *checkout, const struct caller *caller,
		 struct session *session, struct error *error);

/* Connects to the keeper of the stage that runs. Returns the socket, the caller's; -ESRCH: none
 * runs. -EACCES: it is somebody else's. */
int session_connect(const struct session *session, struct error *error);

/* Takes down the stage that runs, and puts back what it changed; its name goes to NAME. WANTED, if
 * not NULL, must be its name, else -EINVAL. -ESRCH: none runs, and nothing of one that crashed is
 * left either. Needs root. */
int session_down(struct session *session, const char *wanted, char name[STAGE_NAME_SIZE],
		 struct error *error);

/* For a start, which needs root: takes the lock and clears away after stages that crashed, of any
 * checkout. Returns the lock, to be held through the start. From here on session_signals() are
 * blocked. */
int session_lock(struct session *session, struct error *error);

/* Ends the stage that runs, if one does. The lock is held. */
int session_end_running(struct session *session, struct error *error);

/* The signals that end a start, in good order: SIGINT, SIGTERM, SIGHUP. */
void session_signals(sigset_t *set);

/* Removes what a stage leaves that is the living's to remove: the journal, once all that it tells
 * is put back, and the directory. */
int session_clear_away(const struct session *session, struct error *error);

#endif
