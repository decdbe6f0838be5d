/* ARP, told from frames: what is answered, and what the router asks itself. */
#include "tape.h"

static void arp_answers_are_judged_field_by_field(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		enum frame_field field;
	} changes[] = {
		{21, 1, FRAME_FIELD_ARP_OPERATION},  {31, 9, FRAME_FIELD_ARP_SENDER},
		{27, 9, FRAME_FIELD_NONE},	     {22, 3, FRAME_FIELD_ARP_SENDER_MAC},
		{5, 9, FRAME_FIELD_TARGET_MAC},	     {41, 9, FRAME_FIELD_ARP_TARGET},
		{37, 9, FRAME_FIELD_ARP_TARGET_MAC},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		struct tape tape;

		record(&tape);
		tape.bytes[ANSWERED1][changes[i].at] = changes[i].value;
		if (changes[i].at == 27) { /* an Ethernet address of the router's own making */
			finds(&tape, WALK_NONE, FRAME_FIELD_NONE);
			continue;
		}
		finds(&tape, WALK_ARP_ANSWER, changes[i].field);
	}
}

static void arp_that_is_not_answered_or_late_is_the_cause(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	cut(&tape, ANSWERED1);
	finds(&tape, WALK_ARP_ANSWER, FRAME_FIELD_NONE);

	record(&tape);
	for (size_t i = ANSWERED1; i < tape.count; i++)
		tape.frames[i].time += 2000 * MS;
	tape.now += 2000 * MS;
	finds(&tape, WALK_ARP_ANSWER, FRAME_FIELD_NONE);

	record(&tape);
	leave_out(&tape, ANSWERED2);
	cut(&tape, ANSWERED2);
	finds(&tape, WALK_ARP_ANSWER, FRAME_FIELD_NONE);
}

static void the_routers_own_arp_question_is_judged_where_it_forwards_nothing(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	cut(&tape, SAYS2);
	memset(tape.bytes[ASKS2], 0, 6);
	finds(&tape, WALK_ARP_QUESTION, FRAME_FIELD_TARGET_MAC);

	record(&tape);
	cut(&tape, CARRIED);
	finds(&tape, WALK_FORWARD, FRAME_FIELD_NONE);
	assert_non_null(strstr(way.faults[0].sentence, "though its ARP question was answered"));

	record(&tape);
	cut(&tape, ASKS2);
	finds(&tape, WALK_FORWARD, FRAME_FIELD_NONE);
	assert_non_null(strstr(way.faults[0].sentence, "no ARP question either"));
}

static void ask_client1_three_times(struct tape *tape, const uint8_t *to)
{
	tape->now += 100 * MS;
	for (int i = 0; i < 3; i++)
		(void)add_arp(tape, &(struct arp){1, true, 1, to, router1, router1, ip_router1,
						  nobody, ip_client1});
}

static void who_asks_again_for_what_is_known_is_told(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	ask_client1_three_times(&tape, everybody);
	memcpy(asked, ip_router1, 4);
	follow(&tape, PROBE_ARP);
	assert_int_equal(way.fault_count, 0); /* client1 has not answered one yet */
	(void)add_arp(&tape, &(struct arp){1, false, 2, router1, client1, client1, ip_client1,
					   router1, ip_router1});
	ask_client1_three_times(&tape, everybody);
	follow(&tape, PROBE_ARP);
	assert_int_equal(way.fault_count, 0); /* a router that is slow has not read it yet */
	(void)add_echo(&tape,
		       &(struct echo){1, true, client1, router1, ip_client2, ip_client1, 63, 0});
	ask_client1_three_times(&tape, client1);
	follow(&tape, PROBE_ARP);
	assert_int_equal(way.fault_count, 0); /* it may ask whether client1 is still there */
	ask_client1_three_times(&tape, everybody);
	follow(&tape, PROBE_ARP);
	memcpy(asked, ip_client2, 4);
	assert_int_equal(way.fault_count, 1);
	assert_int_equal(way.faults[0].step, WALK_ARP_QUESTION);
}

