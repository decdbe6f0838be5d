#include "command.h"
#include "inquiry.h"
#include "json.h"
#include "pair.h"
#include "verdict.h"

#define NET_WIDTH 6 /* characters of a net's name at least */

/* ---- what is said ---------------------------------------------------------------------------- */

/* What is told: the way of one check, and what is wrong with it. */
struct answer {
	const struct pair *pair;
	const struct inquiry *inquiry;
	const struct inquiry_check *check;
	const struct walk_way *way;
	const struct walk_fault *fault; /* NULL: nothing, or none that the wires show */
	struct verdict verdict;
};

static const struct walk_way *way_of(const struct inquiry *inquiry,
				     const struct inquiry_check *check)
{
	const struct walk_way *way = &inquiry->questions[check->questions[0]].way;

	for (size_t i = 0; i < check->count; i++)
		if (inquiry->questions[check->questions[i]].way.fault_count > 0)
			return &inquiry->questions[check->questions[i]].way;
	return way;
}

/* True where nothing is wrong but how the router itself asks by ARP, or how often it answers. What
 * keeps a packet from its way is told first. */
static bool is_by_the_way(const struct answer *answer)
{
	return answer->check->check->probes[0].kind == PROBE_ARP && answer->fault != NULL &&
	       (answer->fault->step == WALK_ARP_QUESTION || answer->fault->step == WALK_DUPLICATE);
}

/* What came of CHECK. A fault need not keep an answer from coming. */
static void judge_check(const struct inquiry_check *check, struct answer *answer)
{
	answer->check = check;
	answer->way = way_of(answer->inquiry, check);
	answer->fault = NULL;
	verdict_judge(answer->inquiry, check, &answer->verdict);
	if (answer->way->fault_count == 0)
		return;
	answer->fault = &answer->way->faults[0];
	verdict_blame(answer->inquiry, answer->way, answer->fault, &answer->verdict);
}

/* How much ANSWER is what was asked for: more than what is only by the way is what could not be
 * told, and more than that what is wrong for sure. */
static unsigned weigh(const struct answer *answer)
{
	if (answer->verdict.outcome == VERDICT_PASS)
		return 0;
	if (is_by_the_way(answer))
		return 1;
	return answer->verdict.outcome == VERDICT_UNASKED ? 2 : 3;
}

/* The first check of those that weigh most; where nothing is wrong the one that a packet's way is
 * shown by. */
static void find_answer(const struct inquiry *inquiry, const struct pair *pair,
			struct answer *answer)
{
	const struct inquiry_check *shown = &inquiry->checks[0];
	struct verdict *verdict = &answer->verdict;
	unsigned most = 0;

	if (inquiry->check_count > 1 && pair->checks[0].probes[0].kind == PROBE_ARP)
		shown = &inquiry->checks[1];
	*answer = (struct answer){.pair = pair, .inquiry = inquiry};
	for (size_t i = 0; i < inquiry->check_count; i++) {
		judge_check(&inquiry->checks[i], answer);
		if (weigh(answer) <= most)
			continue;
		most = weigh(answer);
		shown = &inquiry->checks[i];
	}
	judge_check(shown, answer);
	if (verdict->outcome != VERDICT_PASS || !inquiry_is_lossy(inquiry))
		return;
	verdict->outcome = VERDICT_UNASKED;
	(void)snprintf(verdict->reason, sizeof(verdict->reason),
		       "more passed on the wires than could be looked at");
}

static void print_fields(const struct answer *answer)
{
	const struct frame *frame = walk_frame(&answer->inquiry->walk, answer->fault->frame);
	char text[FRAME_DESCRIBE_SIZE];

	(void)printf("\nThe frame on %s:\n", answer->verdict.wire);
	for (enum frame_field field = FRAME_FIELD_NONE + 1; field < FRAME_FIELDS; field++)
		if (frame_field_text(frame, field, text))
			(void)printf("  %s %-28s %s\n", field == answer->fault->field ? ">" : " ",
				     frame_field_name(frame, field), text);
}

/* One line of the walk: how it is, on which wire, and what. */
static void print_stop(const struct answer *answer, const char *state, const char *net,
		       const char *text)
{
	int width = NET_WIDTH;

	for (size_t i = 0; i < answer->way->stop_count; i++)
		if ((int)strlen(answer->way->stops[i].net) > width)
			width = (int)strlen(answer->way->stops[i].net);
	(void)printf("  %-5s %-*s %s\n", state, width, net, text);
}

