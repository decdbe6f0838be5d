#include "bench.h"

#include "output.h"

#include <stdarg.h>

/* What the runtime is to reach: PYROUTE's own value, or its ratio to the floor of that column. */
static const struct {
	const char *what;
	unsigned clients;
	enum column column;
	double limit;
} targets[] = {
	{"start", 100, COLUMN_BARE, 2},
	{"start", 100, COLUMN_FULL, 1.3},
	{"start", 1000, COLUMN_BARE, 2},
	{"start", 1000, COLUMN_FULL, 1.3},
	{"start of stage1", 2, COLUMN_FULL, 3},
	{"a client's share of a start, by N=100's", 1000, COLUMN_PYROUTE, 1.2},
	{"stop, namespaces gone too", 100, COLUMN_BARE, 1.2},
	{"stop, namespaces gone too", 1000, COLUMN_BARE, 1.2},
	{"connect, to run true", 0, COLUMN_FULL, 2},
};

static struct row *find(const struct table *table, const char *what, unsigned clients)
{
	struct row *row = table->rows;

	while (row != NULL && (strcmp(row->what, what) != 0 || row->clients != clients))
		row = row->next;
	return row;
}

struct row *table_row(struct bench *bench, const char *what, unsigned clients, const char *unit)
{
	struct table *table = bench->table;
	struct row *row = find(table, what, clients);

	if (row != NULL)
		return row;
	row = calloc(1, sizeof(*row));
	if (row == NULL)
		bench_fail(bench, "no memory");
	(void)snprintf(row->what, sizeof(row->what), "%s", what);
	row->clients = clients;
	row->unit = unit;
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		if (strcmp(targets[i].what, what) == 0 && targets[i].clients == clients)
			row->target[targets[i].column] = targets[i].limit;
	*(table->end != NULL ? table->end : &table->rows) = row;
	table->end = &row->next;
	return row;
}

void table_add(struct row *row, enum column column, double value)
{
	struct series *series = &row->series[column];

	if (series->count < RUNS_MAX)
		series->value[series->count++] = value;
}

/* Each once, however often it is found out. */
void table_note(struct bench *bench, const char *format, ...)
{
	struct table *table = bench->table;
	char text[sizeof(table->notes[0])];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	for (size_t i = 0; i < table->note_count; i++)
		if (strcmp(table->notes[i], text) == 0)
			return;
	if (table->note_count < ARRAY_SIZE(table->notes))
		memcpy(table->notes[table->note_count++], text, sizeof(text));
}

/* ---- numbers ----------------------------------------------------------------------------------
 */

static int compare(const void *one, const void *other)
{
	double a;
	double b;

	memcpy(&a, one, sizeof(a));
	memcpy(&b, other, sizeof(b));
	return (a > b) - (a < b);
}

bool spread_of(const struct series *series, struct spread *spread)
{
	struct series sorted = *series;
	const size_t middle = sorted.count / 2;

	if (sorted.count == 0)
		return false;
	qsort(sorted.value, sorted.count, sizeof(sorted.value[0]), compare);
	spread->median = sorted.count % 2 == 1
				 ? sorted.value[middle]
				 : (sorted.value[middle - 1] + sorted.value[middle]) / 2;
	spread->least = sorted.value[0];
	spread->greatest = sorted.value[sorted.count - 1];
	spread->count = sorted.count;
	return true;
}

bool spread_of_ratio(const struct series *over, const struct series *under, struct spread *spread)
{
	struct series ratio = {.count = 0};

	for (size_t i = 0; i < over->count && i < under->count; i++)
		if (under->value[i] > 0)
			ratio.value[ratio.count++] = over->value[i] / under->value[i];
	return spread_of(&ratio, spread);
}

bool row_ratio(const struct row *row, enum column column, struct spread *spread)
{
	const struct series *ours = &row->series[COLUMN_PYROUTE];
	const struct series *other = &row->series[column];

	if (column == COLUMN_PYROUTE)
		return spread_of(ours, spread);
	return row->peer != NULL ? spread_of_ratio(other, ours, spread)
				 : spread_of_ratio(ours, other, spread);
}

bool row_meets(const struct row *row, enum column column, const struct spread *ratio)
{
	const double limit = row->target[column];

	return row->peer != NULL ? ratio->median >= limit : ratio->median <= limit;
}
