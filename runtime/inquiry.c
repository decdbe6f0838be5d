/* Theory of operation
 *
 * Every probe of every check is a question; checks that ask the same share it. Each is a process in
 * its client (asker.h), and who answers it one in the client that is asked. Time goes into waiting,
 * and most of all into waiting for silence, so as much as can be is asked at once; but what a
 * router does once, as asking for an Ethernet address by ARP, is to be seen by the same question
 * each time. So there are rounds: first one ping alone, before any other client has said anything
 * by which a router could know it; then ARP, the other pings, and all that is to stay unanswered,
 * which is waited for at the end alone; then UDP; then TCP, one stream after the other, for a slow
 * router is not to have more to do than one gives it, unless nothing was answered until then; then
 * one after the other what the stage makes by hand, a frame or a command, after which the router
 * may be no more. In each round all are ready before one begins. */
#include "inquiry_parts.h"

#include "control.h"
#include "process.h"
#include "wire.h"

#include <linux/if_ether.h>

#define FILES	       64 /* that may be open at once */
#define FILES_CLIENT   12
#define FILES_QUESTION 4

/* ---- whom it is asked of --------------------------------------------------------------------- */

/* What leads into CLIENT. */
static int enter(struct inquiry *inquiry, const struct stage_client *client,
		 const struct inquiry_way *way, struct error *error)
{
	const size_t at = (size_t)(client - inquiry->stage->clients);
	CLEANUP_FD int socket = -1;
	char name[STAGE_CLIENT_NAME_SIZE];

	socket = way->connect(way->context, error);
	stage_client_name(client, name);
	if (socket < 0 || service_ask_entry(socket, name, error) < 0 ||
	    service_hear_entry(socket, &inquiry->clients[at], error) < 0)
		return -error->code;
	return 0;
}

/* Into all clients: who is neither asking nor asked may be carrying or answering what is for
 * others.
 */
static int enter_all(struct inquiry *inquiry, const struct inquiry_way *way, struct error *error)
{
	for (size_t i = 0; i < inquiry->stage->client_count; i++)
		if (enter(inquiry, &inquiry->stage->clients[i], way, error) < 0)
			return -error->code;
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
	if (inquiry->checks == NULL || inquiry->clients == NULL)
		return error_system(error, ENOMEM, "cannot ask");
	for (size_t i = 0; i < stage->client_count; i++)
		inquiry->clients[i] = SERVICE_ENTRY_NONE;
	for (size_t i = 0; i < count; i++)
		if (inquiry_add_check(inquiry, checks[i], error) < 0)
			return -error->code;
	if (process_raise_file_limit(FILES + stage->client_count * FILES_CLIENT +
					     inquiry->count * FILES_QUESTION,
				     error) < 0)
		return -error->code;
	socket = way->connect(way->context, error);
	if (socket < 0 || service_computer(socket, &inquiry->computer, error) < 0 ||
	    list_legs(inquiry, error) < 0)
		return -error->code;
	if (inquiry->leg_count == 0)
		return error_set(error, EINVAL,
				 "no net of %s has the computer on it: there is nothing for a "
				 "router to do",
				 stage->name);
	close_fd(&socket);
	return enter_all(inquiry, way, error);
}

