/* Theory of operation
 *
 * Every probe of every check is a question; checks that ask the same share it. Each is a process in
 * its client (asker.h), and who answers it one in the client that is asked. Time goes into waiting,
 * and most of all into waiting for silence, so as much as can be is asked at once; but what a
 * router does once, as asking for an Ethernet address by ARP, is to be seen by the same question
 * each time. So there are rounds: first one ping alone, before any other client has said anything
 * by which a router could know it; then ARP, the other pings, and all that is to stay unanswered,
 * which is waited for at the end alone; then UDP; then TCP; then one after the other what the stage
 * makes by hand, a frame or a command, after which the router may be no more. In each round all are
 * ready before one begins. */
#include "inquiry.h"

#include "control.h"
#include "enter.h"
#include "process.h"
#include "walk_map.h"
#include "wire.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/random.h>

#define PORT_ANY   7	/* what a check says that names no port */
#define PACE_MS	   25	/* from one packet to the next, where that is not answered before */
#define CONTROL_MS 150	/* what a kernel forwards or answers is there long before */
#define SLACK_MS   2000 /* that an answerer lives longer than who asks it */

enum round {
	ROUND_FIRST,
	ROUND_OPENING,
	ROUND_PINGS,
	ROUND_DATAGRAMS,
	ROUND_STREAMS,
	ROUND_SINGLE
};

/* ---- what is to be asked --------------------------------------------------------------------- */

static struct net_address as_net_address(enum family family, const struct stage_address *address)
{
	return wire_address(address, family);
}

static bool is_talk(enum probe_kind kind)
{
	return kind == PROBE_UDP || kind == PROBE_TCP;
}

static enum asker_kind asker_kind_of(enum probe_kind kind)
{
	switch (kind) {
	case PROBE_ARP:
		return ASKER_ARP;
	case PROBE_UDP:
		return ASKER_UDP;
	case PROBE_TCP:
		return ASKER_TCP;
	case PROBE_TRACEROUTE:
		return ASKER_TRACE;
	case PROBE_FRAME:
		return ASKER_FRAME;
	case PROBE_PING:
	case PROBE_RUN:
	case PROBE_KINDS:
		break;
	}
	return ASKER_PING;
}

static enum round round_of(enum probe_kind kind)
{
	if (kind == PROBE_FRAME || kind == PROBE_RUN)
		return ROUND_SINGLE;
	if (kind == PROBE_UDP)
		return ROUND_DATAGRAMS;
	return kind == PROBE_TCP ? ROUND_STREAMS : ROUND_PINGS;
}

/* The asker's interface: of a question whose wire the check names, the one on that. */
static const struct stage_interface *find_interface(const struct stage *stage,
						    const struct stage_check *check,
						    enum probe_kind kind,
						    const struct stage_client *client)
{
	struct stage_address hop;

	if (kind != PROBE_ARP && kind != PROBE_FRAME)
		return check->target.line == 0 ? &client->interfaces[0]
					       : walk_client_route(stage, client, check->family,
								   check->target.bytes, &hop);
	for (size_t i = 0; i < client->interface_count; i++)
		if (client->interfaces[i].net == check->wire)
			return &client->interfaces[i];
	return NULL;
}

static int new_token(uint32_t *token, struct error *error)
{
	if (getrandom(token, sizeof(*token), 0) != sizeof(*token))
		return error_system(error, errno, "cannot make a random number");
	return 0;
}

/* The part of a probe that is one question: COUNT packets of SIZES. */
struct part {
	const struct stage_check *check;
	const struct stage_probe *probe;
	const struct stage_frame *frame; /* NULL: none */
	const uint32_t *sizes;
	size_t size_count;
	uint32_t count;
};

static int fill_question(const struct stage *stage, const struct part *part,
			 struct inquiry_question *question, struct error *error)
{
	const struct stage_check *check = part->check;
	const struct stage_client *client = stage_client_find(stage, check->asker);
	const enum probe_kind kind = part->probe->kind;
	const struct stage_interface *interface = find_interface(stage, check, kind, client);
	struct asker_plan *plan = &question->plan;
	char name[STAGE_CLIENT_NAME_SIZE];

