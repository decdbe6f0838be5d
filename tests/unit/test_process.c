/* Processes: what becomes of them, and who they are. Needs root, for a pid namespace. */
#include "pidfd_child.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/time.h>
#include <sys/wait.h>

static int body_return(void *context)
{
	return *(int *)context;
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

int main(void)
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
	};

	return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
