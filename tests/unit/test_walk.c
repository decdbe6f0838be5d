/* What became of packets, told from frames: one exchange that is right, and each thing that a
 * router can do wrong with it. */
#include "tape.h"

static void what_is_right_has_no_fault(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	finds(&tape, WALK_NONE, FRAME_FIELD_NONE);
	assert_int_equal(way.entered, 1);
	assert_int_equal(way.carried, 1);
	assert_int_equal(way.returned, 1);
	assert_int_equal(way.delivered, 1);
	assert_int_equal(way.judged & (1U << LOOK_TTL), 1U << LOOK_TTL);
}

/* Makes an acknowledgment of TCP of an echo, from port 4000 to port 7. */
static void make_tcp(uint8_t *bytes, uint16_t acknowledged, uint16_t id)
{
	uint8_t *head = bytes + 34;

	memset(head, 0, 8 + PAYLOAD);
	bytes[23] = 6;
	put16(bytes + 18, id);
	mend_head(bytes);
	put16(head, 4000);
	put16(head + 2, 7);
	put16(head + 10, acknowledged);
	head[12] = 0x50;
	head[13] = 0x10;
	put16(head + 16,
	      frame_checksum(frame_checksum_start(4, bytes + 26, bytes + 30, 6, 8 + PAYLOAD), head,
			     8 + PAYLOAD));
}

/* ---- what is forwarded ---- */

static void each_field_that_is_forwarded_wrong_is_named(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		bool mend; /* the checksums are made right for it */
		enum walk_step step;
		enum frame_field field;
	} changes[] = {
		{22, 64, true, WALK_TTL, FRAME_FIELD_TTL},
		{22, 62, true, WALK_TTL, FRAME_FIELD_TTL},
		{24, 0x99, false, WALK_CHECKSUM, FRAME_FIELD_CHECKSUM},
		{36, 0x99, false, WALK_CHECKSUM, FRAME_FIELD_UPPER_CHECKSUM},
		{0, 0xff, false, WALK_ETHERNET, FRAME_FIELD_TARGET_MAC},
		{8, 7, false, WALK_ETHERNET, FRAME_FIELD_SOURCE_MAC},
		{13, 8, false, WALK_ETHERNET, FRAME_FIELD_TYPE},
		{29, 9, true, WALK_PAYLOAD, FRAME_FIELD_SOURCE},
		{33, 9, true, WALK_PAYLOAD, FRAME_FIELD_TARGET},
		{20, 0, true, WALK_PAYLOAD, FRAME_FIELD_FRAGMENT},
		{19, 0, true, WALK_PAYLOAD, FRAME_FIELD_ID},
		{15, 8, true, WALK_PAYLOAD, FRAME_FIELD_SERVICE},
		{39, 0, true, WALK_PAYLOAD, FRAME_FIELD_ICMP_ID},
		{41, 0, true, WALK_PAYLOAD, FRAME_FIELD_ICMP_SEQUENCE},
		{90, 0, true, WALK_PAYLOAD, FRAME_FIELD_PAYLOAD},
		/* a change that nobody made a checksum for is the change's matter */
		{90, 0, false, WALK_PAYLOAD, FRAME_FIELD_PAYLOAD},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		struct tape tape;

		record(&tape);
		tape.bytes[CARRIED][changes[i].at] = changes[i].value;
		if (changes[i].mend)
			mend(tape.bytes[CARRIED]);
		finds(&tape, changes[i].step, changes[i].field);
		/* And on the way back. */
		record(&tape);
		tape.bytes[DELIVERED][changes[i].at] = changes[i].value;
		if (changes[i].mend)
			mend(tape.bytes[DELIVERED]);
		finds(&tape, changes[i].step, changes[i].field);
	}
}

