#include "scripts.h"

#include "process.h"
#include "supervise.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#define HERE "./" /* so that the folder is searched, and not PATH */

void scripts_close(struct scripts *scripts)
{
	close_fd(&scripts->folder);
}

int scripts_open(const struct checkout *checkout, const struct caller *caller, const char *name,
		 const char *stage, struct scripts *scripts, struct error *error)
{
	scripts->checkout = checkout;
	scripts->caller = caller;
	scripts->name = name;
	(void)snprintf(scripts->stage, sizeof(scripts->stage), "%s", stage);
	scripts->folder = checkout_open_folder(checkout, caller, stage, error);
	return scripts->folder < 0 ? scripts->folder : 0;
}

/* ---- looking --------------------------------------------------------------------------------- */

/* -ENOENT where the folder has no SCRIPT. A link to one will do: it leads nowhere that the caller
 * could not go. */
static int check(const struct scripts *scripts, const char *script, struct error *error)
{
	CLEANUP_PRIVILEGE struct privilege_saved saved = {0};
	const char *stage = scripts->stage;
	struct stat status;

	if (privilege_assume(scripts->caller, &saved, error) < 0)
		return -error->code;
	if (fstatat(scripts->folder, script, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return error_system(error, errno, "cannot look at stages/%s/%s", stage, script);
	if (fstatat(scripts->folder, script, &status, 0) < 0 || !S_ISREG(status.st_mode))
		return error_set(error, EINVAL,
				 "stages/%s/%s is no file that could be run; put a script there",
				 stage, script);
	if (faccessat(scripts->folder, script, X_OK, AT_EACCESS) < 0)
		return error_set(error, EACCES,
				 "stages/%s/%s is not executable; make it so: "
				 "chmod +x stages/%s/%s",
				 stage, script, stage, script);
	return 0;
}

int scripts_check(const struct scripts *scripts, struct error *error)
{
	static const char *const others[] = {CHECKOUT_DOWN, CHECKOUT_CONNECT};
	int result = check(scripts, CHECKOUT_UP, error);

	for (size_t i = 0; i < ARRAY_SIZE(others) && result == 0; i++) {
		result = check(scripts, others[i], error);
		if (result == -ENOENT)
			result = 0;
	}
	return result;
}

/* ---- the caller's process -------------------------------------------------------------------- */

/* What env.sh sets, for sudo has dropped it, what the stage runs by, and where we are, as cd(1)
 * sets it. */
static int set_environment(const struct scripts *scripts, struct error *error)
{
	static const struct {
		const char *name;
		const char *below; /* the checkout */
	} variables[] = {{"PYROUTE_ENV", ""},
			 {"PYROUTE_SRC_DIR", "/src"},
			 {"PYROUTE_STAGE_DIR", "/stages"},
			 {"PYROUTE_STAGE_FILE", "/.stage"}};
	char value[PATH_MAX + sizeof("/stages/") + STAGE_NAME_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		(void)snprintf(value, sizeof(value), "%s%s", scripts->checkout->path,
			       variables[i].below);
		if (setenv(variables[i].name, value, 1) < 0)
			return error_system(error, errno, "cannot set the environment");
	}
	(void)snprintf(value, sizeof(value), "%s/stages/%s", scripts->checkout->path,
		       scripts->stage);
	(void)unsetenv("PYROUTE_NAME");
	if ((scripts->name != NULL && setenv("PYROUTE_NAME", scripts->name, 1) < 0) ||
	    setenv("PWD", value, 1) < 0)
		return error_system(error, errno, "cannot set the environment");
	return 0;
}

/* Makes the process one of the caller's, in the stage's folder: what calls an exec next. It enters
 * the folder with the caller's rights. */
static int become_script(void *context, struct error *error)
{
	const struct scripts *scripts = context;

	if (privilege_restore_environment(scripts->caller, error) < 0 ||
	    set_environment(scripts, error) < 0 ||
	    privilege_drop_to_caller(scripts->caller, error) < 0)
		return -error->code;
	if (fchdir(scripts->folder) < 0)
		return error_system(error, errno, "cannot enter stages/%s", scripts->stage);
	return 0;
}

/* The script is there, so that what execve(2) did not find is what its first line names. */
static int explain(const struct scripts *scripts, const char *script, struct error *error)
{
	if (error->code == ENOENT)
		return error_set(error, ENOENT,
				 "stages/%s/%s: there is no program as its first line names it "
				 "(does the line end as Windows ends lines?)",
				 scripts->stage, script);
	return error_prefix(error, "stages/%s", scripts->stage);
}

/* A status as process_wait() gives it, in words. */
static int failed(const struct scripts *scripts, const char *script, int status,
		  struct error *error)
{
	if (status > 128 && status - 128 < NSIG)
		return error_set(error, EIO, "%s: %s ended with status %d (signal %d, %s)",
				 scripts->stage, script, status, status - 128,
				 strsignal(status - 128));
	return error_set(error, EIO, "%s: %s ended with status %d", scripts->stage, script, status);
}

static int run(const struct scripts *scripts, const char *script, char *path, int *signalled,
	       struct error *error)
{
	struct scripts mine = *scripts;
	char *argv[] = {path, NULL};
	CLEANUP_FD int pidfd = -1;
	int status;
	int result = check(scripts, script, error);

	*signalled = 0;
	if (result < 0)
		return result;
	if (supervise_spawn(become_script, &mine, argv, &pidfd, &status, error) < 0)
		return explain(scripts, script, error);
	result = supervise_child(pidfd, NULL, SUPERVISE_SAME_GROUP, &status, error);
	if (result < 0) {
		process_end(pidfd); /* it must not go on beside what is done about this */
		return result;
	}
	*signalled = result;
	return status == 0 ? 0 : failed(scripts, script, status, error);
}

int scripts_up(const struct scripts *scripts, int *signalled, struct error *error)
{
	char path[] = HERE CHECKOUT_UP;

	return run(scripts, CHECKOUT_UP, path, signalled, error);
}

int scripts_down(const struct scripts *scripts, struct error *error)
{
	char path[] = HERE CHECKOUT_DOWN;
	int signalled;

	if (check(scripts, CHECKOUT_DOWN, error) == -ENOENT)
		return 0;
	return run(scripts, CHECKOUT_DOWN, path, &signalled, error);
}

int scripts_connect(const struct scripts *scripts, char *client, char *const *command,
		    struct error *error)
{
	CLEANUP_FREE char **argv = NULL;
	char path[] = HERE CHECKOUT_CONNECT;
	struct scripts mine = *scripts;
	size_t count = 0;
	int result = check(scripts, CHECKOUT_CONNECT, error);

	if (result == -ENOENT)
		return error_set(error, ENOENT,
				 "%s has no " CHECKOUT_CONNECT
				 ": nothing in it can be connected to",
				 scripts->stage);
	if (result < 0)
		return result;
	while (command != NULL && command[count] != NULL)
		count++;
	argv = calloc(count + 3, sizeof(*argv));
	if (argv == NULL)
		return error_system(error, ENOMEM, "cannot run " CHECKOUT_CONNECT);
	argv[0] = path;
	argv[1] = client;
	for (size_t i = 0; i < count; i++)
		argv[i + 2] = command[i];
	if (become_script(&mine, error) < 0)
		return -error->code;
	(void)execvp(path, argv);
	(void)error_system(error, errno, "cannot run %s", path);
	return explain(scripts, CHECKOUT_CONNECT, error);
}