/* What was under way when the answer came, and one or two that were lost. */
static void a_few_questions_more_are_no_fault(void **state)
{
	const struct arp answer = {1,	    false,	2,	 router1,   client1,
				   client1, ip_client1, router1, ip_router1};
	const struct arp question = {1,	      true,	  1,	  everybody, router1,
				     router1, ip_router1, nobody, ip_client1};
	struct tape tape;

	(void)state;
	memcpy(asked, ip_router1, 4);
	for (int late = 0; late < 2; late++) {
		record(&tape);
		(void)add_arp(&tape, &answer);
		(void)add_echo(&tape, &(struct echo){1, true, client1, router1, ip_client2,
						     ip_client1, 63, 0});
		tape.now += late ? 100 * MS : 10 * MS;
		for (int i = 0; i < (late ? 2 : 5); i++)
			(void)add_arp(&tape, &question);
		follow(&tape, PROBE_ARP);
		assert_int_equal(way.fault_count, 0);
	}
	memcpy(asked, ip_client2, 4);
}

static void an_answer_for_another_address_is_a_fault(void **state)
{
	static const uint8_t stranger[] = {1, 1, 1, 99};
	struct tape tape = {.now = START};

	(void)state;
	(void)add_arp(&tape, &(struct arp){1, false, 1, everybody, client1, client1, ip_client1,
					   nobody, stranger});
	memcpy(asked, stranger, 4);
	follow(&tape, PROBE_ARP);
	assert_int_equal(way.fault_count, 0);
	(void)add_arp(&tape, &(struct arp){1, true, 2, client1, router1, router1, stranger, client1,
					   ip_client1});
	follow(&tape, PROBE_ARP);
	memcpy(asked, ip_client2, 4);
	assert_int_equal(way.fault_count, 1);
	assert_int_equal(way.faults[0].step, WALK_ARP_ANSWER);
	assert_int_equal(way.strays, 1);
}

/* Puts a frame before that at AT. */
static void put_before(struct tape *tape, size_t at, const struct arp *arp)
{
	struct capture_frame last;

	(void)add_arp(tape, arp);
	last = tape->frames[tape->count - 1];
	memmove(&tape->frames[at + 1], &tape->frames[at],
		(tape->count - 1 - at) * sizeof(tape->frames[0]));
	last.time = tape->frames[at + 1].time;
	tape->frames[at] = last;
}

/* RFC 1122 2.3.2.1 has unicast questions, RFC 826 does not care for the target's Ethernet address,
 * and RFC 5227 has announcements in either operation. */
