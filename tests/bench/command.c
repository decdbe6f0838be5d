#include "bench.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

int64_t now_ns(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Waits until FD can be read, for MICROSECONDS at most; -1 stands for no file. */
static bool wait_readable(struct bench *bench, int fd, int64_t microseconds)
{
	struct pollfd files[2] = {{.fd = bench->signals, .events = POLLIN},
				  {.fd = fd, .events = POLLIN}};
	const struct timespec timeout = {microseconds / 1000000, microseconds % 1000000 * 1000};

	(void)ppoll(files, 2, &timeout, NULL);
	if (files[0].revents != 0)
		bench_fail(bench, "interrupted");
	return files[1].revents != 0;
}

void bench_pause(struct bench *bench, unsigned microseconds)
{
	(void)wait_readable(bench, -1, microseconds);
}

/* The pipes, as the new process has them and as we do: -1 where it is not to stay. */
struct ends {
	int theirs[2];
	int ours[2];
};

static void make_pipes(struct bench *bench, struct ends *ends)
{
	int in[2];
	int out[2];

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		bench_fail(bench, "cannot make a pipe: %s", strerror(errno));
	*ends = (struct ends){{in[0], out[1]}, {in[1], out[0]}};
}

static void open_null(struct bench *bench, struct ends *ends)
{
	*ends = (struct ends){{-1, -1}, {-1, -1}};
	for (int i = 0; i < 2; i++) {
		ends->theirs[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (ends->theirs[i] < 0)
			bench_fail(bench, "/dev/null: %s", strerror(errno));
	}
}

/* posix_spawn(3) copies no page tables of ours, whatever we have. Our signals are blocked, and what
 * is started is to have them. */
static int spawn(pid_t *pid, const char *const *argv, const struct ends *ends)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none;
	char *words[COMMAND_WORDS] = {NULL};
	int result;

	for (size_t i = 0; argv[i] != NULL && i + 1 < COMMAND_WORDS; i++)
		memcpy(&words[i], &argv[i], sizeof(words[i]));
	(void)sigemptyset(&none);
	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawn_file_actions_adddup2(&files, ends->theirs[0], STDIN_FILENO);
	(void)posix_spawn_file_actions_adddup2(&files, ends->theirs[1], STDOUT_FILENO);
	(void)posix_spawnattr_init(&attributes);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	(void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	result = posix_spawnp(pid, words[0], &files, &attributes, words, environ);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&files);
	return result;
}

void command_start(struct bench *bench, struct command *command, const char *const *argv,
		   bool stays)
{
	struct ends ends;
	int result;

	if (stays)
		make_pipes(bench, &ends);
	else
		open_null(bench, &ends);
	command->started = now_ns();
	result = spawn(&command->pid, argv, &ends);
	close_fd(&ends.theirs[0]);
	close_fd(&ends.theirs[1]);
	command->input = ends.ours[0];
	command->output = ends.ours[1];
	if (result != 0)
		bench_fail(bench, "%s: %s", argv[0], strerror(result));
}

int command_wait(struct bench *bench, struct command *command, unsigned seconds)
{
	CLEANUP_FD int pidfd = pidfd_open(command->pid, 0);
	int status = 0;
	bool ended = pidfd >= 0 && wait_readable(bench, pidfd, (int64_t)seconds * 1000000);

	if (!ended)
		(void)kill(command->pid, SIGKILL);
	(void)waitpid(command->pid, &status, 0);
	close_fd(&command->input);
	close_fd(&command->output);
	command->pid = 0;
	if (!ended)
		return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

bool command_read_line(struct bench *bench, const struct command *command, char *line, size_t size,
		       unsigned seconds)
{
	const int64_t end = now_ns() + (int64_t)seconds * 1000000000;
	size_t length = 0;

	while (length + 1 < size && now_ns() < end) {
		if (!wait_readable(bench, command->output, (end - now_ns()) / 1000))
			break;
		if (read(command->output, &line[length], 1) != 1)
			break;
		if (line[length] == '\n') {
			line[length] = '\0';
			return true;
		}
		length++;
	}
	return false;
}

double command_run(struct bench *bench, const char *const *argv, unsigned seconds)
{
	struct command command = COMMAND_NONE;
	int status;
	int64_t started;

	command_start(bench, &command, argv, false);
	started = command.started;
	status = command_wait(bench, &command, seconds);
	if (status == 0)
		return (double)(now_ns() - started) / 1e6;
	if (status < 0)
		bench_fail(bench, "%s %s took longer than %u s", argv[0], argv[1], seconds);
	bench_fail(bench, "%s %s ended with status %d", argv[0], argv[1], status);
}
