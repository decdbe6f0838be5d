/* A client's root: the shared root filesystem below, a layer over it of what all clients of a stage
 * have in common, a tmpfs of its own above. */
#ifndef PYROUTE_OVERLAY_H
#define PYROUTE_OVERLAY_H

#include "error.h"
#include "stage.h"

#include <sys/types.h>

/* What an overlay is made in: BASE is an fd of an attached directory that holds "rootfs", the root
 * filesystem, the empty directories "upper" and "common", and maybe the layer of skeleton.h. OWNER
 * is the id of the clients' root as seen from here: 0 in the stage's user namespace. */
struct overlay_place {
	int base;
	uid_t owner;
	bool in_user_namespace;
};

/* Says whether an overlay can be made in a user namespace. There its marks are user.overlay.*
 * attributes (userxattr), which a tmpfs can hold from Linux 6.6 on: without, removing a directory
 * of the root filesystem fails. On older kernels the computer's root makes the overlays. */
int overlay_works_in_user_namespace(bool *works, struct error *error);

/* Before the first overlay there: makes the layer of the directories that things are mounted on and
 * of the generated files that all clients of STAGE have. */
int overlay_make_common(const struct overlay_place *place, const struct stage *stage,
			struct error *error);

/* Makes CLIENT's root, with its own generated files. Returns the mount, detached, the caller's. */
int overlay_make(const struct overlay_place *place, const struct stage_client *client,
		 struct error *error);

#endif
