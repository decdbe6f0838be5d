/* What the asker makes of a router that makes mistakes. */
#include "fake_router.h"

/* ---- replies --------------------------------------------------------------------------------- */

static void the_way_is_told_and_the_gateway_is_asked_for_anew(void **state)
{
	FAKE fake = fake_make();
	CLEANUP_ASKER struct asker asker = ASKER_NONE;
	const struct asker_plan plan = plan_of(ASKER_PING, 1);
	const struct net_address gateway = address_of("1.1.1.1", 0);
	REPORT *report = report_new();
	uint8_t frame[FRAME_SIZE] = {0};

	(void)state;
	for (int i = 0; i < 2; i++) {
		begin(&fake, &plan, &asker);
		assert_int_not_equal(receive(fake.fd, frame, 10000), 0);
		assert_int_equal(frame_type(frame), ETH_P_ARP); /* the second time too */
		answer_arp(&fake, frame);
		reply(&fake, frame, next_packet(&fake, IPPROTO_ICMP, frame));
		works(asker_wait(&asker, report, &why));
		assert_int_equal(report->packets[0].right, 1);
		assert_int_equal(report->packets[0].reply.ttl, 61);
		assert_memory_equal(report->gateway.bytes, gateway.bytes, 16);
		assert_int_equal(report->neighbour_known, 1);
		assert_memory_equal(report->mac, mac_2, NET_MAC_SIZE);
		assert_int_equal(report->packets[0].sent <= report->packets[0].left, 1);
		asker_close(&asker);
	}
}

static void packets_leave_with_the_ttl_that_was_wished(void **state)
{
	static const uint8_t protocols[] = {IPPROTO_ICMP, IPPROTO_UDP, IPPROTO_TCP};
	static const enum asker_kind kinds[] = {ASKER_PING, ASKER_UDP, ASKER_TCP};
	uint8_t frame[FRAME_SIZE] = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		FAKE fake = fake_make();
		CLEANUP_ASKER struct asker asker = ASKER_NONE;
		struct asker_plan plan = plan_of(kinds[i], 1);

		plan.ttl = 5;
		begin(&fake, &plan, &asker);
		(void)next_packet(&fake, protocols[i], frame);
		assert_int_equal(frame[IP + 8], 5);
	}
}

static void what_comes_twice_is_counted_twice(void **state)
{
	FAKE fake = fake_make();
	CLEANUP_ASKER struct asker asker = ASKER_NONE;
	const struct asker_plan plan = plan_of(ASKER_PING, 1);
	REPORT *report = report_new();
	uint8_t frame[FRAME_SIZE] = {0};
	struct timespec now;
	size_t size;

	(void)state;
	begin(&fake, &plan, &asker);
	size = next_packet(&fake, IPPROTO_ICMP, frame);
	reply(&fake, frame, size);
	send_packet(&fake, frame, size, true);
	works(asker_wait(&asker, report, &why));
	assert_int_equal(report->packets[0].right, 2);
	assert_int_equal(report->packets[0].wrong, 0);
	/* It waited for more. */
	assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
	assert_true((int64_t)now.tv_sec * 1000000000 + now.tv_nsec - report->packets[0].reply.when >
		    15000000);
}

static void a_late_answer_is_told_with_its_time(void **state)
{
	FAKE fake = fake_make();
	CLEANUP_ASKER struct asker asker = ASKER_NONE;
	const struct asker_plan plan = plan_of(ASKER_PING, 1);
	struct pollfd report_comes = {.events = POLLIN};
	REPORT *report = report_new();
	uint8_t frame[FRAME_SIZE] = {0};
	size_t size;

	(void)state;
	begin(&fake, &plan, &asker);
	size = next_packet(&fake, IPPROTO_ICMP, frame);
	report_comes.fd = asker.channel;
	assert_int_equal(poll(&report_comes, 1, 200), 0); /* it waits */
	reply(&fake, frame, size);
	works(asker_wait(&asker, report, &why));
	assert_int_equal(report->packets[0].right, 1);
	assert_true(report->packets[0].reply.when - report->packets[0].sent >= 200000000);
}

