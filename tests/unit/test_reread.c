/* What iniparser reads must be what the scan read, in files of any size. */
#include "stage_text.h"

#include "reread.h"

#include <fcntl.h>
#include <sys/stat.h>

/* Whether iniparser reads from the text READ what the scan finds in SCANNED. */
static bool agrees(const char *scanned, const char *read)
{
	CLEANUP_SCAN struct scan scan = {0};
	CLEANUP_FD int fd = open_text(scanned, strlen(scanned));
	struct complaints complaints = {.file = "s.ini"};
	int result;

	assert_int_equal(scan_load(fd, &scan, &complaints), 0);
	assert_int_equal(scan_split(&scan, &complaints), 0);
	assert_int_equal(complaints.count, 0);
	free(scan.text);
	scan.text = strdup(read);
	scan.size = strlen(read);
	result = reread_agrees(&scan);
	assert_true(result == 0 || result == 1);
	return result;
}

static void iniparser_must_read_what_the_scan_read(void **state)
{
	(void)state;
	assert_true(agrees(STAGE NET1, STAGE NET1));
	assert_false(agrees(STAGE NET1, "[stage]\ntitle = U\n" NET1));
	assert_false(agrees(STAGE NET1, STAGE NET1 "mtu = 1500\n"));
	assert_false(agrees(STAGE NET1, STAGE NET1 "[client1]\n"));
	assert_false(agrees(STAGE "[net1]\n", STAGE "[net2]\n"));
	assert_false(agrees(STAGE "[net1]\n", STAGE "net1 = 1\n"));
	assert_false(agrees(STAGE NET1, STAGE));
	assert_false(agrees(STAGE NET1, ""));
	assert_false(agrees(STAGE NET1, STAGE NET1 "no line\n"));
}

/* Its text is longer than that of any other section. */
static void a_check_with_the_longest_name_agrees(void **state)
{
	static const char text[] =
		STAGE "[check xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx]\n"
		      "expect = anything\nwithin = 2s\n";

	(void)state;
	assert_true(agrees(text, text));
}

static off_t size_of(int fd)
{
	struct stat status;

	assert_int_equal(fstat(fd, &status), 0);
	return status.st_size;
}

/* By itself iniparser prints the lines that it does not like, of whatever file it was given. */
static void nothing_is_printed(void **state)
{
	CLEANUP_FD int printed = open_text("", 0);
	CLEANUP_FD int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	CLEANUP_FD int err = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	bool agree;

	(void)state;
	(void)fflush(stdout);
	assert_true(out >= 0 && err >= 0);
	assert_true(dup2(printed, STDOUT_FILENO) >= 0 && dup2(printed, STDERR_FILENO) >= 0);
	agree = agrees(STAGE, STAGE "no line\n");
	(void)fflush(stdout);
	assert_true(dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0);
	assert_false(agree);
	assert_int_equal(size_of(printed), 0);
}

/* ---- large files: iniparser reads them in pieces ---- */

/* COUNT nets with a leg and a client each. */
static void write_legs(FILE *stream, unsigned count)
{
	(void)fputs(STAGE "# comments\n\n", stream);
	for (unsigned i = 1; i <= count; i++)
		(void)fprintf(stream,
			      "[net%u]\nsubnet = 10.%u.%u.0/24, fd00:%x::/64\n"
			      "computer = 10.%u.%u.1 ; the leg\n"
			      "[client%u]\nnet%u = 10.%u.%u.2, fd00:%x::2\nrun = 'sleep %u'\n",
			      i, i / 250, i % 250, i, i / 250, i % 250, i, i, i / 250, i % 250, i,
			      i);
}

/* One net with COUNT clients. */
static void write_wide(FILE *stream, unsigned count)
{
	(void)fputs(STAGE "[net1]\nsubnet = 10.0.0.0/16\ncomputer = 10.0.0.1\n", stream);
	for (unsigned i = 1; i <= count; i++)
		(void)fprintf(stream, "\n[client%u]\nnet1 = 10.0.%u.%u\ngateway = 10.0.0.1\n", i,
			      1 + i / 250, 1 + i % 250);
}

