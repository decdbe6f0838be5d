#include "cgroup.h"

#include "file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#define BURIAL_TRIES 100 /* of 10 ms each */

/* One tree of groups and the files of ours in it. Version 2 is one tree, version 1 one for each
 * controller. Who enters alone by "tasks" need not wait until no process of the computer is about
 * to fork, which takes an RCU grace period of some 10 ms (cgroup_procs_write_start() in
 * kernel/cgroup/cgroup.c); in version 2 only who is born in a group need not. */
struct tree {
	const char *mount;
	const char *door;	  /* the file by which a process of one thread enters */
	const char *memory_limit; /* NULL: not in this tree */
	const char *memory_usage;
	const char *swap_limit; /* where the kernel counts swap */
	const char *swap_value; /* NULL: that of the memory limit, which counts both */
	const char *pids_limit;
};

static const struct tree unified[] = {
	{"/sys/fs/cgroup", "cgroup.procs", "memory.max", "memory.current", "memory.swap.max", "0",
	 "pids.max"},
};

static const struct tree separate[] = {
	{"/sys/fs/cgroup/memory", "tasks", "memory.limit_in_bytes", "memory.usage_in_bytes",
	 "memory.memsw.limit_in_bytes", NULL, NULL},
	{"/sys/fs/cgroup/pids", "tasks", NULL, NULL, NULL, NULL, "pids.max"},
};

bool cgroup_is_unified(void)
{
	static const char path[] = "/sys/fs/cgroup/cgroup.controllers";

	/* Where the look itself fails, for want of memory, it is made again: an answer there must
	 * be. */
	return access(path, F_OK) == 0 || (errno != ENOENT && access(path, F_OK) == 0);
}

static const struct tree *trees(size_t *count)
{
	if (cgroup_is_unified()) {
		*count = ARRAY_SIZE(unified);
		return unified;
	}
	*count = ARRAY_SIZE(separate);
	return separate;
}

void cgroup_doors_close(struct cgroup_doors *doors)
{
	for (size_t i = 0; i < doors->count; i++)
		close_fd(&doors->fd[i]);
	doors->count = 0;
}

/* In version 2 a group's children are limited only where its controllers are handed down. */
static int hand_down(const struct tree *tree, int dir, struct error *error)
{
	char now[256];

	if (tree != unified)
		return 0;
	if (file_read(dir, "cgroup.subtree_control", now, sizeof(now), error) < 0)
		return -error->code;
	if (strstr(now, "memory") != NULL && strstr(now, "pids") != NULL)
		return 0;
	return file_write(dir, "cgroup.subtree_control", "+memory +pids", error);
}

static int not_supported(const struct tree *tree, const struct error *cause, struct error *error)
{
	return error_set(error, ENOTSUP,
			 "this machine cannot limit a client's memory and processes: no control "
			 "groups at %s (%s)",
			 tree->mount, cause->text);
}

/* What a journal holds is believed only where it names a group as cgroup_settle() does: anybody may
 * have written it. */
static int check_parent(const char *parent, struct error *error)
{
	const char *at = parent;

	while (true) {
		size_t length = strcspn(at, "/");

		if (length == 0 || strncmp(at, ".", length) == 0 || strncmp(at, "..", length) == 0)
			break;
		if (at[length] == '\0' && strncmp(at, CGROUP_PREFIX, strlen(CGROUP_PREFIX)) == 0)
			return 0;
		if (at[length] == '\0')
			break;
		at += length + 1;
	}
	return error_set(error, EINVAL, "%.200s is no control group of pyroute's", parent);
}

/* Opens the group that holds the group PATH. *NAME becomes the latter's name in it. */
static int open_place(const struct tree *tree, const char *path, const char **name,
		      struct error *error)
{
	const char *slash = strrchr(path, '/');
	char place[CGROUP_PATH_SIZE + CGROUP_NAME_SIZE];

	*name = slash == NULL ? path : slash + 1;
	(void)snprintf(place, sizeof(place), "%s%s%.*s", tree->mount, slash == NULL ? "" : "/",
		       slash == NULL ? 0 : (int)(slash - path), path);
	return file_open_directory(AT_FDCWD, place, error);
}

int cgroup_create_parent(const char *parent, struct error *error)
{
	const char *name;
	size_t count;
	const struct tree *tree = trees(&count);

	for (size_t i = 0; i < count; i++) {
		struct error cause = {0};
		CLEANUP_FD int place = open_place(&tree[i], parent, &name, &cause);
		CLEANUP_FD int dir = -1;

		if (place < 0 || hand_down(&tree[i], place, &cause) < 0 ||
		    file_directory(place, name, 0755, &cause) < 0)
			return not_supported(&tree[i], &cause, error);
		dir = file_open_directory(place, name, &cause);
		if (dir < 0 || hand_down(&tree[i], dir, &cause) < 0)
			return not_supported(&tree[i], &cause, error);
	}
	return 0;
}

