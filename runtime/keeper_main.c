#include "keeper_main.h"

#include "channel.h"
#include "client.h"
#include "computer.h"
#include "file.h"
#include "net.h"
#include "process.h"
#include "root.h"
#include "service.h"
#include "switchboard.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define STEP_CLIENTS 8 /* or nets: so many between one word of progress and the next */

/* The computer's side of a private stage. Where the keeper makes the legs there, it has a socket in
 * that network namespace, and goes there and back for each. */
struct far_side {
	struct ns_set ns;
	struct nl_sock *socket;
	const struct stage *stage;
	int own_ns; /* borrowed: the keeper's network namespace */
	bool all_only;
};

/* Waits for VERB from the starter, whose death is the stage's. */
static int hear_starter(int channel, enum keeper_verb verb, struct keeper_word *word,
			struct channel_fds *fds, struct error *error)
{
	int result = channel_receive(channel, word, sizeof(*word), fds, error);

	if (result == 0)
		return error_set(error, ECANCELED, "the starter is gone");
	if (result > 0 && word->verb != verb)
		return error_set(error, EBADMSG, "the starter spoke out of turn");
	return result < 0 ? result : 0;
}

static int ask_leg_of_starter(void *context, const struct wire_far_end *far, int far_ns,
			      struct error *error)
{
	const int *channel = context;
	struct keeper_word word = {.verb = VERB_LEG, .far = *far};
	struct channel_fds fds = {.fd = {far_ns}, .count = 1};
	int result = channel_send(*channel, &word, sizeof(word), &fds, error);

	return result < 0 ? result : hear_starter(*channel, VERB_DONE, &word, NULL, error);
}

/* Every so often, where somebody looks on. A starter that is gone is noticed at the next step. */
static void tell_step(const struct keeper_plan *plan, int channel, enum keeper_step step,
		      size_t done)
{
	const struct keeper_word word = {.verb = VERB_STEP, .step = step, .done = (uint32_t)done};
	struct error ignored;

	if (plan->progress && done % STEP_CLIENTS == 0)
		(void)channel_send(channel, &word, sizeof(word), NULL, &ignored);
}

/* The starter's lock, above all, must not live on in here. */
static int close_starters_files(const struct keeper_birth *birth, struct error *error)
{
	const struct keeper_plan *plan = birth->plan;
	CLEANUP_FREE int *keep =
		calloc(3 + plan->stage->client_count * CGROUP_DOORS_MAX, sizeof(*keep));
	size_t count = 0;

	if (keep == NULL)
		return error_system(error, ENOMEM, "cannot close files");
	keep[count++] = birth->channel;
	keep[count++] = plan->listener;
	keep[count++] = plan->filter_file;
	for (size_t i = 0; plan->doors != NULL && i < plan->stage->client_count; i++)
		for (size_t j = 0; j < plan->doors[i].count; j++)
			keep[count++] = plan->doors[i].fd[j];
	return file_close_others(keep, count, error);
}

/* Nothing ties it to the session, the terminal or the files of who started it. */
static int detach_keeper(const struct keeper_birth *birth, struct error *error)
{
	sigset_t none;
	CLEANUP_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return error_system(error, errno, "cannot open /dev/null");
	for (int fd = 0; fd <= 2; fd++)
		if (dup2(null, fd) < 0)
			return error_system(error, errno, "cannot replace standard files");
	close_fd(&null);
	if (close_starters_files(birth, error) < 0)
		return -error->code;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setsid();
	(void)umask(022);
	(void)prctl(PR_SET_NAME, "pyroute-keeper");
	return 0;
}

/* Takes the overlays that the starter made, one for each client. */
static int take_overlays(int channel, struct client *clients, size_t count, struct error *error)
{
	for (size_t i = 0; i < count; i++) {
		CLEANUP_CHANNEL_FDS struct channel_fds fds = {.count = 0};
		struct keeper_word word;

		if (hear_starter(channel, VERB_OVERLAY, &word, &fds, error) < 0)
			return -error->code;
		if (fds.count != 1)
			return error_set(error, EBADMSG, "the starter sent %zu files", fds.count);
		clients[i].overlay = TAKE_FD(fds.fd[0]);
	}
	return 0;
}

