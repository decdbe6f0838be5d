/* One packet that is judged, and what its judges share. Only walk_carry.c, walk_compare.c and
 * walk_own.c include this. */
#ifndef PYROUTE_WALK_TRIAL_H
#define PYROUTE_WALK_TRIAL_H

#include "walk_parts.h"

/* What is right to do with a packet. */
enum walk_fate_kind {
	FATE_FORWARD, /* put it onto WIRE for HOP */
	FATE_ANSWER,  /* the router itself: an echo reply */
	FATE_ERROR,   /* an ICMP error of TYPE and CODE, or silence */
	FATE_NOTHING,
	FATE_ANY /* no matter of ours */
};

struct walk_fate {
	enum walk_fate_kind kind;
	size_t wire;
	struct stage_address hop;
	uint8_t type;
	int code; /* -1: any */
};

struct walk_trial {
	const struct walk *walk;
	const struct walk_question *question;
	size_t in;
	const struct frame *frame; /* of IN */
	enum family family;
	bool back; /* it is on the way back */
	struct walk_fate fate;
	char sender[WALK_NAME_SIZE];
	char subject[WALK_NAME_SIZE + 48]; /* of sentences: "client1's packet" */
	struct walk_way *way;
};

static inline const struct frame *walk_frame_of(const struct walk_trial *trial, size_t i)
{
	return &trial->walk->sights[i].frame;
}

/* The number of the net that the frame I was seen on. */
static inline unsigned walk_net_of(const struct walk_trial *trial, size_t i)
{
	return trial->walk->legs[trial->walk->frames[i].wire].net;
}

/* ---- walk_carry.c: what came of it, and whether that is its fate ---- */

/* The first frame that came of the packet on WIRE (SIZE_MAX: on any), an ICMP error or not;
 * WALK_NO_FRAME: none did. */
size_t walk_find_result(const struct walk_trial *trial, size_t wire, bool error);

/* Notes how long it took until OUT, and complains where that is more than a router needs, which is
 * less than a second however long an answer may take. */
bool walk_is_late(const struct walk_trial *trial, size_t out);

/* What came so late that the router may have been about to put it somewhere when the capture ended,
 * as it takes its time with others, is not held against it; that it had it so long is noted. */
bool walk_is_too_young(const struct walk_trial *trial);

/* Complains of what came of the packet beside KEPT, which is as it must be (WALK_NO_FRAME: nothing
 * is). */
void walk_judge_rest(const struct walk_trial *trial, size_t kept);

/* ---- walk_lesson.c: what the router taught ---- */

/* Complains where the packet went to an Ethernet address that its sender had from the router by
 * ARP, and at which nobody takes anything; returns whether it did. */
bool walk_judge_lesson(const struct walk_trial *trial);

/* ---- walk_rule.c ---- */

/* The section of an RFC by which FIELD, or what STEP is about, is a fault. */
const char *walk_rule(const struct walk_trial *trial, enum walk_step step, enum frame_field field);

/* ---- walk_compare.c: a frame that came of it, field by field ---- */

/* Adds a fault of the packet's that FRAME shows, with its rule; LOOK_KINDS: it is a matter of no
 * property. */
PRINTF_LIKE(6, 7)
void walk_complain_packet(const struct walk_trial *trial, enum walk_step step, enum look_kind look,
			  size_t frame, enum frame_field field, const char *format, ...);

/* "SUBJECT left on net2 with 64 as its time to live; it must be EXPECTED", or where that is NULL
 * what it came with. */
void walk_complain_field(const struct walk_trial *trial, enum walk_step step, enum look_kind look,
			 size_t out, enum frame_field field, const char *expected);

/* The offset of the first byte of IN's IP header that PACKET, of OUT, has otherwise, but for the
 * TTL and the checksum; the shorter one's size where only that differs, SIZE_MAX where nothing
 * does. */
size_t walk_find_head_change(const struct frame *in, const struct frame *out,
			     const struct frame_packet *packet);

/* Whether the Ethernet addresses of OUT are the router's and TARGET, who is WHOSE. */
bool walk_judge_macs(const struct walk_trial *trial, size_t out, const uint8_t *target,
		     const char *whose);

/* Complains of OUT, which came of the packet and is none itself any more. */
void walk_judge_garbled(const struct walk_trial *trial, size_t out);

/* Judges OUT, on which the packet was forwarded. */
void walk_judge_copy(const struct walk_trial *trial, size_t out);

/* ---- walk_own.c: what the router says itself ---- */

/* Judges its answer to an echo request. */
void walk_judge_answer(const struct walk_trial *trial);

/* Judges its ICMP error about a packet that it must not forward. */
void walk_judge_error(const struct walk_trial *trial);

#endif
