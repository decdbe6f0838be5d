/* Theory of operation
 *
 * Who asked says what came back, and the wires say what became of each packet on the way. A check
 * is passed only where both say so: an answer that no wire has seen was not the router's, a silence
 * counts only where an answer would have been heard, and a property only where there was a frame to
 * have it. Everything else that is not wrong is a question that could not be asked. */
#include "verdict_parts.h"

#include <stdarg.h>

#define MS	      UINT64_C(1000000) /* in ns */
#define STREAM_ROUNDS 10		/* there and back, of a TCP connection with its data */

enum held verdict_say(struct finding *finding, enum held held, const char *format, ...)
{
	va_list arguments;

	finding->held = held;
	va_start(arguments, format);
	(void)vsnprintf(finding->text, sizeof(finding->text), format, arguments);
	va_end(arguments);
	return held;
}

const char *verdict_asker(const struct inquiry_question *question,
			  char name[STAGE_CLIENT_NAME_SIZE])
{
	stage_client_name(question->walk.asker, name);
	return name;
}

/* ---- one question ---------------------------------------------------------------------------- */

static enum held find(const struct inquiry *inquiry, const struct stage_check *check,
		      const struct inquiry_question *question, struct finding *finding)
{
	enum held held = HELD;

	if (!question->asked)
		return verdict_say(finding, HELD_UNKNOWN, "%s",
				   question->error.code != 0 ? question->error.text
							     : "it was not asked");
	switch (check->expect.kind) {
	case EXPECT_REPLY:
		held = verdict_find_reply(check, question, finding);
		return held == HELD ? verdict_doubt(inquiry, question, finding) : held;
	case EXPECT_SILENCE:
		return verdict_find_silence(inquiry, question, finding);
	case EXPECT_ICMP:
		held = verdict_find_error(question, finding);
		return held == HELD ? verdict_doubt(inquiry, question, finding) : held;
	case EXPECT_EXIT:
		return verdict_find_exit(inquiry, question, finding);
	case EXPECT_ANYTHING:
	case EXPECT_KINDS:
		break;
	}
	return HELD;
}

/* ---- what is said ---------------------------------------------------------------------------- */

static void set_reason(struct verdict *verdict, enum verdict_outcome outcome, const char *reason)
{
	verdict->outcome = outcome;
	(void)snprintf(verdict->reason, sizeof(verdict->reason), "%s", reason);
}

static void take_frame(const struct inquiry *inquiry, size_t frame, struct verdict *verdict)
{
	frame_describe(walk_frame(&inquiry->walk, frame), verdict->frame);
	(void)snprintf(verdict->wire, sizeof(verdict->wire), "%s",
		       inquiry->wires[inquiry->walk.frames[frame].wire].name);
}

static void take_fault(const struct inquiry *inquiry, const struct walk_fault *fault,
		       struct verdict *verdict)
{
	verdict->step = fault->step;
	verdict->rule = fault->rule;
	(void)snprintf(verdict->reason, sizeof(verdict->reason), "%s", fault->sentence);
	if (fault->frame == WALK_NO_FRAME)
		return;
	take_frame(inquiry, fault->frame, verdict);
	if (fault->field != FRAME_FIELD_NONE)
		verdict->field =
			frame_field_name(walk_frame(&inquiry->walk, fault->frame), fault->field);
}

static const struct inquiry_question *question_of(const struct inquiry *inquiry,
						  const struct inquiry_check *check, size_t i)
{
	return &inquiry->questions[check->questions[i]];
}

/* The first fault of QUESTION that is one of LOOKS; 0: of any kind. */
static const struct walk_fault *find_fault(const struct inquiry_question *question, unsigned looks)
{
	const struct walk_way *way = &question->way;

	for (size_t i = 0; i < way->fault_count; i++)
		if (looks == 0 || (way->faults[i].looks & looks) != 0)
			return &way->faults[i];
	return NULL;
}

/* True where OTHER asks the same of the same two as QUESTION does, in whatever sizes, and is to be
 * answered, or may be. */
