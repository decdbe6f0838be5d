/* The grammar, a line at a time. Blank lines and lines that begin with ; or # are skipped;
 *
 *	[section]
 *	key = value          ; a comment, with blanks around its sign
 *	key = "value"        # in quotes, " or ', the value may hold ; and #
 *
 * and nothing else is accepted. A line ends with LF or CR LF. Each rule below is there because
 * iniparser 4.1 or 4.2 reads what it refuses in a way that the writer cannot have meant. */
#include "scan.h"
#include "text.h"

#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>

static const char blanks[] = " \t";

/* The lines of what was met, 0 where it was not: nothing may stand twice. Lines grow, so that a key
 * on a line behind the head of a section is that section's, and else a former's. */
struct met {
	unsigned sections[SECTION_KINDS][NAMES_NUMBER_MAX + 1];
	unsigned keys[KEY_KINDS][NAMES_NUMBER_MAX + 1];
	const char *checks[CHECKS_MAX]; /* their sections' texts */
	unsigned check_count;
};

struct scanner {
	struct scan *scan;
	struct met *met;
	struct complaints *complaints;
	struct scan_section *section; /* NULL: before the first, or in one that was refused */
	bool skipping;		      /* in one that was refused */
	size_t key_count;	      /* of all sections */
	struct place place;	      /* the line, and what is known of it */
	size_t offset;		      /* of the line's first byte */
};

/* Refuses the line, and notes what may seem to be missing now. */
#define REFUSE(scanner, ...)                                                                       \
	do {                                                                                       \
		note_loss(scanner);                                                                \
		complaints_add_at((scanner)->complaints, &(scanner)->place, __VA_ARGS__);          \
	} while (0)

static void note_loss(struct scanner *scanner)
{
	if (!scanner->place.key)
		scanner->complaints->lost_section = true;
	if (!scanner->section)
		return;
	scanner->section->faulty = true;
	if (scanner->section->name.kind != SECTION_CHECK)
		scanner->complaints->lost_value = true;
	if (scanner->section->name.kind == SECTION_CLIENT)
		scanner->complaints->lost_interface = true;
}

/* ---- the file ---- */

static int check_file(int fd, struct complaints *complaints)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		complaints_add(complaints, 0, "cannot be examined: %s", strerror(errno));
	else if (!S_ISREG(status.st_mode))
		complaints_add(complaints, 0,
			       "not a regular file but %s; a stage file is a text file",
			       S_ISDIR(status.st_mode)	  ? "a directory"
			       : S_ISFIFO(status.st_mode) ? "a FIFO"
							  : "a device or socket");
	else
		return 0;
	return -EINVAL;
}

/* Reads until the end or until SIZE bytes are there, at offsets of its own: the file's offset may
 * be shared with others. Returns the number of bytes, or -errno. */
static ssize_t read_all(int fd, char *buffer, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t got = pread(fd, buffer + used, size - used, (off_t)used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		used += (size_t)got;
	}
	return (ssize_t)used;
}

static bool begins_with(const struct scan *scan, const char *bytes, size_t count)
{
	return scan->size >= count && memcmp(scan->text, bytes, count) == 0;
}

static unsigned line_of(const struct scan *scan, const char *position)
{
	unsigned line = 1;

	for (const char *byte = scan->text; byte < position; byte++)
		line += *byte == '\n';
	return line;
}

static int check_encoding(const struct scan *scan, struct complaints *complaints)
{
	const char *nul = memchr(scan->text, '\0', scan->size);

	if (begins_with(scan, "\xff\xfe", 2) || begins_with(scan, "\xfe\xff", 2))
		complaints_add(complaints, 1, "the file is UTF-16; save it as UTF-8");
	else if (begins_with(scan, "\xef\xbb\xbf", 3))
		complaints_add(complaints, 1,
			       "the file begins with a byte order mark; save it as UTF-8 without");
	else if (nul)
		complaints_add(complaints, line_of(scan, nul),
			       "a NUL byte; the file must be text, saved as UTF-8");
	else
		return 0;
	return -EINVAL;
}

