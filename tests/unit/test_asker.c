#include "asker.h"
#include "net_neighbour.h"
#include "sides.h"

#include <sys/wait.h>

/* Two clients with a wire between them: near is 1.1.1.1 and 2001:db8::1, far is 1.1.1.2 and ::2. */
static void clients_make(struct sides *sides)
{
	*sides = sides_make();
	wire_up(sides, "eth0", "eth0");
	works(net_link_up(sides->near, "lo", &why));
	works(net_link_up(sides->far, "lo", &why));
	add_address(sides->near, "eth0", "1.1.1.1", 24);
	add_address(sides->far, "eth0", "1.1.1.2", 24);
	add_address_in(sides->near_ns, "eth0", "2001:db8::1", 64);
	add_address_in(sides->far_ns, "eth0", "2001:db8::2", 64);
}

static struct ns_set client_of(int ns)
{
	struct ns_set client = NS_SET_NONE;

	client.fd[NS_NET] = ns;
	return client;
}

static struct asker_plan plan_of(enum asker_kind kind, const char *to)
{
	return (struct asker_plan){.kind = kind,
				   .token = 0x01020300U + (uint32_t)kind,
				   .to = address_of(to, 0),
				   .count = 3,
				   .sizes = {56, 0, 1472},
				   .size_count = 3,
				   .within = 10000,
				   .interface = "eth0"};
}

static void free_report(struct asker_report **report)
{
	free(*report);
}
#define REPORT CLEANUP(free_report) struct asker_report

static struct asker_report *report_new(void)
{
	struct asker_report *report = calloc(1, sizeof(*report));

	assert_non_null(report);
	return report;
}

static void start_in(int ns, const struct asker_plan *plan, struct asker *asker)
{
	const struct ns_set client = client_of(ns);

	works(asker_start(plan, &client, asker, &why));
	works(asker_meet(asker, &why));
}

/* Asks from NS and returns what asker_wait() does. */
static int ask(int ns, const struct asker_plan *plan, struct asker_report *report, bool *hears)
{
	CLEANUP_ASKER struct asker asker = ASKER_NONE;
	const struct ns_set client = client_of(ns);
	int result;

	works(asker_start(plan, &client, &asker, &why));
	result = asker_meet(&asker, &why);
	if (result == 0)
		result = asker_go(&asker, &why);
	if (result == 0)
		result = asker_wait(&asker, report, &why);
	if (result == 0 && hears)
		*hears = asker_would_hear(&asker, report);
	return result;
}

static int64_t now_ns(void)
{
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* A packet that was asked and answered as it should be, once. */
static void assert_answered(const struct asker_packet *packet, const char *by, uint32_t size)
{
	const struct net_address from = address_of(by, 0);

	assert_int_equal(packet->right, 1);
	assert_int_equal(packet->wrong, 0);
	assert_int_equal(packet->errors, 0);
	assert_int_equal(packet->size, size);
	assert_int_equal(packet->reply.size, size);
	assert_int_equal(packet->reply.wrong_at, size);
	assert_int_equal(packet->reply.wrong, 0);
	assert_int_equal(packet->reply.ttl, 64);
	assert_int_equal(packet->reply.from.family, from.family);
	assert_memory_equal(packet->reply.from.bytes, from.bytes, 16);
	assert_true(packet->sent <= packet->reply.when);
	assert_true(packet->reply.when <= now_ns());
	assert_true(now_ns() - packet->sent < 20000000000);
}

/* What the kernel says of the way, in the report of an answered question. */
static void assert_way(const struct asker_report *report, const char *source)
{
	const struct net_address from = address_of(source, 0);

	assert_string_equal(report->interface, "eth0");
	assert_memory_equal(report->source.bytes, from.bytes, 16);
	assert_int_equal(report->gateway.family, 0);
	assert_int_equal(report->neighbour_known, 1);
	assert_memory_equal(report->mac, mac_2, NET_MAC_SIZE);
	assert_int_equal(report->ear.lost, 0);
	assert_true(report->ear.left >= 1);
}

/* ---- answered -------------------------------------------------------------------------------- */

static void pings_are_answered(void **state)
{
	static const char *const pairs[][2] = {{"1.1.1.1", "1.1.1.2"},
					       {"2001:db8::1", "2001:db8::2"}};
	CLEANUP(sides_drop) struct sides sides;
	REPORT *report = report_new();
	bool hears = false;

	(void)state;
	clients_make(&sides);
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		const struct asker_plan plan = plan_of(ASKER_PING, pairs[i][1]);

		works(ask(sides.near_ns, &plan, report, &hears));
		for (size_t j = 0; j < 3; j++)
			assert_answered(&report->packets[j], pairs[i][1], plan.sizes[j]);
		assert_way(report, pairs[i][0]);
		assert_true(hears);
		assert_true(report->packets[0].left >= report->packets[0].sent);
		assert_true(report->ear.left_ours >= 2);
		assert_true(report->ear.came_ours >= 2);
	}
}