/* One that answers nothing is not waited for each time. */
static void a_slow_router_is_given_one_packet_after_the_other(void **state)
{
	FAKE fake = fake_make();
	CLEANUP_ASKER struct asker asker = ASKER_NONE;
	struct asker_plan plan = plan_of(ASKER_PING, 6);
	struct pollfd comes = {.events = POLLIN};
	REPORT *report = report_new();
	uint8_t frame[FRAME_SIZE] = {0};
	size_t size;

	(void)state;
	plan.pause = 500;
	plan.within = 200;
	begin(&fake, &plan, &asker);
	comes.fd = fake.fd;
	size = next_packet(&fake, IPPROTO_ICMP, frame);
	assert_int_equal(poll(&comes, 1, 150), 0);
	reply(&fake, frame, size);
	(void)next_packet(&fake, IPPROTO_ICMP, frame);
	works(asker_wait(&asker, report, &why));
	assert_int_equal(report->packets[0].right, 1);
	for (size_t i = 2; i < 6; i++) {
		const int64_t waited = report->packets[i].sent - report->packets[i - 1].sent;

		if (i < 4) /* the second and the third may be answered yet */
			assert_true(waited >= 450000000);
		else
			assert_true(waited < 450000000);
	}
}

static void fault_cut(uint8_t *frame, size_t *size)
{
	(void)frame;
	*size -= 10;
}

static void fault_pad(uint8_t *frame, size_t *size)
{
	memset(frame + *size, 0, 4);
	*size += 4;
}

static void fault_byte(uint8_t *frame, size_t *size)
{
	(void)size;
	frame[PAYLOAD + 33] ^= 1;
}

static void fault_head(uint8_t *frame, size_t *size)
{
	(void)size;
	frame[PAYLOAD] ^= 1; /* no marker any more: known by id and sequence */
}

static void fault_id(uint8_t *frame, size_t *size)
{
	(void)size;
	frame[ICMP + 4] ^= 0x55;
}

static void fault_sequence(uint8_t *frame, size_t *size)
{
	(void)size;
	frame[ICMP + 6] = frame[ICMP + 7] = 0;
}

static void fault_sender(uint8_t *frame, size_t *size)
{
	(void)size;
	memcpy(frame + IP + 12, gateway_address, 4);
}

static void each_fault_of_a_reply_is_told_by_its_name(void **state)
{
	static const struct {
		void (*make)(uint8_t *frame, size_t *size);
		uint8_t wrong;
		uint32_t size, wrong_at;
	} faults[] = {
		{fault_cut, ASKER_WRONG_SIZE, 46, 46},
		{fault_pad, ASKER_WRONG_SIZE, 60, 56},
		{fault_byte, ASKER_WRONG_BYTES, 56, 33},
		{fault_head, ASKER_WRONG_BYTES, 56, 0},
		{fault_id, ASKER_WRONG_ID, 56, 56},
		{fault_sequence, ASKER_WRONG_SEQUENCE, 56, 56},
		{fault_sender, ASKER_WRONG_SENDER, 56, 56},
		{NULL, ASKER_WRONG_CHECKSUM, 56, 56},
	};
	FAKE fake = fake_make();
	CLEANUP_ASKER struct asker asker = ASKER_NONE;
	const struct asker_plan plan = plan_of(ASKER_PING, ARRAY_SIZE(faults));
	REPORT *report = report_new();
	uint8_t frame[FRAME_SIZE] = {0};

	(void)state;
	begin(&fake, &plan, &asker);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		size_t size = next_packet(&fake, IPPROTO_ICMP, frame);

		turn(frame);
		if (faults[i].make)
			faults[i].make(frame, &size);
		else /* the request's */
			frame[ICMP + 2] ^= 0x12;
		send_packet(&fake, frame, size, faults[i].make != NULL);
	}
	works(asker_wait(&asker, report, &why));
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		assert_int_equal(report->packets[i].right, 0);
		assert_int_equal(report->packets[i].wrong, 1);
		assert_int_equal(report->packets[i].fault.wrong, faults[i].wrong);
		assert_int_equal(report->packets[i].fault.size, faults[i].size);
		assert_int_equal(report->packets[i].fault.wrong_at, faults[i].wrong_at);
	}
	assert_int_equal(report->strangers, 0);
}

