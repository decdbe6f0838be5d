/* Theory of operation
 *
 * The keeper's mount namespace is a template. Its root is a tmpfs of a few directories:
 *
 *	/rootfs		the Debian root file system, read-only, ids mapped
 *	/skeleton	where its ids cannot be mapped: a layer over it that is the clients' root's
 *	/src		the student's code, ids mapped
 *	/dev		a read-only tmpfs: device nodes (bound from the host's, for a user namespace
 *			may not make any), links, and mount points
 *	/proc, /sys	of the keeper's own: the kernel lets a user namespace mount these only where
 *			it already sees them whole (mount_too_revealing() in fs/namespace.c)
 *	/common		what the clients' roots have in common above that (overlay.h)
 *	/upper, /root	empty
 *	/empty		empty for good, and read-only: what directories are covered by
 *
 * A client's first process gets a copy of it with its mount namespace, for the price of a dozen
 * mounts, puts a tmpfs on /upper and an overlay of both on /root, moves /dev and /src there, mounts
 * what must be its own, and makes /root its root; the rest goes with the old one.
 *
 * Every directory that something is mounted on is in a layer above the rootfs, /common. So it is a
 * real directory whatever the rootfs has in that place: a link planted there is hidden by it, never
 * followed (CVE-2021-30465, CVE-2025-31133). For the same reason the generated files of /etc are in
 * these layers before the overlay is there. */
#include "root.h"

#include "file.h"
#include "mount.h"
#include "ns.h"
#include "overlay.h"
#include "skeleton.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define ATTRIBUTES_PLAIN (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define ATTRIBUTES_DATA	 (ATTRIBUTES_PLAIN | MOUNT_ATTR_NOEXEC)

#define TTY "5" /* the group of terminals: base-passwd(8) fixes it */

/* With the overlay's tmpfs it stays below a client's memory limit. */
#define SHM_BYTES  "64m"
#define SHM_INODES "16384"

