/* Looks at the clients from outside, as a test does: what a floor only seems to do is no measure.
 */
#include "full.h"

#include <fcntl.h>

#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#define CHECKED_MAX 50U /* clients; all are made alike */
#define TEXT_SIZE   65536

#define ALL	"/proc/sys/net/ipv4/conf/all"
#define DEFAULT "/proc/sys/net/ipv4/conf/default"
#define ETH0	"/proc/sys/net/ipv4/conf/eth0"

/* The client that is looked at, and a file of it that was read. */
struct look {
	const struct full *full;
	const struct client *client;
	char path[256];
	char text[TEXT_SIZE];
};

_Noreturn static void differs(const struct look *look, const char *what)
{
	char text[400];

	(void)snprintf(text, sizeof(text), "check: client%u: %s: it is not \"%s\"",
		       look->client->number, look->path, what);
	floor_fail(look->full->floor, text, -EINVAL);
}

static const char *read_path(struct look *look, const char *path)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t size;
	size_t length = 0;

	(void)snprintf(look->path, sizeof(look->path), "%s", path);
	while (fd >= 0 && (size = read(fd, look->text + length, TEXT_SIZE - 1 - length)) > 0)
		length += (size_t)size;
	if (fd < 0)
		floor_fail(look->full->floor, look->path, -errno);
	look->text[length] = '\0';
	return look->text;
}

/* /proc/PID/FILE */
static const char *read_of(struct look *look, const char *file)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)look->client->pid, file);
	return read_path(look, path);
}

static void wants(const struct look *look, const char *what)
{
	if (strstr(look->text, what) == NULL)
		differs(look, what);
}

static void check_rights(struct look *look)
{
	const unsigned long long set = full_capabilities();
	char line[128];

	(void)read_of(look, "status");
	wants(look, "\nNoNewPrivs:\t1\n");
	wants(look, "\nSeccomp:\t2\n");
	(void)snprintf(line, sizeof(line),
		       "\nCapInh:\t%016x\nCapPrm:\t%016llx\nCapEff:\t%016llx\nCapBnd:\t%016llx\n"
		       "CapAmb:\t%016x\n",
		       0, set, set, set, 0);
	wants(look, line);
	(void)read_of(look, "uid_map");
	wants(look, " 0 1073741824      65536\n");
	(void)read_of(look, "limits");
	wants(look, "Max open files            1024 ");
	wants(look, "Max core file size        0                    0 ");
}

static void check_group(struct look *look)
{
	static const char *const limits[][2] = {{"memory", GROUP_MEMORY "\n"},
						{"pids", GROUP_PIDS "\n"}};
	char path[256];

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		groups_limit_path(&look->full->groups, limits[i][0], look->client->number, path,
				  sizeof(path));
		if (strcmp(read_path(look, path), limits[i][1]) != 0)
			differs(look, limits[i][1]);
	}
	(void)read_of(look, "cgroup");
	(void)snprintf(path, sizeof(path), "%s/client%u\n", look->full->groups.name,
		       look->client->number);
	wants(look, path);
}

/* The line of mountinfo for the mount point PATH, the topmost there, begins so and has OPTIONS. */
static void wants_mount(const struct look *look, const char *path, const char *options)
{
	char field[128];

	(void)snprintf(field, sizeof(field), " %s%s %s", path[0] == '/' ? "" : "/", path, options);
	wants(look, field);
}

static void check_mounts(struct look *look)
{
	const struct full *full = look->full;

	(void)read_of(look, "mountinfo");
	wants_mount(look, "/", "rw,nosuid,nodev,");
	wants_mount(look, "/~/src", "rw,nosuid,nodev,");
	wants_mount(look, "/dev", "ro,nosuid,noexec,");
	wants_mount(look, "/dev/pts", "rw,nosuid,noexec,");
	wants_mount(look, "/dev/shm", "rw,nosuid,nodev,noexec,");
	wants_mount(look, "/dev/mqueue", "rw,nosuid,nodev,noexec,");
	wants_mount(look, "/proc", "rw,nosuid,nodev,noexec,");
	wants_mount(look, "/proc/sys", "ro,nosuid,nodev,noexec,");
	wants_mount(look, "/proc/sys/net", "rw,nosuid,nodev,noexec,");
	wants_mount(look, "/sys", "ro,nosuid,nodev,noexec,");
	for (size_t i = 0; full_read_only[i] != NULL; i++)
		if (full->read_only[i])
			wants_mount(look, full_read_only[i], "ro,");
	for (size_t i = 0; full_covered[i] != NULL; i++)
		if (full->covers[i] != COVER_NONE)
			wants_mount(look, full_covered[i], "ro,");
	if (strstr(look->text, " /rootfs ") != NULL || strstr(look->text, " /upper ") != NULL)
		differs(look, "without the template");
}

