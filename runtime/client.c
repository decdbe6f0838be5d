#include "client.h"

#include "channel.h"
#include "file.h"
#include "inhabitant.h"
#include "privilege.h"
#include "process.h"
#include "stack.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define CLIENT_NAMESPACES                                                                          \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC)

#define RELEASE_TRIES 5

/* The one kind of message, both ways: error.code 0 is "done, go on". */
struct word {
	struct error error;
};

/* What the child's first function is given. */
struct birth_child {
	const struct client_birth *birth;
	int channel;   /* its own end */
	int overlay;   /* see struct client */
	bool admitted; /* was born in its control group */
};

void client_close(struct client *client)
{
	close_fd(&client->pidfd);
	close_fd(&client->channel);
	close_fd(&client->overlay);
	ns_set_close(&client->ns);
}

/* ---- in the client's first process ---------------------------------------------------------- */

/* Enters the control group first, so that the cgroup namespace has it as its root. */
static int enter_cgroup_child(const struct birth_child *child, struct error *error)
{
	const struct cgroup_doors *doors = child->birth->doors;

	if (doors != NULL && !child->admitted && cgroup_enter(doors, error) < 0)
		return -error->code;
	if (unshare(CLONE_NEWCGROUP) < 0)
		return error_system(error, errno, "cannot make a cgroup namespace");
	return 0;
}

static int announce_birth_child(const struct birth_child *child, struct error *error)
{
	struct word word = {{0}};

	if (child->birth->dumpable && prctl(PR_SET_DUMPABLE, 1) < 0)
		return error_system(error, errno, "cannot be looked into");
	return channel_send(child->channel, &word, sizeof(word), NULL, error);
}

static int wait_for_keeper_child(int channel, struct error *error)
{
	struct word word;
	int result = channel_receive(channel, &word, sizeof(word), NULL, error);

	if (result == 0)
		return error_set(error, ECANCELED, "the keeper is gone");
	return result < 0 ? result : 0;
}

static int wait_for_ids_child(int channel, struct error *error)
{
	int result = wait_for_keeper_child(channel, error);

	if (result == 0 && prctl(PR_SET_DUMPABLE, 0) < 0)
		result = error_system(error, errno, "cannot hide from the client");
	return result;
}

/* Before anybody can make an interface in its network namespace. */
static int settle_child(const struct client_birth *birth, int proc, struct error *error)
{
	return settings_apply(proc, birth->survey, stage_has(birth->stage, FAMILY_IPV6),
			      birth->client->forwarding, error);
}

static int give_child(int channel, const struct ns_set *set, struct error *error)
{
	struct channel_fds fds = {.count = 0};
	struct word word = {{0}};

	for (size_t i = 0; i < NS_KINDS; i++)
		if (set->fd[i] >= 0)
			fds.fd[fds.count++] = set->fd[i];
	return channel_send(channel, &word, sizeof(word), &fds, error);
}

static int give_network_child(int channel, int proc, struct error *error)
{
	CLEANUP_NS_SET struct ns_set own = NS_SET_NONE;

	own.fd[NS_NET] = ns_open_self(proc, NS_NET, error);
	return own.fd[NS_NET] < 0 ? -error->code : give_child(channel, &own, error);
}

static int give_namespaces_child(int channel, struct error *error)
{
	CLEANUP_NS_SET struct ns_set own = NS_SET_NONE;
	CLEANUP_FD int proc = file_open_directory(AT_FDCWD, "/proc", error);

	if (proc < 0 || ns_open_own(proc, &own, error) < 0)
		return -error->code;
	return give_child(channel, &own, error);
}

/* Standard files of the client's own, in place of the keeper's. */
static int open_null_child(struct error *error)
{
	CLEANUP_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd <= 2; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			return error_system(error, errno, "cannot open /dev/null");
	return 0;
}

static int name_host_child(const struct stage_client *client, struct error *error)
{
	char name[STAGE_CLIENT_NAME_SIZE];

	stage_client_name(client, name);
	if (sethostname(name, strlen(name)) < 0)
		return error_system(error, errno, "cannot set the host name");
	(void)prctl(PR_SET_NAME, name); /* in the computer's list of processes */
	return 0;
}

static int announce_child(int channel, const struct error *outcome)
{
	struct word word = {*outcome};
	struct error ignored;

	return channel_send(channel, &word, sizeof(word), NULL, &ignored);
}

