#include "walk_trial.h"

#include "address.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#define DONT_FRAGMENT	0x4000
#define FRAGMENT_OFFSET 0x1fff
#define LATE_MS		1000
#define QUICK_NS	UINT64_C(50000000) /* of less nobody asks what it was for */

/* ---- fate ------------------------------------------------------------------------------------ */

static struct walk_fate error_fate(enum family family, uint8_t type4, int code4, uint8_t type6,
				   int code6)
{
	return family == FAMILY_IPV4
		       ? (struct walk_fate){.kind = FATE_ERROR, .type = type4, .code = code4}
		       : (struct walk_fate){.kind = FATE_ERROR, .type = type6, .code = code6};
}

/* For many (RFC 1112), or for everybody on a net. */
static bool is_for_many(const struct stage *stage, const struct frame_packet *packet)
{
	static const uint8_t everybody[] = {255, 255, 255, 255};
	struct stage_address target = {.length = 32};

	if (packet->version == 6)
		return packet->target[0] == 0xff;
	if ((packet->target[0] & 0xf0) == 0xe0 || memcmp(packet->target, everybody, 4) == 0)
		return true;
	memcpy(target.bytes, packet->target, 4);
	for (size_t i = 0; i < stage->net_count; i++)
		if (stage_net_has(&stage->nets[i], FAMILY_IPV4) &&
		    address_is_broadcast(&stage->nets[i].subnet[FAMILY_IPV4], &target))
			return true;
	return false;
}

static bool is_echo_request(const struct frame_packet *packet)
{
	return frame_is_echo(packet) && packet->upper_sum == FRAME_SUM_RIGHT &&
	       packet->type == (packet->version == 4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST);
}

static struct walk_fate route_fate(const struct walk_trial *trial)
{
	const struct frame_packet *packet = &trial->frame->packet;
	const struct stage *stage = trial->walk->stage;
	struct walk_fate fate = {.kind = FATE_FORWARD};
	const struct stage_net *leg = walk_route(stage, trial->family, packet->target, &fate.hop);

	/* Which of the two is found first is no matter. */
	if (packet->ttl <= 1 && leg == NULL)
		return (struct walk_fate){.kind = FATE_ANY};
	if (packet->ttl <= 1)
		return error_fate(trial->family, ICMP_TIME_EXCEEDED, 0, ICMP6_TIME_EXCEEDED, 0);
	/* Or nobody there has it (RFC 1812 5.2.7.1). */
	if (leg == NULL || (walk_owner(stage, trial->family, fate.hop.bytes, NULL) == NULL &&
			    walk_leg_of(stage, trial->family, fate.hop.bytes) == NULL))
		return error_fate(trial->family, ICMP_DEST_UNREACH, -1, ICMP6_DST_UNREACH, -1);
	if (packet->size > leg->mtu) {
		if (packet->version == 4 && (packet->fragment & DONT_FRAGMENT) == 0)
			return (struct walk_fate){.kind = FATE_ANY};
		return error_fate(trial->family, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED,
				  ICMP6_PACKET_TOO_BIG, 0);
	}
	fate.wire = walk_leg_index(trial->walk, leg->number);
	if (fate.wire == SIZE_MAX)
		fate.kind = FATE_ANY;
	return fate;
}

static struct walk_fate find_fate(const struct walk_trial *trial)
{
	const struct frame_packet *packet = &trial->frame->packet;

	if (trial->frame->kind != FRAME_IP || packet->sum == FRAME_SUM_WRONG || packet->cut ||
	    is_for_many(trial->walk->stage, packet) ||
	    !walk_is_router(trial->walk, trial->walk->frames[trial->in].wire, trial->frame->target))
		return (struct walk_fate){.kind = FATE_NOTHING};
	if (walk_leg_of(trial->walk->stage, trial->family, packet->target) != NULL)
		return (struct walk_fate){.kind = is_echo_request(packet) ? FATE_ANSWER : FATE_ANY};
	return route_fate(trial);
}

/* ---- a packet that was not ------------------------------------------------------------------- */

/* True where OUT is an ICMP error about IN. One about an error there is none (RFC 1122 3.2.2): that
 * is a copy. */
static bool is_error_about(const struct frame *in, const struct frame *out)
{
	return out->quoted.version != 0 && in->quoted.version == 0;
}

size_t walk_find_result(const struct walk_trial *trial, size_t wire, bool error)
{
	size_t i = trial->walk->sights[trial->in].first;

	while (i != WALK_NO_FRAME &&
	       (is_error_about(trial->frame, walk_frame_of(trial, i)) != error ||
		(wire != SIZE_MAX && trial->walk->frames[i].wire != wire)))
		i = trial->walk->sights[i].next;
	return i;
}

