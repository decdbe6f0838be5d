#include "command.h"
#include "process.h"

int cmd_stop(const struct command_line *line)
{
	CLEANUP_COMMAND_PLACE struct command_place place = {.session = SESSION_NONE,
							    .checkout = CHECKOUT_NONE};
	char name[STAGE_NAME_SIZE];
	struct error error = {0};

	int result = command_find_running(line, &place, &error);

	if (result == 0)
		result = session_down(&place.session, line->operands[0], name, &error);
	if (result == -ECANCELED)
		return command_fail(&error, 128 + process_take_signal());
	if (result < 0)
		return command_fail(&error, EXIT_FAILURE);
	command_announce("%s is stopped\n", name);
	return EXIT_SUCCESS;
}