static void the_largest_ping_is_answered(void **state)
{
	CLEANUP(sides_drop) struct sides sides;
	struct asker_plan plan = plan_of(ASKER_PING, "1.1.1.2");
	REPORT *report = report_new();

	(void)state;
	clients_make(&sides);
	plan.count = 2;
	plan.size_count = 1;
	plan.sizes[0] = ASKER_SIZE_MAX;
	works(ask(sides.near_ns, &plan, report, NULL));
	for (size_t i = 0; i < 2; i++)
		assert_answered(&report->packets[i], "1.1.1.2", ASKER_SIZE_MAX);
}

static void twenty_pings_take_no_time(void **state)
{
	CLEANUP(sides_drop) struct sides sides;
	struct asker_plan plan = plan_of(ASKER_PING, "1.1.1.2");
	REPORT *report = report_new();
	int64_t started;

	(void)state;
	clients_make(&sides);
	plan.count = 20;
	started = monotonic_ms();
	works(ask(sides.near_ns, &plan, report, NULL));
	assert_true(monotonic_ms() - started < 2000);
	for (size_t i = 0; i < plan.count; i++)
		assert_int_equal(report->packets[i].right, 1);
}

/* A stream may come faster than a busy machine lets the ear be read: it may lose some of it. */
static bool would_hear(const struct asker *asker, struct asker_report *report)
{
	if (asker->kind == ASKER_TCP || asker->kind == ASKER_TCP_ANSWERER)
		report->ear.lost = 0;
	return asker_would_hear(asker, report);
}

/* Asks by UDP or TCP from near to far. FAR_REPORT is the answerer's. */
static void converse(const struct sides *sides, struct asker_plan *plan, enum asker_kind answerer,
		     const char *from, struct asker_report *report, struct asker_report *far_report)
{
	CLEANUP_ASKER struct asker far = ASKER_NONE, near = ASKER_NONE;
	struct asker_plan answer = *plan;

	answer.kind = answerer;
	answer.from = plan->to;
	answer.to = address_of(from, 0);
	start_in(sides->far_ns, &answer, &far);
	assert_int_not_equal(far.port, 0);
	plan->port = far.port;
	start_in(sides->near_ns, plan, &near);
	works(asker_go(&far, &why));
	works(asker_go(&near, &why));
	works(asker_wait(&near, report, &why));
	asker_enough(&far);
	works(asker_wait(&far, far_report, &why));
	assert_true(would_hear(&far, far_report));
	assert_true(would_hear(&near, report));
	assert_int_equal(report->port, far.port);
}

