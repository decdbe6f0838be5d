/* The launcher: who becomes what, of several paths, and what is said where nothing can be become.
 */
#include "channel.h"
#include "child.h"
#include "launcher.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* A directory with two in it, which are PATH. */
struct world {
	char top[64], first[80], second[80];
};

static void make_file(const char *directory, const char *name, mode_t mode, const char *text)
{
	char path[128];
	int file;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(file >= 0);
	assert_int_equal(write(file, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(file, mode), 0);
	assert_int_equal(close(file), 0);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	char path[192];

	assert_non_null(world);
	(void)snprintf(world->top, sizeof(world->top), "/tmp/launcher.XXXXXX");
	assert_non_null(mkdtemp(world->top));
	(void)snprintf(world->first, sizeof(world->first), "%s/first", world->top);
	(void)snprintf(world->second, sizeof(world->second), "%s/second", world->top);
	assert_int_equal(mkdir(world->first, 0755), 0);
	assert_int_equal(mkdir(world->second, 0755), 0);
	(void)snprintf(path, sizeof(path), "%s:%s", world->first, world->second);
	assert_int_equal(setenv("PATH", path, 1), 0);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	char command[192];

	(void)snprintf(command, sizeof(command), "/bin/rm -r %s", world->top);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a path of our own */
	free(world);
	return 0;
}

static int make(const char *const *names, const char *const *argv, struct launcher *launcher)
{
	struct error error;
	char *const *words;

	memcpy(&words, &argv, sizeof(words));
	return launcher_make(names, getenv("PATH"), words, launcher, &error);
}

/* In a child, all of whose files are close-on-exec. Returns how it ended; *CODE is what the
 * launcher said, 0: nothing. */
static int run(const char *const *names, const char *const *argv, int *code)
{
	CLEANUP_LAUNCHER struct launcher launcher = LAUNCHER_NONE;
	struct error error;
	int ends[2];
	pid_t child;

	*code = 0;
	assert_int_equal(make(names, argv, &launcher), 0);
	assert_int_equal(channel_pair(ends, &error), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
			(void)launcher_become_child(&launcher, ends[1], &error);
		_exit(99);
	}
	assert_int_equal(close(ends[1]), 0);
	if (channel_receive(ends[0], code, sizeof(*code), NULL, &error) > 0)
		assert_true(*code > 0);
	assert_int_equal(close(ends[0]), 0);
	return child_wait(child);
}

#define LIST(...)	     ((const char *const[]){__VA_ARGS__, NULL})
#define RUN(code, name, ...) run(LIST(name), LIST(name, ##__VA_ARGS__), code)

static void a_program_gets_its_arguments_its_environment_and_none_of_our_files(void **state)
{
	/* The list's own fd is closed by the time that it is looked for. */
	static const char script[] =
		"test \"$1,$2,$3\" = 'a,,c d' && test \"$KEPT\" = yes || exit 1\n"
		"for file in /proc/self/fd/*; do\n"
		"	test \"${file##*/}\" -le 2 || ! test -e \"$file\" || exit 2\n"
		"done\n"
		"exit 42";
	int code;

	(void)state;
	assert_int_equal(setenv("KEPT", "yes", 1), 0);
	assert_int_equal(RUN(&code, "/bin/sh", "-c", script, "name", "a", "", "c d"), 42);
	assert_int_equal(code, 0);
}

static void of_several_names_the_first_that_there_is(void **state)
{
	const struct world *world = *state;
	int code;

	make_file(world->second, "third", 0755, "#!/bin/sh\nexit 3\n");
	assert_int_equal(run(LIST("/no/shell", "none", "third", "/bin/false"), LIST("x"), &code),
			 3);
	assert_int_equal(code, 0);
}

static void a_name_is_looked_for_in_path_and_a_path_is_not(void **state)
{
	const struct world *world = *state;
	int code;

	make_file(world->second, "tool", 0755, "#!/bin/sh\nexit 2\n");
	assert_int_equal(RUN(&code, "tool"), 2);
	make_file(world->first, "tool", 0755, "#!/bin/sh\nexit 1\n");
	assert_int_equal(RUN(&code, "tool"), 1);
	assert_int_equal(RUN(&code, "./tool"), 125);
	assert_int_equal(code, ENOENT);
	assert_int_equal(chdir(world->second), 0);
	assert_int_equal(RUN(&code, "./tool"), 2);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(RUN(&code, ""), 125);
	assert_int_equal(code, ENOENT);
}

static void what_cannot_be_run_is_said_as_execvp_says_it(void **state)
{
	const struct world *world = *state;
	int code;

	assert_int_equal(RUN(&code, "none"), 125);
	assert_int_equal(code, ENOENT);
	make_file(world->first, "plain", 0644, "exit 3\n");
	assert_int_equal(RUN(&code, "plain"), 125);
	assert_int_equal(code, EACCES);
	make_file(world->second, "plain", 0755, "#!/bin/sh\nexit 3\n");
	assert_int_equal(RUN(&code, "plain"), 3);
	make_file(world->first, "broken", 0755, "#!/nowhere/at/all\n");
	assert_int_equal(RUN(&code, "broken"), 125);
	assert_int_equal(code, ENOENT);
	assert_int_equal(RUN(&code, "/"), 125);
	assert_int_equal(code, EACCES);
}

static void a_file_of_no_known_format_is_a_script_of_the_shells(void **state)
{
	const struct world *world = *state;
	int code;

	make_file(world->second, "script", 0755, "test \"$#,$1,$2\" = '2,x,' && exit 7\n");
	assert_int_equal(RUN(&code, "script", "x", ""), 7);
	assert_int_equal(code, 0);
}

static int run_script_without_shell(const void *argument)
{
	const struct world *world = argument;
	char shell[128];
	int code;
	int status;

	(void)snprintf(shell, sizeof(shell), "%s/plain", world->first);
	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(shell, "/bin/sh", NULL, MS_BIND, NULL) < 0)
		return 99;
	status = run(LIST("script"), LIST("script", "/bin/true", "/bin/true"), &code);
	return status == 125 ? code : 98;
}

