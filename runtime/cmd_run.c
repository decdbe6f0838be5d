#include "command.h"
#include "process.h"
#include "router.h"

int cmd_run(const struct command_line *line)
{
	CLEANUP_COMMAND_PLACE struct command_place place = {.session = SESSION_NONE,
							    .checkout = CHECKOUT_NONE};
	struct error error = {0};
	CLEANUP_FD int guard = -1;
	int status;

	if (command_find_place(line, &place, &error) == 0)
		guard = session_guard(&place.session, &error);
	if (guard < 0)
		return command_fail(&error, PROCESS_FAILED);
	if (router_run(&place.caller, guard, line->operands, &status, &error) < 0)
		return command_fail(&error, status);
	return status;
}
