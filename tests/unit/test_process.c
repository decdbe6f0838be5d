/* Processes: what becomes of them, who they are, pid 1 and the sealed image. Needs root, for the
 * pid namespaces in which pid 1 is tried. */
#include "process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#define DEADLINE 10000 /* milliseconds, for anything that a test waits for */

struct child {
	pid_t pid;
	int pidfd;
};

/* Starts a child, in the new NAMESPACES (flags of clone(2)), that runs BODY(CONTEXT) and exits with
 * what it returns. */
static struct child child_clone(unsigned long namespaces, int (*body)(void *context), void *context)
{
	struct error error = {0};
	struct child child = {.pid = (pid_t)syscall(SYS_clone, namespaces | SIGCHLD, 0, 0, 0, 0)};

	assert_true(child.pid >= 0);
	if (child.pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* should a test fail half way */
		_exit(body(context));
	}
	child.pidfd = process_pidfd(child.pid, &error);
	assert_true(child.pidfd >= 0);
	return child;
}

static struct child child_start(int (*body)(void *context), void *context)
{
	return child_clone(0, body, context);
}

/* Waits until FD is readable (for a pidfd: the process has ended). */
static bool readable_in_time(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, DEADLINE) == 1;
}

/* Returns the exit status, -1 where the child did not end in time; it is gone afterwards. */
static int child_end(struct child *child)
{
	struct error error = {0};
	bool in_time = readable_in_time(child->pidfd);
	int status;

	if (!in_time)
		assert_int_equal(process_signal(child->pidfd, SIGKILL, &error), 0);
	assert_int_equal(process_wait(child->pidfd, &status, &error), 0);
	close_fd(&child->pidfd);
	return in_time ? status : -1;
}

static int body_return(void *context)
{
	return *(int *)context;
}

static int body_pause(void *context)
{
	(void)context;
	while (pause() < 0)
		;
	return 0;
}

static int body_end_after_a_while(void *context)
{
	(void)usleep(300000);
	return *(int *)context;
}

/* ---- waiting and signalling ------------------------------------------------------------------ */

static void the_status_of_a_process_is_its_own_exit_status(void **state)
{
	(void)state;
	for (int wanted = 0; wanted < 256; wanted += 51) {
		struct child child = child_start(body_return, &wanted);

		assert_int_equal(child_end(&child), wanted);
	}
}