static bool is_alike(const struct inquiry_question *question, const struct inquiry_question *other)
{
	const struct walk_question *a = &question->walk, *b = &other->walk;

	return a->kind == b->kind && a->kind != PROBE_FRAME && a->kind != PROBE_RUN &&
	       a->asker == b->asker && a->interface == b->interface && a->family == b->family &&
	       memcmp(a->target.bytes, b->target.bytes, sizeof(a->target.bytes)) == 0 &&
	       question->plan.ttl == other->plan.ttl &&
	       (b->expect.kind == EXPECT_REPLY || b->expect.kind == EXPECT_ANYTHING);
}

/* The first fault of CHECK's questions, or of other checks' that are alike: what a router does
 * once, such as sending what has waited for ARP, shows in one of them. */
static const struct walk_fault *find_look_fault(const struct inquiry *inquiry,
						const struct inquiry_check *check, unsigned looks)
{
	for (size_t i = 0; i < check->count; i++) {
		const struct inquiry_question *question = question_of(inquiry, check, i);
		const struct walk_fault *fault = find_fault(question, looks);

		for (size_t j = 0; looks != 0 && fault == NULL && j < inquiry->count; j++)
			if (is_alike(question, &inquiry->questions[j]))
				fault = find_fault(&inquiry->questions[j], looks);
		if (fault != NULL)
			return fault;
	}
	return NULL;
}

/* ---- why --------------------------------------------------------------------------------------
 */

const struct walk_fault *verdict_find_fatal(const struct walk_way *way)
{
	for (size_t i = 0; i < way->fault_count; i++)
		if (way->faults[i].fatal)
			return &way->faults[i];
	return NULL;
}

/* What can have kept an answer from coming; where nothing is to come, what there is to say. NULL:
 * nothing. */
static const struct walk_fault *find_cause(const struct inquiry_question *question)
{
	const struct walk_way *way = &question->way;

	if (question->walk.expect.kind == EXPECT_SILENCE && way->fault_count > 0)
		return &way->faults[0];
	return verdict_find_fatal(way);
}

void verdict_blame(const struct inquiry *inquiry, const struct walk_way *way,
		   const struct walk_fault *fault, struct verdict *verdict)
{
	const bool clients =
		fault->step == WALK_ARRIVAL || (fault->step == WALK_ARP_QUESTION &&
						way->entered == 0 && fault->frame == WALK_NO_FRAME);

	verdict->outcome = clients ? VERDICT_UNASKED : VERDICT_FAIL;
	take_fault(inquiry, fault, verdict);
}

/* A router need not be late with any packet to be too late with one and its answer. A stream takes
 * many there and back. */
static bool blame_delay(const struct inquiry *inquiry, const struct inquiry_question *question,
			const struct finding *finding, struct verdict *verdict)
{
	const struct walk_way *way = &question->way;
	const uint64_t rounds = question->walk.kind == PROBE_TCP ? STREAM_ROUNDS : 1;

	if (question->walk.expect.kind != EXPECT_REPLY ||
	    (way->took[0] + way->took[1]) * rounds < (uint64_t)question->walk.within * MS)
		return false;
	verdict->outcome = VERDICT_FAIL;
	verdict->step = WALK_FORWARD;
	(void)snprintf(verdict->reason, sizeof(verdict->reason),
		       "%.180s: the router kept packets for up to %u ms there and %u ms back, of "
		       "%u ms that there are",
		       finding->text, (unsigned)(way->took[0] / MS), (unsigned)(way->took[1] / MS),
		       question->walk.within);
	take_frame(inquiry, way->slowest[way->took[1] > way->took[0]], verdict);
	return true;
}

/* The question that failed tells why, by the wires; where these have nothing wrong, it was not the
 * router. */
