#include "net_shape.h"
#include "sides.h"

#define FULL (MTU + ETH_HLEN) /* bytes of the largest frame */
#define MANY 50		      /* frames that a socket has room for */

/* A wire net1 - eth0 whose near end is shaped, and packet sockets on both ends. */
struct shaped {
	struct sides sides;
	int near, far;
};

static void shaped_drop(struct shaped *shaped)
{
	close_fd(&shaped->near);
	close_fd(&shaped->far);
	sides_drop(&shaped->sides);
}
#define SHAPED CLEANUP(shaped_drop) struct shaped

static struct shaped shaped_make(unsigned mtu, const struct net_shape *shape)
{
	struct shaped shaped = {.sides = sides_make()};
	struct sides *sides = &shaped.sides;
	const struct net_end end = {"net1", -1, mac_1}, peer = {"eth0", sides->far_ns, mac_2};

	set(sides->near_ns, "/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	set(sides->far_ns, "/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	works(net_veth_create(sides->near, &end, &peer, mtu, &why));
	works(net_link_shape(sides->near, "net1", mtu, shape, &why));
	works(net_link_up(sides->near, "net1", &why));
	works(net_link_up(sides->far, "eth0", &why));
	works(net_link_settle(sides->near, "net1", &why));
	shaped.near = packet_socket(sides->near_ns, "net1", ETH_P_ALL);
	shaped.far = packet_socket(sides->far_ns, "eth0", ETH_P_ALL);
	return shaped;
}

/* Sends COUNT frames from FROM at once and says how many come to TO until none does for LIMIT
 * milliseconds. A packet socket without a queue behind it waits for room: not here. */
static unsigned pass(int from, int to, unsigned count, size_t size, int limit)
{
	uint8_t frame[FRAME_SIZE] = {[12] = 0x88, 0xb5};

	memcpy(frame, broadcast, NET_MAC_SIZE);
	for (unsigned i = 0; i < count; i++)
		(void)send(from, frame, size, MSG_DONTWAIT); /* ENOBUFS: the queue is full */
	return count_frames(to, limit);
}

static void without_anything_to_do_all_passes(void **state)
{
	const struct net_shape none = {0};
	SHAPED shaped = shaped_make(MTU, &none);

	(void)state;
	assert_int_equal(pass(shaped.near, shaped.far, MANY, FULL, 200), MANY);
}

/* 500 bytes take a second at 4 kbit/s. */
static void at_a_low_rate_one_full_frame_passes_and_the_rest_waits_its_turn(void **state)
{
	const struct net_shape slow = {.rate = 4000};
	SHAPED shaped = shaped_make(MTU, &slow);
	uint8_t frame[FRAME_SIZE];

	(void)state;
	assert_int_equal(pass(shaped.near, shaped.far, 5, 500, 300), 3);
	assert_true(receive(shaped.far, frame, 2000) > 0);
	assert_int_equal(receive(shaped.far, frame, 300), 0);
	assert_true(receive(shaped.far, frame, 2000) > 0);
}

static void the_rate_holds_for_what_leaves_and_not_for_what_arrives(void **state)
{
	const struct net_shape slow = {.rate = 8000};
	SHAPED shaped = shaped_make(MTU, &slow);

	(void)state;
	assert_int_equal(pass(shaped.far, shaped.near, MANY, FULL, 200), MANY);
}

/* A tenth of a second at 1 Mbit/s is 12500 bytes: one frame passes at once, eight wait. */
static void what_exceeds_the_rate_for_long_is_lost(void **state)
{
	const struct net_shape slow = {.rate = 1000000};
	SHAPED shaped = shaped_make(MTU, &slow);

	(void)state;
	assert_in_range(pass(shaped.near, shaped.far, MANY, FULL, 500), 9, 12);
}

static void at_a_rate_beyond_the_computers_all_passes(void **state)
{
	const struct net_shape fast = {.rate = UINT64_C(100000000000)};
	SHAPED shaped = shaped_make(MTU, &fast);

	(void)state;
	assert_int_equal(pass(shaped.near, shaped.far, MANY, FULL, 200), MANY);
}

/* A bucket smaller than a frame would never let it pass. */
static void the_largest_frame_passes_at_the_lowest_rate(void **state)
{
	static const unsigned mtus[] = {68, MTU, 65535};
	const struct net_shape slowest = {.rate = 1};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(mtus); i++) {
		SHAPED shaped = shaped_make(mtus[i], &slowest);

		assert_int_equal(pass(shaped.near, shaped.far, 1, mtus[i] + ETH_HLEN, 200), 1);
	}
}

