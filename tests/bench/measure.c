#include "bench.h"

#define SETTLE_US     150000
#define MANY	      100 /* clients: what is too little to be seen of fewer */
#define CONNECT_PAIRS 60
#define CONNECT_S     20

/* What a round starts: a stage of so many clients. */
struct load {
	char stage[32];
	unsigned clients;
	unsigned runs;
	const char *start; /* the rows' names */
	const char *stop;
	const char *ps; /* NULL: not measured */
};

static unsigned default_runs(unsigned clients)
{
	if (clients <= 20)
		return 15;
	return clients <= 200 ? 9 : 5;
}

static unsigned runs_of(const struct bench *bench, unsigned clients)
{
	return bench->runs > 0 ? bench->runs : default_runs(clients);
}

/* ---- a subject's turn -------------------------------------------------------------------------
 */

static void add(struct bench *bench, const struct load *load, const char *what, const char *unit,
		enum subject subject, double value)
{
	table_add(table_row(bench, what, load->clients, unit), (enum column)subject, value);
}

static void add_memory(struct bench *bench, const struct load *load, enum subject subject,
		       const double *before)
{
	double after[MEMORY_KINDS];
	double sum = 0;
	char what[48];

	memory_read(bench, after);
	for (unsigned i = 0; i <= MEMORY_KINDS; i++) {
		const double kib = i == PSS ? memory_pss() : after[i] - before[i];

		sum += kib;
		(void)snprintf(what, sizeof(what), "memory a client: %s", memory_name(i));
		add(bench, load, what, "KiB", subject, kib / load->clients);
	}
	add(bench, load, "memory a client", "KiB", subject, sum / load->clients);
}

/* COUNTED: it is no warming up. */
static void take_turn(struct bench *bench, const struct load *load, enum subject subject,
		      bool counted)
{
	const bool many = load->clients >= MANY;
	struct running running = {.subject = subject, .clients = load->clients};
	double before[MEMORY_KINDS];
	struct ending ending;
	double start;
	double ps = 0;

	if (many)
		bench_pause(bench, SETTLE_US);
	memory_read(bench, before);
	start = subject_start(bench, &running, load->stage);
	if (subject == PYROUTE && load->ps != NULL)
		ps = command_run(bench, (const char *const[]){bench->pyroute, "ps", NULL},
				 CONNECT_S);
	if (many && counted) {
		bench_pause(bench, SETTLE_US);
		add_memory(bench, load, subject, before);
	}
	ending = subject_stop(bench, &running);
	if (!counted)
		return;
	add(bench, load, load->start, "ms", subject, start);
	add(bench, load, load->stop, "ms", subject, ending.gone);
	if (many)
		add(bench, load, "stop, namespaces gone too", "ms", subject, ending.namespaces);
	if (subject == PYROUTE && load->ps != NULL)
		add(bench, load, load->ps, "ms", subject, ps);
}

/* The order turns with the rounds, so that nobody always comes after the same. */
static void run_round(struct bench *bench, const struct load *load, unsigned round)
{
	for (unsigned i = 0; i < SUBJECTS; i++)
		take_turn(bench, load, (enum subject)((round + i) % SUBJECTS), round > 0);
}

/* ---- what is measured by itself ---------------------------------------------------------------
 */

static void measure_connect(struct bench *bench)
{
	struct running pyroute = {.subject = PYROUTE, .clients = 2};
	struct running full = {.subject = FULL, .clients = 2, .pids = true};
	const char *const connect[] = {bench->pyroute, "connect", "client1", "--", "true", NULL};
	struct row *row = table_row(bench, "connect, to run true", 0, "ms");
	const unsigned pairs = bench->runs > 0 ? bench->runs : CONNECT_PAIRS;
	char enter[PATH_MAX + 16];
	char pid[16];

	(void)subject_start(bench, &pyroute, "stage1");
	(void)subject_start(bench, &full, NULL);
	(void)snprintf(enter, sizeof(enter), "%s/enter", bench->programs);
	(void)snprintf(pid, sizeof(pid), "%d", (int)full.client);
	for (unsigned i = 0; i <= pairs; i++) {
		double one = command_run(bench, connect, CONNECT_S);
		double other = command_run(bench, (const char *const[]){enter, pid, "true", NULL},
					   CONNECT_S);

		if (i == 0)
			continue;
		table_add(row, COLUMN_PYROUTE, one);
		table_add(row, COLUMN_FULL, other);
	}
	/* First pyroute's, for what waits until nothing is left waits for both. */
	(void)command_run(bench, (const char *const[]){bench->pyroute, "stop", NULL}, CONNECT_S);
	(void)subject_stop(bench, &full);
}

/* What a client costs among many, by what it costs among few, round by round. */
static void add_growth(struct bench *bench, unsigned many, unsigned few)
{
	const struct row *of_many = table_row(bench, "start", many, "ms");
	const struct row *of_few = table_row(bench, "start", few, "ms");
	struct row *row;
	char what[48];

	if (of_many->series[0].count == 0 || of_few->series[0].count == 0)
		return;
	(void)snprintf(what, sizeof(what), "a client's share of a start, by N=%u's", few);
	row = table_row(bench, what, many, "");
	for (unsigned column = 0; column < COLUMNS; column++)
		for (size_t i = 0;
		     i < of_many->series[column].count && i < of_few->series[column].count; i++)
			table_add(row, (enum column)column,
				  of_many->series[column].value[i] / many /
					  (of_few->series[column].value[i] / few));
}

static size_t make_loads(struct bench *bench, struct load *loads)
{
	size_t count = 0;

	loads[count++] = (struct load){"stage1",	 2,   runs_of(bench, 2), "start of stage1",
				       "stop of stage1", NULL};
	for (size_t i = 0; i < bench->size_count; i++) {
		const unsigned clients = bench->sizes[i];
		struct load *load = &loads[count++];

		*load = (struct load){"",
				      clients,
				      runs_of(bench, clients),
				      "start",
				      "stop, links and processes gone",
				      "ps"};
		(void)snprintf(load->stage, sizeof(load->stage), "n%u", clients);
		world_make_stage(bench, clients);
	}
	return count;
}

static bool has_size(const struct bench *bench, unsigned clients)
{
	for (size_t i = 0; i < bench->size_count; i++)
		if (bench->sizes[i] == clients)
			return true;
	return false;
}

/* All sizes have their rounds side by side, since they are compared too. Round 0 warms up. */
void measure(struct bench *bench)
{
	struct load loads[SIZES_MAX + 1];
	const size_t count = make_loads(bench, loads);
	bool more = true;

	for (unsigned round = 0; more; round++) {
		more = false;
		for (size_t i = 0; i < count; i++) {
			if (round > loads[i].runs)
				continue;
			run_round(bench, &loads[i], round);
			more = true;
		}
	}
	measure_connect(bench);
	if (has_size(bench, 1000) && has_size(bench, 100))
		add_growth(bench, 1000, 100);
}
