/* A capture that is made by hand: one exchange between client1 and client2 that is right, to be
 * changed, and what is made of it. */
#ifndef PYROUTE_TEST_TAPE_H
#define PYROUTE_TEST_TAPE_H

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

static inline uint8_t *add(struct tape *tape, unsigned net, bool sent, size_t length)
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

static inline void put_ethernet(uint8_t *bytes, const uint8_t *target, const uint8_t *source,
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

static inline uint8_t *add_arp(struct tape *tape, const struct arp *arp)
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

static inline void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* Makes the header's sum of BYTES right. */
static inline void mend_head(uint8_t *bytes)
{
	put16(bytes + 24, 0);
	put16(bytes + 24, frame_checksum(0, bytes + 14, 20));
}

/* Makes both checksums right. */
static inline void mend(uint8_t *bytes)
{
	mend_head(bytes);
	put16(bytes + 36, 0);
	put16(bytes + 36, frame_checksum(0, bytes + 34, 8 + PAYLOAD));
}

struct echo {
	unsigned net;
	bool sent;
	const uint8_t *to, *from, *source, *target;
	uint8_t ttl, type;
};

static inline uint8_t *add_echo(struct tape *tape, const struct echo *echo)
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

/* Makes UDP of an echo, from port 4000 to port 7. */
static inline void make_udp(uint8_t *bytes)
{
	const uint32_t start = frame_checksum_start(4, bytes + 26, bytes + 30, 17, 8 + PAYLOAD);

	bytes[23] = 17;
	mend_head(bytes);
	put16(bytes + 34, 4000);
	put16(bytes + 36, 7);
	put16(bytes + 38, 8 + PAYLOAD);
	put16(bytes + 40, 0);
	put16(bytes + 40, frame_checksum(start, bytes + 34, 8 + PAYLOAD));
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

static inline void record_forth(struct tape *tape)
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

static inline void record(struct tape *tape)
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
static inline void cut(struct tape *tape, size_t from)
{
	tape->count = from;
}

static inline void leave_out(struct tape *tape, size_t at)
{
	tape->count--;
	memmove(&tape->frames[at], &tape->frames[at + 1],
		(tape->count - at) * sizeof(tape->frames[0]));
}

/* ---- what is made of it ---------------------------------------------------------------------- */

static struct walk_way way;
#define HEARS_ALL (WALK_HEARS_ARP | WALK_HEARS_IP | WALK_HEARS_ALL)
static unsigned hears[2] = {HEARS_ALL, HEARS_ALL};
static int deaf = -1;
static bool left;
static enum expect_kind expected = EXPECT_REPLY;
static uint8_t asked[4] = {2, 2, 2, 2};
static bool partial;
static uint64_t over; /* when the question is; 0: with the capture */

static inline void follow(const struct tape *tape, enum probe_kind kind)
{
	CLEANUP_STAGE struct stage stage = {0};
	struct complaints complaints;
	const struct walk_leg legs[] = {{.net = 1,
					 .mac = {2, 0x42, 1, 1, 1, 1},
					 .hears = hears[0],
					 .deaf = deaf,
					 .left = left},
					{.net = 2,
					 .mac = {2, 0x42, 2, 2, 2, 1},
					 .hears = hears[1],
					 .deaf = deaf,
					 .left = left}};
	CLEANUP_WALK struct walk walk = {0};
	struct walk_question question = {.kind = kind,
					 .target = {.line = 1, .length = 32},
					 .token = TOKEN,
					 .id = ID,
					 .own_port = 4000,
					 .port = 7,
					 .expect = {.kind = expected, .icmp_type = 11},
					 .within = 1000,
					 .began = START};
	struct error error;

	assert_int_equal(judge(text, strlen(text), &stage, &complaints), 0);
	memcpy(question.target.bytes, asked, 4);
	question.asker = &stage.clients[0];
	question.interface = &stage.clients[0].interfaces[0];
	question.ended = over != 0 ? over : tape->now + 3000 * MS;
	assert_int_equal(walk_read(&stage, tape->frames, tape->count, tape->now + 3000 * MS, legs,
				   2, &walk, &error),
			 0);
	walk.partial = partial;
	walk_follow(&walk, &question, &way);
}

/* The first fault that is FATAL or not; WALK_NONE where there is none. */
static inline enum walk_step first_fault(bool fatal)
{
	for (size_t i = 0; i < way.fault_count; i++)
		if (way.faults[i].fatal == fatal)
			return way.faults[i].step;
	return WALK_NONE;
}

static inline bool says(const char *part)
{
	return way.fault_count > 0 && strstr(way.faults[0].sentence, part) != NULL;
}

static inline void finds(const struct tape *tape, enum walk_step step, enum frame_field field)
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

#endif