/* Waits until the stage is up, and becomes what `run` says. The keeper's end of the channel goes
 * where there will be no stage. */
_Noreturn static void main_run_child(const char *command, int channel)
{
	struct error ignored;
	struct word word;

	if (channel_receive(channel, &word, sizeof(word), NULL, &ignored) > 0)
		(void)inhabitant_become_run_child(command, &ignored);
	_exit(PROCESS_FAILED);
}

/* The child that will be `run` is made here, where all that a client may not have is given up: so
 * it has no more than pid 1 itself. Until its exec nobody in the client can look into it, for it is
 * not dumpable, as the keeper that it comes from. */
static int spawn_run_child(const struct birth_child *child, struct error *error)
{
	const char *command = child->birth->client->run;
	pid_t pid = command == NULL ? 1 : fork();

	if (pid < 0)
		return error_system(error, errno, "cannot make a process for its \"run\"");
	if (pid == 0)
		main_run_child(command, child->channel);
	return 0;
}

/* A client's birth, on one screen. */
static int become_client_child(struct birth_child *child, struct error *error)
{
	const struct client_birth *birth = child->birth;
	struct timing *timing = birth->timing;
	CLEANUP_FD int proc = -1;
	int result;

	timing_begin(timing);
	result = STEP(timing, enter_cgroup_child(child, error));

	/* Nothing of the keeper's files is wanted from here on but these. */
	if (result == 0)
		result = STEP(timing,
			      file_close_others((int[]){child->channel, child->overlay}, 2, error));
	if (result == 0)
		result = STEP(timing, announce_birth_child(child, error));
	if (result == 0)
		result = STEP(timing, wait_for_ids_child(child->channel, error));
	if (result == 0)
		result = proc = STEP(timing, root_make_proc(error));
	if (result >= 0)
		result = STEP(timing, settle_child(birth, proc, error));
	if (result == 0)
		result = STEP(timing, give_network_child(child->channel, proc, error));
	if (result == 0)
		result = STEP(timing, root_make_for_client(birth->client, birth->root,
							   child->overlay, proc, error));
	close_fd(&proc);
	if (result == 0)
		result = STEP(timing, file_close_others(&child->channel, 1, error));
	if (result == 0)
		result = STEP(timing, open_null_child(error));
	if (result == 0)
		result = STEP(timing, name_host_child(birth->client, error));
	if (result == 0)
		result = STEP(timing, wait_for_keeper_child(child->channel, error));
	if (result == 0)
		result = STEP(timing,
			      stack_raise(birth->stage, birth->client, birth->offloads, error));
	if (result == 0)
		result = STEP(timing, wait_for_keeper_child(child->channel, error));
	if (result == 0)
		result = STEP(timing, give_namespaces_child(child->channel, error));
	if (result == 0)
		result = STEP(timing, client_confine(birth->filter, birth->limits, error));
	if (result == 0)
		result = STEP(timing, spawn_run_child(child, error));
	return result;
}

static int main_child(void *argument)
{
	struct birth_child *child = argument;
	struct error error = {0};

	if (become_client_child(child, &error) < 0) {
		(void)announce_child(child->channel, &error);
		return 1;
	}
	if (announce_child(child->channel, &(struct error){0}) < 0)
		return 1;
	(void)close(child->channel);
	process_be_init();
}

/* ---- in whatever runs inside a client ------------------------------------------------------- */

static int limit(int resource, rlim_t soft, rlim_t hard, struct error *error)
{
	struct rlimit now;

	if (getrlimit((__rlimit_resource_t)resource, &now) < 0)
		return error_system(error, errno, "cannot read a resource limit");
	now.rlim_max = hard < now.rlim_max ? hard : now.rlim_max;
	now.rlim_cur = soft < now.rlim_max ? soft : now.rlim_max;
	if (setrlimit((__rlimit_resource_t)resource, &now) < 0)
		return error_system(error, errno, "cannot set a resource limit");
	return 0;
}

int client_confine(const struct filter *filter, const struct client_limits *limits,
		   struct error *error)
{
	int result = limit(RLIMIT_NOFILE, CLIENT_OPEN_FILES, CLIENT_OPEN_FILES_MAX, error);

