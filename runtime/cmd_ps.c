#include "cgroup.h"
#include "command.h"
#include "host.h"
#include "process.h"
#include "service.h"

#include <json-c/json.h>
#include <sys/types.h>

/* What ps tells of a client, gathered before any of it is printed. */
struct row {
	struct service_client client;
	pid_t pid;	 /* on the computer; 0: not running */
	uint64_t memory; /* bytes */
	bool memory_known;
};

struct table {
	const char *cgroup; /* of the stage */
	struct row *rows;
	size_t count;
};

static void table_clear(struct table *table)
{
	free(table->rows);
}

static int add_row(void *context, const struct service_client *client, int pidfd,
		   struct error *error)
{
	struct table *table = context;
	struct row *rows = reallocarray(table->rows, table->count + 1, sizeof(*rows));
	struct error unknown;
	struct row *row;

	if (rows == NULL)
		return error_system(error, ENOMEM, "cannot list the clients");
	table->rows = rows;
	row = &rows[table->count++];
	*row = (struct row){.client = *client};
	if (pidfd < 0)
		return 0;
	row->pid = process_pid_of(pidfd, error);
	if (row->pid == -ESRCH) { /* it ended just now */
		row->client.running = false;
		row->pid = 0;
		return 0;
	}
	row->memory_known = cgroup_memory(table->cgroup, client->name, &row->memory, &unknown) == 0;
	return row->pid < 0 ? (int)row->pid : 0;
}

static void format_state(const struct row *row, char *text, size_t size)
{
	if (row->client.running)
		(void)snprintf(text, size, "running");
	else
		(void)snprintf(text, size, "exited (%d)", row->client.status);
}

/* "12s", "3m12s", "1h03m", "2d04h" */
static void format_uptime(const struct row *row, char *text, size_t size)
{
	unsigned long long s = row->client.uptime_ms / 1000;

	if (!row->client.running)
		(void)snprintf(text, size, "-");
	else if (s < 60)
		(void)snprintf(text, size, "%llus", s);
	else if (s < 3600)
		(void)snprintf(text, size, "%llum%02llus", s / 60, s % 60);
	else if (s < 86400)
		(void)snprintf(text, size, "%lluh%02llum", s / 3600, s / 60 % 60);
	else
		(void)snprintf(text, size, "%llud%02lluh", s / 86400, s / 3600 % 24);
}

static void format_memory(const struct row *row, char *text, size_t size)
{
	if (!row->memory_known)
		(void)snprintf(text, size, "-");
	else
		(void)snprintf(text, size, "%.1f MiB", (double)row->memory / (1 << 20));
}

static void print_table(const struct table *table)
{
	(void)printf("%-12s %-12s %8s %8s %10s  %s\n", "CLIENT", "STATE", "PID", "UPTIME", "MEMORY",
		     "ADDRESSES");
	for (size_t i = 0; i < table->count; i++) {
		const struct row *row = &table->rows[i];
		char state[32];
		char pid[16] = "-";
		char uptime[32];
		char memory[32];

		format_state(row, state, sizeof(state));
		format_uptime(row, uptime, sizeof(uptime));
		format_memory(row, memory, sizeof(memory));
		if (row->pid > 0)
			(void)snprintf(pid, sizeof(pid), "%d", (int)row->pid);
		(void)printf("%-12s %-12s %8s %8s %10s  %s\n", row->client.name, state, pid, uptime,
			     memory, row->client.addresses);
	}
}

static json_object *json_of_row(const struct row *row)
{
	json_object *object = json_object_new_object();

	json_object_object_add(object, "name", json_object_new_string(row->client.name));
	json_object_object_add(object, "state",
			       json_object_new_string(row->client.running ? "running" : "exited"));
	json_object_object_add(object, "exit_status",
			       row->client.running ? NULL
						   : json_object_new_int(row->client.status));
	json_object_object_add(object, "pid",
			       row->pid > 0 ? json_object_new_int((int)row->pid) : NULL);
	json_object_object_add(object, "addresses", json_object_new_string(row->client.addresses));
	json_object_object_add(
		object, "uptime_ms",
		row->client.running ? json_object_new_int64((int64_t)row->client.uptime_ms) : NULL);
	json_object_object_add(object, "memory_bytes",
			       row->memory_known ? json_object_new_int64((int64_t)row->memory)
						 : NULL);
	return object;
}

static void print_json(const char *stage, const struct table *table)
{
	json_object *root = json_object_new_object();
	json_object *clients = json_object_new_array();

	for (size_t i = 0; i < table->count; i++)
		(void)json_object_array_add(clients, json_of_row(&table->rows[i]));
	(void)json_object_object_add(root, "stage", json_object_new_string(stage));
	(void)json_object_object_add(root, "clients", clients);
	(void)puts(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY));
	(void)json_object_put(root);
}

int cmd_ps(const struct command_line *line)
{
	CLEANUP_COMMAND_PLACE struct command_place place = {.session = SESSION_NONE,
							    .checkout = CHECKOUT_NONE};
	char stage[STAGE_NAME_SIZE];
	struct host_stage running;
	CLEANUP(table_clear) struct table table = {.cgroup = running.cgroup};
	struct error error = {0};
	CLEANUP_FD int socket = command_connect(line, &place, &error);

	if (socket < 0)
		return command_fail(&error, EXIT_FAILURE);
	if (host_owner(place.session.dir, &running, &error) < 0 ||
	    service_stage(socket, stage, &error) < 0 ||
	    service_clients(socket, add_row, &table, &error) < 0)
		return command_fail(&error, EXIT_FAILURE);
	if ((line->options & OPTION_JSON) != 0)
		print_json(stage, &table);
	else
		print_table(&table);
	return EXIT_SUCCESS;
}
