#include "complaints.h"
#include "text.h"

#include <stdarg.h>

#define NAME_SHOWN  48 /* bytes of a section's or key's name with its NUL */
#define VALUE_SHOWN 96

size_t complaints_kept(const struct complaints *complaints)
{
	return complaints->count < COMPLAINTS_MAX ? complaints->count : COMPLAINTS_MAX;
}

/* Makes room for a complaint about LINE behind those about the lines before it and about itself.
 * NULL where the ten that are kept all come first. */
static struct complaint *make_room(struct complaints *complaints, unsigned line)
{
	size_t kept = complaints_kept(complaints);
	size_t at = kept;

	complaints->count++;
	while (at > 0 && complaints->kept[at - 1].line > line)
		at--;
	if (at == COMPLAINTS_MAX)
		return NULL;
	if (kept == COMPLAINTS_MAX)
		kept--;
	memmove(&complaints->kept[at + 1], &complaints->kept[at],
		(kept - at) * sizeof(complaints->kept[0]));
	return &complaints->kept[at];
}

static void add(struct complaints *complaints, unsigned line, const char *message)
{
	struct complaint *complaint = make_room(complaints, line);

	if (!complaint)
		return;
	complaint->line = line;
	if (line)
		(void)snprintf(complaint->text, sizeof(complaint->text), "%s:%u: %s",
			       complaints->file, line, message);
	else
		(void)snprintf(complaint->text, sizeof(complaint->text), "%s: %s", complaints->file,
			       message);
}

void complaints_add(struct complaints *complaints, unsigned line, const char *format, ...)
{
	char message[COMPLAINT_SIZE];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	add(complaints, line, message);
}

/* Writes '[section] key = "value": ' as far as it is known. Returns its length. */
static size_t describe(const struct place *place, char *buffer, size_t size)
{
	char name[NAME_SHOWN];
	char value[VALUE_SHOWN];
	int length = 0;

	buffer[0] = '\0';
	if (place->section)
		length = snprintf(buffer, size, "[%s]%s",
				  text_escape(place->section, name, sizeof(name)),
				  place->key ? " " : ": ");
	if (place->key)
		length += snprintf(buffer + length, size - (size_t)length, "%s%s",
				   text_escape(place->key, name, sizeof(name)),
				   place->value ? " = " : ": ");
	if (place->value)
		length += snprintf(buffer + length, size - (size_t)length,
				   "\"%s\": ", text_escape(place->value, value, sizeof(value)));
	return (size_t)length;
}

void complaints_add_at(struct complaints *complaints, const struct place *place, const char *format,
		       ...)
{
	char message[COMPLAINT_SIZE];
	size_t length = describe(place, message, sizeof(message));
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(message + length, sizeof(message) - length, format, arguments);
	va_end(arguments);
	add(complaints, place->line, message);
}
