/* What is asked after a fault:
 *
 * - The command ends in time. Unless it was killed itself: where its status is not 0, exactly one
 *   line on stderr says what failed; where it is 0 the stage is there and is just what it is
 * without a fault, seen from the host, from inside each client and from the student's side, or one
 * line on stderr says in what it is not.
 * - Where it failed, within two seconds no process, mount, link, control group or file of the stage
 * is left, and the host's links, addresses, routes, rules, queues and sysctls are what they were.
 * (A namespace lives by a process, a file or a mount.) What only a living process can put back may
 *   wait for the next command where the one that would have was killed: that next command is made,
 * a start, and must succeed with no other step, and after a stop nothing at all may be left.
 * - Where the host is what it was before, to the byte, a start is the same as any other's, so that
 *   none is made to see whether it works: the next trial's is.
 * - A stop that failed has left either a good stage, which the next one ends, or none. A connect
 * that failed has left a good one, and nothing of its own.
 *
 * The processes of a host are few and known, so that whatever else runs is what was left. */
#include "trial.h"

#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>

#define LINKER_CALLS 3
#define FULL_LOOK    64U

const struct trial_fault trial_faults[] = {{"KILL", 0},	       {"ENOMEM", ENOMEM},
					   {"EPERM", EPERM},   {"ENOSPC", ENOSPC},
					   {"EMFILE", EMFILE}, {"EINTR", EINTR}};
const size_t trial_fault_count = ARRAY_SIZE(trial_faults);

/* What the next command puts back, after the death of the one that would have. */
static const char *const left_by_killed[] = {
	"run:", "tmp:", "cgroup:", "checkout:", "sysctl: /proc/sys/net/ipv4/", NULL};

/* ---- what is asked ----------------------------------------------------------------------------
 */

static size_t count_lines(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++)
		count += *text == '\n' || text[1] == '\0';
	return count;
}

static const char *root_of(const struct trial *trial)
{
	return is(trial->command, "start")  ? "starter"
	       : is(trial->command, "stop") ? "stopper"
					    : "connector";
}

/* Was it PART that was killed? */
static bool killed(const struct trial *trial, const char *part)
{
	size_t length = strlen(part);

	return trial->fault->code == 0 && strncmp(trial->part, part, length) == 0 &&
	       trial->part[length] != '.';
}

static bool killed_client(const struct trial *trial)
{
	return trial->fault->code == 0 && strncmp(trial->part, "client", 6) == 0;
}

static bool killed_itself(const struct trial *trial)
{
	return trial->fault->code == 0 && is(trial->part, root_of(trial));
}

static bool said_enough(struct trial *trial)
{
	const struct command_result *result = &trial->result;
	size_t lines = count_lines(result->err);

	if (result->status == COMMAND_HANGS)
		return trial_blame(trial, "it hangs");
	/* With the keeper goes the client, and what connect runs in it: 137, as a stop would have
	 * it; and likewise with who reaps that. */
	if (killed_itself(trial) ||
	    (is(trial->command, "connect") && result->status == 137 &&
	     (killed(trial, "inner") || killed(trial, "steward") || killed(trial, "keeper"))))
		return lines <= 1 || trial_blame(trial, "it says more than a line");
	if (result->status > 128 && !trial->linker)
		return trial_blame(trial, "it was killed itself");
	if (result->status > 128)
		return true;
	if (lines > 1 || (lines == 0 && result->status != 0))
		return trial_blame(trial, "it says %zu lines", lines);
	return true;
}

/* The next start and the next stop leave nothing of what may have been left. */
static bool comes_back(const struct world *world, struct trial *trial)
{
	char text[100];

	if (!world_settles(world, "", &world->before, left_by_killed, trial))
		return false;
	if (!world_differs(world, &world->before, NULL, text, sizeof(text)))
		return true;
	return world_start(world, trial) && world_stop(world, trial) && world_is_gone(world, trial);
}

/* What was killed has left a good stage, or none. */
static bool is_good_or_gone(const struct world *world, struct trial *trial)
{
	char left[200];

	if (world_list_strangers(world, left, sizeof(left)) > 0 && world_works(world))
		return world_stop(world, trial) && world_is_gone(world, trial);
	return comes_back(world, trial);
}

static bool judge_start(struct world *world, struct trial *trial)
{
	if (killed_itself(trial))
		return is_good_or_gone(world, trial);
	if (trial->result.status != 0)
		return world_is_gone(world, trial);
	if (killed(trial, "keeper"))
		return comes_back(world, trial);
	if (trial->result.err[0] != '\0' && !killed_client(trial))
		return (world_works(world) ||
			trial_blame(trial, "it warns, and a connect fails")) &&
		       world_stop(world, trial) && world_is_gone(world, trial);
	/* That what a client runs of itself cannot be run is told in the client's log. */
	if (!killed_client(trial) && strncmp(trial->part, "client1.", 8) != 0 &&
	    !world_looks_right(world, trial))
		return false;
	return world_stop(world, trial) && world_is_gone(world, trial);
}

