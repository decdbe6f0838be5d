#include "inquiry_parts.h"

#include "enter.h"
#include "process.h"
#include "walk_map.h"
#include "wire.h"

#include <fcntl.h>
#include <sys/prctl.h>

#define SLACK_MS 2000 /* that an answerer lives longer than who asks it */

/* ---- one question ---------------------------------------------------------------------------- */

const struct stage_client *inquiry_target(const struct inquiry *inquiry,
					  const struct inquiry_question *question)
{
	if (question->walk.target.line == 0)
		return NULL;
	return walk_owner(inquiry->stage, question->walk.family, question->walk.target.bytes, NULL);
}

const struct ns_set *inquiry_ns(const struct inquiry *inquiry, const struct stage_client *client)
{
	return &inquiry->clients[client - inquiry->stage->clients].ns;
}

/* Who answers what is to have an answer: in a client that is asked. */
static int start_answerer(struct inquiry *inquiry, struct inquiry_question *question)
{
	const struct stage_client *target = inquiry_target(inquiry, question);
	struct asker_plan plan = question->plan;

	if (target == NULL || !inquiry_is_talk(question->walk.kind) ||
	    question->walk.expect.kind == EXPECT_ICMP)
		return 0;
	plan.kind = question->walk.kind == PROBE_UDP ? ASKER_UDP_ANSWERER : ASKER_TCP_ANSWERER;
	plan.from = question->plan.to;
	plan.to = wire_address(&question->walk.interface->address[question->walk.family],
			       question->walk.family);
	plan.port = question->any_port ? 0 : plan.port;
	plan.ttl = 0;
	plan.within += SLACK_MS;
	plan.silence = false;
	if (asker_start(&plan, inquiry_ns(inquiry, target), &question->answerer, &question->error) <
		    0 ||
	    asker_meet(&question->answerer, &question->error) < 0 ||
	    asker_go(&question->answerer, &question->error) < 0)
		return -question->error.code;
	question->plan.port = question->walk.port = question->answerer.port;
	return 0;
}

void inquiry_start(struct inquiry *inquiry, struct inquiry_question *question)
{
	if (question->error.code != 0)
		return;
	if (start_answerer(inquiry, question) < 0 ||
	    asker_start(&question->plan, inquiry_ns(inquiry, question->walk.asker),
			&question->asker, &question->error) < 0)
		asker_close(&question->answerer);
}

static bool is_started(const struct inquiry_question *question)
{
	return question->asker.pidfd >= 0;
}

void inquiry_meet(struct inquiry_question *question)
{
	if (is_started(question) && asker_meet(&question->asker, &question->error) < 0)
		asker_close(&question->asker);
}

/* As captures have it. */
uint64_t inquiry_now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_REALTIME, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

void inquiry_let_go(struct inquiry_question *question)
{
	if (is_started(question) && asker_go(&question->asker, &question->error) < 0)
		asker_close(&question->asker);
}

static void forget_report(struct asker_report **report)
{
	free(*report);
	*report = NULL;
}

static void hear_answerer(struct inquiry_question *question)
{
	struct error ignored;

	if (question->answerer.pidfd < 0)
		return;
	asker_enough(&question->answerer);
	question->answer_report = malloc(sizeof(*question->answer_report));
	if (question->answer_report == NULL ||
	    asker_wait(&question->answerer, question->answer_report, &ignored) < 0)
		forget_report(&question->answer_report);
	question->answerer_lost = question->answer_report == NULL ||
				  !asker_would_hear(&question->answerer, question->answer_report);
	asker_close(&question->answerer);
}

void inquiry_hear(struct inquiry_question *question)
{
	if (!is_started(question))
		return;
	question->report = malloc(sizeof(*question->report));
	if (question->report == NULL)
		(void)error_system(&question->error, ENOMEM, "cannot ask");
	else if (asker_wait(&question->asker, question->report, &question->error) == 0)
		question->asked = true;
	if (question->asked) {
		question->would_hear = asker_would_hear(&question->asker, question->report);
		question->walk.id = question->report->id;
		question->walk.own_port = question->report->own_port;
		question->walk.token = question->plan.token;
	}
	question->walk.ended = inquiry_now();
	hear_answerer(question);
	asker_close(&question->asker);
}

/* ---- a command in a client ------------------------------------------------------------------- */

struct command {
	const struct inquiry *inquiry;
	const struct stage_client *client;
	const char *line;
	int keeper;
};

/* With nothing to read, and nobody who reads what it says. */
static int run_child(void *argument)
{
	struct command *command = argument;
	char shell[] = "/bin/sh", option[] = "-c";
	char name[STAGE_CLIENT_NAME_SIZE];
	CLEANUP_FREE char *line = strdup(command->line);
	char *argv[] = {shell, option, line, NULL};
	struct enter_wish wish = {.client = name, .argv = argv};
	struct error error;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int status = PROCESS_FAILED;

	if (null < 0 || line == NULL || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return PROCESS_FAILED;
	for (int fd = 0; fd < 3; fd++)
		if (dup2(null, fd) < 0)
			return PROCESS_FAILED;
	stage_client_name(command->client, name);
	wish.entry = &command->inquiry->clients[command->client - command->inquiry->stage->clients];
	wish.keeper = command->keeper;
	(void)enter_client(&wish, &status, &error);
	return status;
}

void inquiry_run(const struct inquiry *inquiry, const struct inquiry_way *way,
		 struct inquiry_question *question)
{
	struct command command = {
		.inquiry = inquiry, .client = question->walk.asker, .line = question->run};
	int ended;
	CLEANUP_FD int pidfd = -1;

	if (question->error.code != 0)
		return;
	command.keeper = way->connect(way->context, &question->error);
	if (command.keeper < 0)
		return;
	if (ns_clone(0, run_child, &command, &pidfd, &question->error) < 0) {
		close_fd(&command.keeper);
		return;
	}
	close_fd(&command.keeper);
	question->asked = true;
	question->status = -1;
	ended = process_wait_readable(pidfd, (int)question->walk.within, &question->error);
	if (ended > 0)
		(void)process_wait(pidfd, &question->status, &question->error);
	else
		process_end(pidfd);
}
