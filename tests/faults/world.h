/* The host that faults are made on: its commands, and what there is on it, before and now. */
#ifndef PYROUTE_TESTS_WORLD_H
#define PYROUTE_TESTS_WORLD_H

#include "command.h"
#include "state.h"

#define TRIAL_CLIENTS 2

struct trial_fault {
	const char *name;
	int code; /* 0: SIGKILL */
};

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

/* Says why TRIAL failed; the first word stays. Always false. */
bool trial_blame(struct trial *trial, const char *format, ...) PRINTF_LIKE(2, 3);

/* A start and a stop that no fault is made in; false where they fail, with the word to TRIAL. */
bool world_start(const struct world *world, struct trial *trial);
bool world_stop(const struct world *world, struct trial *trial);

/* Whether a connect does. */
bool world_works(const struct world *world);

/* Who runs that was not there at the beginning, in the order of their names. */
size_t world_strangers(const struct world *world, struct trace_runner *all);

/* The same as text; returns how many. */
size_t world_list_strangers(const struct world *world, char *text, size_t size);

/* As state_differ(), of the host now. */
bool world_differs(const struct world *world, const struct state *wanted,
		   const char *const *pardoned, char *text, size_t size);

/* Waits two seconds at most until RUNNERS, by name, are all that run, and the host is as WANTED. */
bool world_settles(const struct world *world, const char *runners, const struct state *wanted,
		   const char *const *pardoned, struct trial *trial);

/* The same, of a host without a stage. */
bool world_is_gone(const struct world *world, struct trial *trial);

/* What each client and the student's side see. */
void world_look_inside(const struct world *world, struct state *inside);

/* Is a stage that is up what one is without a fault? */
bool world_looks_right(const struct world *world, struct trial *trial);

#endif