static void questions_and_announcements_of_the_routers_own_are_no_answers(void **state)
{
	const struct arp others[] = {
		{1, true, 1, client1, router1, router1, ip_router1, nobody, ip_client1},
		{1, true, 1, client1, router1, router1, ip_router1, router1, ip_client1},
		{1, true, 1, everybody, router1, router1, ip_router1, router1, ip_client1},
		{1, true, 2, everybody, router1, router1, ip_router1, everybody, ip_router1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct tape tape;

		record(&tape);
		put_before(&tape, ANSWERED1, &others[i]);
		finds(&tape, WALK_NONE, FRAME_FIELD_NONE);
		memcpy(asked, ip_router1, 4);
		follow(&tape, PROBE_ARP);
		memcpy(asked, ip_client2, 4);
		assert_int_equal(way.fault_count, 0);
		/* Alone they are none either. */
		leave_out(&tape, ANSWERED1 + 1);
		cut(&tape, ANSWERED1 + 1);
		finds(&tape, WALK_ARP_ANSWER, FRAME_FIELD_NONE);
		assert_true(says("nobody answers"));
	}
}

static void the_ethernet_source_of_an_answer_is_the_routers(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	memcpy(tape.bytes[ANSWERED1] + 6, client1, 6);
	finds(&tape, WALK_ARP_ANSWER, FRAME_FIELD_SOURCE_MAC);
	assert_int_equal(way.faults[0].looks, 1U << LOOK_ARP | 1U << LOOK_ETHERNET);
	assert_int_equal(first_fault(true), WALK_NONE); /* client1's packets came all the same */
	memcpy(asked, ip_router1, 4);
	follow(&tape, PROBE_ARP);
	memcpy(asked, ip_client2, 4);
	assert_true((way.judged & 1U << LOOK_ETHERNET) != 0);
}

/* As of a router that copies all that it sees. */
static void a_copy_of_the_question_on_another_wire_is_no_answer(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	cut(&tape, ANSWERED1);
	(void)add_arp(&tape, &(struct arp){2, true, 1, everybody, client1, client1, ip_client1,
					   nobody, ip_router1});
	finds(&tape, WALK_ARP_ANSWER, FRAME_FIELD_NONE);
	assert_true(says("nobody answers"));
	/* An answer there is one, on the wrong wire. */
	(void)add_arp(&tape, &(struct arp){2, true, 2, client1, router1, router1, ip_router1,
					   client1, ip_client1});
	finds(&tape, WALK_ARP_ANSWER, FRAME_FIELD_NONE);
	assert_true(says("went out on net2; it must go out on net1"));
}

static void an_answer_on_another_wire_too_is_one_too_many(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	put_before(&tape, REQUEST,
		   &(struct arp){2, true, 2, client1, router1, router1, ip_router1, client1,
				 ip_client1});
	memcpy(asked, ip_router1, 4);
	follow(&tape, PROBE_ARP);
	memcpy(asked, ip_client2, 4);
	assert_int_equal(way.fault_count, 1);
	assert_int_equal(way.faults[0].step, WALK_DUPLICATE);
	assert_true(says("net2"));
}

/* The router asks for client2 so that nobody answers, and puts the packet nowhere. */
static void a_question_that_is_none_is_the_cause_with_its_frame(void **state)
{
	static const struct {
		struct arp arp;
		enum frame_field field;
	} asks[] = {
		{{2, true, 2, everybody, router2, router2, ip_router2, nobody, ip_client2},
		 FRAME_FIELD_ARP_OPERATION},
		{{2, true, 1, everybody, router2, router2, ip_client2, nobody, ip_router2},
		 FRAME_FIELD_ARP_SENDER},
		{{2, true, 1, everybody, router2, router2, ip_client1, nobody, ip_client2},
		 FRAME_FIELD_ARP_SENDER},
		{{1, true, 1, everybody, router1, router1, ip_router1, nobody, ip_client2},
		 FRAME_FIELD_ARP_TARGET},
		{{2, true, 1, everybody, nobody, router2, ip_router2, nobody, ip_client2},
		 FRAME_FIELD_SOURCE_MAC},
		{{2, true, 1, everybody, router2, router2, ip_router1, nobody, ip_client2},
		 FRAME_FIELD_ARP_SENDER},
	};
	struct tape tape;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(asks); i++) {
		record(&tape);
		cut(&tape, ASKS2);
		(void)add_arp(&tape, &asks[i].arp);
		finds(&tape, WALK_ARP_QUESTION, asks[i].field);
		assert_int_equal(way.fault_count, 1);
		assert_int_equal(way.faults[0].frame, ASKS2);
		assert_true(way.faults[0].fatal);
	}
	/* Its numbers in the other byte order, as of the machine: the operation and what is before,
	 * or the Ethernet type. */
	record(&tape);
	cut(&tape, SAYS2);
	memcpy(tape.bytes[ASKS2] + 14, "\1\0\0\10\6\4\1\0", 8);
	finds(&tape, WALK_ARP_QUESTION, FRAME_FIELD_PAYLOAD);
	record(&tape);
	cut(&tape, SAYS2);
	put16(tape.bytes[ASKS2] + 12, 0x0608);
	finds(&tape, WALK_ARP_QUESTION, FRAME_FIELD_TYPE);
	assert_true(says("0x0608 as its Ethernet type; it must be 0x0806"));
}

