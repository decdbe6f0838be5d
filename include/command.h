/* The commands: what the table in main.c knows of each, and what they share. */
#ifndef PYROUTE_COMMAND_H
#define PYROUTE_COMMAND_H

#include "checkout.h"
#include "error.h"
#include "session.h"

#define EXIT_USAGE 2 /* wrong usage, or a bad stage file */

/* Options, as flags of what a command takes and in what it was given. */
enum command_option {
	OPTION_JSON = 1 << 0,
	OPTION_NO_LIMITS = 1 << 1,
	OPTION_PRIVATE = 1 << 2,
	OPTION_NAME = 1 << 3,
	OPTION_ALL = 1 << 4,
	OPTION_ROUTER = 1 << 5,
	OPTION_FORMAT = 1 << 6,
	OPTION_ONLY = 1 << 7,
	OPTION_KEEP = 1 << 8,
	OPTION_TIMING = 1 << 9,
};

#define COMMAND_ONLY_MAX CHECKS_MAX

/* A command line after its options are taken out. */
struct command_line {
	const char *dir;    /* --dir; NULL: not given */
	const char *name;   /* --name, a name that a stage can have; NULL: not given */
	const char *router; /* --router; NULL: not given, as the next two */
	const char *format;
	const char *keep;
	char (*only)[STAGE_NAME_SIZE]; /* --only: names that a check can have, owned */
	size_t only_count;
	unsigned options; /* enum command_option */
	char **operands;  /* NULL-terminated */
	int operand_count;
};

struct command {
	const char *name;      /* pyroute NAME */
	const char *link;      /* the same as a program */
	const char *arguments; /* for the usage line */
	const char *summary;   /* one line */
	const char *details;   /* for --help */
	unsigned options;      /* enum command_option that it takes */
	int operands_min;
	int operands_max; /* -1: what follows is a command line of its own */
	bool sealed;	  /* its image is copied before it runs (image_seal_self()) */
	int (*run)(const struct command_line *line);
};

int cmd_start(const struct command_line *line);
int cmd_stop(const struct command_line *line);
int cmd_connect(const struct command_line *line);
int cmd_ps(const struct command_line *line);
int cmd_ps_all(const struct command_line *line); /* ps --all */
int cmd_run(const struct command_line *line);
int cmd_stages(const struct command_line *line);
int cmd_check(const struct command_line *line);
int cmd_why(const struct command_line *line);
int cmd_doctor(const struct command_line *line);

/* Where a command works, and for whom. */
struct command_place {
	struct caller caller;
	struct checkout checkout;
	struct session session;
};
void command_place_close(struct command_place *place);
#define CLEANUP_COMMAND_PLACE CLEANUP(command_place_close)

/* Finds PLACE, which refers to itself and must not be moved. */
int command_find_place(const struct command_line *line, struct command_place *place,
		       struct error *error);

/* The same for a command that starts no stage: where the one that runs was started without root, we
 * are its user from now on (session_lower()). */
int command_find_running(const struct command_line *line, struct command_place *place,
			 struct error *error);

/* As command_find_running(), and connects to the keeper of the stage that runs there. Returns the
 * socket, the caller's. */
int command_connect(const struct command_line *line, struct command_place *place,
		    struct error *error);

/* The same once more, to a place that is found; PLACE is a struct command_place. */
int command_connect_again(void *place, struct error *error);

/* Says which stage runs there. -ESRCH where none does. */
int command_find_name(const struct command_place *place, char name[STAGE_NAME_SIZE],
		      struct error *error);

/* Reads and checks the stage NAME; nothing acts. Returns an exit status, and where that is not
 * EXIT_SUCCESS all that is wrong with the file was printed. */
int command_read_stage(const struct command_place *place, const char *name, struct stage *stage);

/* True where FD is a terminal that can do more than print line after line: it obeys the control
 * sequences of ECMA-48. */
bool command_can_draw(int fd);

/* "12s", "3m12s", "1h03m", "2d04h" */
#define COMMAND_UPTIME_SIZE 32
void command_format_uptime(uint64_t milliseconds, char text[COMMAND_UPTIME_SIZE]);

/* Prints to standard output that the work is done: which it is, whether or not somebody reads that.
 */
void command_announce(const char *format, ...) PRINTF_LIKE(1, 2);

/* Prints "pyroute: " and the error's one line to standard error. Returns STATUS. */
int command_fail(const struct error *error, int status);

#endif
