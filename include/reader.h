/* What the readers of a section's values share: their state, their complaints, and the forms that
 * several keys have. */
#ifndef PYROUTE_READER_H
#define PYROUTE_READER_H

#include "complaints.h"
#include "scan.h"
#include "stage.h"

struct reader {
	struct stage *stage;
	struct complaints *complaints;
	struct scan_section *section; /* the one being read */
	int result;		      /* -ENOMEM: not all could be kept */
};

/* Complain of the value of KEY, or of PART, the piece of it that is wrong, and mark the section as
 * faulty. */
void reader_refuse(struct reader *reader, const struct scan_key *key, const char *why);
void reader_refuse_part(struct reader *reader, const struct scan_key *key, const char *part,
			const char *why);

/* Complains that the section has no KEY unless one is THERE, or may be on a line that was refused.
 */
void reader_require(struct reader *reader, bool there, const char *key, const char *example);

/* Copies the value of KEY, a title or the like, to BUFFER of STAGE_TITLE_SIZE. */
void reader_read_text(struct reader *reader, const struct scan_key *key, char *buffer);

/* Copies the value of KEY to memory that *TEXT owns. */
void reader_read_string(struct reader *reader, const struct scan_key *key, char **text);

/* What is wrong where a part is empty. */
extern const char reader_nothing[];

/* Copies the next of the parts that commas separate to PART, without the blanks around it. *REST
 * is what follows, and NULL after the last; where it is NULL already, returns false. */
bool reader_next_part(const char **rest, char part[SCAN_LINE_MAX + 1]);

/* Room, all zero, for as many of SIZE bytes as KEY has parts; NULL where there is none, which the
 * reader's result then says. */
void *reader_allocate(struct reader *reader, const struct scan_key *key, size_t size);

#endif
