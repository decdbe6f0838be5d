#include "walk_parts.h"

#include "address.h"

#include <linux/if_ether.h>

#define OPERATION_ASKS	  1
#define OPERATION_ANSWERS 2
#define ANSWER_RULE	  "RFC 826"
#define AGAIN_NS	  UINT64_C(50000000) /* what is under way when an answer comes may ask again */
#define AGAIN_MAX	  2		     /* questions for what was answered before */

static bool is_zero(const uint8_t mac[FRAME_MAC_SIZE])
{
	static const uint8_t zero[FRAME_MAC_SIZE];

	return memcmp(mac, zero, sizeof(zero)) == 0;
}

static bool is_everybody(const uint8_t mac[FRAME_MAC_SIZE])
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

/* True where a router may say that MAC is its own on the leg WIRE. */
static bool can_be_router(const struct walk *walk, size_t wire, const uint8_t mac[FRAME_MAC_SIZE])
{
	return !is_zero(mac) && (mac[0] & 1) == 0 && !is_clients(walk->stage, mac) &&
	       !is_other_legs(walk, wire, mac);
}

static const uint8_t *leg_address(const struct walk *walk, size_t wire)
{
	return stage_net_find(walk->stage, walk->legs[wire].net)->computer[FAMILY_IPV4].bytes;
}

static bool is_arp_of(const struct walk *walk, size_t i, size_t wire, bool sent)
{
	return walk->sights[i].frame.kind == FRAME_ARP && walk->frames[i].wire == wire &&
	       walk->frames[i].sent == sent;
}

bool walk_is_router(const struct walk *walk, size_t wire, const uint8_t mac[FRAME_MAC_SIZE])
{
	if (memcmp(walk->legs[wire].mac, mac, FRAME_MAC_SIZE) == 0)
		return true;
	if (!can_be_router(walk, wire, mac))
		return false;
	for (size_t i = 0; i < walk->count; i++) {
		const struct frame_arp *arp = &walk->sights[i].frame.arp;

		if (is_arp_of(walk, i, wire, true) && memcmp(arp->sender_mac, mac, 6) == 0 &&
		    memcmp(arp->sender, leg_address(walk, wire), 4) == 0)
			return true;
	}
	return false;
}

/* ---- a client's question --------------------------------------------------------------------- */

/* A frame of the router's that is its own question or announcement, whoever it asks: those are no
 * answers. */
static bool is_question(const struct frame *frame)
{
	const struct frame_arp *arp = &frame->arp;

	if (memcmp(arp->sender, arp->target, 4) == 0)
		return true;
	return arp->operation == OPERATION_ASKS &&
	       (is_zero(arp->target_mac) || is_everybody(arp->target_mac));
}

static bool is_clients_question(const struct walk *walk, const struct walk_arp *arp, size_t i)
{
	const struct frame_arp *asked = &walk->sights[i].frame.arp;

	return is_arp_of(walk, i, arp->wire, false) && asked->operation == OPERATION_ASKS &&
	       walk->frames[i].time >= arp->question->began &&
	       walk->frames[i].time <= arp->question->ended &&
	       memcmp(asked->sender_mac, arp->interface->mac, FRAME_MAC_SIZE) == 0 &&
	       memcmp(asked->target, arp->address, 4) == 0;
}

/* True where the frame I, which the router sent, can have been meant as an answer. */
static bool is_answer(const struct walk *walk, const struct walk_arp *arp, size_t i)
{
	const struct frame *frame = &walk->sights[i].frame;
	const uint8_t *client = arp->interface->address[FAMILY_IPV4].bytes;

	if (!walk->frames[i].sent)
		return false;
	if (frame->kind == FRAME_OTHER && frame->type == ETH_P_ARP)
		return walk->frames[i].wire == arp->wire; /* it is garbled */
	if (frame->kind != FRAME_ARP || is_question(frame))
		return false;
	if (memcmp(frame->arp.sender, arp->address, 4) == 0)
		return memcmp(frame->arp.target, client, 4) == 0 ||
		       memcmp(frame->target, arp->interface->mac, FRAME_MAC_SIZE) == 0 ||
		       is_everybody(frame->target);
	return memcmp(frame->arp.sender, client, 4) == 0 &&
	       memcmp(frame->arp.target, arp->address, 4) == 0;
}