/* An answer to client2, with a wrong operation, is no question for it. */
static void what_answers_is_not_taken_for_a_question(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	put_before(&tape, ASKED1,
		   &(struct arp){2, false, 1, everybody, client2, client2, ip_client2, nobody,
				 ip_router2});
	put_before(&tape, REQUEST,
		   &(struct arp){2, true, 2, everybody, router2, router2, ip_router2, nobody,
				 ip_client2});
	cut(&tape, REQUEST + 3);
	finds(&tape, WALK_FORWARD, FRAME_FIELD_NONE);
	assert_null(strstr(way.faults[0].sentence, "ARP"));
}

static void who_asks_on_the_wrong_net_is_told(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	put_before(&tape, ASKS2,
		   &(struct arp){1, true, 1, everybody, router1, router1, ip_router1, nobody,
				 ip_client2});
	finds(&tape, WALK_NONE, FRAME_FIELD_NONE);
	memcpy(asked, ip_router1, 4);
	follow(&tape, PROBE_ARP);
	memcpy(asked, ip_client2, 4);
	assert_int_equal(way.fault_count, 1);
	assert_int_equal(way.faults[0].step, WALK_ARP_QUESTION);
	assert_true(says("the router asked for client2 by ARP on net1"));
}

/* A later loss has nothing to do with the answer. */
static void a_packet_that_waited_for_arp_is_told_from_one_that_did_not(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	cut(&tape, ASKED2);
	(void)add_echo(&tape,
		       &(struct echo){1, false, router1, client1, ip_client1, ip_client2, 64, 8});
	(void)add_arp(&tape, &(struct arp){2, false, 1, everybody, client2, client2, ip_client2,
					   nobody, ip_router2});
	finds(&tape, WALK_FORWARD, FRAME_FIELD_NONE);
	assert_null(strstr(way.faults[0].sentence, "ARP"));
	assert_string_equal(way.faults[0].rule, "RFC 1812 5.2.1");
	leave_out(&tape, CARRIED);
	cut(&tape, CARRIED);
	finds(&tape, WALK_FORWARD, FRAME_FIELD_NONE);
	assert_true(says("though its ARP question was answered"));
	assert_string_equal(way.faults[0].rule, "RFC 1122 2.3.2.2");
}

/* How long a router remembers is its own matter. */
static void who_forgets_after_a_while_may_ask_again(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	for (int i = 0; i < 6; i++) {
		tape.now += 10000 * MS;
		(void)add_arp(&tape, &(struct arp){1, true, 1, everybody, router1, router1,
						   ip_router1, nobody, ip_client1});
		(void)add_arp(&tape, &(struct arp){1, false, 2, router1, client1, client1,
						   ip_client1, router1, ip_router1});
		(void)add_echo(&tape, &(struct echo){1, true, client1, router1, ip_client2,
						     ip_client1, 63, 0});
	}
	memcpy(asked, ip_router1, 4);
	follow(&tape, PROBE_ARP);
	memcpy(asked, ip_client2, 4);
	assert_int_equal(way.fault_count, 0);
}

static void a_question_at_the_very_end_may_be_answered_still(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	cut(&tape, ANSWERED1);
	finds(&tape, WALK_ARP_ANSWER, FRAME_FIELD_NONE);
	tape.now = tape.frames[ASKED1].time + 10 * MS - 3000 * MS;
	follow(&tape, PROBE_PING);
	assert_int_equal(way.fault_count, 0);
	/* Who has its answer and sends nothing is told. */
	record(&tape);
	cut(&tape, REQUEST);
	finds(&tape, WALK_ARP_QUESTION, FRAME_FIELD_NONE);
	assert_true(says("but an ARP question, which was answered"));
}

/* Each leg may answer for all of them, as Linux does, and need not. */
static void another_legs_address_may_be_answered_for_or_not(void **state)
{
	struct tape tape = {.now = START};

	(void)state;
	memcpy(asked, ip_router2, 4);
	(void)add_arp(&tape, &(struct arp){1, false, 1, everybody, client1, client1, ip_client1,
					   nobody, ip_router2});
	follow(&tape, PROBE_ARP);
	assert_int_equal(way.fault_count, 0);
	(void)add_arp(&tape, &(struct arp){1, true, 2, client1, router1, router1, ip_router2,
					   client1, ip_client1});
	follow(&tape, PROBE_ARP);
	memcpy(asked, ip_client2, 4);
	assert_int_equal(way.fault_count, 0);
}

