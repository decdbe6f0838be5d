/* The sealed image that our programs run from. Needs root, to become somebody else. */
#include "image.h"

#include "pidfd_child.h"

#include <fcntl.h>
#include <sys/mman.h>

#define PROBE	    "probe"
#define ENVIRONMENT "PYROUTE_TEST_OF_SEALS"

/* What the program tells about itself once it runs from the sealed file. */
struct probe_report {
	int result; /* of another image_seal_self() */
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

	report.result = image_seal_self(argv, &error);
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
	(void)image_seal_self(argv, &error);
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
		cmocka_unit_test(
			the_program_runs_from_a_sealed_file_with_name_arguments_and_environment),
		cmocka_unit_test(the_sealed_file_is_the_whole_program),
		cmocka_unit_test(
			root_cannot_write_the_image_that_proc_shows_even_when_the_program_has_ended),
		cmocka_unit_test(others_than_its_owner_cannot_even_open_the_image_for_writing),
	};

	if (argc == 2 && strcmp(argv[1], PROBE) == 0)
		return probe(argv);
	return cmocka_run_group_tests_name("process image", tests, NULL, NULL);
}
