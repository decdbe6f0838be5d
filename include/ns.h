/* Namespaces: making them with clone(2), mapping a user namespace's ids, entering them. */
#ifndef PYROUTE_NS_H
#define PYROUTE_NS_H

#include "error.h"

#include <sys/types.h>

/* The order is that of entering: the user namespace first, because it gives the right to enter the
 * others; the mount namespace last of those that a path is needed for. */
enum ns_kind { NS_USER, NS_PID, NS_IPC, NS_UTS, NS_CGROUP, NS_NET, NS_MNT, NS_KINDS };

/* Its name in /proc/PID/ns and in the limits of /proc/sys/user, and its flag for clone(2). */
const char *ns_kind_name(enum ns_kind kind);
int ns_kind_flag(enum ns_kind kind);

/* The namespaces of a process, each by an fd that keeps it alive; -1 where one is not held. */
struct ns_set {
	int fd[NS_KINDS];
};
#define NS_SET_NONE ((struct ns_set){.fd = {-1, -1, -1, -1, -1, -1, -1}})
void ns_set_close(struct ns_set *set);
#define CLEANUP_NS_SET CLEANUP(ns_set_close)

/* Opens the calling process's own namespaces below PROC, an fd of a procfs in which it is visible.
 * Nobody else need be allowed to trace it for that. */
int ns_open_own(int proc, struct ns_set *set, struct error *error);

/* Opens one of these. */
int ns_open_self(int proc, enum ns_kind kind, struct error *error);

/* Opens one namespace of the process PID: its parent's business, who knows that it is still it. */
int ns_open_of(pid_t pid, enum ns_kind kind, struct error *error);

/* Enters every namespace of SET. The pid namespace is for children made from now on. */
int ns_enter(const struct ns_set *set, struct error *error);

/* The same for the one namespace that FD is. */
int ns_enter_one(int fd, enum ns_kind kind, struct error *error);

/* Runs MAIN(ARGUMENT) in a new child with FLAGS of clone(2) (CLONE_NEW..., CLONE_PARENT); the child
 * exits with what MAIN returns. The child's memory is a copy, as after fork(2). Returns its pid,
 * and its pidfd, which is the caller's, unless PIDFD is NULL. */
pid_t ns_clone(int flags, int (*main)(void *argument), void *argument, int *pidfd,
	       struct error *error);

/* The same, but the child lives in the control group CGROUP from the beginning, a directory of
 * version 2; -1: in ours. */
pid_t ns_clone_into(int cgroup, int flags, int (*main)(void *argument), void *argument, int *pidfd,
		    struct error *error);

/* The same as ns_clone(), but the child shares our memory, and we wait until it is through with it:
 * until its exec, or its end (vfork(2)). Nothing of ours is copied for it. It must leave what it
 * finds as it is wanted; where it is killed in the middle of something, that is how it is left. */
pid_t ns_clone_shared(int flags, int (*main)(void *argument), void *argument, int *pidfd,
		      struct error *error);

/* The same, but the child lives in the control group CGROUP, the directory of one. */
pid_t ns_clone_shared_into(int cgroup, int flags, int (*main)(void *argument), void *argument,
			   struct error *error);

/* The same as ns_clone_shared(), but we go on beside the child, and as long as it lives do nothing
 * but wait for it: whatever we write it may read. STACK, the caller's, is its stack. */
pid_t ns_clone_beside(int flags, int (*main)(void *argument), void *argument, int *pidfd,
		      char **stack, struct error *error);
void ns_free_stack(char **stack);

/* COUNT ids from INSIDE on in the user namespace are those from OUTSIDE on in its parent. */
struct ns_ids {
	unsigned inside;
	unsigned outside;
	unsigned count;
};

/* Writes the user and the group map of the user namespace that the child PID was born in. */
int ns_map(pid_t pid, const struct ns_ids *uids, const struct ns_ids *gids, struct error *error);

/* As ns_map(), where the caller has no right to map other ids: 0 inside is its own effective id,
 * and there are no others. Groups can then not be changed inside (user_namespaces(7)). */
int ns_map_single(pid_t pid, struct error *error);

/* All ids of the caller's user namespace, each to itself, as its maps are written: the kernel takes
 * less than a page. */
#define NS_MAP_SIZE 4096
struct ns_maps {
	char uids[NS_MAP_SIZE], gids[NS_MAP_SIZE];
};
int ns_maps_read(struct ns_maps *maps, struct error *error);

/* As ns_map(), by MAPS, for the process that is PID below PROC, an fd of a procfs. Needs
 * CAP_SETUID, CAP_SETGID and CAP_SETFCAP there (user_namespaces(7)). */
int ns_map_as(int proc, pid_t pid, const struct ns_maps *maps, struct error *error);

/* 1 where the calling process's user namespace has the group GID, else 0. */
int ns_has_group(gid_t gid, struct error *error);

/* Makes a user namespace, and those that FLAGS of clone(2) name, owned by it, which no process
 * lives in: SET, the caller's, alone keeps them. It has the one extent of ids that each of UIDS and
 * GIDS tells; CAP_SETUID and CAP_SETGID over the caller's own user namespace are needed for others
 * than the caller's. */
int ns_make(int flags, const struct ns_ids *uids, const struct ns_ids *gids, struct ns_set *set,
	    struct error *error);

/* The user namespace alone, for an idmapped mount. Returns its fd, the caller's. */
int ns_user_for_idmap(const struct ns_ids *uids, const struct ns_ids *gids, struct error *error);

#endif
