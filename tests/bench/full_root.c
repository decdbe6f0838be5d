#include "full.h"

#include "raw.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#define OWN_FILES 3 /* the least number for a file of ours: those below are the clients' */

static void need(const struct full *full, const char *what, long result)
{
	if (result < 0)
		floor_fail(full->floor, what, -errno);
}

/* ---- what can be prepared ---------------------------------------------------------------------
 */

static void read_filter(struct full *full)
{
	struct floor *floor = full->floor;
	CLEANUP_FD int file = open(floor->filter, O_RDONLY | O_CLOEXEC);
	struct stat status;

	need(full, floor->filter, file);
	need(full, floor->filter, fstat(file, &status));
	full->filter.len = (unsigned short)((size_t)status.st_size / sizeof(struct sock_filter));
	full->filter.filter = malloc((size_t)status.st_size + 1);
	if (full->filter.filter == NULL ||
	    read(file, full->filter.filter, (size_t)status.st_size) != status.st_size)
		floor_fail(floor, floor->filter, -EIO);
}

/* By the names that `ethtool -k` shows: which bits are offloads, as runtime/net_offload.c says. */
static bool is_offload(const char *feature)
{
	static const char *const words[] = {"checksum", "segmentation", "scatter-gather", "gso",
					    "gro"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strstr(feature, words[i]))
			return true;
	return false;
}

/* A feature's number is the kernel's own, the same of every link: of lo, for example. */
static void find_offloads(struct full *full)
{
	struct {
		uint32_t command, set, count;
		char names[FEATURE_WORDS * 32][ETH_GSTRING_LEN];
	} strings = {.command = ETHTOOL_GSTRINGS, .set = ETH_SS_FEATURES};
	struct ifreq request = {.ifr_name = "lo", .ifr_data = (void *)&strings};
	CLEANUP_FD int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	need(full, "the names of offloads", ioctl(any, SIOCETHTOOL, &request));
	full->offloads_off.command = ETHTOOL_SFEATURES;
	full->offloads_off.size = (strings.count + 31) / 32;
	for (unsigned i = 0; i < strings.count && i < FEATURE_WORDS * 32; i++)
		if (is_offload(strings.names[i]))
			full->offloads_off.words[i / 32].valid |= UINT32_C(1) << i % 32;
}

long root_offloads_off(const struct full *full, int socket, const char *name)
{
	struct features change = full->offloads_off;
	struct ifreq request = {.ifr_data = (void *)&change};
	long result;

	(void)put_text(request.ifr_name, name);
	result = RAW(SYS_ioctl, socket, SIOCETHTOOL, &request);
	return result < 0 ? result : 0;
}

static void write_hosts(struct full *full)
{
	char *at = put_text(full->hosts, "127.0.0.1\tlocalhost\n");

	for (unsigned number = 1; number <= full->floor->count; number++) {
		const struct in_addr address = {.s_addr = htonl(floor_client_address(number))};
		char text[INET_ADDRSTRLEN];

		(void)inet_ntop(AF_INET, &address, text, sizeof(text));
		at = put_number(put_text(put_text(at, text), "\tclient"), number);
		at = put_text(at, "\n");
	}
}

/* ---- mounts that only root can make -----------------------------------------------------------
 */

static void make_nodes(const struct full *full, int dev)
{
	static const struct {
		const char *name;
		unsigned major, minor;
	} nodes[] = {{"null", 1, 3},   {"zero", 1, 5},	  {"full", 1, 7},
		     {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};

	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++) {
		need(full, nodes[i].name,
		     mknodat(dev, nodes[i].name, S_IFCHR | 0666,
			     makedev(nodes[i].major, nodes[i].minor)));
		need(full, nodes[i].name,
		     fchownat(dev, nodes[i].name, STAGE_ID_FIRST, STAGE_ID_FIRST, 0));
	}
}

static void fill_dev(const struct full *full, int dev)
{
	static const char *const directories[] = {"pts", "shm", "mqueue"};
	static const char *const links[][2] = {{"fd", "/proc/self/fd"},
					       {"stdin", "/proc/self/fd/0"},
					       {"stdout", "/proc/self/fd/1"},
					       {"stderr", "/proc/self/fd/2"},
					       {"ptmx", "pts/ptmx"}};

	(void)umask(0);
	make_nodes(full, dev);
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		need(full, directories[i], mkdirat(dev, directories[i], 0755));
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		need(full, links[i][0], symlinkat(links[i][1], dev, links[i][0]));
	(void)umask(022);
}

/* One for all clients, read-only. Its nodes can be opened, because it is root's file system. */
static void make_dev(struct full *full)
{
	CLEANUP_FD int context = fsopen("tmpfs", FSOPEN_CLOEXEC);
	struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};

	need(full, "dev", context);
	need(full, "dev", fsconfig(context, FSCONFIG_SET_STRING, "mode", "0755", 0));
	need(full, "dev", fsconfig(context, FSCONFIG_SET_STRING, "size", "64k", 0));
	need(full, "dev", fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	full->dev = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	need(full, "dev", full->dev);
	fill_dev(full, full->dev);
	need(full, "dev",
	     mount_setattr(full->dev, "", AT_EMPTY_PATH, &read_only, sizeof(read_only)));
}

