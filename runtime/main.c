/* pyroute: one program, a table of commands. Called by a command's own name (pyroute-ps) it is that
 * command; called as pyroute, its first argument names it. Names of commands are exact. */
#include "command.h"
#include "image.h"
#include "text.h"

#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>

static const struct command commands[] = {
	{.name = "start",
	 .link = "pyroute-stage-start",
	 .arguments = "STAGE",
	 .summary = "set a stage up; one that runs is stopped first",
	 .details = "Returns when every client is up and its wires carry frames. Without root, or\n"
		    "with --private, the stage is private: its legs are not on the computer, but\n"
		    "in a network namespace of its own, where pyroute run brings you.\n"
		    "--private    also as root: nothing changes on the computer\n"
		    "--no-limits  on a machine without control groups: do not limit the clients'\n"
		    "             memory and processes\n"
		    "--timing     also print which step took which part of the start",
	 .options = OPTION_NAME | OPTION_NO_LIMITS | OPTION_PRIVATE | OPTION_TIMING,
	 .operands_min = 1,
	 .operands_max = 1,
	 .sealed = true,
	 .run = cmd_start},
	{.name = "stop",
	 .link = "pyroute-stage-stop",
	 .arguments = "[STAGE]",
	 .summary = "take the running stage down",
	 .details = "Puts the computer back as it was. With a name: only if that stage runs.\n"
		    "Exit status 1 where none runs. Needs root for what root has started.",
	 .options = OPTION_NAME,
	 .operands_max = 1,
	 .run = cmd_stop},
	{.name = "connect",
	 .link = "pyroute-connect",
	 .arguments = "CLIENT [-- COMMAND ARG...]",
	 .summary = "a shell, or a command, inside a client",
	 .details = "On a terminal if both standard input and output are one, else on a clean\n"
		    "pipe. The exit status is the command's own; 128 and the signal that killed\n"
		    "it; 125: pyroute failed, 126: not executable, 127: not found.",
	 .options = OPTION_NAME,
	 .operands_min = 1,
	 .operands_max = -1,
	 .run = cmd_connect},
	{.name = "ps",
	 .link = "pyroute-ps",
	 .arguments = "",
	 .summary = "the running stage's clients",
	 .details =
		 "Their state, pid, addresses, uptime and memory.\n"
		 "--all        every stage that runs instead, of any checkout and name: root's,\n"
		 "             if you may speak to them, and your own\n"
		 "--json       for programs",
	 .options = OPTION_NAME | OPTION_ALL | OPTION_JSON,
	 .run = cmd_ps},
	{.name = "stages",
	 .link = "pyroute-stage-list",
	 .arguments = "",
	 .summary = "every stage of the checkout, and which one runs",
	 .details = "One whose file is bad is listed with what is wrong with it.\n"
		    "--json       for programs",
	 .options = OPTION_NAME | OPTION_JSON,
	 .run = cmd_stages},
	{.name = "run",
	 .link = "pyroute-run",
	 .arguments = "[-- COMMAND ARG...]",
	 .summary = "run the router, or a shell, on the computer's side",
	 .details = "As the calling user, with the right to open packet sockets (CAP_NET_RAW)\n"
		    "and no other. The end of the stage ends it. Without a command: their shell.\n"
		    "Needs root, but not for a private stage. The exit status is as with connect.",
	 .options = OPTION_NAME,
	 .operands_max = -1,
	 .run = cmd_run},
	{.name = "check",
	 .link = "pyroute-check",
	 .arguments = "[STAGE]",
	 .summary = "does the router solve the stage?",
	 .details =
		 "Asks the stage's questions, of the stage and the router that run. Exit status 0\n"
		 "only if each was asked and passed, 1 if not.\n"
		 "--router COMMAND  starts the stage if it does not run, and the router with a\n"
		 "                  shell, waits until it listens, and ends both afterwards\n"
		 "--format FORMAT   human, tap, junit or json\n"
		 "--only CHECK      this question alone, or several with commas; may be given\n"
		 "                  several times\n"
		 "--keep DIR        keeps there what passed on each wire (pcapng), and what the\n"
		 "                  router printed",
	 .options = OPTION_NAME | OPTION_PRIVATE | OPTION_ROUTER | OPTION_FORMAT | OPTION_ONLY |
		    OPTION_KEEP,
	 .operands_max = 1,
	 .sealed = true,
	 .run = cmd_check},
	{.name = "why",
	 .link = "pyroute-why",
	 .arguments = "FROM TO",
	 .summary = "the first thing that is wrong between two clients",
	 .details =
		 "Follows packets from the client FROM to TO, a client or an address, and back,\n"
		 "while the stage and the router run. Exit status 0 where nothing is wrong, 1\n"
		 "where something is.\n"
		 "--json       for programs",
	 .options = OPTION_NAME | OPTION_JSON,
	 .operands_min = 2,
	 .operands_max = 2,
	 .sealed = true,
	 .run = cmd_why},
	{.name = "doctor",
	 .link = "pyroute-doctor",
	 .arguments = "",
	 .summary = "what this machine lacks, and the command that mends it",
	 .details = "Tries what a start needs, and leaves nothing. Some of it only root can try.\n"
		    "Exit status 1 where something that a start needs is missing.\n"
		    "--json       for programs",
	 .options = OPTION_JSON,
	 .run = cmd_doctor},
};

