#include "address.h"
#include "command.h"
#include "inquiry.h"
#include "json.h"
#include "parties.h"
#include "phrase.h"
#include "verdict.h"
#include "walk_map.h"

#define WITHIN_MS   1000
#define QUIET_MS    300
#define PACKETS	    10
#define STREAM_SIZE 16384
#define STREAM_MS   3000
#define CHECKS	    9
#define IPV4_HEADS  28 /* bytes: IPv4's and an echo's or UDP's */
#define IPV6_HEADS  48
#define NET_WIDTH   6 /* characters of a net's name at least */

/* What is asked about one way: as a stage's own checks would. */
struct why {
	const struct stage *stage;
	const char *from;
	const char *to;
	char address[ADDRESS_TEXT_SIZE]; /* what that is */
	struct stage_check checks[CHECKS];
	const struct stage_check *list[CHECKS + CHECKS_MAX]; /* these, and the stage's own */
	size_t count;
};

/* ---- what is asked --------------------------------------------------------------------------- */

static struct stage_check *add_check(struct why *why, const char *name, enum probe_kind kind,
				     const struct stage_check *like)
{
	struct stage_check *check = &why->checks[why->count];

	*check = *like;
	(void)snprintf(check->name, sizeof(check->name), "%s", name);
	check->probe_count = 1;
	check->probes[0] = (struct stage_probe){.kind = kind};
	why->list[why->count++] = check;
	return check;
}

static void add_size(struct stage_check *check, uint32_t size)
{
	check->probes[0].sizes[check->probes[0].size_count++] = size;
}

/* The largest payload that fits both wires. */
static uint32_t largest(const struct stage *stage, const struct stage_check *check,
			const struct stage_interface *asker)
{
	const struct stage_interface *target = NULL;
	unsigned mtu = stage_net_find(stage, asker->net)->mtu;

	(void)walk_owner(stage, check->family, check->target.bytes, &target);
	if (target != NULL && stage_net_find(stage, target->net)->mtu < mtu)
		mtu = stage_net_find(stage, target->net)->mtu;
	return mtu - (check->family == FAMILY_IPV4 ? IPV4_HEADS : IPV6_HEADS);
}

/* An address on the asker's net that nobody has. False where there is none. */
static bool find_nobody(const struct stage *stage, const struct stage_interface *asker,
			struct stage_address *nobody)
{
	const struct stage_net *net = stage_net_find(stage, asker->net);
	struct stage_address first, last;

	address_range(FAMILY_IPV4, &net->subnet[FAMILY_IPV4], &first, &last);
	*nobody = last;
	nobody->line = 1;
	for (int i = 0; i < 100 && nobody->bytes[3] > 0; i++, nobody->bytes[3]--)
		if (walk_owner(stage, FAMILY_IPV4, nobody->bytes, NULL) == NULL &&
		    walk_leg_of(stage, FAMILY_IPV4, nobody->bytes) == NULL)
			return address_share(nobody, &first, net->subnet[FAMILY_IPV4].length);
	return false;
}

/* One of the two whose packets cross: who it is, where it is on a net, and its next hop. */
struct side {
	unsigned client;			 /* number */
	const struct stage_interface *interface; /* NULL: it asks nobody by ARP */
	struct stage_address hop;
};

/* ARP for the next hop, where that is the router. */
static void add_arp(struct why *why, const char *name, const struct stage_check *like,
		    const struct side *side)
{
	struct stage_check *check;

	if (side->interface == NULL ||
	    walk_leg_of(why->stage, FAMILY_IPV4, side->hop.bytes) == NULL)
		return;
	check = add_check(why, name, PROBE_ARP, like);
	check->asker = side->client;
	check->target = side->hop;
	check->target.line = 1;
	check->wire = side->interface->net;
	check->looks = 1U << LOOK_ARP;
	check->count = 1;
}

