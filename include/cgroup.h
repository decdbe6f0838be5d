/* Control groups: what bounds a client's memory and processes. Version 2 and version 1, found at
 * run time. */
#ifndef PYROUTE_CGROUP_H
#define PYROUTE_CGROUP_H

#include "error.h"

#include <stdint.h>

#define CGROUP_NAME_SIZE 96
/* A group's path is that below the trees' mounts, without a slash at either end; "" is the top. */
#define CGROUP_PATH_SIZE 1024
#define CGROUP_PREFIX	 "pyroute-" /* with it begins the name of every parent group */
#define CGROUP_DOORS_MAX 2

struct cgroup_limits {
	unsigned pids;	 /* processes and threads at once */
	uint64_t memory; /* bytes */
};

/* The files that a group is entered by: writing a pid moves that process in, "0" the writer. The
 * right to do so is that of the process that opened them (cgroups(7); CVE-2021-4197): root can hand
 * them to one who has none, but to nobody who may not move every process of the machine. In version
 * 2 the group's directory may follow, its birthplace, where ns_clone_into() makes processes. That
 * waits for no RCU grace period, as the writer of the file does; but the right is not the opener's,
 * and whoever holds it can walk to all that lies around it. */
struct cgroup_doors {
	int fd[CGROUP_DOORS_MAX];
	size_t count;
};

/* The birthplace, which stays the doors'; -1 where there is none. */
int cgroup_birthplace(const struct cgroup_doors *doors);

/* Closes it: nobody will be born there any more. */
void cgroup_close_birthplace(struct cgroup_doors *doors);

/* Opens the birthplace of the group NAME in PARENT, the caller's. -1 where there is none, or PARENT
 * is none that cgroup_settle() names. */
int cgroup_open_birthplace(const char *parent, const char *name);
void cgroup_doors_close(struct cgroup_doors *doors);
#define CLEANUP_CGROUP_DOORS CLEANUP(cgroup_doors_close)

/* ---- where groups can be made: cgroup_place.c --------------------------------------------- */

/* Finds where the caller may make groups with limits. For root that is the top. For others it is
 * the nearest group around our own that is theirs to write in, with memory and pids in it; only
 * version 2 has such (cgroups(7), "Delegation"). Changes nothing. -ENOTSUP where there is none. */
int cgroup_find_place(char place[CGROUP_PATH_SIZE], struct error *error);

/* Names a new parent group where the caller may make it. Where an ordinary user has no place for
 * it, the user's systemd is asked for one; then this process, and whatever it starts, lives in a
 * group of that scope from now on, which systemd removes when the last of them has ended. To be
 * called before children are made; waits up to two seconds. -ENOTSUP with the reasons. */
int cgroup_settle(char parent[CGROUP_PATH_SIZE], struct error *error);

/* Sees to it that this process may enter the groups in PARENT by their doors, which an ordinary
 * user may only from a group of their own: after another login the user's systemd takes it into
 * one. Waits up to two seconds. -EACCES where all that does not help. */
int cgroup_approach(const char *parent, struct error *error);

/* ---- the groups ----------------------------------------------------------------------------- */

/* True where the control groups are of version 2, all controllers in one tree. */
bool cgroup_is_unified(void);

/* In version 2: 0 where the group DIR hands memory and pids down to the groups in it, or can be
 * made to. Changes nothing. */
int cgroup_check_controllers(int dir, struct error *error);

/* Makes the group PARENT that will hold other groups. -ENOTSUP where this machine limits neither
 * memory nor processes by control groups. */
int cgroup_create_parent(const char *parent, struct error *error);

/* Whether groups with limits can be made, by making the empty group NAME and removing it again;
 * nothing is switched on for that. Returns the version, 1 or 2; -ENOTSUP where this machine limits
 * neither memory nor processes; -EACCES or -EPERM where only the right to make groups is lacking.
 */
int cgroup_try(const char *name, struct error *error);

/* Makes the group PARENT/NAME with LIMITS and opens its doors, the caller's, with BIRTHS its
 * birthplace, too. */
int cgroup_create(const char *parent, const char *name, const struct cgroup_limits *limits,
		  bool births, struct cgroup_doors *doors, struct error *error);

/* Moves the calling process in. */
int cgroup_enter(const struct cgroup_doors *doors, struct error *error);

/* Moves the process in that is PID in the caller's pid namespace. */
int cgroup_admit(const struct cgroup_doors *doors, pid_t pid, struct error *error);

/* Removes the group PARENT and the groups in it, which no process may live in any more; those that
 * are not there will do. Waits up to a second for the kernel to have buried the last of them.
 * -EINVAL where PARENT is none that cgroup_settle() names. */
int cgroup_remove(const char *parent, struct error *error);

/* The memory in use in PARENT/NAME, in bytes; -ENOENT where that is not known. */
int cgroup_memory(const char *parent, const char *name, uint64_t *bytes, struct error *error);

#endif
