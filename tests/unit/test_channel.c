/* Messages between two processes one of which may have gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "channel.h"

static struct error why;

static void say(int socket, char letter)
{
	assert_int_equal(channel_send(socket, &letter, 1, NULL, &why), 0);
}

static void who_has_gone_is_gone_whether_or_not_all_was_read(void **state)
{
	(void)state;
	for (int unread = 0; unread < 2; unread++) {
		int ends[2];

		assert_int_equal(channel_pair(ends, &why), 0);
		if (unread)
			say(ends[0], 'a');
		close_fd(&ends[1]);
		for (int i = 0; i < 2; i++)
			assert_int_equal(channel_send(ends[0], "b", 1, NULL, &why), -EPIPE);
		close_fd(&ends[0]);
	}
}

static void its_last_words_are_heard_though_it_did_not_listen(void **state)
{
	int ends[2];
	char letter = 0;

	(void)state;
	assert_int_equal(channel_pair(ends, &why), 0);
	say(ends[0], 'a');
	say(ends[1], 'z');
	close_fd(&ends[1]);
	assert_int_equal(channel_receive(ends[0], &letter, 1, NULL, &why), 1);
	assert_int_equal(letter, 'z');
	assert_int_equal(channel_receive(ends[0], &letter, 1, NULL, &why), 0);
	close_fd(&ends[0]);
}

/* What a keeper's starter may have said is no reason to stop waiting for a client. */
static void a_wait_with_another_ends_with_that_one_alone(void **state)
{
	int ends[2], other[2];

	(void)state;
	assert_int_equal(channel_pair(ends, &why), 0);
	assert_int_equal(channel_pair(other, &why), 0);
	say(ends[1], 'a');
	say(other[1], 'b');
	assert_int_equal(channel_wait_with(ends[0], other[0], &why), 0);
	assert_int_equal(channel_wait(ends[0], other[0], &why), -ECANCELED);
	close_fd(&other[1]);
	assert_int_equal(channel_wait_with(ends[0], other[0], &why), -ECANCELED);
	close_fd(&other[0]);
	close_fd(&ends[0]);
	close_fd(&ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_has_gone_is_gone_whether_or_not_all_was_read),
		cmocka_unit_test(its_last_words_are_heard_though_it_did_not_listen),
		cmocka_unit_test(a_wait_with_another_ends_with_that_one_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
