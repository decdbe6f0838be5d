/* Tests that lose their rights, or are killed, do so in a child. */
#ifndef PYROUTE_TESTS_CHILD_H
#define PYROUTE_TESTS_CHILD_H

#include "util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/wait.h>

/* What a child that a signal ended counts as having returned. */
#define KILLED_BY(signal) (256 + (signal))

/* In a child: ends it with status 1, and shows why, unless CONDITION is true. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			(void)fprintf(stderr, "%s:%d: not true: %s (%s)\n", __FILE__, __LINE__,    \
				      #condition, strerror(errno));                                \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

/* Waits for the child PID. Returns its exit status or KILLED_BY(signal). */
static inline int child_wait(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? KILLED_BY(WTERMSIG(status)) : WEXITSTATUS(status);
}

/* Runs BODY in a child. Returns what BODY returns (0 to 255), or KILLED_BY(signal). */
static inline int child_run(int (*body)(const void *argument), const void *argument)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(body(argument));
	return child_wait(pid);
}

#endif
