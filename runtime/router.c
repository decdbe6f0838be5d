#include "router.h"

#include "channel.h"
#include "ns.h"
#include "process.h"
#include "supervise.h"

#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>

struct router {
	const struct caller *caller;
	char *const *argv;
	int channel; /* its own end: closes with the exec, or tells why there was none */
	int outer;   /* the other end */
	pid_t parent;
};

/* sudo leaves its own variables, and in some configurations root's HOME: the router is the
 * student's, and finds the modules that they installed for themselves. */
static int set_environment_router(uid_t uid, struct error *error)
{
	static const char *const sudo[] = {"SUDO_UID", "SUDO_GID", "SUDO_USER", "SUDO_COMMAND",
					   "SUDO_HOME"};
	const struct passwd *user = getpwuid(uid);

	for (size_t i = 0; i < ARRAY_SIZE(sudo); i++)
		(void)unsetenv(sudo[i]);
	if (user != NULL &&
	    (setenv("HOME", user->pw_dir, 1) < 0 || setenv("USER", user->pw_name, 1) < 0 ||
	     setenv("LOGNAME", user->pw_name, 1) < 0))
		return error_system(error, errno, "cannot set the environment");
	return 0;
}

static int become_router(struct router *router, struct error *error)
{
	int result = set_environment_router(router->caller->uid, error);

	if (result == 0)
		result = privilege_drop_to_router(router->caller, error);
	/* After the change of ids, which would clear it. */
	if (result == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		result = error_system(error, errno, "cannot ask for the parent's death");
	if (result == 0 && getppid() != router->parent) /* it came before we asked */
		result = error_set(error, ECANCELED, "the parent is gone");
	return result;
}

static int main_router(void *argument)
{
	struct router *router = argument;
	struct error error = {0};
	struct error ignored;

	(void)close(router->outer);
	if (become_router(router, &error) == 0) {
		(void)execvp(router->argv[0], router->argv);
		(void)error_system(&error, errno, "cannot run %.200s", router->argv[0]);
	}
	(void)channel_send(router->channel, &error, sizeof(error), NULL, &ignored);
	return PROCESS_FAILED;
}

int router_run(const struct caller *caller, int keeper, char *const *argv, int *status,
	       struct error *error)
{
	struct router router = {.caller = caller, .argv = argv, .parent = getpid()};
	CLEANUP_FD int channel = -1;
	CLEANUP_FD int pidfd = -1;
	struct error failed;
	int ends[2];
	int result;

	*status = PROCESS_FAILED;
	if (privilege_need_root(error) < 0 || supervise_adopt(error) < 0 ||
	    channel_pair(ends, error) < 0)
		return -error->code;
	channel = router.outer = ends[0];
	router.channel = ends[1];
	result = ns_clone(0, main_router, &router, &pidfd, error);
	close_fd(&ends[1]);
	if (result < 0)
		return result;
	result = channel_receive(channel, &failed, sizeof(failed), NULL, error);
	if (result > 0) {
		*status = process_exec_status(failed.code);
		return error_take(error, &failed);
	}
	if (result == 0)
		result = supervise_child(pidfd, keeper, true, status, error);
	supervise_end_orphans();
	return result;
}
