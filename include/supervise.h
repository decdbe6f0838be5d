/* Waiting for a child in the foreground: what a command does that runs another. */
#ifndef PYROUTE_SUPERVISE_H
#define PYROUTE_SUPERVISE_H

#include "error.h"

/* Runs ARGV (execvp(3)) in a new child, in which BECOME_CHILD(CONTEXT) is called before; it dies
 * with us. Returns when the exec is done: 0, and the child's pidfd, the caller's. Where there was
 * none, -errno with what failed in the child, and in *STATUS what stands for that
 * (process_exec_status()). From here on process_ending_signals() are held back from us, for
 * supervise_child() to find, and none of them from the child. */
typedef int supervise_become(void *context, struct error *error);
int supervise_spawn(supervise_become *become_child, void *context, char *const *argv, int *pidfd,
		    int *status, struct error *error);

/* Calls RUN_CHILD(CONTEXT) in a child, a copy of us, and returns what it did: what it does to its
 * own rights, namespaces and files is not done to us. -ECHILD where it was killed. */
int supervise_call(supervise_become *run_child, void *context, struct error *error);

/* Waits for the child behind PIDFD and sets *STATUS as a shell does (process_wait()). Meanwhile
 * process_ending_signals() to us are passed on to it; where it is of our process group, not those
 * of the terminal that it gets by itself. When the file of GUARD (NULL: there is none) becomes
 * readable or hangs up, the child gets its signal, and two seconds later SIGKILL. WAY is of enum
 * supervise_way. Returns the last signal to us, 0 where there was none. */
enum supervise_way {
	SUPERVISE_SAME_GROUP = 1, /* it is of our process group */
	SUPERVISE_ORPHANS = 2,	  /* supervise_adopt() was called: they are reaped as they end */
};
struct supervise_guard {
	int file;
	int signal;
};
int supervise_child(int pidfd, const struct supervise_guard *guard, unsigned way, int *status,
		    struct error *error);

/* The same for a process that is somebody else's to reap, and to ask how it ended. */
int supervise_watch(int pidfd, const struct supervise_guard *guard, unsigned way,
		    struct error *error);

/* Makes orphans among our descendants our children, so that supervise_end_orphans() finds them. */
int supervise_adopt(struct error *error);

/* Kills every child that is left, and theirs as they become ours, and reaps them. */
void supervise_end_orphans(void);

#endif
