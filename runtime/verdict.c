/* Theory of operation
 *
 * Who asked says what came back, and the wires say what became of each packet on the way. A check
 * is passed only where both say so: an answer that no wire has seen was not the router's, a silence
 * counts only where an answer would have been heard, and a property only where there was a frame to
 * have it. Everything else that is not wrong is a question that could not be asked. */
#include "verdict.h"

#include "address.h"
#include "process.h"
#include "walk_map.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <stdarg.h>

/* What was expected, held, or did not; or nobody can tell. */
enum held { HELD, HELD_NOT, HELD_UNKNOWN };

/* One question's. */
struct finding {
	enum held held;
	char text[WALK_SENTENCE_SIZE]; /* of the latter two */
};

static PRINTF_LIKE(3, 4) enum held
	say(struct finding *finding, enum held held, const char *format, ...)
{
	va_list arguments;

	finding->held = held;
	va_start(arguments, format);
	(void)vsnprintf(finding->text, sizeof(finding->text), format, arguments);
	va_end(arguments);
	return held;
}

static const char *name_of(const struct inquiry_question *question,
			   char name[STAGE_CLIENT_NAME_SIZE])
{
	stage_client_name(question->walk.asker, name);
	return name;
}

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
	return say(finding, HELD_NOT,
		   "%u of %u packets of %s's have no right answer; the first of these has %u bytes "
		   "of payload%s",
		   plan->count - right, plan->count, name_of(question, name), bad->size,
		   bad->wrong > 0 ? ", and got a wrong one" : "");
}

static enum held find_stream(const struct inquiry_question *question, struct finding *finding)
{
	const struct asker_stream *stream = &question->report->stream;
	const uint32_t size = question->plan.sizes[0];
	char name[STAGE_CLIENT_NAME_SIZE];

	(void)name_of(question, name);
	if (stream->connected == 0)
		return say(finding, HELD_NOT, "%s's TCP connection did not come about%s%s", name,
			   stream->failure != 0 ? ": " : "",
			   stream->failure != 0 ? strerror(stream->failure) : "");
	if (stream->wrong_at >= 0)
		return say(finding, HELD_NOT,
			   "what came back over %s's TCP connection is not what was sent, from "
			   "byte %lld on",
			   name, (long long)stream->wrong_at);
	if (!stream->whole || stream->received != size)
		return say(finding, HELD_NOT,
			   "%llu of %u bytes came back over %s's TCP connection in its time",
			   (unsigned long long)stream->received, size, name);
	return HELD;
}

/* The answers to whom was asked; RIGHT: only those that say they are. */
static uint32_t count_arps(const struct inquiry_question *question, bool right)
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
	const uint32_t right = count_arps(question, true);

	if (right >= question->plan.count)
		return HELD;
	return say(finding, HELD_NOT, "%s asked for %s by ARP %u time%s and got %u right answer%s",
		   name_of(question, name),
		   address_format(FAMILY_IPV4, &question->walk.target, address),
		   question->plan.count, question->plan.count == 1 ? "" : "s", right,
		   right == 1 ? "" : "s");
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
		return say(finding, HELD_NOT,
			   "hop %zu of %s's traceroute does not answer as %s, whom it must reach",
			   i + 1, name_of(question, name),
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

static size_t count_replies(const struct inquiry_question *question)
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

static enum held find_reply(const struct stage_check *check,
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
		if (count_replies(question) >= question->plan.count)
			return HELD;
		return say(finding, HELD_NOT,
			   "of %u frames that were put on %s's wire %zu were answered",
			   question->plan.count, name_of(question, name), count_replies(question));
	case PROBE_RUN:
	case PROBE_KINDS:
		break;
	}
	return HELD;
}

/* ---- silence --------------------------------------------------------------------------------- */

static size_t count_sounds(const struct inquiry_question *question)
{
	const struct asker_report *report = question->report;
	size_t count = 0;

	if (question->walk.kind == PROBE_ARP)
		return count_arps(question, false);
	if (question->walk.kind == PROBE_FRAME)
		return count_replies(question);
	for (uint32_t i = 0; i < question->plan.count; i++) {
		const struct asker_packet *packet = &report->packets[i];

		count += packet->right + packet->wrong +
			 (packet->errors > 0 && !packet->error.own ? 1U : 0U);
	}
	if (question->answer_report != NULL)
		count += question->answer_report->ear.came_ours;
	return count + (report->stream.connected != 0 ? 1U : 0U);
}

