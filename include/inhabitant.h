/* A process in a client that is about to run the client's own programs. */
#ifndef PYROUTE_INHABITANT_H
#define PYROUTE_INHABITANT_H

#include "error.h"

/* Where such a process looks for programs. */
#define INHABITANT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Gives it what such a process begins with: the client's home as working directory, PATH, HOME and
 * TERM (TERM; NULL: "dumb") and nothing else as environment, every signal's default, umask 022.
 * What it holds of the starter's is gone then. */
int inhabitant_settle_child(const char *term, struct error *error);

/* Where the output of a client's `run` goes, as a path in the client's root. */
#define INHABITANT_LOG "var/log/run.log"

/* Becomes a shell that runs COMMAND, in a session of its own, with /dev/null as its input and its
 * output at the end of the log, which must exist. Returns only where that fails: -errno. */
int inhabitant_become_run_child(const char *command, struct error *error);

#endif
