/* Settings, read and written in a network namespace of the test's own. Needs root. */
#include "child.h"
#include "sysctl.h"

#include <fcntl.h>
#include <sched.h>

#define IPV4 "/proc/sys/net/ipv4"

/* The test program's namespaces: the first stands for the host's, the second is current. */
struct world {
	int first;  /* settings */
	int second; /* settings */
	int held;   /* the first, which ends when nothing is left in it: settings do not hold it */
};

static int make_world(void **state)
{
	struct error error;
	struct world *world = calloc(1, sizeof(*world));

	if (!world || unshare(CLONE_NEWNET) < 0) {
		(void)fprintf(stderr, "test_sysctl: cannot make a network namespace: needs root\n");
		free(world);
		return -1;
	}
	world->first = sysctl_open(IPV4, &error);
	world->held = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (unshare(CLONE_NEWNET) < 0) {
		close_fd(&world->held);
		close_fd(&world->first);
		free(world);
		return -1;
	}
	world->second = sysctl_open(IPV4, &error);
	*state = world;
	return world->first < 0 || world->held < 0 || world->second < 0 ? -1 : 0;
}

static int remove_world(void **state)
{
	struct world *world = *state;

	close_fd(&world->first);
	close_fd(&world->held);
	close_fd(&world->second);
	free(world);
	return 0;
}

static void expect_setting(int directory, const char *key, const char *expected)
{
	char value[64];
	struct error error;

	assert_int_equal(sysctl_read(directory, key, value, sizeof(value), &error), 0);
	assert_string_equal(value, expected);
}

static void a_setting_is_read_back_as_it_was_written(void **state)
{
	const struct world *world = *state;
	struct error error;

	assert_int_equal(sysctl_write(world->second, "ip_forward", "1", &error), 0);
	expect_setting(world->second, "ip_forward", "1");
	assert_int_equal(sysctl_write(world->second, "ip_forward", "0", &error), 0);
	expect_setting(world->second, "ip_forward", "0");
	assert_int_equal(sysctl_write(world->second, "ping_group_range", "10 20", &error), 0);
	expect_setting(world->second, "ping_group_range", "10\t20");
}

static void a_directory_stays_in_the_namespace_it_was_opened_in(void **state)
{
	const struct world *world = *state;
	struct error error;

	assert_int_equal(sysctl_write(world->first, "ip_default_ttl", "11", &error), 0);
	assert_int_equal(sysctl_write(world->second, "ip_default_ttl", "22", &error), 0);
	expect_setting(world->first, "ip_default_ttl", "11");
	expect_setting(world->second, "ip_default_ttl", "22");
}

static void a_table_is_written_up_to_its_first_failure(void **state)
{
	static const struct sysctl_setting table[] = {
		{"conf/all/rp_filter", "2"},
		{"conf/default/rp_filter", "1"},
		{"conf/none/rp_filter", "1"},
		{"conf/lo/rp_filter", "1"},
	};
	const struct world *world = *state;
	struct error error;

	assert_int_equal(sysctl_write(world->second, "conf/lo/rp_filter", "0", &error), 0);
	assert_int_equal(sysctl_write_all(world->second, table, ARRAY_SIZE(table), &error),
			 -ENOENT);
	assert_string_equal(error.text,
			    "cannot set conf.none.rp_filter to 1: No such file or directory");
	expect_setting(world->second, "conf/all/rp_filter", "2");
	expect_setting(world->second, "conf/default/rp_filter", "1");
	expect_setting(world->second, "conf/lo/rp_filter", "0");
	assert_int_equal(sysctl_write_all(world->second, table, 2, &error), 0);
}

static void a_setting_that_the_kernel_lacks_is_named(void **state)
{
	const struct world *world = *state;
	struct error error;
	char value[8];

	assert_int_equal(
		sysctl_read(world->second, "conf/eth0.5/nothing", value, sizeof(value), &error),
		-ENOENT);
	assert_int_equal(error.code, ENOENT);
	assert_string_equal(
		error.text,
		"cannot read the setting conf.eth0/5.nothing: No such file or directory");
}

static void a_value_that_the_kernel_refuses_is_named(void **state)
{
	const struct world *world = *state;
	struct error error;

	assert_int_equal(sysctl_write(world->second, "ip_default_ttl", "many", &error), -EINVAL);
	assert_string_equal(error.text, "cannot set ip_default_ttl to many: Invalid argument");
}

static void a_value_that_does_not_fit_is_not_cut(void **state)
{
	const struct world *world = *state;
	struct error error;
	char value[3];

	assert_int_equal(sysctl_write(world->second, "ip_default_ttl", "200", &error), 0);
	assert_int_equal(sysctl_read(world->second, "ip_default_ttl", value, 3, &error),
			 -EOVERFLOW);
	assert_int_equal(sysctl_write(world->second, "ip_default_ttl", "64", &error), 0);
	assert_int_equal(sysctl_read(world->second, "ip_default_ttl", value, 3, &error), 0);
	assert_string_equal(value, "64");
}

static void only_a_directory_is_opened(void **state)
{
	struct error error;

	(void)state;
	assert_int_equal(sysctl_open("/proc/sys/net/nowhere", &error), -ENOENT);
	assert_int_equal(sysctl_open("/proc/sys/net/ipv4/ip_forward", &error), -ENOTDIR);
}

static void fds_close_on_exec_and_links_are_not_followed(void **state)
{
	char directory[] = "/tmp/test_sysctl.XXXXXX";
	struct error error;
	char value[8];
	const struct world *world = *state;

	assert_int_equal(fcntl(world->first, F_GETFD), FD_CLOEXEC);
	assert_non_null(mkdtemp(directory));
	CLEANUP_FD int fd = sysctl_open(directory, &error);
	assert_int_equal(symlinkat("/dev/null", fd, "link"), 0);
	assert_int_equal(sysctl_write(fd, "link", "1", &error), -ELOOP);
	assert_int_equal(sysctl_read(fd, "link", value, sizeof(value), &error), -ELOOP);
	assert_int_equal(unlinkat(fd, "link", 0), 0);
	assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_setting_is_read_back_as_it_was_written),
		cmocka_unit_test(a_directory_stays_in_the_namespace_it_was_opened_in),
		cmocka_unit_test(a_table_is_written_up_to_its_first_failure),
		cmocka_unit_test(a_setting_that_the_kernel_lacks_is_named),
		cmocka_unit_test(a_value_that_the_kernel_refuses_is_named),
		cmocka_unit_test(a_value_that_does_not_fit_is_not_cut),
		cmocka_unit_test(only_a_directory_is_opened),
		cmocka_unit_test(fds_close_on_exec_and_links_are_not_followed),
	};

	return cmocka_run_group_tests_name("sysctl", tests, make_world, remove_world);
}
