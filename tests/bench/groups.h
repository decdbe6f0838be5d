/* The clients' control groups, with limits, made by root: of version 2, or version 1's of memory
 * and pids. */
#ifndef PYROUTE_BENCH_GROUPS_H
#define PYROUTE_BENCH_GROUPS_H

#include "floor.h"

#define GROUP_MEMORY "268435456" /* bytes */
#define GROUP_PIDS   "256"

struct groups {
	char name[64];
	size_t count; /* of trees */
	int parents[DOORS_MAX];
	bool counts_swap;
};

/* Each returns 0 or -errno. */
long groups_begin(struct groups *groups, const char *name);
/* Makes CLIENT's, and opens its doors: files that who writes "0" to enters by. */
long groups_make(const struct groups *groups, struct client *client);
/* Removes all of them; waits a second at most for those who lived in them to be buried. */
long groups_remove(struct groups *groups, unsigned clients);

/* The file that tells of KEY ("memory" or "pids") what is allowed in the group of client NUMBER. */
void groups_limit_path(const struct groups *groups, const char *key, unsigned number, char *path,
		       size_t size);

#endif
