#include "file.h"

#include <fcntl.h>
#include <sys/stat.h>

ssize_t file_read(int dir, const char *path, char *text, size_t size, struct error *error)
{
	CLEANUP_FD int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t length = 0;
	ssize_t got;

	if (fd < 0)
		return error_system(error, errno, "cannot open %s", path);
	while ((got = read(fd, text + length, size - length)) != 0) {
		if (got < 0)
			return error_system(error, errno, "cannot read %s", path);
		length += (size_t)got;
		if (length == size)
			return error_system(error, EFBIG, "cannot read %s", path);
	}
	if (length > 0 && text[length - 1] == '\n')
		length--;
	text[length] = '\0';
	return (ssize_t)length;
}

static int write_whole(int fd, const char *path, const char *text, struct error *error)
{
	size_t length = strlen(text);
	ssize_t written = write(fd, text, length);

	if (written < 0)
		return error_system(error, errno, "cannot write %s", path);
	if ((size_t)written != length)
		return error_system(error, ENOSPC, "cannot write %s", path);
	return 0;
}

int file_write(int dir, const char *path, const char *text, struct error *error)
{
	CLEANUP_FD int fd = openat(dir, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return error_system(error, errno, "cannot open %s for writing", path);
	return write_whole(fd, path, text, error);
}

int file_create(int dir, const char *path, const char *text, mode_t mode, struct error *error)
{
	CLEANUP_FD int fd =
		openat(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	int result;

	if (fd < 0)
		return error_system(error, errno, "cannot make %s", path);
	result = write_whole(fd, path, text, error);
	if (result == 0 && fchmod(fd, mode) < 0) /* the umask may have taken bits away */
		result = error_system(error, errno, "cannot set the mode of %s", path);
	if (result < 0)
		(void)unlinkat(dir, path, 0);
	return result;
}

int file_replace(int dir, const char *path, const char *text, mode_t mode, struct error *error)
{
	char aside[256];
	int result;

	if (snprintf(aside, sizeof(aside), "%s" FILE_ASIDE, path) >= (int)sizeof(aside))
		return error_system(error, ENAMETOOLONG, "cannot write %s", path);
	(void)unlinkat(dir, aside, 0); /* of one that was killed here */
	result = file_create(dir, aside, text, mode, error);
	if (result < 0)
		return result;
	if (renameat(dir, aside, dir, path) < 0) {
		result = error_system(error, errno, "cannot write %s", path);
		(void)unlinkat(dir, aside, 0);
	}
	return result;
}

int file_directory(int dir, const char *path, mode_t mode, struct error *error)
{
	if (mkdirat(dir, path, mode) < 0) {
		if (errno == EEXIST)
			return 0;
		return error_system(error, errno, "cannot make the directory %s", path);
	}
	if (fchmodat(dir, path, mode, 0) < 0) {
		int result = error_system(error, errno, "cannot set the mode of %s", path);

		(void)unlinkat(dir, path, AT_REMOVEDIR);
		return result;
	}
	return 0;
}

int file_open_directory(int dir, const char *path, struct error *error)
{
	int fd = openat(dir, path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return error_system(error, errno, "cannot open the directory %s", path);
	return fd;
}

static int compare_fds(const void *a, const void *b)
{
	const int *left = a;
	const int *right = b;

	return (*left > *right) - (*left < *right);
}

int file_close_others(int *keep, size_t count, struct error *error)
{
	unsigned first = 3;

	qsort(keep, count, sizeof(*keep), compare_fds);
	for (size_t i = 0; i <= count; i++) {
		unsigned last = i < count ? (unsigned)keep[i] : ~0U;

		if (i < count && keep[i] < (int)first)
			continue;
		if (last > first && close_range(first, i < count ? last - 1 : last, 0) < 0)
			return error_system(error, errno, "cannot close file descriptors");
		first = last + 1;
	}
	return 0;
}
