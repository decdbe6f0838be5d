/* pyroute: one program, a table of commands. Called by a command's own name (pyroute-ps) it is that
 * command; called as pyroute, its first argument names it. Names of commands are exact. */
#include "command.h"
#include "process.h"
#include "text.h"

#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <signal.h>
#include <sys/stat.h>

static const struct command commands[] = {
	{.name = "start",
	 .link = "pyroute-stage-start",
	 .arguments = "STAGE",
	 .summary = "set a stage up; one that runs is stopped first",
	 .details = "Returns when every client is up and its wires carry frames. Needs root, but\n"
		    "not for a stage that brings scripts of its own (up.sh).\n"
		    "--no-limits  on a machine without control groups: do not limit the clients'\n"
		    "             memory and processes",
	 .options = OPTION_NO_LIMITS,
	 .operands_min = 1,
	 .operands_max = 1,
	 .sealed = true,
	 .run = cmd_start},
	{.name = "stop",
	 .link = "pyroute-stage-stop",
	 .arguments = "[STAGE]",
	 .summary = "take the running stage down",
	 .details = "Puts the computer back as it was. With a name: only if that stage runs.\n"
		    "Exit status 1 where none runs. Needs root, but not for a stage with an up.sh.",
	 .operands_max = 1,
	 .run = cmd_stop},
	{.name = "connect",
	 .link = "pyroute-connect",
	 .arguments = "CLIENT [-- COMMAND ARG...]",
	 .summary = "a shell, or a command, inside a client",
	 .details = "On a terminal if both standard input and output are one, else on a clean\n"
		    "pipe. The exit status is the command's own; 128 and the signal that killed\n"
		    "it; 125: pyroute failed, 126: not executable, 127: not found.",
	 .operands_min = 1,
	 .operands_max = -1,
	 .sealed = true,
	 .run = cmd_connect},
	{.name = "ps",
	 .link = "pyroute-ps",
	 .arguments = "",
	 .summary = "the running stage's clients",
	 .details = "Their state, pid, addresses, uptime and memory.\n"
		    "--json       for programs",
	 .options = OPTION_JSON,
	 .run = cmd_ps},
	{.name = "run",
	 .link = "pyroute-run",
	 .arguments = "-- COMMAND ARG...",
	 .summary = "run the router on the computer's side",
	 .details = "As the calling user, with the right to open packet sockets (CAP_NET_RAW)\n"
		    "and no other. The end of the stage ends it. Needs root. The exit status is\n"
		    "as with connect.",
	 .operands_min = 1,
	 .operands_max = -1,
	 .run = cmd_run},
};

static const struct {
	const char *name;
	enum command_option flag;
} flags[] = {{"json", OPTION_JSON}, {"no-limits", OPTION_NO_LIMITS}};

static void print_usage(FILE *stream)
{
	(void)fprintf(stream, "Usage: pyroute COMMAND [--dir DIR] ...\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		(void)fprintf(stream, "  %-8s %-27s %s\n", commands[i].name, commands[i].arguments,
			      commands[i].summary);
	(void)fprintf(stream,
		      "\npyroute COMMAND --help tells more of one; pyroute --version.\n"
		      "--dir DIR names the checkout, where it is not the one around you.\n");
}

static void print_help(const struct command *command)
{
	(void)printf("Usage: pyroute %s [--dir DIR] %s\n       %s ...\n\n%s.\n%s\n", command->name,
		     command->arguments, command->link, command->summary, command->details);
}

/* BEFORE and AFTER are put around WHAT, which is the user's and may hold anything. */
static int usage_error(const struct command *command, const char *before, const char *what,
		       const char *after)
{
	char shown[128];

	(void)fprintf(stderr, "pyroute: %s%s%s; see pyroute %s --help\n", before,
		      text_escape(what, shown, sizeof(shown)), after, command->name);
	return EXIT_USAGE;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(name, commands[i].name) == 0 || strcmp(name, commands[i].link) == 0)
			return &commands[i];
	return NULL;
}

