#include "rundir.h"

#include "file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#define BASE "/run/pyroute"

int rundir_id(int dir, char id[RUNDIR_ID_SIZE], struct error *error)
{
	struct stat status;

	if (fstat(dir, &status) < 0)
		return error_system(error, errno, "cannot look at the checkout");
	(void)snprintf(id, RUNDIR_ID_SIZE, "%llx-%llx", (unsigned long long)status.st_dev,
		       (unsigned long long)status.st_ino);
	return 0;
}

/* Opens, then verifies, then uses: what was opened is what is looked at. */
static int open_trusted(int dir, const char *path, bool make, struct error *error)
{
	CLEANUP_FD int fd = -1;
	struct stat status;

	if (make && file_directory(dir, path, 0755, error) < 0)
		return -error->code;
	fd = file_open_directory(dir, path, error);
	if (fd < 0)
		return fd;
	if (fstat(fd, &status) < 0)
		return error_system(error, errno, "cannot look at %s", path);
	if (status.st_uid != 0 || (status.st_mode & 022) != 0)
		return error_set(error, EPERM,
				 "%s does not belong to root alone (uid %u, mode %03o); remove it",
				 path, status.st_uid, status.st_mode & 0777);
	return TAKE_FD(fd);
}

int rundir_open_base(bool make, struct error *error)
{
	return open_trusted(AT_FDCWD, BASE, make, error);
}

int rundir_open(int base, const char *id, bool make, struct error *error)
{
	int fd = open_trusted(base, id, make, error);

	return fd < 0 ? error_prefix(error, BASE) : fd;
}

int rundir_for_each(int base, rundir_visit *visit, void *context, struct error *error)
{
	int fd = openat(base, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_DIRECTORY DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int result = 0;

	if (directory == NULL)
		return error_system(error, errno, "cannot read " BASE);
	while (result == 0 && (entry = readdir(directory)) != NULL)
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			result = visit(context, base, entry->d_name, error);
	return result;
}

int rundir_lock(int base, struct error *error)
{
	CLEANUP_FD int fd = openat(base, "lock", O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return error_system(error, errno, "cannot open " BASE "/lock");
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return error_system(error, errno, "cannot lock " BASE "/lock");
	return TAKE_FD(fd);
}

int rundir_remove(int base, const char *id, struct error *error)
{
	int fd = openat(base, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	CLEANUP_DIRECTORY DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (directory == NULL && errno == ENOENT)
		return 0;
	while (directory != NULL && (entry = readdir(directory)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			(void)unlinkat(dirfd(directory), entry->d_name, 0);
	if (unlinkat(base, id, AT_REMOVEDIR) < 0)
		return error_system(error, errno, "cannot remove " BASE "/%s", id);
	return 0;
}