static void datagrams_come_back(void **state)
{
	static const char *const pairs[][2] = {{"1.1.1.1", "1.1.1.2"},
					       {"2001:db8::1", "2001:db8::2"}};
	CLEANUP(sides_drop) struct sides sides;
	REPORT *report = report_new();
	REPORT *far = report_new();

	(void)state;
	clients_make(&sides);
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		struct asker_plan plan = plan_of(ASKER_UDP, pairs[i][1]);

		plan.sizes[0] = 20000; /* in fragments */
		converse(&sides, &plan, ASKER_UDP_ANSWERER, pairs[i][0], report, far);
		for (size_t j = 0; j < 3; j++) {
			assert_answered(&report->packets[j], pairs[i][1], plan.sizes[j]);
			assert_int_equal(far->packets[j].right, 1);
			assert_int_equal(far->packets[j].reply.port, report->own_port);
			assert_memory_equal(far->packets[j].reply.from.bytes, report->source.bytes,
					    16);
		}
		assert_int_equal(report->strangers + far->strangers, 0);
		assert_way(report, pairs[i][0]);
	}
}

static void a_stream_comes_back_whole(void **state)
{
	static const char *const pairs[][2] = {{"1.1.1.1", "1.1.1.2"},
					       {"2001:db8::1", "2001:db8::2"}};
	static const uint32_t sizes[] = {0, 1, 3000000};
	CLEANUP(sides_drop) struct sides sides;
	REPORT *report = report_new();
	REPORT *far = report_new();

	(void)state;
	clients_make(&sides);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct asker_plan plan = plan_of(ASKER_TCP, pairs[i % 2][1]);

		plan.sizes[0] = sizes[i];
		plan.size_count = 1;
		converse(&sides, &plan, ASKER_TCP_ANSWERER, pairs[i % 2][0], report, far);
		assert_int_equal(report->stream.whole, 1);
		assert_int_equal(report->stream.failure, 0);
		assert_int_equal(report->stream.sent, sizes[i]);
		assert_int_equal(report->stream.received, sizes[i]);
		assert_int_equal(report->stream.wrong_at, -1);
		assert_true(report->stream.began <= report->stream.connected);
		assert_true(report->stream.connected <= report->stream.ended);
		assert_int_equal(far->stream.connections, 1);
		assert_int_equal(far->stream.received, sizes[i]);
		assert_int_equal(far->stream.wrong_at, -1);
		assert_int_equal(far->stream.peer_port, report->own_port);
		assert_way(report, pairs[i % 2][0]);
	}
}

static void arp_is_answered_by_who_has_the_address(void **state)
{
	CLEANUP(sides_drop) struct sides sides;
	struct asker_plan plan = plan_of(ASKER_ARP, "1.1.1.2");
	REPORT *report = report_new();
	bool hears = false;
	int64_t started;

	(void)state;
	clients_make(&sides);
	plan.count = 1;
	started = monotonic_ms();
	works(ask(sides.near_ns, &plan, report, &hears));
	assert_true(monotonic_ms() - started < 5000);
	assert_int_equal(report->arp_count, 1);
	assert_int_equal(report->arps[0].operation, 2);
	assert_memory_equal(report->arps[0].to_mac, mac_1, NET_MAC_SIZE);
	assert_memory_equal(report->arps[0].from_mac, mac_2, NET_MAC_SIZE);
	assert_memory_equal(report->arps[0].sender_mac, mac_2, NET_MAC_SIZE);
	assert_memory_equal(report->arps[0].target_mac, mac_1, NET_MAC_SIZE);
	assert_memory_equal(report->arps[0].sender, "\1\1\1\2", 4);
	assert_memory_equal(report->arps[0].target, "\1\1\1\1", 4);
	assert_true(report->packets[0].left >= report->packets[0].sent);
	assert_true(hears);
}

