#include "walk_parts.h"

#include "address.h"

#include <linux/if_ether.h>

#define AGAIN_NS      UINT64_C(50000000) /* what is under way when an answer comes may ask again */
#define AGAIN_MAX     2			 /* questions for what was answered before */
#define REMEMBERED_NS UINT64_C(5000000000) /* what is forgotten later is no matter */
#define PENDING_NS    UINT64_C(1000000000) /* so long a client's question waits for its answer */
#define SWAPPED_ARP   0x0608		   /* ETH_P_ARP in the other byte order */
#define ARP_TARGET    24		   /* where in a message the address is that it is about */

/* ---- what is a question ---------------------------------------------------------------------- */

/* The interface on the net of WIRE that has ADDRESS; NULL: none. */
static const struct stage_interface *find_owner(const struct walk *walk, size_t wire,
						const uint8_t *address)
{
	const struct stage_interface *interface = NULL;

	if (walk_owner(walk->stage, FAMILY_IPV4, address, &interface) == NULL ||
	    interface->net != walk->legs[wire].net)
		return NULL;
	return interface;
}

/* True where the frame I is a question of the router's on the leg WIRE. What has the Ethernet
 * address inside of whom it would be for is an answer with a wrong operation: a question does not
 * know it. */
static bool is_question(const struct walk *walk, size_t wire, size_t i)
{
	const struct frame_arp *arp = &walk->sights[i].frame.arp;
	const struct stage_interface *owner = NULL;

	if (!walk_is_arp(walk, i, wire, true) || arp->operation != WALK_ARP_ASKS ||
	    memcmp(arp->sender, arp->target, 4) == 0 ||
	    memcmp(arp->target, walk_leg_address(walk, wire), 4) == 0)
		return false;
	/* A client's, copied as a hub does. */
	if (walk_owner(walk->stage, FAMILY_IPV4, arp->sender, &owner) != NULL &&
	    memcmp(owner->mac, arp->sender_mac, FRAME_MAC_SIZE) == 0)
		return false;
	owner = find_owner(walk, wire, arp->target);
	return owner == NULL || memcmp(owner->mac, arp->target_mac, FRAME_MAC_SIZE) != 0;
}

static bool is_question_for(const struct walk *walk, size_t wire, const uint8_t *target, size_t i)
{
	return walk_is_arp(walk, i, wire, true) &&
	       memcmp(walk->sights[i].frame.arp.target, target, 4) == 0 &&
	       is_question(walk, wire, i);
}

/* ---- whether it is right --------------------------------------------------------------------- */

static void complain_field(const struct walk *walk, size_t i, const uint8_t *target,
			   enum frame_field field, const char *expected, struct walk_way *way)
{
	char name[WALK_NAME_SIZE];
	char what[WALK_NAME_SIZE + 64];

	(void)snprintf(what, sizeof(what), "the router's ARP question for %s on net%u",
		       walk_name(walk->stage, FAMILY_IPV4, target, name),
		       walk->legs[walk->frames[i].wire].net);
	walk_complain_arp(way, WALK_ARP_QUESTION, i, field, what, expected);
}

static bool is_to_client(const struct walk *walk, size_t wire, const uint8_t *mac)
{
	const unsigned net = walk->legs[wire].net;

	for (size_t i = 0; i < walk->stage->client_count; i++) {
		const struct stage_client *client = &walk->stage->clients[i];

		for (size_t j = 0; j < client->interface_count; j++)
			if (client->interfaces[j].net == net &&
			    memcmp(client->interfaces[j].mac, mac, FRAME_MAC_SIZE) == 0)
				return true;
	}
	return false;
}

/* Says what is wrong with the question I; returns whether anything is. */
static bool judge_question(const struct walk *walk, size_t wire, size_t i, struct walk_way *way)
{
	const struct frame *frame = &walk->sights[i].frame;
	const struct frame_arp *arp = &frame->arp;
	enum frame_field field = FRAME_FIELD_NONE;

	if (!walk_is_everybody(frame->target) && !is_to_client(walk, wire, frame->target))
		field = FRAME_FIELD_TARGET_MAC;
	else if (!walk_can_be_router(walk, wire, frame->source))
		field = FRAME_FIELD_SOURCE_MAC;
	else if (!walk_can_be_router(walk, wire, arp->sender_mac))
		field = FRAME_FIELD_ARP_SENDER_MAC;
	else if (memcmp(arp->sender, walk_leg_address(walk, wire), 4) != 0)
		field = FRAME_FIELD_ARP_SENDER;
	if (field == FRAME_FIELD_NONE)
		return false;
	complain_field(walk, i, arp->target, field,
		       field == FRAME_FIELD_TARGET_MAC ? "ff:ff:ff:ff:ff:ff, of everybody"
						       : "that of its own leg",
		       way);
	return true;
}

