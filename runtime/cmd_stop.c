#include "command.h"

int cmd_stop(const struct command_line *line)
{
	CLEANUP_COMMAND_PLACE struct command_place place = {.session = SESSION_NONE,
							    .checkout = CHECKOUT_NONE};
	char name[STAGE_NAME_SIZE];
	struct error error = {0};

	if (command_find_place(line, &place, &error) < 0 ||
	    session_down(&place.session, line->operands[0], name, &error) < 0)
		return command_fail(&error, EXIT_FAILURE);
	(void)printf("%s is stopped\n", name);
	return EXIT_SUCCESS;
}
