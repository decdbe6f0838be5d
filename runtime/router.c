#include "router.h"

#include "mount.h"
#include "process.h"
#include "supervise.h"
#include "terminal.h"

#include <fcntl.h>
#include <sched.h>

/* ---- in a private stage ---------------------------------------------------------------------- */

/* Lays a new /sys over the old one, keeps copies of its PARTS, and takes it away again: a mount can
 * be copied only where it is attached. */
static int copy_parts(const char *const *parts, size_t count, int *mounts, struct error *error)
{
	CLEANUP_FD int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int sys = mount_new(
		"sysfs", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, error);
	int result = sys < 0 ? sys : mount_attach(sys, root, "sys", error);

	if (result < 0)
		return result;
	for (size_t i = 0; result >= 0 && i < count; i++)
		result = mounts[i] = mount_copy(sys, parts[i], 0, error);
	if (umount2("/sys", MNT_DETACH) < 0 && result >= 0)
		return error_system(error, errno, "cannot uncover /sys");
	return result;
}

/* /sys shows the network namespace that it was mounted in. So the parts of a new one that tell of
 * links are laid over those of the old; the rest of that stays in sight. */
static int show_links_child(struct error *error)
{
	static const char *const parts[] = {"class/net", "devices/virtual/net"};
	CLEANUP_FD int sys = open("/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int mounts[] = {-1, -1};
	int result = copy_parts(parts, ARRAY_SIZE(parts), mounts, error);

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (result >= 0)
			result = mount_attach(mounts[i], sys, parts[i], error);
		close_fd(&mounts[i]);
	}
	return result < 0 ? result : 0;
}

/* As an ordinary user, for in there is nobody else; who owns the namespaces may enter them. The
 * student's files stay as they are. Their mounts are a copy, in which what is mounted on the
 * computer later appears too. */
static int enter_computer_child(const struct router_place *place, struct error *error)
{
	struct error ignored;

	if (privilege_drop_to_caller(place->caller, error) < 0 ||
	    ns_enter(place->computer, error) < 0)
		return -error->code;
	if (unshare(CLONE_NEWNS) < 0)
		return error_system(error, errno, "cannot make a mount namespace");
	if (mount_follow(error) < 0)
		return -error->code;
	/* In some containers nobody may mount it. Programs that ask the kernel itself see links
	 * too. */
	(void)show_links_child(&ignored);
	return 0;
}

/* ---- of either kind -------------------------------------------------------------------------- */

int router_become_child(const struct router_place *place, struct error *error)
{
	/* The student's program finds the modules that they installed for themselves. */
	if (privilege_restore_environment(place->caller, error) < 0)
		return -error->code;
	if (place->computer->fd[NS_NET] < 0)
		return privilege_drop_to_router(place->caller, error);
	if (enter_computer_child(place, error) < 0)
		return -error->code;
	return privilege_drop_to_router(NULL, error);
}

static int become_router(void *argument, struct error *error)
{
	return router_become_child(argument, error);
}

int router_run(const struct caller *caller, const struct ns_set *computer,
	       const struct supervise_guard *guard, char *const *argv, int *status,
	       struct error *error)
{
	struct router_place place = {.caller = caller, .computer = computer};
	struct terminal_state terminal = terminal_note();
	CLEANUP_FD int pidfd = -1;
	int result = 0;

	*status = PROCESS_FAILED;
	if (computer->fd[NS_NET] < 0)
		result = privilege_need_root(error);
	if (result < 0 || supervise_adopt(error) < 0)
		return -error->code;
	result = supervise_spawn(become_router, &place, argv, &pidfd, status, error);
	if (result == 0)
		result = supervise_child(pidfd, guard, SUPERVISE_SAME_GROUP | SUPERVISE_ORPHANS,
					 status, error);
	supervise_end_orphans();
	/* What was killed could not do it: an editor in the shell, where the stage ends. */
	if (*status > 128)
		terminal_put_back(&terminal);
	return result;
}
