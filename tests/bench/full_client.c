/* A client of full's, from its birth on. Its memory is everybody's: see raw.h. */
#include "full.h"

#include "raw.h"

#include <linux/capability.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/wait.h>

#define PLAIN (MS_NOSUID | MS_NODEV)
#define DATA  (PLAIN | MS_NOEXEC)

/* Tells root its pid, in root's own pid namespace: what root's /proc takes us for. */
static long announce_child(struct client *client)
{
	char text[16] = "";
	pid_t pid = 0;
	long size = RAW(SYS_readlinkat, client->floor->full->proc, "self", text, sizeof(text));

	CLIENT_TRY(client, "its pid", size);
	for (long i = 0; i < size; i++)
		pid = pid * 10 + text[i] - '0';
	__atomic_store_n(&client->pid, pid, __ATOMIC_RELEASE);
	raw_futex_wake((unsigned *)&client->pid);
	return 0;
}

/* The namespace comes after the groups, which are its root then. */
static long enter_groups_child(struct client *client)
{
	for (size_t i = 0; i < client->floor->full->groups.count; i++)
		CLIENT_TRY(client, "control group", RAW(SYS_write, client->doors[i], "0", 1));
	CLIENT_TRY(client, "cgroup namespace", RAW(SYS_unshare, CLONE_NEWCGROUP));
	return 0;
}

/* ---- files ------------------------------------------------------------------------------------
 */

/* What is the same in every client lies in the template's layer "common": the directories that
 * things are mounted on, hosts and resolv.conf. Of a client's own is the host's name alone. */
static long make_overlay_child(struct client *client)
{
	char name[20];

	CLIENT_TRY(
		client, "upper layer",
		raw_mount("upper", "/upper", "tmpfs", PLAIN, "mode=755,size=128m,nr_inodes=65536"));
	CLIENT_TRY(client, "upper layer", raw_mkdir("/upper/top"));
	CLIENT_TRY(client, "upper layer", raw_mkdir("/upper/work"));
	CLIENT_TRY(client, "etc", raw_mkdir("/upper/top/etc"));
	CLIENT_TRY(client, "etc/hostname",
		   raw_write_file(AT_FDCWD, "/upper/top/etc/hostname", client_name(client, name),
				  O_CREAT));
	CLIENT_TRY(client, "overlay",
		   raw_mount("overlay", "/root", "overlay", PLAIN,
			     "lowerdir=/common:/rootfs,upperdir=/upper/top,workdir=/upper/work,"
			     "userxattr"));
	CLIENT_TRY(client, "chdir", RAW(SYS_chdir, "/root"));
	return 0;
}

