#include "report.h"

#include "command.h"
#include "json.h"
#include "text.h"

#define TAIL_LINES 10
#define LINE_SIZE  256 /* bytes of a line of the router's output, as a tail shows it */

static const char *const format_names[REPORT_FORMATS] = {
	[REPORT_HUMAN] = "human",
	[REPORT_TAP] = "tap",
	[REPORT_JUNIT] = "junit",
	[REPORT_JSON] = "json",
};

int report_find_format(const char *name, enum report_format *format, struct error *error)
{
	const char *near = NULL;
	char shown[64];

	for (size_t i = 0; i < REPORT_FORMATS; i++) {
		if (strcmp(name, format_names[i]) == 0) {
			*format = (enum report_format)i;
			return 0;
		}
		if (text_is_near(name, format_names[i]))
			near = format_names[i];
	}
	(void)text_escape(name, shown, sizeof(shown));
	if (near != NULL)
		return error_set(error, EINVAL,
				 "--format \"%s\": there is no such format; did you mean %s?",
				 shown, near);
	return error_set(error, EINVAL,
			 "--format \"%s\": there is no such format; use human, tap, junit or json",
			 shown);
}

static size_t count(const struct report *report, enum verdict_outcome outcome)
{
	size_t found = 0;

	for (size_t i = 0; i < report->count; i++)
		found += report->verdicts[i].outcome == outcome;
	return found;
}

bool report_passed(const struct report *report)
{
	return report->count > 0 && count(report, VERDICT_PASS) == report->count;
}

static void count_points(const struct report *report, unsigned *points, unsigned *all)
{
	*points = *all = 0;
	for (size_t i = 0; i < report->count; i++) {
		*all += report->checks[i]->points;
		if (report->verdicts[i].outcome == VERDICT_PASS)
			*points += report->checks[i]->points;
	}
}

static const char *outcome_word(enum verdict_outcome outcome)
{
	static const char *const words[VERDICT_OUTCOMES] = {
		[VERDICT_PASS] = "pass",
		[VERDICT_FAIL] = "fail",
		[VERDICT_UNASKED] = "could not ask",
	};

	return words[outcome];
}

/* ---- text, which may be anybody's ------------------------------------------------------------ */

/* What text is put into, each with signs of its own that mean something. From XML on it may have
 * several lines. */
enum syntax {
	SYNTAX_LINE,
	SYNTAX_YAML, /* in double quotes */
	SYNTAX_TAP,  /* a description, which ends at a number sign */
	SYNTAX_XML,  /* an attribute too */
	SYNTAX_JSON, /* json-c escapes */
};

