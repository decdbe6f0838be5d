/* What `pyroute check` prints in each of its formats: exactly, where all that it is made of is
 * harmless, and still as the format wants it where the router, the shell or the stage file have put
 * in what they like. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report.h"
#include "text.h"

#include <fcntl.h>
#include <sys/mman.h>

#define PRINTED_SIZE 16384

/* Of three checks one is passed, one failed, and one not asked. */
static const struct stage stage = {.name = "stage1", .title = "Two neighbours"};
static const struct stage_check checks[] = {
	{.name = "ping12", .title = "client1 pings client2", .points = 3},
	{.name = "ttl", .title = "The TTL is one less", .points = 2},
	{.name = "web", .title = "A page is read", .points = 1},
};
static const struct stage_check *const wanted[] = {&checks[0], &checks[1], &checks[2]};
static const struct verdict verdicts[] = {
	{.outcome = VERDICT_PASS, .step = WALK_NONE},
	{.outcome = VERDICT_FAIL,
	 .step = WALK_TTL,
	 .reason = "the packet left on net2 with 64; it must be 63",
	 .rule = "RFC 1812 5.3.1",
	 .frame = "02:42:02:02:02:01 > 02:42:02:02:02:02, 1.1.1.2 > 2.2.2.2, ttl 64",
	 .field = "time to live",
	 .wire = "net2"},
	{.outcome = VERDICT_UNASKED, .step = WALK_NONE, .reason = "client1 has another gateway"},
};

static struct report make_report(void)
{
	return (struct report){.stage = &stage,
			       .checks = wanted,
			       .verdicts = verdicts,
			       .count = ARRAY_SIZE(verdicts),
			       .took = 1340};
}

/* What REPORT is on standard output, in TEXT of PRINTED_SIZE bytes. */
static void print_to(const struct report *report, enum report_format format, char *text)
{
	CLEANUP_FD int file = memfd_create("printed", MFD_CLOEXEC);
	CLEANUP_FD int before = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	ssize_t size;

	assert_true(file >= 0 && before >= 0);
	assert_int_equal(fflush(stdout), 0);
	assert_true(dup2(file, STDOUT_FILENO) >= 0);
	report_print(report, format);
	assert_int_equal(fflush(stdout), 0);
	assert_true(dup2(before, STDOUT_FILENO) >= 0);
	size = pread(file, text, PRINTED_SIZE, 0);
	assert_in_range(size, 1, PRINTED_SIZE - 1);
	text[size] = '\0';
}

static void prints(const struct report *report, enum report_format format, const char *expected)
{
	char text[PRINTED_SIZE];

	print_to(report, format, text);
	assert_string_equal(text, expected);
}

/* ---- exactly --------------------------------------------------------------------------------- */

static void people_read_marks_reasons_frames_and_a_sum(void **state)
{
	struct report report = make_report();
	char output[] = "ready\n\nTraceback:\n\tKeyError: 7\n";

	(void)state;
	report.command = "python3 src/router.py";
	report.output = output;
	report.kept = "kept";
	report.note_count = 1;
	(void)snprintf(report.notes[0], sizeof(report.notes[0]), "The router was killed.");
	prints(&report, REPORT_HUMAN,
	       "ok        client1 pings client2 [ping12]\n"
	       "FAIL      The TTL is one less [ttl]\n"
	       "          the packet left on net2 with 64; it must be 63\n"
	       "          net2: 02:42:02:02:02:01 > 02:42:02:02:02:02, 1.1.1.2 > 2.2.2.2, ttl 64\n"
	       "          wrong: time to live; see RFC 1812 5.3.1\n"
	       "not asked A page is read [web]\n"
	       "          client1 has another gateway\n"
	       "\n"
	       "1 of 3 checks passed, 1 failed, 1 could not be asked: 3 of 6 points, in 1.3 s\n"
	       "The router was killed.\n"
	       "The router printed at last:\n"
	       "| ready\n"
	       "| \n"
	       "| Traceback:\n"
	       "|  KeyError: 7\n"
	       "What passed on the wires, and what the router printed, is in kept\n");
}

static void of_what_passed_nothing_is_explained(void **state)
{
	struct report report = make_report();
	char output[] = "ready\n";

	(void)state;
	report.count = 1;
	report.output = output;
	report.kept = "kept";
	prints(&report, REPORT_HUMAN,
	       "ok        client1 pings client2 [ping12]\n"
	       "\n"
	       "1 of 1 checks passed: 3 of 3 points, in 1.3 s\n"
	       "What passed on the wires is in kept\n");
}

