#include "start.h"

#include "cgroup.h"
#include "channel.h"
#include "client.h"
#include "computer.h"
#include "filter.h"
#include "host.h"
#include "keeper.h"
#include "mount.h"
#include "neighbours.h"
#include "net.h"
#include "overlay.h"
#include "process.h"
#include "root.h"
#include "rootfs.h"
#include "rundir.h"
#include "running.h"
#include "subids.h"
#include "text.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#define START_FILES_CLIENT 14 /* files that a keeper has open of a client, or a little less */

/* What a start has in hand. All of it is let go of at its end, and undone where it failed. */
struct start {
	struct session *session;
	const struct stage *stage;
	const struct start_watcher *watcher; /* NULL: nobody */
	struct timing *timing;		     /* the starter's; NULL: nobody asks */
	struct timing *others;		     /* see struct start_timing */
	bool root;		  /* we are, else the keeper makes what it can by itself */
	bool private;		  /* the legs are not on the computer */
	struct nl_sock *computer; /* the network namespace that the legs will be in */
	struct net_leg_kit kit;
	struct wire_legs legs;
	struct ns_set computer_ns;     /* of a private stage, made by root */
	struct subids subids;	       /* where we are not root, count 0: there are none */
	struct keeper_alone alone;     /* where we are not root */
	struct client_limits limits;   /* 0 where control groups limit the clients */
	char cgroup[CGROUP_PATH_SIZE]; /* that theirs are in; empty: there are none */
	int rootfs;
	int src;
	struct caller src_owner;
	struct filter filter;
	int filter_file;
	struct cgroup_doors *doors; /* NULL: no control groups */
	int listener;
	int signals;
	struct keeper keeper;
	bool changed; /* the computer: there is something to undo */
};

static void start_close(struct start *start)
{
	for (size_t i = 0; start->doors != NULL && i < start->stage->client_count; i++)
		cgroup_doors_close(&start->doors[i]);
	free(start->doors);
	net_socket_close(&start->computer);
	net_leg_kit_close(&start->kit);
	ns_set_close(&start->computer_ns);
	filter_clear(&start->filter);
	close_fd(&start->rootfs);
	close_fd(&start->src);
	close_fd(&start->filter_file);
	close_fd(&start->listener);
	keeper_close(&start->keeper);
	close_fd(&start->signals);
}

/* ---- looking: nothing is made yet ------------------------------------------------------------ */

/* The signals that are blocked are read, where the start waits. */
static int open_signals(struct start *start, struct error *error)
{
	sigset_t signals;

	process_ending_signals(&signals);
	start->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (start->signals < 0)
		return error_system(error, errno, "cannot wait for signals");
	return 0;
}

/* Says who has made the leg NAME. */
static int leg_taken(const struct session *session, const char *name, struct error *error)
{
	struct host_stage owner;
	char shown[400];

	if (running_find_leg(session->base, name, &owner, error) > 0)
		return error_set(error, EEXIST,
				 "%s runs and has the interface %s; stop it: "
				 "sudo pyroute stop%s%s --dir %s",
				 owner.name, name, owner.given[0] != '\0' ? " --name " : "",
				 owner.given, text_escape(owner.checkout, shown, sizeof(shown)));
	return error_set(error, EEXIST,
			 "this computer already has an interface %s, which is not pyroute's; "
			 "rename it: sudo ip link set %s down && sudo ip link set %s name other-%s",
			 name, name, name, name);
}

static int check_legs(const struct start *start, struct error *error)
{
	for (size_t i = 0; i < start->stage->net_count; i++) {
		char name[IFNAMSIZ];
		unsigned index;

		if (!stage_net_is_leg(&start->stage->nets[i]))
			continue;
		wire_leg_name(&start->stage->nets[i], name);
		if (net_link_index(start->computer, name, &index, error) < 0)
			return -error->code;
		if (index != 0)
			return leg_taken(start->session, name, error);
	}
	return 0;
}

