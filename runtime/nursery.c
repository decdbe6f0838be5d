/* A client's way from the keeper's side, and who is waited for:
 *
 *	doors		the starter makes the control groups of the next wave meanwhile
 *	spawn		the clone; then born: it is in its control group
 *	map		the starter writes its ids: a wave's in one message
 *	meet		it has settled its network, which it sends; it goes on with its root
 *	wire		a net whose clients were all met is made; of a plain leg the starter is told
 *	raise		a wave's legs come up, which the starter is asked for
 *	go on		its nets are all wired: it brings its interfaces up
 *	meet whole	when no more are made: it sends its namespaces, and confines itself
 *	up
 *
 * The starter answers in the order of the questions. So legs are heard of whenever its next answer
 * is wanted. Its answers, which are few, fit into the socket's buffer: it never waits for us, so
 *that we may wait for it.
 *
 * A leg is made, and raised when those of all the wave are made, or as many as may wait. A filter
 *that is put at once on a new link waits until no processor can be in what was there before, and a
 *link that comes up while the kernel has its birth still on a list of news likewise; each with the
 *lock of all links in its hand (net_leg.c). */
#include "nursery.h"

#include "file.h"
#include "keeper_main.h"
#include "net.h"

#include <fcntl.h>

#define WAVE KEEPER_WAVE
_Static_assert((NURSERY_ASKED_MAX + 1) * (sizeof(struct keeper_word) + 1024) <= 65536,
	       "the starter may have to wait until its answers are read");

#define TOLD_EACH 8 /* clients, or nets, between one word of progress and the next */

void nursery_close(struct nursery *nursery)
{
	close_fd(&nursery->own_ns);
	net_socket_close(&nursery->socket);
	ends_clear(&nursery->ends);
	free(nursery->client_ns);
	free(nursery->unmet);
	free(nursery->unwired);
}

/* ---- words with the starter ------------------------------------------------------------------ */

/* Every so often, where somebody looks on. A starter that is gone is noticed at the next step. */
static void tell_step(const struct nursery *nursery, enum keeper_step step, size_t done)
{
	const struct keeper_word word = {.verb = VERB_STEP, .step = step, .done = (uint32_t)done};
	struct error ignored;

	if (nursery->plan->progress && done % TOLD_EACH == 0)
		(void)channel_send(nursery->channel, &word, sizeof(word), NULL, &ignored);
}

static int hear_done(const struct nursery *nursery, struct error *error)
{
	struct keeper_word word;

	return keeper_hear(nursery->channel, VERB_DONE, &word, NULL, error);
}

static int for_client(const struct nursery *nursery, size_t i, struct error *error)
{
	char name[STAGE_CLIENT_NAME_SIZE];

	stage_client_name(&nursery->plan->stage->clients[i], name);
	return error->code == ECANCELED ? -ECANCELED : error_prefix(error, "%s", name);
}

/* ---- wires ----------------------------------------------------------------------------------- */

/* The net with the index NET has its wires. */
static int note_wired(struct nursery *nursery, size_t net, struct error *error)
{
	size_t count;
	const struct end *ends = ends_of(&nursery->ends, &nursery->plan->stage->nets[net], &count);

	for (size_t i = 0; i < count; i++) {
		const size_t client = ends[i].client;

		if (--nursery->unwired[client] > 0)
			continue;
		/* Each that is made later would copy and close it. All come again at the end. */
		close_fd(&nursery->clients[client].ns.fd[NS_NET]);
		nursery->client_ns[client] = -1;
		if (client_go_on(&nursery->clients[client], error) < 0)
			return for_client(nursery, client, error);
	}
	tell_step(nursery, KEEPER_STEP_WIRED, ++nursery->nets_wired);
	return 0;
}

static int hear_of_doors(struct nursery *nursery, struct error *error)
{
	const size_t left = nursery->plan->stage->client_count - nursery->doors_first;
	const size_t clients = left < WAVE ? left : WAVE;
	CLEANUP_CHANNEL_FDS struct channel_fds fds = {.count = 0};
	struct keeper_word word;
	size_t each;

	if (keeper_hear(nursery->channel, VERB_DONE, &word, &fds, error) < 0)
		return -error->code;
	each = fds.count / clients;
	if (each > CGROUP_DOORS_MAX || each * clients != fds.count)
		return error_set(error, EBADMSG, "the starter sent %zu files", fds.count);
	for (size_t i = 0; i < fds.count; i++)
		nursery->doors[nursery->doors_first + i / each].fd[i % each] = TAKE_FD(fds.fd[i]);
	for (size_t i = 0; i < clients; i++)
		nursery->doors[nursery->doors_first + i].count = each;
	return 0;
}