static void a_frame_is_put_on_the_interface_and_what_comes_is_noted(void **state)
{
	CLEANUP(sides_drop) struct sides sides;
	uint8_t frame[60] = {[12] = 0x88, 0xb5, 1}, got[FRAME_SIZE] = {0};
	struct asker_plan plan = plan_of(ASKER_FRAME, "0.0.0.0");
	CLEANUP_ASKER struct asker asker = ASKER_NONE;
	CLEANUP_FD int other = -1;
	REPORT *report = report_new();

	(void)state;
	clients_make(&sides);
	other = packet_socket(sides.far_ns, "eth0", ETH_P_ALL);
	memcpy(frame, broadcast, NET_MAC_SIZE);
	plan.frame = frame;
	plan.frame_size = sizeof(frame);
	plan.count = 1;
	start_in(sides.near_ns, &plan, &asker);
	works(asker_go(&asker, &why));
	do
		assert_int_not_equal(receive(other, got, 5000), 0);
	while (frame_type(got) != 0x88b5);
	assert_memory_equal(got, frame, sizeof(frame));
	assert_true(send_frame(other, mac_1, 9, 100));
	assert_true(send_frame(other, mac_2, 8, 60)); /* others' frames as well */
	asker_enough(&asker);
	works(asker_wait(&asker, report, &why));
	assert_true(asker_would_hear(&asker, report));
	assert_true(report->frame_count >= 2);
	for (uint32_t i = 0, seen = 0; i < report->frame_count; i++) {
		const uint8_t *bytes = report->bytes + report->frames[i].offset;

		if (report->frames[i].size < 60 || frame_type(bytes) != 0x88b5)
			continue;
		assert_int_equal(bytes[14], seen == 0 ? 9 : 8);
		assert_int_equal(report->frames[i].whole, seen == 0 ? 100 : 60);
		seen++;
		if (i + 1 == report->frame_count)
			assert_int_equal(seen, 2);
	}
}

/* ---- nothing there --------------------------------------------------------------------------- */

#define MANY 20

struct crowd {
	struct asker at[MANY];
};

static void crowd_close(struct crowd *crowd)
{
	for (size_t i = 0; i < MANY; i++)
		asker_close(&crowd->at[i]);
}

/* Payloads without room for a marker too: each has an id of its own. */
static void many_ask_at_once_and_each_hears_its_own(void **state)
{
	CLEANUP(sides_drop) struct sides sides;
	CLEANUP(crowd_close) struct crowd crowd;
	REPORT *report = report_new();
	uint16_t ids[MANY];

	(void)state;
	for (size_t i = 0; i < MANY; i++)
		crowd.at[i] = ASKER_NONE;
	clients_make(&sides);
	for (size_t i = 0; i < MANY; i++) {
		struct asker_plan plan = plan_of(ASKER_PING, "1.1.1.2");

		plan.token = (uint32_t)i;
		plan.sizes[2] = 8;
		start_in(sides.near_ns, &plan, &crowd.at[i]);
	}
	for (size_t i = 0; i < MANY; i++)
		works(asker_go(&crowd.at[i], &why));
	for (size_t i = 0; i < MANY; i++) {
		works(asker_wait(&crowd.at[i], report, &why));
		for (size_t j = 0; j < 3; j++) {
			assert_int_equal(report->packets[j].right, 1);
			assert_int_equal(report->packets[j].wrong, 0);
		}
		ids[i] = report->id;
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(ids[i], ids[j]);
	}
}

struct askers {
	struct asker at[5];
};

static void askers_close(struct askers *askers)
{
	for (size_t i = 0; i < ARRAY_SIZE(askers->at); i++)
		asker_close(&askers->at[i]);
}