int inquiry_control(const struct inquiry *inquiry, struct error *error)
{
	const struct stage *stage = inquiry->stage;

	if (control_computer(&inquiry->computer, stage, error) < 0)
		return -error->code;
	for (size_t i = 0; i < stage->client_count; i++)
		if (control_client(&inquiry->clients[i].ns, stage, &stage->clients[i], error) < 0)
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

/* What a packet socket of PROTOCOL gets. */
static unsigned hears(uint16_t protocol)
{
	switch (protocol) {
	case ETH_P_ALL:
		return WALK_HEARS_ARP | WALK_HEARS_IP | WALK_HEARS_ALL;
	case ETH_P_ARP:
		return WALK_HEARS_ARP;
	case ETH_P_IP:
	case ETH_P_IPV6:
		return WALK_HEARS_IP;
	default:
		return 0;
	}
}

static bool was_there(const struct inquiry *inquiry, const struct capture_listener *listener)
{
	for (int i = 0; i < inquiry->before_count; i++)
		if (inquiry->before[i].inode == listener->inode)
			return true;
	return false;
}

static void note_listener(struct inquiry *inquiry, const struct capture_listener *listener)
{
	for (size_t i = 0; i < inquiry->leg_count; i++) {
		struct walk_leg *leg = &inquiry->legs[i];

		if (listener->wire != i && listener->wire != CAPTURE_ANY_WIRE)
			continue;
		leg->hears |= hears(listener->protocol);
		if (hears(listener->protocol) == 0)
			leg->deaf = listener->protocol;
	}
}

/* Notes what is heard on which legs. */
static void take_listeners(struct inquiry *inquiry, const struct capture_listener *listeners,
			   int count)
{
	for (size_t i = 0; i < inquiry->leg_count; i++) {
		inquiry->legs[i].hears = 0;
		inquiry->legs[i].deaf = -1;
	}
	for (int i = 0; i < count; i++)
		if (!was_there(inquiry, &listeners[i]))
			note_listener(inquiry, &listeners[i]);
}

static int note_listeners(struct inquiry *inquiry, struct error *error)
{
	struct capture_listener listeners[CAPTURE_LISTENERS_MAX];
	const int count = capture_listeners(&inquiry->capture, listeners, error);

	if (count < 0)
		return count;
	take_listeners(inquiry, listeners, count);
	return 0;
}

/* Notes who listened and does so no more: what a router that has ended did not do, it could not.
 * Who was just about to bind its socket when it began listened for all that. */
static int note_left(struct inquiry *inquiry, struct error *error)
{
	unsigned before[CAPTURE_WIRES_MAX] = {0};
	int result;

	for (size_t i = 0; i < inquiry->leg_count; i++)
		before[i] = inquiry->legs[i].hears;
	result = note_listeners(inquiry, error);
	for (size_t i = 0; i < inquiry->leg_count; i++) {
		inquiry->legs[i].left = before[i] != 0 && inquiry->legs[i].hears == 0;
		inquiry->legs[i].hears |= before[i];
	}
	return result;
}

/* A sum over who they are and what they listen to: another where one came, went or bound itself. */
static uint64_t sum_listeners(const struct capture_listener *listeners, int count)
{
	uint64_t sum = 0;

	for (int i = 0; i < count; i++)
		sum += (listeners[i].inode << 32 | (uint32_t)listeners[i].wire << 16 |
			listeners[i].protocol) *
		       0x9e3779b97f4a7c15U;
	return sum;
}

int inquiry_look_for_listeners(struct inquiry *inquiry, struct inquiry_ears *ears,
			       struct error *error)
{
	struct capture_listener listeners[CAPTURE_LISTENERS_MAX];
	const int count = capture_listeners(&inquiry->capture, listeners, error);

	if (count < 0)
		return count;
	take_listeners(inquiry, listeners, count);
	*ears = (struct inquiry_ears){.sum = sum_listeners(listeners, count)};
	for (size_t i = 0; i < inquiry->leg_count; i++)
		ears->legs += inquiry->legs[i].hears != 0;
	return 0;
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* Some that follow each other, asked as one. */
struct rounds {
	unsigned first, last;
};

static bool is_in(const struct inquiry_question *question, const struct rounds *rounds)
{
	return question->round >= rounds->first && question->round <= rounds->last &&
	       question->walk.kind != PROBE_RUN;
}

/* Those that are to stay unanswered are heard at the end. */
static bool is_waited_for(const struct inquiry_question *question)
{
	return !question->plan.silence;
}

/* The time of all in a round is one: what one has brought about, ARP above all, serves the others.
 */
static void note_begin(struct inquiry *inquiry, const struct rounds *rounds)
{
	const uint64_t begin = inquiry_now();

	for (size_t i = 0; i < inquiry->count; i++)
		if (is_in(&inquiry->questions[i], rounds))
			inquiry->questions[i].walk.began = begin;
}

static void ask_rounds(struct inquiry *inquiry, const struct rounds *rounds)
{
	for (size_t i = 0; i < inquiry->count; i++)
		if (is_in(&inquiry->questions[i], rounds))
			inquiry_start(inquiry, &inquiry->questions[i]);
	for (size_t i = 0; i < inquiry->count; i++)
		if (is_in(&inquiry->questions[i], rounds))
			inquiry_meet(&inquiry->questions[i]);
	note_begin(inquiry, rounds);
	for (size_t i = 0; i < inquiry->count; i++)
		if (is_in(&inquiry->questions[i], rounds))
			inquiry_let_go(&inquiry->questions[i]);
	for (size_t i = 0; i < inquiry->count; i++)
		if (is_in(&inquiry->questions[i], rounds) && is_waited_for(&inquiry->questions[i]))
			inquiry_hear(&inquiry->questions[i]);
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

/* Each stream gets a round of its own. Returns the round behind them. */
static unsigned share_streams(struct inquiry *inquiry)
{
	unsigned end = ROUND_STREAMS;

	for (size_t i = 0; i < inquiry->count; i++)
		if (inquiry->questions[i].walk.kind == PROBE_TCP)
			inquiry->questions[i].round = end++;
	return end;
}

/* True where the question AT wants a port which another of the same client has. */
static bool has_rival(const struct inquiry *inquiry, size_t at)
{
	const struct inquiry_question *question = &inquiry->questions[at];

	for (size_t i = 0; question->walk.kind == PROBE_UDP && !question->any_port && i < at; i++) {
		const struct inquiry_question *other = &inquiry->questions[i];

		if (other->walk.kind == PROBE_UDP && !other->any_port &&
		    other->plan.port == question->plan.port &&
		    inquiry_target(inquiry, other) == inquiry_target(inquiry, question))
			return true;
	}
	return false;
}

/* And so do, from the round END on, what is asked alone, and those that are in each other's way.
 * Returns the round behind all. */
static unsigned share_singles(struct inquiry *inquiry, unsigned end)
{
	for (size_t i = 0; i < inquiry->count; i++) {
		struct inquiry_question *question = &inquiry->questions[i];

		if (question->walk.kind == PROBE_FRAME || question->walk.kind == PROBE_RUN ||
		    has_rival(inquiry, i))
			question->round = end++;
	}
	return end;
}

/* Something came back to any question so far. */
static bool is_answered(const struct inquiry *inquiry)
{
	for (size_t i = 0; i < inquiry->count; i++) {
		const struct inquiry_question *question = &inquiry->questions[i];

		for (uint32_t j = 0; question->report != NULL && j < question->plan.count; j++)
			if (question->report->packets[j].right > 0)
				return true;
	}
	return false;
}

static void run_round(struct inquiry *inquiry, const struct inquiry_way *way, unsigned round)
{
	for (size_t i = 0; i < inquiry->count; i++) {
		struct inquiry_question *question = &inquiry->questions[i];

		if (question->round == round && question->walk.kind == PROBE_RUN)
			inquiry_run(inquiry, way, question);
	}
}

static int read_walk(struct inquiry *inquiry, struct error *error)
{
	const uint64_t end = inquiry_now();

	if (capture_stop(&inquiry->capture, error) < 0)
		return -error->code;
	if (walk_read(inquiry->stage, inquiry->capture.frames, inquiry->capture.frame_count, end,
		      inquiry->legs, inquiry->leg_count, &inquiry->walk, error) < 0)
		return -error->code;
	inquiry->walk.partial = inquiry->walk.partial || inquiry->capture.lossy;
	return 0;
}

int inquiry_give_up(struct inquiry *inquiry, struct error *error)
{
	return inquiry->capture.process >= 0 ? capture_stop(&inquiry->capture, error) : 0;
}

bool inquiry_is_lossy(const struct inquiry *inquiry)
{
	return inquiry->capture.lossy || inquiry->walk.partial;
}

/* What became of each question's packets. */
static int follow_all(struct inquiry *inquiry, struct error *error)
{
	for (size_t i = 0; i < inquiry->count; i++) {
		if (process_should_end())
			return error_set(error, ECANCELED, "cancelled");
		if (inquiry->questions[i].walk.kind != PROBE_RUN)
			walk_follow(&inquiry->walk, &inquiry->questions[i].walk,
				    &inquiry->questions[i].way);
	}
	return 0;
}

int inquiry_ask(struct inquiry *inquiry, const struct inquiry_way *way, struct error *error)
{
	unsigned streams_end, end;
	struct rounds rounds;

	open_with_ping(inquiry);
	streams_end = share_streams(inquiry);
	end = share_singles(inquiry, streams_end);
	if (note_listeners(inquiry, error) < 0)
		return -error->code;
	for (unsigned round = 0; round < end; round = rounds.last + 1) {
		if (process_should_end())
			return error_set(error, ECANCELED, "cancelled");
		rounds = (struct rounds){round, round};
		if (round >= ROUND_STREAMS && round < streams_end && !is_answered(inquiry))
			rounds.last = streams_end - 1;
		ask_rounds(inquiry, &rounds);
		run_round(inquiry, way, round);
	}
	for (size_t i = 0; i < inquiry->count; i++)
		inquiry_hear(&inquiry->questions[i]);
	if (process_should_end())
		return error_set(error, ECANCELED, "cancelled");
	if (note_left(inquiry, error) < 0 || read_walk(inquiry, error) < 0)
		return -error->code;
	return follow_all(inquiry, error);
}
