/* The life of pid 1, in pid namespaces that the tests make: needs root. */
#include "pidfd_child.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/wait.h>

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

#define ORPHANS 50

/* Makes orphans that end when the write end of LIFE is closed. Their pids are written to PIDS. */
static void make_orphans(int life[2], int pids)
{
	char byte;

	(void)close(life[1]);
	for (int i = 0; i < ORPHANS; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit((int)read(life[0], &byte, 1));
		if (write(pids, &pid, sizeof(pid)) < 0)
			_exit(1);
	}
	_exit(0);
}

static bool are_gone(const pid_t pids[ORPHANS])
{
	for (int i = 0; i < ORPHANS; i++)
		if (pids[i] <= 1 || kill(pids[i], 0) == 0)
			return false;
	return true;
}

/* Leaves orphans, lets them end all at once (one SIGCHLD then stands for many), and waits until
 * none is a zombie any more. */
static void second_leaves_orphans(int report)
{
	pid_t orphans[ORPHANS] = {0};
	int life[2];
	int pids[2];
	pid_t parent;

	if (pipe2(life, O_CLOEXEC) < 0 || pipe2(pids, O_CLOEXEC) < 0)
		return;
	parent = fork();
	if (parent == 0)
		make_orphans(life, pids[1]);
	if (waitpid(parent, NULL, 0) != parent ||
	    read(pids[0], orphans, sizeof(orphans)) != sizeof(orphans))
		return;
	(void)close(life[1]);
	for (int i = 0; i < DEADLINE / 10 / 2 && !are_gone(orphans); i++)
		(void)usleep(10000);
	if (are_gone(orphans))
		(void)!write(report, "r", 1);
}

static void pid_1_reaps_the_orphans_of_its_namespace(void **state)
{
	struct init init;

	(void)state;
	init_start(&init, second_leaves_orphans);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pid_1_reaps_the_orphans_of_its_namespace),
		cmocka_unit_test(sigterm_of_pid_1_ends_the_others_and_not_pid_1),
		cmocka_unit_test(other_signals_do_nothing_to_pid_1_nor_through_it),
		cmocka_unit_test(a_process_that_is_not_pid_1_must_not_live_like_it),
	};

	return cmocka_run_group_tests_name("process init", tests, NULL, NULL);
}