int scan_load(int fd, struct scan *scan, struct complaints *complaints)
{
	ssize_t size;

	if (check_file(fd, complaints) < 0)
		return -EINVAL;
	/* One byte more than is allowed tells; the size in the inode may be old, or 0 in /proc. */
	scan->text = malloc(SCAN_SIZE_MAX + 1);
	size = scan->text ? read_all(fd, scan->text, SCAN_SIZE_MAX + 1) : -ENOMEM;
	if (size < 0) {
		complaints_add(complaints, 0, "cannot be read: %s", strerror((int)-size));
		return -EINVAL;
	}
	if (size > SCAN_SIZE_MAX) {
		complaints_add(complaints, 0, "longer than 1 MiB; a stage file is at most that");
		return -EINVAL;
	}
	scan->size = (size_t)size;
	scan->text[scan->size] = '\0';
	return check_encoding(scan, complaints);
}

/* ---- one line ---- */

/* Cuts blanks off both ends of TEXT, in place. */
static char *trim(char *text)
{
	char *end;

	text += strspn(text, blanks);
	end = text + strlen(text);
	while (end > text && strchr(blanks, end[-1]))
		end--;
	*end = '\0';
	return text;
}

/* The first character of TEXT that must not be there, or NULL; tabs may where TABS says so. */
static const char *find_unprintable(const char *text, bool tabs)
{
	while (*text) {
		size_t length = *text == '\t' && tabs ? 1 : text_printable(text);

		if (length == 0)
			return text;
		text += length;
	}
	return NULL;
}

/* Refuses the line if TEXT, a part of it, has bytes that may not be shown. */
static bool check_printable(struct scanner *scanner, const char *text, bool tabs)
{
	const char *bad = find_unprintable(text, tabs);

	if (!bad)
		return true;
	if ((unsigned char)*bad < 0x80)
		REFUSE(scanner, "a control byte, \\x%02x; take it out", (unsigned char)*bad);
	else
		REFUSE(scanner,
		       "the byte \\x%02x is no UTF-8 character that can be shown; save the file "
		       "as UTF-8",
		       (unsigned char)*bad);
	return false;
}

/* True where the ; or # at SIGN, in VALUE, is there to begin a comment: blanks are around it. */
static bool is_comment(const char *value, const char *sign)
{
	return sign > value && strchr(blanks, sign[-1]) && (!sign[1] || strchr(blanks, sign[1]));
}

/* Takes the quotes off VALUE, which begins with one. NULL where it is refused. iniparser 4.1 knows
 * no escapes in quotes, 4.2 does: a backslash would be read in two ways. */
static char *unquote(struct scanner *scanner, char *value)
{
	char *end = strchr(value + 1, *value);
	char *rest;

	if (!end) {
		REFUSE(scanner, "the quote is not closed; end the value with %c", *value);
		return NULL;
	}
	rest = end + 1 + strspn(end + 1, blanks);
	if (*rest && !((*rest == ';' || *rest == '#') && is_comment(end, rest))) {
		REFUSE(scanner, "text after the closing quote; take it or the quotes out");
		return NULL;
	}
	if (memchr(value, '\\', (size_t)(end - value))) {
		REFUSE(scanner, "a backslash in quotes; take it or the quotes out");
		return NULL;
	}
	*end = '\0';
	return value + 1;
}

/* Takes the comment off VALUE. NULL where it is refused: iniparser cuts at every ; and #, so that
 * "Router #1" would be "Router". In a command what follows blanks is a comment for us and may be
 * more of the command for a shell. */
