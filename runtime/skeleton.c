/* Theory of operation
 *
 * Where nobody may map the ids of a mount, a root filesystem of root's shows in a stage as what it
 * is: its owner has no id there and reads as nobody. To copy a file or directory up, overlayfs
 * gives the copy its owner, which fails for such an id (EOVERFLOW); and CAP_DAC_OVERRIDE holds over
 * files only whose owner has an id (capabilities(7), user_namespaces(7)). So the clients' root
 * could make no file in any directory of it.
 *
 * Of directories that several layers have, overlayfs takes owner and mode from the topmost
 * (kernel: Documentation/filesystems/overlayfs.rst). Hence a tmpfs with nothing but directories,
 * which belong to the clients' root, makes all of them theirs: what is in them can be removed and
 * replaced, and new things made. Of files it holds only copies of those that programs are used to
 * change where they are, or to rename: all that is small, outside /usr.
 *
 * The tree is made with the student's rights to the root filesystem, and does not extend them:
 *
 *  - A directory that they may not read stands there empty. The one below must not be looked into,
 *    for that fails, so a whiteout in a layer of its own comes between. (Such a directory could be
 *    marked as opaque, but for that a tmpfs must hold user attributes: Linux 6.6.)
 *  - A file that they may not read is made where it is empty, as locks are; any other is hidden.
 *
 * The walk follows no link and enters no other file system, and all of it is bounded. */
#include "skeleton.h"

#include "file.h"
#include "kernel.h"
#include "mount.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#define DEPTH_MAX 64 /* directories in one another; each is open twice meanwhile */

/* Bytes of the largest file that is copied, and of all of them, in whole pages. */
#define FILE_BYTES_MAX	((off_t)1 << 20)
#define FILES_BYTES_MAX ((off_t)16 << 20)

/* Of the tmpfs: the copies have room, and everything is counted. */
#define LAYER_BYTES  "24m"
#define LAYER_INODES "65536"

#define ATTRIBUTES (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

/* They come first, so that whatever else there is takes no room from their files. */
static const char *const first[] = {"etc", "root", "~", "var"};

/* Their files are not copied. Those of the latter, some 800, are never changed in place. */
static const char *const bare[] = {"usr", "var/lib/dpkg/info"};

/* A directory that the walk is in. */
struct level {
	DIR *from;
	int to;
	size_t length; /* of its path */
	bool bare;
};

struct walk {
	int hidden;
	bool counts; /* a directory's link count tells how many are in it */
	off_t room;  /* bytes of files that may yet be copied */
	size_t depth;
	struct level levels[DEPTH_MAX];
	char path[PATH_MAX]; /* of what is at hand, as in "rootfs" */
};

static void walk_pop(struct walk *walk)
{
	struct level *level = &walk->levels[--walk->depth];

	close_directory(&level->from);
	close_fd(&level->to);
}

static void walk_end(struct walk *walk)
{
	while (walk->depth > 0)
		walk_pop(walk);
	close_fd(&walk->hidden);
}
#define CLEANUP_WALK CLEANUP(walk_end)

static struct level *top_of(struct walk *walk)
{
	return &walk->levels[walk->depth - 1];
}

static int failed(const struct walk *walk, const char *what, struct error *error)
{
	return error_system(error, errno, "cannot %s /%.300s", what, walk->path);
}

static bool is_one_of(const char *path, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(path, list[i]) == 0)
			return true;
	return false;
}

/* Lets the walk's path be that of NAME in the topmost directory. */
static int go_to(struct walk *walk, const char *name, struct error *error)
{
	const size_t length = top_of(walk)->length;
	const size_t size = sizeof(walk->path) - length;

	if (snprintf(walk->path + length, size, length == 0 ? "%s" : "/%s", name) < (int)size)
		return 0;
	walk->path[length] = '\0';
	errno = ENAMETOOLONG;
	return failed(walk, "copy what is in", error);
}

/* ---- files ----------------------------------------------------------------------------------- */

static int copy_content(const struct walk *walk, int from, int to, off_t size, struct error *error)
{
	while (size > 0) {
		const ssize_t copied = sendfile(to, from, NULL, (size_t)size);

		if (copied < 0)
			return failed(walk, "copy", error);
		if (copied == 0)
			break;
		size -= copied;
	}
	return 0;
}

/* In the place of a file that may not be read. */
static int stand_in(const struct walk *walk, const struct level *top, const char *name,
		    struct error *error)
{
	struct stat status;

