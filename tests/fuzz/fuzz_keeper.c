/* The starter, to which the keeper says anything: legs that there are none of, steps that there are
 * none of, any number of files, or nothing any more. */
/* Both modules whole, for what reads a message is their own affair.
 * NOLINTBEGIN(bugprone-suspicious-include) */
#include "../../runtime/keeper.c"
#include "../../runtime/keeper_main.c"
/* NOLINTEND(bugprone-suspicious-include) */

#include "fuzz.h"

/* In the place of a process that would enter the stage's user namespace. */
int mapper_open(struct mapper *mapper, int user_ns, int guard, struct error *error)
{
	(void)user_ns;
	(void)guard;
	(void)error;
	mapper->pidfd = 1;
	return 0;
}

void mapper_close(struct mapper *mapper)
{
	mapper->pidfd = -1;
}

int mapper_map(const struct mapper *mapper, int proc, const int32_t *pids, size_t count, int guard,
	       struct error *error)
{
	(void)guard;
	require(mapper->pidfd == 1 && fcntl(proc, F_GETFD) == FD_CLOEXEC && count <= MAPPER_PIDS,
		"a /proc");
	for (size_t i = 0; i < count; i++)
		if (pids[i] < 0)
			return error_set(error, ESRCH, "there is no process %d", pids[i]);
	return 0;
}

static int make_leg(void *context, const struct wire_far_end *far, int far_ns, struct error *error)
{
	(void)context;
	check_text(far->name, sizeof(far->name));
	require(fcntl(far_ns, F_GETFD) == FD_CLOEXEC, "a namespace");
	return far->net % 8 == 7 ? error_set(error, EEXIST, "no leg for %s", far->name) : 0;
}

static int raise_legs(void *context, struct error *error)
{
	(void)context;
	(void)error;
	return 0;
}

/* As a starter that has no control groups, or some. */
static int doors_from(void *context, size_t first, struct channel_fds *doors, struct error *error)
{
	(void)context;
	if (first % 8 == 7)
		return error_set(error, EBADMSG, "no control groups from %zu on", first);
	for (size_t i = 0; i < first % 8; i++)
		doors->fd[doors->count++] = STDERR_FILENO;
	return 0;
}

static void tell(void *context, enum keeper_step step, size_t done)
{
	(void)context;
	(void)done;
	require(step <= KEEPER_STEP_UP, "a step that there is");
}

/* The keeper's end, to which the starter says anything. */
static void fuzz_hearing(int channel, enum keeper_verb verb, struct error *error)
{
	CLEANUP_CHANNEL_FDS struct channel_fds fds = {.count = 0};
	struct keeper_word word;

	check_result(keeper_hear(channel, verb, &word, &fds, error), error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t sizes[] = {sizeof(struct keeper_word)};
	static const struct keeper_servant servant = {.make_leg = make_leg,
						      .raise_legs = raise_legs,
						      .give_doors = doors_from,
						      .tell = tell};
	struct input input = {.data = data, .size = size};
	uint8_t choice = input_byte(&input);
	struct keeper keeper = KEEPER_NONE;
	struct error error = {0};
	size_t files = count_files();
	int ends[2];

	make_pair(ends);
	say_all(ends[1], &input, 64, sizes, ARRAY_SIZE(sizes));
	keeper.channel = ends[0];
	if (choice < 128)
		check_result(keeper_attend(&keeper, -1, &servant, &error), &error);
	else
		fuzz_hearing(ends[0], (enum keeper_verb)(choice % (VERB_RELEASE + 1)), &error);
	keeper_close(&keeper);
	close_fd(&ends[1]);
	require(count_files() == files, "as many open files as before");
	return 0;
}
