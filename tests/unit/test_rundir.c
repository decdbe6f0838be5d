/* What the directories and files of running stages are called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rundir.h"

#include <fcntl.h>
#include <sys/stat.h>

static int open_folder(void **state)
{
	int *dir = malloc(sizeof(*dir));

	assert_non_null(dir);
	*dir = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(*dir >= 0);
	*state = dir;
	return 0;
}

static int close_folder(void **state)
{
	close_fd(*state);
	free(*state);
	return 0;
}

static void an_id_is_of_the_folder_and_the_name(void **state)
{
	const int *dir = *state;
	char id[RUNDIR_ID_SIZE];
	char wanted[RUNDIR_ID_SIZE];
	struct stat status;
	struct error error;

	assert_int_equal(fstat(*dir, &status), 0);
	(void)snprintf(wanted, sizeof(wanted), "scripts+%llx-%llx",
		       (unsigned long long)status.st_dev, (unsigned long long)status.st_ino);
	assert_int_equal(rundir_id(*dir, "scripts", id, &error), 0);
	assert_string_equal(id, wanted);
	assert_int_equal(rundir_id(*dir, NULL, id, &error), 0);
	assert_string_equal(id, wanted + strlen("scripts+"));
}

/* Beside the directory ID there may be the file ID.scripts (record.h). */
static void no_id_is_another_or_anothers_record(void **state)
{
	const int *dir = *state;
	char plain[RUNDIR_ID_SIZE];
	const char *const names[] = {NULL, "a", "aa", "a.scripts", "scripts", "lock", plain};
	char ids[ARRAY_SIZE(names)][RUNDIR_ID_SIZE];
	struct error error;

	assert_int_equal(rundir_id(*dir, NULL, plain, &error), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(rundir_id(*dir, names[i], ids[i], &error), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		for (size_t j = 0; j < ARRAY_SIZE(names); j++) {
			size_t length = strlen(ids[i]);

			assert_false(strncmp(ids[j], ids[i], length) == 0 &&
				     strcmp(ids[j] + length, ".scripts") == 0);
			assert_true(i == j || strcmp(ids[i], ids[j]) != 0);
		}
}

static void the_longest_name_fits(void **state)
{
	const int *dir = *state;
	char name[STAGE_NAME_SIZE];
	char id[RUNDIR_ID_SIZE];
	char plain[RUNDIR_ID_SIZE];
	struct error error;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(rundir_id(*dir, NULL, plain, &error), 0);
	assert_int_equal(rundir_id(*dir, name, id, &error), 0);
	assert_int_equal(strlen(id), strlen(name) + 1 + strlen(plain));
	assert_true(RUNDIR_ID_SIZE > strlen(name) + strlen("+ffffffffffffffff-ffffffffffffffff"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_is_of_the_folder_and_the_name),
		cmocka_unit_test(no_id_is_another_or_anothers_record),
		cmocka_unit_test(the_longest_name_fits),
	};

	return cmocka_run_group_tests(tests, open_folder, close_folder);
}
