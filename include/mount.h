/* Mounts by file descriptor: made detached, given their attributes, and only then attached, at a
 * target that was opened inside a root that no link leads out of. */
#ifndef PYROUTE_MOUNT_H
#define PYROUTE_MOUNT_H

#include "error.h"

#include <limits.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/types.h>

struct mount_option {
	const char *key;
	const char *value; /* NULL: a flag */
};

/* Makes a file system of TYPE with OPTIONS (ends with a NULL key), detached, with ATTRIBUTES
 * (MOUNT_ATTR_..., fsmount(2)). Returns the mount's fd, the caller's. */
int mount_new(const char *type, const struct mount_option *options, unsigned attributes,
	      struct error *error);

/* Copies the mount that holds PATH, from there downwards, detached: the one mount, or with
 * AT_RECURSIVE in FLAGS all below it too. PATH may be "" for DIR itself. Returns the copy's fd. */
int mount_copy(int dir, const char *path, unsigned flags, struct error *error);

/* A directory by its path, and what tells it from any other that may come to stand there. */
struct mount_source {
	char path[PATH_MAX];
	dev_t device;
	ino_t inode;
};

/* Fills in SOURCE for the directory that DIR is open on. */
int mount_source_of(int dir, struct mount_source *source, struct error *error);

/* As mount_copy(), by path: of a directory that was opened in another mount namespace nothing can
 * be copied by its fd. -ESTALE where another directory stands there by now. The copy gets
 * ATTRIBUTES. */
int mount_copy_source(const struct mount_source *source, uint64_t attributes, struct error *error);

/* Adds ATTRIBUTES (MOUNT_ATTR_...) to the mount that FD is of; with AT_RECURSIVE in FLAGS also to
 * those below it. Makes it private too: the copy of a shared mount is its peer, and would get
 * whatever is mounted below that later (mount_namespaces(7), "Shared subtrees"). */
int mount_protect(int mount, unsigned flags, uint64_t attributes, struct error *error);

/* As mount_protect(), and shows the ids on disk as the ids of USER_NS (mount_setattr(2), "ID-mapped
 * mounts"). MOUNT must be detached. */
int mount_map(int mount, int user_ns, uint64_t attributes, struct error *error);

/* Lists what is mounted below the directory ABOVE, which ends without a slash, "c b a" by their
 * paths there, each before what it lies on, and says how many; what is mounted on one of EXCEPT
 * (ends with NULL) or below does not count. Of more than fit into TEXT only the first that were
 * mounted are listed. */
int mount_list_below(const char *above, const char *const *except, char *text, size_t size,
		     size_t *count, struct error *error);

/* Makes every mount of this namespace private: nothing that is done here is seen outside. */
int mount_isolate(struct error *error);

/* Makes every mount of this namespace a copy that follows its original: what is mounted or
 * unmounted there is here too, and nothing that is done here is seen there. */
int mount_follow(struct error *error);

/* Opens PATH below ROOT: links are followed inside ROOT only, magic links never (openat2(2)).
 * Returns an O_PATH fd. */
int mount_target(int root, const char *path, struct error *error);

/* Attaches MOUNT at PATH below ROOT. */
int mount_attach(int mount, int root, const char *path, struct error *error);

/* The same below a directory of a file system that the kernel alone fills: no link in the way can
 * be anybody's, so it is one system call for three. */
int mount_attach_in_kernel_fs(int mount, int fs, const char *path, struct error *error);

/* Makes ROOT, an attached mount, the root of this mount namespace, and lets go of the old one. */
int mount_become_root(int root, struct error *error);

#endif