/* Nobody is to answer for ADDRESS on the net of SIDE. */
static void add_quiet(struct why *why, const char *name, const struct stage_check *like,
		      const struct side *side, const struct stage_address *address)
{
	struct stage_check *check = add_check(why, name, PROBE_ARP, like);

	check->asker = side->client;
	check->target = *address;
	check->target.line = 1;
	check->wire = side->interface->net;
	check->count = 1;
	check->within = QUIET_MS;
	check->expect.kind = EXPECT_SILENCE;
}

/* For who is not there at all, and for OTHER, who is on another net. */
static void add_quiets(struct why *why, const char *nobodys, const char *others,
		       const struct stage_check *like, const struct side *side,
		       const struct side *other)
{
	struct stage_address nobody;

	if (side->interface == NULL ||
	    !stage_net_is_leg(stage_net_find(why->stage, side->interface->net)))
		return;
	if (find_nobody(why->stage, side->interface, &nobody))
		add_quiet(why, nobodys, like, side, &nobody);
	if (other->interface != NULL && other->interface->net != side->interface->net)
		add_quiet(why, others, like, side, &other->interface->address[FAMILY_IPV4]);
}

static void add_talks(struct why *why, const struct stage_check *like,
		      const struct stage_interface *asker)
{
	struct stage_check *check = add_check(why, "ping", PROBE_PING, like);
	const uint32_t most = largest(why->stage, like, asker);

	add_size(check, 56);
	add_size(check, 1);
	add_size(check, most);
	if (walk_owner(why->stage, like->family, like->target.bytes, NULL) == NULL) {
		/* What nobody has answers nobody: there is the way to it to look at. */
		if (walk_leg_of(why->stage, like->family, like->target.bytes) == NULL)
			check->expect.kind = EXPECT_ANYTHING;
		return;
	}
	check = add_check(why, "udp", PROBE_UDP, like);
	add_size(check, 100);
	add_size(check, 1);
	add_size(check, most);
	check = add_check(why, "tcp", PROBE_TCP, like);
	add_size(check, STREAM_SIZE);
	check->count = 1;
	check->within = STREAM_MS;
}

/* Who asks, and whom. */
static int find_parties(const struct stage *stage, char **names, struct stage_check *check,
			struct error *error)
{
	check->from.line = check->to.line = 1;
	if (phrase_parse_from(names[0], &check->from, error) < 0)
		return error_prefix(error, "%s", names[0]);
	if (check->from.client == 0)
		return error_set(error, EINVAL, "%s: name a client, as client1", names[0]);
	if (parties_find_asker(stage, check, &check->asker, error) < 0)
		return error_prefix(error, "%s", names[0]);
	if (phrase_parse_to(names[1], &check->to, error) < 0 ||
	    parties_find_target(stage, check, &check->family, &check->target, error) < 0)
		return error_prefix(error, "%s", names[1]);
	check->target.line = 1;
	return 0;
}

/* Whom is asked, where that is a client behind a router. */
static struct side find_other(const struct stage *stage, const struct stage_check *check,
			      const struct stage_interface *asker)
{
	struct side other = {.interface = NULL};
	const struct stage_client *client =
		walk_owner(stage, check->family, check->target.bytes, NULL);

	if (client == NULL)
		return other;
	other.client = client->number;
	other.interface = walk_client_route(stage, client, check->family,
					    asker->address[check->family].bytes, &other.hop);
	if (other.interface != NULL && walk_leg_of(stage, check->family, other.hop.bytes) == NULL)
		other.interface = NULL;
	return other;
}

static bool is_of_the_same(const struct stage_check *check, const struct stage_check *like)
{
	return check->asker == like->asker && check->family == like->family &&
	       check->target.line != 0 &&
	       memcmp(check->target.bytes, like->target.bytes, sizeof(like->target.bytes)) == 0;
}

/* True where CHECK asks what the others here do not: what a router is to refuse, what the stage
 * makes by hand, or what does not fit a frame, whose payload has MOST bytes. A stage that does not
 * ask for that may have a router that cannot. */