/* Asked, and nothing came: of each kind; and it would have been heard. */
static void silence_is_a_report_with_its_proof(void **state)
{
	static const enum asker_kind asked[] = {ASKER_TCP, ASKER_PING, ASKER_UDP, ASKER_ARP,
						ASKER_TRACE};
	CLEANUP(sides_drop) struct sides sides;
	CLEANUP(askers_close) struct askers askers;
	REPORT *report = report_new();
	int64_t started;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++)
		askers.at[i] = ASKER_NONE;
	clients_make(&sides);
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		struct asker_plan plan = plan_of(asked[i], "1.1.1.99");

		plan.within = 300;
		plan.silence = true;
		plan.port = 9;
		start_in(sides.near_ns, &plan, &askers.at[i]);
	}
	started = monotonic_ms();
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++)
		works(asker_go(&askers.at[i], &why));
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		works(asker_wait(&askers.at[i], report, &why));
		assert_true(asker_would_hear(&askers.at[i], report));
		assert_int_equal(report->packets[0].right + report->packets[0].wrong, 0);
		assert_int_equal(report->ear.came_ours, 0);
		assert_int_equal(report->neighbour_known, 0);
		assert_int_equal(report->stream.connected, 0);
		/* Who is busy elsewhere for so long finds that the kernel has given up. */
		if (report->stream.failure != EHOSTUNREACH || monotonic_ms() - started < 3000)
			assert_int_equal(report->stream.failure, 0);
	}
	assert_true(monotonic_ms() - started >= 300);
}

/* RTM_DELNEIGH drops what waits for the neighbour, and tells its sockets so. */
static void a_silence_that_ends_takes_nothing_from_who_still_asks(void **state)
{
	CLEANUP(sides_drop) struct sides sides;
	CLEANUP_ASKER struct asker silent = ASKER_NONE, other = ASKER_NONE;
	struct asker_plan plan = plan_of(ASKER_PING, "1.1.1.99");
	struct asker_plan stream = plan_of(ASKER_TCP, "1.1.1.99");
	REPORT *report = report_new();

	(void)state;
	clients_make(&sides);
	plan.silence = true;
	plan.within = 50;
	stream.port = 9;
	stream.within = 600;
	start_in(sides.near_ns, &stream, &other);
	start_in(sides.near_ns, &plan, &silent);
	works(asker_go(&other, &why));
	works(asker_go(&silent, &why));
	works(asker_wait(&other, report, &why));
	assert_int_equal(report->stream.failure, 0);
	assert_int_equal(report->neighbour_known, 0);
}

/* Whether the kernel has an Ethernet address for it, behind eth0. */
static bool knows(struct nl_sock *socket, const char *neighbour)
{
	const struct net_address address = address_of(neighbour, 0);
	uint8_t mac[NET_MAC_SIZE];
	unsigned index = 0;
	int result;

	works(net_link_index(socket, "eth0", &index, &why));
	result = net_neighbour_find(socket, index, &address, mac, &why);
	assert_true(result >= 0);
	return result > 0;
}

/* An answer does not end the listening for silence, and is seen. */
static void an_answer_where_silence_was_expected_is_told(void **state)
{
	CLEANUP(sides_drop) struct sides sides;
	struct asker_plan plan = plan_of(ASKER_PING, "1.1.1.2");
	REPORT *report = report_new();
	int64_t started;

	(void)state;
	clients_make(&sides);
	plan.silence = true;
	plan.within = 200;
	started = monotonic_ms();
	works(ask(sides.near_ns, &plan, report, NULL));
	assert_true(monotonic_ms() - started >= 200);
	assert_int_equal(report->packets[0].right, 1);
	assert_int_equal(report->neighbour_known, 1);
	assert_false(knows(sides.near, "1.1.1.2")); /* any more */
}