static bool judge_stop(struct world *world, struct trial *trial)
{
	world->is_up = false;
	if (trial->result.status == 0)
		return world_is_gone(world, trial);
	return is_good_or_gone(world, trial);
}

static bool judge_connect(struct world *world, struct trial *trial)
{
	if (trial->result.status == 0 && !is(trial->result.out, "ok\n"))
		return trial_blame(trial, "it succeeds, and its command does not");
	if (killed(trial, "keeper")) {
		world->is_up = false;
		return comes_back(world, trial);
	}
	if (killed_client(trial)) {
		world->is_up = false;
		return world_stop(world, trial) && world_is_gone(world, trial);
	}
	if (!world_settles(world, world->up.runners, &world->up.host, NULL, trial))
		return false;
	return world_works(world) || trial_blame(trial, "the next connect fails");
}

/* ---- the trials -------------------------------------------------------------------------------
 */

/* Whatever a trial that failed has left, the next one finds nothing of it. */
static void repair(struct world *world)
{
	static struct trial ignored;
	struct trace_runner left[COMMAND_RUNNERS_MAX];

	ignored.why[0] = '\0';
	(void)world_stop(world, &ignored);
	world->is_up = false;
	for (size_t i = world_strangers(world, left); i > 0; i--)
		(void)kill(left[i - 1].pid, SIGKILL);
	(void)world_stop(world, &ignored);
	(void)world_start(world, &ignored);
	(void)world_stop(world, &ignored);
	ignored.why[0] = '\0';
	if (world_is_gone(world, &ignored))
		return;
	world->spoilt = true;
}

/* The parts of those that run, where the command is another than their start. */
static size_t find_runners(const struct world *world, struct trace_runner *runners)
{
	size_t count = world_strangers(world, runners);
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (is(runners[i].part, "pyroute-keeper"))
			(void)snprintf(runners[i].part, sizeof(runners[i].part), "keeper");
		else if (strncmp(runners[i].part, "client", 6) != 0)
			continue;
		runners[kept++] = runners[i];
	}
	return kept;
}

/* Where it was not named, after it was made. */
static void name_call(struct trial *trial, int syscall)
{
	char *name;

	if (trial->number == 0 || trial->missed || !is(trial->call, "-"))
		return;
	name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, syscall);
	if (name != NULL)
		(void)snprintf(trial->call, sizeof(trial->call), "%s", name);
	free(name);
}

/* TRIAL's number is 0 where its calls are to be listed. */
static void run_trial(struct world *world, struct trial *trial)
{
	struct trace_runner runners[COMMAND_RUNNERS_MAX];
	char *const starting[] = {world->program, trial->command, (char[]){"faults"}, NULL};
	char *const stopping[] = {world->program, trial->command, NULL};
	char *const connecting[] = {world->program,
				    trial->command,
				    (char[]){"client1"},
				    (char[]){"--"},
				    (char[]){"/bin/echo"},
				    (char[]){"ok"},
				    NULL};
	struct trace_plan plan = {.root = root_of(trial),
				  .runners = runners,
				  .part = trial->number == 0 ? NULL : trial->part,
				  .number = trial->number,
				  .syscall = seccomp_syscall_resolve_name(trial->call),
				  .code = trial->number == 0 ? 0 : trial->fault->code};

	if (!is(trial->command, "start"))
		plan.runner_count = find_runners(world, runners);
	command_run(&world->user,
		    is(trial->command, "start")	 ? starting
		    : is(trial->command, "stop") ? stopping
						 : connecting,
		    &plan, world->outcome, &trial->result);
	trial->missed = trial->number != 0 && !world->outcome->hit;
	name_call(trial, world->outcome->syscall);
	/* The dynamic linker of glibc 2.36 has nothing to say where its first mmap(2) fails. */
	trial->linker = trial->result.status == 128 + SIGSEGV && is(trial->call, "mmap") &&
			world->outcome->since_exec <= LINKER_CALLS;
}