	if (fstatat(dirfd(top->from), name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(walk, "look at", error);
	if (S_ISREG(status.st_mode) && status.st_size == 0)
		return file_create(top->to, name, "", status.st_mode & 0777, error);
	if (mknodat(top->to, name, S_IFCHR, makedev(0, 0)) < 0)
		return failed(walk, "hide", error);
	return 0;
}

static int copy_file(struct walk *walk, const char *name, struct error *error)
{
	const struct level *top = top_of(walk);
	CLEANUP_FD int from = openat(dirfd(top->from), name,
				     O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	CLEANUP_FD int to = -1;
	struct stat status;
	off_t room;

	if (from < 0 && errno == EACCES)
		return stand_in(walk, top, name, error);
	if (from < 0 || fstat(from, &status) < 0)
		return failed(walk, "open", error);
	room = (status.st_size + 4095) & ~(off_t)4095;
	if (!S_ISREG(status.st_mode) || status.st_size > FILE_BYTES_MAX || room > walk->room)
		return 0;
	walk->room -= room;
	to = openat(top->to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (to < 0)
		return failed(walk, "make", error);
	if (copy_content(walk, from, to, status.st_size, error) < 0)
		return -error->code;
	if (fchmod(to, status.st_mode & 0777) < 0 ||
	    futimens(to, (const struct timespec[]){status.st_atim, status.st_mtim}) < 0)
		return failed(walk, "set mode and times of", error);
	return 0;
}

static int copy_link(const struct walk *walk, const struct level *top, const char *name,
		     struct error *error)
{
	char target[PATH_MAX];
	const ssize_t length = readlinkat(dirfd(top->from), name, target, sizeof(target) - 1);

	if (length < 0)
		return failed(walk, "read", error);
	target[length] = '\0';
	return symlinkat(target, top->to, name) < 0 ? failed(walk, "make", error) : 0;
}

/* ---- directories ----------------------------------------------------------------------------- */

/* Hides what the root filesystem has at the walk's path. */
static int hide(struct walk *walk, struct error *error)
{
	for (char *slash = strchr(walk->path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		int result;

		*slash = '\0';
		result = file_directory(walk->hidden, walk->path, 0755, error);
		*slash = '/';
		if (result < 0)
			return result;
	}
	if (mknodat(walk->hidden, walk->path, S_IFCHR, makedev(0, 0)) < 0)
		return failed(walk, "hide", error);
	return 0;
}

/* Whether a directory's link count is 2 and one for each directory in it. Of these file systems it
 * is so; on others (btrfs) it always is 1, or somebody else's word (NFS). */
static bool counts_directories(int dir)
{
	struct statfs status;

	return fstatfs(dir, &status) == 0 &&
	       (status.f_type == EXT4_SUPER_MAGIC || status.f_type == XFS_SUPER_MAGIC ||
		status.f_type == TMPFS_MAGIC);
}

/* Opens a directory, for which one must be allowed both to list it and to go through it. No path
 * with a link in it will do, and none into another file system. Returns -1 with errno set. */
static int open_directory(int dir, const char *name)
{
	struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
	char path[NAME_MAX + sizeof("/.")];

	(void)snprintf(path, sizeof(path), "%s/.", name);
	return kernel_openat2(dir, path, &how);
}

static bool is_bare(const struct walk *walk)
{
	return (walk->depth > 0 && walk->levels[walk->depth - 1].bare) ||
	       is_one_of(walk->path, bare, ARRAY_SIZE(bare));
}

/* Goes into the directory FROM, which is NAME in TO. The walk's path is its own. */
static int push(struct walk *walk, int *from, int to, const char *name, struct error *error)
{
	struct level *level = &walk->levels[walk->depth];

	if (walk->depth == DEPTH_MAX)
		return error_set(error, ELOOP, "/%.300s: more than %d directories in one another",
				 walk->path, DEPTH_MAX);
	*level = (struct level){.to = openat(to, name, O_PATH | O_DIRECTORY | O_CLOEXEC),
				.length = strlen(walk->path),
				.bare = is_bare(walk)};
	if (level->to >= 0)
		level->from = fdopendir(*from);
	if (level->from == NULL) {
		close_fd(&level->to);
		return failed(walk, "open", error);
	}
	*from = -1;
	walk->depth++;
	return 0;
}

/* Makes a directory, and goes into it where that is possible and of use. Most have no directory in
 * them, nor a file that is to be copied: to read those as well would take half as long again. */
static int make_directory(struct walk *walk, const char *name, struct error *error)
{
	const struct level *top = top_of(walk);
	const int dir = dirfd(top->from);
	struct stat status;
	CLEANUP_FD int from = -1;

	if (fstatat(dir, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(walk, "look at", error);
	if (file_directory(top->to, name, status.st_mode & 07777, error) < 0)
		return -error->code;
	if (walk->counts && status.st_nlink == 2 && is_bare(walk) &&
	    faccessat(dir, name, R_OK | X_OK, 0) == 0)
		return 0;
	from = open_directory(dir, name);
	if (from < 0 && errno == EACCES)
		return hide(walk, error);
	if (from < 0)
		return errno == EXDEV ? 0 : failed(walk, "open", error);
	return push(walk, &from, top->to, name, error);
}

/* ---- the walk -------------------------------------------------------------------------------- */

static unsigned char kind_of(const struct level *top, const struct dirent *entry)
{
	struct stat status;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type;
	if (fstatat(dirfd(top->from), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return DT_UNKNOWN;
	return (unsigned char)IFTODT(status.st_mode);
}

static int take_entry(struct walk *walk, const struct dirent *entry, struct error *error)
{
	const struct level *top = top_of(walk);
	const unsigned char kind = kind_of(top, entry);

	if (kind != DT_DIR && (top->bare || (kind != DT_REG && kind != DT_LNK)))
		return 0;
	if (go_to(walk, entry->d_name, error) < 0)
		return -error->code;
	if (kind == DT_REG)
		return copy_file(walk, entry->d_name, error);
	if (kind == DT_LNK)
		return copy_link(walk, top, entry->d_name, error);
	return make_directory(walk, entry->d_name, error);
}

static bool is_wanted(const struct walk *walk, const char *name)
{
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       (walk->depth > 1 || !is_one_of(name, first, ARRAY_SIZE(first)));
}

/* Takes all that is in the topmost directory and below, and leaves it. */
static int take_topmost(struct walk *walk, struct error *error)
{
	const size_t depth = walk->depth;

	while (walk->depth >= depth) {
		const struct level *top = top_of(walk);
		const struct dirent *entry;

		errno = 0;
		entry = readdir(top->from);
		if (entry != NULL) {
			if (is_wanted(walk, entry->d_name) && take_entry(walk, entry, error) < 0)
				return -error->code;
			continue;
		}
		walk->path[top->length] = '\0';
		if (errno != 0)
			return failed(walk, "read", error);
		walk_pop(walk);
	}
	return 0;
}

static int take_first(struct walk *walk, struct error *error)
{
	for (size_t i = 0; i < ARRAY_SIZE(first); i++) {
		struct stat status;

		if (fstatat(dirfd(top_of(walk)->from), first[i], &status, AT_SYMLINK_NOFOLLOW) <
			    0 ||
		    !S_ISDIR(status.st_mode))
			continue;
		if (go_to(walk, first[i], error) < 0 || make_directory(walk, first[i], error) < 0)
			return -error->code;
		if (walk->depth > 1 && take_topmost(walk, error) < 0)
			return -error->code;
	}
	return 0;
}

static int fill(int base, struct error *error)
{
	CLEANUP_FD int from = openat(base, "rootfs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_WALK struct walk walk = {.hidden =
						 file_open_directory(base, SKELETON_HIDDEN, error),
					 .counts = counts_directories(from),
					 .room = FILES_BYTES_MAX};

	if (walk.hidden < 0)
		return walk.hidden;
	if (from < 0)
		return failed(&walk, "open", error);
	if (push(&walk, &from, base, SKELETON_TREE, error) < 0 || take_first(&walk, error) < 0)
		return -error->code;
	return take_topmost(&walk, error);
}

int skeleton_make(int base, struct error *error)
{
	static const struct mount_option options[] = {
		{"mode", "0755"}, {"size", LAYER_BYTES}, {"nr_inodes", LAYER_INODES}, {NULL, NULL}};
	CLEANUP_FD int mount = mount_new("tmpfs", options, ATTRIBUTES, error);

	if (mount < 0 || file_directory(base, "skeleton", 0755, error) < 0 ||
	    mount_attach(mount, base, "skeleton", error) < 0 ||
	    file_directory(base, SKELETON_TREE, 0755, error) < 0 ||
	    file_directory(base, SKELETON_HIDDEN, 0755, error) < 0)
		return -error->code;
	if (fill(base, error) < 0)
		return error_prefix(error, "the layer over the root filesystem");
	return mount_protect(mount, 0, MOUNT_ATTR_RDONLY, error);
}

int skeleton_is_in(int base, struct error *error)
{
	if (faccessat(base, "skeleton", F_OK, 0) == 0)
		return 1;
	return errno == ENOENT ? 0 : error_system(error, errno, "cannot look for the skeleton");
}
