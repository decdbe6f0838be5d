/* Waiting for a child in the foreground: what a command does that runs another. */
#ifndef PYROUTE_SUPERVISE_H
#define PYROUTE_SUPERVISE_H

#include "error.h"

/* Waits for the child behind PIDFD and sets *STATUS as a shell does (process_wait()). Meanwhile
 * SIGINT, SIGTERM, SIGHUP and SIGQUIT to us are passed on to it; where it is of our process group
 * (SAME_GROUP), only those that a process sent, for the terminal's it gets by itself. When GUARD
 * (-1: none) becomes readable or hangs up, the child gets SIGTERM, and two seconds later SIGKILL.
 */
int supervise_child(int pidfd, int guard, bool same_group, int *status, struct error *error);

/* Makes orphans among our descendants our children, so that supervise_end_orphans() finds them. */
int supervise_adopt(struct error *error);

/* Kills every child that is left, and theirs as they become ours, and reaps them. */
void supervise_end_orphans(void);

#endif
