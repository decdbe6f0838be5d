/* Ownership, written down: every resource is declared with the attribute that releases it, and
 * leaves its scope only through a TAKE_ macro. Nothing is closed or freed by hand. */
#ifndef PYROUTE_UTIL_H
#define PYROUTE_UTIL_H

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* Marks a function whose arguments are those of printf, the format being argument number F. */
#define PRINTF_LIKE(f, first) __attribute__((format(printf, f, first)))

/* Closes *FD unless it is negative. Keeps errno. */
static inline void close_fd(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	errno = saved;
}

/* Frees the memory that *POINTER points to. Keeps errno. */
static inline void free_memory(void *pointer)
{
	void *memory;
	int saved = errno;

	memcpy(&memory, pointer, sizeof(memory));
	free(memory);
	errno = saved;
}

/* Closes *DIRECTORY unless it is NULL. Keeps errno. */
static inline void close_directory(DIR **directory)
{
	int saved = errno;

	if (*directory != NULL)
		(void)closedir(*directory);
	*directory = NULL;
	errno = saved;
}

/* Closes *STREAM unless it is NULL. Keeps errno. */
static inline void close_stream(FILE **stream)
{
	int saved = errno;

	if (*stream != NULL)
		(void)fclose(*stream);
	*stream = NULL;
	errno = saved;
}

#define CLEANUP(function) __attribute__((cleanup(function)))
#define CLEANUP_FD	  CLEANUP(close_fd)
#define CLEANUP_FREE	  CLEANUP(free_memory)
#define CLEANUP_DIRECTORY CLEANUP(close_directory)
#define CLEANUP_STREAM	  CLEANUP(close_stream)

/* Hands FD to the caller: its cleanup attribute finds -1 and does nothing. */
#define TAKE_FD(fd)                                                                                \
	({                                                                                         \
		int taken_ = (fd);                                                                 \
		(fd) = -1;                                                                         \
		taken_;                                                                            \
	})

/* Hands POINTER to the caller: its cleanup attribute finds NULL and does nothing. */
#define TAKE_POINTER(pointer)                                                                      \
	({                                                                                         \
		__typeof__(pointer) taken_ = (pointer);                                            \
		(pointer) = NULL;                                                                  \
		taken_;                                                                            \
	})

/* CLOCK_MONOTONIC in milliseconds. */
static inline int64_t monotonic_ms(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

#endif