	*question = (struct inquiry_question){.round = round_of(kind),
					      .run = check->run,
					      .asker = ASKER_NONE,
					      .answerer = ASKER_NONE};
	stage_client_name(client, name);
	if (interface == NULL)
		return error_set(error, EHOSTUNREACH, "check %s: %s has no way to whom it asks",
				 check->name, name);
	question->walk = (struct walk_question){.kind = kind,
						.asker = client,
						.interface = interface,
						.family = check->family,
						.target = check->target,
						.expect = check->expect,
						.within = check->within,
						.port = check->port};
	*plan = (struct asker_plan){.kind = asker_kind_of(kind),
				    .to = as_net_address(check->family, &check->target),
				    .port = check->port,
				    .ttl = kind == PROBE_TRACEROUTE ? 0 : check->ttl,
				    .count = part->count,
				    .size_count = part->size_count,
				    .interval = PACE_MS,
				    .within = check->within,
				    .silence = check->expect.kind == EXPECT_SILENCE};
	if (part->size_count > 0)
		memcpy(plan->sizes, part->sizes, part->size_count * sizeof(plan->sizes[0]));
	wire_interface_name((size_t)(interface - client->interfaces), plan->interface);
	if (part->frame != NULL) {
		plan->frame = question->walk.frame = part->frame->bytes;
		plan->frame_size = question->walk.frame_size = part->frame->length;
	}
	return new_token(&plan->token, error);
}

/* True where both ask the same in the same way. */
static bool is_same_question(const struct inquiry_question *a, const struct inquiry_question *b)
{
	const struct asker_plan *p = &a->plan;
	const struct asker_plan *q = &b->plan;

	return a->walk.kind == b->walk.kind && a->walk.kind != PROBE_FRAME &&
	       a->walk.kind != PROBE_RUN && a->walk.asker == b->walk.asker &&
	       a->walk.interface == b->walk.interface && a->walk.family == b->walk.family &&
	       memcmp(a->walk.target.bytes, b->walk.target.bytes, 16) == 0 && p->port == q->port &&
	       p->ttl == q->ttl && p->count == q->count && p->within == q->within &&
	       p->silence == q->silence && p->size_count == q->size_count &&
	       memcmp(p->sizes, q->sizes, sizeof(p->sizes)) == 0 &&
	       (a->walk.expect.kind == EXPECT_ICMP) == (b->walk.expect.kind == EXPECT_ICMP);
}

static int add_question(struct inquiry *inquiry, const struct part *part, struct error *error)
{
	struct inquiry_check *check = &inquiry->checks[inquiry->check_count];
	struct inquiry_question new;
	size_t at = 0;
	void *larger;

	if (fill_question(inquiry->stage, part, &new, error) < 0)
		return -error->code;
	while (at < inquiry->count && !is_same_question(&inquiry->questions[at], &new))
		at++;
	larger = realloc(check->questions, (check->count + 1) * sizeof(*check->questions));
	if (larger == NULL)
		return error_system(error, ENOMEM, "cannot ask");
	check->questions = larger;
	check->questions[check->count++] = at;
	if (at < inquiry->count)
		return 0;
	larger = realloc(inquiry->questions, (inquiry->count + 1) * sizeof(new));
	if (larger == NULL)
		return error_system(error, ENOMEM, "cannot ask");
	inquiry->questions = larger;
	inquiry->questions[inquiry->count++] = new;
	return 0;
}

/* A question has so many sizes and so many packets at most. */
static int add_sized(struct inquiry *inquiry, struct part *part, struct error *error)
{
	const struct stage_probe *probe = part->probe;
	const uint32_t wanted = part->check->count;

	for (size_t at = 0; at < probe->size_count; at += part->size_count) {
		const uint32_t sizes = probe->size_count - at < ASKER_SIZES_MAX
					       ? (uint32_t)(probe->size_count - at)
					       : ASKER_SIZES_MAX;
		const uint32_t most = ASKER_PACKETS_MAX / sizes;

		part->sizes = probe->sizes + at;
		part->size_count = sizes;
		for (uint32_t done = 0; done < wanted; done += most) {
			uint32_t count = wanted - done < most ? wanted - done : most;

			part->count = count * sizes;
			if (add_question(inquiry, part, error) < 0)
				return -error->code;
		}
	}
	return 0;
}