static enum held find_silence(const struct inquiry *inquiry,
			      const struct inquiry_question *question, struct finding *finding)
{
	char name[STAGE_CLIENT_NAME_SIZE];
	const struct walk_way *way = &question->way;
	const size_t sounds = count_sounds(question) + way->strays;

	if (sounds > 0)
		return say(finding, HELD_NOT,
			   "%s's question, which nobody is to answer, was answered",
			   name_of(question, name));
	if (way->fault_count > 0 && way->faults[0].step == WALK_LISTENING)
		return say(finding, HELD_UNKNOWN, "%s", way->faults[0].sentence);
	if (!question->would_hear)
		return say(finding, HELD_UNKNOWN,
			   "%s heard nothing, but would not have heard an answer either",
			   name_of(question, name));
	if (inquiry_is_lossy(inquiry) || (question->answerer_lost && sounds == 0))
		return say(finding, HELD_UNKNOWN,
			   "%s heard nothing, but not all could be heard or looked at",
			   name_of(question, name));
	/* What has not come to the router is no question to it. */
	if (question->walk.kind == PROBE_ARP && (way->judged & (1U << LOOK_STRAY)) == 0)
		return say(finding, HELD_UNKNOWN, "%s's ARP question did not come to a leg",
			   name_of(question, name));
	return HELD;
}

/* ---- an ICMP error, a command ---------------------------------------------------------------- */

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

static enum held find_error(const struct inquiry_question *question, struct finding *finding)
{
	const struct stage_expect *expect = &question->walk.expect;
	char name[STAGE_CLIENT_NAME_SIZE];
	char code[16] = "";

	if (expect->icmp_code >= 0)
		(void)snprintf(code, sizeof(code), "/%d", expect->icmp_code);
	(void)name_of(question, name);
	if (question->walk.kind == PROBE_FRAME)
		return has_error_frame(question, expect)
			       ? HELD
			       : say(finding, HELD_NOT, "no ICMP %u%s came to %s",
				     expect->icmp_type, code, name);
	for (uint32_t i = 0; i < question->plan.count; i++) {
		const struct asker_packet *packet = &question->report->packets[i];

		if (is_expected(expect, &packet->error))
			continue;
		if (packet->errors > 0)
			return say(finding, HELD_NOT, "ICMP %u/%u came to %s; it must be %u%s",
				   packet->error.type, packet->error.code, name, expect->icmp_type,
				   code);
		return say(finding, HELD_NOT, "no ICMP %u%s came to %s", expect->icmp_type, code,
			   name);
	}
	return HELD;
}

static bool is_heard(const struct inquiry *inquiry)
{
	for (size_t i = 0; i < inquiry->leg_count; i++)
		if (inquiry->legs[i].hears != 0)
			return true;
	return false;
}

static enum held find_exit(const struct inquiry *inquiry, const struct inquiry_question *question,
			   struct finding *finding)
{
	const uint8_t expected = question->walk.expect.status;
	char name[STAGE_CLIENT_NAME_SIZE];

	if (!is_heard(inquiry))
		return say(finding, HELD_UNKNOWN,
			   "nobody listens on any leg: how a command ends without a router says "
			   "nothing of one");
	if (question->status == PROCESS_FAILED && expected != PROCESS_FAILED)
		return say(finding, HELD_UNKNOWN, "%s's command could not be run",
			   name_of(question, name));
	if (question->status == expected)
		return HELD;
	if (question->status < 0)
		return say(finding, HELD_NOT, "%s's command did not end in %.1f s",
			   name_of(question, name), question->walk.within / 1e3);
	return say(finding, HELD_NOT, "%s's command ended with exit status %d; it must be %u",
		   name_of(question, name), question->status, expected);
}

/* ---- one question ---------------------------------------------------------------------------- */

/* False where both are on one net, and reach each other without a router. */
static bool has_router(const struct stage *stage, const struct inquiry_question *question)
{
	const struct walk_question *walk = &question->walk;
	struct stage_address hop;

	return walk_client_route(stage, walk->asker, walk->family, walk->target.bytes, &hop) !=
		       NULL &&
	       walk_leg_of(stage, walk->family, hop.bytes) != NULL;
}

/* Something was put onto the leg of QUESTION's wire while it was asked. */
static bool is_sent(const struct inquiry *inquiry, const struct inquiry_question *question)
{
	const struct walk_question *walk = &question->walk;

	for (size_t i = 0; i < inquiry->capture.frame_count; i++) {
		const struct capture_frame *frame = &inquiry->capture.frames[i];

		if (frame->sent && frame->time >= walk->began && frame->time <= walk->ended &&
		    inquiry->legs[frame->wire].net == walk->interface->net)
			return true;
	}
	return false;
}

