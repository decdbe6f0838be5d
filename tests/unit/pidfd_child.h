/* Children that are held by their pidfds, and never waited for without a deadline. */
#ifndef PYROUTE_TESTS_PIDFD_CHILD_H
#define PYROUTE_TESTS_PIDFD_CHILD_H

#include "process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define DEADLINE 10000 /* milliseconds, for anything that a test waits for */

struct child {
	pid_t pid;
	int pidfd;
};

/* Starts a child, in the new NAMESPACES (flags of clone(2)), that runs BODY(CONTEXT) and exits with
 * what it returns. */
static inline struct child child_clone(unsigned long namespaces, int (*body)(void *context),
				       void *context)
{
	struct error error = {0};
	struct child child = {.pid = (pid_t)syscall(SYS_clone, namespaces | SIGCHLD, 0, 0, 0, 0)};

	assert_true(child.pid >= 0);
	if (child.pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* should a test fail half way */
		_exit(body(context));
	}
	child.pidfd = process_pidfd(child.pid, &error);
	assert_true(child.pidfd >= 0);
	return child;
}

static inline struct child child_start(int (*body)(void *context), void *context)
{
	return child_clone(0, body, context);
}

/* Waits until FD is readable (for a pidfd: the process has ended). */
static inline bool readable_in_time(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, DEADLINE) == 1;
}

/* Returns the exit status, -1 where the child did not end in time; it is gone afterwards. */
static inline int child_end(struct child *child)
{
	struct error error = {0};
	bool in_time = readable_in_time(child->pidfd);
	int status;

	if (!in_time)
		assert_int_equal(process_signal(child->pidfd, SIGKILL, &error), 0);
	assert_int_equal(process_wait(child->pidfd, &status, &error), 0);
	close_fd(&child->pidfd);
	return in_time ? status : -1;
}

static inline int body_pause(void *context)
{
	(void)context;
	while (pause() < 0)
		;
	return 0;
}

#endif
