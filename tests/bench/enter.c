/* enter PID COMMAND...: runs COMMAND as root in the namespaces of the process PID, and ends as it
 * does. The floor of connect: entered, forked, run, waited for, and nothing else. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAMESPACES                                                                                 \
	(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP |            \
	 CLONE_NEWNET | CLONE_NEWNS)

_Noreturn static void fail(const char *what)
{
	(void)fprintf(stderr, "enter: %s: %s\n", what, strerror(errno));
	exit(125);
}

/* Into our own user namespace nobody may go: that is who has none of their own, as bare's clients.
 */
static void enter(pid_t pid)
{
	int pidfd = pidfd_open(pid, 0);

	if (pidfd < 0)
		fail("no such process");
	if (setns(pidfd, NAMESPACES) < 0 && setns(pidfd, NAMESPACES & ~CLONE_NEWUSER) < 0)
		fail("cannot enter its namespaces");
	(void)close(pidfd);
}

int main(int argc, char **argv)
{
	int status;
	pid_t child;

	if (argc < 3) {
		(void)fprintf(stderr, "usage: enter PID COMMAND...\n");
		return 2;
	}
	enter((pid_t)strtol(argv[1], NULL, 10));
	child = vfork();
	if (child == 0) {
		if (setgid(0) < 0 || setuid(0) < 0)
			_exit(126);
		(void)execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		fail("cannot run it");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
