/* groups run COMMAND...    the command in a new group of a parent group that was settled as a start
 *                          does; says which, and removes both at its end
 * groups approach PARENT COMMAND...  the command in that group of another "run", as a connect does
 * groups memory PARENT     the memory in use there
 * groups remove PARENT
 *
 * What an ordinary user's start does with control groups, without a stage. The group in PARENT is
 * client1. The exit status is that of the command, as a shell tells it; 1 where a step failed. */
#include "cgroup.h"

#include <fcntl.h>
#include <sys/wait.h>

#define CLIENT "client1"

static const struct cgroup_limits limits = {.pids = 256, .memory = 256 << 20};

static int complain(const struct error *error)
{
	(void)fprintf(stderr, "groups: %s: %s\n", strerrorname_np(error->code), error->text);
	return 1;
}

static int become(const struct cgroup_doors *doors, char **command)
{
	struct error error;

	if (cgroup_enter(doors, &error) < 0)
		return complain(&error);
	(void)execvp(command[0], command);
	return 127;
}

static int run_in(const char *parent, char **command)
{
	CLEANUP_CGROUP_DOORS struct cgroup_doors doors = {.count = 0};
	struct error error;
	int status = 0;
	pid_t pid;

	if (cgroup_create_parent(parent, &error) < 0 ||
	    cgroup_create(parent, CLIENT, &limits, false, &doors, &error) < 0)
		return complain(&error);
	(void)printf("%s\n", parent);
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(become(&doors, command));
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return 1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run(char **command)
{
	char parent[CGROUP_PATH_SIZE];
	struct error error;
	int status;

	if (cgroup_settle(parent, &error) < 0)
		return complain(&error);
	status = run_in(parent, command);
	return cgroup_remove(parent, &error) < 0 ? complain(&error) : status;
}

static int approach(const char *parent, char **command)
{
	CLEANUP_CGROUP_DOORS struct cgroup_doors doors = {.count = 1};
	char path[CGROUP_PATH_SIZE + 64];
	struct error error;

	(void)snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/" CLIENT "/cgroup.procs", parent);
	doors.fd[0] = open(path, O_WRONLY | O_CLOEXEC);
	if (doors.fd[0] < 0) {
		perror(path);
		return 1;
	}
	return cgroup_approach(parent, &error) < 0 ? complain(&error) : become(&doors, command);
}

static int tell_memory(const char *parent)
{
	struct error error;
	uint64_t bytes;

	if (cgroup_memory(parent, CLIENT, &bytes, &error) < 0)
		return complain(&error);
	return printf("%llu\n", (unsigned long long)bytes) < 0;
}

static int remove_groups(const char *parent)
{
	struct error error;

	return cgroup_remove(parent, &error) < 0 ? complain(&error) : 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "run") == 0 && argc > 2)
		return run(argv + 2);
	if (strcmp(verb, "approach") == 0 && argc > 3)
		return approach(argv[2], argv + 3);
	if (strcmp(verb, "memory") == 0 && argc == 3)
		return tell_memory(argv[2]);
	if (strcmp(verb, "remove") == 0 && argc == 3)
		return remove_groups(argv[2]);
	(void)fprintf(stderr, "groups: see the head of groups.c\n");
	return 2;
}
