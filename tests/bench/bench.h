/* bench: pyroute against the least that the kernel allows, and against what else there is.
 *
 * All runs in one process tree on one private host: a network and a mount namespace of its own,
 * with a /run of its own, so that nothing of the computer is changed. Machines drift, within a
 * minute too; so runs interleave: in each round each subject has its turn, a ratio is that of one
 * round, and what is shown is the median of the ratios. Times are of whole commands, from exec to
 * exit. */
#ifndef PYROUTE_BENCH_BENCH_H
#define PYROUTE_BENCH_BENCH_H

#include "util.h"

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#define SIZES_MAX 8
#define RUNS_MAX  200

struct bench {
	char programs[PATH_MAX]; /* the folder of the floors */
	char place[64];		 /* a folder of our own; empty: there is none */
	char pyroute[PATH_MAX];
	char group[64]; /* the control group that full has its own in */
	bool made;	/* the private host */
	unsigned sizes[SIZES_MAX];
	size_t size_count;
	unsigned runs; /* 0: as many as each size is worth */
	bool json;
	bool peers;
	int signals; /* a signalfd: readable when we are to end */
	struct table *table;
};

/* Ends everything that was started and removes the folder. Then the program ends with STATUS. */
_Noreturn void bench_end(struct bench *bench, int status);
/* One line on stderr, and the end. */
void bench_fail(struct bench *bench, const char *format, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

/* ---- world.c: the private host ----------------------------------------------------------------
 */

void world_make(struct bench *bench);
/* Kills whatever is still ours, by pid, and waits for it. */
void world_end(struct bench *bench);
/* The links on the private host but lo, by their indexes. The caller frees INDEXES. */
size_t world_links(struct bench *bench, unsigned **indexes);
/* Returns when the kernel has nothing left to do for network namespaces that nobody has any more.
 * It does that much later, by one worker and in batches, with locks that who makes links then waits
 * for: the next to be measured would pay for the last. Returns since when that is so (now_ns()). */
int64_t world_settle(struct bench *bench);
/* Makes the stage "nN" of N clients, each on a net of its own. */
void world_make_stage(struct bench *bench, unsigned clients);

/* ---- command.c --------------------------------------------------------------------------------
 */

#define COMMAND_WORDS 16

/* What was started: with INPUT and OUTPUT, pipes, where it is to stay. */
struct command {
	pid_t pid;
	int input;
	int output;
	int64_t started; /* ns */
};
#define COMMAND_NONE ((struct command){.input = -1, .output = -1})

int64_t now_ns(void);
/* Sleeps; ends everything where a signal says so. */
void bench_pause(struct bench *bench, unsigned microseconds);

/* ARGV ends with NULL. What it says on stderr is shown where it fails. */
void command_start(struct bench *bench, struct command *command, const char *const *argv,
		   bool stays);
/* Waits for its end, and returns its status: as a shell's, or -1 where it took longer than SECONDS
 * and was killed. */
int command_wait(struct bench *bench, struct command *command, unsigned seconds);
/* Reads a line of its output; false where there is none within SECONDS. */
bool command_read_line(struct bench *bench, const struct command *command, char *line, size_t size,
		       unsigned seconds);
/* Runs it to its end, which must be good. Returns its milliseconds. */
double command_run(struct bench *bench, const char *const *argv, unsigned seconds);

/* ---- subject.c: what is measured --------------------------------------------------------------
 */

enum subject { PYROUTE, BARE, FULL, SUBJECTS };

/* One of them that is up. */
struct running {
	enum subject subject;
	unsigned clients;
	bool pids;		/* a floor's client is asked for */
	struct command command; /* of a floor */
	pid_t client;		/* its first */
};

struct ending {
	double gone;	   /* ms until no link and no process is left */
	double namespaces; /* until the kernel is through with the network namespaces too */
};

const char *subject_name(enum subject subject);
/* Returns the milliseconds until all is up. STAGE is pyroute's. */
double subject_start(struct bench *bench, struct running *running, const char *stage);
struct ending subject_stop(struct bench *bench, struct running *running);

/* ---- memory.c ---------------------------------------------------------------------------------
 */

enum memory { SLAB, PAGE_TABLES, KERNEL_STACK, PER_CPU, MEMORY_KINDS, PSS = MEMORY_KINDS };

const char *memory_name(unsigned kind); /* PSS too */
/* KiB of the whole machine. */
void memory_read(struct bench *bench, double kib[MEMORY_KINDS]);
/* KiB of all our descendants, the proportional set size: what they share counts once. */
double memory_pss(void);
/* Our descendants; KNOWN are given in PIDS, up to MAX. Returns how many there are. */
size_t memory_descendants(pid_t *pids, size_t max);

/* ---- table.c: what came of it -----------------------------------------------------------------
 */

enum column { COLUMN_PYROUTE, COLUMN_BARE, COLUMN_FULL, COLUMNS };

struct series {
	double value[RUNS_MAX];
	size_t count;
};

/* A row. The runs of its columns belong together one by one; a ratio is pyroute's value by the
 * column's, or the other way round where the column is a PEER. */
struct row {
	char what[48];
	unsigned clients; /* 0: no matter */
	const char *unit;
	const char *peer;	/* NULL: the columns are the floors */
	double target[COLUMNS]; /* of the ratio, or of pyroute's own value; 0: none */
	struct series series[COLUMNS];
	struct row *next;
};

struct table {
	struct row *rows;
	struct row **end;
	char notes[16][200];
	size_t note_count;
};

/* Finds the row, or makes it. */
struct row *table_row(struct bench *bench, const char *what, unsigned clients, const char *unit);
void table_add(struct row *row, enum column column, double value);
void table_note(struct bench *bench, const char *format, ...) PRINTF_LIKE(2, 3);

/* The median, least and greatest of what there is. False where there is nothing. */
struct spread {
	double median, least, greatest;
	size_t count;
};
bool spread_of(const struct series *series, struct spread *spread);
/* The same of one round's ratio after the other. */
bool spread_of_ratio(const struct series *over, const struct series *under, struct spread *spread);

/* ---- measure.c, peers.c -----------------------------------------------------------------------
 */

void measure(struct bench *bench);
void measure_peers(struct bench *bench);

#endif
