/* Reads a stage file (README.md, "A stage of your own") into a struct stage. */
#ifndef PYROUTE_CONFIG_H
#define PYROUTE_CONFIG_H

#include "complaints.h"
#include "stage.h"

/* Reads the stage file that FD is open on, from its start, and leaves FD to the caller. FD must
 * be open for reading (O_NONBLOCK, or the open of a FIFO hangs), with the caller's own rights: of
 * the text nothing is ever shown but the one name or value that is wrong. NAME is the stage's.
 *
 * A strict scan of the bytes goes first (scan.h); what iniparser then returns must agree with
 * it (reread.h). The form of values is checked here (values.h), their meaning by rules_check().
 *
 * Returns 0, or -EINVAL with complaints (at least one). STAGE is the caller's to clear either way:
 * after -EINVAL it holds what could be read, good for nothing but rules_check(), so that all that
 * is wrong with a file is said at once:
 *
 *	(void)config_read(fd, name, &stage, &complaints);
 *	if (rules_check(&stage, &complaints) < 0)
 *		print the complaints, start nothing */
int config_read(int fd, const char *name, struct stage *stage, struct complaints *complaints);

#endif
