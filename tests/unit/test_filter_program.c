/* The filter as a program in a sealed file: no one changes it, no other is loaded. Needs root. */
#include "child.h"
#include "filter.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

static void the_program_cannot_be_changed(void **state)
{
	struct error error;
	CLEANUP_FD int fd = filter_file(false, &error);
	struct stat before;
	struct stat after;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fstat(fd, &before), 0);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(ftruncate(fd, before.st_size + 8), -1);
	assert_ptr_equal(mmap(NULL, 8, PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), -1);
	assert_int_equal(fstat(fd, &after), 0);
	assert_int_equal(after.st_size, before.st_size);
}

static int memory_file(size_t size, int seals)
{
	static const char zeros[64];
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, zeros, size), size);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void only_a_sealed_program_is_read(void **state)
{
	const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	CLEANUP_FD int good = memory_file(16, seals);
	CLEANUP_FD int writable = memory_file(16, seals & ~F_SEAL_WRITE);
	CLEANUP_FD int odd = memory_file(15, seals);
	CLEANUP_FD int empty = memory_file(0, seals);
	CLEANUP_FD int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const int bad[] = {writable, odd, empty, null, -1};
	CLEANUP_FILTER struct filter filter = {0};
	struct error error;

	(void)state;
	assert_int_equal(filter_read(good, &filter, &error), 0);
	assert_int_equal(filter.length, 2);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct filter none;

		assert_int_equal(filter_read(bad[i], &none, &error), -EINVAL);
		assert_null(none.instructions);
	}
}

static int load_unprepared(const void *argument)
{
	struct error error;

	/* With CAP_SYS_ADMIN the kernel does not ask for no_new_privs. */
	if (setresuid(65534, 65534, 65534) < 0)
		return 255;
	if (filter_load(argument, &error) == 0)
		return 0;
	return strstr(error.text, "no_new_privs") ? error.code : 254;
}

static void a_load_without_no_new_privs_says_so(void **state)
{
	CLEANUP_FILTER struct filter filter = {0};
	struct error error;
	CLEANUP_FD int fd = filter_file(false, &error);

	(void)state;
	assert_int_equal(filter_read(fd, &filter, &error), 0);
	assert_int_equal(child_run(load_unprepared, &filter), EACCES);
}

/* In a user namespace of a single id, to which groups are denied. */
static int set_groups_there(const void *argument)
{
	struct error error;

	if (unshare(CLONE_NEWUSER) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    filter_load(argument, &error) < 0)
		return 255;
	return setgroups(0, NULL) < 0 ? errno : 0;
}

static void where_groups_are_fixed_they_are_said_to_be_set(void **state)
{
	CLEANUP_FILTER struct filter fixed = {0};
	CLEANUP_FILTER struct filter usual = {0};
	struct error error;
	CLEANUP_FD int fixed_fd = filter_file(true, &error);
	CLEANUP_FD int usual_fd = filter_file(false, &error);

	(void)state;
	assert_int_equal(filter_read(fixed_fd, &fixed, &error), 0);
	assert_int_equal(filter_read(usual_fd, &usual, &error), 0);
	assert_int_equal(child_run(set_groups_there, &fixed), 0);
	assert_int_equal(child_run(set_groups_there, &usual), EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_program_cannot_be_changed),
		cmocka_unit_test(only_a_sealed_program_is_read),
		cmocka_unit_test(a_load_without_no_new_privs_says_so),
		cmocka_unit_test(where_groups_are_fixed_they_are_said_to_be_set),
	};

	return cmocka_run_group_tests_name("filter program", tests, NULL, NULL);
}
