/* What a router says itself, told from frames: answers to echo requests, and ICMP errors. */
#include "tape.h"

static void an_echo_of_the_routers_own_is_compared_with_the_question(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		enum walk_step step;
		enum frame_field field;
	} changes[] = {
		{39, ID, WALK_NONE, FRAME_FIELD_NONE},
		{39, 0, WALK_PAYLOAD, FRAME_FIELD_ICMP_ID},
		{41, 0, WALK_PAYLOAD, FRAME_FIELD_ICMP_SEQUENCE},
		{90, 0, WALK_PAYLOAD, FRAME_FIELD_PAYLOAD},
		{29, 7, WALK_PAYLOAD, FRAME_FIELD_SOURCE},
	};

	(void)state;
	memcpy(asked, ip_router1, 4);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		struct tape tape;

		record(&tape);
		cut(&tape, REQUEST);
		(void)add_echo(&tape, &(struct echo){1, false, router1, client1, ip_client1,
						     ip_router1, 64, 8});
		(void)add_echo(&tape, &(struct echo){1, true, client1, router1, ip_router1,
						     ip_client1, 64, 0});
		tape.bytes[REQUEST + 1][changes[i].at] = changes[i].value;
		mend(tape.bytes[REQUEST + 1]);
		finds(&tape, changes[i].step, changes[i].field);
		assert_int_equal(way.answered, 1);
		cut(&tape, REQUEST + 1);
		finds(&tape, WALK_FORWARD, FRAME_FIELD_NONE);
	}
	memcpy(asked, ip_client2, 4);
}

/* An ICMP error of TYPE and CODE that quotes the frame at REQUEST, the header and SIZE bytes. */
static uint8_t *add_error(struct tape *tape, uint8_t type, uint8_t code, size_t size)
{
	const uint8_t *quoted = tape->bytes[REQUEST] + 14;
	uint8_t *bytes = add(tape, 1, true, 42 + 20 + size);

	memset(bytes, 0, 42);
	put_ethernet(bytes, client1, router1, 0x0800);
	bytes[14] = 0x45;
	put16(bytes + 16, (uint16_t)(48 + size));
	bytes[22] = 64;
	bytes[23] = 1;
	memcpy(bytes + 26, ip_router1, 4);
	memcpy(bytes + 30, ip_client1, 4);
	bytes[34] = type;
	bytes[35] = code;
	memcpy(bytes + 42, quoted, 20 + size);
	put16(bytes + 24, frame_checksum(0, bytes + 14, 20));
	put16(bytes + 36, frame_checksum(0, bytes + 34, 28 + size));
	return bytes;
}

static void record_expired(struct tape *tape)
{
	record(tape);
	cut(tape, ASKS2);
	tape->bytes[REQUEST][22] = 1;
	mend(tape->bytes[REQUEST]);
}

static void an_icmp_error_is_asked_for_and_compared(void **state)
{
	struct tape tape;

	(void)state;
	expected = EXPECT_ICMP;
	record_expired(&tape);
	finds(&tape, WALK_FORWARD, FRAME_FIELD_NONE);
	(void)add_error(&tape, 11, 0, 8);
	finds(&tape, WALK_NONE, FRAME_FIELD_NONE);
	assert_int_equal(way.answered, 1);
	record_expired(&tape);
	(void)add_error(&tape, 11, 1, 8);
	finds(&tape, WALK_PAYLOAD, FRAME_FIELD_ICMP_TYPE);
	record_expired(&tape);
	(void)add_error(&tape, 11, 0, 4);
	finds(&tape, WALK_PAYLOAD, FRAME_FIELD_PAYLOAD);
	record_expired(&tape);
	put16(add_error(&tape, 11, 0, 8) + 36, 0);
	finds(&tape, WALK_CHECKSUM, FRAME_FIELD_UPPER_CHECKSUM);
	/* It is forwarded all the same. */
	record_expired(&tape);
	(void)add_echo(&tape,
		       &(struct echo){2, true, client2, router2, ip_client1, ip_client2, 0, 8});
	finds(&tape, WALK_TTL, FRAME_FIELD_TTL);
	expected = EXPECT_REPLY;
}