/* LEGS are up; with an answer about doors there are none. */
static int note_raised(struct nursery *nursery, const struct nursery_question *legs,
		       struct error *error)
{
	for (size_t i = 0; i < legs->count; i++)
		if (note_wired(nursery, legs->nets[i], error) < 0)
			return -error->code;
	return 0;
}

/* Hears of what was asked for, but for the last KEEP. */
static int hear_answers(struct nursery *nursery, size_t keep, struct error *error)
{
	while (nursery->asked_count > keep) {
		const struct nursery_question question = nursery->asked[nursery->asked_first];
		int result;

		nursery->asked_first = (nursery->asked_first + 1) % NURSERY_ASKED_MAX;
		nursery->asked_count--;
		result = question.count == 0 ? hear_of_doors(nursery, error)
					     : hear_done(nursery, error);
		if (result < 0 || note_raised(nursery, &question, error) < 0)
			return -error->code;
	}
	return 0;
}

/* Asks the starter; QUESTION is what for. */
static int ask(struct nursery *nursery, const struct keeper_word *word,
	       const struct nursery_question *question, struct error *error)
{
	size_t last;

	if (hear_answers(nursery, NURSERY_ASKED_MAX - 1, error) < 0 ||
	    channel_send(nursery->channel, word, sizeof(*word), NULL, error) < 0)
		return -error->code;
	last = (nursery->asked_first + nursery->asked_count++) % NURSERY_ASKED_MAX;
	nursery->asked[last] = *question;
	return 0;
}

/* Asks for the doors of the wave from FIRST on, if there are any. */
static int ask_for_doors(struct nursery *nursery, size_t first, struct error *error)
{
	const struct keeper_word word = {.verb = VERB_DOORS, .first = (uint32_t)first};

	if (!nursery->plan->groups || first >= nursery->plan->stage->client_count)
		return 0;
	nursery->doors_first = first;
	return ask(nursery, &word, &(struct nursery_question){.count = 0}, error);
}

/* They were asked for before the legs of the last wave, which need not be there yet. */
static int await_doors(struct nursery *nursery, size_t first, struct error *error)
{
	while (nursery->plan->groups && nursery->doors[first].count == 0) {
		if (nursery->asked_count == 0)
			return error_set(error, EBADMSG, "the starter sent no control groups");
		if (hear_answers(nursery, nursery->asked_count - 1, error) < 0)
			return -error->code;
	}
	return 0;
}

/* Tells the starter of a leg, or makes it where the starter cannot. */
static int make_leg(struct nursery *nursery, const struct wire_far_end *wanted, int far_ns,
		    struct error *error)
{
	const struct keeper_word word = {.verb = VERB_LEG, .far = *wanted};
	const struct channel_fds fds = {.fd = {far_ns}, .count = 1};

	if (nursery->plan->alone != NULL)
		return far_side_make_leg(nursery->far,
					 stage_net_find(nursery->plan->stage, wanted->net), wanted,
					 far_ns, error);
	return channel_send(nursery->channel, &word, sizeof(word), &fds, error);
}

/* Has the legs come up that were made since. */
static int raise_legs(struct nursery *nursery, struct error *error)
{
	const struct keeper_word word = {.verb = VERB_RAISE};
	const struct nursery_question legs = nursery->next;

	if (legs.count == 0)
		return 0;
	nursery->next.count = 0;
	if (nursery->plan->alone == NULL)
		return ask(nursery, &word, &legs, error);
	return far_side_raise_legs(nursery->far, error) < 0 ? -error->code
							    : note_raised(nursery, &legs, error);
}

/* The same of one leg alone, which is up by then; its net is not wired yet. */
static int raise_at_once(struct nursery *nursery, struct error *error)
{
	const struct keeper_word word = {.verb = VERB_RAISE};

	if (nursery->plan->alone != NULL)
		return far_side_raise_legs(nursery->far, error);
	if (hear_answers(nursery, 0, error) < 0 ||
	    channel_send(nursery->channel, &word, sizeof(word), NULL, error) < 0)
		return -error->code;
	return hear_done(nursery, error);
}

/* As switchboard.h has it. */
static int ask_for_leg(void *context, const struct wire_far_end *wanted, int far_ns, bool can_wait,
		       struct error *error)
{
	struct nursery *nursery = context;
	const bool is_full = nursery->next.count == WIRE_LEGS_MAX;

