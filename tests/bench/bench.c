/* See bench.h. */
#include "bench.h"

#include "output.h"

#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/signalfd.h>

static const char help[] =
	"usage: bench [OPTION...]\n"
	"Measures pyroute against the least that the kernel allows, in a network and a mount "
	"namespace\n"
	"of its own. Needs root, and an idle machine.\n"
	"  --sizes N,...   numbers of clients (2,10,100,1000)\n"
	"  --runs K        rounds of each, after one that warms up (by size: 15, 15, 9, 5)\n"
	"  --no-peers      do not compare with what else is installed (--peers: do)\n"
	"  --json          every run, for programs\n"
	"  --help          this\n";

void bench_end(struct bench *bench, int status)
{
	world_end(bench);
	exit(status);
}

void bench_fail(struct bench *bench, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)fprintf(stderr, "bench: ");
	(void)vfprintf(stderr, format, arguments);
	(void)fprintf(stderr, "\n");
	va_end(arguments);
	bench_end(bench, 1);
}

/* ---- options ----------------------------------------------------------------------------------
 */

_Noreturn static void wrong_usage(const char *why)
{
	(void)fprintf(stderr, "bench: %s; see bench --help\n", why);
	exit(2);
}

static unsigned read_number(const char *given, char **end, unsigned most)
{
	unsigned long number;

	errno = 0;
	number = strtoul(given, end, 10);
	if (*end == given || errno != 0 || number < 1 || number > most)
		wrong_usage("a number is wrong");
	return (unsigned)number;
}

static void read_sizes(struct bench *bench, const char *given)
{
	char *end;

	bench->size_count = 0;
	for (;; given = end + 1) {
		if (bench->size_count == SIZES_MAX)
			wrong_usage("there are too many sizes");
		bench->sizes[bench->size_count++] = read_number(given, &end, 4000);
		if (*end == '\0')
			return;
		if (*end != ',')
			wrong_usage("between sizes there is a comma");
	}
}

static void read_options(struct bench *bench, int argc, char **argv)
{
	static const struct option options[] = {{"sizes", required_argument, NULL, 's'},
						{"runs", required_argument, NULL, 'r'},
						{"peers", no_argument, NULL, 'p'},
						{"no-peers", no_argument, NULL, 'n'},
						{"json", no_argument, NULL, 'j'},
						{"help", no_argument, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	int option;
	char *end;

	read_sizes(bench, "2,10,100,1000");
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's') {
			read_sizes(bench, optarg);
		} else if (option == 'r') {
			bench->runs = read_number(optarg, &end, RUNS_MAX);
			if (*end != '\0')
				wrong_usage("a number is wrong");
		} else if (option == 'p' || option == 'n') {
			bench->peers = option == 'p';
		} else if (option == 'j') {
			bench->json = true;
		} else if (option == 'h') {
			(void)fputs(help, stdout);
			exit(0);
		} else {
			exit(2); /* getopt has said why */
		}
	}
	if (optind != argc)
		wrong_usage("it takes options alone");
}

/* ---- the way of a run -------------------------------------------------------------------------
 */

/* The floors lie beside this program, pyroute in the folder above. */
static void find_programs(struct bench *bench)
{
	char *slash;
	ssize_t length = readlink("/proc/self/exe", bench->programs, sizeof(bench->programs) - 1);

	if (length < 0)
		bench_fail(bench, "/proc/self/exe: %s", strerror(errno));
	bench->programs[length] = '\0';
	slash = strrchr(bench->programs, '/');
	*slash = '\0';
	slash = strrchr(bench->programs, '/');
	(void)snprintf(bench->pyroute, sizeof(bench->pyroute), "%.*s/pyroute",
		       (int)(slash - bench->programs), bench->programs);
	if (access(bench->pyroute, X_OK) < 0)
		bench_fail(bench, "%s is missing: run make", bench->pyroute);
}

/* Read where we wait, they end nothing in the middle. */
static void hold_signals(struct bench *bench)
{
	sigset_t signals;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGHUP);
	(void)sigaddset(&signals, SIGQUIT);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	bench->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (bench->signals < 0)
		bench_fail(bench, "signals: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	static struct table table;
	static struct bench bench = {.peers = true, .table = &table};

	read_options(&bench, argc, argv);
	if (geteuid() != 0) {
		(void)fprintf(stderr, "bench: this needs root: sudo make bench\n");
		return 1;
	}
	find_programs(&bench);
	hold_signals(&bench);
	world_make(&bench);
	measure(&bench);
	if (bench.peers)
		measure_peers(&bench);
	if (bench.json)
		output_json(&bench);
	else
		output_text(&bench);
	bench_end(&bench, 0);
}
