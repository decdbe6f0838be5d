/* bare: the least kernel work that N clients need, and nothing else. See floor.h.
 *
 * A client has network, mount, pid, uts and ipc namespaces; an overlay of the root file system and
 * a directory on a tmpfs; its own proc, dev and devpts; src; an address and a default route. It is
 * not confined at all. Who knows a way to do with less is to change this program. */
#include "floor.h"

#include "raw.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#define NAMESPACES (CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC)

/* ---- a client ---------------------------------------------------------------------------------
 */

static long make_overlay_child(struct client *client)
{
	char path[64];
	char options[256];
	char *end = put_number(put_text(path, "/state/"), client->number);
	char *option;

	CLIENT_TRY(client, "its state", raw_mkdir(path));
	(void)put_text(end, "/top");
	CLIENT_TRY(client, "its upper layer", raw_mkdir(path));
	(void)put_text(end, "/work");
	CLIENT_TRY(client, "its work directory", raw_mkdir(path));
	*end = '\0';
	option = put_text(put_text(options, "lowerdir=/rootfs,upperdir="), path);
	option = put_text(put_text(option, "/top,workdir="), path);
	(void)put_text(option, "/work,volatile");
	CLIENT_TRY(client, "overlay", raw_mount("overlay", "/root", "overlay", 0, options));
	return 0;
}

static long make_dev_child(struct client *client)
{
	static const struct {
		const char *path;
		unsigned major, minor;
	} nodes[] = {{"dev/null", 1, 3},   {"dev/zero", 1, 5},	  {"dev/full", 1, 7},
		     {"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0}};

	CLIENT_TRY(client, "dev", raw_mount("dev", "dev", "tmpfs", MS_NOSUID, "mode=755,size=64k"));
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		CLIENT_TRY(client, nodes[i].path,
			   RAW(SYS_mknodat, AT_FDCWD, nodes[i].path, S_IFCHR | 0666,
			       makedev(nodes[i].major, nodes[i].minor)));
	CLIENT_TRY(client, "dev/pts", raw_mkdir("dev/pts"));
	CLIENT_TRY(client, "devpts",
		   raw_mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
			     "newinstance,ptmxmode=0666,mode=620"));
	CLIENT_TRY(client, "dev/ptmx", RAW(SYS_symlinkat, "pts/ptmx", AT_FDCWD, "dev/ptmx"));
	return 0;
}

static long make_root_child(struct client *client)
{
	CLIENT_TRY(client, "overlay", make_overlay_child(client));
	CLIENT_TRY(client, "chdir", RAW(SYS_chdir, "/root"));
	CLIENT_TRY(client, "proc",
		   raw_mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
	if (make_dev_child(client) < 0)
		return client->code;
	CLIENT_TRY(client, "src", raw_mount("/src", "~/src", NULL, MS_BIND, NULL));
	CLIENT_TRY(client, "pivot_root", RAW(SYS_pivot_root, ".", "."));
	CLIENT_TRY(client, "umount", RAW(SYS_umount2, ".", MNT_DETACH));
	CLIENT_TRY(client, "chdir", RAW(SYS_chdir, "/"));
	return 0;
}

static long make_network_child(struct client *client)
{
	char buffer[512] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct batch batch = {.buffer = buffer};
	int socket = netlink_open();

	CLIENT_TRY(client, "netlink", socket);
	netlink_up(&batch, LOOPBACK_LINK);
	netlink_up(&batch, CLIENT_LINK);
	netlink_address(&batch, CLIENT_LINK, floor_client_address(client->number));
	netlink_default_route(&batch, CLIENT_LINK, floor_leg_address(client->number));
	CLIENT_TRY(client, "network", netlink_send(socket, &batch));
	raw_close(socket);
	return 0;
}

static long become_client_child(struct client *client)
{
	char name[20];

	/* Should die with its parent, for nobody else ends it. */
	CLIENT_TRY(client, "prctl", RAW(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL));
	CLIENT_TRY(client, "root", make_root_child(client));
	(void)client_name(client, name);
	CLIENT_TRY(client, "sethostname", RAW(SYS_sethostname, name, strlen(name)));
	if (client_wait_wired(client) < 0)
		return client->code;
	return make_network_child(client);
}

static int main_child(void *argument)
{
	struct client *client = argument;

	(void)become_client_child(client);
	client_finished(client);
	while (true)
		(void)RAW(SYS_ppoll, NULL, 0, NULL, NULL);
	return 0;
}

/* ---- the parent -------------------------------------------------------------------------------
 */

static void need(const struct floor *floor, const char *what, long result)
{
	if (result < 0)
		floor_fail(floor, what, -errno);
}

/* The mounts that every client gets a copy of: as few as can be. What they are made of is opened
 * first, since it is covered then. */
static void make_template(const struct floor *floor)
{
	static const char *const directories[] = {"rootfs", "src", "state", "root"};
	int rootfs = open_tree(AT_FDCWD, floor->rootfs, OPEN_TREE_CLOEXEC | OPEN_TREE_CLONE);
	int src = open_tree(AT_FDCWD, floor->src, OPEN_TREE_CLOEXEC | OPEN_TREE_CLONE);

	need(floor, floor->rootfs, rootfs);
	need(floor, floor->src, src);
	need(floor, "unshare", unshare(CLONE_NEWNS));
	need(floor, "mounts", mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	need(floor, "tmpfs", mount("bench", "/mnt", "tmpfs", 0, "mode=755"));
	need(floor, "chdir", chdir("/mnt"));
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		need(floor, directories[i], mkdir(directories[i], 0755));
	need(floor, "rootfs", move_mount(rootfs, "", AT_FDCWD, "rootfs", MOVE_MOUNT_F_EMPTY_PATH));
	need(floor, "src", move_mount(src, "", AT_FDCWD, "src", MOVE_MOUNT_F_EMPTY_PATH));
	need(floor, "pivot_root", syscall(SYS_pivot_root, ".", "."));
	need(floor, "umount", umount2(".", MNT_DETACH));
	close_fd(&rootfs);
	close_fd(&src);
}

static void spawn(struct floor *floor, unsigned first, unsigned count)
{
	for (unsigned i = first; i < first + count; i++) {
		struct client *client = &floor->clients[i];

		client->pid = clone(main_child, floor_stack(floor, client->number),
				    NAMESPACES | CLONE_VM | SIGCHLD, client);
		need(floor, "clone", client->pid);
	}
}

static void take_down(struct floor *floor)
{
	for (unsigned i = 0; i < floor->count; i++)
		(void)kill(floor->clients[i].pid, SIGKILL);
	floor_delete_links(floor);
	for (unsigned i = 0; i < floor->count; i++)
		(void)waitpid(floor->clients[i].pid, NULL, 0);
	floor_wait_links_gone(floor);
}

int main(int argc, char **argv)
{
	struct floor floor = {.program = "bare"};

	floor_begin(&floor, argc, argv);
	make_template(&floor);
	for (unsigned first = 0; first < floor.count; first += WAVE) {
		const unsigned left = floor.count - first;
		const unsigned count = left < WAVE ? left : WAVE;

		spawn(&floor, first, count);
		floor_wire(&floor, first, count);
	}
	floor_wait_up(&floor);
	if (floor.check)
		check_wires(&floor);
	floor_stay(&floor);
	take_down(&floor);
	return 0;
}
