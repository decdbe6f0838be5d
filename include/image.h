/* Programs in sealed memory files. CVE-2019-5736: what runs in a client shows there as
 * /proc/PID/exe, and the client's root could open that for writing and replace the program that the
 * computer's root runs next. Of a sealed file the mode refuses the opening for writing, to all whom
 * the file does not belong, and the seals refuse the writing, to everybody and for ever. */
#ifndef PYROUTE_IMAGE_H
#define PYROUTE_IMAGE_H

#include "error.h"

/* Returns a sealed file, the caller's, called NAME where it is shown, with the program that the
 * SIZE bytes at PROGRAM are. It cannot be read: whoever runs it, and may not override that, is not
 * dumpable (execve(2), prctl(2)), unless the sysctl fs.suid_dumpable is 1. */
int image_make(const char *name, const void *program, size_t size, struct error *error);

/* Makes this program run from a sealed file: where it does already, returns 0; else copies itself
 * into one and starts again with ARGV and the same environment, and returns only where that fails.
 * To be called first of all: it needs no privilege, and drops whatever state there is. Afterwards
 * /proc/self/exe no longer tells where the program was installed. */
int image_seal_self(char **argv, struct error *error);

/* Whether image_seal_self() could: makes such a copy, and lets go of it. */
int image_try(struct error *error);

#endif
