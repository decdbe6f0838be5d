/* A stage of another kind: one whose folder brings executables, up.sh, and down.sh and
 * connect.sh where it wants to (README.md, "A stage of another kind"). They are run from that
 * folder, by the caller and with no right that is not the caller's own. */
#ifndef PYROUTE_SCRIPTS_H
#define PYROUTE_SCRIPTS_H

#include "checkout.h"
#include "error.h"

struct scripts {
	const struct checkout *checkout; /* borrowed */
	const struct caller *caller;	 /* borrowed */
	const char *name;		 /* borrowed: --name; NULL: none */
	char stage[STAGE_NAME_SIZE];
	int folder; /* O_PATH */
};
#define SCRIPTS_NONE ((struct scripts){.folder = -1})
void scripts_close(struct scripts *scripts);
#define CLEANUP_SCRIPTS CLEANUP(scripts_close)

/* Opens the folder of STAGE. NAME is told to the scripts: what STAGE runs by, NULL for none.
 * -ENOENT where there is no such folder. */
int scripts_open(const struct checkout *checkout, const struct caller *caller, const char *name,
		 const char *stage, struct scripts *scripts, struct error *error);

/* Says whether what there is of the three can be executed, and up.sh is there. Runs nothing. */
int scripts_check(const struct scripts *scripts, struct error *error);

/* Runs up.sh and waits for its end; a failure is any status but 0. In SIGNALLED, whatever the
 * result, the last signal that asked us to end meanwhile, 0 for none: what the terminal sends
 * reaches the script by itself, what a process sends to us is passed on to it. */
int scripts_up(const struct scripts *scripts, int *signalled, struct error *error);

/* Runs down.sh likewise; where there is none, there is nothing to do. */
int scripts_down(const struct scripts *scripts, struct error *error);

/* Becomes connect.sh CLIENT COMMAND... (COMMAND ends with NULL; NULL: none is given). Returns only
 * where that fails. */
int scripts_connect(const struct scripts *scripts, char *client, char *const *command,
		    struct error *error);

#endif
