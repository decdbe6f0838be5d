#include "command.h"
#include "diagnose.h"
#include "json.h"

/* How findings are printed, and what they come to. */
struct report {
	bool hindered;		    /* a start is */
	bool coloured;		    /* the table */
	struct json_object *checks; /* NULL: a table is printed */
};

static const struct {
	const char *word;
	const char *colour; /* ECMA-48, "select graphic rendition" */
} states[] = {
	[FINDING_UNKNOWN] = {"unknown", "\033[33m"},
	[FINDING_OK] = {"ok", "\033[32m"},
	[FINDING_MISSING] = {"missing", "\033[31m"},
};

/* https://no-color.org: NO_COLOR counts where it is not empty. */
static bool want_colour(void)
{
	const char *no_color = getenv("NO_COLOR");

	return command_can_draw(STDOUT_FILENO) && (no_color == NULL || no_color[0] == '\0');
}

/* A note is what is missing in another word, without a command to follow. */
static void print_line(const struct report *report, const struct diagnosis *diagnosis)
{
	const struct finding *finding = &diagnosis->finding;
	const bool missing = finding->state == FINDING_MISSING;
	const char *colour = states[finding->note ? FINDING_UNKNOWN : finding->state].colour;

	(void)printf("%s%-8s%s %-19s %s", report->coloured ? colour : "",
		     finding->note ? "note" : states[finding->state].word,
		     report->coloured ? "\033[0m" : "", diagnosis->name, finding->found);
	if (missing && !diagnosis->for_start)
		(void)printf("; wanted only for %s", diagnosis->needed_for);
	(void)putchar('\n');
	if (missing && !finding->note && finding->remedy[0] != '\0')
		(void)printf("         %s\n", finding->remedy);
}

static struct json_object *json_of(const struct diagnosis *diagnosis)
{
	const struct finding *finding = &diagnosis->finding;
	struct json_object *check = json_new_object();

	json_add_text(check, "name", diagnosis->name);
	json_add_text(check, "state", states[finding->state].word);
	json_add_text(check, "found", finding->found);
	json_add_text(check, "remedy", finding->remedy[0] != '\0' ? finding->remedy : NULL);
	json_add_text(check, "needed_for", diagnosis->needed_for);
	json_add_bool(check, "needed_for_start", diagnosis->for_start);
	return check;
}

/* Of the table each line is printed at once: some take a moment. */
static void tell(void *context, const struct diagnosis *diagnosis)
{
	struct report *report = context;

	if (diagnosis->for_start && diagnosis->finding.state == FINDING_MISSING)
		report->hindered = true;
	if (report->checks != NULL) {
		json_append(report->checks, json_of(diagnosis));
		return;
	}
	print_line(report, diagnosis);
	(void)fflush(stdout);
}

static void print_json(const struct report *report, const struct diagnose_rootfs *rootfs)
{
	const struct rootfs_facts *facts = &rootfs->facts;
	struct json_object *root = json_new_object();
	struct json_object *place = json_new_object();

	json_add_text(place, "path", facts->path);
	json_add_bool(place, "present", rootfs->present);
	json_add_text(place, "suite", facts->suite[0] != '\0' ? facts->suite : NULL);
	json_add_text(place, "stamp", facts->stamp[0] != '\0' ? facts->stamp : NULL);
	json_add_bool(root, "can_start", !report->hindered);
	json_add(root, "rootfs", place);
	json_add(root, "checks", report->checks);
	json_print(root);
}

int cmd_doctor(const struct command_line *line)
{
	const bool json = (line->options & OPTION_JSON) != 0;
	struct report report = {.coloured = want_colour(),
				.checks = json ? json_new_array() : NULL};
	struct diagnose_rootfs rootfs;
	struct error error = {0};

	if (diagnose(line->dir, tell, &report, &rootfs, &error) < 0)
		return command_fail(&error, EXIT_FAILURE);
	if (json)
		print_json(&report, &rootfs);
	else
		(void)puts(report.hindered ? "a start would fail for what is missing above"
					   : "nothing that was looked at hinders a start");
	return report.hindered ? EXIT_FAILURE : EXIT_SUCCESS;
}
