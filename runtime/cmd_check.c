#include "candidate.h"
#include "command.h"
#include "evidence.h"
#include "inquiry.h"
#include "process.h"
#include "report.h"
#include "start.h"
#include "text.h"

#include <poll.h>
#include <stdarg.h>
#include <sys/mman.h>

#define LISTEN_MS  10000 /* within which a router listens on a leg at least */
#define OTHERS_MS  1000	 /* and then on all the others */
#define SETTLED_MS 350	 /* and then opens and binds no other socket */
#define LOOK_MS	   10

/* One run of the command. */
struct check_run {
	const struct command_line *line;
	struct command_place place;
	struct stage stage;
	const struct stage_check **checks; /* owned: those that were wanted */
	struct verdict *verdicts;	   /* owned; as many */
	size_t count;
	struct inquiry inquiry;
	struct candidate candidate;
	int log;      /* what the router printed; -1: nobody wants it */
	char *output; /* owned; the last of it */
	bool started; /* the stage, by us */
	struct report report;
};

static void close_run(struct check_run *run)
{
	candidate_close(&run->candidate);
	inquiry_close(&run->inquiry);
	close_fd(&run->log);
	free_memory(&run->checks);
	free_memory(&run->verdicts);
	free_memory(&run->output);
	stage_clear(&run->stage);
	command_place_close(&run->place);
}

static PRINTF_LIKE(2, 3) void note(struct check_run *run, const char *format, ...)
{
	struct report *report = &run->report;
	va_list arguments;

	if (report->note_count == REPORT_NOTES_MAX)
		return;
	va_start(arguments, format);
	(void)vsnprintf(report->notes[report->note_count++], VERDICT_NOTE_SIZE, format, arguments);
	va_end(arguments);
}

/* ---- the stage ------------------------------------------------------------------------------- */

/* The name of the stage that runs; empty: none does. */
static int find_running(const struct command_place *place, char name[STAGE_NAME_SIZE],
			struct error *error)
{
	int result = command_find_name(place, name, error);

	if (result != -ESRCH)
		return result;
	name[0] = '\0';
	return 0;
}

/* In a place of its own: its locks are held until that is closed. Returns an exit status. */
static int start_wanted(const struct command_line *line, const char *name)
{
	CLEANUP_COMMAND_PLACE struct command_place place = {.session = SESSION_NONE,
							    .checkout = CHECKOUT_NONE};
	CLEANUP_STAGE struct stage stage = {.name = ""};
	struct start_outcome outcome = {.signalled = 0};
	const struct start_wish wish = {.limits = true,
					.private = (line->options & OPTION_PRIVATE) != 0};
	struct error error = {0};
	int status;

	if (command_find_place(line, &place, &error) < 0 ||
	    process_raise_file_limit(START_FILES, &error) < 0)
		return command_fail(&error, EXIT_FAILURE);
	status = command_read_stage(&place, name, &stage);
	if (status != EXIT_SUCCESS)
		return status;
	if (start_stage(&place.session, &stage, &wish, &outcome, &error) < 0)
		return command_fail(&error, outcome.signalled == 0 ? EXIT_FAILURE
								   : 128 + outcome.signalled);
	return EXIT_SUCCESS;
}

static int stop_started(const struct command_line *line, const char *wanted)
{
	CLEANUP_COMMAND_PLACE struct command_place place = {.session = SESSION_NONE,
							    .checkout = CHECKOUT_NONE};
	char name[STAGE_NAME_SIZE];
	struct error error = {0};

	if (command_find_place(line, &place, &error) < 0 ||
	    session_down(&place.session, wanted, name, &error) < 0)
		return command_fail(&error, EXIT_FAILURE);
	return EXIT_SUCCESS;
}