/* What the keeper is to know where we are not root. */
static int look_alone(struct start *start, struct error *error)
{
	struct error ignored;

	if (subids_find(start->session->caller, &start->subids, &ignored) < 0)
		start->subids.count = 0;
	if (mount_source_of(start->rootfs, &start->alone.rootfs, error) < 0)
		return -error->code;
	return mount_source_of(start->src, &start->alone.src, error);
}

/* So its clients have no users but root. */
static bool has_one_id(const struct start *start)
{
	return !start->root && start->subids.count == 0;
}

static int look(struct start *start, struct error *error)
{
	const struct session *session = start->session;
	struct timing *timing = start->timing;
	int result = STEP(timing, open_signals(start, error));

	if (result == 0)
		result = start->rootfs = STEP(timing, rootfs_open(error));
	if (result >= 0)
		result = start->src =
			STEP(timing, checkout_open_src(session->checkout, session->caller,
						       &start->src_owner, error));
	if (result >= 0)
		result = STEP(timing, neighbours_check(start->stage, error));
	if (result >= 0 && !start->private)
		result = STEP(timing, net_socket_open(&start->computer, error));
	if (result >= 0 && !start->root)
		result = STEP(timing, look_alone(start, error));
	if (result >= 0)
		result = start->filter_file = STEP(timing, filter_file(has_one_id(start), error));
	if (result >= 0)
		result = STEP(timing, filter_read(start->filter_file, &start->filter, error));
	return result;
}

/* ---- changing the computer: the journal first ------------------------------------------------ */

/* Decides what will limit the clients: control groups; where an ordinary user has no place for
 * these, resource limits. */
static int settle_limits(struct start *start, struct error *error)
{
	int result = cgroup_settle(start->cgroup, error);

	if (result != -ENOTSUP || start->root)
		return result;
	start->cgroup[0] = '\0';
	start->limits = (struct client_limits){.processes = CLIENT_PIDS, .data = CLIENT_MEMORY};
	return 0;
}

/* The clients' own follow when the keeper wants them: give_doors(). */
static int make_cgroups(struct start *start, const char *parent, struct error *error)
{
	start->doors = calloc(start->stage->client_count, sizeof(*start->doors));
	if (start->doors == NULL)
		return error_system(error, ENOMEM, "cannot make control groups");
	if (cgroup_create_parent(parent, error) == 0)
		return 0;
	if (error->code == ENOTSUP)
		(void)error_set(error, ENOTSUP, "%.350s; to run without: --no-limits",
				strdupa(error->text));
	return -error->code;
}

static int listen_for_caller(struct start *start, struct error *error)
{
	const struct session *session = start->session;

	start->listener = channel_listen(session->dir, RUNDIR_SOCKET, error);
	if (start->listener < 0)
		return start->listener;
	if (fchownat(session->dir, RUNDIR_SOCKET, session->caller->uid, session->caller->gid,
		     AT_SYMLINK_NOFOLLOW) < 0)
		return error_system(error, errno, "cannot give the socket to its user");
	return 0;
}

static int change_computer(struct start *start, struct error *error)
{
	struct session *session = start->session;
	struct timing *timing = start->timing;
	struct host_stage stage = {.name = "", .private = start->private};
	int result;

	(void)snprintf(stage.name, sizeof(stage.name), "%s", start->stage->name);
	if (session->name != NULL)
		(void)snprintf(stage.given, sizeof(stage.given), "%s", session->name);
	(void)snprintf(stage.checkout, sizeof(stage.checkout), "%s", session->checkout->path);
	memcpy(stage.cgroup, start->cgroup, sizeof(stage.cgroup));
	start->changed = true;
	close_fd(&session->dir); /* of the stage that ran */
	result = session->dir = rundir_open(session->base, session->id, true, error);
	if (result >= 0)
		result = STEP(timing, host_begin(session->dir, &stage, error));
	if (result >= 0 && start->cgroup[0] != '\0')
		result = STEP(timing, make_cgroups(start, stage.cgroup, error));
	if (result >= 0 && !start->private)
		result = STEP(timing, host_forwarding_off(error));
	if (result >= 0)
		result = STEP(timing, listen_for_caller(start, error));
	return result;
}

/* ---- the stage itself ------------------------------------------------------------------------ */