/* A stream has one size and is one. */
static int add_streams(struct inquiry *inquiry, struct part *part, struct error *error)
{
	for (size_t i = 0; i < part->probe->size_count; i++) {
		part->sizes = &part->probe->sizes[i];
		part->size_count = 1;
		part->count = 1;
		for (uint32_t done = 0; done < part->check->count; done++)
			if (add_question(inquiry, part, error) < 0)
				return -error->code;
	}
	return 0;
}

static int add_frames(struct inquiry *inquiry, struct part *part, struct error *error)
{
	for (size_t i = 0; i < part->check->frame_count; i++) {
		part->frame = &part->check->frames[i];
		part->count = part->check->count < ASKER_PACKETS_MAX ? part->check->count
								     : ASKER_PACKETS_MAX;
		if (add_question(inquiry, part, error) < 0)
			return -error->code;
	}
	return 0;
}

static int add_probe(struct inquiry *inquiry, const struct stage_check *check,
		     const struct stage_probe *probe, struct error *error)
{
	static const uint32_t trace_size = 56;
	struct part part = {.check = check, .probe = probe, .count = check->count};

	switch (probe->kind) {
	case PROBE_PING:
	case PROBE_UDP:
		return add_sized(inquiry, &part, error);
	case PROBE_TCP:
		return add_streams(inquiry, &part, error);
	case PROBE_FRAME:
		return add_frames(inquiry, &part, error);
	case PROBE_TRACEROUTE:
		part.sizes = &trace_size;
		part.size_count = 1;
		part.count = (uint32_t)check->hop_count;
		break;
	case PROBE_ARP:
		if (part.count > ASKER_PACKETS_MAX)
			part.count = ASKER_PACKETS_MAX;
		break;
	case PROBE_RUN:
	case PROBE_KINDS:
		part.count = 1;
		break;
	}
	return add_question(inquiry, &part, error);
}

static int add_check(struct inquiry *inquiry, const struct stage_check *check, struct error *error)
{
	inquiry->checks[inquiry->check_count].check = check;
	for (size_t i = 0; i < check->probe_count; i++)
		if (add_probe(inquiry, check, &check->probes[i], error) < 0)
			return -error->code;
	inquiry->check_count++;
	return 0;
}

/* ---- whom it is asked of --------------------------------------------------------------------- */

/* What leads into CLIENT. */
static int enter(struct inquiry *inquiry, const struct stage_client *client,
		 const struct inquiry_way *way, struct error *error)
{
	const size_t at = (size_t)(client - inquiry->stage->clients);
	CLEANUP_FD int socket = -1;
	char name[STAGE_CLIENT_NAME_SIZE];

	if (inquiry->entered[at])
		return 0;
	socket = way->connect(way->context, error);
	stage_client_name(client, name);
	if (socket < 0 || service_enter(socket, name, &inquiry->clients[at], error) < 0)
		return -error->code;
	inquiry->entered[at] = true;
	return 0;
}

static const struct stage_client *target_of(const struct inquiry *inquiry,
					    const struct inquiry_question *question)
{
	if (question->walk.target.line == 0)
		return NULL;
	return walk_owner(inquiry->stage, question->walk.family, question->walk.target.bytes, NULL);
}

static int enter_all(struct inquiry *inquiry, const struct inquiry_way *way, struct error *error)
{
	for (size_t i = 0; i < inquiry->count; i++) {
		const struct inquiry_question *question = &inquiry->questions[i];
		const struct stage_client *target = target_of(inquiry, question);

		if (enter(inquiry, question->walk.asker, way, error) < 0)
			return -error->code;
		if (is_talk(question->walk.kind) && target != NULL &&
		    enter(inquiry, target, way, error) < 0)
			return -error->code;
	}
	return 0;
}

static int list_legs(struct inquiry *inquiry, struct error *error)
{
	const struct stage *stage = inquiry->stage;

	inquiry->wires = calloc(stage->net_count + 1, sizeof(*inquiry->wires));
	inquiry->legs = calloc(stage->net_count + 1, sizeof(*inquiry->legs));
	if (inquiry->wires == NULL || inquiry->legs == NULL)
		return error_system(error, ENOMEM, "cannot ask");
	for (size_t i = 0; i < stage->net_count; i++) {
		const struct stage_net *net = &stage->nets[i];

		if (!stage_net_is_leg(net))
			continue;
		wire_leg_name(net, inquiry->wires[inquiry->leg_count].name);
		inquiry->wires[inquiry->leg_count].mtu = net->mtu;
		inquiry->legs[inquiry->leg_count++].net = net->number;
	}
	return 0;
}

