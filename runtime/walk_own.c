#include "walk_trial.h"

#define QUOTED_MIN 8 /* bytes behind the header that an ICMP error quotes (RFC 792) */

/* ---- what the router says itself ------------------------------------------------------------- */

static bool judge_own_head(const struct walk_trial *trial, size_t out)
{
	const struct frame_packet *packet = &walk_frame_of(trial, out)->packet;
	const size_t size = packet->version == 4 ? 4 : 16;
	enum frame_field field = FRAME_FIELD_NONE;

	if (packet->sum == FRAME_SUM_WRONG)
		field = FRAME_FIELD_CHECKSUM;
	else if (packet->upper_sum == FRAME_SUM_WRONG)
		field = FRAME_FIELD_UPPER_CHECKSUM;
	if (field != FRAME_FIELD_NONE) {
		walk_complain_field(trial, WALK_CHECKSUM,
				    field == FRAME_FIELD_CHECKSUM ? LOOK_CHECKSUM : LOOK_PAYLOAD,
				    out, field, "the sum over what it covers");
		return false;
	}
	if (packet->ttl == 0) {
		walk_complain_field(trial, WALK_TTL, LOOK_TTL, out, FRAME_FIELD_TTL, "more than 0");
		return false;
	}
	if (!walk_judge_macs(trial, out, trial->frame->source, trial->sender))
		return false;
	if (memcmp(packet->target, trial->frame->packet.source, size) == 0)
		return true;
	walk_complain_field(trial, WALK_PAYLOAD, LOOK_ADDRESSES, out, FRAME_FIELD_TARGET,
			    "that of who asked");
	return false;
}

static void judge_echo(const struct walk_trial *trial, size_t out)
{
	const struct frame *frame = walk_frame_of(trial, out);
	const struct frame_packet *asked = &trial->frame->packet;
	const struct frame_packet *packet = &frame->packet;
	const size_t size = asked->version == 4 ? 4 : 16;

	if (packet->type == asked->type)
		return walk_complain_field(trial, WALK_PAYLOAD, LOOK_PAYLOAD, out,
					   FRAME_FIELD_ICMP_TYPE, "that of an echo reply");
	if (!judge_own_head(trial, out))
		return;
	if (memcmp(packet->source, asked->target, size) != 0)
		return walk_complain_field(trial, WALK_PAYLOAD, LOOK_ADDRESSES, out,
					   FRAME_FIELD_SOURCE, "the address that was asked");
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
			"the router's answer to %s's echo carries %zu bytes that are not "
			"the %zu of the question",
			trial->sender, packet->payload_size, asked->payload_size);
	walk_stop(trial->way, WALK_PAYLOAD, trial->walk->frames[out].wire,
		  "it carries what the question did");
}

void walk_judge_answer(const struct walk_trial *trial)
{
	const size_t wire = trial->walk->frames[trial->in].wire;
	const size_t out = walk_find_result(trial, wire, false);
	char asked[WALK_NAME_SIZE];

	if (out == WALK_NO_FRAME) {
		walk_complain_packet(
			trial, WALK_FORWARD, LOOK_KINDS, trial->in, FRAME_FIELD_TARGET,
			"the router did not answer %s's echo request to its own address %s",
			trial->sender,
			walk_name(trial->walk->stage, trial->family, trial->frame->packet.target,
				  asked));
		return;
	}
	trial->way->answered++;
	trial->way->judged |= WALK_BIT(LOOK_TTL) | WALK_BIT(LOOK_CHECKSUM) |
			      WALK_BIT(LOOK_ETHERNET) | WALK_BIT(LOOK_ADDRESSES) |
			      WALK_BIT(LOOK_PAYLOAD);
	if (!walk_is_late(trial, out))
		walk_stop(trial->way, WALK_FORWARD, wire, "the router answers it itself");
	if (walk_frame_of(trial, out)->packet.version == trial->frame->packet.version &&
	    frame_is_echo(&walk_frame_of(trial, out)->packet))
		judge_echo(trial, out);
	else
		walk_judge_garbled(trial, out);
	walk_judge_rest(trial, out);
}

/* What it quotes: the header that it is about, but for what a router changes, and the bytes behind
 * that. */
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
			"the ICMP error about %s's packet quotes %zu bytes behind its header; "
			"it must be %zu at least",
			trial->sender, there, needed);
		return false;
	}
	if (quoted->head_size == packet->head_size &&
	    memcmp(frame->bytes + quoted->offset + quoted->head_size,
		   trial->frame->bytes + packet->offset + packet->head_size, needed) == 0)
		return true;
	walk_complain_packet(trial, WALK_PAYLOAD, LOOK_PAYLOAD, out, FRAME_FIELD_PAYLOAD,
			     "the ICMP error about %s's packet quotes something else than that",
			     trial->sender);
	return false;
}

static void judge_error_frame(const struct walk_trial *trial, size_t out)
{
	const struct frame_packet *packet = &walk_frame_of(trial, out)->packet;
	char expected[64];

	trial->way->answered++;
	trial->way->judged |= WALK_BIT(LOOK_TTL) | WALK_BIT(LOOK_CHECKSUM) |
			      WALK_BIT(LOOK_ETHERNET) | WALK_BIT(LOOK_ADDRESSES) |
			      WALK_BIT(LOOK_PAYLOAD);
	if (!walk_is_late(trial, out))
		walk_stop(trial->way, WALK_FORWARD, trial->walk->frames[out].wire,
			  "the router refuses it: ICMP %u/%u", packet->type, packet->code);
	if (packet->type != trial->fate.type ||
	    (trial->fate.code >= 0 && packet->code != trial->fate.code)) {
		(void)snprintf(expected, sizeof(expected), trial->fate.code < 0 ? "%u" : "%u/%d",
			       trial->fate.type, trial->fate.code);
		walk_complain_field(trial, WALK_PAYLOAD, LOOK_PAYLOAD, out, FRAME_FIELD_ICMP_TYPE,
				    expected);
		return;
	}
	if (judge_own_head(trial, out) && judge_quote(trial, out))
		walk_stop(trial->way, WALK_PAYLOAD, trial->walk->frames[out].wire,
			  "it quotes the packet");
}

void walk_judge_error(const struct walk_trial *trial)
{
	const size_t error = walk_find_result(trial, SIZE_MAX, true);
	const size_t copy = walk_find_result(trial, SIZE_MAX, false);

	if (copy != WALK_NO_FRAME && trial->frame->packet.ttl <= 1)
		walk_complain_field(trial, WALK_TTL, LOOK_TTL, copy, FRAME_FIELD_TTL,
				    "dropped: it came with a time to live of 1");
	else if (copy != WALK_NO_FRAME)
		walk_complain_packet(trial, WALK_FORWARD, LOOK_STRAY, copy, FRAME_FIELD_NONE,
				     "%s's packet was put onto net%u; the router has no way for it",
				     trial->sender, walk_net_of(trial, copy));
	if (error != WALK_NO_FRAME)
		judge_error_frame(trial, error);
	else if (trial->question->expect.kind == EXPECT_ICMP)
		walk_complain_packet(
			trial, WALK_FORWARD, LOOK_KINDS, trial->in, FRAME_FIELD_NONE,
			"the router said nothing of %s's packet; it must send it ICMP %u/%d",
			trial->sender, trial->question->expect.icmp_type,
			trial->question->expect.icmp_code < 0 ? 0
							      : trial->question->expect.icmp_code);
}