/* UDP's checksum covers the addresses too: it is not what was changed. */
static void a_replaced_address_is_the_cause_and_not_the_checksum_over_it(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	cut(&tape, ASKED2);
	make_udp(tape.bytes[REQUEST]);
	make_udp(tape.bytes[CARRIED]);
	tape.bytes[CARRIED][29] = 9;
	mend_head(tape.bytes[CARRIED]);
	follow(&tape, PROBE_UDP);
	assert_true(way.fault_count > 0);
	assert_string_equal(walk_step_name(way.faults[0].step), "payload");
	assert_int_equal(way.faults[0].field, FRAME_FIELD_SOURCE);
}

static void a_packet_that_is_cut_or_has_padding_is_told_apart(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	tape.frames[CARRIED].length -= 14;
	tape.frames[CARRIED].kept -= 14;
	finds(&tape, WALK_PAYLOAD, FRAME_FIELD_PAYLOAD);
	assert_true(says("with 94 bytes of IP; it came with 108"));

	record(&tape);
	tape.frames[CARRIED].length += 14;
	tape.frames[CARRIED].kept += 14;
	finds(&tape, WALK_NONE, FRAME_FIELD_NONE);
}

/* However many packets have the one, a later one with the other is told. */
static void many_faults_of_one_kind_hide_none_of_another(void **state)
{
	static struct tape tape;
	unsigned looks = 0;

	(void)state;
	record(&tape);
	for (int i = 0; i < 70; i++) {
		(void)add_echo(&tape, &(struct echo){1, false, router1, client1, ip_client1,
						     ip_client2, 64, 8});
		(void)add_echo(&tape, &(struct echo){2, true, client2, router2, ip_client1,
						     ip_client2, 64, 8});
	}
	tape.bytes[tape.count - 1][24] ^= 1; /* the header's checksum */
	follow(&tape, PROBE_PING);
	for (size_t i = 0; i < way.fault_count; i++)
		looks |= way.faults[i].looks;
	assert_int_equal(way.faults[0].step, WALK_TTL);
	assert_true((looks & (1U << LOOK_TTL)) != 0 && (looks & (1U << LOOK_CHECKSUM)) != 0);
}

static void copies_are_told_by_the_wire_that_they_are_on(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	(void)add_echo(&tape,
		       &(struct echo){2, true, client2, router2, ip_client1, ip_client2, 63, 8});
	finds(&tape, WALK_DUPLICATE, FRAME_FIELD_NONE);
	assert_int_equal(way.faults[0].looks, 1U << LOOK_DUPLICATE);

	record(&tape);
	(void)add_echo(&tape,
		       &(struct echo){1, true, client2, router1, ip_client1, ip_client2, 63, 8});
	finds(&tape, WALK_DUPLICATE, FRAME_FIELD_NONE);
	assert_int_equal(way.faults[0].looks, 1U << LOOK_DUPLICATE | 1U << LOOK_STRAY);

	record(&tape);
	tape.frames[CARRIED].wire = 0;
	cut(&tape, ASKED2);
	finds(&tape, WALK_FORWARD, FRAME_FIELD_NONE);
	assert_non_null(strstr(way.faults[0].sentence, "it must go onto net2"));
}

static void what_comes_late_is_not_in_time(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	for (size_t i = CARRIED; i < tape.count; i++)
		tape.frames[i].time += 2000 * MS;
	tape.now += 2000 * MS;
	finds(&tape, WALK_FORWARD, FRAME_FIELD_NONE);
	assert_non_null(strstr(way.faults[0].sentence, "after 2002 ms"));
}

static void a_target_that_says_nothing_is_the_arrivals_matter(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	cut(&tape, ASKED2);
	finds(&tape, WALK_ARRIVAL, FRAME_FIELD_NONE);
}

