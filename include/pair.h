/* What is asked about the way between two parties, as a stage's own checks would: ARP from both
 * sides, a ping, datagrams, a stream, silence where nobody is, and what the stage itself asks of
 * the two beyond that. */
#ifndef PYROUTE_PAIR_H
#define PYROUTE_PAIR_H

#include "address.h"
#include "error.h"
#include "stage.h"

#define PAIR_CHECKS 9

struct pair {
	const struct stage *stage; /* borrowed, as the names */
	const char *from;
	const char *to;
	char address[ADDRESS_TEXT_SIZE]; /* what that is */
	struct stage_check checks[PAIR_CHECKS];
	const struct stage_check *list[PAIR_CHECKS + CHECKS_MAX]; /* these, and the stage's own */
	size_t count;
};

/* Makes what is asked of NAMES, a client and whom it asks. PAIR points into itself: it stays where
 * it is. -EINVAL, -EHOSTUNREACH, ...: with what is wrong with the names. */
int pair_make(const struct stage *stage, char *const *names, struct pair *pair,
	      struct error *error);

#endif