/* Standard files of the clients' own, in the table that root and the keeper share; root's go up. */
static void move_files(struct full *full)
{
	struct floor *floor = full->floor;
	int *const own[] = {&floor->input, &floor->output, &floor->errors};
	CLEANUP_FD int null = openat(full->dev, "null", O_RDWR | O_CLOEXEC);

	need(full, "null", null);
	for (int fd = 0; fd < OWN_FILES; fd++) {
		*own[fd] = fcntl(fd, F_DUPFD_CLOEXEC, OWN_FILES);
		need(full, "standard files", *own[fd]);
		need(full, "standard files", dup2(null, fd));
	}
}

void root_prepare(struct full *full)
{
	read_filter(full);
	find_offloads(full);
	write_hosts(full);
	full->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	need(full, "/proc", full->proc);
	make_dev(full);
	move_files(full);
	if (groups_begin(&full->groups, full->floor->group) < 0)
		floor_fail(full->floor, "control groups", -errno);
}

/* ---- the keeper -------------------------------------------------------------------------------
 */

/* INSIDE is the user namespace's, OUTSIDE the computer's. */
static void map_ids(const struct full *full, pid_t pid, const char *file, unsigned inside,
		    unsigned outside, unsigned count)
{
	char path[64];
	char line[64];
	long result;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	(void)snprintf(line, sizeof(line), "%u %u %u\n", inside, outside, count);
	result = raw_write_file(AT_FDCWD, path, line, 0);
	if (result < 0)
		floor_fail(full->floor, path, result);
}

static int open_user_ns(const struct full *full, pid_t pid)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	need(full, path, fd);
	return fd;
}

/* A copy of the mount of PATH, that one alone, its ids shown by USER_NS. */
static int map_mount(const struct full *full, const char *path, int user_ns, uint64_t attributes)
{
	struct mount_attr change = {.attr_set = attributes | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
						MOUNT_ATTR_IDMAP,
				    .propagation = MS_PRIVATE,
				    .userns_fd = (unsigned)user_ns};
	int mount = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	need(full, path, mount);
	need(full, path, mount_setattr(mount, "", AT_EMPTY_PATH, &change, sizeof(change)));
	return mount;
}

static int wait_holder(void *argument)
{
	(void)argument;
	for (;;)
		(void)RAW(SYS_ppoll, NULL, 0, NULL, NULL);
	return 0;
}

/* src/ belongs to its owner, and there to the clients' root: that takes a user namespace of its
 * own, which a process holds while it is opened. */
static void map_src(struct full *full)
{
	struct stat status;
	CLEANUP_FD int user_ns = -1;
	pid_t pid = clone(wait_holder, floor_stack(full->floor, 1),
			  CLONE_VM | CLONE_NEWUSER | SIGCHLD, NULL);

	need(full, "a user namespace", pid);
	need(full, full->floor->src, stat(full->floor->src, &status));
	map_ids(full, pid, "uid_map", status.st_uid, STAGE_ID_FIRST, 1);
	map_ids(full, pid, "gid_map", status.st_gid, STAGE_ID_FIRST, 1);
	user_ns = open_user_ns(full, pid);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	full->src = map_mount(full, full->floor->src, user_ns, 0);
}

void root_make_keeper(struct full *full)
{
	const int flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_VM |
			  CLONE_FILES | SIGCHLD;
	CLEANUP_FD int user_ns = -1;

	map_src(full);
	full->keeper = clone(main_keeper, floor_stack(full->floor, 0), flags, full);
	need(full, "the keeper", full->keeper);
	map_ids(full, full->keeper, "uid_map", 0, STAGE_ID_FIRST, STAGE_ID_COUNT);
	map_ids(full, full->keeper, "gid_map", 0, STAGE_ID_FIRST, STAGE_ID_COUNT);
	user_ns = open_user_ns(full, full->keeper);
	full->rootfs = map_mount(full, full->floor->rootfs, user_ns, MOUNT_ATTR_RDONLY);
	__atomic_store_n(&full->furnished, 1, __ATOMIC_RELEASE);
	raw_futex_wake(&full->furnished);
	while (__atomic_load_n(&full->ready, __ATOMIC_ACQUIRE) == 0)
		if (raw_futex_wait(&full->ready, 0, PATIENCE_S) == -ETIMEDOUT)
			floor_fail(full->floor, "the keeper is not ready", -ETIMEDOUT);
	if (full->code < 0)
		floor_fail(full->floor, full->step, full->code);
	close_fd(&full->rootfs);
	close_fd(&full->src);
	close_fd(&full->dev);
}

void root_undo(struct full *full)
{
	if (full->keeper > 0) {
		(void)kill(full->keeper, SIGKILL);
		floor_delete_links(full->floor);
		(void)waitpid(full->keeper, NULL, 0);
	}
	full->keeper = 0;
	(void)groups_remove(&full->groups, full->floor->count);
}
