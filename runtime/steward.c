#include "steward.h"

#include "image.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <reap_image.h> /* which make writes: bare/reap.c */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static void list_signals(sigset_t *signals)
{
	(void)sigemptyset(signals);
	(void)sigaddset(signals, SIGCHLD);
	(void)sigaddset(signals, SIGTERM);
}

int steward_prepare(pid_t parent, struct error *error)
{
	sigset_t signals;

	list_signals(&signals);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0 || prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 ||
	    setsid() < 0)
		return error_system(error, errno, "cannot leave the terminal");
	if (getppid() != parent) /* it came before we asked */
		return error_set(error, ECANCELED, "the parent is gone");
	return 0;
}

int steward_wait(pid_t child)
{
	sigset_t signals;

	list_signals(&signals);
	while (waitpid(child, NULL, WNOHANG) == 0)
		if (sigwaitinfo(&signals, NULL) == SIGTERM)
			return -ECANCELED;
	return 0;
}

int steward_become(pid_t child, struct error *error)
{
	char name[] = "pyroute-steward";
	char number[16];
	char *const words[] = {name, number, NULL};
	char *const environment[] = {NULL};
	CLEANUP_FD int image = image_make(name, reap_image, sizeof(reap_image), error);

	if (image < 0)
		return image;
	(void)snprintf(number, sizeof(number), "%d", (int)child);
	if (close_range(0, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		(void)fexecve(image, words, environment);
	return error_system(error, errno, "cannot start the steward");
}
