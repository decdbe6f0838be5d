#include "command.h"
#include "host.h"
#include "json.h"
#include "scripts.h"
#include "service.h"
#include "stages.h"

/* What is told of a stage. */
struct row {
	const struct checkout_stage *stage;
	char title[STAGE_TITLE_SIZE];	    /* empty: none */
	char summary[STAGE_TITLE_SIZE];	    /* empty: none */
	char problem[ERROR_TEXT_SIZE + 32]; /* why it cannot be started; empty: nothing */
	bool running;
};

/* Title and problem of a stage that its file describes. Where it has scripts the file only gives
 * the title: they decide the rest. */
static void read_row(const struct command_place *place, struct row *row)
{
	CLEANUP_STAGE struct stage stage = {.name = ""};
	struct stages_file file;
	struct error error = {0};
	int result = stages_read(&place->checkout, &place->caller, row->stage->name, &stage, &file,
				 &error);

	(void)snprintf(row->title, sizeof(row->title), "%s", stage.title);
	(void)snprintf(row->summary, sizeof(row->summary), "%s", stage.summary);
	if (result == 0 || row->stage->has_scripts)
		return;
	if (file.complaints.count > 1)
		(void)snprintf(row->problem, sizeof(row->problem), "%s (and %zu more)", error.text,
			       file.complaints.count - 1);
	else
		(void)snprintf(row->problem, sizeof(row->problem), "%s", error.text);
}

/* Problem of a stage that has scripts, or some of them. */
static void check_scripts(const struct command_place *place, struct row *row)
{
	CLEANUP_SCRIPTS struct scripts scripts = SCRIPTS_NONE;
	const char *name = row->stage->name;
	struct error error = {0};
	int result = checkout_stage_kind(&place->checkout, &place->caller, name, &error);

	if (result == CHECKOUT_SCRIPTS) {
		result = scripts_open(&place->checkout, &place->caller, NULL, name, &scripts,
				      &error);
		if (result == 0)
			result = scripts_check(&scripts, &error);
	}
	if (result < 0)
		(void)snprintf(row->problem, sizeof(row->problem), "%s", error.text);
}

static void fill_row(const struct command_place *place, const struct checkout_stage *stage,
		     const char *running, struct row *row)
{
	*row = (struct row){.stage = stage,
			    .running = stage->is_name && strcmp(stage->name, running) == 0};
	if (!stage->is_name)
		(void)snprintf(row->problem, sizeof(row->problem),
			       "no name for a stage: rename the folder; letters, digits, and "
			       "_ - . but not as the first");
	else if (stage->has_file)
		read_row(place, row);
	if (stage->is_name && row->problem[0] == '\0')
		check_scripts(place, row);
}

/* The name of the stage that SESSION's journal is of. */
static int journal_of(const struct session *session, char name[STAGE_NAME_SIZE],
		      struct error *error)
{
	struct host_stage stage;

	if (host_owner(session->dir, &stage, error) < 0)
		return -error->code;
	memcpy(name, stage.name, STAGE_NAME_SIZE);
	return 0;
}

/* The name of the stage that runs, empty where none does: its keeper says so, or the record of one
 * with scripts. Of another user's, who keeps the keeper to themselves, .stage tells, and of one
 * with a name its journal. */
static void find_running(const struct command_place *place, char name[STAGE_NAME_SIZE])
{
	const char *scripted = session_scripted(&place->session);
	struct error error = {0};
	CLEANUP_FD int socket = session_connect(&place->session, &error);
	int result = -ESRCH;

	name[0] = '\0';
	if (scripted != NULL) {
		(void)snprintf(name, STAGE_NAME_SIZE, "%s", scripted);
		return;
	}
	if (socket >= 0)
		result = service_stage(socket, name, &error);
	else if (socket != -ESRCH && place->session.name == NULL)
		result = checkout_marked(&place->checkout, &place->caller, name, &error);
	else if (socket != -ESRCH)
		result = journal_of(&place->session, name, &error);
	if (result < 0) /* it ended just now, or tells nothing */
		name[0] = '\0';
}

static const char *state_of(const struct row *row)
{
	if (row->running)
		return "running";
	return row->problem[0] != '\0' ? "bad" : "-";
}

static void print_table(const struct row *rows, size_t count)
{
	int width = 12;

	for (size_t i = 0; i < count; i++)
		if ((int)strlen(rows[i].stage->name) > width)
			width = (int)strlen(rows[i].stage->name);
	(void)printf("%-*s %-8s %s\n", width, "STAGE", "STATE", "TITLE");
	for (size_t i = 0; i < count; i++) {
		const char *text = rows[i].problem[0] != '\0' ? rows[i].problem : rows[i].title;

		(void)printf("%-*s %-8s %s\n", width, rows[i].stage->name, state_of(&rows[i]),
			     text[0] != '\0' ? text : "-");
	}
}

static const char *or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

static void print_json(const struct row *rows, size_t count, const char *running)
{
	struct json_object *root = json_new_object();
	struct json_object *stages = json_new_array();

	for (size_t i = 0; i < count; i++) {
		struct json_object *stage = json_new_object();

		json_add_text(stage, "name", rows[i].stage->name);
		json_add_text(stage, "title", or_null(rows[i].title));
		json_add_text(stage, "summary", or_null(rows[i].summary));
		json_add_bool(stage, "running", rows[i].running);
		json_add_bool(stage, "scripts", rows[i].stage->has_scripts);
		json_add_text(stage, "problem", or_null(rows[i].problem));
		json_append(stages, stage);
	}
	json_add_text(root, "running", or_null(running));
	json_add(root, "stages", stages);
	json_print(root);
}

int cmd_stages(const struct command_line *line)
{
	CLEANUP_COMMAND_PLACE struct command_place place = {.session = SESSION_NONE,
							    .checkout = CHECKOUT_NONE};
	CLEANUP_CHECKOUT_STAGES struct checkout_stages stages = {.count = 0};
	CLEANUP_FREE struct row *rows = NULL;
	char running[STAGE_NAME_SIZE];
	struct error error = {0};

	if (command_find_place(line, &place, &error) < 0 ||
	    checkout_list_stages(&place.checkout, &place.caller, &stages, &error) < 0)
		return command_fail(&error, EXIT_FAILURE);
	find_running(&place, running);
	rows = calloc(stages.count + 1, sizeof(*rows));
	if (rows == NULL) {
		(void)error_system(&error, ENOMEM, "cannot list the stages");
		return command_fail(&error, EXIT_FAILURE);
	}
	for (size_t i = 0; i < stages.count; i++)
		fill_row(&place, &stages.list[i], running, &rows[i]);
	if ((line->options & OPTION_JSON) != 0)
		print_json(rows, stages.count, running);
	else
		print_table(rows, stages.count);
	return EXIT_SUCCESS;
}