/* The question I is for whom its net does not have. */
static bool is_astray(const struct walk *walk, size_t wire, size_t i)
{
	const struct stage_net *net = stage_net_find(walk->stage, walk->legs[wire].net);
	struct stage_address target = {.length = 32};

	memcpy(target.bytes, walk->sights[i].frame.arp.target, 4);
	return !address_share(&target, &net->subnet[FAMILY_IPV4], net->subnet[FAMILY_IPV4].length);
}

static void complain_astray(const struct walk *walk, size_t i, const uint8_t *target,
			    struct walk_way *way)
{
	char name[WALK_NAME_SIZE];

	walk_complain(way, WALK_ARP_QUESTION, WALK_BIT(LOOK_ARP) | WALK_BIT(LOOK_STRAY), i,
		      FRAME_FIELD_ARP_TARGET, WALK_ARP_RULE,
		      "the router asked for %s by ARP on net%u, whose subnet does not hold that",
		      walk_name(walk->stage, FAMILY_IPV4, target, name),
		      walk->legs[walk->frames[i].wire].net);
}

/* ---- whether it is needed -------------------------------------------------------------------- */

/* The router's questions for what it knew. */
struct again {
	size_t count;
	size_t last; /* the frame */
};

/* It knows where INTERFACE is when that has answered, and a packet was sent there since: one that
 * is slow may not have read the answer when it asks once more. For how long it remembers is its own
 * matter, and whether it is still there may be asked of it alone (RFC 1122 2.3.2.1). */
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
		if (known && time - answered > AGAIN_NS && time - answered < REMEMBERED_NS &&
		    walk_is_everybody(frame->target) && is_question_for(walk, wire, address, i)) {
			again->count++;
			again->last = i;
		} else if (walk->frames[i].sent) {
			if (answered != 0 && frame->kind == FRAME_IP &&
			    memcmp(frame->target, interface->mac, FRAME_MAC_SIZE) == 0)
				known = true;
		} else if (frame->kind == FRAME_ARP && frame->arp.operation == WALK_ARP_ANSWERS &&
			   memcmp(frame->arp.sender, address, 4) == 0 &&
			   (answered == 0 || time - answered >= REMEMBERED_NS)) {
			answered = time;
			known = false;
		}
	}
}

static void judge_needed(const struct walk *walk, size_t wire, struct walk_way *way)
{
	const unsigned net = walk->legs[wire].net;
	const size_t first = way->fault_count;
	struct again again = {0, WALK_NO_FRAME};

	for (size_t i = 0; i < walk->stage->client_count; i++) {
		const struct stage_client *client = &walk->stage->clients[i];

		for (size_t j = 0; j < client->interface_count; j++)
			if (client->interfaces[j].net == net)
				count_again(walk, wire, &client->interfaces[j], &again);
	}
	if (again.count > AGAIN_MAX)
		walk_complain(way, WALK_ARP_QUESTION, WALK_BIT(LOOK_ARP), again.last,
			      FRAME_FIELD_ARP_TARGET, "RFC 1122 2.3.2.1",
			      "the router asked %zu times more by ARP on net%u for what had been "
			      "answered before; it is to remember the answer",
			      again.count, net);
	walk_set_fatal(way, first, false);
}

/* Complains of the frame I where it announces the leg's address at an Ethernet address that is not
 * the router's; returns whether it does. */
static bool judge_announcement(const struct walk *walk, size_t wire, size_t i, struct walk_way *way)
{
	const struct frame_arp *arp = &walk->sights[i].frame.arp;
	char what[64];

	if (!walk_is_arp(walk, i, wire, true) || memcmp(arp->sender, arp->target, 4) != 0 ||
	    memcmp(arp->sender, walk_leg_address(walk, wire), 4) != 0 ||
	    walk_can_be_router(walk, wire, arp->sender_mac))
		return false;
	(void)snprintf(what, sizeof(what), "the router's ARP announcement on net%u",
		       walk->legs[wire].net);
	walk_complain_arp(way, WALK_ARP_ANSWER, i, FRAME_FIELD_ARP_SENDER_MAC, what,
			  "that of its own leg");
	return true;
}

