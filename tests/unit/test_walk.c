/* What became of packets, told from frames: one exchange that is right, and each thing that a
 * router can do wrong with it. */
#include "stage_text.h"

#include "frame.h"
#include "marker.h"
#include "walk.h"

#include <arpa/inet.h>

#define FRAMES_MAX 160
#define BYTES_MAX  256
#define MS	   UINT64_C(1000000)
#define START	   (UINT64_C(1700000000) * 1000 * MS)
#define TOKEN	   0x12345678
#define ID	   77
#define PAYLOAD	   80

static const char text[] = "[stage]\ntitle = Two nets\n"
			   "[net1]\nsubnet = 1.1.1.0/24\ncomputer = 1.1.1.1\n"
			   "[net2]\nsubnet = 2.2.2.0/24\ncomputer = 2.2.2.1\n"
			   "[client1]\nnet1 = 1.1.1.2\ngateway = 1.1.1.1\n"
			   "[client2]\nnet2 = 2.2.2.2\ngateway = 2.2.2.1\n";

static const uint8_t everybody[] = {255, 255, 255, 255, 255, 255};
static const uint8_t nobody[6];
static const uint8_t client1[] = {2, 0x42, 1, 1, 1, 2}, client2[] = {2, 0x42, 2, 2, 2, 2};
static const uint8_t router1[] = {2, 0x42, 1, 1, 1, 1}, router2[] = {2, 0x42, 2, 2, 2, 1};
static const uint8_t ip_client1[] = {1, 1, 1, 2}, ip_client2[] = {2, 2, 2, 2};
static const uint8_t ip_router1[] = {1, 1, 1, 1}, ip_router2[] = {2, 2, 2, 1};

/* ---- a capture that is made by hand ---------------------------------------------------------- */

struct tape {
	struct capture_frame frames[FRAMES_MAX];
	uint8_t bytes[FRAMES_MAX][BYTES_MAX];
	size_t count;
	uint64_t now;
};

static uint8_t *add(struct tape *tape, unsigned net, bool sent, size_t length)
{
	uint8_t *bytes = tape->bytes[tape->count];

	assert_true(tape->count < FRAMES_MAX && length <= BYTES_MAX);
	tape->now += MS;
	tape->frames[tape->count++] = (struct capture_frame){.time = tape->now,
							     .wire = (uint16_t)(net - 1),
							     .sent = sent,
							     .length = (uint32_t)length,
							     .kept = (uint32_t)length,
							     .bytes = bytes};
	return bytes;
}

static void put_ethernet(uint8_t *bytes, const uint8_t *target, const uint8_t *source,
			 uint16_t type)
{
	memcpy(bytes, target, 6);
	memcpy(bytes + 6, source, 6);
	bytes[12] = (uint8_t)(type >> 8);
	bytes[13] = (uint8_t)type;
}

struct arp {
	unsigned net;
	bool sent;
	uint8_t operation;
	const uint8_t *to, *from, *sender_mac, *sender, *target_mac, *target;
};