/* What tells the options apart for getopt_long(3). Only -h has a letter; the others are no letters,
 * so that optopt tells a wrong letter from a wrong word. */
enum {
	VALUE_HELP = 'h',
	VALUE_VERSION = UCHAR_MAX + 1,
	VALUE_FLAG = UCHAR_MAX + 2,
	VALUE_DIR = UCHAR_MAX + 3,
	VALUE_NAME = UCHAR_MAX + 4,
	/* Those from here on need more than an empty word. */
	VALUE_ROUTER = UCHAR_MAX + 5,
	VALUE_FORMAT = UCHAR_MAX + 6,
	VALUE_ONLY = UCHAR_MAX + 7,
	VALUE_KEEP = UCHAR_MAX + 8
};
static const struct option long_options[] = {
	{"help", no_argument, NULL, VALUE_HELP},
	{"version", no_argument, NULL, VALUE_VERSION},
	{"dir", required_argument, NULL, VALUE_DIR},
	{"name", required_argument, NULL, VALUE_NAME},
	{"router", required_argument, NULL, VALUE_ROUTER},
	{"format", required_argument, NULL, VALUE_FORMAT},
	{"only", required_argument, NULL, VALUE_ONLY},
	{"keep", required_argument, NULL, VALUE_KEEP},
	{"private", no_argument, NULL, VALUE_FLAG},
	{"no-limits", no_argument, NULL, VALUE_FLAG},
	{"timing", no_argument, NULL, VALUE_FLAG},
	{"all", no_argument, NULL, VALUE_FLAG},
	{"json", no_argument, NULL, VALUE_FLAG},
	{NULL, 0, NULL, 0},
};

/* What the help says of them, in the order of a usage line. */
static const struct shown_option {
	const char *name;
	const char *value; /* what it takes; NULL: nothing */
	enum command_option flag;
	int option;	   /* of those with a value: what getopt_long(3) returns */
	const char *needs; /* and what is said where there is none */
} shown_options[] = {
	{"name", "NAME", OPTION_NAME, VALUE_NAME, " needs a name"},
	{"private", NULL, OPTION_PRIVATE, 0, NULL},
	{"router", "COMMAND", OPTION_ROUTER, VALUE_ROUTER, " needs a command line"},
	{"format", "FORMAT", OPTION_FORMAT, VALUE_FORMAT, " needs human, tap, junit or json"},
	{"only", "CHECK", OPTION_ONLY, VALUE_ONLY, " needs the name of a check"},
	{"keep", "DIR", OPTION_KEEP, VALUE_KEEP, " needs a folder"},
	{"no-limits", NULL, OPTION_NO_LIMITS, 0, NULL},
	{"timing", NULL, OPTION_TIMING, 0, NULL},
	{"all", NULL, OPTION_ALL, 0, NULL},
	{"json", NULL, OPTION_JSON, 0, NULL}};

