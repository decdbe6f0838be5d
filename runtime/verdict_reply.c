#include "verdict_parts.h"

#include "address.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

/* ---- an answer ------------------------------------------------------------------------------- */

static enum held find_echoes(const struct inquiry_question *question, struct finding *finding)
{
	const struct asker_plan *plan = &question->plan;
	char name[STAGE_CLIENT_NAME_SIZE];
	const struct asker_packet *bad = NULL;
	uint32_t right = 0;

	for (uint32_t i = 0; i < plan->count; i++) {
		const struct asker_packet *packet = &question->report->packets[i];

		if (packet->right > 0)
			right++;
		else if (bad == NULL)
			bad = packet;
	}
	if (bad == NULL)
		return HELD;
	return verdict_say(
		finding, HELD_NOT,
		"%u of %u packets of %s's have no right answer; the first of these has %u byte%s "
		"of payload%s",
		plan->count - right, plan->count, verdict_asker(question, name), bad->size,
		bad->size == 1 ? "" : "s", bad->wrong > 0 ? ", and got a wrong one" : "");
}

static enum held find_stream(const struct inquiry_question *question, struct finding *finding)
{
	const struct asker_stream *stream = &question->report->stream;
	const uint32_t size = question->plan.sizes[0];
	char name[STAGE_CLIENT_NAME_SIZE];

	(void)verdict_asker(question, name);
	if (stream->connected == 0)
		return verdict_say(finding, HELD_NOT, "%s's TCP connection did not come about%s%s",
				   name, stream->failure != 0 ? ": " : "",
				   stream->failure != 0 ? strerror(stream->failure) : "");
	if (stream->wrong_at >= 0)
		return verdict_say(
			finding, HELD_NOT,
			"what came back over %s's TCP connection is not what was sent, from "
			"byte %lld on",
			name, (long long)stream->wrong_at);
	if (!stream->whole || stream->received != size)
		return verdict_say(
			finding, HELD_NOT,
			"%llu of %u bytes came back over %s's TCP connection in its time",
			(unsigned long long)stream->received, size, name);
	return HELD;
}

uint32_t verdict_count_arps(const struct inquiry_question *question, bool right)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < question->report->arp_count; i++) {
		const struct asker_arp *arp = &question->report->arps[i];

		if (memcmp(arp->sender, question->walk.target.bytes, 4) == 0 &&
		    (!right || arp->operation == 2))
			count++;
	}
	return count;
}

static enum held find_arp(const struct inquiry_question *question, struct finding *finding)
{
	char name[STAGE_CLIENT_NAME_SIZE];
	char address[ADDRESS_TEXT_SIZE];
	const uint32_t right = verdict_count_arps(question, true);

	if (right >= question->plan.count)
		return HELD;
	return verdict_say(
		finding, HELD_NOT, "%s asked for %s by ARP %u time%s and got %u right answer%s",
		verdict_asker(question, name),
		address_format(FAMILY_IPV4, &question->walk.target, address), question->plan.count,
		question->plan.count == 1 ? "" : "s", right, right == 1 ? "" : "s");
}

static bool is_time_exceeded(enum family family, const struct asker_icmp *icmp)
{
	return !icmp->own && icmp->code == 0 &&
	       icmp->type == (family == FAMILY_IPV4 ? ICMP_TIME_EXCEEDED : ICMP6_TIME_EXCEEDED);
}

/* The hop I of a traceroute: an error that says that the time was over, but for the last. */
static enum held find_hops(const struct stage_check *check, const struct inquiry_question *question,
			   struct finding *finding)
{
	const size_t size = check->family == FAMILY_IPV4 ? 4 : 16;
	char name[STAGE_CLIENT_NAME_SIZE];
	char address[ADDRESS_TEXT_SIZE];
	for (size_t i = 0; i < check->hop_count; i++) {
		const struct asker_packet *packet = &question->report->packets[i];
		const struct net_address *from =
			packet->right > 0 ? &packet->reply.from : &packet->error.from;

		if (from->family != 0 &&
		    memcmp(from->bytes, check->hops[i].address.bytes, size) == 0 &&
		    (packet->right > 0 || is_time_exceeded(check->family, &packet->error)))
			continue;
		return verdict_say(
			finding, HELD_NOT,
			"hop %zu of %s's traceroute does not answer as %s, whom it must reach",
			i + 1, verdict_asker(question, name),
			address_format(check->family, &check->hops[i].address, address));
	}
	return HELD;
}