static void a_leg_that_nobody_listens_on_is_the_cause(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	hears[0] = 0;
	finds(&tape, WALK_LISTENING, FRAME_FIELD_NONE);
	assert_non_null(strstr(way.faults[0].sentence, "has a packet socket there"));
	deaf = 0x0300;
	finds(&tape, WALK_LISTENING, FRAME_FIELD_NONE);
	assert_non_null(strstr(way.faults[0].sentence, "of protocol 0x0300"));
	deaf = -1;
	hears[0] = HEARS_ALL;
	hears[1] = 0;
	finds(&tape, WALK_LISTENING, FRAME_FIELD_NONE);
	hears[1] = HEARS_ALL;
}

static void a_router_that_is_gone_is_told_where_something_is_missing(void **state)
{
	struct tape tape;

	(void)state;
	left = true;
	record(&tape);
	cut(&tape, ANSWERED1);
	finds(&tape, WALK_ARP_ANSWER, FRAME_FIELD_NONE);
	assert_true(says("; who listened there does so no more"));
	record(&tape);
	cut(&tape, ASKS2);
	finds(&tape, WALK_FORWARD, FRAME_FIELD_NONE);
	assert_true(says("; who listened there does so no more"));
	left = false;
}

/* Two packets of TCP, as NUMBERS has them, and what a router with threads makes of them: they
 * overtake each other. */
struct numbers {
	uint16_t acknowledged;
	uint16_t id;
};

static void overtake(const struct numbers numbers[2])
{
	struct tape tape;

	record(&tape);
	cut(&tape, REQUEST);
	for (int i = 0; i < 4; i++) {
		const struct numbers *these = &numbers[i == 1 || i == 2];
		uint8_t *bytes =
			add_echo(&tape, i < 2 ? &(struct echo){1, false, router1, client1,
							       ip_client1, ip_client2, 64, 8}
					      : &(struct echo){2, true, client2, router2,
							       ip_client1, ip_client2, 63, 8});

		make_tcp(bytes, these->acknowledged, these->id);
	}
	follow(&tape, PROBE_TCP);
	if (way.fault_count > 0 && way.faults[0].step != WALK_ARRIVAL)
		fail_msg("%s", way.faults[0].sentence);
	assert_int_equal(way.carried, 2);
}

/* Two acknowledgments may differ in nothing but what they acknowledge, or in their identification,
 * which some packets have not. */
static void packets_that_overtake_each_other_are_told_apart(void **state)
{
	(void)state;
	overtake((const struct numbers[]){{1000, 0}, {2000, 0}});
	overtake((const struct numbers[]){{1000, 4711}, {1000, 0}});
}

/* As a packet socket for 0x0800 does. */
static void who_does_not_hear_arp_is_told_so(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	cut(&tape, ANSWERED1);
	hears[0] = WALK_HEARS_IP;
	finds(&tape, WALK_ARP_ANSWER, FRAME_FIELD_NONE);
	assert_non_null(strstr(way.faults[0].sentence, "no packet socket is for ARP"));
	record(&tape);
	leave_out(&tape, CARRIED);
	cut(&tape, CARRIED);
	hears[0] = WALK_HEARS_ARP;
	finds(&tape, WALK_FORWARD, FRAME_FIELD_NONE);
	assert_non_null(strstr(way.faults[0].sentence, "is for IP"));
	hears[0] = HEARS_ALL;
}

static void a_packet_with_a_wrong_checksum_is_to_be_dropped(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	cut(&tape, ASKED2);
	tape.bytes[REQUEST][24] ^= 0xff;
	finds(&tape, WALK_CHECKSUM, FRAME_FIELD_CHECKSUM);
	cut(&tape, ASKS2);
	finds(&tape, WALK_NONE, FRAME_FIELD_NONE);
}

static bool has_fault(enum walk_step step, enum look_kind look)
{
	for (size_t i = 0; i < way.fault_count; i++)
		if (way.faults[i].step == step && (way.faults[i].looks & 1U << look) != 0)
			return true;
	return false;
}