/* The root filesystem as the stage sees it: root's files there are the clients' root's. */
static int map_rootfs(const struct start *start, int stage_ns, struct error *error)
{
	CLEANUP_FD int mount = mount_copy(start->rootfs, "", 0, error);

	if (mount < 0 ||
	    mount_map(mount, stage_ns, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
		      error) < 0)
		return error_prefix(error, "the root filesystem");
	return TAKE_FD(mount);
}

/* src/ as the stage sees it: its owner's files there are the clients' root's. */
static int map_src(const struct start *start, struct error *error)
{
	const struct ns_ids uids = {start->src_owner.uid, CLIENT_ID_FIRST, 1};
	const struct ns_ids gids = {start->src_owner.gid, CLIENT_ID_FIRST, 1};
	CLEANUP_FD int mount = mount_copy(start->src, "", 0, error);
	CLEANUP_FD int ns = mount < 0 ? -1 : ns_user_for_idmap(&uids, &gids, error);

	if (ns < 0 || mount_map(mount, ns, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, error) < 0)
		return error_prefix(error, "%.200s/src", start->session->checkout->path);
	return TAKE_FD(mount);
}

/* On a kernel where clients cannot make their roots themselves, root makes them: see overlay.h.
 * The keeper's mount of the root filesystem is not copied for it, but made once more: before Linux
 * 6.15 open_tree(2) refuses to clone a mount that is detached. */
static int give_overlays(struct start *start, struct error *error)
{
	CLEANUP_FD int rootfs = map_rootfs(start, start->keeper.user_ns, error);
	CLEANUP_FD int base = rootfs < 0 ? -1 : root_make_for_overlays(rootfs, error);
	const struct overlay_place place = {.base = base, .owner = CLIENT_ID_FIRST};

	if (base < 0 || overlay_make_common(&place, start->stage, error) < 0)
		return -error->code;
	for (size_t i = 0; i < start->stage->client_count; i++) {
		CLEANUP_FD int overlay = overlay_make(&place, &start->stage->clients[i], error);

		if (overlay < 0 || keeper_give_overlay(&start->keeper, overlay, error) < 0)
			return -error->code;
	}
	return 0;
}

/* The ids of the stage's user namespace. */
static int map_stage(const struct start *start, struct error *error)
{
	const struct ns_ids ids = {0, CLIENT_ID_FIRST, CLIENT_ID_COUNT};

	if (start->root)
		return ns_map(start->keeper.pid, &ids, &ids, error);
	return start->subids.count > 0 ? subids_map(start->keeper.pid, &start->subids, error)
				       : ns_map_single(start->keeper.pid, error);
}

/* The computer's side of a private stage, which we enter for good: nothing that comes later
 * concerns the computer's own network. */
static int make_computer(struct start *start, struct error *error)
{
	const struct caller *caller = start->session->caller;
	struct privilege_saved saved = {0};
	int result = privilege_borrow_uid(caller->uid, &saved, error);

	if (result == 0)
		result = computer_make(caller, caller, &start->computer_ns, error);
	privilege_resume(&saved);
	if (result == 0)
		result = computer_enter(&start->computer_ns, error);
	if (result == 0)
		result = net_socket_open(&start->computer, error);
	return result == 0 ? computer_settle(start->computer, error) : result;
}

static int furnish_as_root(struct start *start, struct error *error)
{
	CLEANUP_FD int rootfs = map_rootfs(start, start->keeper.user_ns, error);
	CLEANUP_FD int src = rootfs < 0 ? -1 : map_src(start, error);
	struct keeper_furniture furniture = {
		.rootfs = rootfs, .src = src, .computer = &start->computer_ns};
	bool works;

	if (src < 0 || overlay_works_in_user_namespace(&works, error) < 0)
		return -error->code;
	if (start->private && make_computer(start, error) < 0)
		return error_prefix(error, "the computer's side");
	furniture.overlays = !works;
	if (keeper_furnish(&start->keeper, &furniture, error) < 0)
		return -error->code;
	return works ? 0 : give_overlays(start, error);
}