/* As of a ping of one byte, where the router forgets the identifier and says all twice. */
static void an_answer_that_nothing_tells_of_is_known_each_time(void **state)
{
	struct tape tape;
	unsigned looks = 0;

	(void)state;
	memcpy(asked, ip_router1, 4);
	record(&tape);
	cut(&tape, REQUEST);
	for (int i = 0; i < 3; i++) {
		uint8_t *bytes =
			add_echo(&tape, i == 0 ? &(struct echo){1, false, router1, client1,
								ip_client1, ip_router1, 64, 8}
					       : &(struct echo){1, true, client1, router1,
								ip_router1, ip_client1, 64, 0});

		tape.frames[REQUEST + i].length = tape.frames[REQUEST + i].kept = 43;
		put16(bytes + 16, 29);
		put16(bytes + 18, (uint16_t)i);
		put16(bytes + 38, i == 0 ? ID : 0);
		mend_head(bytes);
		put16(bytes + 36, 0);
		put16(bytes + 36, frame_checksum(0, bytes + 34, 9));
	}
	finds(&tape, WALK_PAYLOAD, FRAME_FIELD_ICMP_ID);
	memcpy(asked, ip_client2, 4);
	for (size_t i = 0; i < way.fault_count; i++)
		looks |= way.faults[i].looks;
	assert_true((looks & 1U << LOOK_DUPLICATE) != 0);
}

static void the_subject_of_what_the_router_says_is_the_router(void **state)
{
	struct tape tape;

	(void)state;
	memcpy(asked, ip_router1, 4);
	record(&tape);
	cut(&tape, REQUEST);
	(void)add_echo(&tape,
		       &(struct echo){1, false, router1, client1, ip_client1, ip_router1, 64, 8});
	(void)add_echo(&tape,
		       &(struct echo){1, true, client1, router1, ip_router1, ip_client1, 64, 0});
	put16(tape.bytes[REQUEST + 1] + 38, 0);
	mend(tape.bytes[REQUEST + 1]);
	finds(&tape, WALK_PAYLOAD, FRAME_FIELD_ICMP_ID);
	assert_true(says("the router's answer to client1's echo request left on net1"));
	assert_string_equal(way.faults[0].rule, "RFC 1812 4.3.3.6");
	/* It goes onto another wire too. */
	put16(tape.bytes[REQUEST + 1] + 38, ID);
	mend(tape.bytes[REQUEST + 1]);
	(void)add_echo(&tape,
		       &(struct echo){2, true, client1, router1, ip_router1, ip_client1, 64, 0});
	finds(&tape, WALK_DUPLICATE, FRAME_FIELD_NONE);
	assert_true(
		says("a copy of the router's answer to client1's echo request was put onto net2"));
	cut(&tape, REQUEST + 2);
	put16(tape.bytes[REQUEST + 1] + 38, 0);
	mend(tape.bytes[REQUEST + 1]);
	/* It goes to where nobody asked. */
	tape.frames[REQUEST + 1].wire = 1;
	finds(&tape, WALK_FORWARD, FRAME_FIELD_NONE);
	assert_true(says("was put onto net2; it must go onto net1"));
	memcpy(asked, ip_client2, 4);
}

static void an_icmp_error_is_said_once_by_the_leg_that_it_leaves_by(void **state)
{
	struct tape tape;
	uint8_t *bytes;

	(void)state;
	expected = EXPECT_ICMP;
	record_expired(&tape);
	(void)add_error(&tape, 11, 0, 8);
	finds(&tape, WALK_NONE, FRAME_FIELD_NONE);
	assert_true((way.judged & 1U << LOOK_DUPLICATE) != 0 &&
		    (way.judged & 1U << LOOK_STRAY) != 0);
	(void)add_error(&tape, 11, 0, 8);
	finds(&tape, WALK_DUPLICATE, FRAME_FIELD_NONE);
	assert_true(says("the router's ICMP error about client1's packet was put onto net1 once"));
	/* By another leg. */
	cut(&tape, REQUEST + 2);
	tape.frames[REQUEST + 1].wire = 1;
	finds(&tape, WALK_FORWARD, FRAME_FIELD_NONE);
	assert_true(says("was put onto net2; it must go onto net1"));
	/* In the name of another leg. */
	record_expired(&tape);
	bytes = add_error(&tape, 11, 0, 8);
	memcpy(bytes + 26, ip_router2, 4);
	mend_head(bytes);
	finds(&tape, WALK_PAYLOAD, FRAME_FIELD_SOURCE);
	assert_string_equal(way.faults[0].rule, "RFC 1812 4.3.2.4");
	/* Of what it quotes not enough. */
	record_expired(&tape);
	(void)add_error(&tape, 11, 0, 4);
	finds(&tape, WALK_PAYLOAD, FRAME_FIELD_PAYLOAD);
	assert_string_equal(way.faults[0].rule, "RFC 1812 4.3.2.3");
	expected = EXPECT_REPLY;
}

