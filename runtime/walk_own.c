#include "walk_trial.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#define QUOTED_MIN 8 /* bytes behind the header that an ICMP error quotes (RFC 792) */

/* ---- what the router says itself ------------------------------------------------------------- */

/* The subject of sentences about what the router says itself of TRIAL's packet. */
static struct walk_trial speak_of(const struct walk_trial *trial, const char *said, const char *of)
{
	struct walk_trial own = *trial;

	(void)snprintf(own.subject, sizeof(own.subject), "the router's %s %s's %s", said,
		       trial->sender, of);
	return own;
}

static void note_judged(struct walk_way *way)
{
	way->answered++;
	way->judged |= WALK_BIT(LOOK_TTL) | WALK_BIT(LOOK_CHECKSUM) | WALK_BIT(LOOK_ETHERNET) |
		       WALK_BIT(LOOK_ADDRESSES) | WALK_BIT(LOOK_PAYLOAD);
}

/* Complains where it went out, an ICMP ERROR or not, but not to who asked; returns whether it did.
 */
static bool complain_elsewhere(const struct walk_trial *trial, bool error)
{
	const size_t out = walk_find_result(trial, SIZE_MAX, error);

	if (out == WALK_NO_FRAME)
		return false;
	walk_complain_packet(trial, WALK_FORWARD, LOOK_STRAY, out, FRAME_FIELD_NONE,
			     "%s was put onto net%u; it must go onto net%u", trial->subject,
			     walk_net_of(trial, out), walk_net_of(trial, trial->in));
	return true;
}

/* Complains of a field by which its target will not take the packet. */
static void complain_fatal(const struct walk_trial *trial, size_t out, enum frame_field field,
			   const char *expected)
{
	const size_t first = trial->way->fault_count;

	walk_complain_field(trial, WALK_PAYLOAD, LOOK_PAYLOAD, out, field, expected);
	walk_set_fatal(trial->way, first, true);
}

/* The field of the IP header of what the router says that is wrong; NONE: none. EXPECTED may be
 * filled in. */
static enum frame_field find_bad_field(const struct frame_packet *packet, char expected[80])
{
	(void)snprintf(expected, 80, "the sum over what it covers");
	if (packet->sum == FRAME_SUM_WRONG)
		return FRAME_FIELD_CHECKSUM;
	if (packet->cut) {
		(void)snprintf(expected, 80, "%zu, the bytes that there are of it",
			       packet->version == 4 ? packet->size
						    : packet->size - packet->head_size);
		return FRAME_FIELD_LENGTH;
	}
	if (packet->part) {
		(void)snprintf(expected, 80, "that of no fragment");
		return packet->version == 4 ? FRAME_FIELD_FRAGMENT : FRAME_FIELD_PROTOCOL;
	}
	return packet->upper_sum == FRAME_SUM_WRONG ? FRAME_FIELD_UPPER_CHECKSUM : FRAME_FIELD_NONE;
}

/* SOURCE is whose it must be, as CALLED. */
static bool judge_own_head(const struct walk_trial *trial, size_t out, const uint8_t *source,
			   const char *called)
{
	const struct frame_packet *packet = &walk_frame_of(trial, out)->packet;
	const size_t size = packet->version == 4 ? 4 : 16;
	char expected[80];
	const enum frame_field field = find_bad_field(packet, expected);

	if (field == FRAME_FIELD_CHECKSUM || field == FRAME_FIELD_UPPER_CHECKSUM)
		walk_complain_field(trial, WALK_CHECKSUM,
				    field == FRAME_FIELD_CHECKSUM ? LOOK_CHECKSUM : LOOK_PAYLOAD,
				    out, field, expected);
	else if (field != FRAME_FIELD_NONE)
		complain_fatal(trial, out, field, expected);
	else if (packet->ttl == 0)
		walk_complain_field(trial, WALK_TTL, LOOK_TTL, out, FRAME_FIELD_TTL, "more than 0");
	else if (!walk_judge_macs(trial, out, trial->frame->source, trial->sender))
		return false;
	else if (memcmp(packet->target, trial->frame->packet.source, size) != 0)
		walk_complain_field(trial, WALK_PAYLOAD, LOOK_ADDRESSES, out, FRAME_FIELD_TARGET,
				    "that of who asked");
	else if (memcmp(packet->source, source, size) != 0)
		walk_complain_field(trial, WALK_PAYLOAD, LOOK_ADDRESSES, out, FRAME_FIELD_SOURCE,
				    called);
	else
		return true;
	return false;
}

/* ---- an answer to an echo request ------------------------------------------------------------ */

