#include "mapper.h"

#include "channel.h"
#include "file.h"
#include "ns.h"
#include "process.h"

#include <sys/prctl.h>

struct question {
	uint32_t count;
	int32_t pids[MAPPER_PIDS];
};

struct birth {
	int channel; /* the child's end */
	int user_ns;
};

/* ---- in the child ---------------------------------------------------------------------------- */

static int become_mapper_child(const struct birth *birth, struct ns_maps *maps, struct error *error)
{
	int result;

	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return error_system(error, errno, "cannot hide from the stage");
	result = ns_enter_one(birth->user_ns, NS_USER, error);
	if (result == 0)
		result = ns_maps_read(maps, error);
	/* The starter's lock, above all, is not ours. */
	return result == 0 ? file_close_others((int[]){birth->channel}, 1, error) : result;
}

static int answer_child(int channel, const struct ns_maps *maps, const struct question *question,
			const struct channel_fds *fds)
{
	struct error error = {0};

	if (fds->count != 1 || question->count > MAPPER_PIDS)
		(void)error_set(&error, EBADMSG, "a question that cannot be");
	for (uint32_t i = 0; error.code == 0 && i < question->count; i++)
		(void)ns_map_as(fds->fd[0], question->pids[i], maps, &error);
	return channel_send(channel, &error, sizeof(error), NULL, &(struct error){0});
}

/* Ends with its maker: at end of file. */
static int main_child(void *argument)
{
	const struct birth *birth = argument;
	struct ns_maps maps;
	struct error error = {0};
	int result = become_mapper_child(birth, &maps, &error);

	if (channel_send(birth->channel, &error, sizeof(error), NULL, &(struct error){0}) < 0)
		return 1;
	while (result >= 0) {
		CLEANUP_CHANNEL_FDS struct channel_fds fds = {.count = 0};
		struct question question;

		result = channel_receive(birth->channel, &question, sizeof(question), &fds, &error);
		if (result <= 0)
			break;
		result = answer_child(birth->channel, &maps, &question, &fds);
	}
	return 0;
}

/* ---- in its maker ---------------------------------------------------------------------------- */

static int hear(const struct mapper *mapper, int guard, struct error *error)
{
	struct error answer;
	int result = channel_wait(mapper->channel, guard, error);

	if (result == 0)
		result = channel_receive(mapper->channel, &answer, sizeof(answer), NULL, error);
	if (result == 0)
		return error_set(error, ECHILD, "the process that maps ids was killed");
	return result < 0 ? result : error_take(error, &answer);
}

int mapper_open(struct mapper *mapper, int user_ns, int guard, struct error *error)
{
	int ends[2];
	struct birth birth = {.user_ns = user_ns};
	int result = channel_pair(ends, error);

	if (result < 0)
		return result;
	mapper->channel = ends[0];
	birth.channel = ends[1];
	result = ns_clone(0, main_child, &birth, &mapper->pidfd, error);
	close_fd(&ends[1]);
	return result < 0 ? result : hear(mapper, guard, error);
}

void mapper_close(struct mapper *mapper)
{
	close_fd(&mapper->channel);
	if (mapper->pidfd >= 0)
		process_end(mapper->pidfd);
	close_fd(&mapper->pidfd);
}

int mapper_map(const struct mapper *mapper, int proc, const int32_t *pids, size_t count, int guard,
	       struct error *error)
{
	struct question question = {.count = (uint32_t)count};
	struct channel_fds fds = {.fd = {proc}, .count = 1};
	int result;

	if (count > MAPPER_PIDS)
		return error_set(error, E2BIG, "too many processes to map the ids of");
	memcpy(question.pids, pids, count * sizeof(*pids));
	result = channel_send(mapper->channel, &question, sizeof(question), &fds, error);
	/* Where it was killed the answer tells. */
	return result < 0 && result != -EPIPE ? result : hear(mapper, guard, error);
}