static const char *escape_of(char byte, enum syntax syntax)
{
	static const struct {
		enum syntax syntax;
		char byte;
		const char *escape;
	} escapes[] = {
		{SYNTAX_YAML, '"', "\\\""},   {SYNTAX_YAML, '\\', "\\\\"},
		{SYNTAX_TAP, '#', "\\#"},     {SYNTAX_TAP, '\\', "\\\\"},
		{SYNTAX_XML, '&', "&amp;"},   {SYNTAX_XML, '<', "&lt;"},
		{SYNTAX_XML, '>', "&gt;"},    {SYNTAX_XML, '"', "&quot;"},
		{SYNTAX_XML, '\'', "&apos;"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(escapes); i++)
		if (escapes[i].syntax == syntax && escapes[i].byte == byte)
			return escapes[i].escape;
	return NULL;
}

/* As text_printable(), but lines may end, and tabs be, where SYNTAX has lines. U+FFFE and U+FFFF
 * are no characters of XML 1.0 (2.2). */
static size_t fit_length(const char *text, enum syntax syntax)
{
	if (syntax >= SYNTAX_XML && (*text == '\n' || *text == '\t'))
		return 1;
	if (syntax == SYNTAX_XML &&
	    (strncmp(text, "\xef\xbf\xbe", 3) == 0 || strncmp(text, "\xef\xbf\xbf", 3) == 0))
		return 0;
	return text_printable(text);
}

static void put_byte(FILE *stream, char byte, enum syntax syntax)
{
	const char *escape = escape_of(byte, syntax);

	if (escape != NULL)
		(void)fputs(escape, stream);
	else
		(void)fputc(byte, stream);
}

/* Every byte that must not be shown as \xNN, as text_escape() does; nothing is cut. */
static void put_text(FILE *stream, const char *text, enum syntax syntax)
{
	while (*text != '\0') {
		const size_t length = fit_length(text, syntax);
		char shown[sizeof("\\xNN")];

		if (length > 1) {
			(void)fwrite(text, 1, length, stream);
		} else if (length == 1) {
			put_byte(stream, *text, syntax);
		} else {
			(void)snprintf(shown, sizeof(shown), "\\x%02x", (unsigned char)*text);
			for (const char *at = shown; *at != '\0'; at++)
				put_byte(stream, *at, syntax);
		}
		text += length > 0 ? length : 1;
	}
}

static void print(const char *text, enum syntax syntax)
{
	put_text(stdout, text, syntax);
}

/* ---- the router's output --------------------------------------------------------------------- */

/* Where the last lines begin, and at END where they end; empty ones behind them are left out. */
static const char *find_tail(const char *output, const char **end)
{
	const char *at = output + strlen(output);
	int lines = 0;

	while (at > output && at[-1] == '\n')
		at--;
	*end = at;
	while (at > output && (at[-1] != '\n' || ++lines < TAIL_LINES))
		at--;
	return at;
}

static void print_tail(const char *begin, const char *end, const char *prefix)
{
	for (const char *line = begin; line < end;) {
		const size_t size = strcspn(line, "\n");
		CLEANUP_FREE char *whole = strndup(line, size);
		char shown[LINE_SIZE];

		for (size_t i = 0; whole != NULL && i < size; i++)
			if (whole[i] == '\t')
				whole[i] = ' ';
		(void)printf("%s%s\n", prefix,
			     whole != NULL ? text_escape(whole, shown, sizeof(shown)) : "");
		line += size + 1;
	}
}

/* ---- for people ------------------------------------------------------------------------------ */

/* https://no-color.org: NO_COLOR counts where it is not empty. */
static bool want_colour(void)
{
	const char *no_color = getenv("NO_COLOR");

	return command_can_draw(STDOUT_FILENO) && (no_color == NULL || no_color[0] == '\0');
}

static void print_mark(enum verdict_outcome outcome, bool coloured)
{
	static const struct {
		const char *word;
		const char *colour; /* ECMA-48, "select graphic rendition" */
	} marks[VERDICT_OUTCOMES] = {
		[VERDICT_PASS] = {"ok", "\033[32m"},
		[VERDICT_FAIL] = {"FAIL", "\033[31m"},
		[VERDICT_UNASKED] = {"not asked", "\033[33m"},
	};

	(void)printf("%s%-9s%s ", coloured ? marks[outcome].colour : "", marks[outcome].word,
		     coloured ? "\033[0m" : "");
}

/* What is beside the reason, each part on a line of its own behind INDENT: the frame, and what is
 * wrong in it. */
static void print_evidence(const struct verdict *verdict, const char *indent, enum syntax syntax)
{
	if (verdict->frame[0] != '\0') {
		(void)fputs(indent, stdout);
		print(verdict->wire, syntax);
		(void)fputs(verdict->wire[0] != '\0' ? ": " : "", stdout);
		print(verdict->frame, syntax);
		(void)putchar('\n');
	}
	if (verdict->field == NULL && verdict->rule == NULL)
		return;
	(void)fputs(indent, stdout);
	if (verdict->field != NULL) {
		(void)fputs("wrong: ", stdout);
		print(verdict->field, syntax);
		(void)fputs(verdict->rule != NULL ? "; " : "", stdout);
	}
	if (verdict->rule != NULL) {
		(void)fputs("see ", stdout);
		print(verdict->rule, syntax);
	}
	(void)putchar('\n');
}

/* One line behind PREFIX. */
static void print_line(const char *prefix, const char *text)
{
	(void)fputs(prefix, stdout);
	print(text, SYNTAX_LINE);
	(void)putchar('\n');
}

static void print_sum(const struct report *report, const char *prefix)
{
	unsigned points, all;

	count_points(report, &points, &all);
	(void)printf("%s%zu of %zu checks passed", prefix, count(report, VERDICT_PASS),
		     report->count);
	if (count(report, VERDICT_FAIL) > 0)
		(void)printf(", %zu failed", count(report, VERDICT_FAIL));
	if (count(report, VERDICT_UNASKED) > 0)
		(void)printf(", %zu could not be asked", count(report, VERDICT_UNASKED));
	(void)printf(": %u of %u points, in %.1f s\n", points, all, (double)report->took / 1e3);
}

static void print_kept(const struct report *report, const char *prefix)
{
	if (report->kept == NULL)
		return;
	(void)printf("%sWhat passed on the wires%s is in ", prefix,
		     report->command != NULL ? ", and what the router printed," : "");
	print_line("", report->kept);
}

/* What is said of them all, each line behind PREFIX. */
static void print_end(const struct report *report, const char *prefix)
{
	char quoted[16];
	const char *begin;
	const char *end;

	print_sum(report, prefix);
	for (size_t i = 0; i < report->note_count; i++)
		print_line(prefix, report->notes[i]);
	if (report->output != NULL && !report_passed(report)) {
		begin = find_tail(report->output, &end);
		(void)printf("%sThe router printed %s\n", prefix,
			     begin < end ? "at last:" : "nothing.");
		(void)snprintf(quoted, sizeof(quoted), "%s| ", prefix);
		print_tail(begin, end, quoted);
	}
	print_kept(report, prefix);
}

static void print_human(const struct report *report)
{
	static const char indent[] = "          ";
	const bool coloured = want_colour();

	for (size_t i = 0; i < report->count; i++) {
		const struct verdict *verdict = &report->verdicts[i];

		print_mark(verdict->outcome, coloured);
		print(report->checks[i]->title, SYNTAX_LINE);
		(void)printf(" [%s]\n", report->checks[i]->name);
		if (verdict->outcome == VERDICT_PASS)
			continue;
		print_line(indent, verdict->reason);
		print_evidence(verdict, indent, SYNTAX_LINE);
	}
	(void)putchar('\n');
	print_end(report, "");
}

/* ---- Test Anything Protocol ------------------------------------------------------------------ */

/* TEXT is behind BEFORE; NULL or empty: nothing is printed. */
static void print_yaml(const char *key, const char *before, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return;
	(void)printf("  %s: \"%s", key, before);
	print(text, SYNTAX_YAML);
	(void)puts("\"");
}

static void print_diagnosis(const struct verdict *verdict)
{
	const bool asked = verdict->outcome != VERDICT_UNASKED;

	(void)puts("  ---");
	print_yaml("outcome", "", outcome_word(verdict->outcome));
	print_yaml("message", asked ? "" : "could not ask: ", verdict->reason);
	print_yaml("step", "", walk_step_name(verdict->step));
	print_yaml("rule", "", verdict->rule);
	print_yaml("wire", "", verdict->wire);
	print_yaml("frame", "", verdict->frame);
	print_yaml("field", "", verdict->field);
	(void)puts("  ...");
}

/* Of version 13: who knows 14 reads it too, but not the other way round. */
static void print_tap(const struct report *report)
{
	(void)printf("TAP version 13\n1..%zu\n", report->count);
	for (size_t i = 0; i < report->count; i++) {
		const struct verdict *verdict = &report->verdicts[i];

		(void)printf("%s %zu - %s: ", verdict->outcome == VERDICT_PASS ? "ok" : "not ok",
			     i + 1, report->checks[i]->name);
		print(report->checks[i]->title, SYNTAX_TAP);
		(void)putchar('\n');
		if (verdict->outcome != VERDICT_PASS)
			print_diagnosis(verdict);
	}
	print_end(report, "# ");
}

/* ---- JUnit's XML ----------------------------------------------------------------------------- */

static void print_attribute(const char *name, const char *value)
{
	(void)printf(" %s=\"", name);
	print(value, SYNTAX_XML);
	(void)putchar('"');
}

static void print_property(const char *name, const char *value)
{
	if (value == NULL)
		return;
	(void)fputs("    <property", stdout);
	print_attribute("name", name);
	print_attribute("value", value);
	(void)puts("/>");
}

static void print_properties(const struct report *report)
{
	unsigned points, all;
	char text[32];

	count_points(report, &points, &all);
	(void)puts("  <properties>");
	(void)snprintf(text, sizeof(text), "%u", points);
	print_property("points", text);
	(void)snprintf(text, sizeof(text), "%u", all);
	print_property("points_of", text);
	print_property("router", report->command);
	print_property("kept", report->kept);
	for (size_t i = 0; i < report->note_count; i++)
		print_property("note", report->notes[i]);
	(void)puts("  </properties>");
}

static void print_case(const struct stage *stage, const struct stage_check *check,
		       const struct verdict *verdict)
{
	const bool failed = verdict->outcome == VERDICT_FAIL;
	const char *element = failed ? "failure" : "error";

	(void)fputs("  <testcase", stdout);
	print_attribute("classname", stage->name);
	print_attribute("name", check->name);
	if (verdict->outcome == VERDICT_PASS) {
		(void)puts("/>");
		return;
	}
	(void)printf(">\n    <%s", element);
	print_attribute("type", failed ? walk_step_name(verdict->step) : "could-not-ask");
	print_attribute("message", verdict->reason);
	(void)putchar('>');
	print(check->title, SYNTAX_XML);
	(void)fputs(failed ? ":\n" : ": could not ask:\n", stdout);
	print(verdict->reason, SYNTAX_XML);
	(void)putchar('\n');
	print_evidence(verdict, "", SYNTAX_XML);
	(void)printf("</%s>\n  </testcase>\n", element);
}

static void print_junit(const struct report *report)
{
	(void)fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite", stdout);
	print_attribute("name", report->stage->name);
	(void)printf(" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" time=\"%.3f\">\n",
		     report->count, count(report, VERDICT_FAIL), count(report, VERDICT_UNASKED),
		     (double)report->took / 1e3);
	print_properties(report);
	for (size_t i = 0; i < report->count; i++)
		print_case(report->stage, report->checks[i], &report->verdicts[i]);
	if (report->output != NULL) {
		(void)fputs("  <system-out>", stdout);
		print(report->output, SYNTAX_XML);
		(void)puts("</system-out>");
	}
	(void)puts("</testsuite>");
}

/* ---- JSON ------------------------------------------------------------------------------------ */

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
	put_text(stream, text, SYNTAX_JSON);
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
	json_add_text(object, "outcome", outcome_word(verdict->outcome));
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

static void print_json(const struct report *report)
{
	struct json_object *whole = json_new_object();
	struct json_object *checks = json_new_array();
	unsigned points, all;

	count_points(report, &points, &all);
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

void report_print(const struct report *report, enum report_format format)
{
	switch (format) {
	case REPORT_TAP:
		return print_tap(report);
	case REPORT_JUNIT:
		return print_junit(report);
	case REPORT_JSON:
		return print_json(report);
	case REPORT_HUMAN:
	case REPORT_FORMATS:
		break;
	}
	print_human(report);
}