/* What is garbled beside it, or comes back as it went, answers nobody. */
static void a_question_for_nobody_is_not_answered_by_garbage(void **state)
{
	static const uint8_t stranger[] = {1, 1, 1, 99};
	struct tape tape = {.now = START};

	(void)state;
	memcpy(asked, stranger, 4);
	(void)add_arp(&tape, &(struct arp){1, false, 1, everybody, client1, client1, ip_client1,
					   nobody, stranger});
	(void)add_arp(&tape, &(struct arp){1, true, 1, everybody, client1, client1, ip_client1,
					   nobody, stranger});
	add_arp(&tape, &(struct arp){1, true, 2, client1, router1, router1, ip_router1, client1,
				     ip_client1})[14] = 9;
	follow(&tape, PROBE_ARP);
	memcpy(asked, ip_client2, 4);
	assert_int_equal(way.fault_count, 0);
	assert_int_equal(way.strays, 0);
	for (size_t i = 0; i < way.stop_count; i++)
		assert_int_not_equal(way.stops[i].step, WALK_ARP_ANSWER);
}

/* Where the router says it is, and is not. */
static const uint8_t typo[] = {2, 0x42, 1, 1, 1, 0x10};

static void an_answer_that_leads_nowhere_is_the_cause(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	cut(&tape, ASKS2);
	memcpy(tape.bytes[ANSWERED1] + 22, typo, 6);
	memcpy(tape.bytes[REQUEST], typo, 6);
	finds(&tape, WALK_ARP_ANSWER, FRAME_FIELD_ARP_SENDER_MAC);
	assert_int_equal(first_fault(true), WALK_ARP_ANSWER);
	assert_int_equal(way.faults[way.fault_count - 1].frame, ANSWERED1);
	/* On the way back too. */
	record(&tape);
	cut(&tape, DELIVERED);
	memcpy(tape.bytes[ANSWERED2] + 22, typo, 6);
	memcpy(tape.bytes[REPLY], typo, 6);
	finds(&tape, WALK_ARP_ANSWER, FRAME_FIELD_ARP_SENDER_MAC);
	assert_int_equal(first_fault(true), WALK_ARP_ANSWER);
	/* It takes what goes there: an Ethernet address of its own making. */
	record(&tape);
	memcpy(tape.bytes[ANSWERED1] + 22, typo, 6);
	memcpy(tape.bytes[REQUEST], typo, 6);
	finds(&tape, WALK_NONE, FRAME_FIELD_NONE);
	/* Or sends from there, and has lost this one. */
	memcpy(tape.bytes[DELIVERED] + 6, typo, 6);
	leave_out(&tape, CARRIED);
	finds(&tape, WALK_FORWARD, FRAME_FIELD_NONE);
}

/* Who is asked learns from the question where its answers go. */
static void a_question_that_teaches_a_wrong_address_is_the_cause(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	memcpy(tape.bytes[ASKS2] + 22, nobody, 6);
	cut(&tape, ASKED2);
	(void)add_echo(&tape,
		       &(struct echo){2, false, nobody, client2, ip_client2, ip_client1, 64, 0});
	finds(&tape, WALK_ARP_QUESTION, FRAME_FIELD_ARP_SENDER_MAC);
	assert_int_equal(way.faults[0].frame, ASKS2);
	assert_true(
		says("client2's packet went to 00:00:00:00:00:00, as the router's ARP question"));
	assert_int_equal(first_fault(true), WALK_ARP_QUESTION);
	for (size_t i = 0; i < way.stop_count; i++)
		assert_null(strstr(way.stops[i].text, "of client2 comes to the router"));
}