static const struct {
	const char *name;
	unsigned major;
	unsigned minor;
} devices[] = {
	{"null", 1, 3},	  {"zero", 1, 5},    {"full", 1, 7},
	{"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
};

static const struct {
	const char *name;
	const char *target;
} device_links[] = {
	{"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
	{"stderr", "/proc/self/fd/2"}, {"ptmx", "pts/ptmx"},
};

/* Parts of /proc and /sys that tell about the host or reach it. The list is what container engines
 * agree on, and some more; what this kernel does not have is passed over. */
static const char *const masked[] = {
	"proc/acpi",	    "proc/asound",	  "proc/interrupts",
	"proc/kallsyms",    "proc/kcore",	  "proc/keys",
	"proc/kmsg",	    "proc/kpagecgroup",	  "proc/kpagecount",
	"proc/kpageflags",  "proc/latency_stats", "proc/sched_debug",
	"proc/scsi",	    "proc/sysrq-trigger", "proc/timer_list",
	"proc/timer_stats", "sys/firmware",	  "sys/devices/virtual/powercap",
	"sys/fs/cgroup",
};

static const char *const read_only[] = {
	"proc/bus", "proc/fs", "proc/irq",
	"proc/sys/net/netfilter/nf_hooks_lwtunnel", /* writing it changes the host */
};

/* ---- the keeper's root --------------------------------------------------------------------- */

/* Binds one of the host's device nodes, once it is seen to be that device. */
static int bind_device(int dev, size_t i, struct error *error)
{
	char path[32];
	struct stat status;
	CLEANUP_FD int mount = -1;

	(void)snprintf(path, sizeof(path), "/dev/%s", devices[i].name);
	mount = mount_copy(AT_FDCWD, path, 0, error);
	if (mount < 0)
		return mount;
	if (fstat(mount, &status) < 0 || !S_ISCHR(status.st_mode) ||
	    status.st_rdev != makedev(devices[i].major, devices[i].minor))
		return error_set(error, ENODEV, "%s of this computer is not the device %u:%u", path,
				 devices[i].major, devices[i].minor);
	if (mount_protect(mount, 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, error) < 0)
		return -error->code;
	if (file_create(dev, devices[i].name, "", 0444, error) < 0)
		return -error->code;
	return mount_attach(mount, dev, devices[i].name, error);
}

static int fill_dev(int dev, struct error *error)
{
	static const char *const directories[] = {"pts", "shm", "mqueue"};

	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		if (file_directory(dev, directories[i], 0755, error) < 0)
			return -error->code;
	for (size_t i = 0; i < ARRAY_SIZE(device_links); i++)
		if (symlinkat(device_links[i].target, dev, device_links[i].name) < 0)
			return error_system(error, errno, "cannot make the link /dev/%s",
					    device_links[i].name);
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		if (bind_device(dev, i, error) < 0)
			return -error->code;
	return mount_protect(dev, 0, MOUNT_ATTR_RDONLY, error);
}

static int make_dev(int root, struct error *error)
{
	static const struct mount_option options[] = {
		{"mode", "0755"}, {"size", "64k"}, {NULL, NULL}};
	CLEANUP_FD int dev =
		mount_new("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, error);
	int result = dev;

	if (result >= 0)
		result = mount_attach(dev, root, "dev", error);
	if (result >= 0)
		result = fill_dev(dev, error);
	return result;
}

/* Mounts a kernel file system of TYPE at PATH of ROOT. */
static int make_kernel_fs(int root, const char *type, const char *path,
			  const struct mount_option *options, uint64_t attributes,
			  struct error *error)
{
	CLEANUP_FD int mount = mount_new(type, options, (unsigned)attributes, error);

	return mount < 0 ? mount : mount_attach(mount, root, path, error);
}

/* Puts an empty tmpfs over all that this namespace shows of the host, and returns it. What lies
 * below is still reachable by "/" until mount_become_root(). */
static int make_bare_root(struct error *error)
{
	static const struct mount_option options[] = {
		{"mode", "0700"}, {"size", "64k"}, {NULL, NULL}};
	static const char *const directories[] = {"rootfs", "common", "src",  "dev",  "proc",
						  "sys",    "upper",  "root", "empty"};
	CLEANUP_FD int root = mount_new("tmpfs", options, ATTRIBUTES_DATA, error);

	if (root < 0)
		return root;
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		if (file_directory(root, directories[i], 0755, error) < 0)
			return -error->code;
	if (move_mount(root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return error_system(error, errno, "cannot mount a root of our own");
	return TAKE_FD(root);
}

/* A root filesystem that is not the clients' root's gets a layer that is. */
static int cover_rootfs(int root, struct error *error)
{
	struct stat status;

	if (fstatat(root, "rootfs", &status, 0) < 0)
		return error_system(error, errno, "cannot look at the root filesystem");
	return status.st_uid == 0 ? 0 : skeleton_make(root, error);
}

static int make_empty(int root, struct error *error)
{
	CLEANUP_FD int empty = mount_copy(root, "empty", 0, error);

	if (empty < 0 || mount_protect(empty, 0, MOUNT_ATTR_RDONLY, error) < 0)
		return -error->code;
	return mount_attach(empty, root, "empty", error);
}

static int make_common(int root, const struct stage *stage, struct error *error)
{
	const struct overlay_place place = {.base = root, .owner = 0, .in_user_namespace = true};

	return overlay_make_common(&place, stage, error);
}

int root_make_for_keeper(const struct stage *stage, int rootfs, int src, struct error *error)
{
	CLEANUP_FD int root = -1;
	int result = mount_isolate(error);

	if (result == 0)
		result = root = make_bare_root(error);
	if (result >= 0)
		result = make_kernel_fs(root, "proc", "proc", NULL, ATTRIBUTES_DATA, error);
	if (result >= 0)
		result = make_kernel_fs(root, "sysfs", "sys", NULL,
					ATTRIBUTES_DATA | MOUNT_ATTR_RDONLY, error);
	if (result >= 0)
		result = make_dev(root, error);
	if (result >= 0)
		result = mount_attach(rootfs, root, "rootfs", error);
	if (result >= 0)
		result = cover_rootfs(root, error);
	if (result >= 0)
		result = make_common(root, stage, error);
	if (result >= 0)
		result = mount_attach(src, root, "src", error);
	if (result >= 0)
		result = make_empty(root, error);
	if (result >= 0)
		result = mount_become_root(root, error);
	return result;
}

int root_make_for_overlays(int rootfs, struct error *error)
{
	CLEANUP_FD int root = -1;

	if (unshare(CLONE_NEWNS) < 0)
		return error_system(error, errno, "cannot make a mount namespace");
	if (mount_isolate(error) < 0)
		return -error->code;
	root = make_bare_root(error);
	if (root < 0 || mount_attach(rootfs, root, "rootfs", error) < 0)
		return -error->code;
	return TAKE_FD(root);
}

_Static_assert(ARRAY_SIZE(masked) == ROOT_MASKED && ARRAY_SIZE(read_only) == ROOT_READ_ONLY,
	       "a survey has room for each");

/* Whether PATH is there, as KIND (the bits S_IFMT of a mode); 0: it is not. */
static int find_kind(int root, const char *path, mode_t *kind, struct error *error)
{
	struct stat status = {.st_mode = 0};

	if (fstatat(root, path, &status, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
		return error_system(error, errno, "cannot look at /%s", path);
	*kind = status.st_mode & S_IFMT;
	return 0;
}

int root_survey(struct root_survey *survey, struct error *error)
{
	CLEANUP_FD int root = file_open_directory(AT_FDCWD, "/", error);
	int has_tty = root < 0 ? root : ns_has_group((gid_t)strtoul(TTY, NULL, 10), error);
	mode_t kind = 0;

	*survey = (struct root_survey){.has_tty = has_tty > 0};
	if (has_tty < 0)
		return has_tty;
	for (size_t i = 0; i < ARRAY_SIZE(masked); i++) {
		if (find_kind(root, masked[i], &kind, error) < 0)
			return -error->code;
		if (kind != 0)
			survey->masked[i] = S_ISDIR(kind) ? "/empty" : "/dev/null";
	}
	for (size_t i = 0; i < ARRAY_SIZE(read_only); i++) {
		if (find_kind(root, read_only[i], &kind, error) < 0)
			return -error->code;
		survey->read_only[i] = kind != 0;
	}
	return 0;
}

/* ---- a client's root ----------------------------------------------------------------------- */

static int move_in(const char *from, int root, const char *to, struct error *error)
{
	CLEANUP_FD int mount = mount_copy(AT_FDCWD, from, AT_RECURSIVE, error);

	return mount < 0 ? mount : mount_attach(mount, root, to, error);
}

int root_make_proc(struct error *error)
{
	return mount_new("proc", NULL, ATTRIBUTES_DATA, error);
}

static int make_own_mounts(int root, const struct root_survey *survey, struct error *error)
{
	const struct mount_option pts[] = {{"newinstance", NULL},
					   {"ptmxmode", "0666"},
					   {"mode", "0620"},
					   {survey->has_tty ? "gid" : NULL, TTY}, /* else its own */
					   {NULL, NULL}};
	static const struct mount_option shm[] = {
		{"mode", "1777"}, {"size", SHM_BYTES}, {"nr_inodes", SHM_INODES}, {NULL, NULL}};
	const struct {
		const char *type;
		const char *path;
		const struct mount_option *options;
		uint64_t attributes;
	} own[] = {
		{"sysfs", "sys", NULL, ATTRIBUTES_DATA | MOUNT_ATTR_RDONLY},
		{"devpts", "dev/pts", pts, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC},
		{"tmpfs", "dev/shm", shm, ATTRIBUTES_DATA},
		{"mqueue", "dev/mqueue", NULL, ATTRIBUTES_DATA},
	};

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (make_kernel_fs(root, own[i].type, own[i].path, own[i].options,
				   own[i].attributes, error) < 0)
			return -error->code;
	return 0;
}

/* The client's own procfs and sysfs, open. */
struct kernel_fs {
	int proc;
	int sys;
};

/* Which of them has one of the paths above, and how it is called there. */
static int place_of(const struct kernel_fs *fs, const char *path, const char **below)
{
	*below = strchr(path, '/') + 1;
	return path[0] == 'p' ? fs->proc : fs->sys;
}

/* /proc/sys read-only, but for /proc/sys/net, which is this network namespace's own. */
static int protect_sysctls(int proc, struct error *error)
{
	CLEANUP_FD int net = mount_copy(proc, "sys/net", 0, error);
	CLEANUP_FD int sys = net < 0 ? -1 : mount_copy(proc, "sys", 0, error);

	if (sys < 0 || mount_protect(sys, 0, MOUNT_ATTR_RDONLY, error) < 0 ||
	    mount_attach_in_kernel_fs(sys, proc, "sys", error) < 0)
		return -error->code;
	return mount_attach_in_kernel_fs(net, proc, "sys/net", error);
}

static int protect_path(const struct kernel_fs *fs, const char *path, struct error *error)
{
	const char *below;
	const int place = place_of(fs, path, &below);
	CLEANUP_FD int mount = mount_copy(place, below, 0, error);

	if (mount < 0 || mount_protect(mount, 0, MOUNT_ATTR_RDONLY, error) < 0)
		return -error->code;
	return mount_attach_in_kernel_fs(mount, place, below, error);
}

static int mask_path(const struct kernel_fs *fs, const char *path, const char *by,
		     struct error *error)
{
	const char *below;
	const int place = place_of(fs, path, &below);
	CLEANUP_FD int cover = mount_copy(AT_FDCWD, by, 0, error);

	return cover < 0 ? cover : mount_attach_in_kernel_fs(cover, place, below, error);
}

/* Covers directories by an empty one, anything else by /dev/null. */
static int protect_host(int root, int proc, const struct root_survey *survey, struct error *error)
{
	CLEANUP_FD int sys = mount_target(root, "sys", error);
	const struct kernel_fs fs = {.proc = proc, .sys = sys};

	if (sys < 0 || protect_sysctls(proc, error) < 0)
		return -error->code;
	for (size_t i = 0; i < ARRAY_SIZE(read_only); i++)
		if (survey->read_only[i] && protect_path(&fs, read_only[i], error) < 0)
			return -error->code;
	for (size_t i = 0; i < ARRAY_SIZE(masked); i++)
		if (survey->masked[i] != NULL &&
		    mask_path(&fs, masked[i], survey->masked[i], error) < 0)
			return -error->code;
	return 0;
}

static int make_overlay(const struct stage_client *client, struct error *error)
{
	CLEANUP_FD int base = file_open_directory(AT_FDCWD, "/", error);
	const struct overlay_place place = {.base = base, .owner = 0, .in_user_namespace = true};

	return base < 0 ? base : overlay_make(&place, client, error);
}

int root_make_for_client(const struct stage_client *client, const struct root_survey *survey,
			 int overlay, int proc, struct error *error)
{
	CLEANUP_FD int made = overlay < 0 ? make_overlay(client, error) : -1;
	int root = overlay < 0 ? made : overlay;
	int result = root;

	if (result >= 0)
		result = mount_attach(root, AT_FDCWD, "/root", error);
	if (result >= 0)
		result = move_in("/dev", root, "dev", error);
	if (result >= 0)
		result = move_in("/src", root, "~/src", error);
	if (result >= 0)
		result = mount_attach(proc, root, "proc", error);
	if (result >= 0)
		result = make_own_mounts(root, survey, error);
	if (result >= 0)
		result = protect_host(root, proc, survey, error);
	if (result >= 0)
		result = mount_become_root(root, error);
	return result;
}
