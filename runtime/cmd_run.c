#include "command.h"
#include "process.h"
#include "router.h"
#include "service.h"

#include <pwd.h>
#include <signal.h>

/* The caller's own shell, as login(1) and tmux(1) find it; else FALLBACK. */
static char *shell_of(const struct caller *caller, char *fallback)
{
	char *shell = getenv("SHELL");
	const struct passwd *user;

	/* Under sudo it is root's. */
	if (getenv("SUDO_UID") == NULL && shell != NULL && shell[0] == '/')
		return shell;
	user = getpwuid(caller->uid);
	return user != NULL && user->pw_shell[0] == '/' ? user->pw_shell : fallback;
}

/* Opens what ends the router, and where it is to run. */
static int open_guard(const struct session *session, struct ns_set *computer, struct error *error)
{
	CLEANUP_FD int guard = session_guard(session, error);

	if (guard < 0)
		return guard;
	if (session_scripted(session) == NULL &&
	    (service_computer(guard, computer, error) < 0 || service_stay(guard, error) < 0))
		return session_silent(session, guard, error);
	return TAKE_FD(guard);
}

int cmd_run(const struct command_line *line)
{
	CLEANUP_COMMAND_PLACE struct command_place place = {.session = SESSION_NONE,
							    .checkout = CHECKOUT_NONE};
	CLEANUP_NS_SET struct ns_set computer = NS_SET_NONE;
	char fallback[] = "/bin/sh";
	char *shell[] = {NULL, NULL};
	struct error error = {0};
	CLEANUP_FD int guard = -1;
	/* An interactive shell ignores SIGTERM (bash(1), SIGNALS). */
	struct supervise_guard ending = {.signal = line->operand_count > 0 ? SIGTERM : SIGHUP};
	int status;

	if (command_find_running(line, &place, &error) == 0)
		guard = open_guard(&place.session, &computer, &error);
	if (guard < 0)
		return command_fail(&error, PROCESS_FAILED);
	ending.file = guard;
	shell[0] = shell_of(&place.caller, fallback);
	if (router_run(&place.caller, &computer, &ending,
		       line->operand_count > 0 ? line->operands : shell, &status, &error) < 0)
		return command_fail(&error, status);
	return status;
}