/* The router has had the packet of TRIAL for TOOK ns when AT shows so. */
static void note_took(const struct walk_trial *trial, uint64_t took, size_t at)
{
	struct walk_way *way = trial->way;

	if (took <= way->took[trial->back])
		return;
	way->took[trial->back] = took;
	way->slowest[trial->back] = at;
}

bool walk_is_too_young(const struct walk_trial *trial)
{
	const struct walk *walk = trial->walk;
	const struct walk_way *way = trial->way;
	const uint64_t age = walk->end - walk->frames[trial->in].time;
	const uint64_t usual = way->took[0] > way->took[1] ? way->took[0] : way->took[1];

	if (age >= (uint64_t)trial->question->within * 1000000 / 2 && age >= 2 * usual)
		return false;
	note_took(trial, age, trial->in);
	return true;
}

/* What there is to say of a packet that came and was put nowhere; of the first that is lost, for it
 * is dear. WALK_ASKED_WRONG: all is said. */
static enum walk_asked judge_asking(const struct walk_trial *trial)
{
	const struct walk *walk = trial->walk;

	if (trial->family != FAMILY_IPV4 || walk_has_fatal(trial->way))
		return WALK_ASKED_ELSE;
	return walk_judge_asking(walk, trial->fate.wire, trial->fate.hop.bytes,
				 walk->frames[trial->in].time, trial->way);
}

static void complain_not_sent(const struct walk_trial *trial)
{
	const struct walk *walk = trial->walk;
	const size_t wire = walk->frames[trial->in].wire;
	const struct walk_leg *in = &walk->legs[wire];
	const struct walk_leg *out = &walk->legs[trial->fate.wire];
	const char *rule = walk_rule(trial, WALK_FORWARD, FRAME_FIELD_NONE);
	enum walk_asked asked;
	char whose[WALK_NAME_SIZE];
	char deaf[WALK_DEAF_SIZE];
	const char *why;

	if (walk_may_miss(trial->way))
		return;
	if (out->hears == 0)
		return walk_complain(trial->way, WALK_LISTENING, 0, WALK_NO_FRAME, FRAME_FIELD_NONE,
				     "packet(7)",
				     "%s was not put onto net%u, where nobody listens: %s",
				     trial->subject, out->net, walk_why_deaf(out, deaf));
	if (walk_judge_lesson(trial))
		return;
	asked = judge_asking(trial);
	if (asked == WALK_ASKED_WRONG)
		return;
	why = walk_say_deaf(walk, wire, trial->in);
	if ((in->hears & WALK_HEARS_IP) == 0)
		why = ", and no packet socket where it came is for IP or for all (0x0003)";
	else if (why[0] == '\0' && asked == WALK_ASKED_NOT)
		why = ", and no ARP question either";
	else if (why[0] == '\0' && asked == WALK_ASKED_ANSWERED) {
		why = ", though its ARP question was answered";
		rule = "RFC 1122 2.3.2.2";
	}
	walk_complain(trial->way, WALK_FORWARD, 0, trial->in, FRAME_FIELD_NONE, rule,
		      "%s came to the router on net%u and was not put onto net%u for %s%s",
		      trial->subject, in->net, out->net,
		      walk_name(walk->stage, trial->family, trial->fate.hop.bytes, whose), why);
}

/* True where OUT, which came of IN, is an echo reply and IN none. */
static bool is_answer_to(const struct frame_packet *in, const struct frame_packet *out)
{
	return out->version != 0 && frame_is_echo(out) && out->type != in->type;
}

static void complain_not_forwarded(const struct walk_trial *trial)
{
	const size_t error = walk_find_result(trial, SIZE_MAX, true);
	const size_t copy = walk_find_result(trial, SIZE_MAX, false);
	const unsigned net = trial->walk->legs[trial->fate.wire].net;

	if (copy != WALK_NO_FRAME &&
	    is_answer_to(&trial->frame->packet, &walk_frame_of(trial, copy)->packet))
		walk_complain_packet(
			trial, WALK_FORWARD, LOOK_KINDS, copy, FRAME_FIELD_ICMP_TYPE,
			"the router answered %s itself, which is not for it; it must put it onto "
			"net%u",
			trial->subject, net);
	else if (copy != WALK_NO_FRAME)
		walk_complain_packet(trial, WALK_FORWARD, LOOK_STRAY, copy, FRAME_FIELD_NONE,
				     "%s was put onto net%u; it must go onto net%u", trial->subject,
				     walk_net_of(trial, copy), net);
	else if (error != WALK_NO_FRAME)
		walk_complain_packet(
			trial, WALK_FORWARD, LOOK_KINDS, error, FRAME_FIELD_ICMP_TYPE,
			"the router refused %s with ICMP %u/%u; it must put it onto net%u",
			trial->subject, walk_frame_of(trial, error)->packet.type,
			walk_frame_of(trial, error)->packet.code, net);
	else if (!walk_is_too_young(trial))
		complain_not_sent(trial);
}

