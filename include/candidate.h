/* A router that is tried: the command of `pyroute check --router`, in the background. */
#ifndef PYROUTE_CANDIDATE_H
#define PYROUTE_CANDIDATE_H

#include "error.h"
#include "ns.h"
#include "privilege.h"

#define CANDIDATE_OUTPUT_SIZE 65536	 /* bytes: of what it prints, the last are kept */
#define CANDIDATE_LOG_SIZE    (16 << 20) /* bytes: of what it prints, the first */

struct candidate {
	int process; /* pidfd of who runs it */
	int channel; /* to that */
	struct candidate_board *board;
};
#define CANDIDATE_NONE ((struct candidate){.process = -1, .channel = -1})
/* Ends what is left of it. */
void candidate_close(struct candidate *candidate);
#define CLEANUP_CANDIDATE CLEANUP(candidate_close)

/* Runs COMMAND, a shell's command line, as router_run() would, in a session of its own: no terminal
 * is its, it has nothing to read, and what it prints is kept. That goes into LOG too, a file of the
 * caller's; -1: none. What it starts ends with it, and all of it with us. */
int candidate_start(const struct caller *caller, const struct ns_set *computer, const char *command,
		    int log, struct candidate *candidate, struct error *error);

/* Whether it has ended; then *STATUS is as a shell tells it. */
bool candidate_has_ended(const struct candidate *candidate, int *status);

/* Copies the last of what it printed, with a NUL at the end and "\x00" for each that it printed. */
#define CANDIDATE_TEXT_SIZE (4 * CANDIDATE_OUTPUT_SIZE + 1)
void candidate_output(const struct candidate *candidate, char text[CANDIDATE_TEXT_SIZE]);

/* How it came to its end. */
struct candidate_end {
	bool by_itself; /* it had ended before it was asked to */
	bool killed;	/* it did not end when it was asked to */
	int status;	/* as a shell tells it */
};

/* Asks it to end (SIGTERM), and two seconds later kills it. */
int candidate_end(struct candidate *candidate, struct candidate_end *end, struct error *error);

#endif
