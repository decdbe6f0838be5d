#include "report_parts.h"

/* TEXT is behind BEFORE; NULL or empty: nothing is printed. */
static void print_yaml(const char *key, const char *before, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return;
	(void)printf("  %s: \"%s", key, before);
	report_put(text, SYNTAX_YAML);
	(void)puts("\"");
}

static void print_diagnosis(const struct verdict *verdict)
{
	const bool asked = verdict->outcome != VERDICT_UNASKED;

	(void)puts("  ---");
	print_yaml("outcome", "", report_outcome_word(verdict->outcome));
	print_yaml("message", asked ? "" : "could not ask: ", verdict->reason);
	print_yaml("step", "", walk_step_name(verdict->step));
	print_yaml("rule", "", verdict->rule);
	print_yaml("wire", "", verdict->wire);
	print_yaml("frame", "", verdict->frame);
	print_yaml("field", "", verdict->field);
	(void)puts("  ...");
}

/* Of version 13: who knows 14 reads it too, but not the other way round. */
void report_print_tap(const struct report *report)
{
	(void)printf("TAP version 13\n1..%zu\n", report->count);
	for (size_t i = 0; i < report->count; i++) {
		const struct verdict *verdict = &report->verdicts[i];

		(void)printf("%s %zu - %s: ", verdict->outcome == VERDICT_PASS ? "ok" : "not ok",
			     i + 1, report->checks[i]->name);
		report_put(report->checks[i]->title, SYNTAX_TAP);
		(void)putchar('\n');
		if (verdict->outcome != VERDICT_PASS)
			print_diagnosis(verdict);
	}
	report_put_end(report, "# ");
}
