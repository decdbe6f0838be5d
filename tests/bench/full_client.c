/* A client of full's, from its birth on. Its memory is everybody's: see raw.h. */
#include "full.h"

#include "raw.h"

#include <linux/capability.h>
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
		{"/proc", "proc", NULL, MS_MOVE, NULL},
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

/* In a procfs of our own: in one that many namespaces are seen by, the kernel keeps the settings of
 * all of them in one list for each name, and goes through it.
 *
 * It is done before root knows our pid, and so before anybody can make an interface here, which
 * will be a copy of "default". The price is that root waits for a wave a little longer, while it
 * has nothing to do but to make the next one's control groups; settings that are made while it
 * already makes the links would have to be made again for eth0.
 *
 * On a computer that forwards, ip_forward is one of them. Where rtnl is taken the kernel does not
 * sleep for that, but tries again and again (restart_syscall()): a client costs a third more. The
 * runtime's do, too. */
static long settle_child(struct client *client)
{
	const struct full *full = client->floor->full;

	CLIENT_TRY(client, "proc", raw_mount("proc", "/proc", "proc", DATA, NULL));
	for (unsigned i = 0; i < full->contrary_count; i++)
		CLIENT_TRY(client, full->contrary[i].path,
			   raw_write_file(AT_FDCWD, full->contrary[i].path, full->contrary[i].value,
					  0));
	return 0;
}

static long make_network_child(struct client *client)
{
	char buffer[1024] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct batch batch = {.buffer = buffer};
	int socket = netlink_open();

	CLIENT_TRY(client, "netlink", socket);
	CLIENT_TRY(client, "offloads", root_offloads_off(client->floor->full, socket, "eth0"));
	netlink_up(&batch, LOOPBACK_LINK);
	netlink_no_loopback(&batch, LOOPBACK_LINK);
	netlink_address(&batch, CLIENT_LINK, floor_client_address(client->number));
	netlink_up(&batch, CLIENT_LINK);
	netlink_default_route(&batch, CLIENT_LINK, floor_leg_address(client->number));
	CLIENT_TRY(client, "network", netlink_send(socket, &batch));
	return 0;
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

	if (enter_groups_child(client) < 0 || settle_child(client) < 0 ||
	    announce_child(client) < 0 || make_root_child(client) < 0)
		return client->code;
	(void)client_name(client, name);
	CLIENT_TRY(client, "sethostname", RAW(SYS_sethostname, name, strlen(name)));
	if (client_wait_wired(client) < 0 || make_network_child(client) < 0)
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

	if (result < 0 && client->pid == 0)
		client_not_born(client);
	client_finished(client);
	if (result == 0)
		be_init_child();
	/* Its link, which is just being made, would have no place: its own story is the better one.
	 */
	while (true)
		(void)RAW(SYS_ppoll, NULL, 0, NULL, NULL);
	return 1;
}
