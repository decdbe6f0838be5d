/* Text from outside: which of its bytes may be shown, how to show the others, and which known
 * word somebody may have meant. */
#ifndef PYROUTE_TEXT_H
#define PYROUTE_TEXT_H

#include "util.h"

/* The length in bytes, 1 to 4, of the character at TEXT; 0 where what stands there must not be
 * shown: a control character (those of Unicode's C1 set too, which terminals obey, and those that
 * change the direction of writing) or bytes that are no UTF-8 (RFC 3629). TEXT ends with a NUL, for
 * which 0 is returned. */
size_t text_printable(const char *text);

/* True where TEXT ends within SIZE bytes, and nothing in it must not be shown. */
bool text_is_fit(const char *text, size_t size);

/* Copies TEXT to BUFFER (SIZE bytes, at least 8) with every byte that must not be shown as \xNN,
 * and with "..." at its end where it had to be cut. Returns BUFFER. */
const char *text_escape(const char *text, char *buffer, size_t size);

/* Copies TEXT to BUFFER as one word of a shell: as it is where nothing in it means anything to one,
 * else in single quotes. Returns BUFFER; NULL where SIZE bytes do not hold it, or it
 * must not be shown. */
const char *text_quote(const char *text, char *buffer, size_t size);

/* Copies the value of KEY from lines KEY=value, with or without quotes (os-release(5)), to VALUE;
 * empty where there is none. */
void text_setting(const char *lines, const char *key, char *value, size_t size);

/* How many letters must be put in, taken out, replaced or swapped with the next to make WORD of
 * TEXT; upper and lower case are the same. UINT_MAX where one is longer than TEXT_WORD_MAX. */
#define TEXT_WORD_MAX 31 /* bytes */
unsigned text_distance(const char *text, const char *word);

/* True where TEXT may well be WORD mistyped: about a third of the letters may differ. */
bool text_is_near(const char *text, const char *word);

#endif