	if (result == 0)
		result = limit(RLIMIT_CORE, 0, 0, error);
	if (result == 0 && limits->processes != 0)
		result = limit(RLIMIT_NPROC, limits->processes, limits->processes, error);
	if (result == 0 && limits->data != 0)
		result = limit(RLIMIT_DATA, limits->data, limits->data, error);
	/* Should: hold the client's capabilities from here on. Must not: regain any by an exec. */
	if (result == 0)
		result = privilege_drop_to_client(error);
	/* Last, since the policy allows none of what went before. */
	if (result == 0)
		result = filter_load(filter, error);
	return result;
}

/* ---- in the keeper -------------------------------------------------------------------------- */

/* Born in its control group where there is a birthplace, and clone3(2), which the policy of a
 * container may refuse. */
static pid_t bear(struct birth_child *child, struct error *error)
{
	const struct cgroup_doors *doors = child->birth->doors;
	const int group = doors == NULL ? -1 : cgroup_birthplace(doors);
	pid_t pid = -1;

	child->admitted = true;
	if (group >= 0)
		pid = ns_clone_into(group, CLIENT_NAMESPACES, main_child, child, NULL, error);
	if (pid >= 0)
		return pid;
	child->admitted = false;
	return ns_clone(CLIENT_NAMESPACES, main_child, child, NULL, error);
}

int client_spawn(const struct client_birth *birth, struct client *client, struct error *error)
{
	int ends[2];
	struct birth_child child = {.birth = birth, .overlay = client->overlay};
	int result = channel_pair(ends, error);

	if (result < 0)
		return result;
	client->channel = ends[0];
	child.channel = ends[1];
	client->pid = bear(&child, error);
	close_fd(&ends[1]);
	close_fd(&client->overlay);
	return client->pid < 0 ? client->pid : 0;
}

/* Waits for the newborn's next word; what it says went wrong becomes our error. */
static int hear(struct client *client, int guard, struct channel_fds *fds, struct error *error)
{
	struct word word = {0};
	int result = channel_wait_with(client->channel, guard, error);

	if (result == 0)
		result = channel_receive(client->channel, &word, sizeof(word), fds, error);
	if (result < 0)
		return result;
	if (result == 0)
		return error_set(error, ECHILD, "its first process died before it was up");
	return error_take(error, &word.error);
}

int client_wait_born(struct client *client, int guard, struct error *error)
{
	return hear(client, guard, NULL, error);
}

int client_go_on(struct client *client, struct error *error)
{
	struct word word = {{0}};
	int result = channel_send(client->channel, &word, sizeof(word), NULL, error);

	return result == -EPIPE ? 0 : result; /* it has ended: the next hear() tells why */
}

/* Receives COUNT namespaces into TO. */
static int take_namespaces(struct client *client, int guard, int *to, size_t count,
			   struct error *error)
{
	CLEANUP_CHANNEL_FDS struct channel_fds fds = {.count = 0};
	int result = hear(client, guard, &fds, error);

	if (result < 0)
		return result;
	if (fds.count != count)
		return error_set(error, EBADMSG, "it sent %zu namespaces", fds.count);
	memcpy(to, fds.fd, count * sizeof(*to));
	fds.count = 0;
	return 0;
}

int client_meet(struct client *client, int guard, struct error *error)
{
	return take_namespaces(client, guard, &client->ns.fd[NS_NET], 1, error);
}

int client_meet_whole(struct client *client, int guard, struct error *error)
{
	client->pidfd = pidfd_open(client->pid, 0); /* nobody has reaped it yet */
	if (client->pidfd < 0)
		return error_system(error, errno, "cannot open its process");
	return take_namespaces(client, guard, client->ns.fd, NS_KINDS, error);
}

int client_wait_up(struct client *client, int guard, struct error *error)
{
	return hear(client, guard, NULL, error);
}

/* That nobody is there is no failure: it has nothing to run, or has ended. Any other is tried
 * again, for from here on nobody could be told. */
void client_release(struct client *client)
{
	struct word word = {{0}};
	struct error ignored = {0};

	for (int i = 0; i < RELEASE_TRIES && ignored.code != EPIPE; i++)
		if (channel_send(client->channel, &word, sizeof(word), NULL, &ignored) == 0)
			break;
	close_fd(&client->channel);
}