/* A frame without a rule, a rule without a frame; and a router that said nothing. */
static void what_there_is_not_is_left_out(void **state)
{
	struct report report = make_report();
	struct verdict some[] = {
		{.outcome = VERDICT_FAIL, .step = WALK_ARRIVAL, .reason = "no", .frame = "F"},
		{.outcome = VERDICT_FAIL, .step = WALK_TTL, .reason = "no", .rule = "RFC 791"},
	};
	char output[] = "\n\n";

	(void)state;
	report.verdicts = some;
	report.count = ARRAY_SIZE(some);
	report.output = output;
	prints(&report, REPORT_HUMAN,
	       "FAIL      client1 pings client2 [ping12]\n"
	       "          no\n"
	       "          F\n"
	       "FAIL      The TTL is one less [ttl]\n"
	       "          no\n"
	       "          see RFC 791\n"
	       "\n"
	       "0 of 2 checks passed, 2 failed: 0 of 5 points, in 1.3 s\n"
	       "The router printed nothing.\n");
}

static void what_holds_of_all_is_said_once(void **state)
{
	struct report report = make_report();
	struct verdict same[] = {
		{.outcome = VERDICT_UNASKED, .reason = "ip forwarding is on"},
		{.outcome = VERDICT_UNASKED, .reason = "ip forwarding is on"},
	};

	(void)state;
	report.verdicts = same;
	report.count = ARRAY_SIZE(same);
	prints(&report, REPORT_HUMAN,
	       "not asked client1 pings client2 [ping12]\n"
	       "not asked The TTL is one less [ttl]\n"
	       "\n"
	       "All for one reason: ip forwarding is on\n"
	       "\n"
	       "0 of 2 checks passed, 2 could not be asked: 0 of 5 points, in 1.3 s\n");
	same[1].reason[0] = 'I';
	prints(&report, REPORT_HUMAN,
	       "not asked client1 pings client2 [ping12]\n"
	       "          ip forwarding is on\n"
	       "not asked The TTL is one less [ttl]\n"
	       "          Ip forwarding is on\n"
	       "\n"
	       "0 of 2 checks passed, 2 could not be asked: 0 of 5 points, in 1.3 s\n");
}

static void tap_has_a_plan_a_line_for_each_and_why(void **state)
{
	struct report report = make_report();
	char output[] = "ready\n";

	(void)state;
	report.output = output;
	report.note_count = 1;
	(void)snprintf(report.notes[0], sizeof(report.notes[0]), "The router was killed.");
	prints(&report, REPORT_TAP,
	       "TAP version 13\n"
	       "1..3\n"
	       "ok 1 - ping12: client1 pings client2\n"
	       "not ok 2 - ttl: The TTL is one less\n"
	       "  ---\n"
	       "  outcome: \"fail\"\n"
	       "  message: \"the packet left on net2 with 64; it must be 63\"\n"
	       "  step: \"ttl\"\n"
	       "  rule: \"RFC 1812 5.3.1\"\n"
	       "  wire: \"net2\"\n"
	       "  frame: \"02:42:02:02:02:01 > 02:42:02:02:02:02, 1.1.1.2 > 2.2.2.2, ttl 64\"\n"
	       "  field: \"time to live\"\n"
	       "  ...\n"
	       "not ok 3 - web: A page is read\n"
	       "  ---\n"
	       "  outcome: \"could not ask\"\n"
	       "  message: \"could not ask: client1 has another gateway\"\n"
	       "  step: \"none\"\n"
	       "  ...\n"
	       "# 1 of 3 checks passed, 1 failed, 1 could not be asked: 3 of 6 points, in 1.3 s\n"
	       "# The router was killed.\n"
	       "# The router printed at last:\n"
	       "# | ready\n");
}

