#include "inquiry_parts.h"

#include "walk_map.h"
#include "wire.h"

#include <sys/random.h>

#define PORT_USUAL  7	/* echo (RFC 862): where nobody answers that has another */
#define COUNTED_MAX 32	/* frames of one question: whose answers a report holds, and more */
#define PACE_MS	    25	/* from one packet to the next, where none is answered */
#define PAUSE_MS    200 /* where some are: as long as a slow router may take */

bool inquiry_is_talk(enum probe_kind kind)
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

static enum inquiry_round round_of(enum probe_kind kind)
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
	struct inquiry_check *into;
	size_t before; /* questions, of other checks: only with those it may be shared */
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
	const uint16_t port = check->port != 0 ? check->port : PORT_USUAL;
	char name[STAGE_CLIENT_NAME_SIZE];

	*question = (struct inquiry_question){.round = round_of(kind),
					      .run = check->run,
					      .any_port = check->port == 0,
					      .asker = ASKER_NONE,
					      .answerer = ASKER_NONE};
	stage_client_name(client, name);
	if (interface == NULL) {
		(void)error_set(&question->error, EHOSTUNREACH,
				"%s has no way to whom it asks: the stage gives it no gateway",
				name);
		interface = &client->interfaces[0];
	}
	question->walk = (struct walk_question){.kind = kind,
						.asker = client,
						.interface = interface,
						.family = check->family,
						.target = check->target,
						.expect = check->expect,
						.within = check->within,
						.port = port};
	*plan = (struct asker_plan){.kind = asker_kind_of(kind),
				    .to = wire_address(&check->target, check->family),
				    .port = port,
				    .ttl = kind == PROBE_TRACEROUTE ? 0 : check->ttl,
				    .count = part->count,
				    .size_count = part->size_count,
				    .interval = PACE_MS,
				    .pause = PAUSE_MS,
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

static bool is_same_expectation(const struct stage_expect *a, const struct stage_expect *b)
{
	return a->kind == b->kind && a->icmp_type == b->icmp_type && a->icmp_code == b->icmp_code;
}

/* True where both ask the same in the same way, and what is to come of it is the same, by which it
 * is judged what became of the packets. */
static bool is_same_question(const struct inquiry_question *a, const struct inquiry_question *b)
{
	const struct asker_plan *p = &a->plan;
	const struct asker_plan *q = &b->plan;

	return a->walk.kind == b->walk.kind && a->walk.kind != PROBE_FRAME &&
	       a->walk.kind != PROBE_RUN && a->walk.asker == b->walk.asker &&
	       a->walk.interface == b->walk.interface && a->walk.family == b->walk.family &&
	       memcmp(a->walk.target.bytes, b->walk.target.bytes, 16) == 0 && p->port == q->port &&
	       a->any_port == b->any_port && p->ttl == q->ttl && p->count == q->count &&
	       p->within == q->within && p->silence == q->silence &&
	       p->size_count == q->size_count &&
	       memcmp(p->sizes, q->sizes, sizeof(p->sizes)) == 0 &&
	       is_same_expectation(&a->walk.expect, &b->walk.expect);
}

static int keep_question(struct inquiry *inquiry, const struct inquiry_question *new,
			 struct error *error)
{
	struct inquiry_question *list =
		realloc(inquiry->questions, (inquiry->count + 1) * sizeof(*list));

	if (list == NULL)
		return error_system(error, ENOMEM, "cannot ask");
	inquiry->questions = list;
	inquiry->questions[inquiry->count++] = *new;
	return 0;
}

static int add_question(struct inquiry *inquiry, const struct part *part, struct error *error)
{
	struct inquiry_question new;
	size_t at = 0;

	if (fill_question(inquiry->stage, part, &new, error) < 0)
		return -error->code;
	while (at < part->before && !is_same_question(&inquiry->questions[at], &new))
		at++;
	if (at == part->before)
		at = inquiry->count;
	if (at == inquiry->count && keep_question(inquiry, &new, error) < 0)
		return -error->code;
	part->into->questions[part->into->count++] = at;
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

/* In several questions, if need be. */
static int add_counted(struct inquiry *inquiry, struct part *part, struct error *error)
{
	const uint32_t wanted = part->check->count;

	for (uint32_t done = 0; done < wanted; done += part->count) {
		part->count = wanted - done < COUNTED_MAX ? wanted - done : COUNTED_MAX;
		if (add_question(inquiry, part, error) < 0)
			return -error->code;
	}
	return 0;
}

static int add_frames(struct inquiry *inquiry, struct part *part, struct error *error)
{
	for (size_t i = 0; i < part->check->frame_count; i++) {
		part->frame = &part->check->frames[i];
		if (add_counted(inquiry, part, error) < 0)
			return -error->code;
	}
	return 0;
}

static int add_probe(struct inquiry *inquiry, struct inquiry_check *into,
		     const struct stage_probe *probe, struct error *error)
{
	static const uint32_t trace_size = 56;
	const struct stage_check *check = into->check;
	struct part part = {.into = into,
			    .before = inquiry->shared,
			    .check = check,
			    .probe = probe,
			    .count = check->count};

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
		return add_counted(inquiry, &part, error);
	case PROBE_RUN:
	case PROBE_KINDS:
		part.count = 1;
		break;
	}
	return add_question(inquiry, &part, error);
}

/* As many questions as CHECK can have: one for each packet. */
static size_t count_packets(const struct stage_check *check)
{
	size_t parts = check->frame_count + check->hop_count + 1;

	for (size_t i = 0; i < check->probe_count; i++)
		parts += check->probes[i].size_count + 1;
	return parts * check->count;
}

int inquiry_add_check(struct inquiry *inquiry, const struct stage_check *check, struct error *error)
{
	struct inquiry_check *into = &inquiry->checks[inquiry->check_count];

	into->check = check;
	inquiry->shared = inquiry->count;
	into->questions = calloc(count_packets(check), sizeof(*into->questions));
	if (into->questions == NULL)
		return error_system(error, ENOMEM, "cannot ask");
	for (size_t i = 0; i < check->probe_count; i++)
		if (add_probe(inquiry, into, &check->probes[i], error) < 0)
			return -error->code;
	inquiry->check_count++;
	return 0;
}
