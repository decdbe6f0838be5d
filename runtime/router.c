#include "router.h"

#include "process.h"
#include "supervise.h"

#include <signal.h>

struct router {
	const struct caller *caller;
	sigset_t signals; /* the mask that it gets: ours, but for what we hold back */
};

static int become_router(void *argument, struct error *error)
{
	const struct router *router = argument;
	const struct caller *caller = router->caller;

	(void)sigprocmask(SIG_SETMASK, &router->signals, NULL);
	/* The student's program finds the modules that they installed for themselves. */
	if (privilege_restore_environment(caller, error) < 0)
		return -error->code;
	return privilege_drop_to_router(caller, error);
}

int router_run(const struct caller *caller, int guard, char *const *argv, int *status,
	       struct error *error)
{
	struct router router = {.caller = caller};
	CLEANUP_FD int pidfd = -1;
	sigset_t held_back;
	int result;

	*status = PROCESS_FAILED;
	if (privilege_need_root(error) < 0 || supervise_adopt(error) < 0)
		return -error->code;
	/* A router may run, and be seen to, before supervise_child() looks for signals: one that
	 * comes in between waits for that, and does not end us and leave what it started. */
	process_ending_signals(&held_back);
	(void)sigprocmask(SIG_BLOCK, &held_back, &router.signals);
	result = supervise_spawn(become_router, &router, argv, &pidfd, status, error);
	if (result == 0)
		result = supervise_child(pidfd, guard, true, status, error);
	supervise_end_orphans();
	return result;
}