/* Makes the keeper's root of the mounts in FDS, which come first in it, or of copies of its own. */
static int make_root(const struct keeper_alone *alone, const struct channel_fds *fds,
		     struct error *error)
{
	const uint64_t plain = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
	CLEANUP_FD int rootfs = -1;
	CLEANUP_FD int src = -1;

	if (alone == NULL)
		return root_make_for_keeper(fds->fd[0], fds->fd[1], error);
	rootfs = mount_copy_source(&alone->rootfs, plain | MOUNT_ATTR_RDONLY, error);
	src = rootfs < 0 ? -1 : mount_copy_source(&alone->src, plain, error);
	return src < 0 ? -error->code : root_make_for_keeper(rootfs, src, error);
}

static int furnish_keeper(const struct keeper_birth *birth, struct client *clients,
			  struct far_side *far, struct error *error)
{
	const struct keeper_plan *plan = birth->plan;
	CLEANUP_CHANNEL_FDS struct channel_fds fds = {.count = 0};
	struct keeper_word word = {0};
	int result = hear_starter(birth->channel, VERB_FURNISH, &word, &fds, error);

	if (result == 0 && fds.count != (word.mounts ? 2U : 0U) + (word.computer ? 2U : 0U))
		return error_set(error, EBADMSG, "the starter sent %zu files", fds.count);
	if (result == 0 && word.overlays)
		result = take_overlays(birth->channel, clients, plan->stage->client_count, error);
	/* The map is written by now, which an ordinary user can do to what is dumpable alone. */
	(void)prctl(PR_SET_DUMPABLE, 0);
	if (result == 0)
		result = privilege_become_root(error);
	if (result == 0)
		result = make_root(plan->alone, &fds, error);
	if (result == 0 && word.computer) {
		far->ns.fd[NS_NET] = TAKE_FD(fds.fd[fds.count - 1]);
		far->ns.fd[NS_USER] = TAKE_FD(fds.fd[fds.count - 2]);
	}
	return result;
}

/* ---- the computer's side, where the starter is not root ---------------------------------------
 */

static int go_home(const struct far_side *far, struct error *error)
{
	struct ns_set own = NS_SET_NONE;

	own.fd[NS_NET] = far->own_ns;
	return ns_enter(&own, error);
}

static int make_far_side(struct far_side *far, const struct caller *student, struct error *error)
{
	const struct caller root = {.uid = 0, .gid = 0};
	int result = computer_make(student, &root, &far->ns, error);

	if (result == 0)
		result = computer_enter(&far->ns, error);
	if (result == 0)
		result = net_socket_open(&far->socket, error);
	if (result == 0)
		result = computer_settle(far->socket, error);
	return result == 0 ? go_home(far, error) : result;
}

/* As the starter does it for the computer itself; the kernel's settings of a leg are those of the
 * namespace that their files are opened in. */
static int make_leg_there(void *context, const struct wire_far_end *wanted, int far_ns,
			  struct error *error)
{
	struct far_side *far = context;
	struct wire_leg leg = {.all_only = false};
	int result = computer_enter(&far->ns, error);

	if (result == 0)
		result = wire_make_leg(far->socket, stage_net_find(far->stage, wanted->net), wanted,
				       far_ns, true, &leg, error);
	if (result < 0)
		return result;
	far->all_only = far->all_only || leg.all_only;
	return go_home(far, error);
}

static void far_side_close(struct far_side *far)
{
	net_socket_close(&far->socket);
	ns_set_close(&far->ns);
}

static int for_client(const struct stage_client *client, struct error *error)
{
	char name[STAGE_CLIENT_NAME_SIZE];

	stage_client_name(client, name);
	return error->code == ECANCELED ? -ECANCELED : error_prefix(error, "%s", name);
}

static int let_go_on(const struct stage *stage, struct client *clients, struct error *error)
{
	for (size_t i = 0; i < stage->client_count; i++)
		if (client_go_on(&clients[i], error) < 0)
			return for_client(&stage->clients[i], error);
	return 0;
}

