/* Shared libraries that few commands need, loaded when one does: to load and link them all would
 * take longer than most commands do. */
#ifndef PYROUTE_LOADER_H
#define PYROUTE_LOADER_H

#include "error.h"

/* A function of a library. */
struct loader_symbol {
	const char *name;
	void *place; /* of a pointer to it */
};

/* Loads the first that there is of the libraries NAMES, which ends with NULL, and finds all SYMBOLS
 * in it. Returns 0, *HANDLE being the caller's for dlclose(3), or -ENOTSUP. */
int loader_load(const char *const *names, const struct loader_symbol *symbols, size_t count,
		void **handle, struct error *error);

#endif