/* The flag of the option NAME; 0: every command takes it. */
static unsigned flag_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(shown_options); i++)
		if (strcmp(name, shown_options[i].name) == 0)
			return shown_options[i].flag;
	return 0;
}

/* Writes the options that only some commands take, those with a value only if VALUES, then the
 * operands. Returns BUFFER. */
static const char *list_arguments(const struct command *command, bool values, char *buffer,
				  size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < ARRAY_SIZE(shown_options); i++) {
		const struct shown_option *option = &shown_options[i];

		if ((command->options & option->flag) == 0)
			continue;
		if (option->value == NULL)
			used += (size_t)snprintf(buffer + used, size - used, "[--%s] ",
						 option->name);
		else if (values)
			used += (size_t)snprintf(buffer + used, size - used, "[--%s %s] ",
						 option->name, option->value);
	}
	if (used > 0 && command->arguments[0] == '\0')
		used--; /* the blank */
	(void)snprintf(buffer + used, size - used, "%s", command->arguments);
	return buffer;
}

static void print_usage(FILE *stream)
{
	char arguments[256];

	(void)fprintf(stream, "Usage: pyroute COMMAND [--dir DIR] [--name NAME] ...\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		(void)fprintf(stream, "  %-8s %-26s %s\n", commands[i].name,
			      list_arguments(&commands[i], false, arguments, sizeof(arguments)),
			      commands[i].summary);
	(void)fprintf(
		stream,
		"\npyroute COMMAND --help tells more of one; pyroute --version.\n"
		"--dir DIR names the checkout, where it is not the one around you.\n"
		"--name NAME, with all but doctor, is a further stage of the checkout: the one\n"
		"that was started with that name.\n");
}

static void print_version(void)
{
	(void)puts("pyroute " PYROUTE_VERSION);
}

static void print_help(const struct command *command)
{
	char arguments[256];

	(void)printf("Usage: pyroute %s [--dir DIR] %s\n       %s ...\n\n%s.\n%s\n", command->name,
		     list_arguments(command, true, arguments, sizeof(arguments)), command->link,
		     command->summary, command->details);
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

/* The known word that is nearest to one that is not, so far. */
struct guess {
	const char *text;  /* what was typed */
	const char *meant; /* NULL: nothing is near */
	unsigned distance;
};

static void guess_try(struct guess *guess, const char *word, const char *meant)
{
	unsigned distance = text_distance(guess->text, word);

	if (!text_is_near(guess->text, word) ||
	    (guess->meant != NULL && distance >= guess->distance))
		return;
	guess->meant = meant;
	guess->distance = distance;
}

/* A command may be meant by its own name, by its program's, or by that without "pyroute-". */
static void guess_command(struct guess *guess)
{
	static const char prefix[] = "pyroute-";

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		guess_try(guess, commands[i].name, commands[i].name);
		guess_try(guess, commands[i].link, commands[i].name);
		guess_try(guess, commands[i].link + strlen(prefix), commands[i].name);
	}
}

/* Says that there is no WHAT, such as "command", called NAME, and what may have been meant; else
 * where help is: HELP is a command's name and a blank, or empty. */
static int unknown_word(const char *what, const char *name, const struct guess *guess,
			const char *help)
{
	char shown[64];

	text_escape(name, shown, sizeof(shown));
	if (guess->meant != NULL)
		(void)fprintf(stderr, "pyroute: there is no %s %s; did you mean %s?\n", what, shown,
			      guess->meant);
	else
		(void)fprintf(stderr, "pyroute: there is no %s %s; see pyroute %s--help\n", what,
			      shown, help);
	return EXIT_USAGE;
}

static int unknown_command(const char *name)
{
	static const char *const others[] = {"help", "--help", "version", "--version"};
	struct guess guess = {.text = name};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		guess_try(&guess, others[i], others[i | 1]);
	if (name[0] == '-')
		return unknown_word("option in front of a command called", name, &guess, "");
	guess_command(&guess);
	return unknown_word("command", name, &guess, "");
}

