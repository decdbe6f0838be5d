#include "process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define SLICE_MS 50 /* within which a signal is heeded */

int process_pidfd(pid_t pid, struct error *error)
{
	int pidfd = pidfd_open(pid, 0); /* close-on-exec by itself: pidfd_open(2) */

	if (pidfd < 0)
		return error_system(error, errno, "cannot hold process %d", (int)pid);
	return pidfd;
}

int process_raise_file_limit(unsigned long needed, struct error *error)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return error_system(error, errno, "cannot tell how many files may be open");
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_max >= needed)
		return 0;
	return error_set(error, EMFILE,
			 "only %llu files may be open at once here, and this takes %lu: raise the "
			 "limit, as root: ulimit -n %lu",
			 (unsigned long long)files.rlim_max, needed, needed);
}

int process_wait(int pidfd, int *status, struct error *error)
{
	siginfo_t info = {0};
	int result;

	do
		result = waitid(pidfd < 0 ? P_ALL : P_PIDFD, pidfd < 0 ? 0 : (id_t)pidfd, &info,
				WEXITED);
	while (result < 0 && errno == EINTR);
	if (result < 0)
		return error_system(error, errno, "cannot wait for a process");
	*status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	return 0;
}

int process_signal(int pidfd, int signal, struct error *error)
{
	if (pidfd_send_signal(pidfd, signal, NULL, 0) < 0 && errno != ESRCH)
		return error_system(error, errno, "cannot send signal %d to a process", signal);
	return 0;
}

void process_ending_signals(sigset_t *set)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

	(void)sigemptyset(set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		struct sigaction action;

		if (sigaction(signals[i], NULL, &action) < 0 || action.sa_handler != SIG_IGN)
			(void)sigaddset(set, signals[i]);
	}
}

void process_hold_signals(void)
{
	sigset_t signals;

	process_ending_signals(&signals);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
}

bool process_should_end(void)
{
	sigset_t signals;
	sigset_t came;

	process_ending_signals(&signals);
	return sigpending(&came) == 0 && sigandset(&came, &came, &signals) == 0 &&
	       sigisemptyset(&came) == 0;
}

/* In slices: whatever is pending is looked at, as everywhere, and no file is made for it. */
int process_wait_readable(int fd, int ms, struct error *error)
{
	const int64_t end = monotonic_ms() + ms;
	struct pollfd file = {.fd = fd, .events = POLLIN};

	for (;;) {
		const int64_t left = end - monotonic_ms();
		const int slice = left > SLICE_MS ? SLICE_MS : (int)(left > 0 ? left : 0);
		const int ready = poll(&file, 1, slice);

		if (ready > 0)
			return 1;
		if (ready < 0 && errno != EINTR)
			return error_system(error, errno, "cannot wait");
		if (process_should_end())
			return error_set(error, ECANCELED, "cancelled");
		if (left <= 0)
			return 0;
	}
}

int process_take_signal(void)
{
	const struct timespec at_once = {0};
	sigset_t signals;
	int signal;

	process_ending_signals(&signals);
	signal = sigtimedwait(&signals, NULL, &at_once);
	return signal > 0 ? signal : 0;
}

void process_end(int pidfd)
{
	struct error ignored;
	int status;

	if (process_signal(pidfd, SIGKILL, &ignored) == 0)
		(void)process_wait(pidfd, &status, &ignored);
}

/* The line is "Pid:" and a number: 0 outside the namespace, -1 after the end (pidfd_open(2)). */
pid_t process_pid_of(int pidfd, struct error *error)
{
	static const char key[] = "\nPid:";
	char path[sizeof("/proc/self/fdinfo/-2147483648")];
	char text[1024];
	CLEANUP_FD int file = -1;
	const char *line;
	ssize_t size;
	long pid;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	file = open(path, O_RDONLY | O_CLOEXEC);
	size = file < 0 ? -1 : read(file, text, sizeof(text) - 1);
	if (size < 0)
		return error_system(error, errno, "cannot read %s", path);
	text[size] = '\0';
	line = strstr(text, key);
	if (!line)
		return error_set(error, EINVAL, "%s shows no process", path);
	pid = strtol(line + strlen(key), NULL, 10);
	if (pid < 0)
		return error_set(error, ESRCH, "the process has ended");
	if (pid == 0)
		return error_set(error, ENOENT, "the process is outside our pid namespace");
	return (pid_t)pid;
}

/* SIGCHLD does not count: one may stand for many children, so all that ended are reaped. */
static void init_reap(void)
{
	pid_t reaped;

	do
		reaped = waitpid(-1, NULL, WNOHANG);
	while (reaped > 0);
}

/* Signals must be blocked, not merely without a handler: the kernel drops those that pid 1 has no
 * handler for, unless they are blocked (pid_namespaces(7)). */
_Noreturn void process_be_init(void)
{
	sigset_t all;

	if (getpid() != 1)
		abort();
	sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
	for (;;) {
		int signal;

		init_reap();
		signal = sigwaitinfo(&all, NULL);
		if (signal == SIGTERM)
			(void)kill(-1, SIGTERM);
		else if (signal < 0 && errno != EINTR)
			_exit(EXIT_FAILURE); /* a filter forbids the wait: never spin */
	}
}

int process_exec_status(int code)
{
	switch (code) {
	case ENOENT:
	case ENOTDIR:
		return PROCESS_NOT_FOUND;
	case EACCES:
	case ENOEXEC:
	case EISDIR:
	case ELOOP:
		return PROCESS_NOT_EXECUTABLE;
	default:
		return PROCESS_FAILED;
	}
}