/* Has the starter map the ids of their user namespaces. */
static int map_clients(const struct stage *stage, struct client *clients, int channel,
		       struct error *error)
{
	CLEANUP_FD int proc = file_open_directory(AT_FDCWD, "/proc", error);
	struct channel_fds fds = {.fd = {proc}, .count = 1};
	struct keeper_word word = {.verb = VERB_MAP};

	for (size_t i = 0; i < stage->client_count; i++) {
		if (proc < 0 || client_wait_born(&clients[i], channel, error) < 0)
			return for_client(&stage->clients[i], error);
		word.pids[word.pid_count++] = clients[i].pid;
		if (word.pid_count < KEEPER_MAP_CLIENTS && i + 1 < stage->client_count)
			continue;
		if (channel_send(channel, &word, sizeof(word), &fds, error) < 0 ||
		    hear_starter(channel, VERB_DONE, &word, NULL, error) < 0)
			return -error->code;
		word = (struct keeper_word){.verb = VERB_MAP};
	}
	return let_go_on(stage, clients, error);
}

static int spawn_clients(const struct keeper_plan *plan, struct client *clients, int channel,
			 struct error *error)
{
	const struct stage *stage = plan->stage;
	struct settings_survey survey;

	if (settings_survey(stage_has(stage, FAMILY_IPV6), &survey, error) < 0)
		return -error->code;
	for (size_t i = 0; i < stage->client_count; i++) {
		struct client_birth birth = {.stage = stage,
					     .client = &stage->clients[i],
					     .survey = &survey,
					     .filter = plan->filter,
					     .limits = plan->limits,
					     .doors = plan->doors ? &plan->doors[i] : NULL,
					     .dumpable = plan->alone != NULL,
					     .timing = plan->timing ? &plan->timing[1 + i] : NULL};

		if (client_spawn(&birth, &clients[i], error) < 0)
			return for_client(&stage->clients[i], error);
		tell_step(plan, channel, KEEPER_STEP_MADE, i + 1);
	}
	if (map_clients(stage, clients, channel, error) < 0)
		return -error->code;
	for (size_t i = 0; i < stage->client_count; i++)
		if (client_meet(&clients[i], channel, error) < 0)
			return for_client(&stage->clients[i], error);
	return 0;
}

static int wire_clients(const struct keeper_plan *plan, struct client *clients, int channel,
			struct far_side *far, struct error *error)
{
	const struct stage *stage = plan->stage;
	CLEANUP_NET struct nl_sock *socket = NULL;
	CLEANUP_FD int own_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	CLEANUP_FREE int *client_ns = calloc(stage->client_count, sizeof(*client_ns));
	struct switchboard board = {.ns = own_ns,
				    .stage = stage,
				    .client_ns = client_ns,
				    .ask = ask_leg_of_starter,
				    .context = &channel};

	if (own_ns < 0 || client_ns == NULL)
		return error_system(error, errno, "cannot wire the clients");
	for (size_t i = 0; i < stage->client_count; i++)
		client_ns[i] = clients[i].ns.fd[NS_NET];
	if (plan->alone != NULL) {
		*far = (struct far_side){.stage = stage, .own_ns = own_ns, .ns = NS_SET_NONE};
		board.ask = make_leg_there;
		board.context = far;
		if (make_far_side(far, plan->caller, error) < 0)
			return error_prefix(error, "the computer's side");
	}
	if (switchboard_settle(error) < 0 || net_socket_open(&socket, error) < 0)
		return -error->code;
	board.socket = socket;
	for (size_t i = 0; i < stage->net_count; i++) {
		if (switchboard_make_net(&board, &stage->nets[i], error) < 0)
			return -error->code;
		tell_step(plan, channel, KEEPER_STEP_WIRED, i + 1);
	}
	return let_go_on(stage, clients, error);
}

static int wait_for_clients(const struct keeper_plan *plan, struct client *clients, int channel,
			    struct error *error)
{
	const struct stage *stage = plan->stage;