void walk_judge_questions(const struct walk *walk, size_t wire, struct walk_way *way)
{
	for (size_t i = 0; i < walk->count; i++) {
		if (judge_announcement(walk, wire, i, way))
			return;
		if (!is_question(walk, wire, i))
			continue;
		if (judge_question(walk, wire, i, way))
			return;
		if (is_astray(walk, wire, i))
			return complain_astray(walk, i, walk->sights[i].frame.arp.target, way);
	}
	judge_needed(walk, wire, way);
}

/* ---- a packet that was not put anywhere ------------------------------------------------------ */

/* HOP said on WIRE that it is there, from FROM to UNTIL. */
static bool has_spoken(const struct walk *walk, size_t wire, const uint8_t *hop, uint64_t from,
		       uint64_t until)
{
	for (size_t i = 0; i < walk->count; i++)
		if (walk_is_arp(walk, i, wire, false) && walk->frames[i].time >= from &&
		    walk->frames[i].time <= until &&
		    memcmp(walk->sights[i].frame.arp.sender, hop, 4) == 0)
			return true;
	return false;
}

uint64_t walk_arp_wait(const struct walk *walk, size_t wire, const uint8_t *hop, uint64_t from,
		       uint64_t until)
{
	uint64_t asked = 0;

	for (size_t i = 0; i < walk->count; i++) {
		const uint64_t time = walk->frames[i].time;

		if (time < from || time > until)
			continue;
		if (asked == 0 && is_question_for(walk, wire, hop, i))
			asked = time;
		else if (asked != 0 && walk_is_arp(walk, i, wire, false) &&
			 memcmp(walk->sights[i].frame.arp.sender, hop, 4) == 0)
			return time - asked;
	}
	return 0;
}

/* Other packets went to HOP. */
static bool was_reached(const struct walk *walk, size_t wire, const uint8_t *hop)
{
	const struct stage_interface *owner = find_owner(walk, wire, hop);

	for (size_t i = 0; owner != NULL && i < walk->count; i++)
		if (walk->frames[i].sent && walk->frames[i].wire == wire &&
		    walk->sights[i].frame.kind == FRAME_IP &&
		    memcmp(walk->sights[i].frame.target, owner->mac, FRAME_MAC_SIZE) == 0)
			return true;
	return false;
}

/* The frame I is a question of HOP's own. */
static bool is_asking(const struct walk *walk, size_t wire, const uint8_t *hop, size_t i)
{
	return walk_is_arp(walk, i, wire, false) &&
	       walk->sights[i].frame.arp.operation == WALK_ARP_ASKS &&
	       memcmp(walk->sights[i].frame.arp.sender, hop, 4) == 0;
}

/* No ARP of IPv4 over Ethernet any more, but with HOP at its place. */
static bool is_garbled_question(const struct frame *frame, const uint8_t *hop)
{
	size_t at = walk_find_arp(frame);

	if (frame->kind == FRAME_ARP)
		return false;
	if (at == SIZE_MAX && (frame->type == ETH_P_ARP || frame->type == SWAPPED_ARP))
		at = FRAME_HEAD_SIZE;
	return at != SIZE_MAX && frame->length >= at + WALK_ARP_SIZE &&
	       memcmp(frame->bytes + at + ARP_TARGET, hop, 4) == 0;
}

static void complain_garbled(const struct walk *walk, size_t i, const uint8_t *hop,
			     struct walk_way *way)
{
	const struct frame *frame = &walk->sights[i].frame;
	char name[WALK_NAME_SIZE];

	if (frame->type != ETH_P_ARP && walk_find_arp(frame) >= FRAME_HEAD_SIZE)
		return complain_field(walk, i, hop, FRAME_FIELD_TYPE, "0x0806", way);
	walk_complain(way, WALK_ARP_QUESTION, WALK_BIT(LOOK_ARP), i, FRAME_FIELD_PAYLOAD,
		      WALK_ARP_RULE, "the router's ARP question for %s on net%u %s",
		      walk_name(walk->stage, FAMILY_IPV4, hop, name),
		      walk->legs[walk->frames[i].wire].net,
		      walk_find_arp(frame) < FRAME_HEAD_SIZE ? "has no whole Ethernet header"
							     : "is no ARP of IPv4 over Ethernet");
}

