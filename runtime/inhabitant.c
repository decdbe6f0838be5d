#include "inhabitant.h"

#include "kernel.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#define HOME "/~"

static int set_environment_child(const char *term, struct error *error)
{
	CLEANUP_FREE char *kept = strdup(term != NULL ? term : "dumb"); /* may be getenv()'s */

	if (kept == NULL || clearenv() != 0 || setenv("PATH", INHABITANT_PATH, 1) < 0 ||
	    setenv("HOME", HOME, 1) < 0 || setenv("TERM", kept, 1) < 0)
		return error_system(error, ENOMEM, "cannot set the environment");
	return 0;
}

static int go_home_child(struct error *error)
{
	char path[256];

	if (chdir(HOME) < 0 && chdir("/") < 0)
		return error_system(error, errno, "cannot go to " HOME);
	/* A working directory outside the root is told as "(unreachable)..." (getcwd(3)). */
	if (getcwd(path, sizeof(path)) == NULL || path[0] != '/')
		return error_set(error, EXDEV, "the working directory is not in the client");
	return 0;
}

static int reset_signals_child(struct error *error)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		(void)kernel_signal_default(number); /* SIGKILL and SIGSTOP have no other */
	(void)sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return error_system(error, errno, "cannot reset the signals");
	return 0;
}

int inhabitant_settle_child(const char *term, struct error *error)
{
	int result = go_home_child(error);

	if (result == 0)
		result = set_environment_child(term, error);
	if (result == 0)
		result = reset_signals_child(error);
	(void)umask(022);
	return result;
}

static int open_log_child(struct error *error)
{
	CLEANUP_FD int log = open("/" INHABITANT_LOG, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);

	if (log < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
		return error_system(error, errno, "cannot open /" INHABITANT_LOG);
	return 0;
}

int inhabitant_become_run_child(const char *command, struct error *error)
{
	int result = open_log_child(error);

	if (result == 0 && setsid() < 0)
		result = error_system(error, errno, "cannot make a session");
	if (result == 0)
		result = inhabitant_settle_child(NULL, error);
	if (result < 0)
		return result;
	(void)execl("/bin/sh", "sh", "-c", command, NULL);
	result = error_system(error, errno, "cannot run /bin/sh");
	(void)dprintf(2, "%s\n", error->text); /* to the log: nobody else is there to be told */
	return result;
}