static void fail(const struct inquiry *inquiry, const struct inquiry_question *question,
		 const struct finding *finding, struct verdict *verdict)
{
	const struct walk_way *way = &question->way;
	const struct walk_fault *fault = find_cause(question);
	char text[WALK_SENTENCE_SIZE];

	if (question->walk.kind == PROBE_RUN)
		return set_reason(verdict, VERDICT_FAIL, finding->text);
	if (fault != NULL)
		return verdict_blame(inquiry, way, fault, verdict);
	if (inquiry_is_lossy(inquiry)) {
		(void)snprintf(text, sizeof(text), "%.200s; more passed than could be looked at",
			       finding->text);
		return set_reason(verdict, VERDICT_FAIL, text);
	}
	if (blame_delay(inquiry, question, finding, verdict))
		return;
	if (way->fault_count > 0)
		return verdict_blame(inquiry, way, &way->faults[0], verdict);
	verdict->step = WALK_ARRIVAL;
	if (question->walk.expect.kind != EXPECT_REPLY || way->carried + way->answered == 0 ||
	    question->walk.kind == PROBE_TRACEROUTE)
		return set_reason(verdict, VERDICT_FAIL, finding->text);
	(void)snprintf(text, sizeof(text), "%.200s, though all on the wires is right",
		       finding->text);
	set_reason(verdict, VERDICT_UNASKED, text);
}

/* ---- the check ------------------------------------------------------------------------------- */

static const char *look_name(unsigned looks)
{
	static const char *const names[LOOK_KINDS] = {
		[LOOK_ARP] = "no ARP answer to look at",
		[LOOK_TTL] = "no forwarded packet whose TTL could be looked at",
		[LOOK_CHECKSUM] = "no forwarded packet whose checksum could be looked at",
		[LOOK_ETHERNET] = "no forwarded frame whose Ethernet addresses could be looked at",
		[LOOK_ADDRESSES] = "no forwarded packet whose addresses could be looked at",
		[LOOK_PAYLOAD] = "no forwarded packet whose payload could be looked at",
		[LOOK_DUPLICATE] = "no packet that was forwarded or answered, once or more often",
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
	const struct walk_fault *fault = looks == 0 ? NULL : find_look_fault(inquiry, check, looks);
	unsigned judged = 0;
	char text[WALK_SENTENCE_SIZE];

	if (fault != NULL) {
		verdict->outcome = VERDICT_FAIL;
		return take_fault(inquiry, fault, verdict);
	}
	if (looks != 0 && inquiry_is_lossy(inquiry))
		return set_reason(verdict, VERDICT_UNASKED,
				  "more passed on the wires than could be looked at");
	for (size_t i = 0; i < check->count; i++)
		judged |= question_of(inquiry, check, i)->way.judged;
	if ((looks & ~judged) == 0)
		return;
	fault = find_look_fault(inquiry, check, 0);
	(void)snprintf(text, sizeof(text), "there was %s%s%.200s", look_name(looks & ~judged),
		       fault != NULL ? ": " : "", fault != NULL ? fault->sentence : "");
	set_reason(verdict, VERDICT_UNASKED, text);
}

void verdict_judge(const struct inquiry *inquiry, const struct inquiry_check *check,
		   struct verdict *verdict)
{
	*verdict = (struct verdict){.outcome = VERDICT_PASS, .step = WALK_NONE};
	for (size_t i = 0; i < check->count && verdict->outcome != VERDICT_FAIL; i++) {
		const struct inquiry_question *question = question_of(inquiry, check, i);
		struct verdict one = {.outcome = VERDICT_PASS, .step = WALK_NONE};
		struct finding finding = {.held = HELD};

		switch (find(inquiry, check->check, question, &finding)) {
		case HELD_NOT:
			fail(inquiry, question, &finding, &one);
			break;
		case HELD_UNKNOWN:
			set_reason(&one, VERDICT_UNASKED, finding.text);
			break;
		case HELD:
			break;
		}
		/* One that failed counts before one that could not be asked. */
		if (one.outcome == VERDICT_FAIL || verdict->outcome == VERDICT_PASS)
			*verdict = one;
	}
	if (verdict->outcome == VERDICT_PASS)
		judge_looks(inquiry, check, verdict);
}
