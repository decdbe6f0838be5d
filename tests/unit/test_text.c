/* Text from outside, and the complaints that show it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "complaints.h"
#include "text.h"

#include <limits.h>

static void characters_that_may_be_shown_have_a_length(void **state)
{
	(void)state;
	assert_int_equal(text_printable("a"), 1);
	assert_int_equal(text_printable("\xc2\xa0"), 2);
	assert_int_equal(text_printable("\xe2\x82\xac"), 3);
	assert_int_equal(text_printable("\xf4\x8f\xbf\xbf"), 4);
}

static void control_characters_and_what_is_no_utf8_may_not_be_shown(void **state)
{
	static const char *const bad[] = {
		"",
		"\t",
		"\x1f",
		"\x7f",
		"\xc2\x80",
		"\xc2\x9f",
		"\x80",
		"\xbf",
		"\xff",
		"\xfe",
		"\xc3",
		"\xe2\x82",
		"\xc1\xbf",
		"\xe0\x9f\xbf",
		"\xf0\x8f\xbf\xbf",
		"\xed\xa0\x80",
		"\xf4\x90\x80\x80",
		"\xf8\x88\x80\x80",
		"\xc3\x28",
		"\342\200\250", /* U+2028, a line separator */
		"\342\200\254", /* U+202C, of those that turn the direction of writing */
		"\342\201\251", /* U+2069 */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(text_printable(bad[i]), 0);
}

static void what_may_not_be_shown_is_escaped(void **state)
{
	char buffer[32];

	(void)state;
	assert_string_equal(text_escape("a\x1b\xc3\xa4\xff", buffer, sizeof(buffer)),
			    "a\\x1b\xc3\xa4\\xff");
}

static void a_long_text_is_cut_between_characters(void **state)
{
	char buffer[8];

	(void)state;
	assert_string_equal(text_escape("abcd", buffer, sizeof(buffer)), "abcd");
	assert_string_equal(text_escape("abcdefghij", buffer, sizeof(buffer)), "abcd...");
	assert_string_equal(text_escape("abc\xe2\x82\xac", buffer, sizeof(buffer)), "abc...");
	assert_string_equal(text_escape("a\x1b\x1b", buffer, sizeof(buffer)), "a...");
}

