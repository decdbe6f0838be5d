#include "command.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>

#define QUIET_MS	   300 /* with nothing to see: what goes on after a command's end is at rest */
#define TRACER_PATIENCE_MS 6000

_Noreturn static void fail(const char *what)
{
	(void)fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	exit(3);
}

void command_sleep_ms(unsigned milliseconds)
{
	const struct timespec pause = {.tv_sec = milliseconds / 1000,
				       .tv_nsec = (long)(milliseconds % 1000) * 1000000};

	(void)nanosleep(&pause, NULL);
}

_Noreturn static void become_command(const struct command_user *user, char *const *argv, int go,
				     const int said[2])
{
	char home[256];
	char *const environment[] = {home, (char[]){"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, NULL};
	char byte;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)snprintf(home, sizeof(home), "HOME=%s", user->home);
	if (null < 0 || dup2(null, 0) < 0 || dup2(said[0], 1) < 0 || dup2(said[1], 2) < 0)
		_exit(3);
	if (user->uid != 0 &&
	    (setgroups(0, NULL) < 0 || setgid(user->gid) < 0 || setuid(user->uid) < 0))
		_exit(3);
	if (go >= 0 && read(go, &byte, 1) != 1)
		_exit(3);
	(void)execve(argv[0], argv, environment);
	_exit(3);
}

/* Reaps what is left to us, since we are the subreaper of all that are started. */
static void reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
}

/* Where each of them waits: who hangs. */
static void show_others(void)
{
	static struct trace_runner others[COMMAND_RUNNERS_MAX];
	size_t count = command_others(others, COMMAND_RUNNERS_MAX);

	for (size_t i = 0; i < count; i++) {
		char path[64];
		char where[128] = "";
		CLEANUP_FD int fd = -1;

		(void)snprintf(path, sizeof(path), "/proc/%d/syscall", (int)others[i].pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && read(fd, where, sizeof(where) - 1) < 0)
			where[0] = '\0';
		where[strcspn(where, "\n")] = '\0';
		(void)fprintf(stderr, "# hangs: %d %s: system call %s\n", (int)others[i].pid,
			      others[i].part, where);
	}
}

static int wait_command(pid_t pid)
{
	CLEANUP_FD int pidfd = pidfd_open(pid, 0);
	struct pollfd end = {.fd = pidfd, .events = POLLIN};
	int status = 0;

	if (pidfd < 0)
		fail("pidfd_open");
	if (poll(&end, 1, COMMAND_PATIENCE_MS) == 0) {
		show_others();
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		return COMMAND_HANGS;
	}
	if (waitpid(pid, &status, 0) < 0)
		fail("waitpid");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* What is meant may come to its call only after the command's end. */
static void end_tracer(pid_t tracer, const struct trace_outcome *outcome)
{
	unsigned steps = outcome->steps + 1;
	unsigned patience = TRACER_PATIENCE_MS / QUIET_MS;

	while (!outcome->hit && outcome->steps != steps && patience-- > 0) {
		steps = outcome->steps;
		command_sleep_ms(QUIET_MS);
	}
	(void)kill(tracer, SIGKILL);
	(void)waitpid(tracer, NULL, 0);
}

static void read_said(int fd, char text[COMMAND_SAID_MAX])
{
	ssize_t size = pread(fd, text, COMMAND_SAID_MAX - 1, 0);

	text[size < 0 ? 0 : size] = '\0';
}

void command_run(const struct command_user *user, char *const *argv, const struct trace_plan *plan,
		 struct trace_outcome *outcome, struct command_result *result)
{
	CLEANUP_FD int out = memfd_create("stdout", MFD_CLOEXEC);
	CLEANUP_FD int err = memfd_create("stderr", MFD_CLOEXEC);
	int go[2] = {-1, -1};
	pid_t tracer = 0;
	pid_t pid;

	if (out < 0 || err < 0 || (plan != NULL && pipe2(go, O_CLOEXEC) < 0))
		fail("a command's files");
	pid = fork();
	if (pid == 0)
		become_command(user, argv, go[0], (int[]){out, err});
	if (pid > 0 && plan != NULL) {
		struct trace_plan own = *plan;

		own.command = pid;
		own.go = go[1];
		outcome->steps = 0;
		outcome->hit = false;
		outcome->full = false;
		outcome->calls = 0;
		tracer = fork();
		if (tracer == 0)
			trace(&own, outcome);
	}
	if (pid < 0 || tracer < 0)
		fail("fork");
	close_fd(&go[0]);
	close_fd(&go[1]);
	result->status = wait_command(pid);
	if (tracer > 0)
		end_tracer(tracer, outcome);
	read_said(out, result->out);
	read_said(err, result->err);
}

/* Reads the name and the state out of /proc/PID/stat. */
static bool read_process(const char *pid, struct trace_runner *process, char *state)
{
	char path[64];
	char line[256];
	CLEANUP_FD int fd = -1;
	ssize_t size;
	char *end;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	if (size <= 0)
		return false;
	line[size] = '\0';
	end = strrchr(line, ')');
	if (end == NULL || strchr(line, '(') == NULL)
		return false;
	*end = '\0';
	*state = end[2];
	process->pid = (pid_t)strtol(pid, NULL, 10);
	(void)snprintf(process->part, sizeof(process->part), "%.20s", strchr(line, '(') + 1);
	return true;
}

size_t command_others(struct trace_runner *others, size_t max)
{
	CLEANUP_DIRECTORY DIR *proc = opendir("/proc");
	const struct dirent *entry;
	size_t count = 0;

	reap();
	while (proc != NULL && (entry = readdir(proc)) != NULL && count < max) {
		char state;

		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' ||
		    !read_process(entry->d_name, &others[count], &state))
			continue;
		if (others[count].pid != 1 && others[count].pid != getpid() && state != 'Z' &&
		    state != 'X')
			count++;
	}
	return count;
}
