#include "command.h"
#include "process.h"
#include "stages.h"
#include "start.h"

#include <time.h>

static int fail_start(const struct start_outcome *outcome, const struct error *error)
{
	return command_fail(error,
			    outcome->signalled == 0 ? EXIT_FAILURE : 128 + outcome->signalled);
}

/* ---- progress: a line on a terminal, written over in place, for whom a start takes long --------
 */

#define PATIENCE_MS 500 /* a start that is over by then shows none */
#define REDRAW_MS   50

struct progress {
	const struct stage *stage;
	int64_t next; /* when to show the next, on the monotonic clock, in milliseconds */
	bool shown;
};

static void show_progress(void *context, enum keeper_step step, size_t done)
{
	static const char *const steps[] = {[KEEPER_STEP_MADE] = "clients made",
					    [KEEPER_STEP_WIRED] = "nets wired",
					    [KEEPER_STEP_UP] = "clients up"};
	struct progress *progress = context;
	const struct stage *stage = progress->stage;
	int64_t now = monotonic_ms();

	if (now < progress->next)
		return;
	progress->next = now + REDRAW_MS;
	progress->shown = true;
	(void)fprintf(stderr, "\rstarting: %zu of %zu %s\033[K", done,
		      step == KEEPER_STEP_WIRED ? stage->net_count : stage->client_count,
		      steps[step]);
	(void)fflush(stderr);
}

static void end_progress(const struct progress *progress)
{
	if (progress->shown)
		(void)fputs("\r\033[K", stderr);
}

/* What a private stage is, for who sees one for the first time. */
static void print_private(const struct start_outcome *outcome, const char *name)
{
	const char *option = name == NULL ? "" : " --name ";

	if (name == NULL)
		name = "";
	command_announce(
		"It is private: its legs are in a network namespace of its own, and nothing "
		"on this computer was changed.\n"
		"Your router there: pyroute-run%s%s -- python3 src/router.py\n"
		"Your shell there:  pyroute-run%s%s\n",
		option, name, option, name);
	if (outcome->one_id)
		command_announce(
			"Without subordinate ids of yours, its clients have no users but root "
			"(pyroute doctor tells more).\n");
	if (outcome->limits.processes != 0)
		command_announce(
			"Without control groups of yours, each %s may have %llu processes, each "
			"of %llu MiB.\n",
			outcome->one_id ? "client" : "user of each client",
			(unsigned long long)outcome->limits.processes,
			(unsigned long long)(outcome->limits.data >> 20));
}

/* ---- --timing ------------------------------------------------------------------------------- */

/* The processor's time until now: loading the program, twice, and copying it in between. */
static uint64_t loading(void)
{
	struct timespec time = {.tv_sec = 0};

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* TIMES: so many did it; the mean of one is shown. */
static void print_steps(const char *who, const struct timing *timing, size_t times)
{
	const double total = (double)timing_total(timing);

	command_announce("\n%11.3f ms        %s\n", total / 1e6 / (double)times, who);
	for (size_t i = 0; i < timing->count; i++) {
		const struct timing_step *step = &timing->steps[i];
		const double part = (double)step->nanoseconds;

		command_announce("%11.3f ms %4.0f %%   %.*s\n", part / 1e6 / (double)times,
				 100 * part / total, (int)strcspn(step->call, "("), step->call);
	}
}

static void print_timing(const struct start_timing *timing, size_t clients)
{
	struct timing sum = {.count = 0};

	for (size_t i = 0; i < clients; i++)
		timing_sum(&sum, &timing->others[1 + i]);
	print_steps("the starter, from its command line to the end", &timing->starter, 1);
	print_steps("the keeper, beside it", &timing->others[0], 1);
	print_steps("a client, the mean of all, side by side", &sum, clients);
}

static int start_file(struct command_place *place, const struct command_line *line,
		      struct start_timing *timing)
{
	CLEANUP_STAGE struct stage stage = {.name = ""};
	struct error error = {0};
	struct start_outcome outcome = {.signalled = 0};
	struct progress progress = {.stage = &stage, .next = monotonic_ms() + PATIENCE_MS};
	const struct start_watcher watcher = {.tell = show_progress, .context = &progress};
	const struct start_wish wish = {.limits = (line->options & OPTION_NO_LIMITS) == 0,
					.private = (line->options & OPTION_PRIVATE) != 0,
					.watcher =
						command_can_draw(STDERR_FILENO) ? &watcher : NULL,
					.timing = timing};
	int result = process_raise_file_limit(START_FILES, &error);
	int status;

	if (result < 0)
		return fail_start(&outcome, &error);
	status = STEP(timing ? &timing->starter : NULL,
		      command_read_stage(place, line->operands[0], &stage));
	if (status != EXIT_SUCCESS)
		return status;
	if (timing != NULL && timing_share(1 + stage.client_count, &timing->others, &error) < 0)
		return fail_start(&outcome, &error);
	result = start_stage(&place->session, &stage, &wish, &outcome, &error);
	end_progress(&progress);
	if (result < 0)
		return fail_start(&outcome, &error);
	if (outcome.legs_all_only)
		(void)fputs("pyroute: this kernel refuses bpf(2): on the legs only packet sockets "
			    "for ETH_P_ALL see frames\n",
			    stderr);
	command_announce("%s is up: %s, %zu client%s\n", stage.name, stage.title,
			 stage.client_count, stage.client_count == 1 ? "" : "s");
	if (outcome.private)
		print_private(&outcome, line->name);
	if (timing != NULL)
		print_timing(timing, stage.client_count);
	return EXIT_SUCCESS;
}

static int start_own_scripts(struct command_place *place, const struct command_line *line)
{
	CLEANUP_STAGE struct stage stage = {.name = ""};
	struct error error = {0};
	struct start_outcome outcome = {.signalled = 0};
	const char *name = line->operands[0];
	struct stages_file file;

	/* It may have a stage file too; of that only the title matters, if it can be read. */
	(void)stages_read(&place->checkout, &place->caller, name, &stage, &file, &error);
	if (start_scripts(&place->session, name, &outcome, &error) < 0)
		return fail_start(&outcome, &error);
	command_announce("%s is up%s%s\n", name, stage.title[0] == '\0' ? "" : ": ", stage.title);
	return EXIT_SUCCESS;
}

int cmd_start(const struct command_line *line)
{
	CLEANUP_COMMAND_PLACE struct command_place place = {.session = SESSION_NONE,
							    .checkout = CHECKOUT_NONE};
	struct start_timing timing = {.others = NULL};
	struct start_timing *wanted = (line->options & OPTION_TIMING) != 0 ? &timing : NULL;
	struct error error = {0};
	int kind = -1;

	timing_add(&timing.starter, "image_seal_self", loading());
	timing_begin(&timing.starter);
	if (STEP(&timing.starter, command_find_place(line, &place, &error)) == 0)
		kind = checkout_stage_kind(&place.checkout, &place.caller, line->operands[0],
					   &error);
	if (kind < 0)
		return command_fail(&error, EXIT_FAILURE);
	return kind == CHECKOUT_SCRIPTS ? start_own_scripts(&place, line)
					: start_file(&place, line, wanted);
}
