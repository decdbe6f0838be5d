#include "cgroup.h"
#include "command.h"
#include "enter.h"
#include "host.h"
#include "process.h"
#include "scripts.h"

/* What follows the client's name, with or without "--" before it; NULL: a shell is wanted. */
static char **command_of(const struct command_line *line)
{
	char **rest = line->operands + 1;

	if (*rest != NULL && strcmp(*rest, "--") == 0)
		rest++;
	return *rest != NULL ? rest : NULL;
}

/* The stage's own connect.sh takes our place. */
static int connect_by_script(const struct command_place *place, const struct command_line *line)
{
	CLEANUP_SCRIPTS struct scripts scripts = SCRIPTS_NONE;
	struct error error = {0};

	if (scripts_open(&place->checkout, &place->caller, line->name,
			 session_scripted(&place->session), &scripts, &error) == 0)
		(void)scripts_connect(&scripts, line->operands[0], command_of(line), &error);
	return command_fail(&error, PROCESS_FAILED);
}

/* The doors of control groups that an ordinary user made open only from a group of theirs. */
static int approach_groups(const struct session *session, struct host_stage *stage,
			   struct error *error)
{
	if (host_owner(session->dir, stage, error) < 0)
		return -error->code;
	return stage->cgroup[0] == '\0' ? 0 : cgroup_approach(stage->cgroup, error);
}

int cmd_connect(const struct command_line *line)
{
	CLEANUP_COMMAND_PLACE struct command_place place = {.session = SESSION_NONE,
							    .checkout = CHECKOUT_NONE};
	CLEANUP_SERVICE_ENTRY struct service_entry entry = SERVICE_ENTRY_NONE;
	struct host_stage stage;
	struct enter_wish wish;
	struct error unapproached = {0};
	struct error error = {0};
	CLEANUP_FD int socket = -1;
	CLEANUP_FD int group = -1;
	int approached;
	int status;

	if (command_find_running(line, &place, &error) < 0)
		return command_fail(&error, PROCESS_FAILED);
	if (session_scripted(&place.session) != NULL)
		return connect_by_script(&place, line);
	socket = session_connect(&place.session, &error);
	if (socket < 0 || service_ask_entry(socket, line->operands[0], &error) < 0)
		return command_fail(&error, PROCESS_FAILED);
	/* While the keeper looks for it. */
	approached = approach_groups(&place.session, &stage, &unapproached);
	if (service_hear_entry(socket, &entry, &error) < 0 &&
	    session_silent(&place.session, socket, &error) < 0)
		return command_fail(&error, PROCESS_FAILED);
	if (approached < 0)
		return command_fail(&unapproached, PROCESS_FAILED);
	group = cgroup_open_birthplace(stage.cgroup, line->operands[0]);
	wish = (struct enter_wish){line->operands[0], &entry, command_of(line), group,
				   TAKE_FD(socket)};
	if (enter_client(&wish, &status, &error) < 0)
		return command_fail(&error, status);
	return status;
}