static long make_mounts_child(struct client *client)
{
	static const struct {
		const char *what;
		const char *where;
		const char *type; /* NULL: to be moved, from our own copy of the template */
		unsigned long flags;
		const char *options;
	} mounts[] = {
		{"/dev", "dev", NULL, MS_MOVE, NULL},
		{"/src", "~/src", NULL, MS_MOVE, NULL},
		{"proc", "proc", "proc", DATA, NULL},
		{"sysfs", "sys", "sysfs", DATA | MS_RDONLY, NULL},
		{"devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		 "newinstance,ptmxmode=0666,mode=620,gid=5"},
		{"shm", "dev/shm", "tmpfs", DATA, "mode=1777,size=64m,nr_inodes=16384"},
		{"mqueue", "dev/mqueue", "mqueue", DATA, NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++)
		CLIENT_TRY(client, mounts[i].where,
			   raw_mount(mounts[i].what, mounts[i].where, mounts[i].type,
				     mounts[i].flags, mounts[i].options));
	return 0;
}

static long read_only_child(struct client *client, const char *path)
{
	CLIENT_TRY(client, path, raw_mount(path, path, NULL, MS_BIND, NULL));
	CLIENT_TRY(client, path,
		   raw_mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | DATA, NULL));
	return 0;
}

/* /proc/sys read-only but for /proc/sys/net, of which a copy is taken before. */
static long protect_sysctls_child(struct client *client)
{
	long net = RAW(SYS_open_tree, AT_FDCWD, "proc/sys/net", OPEN_TREE_CLONE | O_CLOEXEC);

	CLIENT_TRY(client, "proc/sys/net", net);
	if (read_only_child(client, "proc/sys") < 0)
		return client->code;
	CLIENT_TRY(client, "proc/sys/net",
		   RAW(SYS_move_mount, net, "", AT_FDCWD, "proc/sys/net", MOVE_MOUNT_F_EMPTY_PATH));
	return 0;
}

/* What is bound from the template's own mount is read-only as that is. */
static long protect_host_child(struct client *client)
{
	const struct full *full = client->floor->full;

	if (protect_sysctls_child(client) < 0)
		return client->code;
	for (size_t i = 0; full_read_only[i] != NULL; i++)
		if (full->read_only[i] && read_only_child(client, full_read_only[i]) < 0)
			return client->code;
	for (size_t i = 0; full_covered[i] != NULL; i++) {
		const bool directory = full->covers[i] == COVER_DIRECTORY;

		if (full->covers[i] != COVER_NONE)
			CLIENT_TRY(client, full_covered[i],
				   raw_mount(directory ? "/empty" : "dev/null", full_covered[i],
					     NULL, MS_BIND, NULL));
	}
	return 0;
}

static long make_root_child(struct client *client)
{
	if (make_overlay_child(client) < 0 || make_mounts_child(client) < 0 ||
	    protect_host_child(client) < 0)
		return client->code;
	CLIENT_TRY(client, "pivot_root", RAW(SYS_pivot_root, ".", "."));
	CLIENT_TRY(client, "umount", RAW(SYS_umount2, ".", MNT_DETACH));
	CLIENT_TRY(client, "chdir", RAW(SYS_chdir, "/"));
	return 0;
}

/* ---- network ----------------------------------------------------------------------------------
 */

static long settle_child(struct client *client, const char *directory,
			 const struct full_setting *settings)
{
	int dir = raw_open(AT_FDCWD, directory, O_PATH | O_DIRECTORY);

	if (dir == -ENOENT && settings == full_ipv6)
		return 0;
	CLIENT_TRY(client, directory, dir);
	for (; settings->key != NULL; settings++) {
		long result = raw_write_file(dir, settings->key, settings->value, 0);

		if (result < 0 && !(result == -ENOENT && settings->optional))
			return client_failed(client, settings->key, result);
	}
	raw_close(dir);
	return 0;
}

/* IPv4's, but for the interface's own, which need not be there yet. On a computer that forwards the
 * first of them takes rtnl; what comes after changes no value of "forwarding" any more, and takes
 * none. */
static long settle_ipv4_child(struct client *client)
{
	const bool forwards = client->floor->full->forwards;
	long result;

	if (forwards)
		floor_lock(client->floor);
	result = settle_child(client, "/proc/sys/net/ipv4", full_ipv4);
	if (forwards)
		floor_unlock(client->floor);
	if (result < 0 || settle_child(client, "/proc/sys/net/ipv4/conf/all", full_interface) < 0)
		return client->code;
	return settle_child(client, "/proc/sys/net/ipv4/conf/default", full_interface);
}

static uint32_t number_of(const char *text)
{
	uint32_t number = 0;

	while (*text != '\0')
		number = number * 10 + (uint32_t)(*text++ - '0');
	return number;
}

/* An interface's settings are attributes of it, too: one request in the place of thirty files. */
static void put_settings_child(struct batch *batch)
{
	const struct ifinfomsg link = {.ifi_index = (int)CLIENT_LINK};
	struct nlattr *families, *family, *settings;

	netlink_add(batch, RTM_SETLINK, 0, &link, sizeof(link));
	families = netlink_nest(batch, IFLA_AF_SPEC);
	family = netlink_nest(batch, AF_INET);
	settings = netlink_nest(batch, IFLA_INET_CONF);
	for (size_t i = 0; full_interface[i].key != NULL; i++) {
		const uint32_t value = number_of(full_interface[i].value);

		netlink_put(batch, full_interface[i].number, &value, sizeof(value));
	}
	netlink_nest_end(batch, settings);
	netlink_nest_end(batch, family);
	netlink_nest_end(batch, families);
}

/* IPv6 is off before any link is up. */
static long change_network_child(struct client *client, int socket)
{
	char buffer[1024] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct batch batch = {.buffer = buffer};

	if (settle_child(client, "/proc/sys/net/ipv6", full_ipv6) < 0)
		return client->code;
	CLIENT_TRY(client, "offloads", root_offloads_off(client->floor->full, socket, "eth0"));
	put_settings_child(&batch);
	netlink_up(&batch, LOOPBACK_LINK);
	netlink_address(&batch, CLIENT_LINK, floor_client_address(client->number));
	netlink_up(&batch, CLIENT_LINK);
	netlink_default_route(&batch, CLIENT_LINK, floor_leg_address(client->number));
	CLIENT_TRY(client, "network", netlink_send(socket, &batch));
	return 0;
}

static long make_network_child(struct client *client)
{
	int socket = netlink_open();
	long result;

	CLIENT_TRY(client, "netlink", socket);
	floor_lock(client->floor);
	result = change_network_child(client, socket);
	floor_unlock(client->floor);
	return result;
}

/* ---- rights -----------------------------------------------------------------------------------
 */

/* The keeper's bounding set and no_new_privs are ours already. */
static long confine_child(struct client *client)
{
	const uint64_t set = full_capabilities();
	const struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct data[2] = {
		{.effective = (uint32_t)set, .permitted = (uint32_t)set},
		{.effective = (uint32_t)(set >> 32), .permitted = (uint32_t)(set >> 32)}};

	CLIENT_TRY(client, "close_range", RAW(SYS_close_range, 3, ~0U, 0));
	CLIENT_TRY(client, "capset", RAW(SYS_capset, &head, data));
	CLIENT_TRY(client, "seccomp",
		   RAW(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &client->floor->full->filter));
	return 0;
}

/* A client's birth, on one screen. */
static long become_client_child(struct client *client)
{
	char name[20];

	if (announce_child(client) < 0 || enter_groups_child(client) < 0 ||
	    make_root_child(client) < 0)
		return client->code;
	(void)client_name(client, name);
	CLIENT_TRY(client, "sethostname", RAW(SYS_sethostname, name, strlen(name)));
	if (settle_ipv4_child(client) < 0 || client_wait_wired(client) < 0 ||
	    make_network_child(client) < 0)
		return client->code;
	return confine_child(client);
}

/* The life of pid 1: reaps, passes SIGTERM on, nothing else. All signals are blocked, which we have
 * from the keeper. */
static void be_init_child(void)
{
	static const uint64_t all = ~UINT64_C(0); /* sigset_t, as the kernel has it */

	for (;;) {
		long signal = RAW(SYS_rt_sigtimedwait, &all, NULL, NULL, sizeof(all));

		while (RAW(SYS_wait4, -1, NULL, WNOHANG, NULL) > 0)
			continue;
		if (signal == SIGTERM)
			(void)RAW(SYS_kill, -1, SIGTERM);
	}
}

int main_client(void *argument)
{
	struct client *client = argument;
	const long result = become_client_child(client);

	client_finished(client);
	if (result == 0)
		be_init_child();
	/* Its link, which is just being made, would have no place: its own story is the better one.
	 */
	while (true)
		(void)RAW(SYS_ppoll, NULL, 0, NULL, NULL);
	return 1;
}
