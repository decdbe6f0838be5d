/* Reads a stage file (README.md, "A stage of your own") into a struct stage. The only user of
 * iniparser. */
#ifndef PYROUTE_CONFIG_H
#define PYROUTE_CONFIG_H

#include "complaints.h"
#include "scan.h"
#include "stage.h"

/* Reads the stage file that FD is open on, from its start, and leaves FD to the caller. FD must
 * be open for reading (O_NONBLOCK, or the open of a FIFO hangs), with the caller's own rights: of
 * the text nothing is ever shown but the one name or value that is wrong. NAME is the stage's.
 *
 * A strict scan of the bytes goes first (scan.h); what iniparser then returns must agree with it.
 * The form of values is checked here, their meaning by rules_check().
 *
 * Returns 0, or -EINVAL with complaints (at least one). STAGE is the caller's to clear either way:
 * after -EINVAL it holds what could be read, good for nothing but rules_check(), so that all that
 * is wrong with a file is said at once:
 *
 *	(void)config_read(fd, name, &stage, &complaints);
 *	if (rules_check(&stage, &complaints) < 0)
 *		print the complaints, start nothing */
int config_read(int fd, const char *name, struct stage *stage, struct complaints *complaints);

/* True where iniparser reads the file that FD is open on exactly as SCAN: the same sections, keys
 * and values, and no others. config_read()'s second lock; nothing is printed. Not reentrant:
 * iniparser's error callback belongs to the whole process. */
bool config_agrees(int fd, const struct scan *scan);

#endif
