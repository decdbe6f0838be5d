#include "trial.h"

#include "channel.h"
#include "client.h"
#include "mount.h"
#include "ns.h"
#include "privilege.h"
#include "process.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>

#define TIMEOUT_MS 5000

/* What the child tells of its trial. */
struct outcome {
	bool began;
	int result;
	struct error error;
};

struct birth {
	const struct trial *trial;
	int ends[2]; /* of the parent, of the child */
};

/* Its ids are mapped by now. */
static int settle_child(const struct trial *trial, struct error *error)
{
	int result = 0;

	if ((trial->flags & CLONE_NEWUSER) != 0)
		result = privilege_become_root(error);
	if (result == 0 && (trial->flags & CLONE_NEWNS) != 0)
		result = mount_isolate(error);
	/* After the change of ids, which takes it back (prctl(2)). */
	if (result == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		result = error_system(error, errno, "cannot tie the trial to its parent");
	return result;
}

static int main_child(void *argument)
{
	const struct birth *birth = argument;
	struct outcome outcome = {.result = 0};
	struct error ignored;
	char go;

	(void)close(birth->ends[0]);
	if (channel_receive(birth->ends[1], &go, sizeof(go), NULL, &ignored) != 1)
		return 1;
	outcome.result = settle_child(birth->trial, &outcome.error);
	outcome.began = outcome.result == 0;
	if (outcome.began)
		outcome.result = birth->trial->run_child(birth->trial->argument, &outcome.error);
	return channel_send(birth->ends[1], &outcome, sizeof(outcome), NULL, &ignored) < 0;
}

/* As a start maps them, where that is allowed. */
static int map_child(const struct trial *trial, pid_t pid, struct error *error)
{
	const struct ns_ids ids = {0, CLIENT_ID_FIRST, CLIENT_ID_COUNT};

	if ((trial->flags & CLONE_NEWUSER) == 0)
		return 0;
	if (trial->ids != NULL)
		return subids_map(pid, trial->ids, error);
	return geteuid() == 0 ? ns_map(pid, &ids, &ids, error) : ns_map_single(pid, error);
}

static int hear(struct trial *trial, int channel, struct error *error)
{
	struct pollfd answer = {.fd = channel, .events = POLLIN};
	struct outcome outcome;
	int result;

	if (poll(&answer, 1, TIMEOUT_MS) <= 0)
		return error_set(error, ETIMEDOUT, "no end of it after %d seconds",
				 TIMEOUT_MS / 1000);
	result = channel_receive(channel, &outcome, sizeof(outcome), NULL, error);
	if (result == 0)
		return error_set(error, ECHILD, "the process that tried it was killed");
	if (result < 0)
		return result;
	trial->began = outcome.began;
	return outcome.result < 0 ? error_take(error, &outcome.error) : outcome.result;
}

int trial_run(struct trial *trial, struct error *error)
{
	struct birth birth = {.trial = trial};
	CLEANUP_FD int channel = -1;
	CLEANUP_FD int pidfd = -1;
	struct error ignored;
	int result = channel_pair(birth.ends, error);
	int status;
	pid_t pid;

	trial->began = false;
	if (result < 0)
		return result;
	/* AppArmor lets a user make a user namespace, but not be root of it: mounts show that. */
	if ((trial->flags & CLONE_NEWUSER) != 0)
		trial->flags |= CLONE_NEWNS;
	channel = birth.ends[0];
	pid = ns_clone(trial->flags, main_child, &birth, &pidfd, error);
	close_fd(&birth.ends[1]);
	if (pid < 0)
		return pid;
	trial->began = true;
	result = map_child(trial, pid, error);
	if (result == 0)
		result = channel_send(channel, "", 1, NULL, error);
	if (result == 0)
		result = hear(trial, channel, error);
	(void)process_signal(pidfd, SIGKILL, &ignored);
	(void)process_wait(pidfd, &status, &ignored);
	return result;
}