static void a_process_killed_by_a_signal_counts_as_128_and_the_signal(void **state)
{
	static const int signals[] = {SIGTERM, SIGKILL, SIGINT};
	struct error error = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		struct child child = child_start(body_pause, NULL);

		assert_int_equal(process_signal(child.pidfd, signals[i], &error), 0);
		assert_int_equal(child_end(&child), 128 + signals[i]);
	}
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void waiting_goes_on_when_a_signal_interrupts_it(void **state)
{
	const struct sigaction interrupts = {.sa_handler = on_alarm};
	const struct itimerval soon = {.it_value.tv_usec = 50000};
	struct sigaction before;
	struct error error = {0};
	int wanted = 9;
	int status = -1;
	struct child child = child_start(body_end_after_a_while, &wanted);

	(void)state;
	assert_int_equal(sigaction(SIGALRM, &interrupts, &before), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	assert_int_equal(process_wait(child.pidfd, &status, &error), 0);
	assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
	assert_int_equal(status, wanted);
	close_fd(&child.pidfd);
}

static void a_process_is_waited_for_only_once(void **state)
{
	struct error error = {0};
	int status = 0;
	struct child child = child_start(body_return, &status);
	CLEANUP_FD int again = process_pidfd(child.pid, &error);

	(void)state;
	assert_int_equal(child_end(&child), 0);
	assert_int_equal(process_wait(again, &status, &error), -ECHILD);
}

static void a_signal_for_a_process_that_has_ended_is_no_error(void **state)
{
	struct error error = {0};
	int status = 0;
	struct child child = child_start(body_return, &status);
	CLEANUP_FD int again = process_pidfd(child.pid, &error);

	(void)state;
	assert_int_equal(child_end(&child), 0);
	assert_int_equal(process_signal(again, SIGTERM, &error), 0);
	assert_int_equal(process_signal(-1, SIGTERM, &error), -EBADF);
}

/* ---- who is it ------------------------------------------------------------------------------- */

static void a_pidfd_tells_its_pid_until_the_process_is_reaped(void **state)
{
	struct error error = {0};
	int status = 0;
	struct child child = child_start(body_return, &status);
	CLEANUP_FD int again = process_pidfd(child.pid, &error);

	(void)state;
	assert_int_equal(fcntl(again, F_GETFD), FD_CLOEXEC);
	assert_int_equal(process_pid_of(child.pidfd, &error), child.pid);
	assert_int_equal(child_end(&child), 0);
	assert_int_equal(process_pid_of(again, &error), -ESRCH);
	assert_int_equal(process_pidfd(child.pid, &error), -ESRCH);
}

static void what_is_no_pidfd_has_no_pid(void **state)
{
	CLEANUP_FD int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct error error = {0};

	(void)state;
	assert_int_equal(process_pid_of(file, &error), -EINVAL);
	assert_int_equal(process_pid_of(-1, &error), -ENOENT);
}

static int body_ask_for_pids(void *context)
{
	struct error error = {0};
	CLEANUP_FD int ourselves = process_pidfd(getpid(), &error);

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", 0, NULL) < 0)
		return 1;
	if (process_pid_of(ourselves, &error) != 1)
		return 2;
	return process_pid_of(*(int *)context, &error) == -ENOENT ? 0 : 3;
}

static void a_process_outside_our_pid_namespace_has_no_pid_here(void **state)
{
	struct error error = {0};
	CLEANUP_FD int outside = process_pidfd(getpid(), &error);
	struct child child = child_clone(CLONE_NEWPID | CLONE_NEWNS, body_ask_for_pids, &outside);

	(void)state;
	assert_int_equal(child_end(&child), 0);
}

/* ---- pid 1 ----------------------------------------------------------------------------------- */

/* pid 1 of a pid namespace, with one more process in it, which runs SECOND. What that one writes
 * comes out of report[0], which is at its end once that process has ended. */
struct init {
	struct child child;
	int report[2];
	void (*second)(int report);
};

/* Just the calls that the header promises; sigaltstack(2) is the address sanitizer's. */
static void allow_only_what_init_needs(void)
{
	static const int allowed[] = {SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigtimedwait),
				      SCMP_SYS(wait4),		SCMP_SYS(getpid),
				      SCMP_SYS(kill),		SCMP_SYS(sigaltstack)};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);

	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0) < 0)
			_exit(95);
	if (seccomp_load(filter) < 0)
		_exit(94);
}

static int body_init(void *context)
{
	const struct init *init = context;
	pid_t second = fork();

	if (second < 0)
		return 93;
	if (second == 0) {
		init->second(init->report[1]);
		_exit(0);
	}
	(void)close(init->report[1]);
	allow_only_what_init_needs();
	process_be_init();
}

/* The kernel drops a signal that comes before pid 1 has blocked it. */
static bool blocks_sigterm(pid_t pid)
{
	unsigned long blocked = 0;
	char line[256];
	char path[32];
	FILE *status;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status))
		if (strncmp(line, "SigBlk:", 7) == 0)
			blocked = strtoul(line + 7, NULL, 16);
	if (status)
		(void)fclose(status);
	return blocked >> (SIGTERM - 1) & 1;
}

static void init_start(struct init *init, void (*second)(int report))
{
	init->second = second;
	assert_int_equal(pipe2(init->report, O_CLOEXEC), 0);
	init->child = child_clone(CLONE_NEWPID, body_init, init);
	close_fd(&init->report[1]);
	for (int i = 0; i < DEADLINE / 10 && !blocks_sigterm(init->child.pid); i++)
		(void)usleep(10000);
}

