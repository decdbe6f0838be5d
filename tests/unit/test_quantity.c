/* Delays, losses and rates are read to the last digit. What is refused is in tests/golden. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delays_are_in_microseconds),
		cmocka_unit_test(losses_are_in_millionths),
		cmocka_unit_test(rates_are_in_bits_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