static void a_question_that_cannot_be_asked_is_a_failure(void **state)
{
	CLEANUP(sides_drop) struct sides sides;
	struct asker_plan plan = plan_of(ASKER_PING, "9.9.9.9");
	REPORT *report = report_new();

	(void)state;
	clients_make(&sides);
	assert_int_equal(ask(sides.near_ns, &plan, report, NULL), -ENETUNREACH);
	assert_string_equal(
		why.text,
		"ping: rtnetlink: cannot find a route to 9.9.9.9: Network is unreachable");
	plan = plan_of(ASKER_ARP, "1.1.1.2");
	(void)strcpy(plan.interface, "eth7");
	assert_int_equal(ask(sides.near_ns, &plan, report, NULL), -ENODEV);
	assert_string_equal(why.text, "arp: there is no interface eth7");
	plan = plan_of(ASKER_UDP, "1.1.1.2");
	plan.from = address_of("1.1.1.77", 0);
	assert_true(ask(sides.near_ns, &plan, report, NULL) < 0);
	plan.count = ASKER_PACKETS_MAX + 1;
	assert_int_equal(asker_start(&plan, &(struct ns_set){0}, &(struct asker){0}, &why),
			 -EINVAL);
}

/* What came to the interface, and was lost in the client, is no proof of silence. */
static void an_ear_without_carrier_proves_nothing(void **state)
{
	CLEANUP(sides_drop) struct sides sides;
	struct asker_plan plan = plan_of(ASKER_PING, "1.1.1.99");
	struct ifreq down = {.ifr_flags = 0};
	REPORT *report = report_new();
	bool hears = true;

	(void)state;
	clients_make(&sides);
	link_request(sides.far_ns, "eth0", SIOCSIFFLAGS, &down); /* the far end's: no carrier */
	plan.within = 100;
	plan.silence = true;
	if (ask(sides.near_ns, &plan, report, &hears) == 0)
		assert_false(hears);
}

static void a_port_where_nobody_listens_is_told_by_an_error(void **state)
{
	CLEANUP(sides_drop) struct sides sides;
	struct asker_plan plan = plan_of(ASKER_UDP, "1.1.1.2");
	const struct net_address far = address_of("1.1.1.2", 0);
	REPORT *report = report_new();

	(void)state;
	clients_make(&sides);
	plan.port = 9;
	works(ask(sides.near_ns, &plan, report, NULL));
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(report->packets[i].right, 0);
		assert_int_equal(report->packets[i].errors, 1);
		assert_int_equal(report->packets[i].error.type, 3);
		assert_int_equal(report->packets[i].error.code, 3);
		assert_memory_equal(report->packets[i].error.from.bytes, far.bytes, 16);
		assert_int_equal(report->packets[i].error.own, 0);
	}
	plan = plan_of(ASKER_UDP, "2001:db8::2");
	plan.port = 9;
	plan.count = 1;
	works(ask(sides.near_ns, &plan, report, NULL));
	assert_int_equal(report->packets[0].errors, 1);
	assert_int_equal(report->packets[0].error.type, 1);
	assert_int_equal(report->packets[0].error.code, 4);
	plan = plan_of(ASKER_TCP, "1.1.1.2");
	plan.port = 9;
	works(ask(sides.near_ns, &plan, report, NULL));
	assert_int_equal(report->stream.failure, ECONNREFUSED);
	assert_int_equal(report->stream.connected, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pings_are_answered),
		cmocka_unit_test(the_largest_ping_is_answered),
		cmocka_unit_test(twenty_pings_take_no_time),
		cmocka_unit_test(datagrams_come_back),
		cmocka_unit_test(a_stream_comes_back_whole),
		cmocka_unit_test(arp_is_answered_by_who_has_the_address),
		cmocka_unit_test(a_frame_is_put_on_the_interface_and_what_comes_is_noted),
		cmocka_unit_test(many_ask_at_once_and_each_hears_its_own),
		cmocka_unit_test(silence_is_a_report_with_its_proof),
		cmocka_unit_test(a_silence_that_ends_takes_nothing_from_who_still_asks),
		cmocka_unit_test(an_answer_where_silence_was_expected_is_told),
		cmocka_unit_test(a_question_that_cannot_be_asked_is_a_failure),
		cmocka_unit_test(an_ear_without_carrier_proves_nothing),
		cmocka_unit_test(a_port_where_nobody_listens_is_told_by_an_error),
	};

	return cmocka_run_group_tests(tests, wires_isolate, NULL);
}
