#include "command.h"
#include "enter.h"
#include "process.h"

/* What follows the client's name, with or without "--" before it; NULL: a shell is wanted. */
static char **command_of(const struct command_line *line)
{
	char **rest = line->operands + 1;

	if (*rest != NULL && strcmp(*rest, "--") == 0)
		rest++;
	return *rest != NULL ? rest : NULL;
}

int cmd_connect(const struct command_line *line)
{
	CLEANUP_COMMAND_PLACE struct command_place place = {.session = SESSION_NONE,
							    .checkout = CHECKOUT_NONE};
	CLEANUP_SERVICE_ENTRY struct service_entry entry = {.ns = NS_SET_NONE, .filter = -1};
	struct error error = {0};
	CLEANUP_FD int socket = command_connect(line, &place, &error);
	int status;

	if (socket < 0 || service_enter(socket, line->operands[0], &entry, &error) < 0)
		return command_fail(&error, PROCESS_FAILED);
	close_fd(&socket); /* the keeper serves a bounded number at once */
	if (enter_client(&entry, command_of(line), &status, &error) < 0)
		return command_fail(&error, status);
	return status;
}