/* Whether the sum or the change came first, its sum is wrong on the wire. */
static void a_changed_header_with_a_wrong_sum_has_both_faults(void **state)
{
	struct tape tape;

	(void)state;
	/* The sum is that of the header before the identification was changed. */
	record(&tape);
	tape.bytes[CARRIED][19] = 0;
	finds(&tape, WALK_PAYLOAD, FRAME_FIELD_ID);
	assert_true(way.faults[0].fatal);
	assert_true(has_fault(WALK_CHECKSUM, LOOK_CHECKSUM));
	/* It was never made new. */
	tape.bytes[CARRIED][24] ^= 0x55;
	finds(&tape, WALK_CHECKSUM, FRAME_FIELD_CHECKSUM);
	assert_string_equal(way.faults[0].rule, "RFC 1812 4.2.2.5");
	assert_true(has_fault(WALK_PAYLOAD, LOOK_PAYLOAD));
	assert_non_null(strstr(way.faults[0].sentence, "as its header checksum; it must be 0x"));
	assert_null(strstr(way.faults[0].sentence, "wrong"));
}

static void lengths_that_were_changed_are_told_as_they_stand(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	tape.bytes[CARRIED][14] = 0x46;
	put16(tape.bytes[CARRIED] + 24, 0);
	put16(tape.bytes[CARRIED] + 24, frame_checksum(0, tape.bytes[CARRIED] + 14, 24));
	finds(&tape, WALK_PAYLOAD, FRAME_FIELD_HEAD_SIZE);
	assert_true(says("24 bytes as its header length; it came with 20 bytes"));
	record(&tape);
	put16(tape.bytes[CARRIED] + 16, 28 + PAYLOAD + 14);
	mend_head(tape.bytes[CARRIED]);
	finds(&tape, WALK_PAYLOAD, FRAME_FIELD_LENGTH);
	assert_true(says("122 as its total length; it came with 108"));
}

/* Nothing that is only missing is held against a router where not all was captured. */
static void what_may_have_passed_unseen_is_no_fault(void **state)
{
	static const size_t ends[] = {ANSWERED1, ASKS2,	    SAYS2,    CARRIED,
				      ASKED2,	 ANSWERED2, DELIVERED};
	struct tape tape;

	(void)state;
	partial = true;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		record(&tape);
		cut(&tape, ends[i]);
		follow(&tape, PROBE_PING);
		if (way.fault_count > 0)
			fail_msg("%s", way.faults[0].sentence);
		assert_true(way.unsure);
	}
	cut(&tape, 0);
	follow(&tape, PROBE_PING);
	assert_int_equal(way.fault_count, 0);
	/* What a frame shows is one. */
	record(&tape);
	tape.bytes[CARRIED][22] = 64;
	mend(tape.bytes[CARRIED]);
	follow(&tape, PROBE_PING);
	partial = false;
	assert_int_equal(way.faults[0].step, WALK_TTL);
	assert_false(way.unsure);
}

static void what_lost_all_its_numbers_is_still_known(void **state)
{
	struct tape tape;

	(void)state;
	/* Of one byte, as a marker does not fit, and without an identifier. */
	record(&tape);
	cut(&tape, ASKED2);
	for (size_t i = REQUEST; i <= CARRIED; i += CARRIED - REQUEST) {
		put16(tape.bytes[i] + 16, 29);
		tape.frames[i].length = tape.frames[i].kept = 43;
		put16(tape.bytes[i] + 36, 0);
		if (i == CARRIED)
			put16(tape.bytes[i] + 38, 0);
		mend_head(tape.bytes[i]);
		put16(tape.bytes[i] + 36, frame_checksum(0, tape.bytes[i] + 34, 9));
	}
	finds(&tape, WALK_PAYLOAD, FRAME_FIELD_ICMP_ID);
	/* Zeroed behind the header. */
	record(&tape);
	memset(tape.bytes[CARRIED] + 34, 0, 8 + PAYLOAD);
	finds(&tape, WALK_PAYLOAD, FRAME_FIELD_ICMP_TYPE);
	assert_int_equal(way.carried, 1);
	/* Beside one that is right it is none of that. */
	record(&tape);
	memset(add_echo(&tape,
			&(struct echo){2, true, client2, router2, ip_client1, ip_client2, 63, 8}) +
		       34,
	       0, 8 + PAYLOAD);
	finds(&tape, WALK_NONE, FRAME_FIELD_NONE);
}

