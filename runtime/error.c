#include "error.h"
#include "text.h"

#include <stdarg.h>

#define CODE_MAX 4095 /* MAX_ERRNO of the kernel */

int error_set(struct error *error, int code, const char *format, ...)
{
	va_list arguments;

	error->code = code;
	va_start(arguments, format);
	(void)vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	return -code;
}

int error_system(struct error *error, int code, const char *format, ...)
{
	va_list arguments;
	size_t length;

	error->code = code;
	va_start(arguments, format);
	(void)vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	length = strlen(error->text);
	(void)snprintf(error->text + length, sizeof(error->text) - length, ": %s", strerror(code));
	return -code;
}

int error_prefix(struct error *error, const char *format, ...)
{
	char inner[sizeof(error->text)];
	va_list arguments;
	size_t length;

	memcpy(inner, error->text, sizeof(inner));
	inner[sizeof(inner) - 1] = '\0';
	va_start(arguments, format);
	(void)vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	length = strlen(error->text);
	(void)snprintf(error->text + length, sizeof(error->text) - length, ": %.*s",
		       (int)(sizeof(inner) - 1), inner);
	return -error->code;
}

int error_take(struct error *error, const struct error *received)
{
	char text[sizeof(received->text)];
	int code = received->code;

	memcpy(text, received->text, sizeof(text));
	text[sizeof(text) - 1] = '\0';
	if (code < 0 || code > CODE_MAX || (code > 0 && text[0] == '\0'))
		return error_set(error, EBADMSG, "received an error that is none");
	error->code = code;
	(void)text_escape(text, error->text, sizeof(error->text));
	return -code;
}