/* Returns the next byte that the second process wrote, 0 where it has ended, -1 at the deadline. */
static int init_report(const struct init *init)
{
	char byte;

	if (!readable_in_time(init->report[0]))
		return -1;
	return read(init->report[0], &byte, 1) == 1 ? byte : 0;
}

/* True where pid 1 was still there and ended by SIGKILL. */
static bool init_kill(struct init *init)
{
	struct error error = {0};
	bool alive = waitid(P_PIDFD, (id_t)init->child.pidfd, &(siginfo_t){0},
			    WEXITED | WNOHANG | WNOWAIT) == 0;

	(void)process_signal(init->child.pidfd, SIGKILL, &error);
	close_fd(&init->report[0]);
	return child_end(&init->child) == 128 + SIGKILL && alive;
}

/* Leaves an orphan, waits until it is nobody's zombie any more. */
static void second_leaves_an_orphan(int report)
{
	pid_t orphan_pid = -1;
	int pids[2];
	pid_t parent;

	if (pipe2(pids, O_CLOEXEC) < 0)
		return;
	parent = fork();
	if (parent == 0) {
		pid_t orphan = fork();

		_exit(orphan == 0 || write(pids[1], &orphan, sizeof(orphan)) > 0 ? 0 : 1);
	}
	if (waitpid(parent, NULL, 0) != parent ||
	    read(pids[0], &orphan_pid, sizeof(orphan_pid)) != sizeof(orphan_pid) || orphan_pid <= 1)
		return;
	for (int i = 0; i < DEADLINE / 10 / 2; i++) {
		if (kill(orphan_pid, 0) < 0 && errno == ESRCH) {
			(void)!write(report, "r", 1);
			return;
		}
		(void)usleep(10000);
	}
}

static void pid_1_reaps_the_orphans_of_its_namespace(void **state)
{
	struct init init;

	(void)state;
	init_start(&init, second_leaves_an_orphan);
	assert_int_equal(init_report(&init), 'r');
	assert_true(init_kill(&init));
}

static void second_waits_for_a_signal(int report)
{
	(void)!write(report, "w", 1);
	(void)body_pause(NULL);
}

static void sigterm_of_pid_1_ends_the_others_and_not_pid_1(void **state)
{
	struct error error = {0};
	struct init init;

	(void)state;
	init_start(&init, second_waits_for_a_signal);
	assert_int_equal(init_report(&init), 'w');
	assert_int_equal(process_signal(init.child.pidfd, SIGTERM, &error), 0);
	assert_int_equal(init_report(&init), 0);
	assert_true(init_kill(&init));
}

static void other_signals_do_nothing_to_pid_1_nor_through_it(void **state)
{
	static const int signals[] = {SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGALRM, SIGTSTP};
	struct error error = {0};
	struct init init;

	(void)state;
	init_start(&init, second_waits_for_a_signal);
	assert_int_equal(init_report(&init), 'w');
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		assert_int_equal(process_signal(init.child.pidfd, signals[i], &error), 0);
	/* Nothing more within 200 ms: the second process was not signalled. */
	assert_int_equal(poll(&(struct pollfd){.fd = init.report[0], .events = POLLIN}, 1, 200), 0);
	assert_int_equal(process_signal(init.child.pidfd, SIGTERM, &error), 0);
	assert_int_equal(init_report(&init), 0);
	assert_true(init_kill(&init));
}

static int body_init_that_is_not_pid_1(void *context)
{
	int status;
	pid_t pid = fork();

	(void)context;
	if (pid == 0)
		process_be_init();
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
		return 1;
	return WTERMSIG(status) == SIGABRT ? 0 : 2;
}

/* In a pid namespace, so that a mistake cannot reach the machine. */
static void a_process_that_is_not_pid_1_must_not_live_like_it(void **state)
{
	struct child child = child_clone(CLONE_NEWPID, body_init_that_is_not_pid_1, NULL);

	(void)state;
	assert_int_equal(child_end(&child), 0);
}