/* Whether an answer by ARP, or to a frame, can have been the computer's. */
static enum held doubt_near(const struct inquiry *inquiry, const struct inquiry_question *question,
			    struct finding *finding)
{
	char name[STAGE_CLIENT_NAME_SIZE];

	if (question->walk.kind == PROBE_ARP &&
	    walk_leg_of(inquiry->stage, FAMILY_IPV4, question->walk.target.bytes) == NULL)
		return HELD; /* another client's */
	if (is_sent(inquiry, question) ||
	    !stage_net_is_leg(stage_net_find(inquiry->stage, question->walk.interface->net)))
		return HELD;
	return say(finding, HELD_NOT, "%s has an answer, and this computer put nothing onto net%u",
		   name_of(question, name), question->walk.interface->net);
}

/* What came back right is the router's only where the wires have seen it. */
static enum held doubt(const struct inquiry *inquiry, const struct inquiry_question *question,
		       struct finding *finding)
{
	const struct walk_way *way = &question->way;
	char name[STAGE_CLIENT_NAME_SIZE];

	if (question->walk.kind == PROBE_FRAME || question->walk.kind == PROBE_ARP)
		return doubt_near(inquiry, question, finding);
	if (way->entered > 0 && way->carried == 0 && way->answered == 0 && way->fault_count > 0)
		return say(finding, HELD_NOT, "%s", way->faults[0].sentence);
	if (way->entered > 0 || !has_router(inquiry->stage, question))
		return HELD;
	return say(finding, HELD_UNKNOWN,
		   "%s has answers to packets that no wire of the computer's has seen",
		   name_of(question, name));
}

static enum held find(const struct inquiry *inquiry, const struct stage_check *check,
		      const struct inquiry_question *question, struct finding *finding)
{
	enum held held = HELD;

	if (!question->asked)
		return say(finding, HELD_UNKNOWN, "%s",
			   question->error.code != 0 ? question->error.text : "it was not asked");
	switch (check->expect.kind) {
	case EXPECT_REPLY:
		held = find_reply(check, question, finding);
		return held == HELD ? doubt(inquiry, question, finding) : held;
	case EXPECT_SILENCE:
		return find_silence(inquiry, question, finding);
	case EXPECT_ICMP:
		held = find_error(question, finding);
		return held == HELD ? doubt(inquiry, question, finding) : held;
	case EXPECT_EXIT:
		return find_exit(inquiry, question, finding);
	case EXPECT_ANYTHING:
	case EXPECT_KINDS:
		break;
	}
	return HELD;
}

/* ---- the check ------------------------------------------------------------------------------- */

static void set_reason(struct verdict *verdict, enum verdict_outcome outcome, const char *reason)
{
	verdict->outcome = outcome;
	(void)snprintf(verdict->reason, sizeof(verdict->reason), "%s", reason);
}

void verdict_take_fault(const struct inquiry *inquiry, const struct walk_fault *fault,
			struct verdict *verdict)
{
	verdict->step = fault->step;
	verdict->rule = fault->rule;
	(void)snprintf(verdict->reason, sizeof(verdict->reason), "%s", fault->sentence);
	if (fault->frame == WALK_NO_FRAME)
		return;
	frame_describe(walk_frame(&inquiry->walk, fault->frame), verdict->frame);
	(void)snprintf(verdict->wire, sizeof(verdict->wire), "%s",
		       inquiry->wires[inquiry->walk.frames[fault->frame].wire].name);
	if (fault->field != FRAME_FIELD_NONE)
		verdict->field =
			frame_field_name(walk_frame(&inquiry->walk, fault->frame), fault->field);
}

static const struct inquiry_question *question_of(const struct inquiry *inquiry,
						  const struct inquiry_check *check, size_t i)
{
	return &inquiry->questions[check->questions[i]];
}

/* The first fault of any of its questions that is one of LOOKS; 0: of any kind. */
static const struct walk_fault *find_fault(const struct inquiry *inquiry,
					   const struct inquiry_check *check, unsigned looks)
{
	for (size_t i = 0; i < check->count; i++) {
		const struct walk_way *way = &question_of(inquiry, check, i)->way;

		for (size_t j = 0; j < way->fault_count; j++)
			if (looks == 0 || (way->faults[j].looks & looks) != 0)
				return &way->faults[j];
	}
	return NULL;
}

/* The question that failed tells why, by the wires; where these have nothing wrong, it was not the
 * router. */
