/* Entering a client: `pyroute connect`. */
#ifndef PYROUTE_ENTER_H
#define PYROUTE_ENTER_H

#include "error.h"
#include "service.h"

/* All borrowed but the connection. */
struct enter_wish {
	const char *client;		   /* its name */
	const struct service_entry *entry; /* what leads into it */
	char *const *argv;		   /* what to run; NULL: a shell */
	int group;			   /* the birthplace in its control group, or -1 */
	int keeper; /* the connection that the entry came by: is closed early,
		     * for a keeper serves a bounded number at once */
};

/* Runs what WISH says, on a terminal of its own if both our standard input and output are one, and
 * waits for it. Returns its exit status, as a shell tells it, or -errno with ERROR; then *STATUS is
 * one of process.h's, or 128 + the signal that ended our waiting. */
int enter_client(const struct enter_wish *wish, int *status, struct error *error);

#endif
