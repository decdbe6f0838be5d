/* What must be known of running stages lies in the base of the user whose rights they have:
 * /run/pyroute for root, with one lock for all, and for each stage that runs a directory with its
 * socket and journal; /tmp/pyroute-UID for others. A base belongs to its owner, nobody
 * else may write to it, and no link is followed to it.
 *
 * It is /tmp, as with tmux(1), and not $XDG_RUNTIME_DIR, because that directory goes when its user
 * logs out and a stage does not; and a user to whom su(1) or cron(8) gave no such directory would
 * later look in another place than they had written to. */
#ifndef PYROUTE_RUNDIR_H
#define PYROUTE_RUNDIR_H

#include "error.h"
#include "stage.h"

#include <sys/types.h>

#define RUNDIR_SOCKET  "socket" /* in a stage's directory: the way to its keeper */
#define RUNDIR_ID_SIZE (STAGE_NAME_SIZE + sizeof("+ffffffffffffffff-ffffffffffffffff"))

/* The name of the directory of a stage of the checkout whose folder DIR is open on: the same for as
 * long as the folder exists, wherever it is moved to. The mounts of its src/ keep a folder that was
 * deleted from giving its inode to a new one as long as its stage runs. NAME is what the stage was
 * started by, NULL where by none: then it is "DEVICE-INODE", else "NAME+DEVICE-INODE". With the
 * name in front, and a sign behind it that no name has, nothing that is called ID and something is
 * another's ID. */
int rundir_id(int dir, const char *name, char id[RUNDIR_ID_SIZE], struct error *error);

/* Opens OWNER's base, whose rights we should have; with MAKE, makes it first. -EPERM where it is
 * not OWNER's alone. Returns its fd; -ENOENT where there is none. */
int rundir_open_base(uid_t owner, bool make, struct error *error);

/* Removes OWNER's base if it is empty; root's stays. */
int rundir_remove_base(uid_t owner, struct error *error);

/* Opens ID's directory below BASE, likewise. */
int rundir_open(int base, const char *id, bool make, struct error *error);

/* Opens, with FLAGS of open(2), the file NAME in BASE: a regular one of the base's owner, with no
 * other name, or -EINVAL. Returns its fd, the caller's. */
int rundir_open_file(int base, const char *name, int flags, struct error *error);

/* Calls VISIT(CONTEXT, ...) for every stage's directory below BASE, by its ID, until one returns
 * what is not 0; returns that. */
typedef int rundir_visit(void *context, int base, const char *id, struct error *error);
int rundir_for_each(int base, rundir_visit *visit, void *context, struct error *error);

/* The same for every regular file in BASE, by its name. */
int rundir_for_each_file(int base, rundir_visit *visit, void *context, struct error *error);

/* For who finds a lock taken: waits a moment before the next try. -ECANCELED where one of
 * process_ending_signals() came that is held back; it is still pending. */
int rundir_pause(struct error *error);

/* Takes the lock that whoever starts or stops a stage holds. Returns its fd: closing it lets go.
 * -EWOULDBLOCK where somebody has it. */
int rundir_lock(int base, struct error *error);

/* Puts the path of ID's directory, and ": ", before the text that is there. Returns
 * -(error->code). */
int rundir_prefix(int base, const char *id, struct error *error);

/* Removes ID's directory with what may be left in it. */
int rundir_remove(int base, const char *id, struct error *error);

#endif
