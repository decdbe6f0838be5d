#include "command.h"

#include "service.h"
#include "stages.h"

#include <signal.h>
#include <stdarg.h>

void command_place_close(struct command_place *place)
{
	session_close(&place->session);
	checkout_close(&place->checkout);
}

int command_find_place(const struct command_line *line, struct command_place *place,
		       struct error *error)
{
	place->checkout = CHECKOUT_NONE;
	place->session = SESSION_NONE;
	if (privilege_caller(&place->caller, error) < 0 ||
	    checkout_find(line->dir, &place->caller, &place->checkout, error) < 0)
		return -error->code;
	return session_open(&place->checkout, &place->caller, line->name, &place->session, error);
}

int command_find_running(const struct command_line *line, struct command_place *place,
			 struct error *error)
{
	if (command_find_place(line, place, error) < 0)
		return -error->code;
	return session_lower(&place->session, error);
}

int command_connect(const struct command_line *line, struct command_place *place,
		    struct error *error)
{
	if (command_find_running(line, place, error) < 0)
		return -error->code;
	return session_connect(&place->session, error);
}

int command_connect_again(void *place, struct error *error)
{
	const struct command_place *found = place;

	return session_connect(&found->session, error);
}

int command_find_name(const struct command_place *place, char name[STAGE_NAME_SIZE],
		      struct error *error)
{
	CLEANUP_FD int socket = session_connect(&place->session, error);

	if (socket < 0)
		return socket;
	if (service_stage(socket, name, error) < 0)
		return session_silent(&place->session, socket, error);
	return 0;
}

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

int command_read_stage(const struct command_place *place, const char *name, struct stage *stage)
{
	struct stages_file file;
	struct error error = {0};

	if (stages_read(&place->checkout, &place->caller, name, stage, &file, &error) == 0)
		return EXIT_SUCCESS;
	return file.complaints.count > 0 ? print_complaints(&file.complaints)
					 : command_fail(&error, EXIT_FAILURE);
}

/* Not by stdio, whose stream would remember that it failed. */
void command_announce(const char *format, ...)
{
	va_list arguments;
	sighandler_t before = signal(SIGPIPE, SIG_IGN);

	va_start(arguments, format);
	(void)vdprintf(STDOUT_FILENO, format, arguments);
	va_end(arguments);
	(void)signal(SIGPIPE, before);
}

int command_fail(const struct error *error, int status)
{
	(void)fprintf(stderr, "pyroute: %s\n", error->text);
	return status;
}

void command_format_uptime(uint64_t milliseconds, char text[COMMAND_UPTIME_SIZE])
{
	unsigned long long s = milliseconds / 1000;

	if (s < 60)
		(void)snprintf(text, COMMAND_UPTIME_SIZE, "%llus", s);
	else if (s < 3600)
		(void)snprintf(text, COMMAND_UPTIME_SIZE, "%llum%02llus", s / 60, s % 60);
	else if (s < 86400)
		(void)snprintf(text, COMMAND_UPTIME_SIZE, "%lluh%02llum", s / 3600, s / 60 % 60);
	else
		(void)snprintf(text, COMMAND_UPTIME_SIZE, "%llud%02lluh", s / 86400, s / 3600 % 24);
}

bool command_can_draw(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) == 1 && term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
}