/* None of its arguments is taken for a path. */
static void where_the_shell_is_missing_a_script_is_not_run(void **state)
{
	const struct world *world = *state;

	make_file(world->first, "plain", 0644, "exit 3\n");
	make_file(world->first, "script", 0755, "exit 0\n");
	make_file(world->second, "script", 0755, "exit 0\n");
	assert_int_equal(child_run(run_script_without_shell, world), EACCES);
}

static void without_a_name_of_its_own_a_program_has_its_paths(void **state)
{
	const struct world *world = *state;
	char path[96];
	int code;

	make_file(world->second, "named", 0755, "test \"$0\" = \"$NAMED\" && exit 6\n");
	(void)snprintf(path, sizeof(path), "%s/named", world->second);
	assert_int_equal(setenv("NAMED", path, 1), 0);
	assert_int_equal(run(LIST("none", "named"), NULL, &code), 6);
	assert_int_equal(run(LIST("none", "/bin/busybox-is-none"), NULL, &code), 125);
	assert_int_equal(code, ENOENT);
}

/* As by "#!/proc/self/exe" in a client. */
static int launch_itself(const void *argument)
{
	char exe[] = "/proc/self/exe";
	char path[] = "/bin/true";
	char end[] = "";
	char *const words[] = {exe, path, end, path, NULL};
	struct launcher launcher = LAUNCHER_NONE;

	(void)argument;
	if (make(LIST("x"), LIST("x"), &launcher) == 0)
		(void)fexecve(launcher.file, words, environ);
	return 98;
}

static void run_by_others_it_does_nothing(void **state)
{
	(void)state;
	assert_int_equal(child_run(launch_itself, NULL), 125);
}

static void nobody_changes_it(void **state)
{
	CLEANUP_LAUNCHER struct launcher made = LAUNCHER_NONE;
	struct stat status;
	int launcher;

	(void)state;
	assert_int_equal(make(LIST("x"), LIST("x"), &made), 0);
	launcher = made.file;
	assert_int_equal(fcntl(launcher, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(launcher, F_GET_SEALS),
			 F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	assert_int_equal(fstat(launcher, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0111);
	assert_int_equal(pwrite(launcher, "x", 1, 0), -1);
	assert_int_equal(errno, EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_program_gets_its_arguments_its_environment_and_none_of_our_files),
		cmocka_unit_test(of_several_names_the_first_that_there_is),
		cmocka_unit_test(a_name_is_looked_for_in_path_and_a_path_is_not),
		cmocka_unit_test(what_cannot_be_run_is_said_as_execvp_says_it),
		cmocka_unit_test(a_file_of_no_known_format_is_a_script_of_the_shells),
		cmocka_unit_test(where_the_shell_is_missing_a_script_is_not_run),
		cmocka_unit_test(without_a_name_of_its_own_a_program_has_its_paths),
		cmocka_unit_test(run_by_others_it_does_nothing),
		cmocka_unit_test(nobody_changes_it),
	};

	return cmocka_run_group_tests_name("launcher", tests, setup, teardown);
}