int inquiry_prepare(const struct stage *stage, const struct stage_check *const *checks,
		    size_t count, const struct inquiry_way *way, struct inquiry *inquiry,
		    struct error *error)
{
	CLEANUP_FD int socket = -1;

	*inquiry = INQUIRY_NONE;
	inquiry->stage = stage;
	inquiry->checks = calloc(count + 1, sizeof(*inquiry->checks));
	inquiry->clients = calloc(stage->client_count + 1, sizeof(*inquiry->clients));
	inquiry->entered = calloc(stage->client_count + 1, sizeof(*inquiry->entered));
	if (inquiry->checks == NULL || inquiry->clients == NULL || inquiry->entered == NULL)
		return error_system(error, ENOMEM, "cannot ask");
	for (size_t i = 0; i < stage->client_count; i++)
		inquiry->clients[i] = (struct service_entry){.ns = NS_SET_NONE, .filter = -1};
	for (size_t i = 0; i < count; i++)
		if (add_check(inquiry, checks[i], error) < 0)
			return -error->code;
	socket = way->connect(way->context, error);
	if (socket < 0 || service_computer(socket, &inquiry->computer, error) < 0 ||
	    list_legs(inquiry, error) < 0)
		return -error->code;
	close_fd(&socket);
	return enter_all(inquiry, way, error);
}

int inquiry_control(const struct inquiry *inquiry, struct error *error)
{
	const struct stage *stage = inquiry->stage;

	if (control_computer(&inquiry->computer, stage, error) < 0)
		return -error->code;
	for (size_t i = 0; i < stage->client_count; i++)
		if (inquiry->entered[i] &&
		    control_client(&inquiry->clients[i].ns, stage, &stage->clients[i], error) < 0)
			return -error->code;
	return 0;
}

void inquiry_close(struct inquiry *inquiry)
{
	walk_close(&inquiry->walk);
	capture_close(&inquiry->capture);
	for (size_t i = 0; i < inquiry->count; i++) {
		asker_close(&inquiry->questions[i].asker);
		asker_close(&inquiry->questions[i].answerer);
		free_memory(&inquiry->questions[i].report);
		free_memory(&inquiry->questions[i].answer_report);
	}
	for (size_t i = 0; inquiry->clients != NULL && i < inquiry->stage->client_count; i++)
		service_entry_close(&inquiry->clients[i]);
	for (size_t i = 0; inquiry->checks != NULL && i <= inquiry->check_count; i++)
		free_memory(&inquiry->checks[i].questions);
	ns_set_close(&inquiry->computer);
	free_memory(&inquiry->questions);
	free_memory(&inquiry->checks);
	free_memory(&inquiry->clients);
	free_memory(&inquiry->entered);
	free_memory(&inquiry->wires);
	free_memory(&inquiry->legs);
	*inquiry = INQUIRY_NONE;
}

/* ---- the wires ------------------------------------------------------------------------------- */

int inquiry_watch(struct inquiry *inquiry, struct error *error)
{
	capture_close(&inquiry->capture);
	if (capture_start(&inquiry->computer, inquiry->wires, inquiry->leg_count, &inquiry->capture,
			  error) < 0)
		return -error->code;
	for (size_t i = 0; i < inquiry->leg_count; i++)
		memcpy(inquiry->legs[i].mac, capture_mac(&inquiry->capture, i), MAC_SIZE);
	return 0;
}

/* Notes on which legs somebody listens. */
static int note_listeners(struct inquiry *inquiry, struct error *error)
{
	struct capture_listener listeners[CAPTURE_LISTENERS_MAX];
	int count = capture_listeners(&inquiry->capture, listeners, error);

	for (size_t i = 0; i < inquiry->leg_count; i++) {
		inquiry->legs[i].heard = false;
		for (int j = 0; j < count; j++)
			if (listeners[j].wire == i || listeners[j].wire == CAPTURE_ANY_WIRE)
				inquiry->legs[i].heard = true;
	}
	return count;
}

