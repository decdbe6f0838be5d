/* Which step of a work takes how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "timing.h"

#include <sys/wait.h>
#include <time.h>

#define MILLISECOND UINT64_C(1000000)

static int sleep_ms(long milliseconds, int result)
{
	const struct timespec time = {.tv_nsec = milliseconds * 1000000};

	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
	return result;
}

static void a_step_has_its_calls_name_and_the_time_since_the_last(void **state)
{
	struct timing timing = {.count = 0};

	(void)state;
	timing_begin(&timing);
	(void)sleep_ms(3, 0);
	assert_int_equal(STEP(&timing, sleep_ms(2, -7)), -7);
	assert_int_equal(STEP(&timing, abs((int[]){5, -4}[1])), 4);
	assert_int_equal(timing.count, 2);
	assert_memory_equal(timing.steps[0].call, "sleep_ms(", strlen("sleep_ms("));
	assert_memory_equal(timing.steps[1].call, "abs(", strlen("abs("));
	assert_true(timing.steps[0].nanoseconds >= 5 * MILLISECOND);
	assert_true(timing.steps[1].nanoseconds < timing.steps[0].nanoseconds);
}

static void a_step_that_is_taken_again_is_the_same_step(void **state)
{
	struct timing timing = {.count = 0};

	(void)state;
	timing_add(&timing, "a", 1);
	timing_add(&timing, "b", 20);
	timing_add(&timing, "a", 300);
	assert_int_equal(timing.count, 2);
	assert_int_equal(timing.steps[0].nanoseconds, 301);
	assert_int_equal(timing_total(&timing), 321);
}

static void steps_without_room_are_the_last_ones(void **state)
{
	static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g"};
	struct timing timing = {.count = 0};
	char name[TIMING_STEPS + 5][4];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(name); i++) {
		(void)snprintf(name[i], sizeof(name[i]), "%s%zu", names[i % ARRAY_SIZE(names)], i);
		timing_add(&timing, name[i], 1);
	}
	assert_int_equal(timing.count, TIMING_STEPS);
	assert_int_equal(timing_total(&timing), TIMING_STEPS + 5);
	assert_int_equal(timing.steps[TIMING_STEPS - 1].nanoseconds, 6);
}

static void the_steps_of_several_are_added_name_by_name(void **state)
{
	struct timing sum = {.count = 0}, one = {.count = 0}, two = {.count = 0};

	(void)state;
	timing_add(&one, "a", 1);
	timing_add(&one, "b", 2);
	timing_add(&two, "b", 40);
	timing_add(&two, "c", 500);
	timing_sum(&sum, &one);
	timing_sum(&sum, &two);
	assert_int_equal(sum.count, 3);
	assert_string_equal(sum.steps[1].call, "b");
	assert_int_equal(sum.steps[1].nanoseconds, 42);
	assert_int_equal(timing_total(&sum), 543);
}

static void a_childs_steps_are_seen_by_who_shares_them(void **state)
{
	struct timing *shared;
	struct error error;
	pid_t child;

	(void)state;
	assert_int_equal(timing_share(2, &shared, &error), 0);
	child = fork();
	if (child == 0) {
		timing_begin(&shared[1]);
		_exit(STEP(&shared[1], sleep_ms(1, 0)));
	}
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(shared[0].count, 0);
	assert_int_equal(shared[1].count, 1);
	assert_true(shared[1].steps[0].nanoseconds >= MILLISECOND);
}

static void where_nobody_asks_nothing_is_measured(void **state)
{
	(void)state;
	timing_begin(NULL);
	timing_add(NULL, "a", 1);
	assert_int_equal(STEP((struct timing *)NULL, abs(-3)), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_step_has_its_calls_name_and_the_time_since_the_last),
		cmocka_unit_test(a_step_that_is_taken_again_is_the_same_step),
		cmocka_unit_test(steps_without_room_are_the_last_ones),
		cmocka_unit_test(the_steps_of_several_are_added_name_by_name),
		cmocka_unit_test(a_childs_steps_are_seen_by_who_shares_them),
		cmocka_unit_test(where_nobody_asks_nothing_is_measured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
