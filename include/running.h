/* Every stage that runs, of whatever checkout and name, as far as the caller may know. */
#ifndef PYROUTE_RUNNING_H
#define PYROUTE_RUNNING_H

#include "error.h"
#include "host.h"
#include "privilege.h"
#include "stage.h"

#include <limits.h>

/* What is said of one is what those whose it is have written: see text_escape(). */
struct running_stage {
	char stage[STAGE_NAME_SIZE];
	char name[STAGE_NAME_SIZE]; /* by --name; empty: none */
	char checkout[PATH_MAX];
	bool answers; /* its keeper does, if it has one, and what follows is known */
	size_t client_count;
	size_t clients_running;
	uint64_t uptime_ms;
};

struct running {
	struct running_stage *list; /* owned */
	size_t count;
};
void running_clear(struct running *running);
#define CLEANUP_RUNNING CLEANUP(running_clear)

/* Lists, in the order of their checkouts and then of their names, the stages in root's base and in
 * CALLER's own (rundir.h) whose keepers CALLER may speak to, or whose records CALLER may read; as
 * root all that are in root's. */
int running_find(const struct caller *caller, struct running *running, struct error *error);

/* Fills in the first stage of any checkout that has legs on the computer and a journal in BASE
 * (rundir_open_base()) and, if LEG is not NULL, has the leg LEG: 1; 0 where there is none. */
int running_find_leg(int base, const char *leg, struct host_stage *stage, struct error *error);

#endif
