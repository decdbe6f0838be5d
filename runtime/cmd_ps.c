#include "cgroup.h"
#include "command.h"
#include "host.h"
#include "json.h"
#include "process.h"
#include "service.h"

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
		char uptime[COMMAND_UPTIME_SIZE] = "-";
		char memory[32];

		format_state(row, state, sizeof(state));
		if (row->client.running)
			command_format_uptime(row->client.uptime_ms, uptime);
		format_memory(row, memory, sizeof(memory));
		if (row->pid > 0)
			(void)snprintf(pid, sizeof(pid), "%d", (int)row->pid);
		(void)printf("%-12s %-12s %8s %8s %10s  %s\n", row->client.name, state, pid, uptime,
			     memory, row->client.addresses);
	}
}

static struct json_object *json_of_row(const struct row *row)
{
	const struct service_client *client = &row->client;
	struct json_object *object = json_new_object();

	json_add_text(object, "name", client->name);
	json_add_text(object, "state", client->running ? "running" : "exited");
	if (client->running)
		json_add_null(object, "exit_status");
	else
		json_add_number(object, "exit_status", client->status);
	if (row->pid > 0)
		json_add_number(object, "pid", row->pid);
	else
		json_add_null(object, "pid");
	json_add_text(object, "addresses", client->addresses);
	if (client->running)
		json_add_number(object, "uptime_ms", (int64_t)client->uptime_ms);
	else
		json_add_null(object, "uptime_ms");
	if (row->memory_known)
		json_add_number(object, "memory_bytes", (int64_t)row->memory);
	else
		json_add_null(object, "memory_bytes");
	return object;
}

static void print_json(const char *stage, const struct table *table, bool private, bool roots)
{
	struct json_object *root = json_new_object();
	struct json_object *clients = json_new_array();

	for (size_t i = 0; i < table->count; i++)
		json_append(clients, json_of_row(&table->rows[i]));
	json_add_text(root, "stage", stage);
	json_add_bool(root, "private", private);
	json_add_bool(root, "root", roots);
	json_add(root, "clients", clients);
	json_print(root);
}

int cmd_ps(const struct command_line *line)
{
	CLEANUP_COMMAND_PLACE struct command_place place = {.session = SESSION_NONE,
							    .checkout = CHECKOUT_NONE};
	char stage[STAGE_NAME_SIZE];
	struct host_stage running;
	CLEANUP(table_clear) struct table table = {.cgroup = running.cgroup};
	struct error error = {0};
	CLEANUP_FD int socket = -1;

	if ((line->options & OPTION_ALL) != 0)
		return cmd_ps_all(line);
	socket = command_connect(line, &place, &error);
	if (socket < 0)
		return command_fail(&error, EXIT_FAILURE);
	if (host_owner(place.session.dir, &running, &error) < 0)
		return command_fail(&error, EXIT_FAILURE);
	if ((service_stage(socket, stage, &error) < 0 ||
	     service_clients(socket, add_row, &table, &error) < 0) &&
	    session_silent(&place.session, socket, &error) < 0)
		return command_fail(&error, EXIT_FAILURE);
	if ((line->options & OPTION_JSON) != 0)
		print_json(stage, &table, running.private, !place.session.own);
	else
		print_table(&table);
	return EXIT_SUCCESS;
}