static void judge_echo(const struct walk_trial *trial, size_t out)
{
	const struct frame *frame = walk_frame_of(trial, out);
	const struct frame_packet *asked = &trial->frame->packet;
	const struct frame_packet *packet = &frame->packet;

	if (packet->type == asked->type || packet->code != 0)
		return walk_complain_field(
			trial, WALK_PAYLOAD, LOOK_PAYLOAD, out, FRAME_FIELD_ICMP_TYPE,
			asked->version == 4 ? "0/0, of an echo reply" : "129/0, of an echo reply");
	if (!judge_own_head(trial, out, asked->target, "the address that was asked"))
		return;
	if (packet->echo_id != asked->echo_id)
		return walk_complain_field(trial, WALK_PAYLOAD, LOOK_PAYLOAD, out,
					   FRAME_FIELD_ICMP_ID, "that of the question");
	if (packet->echo_sequence != asked->echo_sequence)
		return walk_complain_field(trial, WALK_PAYLOAD, LOOK_PAYLOAD, out,
					   FRAME_FIELD_ICMP_SEQUENCE, "that of the question");
	if (packet->payload_size != asked->payload_size ||
	    memcmp(frame->bytes + packet->payload, trial->frame->bytes + asked->payload,
		   asked->payload_size) != 0)
		return walk_complain_packet(
			trial, WALK_PAYLOAD, LOOK_PAYLOAD, out, FRAME_FIELD_PAYLOAD,
			"%s carries %zu bytes that are not the %zu of the question", trial->subject,
			packet->payload_size, asked->payload_size);
	walk_stop(trial->way, WALK_PAYLOAD, trial->walk->frames[out].wire,
		  "it carries what the question did");
}

/* It came of an echo request, and is none and no reply. */
static void judge_no_echo(const struct walk_trial *trial, size_t out)
{
	const struct frame_packet *packet = &walk_frame_of(trial, out)->packet;

	if (packet->protocol != trial->frame->packet.protocol)
		complain_fatal(trial, out, FRAME_FIELD_PROTOCOL, "that of ICMP");
	else if (packet->part || packet->cut)
		(void)judge_own_head(trial, out, trial->frame->packet.target, "");
	else if (packet->upper == FRAME_ICMP)
		complain_fatal(trial, out, FRAME_FIELD_ICMP_TYPE, "that of an echo reply");
	else
		walk_complain_packet(trial, WALK_PAYLOAD, LOOK_PAYLOAD, out, FRAME_FIELD_PAYLOAD,
				     "%s left on net%u without a whole ICMP header", trial->subject,
				     walk_net_of(trial, out));
}

static void complain_unanswered(const struct walk_trial *trial)
{
	char asked[WALK_NAME_SIZE];

	if (complain_elsewhere(trial, false) || walk_is_too_young(trial) ||
	    walk_may_miss(trial->way))
		return;
	walk_complain_packet(
		trial, WALK_FORWARD, LOOK_KINDS, trial->in, FRAME_FIELD_NONE,
		"the router did not answer %s's echo request to its own address %s", trial->sender,
		walk_name(trial->walk->stage, trial->family, trial->frame->packet.target, asked));
}

void walk_judge_answer(const struct walk_trial *trial)
{
	const struct walk_trial own = speak_of(trial, "answer to", "echo request");
	const size_t wire = trial->walk->frames[trial->in].wire;
	const size_t out = walk_find_result(trial, wire, false);

	if (out == WALK_NO_FRAME)
		return complain_unanswered(&own);
	note_judged(trial->way);
	if (!walk_is_late(&own, out))
		walk_stop(trial->way, WALK_FORWARD, wire, "the router answers it itself");
	if (walk_frame_of(trial, out)->packet.version != trial->frame->packet.version)
		walk_judge_garbled(&own, out);
	else if (frame_is_echo(&walk_frame_of(trial, out)->packet))
		judge_echo(&own, out);
	else
		judge_no_echo(&own, out);
	walk_judge_rest(&own, out);
}

/* ---- an ICMP error --------------------------------------------------------------------------- */

/* What it quotes: the header of the packet, but for what a router changes, and the bytes behind
 * that.
 */
static bool judge_quote(const struct walk_trial *trial, size_t out)
{
	const struct frame *frame = walk_frame_of(trial, out);
	const struct frame_packet *quoted = &frame->quoted;
	const struct frame_packet *packet = &trial->frame->packet;
	const size_t there = quoted->size - quoted->head_size;
	const size_t behind = packet->size - packet->head_size;
	size_t needed = QUOTED_MIN;

	if (needed > behind)
		needed = behind;
	if (there < needed) {
		walk_complain_packet(
			trial, WALK_PAYLOAD, LOOK_PAYLOAD, out, FRAME_FIELD_PAYLOAD,
			"%s quotes %zu bytes behind its header; it must be %zu at least",
			trial->subject, there, needed);
		return false;
	}
	if (quoted->version == packet->version &&
	    walk_find_head_change(trial->frame, frame, quoted) == SIZE_MAX &&
	    memcmp(frame->bytes + quoted->offset + quoted->head_size,
		   trial->frame->bytes + packet->offset + packet->head_size, needed) == 0)
		return true;
	walk_complain_packet(trial, WALK_PAYLOAD, LOOK_PAYLOAD, out, FRAME_FIELD_PAYLOAD,
			     "%s quotes another header or other bytes behind it than that has",
			     trial->subject);
	return false;
}

