#include "command.h"
#include "stages.h"
#include "start.h"

static int print_complaints(const struct complaints *complaints)
{
	size_t kept = complaints_kept(complaints);

	for (size_t i = 0; i < kept; i++)
		(void)fprintf(stderr, "%s\n", complaints->kept[i].text);
	if (complaints->count > kept)
		(void)fprintf(stderr, "%s: and %zu more\n", complaints->file,
			      complaints->count - kept);
	return EXIT_USAGE;
}

/* Read, check: nothing has acted yet. Returns an exit status. */
static int read_stage(const struct command_place *place, const char *name, struct stage *stage)
{
	struct stages_file file;
	struct error error = {0};

	if (stages_read(&place->checkout, &place->caller, name, stage, &file, &error) == 0)
		return EXIT_SUCCESS;
	return file.complaints.count > 0 ? print_complaints(&file.complaints)
					 : command_fail(&error, EXIT_FAILURE);
}

static int fail_start(const struct start_outcome *outcome, const struct error *error)
{
	return command_fail(error,
			    outcome->signalled == 0 ? EXIT_FAILURE : 128 + outcome->signalled);
}

static int start_file(struct command_place *place, const struct command_line *line)
{
	CLEANUP_STAGE struct stage stage = {.name = ""};
	struct error error = {0};
	struct start_outcome outcome = {.signalled = 0};
	int status = read_stage(place, line->operands[0], &stage);

	if (status != EXIT_SUCCESS)
		return status;
	if (start_stage(&place->session, &stage, (line->options & OPTION_NO_LIMITS) == 0, &outcome,
			&error) < 0)
		return fail_start(&outcome, &error);
	if (outcome.legs_all_only)
		(void)fputs("pyroute: this kernel refuses bpf(2): on the legs only packet sockets "
			    "for ETH_P_ALL see frames\n",
			    stderr);
	(void)printf("%s is up: %s, %zu client%s\n", stage.name, stage.title, stage.client_count,
		     stage.client_count == 1 ? "" : "s");
	return EXIT_SUCCESS;
}

static int start_own_scripts(struct command_place *place, const struct command_line *line)
{
	CLEANUP_STAGE struct stage stage = {.name = ""};
	struct error error = {0};
	struct start_outcome outcome = {.signalled = 0};
	const char *name = line->operands[0];
	struct stages_file file;

	/* It may have a stage file too; of that only the title matters, if it can be read. */
	(void)stages_read(&place->checkout, &place->caller, name, &stage, &file, &error);
	if (start_scripts(&place->session, name, &outcome, &error) < 0)
		return fail_start(&outcome, &error);
	(void)printf("%s is up%s%s\n", name, stage.title[0] == '\0' ? "" : ": ", stage.title);
	return EXIT_SUCCESS;
}

int cmd_start(const struct command_line *line)
{
	CLEANUP_COMMAND_PLACE struct command_place place = {.session = SESSION_NONE,
							    .checkout = CHECKOUT_NONE};
	struct error error = {0};
	int kind = -1;

	if (command_find_place(line, &place, &error) == 0)
		kind = checkout_stage_kind(&place.checkout, &place.caller, line->operands[0],
					   &error);
	if (kind < 0)
		return command_fail(&error, EXIT_FAILURE);
	return kind == CHECKOUT_SCRIPTS ? start_own_scripts(&place, line)
					: start_file(&place, line);
}