/* Both controllers must be there, and be handed down or such that they can be: in a group that is
 * not the machine's topmost (it has a cgroup.type) only where no process lives in it (cgroups(7),
 * "no internal processes"). */
int cgroup_check_controllers(int dir, struct error *error)
{
	char now[256];

	if (file_read(dir, "cgroup.controllers", now, sizeof(now), error) < 0)
		return -error->code;
	if (strstr(now, "memory") == NULL || strstr(now, "pids") == NULL)
		return error_set(error, ENOTSUP, "of memory and pids there is only \"%s\"", now);
	if (file_read(dir, "cgroup.subtree_control", now, sizeof(now), error) < 0)
		return -error->code;
	if ((strstr(now, "memory") != NULL && strstr(now, "pids") != NULL) ||
	    faccessat(dir, "cgroup.type", F_OK, 0) < 0)
		return 0;
	if (file_read(dir, "cgroup.procs", now, sizeof(now), error) < 0)
		return error->code == EFBIG ? -EBUSY : -error->code;
	if (now[0] != '\0')
		return error_set(error, EBUSY,
				 "processes live in it, so that it hands no limits down");
	return 0;
}

/* Makes the group NAME, sees whether it has what version 1 limits by, and removes it. */
static int try_group(const struct tree *tree, int top, const char *name, struct error *error)
{
	const char *limit = tree->memory_limit != NULL ? tree->memory_limit : tree->pids_limit;
	char path[CGROUP_NAME_SIZE + 32];
	int result = 0;

	if (file_directory(top, name, 0755, error) < 0)
		return -error->code;
	(void)snprintf(path, sizeof(path), "%s/%s", name, limit);
	if (tree != unified && faccessat(top, path, F_OK, 0) < 0)
		result = error_system(error, errno, "there is no %s", limit);
	(void)unlinkat(top, name, AT_REMOVEDIR);
	return result;
}

int cgroup_try(const char *name, struct error *error)
{
	size_t count;
	const struct tree *tree = trees(&count);

	for (size_t i = 0; i < count; i++) {
		struct error cause = {0};
		CLEANUP_FD int top = file_open_directory(AT_FDCWD, tree[i].mount, &cause);

		if (top < 0 || (&tree[i] == unified && cgroup_check_controllers(top, &cause) < 0))
			return not_supported(&tree[i], &cause, error);
		if (try_group(&tree[i], top, name, &cause) == 0)
			continue;
		if (cause.code != EACCES && cause.code != EPERM)
			return not_supported(&tree[i], &cause, error);
		*error = cause;
		return error_prefix(error, "control groups at %s", tree[i].mount);
	}
	return tree == unified ? 2 : 1;
}

/* MEMORY is that limit. A kernel that does not count swap has no such file. */
static int limit_swap(const struct tree *tree, int dir, const char *memory, struct error *error)
{
	int result = file_write(dir, tree->swap_limit,
				tree->swap_value != NULL ? tree->swap_value : memory, error);

	return result == -ENOENT ? 0 : result;
}

static int set_limits(const struct tree *tree, int dir, const struct cgroup_limits *limits,
		      struct error *error)
{
	char text[32];
	int result = 0;

	if (tree->memory_limit != NULL) {
		(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)limits->memory);
		result = file_write(dir, tree->memory_limit, text, error);
		if (result == 0)
			result = limit_swap(tree, dir, text, error);
	}
	if (result == 0 && tree->pids_limit != NULL) {
		(void)snprintf(text, sizeof(text), "%u", limits->pids);
		result = file_write(dir, tree->pids_limit, text, error);
	}
	return result;
}

static int create_in(const struct tree *tree, const char *parent, const char *name,
		     const struct cgroup_limits *limits, bool births, struct cgroup_doors *doors,
		     struct error *error)
{
	char path[CGROUP_PATH_SIZE + CGROUP_NAME_SIZE];
	CLEANUP_FD int dir = -1;
	int door;

