/* Who maps the ids of the user namespaces below another one. Their maps may only be written from
 * there (user_namespaces(7)), and where one has gone there is no way back: so it is a child, one
 * for all. */
#ifndef PYROUTE_MAPPER_H
#define PYROUTE_MAPPER_H

#include "error.h"

#include <stdint.h>
#include <sys/types.h>

#define MAPPER_PIDS 16 /* at once */

struct mapper {
	int pidfd;
	int channel;
};
#define MAPPER_NONE ((struct mapper){.pidfd = -1, .channel = -1})

/* Makes the child, which is in the user namespace USER_NS from then on. It shows itself to nobody
 * there: the owner of that namespace may trace what is dumpable. mapper_close() ends it, as does
 * the end of its maker. */
int mapper_open(struct mapper *mapper, int user_ns, int guard, struct error *error);
void mapper_close(struct mapper *mapper);

/* Has it map the ids of the user namespaces that the processes PIDS, as the procfs PROC shows them,
 * are in: each id of the child's own namespace to itself. */
int mapper_map(const struct mapper *mapper, int proc, const int32_t *pids, size_t count, int guard,
	       struct error *error);

#endif