static bool asks_more(const struct stage_check *check, const struct stage_check *like,
		      uint32_t most)
{
	bool more = check->ttl != like->ttl || check->expect.kind == EXPECT_ICMP;

	for (size_t i = 0; i < check->probe_count; i++) {
		const struct stage_probe *probe = &check->probes[i];

		if (probe->kind == PROBE_RUN)
			return false;
		more = more || probe->kind == PROBE_FRAME;
		for (size_t j = 0; j < probe->size_count; j++)
			more = more || (probe->kind != PROBE_TCP && probe->sizes[j] > most);
	}
	return more;
}

static void add_stages_own(struct why *why, const struct stage_check *like,
			   const struct stage_interface *asker)
{
	const struct stage *stage = why->stage;
	const uint32_t most = largest(stage, like, asker);

	for (size_t i = 0; i < stage->check_count; i++)
		if (is_of_the_same(&stage->checks[i], like) &&
		    asks_more(&stage->checks[i], like, most))
			why->list[why->count++] = &stage->checks[i];
}

static int make_checks(const struct stage *stage, char **names, struct why *why,
		       struct error *error)
{
	struct stage_check like = {.count = PACKETS,
				   .ttl = 64,
				   .within = WITHIN_MS,
				   .probe_count = 1,
				   .probes = {{.kind = PROBE_PING}},
				   .expect = {.kind = EXPECT_REPLY}};
	struct side asker, other;

	*why = (struct why){.stage = stage, .from = names[0], .to = names[1]};
	if (find_parties(stage, names, &like, error) < 0)
		return -error->code;
	(void)address_format(like.family, &like.target, why->address);
	asker.client = like.asker;
	asker.interface = walk_client_route(stage, stage_client_find(stage, like.asker),
					    like.family, like.target.bytes, &asker.hop);
	if (asker.interface == NULL)
		return error_set(error, EHOSTUNREACH,
				 "%s has no way to %s: the stage gives it no gateway", names[0],
				 names[1]);
	other = find_other(stage, &like, asker.interface);
	if (like.family == FAMILY_IPV4)
		add_arp(why, "arp", &like, &asker);
	add_talks(why, &like, asker.interface);
	if (like.family == FAMILY_IPV4) {
		add_arp(why, "arp-back", &like, &other);
		add_quiets(why, "quiet", "quiet-other", &like, &asker, &other);
		add_quiets(why, "quiet-back", "quiet-asker", &like, &other, &asker);
	}
	add_stages_own(why, &like, asker.interface);
	return 0;
}

/* ---- what is said ---------------------------------------------------------------------------- */

/* What is told: the way of one check, and what is wrong with it. */
struct answer {
	const struct why *why;
	const struct inquiry *inquiry;
	const struct inquiry_check *check;
	const struct walk_way *way;
	const struct walk_fault *fault; /* NULL: nothing, or none that the wires show */
	struct verdict verdict;
};

static const struct walk_way *way_of(const struct inquiry *inquiry,
				     const struct inquiry_check *check)
{
	const struct walk_way *way = &inquiry->questions[check->questions[0]].way;

	for (size_t i = 0; i < check->count; i++)
		if (inquiry->questions[check->questions[i]].way.fault_count > 0)
			return &inquiry->questions[check->questions[i]].way;
	return way;
}

/* True where nothing is wrong but how the router itself asks by ARP, or how often it answers. What
 * keeps a packet from its way is told first. */
static bool is_by_the_way(const struct answer *answer)
{
	return answer->check->check->probes[0].kind == PROBE_ARP && answer->fault != NULL &&
	       (answer->fault->step == WALK_ARP_QUESTION || answer->fault->step == WALK_DUPLICATE);
}

/* What came of CHECK. A fault need not keep an answer from coming. */
static void judge_check(const struct inquiry_check *check, struct answer *answer)
{
	answer->check = check;
	answer->way = way_of(answer->inquiry, check);
	answer->fault = NULL;
	verdict_judge(answer->inquiry, check, &answer->verdict);
	if (answer->way->fault_count == 0)
		return;
	answer->fault = &answer->way->faults[0];
	verdict_blame(answer->inquiry, answer->way, answer->fault, &answer->verdict);
}

