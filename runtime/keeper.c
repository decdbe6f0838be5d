#include "keeper.h"

#include "channel.h"
#include "client.h"
#include "file.h"
#include "net.h"
#include "process.h"
#include "root.h"
#include "service.h"
#include "switchboard.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define STEP_CLIENTS 8 /* or nets: so many between one word of progress and the next */

#define KEEPER_NAMESPACES (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC)

enum verb {
	VERB_FURNISH, /* to the keeper: two mounts, and whether overlays follow */
	VERB_OVERLAY, /* to the keeper: the next client's root */
	VERB_LEG,     /* to the starter: a network namespace, and what to make of it */
	VERB_DONE,    /* to the keeper: that leg is there, or not */
	VERB_STEP,    /* to the starter: how far it is */
	VERB_UP,      /* to the starter: all is up, or not */
	VERB_RELEASE, /* to the keeper: live on */
};

struct word {
	uint32_t verb;
	bool overlays;
	struct wire_far_end far;
	uint32_t step; /* enum keeper_step */
	uint32_t done;
	struct error error;
};

/* What the keeper's first function is given. */
struct keeper_birth {
	const struct keeper_plan *plan;
	int channel; /* its own end */
};

/* ---- in the keeper -------------------------------------------------------------------------- */

/* Waits for VERB from the starter, whose death is the stage's. */
static int hear_starter(int channel, enum verb verb, struct word *word, struct channel_fds *fds,
			struct error *error)
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
	struct word word = {.verb = VERB_LEG, .far = *far};
	struct channel_fds fds = {.fd = {far_ns}, .count = 1};
	int result = channel_send(*channel, &word, sizeof(word), &fds, error);

	return result < 0 ? result : hear_starter(*channel, VERB_DONE, &word, NULL, error);
}

/* Every so often, where somebody looks on. A starter that is gone is noticed at the next step. */
static void tell_step(const struct keeper_plan *plan, int channel, enum keeper_step step,
		      size_t done)
{
	const struct word word = {.verb = VERB_STEP, .step = step, .done = (uint32_t)done};
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
	(void)prctl(PR_SET_DUMPABLE, 0);
	return 0;
}

/* Takes the overlays that the starter made, one for each client. */
static int take_overlays(int channel, struct client *clients, size_t count, struct error *error)
{
	for (size_t i = 0; i < count; i++) {
		CLEANUP_CHANNEL_FDS struct channel_fds fds = {.count = 0};
		struct word word;

		if (hear_starter(channel, VERB_OVERLAY, &word, &fds, error) < 0)
			return -error->code;
		if (fds.count != 1)
			return error_set(error, EBADMSG, "the starter sent %zu files", fds.count);
		clients[i].overlay = TAKE_FD(fds.fd[0]);
	}
	return 0;
}

static int furnish_keeper(int channel, struct client *clients, size_t count, struct error *error)
{
	CLEANUP_CHANNEL_FDS struct channel_fds mounts = {.count = 0};
	struct word word = {0};
	int result = hear_starter(channel, VERB_FURNISH, &word, &mounts, error);

	if (result == 0 && mounts.count != 2)
		return error_set(error, EBADMSG, "the starter sent %zu mounts", mounts.count);
	if (result == 0 && word.overlays)
		result = take_overlays(channel, clients, count, error);
	/* The map is written by now. */
	if (result == 0)
		result = privilege_become_root(error);
	if (result == 0)
		result = root_make_for_keeper(mounts.fd[0], mounts.fd[1], error);
	return result;
}

static int for_client(const struct stage_client *client, struct error *error)
{
	char name[STAGE_CLIENT_NAME_SIZE];

	stage_client_name(client, name);
	return error->code == ECANCELED ? -ECANCELED : error_prefix(error, "%s", name);
}

static int spawn_clients(const struct keeper_plan *plan, struct client *clients, int channel,
			 struct error *error)
{
	const struct stage *stage = plan->stage;

	for (size_t i = 0; i < stage->client_count; i++) {
		struct client_birth birth = {.stage = stage,
					     .client = &stage->clients[i],
					     .filter = plan->filter,
					     .doors = plan->doors ? &plan->doors[i] : NULL};

		if (client_spawn(&birth, &clients[i], error) < 0)
			return for_client(&stage->clients[i], error);
		tell_step(plan, channel, KEEPER_STEP_MADE, i + 1);
	}
	for (size_t i = 0; i < stage->client_count; i++)
		if (client_meet(&clients[i], channel, error) < 0)
			return for_client(&stage->clients[i], error);
	return 0;
}

static int wire_clients(const struct keeper_plan *plan, struct client *clients, int channel,
			struct error *error)
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
	if (switchboard_settle(error) < 0 || net_socket_open(&socket, error) < 0)
		return -error->code;
	board.socket = socket;
	for (size_t i = 0; i < stage->net_count; i++) {
		if (switchboard_make_net(&board, &stage->nets[i], error) < 0)
			return -error->code;
		tell_step(plan, channel, KEEPER_STEP_WIRED, i + 1);
	}
	for (size_t i = 0; i < stage->client_count; i++)
		if (client_wire_up(&clients[i], error) < 0)
			return for_client(&stage->clients[i], error);
	return 0;
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

/* The clients' ends came up after the keeper's. */
static int settle_wires(const struct stage *stage, struct error *error)
{
	CLEANUP_NET struct nl_sock *socket = NULL;

	if (net_socket_open(&socket, error) < 0)
		return -error->code;
	for (size_t i = 0; i < stage->net_count; i++)
		if (switchboard_settle_net(socket, stage, &stage->nets[i], error) < 0)
			return -error->code;
	return 0;
}