/* Asks tc(8), which knows nothing of ours. */
static bool kernel_has_netem(void)
{
	CLEANUP_FD int here = namespace_open();
	CLEANUP_FD int scratch = namespace_make();
	int status;

	namespace_enter(scratch);
	/* NOLINTNEXTLINE(cert-env33-c): a fixed line */
	status = system("tc qdisc add dev lo root netem delay 1ms 2>/dev/null");
	namespace_enter(here);
	return status == 0;
}

static void netem_loses_and_delays(void)
{
	const struct net_shape lossy = {.loss = 1000000}, late = {.delay = 300000};
	const struct net_shape both = {.delay = 300000, .rate = 4000};
	SHAPED lost = shaped_make(MTU, &lossy), delayed = shaped_make(MTU, &late);
	SHAPED slow = shaped_make(MTU, &both);
	uint8_t frame[FRAME_SIZE];

	assert_int_equal(pass(lost.near, lost.far, MANY, FULL, 200), 0);
	assert_int_equal(pass(delayed.near, delayed.far, MANY, FULL, 150), 0);
	assert_int_equal(count_frames(delayed.far, 1000), MANY);
	assert_int_equal(pass(slow.near, slow.far, 4, 500, 150), 0);
	for (int i = 0; i < 3; i++)
		assert_true(receive(slow.far, frame, 2000) > 0);
	assert_int_equal(receive(slow.far, frame, 300), 0);
	assert_true(receive(slow.far, frame, 2000) > 0);
}

static void a_lack_of_netem_is_told(const struct net_shape *shape, const char *text)
{
	SIDES sides = sides_make();

	works(wire(&sides, "net1", "eth0"));
	assert_int_equal(net_link_shape(sides.near, "net1", MTU, shape, &why), -ENOENT);
	assert_string_equal(why.text, text);
}

static void delay_and_loss_are_netems_or_the_lack_of_it_is_told(void **state)
{
	const struct net_shape late = {.delay = 1}, lossy = {.loss = 1};
	const struct net_shape both = {.delay = 1, .loss = 1, .rate = 1000};

	(void)state;
	if (kernel_has_netem()) {
		netem_loses_and_delays();
		return;
	}
#define LACK "netem, which this kernel lacks (kernel option NET_SCH_NETEM); leave "
#define END  " out, or use a distribution's kernel"
	a_lack_of_netem_is_told(&late, "delay needs " LACK "it" END);
	a_lack_of_netem_is_told(&lossy, "loss needs " LACK "it" END);
	a_lack_of_netem_is_told(&both, "delay and loss need " LACK "them" END);
}

static void a_link_that_is_not_there_is_an_error(void **state)
{
	const struct net_shape slow = {.rate = 8000};
	SIDES sides = sides_make();

	(void)state;
	assert_int_equal(net_link_shape(sides.near, "net1", MTU, &slow, &why), -ENODEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_anything_to_do_all_passes),
		cmocka_unit_test(at_a_low_rate_one_full_frame_passes_and_the_rest_waits_its_turn),
		cmocka_unit_test(the_rate_holds_for_what_leaves_and_not_for_what_arrives),
		cmocka_unit_test(what_exceeds_the_rate_for_long_is_lost),
		cmocka_unit_test(at_a_rate_beyond_the_computers_all_passes),
		cmocka_unit_test(the_largest_frame_passes_at_the_lowest_rate),
		cmocka_unit_test(delay_and_loss_are_netems_or_the_lack_of_it_is_told),
		cmocka_unit_test(a_link_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, wires_isolate, NULL);
}