/* Which stage it is, which runs from here on. Returns an exit status. */
static int find_stage(struct check_run *run, char name[STAGE_NAME_SIZE])
{
	const struct command_line *line = run->line;
	const char *wanted = line->operand_count > 0 ? line->operands[0] : NULL;
	struct error error = {0};
	int status;

	if (command_find_running(line, &run->place, &error) < 0 ||
	    find_running(&run->place, name, &error) < 0)
		return command_fail(&error, EXIT_FAILURE);
	if (name[0] != '\0' && (wanted == NULL || strcmp(wanted, name) == 0))
		return EXIT_SUCCESS;
	if (name[0] != '\0') {
		(void)error_set(&error, EBUSY, "%s runs, and not %s; stop it first: pyroute stop",
				name, wanted);
		return command_fail(&error, EXIT_FAILURE);
	}
	if (wanted == NULL || line->router == NULL) {
		(void)error_set(&error, ESRCH,
				"no stage runs: start one and your router, or name one with "
				"--router COMMAND");
		return command_fail(&error, EXIT_FAILURE);
	}
	command_place_close(&run->place);
	status = start_wanted(line, wanted);
	if (status != EXIT_SUCCESS)
		return status;
	run->started = true;
	(void)snprintf(name, STAGE_NAME_SIZE, "%s", wanted);
	if (command_find_running(line, &run->place, &error) < 0)
		return command_fail(&error, EXIT_FAILURE);
	return EXIT_SUCCESS;
}

/* ---- what is asked --------------------------------------------------------------------------- */

static bool is_wanted(const struct command_line *line, const struct stage_check *check)
{
	for (size_t i = 0; i < line->only_count; i++)
		if (strcmp(line->only[i], check->name) == 0)
			return true;
	return line->only_count == 0;
}

/* An unknown name, with the one that may have been meant. */
static int fail_only(const struct stage *stage, const char *name)
{
	const char *near = NULL;
	char shown[64];
	struct error error;

	for (size_t i = 0; i < stage->check_count; i++) {
		const char *other = stage->checks[i].name;

		if (text_is_near(name, other) &&
		    (near == NULL || text_distance(name, other) < text_distance(name, near)))
			near = other;
	}
	(void)text_escape(name, shown, sizeof(shown));
	if (near != NULL)
		(void)error_set(&error, EINVAL, "%s has no check %s; did you mean %s?", stage->name,
				shown, near);
	else
		(void)error_set(&error, EINVAL, "%s has no check %s; see its stage.ini",
				stage->name, shown);
	return command_fail(&error, EXIT_USAGE);
}

static int choose_checks(struct check_run *run)
{
	const struct command_line *line = run->line;
	const struct stage *stage = &run->stage;
	struct error error;

	for (size_t i = 0; i < line->only_count; i++) {
		size_t at = 0;

		while (at < stage->check_count &&
		       strcmp(stage->checks[at].name, line->only[i]) != 0)
			at++;
		if (at == stage->check_count)
			return fail_only(stage, line->only[i]);
	}
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): a list of pointers */
	run->checks = calloc(stage->check_count + 1, sizeof(*run->checks));
	run->verdicts = calloc(stage->check_count + 1, sizeof(*run->verdicts));
	if (run->checks == NULL || run->verdicts == NULL) {
		(void)error_system(&error, ENOMEM, "cannot check");
		return command_fail(&error, EXIT_FAILURE);
	}
	for (size_t i = 0; i < stage->check_count; i++)
		if (is_wanted(line, &stage->checks[i]))
			run->checks[run->count++] = &stage->checks[i];
	if (run->count > 0)
		return EXIT_SUCCESS;
	(void)error_set(&error, ENOENT,
			"%s asks nothing: its stage.ini has no [check NAME] (stages/README.md)",
			stage->name);
	return command_fail(&error, EXIT_FAILURE);
}

/* No question was asked, or could be, for the same reason. */
static void judge_all(struct check_run *run, enum verdict_outcome outcome, enum walk_step step,
		      const char *reason)
{
	for (size_t i = 0; i < run->count; i++) {
		run->verdicts[i] = (struct verdict){.outcome = outcome, .step = step};
		(void)snprintf(run->verdicts[i].reason, sizeof(run->verdicts[i].reason), "%.300s",
			       reason);
	}
}

/* ---- the router ------------------------------------------------------------------------------ */

/* Nothing may be carried or answered before the router runs. 1: so it is; else 0, and all checks
 * are judged. */
