/* What there is, as text: a fact a line, sorted, with nothing in it that two stages of the same
 * file may differ in (indexes, pids, counters, times). Two states are the same where their texts
 * are. */
#ifndef PYROUTE_TESTS_STATE_H
#define PYROUTE_TESTS_STATE_H

#include "util.h"

enum state_part {
	STATE_NET = 1 << 0, /* links, addresses, routes, rules, queues, filters, IPv4's settings */
	STATE_FILES = 1 << 1, /* mounts, and what is below the places given */
	STATE_SELF = 1 << 2, /* what the process that asks is and may do, and its generated files */
	STATE_SYSCTL = 1 << 3, /* all of /proc/sys/net */
	STATE_KERNEL = 1 << 4  /* all of /proc/sys, but what counts or is random by nature */
};

struct state {
	char **lines;
	size_t count;
	size_t room;
};

/* A folder whose files are facts, with the word that their lines begin with. */
struct state_place {
	const char *word;
	const char *path;
};

/* Takes the PARTS. PLACES ends with one whose word is NULL. Ends the program where it cannot. */
void state_take(struct state *state, unsigned parts, const struct state_place *places);
/* Of what "inject state" printed. */
void state_read(struct state *state, const char *text);
void state_clear(struct state *state);

/* Returns how many lines are in one of them alone, without those that begin with one of the words
 * in PARDONED, which ends with NULL and may be NULL. TEXT gets the first of them, in one line. */
size_t state_differ(const struct state *before, const struct state *after,
		    const char *const *pardoned, char *text, size_t size);
void state_print(const struct state *state);

#define CLEANUP_STATE CLEANUP(state_clear)

#endif
