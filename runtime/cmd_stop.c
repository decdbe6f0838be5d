#include "command.h"
#include "process.h"

/* Opens the checkout --dir as one that is no more. Returns 1 where a stage of it runs. */
static int find_gone(const struct command_line *line, struct command_place *place,
		     struct error *error)
{
	if (checkout_find_gone(line->dir, &place->caller, &place->checkout, error) < 0 ||
	    session_open(&place->checkout, &place->caller, line->name, &place->session, error) < 0)
		return -error->code;
	return session_find_gone(&place->session, error);
}

/* Who names a path may mean what was there. */
static int find(const struct command_line *line, struct command_place *place, struct error *error)
{
	int result = command_find_place(line, place, error);
	struct error ignored;

	if (result == -ENOENT && line->dir != NULL && place->checkout.dir < 0)
		result = find_gone(line, place, &ignored) > 0 ? 0 : -ENOENT;
	else if (result == 0 && line->dir != NULL)
		result = session_find_gone(&place->session, error);
	return result < 0 ? result : session_lower(&place->session, error);
}

int cmd_stop(const struct command_line *line)
{
	CLEANUP_COMMAND_PLACE struct command_place place = {.session = SESSION_NONE,
							    .checkout = CHECKOUT_NONE};
	char name[STAGE_NAME_SIZE];
	struct error error = {0};

	int result = find(line, &place, &error);

	if (result == 0)
		result = session_down(&place.session, line->operands[0], name, &error);
	if (result == -ECANCELED)
		return command_fail(&error, 128 + process_take_signal());
	if (result < 0)
		return command_fail(&error, EXIT_FAILURE);
	command_announce("%s is stopped\n", name);
	return EXIT_SUCCESS;
}
