/* What a process of a stage sees as its file system: the keeper's bare root, and from it each
 * client's. */
#ifndef PYROUTE_ROOT_H
#define PYROUTE_ROOT_H

#include "error.h"
#include "stage.h"

/* In the keeper, new in its user, mount, pid and network namespace: replaces all it sees of the
 * host by a small tmpfs that holds what clients of STAGE are made of, and nothing else. ROOTFS and
 * SRC are detached mounts, with their ids mapped; both stay the caller's. */
int root_make_for_keeper(const struct stage *stage, int rootfs, int src, struct error *error);

#define ROOT_MASKED    19
#define ROOT_READ_ONLY 4

/* What the kernel has in /proc and /sys that a client may not have, the same for all clients of a
 * stage. What a module that is loaded later brings there stays uncovered, as in clients that run.
 */
struct root_survey {
	bool has_tty;			 /* the group of terminals; a stage with one id has not */
	const char *masked[ROOT_MASKED]; /* what each is covered by; NULL: it is not there */
	bool read_only[ROOT_READ_ONLY];	 /* it is there */
};

/* In the keeper, after that. */
int root_survey(struct root_survey *survey, struct error *error);

/* In a client's first process, new in namespaces copied from the keeper's: makes its procfs.
 * Returns the mount, detached, the caller's. */
int root_make_proc(struct error *error);

/* There, makes the client's root on OVERLAY, a detached mount that stays the caller's (-1: on one
 * that it makes), with PROC in it, and moves into it. Nothing of the keeper's is left in sight. */
int root_make_for_client(const struct stage_client *client, const struct root_survey *survey,
			 int overlay, int proc, struct error *error);

/* Where the overlays are made by the computer's root (overlay.h): leaves the computer's mount
 * namespace for a private copy, and makes there, out of sight, a directory to make overlays in, on
 * ROOTFS, a detached mount with its ids mapped. Returns the directory's fd, the caller's. */
int root_make_for_overlays(int rootfs, struct error *error);

#endif
