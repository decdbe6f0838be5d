/* The record that a stage with scripts of its own runs in a checkout: there is no keeper that would
 * answer for it. It is a file in the base (rundir.h) of the user whose stage it is, read and
 * written with their rights, and the lock of that user's starts and stops in this checkout too. */
#ifndef PYROUTE_RECORD_H
#define PYROUTE_RECORD_H

#include "error.h"
#include "privilege.h"
#include "rundir.h"
#include "stage.h"

#include <limits.h>

enum record_state {
	RECORD_NONE,	 /* no such stage runs */
	RECORD_STARTING, /* its up.sh was called, and by now it is not known what became of that */
	RECORD_UP,
};

struct record {
	const struct caller *caller; /* borrowed: whose it is */
	const char *checkout;	     /* borrowed: its path */
	const char *id;		     /* borrowed: the stage's, rundir_id() */
	enum record_state state;
	char stage[STAGE_NAME_SIZE];
	int file; /* open and locked; -1: it is not */
};
#define RECORD_EMPTY ((struct record){.file = -1})

/* Lets go of the lock; the file goes where it says that nothing runs. */
void record_close(struct record *record);
#define CLEANUP_RECORD CLEANUP(record_close)

/* Reads what is recorded, without the lock: a look at what may change the next moment. A base that
 * is not CALLER's holds nothing of theirs. What was written before the last boot counts as none. */
int record_read(struct record *record, struct error *error);

/* Waits for the lock, which record_close() lets go of, and reads. With MAKE the file is made where
 * there is none, else the result is -ENOENT. -EPERM: CALLER's base is somebody else's. -ECANCELED
 * as rundir_pause(). */
int record_lock(struct record *record, bool make, struct error *error);

/* Writes, under the lock, that STAGE is in STATE; record_clear(): that none runs. */
int record_write(struct record *record, const char *stage, enum record_state state,
		 struct error *error);
int record_clear(struct record *record, struct error *error);

/* Returns an fd, the caller's, that becomes readable when what is recorded as RECORD_UP no longer
 * is; -ESRCH where nothing is. */
int record_guard(const struct record *record, struct error *error);

/* What a record tells to those who do not know of the stage. */
struct record_told {
	char stage[STAGE_NAME_SIZE];
	char name[STAGE_NAME_SIZE]; /* by --name; empty: none */
	char checkout[PATH_MAX];    /* where it was at the start */
};

/* Calls VISIT(CONTEXT, ...) for every record in BASE (rundir_open_base()) that says RECORD_UP and
 * may be read, until one returns what is not 0; returns that. */
typedef int record_visit(void *context, const struct record_told *told, struct error *error);
int record_for_each(int base, record_visit *visit, void *context, struct error *error);

#endif
