/* The root filesystem that all clients share. */
#ifndef PYROUTE_ROOTFS_H
#define PYROUTE_ROOTFS_H

#include "error.h"

/* Opens it (O_PATH), once it is seen to be one: a folder with a shell for this machine's
 * architecture. The caller's to close. -ENOENT: it was never built; the text tells how. */
int rootfs_open(struct error *error);

#endif
