/* What an older kernel cannot do is expected of it, not left out. */
#ifndef PYROUTE_TESTS_RELEASE_H
#define PYROUTE_TESTS_RELEASE_H

#include <stdbool.h>
#include <string.h>
#include <sys/utsname.h>

/* True where Linux is older than RELEASE, "6.6" for example. */
static inline bool kernel_is_before(const char *release)
{
	struct utsname kernel;

	return uname(&kernel) == 0 && strverscmp(kernel.release, release) < 0;
}

#endif