/* The router asks, but for somebody else; and what it asked before the packet came is no matter. */
static void a_question_for_who_is_not_there_is_the_cause(void **state)
{
	static const uint8_t stranger[] = {2, 2, 2, 254};
	const struct arp question = {2,	      true,	  1,	  everybody, router2,
				     router2, ip_router2, nobody, stranger};
	struct tape tape;

	(void)state;
	record(&tape);
	cut(&tape, ASKS2);
	(void)add_arp(&tape, &question);
	finds(&tape, WALK_ARP_QUESTION, FRAME_FIELD_ARP_TARGET);
	/* Also where client2 has asked before. */
	put_before(&tape, ASKED1,
		   &(struct arp){2, false, 1, everybody, client2, client2, ip_client2, nobody,
				 ip_router2});
	finds(&tape, WALK_ARP_QUESTION, FRAME_FIELD_ARP_TARGET);
	assert_true(says("the router asked for 2.2.2.254 by ARP on net2; it must ask for client2"));
	record(&tape);
	cut(&tape, ASKS2);
	put_before(&tape, ANSWERED1, &question);
	finds(&tape, WALK_FORWARD, FRAME_FIELD_NONE);
	assert_true(says("no ARP question either"));
}

/* Of another type, or without a whole header. */
static void arp_without_its_header_is_known_for_what_it_is(void **state)
{
	for (int ask = 0; ask < 2; ask++) {
		const size_t at = ask ? ASKS2 : ANSWERED1;
		const enum walk_step step = ask ? WALK_ARP_QUESTION : WALK_ARP_ANSWER;

		(void)state;
		for (size_t missing = 0; missing <= 14; missing += missing == 0 ? 2 : 12) {
			struct tape tape;
			uint8_t *bytes;

			record(&tape);
			bytes = tape.bytes[at];
			cut(&tape, at + 1);
			put16(bytes + 12, 0x0800);
			if (missing > 0) {
				memmove(bytes + 14 - missing, bytes + 14, 28);
				tape.frames[at].length = tape.frames[at].kept =
					(uint32_t)(42 - missing);
			}
			finds(&tape, step, missing == 0 ? FRAME_FIELD_TYPE : FRAME_FIELD_PAYLOAD);
			assert_true(says(missing == 0 ? "0x0800 as its Ethernet type"
						      : "has no whole Ethernet header"));
		}
	}
}

/* An answer to the one who asked, whatever it says. */
static void an_answer_that_is_for_itself_is_one(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	memcpy(tape.bytes[ANSWERED1] + 38, ip_router1, 4);
	memcpy(tape.bytes[ANSWERED1] + 32, router1, 6);
	finds(&tape, WALK_ARP_ANSWER, FRAME_FIELD_ARP_TARGET);
}

/* "who has client2? tell client1", with the router's own Ethernet address. */
static void a_question_in_anothers_name_is_told(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	memcpy(tape.bytes[ASKS2] + 28, ip_client1, 4);
	cut(&tape, SAYS2);
	finds(&tape, WALK_ARP_QUESTION, FRAME_FIELD_ARP_SENDER);
	assert_true(says("1.1.1.2 as its sender's IP address"));
	/* Whatever comes of it; but a copy of a client's question is none of the router's. */
	for (int copy = 0; copy < 2; copy++) {
		record(&tape);
		put_before(&tape, REQUEST,
			   &(struct arp){1, true, 1, everybody, router1, copy ? client2 : router1,
					 ip_client2, nobody, ip_client1});
		memcpy(asked, ip_router1, 4);
		follow(&tape, PROBE_ARP);
		memcpy(asked, ip_client2, 4);
		assert_int_equal(way.fault_count, copy ? 0 : 1);
	}
}

static void an_announcement_of_a_wrong_ethernet_address_is_told(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	put_before(&tape, REQUEST,
		   &(struct arp){1, true, 2, everybody, router1, router2, ip_router1, everybody,
				 ip_router1});
	memcpy(asked, ip_router1, 4);
	follow(&tape, PROBE_ARP);
	memcpy(asked, ip_client2, 4);
	assert_int_equal(way.fault_count, 1);
	assert_int_equal(way.faults[0].step, WALK_ARP_ANSWER);
	assert_true(says("the router's ARP announcement on net1 has 02:42:02:02:02:01"));
}