static int prove_silence(struct check_run *run, struct error *error)
{
	int result = inquiry_watch(&run->inquiry, error);

	if (result == 0)
		result = inquiry_prove_silence(&run->inquiry, error);
	if (result == 0)
		judge_all(run, VERDICT_UNASKED, WALK_NONE, error->text);
	return result;
}

static void say_ended(struct check_run *run, int status)
{
	char text[96];

	if (status > 128)
		(void)snprintf(text, sizeof(text),
			       "the router was ended by signal %d before it listened on a leg",
			       status - 128);
	else
		(void)snprintf(text, sizeof(text),
			       "the router ended with exit status %d before it listened on a leg",
			       status);
	judge_all(run, VERDICT_FAIL, WALK_LISTENING, text);
}

/* How the waiting stands: when the router listened on a leg at first, and since when on the same.
 */
struct patience {
	int64_t end;   /* until when it has to on one at least */
	int64_t first; /* 0: it has not yet */
	int64_t since;
	uint64_t sum;
};

/* True where it listens on all LEGS, or had its time to after the first; and opens no more sockets,
 * as to listen by what was only to send by. */
static bool is_settled(struct patience *patience, const struct inquiry_ears *ears, size_t legs)
{
	const int64_t now = monotonic_ms();

	if (patience->first == 0 && ears->legs > 0)
		patience->first = now;
	if (ears->sum != patience->sum)
		patience->since = now;
	patience->sum = ears->sum;
	if (ears->legs == 0)
		return false;
	return now - patience->first > OTHERS_MS ||
	       (ears->legs == legs && now - patience->since > SETTLED_MS);
}

/* 1: it listens; 0: it does not, and all checks are judged. */
static int wait_for_listening(struct check_run *run, struct error *error)
{
	struct patience patience = {.end = monotonic_ms() + LISTEN_MS};
	struct inquiry_ears ears;
	int status;

	for (;;) {
		if (process_should_end())
			return error_set(error, ECANCELED, "cancelled");
		if (inquiry_look_for_listeners(&run->inquiry, &ears, error) < 0)
			return -error->code;
		if (is_settled(&patience, &ears, run->inquiry.leg_count))
			return 1;
		if (candidate_has_ended(&run->candidate, &status)) {
			if (patience.first != 0)
				return 1; /* what it did not do shows */
			say_ended(run, status);
			return 0;
		}
		if (patience.first == 0 && monotonic_ms() > patience.end) {
			judge_all(run, VERDICT_FAIL, WALK_LISTENING,
				  "the router did not listen on any leg within 10 s: it has no "
				  "packet socket there that ARP or IP comes to");
			return 0;
		}
		(void)poll(NULL, 0, LOOK_MS);
	}
}

static int start_router(struct check_run *run, struct error *error)
{
	int result = prove_silence(run, error);

	if (result <= 0)
		return result;
	if (run->line->keep != NULL)
		run->log = memfd_create("pyroute-router", MFD_CLOEXEC);
	if (inquiry_watch(&run->inquiry, error) < 0 ||
	    candidate_start(&run->place.caller, &run->inquiry.computer, run->line->router, run->log,
			    &run->candidate, error) < 0)
		return -error->code;
	return wait_for_listening(run, error);
}

/* The silence of a router that was no more proves nothing of it. */
static void doubt_silence(struct check_run *run)
{
	for (size_t i = 0; i < run->count; i++) {
		struct verdict *verdict = &run->verdicts[i];

		if (verdict->outcome != VERDICT_PASS ||
		    run->checks[i]->expect.kind != EXPECT_SILENCE)
			continue;
		verdict->outcome = VERDICT_UNASKED;
		(void)snprintf(verdict->reason, sizeof(verdict->reason),
			       "the router had ended by the end, and its silence proves nothing");
	}
}

