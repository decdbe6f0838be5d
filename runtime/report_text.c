#include "report_parts.h"

#include "text.h"

static const char *escape_of(char byte, enum report_syntax syntax)
{
	static const struct {
		enum report_syntax syntax;
		char byte;
		const char *escape;
	} escapes[] = {
		{SYNTAX_YAML, '"', "\\\""},   {SYNTAX_YAML, '\\', "\\\\"},
		{SYNTAX_TAP, '#', "\\#"},     {SYNTAX_TAP, '\\', "\\\\"},
		{SYNTAX_XML, '&', "&amp;"},   {SYNTAX_XML, '<', "&lt;"},
		{SYNTAX_XML, '>', "&gt;"},    {SYNTAX_XML, '"', "&quot;"},
		{SYNTAX_XML, '\'', "&apos;"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(escapes); i++)
		if (escapes[i].syntax == syntax && escapes[i].byte == byte)
			return escapes[i].escape;
	return NULL;
}

/* As text_printable(), but lines may end, and tabs be, where SYNTAX has lines. U+FFFE and U+FFFF
 * are no characters of XML 1.0 (2.2). */
static size_t fit_length(const char *text, enum report_syntax syntax)
{
	if (syntax >= SYNTAX_XML && (*text == '\n' || *text == '\t'))
		return 1;
	if (syntax == SYNTAX_XML &&
	    (strncmp(text, "\xef\xbf\xbe", 3) == 0 || strncmp(text, "\xef\xbf\xbf", 3) == 0))
		return 0;
	return text_printable(text);
}

static void put_byte(FILE *stream, char byte, enum report_syntax syntax)
{
	const char *escape = escape_of(byte, syntax);

	if (escape != NULL)
		(void)fputs(escape, stream);
	else
		(void)fputc(byte, stream);
}

void report_put_to(FILE *stream, const char *text, enum report_syntax syntax)
{
	while (*text != '\0') {
		const size_t length = fit_length(text, syntax);
		char shown[sizeof("\\xNN")];

		if (length > 1) {
			(void)fwrite(text, 1, length, stream);
		} else if (length == 1) {
			put_byte(stream, *text, syntax);
		} else {
			(void)snprintf(shown, sizeof(shown), "\\x%02x", (unsigned char)*text);
			for (const char *at = shown; *at != '\0'; at++)
				put_byte(stream, *at, syntax);
		}
		text += length > 0 ? length : 1;
	}
}

void report_put(const char *text, enum report_syntax syntax)
{
	report_put_to(stdout, text, syntax);
}