/* client2 answers something on its net, and a hub copies that to net1. */
static void what_another_client_says_of_itself_is_no_answer(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	cut(&tape, ANSWERED1);
	(void)add_arp(&tape, &(struct arp){1, true, 2, client1, client2, client2, ip_client2,
					   client1, ip_client1});
	finds(&tape, WALK_ARP_ANSWER, FRAME_FIELD_NONE);
	assert_true(says("nobody answers"));
}

/* The Ethernet address of net2's leg on net1 as well: whose it is is what the router takes. */
static void one_legs_ethernet_address_may_serve_on_all(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	memcpy(tape.bytes[ANSWERED1] + 22, router2, 6);
	memcpy(tape.bytes[REQUEST], router2, 6);
	memcpy(tape.bytes[DELIVERED] + 6, router2, 6);
	finds(&tape, WALK_NONE, FRAME_FIELD_NONE);
	memcpy(asked, ip_router1, 4);
	follow(&tape, PROBE_ARP);
	memcpy(asked, ip_client2, 4);
	assert_int_equal(way.fault_count, 0);
}

static void who_answers_once_more_later_is_told(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	over = tape.now + 100 * MS;
	tape.now += 150 * MS;
	(void)add_arp(&tape, &(struct arp){1, true, 2, client1, router1, router1, ip_router1,
					   client1, ip_client1});
	memcpy(asked, ip_router1, 4);
	follow(&tape, PROBE_ARP);
	over = 0;
	memcpy(asked, ip_client2, 4);
	assert_int_equal(way.fault_count, 1);
	assert_int_equal(way.faults[0].step, WALK_DUPLICATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arp_answers_are_judged_field_by_field),
		cmocka_unit_test(arp_that_is_not_answered_or_late_is_the_cause),
		cmocka_unit_test(the_routers_own_arp_question_is_judged_where_it_forwards_nothing),
		cmocka_unit_test(who_asks_again_for_what_is_known_is_told),
		cmocka_unit_test(a_few_questions_more_are_no_fault),
		cmocka_unit_test(an_answer_for_another_address_is_a_fault),
		cmocka_unit_test(questions_and_announcements_of_the_routers_own_are_no_answers),
		cmocka_unit_test(the_ethernet_source_of_an_answer_is_the_routers),
		cmocka_unit_test(a_copy_of_the_question_on_another_wire_is_no_answer),
		cmocka_unit_test(an_answer_on_another_wire_too_is_one_too_many),
		cmocka_unit_test(a_question_that_is_none_is_the_cause_with_its_frame),
		cmocka_unit_test(what_answers_is_not_taken_for_a_question),
		cmocka_unit_test(who_asks_on_the_wrong_net_is_told),
		cmocka_unit_test(a_packet_that_waited_for_arp_is_told_from_one_that_did_not),
		cmocka_unit_test(who_forgets_after_a_while_may_ask_again),
		cmocka_unit_test(a_question_at_the_very_end_may_be_answered_still),
		cmocka_unit_test(another_legs_address_may_be_answered_for_or_not),
		cmocka_unit_test(a_question_for_nobody_is_not_answered_by_garbage),
		cmocka_unit_test(an_answer_that_leads_nowhere_is_the_cause),
		cmocka_unit_test(a_question_that_teaches_a_wrong_address_is_the_cause),
		cmocka_unit_test(a_question_for_who_is_not_there_is_the_cause),
		cmocka_unit_test(arp_without_its_header_is_known_for_what_it_is),
		cmocka_unit_test(an_answer_that_is_for_itself_is_one),
		cmocka_unit_test(a_question_in_anothers_name_is_told),
		cmocka_unit_test(an_announcement_of_a_wrong_ethernet_address_is_told),
		cmocka_unit_test(what_another_client_says_of_itself_is_no_answer),
		cmocka_unit_test(one_legs_ethernet_address_may_serve_on_all),
		cmocka_unit_test(who_answers_once_more_later_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