static void fail(const struct inquiry *inquiry, const struct inquiry_question *question,
		 const struct finding *finding, struct verdict *verdict)
{
	const struct walk_way *way = &question->way;
	char text[WALK_SENTENCE_SIZE];
	enum verdict_outcome outcome = VERDICT_FAIL;

	if (way->fault_count > 0) {
		const enum walk_step step = way->faults[0].step;

		/* What a client did not do is no router's fault. */
		if (step == WALK_ARRIVAL || (step == WALK_ARP_QUESTION && way->entered == 0 &&
					     way->faults[0].frame == WALK_NO_FRAME))
			outcome = VERDICT_UNASKED;
		verdict->outcome = outcome;
		return verdict_take_fault(inquiry, &way->faults[0], verdict);
	}
	if (question->walk.kind == PROBE_RUN)
		return set_reason(verdict, VERDICT_FAIL, finding->text);
	if (inquiry_is_lossy(inquiry)) {
		(void)snprintf(text, sizeof(text), "%.200s; more passed than could be looked at",
			       finding->text);
		return set_reason(verdict, VERDICT_FAIL, text);
	}
	verdict->step = WALK_ARRIVAL;
	if (question->walk.expect.kind != EXPECT_REPLY || way->entered == 0 ||
	    question->walk.kind == PROBE_TRACEROUTE)
		return set_reason(verdict, VERDICT_FAIL, finding->text);
	(void)snprintf(text, sizeof(text), "%.200s, though all on the wires is right",
		       finding->text);
	set_reason(verdict, VERDICT_UNASKED, text);
}

static const char *look_name(unsigned looks)
{
	static const char *const names[LOOK_KINDS] = {
		[LOOK_ARP] = "no ARP answer to look at",
		[LOOK_TTL] = "no forwarded packet whose TTL could be looked at",
		[LOOK_CHECKSUM] = "no forwarded packet whose checksum could be looked at",
		[LOOK_ETHERNET] = "no forwarded frame whose Ethernet addresses could be looked at",
		[LOOK_ADDRESSES] = "no forwarded packet whose addresses could be looked at",
		[LOOK_PAYLOAD] = "no forwarded packet whose payload could be looked at",
		[LOOK_DUPLICATE] = "no packet that came to the router, to be forwarded or not",
		[LOOK_STRAY] = "no packet that came to the router, to go astray or not",
	};

	for (size_t i = 0; i < LOOK_KINDS; i++)
		if ((looks & (1U << i)) != 0)
			return names[i];
	return "nothing to look at";
}

/* Whether the frames have the properties that the check asks for. */
static void judge_looks(const struct inquiry *inquiry, const struct inquiry_check *check,
			struct verdict *verdict)
{
	const unsigned looks = check->check->looks;
	const struct walk_fault *fault = looks == 0 ? NULL : find_fault(inquiry, check, looks);
	unsigned judged = 0;
	char text[WALK_SENTENCE_SIZE];

	if (fault != NULL) {
		verdict->outcome = VERDICT_FAIL;
		return verdict_take_fault(inquiry, fault, verdict);
	}
	if (looks != 0 && inquiry_is_lossy(inquiry))
		return set_reason(verdict, VERDICT_UNASKED,
				  "more passed on the wires than could be looked at");
	for (size_t i = 0; i < check->count; i++)
		judged |= question_of(inquiry, check, i)->way.judged;
	if ((looks & ~judged) == 0)
		return;
	fault = find_fault(inquiry, check, 0);
	(void)snprintf(text, sizeof(text), "there was %s%s%.200s", look_name(looks & ~judged),
		       fault != NULL ? ": " : "", fault != NULL ? fault->sentence : "");
	set_reason(verdict, VERDICT_UNASKED, text);
}

void verdict_judge(const struct inquiry *inquiry, const struct inquiry_check *check,
		   struct verdict *verdict)
{
	*verdict = (struct verdict){.outcome = VERDICT_PASS, .step = WALK_NONE};
	for (size_t i = 0; i < check->count; i++) {
		const struct inquiry_question *question = question_of(inquiry, check, i);
		struct finding finding = {.held = HELD};

		switch (find(inquiry, check->check, question, &finding)) {
		case HELD_NOT:
			return fail(inquiry, question, &finding, verdict);
		case HELD_UNKNOWN:
			if (verdict->outcome == VERDICT_PASS)
				set_reason(verdict, VERDICT_UNASKED, finding.text);
			break;
		case HELD:
			break;
		}
	}
	if (verdict->outcome == VERDICT_PASS)
		judge_looks(inquiry, check, verdict);
}