static void the_distance_counts_letters_in_out_replaced_and_swapped(void **state)
{
	(void)state;
	assert_int_equal(text_distance("subnet", "subnet"), 0);
	assert_int_equal(text_distance("SubNet", "subnet"), 0);
	assert_int_equal(text_distance("gatway", "gateway"), 1);
	assert_int_equal(text_distance("gateeway", "gateway"), 1);
	assert_int_equal(text_distance("gatewax", "gateway"), 1);
	assert_int_equal(text_distance("sunbet", "subnet"), 1);
	assert_int_equal(text_distance("subten", "subnet"), 2);
	assert_int_equal(text_distance("", "net"), 3);
	assert_int_equal(text_distance("kitten", "sitting"), 3);
	assert_int_equal(text_distance("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "net"), UINT_MAX);
	assert_int_equal(text_distance("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "net"), 31);
}

static void of_many_complaints_those_of_the_first_lines_are_kept_in_order(void **state)
{
	struct complaints complaints = {.file = "f"};

	(void)state;
	for (unsigned line = 12; line > 0; line--)
		complaints_add(&complaints, line, "first");
	complaints_add(&complaints, 3, "second");
	complaints_add(&complaints, 99, "last");
	assert_int_equal(complaints.count, 14);
	assert_int_equal(complaints_kept(&complaints), COMPLAINTS_MAX);
	assert_string_equal(complaints.kept[0].text, "f:1: first");
	assert_string_equal(complaints.kept[2].text, "f:3: first");
	assert_string_equal(complaints.kept[3].text, "f:3: second");
	assert_string_equal(complaints.kept[9].text, "f:9: first");
}

static void a_complaint_says_what_is_known_of_its_place(void **state)
{
	const struct place whole = {.line = 0};
	const struct place section = {.line = 1, .section = "net\n"};
	const struct place key = {.line = 2, .section = "net1", .key = "k\x7f"};
	const struct place value = {.line = 3, .section = "net1", .key = "k", .value = "\xff"};
	struct complaints complaints = {.file = "f"};

	(void)state;
	complaints_add_at(&complaints, &whole, "bad %d", 1);
	complaints_add_at(&complaints, &section, "bad");
	complaints_add_at(&complaints, &key, "bad");
	complaints_add_at(&complaints, &value, "bad");
	assert_string_equal(complaints.kept[0].text, "f: bad 1");
	assert_string_equal(complaints.kept[1].text, "f:1: [net\\x0a]: bad");
	assert_string_equal(complaints.kept[2].text, "f:2: [net1] k\\x7f: bad");
	assert_string_equal(complaints.kept[3].text, "f:3: [net1] k = \"\\xff\": bad");
}

static void a_text_is_quoted_as_one_word_of_a_shell_where_it_must_be(void **state)
{
	char buffer[32];
	char small[6];

	(void)state;
	assert_string_equal(text_quote("/home/ada/a-b_c.d", buffer, sizeof(buffer)),
			    "/home/ada/a-b_c.d");
	assert_string_equal(text_quote("", buffer, sizeof(buffer)), "''");
	assert_string_equal(text_quote("a b", buffer, sizeof(buffer)), "'a b'");
	assert_string_equal(text_quote("$(x);", buffer, sizeof(buffer)), "'$(x);'");
	assert_string_equal(text_quote("it's", buffer, sizeof(buffer)), "'it'\\''s'");
	assert_string_equal(text_quote("\xc3\xa4", buffer, sizeof(buffer)), "'\xc3\xa4'");
	assert_null(text_quote("a\033b", buffer, sizeof(buffer)));
	assert_string_equal(text_quote("abcde", small, sizeof(small)), "abcde");
	assert_null(text_quote("abcdef", small, sizeof(small)));
	assert_string_equal(text_quote("a b", small, sizeof(small)), "'a b'");
	assert_null(text_quote("a bc", small, sizeof(small)));
	assert_null(text_quote("a'", small, sizeof(small)));
}

static void a_setting_is_found_by_its_whole_key(void **state)
{
	static const char lines[] = "\nVERSION_ID=\"12\"\nID=debian\n\nNAME='It is'\nEMPTY=\n";
	char value[16];
	char small[4];

	(void)state;
	text_setting(lines, "ID", value, sizeof(value));
	assert_string_equal(value, "debian");
	text_setting(lines, "VERSION_ID", value, sizeof(value));
	assert_string_equal(value, "12");
	text_setting(lines, "NAME", value, sizeof(value));
	assert_string_equal(value, "It is");
	text_setting(lines, "EMPTY", value, sizeof(value));
	assert_string_equal(value, "");
	text_setting(lines, "VERSION", value, sizeof(value));
	assert_string_equal(value, "");
	text_setting(lines, "ID", small, sizeof(small));
	assert_string_equal(small, "deb");
}

static void a_text_is_fit_that_ends_and_can_be_shown(void **state)
{
	static const char endless[] = {'a', 'b', 'c'};

	(void)state;
	assert_true(text_is_fit("", 1));
	assert_true(text_is_fit("net1 \303\244", sizeof("net1 \303\244")));
	assert_false(text_is_fit(endless, sizeof(endless)));
	assert_false(text_is_fit("net1\33[2J", sizeof("net1\33[2J")));
	assert_false(text_is_fit("a\nb", sizeof("a\nb")));
	assert_false(text_is_fit("a\303", sizeof("a\303")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(characters_that_may_be_shown_have_a_length),
		cmocka_unit_test(control_characters_and_what_is_no_utf8_may_not_be_shown),
		cmocka_unit_test(what_may_not_be_shown_is_escaped),
		cmocka_unit_test(a_long_text_is_cut_between_characters),
		cmocka_unit_test(the_distance_counts_letters_in_out_replaced_and_swapped),
		cmocka_unit_test(of_many_complaints_those_of_the_first_lines_are_kept_in_order),
		cmocka_unit_test(a_complaint_says_what_is_known_of_its_place),
		cmocka_unit_test(a_text_is_quoted_as_one_word_of_a_shell_where_it_must_be),
		cmocka_unit_test(a_setting_is_found_by_its_whole_key),
		cmocka_unit_test(a_text_is_fit_that_ends_and_can_be_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