/* A TTL that was kept keeps nothing from arriving. */
static void what_keeps_a_packet_from_arriving_is_told_from_what_does_not(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	tape.bytes[CARRIED][22] = 64;
	mend(tape.bytes[CARRIED]);
	follow(&tape, PROBE_PING);
	assert_int_equal(first_fault(true), WALK_NONE);
	(void)add_echo(&tape,
		       &(struct echo){1, false, router1, client1, ip_client1, ip_client2, 64, 8});
	finds(&tape, WALK_TTL, FRAME_FIELD_TTL);
	assert_int_equal(first_fault(true), WALK_FORWARD);
	/* Nor is who was reached and does not answer hidden by it. */
	cut(&tape, ASKED2);
	finds(&tape, WALK_TTL, FRAME_FIELD_TTL);
	assert_int_equal(first_fault(true), WALK_ARRIVAL);
}

/* Two legs listened on, two questions by ARP and their answers, and two packets: all is shown. */
static void the_whole_way_and_what_is_wrong_at_its_end_are_stops(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	finds(&tape, WALK_NONE, FRAME_FIELD_NONE);
	assert_int_equal(way.stop_count, 18);
	tape.bytes[DELIVERED][90] ^= 1;
	finds(&tape, WALK_PAYLOAD, FRAME_FIELD_PAYLOAD);
	assert_int_equal(way.stop_count, 18);
	assert_string_equal(way.stops[0].text, "somebody listens on net1");
}

static void the_longest_that_a_packet_was_kept_is_noted(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	for (size_t i = CARRIED; i < tape.count; i++)
		tape.frames[i].time += 600 * MS;
	tape.frames[DELIVERED].time += 700 * MS;
	tape.now += 2000 * MS;
	finds(&tape, WALK_NONE, FRAME_FIELD_NONE);
	assert_int_equal(way.took[0], 602 * MS); /* without what ARP took */
	assert_int_equal(way.took[1], 701 * MS);
	assert_int_equal(way.slowest[0], CARRIED);
	assert_int_equal(way.slowest[1], DELIVERED);
	/* What it may still be keeping when the capture ends is not lost yet. */
	tape.now = tape.frames[REPLY].time + 500 * MS - 3000 * MS;
	cut(&tape, DELIVERED);
	finds(&tape, WALK_NONE, FRAME_FIELD_NONE);
	assert_int_equal(way.took[1], 500 * MS);
	assert_int_equal(way.slowest[1], REPLY);
	/* Of one that was quick with all others it is. */
	record(&tape);
	cut(&tape, DELIVERED);
	tape.now = tape.frames[REPLY].time + 500 * MS - 3000 * MS;
	finds(&tape, WALK_FORWARD, FRAME_FIELD_NONE);
}

/* A fragment waits for others in vain; and a switch hands no such frame on. */
static void what_keeps_a_changed_packet_from_arriving_is_fatal(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		bool fatal;
	} changes[] = {
		{20, 0x00, false}, /* DF cleared */
		{20, 0x60, true},  /* more fragments */
		{21, 0x40, true},  /* an offset, of DF in the other byte order */
		{19, 0x00, false}, /* identification */
		{8, 7, false},	   /* another source in its Ethernet header */
		{6, 0x01, true},   /* of many */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		struct tape tape;

		record(&tape);
		tape.bytes[CARRIED][changes[i].at] = changes[i].value;
		mend(tape.bytes[CARRIED]);
		follow(&tape, PROBE_PING);
		assert_int_equal(way.fault_count, 1);
		assert_int_equal(way.faults[0].fatal, changes[i].fatal);
	}
	/* Nobody's, and whose it is for. */
	for (int i = 0; i < 2; i++) {
		struct tape tape;

		record(&tape);
		memcpy(tape.bytes[CARRIED] + 6, i == 0 ? nobody : client2, 6);
		follow(&tape, PROBE_PING);
		assert_int_equal(way.faults[0].field, FRAME_FIELD_SOURCE_MAC);
		assert_true(way.faults[0].fatal);
	}
}

