#include "output.h"

#include <sys/utsname.h>

#define LITTLE_KIB 1

/* Where and when it was measured: a figure without these is none. */
struct heading {
	char date[32];
	char kernel[80];
	long cores;
	char pyroute[80];
};

static void read_heading(struct bench *bench, struct heading *heading)
{
	struct command command = COMMAND_NONE;
	const time_t now = time(NULL);
	struct utsname name;
	struct tm parts;

	(void)uname(&name);
	(void)localtime_r(&now, &parts);
	(void)strftime(heading->date, sizeof(heading->date), "%Y-%m-%d %H:%M", &parts);
	(void)snprintf(heading->kernel, sizeof(heading->kernel), "Linux %.70s", name.release);
	heading->cores = sysconf(_SC_NPROCESSORS_ONLN);
	command_start(bench, &command, (const char *const[]){bench->pyroute, "--version", NULL},
		      true);
	if (!command_read_line(bench, &command, heading->pyroute, sizeof(heading->pyroute), 10))
		heading->pyroute[0] = '\0';
	(void)command_wait(bench, &command, 10);
}

/* ---- text -------------------------------------------------------------------------------------
 */

static const char *const column_names[COLUMNS] = {"pyroute", "bare", "full"};

static void print_number(const struct series *series)
{
	struct spread spread;

	if (spread_of(series, &spread))
		(void)printf(" %9.*f", spread.median < 10 ? 2 : 1, spread.median);
	else
		(void)printf(" %9s", "");
}

/* By what is next to nothing, a ratio says nothing. */
static bool is_little(const struct row *row, enum column column)
{
	struct spread spread;

	return strcmp(row->unit, "KiB") == 0 && spread_of(&row->series[column], &spread) &&
	       spread.median < LITTLE_KIB;
}

static void print_ratio(const struct row *row, enum column column)
{
	struct spread ratio;
	char text[48] = "";

	if (row->series[column].count > 0 && !is_little(row, column) &&
	    row_ratio(row, column, &ratio))
		(void)snprintf(text, sizeof(text), "%.2f (%.2f-%.2f)", ratio.median, ratio.least,
			       ratio.greatest);
	(void)printf("  %-22s", text);
}

static void print_targets(const struct row *row)
{
	for (enum column column = 0; column < COLUMNS; column++) {
		const char *name = row->peer != NULL ? row->peer : column_names[column];
		struct spread ratio;

		if (row->target[column] <= 0 || !row_ratio(row, column, &ratio))
			continue;
		(void)printf("  %s %s %g: %s", name,
			     row->peer != NULL ? ">=" : "<=", row->target[column],
			     row_meets(row, column, &ratio) ? "yes" : "NO");
	}
}

static void print_row(const struct row *row)
{
	char clients[16] = "";

	if (row->clients > 0)
		(void)snprintf(clients, sizeof(clients), "%u", row->clients);
	(void)printf("%-40s %5s %4zu %-4s", row->what, clients, row->series[COLUMN_PYROUTE].count,
		     row->unit);
	for (enum column column = 0; column < COLUMNS; column++)
		print_number(&row->series[column]);
	print_ratio(row, COLUMN_BARE);
	if (row->peer == NULL)
		print_ratio(row, COLUMN_FULL);
	print_targets(row);
	(void)putchar('\n');
}

static void print_rows(const struct table *table, bool peers)
{
	bool begun = false;

	for (const struct row *row = table->rows; row != NULL; row = row->next) {
		if ((row->peer != NULL) != peers || row->series[COLUMN_PYROUTE].count == 0)
			continue;
		if (!begun)
			(void)printf("\n%-40s %5s %4s %-4s %9s %9s %9s  %-22s  %-22s  %s\n", "",
				     "N", "runs", "", "pyroute", peers ? "peer" : "bare",
				     peers ? "" : "full", peers ? "peer by pyroute" : "by bare",
				     peers ? "" : "by full", "target");
		begun = true;
		print_row(row);
	}
}

void output_text(struct bench *bench)
{
	struct heading heading;

	read_heading(bench, &heading);
	(void)printf("%s, %s, %ld cores, %s\n", heading.date, heading.kernel, heading.cores,
		     heading.pyroute);
	(void)printf("Medians; a ratio is that of one round, with the least and the greatest.\n"
		     "bare: the least that N clients take. full: that, and what confines them; for "
		     "connect: enter.\n");
	print_rows(bench->table, false);
	print_rows(bench->table, true);
	(void)putchar('\n');
	for (size_t i = 0; i < bench->table->note_count; i++)
		(void)printf("%s\n", bench->table->notes[i]);
}