/* A frame that came back to one that was made by hand: ARP's answer, or a packet of whom was asked.
 */
static bool is_reply_to(const struct frame *asked, const struct frame *came)
{
	if (asked->kind == FRAME_ARP && came->kind == FRAME_ARP)
		return came->arp.operation == 2 &&
		       memcmp(came->arp.sender, asked->arp.target, 4) == 0;
	return asked->kind == FRAME_IP && came->kind == FRAME_IP &&
	       memcmp(came->packet.source, asked->packet.target, 16) == 0 &&
	       came->packet.upper == asked->packet.upper && came->quoted.version == 0;
}

size_t verdict_count_replies(const struct inquiry_question *question)
{
	const struct asker_report *report = question->report;
	struct frame asked;
	size_t count = 0;

	frame_decode(question->walk.frame, question->walk.frame_size, &asked);
	for (uint32_t i = 0; i < report->frame_count && i < ASKER_FRAMES_MAX; i++) {
		struct frame came;

		frame_decode(report->bytes + report->frames[i].offset, report->frames[i].size,
			     &came);
		count += is_reply_to(&asked, &came);
	}
	return count;
}

enum held verdict_find_reply(const struct stage_check *check,
			     const struct inquiry_question *question, struct finding *finding)
{
	char name[STAGE_CLIENT_NAME_SIZE];

	switch (question->walk.kind) {
	case PROBE_PING:
	case PROBE_UDP:
		return find_echoes(question, finding);
	case PROBE_TCP:
		return find_stream(question, finding);
	case PROBE_ARP:
		return find_arp(question, finding);
	case PROBE_TRACEROUTE:
		return find_hops(check, question, finding);
	case PROBE_FRAME:
		if (verdict_count_replies(question) >= question->plan.count)
			return HELD;
		return verdict_say(finding, HELD_NOT,
				   "of %u frames that were put on %s's wire %zu were answered",
				   question->plan.count, verdict_asker(question, name),
				   verdict_count_replies(question));
	case PROBE_RUN:
	case PROBE_KINDS:
		break;
	}
	return HELD;
}

/* ---- an ICMP error ----------------------------------------------------------------- */

static bool is_expected(const struct stage_expect *expect, const struct asker_icmp *icmp)
{
	return icmp->from.family != 0 && !icmp->own && icmp->type == expect->icmp_type &&
	       (expect->icmp_code < 0 || icmp->code == expect->icmp_code);
}

static bool has_error_frame(const struct inquiry_question *question,
			    const struct stage_expect *expect)
{
	const struct asker_report *report = question->report;

	for (uint32_t i = 0; i < report->frame_count && i < ASKER_FRAMES_MAX; i++) {
		struct frame came;

		frame_decode(report->bytes + report->frames[i].offset, report->frames[i].size,
			     &came);
		if (came.quoted.version != 0 && came.packet.type == expect->icmp_type &&
		    (expect->icmp_code < 0 || came.packet.code == expect->icmp_code))
			return true;
	}
	return false;
}

enum held verdict_find_error(const struct inquiry_question *question, struct finding *finding)
{
	const struct stage_expect *expect = &question->walk.expect;
	char name[STAGE_CLIENT_NAME_SIZE];
	char code[16] = "";

	if (expect->icmp_code >= 0)
		(void)snprintf(code, sizeof(code), "/%d", expect->icmp_code);
	(void)verdict_asker(question, name);
	if (question->walk.kind == PROBE_FRAME)
		return has_error_frame(question, expect)
			       ? HELD
			       : verdict_say(finding, HELD_NOT, "no ICMP %u%s came to %s",
					     expect->icmp_type, code, name);
	for (uint32_t i = 0; i < question->plan.count; i++) {
		const struct asker_packet *packet = &question->report->packets[i];

		if (is_expected(expect, &packet->error))
			continue;
		if (packet->errors > 0)
			return verdict_say(finding, HELD_NOT,
					   "ICMP %u/%u came to %s; it must be %u%s",
					   packet->error.type, packet->error.code, name,
					   expect->icmp_type, code);
		return verdict_say(finding, HELD_NOT, "no ICMP %u%s came to %s", expect->icmp_type,
				   code, name);
	}
	return HELD;
}
