/* One fault, and whether all is well after it: what is asked of it stands in trial.c. */
#ifndef PYROUTE_TESTS_TRIAL_H
#define PYROUTE_TESTS_TRIAL_H

#include "command.h"
#include "state.h"

#define TRIAL_CLIENTS 2

struct trial_fault {
	const char *name;
	int code; /* 0: SIGKILL */
};

extern const struct trial_fault trial_faults[];
extern const size_t trial_fault_count;

/* What a stage that is up looks like. */
struct picture {
	struct state host;
	struct state inside[TRIAL_CLIENTS + 1]; /* each client, the student's side */
	char runners[1024];
};

struct world {
	bool private;
	struct command_user user;
	char *program;
	struct state_place places[8];
	struct trace_outcome *outcome;
	struct state before; /* without a stage */
	struct state kernel;
	struct picture up;
	bool is_up; /* as a connect left it */
	unsigned trials;
	bool spoilt; /* what a trial left on the host cannot be mended */
	struct trace_runner bystanders[COMMAND_RUNNERS_MAX];
	size_t bystander_count;
};

struct trial {
	char command[16];
	char part[TRACE_PART_SIZE];
	unsigned number;
	char call[32];
	const struct trial_fault *fault;
	struct command_result result;
	bool missed;
	bool linker;	/* it died before it was pyroute */
	char why[1024]; /* it failed */
};

/* Looks at the host without a stage and with one. Ends the program where that fails. */
void trial_begin(struct world *world);

/* Lists the calls of COMMAND: "start", "stop" or "connect". */
const struct trace_outcome *trial_watch(struct world *world, const char *command);

/* Makes the fault; false where all is not well after it. */
bool trial_make(struct world *world, struct trial *trial);

/* After the last: what is in all of /proc/sys is what it was. */
bool trial_end(struct world *world);

#endif
