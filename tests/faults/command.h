/* Runs commands, with a fault or without, and knows what else runs on this host. */
#ifndef PYROUTE_TESTS_COMMAND_H
#define PYROUTE_TESTS_COMMAND_H

#include "trace.h"

#define COMMAND_SAID_MAX    (1 << 19)
#define COMMAND_HANGS	    (-1) /* as a status: it was killed after COMMAND_PATIENCE_MS */
#define COMMAND_PATIENCE_MS 60000
#define COMMAND_RUNNERS_MAX 64

/* Who runs them: not root, where UID is not 0. */
struct command_user {
	uid_t uid;
	gid_t gid;
	const char *home;
};

struct command_result {
	int status; /* as a shell tells it */
	char out[COMMAND_SAID_MAX];
	char err[COMMAND_SAID_MAX];
};

/* Runs ARGV as USER. PLAN, which may be NULL, says what to watch or which fault to make: its part,
 * number, code and runners; OUTCOME tells what came of it. */
void command_run(const struct command_user *user, char *const *argv, const struct trace_plan *plan,
		 struct trace_outcome *outcome, struct command_result *result);

/* Lists the processes of this host but those that are not reaped yet, this one and pid 1. */
size_t command_others(struct trace_runner *others, size_t max);

void command_sleep_ms(unsigned milliseconds);

#endif
