/* Which step of a work takes how long. */
#ifndef PYROUTE_TIMING_H
#define PYROUTE_TIMING_H

#include "error.h"

#include <stdint.h>

#define TIMING_STEPS 48

struct timing_step {
	const char *call;     /* what was called, up to its "(" the name; static text */
	uint64_t nanoseconds; /* of them all, where it was called more than once */
};

/* The steps of one process, in the order in which each was first taken. All zero: none yet. */
struct timing {
	uint64_t last; /* when the last step ended, on the monotonic clock; 0: it is not begun */
	size_t count;
	struct timing_step steps[TIMING_STEPS];
};

/* Makes COUNT of them in memory that is shared with the children that are cloned from here on
 * (those that exec nothing: the names are where they are in this image). It stays as long as the
 * process. */
int timing_share(size_t count, struct timing **shared, struct error *error);

/* From here on the time counts for the step that ends next. As in the next three, TIMING may be
 * NULL: nobody asks. */
void timing_begin(struct timing *timing);

/* Ends a step: what passed since the last one is CALL's. Returns RESULT. To be used as STEP(),
 * which names the step as the code does. */
int timing_step(struct timing *timing, const char *call, int result);
#define STEP(timing, ...) timing_step((timing), #__VA_ARGS__, (__VA_ARGS__))

/* Adds NANOSECONDS to the step CALL, whenever they passed. */
void timing_add(struct timing *timing, const char *call, uint64_t nanoseconds);

/* Adds the steps of ONE to those of SUM. */
void timing_sum(struct timing *sum, const struct timing *one);

uint64_t timing_total(const struct timing *timing);

#endif
