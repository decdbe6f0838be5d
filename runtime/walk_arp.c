#include "walk_parts.h"

#include "address.h"

#include <linux/if_ether.h>

static bool is_zero(const uint8_t mac[FRAME_MAC_SIZE])
{
	static const uint8_t zero[FRAME_MAC_SIZE];

	return memcmp(mac, zero, sizeof(zero)) == 0;
}

bool walk_is_everybody(const uint8_t mac[FRAME_MAC_SIZE])
{
	static const uint8_t everybody[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	return memcmp(mac, everybody, sizeof(everybody)) == 0;
}

static bool is_clients(const struct stage *stage, const uint8_t mac[FRAME_MAC_SIZE])
{
	for (size_t i = 0; i < stage->client_count; i++) {
		const struct stage_client *client = &stage->clients[i];

		for (size_t j = 0; j < client->interface_count; j++)
			if (memcmp(client->interfaces[j].mac, mac, FRAME_MAC_SIZE) == 0)
				return true;
	}
	return false;
}

static bool is_other_legs(const struct walk *walk, size_t wire, const uint8_t mac[FRAME_MAC_SIZE])
{
	for (size_t i = 0; i < walk->leg_count; i++)
		if (i != wire && memcmp(walk->legs[i].mac, mac, FRAME_MAC_SIZE) == 0)
			return memcmp(walk->legs[wire].mac, mac, FRAME_MAC_SIZE) != 0;
	return false;
}

size_t walk_find_arp(const struct frame *frame)
{
	static const uint8_t head[] = {0, 1, 8, 0, 6, 4, 0};
	/* Behind the header; behind one without a type; without any. */
	static const size_t places[] = {FRAME_HEAD_SIZE, FRAME_HEAD_SIZE - 2, 0};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (frame->length >= places[i] + WALK_ARP_SIZE &&
		    memcmp(frame->bytes + places[i], head, sizeof(head)) == 0)
			return places[i];
	return SIZE_MAX;
}

bool walk_can_be_router(const struct walk *walk, size_t wire, const uint8_t mac[FRAME_MAC_SIZE])
{
	return !is_zero(mac) && (mac[0] & 1) == 0 && !is_clients(walk->stage, mac) &&
	       (!is_other_legs(walk, wire, mac) || walk_is_taken(walk, wire, mac));
}

const uint8_t *walk_leg_address(const struct walk *walk, size_t wire)
{
	return stage_net_find(walk->stage, walk->legs[wire].net)->computer[FAMILY_IPV4].bytes;
}

bool walk_is_arp(const struct walk *walk, size_t i, size_t wire, bool sent)
{
	return walk->frames[i].wire == wire && walk->frames[i].sent == sent &&
	       walk->sights[i].frame.kind == FRAME_ARP;
}

bool walk_is_router(const struct walk *walk, size_t wire, const uint8_t mac[FRAME_MAC_SIZE])
{
	if (memcmp(walk->legs[wire].mac, mac, FRAME_MAC_SIZE) == 0)
		return true;
	if (!walk_can_be_router(walk, wire, mac))
		return false;
	for (size_t i = 0; i < walk->count; i++) {
		const struct frame_arp *arp = &walk->sights[i].frame.arp;

		if (walk_is_arp(walk, i, wire, true) && memcmp(arp->sender_mac, mac, 6) == 0 &&
		    memcmp(arp->sender, walk_leg_address(walk, wire), 4) == 0)
			return true;
	}
	return false;
}

/* ---- a client's question --------------------------------------------------------------------- */

static bool asks(const struct walk *walk, const struct walk_arp *arp, size_t i)
{
	const struct frame_arp *asked = &walk->sights[i].frame.arp;

	return walk_is_arp(walk, i, arp->wire, false) && asked->operation == WALK_ARP_ASKS &&
	       memcmp(asked->sender_mac, arp->interface->mac, FRAME_MAC_SIZE) == 0 &&
	       memcmp(asked->target, arp->address, 4) == 0;
}

/* In the time of the question that is judged. */
static bool is_clients_question(const struct walk *walk, const struct walk_arp *arp, size_t i)
{
	return walk->frames[i].time >= arp->question->began &&
	       walk->frames[i].time <= arp->question->ended && asks(walk, arp, i);
}

/* How much of an answer to ARP's question the frame I is, which the router may have sent. A
 * question or an announcement of its own is none: of another operation than an answer's one must be
 * meant for the client that asked, inside as well, for RFC 826 does not care what a question has
 * there. */
enum likeness { IS_NONE, IS_MEANT, IS_ONE };

/* As a client says of itself: a frame of its own, copied as a hub does. */
static bool is_clients_own(const struct walk *walk, const struct frame_arp *said)
{
	const struct stage_interface *owner = NULL;

	return walk_owner(walk->stage, FAMILY_IPV4, said->sender, &owner) != NULL &&
	       memcmp(owner->mac, said->sender_mac, FRAME_MAC_SIZE) == 0;
}

static enum likeness liken_arp(const struct walk *walk, const struct walk_arp *arp,
			       const struct frame *frame)
{
	const uint8_t *client = arp->interface->address[FAMILY_IPV4].bytes;
	const struct frame_arp *said = &frame->arp;
	const bool to_client = memcmp(frame->target, arp->interface->mac, FRAME_MAC_SIZE) == 0;
	const bool answers = said->operation == WALK_ARP_ANSWERS;

	if (memcmp(said->sender, client, 4) == 0) /* as the question had them */
		return memcmp(said->target, arp->address, 4) == 0 ? IS_MEANT : IS_NONE;
	if (memcmp(said->sender, arp->address, 4) == 0 && memcmp(said->target, client, 4) == 0 &&
	    memcmp(said->target_mac, arp->interface->mac, FRAME_MAC_SIZE) == 0)
		return answers ? IS_ONE : IS_MEANT;
	if (!answers)
		return IS_NONE;
	if (to_client) /* whatever else it says */
		return is_clients_own(walk, said) ? IS_NONE : IS_MEANT;
	return walk_is_everybody(frame->target) && memcmp(said->sender, arp->address, 4) == 0 &&
			       memcmp(said->target, arp->address, 4) != 0
		       ? IS_MEANT
		       : IS_NONE;
}

/* The frame is to be ARP, and is none: of another type or with its numbers in another order, or
 * without a whole Ethernet header. */
static bool is_garbled(const struct frame *frame)
{
	return frame->kind != FRAME_ARP &&
	       (frame->type == ETH_P_ARP || walk_find_arp(frame) != SIZE_MAX);
}

static enum likeness liken(const struct walk *walk, const struct walk_arp *arp, size_t i)
{
	const struct frame *frame = &walk->sights[i].frame;

	if (!walk->frames[i].sent)
		return IS_NONE;
	if (frame->kind == FRAME_ARP)
		return liken_arp(walk, arp, frame);
	return is_garbled(frame) && walk->frames[i].wire == arp->wire ? IS_MEANT : IS_NONE;
}

/* What an answer is compared with. */
struct answer {
	const struct walk *walk;
	const struct walk_arp *arp;
	const char *asker;
	const char *asked;
	const struct stage_net *owner; /* the leg that has the address; NULL: none */
	size_t frame;
	struct walk_way *way;
};

void walk_complain_arp(struct walk_way *way, enum walk_step step, size_t i, enum frame_field field,
		       const char *what, const char *expected)
{
	const struct frame *frame = &way->walk->sights[i].frame;
	unsigned looks = WALK_BIT(LOOK_ARP);
	char seen[FRAME_DESCRIBE_SIZE];

	if (field == FRAME_FIELD_TARGET_MAC || field == FRAME_FIELD_SOURCE_MAC)
		looks |= WALK_BIT(LOOK_ETHERNET);
	(void)frame_field_text(frame, field, seen);
	walk_complain(way, step, looks, i, field, WALK_ARP_RULE,
		      "%s has %s as its %s; it must be %s", what, seen,
		      frame_field_name(frame, field), expected);
}

static void complain_field(const struct answer *answer, enum frame_field field,
			   const char *expected)
{
	char what[2 * WALK_NAME_SIZE + 32];

	(void)snprintf(what, sizeof(what), "the ARP answer to %s for %s", answer->asker,
		       answer->asked);
	walk_complain_arp(answer->way, WALK_ARP_ANSWER, answer->frame, field, what, expected);
}

static bool judge_ethernet(const struct answer *answer)
{
	const struct walk *walk = answer->walk;
	const struct frame *frame = &walk->sights[answer->frame].frame;
	const size_t wire = answer->arp->wire;
	char expected[96];
	char mac[MAC_TEXT_SIZE];

	if (memcmp(frame->target, answer->arp->interface->mac, FRAME_MAC_SIZE) != 0 &&
	    !walk_is_everybody(frame->target)) {
		(void)snprintf(expected, sizeof(expected), "%s's, %s", answer->asker,
			       address_format_mac(answer->arp->interface->mac, mac));
		complain_field(answer, FRAME_FIELD_TARGET_MAC, expected);
		return false;
	}
	if (walk_can_be_router(walk, wire, frame->source))
		return true;
	(void)snprintf(expected, sizeof(expected), "net%u's, %s", walk->legs[wire].net,
		       address_format_mac(walk->legs[wire].mac, mac));
	complain_field(answer, FRAME_FIELD_SOURCE_MAC, expected);
	return false;
}

/* The first of its fields that is wrong. */
static void judge_fields(const struct answer *answer)
{
	const struct walk *walk = answer->walk;
	const struct frame_arp *arp = &walk->sights[answer->frame].frame.arp;
	const struct stage_interface *interface = answer->arp->interface;
	const size_t wire = answer->arp->wire;
	char text[ADDRESS_TEXT_SIZE + 32];
	char mac[MAC_TEXT_SIZE];

	if (arp->operation != WALK_ARP_ANSWERS)
		return complain_field(answer, FRAME_FIELD_ARP_OPERATION, "2, of an answer");
	if (memcmp(arp->sender, answer->arp->address, 4) != 0)
		return complain_field(answer, FRAME_FIELD_ARP_SENDER, answer->asked);
	if (!walk_can_be_router(walk, wire, arp->sender_mac) ||
	    walk_is_wasted(walk, wire, arp->sender_mac)) {
		(void)snprintf(text, sizeof(text), "net%u's, %s", walk->legs[wire].net,
			       address_format_mac(walk->legs[wire].mac, mac));
		return complain_field(answer, FRAME_FIELD_ARP_SENDER_MAC, text);
	}
	if (!judge_ethernet(answer))
		return;
	if (memcmp(arp->target, interface->address[FAMILY_IPV4].bytes, 4) != 0) {
		(void)address_format(FAMILY_IPV4, &interface->address[FAMILY_IPV4], text);
		return complain_field(answer, FRAME_FIELD_ARP_TARGET, text);
	}
	if (memcmp(arp->target_mac, interface->mac, FRAME_MAC_SIZE) != 0)
		complain_field(answer, FRAME_FIELD_ARP_TARGET_MAC,
			       address_format_mac(interface->mac, text));
}

static void judge_answer(const struct answer *answer)
{
	const struct walk *walk = answer->walk;
	const struct capture_frame *frame = &walk->frames[answer->frame];
	const struct frame *seen = &walk->sights[answer->frame].frame;
	const unsigned net = walk->legs[answer->arp->wire].net;

	answer->way->judged |= WALK_BIT(LOOK_ARP);
	if (seen->kind != FRAME_ARP && walk_find_arp(seen) == FRAME_HEAD_SIZE &&
	    seen->type != ETH_P_ARP)
		complain_field(answer, FRAME_FIELD_TYPE, "0x0806");
	else if (seen->kind != FRAME_ARP)
		walk_complain(
			answer->way, WALK_ARP_ANSWER, WALK_BIT(LOOK_ARP), answer->frame,
			FRAME_FIELD_PAYLOAD, WALK_ARP_RULE,
			"the answer to %s's ARP question for %s %s", answer->asker, answer->asked,
			walk_find_arp(seen) < FRAME_HEAD_SIZE ? "has no whole Ethernet header"
							      : "is no ARP of IPv4 over Ethernet");
	else if (frame->wire != answer->arp->wire)
		walk_complain(
			answer->way, WALK_ARP_ANSWER, WALK_BIT(LOOK_ARP), answer->frame,
			FRAME_FIELD_NONE, WALK_ARP_RULE,
			"the answer to %s's ARP question for %s went out on net%u; it must go "
			"out on net%u",
			answer->asker, answer->asked, walk->legs[frame->wire].net, net);
	else
		judge_fields(answer);
}

/* The next answer to the question at FROM: before what is only meant as one comes one that is, and
 * before another wire the question's own. */
static size_t find_answer(const struct walk *walk, const struct walk_arp *arp, size_t from)
{
	size_t meant = WALK_NO_FRAME;
	size_t elsewhere = WALK_NO_FRAME;

	for (size_t i = from + 1; i < walk->count; i++) {
		const enum likeness likeness = liken(walk, arp, i);

		if (likeness == IS_NONE)
			continue;
		if (walk->frames[i].wire == arp->wire && likeness == IS_ONE)
			return i;
		if (walk->frames[i].wire == arp->wire)
			meant = meant == WALK_NO_FRAME ? i : meant;
		else if (likeness == IS_ONE && elsewhere == WALK_NO_FRAME)
			elsewhere = i; /* what else is there may be a copy of the question */
	}
	return meant != WALK_NO_FRAME ? meant : elsewhere;
}

static void complain_unanswered(const struct answer *answer, size_t question)
{
	const struct walk *walk = answer->walk;
	const struct walk_leg *leg = &walk->legs[answer->arp->wire];

	/* It may have come right before the end. */
	if (walk->end - walk->frames[question].time <
		    (uint64_t)answer->arp->question->within * 1000000 / 2 ||
	    walk_may_miss(answer->way))
		return;
	walk_complain(answer->way, WALK_ARP_ANSWER, 0, question, FRAME_FIELD_NONE, WALK_ARP_RULE,
		      "nobody answers %s's ARP question for %s on net%u%s", answer->asker,
		      answer->asked, leg->net,
		      (leg->hears & WALK_HEARS_ARP) == 0
			      ? ", where no packet socket is for ARP (0x0806) or for all (0x0003)"
			      : walk_say_deaf(walk, answer->arp->wire, question));
}

/* An answer to a question for an address that is no leg's. What only comes back, as it came or
 * garbled, is none. */
static void judge_foreign(const struct answer *answer)
{
	const struct frame *frame;

	if (answer->frame == WALK_NO_FRAME)
		return;
	frame = &answer->walk->sights[answer->frame].frame;
	if (memcmp(frame->arp.sender, answer->arp->address, 4) != 0)
		return;
	answer->way->strays++;
	walk_complain(answer->way, WALK_ARP_ANSWER, WALK_BIT(LOOK_ARP) | WALK_BIT(LOOK_STRAY),
		      answer->frame, FRAME_FIELD_ARP_SENDER, WALK_ARP_RULE,
		      "%s's ARP question for %s was answered on net%u, where that is not the "
		      "router's address",
		      answer->asker, answer->asked, answer->walk->legs[answer->arp->wire].net);
}

static void judge_question(struct answer *answer, size_t question)
{
	const struct walk *walk = answer->walk;
	const uint64_t within = (uint64_t)answer->arp->question->within * 1000000;
	uint64_t took;

	answer->frame = find_answer(walk, answer->arp, question);
	if (answer->owner == NULL)
		return judge_foreign(answer);
	if (answer->owner->number != walk->legs[answer->arp->wire].net)
		return;
	if (answer->frame == WALK_NO_FRAME)
		return complain_unanswered(answer, question);
	took = walk->frames[answer->frame].time - walk->frames[question].time;
	if (took <= within)
		return judge_answer(answer);
	if (walk_may_miss(answer->way))
		return;
	walk_complain(answer->way, WALK_ARP_ANSWER, WALK_BIT(LOOK_ARP), answer->frame,
		      FRAME_FIELD_NONE, WALK_ARP_RULE,
		      "%s's ARP question for %s was answered after %u ms; it must be within %u ms",
		      answer->asker, answer->asked, walk_ms(took), answer->arp->question->within);
}

/* More answers than questions, from the first on to the end of the capture, or answers on other
 * wires too. */
static void judge_count(struct answer *answer, size_t first)
{
	const struct walk *walk = answer->walk;
	const struct walk_arp *arp = answer->arp;
	size_t questions = 0;
	size_t answers = 0;

	for (size_t i = first; i < walk->count; i++) {
		questions += asks(walk, arp, i);
		if (liken(walk, arp, i) != IS_ONE)
			continue;
		if (walk->frames[i].wire != arp->wire)
			return walk_complain(
				answer->way, WALK_DUPLICATE,
				WALK_BIT(LOOK_ARP) | WALK_BIT(LOOK_DUPLICATE) |
					WALK_BIT(LOOK_STRAY),
				i, FRAME_FIELD_NONE, WALK_ARP_RULE,
				"the ARP answer to %s for %s was put onto net%u too, where nobody "
				"asked for it",
				answer->asker, answer->asked, walk->legs[walk->frames[i].wire].net);
		answers++;
		answer->frame = i;
	}
	if (answers > questions && !walk_may_miss(answer->way))
		walk_complain(answer->way, WALK_DUPLICATE,
			      WALK_BIT(LOOK_ARP) | WALK_BIT(LOOK_DUPLICATE), answer->frame,
			      FRAME_FIELD_NONE, WALK_ARP_RULE,
			      "%s asked for %s by ARP %zu time%s and was answered %zu times",
			      answer->asker, answer->asked, questions, questions == 1 ? "" : "s",
			      answers);
}

void walk_judge_arp(const struct walk *walk, const struct walk_arp *arp, struct walk_way *way)
{
	char asker[STAGE_CLIENT_NAME_SIZE];
	char asked[WALK_NAME_SIZE];
	struct answer answer = {.walk = walk,
				.arp = arp,
				.asker = asker,
				.asked = asked,
				.owner = walk_leg_of(walk->stage, FAMILY_IPV4, arp->address),
				.frame = WALK_NO_FRAME,
				.way = way};
	const bool is_probe = arp->question->kind == PROBE_ARP;
	const size_t before = way->fault_count;
	size_t first = WALK_NO_FRAME;
	size_t questions = 0;

	stage_client_name(arp->client, asker);
	(void)walk_name(walk->stage, FAMILY_IPV4, arp->address, asked);
	for (size_t i = 0; i < walk->count; i++) {
		if (!is_clients_question(walk, arp, i))
			continue;
		if (questions++ == 0) {
			first = i;
			walk_stop(way, WALK_ARP_QUESTION, arp->wire, "%s asks for %s by ARP", asker,
				  asked);
		}
		/* Those that repeat one are judged with it. */
		if (way->fault_count == before)
			judge_question(&answer, i);
	}
	if (questions == 0)
		return;
	if (is_probe)
		way->judged |= WALK_BIT(LOOK_DUPLICATE) | WALK_BIT(LOOK_STRAY);
	if (is_probe && answer.frame != WALK_NO_FRAME)
		way->judged |= WALK_BIT(LOOK_ETHERNET);
	if (is_probe && way->fault_count == before && answer.owner != NULL)
		judge_count(&answer, first);
	if (answer.frame != WALK_NO_FRAME && answer.owner != NULL)
		walk_stop(way, WALK_ARP_ANSWER, walk->frames[answer.frame].wire,
			  "the router answers that it has %s", asked);
}