static void junit_tells_failures_from_errors(void **state)
{
	struct report report = make_report();
	char output[] = "one\ntwo\n";

	(void)state;
	report.command = "python3 src/router.py";
	report.output = output;
	report.kept = "kept";
	report.note_count = 1;
	(void)snprintf(report.notes[0], sizeof(report.notes[0]), "The router was killed.");
	prints(&report, REPORT_JUNIT,
	       "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	       "<testsuite name=\"stage1\" tests=\"3\" failures=\"1\" errors=\"1\""
	       " time=\"1.340\">\n"
	       "  <properties>\n"
	       "    <property name=\"points\" value=\"3\"/>\n"
	       "    <property name=\"points_of\" value=\"6\"/>\n"
	       "    <property name=\"router\" value=\"python3 src/router.py\"/>\n"
	       "    <property name=\"kept\" value=\"kept\"/>\n"
	       "    <property name=\"note\" value=\"The router was killed.\"/>\n"
	       "  </properties>\n"
	       "  <testcase classname=\"stage1\" name=\"ping12\"/>\n"
	       "  <testcase classname=\"stage1\" name=\"ttl\">\n"
	       "    <failure type=\"ttl\""
	       " message=\"the packet left on net2 with 64; it must be 63\">"
	       "The TTL is one less:\n"
	       "the packet left on net2 with 64; it must be 63\n"
	       "net2: 02:42:02:02:02:01 &gt; 02:42:02:02:02:02, 1.1.1.2 &gt; 2.2.2.2, ttl 64\n"
	       "wrong: time to live; see RFC 1812 5.3.1\n"
	       "</failure>\n"
	       "  </testcase>\n"
	       "  <testcase classname=\"stage1\" name=\"web\">\n"
	       "    <error type=\"could-not-ask\" message=\"client1 has another gateway\">"
	       "A page is read: could not ask:\n"
	       "client1 has another gateway\n"
	       "</error>\n"
	       "  </testcase>\n"
	       "  <system-out>one\ntwo\n</system-out>\n"
	       "</testsuite>\n");
}

static void json_has_all_of_it(void **state)
{
	struct report report = make_report();
	char output[] = "one\ntwo\n";

	(void)state;
	report.output = output;
	report.note_count = 1;
	(void)snprintf(report.notes[0], sizeof(report.notes[0]), "The router was killed.");
	prints(&report, REPORT_JSON,
	       "{\n"
	       "  \"stage\":\"stage1\",\n"
	       "  \"passed\":false,\n"
	       "  \"points\":3,\n"
	       "  \"points_of\":6,\n"
	       "  \"took_ms\":1340,\n"
	       "  \"checks\":[\n"
	       "    {\n"
	       "      \"name\":\"ping12\",\n"
	       "      \"title\":\"client1 pings client2\",\n"
	       "      \"points\":3,\n"
	       "      \"outcome\":\"pass\",\n"
	       "      \"cause\":null\n"
	       "    },\n"
	       "    {\n"
	       "      \"name\":\"ttl\",\n"
	       "      \"title\":\"The TTL is one less\",\n"
	       "      \"points\":2,\n"
	       "      \"outcome\":\"fail\",\n"
	       "      \"cause\":{\n"
	       "        \"step\":\"ttl\",\n"
	       "        \"text\":\"the packet left on net2 with 64; it must be 63\",\n"
	       "        \"rule\":\"RFC 1812 5.3.1\",\n"
	       "        \"wire\":\"net2\",\n"
	       "        \"frame\":\"02:42:02:02:02:01 > 02:42:02:02:02:02,"
	       " 1.1.1.2 > 2.2.2.2, ttl 64\",\n"
	       "        \"wrong\":\"time to live\"\n"
	       "      }\n"
	       "    },\n"
	       "    {\n"
	       "      \"name\":\"web\",\n"
	       "      \"title\":\"A page is read\",\n"
	       "      \"points\":1,\n"
	       "      \"outcome\":\"could not ask\",\n"
	       "      \"cause\":{\n"
	       "        \"step\":\"none\",\n"
	       "        \"text\":\"client1 has another gateway\",\n"
	       "        \"rule\":null,\n"
	       "        \"wire\":null,\n"
	       "        \"frame\":null,\n"
	       "        \"wrong\":null\n"
	       "      }\n"
	       "    }\n"
	       "  ],\n"
	       "  \"notes\":[\n"
	       "    \"The router was killed.\"\n"
	       "  ],\n"
	       "  \"router\":null,\n"
	       "  \"output\":\"one\\ntwo\\n\",\n"
	       "  \"kept\":null\n"
	       "}\n");
}

/* ---- whatever the bytes ---------------------------------------------------------------------- */

/* Escape, bell, backspace, delete; C1 as a byte and as a character; bytes that are no UTF-8, a
 * character too long and one cut; U+FFFE; a line separator; and one that is fine. */
#define HOSTILE                                                                                    \
	"\033[2J\007\b\177\233\xc2\x9b\xff\xc0\xaf\xef\xbf\xbe\xe2\x80\xa8\xc3\xa9 ]]> "           \
	"&<>\"'#\\\xe2\x82"
