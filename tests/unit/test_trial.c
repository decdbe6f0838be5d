/* Tests of trial.c, which root and others run alike: these are root's, who can become others. */
#include "child.h"

#include "trial.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>

static int answer_child(void *argument, struct error *error)
{
	const int *answer = argument;

	if (*answer >= 0)
		return *answer;
	return error_set(error, -*answer, "the child's own words");
}

static int die_child(void *argument, struct error *error)
{
	(void)argument;
	(void)error;
	(void)raise(SIGKILL);
	return 0;
}

static int hang_child(void *argument, struct error *error)
{
	(void)argument;
	(void)error;
	while (pause() < 0)
		continue;
	return 0;
}

/* What only root of a mount namespace of its own can do. */
static int mount_child(void *argument, struct error *error)
{
	(void)argument;
	if (mount("none", "/mnt", "tmpfs", 0, NULL) < 0)
		return error_system(error, errno, "mount");
	if (mkdirat(AT_FDCWD, "/mnt/mine", 0700) < 0)
		return error_system(error, errno, "mkdir");
	return getuid() == 0 && getpid() == 1;
}

static int run(int flags, int (*run_child)(void *, struct error *), void *argument,
	       struct error *error, bool *began)
{
	struct trial trial = {.flags = flags, .run_child = run_child, .argument = argument};
	int result = trial_run(&trial, error);

	*began = trial.began;
	/* No child is left, neither running nor to be waited for. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	return result;
}

static void what_the_child_says_comes_back(void **state)
{
	struct error error = {0};
	bool began = false;
	int answer = 7;

	(void)state;
	assert_int_equal(run(0, answer_child, &answer, &error, &began), 7);
	assert_true(began);
	answer = -ENOTDIR;
	assert_int_equal(run(0, answer_child, &answer, &error, &began), -ENOTDIR);
	assert_string_equal(error.text, "the child's own words");
}

static void a_child_that_dies_is_told_and_one_that_hangs_ended(void **state)
{
	struct error error = {0};
	bool began = false;
	time_t before = time(NULL);

	(void)state;
	assert_int_equal(run(0, die_child, NULL, &error, &began), -ECHILD);
	assert_true(began);
	/* As pid 1 of its namespace it would not hear a gentler signal. */
	assert_int_equal(run(CLONE_NEWUSER | CLONE_NEWPID, hang_child, NULL, &error, &began),
			 -ETIMEDOUT);
	assert_in_range(time(NULL) - before, 4, 8);
}

static int run_mount_trial(const void *argument)
{
	const uid_t *uid = argument;
	struct error error = {0};
	bool began = false;

	CHECK(setresgid(*uid, *uid, *uid) == 0 && setresuid(*uid, *uid, *uid) == 0);
	/* As after an exec: or /proc/PID/uid_map of our children is root's (prctl(2)). */
	CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
	CHECK(run(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID, mount_child, NULL, &error, &began) ==
	      1);
	CHECK(access("/mnt/mine", F_OK) < 0);
	return 0;
}

static void the_child_is_root_of_namespaces_of_its_own_whoever_we_are(void **state)
{
	const uid_t root = 0;
	const uid_t nobody = 65534;

	(void)state;
	assert_int_equal(child_run(run_mount_trial, &root), 0);
	assert_int_equal(child_run(run_mount_trial, &nobody), 0);
}

static void namespaces_that_cannot_be_made_are_no_beginning(void **state)
{
	struct error error = {0};
	bool began = true;
	int answer = 0;

	(void)state;
	/* clone(2): these two exclude each other. */
	assert_int_equal(run(CLONE_NEWNS | CLONE_FS, answer_child, &answer, &error, &began),
			 -EINVAL);
	assert_false(began);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_child_says_comes_back),
		cmocka_unit_test(a_child_that_dies_is_told_and_one_that_hangs_ended),
		cmocka_unit_test(the_child_is_root_of_namespaces_of_its_own_whoever_we_are),
		cmocka_unit_test(namespaces_that_cannot_be_made_are_no_beginning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