static int furnish(struct start *start, struct error *error)
{
	const struct keeper_furniture nothing = {
		.rootfs = -1, .src = -1, .computer = &start->computer_ns};

	return start->root ? furnish_as_root(start, error)
			   : keeper_furnish(&start->keeper, &nothing, error);
}

static int make_leg(void *context, const struct wire_far_end *far, int far_ns, struct error *error)
{
	struct start *start = context;
	const struct stage_net *net = stage_net_find(start->stage, far->net);
	struct wire_leg *leg = &start->legs.leg[start->legs.count];
	struct error ignored;

	if (net == NULL)
		return error_set(error, EBADMSG, "the keeper asked for a leg on net%u", far->net);
	if (STEP(start->timing, wire_make_leg(start->computer, &start->kit, net, far, far_ns,
					      &start->legs, error)) < 0) {
		/* Half made: undo() removes what the journal tells. */
		if (leg->index != 0 && !start->private)
			(void)host_note_leg(start->session->dir, leg, &ignored);
		return -error->code;
	}
	return start->private ? 0
			      : STEP(start->timing, host_note_leg(start->session->dir, leg, error));
}

static int raise_legs(void *context, struct error *error)
{
	struct start *start = context;

	return STEP(start->timing, wire_raise_legs(start->computer, &start->kit, start->private,
						   &start->legs, error));
}

static int make_cgroup(const struct start *start, size_t i, struct error *error)
{
	static const struct cgroup_limits limits = {.pids = CLIENT_PIDS, .memory = CLIENT_MEMORY};
	char name[STAGE_CLIENT_NAME_SIZE];

	stage_client_name(&start->stage->clients[i], name);
	/* A keeper of root's has no right to bear clients there: it is none of the computer's
	 * users. */
	return cgroup_create(start->cgroup, name, &limits, !start->root, &start->doors[i], error);
}

/* Those of the clients of a wave, from FIRST on, that are not made yet. */
static int make_wave_groups(const struct start *start, size_t first, struct error *error)
{
	for (size_t i = first; i < first + KEEPER_WAVE && i < start->stage->client_count; i++)
		if (start->doors[i].count == 0 && make_cgroup(start, i, error) < 0)
			return -error->code;
	return 0;
}

static int give_doors(void *context, size_t first, struct channel_fds *doors, struct error *error)
{
	const struct start *start = context;

	if (start->doors == NULL)
		return error_set(error, EBADMSG, "the keeper asked for control groups");
	if (STEP(start->timing, make_wave_groups(start, first, error)) < 0)
		return -error->code;
	for (size_t i = first; i < first + KEEPER_WAVE && i < start->stage->client_count; i++)
		for (size_t j = 0; j < start->doors[i].count; j++)
			doors->fd[doors->count++] = start->doors[i].fd[j];
	return 0;
}

static void tell_watcher(void *context, enum keeper_step step, size_t done)
{
	const struct start *start = context;

	if (start->watcher != NULL)
		start->watcher->tell(start->watcher->context, step, done);
}

/* A signal that came where nothing waited for one. */
static int check_signals(const struct start *start, struct error *error)
{
	struct pollfd signals = {.fd = start->signals, .events = POLLIN};

	return poll(&signals, 1, 0) == 0 ? 0 : error_set(error, ECANCELED, "cancelled");
}

/* The clients' ends came up after the legs. A keeper that made them settles them too. */
static int settle_legs(const struct start *start, struct error *error)
{
	return start->root ? wire_settle_legs(start->computer, start->stage, error) : 0;
}

