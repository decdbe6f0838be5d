#include "walk_trial.h"

#include "address.h"

/* The last ARP frame before that at BEFORE by which the router said on WIRE that its address is at
 * MAC; WALK_NO_FRAME: none. */
static size_t find_lesson(const struct walk *walk, size_t wire, const uint8_t *mac, size_t before)
{
	for (size_t i = before; i > 0; i--) {
		const struct frame_arp *arp = &walk->sights[i - 1].frame.arp;

		if (walk_is_arp(walk, i - 1, wire, true) &&
		    memcmp(arp->sender_mac, mac, FRAME_MAC_SIZE) == 0 &&
		    memcmp(arp->sender, walk_leg_address(walk, wire), 4) == 0)
			return i - 1;
	}
	return WALK_NO_FRAME;
}

bool walk_is_taken(const struct walk *walk, size_t wire, const uint8_t mac[FRAME_MAC_SIZE])
{
	for (size_t i = 0; i < walk->count; i++)
		if (walk->frames[i].wire == wire && walk->sights[i].first != WALK_NO_FRAME &&
		    memcmp(walk->sights[i].frame.target, mac, FRAME_MAC_SIZE) == 0)
			return true;
	return false;
}

/* The router takes what goes to MAC on WIRE, or sends packets from there. */
static bool is_used(const struct walk *walk, size_t wire, const uint8_t *mac)
{
	for (size_t i = 0; i < walk->count; i++)
		if (walk->frames[i].wire == wire && walk->frames[i].sent &&
		    walk->sights[i].frame.kind == FRAME_IP &&
		    memcmp(walk->sights[i].frame.source, mac, FRAME_MAC_SIZE) == 0)
			return true;
	return walk_is_taken(walk, wire, mac);
}

bool walk_is_wasted(const struct walk *walk, size_t wire, const uint8_t mac[FRAME_MAC_SIZE])
{
	if (memcmp(walk->legs[wire].mac, mac, FRAME_MAC_SIZE) == 0 || walk->partial ||
	    is_used(walk, wire, mac))
		return false;
	for (size_t i = 0; i < walk->count; i++)
		if (walk->frames[i].wire == wire && !walk->frames[i].sent &&
		    walk->sights[i].frame.kind == FRAME_IP &&
		    memcmp(walk->sights[i].frame.target, mac, FRAME_MAC_SIZE) == 0)
			return true;
	return false;
}

bool walk_judge_lesson(const struct walk_trial *trial)
{
	const struct walk *walk = trial->walk;
	const size_t wire = walk->frames[trial->in].wire;
	const uint8_t *mac = trial->frame->target;
	const struct walk_leg *leg = &walk->legs[wire];
	size_t lesson;
	bool asks;
	char expected[MAC_TEXT_SIZE], seen[MAC_TEXT_SIZE];

	if (trial->family != FAMILY_IPV4 || trial->frame->kind != FRAME_IP ||
	    memcmp(mac, leg->mac, FRAME_MAC_SIZE) == 0)
		return false;
	lesson = find_lesson(walk, wire, mac, trial->in);
	if (lesson == WALK_NO_FRAME || is_used(walk, wire, mac))
		return false;
	asks = walk->sights[lesson].frame.arp.operation == WALK_ARP_ASKS;
	walk_complain(trial->way, asks ? WALK_ARP_QUESTION : WALK_ARP_ANSWER, WALK_BIT(LOOK_ARP),
		      lesson, FRAME_FIELD_ARP_SENDER_MAC, WALK_ARP_RULE,
		      "%s went to %s, as the router's ARP %s on net%u had said; nothing comes of "
		      "what goes there, and net%u is %s",
		      trial->subject, address_format_mac(mac, seen), asks ? "question" : "answer",
		      leg->net, leg->net, address_format_mac(leg->mac, expected));
	return true;
}
