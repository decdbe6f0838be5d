#include "router.h"

#include "process.h"
#include "supervise.h"

static int become_router(void *argument, struct error *error)
{
	const struct caller *caller = argument;

	/* The student's program finds the modules that they installed for themselves. */
	if (privilege_restore_environment(caller, error) < 0)
		return -error->code;
	return privilege_drop_to_router(caller, error);
}

int router_run(const struct caller *caller, int guard, char *const *argv, int *status,
	       struct error *error)
{
	struct caller self = *caller;
	CLEANUP_FD int pidfd = -1;
	int result;

	*status = PROCESS_FAILED;
	if (privilege_need_root(error) < 0 || supervise_adopt(error) < 0)
		return -error->code;
	result = supervise_spawn(become_router, &self, argv, &pidfd, status, error);
	if (result == 0)
		result = supervise_child(pidfd, guard, true, status, error);
	supervise_end_orphans();
	return result;
}