/* How much ANSWER is what was asked for: more than what is only by the way is what could not be
 * told, and more than that what is wrong for sure. */
static unsigned weigh(const struct answer *answer)
{
	if (answer->verdict.outcome == VERDICT_PASS)
		return 0;
	if (is_by_the_way(answer))
		return 1;
	return answer->verdict.outcome == VERDICT_UNASKED ? 2 : 3;
}

/* The first check of those that weigh most; where nothing is wrong the one that a packet's way is
 * shown by. */
static void find_answer(const struct inquiry *inquiry, const struct why *why, struct answer *answer)
{
	const struct inquiry_check *shown = &inquiry->checks[0];
	struct verdict *verdict = &answer->verdict;
	unsigned most = 0;

	if (inquiry->check_count > 1 && why->checks[0].probes[0].kind == PROBE_ARP)
		shown = &inquiry->checks[1];
	*answer = (struct answer){.why = why, .inquiry = inquiry};
	for (size_t i = 0; i < inquiry->check_count; i++) {
		judge_check(&inquiry->checks[i], answer);
		if (weigh(answer) <= most)
			continue;
		most = weigh(answer);
		shown = &inquiry->checks[i];
	}
	judge_check(shown, answer);
	if (verdict->outcome != VERDICT_PASS || !inquiry_is_lossy(inquiry))
		return;
	verdict->outcome = VERDICT_UNASKED;
	(void)snprintf(verdict->reason, sizeof(verdict->reason),
		       "more passed on the wires than could be looked at");
}

static void print_fields(const struct answer *answer)
{
	const struct frame *frame = walk_frame(&answer->inquiry->walk, answer->fault->frame);
	char text[FRAME_DESCRIBE_SIZE];

	(void)printf("\nThe frame on %s:\n", answer->verdict.wire);
	for (enum frame_field field = FRAME_FIELD_NONE + 1; field < FRAME_FIELDS; field++)
		if (frame_field_text(frame, field, text))
			(void)printf("  %s %-28s %s\n", field == answer->fault->field ? ">" : " ",
				     frame_field_name(frame, field), text);
}

/* One line of the walk: how it is, on which wire, and what. */
static void print_stop(const struct answer *answer, const char *state, const char *net,
		       const char *text)
{
	int width = NET_WIDTH;

	for (size_t i = 0; i < answer->way->stop_count; i++)
		if ((int)strlen(answer->way->stops[i].net) > width)
			width = (int)strlen(answer->way->stops[i].net);
	(void)printf("  %-5s %-*s %s\n", state, width, net, text);
}

static void print_human(const struct answer *answer)
{
	const struct verdict *verdict = &answer->verdict;
	const struct why *why = answer->why;
	char text[WALK_SENTENCE_SIZE];

	(void)printf("%s to %s, by %s:\n", why->from, why->to, answer->check->check->name);
	(void)snprintf(text, sizeof(text), "%s is %s", why->to, why->address);
	if (strcmp(why->address, why->to) != 0)
		print_stop(answer, "ok", "", text);
	for (size_t i = 0; i < answer->way->stop_count; i++) {
		const struct walk_stop *stop = &answer->way->stops[i];

		print_stop(answer, stop->wrong ? "WRONG" : "ok", stop->net, stop->text);
	}
	if (verdict->outcome == VERDICT_PASS) {
		(void)puts("Nothing is wrong.");
		return;
	}
	if (answer->fault == NULL)
		print_stop(answer, verdict->outcome == VERDICT_UNASKED ? "?" : "WRONG",
			   verdict->wire, verdict->reason);
	else if (answer->fault->frame != WALK_NO_FRAME)
		print_fields(answer);
	if (verdict->step == WALK_NONE) {
		(void)puts("\nWhat is wrong, if anything is, could not be asked.");
		return;
	}
	(void)printf("\nThe first thing that is wrong: %s%s%s\n", walk_step_name(verdict->step),
		     verdict->rule != NULL ? ", see " : "",
		     verdict->rule != NULL ? verdict->rule : "");
}