static void print_human(const struct answer *answer)
{
	const struct verdict *verdict = &answer->verdict;
	const struct pair *pair = answer->pair;
	char text[WALK_SENTENCE_SIZE];

	(void)printf("%s to %s, by %s:\n", pair->from, pair->to, answer->check->check->name);
	(void)snprintf(text, sizeof(text), "%s is %s", pair->to, pair->address);
	if (strcmp(pair->address, pair->to) != 0)
		print_stop(answer, "ok", "", text);
	for (size_t i = 0; i < answer->way->stop_count; i++) {
		const struct walk_stop *stop = &answer->way->stops[i];

		print_stop(answer, stop->wrong ? "WRONG" : "ok", stop->net, stop->text);
	}
	if (verdict->outcome == VERDICT_PASS) {
		(void)puts("Nothing is wrong.");
		return;
	}
	if (answer->fault == NULL)
		print_stop(answer, verdict->outcome == VERDICT_UNASKED ? "?" : "WRONG",
			   verdict->wire, verdict->reason);
	else if (answer->fault->frame != WALK_NO_FRAME)
		print_fields(answer);
	if (verdict->step == WALK_NONE) {
		(void)puts("\nWhat is wrong, if anything is, could not be asked.");
		return;
	}
	(void)printf("\nThe first thing that is wrong: %s%s%s\n", walk_step_name(verdict->step),
		     verdict->rule != NULL ? ", see " : "",
		     verdict->rule != NULL ? verdict->rule : "");
}

static struct json_object *json_frame(const struct answer *answer)
{
	struct json_object *object = json_new_object();
	struct json_object *fields = json_new_object();
	const struct frame *frame = walk_frame(&answer->inquiry->walk, answer->fault->frame);
	char text[FRAME_DESCRIBE_SIZE];

	json_add_text(object, "wire", answer->verdict.wire);
	json_add_text(object, "text", answer->verdict.frame);
	for (enum frame_field field = FRAME_FIELD_NONE + 1; field < FRAME_FIELDS; field++)
		if (frame_field_text(frame, field, text))
			json_add_text(fields, frame_field_name(frame, field), text);
	json_add(object, "fields", fields);
	json_add_text(object, "wrong", answer->verdict.field);
	return object;
}

static void print_json(const struct answer *answer)
{
	struct json_object *whole = json_new_object();
	struct json_object *stops = json_new_array();
	struct json_object *cause = json_new_object();
	const struct verdict *verdict = &answer->verdict;

	json_add_text(whole, "from", answer->pair->from);
	json_add_text(whole, "to", answer->pair->to);
	json_add_text(whole, "address", answer->pair->address);
	json_add_text(whole, "by", answer->check->check->name);
	for (size_t i = 0; i < answer->way->stop_count; i++) {
		const struct walk_stop *stop = &answer->way->stops[i];
		struct json_object *object = json_new_object();

		json_add_text(object, "step", walk_step_name(stop->step));
		json_add_text(object, "wire", stop->net[0] != '\0' ? stop->net : NULL);
		json_add_bool(object, "ok", !stop->wrong);
		json_add_text(object, "text", stop->text);
		json_append(stops, object);
	}
	json_add(whole, "walk", stops);
	json_add_text(cause, "step", walk_step_name(verdict->step));
	json_add_bool(cause, "asked", verdict->outcome != VERDICT_UNASKED);
	json_add_text(cause, "text", verdict->outcome == VERDICT_PASS ? NULL : verdict->reason);
	json_add_text(cause, "rule", verdict->rule);
	if (answer->fault != NULL && answer->fault->frame != WALK_NO_FRAME)
		json_add(cause, "frame", json_frame(answer));
	else
		json_add_null(cause, "frame");
	json_add(whole, "cause", cause);
	json_print(whole);
}

/* ---- the command ----------------------------------------------------------------------------- */

static int ask(struct command_place *place, const struct pair *pair, struct inquiry *inquiry,
	       struct error *error)
{
	const struct inquiry_way way = {command_connect_again, place};

	if (inquiry_prepare(pair->stage, pair->list, pair->count, &way, inquiry, error) < 0 ||
	    inquiry_control(inquiry, error) < 0 || inquiry_watch(inquiry, error) < 0)
		return -error->code;
	return inquiry_ask(inquiry, &way, error);
}

int cmd_why(const struct command_line *line)
{
	CLEANUP_COMMAND_PLACE struct command_place place = {.session = SESSION_NONE,
							    .checkout = CHECKOUT_NONE};
	CLEANUP_STAGE struct stage stage = {.name = ""};
	CLEANUP_INQUIRY struct inquiry inquiry = INQUIRY_NONE;
	char name[STAGE_NAME_SIZE];
	struct error error = {0};
	struct answer answer = {.pair = NULL};
	struct pair pair;
	int status;

	if (command_find_running(line, &place, &error) < 0 ||
	    command_find_name(&place, name, &error) < 0)
		return command_fail(&error, EXIT_FAILURE);
	status = command_read_stage(&place, name, &stage);
	if (status != EXIT_SUCCESS)
		return status;
	if (pair_make(&stage, line->operands, &pair, &error) < 0)
		return command_fail(&error, EXIT_USAGE);
	if (ask(&place, &pair, &inquiry, &error) < 0)
		return command_fail(&error, EXIT_FAILURE);
	find_answer(&inquiry, &pair, &answer);
	if (line->options & OPTION_JSON)
		print_json(&answer);
	else
		print_human(&answer);
	return answer.verdict.outcome == VERDICT_PASS ? EXIT_SUCCESS : EXIT_FAILURE;
}
