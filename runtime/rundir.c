#include "rundir.h"

#include "file.h"
#include "process.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define PATH_SIZE     32 /* bytes of a base's path */
#define LOCK_PAUSE_MS 20 /* between two looks at a lock that somebody has */

static void base_path(uid_t owner, char path[PATH_SIZE])
{
	if (owner == 0)
		(void)snprintf(path, PATH_SIZE, "/run/pyroute");
	else
		(void)snprintf(path, PATH_SIZE, "/tmp/pyroute-%u", owner);
}

static int look_at(int fd, struct stat *status)
{
	/* Once more, where it fails for want of memory: what was made just before would be left. */
	return fstat(fd, status) == 0 ? 0 : fstat(fd, status);
}

/* The owner of an open base, by which all that lies in it is judged, says its path too. */
static int owner_of(int base, char path[PATH_SIZE], uid_t *owner, struct error *error)
{
	struct stat status;

	if (look_at(base, &status) < 0)
		return error_system(error, EIO, "cannot look at the run directory");
	base_path(status.st_uid, path);
	*owner = status.st_uid;
	return 0;
}

/* For what is said of it: a path that is not known is shown as root's. Keeps errno. */
static void path_of(int base, char path[PATH_SIZE])
{
	struct error ignored;
	uid_t owner;
	int saved = errno;

	base_path(0, path);
	(void)owner_of(base, path, &owner, &ignored);
	errno = saved;
}

int rundir_id(int dir, const char *name, char id[RUNDIR_ID_SIZE], struct error *error)
{
	struct stat status;

	if (fstat(dir, &status) < 0)
		return error_system(error, errno, "cannot look at the checkout");
	(void)snprintf(id, RUNDIR_ID_SIZE, "%s%s%llx-%llx", name != NULL ? name : "",
		       name != NULL ? "+" : "", (unsigned long long)status.st_dev,
		       (unsigned long long)status.st_ino);
	return 0;
}

/* errno, but that -EPERM means one thing here: what is there is somebody else's. */
static int code_of_call(void)
{
	return errno == EPERM ? EIO : errno;
}

/* The same of what a function of file.h has said. */
static int code_of_file(struct error *error)
{
	if (error->code == EPERM)
		error->code = EIO;
	return -error->code;
}

/* Opens, then verifies, then uses: what was opened is what is looked at. */
static int open_trusted(int dir, const char *path, uid_t owner, bool make, struct error *error)
{
	CLEANUP_FD int fd = -1;
	struct stat status;

	if (make && file_directory(dir, path, owner == 0 ? 0755 : 0700, error) < 0)
		return code_of_file(error);
	fd = file_open_directory(dir, path, error);
	if (fd == -ENOTDIR || fd == -ELOOP)
		return error_set(error, EPERM, "%s is no directory; remove it", path);
	if (fd < 0)
		return code_of_file(error);
	if (look_at(fd, &status) < 0)
		return error_system(error, code_of_call(), "cannot look at %s", path);
	if (status.st_uid != owner || (status.st_mode & 022) != 0)
		return error_set(error, EPERM,
				 "%s does not belong to %s alone (uid %u, mode %03o); remove it",
				 path, owner == 0 ? "root" : "you", status.st_uid,
				 status.st_mode & 0777);
	return TAKE_FD(fd);
}

int rundir_open_base(uid_t owner, bool make, struct error *error)
{
	char path[PATH_SIZE];

	base_path(owner, path);
	return open_trusted(AT_FDCWD, path, owner, make, error);
}

int rundir_remove_base(uid_t owner, struct error *error)
{
	char path[PATH_SIZE];

	base_path(owner, path);
	if (owner != 0 && rmdir(path) < 0 && errno != ENOTEMPTY && errno != ENOENT)
		return error_system(error, errno, "cannot remove %s", path);
	return 0;
}

int rundir_open(int base, const char *id, bool make, struct error *error)
{
	char path[PATH_SIZE];
	uid_t owner = 0;
	int fd;

	if (owner_of(base, path, &owner, error) < 0)
		return -error->code;
	fd = open_trusted(base, id, owner, make, error);
	return fd < 0 ? error_prefix(error, "%s", path) : fd;
}

int rundir_open_file(int base, const char *name, int flags, struct error *error)
{
	CLEANUP_FD int file = openat(base, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	int code = file < 0 ? code_of_call() : 0;
	struct stat status;
	char path[PATH_SIZE];
	uid_t owner = 0;

	path_of(base, path);
	if (code == 0 && look_at(file, &status) < 0)
		code = EIO;
	if (code != 0)
		return error_system(error, code, "cannot open %s/%s", path, name);
	if (!S_ISREG(status.st_mode))
		return error_set(error, EINVAL, "%s/%s is no file; remove it", path, name);
	if (owner_of(base, path, &owner, error) < 0)
		return -error->code;
	/* Who may write to a file of somebody else's may make a hard link to it. */
	if (status.st_uid != owner || status.st_nlink > 1)
		return error_set(error, EINVAL, "%s/%s is not only here; remove it", path, name);
	return TAKE_FD(file);
}

static int visit_all(int base, unsigned char type, rundir_visit *visit, void *context,
		     struct error *error)
{
	int fd = openat(base, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_DIRECTORY DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	char path[PATH_SIZE];
	int result = 0;

	path_of(base, path);
	if (directory == NULL)
		return error_system(error, errno, "cannot read %s", path);
	while (result == 0) {
		errno = 0;
		entry = readdir(directory);
		if (entry == NULL)
			return errno == 0 ? 0 : error_system(error, errno, "cannot read %s", path);
		if (entry->d_type == type && entry->d_name[0] != '.')
			result = visit(context, base, entry->d_name, error);
	}
	return result;
}

int rundir_for_each(int base, rundir_visit *visit, void *context, struct error *error)
{
	return visit_all(base, DT_DIR, visit, context, error);
}

int rundir_for_each_file(int base, rundir_visit *visit, void *context, struct error *error)
{
	return visit_all(base, DT_REG, visit, context, error);
}

/* Signals cannot be waited for together with a lock. */
int rundir_pause(struct error *error)
{
	const struct timespec pause = {.tv_nsec = LOCK_PAUSE_MS * 1000000L};

	if (process_should_end())
		return error_set(error, ECANCELED,
				 "interrupted, while another start or stop was going on");
	(void)nanosleep(&pause, NULL);
	return 0;
}

int rundir_lock(int base, struct error *error)
{
	CLEANUP_FD int fd = rundir_open_file(base, "lock", O_RDONLY | O_CREAT, error);
	char path[PATH_SIZE];

	if (fd < 0)
		return fd;
	path_of(base, path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return error_system(error, errno, "cannot lock %s/lock", path);
	return TAKE_FD(fd);
}

int rundir_prefix(int base, const char *id, struct error *error)
{
	char path[PATH_SIZE];

	path_of(base, path);
	return error_prefix(error, "%s/%s", path, id);
}

int rundir_remove(int base, const char *id, struct error *error)
{
	int fd = openat(base, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	CLEANUP_DIRECTORY DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	char path[PATH_SIZE];

	if (directory == NULL && errno == ENOENT)
		return 0;
	while (directory != NULL && (entry = readdir(directory)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			(void)unlinkat(dirfd(directory), entry->d_name, 0);
	path_of(base, path);
	if (unlinkat(base, id, AT_REMOVEDIR) < 0)
		return error_system(error, errno, "cannot remove %s/%s", path, id);
	return 0;
}
