#include "keeper_main.h"

#include "channel.h"
#include "client.h"
#include "file.h"
#include "nursery.h"
#include "process.h"
#include "root.h"
#include "service.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

int keeper_hear(int channel, enum keeper_verb verb, struct keeper_word *word,
		struct channel_fds *fds, struct error *error)
{
	int result = channel_receive(channel, word, sizeof(*word), fds, error);

	if (result == 0)
		return error_set(error, ECANCELED, "the starter is gone");
	if (result > 0 && word->verb != verb)
		return error_set(error, EBADMSG, "the starter spoke out of turn");
	return result < 0 ? result : 0;
}

/* The starter's lock, above all, must not live on in here. */
static int close_starters_files(const struct keeper_birth *birth, struct error *error)
{
	int keep[] = {birth->channel, birth->plan->listener, birth->plan->filter_file};

	return file_close_others(keep, ARRAY_SIZE(keep), error);
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

		if (keeper_hear(channel, VERB_OVERLAY, &word, &fds, error) < 0)
			return -error->code;
		if (fds.count != 1)
			return error_set(error, EBADMSG, "the starter sent %zu files", fds.count);
		clients[i].overlay = TAKE_FD(fds.fd[0]);
	}
	return 0;
}

/* Makes the keeper's root of the mounts in FDS, which come first in it, or of copies of its own. */
static int make_root(const struct keeper_plan *plan, const struct channel_fds *fds,
		     struct error *error)
{
	const struct keeper_alone *alone = plan->alone;
	const uint64_t plain = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
	CLEANUP_FD int rootfs = -1;
	CLEANUP_FD int src = -1;

	if (alone == NULL)
		return root_make_for_keeper(plan->stage, fds->fd[0], fds->fd[1], error);
	rootfs = mount_copy_source(&alone->rootfs, plain | MOUNT_ATTR_RDONLY, error);
	src = rootfs < 0 ? -1 : mount_copy_source(&alone->src, plain, error);
	return src < 0 ? -error->code : root_make_for_keeper(plan->stage, rootfs, src, error);
}

static int furnish_keeper(const struct keeper_birth *birth, struct client *clients,
			  struct far_side *far, struct error *error)
{
	const struct keeper_plan *plan = birth->plan;
	CLEANUP_CHANNEL_FDS struct channel_fds fds = {.count = 0};
	struct keeper_word word = {0};
	int result = keeper_hear(birth->channel, VERB_FURNISH, &word, &fds, error);

	if (result == 0 && fds.count != (word.mounts ? 2U : 0U) + (word.computer ? 2U : 0U))
		return error_set(error, EBADMSG, "the starter sent %zu files", fds.count);
	if (result == 0 && word.overlays)
		result = take_overlays(birth->channel, clients, plan->stage->client_count, error);
	/* The map is written by now, which an ordinary user can do to what is dumpable alone. */
	(void)prctl(PR_SET_DUMPABLE, 0);
	if (result == 0)
		result = privilege_become_root(error);
	if (result == 0)
		result = make_root(plan, &fds, error);
	if (result == 0 && word.computer) {
		far->ns.fd[NS_NET] = TAKE_FD(fds.fd[fds.count - 1]);
		far->ns.fd[NS_USER] = TAKE_FD(fds.fd[fds.count - 2]);
	}
	return result;
}

/* The starter may have been killed meanwhile: the stage is its own by now. */
static int confirm_release(int channel, const struct keeper_word *up, struct error *error)
{
	int result = channel_send(channel, up, sizeof(*up), NULL, error);

	return result == -EPIPE ? 0 : result;
}

/* A stage's start as the keeper sees it, on one screen. */
static int start_keeper(const struct keeper_birth *birth, struct client *clients,
			struct cgroup_doors *doors, struct far_side *far, struct error *error)
{
	const struct keeper_plan *plan = birth->plan;
	CLEANUP(nursery_close) struct nursery nursery = NURSERY_NONE;
	struct timing *timing = plan->timing;
	struct keeper_word up = {.verb = VERB_UP};
	struct keeper_word word;
	int result;

	timing_begin(timing);
	result = STEP(timing, detach_keeper(birth, error));
	/* What can be done while the starter gathers the furniture. */
	if (result == 0)
		result = STEP(timing, nursery_open(&nursery, plan, clients, doors, far,
						   birth->channel, error));
	if (result == 0)
		result = STEP(timing, furnish_keeper(birth, clients, far, error));
	if (result == 0)
		result = STEP(timing, nursery_prepare(&nursery, error));
	if (result == 0)
		result = STEP(timing, nursery_make(&nursery, error));
	if (result == 0)
		result = STEP(timing, nursery_finish(&nursery, error));
	up.all_only = far->legs.all_only;
	if (result == 0)
		result = channel_send(birth->channel, &up, sizeof(up), NULL, error);
	if (result == 0)
		result = keeper_hear(birth->channel, VERB_RELEASE, &word, NULL, error);
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
	CLEANUP_FREE struct cgroup_doors *doors = calloc(plan->stage->client_count, sizeof(*doors));
	CLEANUP(far_side_close) struct far_side far = FAR_SIDE_NONE;
	struct keeper_word failed = {.verb = VERB_UP};
	int result;

	for (size_t i = 0; clients != NULL && i < plan->stage->client_count; i++)
		clients[i] = CLIENT_NONE;
	result = clients == NULL || doors == NULL
			 ? error_system(&failed.error, ENOMEM, "cannot start")
			 : start_keeper(birth, clients, doors, &far, &failed.error);
	if (result == 0) {
		struct service_plan service = {.stage = plan->stage,
					       .clients = clients,
					       .doors = plan->groups ? doors : NULL,
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
