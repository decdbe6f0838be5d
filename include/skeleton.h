/* A layer between a root filesystem that is somebody else's and the clients' own layers: its
 * directories, and copies of the files that programs change in place, as the clients' root's. */
#ifndef PYROUTE_SKELETON_H
#define PYROUTE_SKELETON_H

#include "error.h"

/* The layer's two parts, as paths in the directory that it is made in: they come above "rootfs",
 * the tree first. */
#define SKELETON_TREE	"skeleton/tree"
#define SKELETON_HIDDEN "skeleton/hidden"

/* Makes the layer in BASE, an fd of an attached directory that may be written and holds "rootfs",
 * the root filesystem. For a process that is root of its user namespace; it need not be allowed to
 * read all of "rootfs". -ENOSPC: it has more directories and small files than the layer may hold;
 * -ELOOP: more directories in one another. */
int skeleton_make(int base, struct error *error);

/* 1 where BASE holds one, else 0. */
int skeleton_is_in(int base, struct error *error);

#endif
