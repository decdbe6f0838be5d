#include "pair.h"

#include "address.h"
#include "parties.h"
#include "phrase.h"
#include "walk_map.h"

#define WITHIN_MS   1000
#define QUIET_MS    300
#define PACKETS	    10
#define STREAM_SIZE 16384
#define STREAM_MS   3000
#define IPV4_HEADS  28 /* bytes: IPv4's and an echo's or UDP's */
#define IPV6_HEADS  48

static struct stage_check *add_check(struct pair *pair, const char *name, enum probe_kind kind,
				     const struct stage_check *like)
{
	struct stage_check *check = &pair->checks[pair->count];

	*check = *like;
	(void)snprintf(check->name, sizeof(check->name), "%s", name);
	check->probe_count = 1;
	check->probes[0] = (struct stage_probe){.kind = kind};
	pair->list[pair->count++] = check;
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
static void add_arp(struct pair *pair, const char *name, const struct stage_check *like,
		    const struct side *side)
{
	struct stage_check *check;

	if (side->interface == NULL ||
	    walk_leg_of(pair->stage, FAMILY_IPV4, side->hop.bytes) == NULL)
		return;
	check = add_check(pair, name, PROBE_ARP, like);
	check->asker = side->client;
	check->target = side->hop;
	check->target.line = 1;
	check->wire = side->interface->net;
	check->looks = 1U << LOOK_ARP;
	check->count = 1;
}

/* Nobody is to answer for ADDRESS on the net of SIDE. */
static void add_quiet(struct pair *pair, const char *name, const struct stage_check *like,
		      const struct side *side, const struct stage_address *address)
{
	struct stage_check *check = add_check(pair, name, PROBE_ARP, like);

	check->asker = side->client;
	check->target = *address;
	check->target.line = 1;
	check->wire = side->interface->net;
	check->count = 1;
	check->within = QUIET_MS;
	check->expect.kind = EXPECT_SILENCE;
}

/* For who is not there at all, and for OTHER, who is on another net. */
static void add_quiets(struct pair *pair, const char *nobodys, const char *others,
		       const struct stage_check *like, const struct side *side,
		       const struct side *other)
{
	struct stage_address nobody;

	if (side->interface == NULL ||
	    !stage_net_is_leg(stage_net_find(pair->stage, side->interface->net)))
		return;
	if (find_nobody(pair->stage, side->interface, &nobody))
		add_quiet(pair, nobodys, like, side, &nobody);
	if (other->interface != NULL && other->interface->net != side->interface->net)
		add_quiet(pair, others, like, side, &other->interface->address[FAMILY_IPV4]);
}

static void add_talks(struct pair *pair, const struct stage_check *like,
		      const struct stage_interface *asker)
{
	struct stage_check *check = add_check(pair, "ping", PROBE_PING, like);
	const uint32_t most = largest(pair->stage, like, asker);

	add_size(check, 56);
	add_size(check, 1);
	add_size(check, most);
	if (walk_owner(pair->stage, like->family, like->target.bytes, NULL) == NULL) {
		/* What nobody has answers nobody: there is the way to it to look at. */
		if (walk_leg_of(pair->stage, like->family, like->target.bytes) == NULL)
			check->expect.kind = EXPECT_ANYTHING;
		return;
	}
	check = add_check(pair, "udp", PROBE_UDP, like);
	add_size(check, 100);
	add_size(check, 1);
	add_size(check, most);
	check = add_check(pair, "tcp", PROBE_TCP, like);
	add_size(check, STREAM_SIZE);
	check->count = 1;
	check->within = STREAM_MS;
}

/* Who asks, and whom. */
static int find_parties(const struct stage *stage, char *const *names, struct stage_check *check,
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

static void add_stages_own(struct pair *pair, const struct stage_check *like,
			   const struct stage_interface *asker)
{
	const struct stage *stage = pair->stage;
	const uint32_t most = largest(stage, like, asker);

	for (size_t i = 0; i < stage->check_count; i++)
		if (is_of_the_same(&stage->checks[i], like) &&
		    asks_more(&stage->checks[i], like, most))
			pair->list[pair->count++] = &stage->checks[i];
}

int pair_make(const struct stage *stage, char *const *names, struct pair *pair, struct error *error)
{
	struct stage_check like = {.count = PACKETS,
				   .ttl = 64,
				   .within = WITHIN_MS,
				   .probe_count = 1,
				   .probes = {{.kind = PROBE_PING}},
				   .expect = {.kind = EXPECT_REPLY}};
	struct side asker, other;

	*pair = (struct pair){.stage = stage, .from = names[0], .to = names[1]};
	if (find_parties(stage, names, &like, error) < 0)
		return -error->code;
	(void)address_format(like.family, &like.target, pair->address);
	asker.client = like.asker;
	asker.interface = walk_client_route(stage, stage_client_find(stage, like.asker),
					    like.family, like.target.bytes, &asker.hop);
	if (asker.interface == NULL)
		return error_set(error, EHOSTUNREACH,
				 "%s has no way to %s: the stage gives it no gateway", names[0],
				 names[1]);
	other = find_other(stage, &like, asker.interface);
	if (like.family == FAMILY_IPV4)
		add_arp(pair, "arp", &like, &asker);
	add_talks(pair, &like, asker.interface);
	if (like.family == FAMILY_IPV4) {
		add_arp(pair, "arp-back", &like, &other);
		add_quiets(pair, "quiet", "quiet-other", &like, &asker, &other);
		add_quiets(pair, "quiet-back", "quiet-asker", &like, &other, &asker);
	}
	add_stages_own(pair, &like, asker.interface);
	return 0;
}
