/* An error that comes from another process is taken for what it can be, whatever its bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "error.h"

#include <limits.h>

static void an_error_is_taken_over_with_its_code_and_its_text(void **state)
{
	const struct error received = {.code = EPERM, .text = "client1: not permitted"};
	const struct error fine = {.code = 0};
	struct error error = {0};

	(void)state;
	assert_int_equal(error_take(&error, &received), -EPERM);
	assert_int_equal(error.code, EPERM);
	assert_string_equal(error.text, "client1: not permitted");
	assert_int_equal(error_take(&error, &fine), 0);
	assert_int_equal(error.code, 0);
}

/* One below zero would be told as success, with a result that nobody expects. */
static void a_code_that_is_none_is_an_error_of_its_own(void **state)
{
	static const int codes[] = {-1, -EPERM, INT_MIN, INT_MAX, 4096};
	struct error error;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		const struct error received = {.code = codes[i], .text = "no"};

		assert_int_equal(error_take(&error, &received), -EBADMSG);
		assert_string_equal(error.text, "received an error that is none");
	}
}

static void an_error_without_words_is_none(void **state)
{
	const struct error received = {.code = EPERM, .text = ""};
	struct error error;

	(void)state;
	assert_int_equal(error_take(&error, &received), -EBADMSG);
}

static void a_received_text_ends_and_can_be_shown(void **state)
{
	struct error received = {.code = EPERM, .text = "no\33[2J\n"};
	struct error error;

	(void)state;
	assert_int_equal(error_take(&error, &received), -EPERM);
	assert_string_equal(error.text, "no\\x1b[2J\\x0a");
	memset(received.text, 'x', sizeof(received.text));
	assert_int_equal(error_take(&error, &received), -EPERM);
	assert_true(strnlen(error.text, sizeof(error.text)) < sizeof(error.text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_is_taken_over_with_its_code_and_its_text),
		cmocka_unit_test(a_code_that_is_none_is_an_error_of_its_own),
		cmocka_unit_test(an_error_without_words_is_none),
		cmocka_unit_test(a_received_text_ends_and_can_be_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