/* Without a stage for a start, with one for the others. */
static bool prepare(struct world *world, struct trial *trial)
{
	static struct trial ignored; /* it is no fault's doing, and a machine may be busy */
	bool wanted = !is(trial->command, "start");

	if (world->is_up == wanted)
		return true;
	world->is_up = wanted;
	if (!wanted)
		return world_stop(world, trial) && world_is_gone(world, trial);
	/* Until client1's `run` has its own name it has its client's. */
	return world_start(world, trial) &&
	       (world_settles(world, world->up.runners, &world->up.host, NULL, &ignored) ||
		world_settles(world, world->up.runners, &world->up.host, NULL, trial));
}

static bool judge(struct world *world, struct trial *trial)
{
	if (is(trial->command, "start"))
		return judge_start(world, trial);
	return is(trial->command, "stop") ? judge_stop(world, trial) : judge_connect(world, trial);
}

/* Every so often, without a stage: the settings that it has nothing to do with, too. */
static bool is_untouched(const struct world *world, struct trial *trial)
{
	CLEANUP_STATE struct state now;
	char text[800];

	state_take(&now, STATE_KERNEL, NULL);
	return state_differ(&world->kernel, &now, NULL, text, sizeof(text)) == 0 ||
	       trial_blame(trial, "since up to %u trials:%s", FULL_LOOK, text);
}

bool trial_make(struct world *world, struct trial *trial)
{
	bool held;

	trial->missed = false;
	trial->why[0] = '\0';
	held = prepare(world, trial);
	if (held) {
		run_trial(world, trial);
		if (trial->missed) {
			repair(world);
			return true;
		}
		held = said_enough(trial);
		held = judge(world, trial) && held;
	}
	if (held && !is(trial->command, "connect") && ++world->trials % FULL_LOOK == 0)
		held = is_untouched(world, trial);
	if (!held)
		repair(world);
	return held;
}

const struct trace_outcome *trial_watch(struct world *world, const char *command)
{
	static struct trial trial;

	(void)snprintf(trial.command, sizeof(trial.command), "%s", command);
	if (!prepare(world, &trial))
		(void)fprintf(stderr, "inject: %s\n", trial.why);
	run_trial(world, &trial);
	world->is_up = !is(command, "stop");
	return world->outcome;
}

/* ---- the host ---------------------------------------------------------------------------------
 */

static char *setting(const char *name)
{
	char *value = getenv(name);

	if (value == NULL) {
		(void)fprintf(stderr, "inject: %s is not set: run tests/faults.sh\n", name);
		exit(3);
	}
	return value;
}

static void take_picture(struct world *world, struct trial *trial)
{
	if (!world_start(world, trial))
		return;
	command_sleep_ms(200);
	state_take(&world->up.host, STATE_NET | STATE_FILES, world->places);
	(void)world_list_strangers(world, world->up.runners, sizeof(world->up.runners));
	world_look_inside(world, world->up.inside);
	if (world_looks_right(world, trial) && world_stop(world, trial))
		(void)world_is_gone(world, trial);
}

void trial_begin(struct world *world)
{
	static struct trial trial;

	world->private = is(setting("PYROUTE_FAULTS_MODE"), "private");
	world->program = setting("PYROUTE_FAULTS_PROGRAM");
	world->user.uid = (uid_t)strtoul(setting("PYROUTE_FAULTS_UID"), NULL, 10);
	world->user.gid = (gid_t)world->user.uid;
	world->user.home = setting("PYROUTE_FAULTS_HOME");
	world->places[0] = (struct state_place){"run", "/run"};
	world->places[1] = (struct state_place){"tmp", "/tmp"};
	world->places[2] = (struct state_place){"cgroup", "/sys/fs/cgroup"};
	world->places[3] = (struct state_place){"checkout", setting("PYROUTE_FAULTS_CHECKOUT")};
	world->places[4] = (struct state_place){"home", world->user.home};
	world->outcome = mmap(NULL, sizeof(*world->outcome), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (world->outcome == MAP_FAILED || chdir(world->places[3].path) < 0)
		(void)trial_blame(&trial, "cannot begin");
	world->bystander_count = command_others(world->bystanders, COMMAND_RUNNERS_MAX);
	/* The lock and the folder that it is in stay for good. */
	if (world_start(world, &trial))
		(void)world_stop(world, &trial);
	state_take(&world->before, STATE_NET | STATE_FILES, world->places);
	state_take(&world->kernel, STATE_KERNEL, NULL);
	take_picture(world, &trial);
	if (trial.why[0] != '\0') {
		(void)fprintf(stderr, "inject: without a fault: %s\n", trial.why);
		exit(3);
	}
}

bool trial_end(struct world *world)
{
	static struct trial trial = {.command = "start"};

	if (prepare(world, &trial) && is_untouched(world, &trial))
		return true;
	(void)fprintf(stderr, "inject: at the end: %s\n", trial.why);
	return false;
}