static bool is_unreachable(const struct frame_packet *packet)
{
	return packet->type == (packet->version == 4 ? ICMP_DEST_UNREACH : ICMP6_DST_UNREACH);
}

static void judge_error_frame(const struct walk_trial *trial, size_t out)
{
	const size_t wire = trial->walk->frames[trial->in].wire;
	const struct frame_packet *packet = &walk_frame_of(trial, out)->packet;
	const struct stage_net *leg =
		stage_net_find(trial->walk->stage, trial->walk->legs[wire].net);
	char expected[64];

	note_judged(trial->way);
	/* It may have asked for its next hop for as long as it likes. */
	if (is_unreachable(packet) || !walk_is_late(trial, out))
		walk_stop(trial->way, WALK_FORWARD, trial->walk->frames[out].wire,
			  "the router refuses it: ICMP %u/%u", packet->type, packet->code);
	if (packet->type != trial->fate.type ||
	    (trial->fate.code >= 0 && packet->code != trial->fate.code)) {
		(void)snprintf(expected, sizeof(expected), trial->fate.code < 0 ? "%u" : "%u/%d",
			       trial->fate.type, trial->fate.code);
		walk_complain_field(trial, WALK_PAYLOAD, LOOK_PAYLOAD, out, FRAME_FIELD_ICMP_TYPE,
				    expected);
	} else if (judge_own_head(trial, out, leg->computer[trial->family].bytes,
				  "that of the leg that it leaves by") &&
		   judge_quote(trial, out)) {
		walk_stop(trial->way, WALK_PAYLOAD, trial->walk->frames[out].wire,
			  "it quotes the packet");
	}
}

static bool is_refusal(const struct frame_packet *packet)
{
	if (packet->upper != FRAME_ICMP)
		return false;
	return packet->version == 4
		       ? packet->type == ICMP_DEST_UNREACH || packet->type == ICMP_TIME_EXCEEDED
		       : packet->type < 128;
}

/* An ICMP error to who asked that comes of nothing, since it quotes something else: the first
 * behind the packet. WALK_NO_FRAME: none. */
static size_t find_stray_error(const struct walk_trial *trial)
{
	const struct walk *walk = trial->walk;
	const struct frame_packet *asked = &trial->frame->packet;

	for (size_t i = trial->in + 1; i < walk->count; i++) {
		const struct frame_packet *packet = &walk_frame_of(trial, i)->packet;

		if (walk->frames[i].sent && walk->frames[i].wire == walk->frames[trial->in].wire &&
		    walk->sights[i].origin == WALK_NO_FRAME && packet->version == asked->version &&
		    is_refusal(packet) &&
		    memcmp(packet->target, asked->source, sizeof(asked->source)) == 0)
			return i;
	}
	return WALK_NO_FRAME;
}

static void complain_silence(const struct walk_trial *trial)
{
	const struct stage_expect *expect = &trial->question->expect;

	if (complain_elsewhere(trial, true) || walk_is_too_young(trial) ||
	    walk_may_miss(trial->way))
		return;
	if (expect->kind != EXPECT_ICMP)
		return walk_stop(trial->way, WALK_FORWARD, SIZE_MAX,
				 "the router drops it, and says nothing");
	walk_complain_packet(trial, WALK_FORWARD, LOOK_KINDS, trial->in, FRAME_FIELD_NONE,
			     "the router said nothing of %s's packet; it must send it ICMP %u/%d",
			     trial->sender, expect->icmp_type,
			     expect->icmp_code < 0 ? 0 : expect->icmp_code);
}

void walk_judge_error(const struct walk_trial *trial)
{
	const struct walk_trial own = speak_of(trial, "ICMP error about", "packet");
	size_t error = walk_find_result(trial, trial->walk->frames[trial->in].wire, true);
	const size_t copy = walk_find_result(trial, SIZE_MAX, false);

	if (copy != WALK_NO_FRAME && trial->frame->packet.ttl <= 1)
		walk_complain_packet(trial, WALK_TTL, LOOK_TTL, copy, FRAME_FIELD_TTL,
				     "%s came with %u as its %s and was put onto net%u; it must be "
				     "dropped",
				     trial->subject, trial->frame->packet.ttl,
				     frame_field_name(trial->frame, FRAME_FIELD_TTL),
				     walk_net_of(trial, copy));
	else if (copy != WALK_NO_FRAME)
		walk_complain_packet(trial, WALK_FORWARD, LOOK_STRAY, copy, FRAME_FIELD_NONE,
				     "%s was put onto net%u; the router has no way for it",
				     trial->subject, walk_net_of(trial, copy));
	if (error == WALK_NO_FRAME && trial->question->expect.kind == EXPECT_ICMP)
		error = find_stray_error(trial);
	if (error == WALK_NO_FRAME)
		return complain_silence(&own);
	judge_error_frame(&own, error);
	if (copy == WALK_NO_FRAME)
		walk_judge_rest(&own, error);
}