#define SHOWN(beyond)                                                                              \
	"\\x1b[2J\\x07\\x08\\x7f\\x9b\\xc2\\x9b\\xff\\xc0\\xaf" beyond "\\xe2\\x80\\xa8\xc3\xa9 "
#define SHOWN_LINE SHOWN("\xef\xbf\xbe")
#define SHOWN_XML  SHOWN("\\xef\\xbf\\xbe") /* which has no U+FFFE */

/* A report that is hostile wherever it can be. */
static void make_hostile(struct report *report, struct stage_check *check, struct verdict *verdict,
			 char *output, size_t size)
{
	static const struct stage_check *one[1];

	*check = (struct stage_check){.name = "ttl", .title = HOSTILE};
	*verdict = (struct verdict){.outcome = VERDICT_FAIL,
				    .step = WALK_TTL,
				    .reason = HOSTILE "\nok 9 - \r",
				    .rule = HOSTILE,
				    .frame = HOSTILE,
				    .field = HOSTILE};
	one[0] = check;
	*report = make_report();
	report->checks = one;
	report->verdicts = verdict;
	report->count = 1;
	report->command = HOSTILE;
	report->kept = HOSTILE;
	report->output = output;
	report->note_count = 1;
	(void)snprintf(report->notes[0], sizeof(report->notes[0]), "%s", HOSTILE "\n1..0");
	(void)snprintf(output, size, "%s", "a\tb\r\n" HOSTILE "\n");
}

static size_t count_of(const char *text, const char *part)
{
	size_t count = 0;

	for (text = strstr(text, part); text != NULL; text = strstr(text + 1, part))
		count++;
	return count;
}

/* Printed in FORMAT, nothing but lines is there that must not be shown, and PART so often. */
static void is_shown(enum report_format format, const char *part, size_t times)
{
	struct stage_check check;
	struct verdict verdict;
	struct report report;
	char output[256];
	char text[PRINTED_SIZE];

	make_hostile(&report, &check, &verdict, output, sizeof(output));
	print_to(&report, format, text);
	if (count_of(text, part) != times)
		print_error("%s", text);
	assert_int_equal(count_of(text, part), times);
	for (char *at = text; *at != '\0'; at++)
		if (*at == '\n' || *at == '\t')
			*at = ' ';
	assert_true(text_is_fit(text, sizeof(text)));
}

static void nothing_moves_the_cursor_of_who_reads(void **state)
{
	(void)state;
	/* Title, reason, frame, field, rule, note, the output and where it is kept. */
	is_shown(REPORT_HUMAN, SHOWN_LINE "]]> &<>\"'#\\\\xe2\\x82", 8);
	is_shown(REPORT_HUMAN, "\n| a b\\x0d\n", 1);
	is_shown(REPORT_HUMAN, "\\x0aok 9 - \\x0d\n", 1);
}

static void nothing_ends_a_line_of_tap_or_a_string_of_its_yaml(void **state)
{
	(void)state;
	is_shown(REPORT_TAP, "not ok 1 - ttl: \\\\x1b[2J\\\\x07", 1);
	is_shown(REPORT_TAP, "\xc3\xa9 ]]> &<>\"'\\#\\\\\\\\xe2\\\\x82\n", 1);
	is_shown(REPORT_TAP, "  message: \"\\\\x1b[2J\\\\x07", 1);
	/* Reason, rule, frame and field. */
	is_shown(REPORT_TAP, "\xc3\xa9 ]]> &<>\\\"'#\\\\\\\\xe2\\\\x82", 4);
	is_shown(REPORT_TAP, "\nok ", 0);
	is_shown(REPORT_TAP, "\n1..", 1);
	/* Note, the output and where it is kept. */
	is_shown(REPORT_TAP, SHOWN_LINE "]]> &<>\"'#\\\\xe2\\x82", 3);
	is_shown(REPORT_TAP, "\n# | a b\\x0d\n", 1);
}

static void nothing_is_xml_that_should_be_text(void **state)
{
	(void)state;
	/* Router, kept and note; title; reason twice; frame, field and rule; the output. */
	is_shown(REPORT_JUNIT, SHOWN_XML "]]&gt; &amp;&lt;&gt;&quot;&apos;#\\\\xe2\\x82", 10);
	is_shown(REPORT_JUNIT, "]]>", 0);
	is_shown(REPORT_JUNIT, "<system-out>a\tb\\x0d\n", 1);
}