static int bring_up(struct start *start, struct error *error)
{
	struct timing *timing = start->timing;
	const struct keeper_plan plan = {.stage = start->stage,
					 .caller = start->session->caller,
					 .alone = start->root ? NULL : &start->alone,
					 .limits = &start->limits,
					 .filter = &start->filter,
					 .filter_file = start->filter_file,
					 .groups = start->doors != NULL,
					 .listener = start->listener,
					 .progress = start->watcher != NULL,
					 .timing = start->others};
	const struct keeper_servant servant = {make_leg,     raise_legs, give_doors,
					       tell_watcher, start,	 timing};
	int result = STEP(timing, keeper_spawn(&plan, &start->keeper, error));

	if (result == 0)
		result = STEP(timing, map_stage(start, error));
	if (result == 0)
		result = start->keeper.user_ns =
			STEP(timing, ns_open_of(start->keeper.pid, NS_USER, error));
	if (result >= 0)
		result = STEP(timing, furnish(start, error));
	/* It will ask for them when its root is made. */
	if (result == 0 && start->doors != NULL)
		result = STEP(timing, make_wave_groups(start, 0, error));
	if (result == 0)
		result = keeper_attend(&start->keeper, start->signals, &servant, error);
	if (result == 0)
		result = STEP(timing, settle_legs(start, error));
	if (result == 0)
		result = STEP(timing, session_mark(start->session, start->stage->name, error));
	if (result == 0)
		result = STEP(timing, check_signals(start, error));
	if (result == 0)
		result = keeper_release(&start->keeper, start->signals, &servant, error);
	return result;
}

/* A policy may let an ordinary user make namespaces and refuse what they are made for. */
static int refer_to_doctor(const struct start *start, struct error *error)
{
	if (start->root || (error->code != EPERM && error->code != EACCES))
		return -error->code;
	return error_set(error, error->code, "%.350s; what forbids it: pyroute doctor",
			 strdupa(error->text));
}

/* Leaves nothing; the error stays, unless even that failed. */
static void undo(struct start *start, struct error *error)
{
	struct session *session = start->session;
	struct error ignored;

	if (start->keeper.pidfd >= 0)
		process_end(start->keeper.pidfd);
	/* What it asked for and was not heard holds clients' namespaces. */
	keeper_close(&start->keeper);
	(void)session_mark(session, NULL, &ignored);
	if (session_clear_away(session, &ignored) < 0)
		(void)error_set(
			error, error->code, "%.200s; and then: %.200s; run pyroute stop%s%s",
			strdupa(error->text), ignored.text, session->name != NULL ? " --name " : "",
			session->name != NULL ? session->name : "");
}

int start_stage(struct session *session, const struct stage *stage, const struct start_wish *wish,
		struct start_outcome *outcome, struct error *error)
{
	CLEANUP(start_close)
	struct start start = {.session = session,
			      .stage = stage,
			      .watcher = wish->watcher,
			      .timing = wish->timing ? &wish->timing->starter : NULL,
			      .others = wish->timing ? wish->timing->others : NULL,
			      .root = geteuid() == 0,
			      .private = wish->private || geteuid() != 0,
			      .computer_ns = NS_SET_NONE,
			      .kit = NET_LEG_KIT_NONE,
			      .rootfs = -1,
			      .src = -1,
			      .filter_file = -1,
			      .listener = -1,
			      .signals = -1,
			      .keeper = KEEPER_NONE};
	/* The keeper's and the clients', who lower theirs, too. */
	int result = process_raise_file_limit(
		START_FILES + stage->client_count * START_FILES_CLIENT, error);

	if (result == 0)
		result = STEP(start.timing, session_lock(session, error));
	if (result == 0)
		result = look(&start, error);
	if (result >= 0)
		result = STEP(start.timing, session_end_running(session, error));
	if (result >= 0 && !start.private)
		result = STEP(start.timing, check_legs(&start, error));
	if (result >= 0 && wish->limits)
		result = STEP(start.timing, settle_limits(&start, error));
	if (result >= 0)
		result = change_computer(&start, error);
	if (result >= 0)
		result = bring_up(&start, error) < 0 ? refer_to_doctor(&start, error) : 0;
	if (result == -ECANCELED) {
		outcome->signalled = process_take_signal();
		(void)error_set(error, ECANCELED, "interrupted; %s is not started", stage->name);
	}
	if (result < 0 && start.changed)
		undo(&start, error);
	outcome->legs_all_only = start.legs.all_only || start.keeper.legs_all_only;
	outcome->private = start.private;
	outcome->limits = start.limits;
	outcome->one_id = has_one_id(&start);
	return result < 0 ? result : 0;
}