/* Another question's reply, another program's, and noise: none of ours. */
static void answers_for_others_are_not_taken(void **state)
{
	FAKE fake = fake_make();
	CLEANUP_ASKER struct asker asker = ASKER_NONE;
	struct asker_plan plan = plan_of(ASKER_PING, 1);
	REPORT *report = report_new();
	uint8_t frame[FRAME_SIZE] = {0};
	size_t size;

	(void)state;
	plan.within = 200;
	begin(&fake, &plan, &asker);
	size = next_packet(&fake, IPPROTO_ICMP, frame);
	frame[PAYLOAD + 4] ^= 1; /* the token */
	reply(&fake, frame, size);
	memset(frame + PAYLOAD, 0, 56);
	frame[ICMP + 4] ^= 1; /* the id */
	send_packet(&fake, frame, size, true);
	works(asker_wait(&asker, report, &why));
	assert_int_equal(report->packets[0].right + report->packets[0].wrong, 0);
	assert_int_equal(report->strangers, 1);
	assert_true(asker_would_hear(&asker, report));
}

/* The client's own rules drop what came: the ear tells. */
static void what_the_client_drops_was_seen_to_come(void **state)
{
	FAKE fake = fake_make();
	CLEANUP_ASKER struct asker asker = ASKER_NONE;
	struct asker_plan plan = plan_of(ASKER_PING, 1);
	REPORT *report = report_new();
	uint8_t frame[FRAME_SIZE] = {0};

	(void)state;
	plan.within = 200;
	plan.silence = true;
	begin(&fake, &plan, &asker);
	reply(&fake, frame, next_packet(&fake, IPPROTO_ICMP, frame));
	frame[IP + 11] ^= 1; /* a wrong checksum of IP's, too: the kernel drops it */
	assert_true(send(fake.fd, frame, PAYLOAD + 56, 0) > 0);
	works(asker_wait(&asker, report, &why));
	assert_int_equal(report->packets[0].right, 1);
	assert_int_equal(report->ear.came_ours, 2);
}

/* The first SYN is lost, as by a router that forgets what waits for ARP. */
static void what_must_be_sent_again_is_counted(void **state)
{
	FAKE fake = fake_make();
	CLEANUP_ASKER struct asker asker = ASKER_NONE;
	const struct asker_plan plan = plan_of(ASKER_TCP, 1);
	REPORT *report = report_new();
	uint8_t frame[FRAME_SIZE] = {0};

	(void)state;
	begin(&fake, &plan, &asker);
	for (int i = 0; i < 2; i++)
		(void)next_packet(&fake, IPPROTO_TCP, frame);
	asker_enough(&asker);
	works(asker_wait(&asker, report, &why));
	assert_true(report->stream.retransmissions >= 1);
	assert_int_equal(report->stream.connected, 0);
	assert_int_equal(report->stream.failure, 0);
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void errors_are_told_however_little_they_quote(void **state)
{
	static const struct {
		enum asker_kind kind;
		uint8_t protocol;
	} kinds[] = {{ASKER_PING, IPPROTO_ICMP}, {ASKER_UDP, IPPROTO_UDP}};
	static const size_t quoted[] = {28, 40, 84};
	const struct net_address gateway = address_of("1.1.1.1", 0);
	REPORT *report = report_new();
	uint8_t frame[FRAME_SIZE] = {0};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		FAKE fake = fake_make();
		CLEANUP_ASKER struct asker asker = ASKER_NONE;
		const struct asker_plan plan = plan_of(kinds[k].kind, ARRAY_SIZE(quoted));

		begin(&fake, &plan, &asker);
		for (size_t i = 0; i < ARRAY_SIZE(quoted); i++) {
			(void)next_packet(&fake, kinds[k].protocol, frame);
			send_error(&fake, frame, ICMP_TIME_EXCEEDED, quoted[i]);
		}
		works(asker_wait(&asker, report, &why));
		for (size_t i = 0; i < ARRAY_SIZE(quoted); i++) {
			const struct asker_packet *packet = &report->packets[i];

			assert_int_equal(packet->errors, 1);
			assert_int_equal(packet->error.type, ICMP_TIME_EXCEEDED);
			assert_int_equal(packet->error.code, 0);
			assert_int_equal(packet->error.own, 0);
			assert_memory_equal(packet->error.from.bytes, gateway.bytes, 16);
			assert_true(packet->sent <= packet->error.when);
		}
	}
}

