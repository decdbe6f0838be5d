/* Others that do the same, where they are installed. Each is a script of this folder, which is
 * called as the floors are: with the number of clients; and with "probe", when it says in a line
 * what it lacks, or nothing. */
#include "bench.h"

#define PEER_S	   300
#define PEER_RUNS  3
#define PEER_SIZES 100U /* more takes them minutes */

static const struct peer {
	const char *name;
	const char *script;
	unsigned most;
	double start;	      /* target of the start with 100 clients: so many times pyroute's */
	double start_and_end; /* of start and stop with two */
} peers[] = {
	{"Mininet", "peer_mininet.py", PEER_SIZES, 10, 0},
	{"ip netns", "peer_netns.sh", PEER_SIZES, 0, 0},
	{"Docker compose", "peer_docker.sh", 10, 0, 100},
};

static void script_path(const struct peer *peer, char path[PATH_MAX])
{
	(void)snprintf(path, PATH_MAX, "%s/tests/bench/%s", PYROUTE_CHECKOUT, peer->script);
}

static bool is_there(struct bench *bench, const struct peer *peer)
{
	struct command command = COMMAND_NONE;
	char path[PATH_MAX];
	char line[160] = "its probe does not run";
	bool said;
	int status;

	script_path(peer, path);
	command_start(bench, &command, (const char *const[]){path, "probe", NULL}, true);
	said = command_read_line(bench, &command, line, sizeof(line), 30);
	status = command_wait(bench, &command, 30);
	if (status == 0)
		return true;
	table_note(bench, "%s is not compared: %s", peer->name,
		   said ? line : "its probe does not run");
	return false;
}

/* Returns false where it does not come up: then it is left alone. */
static bool run_peer(struct bench *bench, const struct peer *peer, unsigned clients, double *start,
		     double *stop)
{
	struct command command = COMMAND_NONE;
	char path[PATH_MAX];
	char number[16];
	char line[160] = "";
	int64_t asked;
	bool up;
	int status;

	script_path(peer, path);
	(void)snprintf(number, sizeof(number), "%u", clients);
	command_start(bench, &command, (const char *const[]){path, number, NULL}, true);
	up = command_read_line(bench, &command, line, sizeof(line), PEER_S) &&
	     strcmp(line, "up") == 0;
	*start = (double)(now_ns() - command.started) / 1e6;
	asked = now_ns();
	close_fd(&command.input);
	status = command_wait(bench, &command, PEER_S);
	*stop = (double)(now_ns() - asked) / 1e6;
	world_settle(bench);
	if (up && status == 0)
		return true;
	table_note(bench, "%s does not come up with %u clients: status %d %s", peer->name, clients,
		   status, line);
	return false;
}

static void add(struct bench *bench, const struct peer *peer, const char *what, unsigned clients,
		double theirs, double ours, double target)
{
	char name[48];
	struct row *row;

	(void)snprintf(name, sizeof(name), "%s of %s", what, peer->name);
	row = table_row(bench, name, clients, "ms");
	row->peer = peer->name;
	row->target[COLUMN_BARE] = target;
	table_add(row, COLUMN_PYROUTE, ours);
	table_add(row, COLUMN_BARE, theirs);
}

static void compare(struct bench *bench, const struct peer *peer, unsigned clients)
{
	const unsigned runs = bench->runs > 0 ? bench->runs : PEER_RUNS;

	for (unsigned i = 0; i < runs; i++) {
		struct running running = {.subject = PYROUTE, .clients = clients};
		char stage[32];
		double theirs[2];
		double ours[2];

		if (!run_peer(bench, peer, clients, &theirs[0], &theirs[1]))
			return;
		(void)snprintf(stage, sizeof(stage), "n%u", clients);
		ours[0] = subject_start(bench, &running, clients == 2 ? "stage1" : stage);
		ours[1] = subject_stop(bench, &running).gone;
		add(bench, peer, "start", clients, theirs[0], ours[0],
		    clients == 100 ? peer->start : 0);
		add(bench, peer, "start and stop", clients, theirs[0] + theirs[1],
		    ours[0] + ours[1], clients == 2 ? peer->start_and_end : 0);
	}
}

void measure_peers(struct bench *bench)
{
	for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
		if (!is_there(bench, &peers[i]))
			continue;
		for (size_t j = 0; j < bench->size_count; j++)
			if (bench->sizes[j] <= peers[i].most)
				compare(bench, &peers[i], bench->sizes[j]);
	}
}
