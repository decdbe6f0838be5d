#include "command.h"
#include "process.h"
#include "router.h"

int cmd_run(const struct command_line *line)
{
	CLEANUP_COMMAND_PLACE struct command_place place = {.session = SESSION_NONE,
							    .checkout = CHECKOUT_NONE};
	struct error error = {0};
	CLEANUP_FD int keeper = command_connect(line, &place, &error);
	int status;

	if (keeper < 0)
		return command_fail(&error, PROCESS_FAILED);
	if (router_run(&place.caller, keeper, line->operands, &status, &error) < 0)
		return command_fail(&error, status);
	return status;
}
