/* What passes on two legs, net1 and net2, whose far ends are in another network namespace. */
#include "capture.h"
#include "sides.h"

struct studio {
	struct sides sides;
	struct ns_set computer;
	int client[2]; /* packet sockets at the far ends */
	int router[2]; /* at the near ones, which receive nothing */
};

static void make_studio(struct studio *studio)
{
	static const char *const near[] = {"net1", "net2"};
	static const char *const far[] = {"eth1", "eth2"};

	studio->sides = sides_make();
	studio->computer = NS_SET_NONE;
	studio->computer.fd[NS_NET] = studio->sides.near_ns;
	for (size_t i = 0; i < 2; i++) {
		/* Silent: no IPv6. */
		set(studio->sides.near_ns, "/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
		set(studio->sides.far_ns, "/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
		wire_up(&studio->sides, near[i], far[i]);
		studio->client[i] = packet_socket(studio->sides.far_ns, far[i], 0);
		studio->router[i] = packet_socket(studio->sides.near_ns, near[i], 0);
	}
}

static void drop_studio(struct studio *studio)
{
	for (size_t i = 0; i < 2; i++) {
		close_fd(&studio->client[i]);
		close_fd(&studio->router[i]);
	}
	sides_drop(&studio->sides);
}
#define STUDIO CLEANUP(drop_studio) struct studio

static const struct capture_wire wires[] = {{"net1", MTU}, {"net2", MTU}};

static void every_frame_is_there_in_order_with_its_wire_and_direction(void **state)
{
	STUDIO studio;
	CLEANUP_CAPTURE struct capture capture = CAPTURE_NONE;
	static const struct {
		uint16_t wire;
		bool sent;
		size_t size;
	} passes[] = {{0, false, 60}, {1, true, 1514}, {1, false, 14}, {0, true, 64}};

	(void)state;
	make_studio(&studio);
	works(capture_start(&studio.computer, wires, 2, &capture, &why));
	for (size_t i = 0; i < ARRAY_SIZE(passes); i++) {
		int *from = passes[i].sent ? studio.router : studio.client;

		assert_true(send_frame(from[passes[i].wire], broadcast, (uint8_t)(i + 1),
				       passes[i].size));
	}
	works(capture_stop(&capture, &why));
	assert_int_equal(capture.frame_count, ARRAY_SIZE(passes));
	assert_false(capture.lossy);
	for (size_t i = 0; i < ARRAY_SIZE(passes); i++) {
		const struct capture_frame *frame = &capture.frames[i];

		assert_int_equal(frame->wire, passes[i].wire);
		assert_int_equal(frame->sent, passes[i].sent);
		assert_int_equal(frame->length, passes[i].size);
		assert_int_equal(frame->kept, passes[i].size);
		assert_memory_equal(frame->bytes, broadcast, NET_MAC_SIZE);
		assert_true(passes[i].size == 14 || frame->bytes[14] == i + 1);
		assert_true(i == 0 || frame->time >= capture.frames[i - 1].time);
	}
}

static void what_passes_before_and_after_is_not_there(void **state)
{
	STUDIO studio;
	CLEANUP_CAPTURE struct capture capture = CAPTURE_NONE;

	(void)state;
	make_studio(&studio);
	assert_true(send_frame(studio.client[0], broadcast, 1, 60));
	works(capture_start(&studio.computer, wires, 2, &capture, &why));
	works(capture_stop(&capture, &why));
	assert_true(send_frame(studio.client[0], broadcast, 2, 60));
	assert_int_equal(capture.frame_count, 0);
}

static void who_listens_is_said_and_what_only_sends_is_not(void **state)
{
	STUDIO studio;
	CLEANUP_CAPTURE struct capture capture = CAPTURE_NONE;
	struct capture_listener listeners[CAPTURE_LISTENERS_MAX];
	CLEANUP_FD int of_net2 = -1;
	CLEANUP_FD int of_all = -1;

	(void)state;
	make_studio(&studio);
	works(capture_start(&studio.computer, wires, 2, &capture, &why));
	assert_int_equal(capture_listeners(&capture, listeners, &why), 0);
	of_net2 = packet_socket(studio.sides.near_ns, "net2", ETH_P_ARP);
	assert_int_equal(capture_listeners(&capture, listeners, &why), 1);
	assert_int_equal(listeners[0].wire, 1);
	assert_int_equal(listeners[0].protocol, ETH_P_ARP);
	of_all = socket_in(studio.sides.near_ns, AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	assert_int_equal(capture_listeners(&capture, listeners, &why), 2);
	assert_int_equal(listeners[0].wire == CAPTURE_ANY_WIRE ? listeners[0].protocol
							       : listeners[1].protocol,
			 ETH_P_ALL);
	assert_true(listeners[0].inode != listeners[1].inode);
}

/* More than there is room for, at the speed that one process can send. */
static void a_flood_is_borne_and_said(void **state)
{
	STUDIO studio;
	CLEANUP_CAPTURE struct capture capture = CAPTURE_NONE;
	int sent = 0;

	(void)state;
	make_studio(&studio);
	works(capture_start(&studio.computer, wires, 2, &capture, &why));
	while (sent < 80000 && send_frame(studio.router[0], broadcast, 1, 1514))
		sent++;
	works(capture_stop(&capture, &why));
	assert_int_equal(sent, 80000);
	assert_true(capture.lossy);
	assert_true(capture.frame_count > 1000 && capture.frame_count < 80000);
}

static void what_cannot_be_captured_on_is_named(void **state)
{
	static const struct capture_wire none[] = {{"net7", MTU}};
	STUDIO studio;
	CLEANUP_CAPTURE struct capture capture = CAPTURE_NONE;
	struct error error;

	(void)state;
	make_studio(&studio);
	assert_true(capture_start(&studio.computer, none, 1, &capture, &error) < 0);
	assert_non_null(strstr(error.text, "cannot capture on net7: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_frame_is_there_in_order_with_its_wire_and_direction),
		cmocka_unit_test(what_passes_before_and_after_is_not_there),
		cmocka_unit_test(who_listens_is_said_and_what_only_sends_is_not),
		cmocka_unit_test(a_flood_is_borne_and_said),
		cmocka_unit_test(what_cannot_be_captured_on_is_named),
	};

	return cmocka_run_group_tests(tests, wires_isolate, NULL);
}