/* What an answer is compared with. */
struct answer {
	const struct walk *walk;
	const struct walk_arp *arp;
	const char *asker;
	const char *asked;
	size_t frame;
	struct walk_way *way;
};

static void complain_field(const struct answer *answer, enum frame_field field,
			   const char *expected)
{
	const struct frame *frame = &answer->walk->sights[answer->frame].frame;
	char seen[FRAME_DESCRIBE_SIZE];

	(void)frame_field_text(frame, field, seen);
	walk_complain(answer->way, WALK_ARP_ANSWER, WALK_BIT(LOOK_ARP), answer->frame, field,
		      ANSWER_RULE, "the ARP answer to %s for %s has %s as its %s; it must be %s",
		      answer->asker, answer->asked, seen, frame_field_name(frame, field), expected);
}

static bool judge_ethernet(const struct answer *answer)
{
	const struct frame *frame = &answer->walk->sights[answer->frame].frame;
	char expected[96];
	char mac[MAC_TEXT_SIZE];

	if (memcmp(frame->target, answer->arp->interface->mac, FRAME_MAC_SIZE) == 0 ||
	    is_everybody(frame->target))
		return true;
	(void)snprintf(expected, sizeof(expected), "%s's, %s", answer->asker,
		       address_format_mac(answer->arp->interface->mac, mac));
	complain_field(answer, FRAME_FIELD_TARGET_MAC, expected);
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

	if (arp->operation != OPERATION_ANSWERS)
		return complain_field(answer, FRAME_FIELD_ARP_OPERATION, "2, of an answer");
	if (memcmp(arp->sender, answer->arp->address, 4) != 0)
		return complain_field(answer, FRAME_FIELD_ARP_SENDER, answer->asked);
	if (!can_be_router(walk, wire, arp->sender_mac)) {
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
	const unsigned net = walk->legs[answer->arp->wire].net;

	answer->way->judged |= WALK_BIT(LOOK_ARP);
	if (walk->sights[answer->frame].frame.kind != FRAME_ARP)
		walk_complain(
			answer->way, WALK_ARP_ANSWER, WALK_BIT(LOOK_ARP), answer->frame,
			FRAME_FIELD_PAYLOAD, ANSWER_RULE,
			"the answer to %s's ARP question for %s is no ARP of IPv4 over Ethernet",
			answer->asker, answer->asked);
	else if (frame->wire != answer->arp->wire)
		walk_complain(
			answer->way, WALK_ARP_ANSWER, WALK_BIT(LOOK_ARP), answer->frame,
			FRAME_FIELD_NONE, ANSWER_RULE,
			"the answer to %s's ARP question for %s went out on net%u; it must go "
			"out on net%u",
			answer->asker, answer->asked, walk->legs[frame->wire].net, net);
	else
		judge_fields(answer);
}

/* The next answer to the question at FROM; before another answer's own wire counts that of the
 * question. */
static size_t find_answer(const struct walk *walk, const struct walk_arp *arp, size_t from)
{
	size_t elsewhere = WALK_NO_FRAME;

	for (size_t i = from + 1; i < walk->count; i++) {
		if (!is_answer(walk, arp, i))
			continue;
		if (walk->frames[i].wire == arp->wire)
			return i;
		if (elsewhere == WALK_NO_FRAME)
			elsewhere = i;
	}
	return elsewhere;
}

static void complain_unanswered(const struct answer *answer, size_t question)
{
	const struct walk_leg *leg = &answer->walk->legs[answer->arp->wire];

	walk_complain(answer->way, WALK_ARP_ANSWER, 0, question, FRAME_FIELD_ARP_TARGET,
		      ANSWER_RULE, "nobody answers %s's ARP question for %s on net%u%s",
		      answer->asker, answer->asked, leg->net,
		      (leg->hears & WALK_HEARS_ARP) == 0
			      ? ", where no packet socket is for ARP (0x0806) or for all (0x0003)"
			      : "");
}

/* An answer to a question for an address that is not the leg's. */
static void judge_foreign(const struct answer *answer)
{
	/* What is garbled is an answer to nobody. */
	if (answer->frame == WALK_NO_FRAME ||
	    answer->walk->sights[answer->frame].frame.kind != FRAME_ARP)
		return;
	answer->way->strays++;
	walk_complain(answer->way, WALK_ARP_ANSWER, WALK_BIT(LOOK_ARP) | WALK_BIT(LOOK_STRAY),
		      answer->frame, FRAME_FIELD_ARP_SENDER, ANSWER_RULE,
		      "%s's ARP question for %s was answered on net%u, where that is not the "
		      "router's address",
		      answer->asker, answer->asked, answer->walk->legs[answer->arp->wire].net);
}

static void judge_question(struct answer *answer, size_t question)
{
	const struct walk *walk = answer->walk;
	const uint64_t within = (uint64_t)answer->arp->question->within * 1000000;
	const bool own = walk_leg_of(walk->stage, FAMILY_IPV4, answer->arp->address) != NULL;
	uint64_t took;

	answer->frame = find_answer(walk, answer->arp, question);
	if (!own)
		return judge_foreign(answer);
	if (answer->frame == WALK_NO_FRAME)
		return complain_unanswered(answer, question);
	took = walk->frames[answer->frame].time - walk->frames[question].time;
	if (took > within)
		walk_complain(answer->way, WALK_ARP_ANSWER, WALK_BIT(LOOK_ARP), answer->frame,
			      FRAME_FIELD_NONE, "RFC 1122 2.3.2.2",
			      "%s's ARP question for %s was answered after %.1f s; it must be "
			      "within %.1f s",
			      answer->asker, answer->asked, (double)took / 1e9,
			      (double)within / 1e9);
	else
		judge_answer(answer);
}

/* More answers than questions. */
static void judge_count(struct answer *answer, size_t questions)
{
	size_t answers = 0;

	for (size_t i = 0; i < answer->walk->count; i++)
		if (answer->walk->frames[i].wire == answer->arp->wire &&
		    answer->walk->frames[i].time >= answer->arp->question->began &&
		    answer->walk->frames[i].time <= answer->arp->question->ended &&
		    answer->walk->sights[i].frame.kind == FRAME_ARP &&
		    is_answer(answer->walk, answer->arp, i)) {
			answers++;
			answer->frame = i;
		}
	if (answers > questions)
		walk_complain(answer->way, WALK_DUPLICATE,
			      WALK_BIT(LOOK_ARP) | WALK_BIT(LOOK_DUPLICATE), answer->frame,
			      FRAME_FIELD_NONE, ANSWER_RULE,
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
				.frame = WALK_NO_FRAME,
				.way = way};
	const size_t before = way->fault_count;
	size_t questions = 0;

	stage_client_name(arp->client, asker);
	(void)walk_name(walk->stage, FAMILY_IPV4, arp->address, asked);
	for (size_t i = 0; i < walk->count; i++) {
		if (!is_clients_question(walk, arp, i))
			continue;
		if (questions++ == 0)
			walk_stop(way, WALK_ARP_QUESTION, arp->wire, "%s asks for %s by ARP", asker,
				  asked);
		/* Those that repeat one are judged with it. */
		if (way->fault_count == before)
			judge_question(&answer, i);
	}
	if (questions == 0)
		return;
	if (arp->question->kind == PROBE_ARP)
		way->judged |= WALK_BIT(LOOK_DUPLICATE) | WALK_BIT(LOOK_STRAY);
	if (way->fault_count == before && arp->question->kind == PROBE_ARP &&
	    walk_leg_of(walk->stage, FAMILY_IPV4, arp->address))
		judge_count(&answer, questions);
	if (answer.frame != WALK_NO_FRAME)
		walk_stop(way, WALK_ARP_ANSWER, walk->frames[answer.frame].wire,
			  "the router answers that it has %s", asked);
}

/* ---- the router's questions ------------------------------------------------------------------ */

/* True where the frame I is a question of the router's on the leg WIRE, for TARGET if not NULL. */
static bool is_routers_question(const struct walk *walk, size_t wire, const uint8_t *target,
				size_t i)
{
	const struct frame *frame = &walk->sights[i].frame;

	return is_arp_of(walk, i, wire, true) && frame->arp.operation == OPERATION_ASKS &&
	       memcmp(frame->arp.sender, frame->arp.target, 4) != 0 &&
	       memcmp(frame->arp.target, leg_address(walk, wire), 4) != 0 &&
	       (is_question(frame) ||
		walk_owner(walk->stage, FAMILY_IPV4, frame->arp.target, NULL) == NULL) &&
	       (target == NULL || memcmp(frame->arp.target, target, 4) == 0);
}

/* Says what is wrong with the question I. */
static void judge_own_question(const struct walk *walk, size_t wire, size_t i, struct walk_way *way)
{
	const struct frame *frame = &walk->sights[i].frame;
	const unsigned net = walk->legs[wire].net;
	enum frame_field field = FRAME_FIELD_NONE;
	char name[WALK_NAME_SIZE];
	char seen[FRAME_DESCRIBE_SIZE];

	if (!is_everybody(frame->target) && !is_clients(walk->stage, frame->target))
		field = FRAME_FIELD_TARGET_MAC;
	else if (!can_be_router(walk, wire, frame->arp.sender_mac))
		field = FRAME_FIELD_ARP_SENDER_MAC;
	else if (memcmp(frame->arp.sender, leg_address(walk, wire), 4) != 0)
		field = FRAME_FIELD_ARP_SENDER;
	if (field == FRAME_FIELD_NONE)
		return;
	(void)frame_field_text(frame, field, seen);
	walk_complain(way, WALK_ARP_QUESTION, WALK_BIT(LOOK_ARP), i, field, ANSWER_RULE,
		      "the router's ARP question for %s on net%u has %s as its %s; it must be %s",
		      walk_name(walk->stage, FAMILY_IPV4, frame->arp.target, name), net, seen,
		      frame_field_name(frame, field),
		      field == FRAME_FIELD_TARGET_MAC ? "ff:ff:ff:ff:ff:ff, of everybody"
						      : "that of its own leg");
}

/* The router's questions for what it knew. */
struct again {
	size_t count;
	size_t last; /* the frame */
};

/* It knows where INTERFACE is when that has answered, and a packet was sent there since: one that
 * is slow may not have read the answer when it asks once more. */
static void count_again(const struct walk *walk, size_t wire,
			const struct stage_interface *interface, struct again *again)
{
	const uint8_t *address = interface->address[FAMILY_IPV4].bytes;
	uint64_t answered = 0;
	bool known = false;

	for (size_t i = 0; i < walk->count; i++) {
		const struct frame *frame = &walk->sights[i].frame;
		const uint64_t time = walk->frames[i].time;

		if (walk->frames[i].wire != wire)
			continue;
		if (known && time - answered > AGAIN_NS &&
		    is_routers_question(walk, wire, address, i)) {
			again->count++;
			again->last = i;
		} else if (walk->frames[i].sent) {
			if (answered != 0 && frame->kind == FRAME_IP &&
			    memcmp(frame->target, interface->mac, FRAME_MAC_SIZE) == 0)
				known = true;
		} else if (frame->kind == FRAME_ARP && answered == 0 &&
			   frame->arp.operation == OPERATION_ANSWERS &&
			   memcmp(frame->arp.sender, address, 4) == 0) {
			answered = time;
		}
	}
}

static void judge_needed(const struct walk *walk, size_t wire, const uint8_t *target,
			 struct walk_way *way)
{
	const unsigned net = walk->legs[wire].net;
	struct again again = {0, WALK_NO_FRAME};

	for (size_t i = 0; i < walk->stage->client_count; i++) {
		const struct stage_client *client = &walk->stage->clients[i];

		for (size_t j = 0; j < client->interface_count; j++)
			if (client->interfaces[j].net == net &&
			    (target == NULL ||
			     memcmp(client->interfaces[j].address[FAMILY_IPV4].bytes, target, 4) ==
				     0))
				count_again(walk, wire, &client->interfaces[j], &again);
	}
	if (again.count > AGAIN_MAX)
		walk_complain(way, WALK_ARP_QUESTION, WALK_BIT(LOOK_ARP), again.last,
			      FRAME_FIELD_ARP_TARGET, "RFC 1122 2.3.2.1",
			      "the router asked %zu times more by ARP on net%u for what had been "
			      "answered before; it is to remember the answer",
			      again.count, net);
}

size_t walk_judge_questions(const struct walk *walk, size_t wire, const uint8_t *target,
			    struct walk_way *way)
{
	size_t count = 0;
	const size_t before = way->fault_count;

	for (size_t i = 0; i < walk->count; i++) {
		if (!is_routers_question(walk, wire, target, i))
			continue;
		count++;
		if (way->fault_count == before)
			judge_own_question(walk, wire, i, way);
	}
	if (way->fault_count == before)
		judge_needed(walk, wire, target, way);
	return count;
}
