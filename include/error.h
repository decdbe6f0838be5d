/* The one error convention: a function returns 0 (or a value that is not negative), or -errno
 * after it filled in a struct error. What it holds after
 * success means nothing. The text gains context as it travels up, layer by layer:
 * "client2: eth0: cannot add the address 2.2.2.2: Permission denied". Only commands print it.
 * The struct has a fixed size and no pointers, so that it crosses a socket in one datagram. */
#ifndef PYROUTE_ERROR_H
#define PYROUTE_ERROR_H

#include "util.h"

#define ERROR_TEXT_SIZE 508

struct error {
	int code; /* a positive errno value; 0: no error */
	char text[ERROR_TEXT_SIZE];
};

/* Sets ERROR to CODE (positive) and a text that is the whole story. Returns -CODE. */
int error_set(struct error *error, int code, const char *format, ...) PRINTF_LIKE(3, 4);

/* As error_set(), with ": " and the C library's description of CODE (positive) at the end. */
int error_system(struct error *error, int code, const char *format, ...) PRINTF_LIKE(3, 4);

/* Takes over an error that came from another process, code 0 and all: its text ends where it must,
 * and can be shown. One that cannot be is -EBADMSG. Returns -(error->code). */
int error_take(struct error *error, const struct error *received);

/* Puts context and ": " before the text that is there. Returns -(error->code). */
int error_prefix(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