/* ---- more than there is to be ---------------------------------------------------------------- */

/* True where both are one packet: they have its marker, which is TCP's for a whole stream. */
static bool is_surely_same(const struct walk_sight *in, const struct walk_sight *out)
{
	return in->marked && out->marked && in->marker.token == out->marker.token &&
	       in->marker.sequence == out->marker.sequence && in->frame.packet.upper != FRAME_TCP;
}

/* True where the frame I, which came of the packet, need not be told beside another: where not all
 * was captured it may be another packet's copy, and where a packet goes back onto the wire that it
 * came by its sender may be told of a shorter way (RFC 1812 5.2.7.2). */
static bool is_pardoned(const struct walk_trial *trial, size_t i)
{
	const struct walk *walk = trial->walk;
	const struct walk_sight *in = &walk->sights[trial->in];
	const struct walk_sight *out = &walk->sights[i];

	if (walk->partial && !is_surely_same(in, out))
		return true;
	return trial->fate.kind == FATE_FORWARD &&
	       trial->fate.wire == walk->frames[trial->in].wire &&
	       is_error_about(&in->frame, &out->frame) && out->frame.packet.version == 4 &&
	       out->frame.packet.type == ICMP_REDIRECT;
}

/* True where the frames KEPT and I are pieces that a packet was cut into; that it was is told of
 * the first. */
static bool is_other_piece(const struct walk_trial *trial, size_t kept, size_t i)
{
	const struct frame_packet *one, *other;

	if (kept == WALK_NO_FRAME)
		return false;
	one = &walk_frame_of(trial, kept)->packet;
	other = &walk_frame_of(trial, i)->packet;
	return one->version == 4 && other->version == 4 &&
	       ((one->fragment ^ other->fragment) & FRAGMENT_OFFSET) != 0;
}

/* Complains of the frame I, which came of the packet beside KEPT. */
static void complain_rest(const struct walk_trial *trial, size_t kept, size_t i)
{
	const struct walk *walk = trial->walk;
	const struct frame *frame = walk_frame_of(trial, i);
	const bool error = is_error_about(trial->frame, frame);

	if (kept != WALK_NO_FRAME && walk->frames[i].wire == walk->frames[kept].wire &&
	    error == is_error_about(trial->frame, walk_frame_of(trial, kept)))
		walk_complain_packet(trial, WALK_DUPLICATE, LOOK_DUPLICATE, i, FRAME_FIELD_NONE,
				     "%s was put onto net%u once more", trial->subject,
				     walk_net_of(trial, i));
	else if (error)
		walk_complain_packet(trial, WALK_DUPLICATE, LOOK_STRAY, i, FRAME_FIELD_ICMP_TYPE,
				     "an ICMP error about %s's packet was put onto net%u as well",
				     trial->sender, walk_net_of(trial, i));
	else if (trial->fate.kind == FATE_FORWARD &&
		 is_answer_to(&trial->frame->packet, &frame->packet))
		walk_complain_packet(trial, WALK_DUPLICATE, LOOK_STRAY, i, FRAME_FIELD_ICMP_TYPE,
				     "the router answered %s itself as well, which is not for it",
				     trial->subject);
	else
		walk_complain_packet(trial, WALK_DUPLICATE, LOOK_STRAY, i, FRAME_FIELD_NONE,
				     "a copy of %s was put onto net%u, where it has no business",
				     trial->subject, walk_net_of(trial, i));
}

void walk_judge_rest(const struct walk_trial *trial, size_t kept)
{
	const struct walk *walk = trial->walk;

	trial->way->judged |= WALK_BIT(LOOK_STRAY);
	if (kept != WALK_NO_FRAME)
		trial->way->judged |= WALK_BIT(LOOK_DUPLICATE);
	for (size_t i = walk->sights[trial->in].first; i != WALK_NO_FRAME;
	     i = walk->sights[i].next) {
		if (i == kept || is_pardoned(trial, i) || is_other_piece(trial, kept, i))
			continue;
		trial->way->strays++;
		return complain_rest(trial, kept, i); /* one of them tells it */
	}
}

/* What the router waited for, as for an answer by ARP that the wire delays, is not its own time. */
static uint64_t find_wait(const struct walk_trial *trial, size_t out)
{
	const struct walk *walk = trial->walk;

	if (trial->fate.kind != FATE_FORWARD || trial->family != FAMILY_IPV4)
		return 0;
	return walk_arp_wait(walk, trial->fate.wire, trial->fate.hop.bytes,
			     walk->frames[trial->in].time, walk->frames[out].time);
}

