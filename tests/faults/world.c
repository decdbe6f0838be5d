#include "world.h"

#include <stdarg.h>

#define LOOKS	      4
#define LOOK_PAUSE_MS 500
#define PATIENCE_MS   2000

bool trial_blame(struct trial *trial, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	if (trial->why[0] == '\0')
		(void)vsnprintf(trial->why, sizeof(trial->why), format, list);
	va_end(list);
	return false;
}

/* ---- the commands -----------------------------------------------------------------------------
 */

static int run_plain(const struct world *world, struct command_result *result, const char *one,
		     const char *two, const char *three, const char *four)
{
	const char *const words[] = {world->program, one, two, three == NULL ? NULL : "--",
				     three,	     four};
	char *argv[ARRAY_SIZE(words) + 1] = {NULL};
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i] != NULL)
			memcpy(&argv[count++], &words[i], sizeof(words[i]));
	command_run(&world->user, argv, NULL, NULL, result);
	return result->status;
}

bool world_start(const struct world *world, struct trial *trial)
{
	static struct command_result result;

	if (run_plain(world, &result, "start", "faults", NULL, NULL) == 0)
		return true;
	return trial_blame(trial, "the next start fails: %d %.300s", result.status, result.err);
}

bool world_stop(const struct world *world, struct trial *trial)
{
	static struct command_result result;

	if (run_plain(world, &result, "stop", NULL, NULL, NULL) == 0)
		return true;
	return trial_blame(trial, "the next stop fails: %d %.300s", result.status, result.err);
}

bool world_works(const struct world *world)
{
	static struct command_result result;

	return run_plain(world, &result, "connect", "client1", "/bin/echo", "ok") == 0 &&
	       is(result.out, "ok\n");
}

/* ---- what there is ----------------------------------------------------------------------------
 */

static bool is_bystander(const struct world *world, pid_t pid)
{
	for (size_t i = 0; i < world->bystander_count; i++)
		if (world->bystanders[i].pid == pid)
			return true;
	return false;
}

static int compare_runners(const void *one, const void *other)
{
	const struct trace_runner *first = one;
	const struct trace_runner *second = other;

	return strcmp(first->part, second->part);
}

size_t world_strangers(const struct world *world, struct trace_runner *all)
{
	size_t count = command_others(all, COMMAND_RUNNERS_MAX);
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (!is_bystander(world, all[i].pid))
			all[kept++] = all[i];
	qsort(all, kept, sizeof(*all), compare_runners);
	return kept;
}

size_t world_list_strangers(const struct world *world, char *text, size_t size)
{
	struct trace_runner all[COMMAND_RUNNERS_MAX];
	size_t count = world_strangers(world, all);
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < count && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, " %s", all[i].part);
	return count;
}

bool world_differs(const struct world *world, const struct state *wanted,
		   const char *const *pardoned, char *text, size_t size)
{
	CLEANUP_STATE struct state now;

	state_take(&now, STATE_NET | STATE_FILES, world->places);
	return state_differ(wanted, &now, pardoned, text, size) > 0;
}

static size_t count_words(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++)
		count += *text == ' ';
	return count;
}

/* A process that cannot be given its name, by prctl(2), runs as well without. */
static bool run_as_wanted(const char *names, const char *wanted, const struct trial *trial)
{
	return is(names, wanted) ||
	       (is(trial->call, "prctl") && count_words(names) == count_words(wanted));
}

bool world_settles(const struct world *world, const char *runners, const struct state *wanted,
		   const char *const *pardoned, struct trial *trial)
{
	char left[900] = "";
	unsigned pause = 1;

	for (unsigned waited = 0; waited <= PATIENCE_MS; waited += pause) {
		if (waited > 0)
			command_sleep_ms(pause);
		pause = pause < 32 ? 2 * pause : pause;
		(void)world_list_strangers(world, left, sizeof(left));
		if (run_as_wanted(left, runners, trial) &&
		    !world_differs(world, wanted, pardoned, left, sizeof(left)))
			return true;
	}
	return trial_blame(trial, "after two seconds:%s", left);
}

bool world_is_gone(const struct world *world, struct trial *trial)
{
	return world_settles(world, "", &world->before, NULL, trial);
}

void world_look_inside(const struct world *world, struct state *inside)
{
	static struct command_result result;
	char program[256];

	(void)snprintf(program, sizeof(program), "%s/src/inject",
		       getenv("PYROUTE_FAULTS_CHECKOUT"));
	for (unsigned i = 1; i <= TRIAL_CLIENTS; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "client%u", i);
		(void)run_plain(world, &result, "connect", name, "/~/src/inject", "state");
		state_read(inside++, result.out);
	}
	(void)run_plain(world, &result, "run", NULL, program, "state");
	state_read(inside, result.out);
}

static bool is_same_inside(const struct world *world, char *why, size_t size)
{
	struct state inside[TRIAL_CLIENTS + 1];
	char text[800];
	bool same = true;

	world_look_inside(world, inside);
	for (size_t i = 0; i < ARRAY_SIZE(inside); i++) {
		if (state_differ(&world->up.inside[i], &inside[i], NULL, text, sizeof(text)) > 0) {
			(void)snprintf(why, size,
				       "seen from place %zu the stage is not the same:%s", i + 1,
				       text);
			same = false;
		}
		state_clear(&inside[i]);
	}
	return same;
}

bool world_looks_right(const struct world *world, struct trial *trial)
{
	char why[1000] = "";

	if (!world_settles(world, world->up.runners, &world->up.host, NULL, trial))
		return false;
	/* The kernel settles IPv6 addresses in its own time. */
	for (int i = 0; i < LOOKS; i++) {
		if (i > 0)
			command_sleep_ms(LOOK_PAUSE_MS);
		if (is_same_inside(world, why, sizeof(why)))
			return true;
	}
	return trial_blame(trial, "%s", why);
}
