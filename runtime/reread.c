/* iniparser opens what it reads by path. So that it reads the very bytes that were scanned,
 * whatever happens to the file meanwhile, they are in a sealed memory file of ours, which it opens
 * by its name under /proc/self/fd.
 *
 * Its dictionary compares each key with all that it has, so the time grows with the square of their
 * number. It is given the text in pieces of whole sections: for iniparser a line has nothing to do
 * with the one before it but for the section's name and a backslash at its end, and the scan let
 * no such backslash through. */
#include "reread.h"

#include <fcntl.h>
#include <sys/mman.h>

/* Older distributions have the header at the top level. */
#if __has_include(<iniparser/iniparser.h>)
#include <iniparser/iniparser.h>
#else
#include <iniparser.h>
#endif

#ifndef MFD_NOEXEC_SEAL /* Linux 6.3 */
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#define PIECE_ENTRIES 128 /* sections and keys: about as many as cost what opening a file does */

/* Some of the scan's sections, and the text that they are in. */
struct piece {
	const struct scan_section *sections;
	size_t section_count;
	size_t entry_count; /* sections and keys */
	const char *text;
	size_t size;
};

/* A memory file with these bytes that nobody can change any more. Returns its fd or -errno. */
static int seal_copy(const char *bytes, size_t size)
{
	static const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	CLEANUP_FD int fd = memfd_create("stage.ini", flags | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL) /* older kernels do not know the flag */
		fd = memfd_create("stage.ini", flags);
	if (fd < 0)
		return -errno;
	for (size_t written = 0; written < size;) {
		ssize_t count = write(fd, bytes + written, size - written);

		if (count < 0 && errno != EINTR)
			return -errno;
		if (count > 0)
			written += (size_t)count;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* iniparser's own way is to print the lines that it does not like. */
static int PRINTF_LIKE(1, 2) stay_silent(const char *format, ...)
{
	(void)format;
	return 0;
}

static bool section_agrees(const dictionary *read, const struct scan_section *section)
{
	char name[128]; /* the names of the format are shorter, a check's too */

	/* A section is an entry without a value: asking for its value crashes iniparser 4.1. */
	if (!iniparser_find_entry(read, section->text))
		return false;
	for (size_t i = 0; i < section->key_count; i++) {
		const struct scan_key *key = &section->keys[i];
		const char *value;

		(void)snprintf(name, sizeof(name), "%s:%s", section->text, key->text);
		value = iniparser_getstring(read, name, NULL);
		if (!value || strcmp(value, key->value) != 0)
			return false;
	}
	return true;
}

static bool dictionary_agrees(const dictionary *read, const struct piece *piece)
{
	for (size_t i = 0; i < piece->section_count; i++) {
		if (!section_agrees(read, &piece->sections[i]))
			return false;
	}
	return (size_t)read->n == piece->entry_count;
}

static int piece_agrees(const struct piece *piece)
{
	CLEANUP_FD int copy = seal_copy(piece->text, piece->size);
	char path[32];
	dictionary *read;
	bool agrees;

	if (copy < 0)
		return copy;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", copy);
	read = iniparser_load(path);
	if (!read)
		return 0;
	agrees = dictionary_agrees(read, piece);
	iniparser_freedict(read);
	return agrees;
}

/* The piece that begins with the section number FIRST, and with all text from START. */
static struct piece cut_piece(const struct scan *scan, size_t first, size_t start)
{
	struct piece piece = {.sections = &scan->sections[first], .text = scan->text + start};
	size_t next = first;

	while (next < scan->section_count && piece.entry_count < PIECE_ENTRIES)
		piece.entry_count += 1 + scan->sections[next++].key_count;
	piece.section_count = next - first;
	piece.size =
		(next < scan->section_count ? scan->sections[next].offset : scan->size) - start;
	return piece;
}

/* At least one piece, for text without sections is text too. */
static int pieces_agree(const struct scan *scan)
{
	size_t start = 0;
	size_t first = 0;

	do {
		struct piece piece = cut_piece(scan, first, start);
		int result = piece_agrees(&piece);

		if (result <= 0)
			return result;
		first += piece.section_count;
		start += piece.size;
	} while (start < scan->size);
	return 1;
}

int reread_agrees(const struct scan *scan)
{
	int result;

	iniparser_set_error_callback(stay_silent);
	result = pieces_agree(scan);
	iniparser_set_error_callback(NULL);
	return result;
}