bool walk_is_late(const struct walk_trial *trial, size_t out)
{
	const unsigned limit =
		trial->question->within < LATE_MS ? trial->question->within : LATE_MS;
	uint64_t took = trial->walk->frames[out].time - trial->walk->frames[trial->in].time;

	if (took > QUICK_NS)
		took -= find_wait(trial, out);
	note_took(trial, took, out);
	if (took <= (uint64_t)limit * 1000000)
		return false;
	walk_complain_packet(trial, WALK_FORWARD, LOOK_KINDS, out, FRAME_FIELD_NONE,
			     "%s was put onto net%u after %u ms; it must be within %u ms",
			     trial->subject, walk_net_of(trial, out), walk_ms(took), limit);
	return true;
}

static void judge_forward(const struct walk_trial *trial)
{
	const size_t out = walk_find_result(trial, trial->fate.wire, false);

	if (out == WALK_NO_FRAME)
		return complain_not_forwarded(trial);
	*(trial->back ? &trial->way->delivered : &trial->way->carried) += 1;
	if (!walk_is_late(trial, out))
		walk_stop(trial->way, WALK_FORWARD, trial->fate.wire,
			  "the router puts it onto net%u", walk_net_of(trial, out));
	walk_judge_copy(trial, out);
	walk_judge_rest(trial, out);
}

static void judge_nothing(const struct walk_trial *trial)
{
	const size_t copy = walk_find_result(trial, SIZE_MAX, false);

	if (copy != WALK_NO_FRAME && trial->frame->packet.sum == FRAME_SUM_WRONG)
		walk_complain_packet(
			trial, WALK_CHECKSUM, LOOK_CHECKSUM, copy, FRAME_FIELD_CHECKSUM,
			"%s came with a wrong checksum of its header and was put onto net%u; it "
			"must be dropped",
			trial->subject, walk_net_of(trial, copy));
	else if (!walk_judge_lesson(trial))
		walk_judge_rest(trial, WALK_NO_FRAME);
}

/* ---- one packet ------------------------------------------------------------------------------ */

/* Keeps the stops of this packet, which begin at START, only where it is the one to be shown. */
static void choose_stops(struct walk_way *way, size_t start, bool first, size_t faults, bool back)
{
	const size_t shown = way->shown[back];
	const size_t count = way->stop_count - start;

	if (first) {
		way->shown[back] = start;
		return;
	}
	if (faults > 0 || way->fault_count == 0) {
		way->stop_count = faults > 0 ? way->stop_count : start;
		return;
	}
	memmove(&way->stops[shown], &way->stops[start], count * sizeof(way->stops[0]));
	way->stop_count = shown + count;
}

/* It came to the router, or to a leg but not for the router. */
static void stop_at(const struct walk_trial *trial)
{
	const struct walk *walk = trial->walk;
	const size_t wire = walk->frames[trial->in].wire;
	char mac[MAC_TEXT_SIZE];

	if (trial->frame->kind == FRAME_SHORT || walk_is_router(walk, wire, trial->frame->target))
		walk_stop(trial->way, WALK_FORWARD, wire, "a packet of %s comes to the router",
			  trial->sender);
	else
		walk_stop(trial->way, WALK_FORWARD, wire, "a packet of %s comes, for %s",
			  trial->sender, address_format_mac(trial->frame->target, mac));
}

void walk_judge_packet(const struct walk *walk, const struct walk_question *question, size_t i,
		       bool back, struct walk_way *way)
{
	const struct frame *frame = &walk->sights[i].frame;
	struct walk_trial trial = {.walk = walk,
				   .question = question,
				   .in = i,
				   .frame = frame,
				   .family = frame->packet.version == 6 ? FAMILY_IPV6 : FAMILY_IPV4,
				   .back = back,
				   .way = way};
	const size_t start = way->stop_count;
	const size_t faults = way->fault_count;
	size_t *count = back ? &way->returned : &way->entered;

	*count += 1;
	if (frame->kind == FRAME_IP)
		(void)walk_name(walk->stage, trial.family, frame->packet.source, trial.sender);
	else
		stage_client_name(question->asker, trial.sender);
	(void)snprintf(trial.subject, sizeof(trial.subject), "%s's packet", trial.sender);
	trial.fate = find_fate(&trial);
	if (trial.fate.kind != FATE_ANY)
		way->judged |= WALK_BIT(LOOK_STRAY);
	stop_at(&trial);
	switch (trial.fate.kind) {
	case FATE_FORWARD:
		judge_forward(&trial);
		break;
	case FATE_ANSWER:
		walk_judge_answer(&trial);
		break;
	case FATE_ERROR:
		walk_judge_error(&trial);
		break;
	case FATE_NOTHING:
		judge_nothing(&trial);
		break;
	case FATE_ANY:
		break;
	}
	choose_stops(way, start, *count == 1, faults, back);
}
