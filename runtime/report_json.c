#include "report_parts.h"

#include "json.h"

/* TEXT as it may be shown; the caller's. NULL where TEXT is, or memory runs out. */
static char *make_text(const char *text)
{
	CLEANUP_FREE char *made = NULL;
	CLEANUP_STREAM FILE *stream = NULL;
	size_t size = 0;

	if (text == NULL)
		return NULL;
	stream = open_memstream(&made, &size);
	if (stream == NULL)
		return NULL;
	report_put_to(stream, text, SYNTAX_JSON);
	if (fflush(stream) != 0)
		return NULL;
	return strdup(made);
}

static void json_add_shown(struct json_object *object, const char *key, const char *text)
{
	CLEANUP_FREE char *shown = make_text(text);

	json_add_text(object, key, shown);
}

static struct json_object *json_cause(const struct verdict *verdict)
{
	struct json_object *cause = json_new_object();

	json_add_text(cause, "step", walk_step_name(verdict->step));
	json_add_shown(cause, "text", verdict->reason);
	json_add_shown(cause, "rule", verdict->rule);
	json_add_shown(cause, "wire", verdict->wire[0] != '\0' ? verdict->wire : NULL);
	json_add_shown(cause, "frame", verdict->frame[0] != '\0' ? verdict->frame : NULL);
	json_add_shown(cause, "wrong", verdict->field);
	return cause;
}

static struct json_object *json_verdict(const struct stage_check *check,
					const struct verdict *verdict)
{
	struct json_object *object = json_new_object();

	json_add_text(object, "name", check->name);
	json_add_shown(object, "title", check->title);
	json_add_number(object, "points", check->points);
	json_add_text(object, "outcome", report_outcome_word(verdict->outcome));
	json_add(object, "cause", verdict->outcome == VERDICT_PASS ? NULL : json_cause(verdict));
	return object;
}

static struct json_object *json_notes(const struct report *report)
{
	struct json_object *notes = json_new_array();

	for (size_t i = 0; i < report->note_count; i++) {
		CLEANUP_FREE char *note = make_text(report->notes[i]);

		if (note != NULL)
			json_append_text(notes, note);
	}
	return notes;
}

void report_print_json(const struct report *report)
{
	struct json_object *whole = json_new_object();
	struct json_object *checks = json_new_array();
	unsigned points, all;

	report_count_points(report, &points, &all);
	json_add_text(whole, "stage", report->stage->name);
	json_add_bool(whole, "passed", report_passed(report));
	json_add_number(whole, "points", points);
	json_add_number(whole, "points_of", all);
	json_add_number(whole, "took_ms", report->took);
	for (size_t i = 0; i < report->count; i++)
		json_append(checks, json_verdict(report->checks[i], &report->verdicts[i]));
	json_add(whole, "checks", checks);
	json_add(whole, "notes", json_notes(report));
	json_add_shown(whole, "router", report->command);
	json_add_shown(whole, "output", report->output);
	json_add_shown(whole, "kept", report->kept);
	json_print(whole);
}