static char *uncomment(struct scanner *scanner, enum key_kind kind, char *value)
{
	char *sign = value + strcspn(value, ";#");

	if (*sign && kind == KEY_RUN) {
		REFUSE(scanner,
		       "the %c begins a comment or is the shell's; put the command in "
		       "quotes",
		       *sign);
		return NULL;
	}
	if (*sign && sign > value && !is_comment(value, sign)) {
		REFUSE(scanner,
		       "the %c cuts the value; put blanks around it to begin a comment, or the "
		       "value in quotes",
		       *sign);
		return NULL;
	}
	*sign = '\0';
	return trim(value);
}

/* What VALUE, a line's text behind the =, says for a key of KIND; NULL where it is refused. */
static const char *read_value(struct scanner *scanner, enum key_kind kind, char *value)
{
	scanner->place.value = value;
	if (!check_printable(scanner, value, true))
		return NULL;
	value = *value == '"' || *value == '\'' ? unquote(scanner, value)
						: uncomment(scanner, kind, value);
	if (!value)
		return NULL;
	scanner->place.value = value;
	if (*value == '\0') {
		scanner->place.value = NULL;
		REFUSE(scanner, "has no value; write one, or leave the line out");
		return NULL;
	}
	return check_printable(scanner, value, false) ? value : NULL;
}

/* ---- sections and keys ---- */

/* Gives the check of SECTION its number: that of the one it repeats, else the next; 0 where there
 * are too many. Two names that differ in nothing but upper and lower case are one, as for
 * iniparser. */
static unsigned number_check(struct met *met, const struct scan_section *section)
{
	for (unsigned i = 0; i < met->check_count; i++) {
		if (strcasecmp(met->checks[i], section->text) == 0)
			return i + 1;
	}
	if (met->check_count == CHECKS_MAX)
		return 0;
	met->checks[met->check_count++] = section->text;
	return met->check_count;
}

static void add_section(struct scanner *scanner, const char *text)
{
	struct scan *scan = scanner->scan;
	struct scan_section section = {
		.text = text, .line = scanner->place.line, .offset = scanner->offset};
	unsigned *met;
	struct error error;

	scanner->place.section = text;
	if (names_section(text, &section.name, &error) < 0) {
		REFUSE(scanner, "%s", error.text);
		return;
	}
	if (section.name.kind == SECTION_CHECK)
		section.name.number = number_check(scanner->met, &section);
	if (section.name.kind == SECTION_CHECK && section.name.number == 0) {
		REFUSE(scanner, "a stage has at most %d checks; take some out", CHECKS_MAX);
		return;
	}
	met = &scanner->met->sections[section.name.kind][section.name.number];
	if (*met) {
		REFUSE(scanner, "is there already, at line %u; put all its keys there%s", *met,
		       section.name.kind == SECTION_CHECK ? ", or use another name" : "");
		return;
	}
	*met = section.line;
	section.keys = scan->keys + scanner->key_count;
	scan->sections[scan->section_count] = section;
	scanner->section = &scan->sections[scan->section_count++];
	scanner->skipping = false;
}

/* A line that begins with [. iniparser takes what ends with ] for a section, up to the first ]. */
static void scan_section_line(struct scanner *scanner, char *line)
{
	char *end = strchr(line, ']');

	scanner->section = NULL;
	scanner->skipping = true;
	scanner->place.section = NULL;
	if (!end)
		REFUSE(scanner, "a section's name ends with ]");
	else if (end[1] != '\0')
		REFUSE(scanner, "text after a section's ]; put a comment on a line of its own");
	else if (end == line + 1)
		REFUSE(scanner, "a section without a name; write it like [net1]");
	else {
		*end = '\0';
		add_section(scanner, line + 1);
	}
}

static void add_key(struct scanner *scanner, const char *text, char *value)
{
	struct scan_section *section = scanner->section;
	struct scan_key key = {.text = text, .line = scanner->place.line};
	unsigned *met;
	struct error error;

	scanner->place.key = text;
	if (names_key(section->name.kind, text, &key.name, &error) < 0) {
		REFUSE(scanner, "%s", error.text);
		return;
	}
	key.value = read_value(scanner, key.name.kind, value);
	if (!key.value)
		return;
	met = &scanner->met->keys[key.name.kind][key.name.number];
	if (*met > section->line) {
		REFUSE(scanner, "is there already, at line %u; keep one of them", *met);
		return;
	}
	*met = key.line;
	section->keys[section->key_count++] = key;
	scanner->key_count++;
}

