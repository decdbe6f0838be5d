/* The steward: what it reaps, how it ends, and what it has. */
#include "child.h"
#include "steward.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>

#define DEADLINE_MS 10000

/* What a steward's children do. */
struct plan {
	int status;	/* the first ends with it; below 0: by that signal; PAUSE: not at all */
	bool slow_too;	/* there is a second, who takes some time and ends with another */
	int told;	/* gets the pids of steward and child, pid_t each; -1 */
	pid_t relative; /* who is its parent, as steward_prepare() is told */
};
#define PAUSE 1000

_Noreturn static void be_child(int status)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (status < 0)
		(void)kill(getpid(), -status);
	if (status == PAUSE)
		(void)poll(NULL, 0, -1);
	_exit(status);
}

static int be_steward(const void *argument)
{
	const struct plan *plan = argument;
	struct error error;
	pid_t pids[2] = {getpid(), -1};
	int result = steward_prepare(plan->relative, &error);

	if (result < 0)
		return result == -ECANCELED ? 90 : 91;
	pids[1] = fork();
	if (pids[1] == 0)
		be_child(plan->status);
	if (plan->slow_too && fork() == 0) {
		(void)poll(NULL, 0, 200);
		_exit(33);
	}
	if (plan->told >= 0 && write(plan->told, pids, sizeof(pids)) != sizeof(pids))
		return 92;
	(void)steward_become(pids[1], &error);
	return 93;
}

static void it_ends_as_its_child_when_it_has_no_more(void **state)
{
	static const struct {
		int status, expected;
	} cases[] = {{0, 0}, {7, 7}, {255, 255}, {-SIGKILL, 137}, {-SIGTERM, 143}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (int slow = 0; slow < 2; slow++) {
			const struct plan plan = {cases[i].status, slow == 1, -1, getpid()};
			const int64_t began = monotonic_ms();

			assert_int_equal(child_run(be_steward, &plan), cases[i].expected);
			assert_true(slow == 0 || monotonic_ms() - began >= 200);
		}
}

static void without_its_parent_it_does_not_begin(void **state)
{
	const struct plan plan = {0, false, -1, getpid() + 1};

	(void)state;
	assert_int_equal(child_run(be_steward, &plan), 90);
}

static int wait_for_child(const void *argument)
{
	const int *status = argument;
	struct error error;
	pid_t child;

	if (steward_prepare(getppid(), &error) < 0)
		return 91;
	child = fork();
	if (child == 0)
		be_child(*status);
	if (*status == PAUSE && kill(getpid(), SIGTERM) < 0)
		return 92;
	if (steward_wait(child) == 0)
		return waitpid(child, NULL, 0) < 0 ? 10 : 11;
	(void)kill(child, SIGKILL);
	return 12;
}

static void it_waits_for_who_is_on_the_way_until_its_parent_is_dead(void **state)
{
	static const int ends = 3;
	static const int pauses = PAUSE;

	(void)state;
	assert_int_equal(child_run(wait_for_child, &ends), 10);
	assert_int_equal(child_run(wait_for_child, &pauses), 12);
}

/* Makes a parent with a steward, whose child pauses. Returns the parent's pid. */
static pid_t make_parent(pid_t pids[2])
{
	int ends[2];
	pid_t parent;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	parent = fork();
	assert_true(parent >= 0);
	if (parent == 0) {
		const struct plan plan = {PAUSE, false, ends[1], getpid()};

		_exit(child_run(be_steward, &plan));
	}
	assert_int_equal(close(ends[1]), 0);
	assert_int_equal(read(ends[0], pids, 2 * sizeof(*pids)), 2 * sizeof(*pids));
	/* The end is closed with the steward's exec. The child, which has it too, lives. */
	assert_int_equal(close(ends[0]), 0);
	return parent;
}

static void read_file(pid_t pid, const char *name, char text[64])
{
	char path[64];
	ssize_t length;
	CLEANUP_FD int file = -1;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	file = open(path, O_RDONLY | O_CLOEXEC);
	length = file < 0 ? 0 : read(file, text, 63);
	assert_true(length >= 0);
	text[length] = '\0';
}

static void wait_for_name(pid_t pid, const char *name)
{
	const int64_t end = monotonic_ms() + DEADLINE_MS;
	char text[64];

	do {
		assert_true(monotonic_ms() < end);
		(void)poll(NULL, 0, 1);
		read_file(pid, "comm", text);
	} while (strcmp(text, name) != 0);
}

static size_t count_files(pid_t pid)
{
	char path[64];
	size_t count = 0;
	DIR *directory;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	directory = opendir(path);
	assert_non_null(directory);
	while (readdir(directory) != NULL)
		count++;
	assert_int_equal(closedir(directory), 0);
	return count - 2; /* "." and ".." */
}

static void it_has_no_file_no_terminal_and_ends_its_child_when_its_parent_dies(void **state)
{
	pid_t pids[2];
	pid_t parent;

	(void)state;
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	parent = make_parent(pids);
	wait_for_name(pids[0], "pyroute-steward\n");
	assert_int_equal(count_files(pids[0]), 0);
	assert_int_equal(getsid(pids[0]), pids[0]);
	(void)poll(NULL, 0, 50);
	assert_int_equal(kill(pids[1], 0), 0);
	assert_int_equal(kill(parent, SIGKILL), 0);
	assert_int_equal(child_wait(parent), KILLED_BY(SIGKILL));
	assert_int_equal(child_wait(pids[0]), 137); /* ours by now */
	assert_int_equal(kill(pids[1], 0), -1);
	assert_int_equal(errno, ESRCH);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_ends_as_its_child_when_it_has_no_more),
		cmocka_unit_test(without_its_parent_it_does_not_begin),
		cmocka_unit_test(it_waits_for_who_is_on_the_way_until_its_parent_is_dead),
		cmocka_unit_test(
			it_has_no_file_no_terminal_and_ends_its_child_when_its_parent_dies),
	};

	(void)alarm(60); /* one that does not end is waited for */
	return cmocka_run_group_tests_name("steward", tests, NULL, NULL);
}