/* To whom nobody on a net is, there is no way either. */
static void a_packet_that_nobody_is_for_may_be_dropped_or_refused(void **state)
{
	static const uint8_t nowhere[] = {2, 2, 2, 99};
	struct tape tape;

	(void)state;
	memcpy(asked, nowhere, 4);
	record(&tape);
	cut(&tape, REQUEST);
	(void)add_echo(&tape,
		       &(struct echo){1, false, router1, client1, ip_client1, nowhere, 64, 8});
	finds(&tape, WALK_NONE, FRAME_FIELD_NONE);
	assert_string_equal(way.stops[way.stop_count - 1].text,
			    "the router drops it, and says nothing");
	(void)add_error(&tape, 3, 1, 8);
	finds(&tape, WALK_NONE, FRAME_FIELD_NONE);
	assert_int_equal(way.answered, 1);
	memcpy(asked, ip_client2, 4);
}

/* client2 refuses a packet; the router carries that back. */
static void an_icmp_error_of_a_clients_is_a_packet_like_others(void **state)
{
	struct tape tape;

	(void)state;
	expected = EXPECT_ICMP;
	record(&tape);
	cut(&tape, REPLY);
	for (int carried = 0; carried < 2; carried++) {
		uint8_t *bytes = add_error(&tape, 3, 3, 8);
		const size_t at = tape.count - 1;

		memcpy(bytes, carried ? client1 : router2, 6);
		memcpy(bytes + 6, carried ? router1 : client2, 6);
		memcpy(bytes + 26, ip_client2, 4);
		bytes[22] = carried ? 63 : 64;
		mend_head(bytes);
		tape.frames[at].sent = carried;
		tape.frames[at].wire = carried ? 0 : 1;
	}
	finds(&tape, WALK_NONE, FRAME_FIELD_NONE);
	assert_int_equal(way.returned, 1);
	assert_int_equal(way.delivered, 1);
	assert_int_equal(way.answered, 0);
	expected = EXPECT_REPLY;
}

/* client1 pings the router's own address, and is answered. */
static uint8_t *record_own_echo(struct tape *tape)
{
	record(tape);
	cut(tape, REQUEST);
	(void)add_echo(tape,
		       &(struct echo){1, false, router1, client1, ip_client1, ip_router1, 64, 8});
	return add_echo(tape,
			&(struct echo){1, true, client1, router1, ip_router1, ip_client1, 64, 0});
}

/* What its target does not take. */
static void an_answer_that_no_host_takes_is_the_cause(void **state)
{
	struct tape tape;
	uint8_t *bytes;

	(void)state;
	memcpy(asked, ip_router1, 4);
	bytes = record_own_echo(&tape);
	put16(bytes + 16, 28 + PAYLOAD + 14);
	mend_head(bytes);
	finds(&tape, WALK_PAYLOAD, FRAME_FIELD_LENGTH);
	assert_int_equal(first_fault(true), WALK_PAYLOAD);
	assert_true(says("with 122 as its total length; it must be 108"));
	bytes = record_own_echo(&tape);
	put16(bytes + 20, 0x2000); /* more fragments */
	mend_head(bytes);
	finds(&tape, WALK_PAYLOAD, FRAME_FIELD_FRAGMENT);
	assert_int_equal(first_fault(true), WALK_PAYLOAD);
	bytes = record_own_echo(&tape);
	bytes[23] = 2;
	mend_head(bytes);
	finds(&tape, WALK_PAYLOAD, FRAME_FIELD_PROTOCOL);
	bytes = record_own_echo(&tape);
	bytes[35] = 7; /* the code */
	mend(bytes);
	finds(&tape, WALK_PAYLOAD, FRAME_FIELD_ICMP_TYPE);
	assert_true(says("0/0, of an echo reply"));
	bytes = record_own_echo(&tape);
	bytes[22] = 0;
	mend(bytes);
	finds(&tape, WALK_TTL, FRAME_FIELD_TTL);
	assert_string_equal(way.faults[0].rule, "RFC 1812 4.2.2.9");
	memcpy(asked, ip_client2, 4);
}