static void end_router(struct check_run *run)
{
	struct candidate_end end;
	struct error error;

	if (run->candidate.channel < 0)
		return;
	if (candidate_end(&run->candidate, &end, &error) < 0)
		return note(run, "How the router ended is not known: %.200s.", error.text);
	run->output = malloc(CANDIDATE_TEXT_SIZE);
	if (run->output != NULL)
		candidate_output(&run->candidate, run->output);
	run->report.output = run->output;
	if (end.by_itself)
		doubt_silence(run);
	if (end.by_itself && end.status > 128)
		note(run, "The router did not go on to the end: signal %d ended it.",
		     end.status - 128);
	else if (end.by_itself)
		note(run, "The router did not go on to the end: it ended with exit status %d.",
		     end.status);
	if (end.killed)
		note(run, "The router did not end within two seconds of SIGTERM, and was killed.");
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* Asks, and judges. */
static int ask(struct check_run *run, struct error *error)
{
	const struct inquiry_way way = {command_connect_again, &run->place};
	int result = 1;

	if (inquiry_prepare(&run->stage, run->checks, run->count, &way, &run->inquiry, error) < 0)
		return -error->code;
	if (inquiry_control(&run->inquiry, error) < 0) {
		judge_all(run, VERDICT_UNASKED, WALK_NONE, error->text);
		return 0;
	}
	result = run->line->router != NULL ? start_router(run, error)
					   : inquiry_watch(&run->inquiry, error);
	if (result < 0)
		return result;
	if (run->line->router != NULL && result == 0)
		return inquiry_give_up(&run->inquiry, error);
	if (inquiry_ask(&run->inquiry, &way, error) < 0)
		return -error->code;
	/* Nothing has changed meanwhile. */
	if (inquiry_control(&run->inquiry, error) < 0) {
		judge_all(run, VERDICT_UNASKED, WALK_NONE, error->text);
		return 0;
	}
	for (size_t i = 0; i < run->count; i++)
		verdict_judge(&run->inquiry, &run->inquiry.checks[i], &run->verdicts[i]);
	if (inquiry_is_lossy(&run->inquiry))
		note(run, "More passed on the wires than could be looked at.");
	return 0;
}

/* ---- what is kept -----------------------------------------------------------------------------
 */

static int keep(struct check_run *run)
{
	struct error error;

	if (run->line->keep == NULL)
		return EXIT_SUCCESS;
	if (evidence_keep(&run->inquiry, run->log, run->line->keep, &run->place.caller, &error) < 0)
		return command_fail(&error, EXIT_FAILURE);
	run->report.kept = run->line->keep;
	return EXIT_SUCCESS;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int fail_asking(const struct error *error)
{
	int signal = error->code == ECANCELED ? process_take_signal() : 0;

	return command_fail(error, signal > 0 ? 128 + signal : EXIT_FAILURE);
}

static int check_running(struct check_run *run, const char *name, enum report_format format)
{
	struct error error = {0};
	int64_t began;
	int status = command_read_stage(&run->place, name, &run->stage);

	if (status == EXIT_SUCCESS)
		status = choose_checks(run);
	if (status != EXIT_SUCCESS)
		return status;
	began = monotonic_ms();
	run->report.stage = &run->stage;
	run->report.checks = run->checks;
	run->report.verdicts = run->verdicts;
	run->report.count = run->count;
	run->report.command = run->line->router;
	if (ask(run, &error) < 0)
		return fail_asking(&error);
	run->report.took = monotonic_ms() - began;
	end_router(run);
	status = keep(run);
	report_print(&run->report, format);
	return status == EXIT_SUCCESS && report_passed(&run->report) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int cmd_check(const struct command_line *line)
{
	CLEANUP(close_run)
	struct check_run run = {.line = line,
				.place = {.session = SESSION_NONE, .checkout = CHECKOUT_NONE},
				.inquiry = INQUIRY_NONE,
				.candidate = CANDIDATE_NONE,
				.log = -1};
	enum report_format format = REPORT_HUMAN;
	char name[STAGE_NAME_SIZE];
	struct error error;
	int status;

	if (line->format != NULL && report_find_format(line->format, &format, &error) < 0)
		return command_fail(&error, EXIT_USAGE);
	process_hold_signals();
	status = find_stage(&run, name);
	if (status == EXIT_SUCCESS)
		status = check_running(&run, name, format);
	if (run.started) {
		candidate_close(&run.candidate);
		command_place_close(&run.place);
		if (stop_started(line, name) != EXIT_SUCCESS && status == EXIT_SUCCESS)
			status = EXIT_FAILURE;
	}
	return status;
}