static uint8_t *add_arp(struct tape *tape, const struct arp *arp)
{
	static const uint8_t head[] = {0, 1, 8, 0, 6, 4, 0};
	uint8_t *bytes = add(tape, arp->net, arp->sent, 42);

	put_ethernet(bytes, arp->to, arp->from, 0x0806);
	memcpy(bytes + 14, head, sizeof(head));
	bytes[21] = arp->operation;
	memcpy(bytes + 22, arp->sender_mac, 6);
	memcpy(bytes + 28, arp->sender, 4);
	memcpy(bytes + 32, arp->target_mac, 6);
	memcpy(bytes + 38, arp->target, 4);
	return bytes;
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* Makes both checksums right. */
static void mend(uint8_t *bytes)
{
	put16(bytes + 24, 0);
	put16(bytes + 24, frame_checksum(0, bytes + 14, 20));
	put16(bytes + 36, 0);
	put16(bytes + 36, frame_checksum(0, bytes + 34, 8 + PAYLOAD));
}

struct echo {
	unsigned net;
	bool sent;
	const uint8_t *to, *from, *source, *target;
	uint8_t ttl, type;
};

static uint8_t *add_echo(struct tape *tape, const struct echo *echo)
{
	const struct marker marker = {TOKEN, 0};
	uint8_t *bytes = add(tape, echo->net, echo->sent, 42 + PAYLOAD);

	put_ethernet(bytes, echo->to, echo->from, 0x0800);
	bytes[14] = 0x45;
	put16(bytes + 16, 28 + PAYLOAD);
	put16(bytes + 18, 4711);
	put16(bytes + 20, 0x4000);
	bytes[22] = echo->ttl;
	bytes[23] = 1;
	memcpy(bytes + 26, echo->source, 4);
	memcpy(bytes + 30, echo->target, 4);
	bytes[34] = echo->type;
	put16(bytes + 38, ID);
	put16(bytes + 40, 1);
	marker_write(bytes + 42, PAYLOAD, 0, &marker);
	mend(bytes);
	return bytes;
}

/* The places of a right exchange on the tape. */
enum {
	ASKED1,	   /* client1's ARP question */
	ANSWERED1, /* the router's answer */
	REQUEST,
	ASKS2,	 /* the router's question for client2 */
	SAYS2,	 /* client2's answer */
	CARRIED, /* the request, on net2 */
	ASKED2,
	ANSWERED2,
	REPLY,
	DELIVERED,
	RIGHT
};

static void record_forth(struct tape *tape)
{
	(void)add_arp(tape, &(struct arp){1, false, 1, everybody, client1, client1, ip_client1,
					  nobody, ip_router1});
	(void)add_arp(tape, &(struct arp){1, true, 2, client1, router1, router1, ip_router1,
					  client1, ip_client1});
	(void)add_echo(tape,
		       &(struct echo){1, false, router1, client1, ip_client1, ip_client2, 64, 8});
	(void)add_arp(tape, &(struct arp){2, true, 1, everybody, router2, router2, ip_router2,
					  nobody, ip_client2});
	(void)add_arp(tape, &(struct arp){2, false, 2, router2, client2, client2, ip_client2,
					  router2, ip_router2});
	(void)add_echo(tape,
		       &(struct echo){2, true, client2, router2, ip_client1, ip_client2, 63, 8});
}

static void record(struct tape *tape)
{
	*tape = (struct tape){.now = START};
	record_forth(tape);
	(void)add_arp(tape, &(struct arp){2, false, 1, everybody, client2, client2, ip_client2,
					  nobody, ip_router2});
	(void)add_arp(tape, &(struct arp){2, true, 2, client2, router2, router2, ip_router2,
					  client2, ip_client2});
	(void)add_echo(tape,
		       &(struct echo){2, false, router2, client2, ip_client2, ip_client1, 64, 0});
	(void)add_echo(tape,
		       &(struct echo){1, true, client1, router1, ip_client2, ip_client1, 63, 0});
	assert_int_equal(tape->count, RIGHT);
}

/* What is on the tape from FROM on is not. */
static void cut(struct tape *tape, size_t from)
{
	tape->count = from;
}

static void leave_out(struct tape *tape, size_t at)
{
	tape->count--;
	memmove(&tape->frames[at], &tape->frames[at + 1],
		(tape->count - at) * sizeof(tape->frames[0]));
}

/* ---- what is made of it ---------------------------------------------------------------------- */

static struct walk_way way;
#define HEARS_ALL (WALK_HEARS_ARP | WALK_HEARS_IP)
static unsigned hears[2] = {HEARS_ALL, HEARS_ALL};
static int deaf = -1;
static enum expect_kind expected = EXPECT_REPLY;
static uint8_t asked[4] = {2, 2, 2, 2};

static void follow(const struct tape *tape, enum probe_kind kind)
{
	CLEANUP_STAGE struct stage stage = {0};
	struct complaints complaints;
	const struct walk_leg legs[] = {
		{.net = 1, .mac = {2, 0x42, 1, 1, 1, 1}, .hears = hears[0], .deaf = deaf},
		{.net = 2, .mac = {2, 0x42, 2, 2, 2, 1}, .hears = hears[1], .deaf = deaf}};
	CLEANUP_WALK struct walk walk = {0};
	struct walk_question question = {.kind = kind,
					 .target = {.line = 1, .length = 32},
					 .token = TOKEN,
					 .id = ID,
					 .expect = {.kind = expected, .icmp_type = 11},
					 .within = 1000,
					 .began = START};
	struct error error;

	assert_int_equal(judge(text, strlen(text), &stage, &complaints), 0);
	memcpy(question.target.bytes, asked, 4);
	question.asker = &stage.clients[0];
	question.interface = &stage.clients[0].interfaces[0];
	question.ended = tape->now + 3000 * MS;
	assert_int_equal(walk_read(&stage, tape->frames, tape->count, question.ended, legs, 2,
				   &walk, &error),
			 0);
	walk_follow(&walk, &question, &way);
}

static void finds(const struct tape *tape, enum walk_step step, enum frame_field field)
{
	follow(tape, PROBE_PING);
	if (step == WALK_NONE) {
		if (way.fault_count > 0)
			fail_msg("%s", way.faults[0].sentence);
		return;
	}
	if (way.fault_count == 0)
		fail_msg("%s is not seen", walk_step_name(step));
	assert_string_equal(walk_step_name(way.faults[0].step), walk_step_name(step));
	assert_int_equal(way.faults[0].field, field);
	assert_true(way.stops[way.stop_count - 1].wrong);
	assert_string_equal(way.stops[way.stop_count - 1].text, way.faults[0].sentence);
}

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

/* ---- ARP ---- */

static void arp_answers_are_judged_field_by_field(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		enum frame_field field;
	} changes[] = {
		{21, 1, FRAME_FIELD_ARP_OPERATION},  {31, 9, FRAME_FIELD_NONE},
		{27, 9, FRAME_FIELD_NONE},	     {22, 3, FRAME_FIELD_ARP_SENDER_MAC},
		{5, 9, FRAME_FIELD_TARGET_MAC},	     {41, 9, FRAME_FIELD_ARP_TARGET},
		{37, 9, FRAME_FIELD_ARP_TARGET_MAC},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		struct tape tape;

		record(&tape);
		tape.bytes[ANSWERED1][changes[i].at] = changes[i].value;
		if (changes[i].at == 31) { /* for another address: no answer to this question */
			finds(&tape, WALK_ARP_ANSWER, FRAME_FIELD_ARP_TARGET);
			continue;
		}
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
	finds(&tape, WALK_ARP_ANSWER, FRAME_FIELD_ARP_TARGET);

	record(&tape);
	for (size_t i = ANSWERED1; i < tape.count; i++)
		tape.frames[i].time += 2000 * MS;
	tape.now += 2000 * MS;
	finds(&tape, WALK_ARP_ANSWER, FRAME_FIELD_NONE);

	record(&tape);
	leave_out(&tape, ANSWERED2);
	cut(&tape, ANSWERED2);
	finds(&tape, WALK_ARP_ANSWER, FRAME_FIELD_ARP_TARGET);
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

static void ask_client1_three_times(struct tape *tape)
{
	tape->now += 100 * MS;
	for (int i = 0; i < 3; i++)
		(void)add_arp(tape, &(struct arp){1, true, 1, everybody, router1, router1,
						  ip_router1, nobody, ip_client1});
}

static void who_asks_again_for_what_is_known_is_told(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	ask_client1_three_times(&tape);
	memcpy(asked, ip_router1, 4);
	follow(&tape, PROBE_ARP);
	assert_int_equal(way.fault_count, 0); /* client1 has not answered one yet */
	(void)add_arp(&tape, &(struct arp){1, false, 2, router1, client1, client1, ip_client1,
					   router1, ip_router1});
	ask_client1_three_times(&tape);
	follow(&tape, PROBE_ARP);
	assert_int_equal(way.fault_count, 0); /* a router that is slow has not read it yet */
	(void)add_echo(&tape,
		       &(struct echo){1, true, client1, router1, ip_client2, ip_client1, 63, 0});
	ask_client1_three_times(&tape);
	follow(&tape, PROBE_ARP);
	memcpy(asked, ip_client2, 4);
	assert_int_equal(way.fault_count, 1);
	assert_int_equal(way.faults[0].step, WALK_ARP_QUESTION);
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
		{19, 0, true, WALK_PAYLOAD, FRAME_FIELD_NONE},
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

/* Makes UDP of an echo, from port 4000 to port 7. */
static void make_udp(uint8_t *bytes)
{
	const uint32_t start = frame_checksum_start(4, bytes + 26, bytes + 30, 17, 8 + PAYLOAD);

	bytes[23] = 17;
	put16(bytes + 24, 0);
	put16(bytes + 24, frame_checksum(0, bytes + 14, 20));
	put16(bytes + 34, 4000);
	put16(bytes + 36, 7);
	put16(bytes + 38, 8 + PAYLOAD);
	put16(bytes + 40, 0);
	put16(bytes + 40, frame_checksum(start, bytes + 34, 8 + PAYLOAD));
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
	put16(tape.bytes[CARRIED] + 24, 0);
	put16(tape.bytes[CARRIED] + 24, frame_checksum(0, tape.bytes[CARRIED] + 14, 20));
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
	finds(&tape, WALK_PAYLOAD, FRAME_FIELD_LENGTH);

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
	assert_non_null(strstr(way.faults[0].sentence, "after 2.0 s"));
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

/* As a packet socket for 0x0800 does. */
static void who_does_not_hear_arp_is_told_so(void **state)
{
	struct tape tape;

	(void)state;
	record(&tape);
	cut(&tape, ANSWERED1);
	hears[0] = WALK_HEARS_IP;
	finds(&tape, WALK_ARP_ANSWER, FRAME_FIELD_ARP_TARGET);
	assert_non_null(strstr(way.faults[0].sentence, "no packet socket is for ARP"));
	record(&tape);
	leave_out(&tape, CARRIED);
	cut(&tape, CARRIED);
	hears[0] = WALK_HEARS_ARP;
	finds(&tape, WALK_FORWARD, FRAME_FIELD_NONE);
	assert_non_null(strstr(way.faults[0].sentence, "is for IP"));
	hears[0] = HEARS_ALL;
}

/* ---- what the router says itself ---- */

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
		finds(&tape, WALK_FORWARD, FRAME_FIELD_TARGET);
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

static void garbage_is_looked_at_without_harm(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct tape tape;

		record(&tape);
		for (int i = 0; i < 8; i++) {
			seed = seed * 1664525 + 1013904223;
			tape.bytes[seed >> 24 & 7][seed >> 8 & 0x7f] ^= (uint8_t)(seed >> 16);
			tape.frames[seed >> 20 & 7].kept = (seed >> 3) % BYTES_MAX;
		}
		follow(&tape, PROBE_PING);
		assert_true(way.fault_count <= WALK_FAULTS_MAX);
		assert_true(way.stop_count <= WALK_STOPS_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_right_has_no_fault),
		cmocka_unit_test(arp_answers_are_judged_field_by_field),
		cmocka_unit_test(arp_that_is_not_answered_or_late_is_the_cause),
		cmocka_unit_test(the_routers_own_arp_question_is_judged_where_it_forwards_nothing),
		cmocka_unit_test(who_asks_again_for_what_is_known_is_told),
		cmocka_unit_test(an_answer_for_another_address_is_a_fault),
		cmocka_unit_test(each_field_that_is_forwarded_wrong_is_named),
		cmocka_unit_test(a_replaced_address_is_the_cause_and_not_the_checksum_over_it),
		cmocka_unit_test(a_packet_that_is_cut_or_has_padding_is_told_apart),
		cmocka_unit_test(many_faults_of_one_kind_hide_none_of_another),
		cmocka_unit_test(copies_are_told_by_the_wire_that_they_are_on),
		cmocka_unit_test(what_comes_late_is_not_in_time),
		cmocka_unit_test(a_target_that_says_nothing_is_the_arrivals_matter),
		cmocka_unit_test(a_leg_that_nobody_listens_on_is_the_cause),
		cmocka_unit_test(who_does_not_hear_arp_is_told_so),
		cmocka_unit_test(an_echo_of_the_routers_own_is_compared_with_the_question),
		cmocka_unit_test(an_icmp_error_is_asked_for_and_compared),
		cmocka_unit_test(a_packet_with_a_wrong_checksum_is_to_be_dropped),
		cmocka_unit_test(garbage_is_looked_at_without_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
