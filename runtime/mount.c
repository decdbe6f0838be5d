#include "mount.h"

#include "kernel.h"

#include <fcntl.h>
#include <sys/stat.h>

/* What the kernel wrote about the last failure on a file system context: "e overlay: ..." */
static void context_message(int context, char *text, size_t size)
{
	ssize_t length = read(context, text, size - 1);

	text[length > 0 ? length : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
}

static int context_failed(int context, const char *type, const char *step, struct error *error)
{
	int code = errno;
	char text[200];

	context_message(context, text, sizeof(text));
	if (text[0] == '\0')
		return error_system(error, code, "cannot make a file system of type %s (%s)", type,
				    step);
	return error_system(error, code, "cannot make a file system of type %s (%s, %s)", type,
			    step, text);
}

int mount_new(const char *type, const struct mount_option *options, unsigned attributes,
	      struct error *error)
{
	CLEANUP_FD int context = fsopen(type, FSOPEN_CLOEXEC);
	int mount;

	if (context < 0)
		return error_system(error, errno, "this kernel has no file system of type %s",
				    type);
	for (; options != NULL && options->key != NULL; options++) {
		unsigned command = options->value != NULL ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;

		if (fsconfig(context, command, options->key, options->value, 0) < 0)
			return context_failed(context, type, options->key, error);
	}
	if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return context_failed(context, type, "create", error);
	mount = fsmount(context, FSMOUNT_CLOEXEC, attributes);
	if (mount < 0)
		return context_failed(context, type, "mount", error);
	return mount;
}

int mount_copy(int dir, const char *path, unsigned flags, struct error *error)
{
	int mount = open_tree(dir, path,
			      flags | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
				      AT_SYMLINK_NOFOLLOW);

	if (mount < 0)
		return error_system(error, errno, "cannot copy the mount of %s", path);
	return mount;
}

int mount_source_of(int dir, struct mount_source *source, struct error *error)
{
	char link[sizeof("/proc/self/fd/-2147483648")];
	struct stat status;
	ssize_t length;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	length = readlink(link, source->path, sizeof(source->path));
	if (length < 0 || fstat(dir, &status) < 0)
		return error_system(error, errno, "cannot tell where a folder is");
	if ((size_t)length == sizeof(source->path))
		return error_set(error, ENAMETOOLONG, "the path of a folder is too long");
	source->path[length] = '\0';
	source->device = status.st_dev;
	source->inode = status.st_ino;
	return 0;
}

int mount_copy_source(const struct mount_source *source, uint64_t attributes, struct error *error)
{
	CLEANUP_FD int mount = mount_copy(AT_FDCWD, source->path, 0, error);
	struct stat status;

	if (mount == -EINVAL)
		return error_set(error, EINVAL,
				 "cannot show %s in a client: something is mounted below it, which "
				 "only root may leave out; unmount that, or use sudo",
				 source->path);
	if (mount < 0)
		return mount;
	if (fstat(mount, &status) < 0)
		return error_system(error, errno, "cannot look at %s", source->path);
	if (status.st_dev != source->device || status.st_ino != source->inode)
		return error_set(error, ESTALE, "%s was replaced meanwhile; try again",
				 source->path);
	if (mount_protect(mount, 0, attributes, error) < 0)
		return error_prefix(error, "%s", source->path);
	return TAKE_FD(mount);
}

int mount_protect(int mount, unsigned flags, uint64_t attributes, struct error *error)
{
	struct mount_attr change = {.attr_set = attributes, .propagation = MS_PRIVATE};

	if (mount_setattr(mount, "", AT_EMPTY_PATH | flags, &change, sizeof(change)) < 0)
		return error_system(error, errno, "cannot protect a mount");
	return 0;
}

int mount_map(int mount, int user_ns, uint64_t attributes, struct error *error)
{
	struct mount_attr change = {.attr_set = attributes | MOUNT_ATTR_IDMAP,
				    .propagation = MS_PRIVATE,
				    .userns_fd = (unsigned)user_ns};

	if (mount_setattr(mount, "", AT_EMPTY_PATH, &change, sizeof(change)) < 0)
		return error_system(error, errno,
				    "cannot map the ids of a mount (Linux 5.12 or newer and a file "
				    "system that can are needed, such as ext4, xfs or btrfs)");
	return 0;
}

/* The fifth field of a line of mountinfo is the mount point (proc(5)); a blank in it is \\040. */
static const char *mount_point_of(char *line)
{
	char *rest = line;
	const char *field = NULL;

	for (int i = 0; i < 5; i++)
		field = strsep(&rest, " ");
	return field != NULL ? field : "";
}

static bool is_below(const char *point, const char *above)
{
	size_t length = strlen(above);

	return strncmp(point, above, length) == 0 && point[length] == '/';
}

static bool is_excepted(const char *point, const char *const *except)
{
	for (; *except != NULL; except++)
		if (strcmp(point, *except) == 0 || is_below(point, *except))
			return true;
	return false;
}

static void prepend_word(char *text, size_t size, const char *word)
{
	const size_t length = strlen(word);
	const size_t gap = text[0] != '\0';

	if (length + gap + strlen(text) + 1 > size)
		return;
	memmove(text + length + gap, text, strlen(text) + 1);
	for (size_t i = 0; i < length; i++)
		text[i] = word[i];
	if (gap > 0)
		text[length] = ' ';
}

int mount_list_below(const char *above, const char *const *except, char *text, size_t size,
		     size_t *count, struct error *error)
{
	CLEANUP_STREAM FILE *mounts = fopen("/proc/self/mountinfo", "re");
	CLEANUP_FREE char *line = NULL;
	size_t room = 0;

	text[0] = '\0';
	*count = 0;
	if (mounts == NULL)
		return error_system(error, errno, "cannot open /proc/self/mountinfo");
	while (getline(&line, &room, mounts) > 0) {
		const char *point = mount_point_of(line);

		if (!is_below(point, above) || is_excepted(point, except))
			continue;
		(*count)++;
		prepend_word(text, size, point);
	}
	return 0;
}

int mount_isolate(struct error *error)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return error_system(error, errno, "cannot make the mounts private");
	return 0;
}

int mount_follow(struct error *error)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return error_system(error, errno, "cannot make the mounts follow the others");
	return 0;
}

int mount_target(int root, const char *path, struct error *error)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC | O_NOFOLLOW,
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	int fd = kernel_openat2(root, path, &how);

	if (fd < 0)
		return error_system(error, errno, "cannot open /%s", path);
	return fd;
}

int mount_attach(int mount, int root, const char *path, struct error *error)
{
	CLEANUP_FD int target = mount_target(root, path, error);

	if (target < 0)
		return target;
	if (move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) <
	    0)
		return error_system(error, errno, "cannot mount on /%s", path);
	return 0;
}

int mount_attach_in_kernel_fs(int mount, int fs, const char *path, struct error *error)
{
	if (move_mount(mount, "", fs, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_system(error, errno, "cannot mount on %s in /proc or /sys", path);
	return 0;
}

int mount_become_root(int root, struct error *error)
{
	if (fchdir(root) < 0)
		return error_system(error, errno, "cannot go to the new root");
	/* With both arguments ".", the old root ends up on top of the new one, where "." then is:
	 * no directory for it is needed (pivot_root(2), NOTES). */
	if (kernel_pivot_root(".", ".") < 0)
		return error_system(error, errno, "cannot change the root");
	if (umount2(".", MNT_DETACH) < 0)
		return error_system(error, errno, "cannot let go of the old root");
	if (chdir("/") < 0)
		return error_system(error, errno, "cannot go to /");
	return 0;
}
