#include "report_parts.h"

static void print_attribute(const char *name, const char *value)
{
	(void)printf(" %s=\"", name);
	report_put(value, SYNTAX_XML);
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

	report_count_points(report, &points, &all);
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
	report_put(check->title, SYNTAX_XML);
	(void)fputs(failed ? ":\n" : ": could not ask:\n", stdout);
	report_put(verdict->reason, SYNTAX_XML);
	(void)putchar('\n');
	report_put_evidence(verdict, "", SYNTAX_XML);
	(void)printf("</%s>\n  </testcase>\n", element);
}

void report_print_junit(const struct report *report)
{
	(void)fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite", stdout);
	print_attribute("name", report->stage->name);
	(void)printf(" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" time=\"%.3f\">\n",
		     report->count, report_count(report, VERDICT_FAIL),
		     report_count(report, VERDICT_UNASKED), (double)report->took / 1e3);
	print_properties(report);
	for (size_t i = 0; i < report->count; i++)
		print_case(report->stage, report->checks[i], &report->verdicts[i]);
	if (report->output != NULL) {
		(void)fputs("  <system-out>", stdout);
		report_put(report->output, SYNTAX_XML);
		(void)puts("</system-out>");
	}
	(void)puts("</testsuite>");
}