bool inquiry_is_heard(struct inquiry *inquiry, struct error *error)
{
	if (note_listeners(inquiry, error) < 0)
		return false;
	for (size_t i = 0; i < inquiry->leg_count; i++)
		if (!inquiry->legs[i].heard)
			return false;
	return true;
}

bool inquiry_is_heard_anywhere(struct inquiry *inquiry, struct error *error)
{
	return note_listeners(inquiry, error) > 0;
}

/* ---- one question ---------------------------------------------------------------------------- */

static const struct ns_set *ns_of(const struct inquiry *inquiry, const struct stage_client *client)
{
	return &inquiry->clients[client - inquiry->stage->clients].ns;
}

/* Who answers what is to have an answer: in a client that is asked. */
static int start_answerer(struct inquiry *inquiry, struct inquiry_question *question)
{
	const struct stage_client *target = target_of(inquiry, question);
	struct asker_plan plan = question->plan;

	if (target == NULL || !is_talk(question->walk.kind) ||
	    question->walk.expect.kind == EXPECT_ICMP)
		return 0;
	plan.kind = question->walk.kind == PROBE_UDP ? ASKER_UDP_ANSWERER : ASKER_TCP_ANSWERER;
	plan.from = question->plan.to;
	plan.to = as_net_address(question->walk.family,
				 &question->walk.interface->address[question->walk.family]);
	plan.port = plan.port == PORT_ANY ? 0 : plan.port;
	plan.ttl = 0;
	plan.within += SLACK_MS;
	plan.silence = false;
	if (asker_start(&plan, ns_of(inquiry, target), &question->answerer, &question->error) < 0 ||
	    asker_meet(&question->answerer, &question->error) < 0 ||
	    asker_go(&question->answerer, &question->error) < 0)
		return -question->error.code;
	question->plan.port = question->walk.port = question->answerer.port;
	return 0;
}

static void start_question(struct inquiry *inquiry, struct inquiry_question *question)
{
	question->error = (struct error){.code = 0};
	if (start_answerer(inquiry, question) < 0 ||
	    asker_start(&question->plan, ns_of(inquiry, question->walk.asker), &question->asker,
			&question->error) < 0)
		asker_close(&question->answerer);
}

static bool is_started(const struct inquiry_question *question)
{
	return question->asker.pidfd >= 0;
}

static void meet_question(struct inquiry_question *question)
{
	if (is_started(question) && asker_meet(&question->asker, &question->error) < 0)
		asker_close(&question->asker);
}

/* As captures have it. */
static uint64_t now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_REALTIME, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void let_go(struct inquiry_question *question)
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
	asker_close(&question->answerer);
}

static void hear_question(struct inquiry_question *question)
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
	question->walk.ended = now();
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

static void run_question(const struct inquiry *inquiry, const struct inquiry_way *way,
			 struct inquiry_question *question)
{
	struct command command = {
		.inquiry = inquiry, .client = question->walk.asker, .line = question->run};
	struct pollfd file = {.fd = -1, .events = POLLIN};
	CLEANUP_FD int pidfd = -1;