/* WORD is as it was typed: --jsn, --jsn=x or -j. */
static int unknown_option(const struct command *command, const char *word)
{
	char help[32];
	char name[TEXT_WORD_MAX + 2]; /* cut, it is still longer than any word that is near */
	char known[ARRAY_SIZE(long_options)][TEXT_WORD_MAX + 1];
	struct guess guess = {.text = name};

	(void)snprintf(help, sizeof(help), "%s ", command->name);
	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	for (size_t i = 0; long_options[i].name != NULL; i++) {
		if ((flag_of(long_options[i].name) & ~command->options) != 0)
			continue;
		(void)snprintf(known[i], sizeof(known[i]), "--%s", long_options[i].name);
		guess_try(&guess, known[i], known[i]);
	}
	return unknown_word("option", word, &guess, help);
}

/* Fds 0 to 2 are open, so that no file of ours becomes one of them; children can be waited for.
 * What is written to one that was closed fails as it would have. */
static void settle_process(void)
{
	int fd;

	do
		/* NOLINTNEXTLINE(android-cloexec-open): for commands too */
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= 2);
	if (fd >= 0)
		(void)close(fd);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)umask(022);
}

static int run_command(const struct command *command, const struct command_line *line, char **argv)
{
	struct error error = {0};

	if (command->sealed && image_seal_self(argv, &error) < 0)
		return command_fail(&error, EXIT_FAILURE);
	return command->run(line);
}

/* What was printed has arrived, or the status tells that it has not. Where more was printed than
 * stdio keeps, the write that failed was an earlier one: the stream remembers that, but not why. */
static int finish_output(int status)
{
	struct error error = {0};
	bool lost = ferror(stdout) != 0;

	if (fflush(stdout) != 0)
		(void)error_system(&error, errno, "cannot write to standard output");
	else if (lost)
		(void)error_set(&error, EIO, "cannot write all to standard output");
	else
		return status;
	return status == EXIT_SUCCESS ? command_fail(&error, EXIT_FAILURE) : status;
}

/* The option that getopt_long(3) refused: a word, or a letter, which may stand among others. */
static int refuse_option(const struct command *command, char **argv)
{
	const char letter[] = {'-', (char)optopt, '\0'};

	if (optopt == 0 || optopt == VALUE_HELP || optopt > UCHAR_MAX)
		return unknown_option(command, argv[optind - 1]);
	return unknown_option(command, letter);
}

/* The option with a value that getopt_long(3) returned as OPTION. */
static const struct shown_option *find_valued(int option)
{
	for (size_t i = 0; i < ARRAY_SIZE(shown_options); i++)
		if (shown_options[i].option == option)
			return &shown_options[i];
	return NULL;
}

static int refuse_valued(const struct command *command, const struct shown_option *option)
{
	char word[TEXT_WORD_MAX + 2];

	(void)snprintf(word, sizeof(word), "--%s", option->name);
	return unknown_option(command, word);
}

static int take_name(const struct command *command, const char *value, struct command_line *line)
{
	if (!stage_name_valid(value))
		return usage_error(command, "--name \"", value,
				   "\" is no name; use letters, digits, and _ - . but not as the "
				   "first");
	line->name = value;
	return -1;
}

/* The names of checks in VALUE, with commas between them. Copied: ARGV is needed once more as it
 * is, where the image is sealed. */
static int take_only(const struct command *command, const char *value, struct command_line *line)
{
	struct error error = {0};

	if (line->only == NULL)
		line->only = calloc(COMMAND_ONLY_MAX, sizeof(*line->only));
	if (line->only == NULL) {
		(void)error_system(&error, errno, "cannot take --only");
		return command_fail(&error, EXIT_FAILURE);
	}
	for (const char *name = value;; name++) {
		const size_t length = strcspn(name, ",");
		char *only;

		if (line->only_count == COMMAND_ONLY_MAX)
			return usage_error(command, "--only \"", value, "\" is one too many");
		only = line->only[line->only_count];
		if (length < STAGE_NAME_SIZE)
			(void)snprintf(only, STAGE_NAME_SIZE, "%.*s", (int)length, name);
		if (length >= STAGE_NAME_SIZE || !stage_name_valid(only))
			return usage_error(command, "--only \"", value,
					   "\" is no name of a check, nor several with commas");
		line->only_count++;
		name += length;
		if (*name == '\0')
			return -1;
	}
}

