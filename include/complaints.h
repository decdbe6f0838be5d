/* What is wrong with a stage file: up to ten lines, each 'FILE:LINE: [section] key = "value":
 * what is wrong; the remedy', collected by the reader (config) and the checker (rules) in the
 * order of the file's lines, printed by the command. */
#ifndef PYROUTE_COMPLAINTS_H
#define PYROUTE_COMPLAINTS_H

#include "util.h"

#define COMPLAINTS_MAX 10
#define COMPLAINT_SIZE 1024

struct complaint {
	unsigned line; /* 1 is the first; 0: the file as a whole */
	char text[COMPLAINT_SIZE];
};

struct complaints {
	const char *file; /* borrowed: the path as the user should see it */
	size_t count;	  /* all that were made, which may be more than are kept */
	struct complaint kept[COMPLAINTS_MAX];
	/* A line was refused that may have been a section's, or an interface's: where one seems to
	 * be missing it may be that one, and nobody complains of it. */
	bool lost_section;
	bool lost_interface;
	bool lost_value; /* anything of a net or a client was refused */
};

/* Where a complaint belongs. What is not known is NULL; nothing here needs to be fit for showing:
 * it is escaped and, where very long, cut. */
struct place {
	unsigned line;
	const char *section;
	const char *key;
	const char *value;
};

/* Adds one, whose text becomes "FILE:LINE: " and what FORMAT says. Of more than ten those with the
 * lowest lines are kept, in the order of lines; of one line in the order they were made. */
void complaints_add(struct complaints *complaints, unsigned line, const char *format, ...)
	PRINTF_LIKE(3, 4);

/* As complaints_add(), the text beginning with what is known of PLACE. */
void complaints_add_at(struct complaints *complaints, const struct place *place, const char *format,
		       ...) PRINTF_LIKE(3, 4);

/* How many of the complaints are kept. */
size_t complaints_kept(const struct complaints *complaints);

#endif
