/* What `pyroute check` prints: the verdicts, for people and for programs. */
#ifndef PYROUTE_REPORT_H
#define PYROUTE_REPORT_H

#include "error.h"
#include "stage.h"
#include "verdict.h"

enum report_format { REPORT_HUMAN, REPORT_TAP, REPORT_JUNIT, REPORT_JSON, REPORT_FORMATS };

/* The format of this name. -EINVAL, with those that there are and the nearest. */
int report_find_format(const char *name, enum report_format *format, struct error *error);

#define REPORT_NOTES_MAX 8

struct report {
	const struct stage *stage;
	const struct stage_check *const
		*checks;		/* those that were wanted, in the order of the file */
	const struct verdict *verdicts; /* as many */
	size_t count;
	/* What there is to say of the router beside the verdicts: "it ended with exit status 1",
	 * "it ignored SIGTERM". */
	char notes[REPORT_NOTES_MAX][VERDICT_NOTE_SIZE];
	size_t note_count;
	const char *command; /* the router's, as given with --router; NULL: one that ran already */
	char *output;	  /* the last of what it printed, NUL-terminated, anything; NULL: unknown */
	const char *kept; /* where captures and the router's output were kept; NULL: nowhere */
	int64_t took;	  /* ms */
};

/* True where every check was asked and passed. */
bool report_passed(const struct report *report);

/* Prints it to standard output; only in the human format with colours, where that is a terminal
 * that can draw and NO_COLOR is not set. */
void report_print(const struct report *report, enum report_format format);

#endif
