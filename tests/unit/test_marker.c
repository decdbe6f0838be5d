#include "marker.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct marker mark = {.token = 0xdeadbeef, .sequence = 7};

/* The sizes at which the format's parts begin and end, and the largest payload of UDP. */
static const size_t sizes[] = {0,  1,  3,  4,  11,  12,	 13,   15,   16,   17,
			       63, 64, 65, 76, 127, 128, 1472, 1473, 65507};

static uint8_t payload[65507 + 128];

static void every_byte_follows_from_the_question_the_packet_and_its_place(void **state)
{
	static uint8_t other[65507];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		marker_write(payload, sizes[i], 0, &mark);
		assert_int_equal(marker_check(payload, sizes[i], 0, &mark), sizes[i]);
	}
	/* Two packets of a question, and two blocks of a packet, differ all over. */
	marker_write(other, sizeof(other), 0, &(struct marker){mark.token, mark.sequence + 1});
	for (size_t i = 16; i + 4 <= sizeof(other); i += 4)
		if (i % 64 >= 16)
			assert_memory_not_equal(payload + i, other + i, 4);
	assert_memory_not_equal(payload + 64, payload + 128, 64);
}

static void a_payload_may_be_written_and_checked_in_pieces(void **state)
{
	uint8_t whole[300], piece[300];

	(void)state;
	marker_write(whole, sizeof(whole), 0, &mark);
	for (size_t from = 0; from < sizeof(whole); from += 7)
		for (size_t to = from; to <= sizeof(whole); to += 11) {
			marker_write(piece, to - from, from, &mark);
			assert_memory_equal(piece, whole + from, to - from);
			assert_int_equal(marker_check(whole + from, to - from, from, &mark),
					 to - from);
		}
}

static void the_first_byte_that_differs_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < 300; i++) {
		marker_write(payload, 300, 0, &mark);
		payload[i] ^= 1;
		payload[299] ^= 0x80;
		assert_int_equal(marker_check(payload, 300, 0, &mark), i);
	}
}

static void assert_found(const uint8_t *bytes, size_t size, int64_t expected)
{
	struct marker found;
	int64_t at;

	assert_true(marker_find(bytes, size, &found, &at));
	assert_int_equal(found.token, mark.token);
	assert_int_equal(found.sequence, mark.sequence);
	assert_int_equal(at, expected);
}

static void a_payload_is_found_in_a_frame_from_twelve_bytes_on(void **state)
{
	struct marker found;
	int64_t at;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		memset(payload, 0, sizeof(payload));
		marker_write(payload + 42, sizes[i], 0, &mark);
		if (sizes[i] >= MARKER_KNOWN_SIZE)
			assert_found(payload, 42 + sizes[i], 42);
		else
			assert_false(marker_find(payload, 42 + sizes[i], &found, &at));
	}
}

static void a_payload_that_was_cut_padded_or_changed_is_found(void **state)
{
	(void)state;
	marker_write(payload, 1000, 0, &mark);
	memset(payload + 1000, 0, 128);
	assert_found(payload, 1128, 0);		/* padded */
	assert_found(payload, 30, 0);		/* cut at its end */
	assert_found(payload + 50, 300, -50);	/* at its beginning */
	assert_found(payload + 300, 200, -300); /* a piece of it */
	for (size_t i = 0; i < 200; i++) {	/* changed, anywhere */
		payload[i] ^= 0x10;
		assert_found(payload, 1000, 0);
		payload[i] ^= 0x10;
	}
	memset(payload, 0, 64);
	assert_found(payload, 1000, 0);
}

static void of_blocks_that_disagree_the_one_whose_bytes_are_right_counts(void **state)
{
	(void)state;
	marker_write(payload, 1000, 0, &mark);
	payload[4] ^= 1; /* another token */
	assert_found(payload, 1000, 0);
	payload[64 + 9] ^= 1; /* another sequence */
	assert_found(payload, 1000, 0);
}

static void what_is_not_ours_is_not_found(void **state)
{
	struct marker found;
	int64_t at;

	(void)state;
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 31 + (i >> 8));
	assert_false(marker_find(payload, sizeof(payload), &found, &at));
	assert_false(marker_find(payload, 0, &found, &at));
}

/* Somebody fills a frame with beginnings of blocks, to keep us busy. */
static void bytes_full_of_lies_are_read_at_once(void **state)
{
	uint8_t block[64];
	struct marker found;
	int64_t at, started = monotonic_ms();

	(void)state;
	marker_write(block, sizeof(block), 0, &mark);
	for (size_t i = 0; i + 4 <= sizeof(payload); i += 4)
		memcpy(payload + i, block, 4);
	for (int i = 0; i < 1000; i++)
		(void)marker_find(payload, sizeof(payload), &found, &at);
	assert_true(monotonic_ms() - started < 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_follows_from_the_question_the_packet_and_its_place),
		cmocka_unit_test(a_payload_may_be_written_and_checked_in_pieces),
		cmocka_unit_test(the_first_byte_that_differs_is_named),
		cmocka_unit_test(a_payload_is_found_in_a_frame_from_twelve_bytes_on),
		cmocka_unit_test(a_payload_that_was_cut_padded_or_changed_is_found),
		cmocka_unit_test(of_blocks_that_disagree_the_one_whose_bytes_are_right_counts),
		cmocka_unit_test(what_is_not_ours_is_not_found),
		cmocka_unit_test(bytes_full_of_lies_are_read_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
