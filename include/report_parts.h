/* What the formats of a report have in common. Only report*.c include this. */
#ifndef PYROUTE_REPORT_PARTS_H
#define PYROUTE_REPORT_PARTS_H

#include "report.h"

size_t report_count(const struct report *report, enum verdict_outcome outcome);

/* The points that were got, and those that there are. */
void report_count_points(const struct report *report, unsigned *points, unsigned *all);

/* "pass", "fail" or "could not ask" */
const char *report_outcome_word(enum verdict_outcome outcome);

/* ---- report_text.c: text, which may be anybody's ---- */

/* What text is put into, each with signs of its own that mean something. From XML on it may have
 * several lines. */
enum report_syntax {
	SYNTAX_LINE,
	SYNTAX_YAML, /* in double quotes */
	SYNTAX_TAP,  /* a description, which ends at a number sign */
	SYNTAX_XML,  /* an attribute too */
	SYNTAX_JSON, /* json-c escapes */
};

/* Every byte that must not be shown as \xNN, as text_escape() does; nothing is cut. To standard
 * output, or to STREAM. */
void report_put(const char *text, enum report_syntax syntax);
void report_put_to(FILE *stream, const char *text, enum report_syntax syntax);

/* ---- report.c: what is said in more than one format ---- */

/* What is beside a verdict's reason, each part on a line of its own behind INDENT: the frame, and
 * what is wrong in it. */
void report_put_evidence(const struct verdict *verdict, const char *indent,
			 enum report_syntax syntax);

/* What is said of them all, each line behind PREFIX. */
void report_put_end(const struct report *report, const char *prefix);

/* ---- the formats, a file each ---- */

void report_print_tap(const struct report *report);
void report_print_junit(const struct report *report);
void report_print_json(const struct report *report);

#endif
