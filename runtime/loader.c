#include "loader.h"

#include <dlfcn.h>

static int find_symbols(void *handle, const char *name, const struct loader_symbol *symbols,
			size_t count, struct error *error)
{
	for (size_t i = 0; i < count; i++) {
		void *found = dlsym(handle, symbols[i].name);

		if (found == NULL)
			return error_set(error, ENOTSUP, "%s has no %s", name, symbols[i].name);
		/* dlsym(3) gives as a pointer to an object what is one to a function. */
		memcpy(symbols[i].place, &found, sizeof(found));
	}
	return 0;
}

int loader_load(const char *const *names, const struct loader_symbol *symbols, size_t count,
		void **handle, struct error *error)
{
	const char *first = *names;
	void *opened = NULL;

	for (; opened == NULL && *names != NULL; names++)
		opened = dlopen(*names, RTLD_NOW | RTLD_LOCAL);
	if (opened == NULL)
		return error_set(error, ENOTSUP, "there is no %s", first);
	if (find_symbols(opened, names[-1], symbols, count, error) < 0) {
		(void)dlclose(opened);
		return -error->code;
	}
	*handle = opened;
	return 0;
}