static void a_trace_tells_who_answers_at_each_ttl(void **state)
{
	FAKE fake = fake_make();
	CLEANUP_ASKER struct asker asker = ASKER_NONE;
	const struct asker_plan plan = plan_of(ASKER_TRACE, 8);
	REPORT *report = report_new();
	uint8_t frame[FRAME_SIZE] = {0};

	(void)state;
	begin(&fake, &plan, &asker);
	for (int i = 0; i < 8; i++) {
		size_t size = next_packet(&fake, IPPROTO_ICMP, frame);

		assert_int_equal(frame[IP + 8], i + 1);
		if (frame[IP + 8] < 3)
			send_error(&fake, frame, ICMP_TIME_EXCEEDED, 28);
		else if (frame[IP + 8] == 3)
			reply(&fake, frame, size);
	}
	works(asker_wait(&asker, report, &why));
	assert_int_equal(report->packets[0].errors, 1);
	assert_int_equal(report->packets[1].errors, 1);
	assert_int_equal(report->packets[2].right, 1);
}

static void datagrams_from_another_port_are_told(void **state)
{
	FAKE fake = fake_make();
	CLEANUP_ASKER struct asker asker = ASKER_NONE;
	const struct asker_plan plan = plan_of(ASKER_UDP, 1);
	REPORT *report = report_new();
	uint8_t frame[FRAME_SIZE] = {0}, ours[2];
	size_t size;

	(void)state;
	begin(&fake, &plan, &asker);
	size = next_packet(&fake, IPPROTO_UDP, frame);
	memcpy(ours, frame + ICMP, 2);
	turn(frame);
	frame[ICMP] = 0x12;
	frame[ICMP + 1] = 0x34;
	memcpy(frame + ICMP + 2, ours, 2);
	memset(frame + ICMP + 6, 0, 2); /* no checksum (RFC 768) */
	send_packet(&fake, frame, size, false);
	works(asker_wait(&asker, report, &why));
	assert_int_equal(report->packets[0].right, 0);
	assert_int_equal(report->packets[0].wrong, 1);
	assert_int_equal(report->packets[0].fault.wrong, ASKER_WRONG_SENDER);
	assert_int_equal(report->packets[0].fault.port, 0x1234);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_way_is_told_and_the_gateway_is_asked_for_anew),
		cmocka_unit_test(packets_leave_with_the_ttl_that_was_wished),
		cmocka_unit_test(what_comes_twice_is_counted_twice),
		cmocka_unit_test(a_slow_router_is_given_one_packet_after_the_other),
		cmocka_unit_test(a_late_answer_is_told_with_its_time),
		cmocka_unit_test(each_fault_of_a_reply_is_told_by_its_name),
		cmocka_unit_test(answers_for_others_are_not_taken),
		cmocka_unit_test(what_the_client_drops_was_seen_to_come),
		cmocka_unit_test(what_must_be_sent_again_is_counted),
		cmocka_unit_test(errors_are_told_however_little_they_quote),
		cmocka_unit_test(a_trace_tells_who_answers_at_each_ttl),
		cmocka_unit_test(datagrams_from_another_port_are_told),
	};

	return cmocka_run_group_tests(tests, wires_isolate, NULL);
}