/* ---- the sealed image ------------------------------------------------------------------------ */

#define PROBE	    "probe"
#define ENVIRONMENT "PYROUTE_TEST_OF_SEALS"

/* What the program tells about itself once it runs from the sealed file. */
struct probe_report {
	int result; /* of another process_seal_image() */
	int seals;
	char image[64];
	char name[16];
	char argv0[64];
	char environment[64];
};

/* The program's other main(): reports on fd 1 and stays until fd 0 is at its end. */
static int probe(char **argv)
{
	struct probe_report report = {0};
	struct error error = {0};
	CLEANUP_FD int image = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	const char *environment = getenv(ENVIRONMENT);
	char byte;

	report.result = process_seal_image(argv, &error);
	report.seals = fcntl(image, F_GET_SEALS);
	(void)!readlink("/proc/self/exe", report.image, sizeof(report.image) - 1);
	(void)prctl(PR_GET_NAME, report.name);
	(void)snprintf(report.argv0, sizeof(report.argv0), "%s", argv[0]);
	(void)snprintf(report.environment, sizeof(report.environment), "%s",
		       environment ? environment : "");
	if (write(STDOUT_FILENO, &report, sizeof(report)) != sizeof(report))
		return 1;
	return read(STDIN_FILENO, &byte, 1) == 0 ? 0 : 2;
}

static int body_seal(void *context)
{
	const int *pipes = context;
	char name[] = "pyroute-connect";
	char argument[] = PROBE;
	char *argv[] = {name, argument, NULL};
	struct error error = {0};

	if (dup2(pipes[0], STDIN_FILENO) < 0 || dup2(pipes[3], STDOUT_FILENO) < 0 ||
	    setenv(ENVIRONMENT, "kept", 1) < 0)
		return 91;
	(void)process_seal_image(argv, &error);
	return 90;
}

/* The sealed program, running. IMAGE is its /proc/PID/exe, opened for reading. */
struct sealed {
	struct child child;
	struct probe_report report;
	int hold; /* the program ends when this is closed */
	int image;
	char path[64];
};

static void sealed_start(struct sealed *sealed)
{
	int pipes[4];

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(pipe2(pipes + 2, O_CLOEXEC), 0);
	sealed->child = child_start(body_seal, pipes);
	close_fd(&pipes[0]);
	close_fd(&pipes[3]);
	assert_true(readable_in_time(pipes[2]));
	assert_int_equal(read(pipes[2], &sealed->report, sizeof(sealed->report)),
			 sizeof(sealed->report));
	close_fd(&pipes[2]);
	sealed->hold = pipes[1];
	(void)snprintf(sealed->path, sizeof(sealed->path), "/proc/%d/exe", sealed->child.pid);
	sealed->image = open(sealed->path, O_RDONLY | O_CLOEXEC);
	assert_true(sealed->image >= 0);
}

/* Ends the program, so that ETXTBSY no longer protects its file; PATH leads to it still. */
static void sealed_end(struct sealed *sealed)
{
	close_fd(&sealed->hold);
	assert_int_equal(child_end(&sealed->child), 0);
	(void)snprintf(sealed->path, sizeof(sealed->path), "/proc/self/fd/%d", sealed->image);
}

