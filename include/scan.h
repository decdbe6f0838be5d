/* The strict scan of a stage file's bytes. The library that reads it (config.c) accepts much that
 * is wrong without a word and keeps no line numbers, so that this goes first: it refuses all that
 * two readers might understand differently, and records the line of every section and key. */
#ifndef PYROUTE_SCAN_H
#define PYROUTE_SCAN_H

#include "complaints.h"
#include "names.h"

#define SCAN_SIZE_MAX 1048576 /* bytes of a stage file: 1 MiB */
#define SCAN_LINE_MAX 1000    /* bytes of a line, less than iniparser's 1024 */

/* The strings point into the scan. */
struct scan_key {
	struct key_name name;
	const char *text;
	const char *value; /* without the quotes around it; never empty; no control characters */
	unsigned line;
};

struct scan_section {
	struct section_name name;
	const char *text;
	unsigned line;
	size_t offset;	       /* of that line's first byte in the scan's text */
	struct scan_key *keys; /* borrowed of the scan's */
	size_t key_count;
	bool faulty; /* a line of it was refused: what seems missing may be on that */
};

struct scan {
	char *text; /* as it was read, with a NUL behind it */
	size_t size;
	char *words; /* the text cut up: names and values, each with a NUL behind it */
	struct scan_section *sections;
	size_t section_count;
	struct scan_key *keys; /* of all sections, one after the other */
};

/* Reads the file that FD is open on, from its start, wherever FD stands. Returns 0, or -EINVAL
 * after a complaint: no regular file, too long, not UTF-8 text by its first bytes, NUL bytes. */
int scan_load(int fd, struct scan *scan, struct complaints *complaints);

/* Splits the text into sections and keys; what is refused is complained about and left
 * out, and all else is there. Returns 0 or -ENOMEM. */
int scan_split(struct scan *scan, struct complaints *complaints);

void scan_clear(struct scan *scan);
#define CLEANUP_SCAN CLEANUP(scan_clear)

#endif
