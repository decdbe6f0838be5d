#include "bench.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define START_S 120 /* what takes longer hangs */
#define STOP_S	120
#define LOOK_US 300

const char *subject_name(enum subject subject)
{
	static const char *const names[SUBJECTS] = {"pyroute", "bare", "full"};

	return names[subject];
}

/* ---- start ------------------------------------------------------------------------------------
 */

static void start_floor(struct bench *bench, struct running *running)
{
	const bool full = running->subject == FULL;
	char program[PATH_MAX + 16];
	char clients[16];
	const char *argv[COMMAND_WORDS] = {program, "--clients", clients, "--src", "src"};
	size_t count = 5;

	(void)snprintf(program, sizeof(program), "%s/%s", bench->programs,
		       subject_name(running->subject));
	(void)snprintf(clients, sizeof(clients), "%u", running->clients);
	if (running->pids)
		argv[count++] = "--pids";
	if (full) {
		argv[count++] = "--filter";
		argv[count++] = "policy.bpf";
		argv[count++] = "--group";
		argv[count++] = bench->group;
	}
	argv[count] = NULL;
	command_start(bench, &running->command, argv, true);
}

static double wait_floor(struct bench *bench, struct running *running)
{
	char line[32] = "";

	running->client = 0;
	while (command_read_line(bench, &running->command, line, sizeof(line), START_S)) {
		if (strcmp(line, "up") == 0)
			return (double)(now_ns() - running->command.started) / 1e6;
		if (running->client == 0)
			running->client = (pid_t)strtol(line, NULL, 10);
	}
	bench_fail(bench, "%s does not come up with %u clients", subject_name(running->subject),
		   running->clients);
}

double subject_start(struct bench *bench, struct running *running, const char *stage)
{
	running->command = COMMAND_NONE;
	if (running->subject == PYROUTE)
		return command_run(bench,
				   (const char *const[]){bench->pyroute, "start", stage, NULL},
				   START_S);
	start_floor(bench, running);
	return wait_floor(bench, running);
}

/* ---- stop -------------------------------------------------------------------------------------
 */

/* What is still there. */
struct watch {
	unsigned *indexes;
	size_t count;
	size_t gone; /* of the links, from the first on */
	int socket;
	pid_t command; /* that has to end well */
};

static void watch_begin(struct bench *bench, struct watch *watch)
{
	*watch = (struct watch){.gone = 0};
	watch->count = world_links(bench, &watch->indexes);
	watch->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (watch->socket < 0)
		bench_fail(bench, "socket: %s", strerror(errno));
}

static void watch_end(struct watch *watch)
{
	free(watch->indexes);
	close_fd(&watch->socket);
}

/* By a call that takes no lock and so holds nobody up. */
static bool links_are_gone(struct watch *watch)
{
	while (watch->gone < watch->count) {
		struct ifreq request = {.ifr_ifindex = (int)watch->indexes[watch->gone]};

		if (ioctl(watch->socket, SIOCGIFNAME, &request) == 0)
			return false;
		watch->gone++;
	}
	return true;
}

/* All that were started are our children, by birth or since their parents ended. */
static bool processes_are_gone(struct bench *bench, const struct watch *watch)
{
	pid_t pid;
	int status = 0;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == watch->command && status != 0)
			bench_fail(bench, "a stop failed with status %d", status);
	return pid < 0;
}

static void watch_all_go(struct bench *bench, struct watch *watch, int64_t started)
{
	const int64_t limit = started + INT64_C(1000000000) * STOP_S;

	while (!processes_are_gone(bench, watch) || !links_are_gone(watch)) {
		if (now_ns() > limit)
			bench_fail(bench, "a stop leaves something after %d s", STOP_S);
		bench_pause(bench, LOOK_US);
	}
}

struct ending subject_stop(struct bench *bench, struct running *running)
{
	struct watch watch;
	struct ending ending;
	struct command stop = running->command;
	int64_t started;

	watch_begin(bench, &watch);
	started = now_ns();
	if (running->subject == PYROUTE)
		command_start(bench, &stop, (const char *const[]){bench->pyroute, "stop", NULL},
			      false);
	else
		close_fd(&stop.input);
	watch.command = stop.pid;
	watch_all_go(bench, &watch, started);
	ending.gone = (double)(now_ns() - started) / 1e6;
	ending.namespaces = (double)(world_settle(bench) - started) / 1e6;
	close_fd(&stop.output);
	watch_end(&watch);
	return ending;
}