	(void)snprintf(path, sizeof(path), "%s/%s/%s", tree->mount, parent, name);
	if (file_directory(AT_FDCWD, path, 0755, error) < 0)
		return -error->code;
	dir = file_open_directory(AT_FDCWD, path, error);
	if (dir < 0 || set_limits(tree, dir, limits, error) < 0)
		return error_prefix(error, "control group %.200s", path);
	door = openat(dir, tree->door, O_WRONLY | O_CLOEXEC);
	if (door < 0)
		return error_system(error, errno, "cannot open %.200s/%s", path, tree->door);
	doors->fd[doors->count++] = door;
	if (births && tree == unified)
		doors->fd[doors->count++] = TAKE_FD(dir);
	return 0;
}

int cgroup_create(const char *parent, const char *name, const struct cgroup_limits *limits,
		  bool births, struct cgroup_doors *doors, struct error *error)
{
	CLEANUP_CGROUP_DOORS struct cgroup_doors made = {.count = 0};
	size_t count;
	const struct tree *tree = trees(&count);

	for (size_t i = 0; i < count; i++)
		if (create_in(&tree[i], parent, name, limits, births, &made, error) < 0)
			return -error->code;
	*doors = made;
	made.count = 0;
	return 0;
}

int cgroup_birthplace(const struct cgroup_doors *doors)
{
	const int last = doors->count > 0 ? doors->fd[doors->count - 1] : -1;
	struct stat status;

	return last >= 0 && fstat(last, &status) == 0 && S_ISDIR(status.st_mode) ? last : -1;
}

void cgroup_close_birthplace(struct cgroup_doors *doors)
{
	if (cgroup_birthplace(doors) >= 0)
		close_fd(&doors->fd[--doors->count]);
}

int cgroup_open_birthplace(const char *parent, const char *name)
{
	char path[CGROUP_PATH_SIZE + CGROUP_NAME_SIZE];
	struct error ignored;
	int dir;

	if (!cgroup_is_unified() || check_parent(parent, &ignored) < 0)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/%s/%s", unified[0].mount, parent, name);
	dir = file_open_directory(AT_FDCWD, path, &ignored);
	return dir < 0 ? -1 : dir;
}

int cgroup_enter(const struct cgroup_doors *doors, struct error *error)
{
	return cgroup_admit(doors, 0, error);
}

int cgroup_admit(const struct cgroup_doors *doors, pid_t pid, struct error *error)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", (int)pid);
	const size_t files = doors->count - (cgroup_birthplace(doors) < 0 ? 0 : 1);

	for (size_t i = 0; i < files; i++)
		if (write(doors->fd[i], text, (size_t)length) < 0)
			return error_system(error, errno, "cannot enter the control group");
	return 0;
}

static int remove_group(int dir, const char *name, struct error *error)
{
	for (int i = 0; i < BURIAL_TRIES; i++) {
		if (unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (errno != EBUSY)
			break;
		(void)poll(NULL, 0, 10);
	}
	return error_system(error, errno, "cannot remove the control group %.200s", name);
}

static int remove_children(int top, const char *parent, struct error *error)
{
	int fd = openat(top, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	CLEANUP_DIRECTORY DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (directory == NULL)
		return errno == ENOENT ? 0
				       : error_system(error, errno,
						      "cannot open the control group %s", parent);
	while ((entry = readdir(directory)) != NULL) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (remove_group(dirfd(directory), entry->d_name, error) < 0)
			return -error->code;
	}
	return 0;
}

int cgroup_remove(const char *parent, struct error *error)
{
	size_t count;
	const struct tree *tree = trees(&count);
	int result = 0;

	if (check_parent(parent, error) < 0)
		return -error->code;
	for (size_t i = 0; i < count; i++) {
		struct error cause = {0};
		CLEANUP_FD int top = file_open_directory(AT_FDCWD, tree[i].mount, &cause);

		if (top == -ENOENT) /* no tree, no group */
			continue;
		if (top < 0) {
			*error = cause;
			result = -error->code;
			continue;
		}
		if (remove_children(top, parent, error) < 0 || remove_group(top, parent, error) < 0)
			result = -error->code;
	}
	return result;
}

int cgroup_memory(const char *parent, const char *name, uint64_t *bytes, struct error *error)
{
	size_t count;
	const struct tree *tree = trees(&count);
	char path[CGROUP_PATH_SIZE + CGROUP_NAME_SIZE];
	char text[32];
	char *end;

	(void)snprintf(path, sizeof(path), "%s/%s/%s/%s", tree->mount, parent, name,
		       tree->memory_usage);
	if (file_read(AT_FDCWD, path, text, sizeof(text), error) < 0)
		return -error->code;
	errno = 0;
	*bytes = strtoull(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0')
		return error_set(error, EINVAL, "%.200s holds \"%s\", which is no number", path,
				 text);
	return 0;
}