static void scan_key_line(struct scanner *scanner, char *line)
{
	char *equals = strchr(line, '=');

	if (!equals) {
		REFUSE(scanner, "neither a [section] nor a key = value; put # before a comment");
		return;
	}
	*equals = '\0';
	line = trim(line);
	if (*line == '\0')
		REFUSE(scanner, "a value without a key; write key = value");
	else if (scanner->section)
		add_key(scanner, line, trim(equals + 1));
	else if (!scanner->skipping)
		REFUSE(scanner, "a key before any section; begin with [stage]");
}

/* Refuses what iniparser does not take for one line: it joins a line that ends with a backslash
 * to the next, comments too, and has no room for long ones. */
static bool check_line(struct scanner *scanner, const char *line)
{
	size_t length = strlen(line);
	size_t shown = length;

	while (shown > 0 && strchr(blanks, line[shown - 1]))
		shown--;
	if (length > SCAN_LINE_MAX)
		REFUSE(scanner, "longer than %d bytes; shorten the line", SCAN_LINE_MAX);
	else if (strchr(line, '\r'))
		REFUSE(scanner, "a carriage return inside the line; end lines with LF or CR LF");
	else if (shown > 0 && line[shown - 1] == '\\')
		REFUSE(scanner, "a backslash at the end of the line; take it out");
	else
		return true;
	return false;
}

static void scan_line(struct scanner *scanner, char *line)
{
	scanner->place.key = NULL;
	scanner->place.value = NULL;
	if (!check_line(scanner, line))
		return;
	line = trim(line);
	if (*line == ';' || *line == '#')
		(void)check_printable(scanner, line, true);
	else if (*line == '[')
		scan_section_line(scanner, line);
	else if (*line != '\0')
		scan_key_line(scanner, line);
}

/* Makes room for all that the text may hold: no section comes without a [, no key without a =. */
static int allocate(struct scan *scan)
{
	size_t sections = 0;
	size_t keys = 0;

	for (const char *byte = scan->text; *byte; byte++) {
		sections += *byte == '[';
		keys += *byte == '=';
	}
	scan->words = malloc(scan->size + 1);
	scan->sections = calloc(sections + 1, sizeof(*scan->sections));
	scan->keys = calloc(keys + 1, sizeof(*scan->keys));
	if (!scan->words || !scan->sections || !scan->keys)
		return -ENOMEM;
	memcpy(scan->words, scan->text, scan->size + 1);
	return 0;
}

static void scan_lines(struct scanner *scanner)
{
	char *start = scanner->scan->words;
	char *end = start + scanner->scan->size;
	char *next;

	for (char *line = start; line < end; line = next) {
		char *newline = memchr(line, '\n', (size_t)(end - line));

		next = newline ? newline + 1 : end;
		if (newline) {
			*newline = '\0';
			if (newline > line && newline[-1] == '\r')
				newline[-1] = '\0';
		}
		scanner->place.line++;
		scanner->offset = (size_t)(line - start);
		scan_line(scanner, line);
	}
}

int scan_split(struct scan *scan, struct complaints *complaints)
{
	CLEANUP_FREE struct met *met = calloc(1, sizeof(*met));
	struct scanner scanner = {.scan = scan, .met = met, .complaints = complaints};

	if (!met || allocate(scan) < 0)
		return -ENOMEM;
	scan_lines(&scanner);
	return 0;
}

void scan_clear(struct scan *scan)
{
	free(scan->sections);
	free(scan->keys);
	free(scan->words);
	free(scan->text);
	memset(scan, 0, sizeof(*scan));
}
