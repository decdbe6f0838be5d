#include "sides.h"

/* Two wires from the near namespace: port0 to eth0 and port1 to eth1, both in the far one. All is
 * up. */
struct patched {
	struct sides sides;
	int eth[2];  /* packet sockets on the far ends */
	int port[2]; /* on the near ones, behind what tc does there: for one protocol */
};

static void patched_drop(struct patched *patched)
{
	for (int i = 0; i < 2; i++) {
		close_fd(&patched->eth[i]);
		close_fd(&patched->port[i]);
	}
	sides_drop(&patched->sides);
}
#define PATCHED CLEANUP(patched_drop) struct patched

static struct patched patched_make(void)
{
	struct patched patched = {.sides = sides_make()};
	struct sides *sides = &patched.sides;
	char eth[IFNAMSIZ], port[IFNAMSIZ];

	set(sides->near_ns, "/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	set(sides->far_ns, "/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	for (int i = 0; i < 2; i++) {
		(void)snprintf(port, sizeof(port), "port%d", i);
		(void)snprintf(eth, sizeof(eth), "eth%d", i);
		works(wire(sides, port, eth));
		works(net_link_silence(sides->near, port, &why));
		works(net_link_up(sides->near, port, &why));
		works(net_link_up(sides->far, eth, &why));
		works(net_link_settle(sides->near, port, &why));
		patched.eth[i] = packet_socket(sides->far_ns, eth, ETH_P_ALL);
		patched.port[i] = packet_socket(sides->near_ns, port, 0x88b5);
	}
	return patched;
}

/* Anybody's, everybody's, the port's own, and those that no bridge hands on. */
static const uint8_t targets[][NET_MAC_SIZE] = {
	{0x02, 0x42, 9, 9, 9, 9},    {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0x02, 0x42, 1, 1, 1, 1},
	{0x01, 0x80, 0xc2, 0, 0, 0}, {0x01, 0x80, 0xc2, 0, 0, 1},	   {0, 0, 0, 0, 0, 0},
};

static void send_to_targets(int from)
{
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		assert_true(send_frame(from, targets[i], (uint8_t)i, 64));
}

static void
what_is_passed_through_leaves_once_whatever_its_address_and_is_seen_by_nobody_else(void **state)
{
	PATCHED patched = patched_make();

	(void)state;
	send_to_targets(patched.eth[0]); /* positive control */
	assert_int_equal(count_frames(patched.port[0], 200), ARRAY_SIZE(targets));
	assert_int_equal(count_frames(patched.eth[1], 50), 0);

	works(net_patch_through(patched.sides.near, "port0", "port1", &why));
	send_to_targets(patched.eth[0]);
	assert_int_equal(count_frames(patched.eth[1], 200), ARRAY_SIZE(targets));
	assert_int_equal(count_frames(patched.port[0], 50), 0);
	assert_int_equal(count_frames(patched.eth[0], 50), 0);
	send_to_targets(patched.eth[1]); /* the other way is another patch */
	assert_int_equal(count_frames(patched.eth[0], 200), 0);
}

static void what_is_copied_leaves_once_too_and_goes_its_own_way(void **state)
{
	PATCHED patched = patched_make();

	(void)state;
	works(net_patch_copy(patched.sides.near, "port0", "port1", &why));
	send_to_targets(patched.eth[0]);
	assert_int_equal(count_frames(patched.eth[1], 200), ARRAY_SIZE(targets));
	assert_int_equal(count_frames(patched.port[0], 50), ARRAY_SIZE(targets));
	assert_int_equal(count_frames(patched.eth[0], 50), 0);
}

static void what_goes_nowhere_is_seen_by_nobody(void **state)
{
	PATCHED patched = patched_make();

	(void)state;
	works(net_patch_nowhere(patched.sides.near, "port0", &why));
	send_to_targets(patched.eth[0]);
	assert_int_equal(count_frames(patched.port[0], 200), 0);
	assert_int_equal(count_frames(patched.eth[1], 50), 0);
	send_to_targets(patched.eth[1]); /* positive control */
	assert_int_equal(count_frames(patched.port[1], 200), ARRAY_SIZE(targets));
}

static void frames_keep_their_order(void **state)
{
	PATCHED patched = patched_make();
	uint8_t frame[FRAME_SIZE];

	(void)state;
	works(net_patch_through(patched.sides.near, "port0", "port1", &why));
	for (uint8_t i = 0; i < 200; i++)
		assert_true(send_frame(patched.eth[0], broadcast, i, 64));
	for (uint8_t i = 0; i < 200; i++) {
		assert_true(receive(patched.eth[1], frame, 500) > 0);
		assert_int_equal(frame[14], i);
	}
}

static void a_link_that_is_not_there_is_an_error(void **state)
{
	PATCHED patched = patched_make();
	struct nl_sock *net = patched.sides.near;

	(void)state;
	assert_true(net_patch_through(net, "port0", "port7", &why) < 0);
	assert_int_equal(net_patch_copy(net, "port7", "port0", &why), -ENODEV);
	assert_non_null(strstr(why.text, "port7"));
	assert_int_equal(net_patch_nowhere(net, "port7", &why), -ENODEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_is_passed_through_leaves_once_whatever_its_address_and_is_seen_by_nobody_else),
		cmocka_unit_test(what_is_copied_leaves_once_too_and_goes_its_own_way),
		cmocka_unit_test(what_goes_nowhere_is_seen_by_nobody),
		cmocka_unit_test(frames_keep_their_order),
		cmocka_unit_test(a_link_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, wires_isolate, NULL);
}
