/* Every stage file in tests/golden is refused with exactly the complaints of the .txt beside it, as
 * a command prints them. tests/e2e/format.bats does the same with whole commands; here they are
 * read under sanitizers. */
#include "stage_text.h"

#include <fcntl.h>

#define GOLDEN	   PYROUTE_CHECKOUT "/tests/golden"
#define GOLDEN_MIN 54 /* as many as there must be at least */
#define GOLDEN_MAX 1024
#define TEXT_MAX   16384

static int open_golden(const char *name, const char *suffix)
{
	char path[PATH_MAX];
	int fd;

	(void)snprintf(path, sizeof(path), GOLDEN "/%s%s", name, suffix);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail_msg("cannot open %s: %s", path, strerror(errno));
	return fd;
}

/* As cmd_start prints them. */
static void write_complaints(const struct complaints *complaints, char *text, size_t size)
{
	size_t kept = complaints_kept(complaints);
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < kept; i++)
		used += (size_t)snprintf(text + used, size - used, "%s\n",
					 complaints->kept[i].text);
	if (complaints->count > kept)
		(void)snprintf(text + used, size - used, "%s: and %zu more\n", complaints->file,
			       complaints->count - kept);
}

/* A test: *STATE is the name of a stage. */
static void refuse_golden(void **state)
{
	const char *name = *state;
	char file[PATH_MAX];
	char expected[TEXT_MAX] = "";
	char told[TEXT_MAX];
	CLEANUP_FD int ini = open_golden(name, ".ini");
	CLEANUP_FD int txt = open_golden(name, ".txt");
	CLEANUP_STAGE struct stage stage = {0};
	struct complaints complaints = {.file = file};

	(void)snprintf(file, sizeof(file), "stages/%s/stage.ini", name);
	assert_true(read(txt, expected, sizeof(expected) - 1) > 0);
	(void)config_read(ini, name, &stage, &complaints);
	assert_int_equal(rules_check(&stage, &complaints), -EINVAL);
	write_complaints(&complaints, told, sizeof(told));
	assert_string_equal(told, expected);
}

static int is_ini(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && strcmp(dot, ".ini") == 0;
}

int main(void)
{
	struct dirent **entries = NULL;
	int count = scandir(GOLDEN, &entries, is_ini, alphasort);
	struct CMUnitTest tests[GOLDEN_MAX] = {0};
	int failed;

	if (count < GOLDEN_MIN || count > GOLDEN_MAX) {
		(void)fprintf(stderr, "%d stage files in " GOLDEN ", and not %d to %d\n", count,
			      GOLDEN_MIN, GOLDEN_MAX);
		return EXIT_FAILURE;
	}
	for (int i = 0; i < count; i++) {
		*strrchr(entries[i]->d_name, '.') = '\0';
		tests[i].name = entries[i]->d_name;
		tests[i].test_func = refuse_golden;
		tests[i].initial_state = entries[i]->d_name;
	}
	failed = _cmocka_run_group_tests("golden", tests, (size_t)count, NULL, NULL);
	for (int i = 0; i < count; i++)
		free(entries[i]);
	free((void *)entries);
	return failed;
}