	for (size_t i = 0; i < stage->client_count; i++) {
		if (client_wait_up(&clients[i], channel, error) < 0)
			return for_client(&stage->clients[i], error);
		tell_step(plan, channel, KEEPER_STEP_UP, i + 1);
	}
	return 0;
}

/* The clients' ends came up after the others. */
static int settle_wires(const struct stage *stage, struct far_side *far, struct error *error)
{
	CLEANUP_NET struct nl_sock *socket = NULL;

	if (net_socket_open(&socket, error) < 0)
		return -error->code;
	for (size_t i = 0; i < stage->net_count; i++)
		if (switchboard_settle_net(socket, stage, &stage->nets[i], error) < 0)
			return -error->code;
	if (far->socket == NULL)
		return 0;
	if (wire_settle_legs(far->socket, stage, error) < 0)
		return -error->code;
	net_socket_close(&far->socket);
	return 0;
}

/* The starter may have been killed meanwhile: the stage is its own by now. */
static int confirm_release(int channel, const struct keeper_word *up, struct error *error)
{
	int result = channel_send(channel, up, sizeof(*up), NULL, error);

	return result == -EPIPE ? 0 : result;
}

/* A stage's start as the keeper sees it, on one screen. */
static int start_keeper(const struct keeper_birth *birth, struct client *clients,
			struct far_side *far, struct error *error)
{
	const struct keeper_plan *plan = birth->plan;
	struct timing *timing = plan->timing;
	struct keeper_word up = {.verb = VERB_UP};
	struct keeper_word word;
	int result;

	timing_begin(timing);
	result = STEP(timing, detach_keeper(birth, error));

	if (result == 0)
		result = STEP(timing, furnish_keeper(birth, clients, far, error));
	if (result == 0)
		result = STEP(timing, spawn_clients(plan, clients, birth->channel, error));
	if (result == 0)
		result = STEP(timing, wire_clients(plan, clients, birth->channel, far, error));
	if (result == 0)
		result = STEP(timing, wait_for_clients(plan, clients, birth->channel, error));
	if (result == 0)
		result = STEP(timing, settle_wires(plan->stage, far, error));
	up.all_only = far->all_only;
	if (result == 0)
		result = channel_send(birth->channel, &up, sizeof(up), NULL, error);
	if (result == 0)
		result = hear_starter(birth->channel, VERB_RELEASE, &word, NULL, error);
	for (size_t i = 0; result == 0 && i < plan->stage->client_count; i++)
		client_release(&clients[i]);
	return result == 0 ? confirm_release(birth->channel, &up, error) : result;
}

/* Ends every client and waits until each is gone: whoever waits for the keeper then finds nobody.
 */
static void end_clients(const struct stage *stage, struct client *clients)
{
	for (size_t i = 0; i < stage->client_count; i++)
		if (clients[i].pid > 0)
			(void)kill(clients[i].pid, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		continue;
}

int keeper_main(void *argument)
{
	const struct keeper_birth *birth = argument;
	const struct keeper_plan *plan = birth->plan;
	CLEANUP_FREE struct client *clients = calloc(plan->stage->client_count, sizeof(*clients));
	CLEANUP(far_side_close) struct far_side far = {.ns = NS_SET_NONE};
	struct keeper_word failed = {.verb = VERB_UP};
	int result;

	for (size_t i = 0; clients != NULL && i < plan->stage->client_count; i++)
		clients[i] = CLIENT_NONE;
	result = clients == NULL ? error_system(&failed.error, ENOMEM, "cannot start")
				 : start_keeper(birth, clients, &far, &failed.error);
	if (result == 0) {
		struct service_plan service = {.stage = plan->stage,
					       .clients = clients,
					       .doors = plan->doors,
					       .limits = plan->limits,
					       .computer = &far.ns,
					       .filter = plan->filter_file,
					       .listener = plan->listener};

		(void)close(birth->channel);
		result = service_run(&service, &failed.error);
	} else {
		struct error ignored;

		(void)channel_send(birth->channel, &failed, sizeof(failed), NULL, &ignored);
	}
	if (clients != NULL)
		end_clients(plan->stage, clients);
	return result == 0 ? 0 : 1;
}
