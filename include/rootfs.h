/* The root filesystem that all clients share. */
#ifndef PYROUTE_ROOTFS_H
#define PYROUTE_ROOTFS_H

#include "error.h"

#include <limits.h>

/* Opens it (O_PATH), once it is seen to be one: a folder with a shell for this machine's
 * architecture. The caller's to close. -ENOENT: it was never built; the text tells how. */
int rootfs_open(struct error *error);

/* Where it is, and what it says of itself; what is not known is empty. */
struct rootfs_facts {
	char path[PATH_MAX];
	char suite[64]; /* of Debian: VERSION_CODENAME of os-release(5) */
	char stamp[64]; /* of rootfs/build.sh */
};

/* Fills in FACTS, and says as rootfs_open() whether it is of use: 0 or -errno. */
int rootfs_look(struct rootfs_facts *facts, struct error *error);

#endif
