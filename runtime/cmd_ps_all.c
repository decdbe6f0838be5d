/* pyroute ps --all */
#include "command.h"
#include "json.h"
#include "running.h"
#include "text.h"

static void print_row(const struct running_stage *stage, int width, const char *checkout)
{
	char name[STAGE_NAME_SIZE * 4];
	char given[STAGE_NAME_SIZE * 4];
	char clients[48] = "-";
	char uptime[COMMAND_UPTIME_SIZE] = "-";

	text_escape(stage->stage, name, sizeof(name));
	text_escape(stage->name[0] != '\0' ? stage->name : "-", given, sizeof(given));
	if (stage->answers) {
		(void)snprintf(clients, sizeof(clients), "%zu/%zu", stage->clients_running,
			       stage->client_count);
		command_format_uptime(stage->uptime_ms, uptime);
	}
	(void)printf("%-12s %-12s %-*s %9s %8s\n", name, given, width, checkout, clients, uptime);
}

static void print_table(const struct running *running)
{
	char checkout[PATH_MAX];
	int width = 20;

	for (size_t i = 0; i < running->count; i++) {
		text_escape(running->list[i].checkout, checkout, sizeof(checkout));
		if ((int)strlen(checkout) > width)
			width = (int)strlen(checkout);
	}
	(void)printf("%-12s %-12s %-*s %9s %8s\n", "STAGE", "NAME", width, "CHECKOUT", "CLIENTS",
		     "UPTIME");
	for (size_t i = 0; i < running->count; i++) {
		text_escape(running->list[i].checkout, checkout, sizeof(checkout));
		print_row(&running->list[i], width, checkout);
	}
}

static struct json_object *json_of(const struct running_stage *stage)
{
	struct json_object *object = json_new_object();

	json_add_text(object, "stage", stage->stage);
	json_add_text(object, "name", stage->name[0] != '\0' ? stage->name : NULL);
	json_add_text(object, "checkout", stage->checkout);
	if (!stage->answers) {
		json_add_null(object, "clients");
		json_add_null(object, "clients_running");
		json_add_null(object, "uptime_ms");
		return object;
	}
	json_add_number(object, "clients", (int64_t)stage->client_count);
	json_add_number(object, "clients_running", (int64_t)stage->clients_running);
	json_add_number(object, "uptime_ms", (int64_t)stage->uptime_ms);
	return object;
}

static void print_json(const struct running *running)
{
	struct json_object *root = json_new_object();
	struct json_object *stages = json_new_array();

	for (size_t i = 0; i < running->count; i++)
		json_append(stages, json_of(&running->list[i]));
	json_add(root, "stages", stages);
	json_print(root);
}

int cmd_ps_all(const struct command_line *line)
{
	CLEANUP_RUNNING struct running running = {.count = 0};
	struct error error = {0};
	struct caller caller;

	if (privilege_caller(&caller, &error) < 0 || running_find(&caller, &running, &error) < 0)
		return command_fail(&error, EXIT_FAILURE);
	if ((line->options & OPTION_JSON) != 0)
		print_json(&running);
	else
		print_table(&running);
	return EXIT_SUCCESS;
}
