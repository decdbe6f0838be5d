#include "inquiry_parts.h"

#include "walk_map.h"

#define CONTROL_MS	  150  /* what a kernel forwards or answers is there long before */
#define CONTROL_BESIDE_MS 1000 /* where a program listens, which may be slower */

/* A copy of QUESTION that is asked for a moment. */
static void make_control(const struct inquiry_question *question, unsigned within,
			 struct inquiry_question *control)
{
	*control = (struct inquiry_question){.walk = question->walk,
					     .plan = question->plan,
					     .asker = ASKER_NONE,
					     .answerer = ASKER_NONE};
	control->plan.count = 1;
	control->plan.within = within;
	control->plan.silence = true;
	control->plan.ttl = 0;
	if (question->walk.kind != PROBE_ARP) {
		control->walk.kind = PROBE_PING;
		control->plan.kind = ASKER_PING;
		control->plan.sizes[0] = 56;
		control->plan.size_count = 1;
	}
}

/* True where an earlier question asks the same of the same. */
static bool is_repeated(const struct inquiry *inquiry, size_t at)
{
	const struct walk_question *question = &inquiry->questions[at].walk;

	for (size_t i = 0; i < at; i++) {
		const struct walk_question *other = &inquiry->questions[i].walk;

		if ((other->kind == PROBE_ARP) == (question->kind == PROBE_ARP) &&
		    other->asker == question->asker && other->family == question->family &&
		    memcmp(other->target.bytes, question->target.bytes, 16) == 0)
			return true;
	}
	return false;
}

/* Whether it takes a router: not where both are on one net. */
static bool takes_router(const struct inquiry *inquiry, const struct walk_question *question)
{
	const struct stage_interface *other = NULL;

	(void)walk_owner(inquiry->stage, question->family, question->target.bytes, &other);
	return other == NULL || other->net != question->interface->net;
}

static bool is_control(const struct inquiry *inquiry, size_t at)
{
	const struct inquiry_question *question = &inquiry->questions[at];

	return question->error.code == 0 && takes_router(inquiry, &question->walk) &&
	       question->walk.kind != PROBE_FRAME && question->walk.kind != PROBE_RUN &&
	       question->walk.target.line != 0 && !is_repeated(inquiry, at);
}

static size_t count_answers(const struct inquiry_question *control)
{
	size_t count = 0;

	if (control->report == NULL)
		return 0;
	for (uint32_t i = 0; i < control->plan.count; i++)
		count += control->report->packets[i].right + control->report->packets[i].wrong;
	return count + control->report->arp_count;
}

/* What the computer has put onto a leg, or a client has heard. */
static int judge_silence(const struct inquiry *inquiry, const struct inquiry_question *controls,
			 size_t count, struct error *error)
{
	char name[STAGE_CLIENT_NAME_SIZE];

	for (size_t i = 0; i < inquiry->capture.frame_count; i++) {
		const struct capture_frame *seen = &inquiry->capture.frames[i];
		struct frame frame;
		char text[FRAME_DESCRIBE_SIZE];

		if (!seen->sent)
			continue;
		frame_decode(seen->bytes, seen->kept, &frame);
		frame_describe(&frame, text);
		(void)error_set(error, EALREADY,
				"before the router ran this computer put onto %s: %.160s%s",
				inquiry->wires[seen->wire].name, text,
				inquiry->before_count > 0
					? "; a program listens there already: end it"
					: "");
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		if (!controls[i].asked)
			return error_set(error, EIO, "cannot prove the silence: %.200s",
					 strdupa(controls[i].error.text));
		if (count_answers(&controls[i]) == 0)
			continue;
		stage_client_name(controls[i].walk.asker, name);
		(void)error_set(error, EALREADY, "before the router ran %s got answers", name);
		return 0;
	}
	return 1;
}

static void close_controls(struct inquiry_question *controls, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		asker_close(&controls[i].asker);
		free_memory(&controls[i].report);
	}
}

static int prove(struct inquiry *inquiry, struct error *error)
{
	CLEANUP_FREE struct inquiry_question *controls =
		calloc(inquiry->count + 1, sizeof(*controls));
	size_t count = 0;
	int result;

	if (controls == NULL)
		return error_system(error, ENOMEM, "cannot ask");
	for (size_t i = 0; i < inquiry->count; i++)
		if (is_control(inquiry, i))
			make_control(&inquiry->questions[i],
				     inquiry->before_count > 0 ? CONTROL_BESIDE_MS : CONTROL_MS,
				     &controls[count++]);
	for (size_t i = 0; i < count; i++)
		(void)asker_start(&controls[i].plan, inquiry_ns(inquiry, controls[i].walk.asker),
				  &controls[i].asker, &controls[i].error);
	for (size_t i = 0; i < count; i++)
		inquiry_meet(&controls[i]);
	for (size_t i = 0; i < count; i++)
		inquiry_let_go(&controls[i]);
	for (size_t i = 0; i < count; i++)
		inquiry_hear(&controls[i]);
	result = capture_stop(&inquiry->capture, error);
	if (result == 0)
		result = judge_silence(inquiry, controls, count, error);
	close_controls(controls, count);
	return result;
}

int inquiry_prove_silence(struct inquiry *inquiry, struct error *error)
{
	inquiry->before_count = capture_listeners(&inquiry->capture, inquiry->before, error);
	return inquiry->before_count < 0 ? inquiry->before_count : prove(inquiry, error);
}