/* A wire may have a delay, which ARP meets twice. */
static void what_arp_took_is_not_the_routers_time(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	for (size_t i = SAYS2; i < RIGHT; i++)
		tape.frames[i].time += 1500 * MS;
	tape.now += 1500 * MS;
	finds(&tape, WALK_NONE, FRAME_FIELD_NONE);
	assert_int_equal(way.took[0], 2 * MS);
	/* It has not asked in all that time. */
	tape.frames[ASKS2].time += 1400 * MS;
	finds(&tape, WALK_FORWARD, FRAME_FIELD_NONE);
}

static void a_packet_without_an_ethernet_header_is_known(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	cut(&tape, ASKED2);
	memmove(tape.bytes[CARRIED], tape.bytes[CARRIED] + 14, 28 + PAYLOAD);
	tape.frames[CARRIED].length = tape.frames[CARRIED].kept = 28 + PAYLOAD;
	finds(&tape, WALK_ETHERNET, FRAME_FIELD_TARGET_MAC);
	assert_true(says("without an Ethernet header"));
	/* One that has no payload by which it is known. */
	record(&tape);
	cut(&tape, ASKED2);
	make_tcp(tape.bytes[REQUEST], 1000, 4711);
	make_tcp(tape.bytes[CARRIED], 1000, 4711);
	memmove(tape.bytes[CARRIED], tape.bytes[CARRIED] + 14, 28 + PAYLOAD);
	tape.frames[CARRIED].length = tape.frames[CARRIED].kept = 28 + PAYLOAD;
	follow(&tape, PROBE_TCP);
	assert_int_equal(way.carried, 1);
	assert_true(says("without an Ethernet header"));
}

/* It is told of one of them, and they are no copies of each other. */
static void pieces_of_a_packet_are_no_duplicates(void **state)
{
	struct tape tape;
	uint8_t *bytes;

	(void)state;
	record(&tape);
	cut(&tape, ASKED2);
	put16(tape.bytes[CARRIED] + 20, 0x2000);
	mend(tape.bytes[CARRIED]);
	bytes = add_echo(&tape,
			 &(struct echo){2, true, client2, router2, ip_client1, ip_client2, 63, 8});
	put16(bytes + 20, 0x0005);
	mend(bytes);
	follow(&tape, PROBE_PING);
	for (size_t i = 0; i < way.fault_count; i++)
		assert_int_not_equal(way.faults[i].step, WALK_DUPLICATE);
	assert_true(way.fault_count > 0);
}

/* As well as it carries it. */
static void who_answers_for_another_is_told_beside_the_copy(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	cut(&tape, ASKED2);
	(void)add_echo(&tape,
		       &(struct echo){1, true, client1, router1, ip_client2, ip_client1, 64, 0});
	finds(&tape, WALK_DUPLICATE, FRAME_FIELD_ICMP_TYPE);
	assert_true(says("the router answered client1's packet itself as well"));
}

/* A packet socket for 0x0800 is told PACKET_OTHERHOST; a crash later explains nothing. */
static void what_a_socket_is_told_and_when_it_left_is_said(void **state)
{
	struct tape tape;

	(void)state;
	hears[0] = WALK_HEARS_ARP | WALK_HEARS_IP;
	record(&tape);
	cut(&tape, ASKS2);
	finds(&tape, WALK_FORWARD, FRAME_FIELD_NONE);
	assert_true(says("told PACKET_OTHERHOST of all that comes"));
	hears[0] = HEARS_ALL;
	left = true;
	record(&tape);
	leave_out(&tape, CARRIED);
	cut(&tape, DELIVERED - 1);
	finds(&tape, WALK_FORWARD, FRAME_FIELD_NONE);
	assert_null(strstr(way.faults[0].sentence, "does so no more"));
	left = false;
}

