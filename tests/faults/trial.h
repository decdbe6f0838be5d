/* One fault, and whether all is well after it: what is asked of it stands in trial.c. */
#ifndef PYROUTE_TESTS_TRIAL_H
#define PYROUTE_TESTS_TRIAL_H

#include "world.h"

extern const struct trial_fault trial_faults[];
extern const size_t trial_fault_count;

/* Looks at the host without a stage and with one. Ends the program where that fails. */
void trial_begin(struct world *world);

/* Lists the calls of COMMAND: "start", "stop" or "connect". */
const struct trace_outcome *trial_watch(struct world *world, const char *command);

/* Makes the fault; false where all is not well after it. */
bool trial_make(struct world *world, struct trial *trial);

/* After the last: what is in all of /proc/sys is what it was. */
bool trial_end(struct world *world);

#endif