/* All of the header that it is about, but for what the router had changed already. */
static void the_header_that_an_error_quotes_is_compared(void **state)
{
	static const struct {
		size_t at;
		enum walk_step step;
	} changes[] = {
		{2, WALK_PAYLOAD},  {4, WALK_PAYLOAD},	{6, WALK_PAYLOAD},
		{8, WALK_NONE},	    {10, WALK_NONE},	{11, WALK_NONE},
		{12, WALK_PAYLOAD}, {19, WALK_PAYLOAD}, {20, WALK_PAYLOAD},
	};

	(void)state;
	expected = EXPECT_ICMP;
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		struct tape tape;
		uint8_t *bytes;

		record_expired(&tape);
		bytes = add_error(&tape, 11, 0, 8);
		bytes[42 + changes[i].at] ^= 1;
		put16(bytes + 36, 0);
		put16(bytes + 36, frame_checksum(0, bytes + 34, 36));
		finds(&tape, changes[i].step,
		      changes[i].step == WALK_NONE ? FRAME_FIELD_NONE : FRAME_FIELD_PAYLOAD);
	}
	expected = EXPECT_REPLY;
}

/* The sum of the error, and not of what it is about. */
static void the_checksum_of_an_error_is_icmps(void **state)
{
	struct tape tape;

	(void)state;
	expected = EXPECT_ICMP;
	record_expired(&tape);
	make_udp(tape.bytes[REQUEST]);
	put16(add_error(&tape, 11, 0, 8) + 36, 0);
	follow(&tape, PROBE_UDP);
	expected = EXPECT_REPLY;
	assert_true(way.fault_count > 0);
	assert_int_equal(way.faults[0].field, FRAME_FIELD_UPPER_CHECKSUM);
	assert_string_equal(way.faults[0].rule, "RFC 792");
}

/* Linux asks three times by ARP first, a second apart. */
static void who_is_sought_in_vain_may_be_unreachable_late(void **state)
{
	static const uint8_t nowhere[] = {2, 2, 2, 99};
	struct tape tape;

	(void)state;
	memcpy(asked, nowhere, 4);
	record(&tape);
	cut(&tape, REQUEST);
	(void)add_echo(&tape,
		       &(struct echo){1, false, router1, client1, ip_client1, nowhere, 64, 8});
	tape.now += 3000 * MS;
	(void)add_error(&tape, 3, 1, 8);
	finds(&tape, WALK_NONE, FRAME_FIELD_NONE);
	memcpy(asked, ip_client2, 4);
}

static void an_error_that_quotes_nothing_is_known(void **state)
{
	struct tape tape;
	uint8_t *bytes;

	(void)state;
	expected = EXPECT_ICMP;
	record_expired(&tape);
	bytes = add_error(&tape, 11, 0, 8);
	tape.frames[REQUEST + 1].length = tape.frames[REQUEST + 1].kept = 42;
	put16(bytes + 16, 28);
	mend_head(bytes);
	put16(bytes + 36, 0);
	put16(bytes + 36, frame_checksum(0, bytes + 34, 8));
	finds(&tape, WALK_PAYLOAD, FRAME_FIELD_PAYLOAD);
	assert_true(says("quotes 0 bytes behind its header"));
	expected = EXPECT_REPLY;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_echo_of_the_routers_own_is_compared_with_the_question),
		cmocka_unit_test(an_icmp_error_is_asked_for_and_compared),
		cmocka_unit_test(an_answer_that_nothing_tells_of_is_known_each_time),
		cmocka_unit_test(the_subject_of_what_the_router_says_is_the_router),
		cmocka_unit_test(an_icmp_error_is_said_once_by_the_leg_that_it_leaves_by),
		cmocka_unit_test(a_packet_that_nobody_is_for_may_be_dropped_or_refused),
		cmocka_unit_test(an_icmp_error_of_a_clients_is_a_packet_like_others),
		cmocka_unit_test(an_answer_that_no_host_takes_is_the_cause),
		cmocka_unit_test(the_header_that_an_error_quotes_is_compared),
		cmocka_unit_test(the_checksum_of_an_error_is_icmps),
		cmocka_unit_test(who_is_sought_in_vain_may_be_unreachable_late),
		cmocka_unit_test(an_error_that_quotes_nothing_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
