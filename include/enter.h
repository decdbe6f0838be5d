/* Entering a client: `pyroute connect`. */
#ifndef PYROUTE_ENTER_H
#define PYROUTE_ENTER_H

#include "error.h"
#include "service.h"

/* Runs ARGV (NULL: a shell) in the client that ENTRY leads to, on a terminal of its own if both our
 * standard input and output are one, and waits for it. Returns its exit status, as a shell tells
 * it, or -errno with ERROR; then *STATUS is one of process.h's, or 128 + the signal that ended
 * our waiting. */
int enter_client(const struct service_entry *entry, char *const *argv, int *status,
		 struct error *error);

#endif