/* Complains of the frame I where it was meant as a question for HOP on the leg WIRE, and is none;
 * returns whether it was. */
static bool judge_attempt(const struct walk *walk, size_t wire, const uint8_t *hop, size_t i,
			  struct walk_way *way)
{
	const struct frame *frame = &walk->sights[i].frame;
	const struct frame_arp *arp = &frame->arp;
	const bool here = walk->frames[i].wire == wire;
	const struct stage_interface *owner = find_owner(walk, wire, hop);

	if (here && is_garbled_question(frame, hop)) {
		complain_garbled(walk, i, hop, way);
		return true;
	}
	if (frame->kind != FRAME_ARP)
		return false;
	/* An answer to HOP, however late. */
	if (owner != NULL && memcmp(arp->target_mac, owner->mac, FRAME_MAC_SIZE) == 0)
		return false;
	if (memcmp(arp->sender, hop, 4) == 0
		    ? !here || memcmp(arp->target, walk_leg_address(walk, wire), 4) != 0
		    : memcmp(arp->target, hop, 4) != 0)
		return false;
	if (!here)
		complain_astray(walk, i, hop, way);
	else if (arp->operation != WALK_ARP_ASKS)
		complain_field(walk, i, hop, FRAME_FIELD_ARP_OPERATION, "1, of a question", way);
	else
		complain_field(walk, i, hop, FRAME_FIELD_ARP_SENDER, "that of its own leg", way);
	return true;
}

/* Complains of the frame I where the router asks on WIRE for somebody who is not there. */
static bool judge_stranger(const struct walk *walk, size_t wire, const uint8_t *hop, size_t i,
			   struct walk_way *way)
{
	const struct frame_arp *arp = &walk->sights[i].frame.arp;
	char asked[WALK_NAME_SIZE], name[WALK_NAME_SIZE];

	if (!walk_is_arp(walk, i, wire, true) || arp->operation != WALK_ARP_ASKS ||
	    find_owner(walk, wire, arp->target) != NULL)
		return false;
	walk_complain(way, WALK_ARP_QUESTION, WALK_BIT(LOOK_ARP), i, FRAME_FIELD_ARP_TARGET,
		      WALK_ARP_RULE, "the router asked for %s by ARP on net%u; it must ask for %s",
		      walk_name(walk->stage, FAMILY_IPV4, arp->target, asked), walk->legs[wire].net,
		      walk_name(walk->stage, FAMILY_IPV4, hop, name));
	return true;
}

/* What leaves while HOP waits for an answer of the router's is none of these. */
static bool judge_attempts(const struct walk *walk, size_t wire, const uint8_t *hop,
			   struct walk_way *way)
{
	uint64_t asked = 0;

	for (size_t i = 0; i < walk->count; i++) {
		const uint64_t time = walk->frames[i].time;

		if (is_asking(walk, wire, hop, i))
			asked = time;
		else if (walk->frames[i].sent && time - asked >= PENDING_NS &&
			 judge_attempt(walk, wire, hop, i, way))
			return true;
	}
	return false;
}

enum walk_asked walk_judge_asking(const struct walk *walk, size_t wire, const uint8_t *hop,
				  uint64_t time, struct walk_way *way)
{
	const bool known = has_spoken(walk, wire, hop, 0, time);
	bool asked = false;

	for (size_t i = 0; i < walk->count; i++) {
		if (!is_question_for(walk, wire, hop, i))
			continue;
		if (judge_question(walk, wire, i, way))
			return WALK_ASKED_WRONG;
		asked = true;
	}
	if (asked)
		return !known && has_spoken(walk, wire, hop, time, walk->end) ? WALK_ASKED_ANSWERED
									      : WALK_ASKED_ELSE;
	if (judge_attempts(walk, wire, hop, way))
		return WALK_ASKED_WRONG;
	if (was_reached(walk, wire, hop))
		return WALK_ASKED_ELSE;
	for (size_t i = 0; i < walk->count; i++)
		if (walk->frames[i].time >= time && judge_stranger(walk, wire, hop, i, way))
			return WALK_ASKED_WRONG;
	return known ? WALK_ASKED_ELSE : WALK_ASKED_NOT;
}