	if (((is_full || !can_wait) && raise_legs(nursery, error) < 0) ||
	    make_leg(nursery, wanted, far_ns, error) < 0)
		return -error->code;
	if (!can_wait)
		return raise_at_once(nursery, error);
	nursery->next.nets[nursery->next.count++] = wanted->net - 1;
	return SWITCHBOARD_LATER;
}

static int make_net(struct nursery *nursery, size_t net, struct error *error)
{
	int result = switchboard_make_net(&nursery->board, &nursery->plan->stage->nets[net], error);

	return result == 0 ? note_wired(nursery, net, error) : result < 0 ? result : 0;
}

/* ---- clients --------------------------------------------------------------------------------- */

static int spawn(struct nursery *nursery, size_t i, struct error *error)
{
	const struct keeper_plan *plan = nursery->plan;
	const struct client_birth birth = {.stage = plan->stage,
					   .client = &plan->stage->clients[i],
					   .survey = &nursery->survey,
					   .root = &nursery->root,
					   .offloads = &nursery->offloads,
					   .filter = plan->filter,
					   .limits = plan->limits,
					   .doors = plan->groups ? &nursery->doors[i] : NULL,
					   .dumpable = plan->alone != NULL,
					   .timing = plan->timing ? &plan->timing[1 + i] : NULL};

	if (client_spawn(&birth, &nursery->clients[i], error) < 0)
		return for_client(nursery, i, error);
	tell_step(nursery, KEEPER_STEP_MADE, i + 1);
	return 0;
}

/* Has the starter map the ids of the wave from FIRST up to END, and lets it go on. */
static int map(struct nursery *nursery, size_t first, size_t end, struct error *error)
{
	CLEANUP_FD int proc = file_open_directory(AT_FDCWD, "/proc", error);
	struct channel_fds fds = {.fd = {proc}, .count = 1};
	struct keeper_word word = {.verb = VERB_MAP};

	if (proc < 0)
		return proc;
	for (size_t i = first; i < end; i++) {
		if (client_wait_born(&nursery->clients[i], nursery->channel, error) < 0)
			return for_client(nursery, i, error);
		word.pids[word.pid_count++] = nursery->clients[i].pid;
	}
	if (channel_send(nursery->channel, &word, sizeof(word), &fds, error) < 0 ||
	    hear_answers(nursery, 0, error) < 0 || hear_done(nursery, error) < 0)
		return -error->code;
	for (size_t i = first; i < end; i++) {
		cgroup_doors_close(&nursery->doors[i]); /* or each next one would have to */
		if (client_go_on(&nursery->clients[i], error) < 0)
			return for_client(nursery, i, error);
	}
	return ask_for_doors(nursery, end, error);
}

/* Meets a client, and makes the nets that waited for it alone. */
static int meet(struct nursery *nursery, size_t i, struct error *error)
{
	const struct stage_client *client = &nursery->plan->stage->clients[i];

	if (client_meet(&nursery->clients[i], nursery->channel, error) < 0)
		return for_client(nursery, i, error);
	nursery->client_ns[i] = nursery->clients[i].ns.fd[NS_NET];
	for (size_t j = 0; j < client->interface_count; j++) {
		const size_t net = client->interfaces[j].net - 1;

		if (--nursery->unmet[net] == 0 && make_net(nursery, net, error) < 0)
			return -error->code;
	}
	return 0;
}

