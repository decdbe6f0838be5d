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

int cmd_start(const struct command_line *line)
{
	CLEANUP_COMMAND_PLACE struct command_place place = {.session = SESSION_NONE,
							    .checkout = CHECKOUT_NONE};
	CLEANUP_STAGE struct stage stage = {.name = ""};
	struct error error = {0};
	struct start_outcome outcome = {.signalled = 0};
	int status;

	if (command_find_place(line, &place, &error) < 0)
		return command_fail(&error, EXIT_FAILURE);
	status = read_stage(&place, line->operands[0], &stage);
	if (status != EXIT_SUCCESS)
		return status;
	if (start_stage(&place.session, &stage, (line->options & OPTION_NO_LIMITS) == 0, &outcome,
			&error) < 0) {
		return command_fail(&error, outcome.signalled == 0 ? EXIT_FAILURE
								   : 128 + outcome.signalled);
	}
	if (outcome.legs_all_only)
		(void)fputs("pyroute: this kernel refuses bpf(2): on the legs only packet sockets "
			    "for ETH_P_ALL see frames\n",
			    stderr);
	(void)printf("%s is up: %s, %zu client%s\n", stage.name, stage.title, stage.client_count,
		     stage.client_count == 1 ? "" : "s");
	return EXIT_SUCCESS;
}