/* A stage of COUNT, in memory that the caller frees. */
static char *make_large(void (*write_stage)(FILE *, unsigned), unsigned count)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	assert_non_null(stream);
	write_stage(stream, count);
	close_stream(&stream); /* which is what sets TEXT */
	return text;
}

static void a_stage_of_a_thousand_is_accepted(void **state)
{
	CLEANUP_FREE char *legs = make_large(write_legs, 1000);
	CLEANUP_FREE char *wide = make_large(write_wide, 1000);
	CLEANUP_STAGE struct stage many = {0};
	CLEANUP_STAGE struct stage one = {0};
	struct complaints complaints;

	(void)state;
	assert_int_equal(judge(legs, strlen(legs), &many, &complaints), 0);
	assert_int_equal(many.net_count, 1000);
	assert_int_equal(many.client_count, 1000);
	assert_int_equal(judge(wide, strlen(wide), &one, &complaints), 0);
	assert_int_equal(one.net_count, 1);
	assert_int_equal(one.nets[0].ends, 1001);
}

static void a_segment_has_as_many_ends_as_a_frame_for_all_reaches(void **state)
{
	CLEANUP_FREE char *most = make_large(write_wide, NET_ENDS_MAX - 1);
	CLEANUP_FREE char *more = make_large(write_wide, NET_ENDS_MAX);
	CLEANUP_STAGE struct stage allowed = {0};
	CLEANUP_STAGE struct stage refused = {0};
	struct complaints complaints;

	(void)state;
	assert_int_equal(judge(most, strlen(most), &allowed, &complaints), 0);
	assert_int_equal(judge(more, strlen(more), &refused, &complaints), -EINVAL);
	assert_int_equal(complaints.count, 1);
	assert_string_equal(complaints.kept[0].text,
			    "s.ini:3: [net1]: has 1002 ends; a segment joins at most 1001, the "
			    "computer's leg among them: divide it into several");
}

/* Whether it agrees after the first FROM behind the text BEHIND was made TO, as long as FROM. */
static bool agrees_changed(const char *text, const char *behind, const char *from, const char *to)
{
	CLEANUP_FREE char *changed = strdup(text);
	size_t length = strlen(from);
	char *place;

	assert_non_null(changed);
	place = strstr(changed, behind);
	assert_non_null(place);
	place = strstr(place, from);
	assert_non_null(place);
	assert_int_equal(length, strlen(to));
	memcpy(place, to, length);
	return agrees(text, changed);
}

static void every_piece_must_be_read_alike(void **state)
{
	CLEANUP_FREE char *text = make_large(write_legs, 300);

	(void)state;
	for (unsigned i = 1; i <= 300; i += 13) {
		char behind[32];

		(void)snprintf(behind, sizeof(behind), "[net%u]", i);
		assert_true(agrees_changed(text, behind, "computer", "computer"));
		assert_false(agrees_changed(text, behind, "computer", "komputer"));
		assert_false(agrees_changed(text, behind, "[client", "[kilent"));
		assert_false(agrees_changed(text, behind, "; the leg", ", the leg"));
		assert_false(agrees_changed(text, behind, "sleep", "Sleep"));
	}
	assert_false(agrees_changed(text, "\n\n", "\n[net1]", "\n a = b"));
}

/* What is behind the last section's keys is iniparser's to read too. */
static void the_end_of_a_large_file_is_read(void **state)
{
	CLEANUP_FREE char *text = make_large(write_wide, 1000);
	CLEANUP_FREE char *longer = NULL;

	(void)state;
	assert_true(asprintf(&longer, "%smac.net1 = 02:00:00:00:00:01\n", text) > 0);
	assert_true(agrees(text, text));
	assert_false(agrees(text, longer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(iniparser_must_read_what_the_scan_read),
		cmocka_unit_test(a_check_with_the_longest_name_agrees),
		cmocka_unit_test(nothing_is_printed),
		cmocka_unit_test(a_stage_of_a_thousand_is_accepted),
		cmocka_unit_test(a_segment_has_as_many_ends_as_a_frame_for_all_reaches),
		cmocka_unit_test(every_piece_must_be_read_alike),
		cmocka_unit_test(the_end_of_a_large_file_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