static void check_files(struct look *look)
{
	char line[64];

	(void)snprintf(line, sizeof(line), "client%u", look->client->number);
	if (strcmp(read_of(look, "root/etc/hostname"), line) != 0)
		differs(look, line);
	if (strncmp(read_of(look, "root/etc/hosts"), look->full->hosts, TEXT_SIZE - 1) != 0)
		differs(look, "the stage's hosts");
	(void)read_of(look, "root/etc/resolv.conf");
	wants(look, "# a stage has no name server\n");
	for (int fd = 0; fd <= 3; fd++) {
		char path[64];
		char target[64] = "";

		(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)look->client->pid, fd);
		(void)snprintf(look->path, sizeof(look->path), "%s", path);
		if (readlink(path, target, sizeof(target) - 1) < 0 ? fd < 3 : fd == 3)
			differs(look, fd < 3 ? "open" : "closed");
		if (fd < 3 && strcmp(target, "/null") != 0 && strcmp(target, "/dev/null") != 0)
			differs(look, "/dev/null");
	}
}

/* ---- in the client's network namespace --------------------------------------------------------
 */

static void check_setting(struct look *look, const char *directory, const char *key,
			  const char *value)
{
	char path[160];

	(void)snprintf(path, sizeof(path), "%s/%s", directory, key);
	(void)read_path(look, path);
	look->text[strcspn(look->text, "\n")] = '\0';
	if (strcmp(look->text, value) != 0)
		differs(look, value);
}

static bool has_setting(const char *directory, const char *key)
{
	char path[160];

	(void)snprintf(path, sizeof(path), "%s/%s", directory, key);
	return access(path, F_OK) == 0 || errno != ENOENT;
}

/* But for what this kernel does not have. What is set in "default" is looked at in eth0, too. */
static void check_group_of_settings(struct look *look, const struct full_group *group)
{
	for (size_t i = 0; i < group->count; i++) {
		const struct full_setting *setting = &group->settings[i];

		if (!has_setting(group->directory, setting->key))
			continue;
		check_setting(look, group->directory, setting->key, setting->value);
		if (strcmp(group->directory, DEFAULT) == 0)
			check_setting(look, ETH0, setting->key, setting->value);
	}
}

static void check_settings(struct look *look)
{
	for (const struct full_group *group = full_settings; group->directory != NULL; group++)
		check_group_of_settings(look, group);
	check_setting(look, ALL, "forwarding", "0");
	check_setting(look, DEFAULT, "forwarding", "0");
	check_setting(look, ETH0, "forwarding", "0");
	if (has_setting("/proc/sys/net", "ipv6"))
		check_setting(look, "/proc/sys/net/ipv6/conf/eth0", "disable_ipv6", "1");
}

/* No address of IPv6's: of eth0's none was made, and lo's was taken away. */
static void check_no_ipv6(struct look *look)
{
	if (access("/proc/net/if_inet6", F_OK) == 0 &&
	    read_path(look, "/proc/net/if_inet6")[0] != '\0')
		differs(look, "");
}

static void check_offloads(struct look *look, const char *name)
{
	struct {
		uint32_t command, size;
		struct ethtool_get_features_block words[FEATURE_WORDS];
	} now = {.command = ETHTOOL_GFEATURES, .size = FEATURE_WORDS};
	struct ifreq request = {.ifr_data = (void *)&now};
	CLEANUP_FD int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)snprintf(look->path, sizeof(look->path), "%s", name);
	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(any, SIOCETHTOOL, &request) < 0)
		differs(look, "there");
	for (unsigned i = 0; i < FEATURE_WORDS; i++)
		if (now.words[i].active & look->full->offloads_off.words[i].valid)
			differs(look, "without offloads");
}

/* /proc/sys/net is that of the namespace that one is in. */
_Noreturn static void check_network_child(struct look *look)
{
	int pidfd = pidfd_open(look->client->pid, 0);

	if (pidfd < 0 || setns(pidfd, CLONE_NEWNET) < 0)
		floor_fail(look->full->floor, "check: cannot enter a network", -errno);
	check_settings(look);
	check_no_ipv6(look);
	check_offloads(look, "eth0");
	exit(0);
}

static void check_network(struct look *look)
{
	char leg[32];
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		look->full->floor->undo = NULL; /* its parent's business */
		check_network_child(look);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		floor_fail(look->full->floor, "check", -errno);
	if (status != 0) {
		root_undo(look->full->floor->full);
		exit(1); /* it has said why */
	}
	(void)snprintf(leg, sizeof(leg), "leg%u", look->client->number);
	check_offloads(look, leg);
}

void check_confined(const struct full *full)
{
	static struct look look;
	const unsigned count = full->floor->count;

	for (unsigned i = 0; i < (count < CHECKED_MAX ? count : CHECKED_MAX); i++) {
		look.full = full;
		look.client = &full->floor->clients[i];
		check_rights(&look);
		check_group(&look);
		check_mounts(&look);
		check_files(&look);
		check_network(&look);
	}
}
