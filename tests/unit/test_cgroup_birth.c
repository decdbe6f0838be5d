/* Who is born in a control group, of version 2, and who enters it by its doors. Each test has a
 * mount of its own of that tree, with a group of its own, and needs no controllers. Needs root. */
#include "cgroup.h"
#include "child.h"
#include "file.h"
#include "ns.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define TOP "/sys/fs/cgroup"

/* What a newborn tells, in its parent's memory or by its status. */
struct newborn {
	char name[64]; /* of the group it is to be in */
	bool there;
};

static int look(void *argument)
{
	struct newborn *newborn = argument;
	struct error error = {0};
	char text[1024];
	const char *own;

	if (file_read(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text), &error) < 0)
		return 2;
	own = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	newborn->there = own != NULL && strstr(own, newborn->name) != NULL;
	return newborn->there ? 0 : 1;
}

/* Makes the group, whose doors are the caller's. */
static void make_group(struct newborn *newborn, struct cgroup_doors *doors)
{
	char path[128];

	(void)snprintf(newborn->name, sizeof(newborn->name), "pyroute-test-%d", (int)getpid());
	CHECK(unshare(CLONE_NEWNS) == 0);
	CHECK(mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK(mount("cgroup2", TOP, "cgroup2", 0, NULL) == 0);
	(void)snprintf(path, sizeof(path), TOP "/%s", newborn->name);
	CHECK(mkdir(path, 0755) == 0);
	doors->fd[1] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK(doors->fd[1] >= 0);
	doors->fd[0] = openat(doors->fd[1], "cgroup.procs", O_WRONLY | O_CLOEXEC);
	CHECK(doors->fd[0] >= 0);
	doors->count = 2;
}

/* Takes the group away again, in which nobody lives any more. */
static void remove_group(const struct newborn *newborn, struct cgroup_doors *doors)
{
	char path[128];

	(void)snprintf(path, sizeof(path), TOP "/%s", newborn->name);
	cgroup_doors_close(doors);
	CHECK(rmdir(path) == 0);
}

static int run_born(const void *argument)
{
	struct cgroup_doors doors = {.count = 0};
	struct newborn newborn = {.there = false};
	struct error error = {0};
	int pidfd = -1;

	(void)argument;
	make_group(&newborn, &doors);
	CHECK(cgroup_birthplace(&doors) == doors.fd[1]);
	CHECK(child_wait(ns_clone_into(doors.fd[1], 0, look, &newborn, &pidfd, &error)) == 0);
	CHECK(fcntl(pidfd, F_GETFD) == FD_CLOEXEC);
	CHECK(!newborn.there); /* it has a memory of its own */
	CHECK(child_wait(ns_clone_into(-1, 0, look, &newborn, NULL, &error)) == 1);
	remove_group(&newborn, &doors);
	return 0;
}

/* red: ns_clone_into() without CLONE_INTO_CGROUP, or cgroup_birthplace() gives the file */
static void a_copy_is_born_in_its_group(void **state)
{
	(void)state;
	assert_int_equal(child_run(run_born, NULL), 0);
}

static int run_shared(const void *argument)
{
	struct cgroup_doors doors = {.count = 0};
	struct newborn newborn = {.there = false};
	struct error error = {0};

	(void)argument;
	make_group(&newborn, &doors);
	CHECK(child_wait(ns_clone_shared_into(doors.fd[1], 0, look, &newborn, &error)) == 0);
	CHECK(newborn.there); /* it has ours, and is through when we go on */
	remove_group(&newborn, &doors);
	return 0;
}

/* red: ns_clone_shared_into() without CLONE_VM, CLONE_VFORK or CLONE_INTO_CGROUP */
static void who_shares_our_memory_is_born_in_its_group(void **state)
{
	(void)state;
	assert_int_equal(child_run(run_shared, NULL), 0);
}

/* The newborn is another child of our parent's. */
static int bear_sibling(const void *argument)
{
	const struct cgroup_doors *doors = argument;
	struct newborn newborn = {.there = false};
	struct error error = {0};
	pid_t pid;

	(void)snprintf(newborn.name, sizeof(newborn.name), "pyroute-test-%d", (int)getppid());
	pid = ns_clone_shared_into(doors->fd[1], CLONE_PARENT, look, &newborn, &error);
	CHECK(pid > 0 && newborn.there);
	CHECK(waitpid(pid, NULL, 0) < 0 && errno == ECHILD);
	return 0;
}

static int run_sibling(const void *argument)
{
	struct cgroup_doors doors = {.count = 0};
	struct newborn newborn = {.there = false};

	(void)argument;
	make_group(&newborn, &doors);
	CHECK(child_run(bear_sibling, &doors) == 0);
	CHECK(waitpid(-1, NULL, 0) > 0);
	remove_group(&newborn, &doors);
	return 0;
}

/* red: ns_clone_shared_into() gives a child of its parent's a signal of its own */
static void a_sibling_is_born_in_its_group(void **state)
{
	(void)state;
	assert_int_equal(child_run(run_sibling, NULL), 0);
}

static int run_refused(const void *argument)
{
	struct cgroup_doors doors = {.count = 0};
	struct newborn newborn = {.there = false};
	struct error copied = {0}, shared = {0};
	int result;

	(void)argument;
	make_group(&newborn, &doors);
	result = ns_clone_into(doors.fd[0], 0, look, &newborn, NULL, &copied);
	CHECK(copied.code > 0 && copied.text[0] != '\0' && result == -copied.code);
	result = ns_clone_shared_into(doors.fd[0], 0, look, &newborn, &shared);
	CHECK(shared.code > 0 && shared.text[0] != '\0' && result == -shared.code);
	CHECK(!newborn.there);
	remove_group(&newborn, &doors);
	return 0;
}

/* red: ns_clone_shared_into() takes an errno value for a pid */
static void what_is_no_group_bears_nobody(void **state)
{
	(void)state;
	assert_int_equal(child_run(run_refused, NULL), 0);
}

static int enter_and_look(const void *argument)
{
	const struct cgroup_doors *doors = argument;
	struct newborn newborn = {.there = false};
	struct error error = {0};

	(void)snprintf(newborn.name, sizeof(newborn.name), "pyroute-test-%d", (int)getppid());
	CHECK(cgroup_enter(doors, &error) == 0);
	return look(&newborn);
}

static int run_by_doors(const void *argument)
{
	struct cgroup_doors doors = {.count = 0};
	struct newborn newborn = {.there = false};

	(void)argument;
	make_group(&newborn, &doors);
	CHECK(child_run(enter_and_look, &doors) == 0);
	cgroup_close_birthplace(&doors);
	CHECK(doors.count == 1 && cgroup_birthplace(&doors) == -1);
	CHECK(child_run(enter_and_look, &doors) == 0);
	remove_group(&newborn, &doors);
	return 0;
}

/* red: cgroup_admit() writes to the directory, too */
static void the_doors_of_version_2_are_a_file_and_a_folder(void **state)
{
	struct cgroup_doors none = {.count = 0};

	(void)state;
	assert_int_equal(cgroup_birthplace(&none), -1);
	assert_int_equal(child_run(run_by_doors, NULL), 0);
}

static int run_opened(const void *argument)
{
	struct cgroup_doors doors = {.count = 0};
	struct newborn newborn = {.there = false};
	struct stat wanted, opened;
	char path[128], around[96];
	int group;

	(void)argument;
	make_group(&newborn, &doors);
	(void)snprintf(path, sizeof(path), TOP "/%s/client1", newborn.name);
	(void)snprintf(around, sizeof(around), "../cgroup/%s", newborn.name);
	CHECK(mkdir(path, 0755) == 0 && stat(path, &wanted) == 0);
	group = cgroup_open_birthplace(newborn.name, "client1");
	CHECK(group >= 0 && fstat(group, &opened) == 0 && close(group) == 0);
	CHECK(opened.st_dev == wanted.st_dev && opened.st_ino == wanted.st_ino);
	CHECK(cgroup_open_birthplace(newborn.name, "client2") == -1);
	CHECK(cgroup_open_birthplace(around, "client1") == -1);
	CHECK(cgroup_open_birthplace("", newborn.name) == -1);
	CHECK(rmdir(path) == 0);
	remove_group(&newborn, &doors);
	return 0;
}

/* red: cgroup_open_birthplace() believes whatever a journal says, or opens PARENT */
static void a_birthplace_is_opened_by_its_name(void **state)
{
	(void)state;
	assert_int_equal(child_run(run_opened, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_copy_is_born_in_its_group),
		cmocka_unit_test(who_shares_our_memory_is_born_in_its_group),
		cmocka_unit_test(a_sibling_is_born_in_its_group),
		cmocka_unit_test(what_is_no_group_bears_nobody),
		cmocka_unit_test(the_doors_of_version_2_are_a_file_and_a_folder),
		cmocka_unit_test(a_birthplace_is_opened_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
