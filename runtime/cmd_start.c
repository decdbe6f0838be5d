#include "command.h"
#include "config.h"
#include "rules.h"
#include "start.h"

#include <limits.h>

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
	struct complaints complaints = {.count = 0};
	char path[PATH_MAX];
	struct error error = {0};
	CLEANUP_FD int file = checkout_open_stage(&place->checkout, &place->caller, name, path,
						  sizeof(path), &error);

	if (file < 0)
		return command_fail(&error, EXIT_FAILURE);
	complaints.file = path;
	/* Where the form is wrong, what could be read is checked all the same: all is told at once.
	 */
	(void)config_read(file, name, stage, &complaints);
	if (rules_check(stage, &complaints) < 0 || complaints.count > 0)
		return print_complaints(&complaints);
	return EXIT_SUCCESS;
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

/* Such a stage may have a stage file too; of that only its title matters, if it can be read. */
static void read_title(const struct command_place *place, const char *name, struct stage *stage)
{
	struct complaints ignored = {.count = 0};
	char path[PATH_MAX];
	struct error error;
	CLEANUP_FD int file = checkout_open_stage(&place->checkout, &place->caller, name, path,
						  sizeof(path), &error);

	if (file >= 0)
		(void)config_read(file, name, stage, &ignored);
}

static int start_own_scripts(struct command_place *place, const struct command_line *line)
{
	CLEANUP_STAGE struct stage stage = {.name = ""};
	struct error error = {0};
	struct start_outcome outcome = {.signalled = 0};
	const char *name = line->operands[0];

	read_title(place, name, &stage);
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
