/* Delays, losses, rates, waits and sizes are read to the last digit. What is refused is in
 * tests/golden. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "quantity.h"

static uint32_t delay(const char *text)
{
	uint32_t microseconds = 7;
	struct error error;

	if (quantity_parse_delay(text, &microseconds, &error) < 0)
		fail_msg("%s: %s", text, error.text);
	return microseconds;
}

static uint32_t loss(const char *text)
{
	uint32_t millionths = 7;
	struct error error;

	if (quantity_parse_loss(text, &millionths, &error) < 0)
		fail_msg("%s: %s", text, error.text);
	return millionths;
}

static uint64_t rate(const char *text)
{
	uint64_t bits = 7;
	struct error error;

	if (quantity_parse_rate(text, &bits, &error) < 0)
		fail_msg("%s: %s", text, error.text);
	return bits;
}

static uint32_t waiting(const char *text)
{
	uint32_t milliseconds = 7;
	struct error error;

	if (quantity_parse_wait(text, &milliseconds, &error) < 0)
		fail_msg("%s: %s", text, error.text);
	return milliseconds;
}

static uint32_t size(const char *text)
{
	uint32_t bytes = 7;
	struct error error;

	if (quantity_parse_size(text, &bytes, &error) < 0)
		fail_msg("%s: %s", text, error.text);
	return bytes;
}

static void delays_are_in_microseconds(void **state)
{
	(void)state;
	assert_int_equal(delay("300us"), 300);
	assert_int_equal(delay("20ms"), 20000);
	assert_int_equal(delay("1.5ms"), 1500);
	assert_int_equal(delay("0.25s"), 250000);
	assert_int_equal(delay("1.000001s"), 1000001);
	assert_int_equal(delay("1.50000000000000000000000ms"), 1500);
	assert_int_equal(delay("10s"), 10000000);
	assert_int_equal(delay("10000000us"), 10000000);
	assert_int_equal(delay("0s"), 0);
}

static void losses_are_in_millionths(void **state)
{
	(void)state;
	assert_int_equal(loss("2%"), 20000);
	assert_int_equal(loss("0.1%"), 1000);
	assert_int_equal(loss("33.3333%"), 333333);
	assert_int_equal(loss("0.0001%"), 1);
	assert_int_equal(loss("100.0%"), 1000000);
	assert_int_equal(loss("0%"), 0);
}

static void rates_are_in_bits_a_second(void **state)
{
	(void)state;
	assert_int_equal(rate("1000bit"), 1000);
	assert_int_equal(rate("64kbit"), 64000);
	assert_int_equal(rate("1.544mbit"), 1544000);
	assert_int_equal(rate("2.5gbit"), 2500000000);
	assert_int_equal(rate("100gbit"), 100000000000);
	assert_int_equal(rate("0.000001gbit"), 1000);
}

static void waits_are_in_milliseconds(void **state)
{
	(void)state;
	assert_int_equal(waiting("10ms"), 10);
	assert_int_equal(waiting("0.01s"), 10);
	assert_int_equal(waiting("1.5s"), 1500);
	assert_int_equal(waiting("60s"), 60000);
}

static void sizes_are_in_bytes(void **state)
{
	(void)state;
	assert_int_equal(size("0"), 0);
	assert_int_equal(size("1400"), 1400);
	assert_int_equal(size("64KiB"), 65536);
	assert_int_equal(size("100MiB"), 104857600);
	assert_int_equal(size("104857600"), 104857600);
}

static void a_whole_number_has_digits_alone_and_limits(void **state)
{
	static const char *const others[] = {"",   "-1",  "+5",		"05",	     "5 ",
					     " 5", "5x",  "00",		"4",	     "8",
					     "x",  "6.0", "1234567890", "4294967301"};
	unsigned number = 0;

	(void)state;
	assert_true(quantity_parse_whole("5", 5, 7, &number));
	assert_int_equal(number, 5);
	assert_true(quantity_parse_whole("7", 5, 7, &number));
	assert_int_equal(number, 7);
	assert_true(quantity_parse_whole("0", 0, 7, &number));
	assert_int_equal(number, 0);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_false(quantity_parse_whole(others[i], 5, 7, &number));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delays_are_in_microseconds),
		cmocka_unit_test(losses_are_in_millionths),
		cmocka_unit_test(rates_are_in_bits_a_second),
		cmocka_unit_test(waits_are_in_milliseconds),
		cmocka_unit_test(sizes_are_in_bytes),
		cmocka_unit_test(a_whole_number_has_digits_alone_and_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