	command.keeper = way->connect(way->context, &question->error);
	if (command.keeper < 0)
		return;
	if (ns_clone(0, run_child, &command, &pidfd, &question->error) < 0) {
		close_fd(&command.keeper);
		return;
	}
	close_fd(&command.keeper);
	file.fd = pidfd;
	question->asked = true;
	question->status = -1;
	if (poll(&file, 1, (int)question->walk.within) > 0)
		(void)process_wait(pidfd, &question->status, &question->error);
	else
		process_end(pidfd);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static bool is_in_round(const struct inquiry_question *question, unsigned round)
{
	return question->round == round && question->walk.kind != PROBE_RUN;
}

/* Those that are to stay unanswered are heard at the end. */
static bool is_waited_for(const struct inquiry_question *question)
{
	return !question->plan.silence;
}

/* The time of all in a round is one: what one has brought about, ARP above all, serves the others.
 */
static void note_begin(struct inquiry *inquiry, unsigned round)
{
	const uint64_t begin = now();

	for (size_t i = 0; i < inquiry->count; i++)
		if (is_in_round(&inquiry->questions[i], round))
			inquiry->questions[i].walk.began = begin;
}

static void ask_round(struct inquiry *inquiry, unsigned round)
{
	for (size_t i = 0; i < inquiry->count; i++)
		if (is_in_round(&inquiry->questions[i], round))
			start_question(inquiry, &inquiry->questions[i]);
	for (size_t i = 0; i < inquiry->count; i++)
		if (is_in_round(&inquiry->questions[i], round))
			meet_question(&inquiry->questions[i]);
	note_begin(inquiry, round);
	for (size_t i = 0; i < inquiry->count; i++)
		if (is_in_round(&inquiry->questions[i], round))
			let_go(&inquiry->questions[i]);
	for (size_t i = 0; i < inquiry->count; i++)
		if (is_in_round(&inquiry->questions[i], round) &&
		    is_waited_for(&inquiry->questions[i]))
			hear_question(&inquiry->questions[i]);
}

static bool is_opening(const struct inquiry_question *question)
{
	return question->walk.kind == PROBE_PING && !question->plan.silence;
}

/* The first ping, and before it the ARP questions of the client that it is from. */
static void open_with_ping(struct inquiry *inquiry)
{
	const struct inquiry_question *opening = NULL;

	for (size_t i = 0; opening == NULL && i < inquiry->count; i++)
		if (is_opening(&inquiry->questions[i])) {
			inquiry->questions[i].round = ROUND_OPENING;
			opening = &inquiry->questions[i];
		}
	for (size_t i = 0; opening != NULL && i < inquiry->count; i++) {
		struct inquiry_question *question = &inquiry->questions[i];

		if (question->walk.kind == PROBE_ARP && !question->plan.silence &&
		    question->walk.asker == opening->walk.asker)
			question->round = ROUND_FIRST;
	}
}

/* What is asked alone gets a round of its own, as do those that want a port which another of the
 * same client has. Returns how many rounds there are. */
static unsigned share_rounds(struct inquiry *inquiry)
{
	unsigned end = ROUND_SINGLE;

	open_with_ping(inquiry);
	for (size_t i = 0; i < inquiry->count; i++) {
		struct inquiry_question *question = &inquiry->questions[i];
		bool alone = question->round == ROUND_SINGLE;

		for (size_t j = 0; is_talk(question->walk.kind) && j < i && !alone; j++)
			alone = question->plan.port != PORT_ANY &&
				inquiry->questions[j].walk.kind == question->walk.kind &&
				inquiry->questions[j].plan.port == question->plan.port &&
				target_of(inquiry, &inquiry->questions[j]) ==
					target_of(inquiry, question);
		if (alone)
			question->round = end++;
	}
	return end;
}

static void run_round(struct inquiry *inquiry, const struct inquiry_way *way, unsigned round)
{
	for (size_t i = 0; i < inquiry->count; i++) {
		struct inquiry_question *question = &inquiry->questions[i];

		if (question->round == round && question->walk.kind == PROBE_RUN)
			run_question(inquiry, way, question);
	}
}

static int read_walk(struct inquiry *inquiry, struct error *error)
{
	const uint64_t end = now();

	if (capture_stop(&inquiry->capture, error) < 0)
		return -error->code;
	return walk_read(inquiry->stage, inquiry->capture.frames, inquiry->capture.frame_count, end,
			 inquiry->legs, inquiry->leg_count, &inquiry->walk, error);
}

int inquiry_ask(struct inquiry *inquiry, const struct inquiry_way *way, struct error *error)
{
	const unsigned rounds = share_rounds(inquiry);

	if (note_listeners(inquiry, error) < 0)
		return -error->code;
	for (unsigned round = 0; round < rounds; round++) {
		if (process_should_end())
			return error_set(error, ECANCELED, "cancelled");
		ask_round(inquiry, round);
		run_round(inquiry, way, round);
	}
	for (size_t i = 0; i < inquiry->count; i++)
		hear_question(&inquiry->questions[i]);
	if (read_walk(inquiry, error) < 0)
		return -error->code;
	for (size_t i = 0; i < inquiry->count; i++)
		if (inquiry->questions[i].walk.kind != PROBE_RUN)
			walk_follow(&inquiry->walk, &inquiry->questions[i].walk,
				    &inquiry->questions[i].way);
	return 0;
}

/* ---- without a router ------------------------------------------------------------------------ */

/* A copy of QUESTION that is asked for a moment. */
static void make_control(const struct inquiry_question *question, struct inquiry_question *control)
{
	*control = (struct inquiry_question){.walk = question->walk,
					     .plan = question->plan,
					     .asker = ASKER_NONE,
					     .answerer = ASKER_NONE};
	control->plan.count = 1;
	control->plan.within = CONTROL_MS;
	control->plan.silence = true;
	control->plan.ttl = 0;
	if (question->walk.kind != PROBE_ARP) {
		control->walk.kind = PROBE_PING;
		control->plan.kind = ASKER_PING;
		control->plan.sizes[0] = 56;
		control->plan.size_count = 1;
	}
}

/* True where an earlier question asks the same of the same. */
static bool is_repeated(const struct inquiry *inquiry, size_t at)
{
	const struct walk_question *question = &inquiry->questions[at].walk;

	for (size_t i = 0; i < at; i++) {
		const struct walk_question *other = &inquiry->questions[i].walk;

		if ((other->kind == PROBE_ARP) == (question->kind == PROBE_ARP) &&
		    other->asker == question->asker && other->family == question->family &&
		    memcmp(other->target.bytes, question->target.bytes, 16) == 0)
			return true;
	}
	return false;
}

/* Whether it takes a router: not where both are on one net. */
static bool takes_router(const struct inquiry *inquiry, const struct walk_question *question)
{
	const struct stage_interface *other = NULL;

	(void)walk_owner(inquiry->stage, question->family, question->target.bytes, &other);
	return other == NULL || other->net != question->interface->net;
}

static bool is_control(const struct inquiry *inquiry, size_t at)
{
	const struct inquiry_question *question = &inquiry->questions[at];

	return takes_router(inquiry, &question->walk) && question->walk.kind != PROBE_FRAME &&
	       question->walk.kind != PROBE_RUN && question->walk.target.line != 0 &&
	       !is_repeated(inquiry, at);
}

static size_t count_answers(const struct inquiry_question *control)
{
	size_t count = 0;

	if (control->report == NULL)
		return 0;
	for (uint32_t i = 0; i < control->plan.count; i++)
		count += control->report->packets[i].right + control->report->packets[i].wrong;
	return count + control->report->arp_count;
}

/* What the computer has put onto a leg, or a client has heard. */
static int judge_silence(const struct inquiry *inquiry, const struct inquiry_question *controls,
			 size_t count, struct error *error)
{
	char name[STAGE_CLIENT_NAME_SIZE];

	for (size_t i = 0; i < inquiry->capture.frame_count; i++) {
		const struct capture_frame *seen = &inquiry->capture.frames[i];
		struct frame frame;
		char text[FRAME_DESCRIBE_SIZE];

		if (!seen->sent)
			continue;
		frame_decode(seen->bytes, seen->kept, &frame);
		frame_describe(&frame, text);
		(void)error_set(error, EALREADY,
				"without a router this computer put onto %s: %.160s",
				inquiry->wires[seen->wire].name, text);
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		if (count_answers(&controls[i]) == 0)
			continue;
		stage_client_name(controls[i].walk.asker, name);
		(void)error_set(error, EALREADY, "without a router %s gets answers", name);
		return 0;
	}
	return 1;
}

static void close_controls(struct inquiry_question *controls, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		asker_close(&controls[i].asker);
		free_memory(&controls[i].report);
	}
}

int inquiry_prove_silence(struct inquiry *inquiry, struct error *error)
{
	CLEANUP_FREE struct inquiry_question *controls =
		calloc(inquiry->count + 1, sizeof(*controls));
	size_t count = 0;
	int result;

	if (controls == NULL)
		return error_system(error, ENOMEM, "cannot ask");
	for (size_t i = 0; i < inquiry->count; i++)
		if (is_control(inquiry, i))
			make_control(&inquiry->questions[i], &controls[count++]);
	for (size_t i = 0; i < count; i++)
		(void)asker_start(&controls[i].plan, ns_of(inquiry, controls[i].walk.asker),
				  &controls[i].asker, &controls[i].error);
	for (size_t i = 0; i < count; i++)
		meet_question(&controls[i]);
	for (size_t i = 0; i < count; i++)
		let_go(&controls[i]);
	for (size_t i = 0; i < count; i++)
		hear_question(&controls[i]);
	result = capture_stop(&inquiry->capture, error);
	if (result == 0)
		result = judge_silence(inquiry, controls, count, error);
	close_controls(controls, count);
	return result;
}