/* Each frame has memory of its own, so that a read past it is seen. */
static void garbage_is_looked_at_without_harm(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct tape tape;
		uint8_t *exact[RIGHT];

		record(&tape);
		for (int i = 0; i < 10; i++) {
			seed = seed * 1664525 + 1013904223;
			tape.bytes[(seed >> 24) % RIGHT][seed >> 8 & 0x7f] ^= (uint8_t)(seed >> 16);
			if (i % 3 == 0)
				tape.frames[(seed >> 20) % RIGHT].kept = (seed >> 3) % 123;
		}
		for (size_t i = 0; i < RIGHT; i++) {
			exact[i] = malloc(tape.frames[i].kept + 1);
			assert_non_null(exact[i]);
			memcpy(exact[i] + 1, tape.bytes[i], tape.frames[i].kept);
			tape.frames[i].bytes = exact[i] + 1;
		}
		follow(&tape, round % 2 == 0 ? PROBE_PING : PROBE_UDP);
		for (size_t i = 0; i < RIGHT; i++)
			free(exact[i]);
		assert_true(way.fault_count <= WALK_FAULTS_MAX);
		assert_true(way.stop_count <= WALK_STOPS_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_right_has_no_fault),
		cmocka_unit_test(each_field_that_is_forwarded_wrong_is_named),
		cmocka_unit_test(a_replaced_address_is_the_cause_and_not_the_checksum_over_it),
		cmocka_unit_test(a_packet_that_is_cut_or_has_padding_is_told_apart),
		cmocka_unit_test(many_faults_of_one_kind_hide_none_of_another),
		cmocka_unit_test(copies_are_told_by_the_wire_that_they_are_on),
		cmocka_unit_test(what_comes_late_is_not_in_time),
		cmocka_unit_test(a_target_that_says_nothing_is_the_arrivals_matter),
		cmocka_unit_test(a_leg_that_nobody_listens_on_is_the_cause),
		cmocka_unit_test(a_router_that_is_gone_is_told_where_something_is_missing),
		cmocka_unit_test(packets_that_overtake_each_other_are_told_apart),
		cmocka_unit_test(who_does_not_hear_arp_is_told_so),
		cmocka_unit_test(a_packet_with_a_wrong_checksum_is_to_be_dropped),
		cmocka_unit_test(a_changed_header_with_a_wrong_sum_has_both_faults),
		cmocka_unit_test(lengths_that_were_changed_are_told_as_they_stand),
		cmocka_unit_test(what_may_have_passed_unseen_is_no_fault),
		cmocka_unit_test(what_lost_all_its_numbers_is_still_known),
		cmocka_unit_test(what_keeps_a_packet_from_arriving_is_told_from_what_does_not),
		cmocka_unit_test(the_whole_way_and_what_is_wrong_at_its_end_are_stops),
		cmocka_unit_test(the_longest_that_a_packet_was_kept_is_noted),
		cmocka_unit_test(garbage_is_looked_at_without_harm),
		cmocka_unit_test(what_keeps_a_changed_packet_from_arriving_is_fatal),
		cmocka_unit_test(what_arp_took_is_not_the_routers_time),
		cmocka_unit_test(a_packet_without_an_ethernet_header_is_known),
		cmocka_unit_test(pieces_of_a_packet_are_no_duplicates),
		cmocka_unit_test(who_answers_for_another_is_told_beside_the_copy),
		cmocka_unit_test(what_a_socket_is_told_and_when_it_left_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
