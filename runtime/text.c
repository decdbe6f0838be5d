#include "text.h"

#include <ctype.h>
#include <limits.h>
#include <stdint.h>

static size_t sequence_length(unsigned char lead)
{
	if (lead < 0x80)
		return 1;
	if ((lead & 0xe0) == 0xc0)
		return 2;
	if ((lead & 0xf0) == 0xe0)
		return 3;
	return (lead & 0xf8) == 0xf0 ? 4 : 0;
}

/* Characters that are not seen themselves but move, hide or break what stands around them: line and
 * paragraph separators, and those that change the direction of writing (CVE-2021-42574). */
static bool is_invisible(uint32_t character)
{
	return (character >= 0x2028 && character <= 0x202e) ||
	       (character >= 0x2066 && character <= 0x2069);
}

size_t text_printable(const char *text)
{
	/* The smallest character of each length: this leaves out C0 (below 0x20), C1 (below 0xa0)
	 * and every encoding that is longer than it need be. */
	static const uint32_t smallest[] = {0, 0x20, 0xa0, 0x800, 0x10000};
	const unsigned char *bytes = (const unsigned char *)text;
	size_t length = sequence_length(bytes[0]);
	uint32_t character = length > 1 ? bytes[0] & (0xffU >> (length + 1)) : bytes[0];

	for (size_t i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (bytes[i] & 0x3fU);
	}
	if (length == 0 || character < smallest[length] || character > 0x10ffff)
		return 0;
	if (character == 0x7f || (character >= 0xd800 && character <= 0xdfff) ||
	    is_invisible(character))
		return 0;
	return length;
}

bool text_is_fit(const char *text, size_t size)
{
	if (strnlen(text, size) == size)
		return false;
	while (text_printable(text) > 0)
		text += text_printable(text);
	return *text == '\0';
}

const char *text_escape(const char *text, char *buffer, size_t size)
{
	static const char cut[] = "...";
	size_t used = 0;

	while (*text) {
		size_t length = text_printable(text);
		size_t needed = length ? length : 4;

		if (used + needed + sizeof(cut) > size) {
			memcpy(buffer + used, cut, sizeof(cut));
			return buffer;
		}
		if (length)
			memcpy(buffer + used, text, length);
		else
			(void)snprintf(buffer + used, size - used, "\\x%02x", (unsigned char)*text);
		used += needed;
		text += length ? length : 1;
	}
	buffer[used] = '\0';
	return buffer;
}

const char *text_quote(const char *text, char *buffer, size_t size)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789/._-+:=@%,";
	const char *quote = *text != '\0' && text[strspn(text, plain)] == '\0' ? "" : "'";
	size_t used = (size_t)snprintf(buffer, size, "%s", quote);

	for (; *text != '\0' && used < size; text += text_printable(text)) {
		if (text_printable(text) == 0)
			return NULL;
		used += (size_t)snprintf(buffer + used, size - used, "%.*s%s",
					 (int)text_printable(text), text,
					 *text == '\'' ? "\\''" : "");
	}
	if (used < size)
		used += (size_t)snprintf(buffer + used, size - used, "%s", quote);
	return used < size ? buffer : NULL;
}

void text_setting(const char *lines, const char *key, char *value, size_t size)
{
	size_t length = strlen(key);

	value[0] = '\0';
	for (const char *line = lines; *line != '\0'; line += strspn(line, "\n")) {
		if (strncmp(line, key, length) == 0 && line[length] == '=') {
			line += length + 1;
			line += strspn(line, "\"'");
			(void)snprintf(value, size, "%.*s", (int)strcspn(line, "\"'\n"), line);
			return;
		}
		line += strcspn(line, "\n");
	}
}

static unsigned smallest_of(unsigned a, unsigned b, unsigned c)
{
	unsigned smaller = a < b ? a : b;

	return smaller < c ? smaller : c;
}

static bool same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Damerau's and Levenshtein's distance: table[i][j] is that of the first i letters of TEXT from
 * the first j of WORD. */
unsigned text_distance(const char *text, const char *word)
{
	unsigned table[TEXT_WORD_MAX + 1][TEXT_WORD_MAX + 1];
	size_t rows = strlen(text);
	size_t columns = strlen(word);

	if (rows > TEXT_WORD_MAX || columns > TEXT_WORD_MAX)
		return UINT_MAX;
	for (size_t j = 0; j <= columns; j++)
		table[0][j] = (unsigned)j;
	for (size_t i = 1; i <= rows; i++) {
		table[i][0] = (unsigned)i;
		for (size_t j = 1; j <= columns; j++) {
			bool differ = !same_letter(text[i - 1], word[j - 1]);

			table[i][j] = smallest_of(table[i - 1][j] + 1, table[i][j - 1] + 1,
						  table[i - 1][j - 1] + differ);
			if (i > 1 && j > 1 && same_letter(text[i - 1], word[j - 2]) &&
			    same_letter(text[i - 2], word[j - 1]) &&
			    table[i - 2][j - 2] + 1 < table[i][j])
				table[i][j] = table[i - 2][j - 2] + 1;
		}
	}
	return table[rows][columns];
}

bool text_is_near(const char *text, const char *word)
{
	return text_distance(text, word) <= (strlen(word) + 1) / 3;
}