static struct json_object *json_frame(const struct answer *answer)
{
	struct json_object *object = json_new_object();
	struct json_object *fields = json_new_object();
	const struct frame *frame = walk_frame(&answer->inquiry->walk, answer->fault->frame);
	char text[FRAME_DESCRIBE_SIZE];

	json_add_text(object, "wire", answer->verdict.wire);
	json_add_text(object, "text", answer->verdict.frame);
	for (enum frame_field field = FRAME_FIELD_NONE + 1; field < FRAME_FIELDS; field++)
		if (frame_field_text(frame, field, text))
			json_add_text(fields, frame_field_name(frame, field), text);
	json_add(object, "fields", fields);
	json_add_text(object, "wrong", answer->verdict.field);
	return object;
}

static void print_json(const struct answer *answer)
{
	struct json_object *whole = json_new_object();
	struct json_object *stops = json_new_array();
	struct json_object *cause = json_new_object();
	const struct verdict *verdict = &answer->verdict;

	json_add_text(whole, "from", answer->why->from);
	json_add_text(whole, "to", answer->why->to);
	json_add_text(whole, "address", answer->why->address);
	json_add_text(whole, "by", answer->check->check->name);
	for (size_t i = 0; i < answer->way->stop_count; i++) {
		const struct walk_stop *stop = &answer->way->stops[i];
		struct json_object *object = json_new_object();

		json_add_text(object, "step", walk_step_name(stop->step));
		json_add_text(object, "wire", stop->net[0] != '\0' ? stop->net : NULL);
		json_add_bool(object, "ok", !stop->wrong);
		json_add_text(object, "text", stop->text);
		json_append(stops, object);
	}
	json_add(whole, "walk", stops);
	json_add_text(cause, "step", walk_step_name(verdict->step));
	json_add_bool(cause, "asked", verdict->outcome != VERDICT_UNASKED);
	json_add_text(cause, "text", verdict->outcome == VERDICT_PASS ? NULL : verdict->reason);
	json_add_text(cause, "rule", verdict->rule);
	if (answer->fault != NULL && answer->fault->frame != WALK_NO_FRAME)
		json_add(cause, "frame", json_frame(answer));
	else
		json_add_null(cause, "frame");
	json_add(whole, "cause", cause);
	json_print(whole);
}

/* ---- the command ----------------------------------------------------------------------------- */

static int ask(struct command_place *place, const struct why *why, struct inquiry *inquiry,
	       struct error *error)
{
	const struct inquiry_way way = {command_connect_again, place};

	if (inquiry_prepare(why->stage, why->list, why->count, &way, inquiry, error) < 0 ||
	    inquiry_control(inquiry, error) < 0 || inquiry_watch(inquiry, error) < 0)
		return -error->code;
	return inquiry_ask(inquiry, &way, error);
}

int cmd_why(const struct command_line *line)
{
	CLEANUP_COMMAND_PLACE struct command_place place = {.session = SESSION_NONE,
							    .checkout = CHECKOUT_NONE};
	CLEANUP_STAGE struct stage stage = {.name = ""};
	CLEANUP_INQUIRY struct inquiry inquiry = INQUIRY_NONE;
	char name[STAGE_NAME_SIZE];
	struct error error = {0};
	struct answer answer = {.why = NULL};
	struct why why;
	int status;

	if (command_find_running(line, &place, &error) < 0 ||
	    command_find_name(&place, name, &error) < 0)
		return command_fail(&error, EXIT_FAILURE);
	status = command_read_stage(&place, name, &stage);
	if (status != EXIT_SUCCESS)
		return status;
	if (make_checks(&stage, line->operands, &why, &error) < 0)
		return command_fail(&error, EXIT_USAGE);
	if (ask(&place, &why, &inquiry, &error) < 0)
		return command_fail(&error, EXIT_FAILURE);
	find_answer(&inquiry, &why, &answer);
	if (line->options & OPTION_JSON)
		print_json(&answer);
	else
		print_human(&answer);
	return answer.verdict.outcome == VERDICT_PASS ? EXIT_SUCCESS : EXIT_FAILURE;
}