static int unknown_command(const char *name)
{
	char shown[64];

	text_escape(name, shown, sizeof(shown));
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!text_is_near(name, commands[i].name))
			continue;
		(void)fprintf(stderr, "pyroute: there is no command \"%s\"; did you mean %s?\n",
			      shown, commands[i].name);
		return EXIT_USAGE;
	}
	(void)fprintf(stderr, "pyroute: there is no command \"%s\"; see pyroute --help\n", shown);
	return EXIT_USAGE;
}

/* Fds 0 to 2 are open, so that no file of ours becomes one of them; children can be waited for. */
static void settle_process(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR); /* NOLINT(android-cloexec-open): for commands too */
	while (fd >= 0 && fd <= 2);
	if (fd >= 0)
		(void)close(fd);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)umask(022);
}

static int run_command(const struct command *command, const struct command_line *line, char **argv)
{
	struct error error = {0};
	int status;

	if (command->sealed && process_seal_image(argv, &error) < 0)
		return command_fail(&error, PROCESS_FAILED);
	status = command->run(line);
	if (fflush(stdout) != 0 && status == EXIT_SUCCESS) {
		(void)error_system(&error, errno, "cannot write to standard output");
		return command_fail(&error, EXIT_FAILURE);
	}
	return status;
}

/* Takes the options out of ARGV, which is the command's own. Returns -1 to go on, else an exit
 * status. */
static int parse_options(const struct command *command, int argc, char **argv,
			 struct command_line *line)
{
	static const struct option options[] = {{"help", no_argument, NULL, 'h'},
						{"dir", required_argument, NULL, 'd'},
						{"json", no_argument, NULL, 'f'},
						{"no-limits", no_argument, NULL, 'f'},
						{NULL, 0, NULL, 0}};
	int index = 0;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, command->operands_max < 0 ? "+:h" : ":h", options,
				     &index)) != -1) {
		if (option == 'h') {
			print_help(command);
			return EXIT_SUCCESS;
		}
		if (option == ':')
			return usage_error(command, "", argv[optind - 1], " needs a folder");
		if (option == '?')
			return usage_error(command, "there is no option ", argv[optind - 1], "");
		if (option == 'd') {
			line->dir = optarg;
			continue;
		}
		for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
			if (strcmp(options[index].name, flags[i].name) == 0)
				line->options |= flags[i].flag;
		if ((line->options & ~command->options) != 0)
			return usage_error(command, "there is no option --", options[index].name,
					   " here");
	}
	return -1;
}

static int dispatch(const struct command *command, int argc, char **argv, char **whole)
{
	struct command_line line = {.dir = NULL};
	int status = parse_options(command, argc, argv, &line);

	if (status >= 0)
		return status;
	line.operands = argv + optind;
	line.operand_count = argc - optind;
	if (line.operand_count < command->operands_min)
		return usage_error(command, "", command->arguments, " is missing");
	if (command->operands_max >= 0 && line.operand_count > command->operands_max)
		return usage_error(command, "\"", line.operands[command->operands_max],
				   "\" is too much");
	return run_command(command, &line, whole);
}

int main(int argc, char **argv)
{
	const struct command *command;

	settle_process();
	if (argc < 1)
		return EXIT_USAGE;
	command = find_command(basename(argv[0]));
	if (command != NULL)
		return dispatch(command, argc, argv, argv);
	if (argc < 2) {
		print_usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		print_usage(stdout);
		return EXIT_SUCCESS;
	}
	if (strcmp(argv[1], "--version") == 0) {
		(void)puts("pyroute " PYROUTE_VERSION);
		return EXIT_SUCCESS;
	}
	command = find_command(argv[1]);
	if (command == NULL)
		return unknown_command(argv[1]);
	return dispatch(command, argc - 1, argv + 1, argv);
}
