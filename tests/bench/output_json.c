#include "output.h"

#include <json-c/json.h>
#include <sys/utsname.h>

static void add(struct json_object *object, const char *key, struct json_object *value)
{
	(void)json_object_object_add(object, key, value);
}

static struct json_object *text(const char *string)
{
	return string != NULL ? json_object_new_string(string) : NULL;
}

/* To a thousandth: of a millisecond, or of a KiB. */
static struct json_object *number(double value)
{
	char digits[32];

	(void)snprintf(digits, sizeof(digits), "%.3f", value);
	return json_object_new_double_s(value, digits);
}

static struct json_object *series_json(const struct series *series)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < series->count; i++)
		(void)json_object_array_add(array, number(series->value[i]));
	return array;
}

static struct json_object *targets_json(const struct row *row)
{
	static const char *const names[COLUMNS] = {"pyroute", "bare", "full"};
	struct json_object *array = json_object_new_array();

	for (enum column column = 0; column < COLUMNS; column++) {
		struct json_object *target;
		struct spread ratio;

		if (row->target[column] <= 0 || !row_ratio(row, column, &ratio))
			continue;
		target = json_object_new_object();
		add(target, "against", text(row->peer != NULL ? row->peer : names[column]));
		add(target, row->peer != NULL ? "at_least" : "at_most",
		    number(row->target[column]));
		add(target, "median", number(ratio.median));
		add(target, "met", json_object_new_boolean(row_meets(row, column, &ratio)));
		(void)json_object_array_add(array, target);
	}
	return array;
}

static struct json_object *row_json(const struct row *row)
{
	struct json_object *object = json_object_new_object();

	add(object, "what", text(row->what));
	add(object, "clients", row->clients > 0 ? json_object_new_int64(row->clients) : NULL);
	add(object, "unit", text(row->unit));
	add(object, "peer", text(row->peer));
	add(object, "pyroute", series_json(&row->series[COLUMN_PYROUTE]));
	add(object, row->peer != NULL ? "theirs" : "bare", series_json(&row->series[COLUMN_BARE]));
	if (row->peer == NULL)
		add(object, "full", series_json(&row->series[COLUMN_FULL]));
	add(object, "targets", targets_json(row));
	return object;
}

void output_json(struct bench *bench)
{
	struct json_object *whole = json_object_new_object();
	struct json_object *rows = json_object_new_array();
	struct json_object *notes = json_object_new_array();
	struct utsname name;

	(void)uname(&name);
	add(whole, "date", json_object_new_int64(time(NULL)));
	add(whole, "kernel", text(name.release));
	add(whole, "cores", json_object_new_int64(sysconf(_SC_NPROCESSORS_ONLN)));
	add(whole, "version", text(PYROUTE_VERSION));
	for (const struct row *row = bench->table->rows; row != NULL; row = row->next)
		(void)json_object_array_add(rows, row_json(row));
	for (size_t i = 0; i < bench->table->note_count; i++)
		(void)json_object_array_add(notes, text(bench->table->notes[i]));
	add(whole, "rows", rows);
	add(whole, "notes", notes);
	(void)puts(json_object_to_json_string_ext(whole, JSON_C_TO_STRING_PRETTY |
								 JSON_C_TO_STRING_NOSLASHESCAPE));
	(void)json_object_put(whole);
}