static void nothing_is_json_that_should_be_text(void **state)
{
	(void)state;
	/* As for JSON each backslash is two: title, reason, rule, frame, field, note, router,
	 * output, kept. */
	is_shown(REPORT_JSON, "\\\\x1b[2J\\\\x07\\\\x08\\\\x7f\\\\x9b\\\\xc2\\\\x9b\\\\xff\\\\xc0",
		 9);
	is_shown(REPORT_JSON, "\xc3\xa9 ]]> &<>\\\"'#\\\\\\\\xe2\\\\x82", 9);
	is_shown(REPORT_JSON, "\"output\":\"a\\tb\\\\x0d\\n", 1);
}

/* Ten lines at most, each cut between two characters; lines of nothing at the end are none. */
static void of_much_output_people_see_the_last_lines(void **state)
{
	struct report report = make_report();
	char output[4096];
	char text[PRINTED_SIZE];
	size_t used = 0;

	(void)state;
	for (int i = 1; i <= 12; i++)
		used += (size_t)snprintf(output + used, sizeof(output) - used, "line %d\n", i);
	for (int i = 0; i < 200; i++)
		used += (size_t)snprintf(output + used, sizeof(output) - used, "\xc3\xa9");
	for (int i = 0; i < 50; i++)
		used += (size_t)snprintf(output + used, sizeof(output) - used, "\n");
	report.output = output;
	print_to(&report, REPORT_HUMAN, text);
	assert_int_equal(count_of(text, "\n| "), 10);
	assert_null(strstr(text, "| line 3\n"));
	assert_non_null(strstr(text, "at last:\n| line 4\n"));
	assert_non_null(strstr(text, "\xc3\xa9...\n"));
	assert_int_equal(count_of(text, "\xc3\xa9"), 126);
	assert_int_equal(count_of(text, "\\x"), 0);
	print_to(&report, REPORT_JUNIT, text);
	assert_int_equal(count_of(text, "\xc3\xa9"), 200);
	assert_non_null(strstr(text, "<system-out>line 1\n"));
}

/* ---- what it comes to ------------------------------------------------------------------------ */

static void only_what_was_asked_and_passed_is_passed(void **state)
{
	struct report report = make_report();
	struct verdict all[3] = {{.outcome = VERDICT_PASS}};

	(void)state;
	report.verdicts = all;
	for (enum verdict_outcome last = VERDICT_PASS; last < VERDICT_OUTCOMES; last++) {
		all[2].outcome = last;
		assert_int_equal(report_passed(&report), last == VERDICT_PASS);
	}
	report.count = 2;
	assert_true(report_passed(&report));
	report.count = 0;
	assert_false(report_passed(&report));
}

static void a_format_has_a_name_and_a_wrong_one_is_answered(void **state)
{
	static const char *const names[] = {"human", "tap", "junit", "json"};
	enum report_format format = REPORT_FORMATS;
	struct error error = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(report_find_format(names[i], &format, &error), 0);
		assert_int_equal(format, i);
	}
	assert_int_equal(report_find_format("jnuit", &format, &error), -EINVAL);
	assert_string_equal(error.text,
			    "--format \"jnuit\": there is no such format; did you mean junit?");
	assert_int_equal(report_find_format("\033\xff", &format, &error), -EINVAL);
	assert_string_equal(error.text, "--format \"\\x1b\\xff\": there is no such format; use "
					"human, tap, junit or json");
	assert_int_equal(report_find_format("", &format, &error), -EINVAL);
	assert_int_equal(report_find_format("JSON", &format, &error), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(people_read_marks_reasons_frames_and_a_sum),
		cmocka_unit_test(of_what_passed_nothing_is_explained),
		cmocka_unit_test(what_there_is_not_is_left_out),
		cmocka_unit_test(what_holds_of_all_is_said_once),
		cmocka_unit_test(tap_has_a_plan_a_line_for_each_and_why),
		cmocka_unit_test(junit_tells_failures_from_errors),
		cmocka_unit_test(json_has_all_of_it),
		cmocka_unit_test(nothing_moves_the_cursor_of_who_reads),
		cmocka_unit_test(nothing_ends_a_line_of_tap_or_a_string_of_its_yaml),
		cmocka_unit_test(nothing_is_xml_that_should_be_text),
		cmocka_unit_test(nothing_is_json_that_should_be_text),
		cmocka_unit_test(of_much_output_people_see_the_last_lines),
		cmocka_unit_test(only_what_was_asked_and_passed_is_passed),
		cmocka_unit_test(a_format_has_a_name_and_a_wrong_one_is_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
