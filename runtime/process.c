#include "process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3 */
#endif

#define SLICE_MS 50 /* within which a signal is heeded */

#define IMAGE_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

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

/* A file that cannot be sealed at all (EINVAL) has no seals. */
static bool image_is_sealed(int file)
{
	int seals = fcntl(file, F_GET_SEALS);

	return seals >= 0 && (seals & IMAGE_SEALS) == IMAGE_SEALS;
}

/* From 6.3 a memory file that may be executed says so, or the kernel complains in its log; older
 * kernels do not know the flag. */
static int image_create(void)
{
	const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int image = memfd_create("pyroute", flags | MFD_EXEC);

	if (image < 0 && errno == EINVAL)
		image = memfd_create("pyroute", flags);
	return image;
}

static int image_copy(int image, int program)
{
	ssize_t copied;

	do
		copied = sendfile(image, program, NULL, 1 << 20);
	while (copied > 0 || (copied < 0 && errno == EINTR));
	return (int)copied;
}

/* The mode refuses the opening for writing, to all whom the file does not belong; the seals refuse
 * the writing, to everybody and for ever. */
static int image_seal(int image)
{
	if (fchmod(image, 0555) < 0)
		return -1;
	return fcntl(image, F_ADD_SEALS, IMAGE_SEALS);
}

/* Returns the sealed copy of PROGRAM. */
static int image_make(int program, struct error *error)
{
	CLEANUP_FD int image = image_create();

	if (image < 0)
		return error_system(error, errno,
				    "cannot make an executable memory file (is the sysctl "
				    "vm.memfd_noexec 2? It must be 0 or 1)");
	if (image_copy(image, program) < 0 || image_seal(image) < 0)
		return error_system(error, errno, "cannot seal a copy of the program");
	return TAKE_FD(image);
}

static int open_program(struct error *error)
{
	int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (program < 0)
		return error_system(error, errno, "cannot open /proc/self/exe");
	return program;
}

int process_try_seal(struct error *error)
{
	CLEANUP_FD int program = open_program(error);
	CLEANUP_FD int image = program < 0 ? program : image_make(program, error);

	return image < 0 ? image : 0;
}

int process_seal_image(char **argv, struct error *error)
{
	CLEANUP_FD int program = open_program(error);
	CLEANUP_FD int image = -1;

	if (program < 0)
		return program;
	if (image_is_sealed(program)) {
		/* Started by fd, the process would be called after its number: execveat(2). */
		(void)prctl(PR_SET_NAME, program_invocation_short_name);
		return 0;
	}
	image = image_make(program, error);
	if (image < 0)
		return image;
	(void)fexecve(image, argv, environ);
	return error_system(error, errno, "cannot start the sealed copy of the program");
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
