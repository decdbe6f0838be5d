#include "keeper.h"

#include "channel.h"
#include "keeper_main.h"
#include "text.h"

#include <sched.h>

#define KEEPER_NAMESPACES (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC)

void keeper_close(struct keeper *keeper)
{
	mapper_close(&keeper->mapper);
	close_fd(&keeper->channel);
	close_fd(&keeper->pidfd);
	close_fd(&keeper->user_ns);
}

int keeper_spawn(const struct keeper_plan *plan, struct keeper *keeper, struct error *error)
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
			ns_clone(KEEPER_NAMESPACES, keeper_main, &birth, &keeper->pidfd, error);
	privilege_resume(&saved);
	close_fd(&ends[1]);
	return result < 0 ? result : 0;
}

/* A keeper that has ended is no failure here: keeper_attend() hears why. */
static int tell_keeper(const struct keeper *keeper, const struct keeper_word *word,
		       const struct channel_fds *fds, struct error *error)
{
	int result = channel_send(keeper->channel, word, sizeof(*word), fds, error);

	return result == -EPIPE ? 0 : result;
}

int keeper_furnish(struct keeper *keeper, const struct keeper_furniture *furniture,
		   struct error *error)
{
	const struct ns_set *computer = furniture->computer;
	struct keeper_word word = {.verb = VERB_FURNISH,
				   .mounts = furniture->rootfs >= 0,
				   .overlays = furniture->overlays,
				   .computer = computer->fd[NS_NET] >= 0};
	struct channel_fds fds = {.count = 0};

	if (word.mounts) {
		fds.fd[fds.count++] = furniture->rootfs;
		fds.fd[fds.count++] = furniture->src;
	}
	if (word.computer) {
		fds.fd[fds.count++] = computer->fd[NS_USER];
		fds.fd[fds.count++] = computer->fd[NS_NET];
	}
	return tell_keeper(keeper, &word, &fds, error);
}

int keeper_give_overlay(struct keeper *keeper, int overlay, struct error *error)
{
	struct keeper_word word = {.verb = VERB_OVERLAY};
	struct channel_fds fds = {.fd = {overlay}, .count = 1};

	return tell_keeper(keeper, &word, &fds, error);
}

static int answer(struct keeper *keeper, struct error *error)
{
	const struct keeper_word done = {.verb = VERB_DONE};

	return tell_keeper(keeper, &done, NULL, error);
}

static int map_and_answer(struct keeper *keeper, const struct keeper_word *word, int proc,
			  int guard, struct error *error)
{
	int result = 0;

	if (keeper->mapper.channel < 0)
		result = mapper_open(&keeper->mapper, keeper->user_ns, guard, error);
	if (result == 0)
		result = mapper_map(&keeper->mapper, proc, word->pids, word->pid_count, guard,
				    error);
	return result < 0 ? result : answer(keeper, error);
}

static int give_doors(struct keeper *keeper, const struct keeper_word *word,
		      const struct keeper_servant *servant, struct error *error)
{
	const struct keeper_word done = {.verb = VERB_DONE};
	struct channel_fds doors = {.count = 0};
	int result = servant->give_doors(servant->context, word->first, &doors, error);

	return result < 0 ? result : tell_keeper(keeper, &done, &doors, error);
}

/* One word of the keeper's. Returns 1 where it is the last, that the stage is up. */
static int attend_word(struct keeper *keeper, const struct keeper_word *word,
		       const struct channel_fds *fds, int guard,
		       const struct keeper_servant *servant, struct error *error)
{
	if (word->verb == VERB_MAP && fds->count == 1 && word->pid_count <= KEEPER_WAVE)
		return STEP(servant->timing,
			    map_and_answer(keeper, word, fds->fd[0], guard, error));
	if (word->verb == VERB_DOORS)
		return give_doors(keeper, word, servant, error);
	if (word->verb == VERB_LEG && fds->count == 1 && keeper->legs_made < WIRE_LEGS_MAX &&
	    text_is_fit(word->far.name, sizeof(word->far.name))) {
		keeper->legs_made++;
		return servant->make_leg(servant->context, &word->far, fds->fd[0], error);
	}
	if (word->verb == VERB_RAISE) {
		int result = servant->raise_legs(servant->context, error);

		keeper->legs_made = 0;
		return result < 0 ? result : answer(keeper, error);
	}
	if (word->verb == VERB_STEP && word->step <= KEEPER_STEP_UP) {
		servant->tell(servant->context, (enum keeper_step)word->step, word->done);
		return 0;
	}
	if (word->verb != VERB_UP)
		return error_set(error, EBADMSG, "the keeper spoke out of turn");
	keeper->legs_all_only = word->all_only;
	return word->error.code == 0 ? 1 : error_take(error, &word->error);
}

int keeper_attend(struct keeper *keeper, int guard, const struct keeper_servant *servant,
		  struct error *error)
{
	int result;

	do {
		CLEANUP_CHANNEL_FDS struct channel_fds fds = {.count = 0};
		struct keeper_word word = {0};

		result = STEP(servant->timing, channel_wait(keeper->channel, guard, error));
		if (result == 0)
			result = channel_receive(keeper->channel, &word, sizeof(word), &fds, error);
		if (result == 0)
			return error_set(error, ECHILD, "the stage's keeper was killed");
		if (result > 0)
			result = attend_word(keeper, &word, &fds, guard, servant, error);
	} while (result == 0);
	return result < 0 ? result : 0;
}

int keeper_release(struct keeper *keeper, int guard, const struct keeper_servant *servant,
		   struct error *error)
{
	const struct keeper_word word = {.verb = VERB_RELEASE};

	if (tell_keeper(keeper, &word, NULL, error) < 0)
		return -error->code;
	return keeper_attend(keeper, guard, servant, error);
}
