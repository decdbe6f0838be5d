/* Small files and directories, always relative to a directory fd. Every open is close-on-exec and
 * follows no link in the last component. */
#ifndef PYROUTE_FILE_H
#define PYROUTE_FILE_H

#include "error.h"

#include <sys/types.h>

/* Reads PATH whole into TEXT and ends it with a NUL; the last newline goes. Returns its length;
 * -EFBIG where SIZE bytes do not hold it. */
ssize_t file_read(int dir, const char *path, char *text, size_t size, struct error *error);

/* Writes TEXT to PATH in one write(2), as kernel files want it. The file must exist. */
int file_write(int dir, const char *path, const char *text, struct error *error);

/* Makes PATH with this content in place of whatever was there: written aside, to PATH with
 * FILE_ASIDE at its end, then renamed. One process at a time. */
#define FILE_ASIDE ".new"
int file_replace(int dir, const char *path, const char *text, mode_t mode, struct error *error);

/* Makes the new file PATH with TEXT and exactly this mode. -EEXIST where it exists. */
int file_create(int dir, const char *path, const char *text, mode_t mode, struct error *error);

/* Makes the directory PATH with exactly this mode; one that is there already will do. */
int file_directory(int dir, const char *path, mode_t mode, struct error *error);

/* Opens PATH, a directory (O_PATH). Returns its fd, the caller's. */
int file_open_directory(int dir, const char *path, struct error *error);

/* Closes every fd of this process but 0, 1, 2 and the COUNT ones in KEEP, which it sorts. What a
 * child without an exec has inherited, close-on-exec does not close. */
int file_close_others(int *keep, size_t count, struct error *error);

#endif
