#include "verdict_parts.h"

#include "process.h"
#include "walk_map.h"

/* ---- silence --------------------------------------------------------------------------------- */

static size_t count_sounds(const struct inquiry_question *question)
{
	const struct asker_report *report = question->report;
	size_t count = 0;

	if (question->walk.kind == PROBE_ARP)
		return verdict_count_arps(question, false);
	if (question->walk.kind == PROBE_FRAME)
		return verdict_count_replies(question);
	for (uint32_t i = 0; i < question->plan.count; i++) {
		const struct asker_packet *packet = &report->packets[i];

		count += packet->right + packet->wrong +
			 (packet->errors > 0 && !packet->error.own ? 1U : 0U);
	}
	if (question->answer_report != NULL)
		count += question->answer_report->ear.came_ours;
	return count + (report->stream.connected != 0 ? 1U : 0U);
}

/* False where both are on one net, and reach each other without a router. */
static bool has_router(const struct stage *stage, const struct inquiry_question *question)
{
	const struct walk_question *walk = &question->walk;
	struct stage_address hop;

	return walk_client_route(stage, walk->asker, walk->family, walk->target.bytes, &hop) !=
		       NULL &&
	       walk_leg_of(stage, walk->family, hop.bytes) != NULL;
}

/* What has not come to the router is no question to it. */
static bool has_come(const struct inquiry *inquiry, const struct inquiry_question *question)
{
	const struct walk_question *walk = &question->walk;

	if (walk->kind == PROBE_ARP)
		return (question->way.judged & (1U << LOOK_STRAY)) != 0;
	return question->way.entered > 0 || walk->target.line == 0 ||
	       !has_router(inquiry->stage, question);
}

enum held verdict_find_silence(const struct inquiry *inquiry,
			       const struct inquiry_question *question, struct finding *finding)
{
	char name[STAGE_CLIENT_NAME_SIZE];
	const struct walk_way *way = &question->way;
	const size_t sounds = count_sounds(question) + way->strays;

	if (sounds > 0)
		return verdict_say(finding, HELD_NOT,
				   "%s's question, which nobody is to answer, was answered",
				   verdict_asker(question, name));
	if (way->fault_count > 0 && way->faults[0].step == WALK_LISTENING)
		return verdict_say(finding, HELD_UNKNOWN, "%s", way->faults[0].sentence);
	if (!question->would_hear)
		return verdict_say(finding, HELD_UNKNOWN,
				   "%s heard nothing, but would not have heard an answer either",
				   verdict_asker(question, name));
	if (inquiry_is_lossy(inquiry) || question->answerer_lost)
		return verdict_say(finding, HELD_UNKNOWN,
				   "%s heard nothing, but not all could be heard or looked at",
				   verdict_asker(question, name));
	if (!has_come(inquiry, question))
		return verdict_say(finding, HELD_UNKNOWN, "%s's question did not come to a leg",
				   verdict_asker(question, name));
	return HELD;
}

/* ---- a command ------------------------------------------------------------------------------- */

static bool is_heard(const struct inquiry *inquiry)
{
	for (size_t i = 0; i < inquiry->leg_count; i++)
		if (inquiry->legs[i].hears != 0)
			return true;
	return false;
}

enum held verdict_find_exit(const struct inquiry *inquiry, const struct inquiry_question *question,
			    struct finding *finding)
{
	const uint8_t expected = question->walk.expect.status;
	char name[STAGE_CLIENT_NAME_SIZE];

	if (!is_heard(inquiry))
		return verdict_say(
			finding, HELD_UNKNOWN,
			"nobody listens on any leg: how a command ends without a router says "
			"nothing of one");
	if (question->status == PROCESS_FAILED && expected != PROCESS_FAILED)
		return verdict_say(finding, HELD_UNKNOWN, "%s's command could not be run",
				   verdict_asker(question, name));
	if (question->status == expected)
		return HELD;
	if (question->status < 0)
		return verdict_say(finding, HELD_NOT, "%s's command did not end in %.1f s",
				   verdict_asker(question, name), question->walk.within / 1e3);
	return verdict_say(finding, HELD_NOT,
			   "%s's command ended with exit status %d; it must be %u",
			   verdict_asker(question, name), question->status, expected);
}

/* ---- an answer ---------------------------------------------------------------------------- */

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
	if (inquiry_is_lossy(inquiry))
		return verdict_say(finding, HELD_UNKNOWN,
				   "%s has an answer, and not all on the wires could be looked at",
				   verdict_asker(question, name));
	return verdict_say(finding, HELD_NOT,
			   "%s has an answer, and this computer put nothing onto net%u",
			   verdict_asker(question, name), question->walk.interface->net);
}

enum held verdict_doubt(const struct inquiry *inquiry, const struct inquiry_question *question,
			struct finding *finding)
{
	const struct walk_way *way = &question->way;
	const struct walk_fault *fault = verdict_find_fatal(way);
	char name[STAGE_CLIENT_NAME_SIZE];

	if (question->walk.kind == PROBE_FRAME || question->walk.kind == PROBE_ARP)
		return doubt_near(inquiry, question, finding);
	if (way->entered > 0 && way->carried == 0 && way->answered == 0 && fault != NULL)
		return verdict_say(finding, HELD_NOT, "%s", fault->sentence);
	if (way->entered > 0 || !has_router(inquiry->stage, question))
		return HELD;
	return verdict_say(finding, HELD_UNKNOWN,
			   "%s has answers to packets that no wire of the computer's has seen",
			   verdict_asker(question, name));
}
