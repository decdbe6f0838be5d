/* What a process of a stage sees as its file system: the keeper's bare root, and from it each
 * client's. */
#ifndef PYROUTE_ROOT_H
#define PYROUTE_ROOT_H

#include "error.h"
#include "stage.h"

/* In the keeper, new in its user, mount, pid and network namespace: replaces all it sees of the
 * host by a small tmpfs that holds what clients are made of, and nothing else. ROOTFS and SRC are
 * detached mounts, with their ids mapped; both stay the caller's. */
int root_make_for_keeper(int rootfs, int src, struct error *error);

/* In a client's first process, new in namespaces copied from the keeper's: makes the client's root
 * and moves into it. Nothing of the keeper's is left in sight. */
int root_make_for_client(const struct stage *stage, const struct stage_client *client,
			 struct error *error);

#endif
