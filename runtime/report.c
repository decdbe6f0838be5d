#include "report_parts.h"

#include "command.h"
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

size_t report_count(const struct report *report, enum verdict_outcome outcome)
{
	size_t found = 0;

	for (size_t i = 0; i < report->count; i++)
		found += report->verdicts[i].outcome == outcome;
	return found;
}

bool report_passed(const struct report *report)
{
	return report->count > 0 && report_count(report, VERDICT_PASS) == report->count;
}

void report_count_points(const struct report *report, unsigned *points, unsigned *all)
{
	*points = *all = 0;
	for (size_t i = 0; i < report->count; i++) {
		*all += report->checks[i]->points;
		if (report->verdicts[i].outcome == VERDICT_PASS)
			*points += report->checks[i]->points;
	}
}

const char *report_outcome_word(enum verdict_outcome outcome)
{
	static const char *const words[VERDICT_OUTCOMES] = {
		[VERDICT_PASS] = "pass",
		[VERDICT_FAIL] = "fail",
		[VERDICT_UNASKED] = "could not ask",
	};

	return words[outcome];
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

void report_put_evidence(const struct verdict *verdict, const char *indent,
			 enum report_syntax syntax)
{
	if (verdict->frame[0] != '\0') {
		(void)fputs(indent, stdout);
		report_put(verdict->wire, syntax);
		(void)fputs(verdict->wire[0] != '\0' ? ": " : "", stdout);
		report_put(verdict->frame, syntax);
		(void)putchar('\n');
	}
	if (verdict->field == NULL && verdict->rule == NULL)
		return;
	(void)fputs(indent, stdout);
	if (verdict->field != NULL) {
		(void)fputs("wrong: ", stdout);
		report_put(verdict->field, syntax);
		(void)fputs(verdict->rule != NULL ? "; " : "", stdout);
	}
	if (verdict->rule != NULL) {
		(void)fputs("see ", stdout);
		report_put(verdict->rule, syntax);
	}
	(void)putchar('\n');
}

/* One line behind PREFIX. */
static void print_line(const char *prefix, const char *text)
{
	(void)fputs(prefix, stdout);
	report_put(text, SYNTAX_LINE);
	(void)putchar('\n');
}

static void print_sum(const struct report *report, const char *prefix)
{
	unsigned points, all;

	report_count_points(report, &points, &all);
	(void)printf("%s%zu of %zu checks passed", prefix, report_count(report, VERDICT_PASS),
		     report->count);
	if (report_count(report, VERDICT_FAIL) > 0)
		(void)printf(", %zu failed", report_count(report, VERDICT_FAIL));
	if (report_count(report, VERDICT_UNASKED) > 0)
		(void)printf(", %zu could not be asked", report_count(report, VERDICT_UNASKED));
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

void report_put_end(const struct report *report, const char *prefix)
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

/* Whether no check was passed, and all for one reason: it is said once. */
static bool is_one_reason(const struct report *report)
{
	const struct verdict *first = &report->verdicts[0];

	for (size_t i = 0; i < report->count; i++) {
		const struct verdict *verdict = &report->verdicts[i];

		if (verdict->outcome != first->outcome || verdict->frame[0] != '\0' ||
		    verdict->rule != NULL || strcmp(verdict->reason, first->reason) != 0)
			return false;
	}
	return report->count > 1 && first->outcome != VERDICT_PASS;
}

static void print_human(const struct report *report)
{
	static const char indent[] = "          ";
	const bool coloured = want_colour();
	const bool once = is_one_reason(report);

	for (size_t i = 0; i < report->count; i++) {
		const struct verdict *verdict = &report->verdicts[i];

		print_mark(verdict->outcome, coloured);
		report_put(report->checks[i]->title, SYNTAX_LINE);
		(void)printf(" [%s]\n", report->checks[i]->name);
		if (verdict->outcome == VERDICT_PASS || once)
			continue;
		print_line(indent, verdict->reason);
		report_put_evidence(verdict, indent, SYNTAX_LINE);
	}
	if (once)
		print_line("\nAll for one reason: ", report->verdicts[0].reason);
	(void)putchar('\n');
	report_put_end(report, "");
}

void report_print(const struct report *report, enum report_format format)
{
	switch (format) {
	case REPORT_TAP:
		return report_print_tap(report);
	case REPORT_JUNIT:
		return report_print_junit(report);
	case REPORT_JSON:
		return report_print_json(report);
	case REPORT_HUMAN:
	case REPORT_FORMATS:
		break;
	}
	print_human(report);
}