static void the_program_runs_from_a_sealed_file_with_name_arguments_and_environment(void **state)
{
	struct sealed sealed;

	(void)state;
	sealed_start(&sealed);
	assert_int_equal(sealed.report.result, 0);
	assert_int_equal(sealed.report.seals,
			 F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	assert_string_equal(sealed.report.image, "/memfd:pyroute (deleted)");
	assert_string_equal(sealed.report.name, "pyroute-connect");
	assert_string_equal(sealed.report.argv0, "pyroute-connect");
	assert_string_equal(sealed.report.environment, "kept");
	sealed_end(&sealed);
	close_fd(&sealed.image);
}

static void the_sealed_file_is_the_whole_program(void **state)
{
	CLEANUP_FD int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct sealed sealed;
	char ours[4096];
	char theirs[sizeof(ours)];
	ssize_t size;

	(void)state;
	sealed_start(&sealed);
	do {
		size = read(program, ours, sizeof(ours));
		assert_int_equal(read(sealed.image, theirs, sizeof(theirs)), size);
		assert_memory_equal(ours, theirs, (size_t)size);
	} while (size > 0);
	sealed_end(&sealed);
	close_fd(&sealed.image);
}

static void
root_cannot_write_the_image_that_proc_shows_even_when_the_program_has_ended(void **state)
{
	CLEANUP_FD int plain = memfd_create("plain", MFD_CLOEXEC);
	CLEANUP_FD int writable = -1;
	struct sealed sealed;

	(void)state;
	sealed_start(&sealed);
	assert_int_equal(open(sealed.path, O_WRONLY | O_CLOEXEC), -1);
	assert_int_equal(errno, ETXTBSY);
	sealed_end(&sealed);

	assert_int_equal(write(plain, "x", 1), 1); /* control: a memory file without seals */
	writable = open(sealed.path, O_WRONLY | O_CLOEXEC);
	assert_true(writable >= 0);
	assert_int_equal(write(writable, "x", 1), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(writable, 0), -1);
	assert_int_equal(errno, EPERM);
	close_fd(&sealed.image);
}

/* Opens the paths of a plain memory file and of the image, as somebody else than their owner. */
static int body_open_as_nobody(void *context)
{
	char *const *paths = context;

	if (setgid(65534) < 0 || setuid(65534) < 0)
		return 1;
	if (open(paths[0], O_WRONLY | O_CLOEXEC) < 0)
		return 2;
	return open(paths[1], O_WRONLY | O_CLOEXEC) < 0 && errno == EACCES ? 0 : 3;
}

static void others_than_its_owner_cannot_even_open_the_image_for_writing(void **state)
{
	CLEANUP_FD int plain = memfd_create("plain", MFD_CLOEXEC);
	struct sealed sealed;
	struct child nobody;
	char control[64];
	char *paths[] = {control, sealed.path};

	(void)state;
	sealed_start(&sealed);
	sealed_end(&sealed);
	(void)snprintf(control, sizeof(control), "/proc/self/fd/%d", plain);
	nobody = child_start(body_open_as_nobody, paths);
	assert_int_equal(child_end(&nobody), 0);
	close_fd(&sealed.image);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_status_of_a_process_is_its_own_exit_status),
		cmocka_unit_test(a_process_killed_by_a_signal_counts_as_128_and_the_signal),
		cmocka_unit_test(waiting_goes_on_when_a_signal_interrupts_it),
		cmocka_unit_test(a_process_is_waited_for_only_once),
		cmocka_unit_test(a_signal_for_a_process_that_has_ended_is_no_error),
		cmocka_unit_test(a_pidfd_tells_its_pid_until_the_process_is_reaped),
		cmocka_unit_test(what_is_no_pidfd_has_no_pid),
		cmocka_unit_test(a_process_outside_our_pid_namespace_has_no_pid_here),
		cmocka_unit_test(pid_1_reaps_the_orphans_of_its_namespace),
		cmocka_unit_test(sigterm_of_pid_1_ends_the_others_and_not_pid_1),
		cmocka_unit_test(other_signals_do_nothing_to_pid_1_nor_through_it),
		cmocka_unit_test(a_process_that_is_not_pid_1_must_not_live_like_it),
		cmocka_unit_test(
			the_program_runs_from_a_sealed_file_with_name_arguments_and_environment),
		cmocka_unit_test(the_sealed_file_is_the_whole_program),
		cmocka_unit_test(
			root_cannot_write_the_image_that_proc_shows_even_when_the_program_has_ended),
		cmocka_unit_test(others_than_its_owner_cannot_even_open_the_image_for_writing),
	};

	if (argc == 2 && strcmp(argv[1], PROBE) == 0)
		return probe(argv);
	return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