static int make_wave(struct nursery *nursery, size_t first, size_t end, struct error *error)
{
	int result = await_doors(nursery, first, error);

	for (size_t i = first; result == 0 && i < end; i++)
		result = spawn(nursery, i, error);
	if (result == 0)
		result = map(nursery, first, end, error);
	for (size_t i = first; result == 0 && i < end; i++)
		result = meet(nursery, i, error);
	return result == 0 ? raise_legs(nursery, error) : result;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int make_room(struct nursery *nursery, struct error *error)
{
	const struct stage *stage = nursery->plan->stage;

	nursery->client_ns = calloc(stage->client_count, sizeof(*nursery->client_ns));
	nursery->unwired = calloc(stage->client_count, sizeof(*nursery->unwired));
	nursery->unmet = calloc(stage->net_count, sizeof(*nursery->unmet));
	if (nursery->client_ns == NULL || nursery->unwired == NULL || nursery->unmet == NULL)
		return error_system(error, ENOMEM, "cannot make the clients");
	if (ends_list(stage, &nursery->ends, error) < 0)
		return -error->code;
	for (size_t i = 0; i < stage->client_count; i++) {
		nursery->unwired[i] = (unsigned)stage->clients[i].interface_count;
		for (size_t j = 0; j < stage->clients[i].interface_count; j++)
			nursery->unmet[stage->clients[i].interfaces[j].net - 1]++;
	}
	return 0;
}

/* The keeper's own network is looked at before it is changed. */
static int look(struct nursery *nursery, struct error *error)
{
	CLEANUP_FD int proc = file_open_directory(AT_FDCWD, "/proc", error);

	nursery->own_ns = proc < 0 ? proc : ns_open_self(proc, NS_NET, error);
	if (nursery->own_ns < 0)
		return nursery->own_ns;
	if (settings_survey(proc, stage_has(nursery->plan->stage, FAMILY_IPV6), &nursery->survey,
			    error) < 0 ||
	    net_socket_open(&nursery->socket, error) < 0)
		return -error->code;
	return net_offloads_find(nursery->socket, &nursery->offloads, error);
}

int nursery_open(struct nursery *nursery, const struct keeper_plan *plan, struct client *clients,
		 struct cgroup_doors *doors, struct far_side *far, int channel, struct error *error)
{
	*nursery = NURSERY_NONE;
	nursery->doors = doors;
	nursery->plan = plan;
	nursery->clients = clients;
	nursery->far = far;
	nursery->channel = channel;
	if (make_room(nursery, error) < 0 || look(nursery, error) < 0)
		return -error->code;
	nursery->board = (struct switchboard){.socket = nursery->socket,
					      .ns = nursery->own_ns,
					      .stage = plan->stage,
					      .ends = &nursery->ends,
					      .offloads = &nursery->offloads,
					      .client_ns = nursery->client_ns,
					      .ask = ask_for_leg,
					      .context = nursery};
	return 0;
}

int nursery_prepare(struct nursery *nursery, struct error *error)
{
	const struct keeper_plan *plan = nursery->plan;

	if (root_survey(&nursery->root, error) < 0)
		return -error->code;
	if (plan->alone != NULL &&
	    far_side_make(nursery->far, plan->caller, nursery->own_ns, error) < 0)
		return error_prefix(error, "the computer's side");
	/* Clients may be born like this namespace (net.core.devconf_inherit_init_net): nothing is
	 * set here but what each of them sets in any case. */
	return switchboard_settle(error);
}

int nursery_make(struct nursery *nursery, struct error *error)
{
	const size_t count = nursery->plan->stage->client_count;
	int result = ask_for_doors(nursery, 0, error);

	for (size_t first = 0; result == 0 && first < count; first += WAVE)
		result = make_wave(nursery, first, first + WAVE < count ? first + WAVE : count,
				   error);
	return result == 0 ? hear_answers(nursery, 0, error) : result;
}

/* A few at a time: what is under way in sockets counts against a limit that is its user's, of all
 * stages (unix(7), ETOOMANYREFS). */
static int meet_all(struct nursery *nursery, struct error *error)
{
	const size_t count = nursery->plan->stage->client_count;

	for (size_t i = 0; i < count + WAVE; i++) {
		if (i < count && client_go_on(&nursery->clients[i], error) < 0)
			return for_client(nursery, i, error);
		if (i < WAVE)
			continue;
		if (client_meet_whole(&nursery->clients[i - WAVE], nursery->channel, error) < 0)
			return for_client(nursery, i - WAVE, error);
		nursery->client_ns[i - WAVE] = nursery->clients[i - WAVE].ns.fd[NS_NET];
	}
	return 0;
}

/* The service moves those in who connect; nobody else is born. */
static int take_all_doors(struct nursery *nursery, struct error *error)
{
	const size_t count = nursery->plan->stage->client_count;
	int result = 0;

	for (size_t first = 0; result == 0 && first < count; first += WAVE) {
		result = ask_for_doors(nursery, first, error);
		if (result == 0)
			result = hear_answers(nursery, 0, error);
	}
	for (size_t i = 0; i < count; i++)
		cgroup_close_birthplace(&nursery->doors[i]);
	return result;
}

int nursery_finish(struct nursery *nursery, struct error *error)
{
	const struct stage *stage = nursery->plan->stage;

	if (meet_all(nursery, error) < 0 || take_all_doors(nursery, error) < 0)
		return -error->code;
	for (size_t i = 0; i < stage->client_count; i++) {
		if (client_wait_up(&nursery->clients[i], nursery->channel, error) < 0)
			return for_client(nursery, i, error);
		tell_step(nursery, KEEPER_STEP_UP, i + 1);
	}
	for (size_t i = 0; i < stage->net_count; i++)
		if (switchboard_settle_net(&nursery->board, &stage->nets[i], error) < 0)
			return -error->code;
	return far_side_settle(nursery->far, stage, error);
}