/* OPTION is one with a value, and it is missing. */
static int miss_value(const struct command *command, int option)
{
	const struct shown_option *shown = find_valued(option);
	char word[TEXT_WORD_MAX + 2];

	if (shown == NULL)
		return usage_error(command, "", "--dir", " needs a folder");
	if ((command->options & shown->flag) == 0)
		return refuse_valued(command, shown);
	(void)snprintf(word, sizeof(word), "--%s", shown->name);
	return usage_error(command, "", word, shown->needs);
}

/* An option with a value, which is VALUE: takes it. Returns -1 to go on, else an exit status. */
static int take_value(const struct command *command, int option, const char *value,
		      struct command_line *line)
{
	const struct shown_option *shown = find_valued(option);

	if (shown != NULL && (command->options & shown->flag) == 0)
		return refuse_valued(command, shown);
	if (value[0] == '\0' && option >= VALUE_ROUTER)
		return miss_value(command, option);
	switch (option) {
	case VALUE_NAME:
		return take_name(command, value, line);
	case VALUE_ROUTER:
		line->router = value;
		break;
	case VALUE_FORMAT:
		line->format = value;
		break;
	case VALUE_KEEP:
		line->keep = value;
		break;
	case VALUE_ONLY:
		return take_only(command, value, line);
	default:
		line->dir = value;
		break;
	}
	return -1;
}

/* Takes the options out of ARGV, which is the command's own. Returns -1 to go on, else an exit
 * status. */
static int parse_options(const struct command *command, int argc, char **argv,
			 struct command_line *line)
{
	int index = 0;
	int option;
	int status;

	opterr = 0;
	while ((option = getopt_long(argc, argv, command->operands_max < 0 ? "+:h" : ":h",
				     long_options, &index)) != -1) {
		switch (option) {
		case VALUE_HELP:
			print_help(command);
			return EXIT_SUCCESS;
		case VALUE_VERSION:
			print_version();
			return EXIT_SUCCESS;
		case VALUE_DIR:
		case VALUE_NAME:
		case VALUE_ROUTER:
		case VALUE_FORMAT:
		case VALUE_ONLY:
		case VALUE_KEEP:
			status = take_value(command, option, optarg, line);
			if (status >= 0)
				return status;
			break;
		case VALUE_FLAG:
			line->options |= flag_of(long_options[index].name);
			if ((line->options & ~command->options) != 0)
				return unknown_option(command, argv[optind - 1]);
			break;
		case ':':
			return miss_value(command, optopt);
		default:
			return refuse_option(command, argv);
		}
	}
	return -1;
}

static void close_line(struct command_line *line)
{
	free(line->only);
}

static int dispatch(const struct command *command, int argc, char **argv, char **whole)
{
	CLEANUP(close_line) struct command_line line = {.dir = NULL};
	int status = parse_options(command, argc, argv, &line);

	if (status >= 0)
		return status;
	if (line.name != NULL && (line.options & OPTION_ALL) != 0)
		return usage_error(command, "", "--name", " and --all are not both possible");
	line.operands = argv + optind;
	line.operand_count = argc - optind;
	if (line.operand_count < command->operands_min)
		return usage_error(command, "", command->arguments, " is missing");
	if (command->operands_max >= 0 && line.operand_count > command->operands_max)
		return usage_error(command, "\"", line.operands[command->operands_max],
				   "\" is too much");
	return run_command(command, &line, whole);
}

static int run_line(int argc, char **argv)
{
	const struct command *command;

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
		print_version();
		return EXIT_SUCCESS;
	}
	command = find_command(argv[1]);
	if (command == NULL)
		return unknown_command(argv[1]);
	return dispatch(command, argc - 1, argv + 1, argv);
}

int main(int argc, char **argv)
{
	settle_process();
	return finish_output(run_line(argc, argv));
}
