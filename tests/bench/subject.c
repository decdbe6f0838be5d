#include "bench.h"

#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define START_S	  120 /* what takes longer hangs */
#define STOP_S	  120
#define LOOK_US	  300
#define QUIET_NS  (INT64_C(300) * 1000000)
#define COUNTABLE 50 /* clients: below, the slab allocator's own habits are more than they */

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

/* What is still there, and when it was last seen to go. */
struct watch {
	unsigned *indexes;
	size_t count;
	size_t gone; /* of the links, from the first on */
	int socket;
	int slab; /* the kernel's count of network namespaces */
	long namespaces;
	int64_t changed;
	pid_t command; /* that has to end well */
};

/* Of the kernel's allocator: free objects that a processor keeps at hand count as used, so that the
 * number itself says little, and its last change all. */
static long count_namespaces(const struct watch *watch)
{
	char text[64];
	ssize_t size = watch->slab < 0 ? -1 : pread(watch->slab, text, sizeof(text) - 1, 0);

	text[size > 0 ? size : 0] = '\0';
	return size > 0 ? strtol(text, NULL, 10) : -1;
}

static void watch_begin(struct bench *bench, struct watch *watch, unsigned clients)
{
	*watch = (struct watch){.gone = 0};
	watch->count = world_links(bench, &watch->indexes);
	watch->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	watch->slab = clients < COUNTABLE ? -1
					  : open("/sys/kernel/slab/net_namespace/objects",
						 O_RDONLY | O_CLOEXEC);
	if (watch->socket < 0)
		bench_fail(bench, "socket: %s", strerror(errno));
	if (watch->slab < 0 && clients >= COUNTABLE)
		table_note(bench, "the kernel does not show how many network namespaces there are, "
				  "so that it is not known when they are gone");
	watch->namespaces = count_namespaces(watch);
}

static void watch_end(struct watch *watch)
{
	free(watch->indexes);
	close_fd(&watch->socket);
	close_fd(&watch->slab);
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
static bool processes_are_gone(struct bench *bench, struct watch *watch)
{
	pid_t pid;
	int status = 0;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == watch->command && status != 0)
			bench_fail(bench, "a stop failed with status %d", status);
	return pid < 0;
}

static void look_at_namespaces(struct watch *watch)
{
	const long now = count_namespaces(watch);

	if (now != watch->namespaces)
		watch->changed = now_ns();
	watch->namespaces = now;
}

static struct ending watch_all_go(struct bench *bench, struct watch *watch, int64_t started)
{
	const int64_t limit = started + INT64_C(1000000000) * STOP_S;
	struct ending ending = {.namespaces = -1};
	int64_t gone = 0;

	watch->changed = started;
	while (gone == 0 || (watch->slab >= 0 && now_ns() - watch->changed < QUIET_NS)) {
		if (gone == 0 && processes_are_gone(bench, watch) && links_are_gone(watch))
			gone = now_ns();
		look_at_namespaces(watch);
		if (now_ns() > limit)
			bench_fail(bench, "a stop leaves something after %d s", STOP_S);
		bench_pause(bench, LOOK_US);
	}
	ending.gone = (double)(gone - started) / 1e6;
	if (watch->slab >= 0)
		ending.namespaces =
			(double)((watch->changed > gone ? watch->changed : gone) - started) / 1e6;
	return ending;
}

struct ending subject_stop(struct bench *bench, struct running *running)
{
	struct watch watch;
	struct ending ending;
	struct command stop = running->command;
	int64_t started;

	watch_begin(bench, &watch, running->clients);
	started = now_ns();
	if (running->subject == PYROUTE)
		command_start(bench, &stop, (const char *const[]){bench->pyroute, "stop", NULL},
			      false);
	else
		close_fd(&stop.input);
	watch.command = stop.pid;
	ending = watch_all_go(bench, &watch, started);
	close_fd(&stop.output);
	watch_end(&watch);
	return ending;
}