/* A stage's start as the keeper sees it, on one screen. */
static int start_keeper(const struct keeper_birth *birth, struct client *clients,
			struct error *error)
{
	const struct keeper_plan *plan = birth->plan;
	struct word word = {.verb = VERB_UP};
	int result = detach_keeper(birth, error);

	if (result == 0)
		result = furnish_keeper(birth->channel, clients, plan->stage->client_count, error);
	if (result == 0)
		result = spawn_clients(plan, clients, birth->channel, error);
	if (result == 0)
		result = wire_clients(plan, clients, birth->channel, error);
	if (result == 0)
		result = wait_for_clients(plan, clients, birth->channel, error);
	if (result == 0)
		result = settle_wires(plan->stage, error);
	if (result == 0)
		result = channel_send(birth->channel, &word, sizeof(word), NULL, error);
	if (result == 0)
		result = hear_starter(birth->channel, VERB_RELEASE, &word, NULL, error);
	for (size_t i = 0; result == 0 && i < plan->stage->client_count; i++)
		client_release(&clients[i]);
	return result;
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

static int main_keeper(void *argument)
{
	const struct keeper_birth *birth = argument;
	const struct keeper_plan *plan = birth->plan;
	CLEANUP_FREE struct client *clients = calloc(plan->stage->client_count, sizeof(*clients));
	struct word failed = {.verb = VERB_UP};
	int result;

	for (size_t i = 0; clients != NULL && i < plan->stage->client_count; i++)
		clients[i] = CLIENT_NONE;
	result = clients == NULL ? error_system(&failed.error, ENOMEM, "cannot start")
				 : start_keeper(birth, clients, &failed.error);
	if (result == 0) {
		struct service_plan service = {.stage = plan->stage,
					       .clients = clients,
					       .doors = plan->doors,
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

/* ---- in the starter ------------------------------------------------------------------------- */

void keeper_close(struct keeper *keeper)
{
	close_fd(&keeper->channel);
	close_fd(&keeper->pidfd);
}

int keeper_spawn(const struct keeper_plan *plan, const struct ns_ids *ids, struct keeper *keeper,
		 struct error *error)
{
	struct keeper_birth birth = {.plan = plan};
	struct privilege_saved saved = {0};
	int ends[2];
	int result = channel_pair(ends, error);

	if (result < 0)
		return result;
	keeper->channel = ends[0];
	birth.channel = ends[1];
	/* Should: make a user namespace that the caller owns, and may enter. Must not: leave the
	 * starter itself under the caller's uid. */
	result = privilege_borrow_uid(plan->caller->uid, &saved, error);
	if (result == 0)
		result = keeper->pid =
			ns_clone(KEEPER_NAMESPACES, main_keeper, &birth, &keeper->pidfd, error);
	privilege_resume(&saved);
	close_fd(&ends[1]);
	if (result >= 0)
		result = ns_map(keeper->pid, ids, ids, error);
	return result < 0 ? result : 0;
}

/* A keeper that has ended is no failure here: keeper_attend() hears why. */
static int tell_keeper(const struct keeper *keeper, const struct word *word,
		       const struct channel_fds *fds, struct error *error)
{
	int result = channel_send(keeper->channel, word, sizeof(*word), fds, error);

	return result == -EPIPE ? 0 : result;
}

int keeper_furnish(struct keeper *keeper, int rootfs, int src, bool overlays, struct error *error)
{
	struct word word = {.verb = VERB_FURNISH, .overlays = overlays};
	struct channel_fds mounts = {.fd = {rootfs, src}, .count = 2};

	return tell_keeper(keeper, &word, &mounts, error);
}

int keeper_give_overlay(struct keeper *keeper, int overlay, struct error *error)
{
	struct word word = {.verb = VERB_OVERLAY};
	struct channel_fds fds = {.fd = {overlay}, .count = 1};

	return tell_keeper(keeper, &word, &fds, error);
}

static int make_and_answer(struct keeper *keeper, const struct word *wanted, int far_ns,
			   keeper_make_leg *make, void *context, struct error *error)
{
	struct word done = {.verb = VERB_DONE};

	if (make(context, &wanted->far, far_ns, error) < 0)
		return -error->code;
	return tell_keeper(keeper, &done, NULL, error);
}

int keeper_attend(struct keeper *keeper, int guard, keeper_make_leg *make, keeper_tell *tell,
		  void *context, struct error *error)
{
	for (;;) {
		CLEANUP_CHANNEL_FDS struct channel_fds fds = {.count = 0};
		struct word word = {0};
		int result = channel_wait(keeper->channel, guard, error);

		if (result == 0)
			result = channel_receive(keeper->channel, &word, sizeof(word), &fds, error);
		if (result == 0)
			return error_set(error, ECHILD, "the stage's keeper was killed");
		if (result < 0)
			return result;
		if (word.verb == VERB_LEG && fds.count == 1) {
			result = make_and_answer(keeper, &word, fds.fd[0], make, context, error);
			if (result < 0)
				return result;
			continue;
		}
		if (word.verb == VERB_STEP) {
			tell(context, (enum keeper_step)word.step, word.done);
			continue;
		}
		if (word.verb != VERB_UP)
			return error_set(error, EBADMSG, "the keeper spoke out of turn");
		return error_take(error, &word.error);
	}
}

int keeper_release(struct keeper *keeper, struct error *error)
{
	struct word word = {.verb = VERB_RELEASE};

	return channel_send(keeper->channel, &word, sizeof(word), NULL, error);
}
