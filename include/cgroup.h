/* Control groups: what bounds a client's memory and processes. Version 2 and version 1, found at
 * run time. */
#ifndef PYROUTE_CGROUP_H
#define PYROUTE_CGROUP_H

#include "error.h"

#include <stdint.h>

#define CGROUP_NAME_SIZE 96
#define CGROUP_DOORS_MAX 2

struct cgroup_limits {
	unsigned pids;	 /* processes and threads at once */
	uint64_t memory; /* bytes */
};

/* The files that whoever holds them enters a group by: writing "0" moves the writer in. The right
 * to do so is that of the process that opened them (cgroups(7); CVE-2021-4197), so root can hand
 * them to one who has none. -1 where there is none. */
struct cgroup_doors {
	int fd[CGROUP_DOORS_MAX];
	size_t count;
};
void cgroup_doors_close(struct cgroup_doors *doors);
#define CLEANUP_CGROUP_DOORS CLEANUP(cgroup_doors_close)

/* Makes the group NAME that will hold other groups. -ENOTSUP where this machine limits neither
 * memory nor processes by control groups. */
int cgroup_create_parent(const char *name, struct error *error);

/* Whether groups with limits can be made, by making the empty group NAME and removing it again;
 * nothing is switched on for that. Returns the version, 1 or 2; -ENOTSUP where this machine limits
 * neither memory nor processes; -EACCES or -EPERM where only the right to make groups is lacking.
 */
int cgroup_try(const char *name, struct error *error);

/* Makes the group PARENT/NAME with LIMITS and opens its doors, the caller's. */
int cgroup_create(const char *parent, const char *name, const struct cgroup_limits *limits,
		  struct cgroup_doors *doors, struct error *error);

/* Moves the calling process in. */
int cgroup_enter(const struct cgroup_doors *doors, struct error *error);

/* Removes the group PARENT and the groups in it, which no process may live in any more; those that
 * are not there will do. Waits up to a second for the kernel to have buried the last of them. */
int cgroup_remove(const char *parent, struct error *error);

/* The memory in use in PARENT/NAME, in bytes; -ENOENT where that is not known. */
int cgroup_memory(const char *parent, const char *name, uint64_t *bytes, struct error *error);

#endif
