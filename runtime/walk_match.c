/* Theory of operation
 *
 * What a router sends came of something that arrived: a copy of it, an answer, an ICMP error about
 * it. A router with a bug sends something else than it should, so that no single field can tell of
 * what it came. Hence every field that is as it was counts for a pair, those more that only one
 * packet has: the marker in the payload, a TCP sequence number, the numbers of an echo, the
 * identification of IPv4. A pair whose score is too low is none. Of several with the best score
 * that counts which has the least that came of it already, and then the first: two packets that are
 * alike in all of that have one copy each. Where there is no pair, and of one between the same two
 * nothing has come yet, it is that one: nothing else can be meant by what has lost all its numbers.
 *
 * So that many frames cost little more than one look at each, those with a marker are looked for
 * among those with the same marker, TCP's without data among those with the same numbers, and only
 * what has lost these, an ICMP error, and a frame that is no packet any more, everywhere. Of pairs
 * so many are compared at most; behind that the walk is partial. */
#include "walk_parts.h"

#include <linux/if_ether.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#define SCORE_MIN  10 /* the addresses, the protocol and two numbers more, or a marker */
#define SCORE_LAST 6  /* the addresses and the protocol */
#define LOAD_MIN   8  /* bytes of a load that is known by itself */
#define SCORE_LOAD 3  /* of two acknowledgments of TCP, only the whole tells which is which */

/* ---- how alike two packets are --------------------------------------------------------------- */

static unsigned score_upper(const struct frame_packet *in, const struct frame_packet *out,
			    bool answer)
{
	unsigned score = 0;

	if (in->upper != out->upper || in->upper == FRAME_NO_UPPER)
		return 0;
	if (in->upper == FRAME_ICMP) {
		score += in->type == out->type || answer ? 2U : 0U;
		if (frame_is_echo(in) && frame_is_echo(out))
			score += (in->echo_id == out->echo_id ? 2U : 0U) +
				 (in->echo_sequence == out->echo_sequence ? 2U : 0U);
		return score;
	}
	score += in->source_port == out->source_port ? 2U : 0U;
	score += in->target_port == out->target_port ? 2U : 0U;
	if (in->upper == FRAME_TCP)
		score += (in->tcp_sequence == out->tcp_sequence ? 3U : 0U) +
			 (in->tcp_flags == out->tcp_flags ? 1U : 0U);
	return score;
}

static bool is_echo_answer(const struct frame_packet *in, const struct frame_packet *out)
{
	if (!frame_is_echo(in) || !frame_is_echo(out))
		return false;
	return in->version == 4 ? in->type == ICMP_ECHO && out->type == ICMP_ECHOREPLY
				: in->type == ICMP6_ECHO_REQUEST && out->type == ICMP6_ECHO_REPLY;
}

/* As a copy, or as an answer, which has the addresses the other way round. */
static unsigned score_as(const struct frame_packet *in, const struct frame_packet *out, bool answer)
{
	const size_t address = in->version == 4 ? 4 : 16;
	unsigned score = 0;

	score += in->protocol == out->protocol ? 2U : 0U;
	score += memcmp(answer ? in->target : in->source, out->source, address) == 0 ? 2U : 0U;
	score += memcmp(answer ? in->source : in->target, out->target, address) == 0 ? 2U : 0U;
	if (in->id == out->id)
		score += in->id != 0 ? 2U : 1U; /* many have none */
	score += in->part && in->fragment == out->fragment ? 3U : 0U;
	score += in->size == out->size ? 1U : 0U;
	return score + score_upper(in, out, answer);
}

static unsigned score_packets(const struct frame_packet *in, const struct frame_packet *out)
{
	unsigned copy, answer;

	if (in->version != out->version)
		return 0;
	copy = score_as(in, out, false);
	if (!is_echo_answer(in, out))
		return copy;
	answer = score_as(in, out, true);
	return answer > copy ? answer : copy;
}

/* An ICMP error comes of what it is about, or where another says the same, of that. */
static unsigned score_error(const struct frame *in, const struct frame *out)
{
	const unsigned same = score_packets(&in->packet, &out->packet);
	const unsigned about = score_packets(&in->packet, &out->quoted);

	if (in->quoted.version != 0)
		return same + score_packets(&in->quoted, &out->quoted);
	/* What is quoted is short of numbers. */
	return about > 0 ? about + 2 : 0;
}

/* The same bytes behind the headers that it came with, of IP or, where it is no packet any more or
 * never was, of Ethernet: whatever OUT has before them, which may be no header at all. */
static bool is_same_load(const struct frame *in, const struct frame *out)
{
	const size_t head = in->packet.version != 0 ? in->packet.offset + in->packet.head_size
						    : FRAME_HEAD_SIZE;
	const size_t size = in->length > head ? in->length - head : 0;

	if (out->kind == FRAME_IP && in->length != out->length)
		return false;
	return size >= (in->length == out->length ? 1 : LOAD_MIN) && out->length >= size &&
	       memcmp(in->bytes + head, out->bytes + out->length - size, size) == 0;
}

static unsigned score_pair(const struct walk_sight *in, const struct walk_sight *out)
{
	unsigned score = 0;

	if (in->frame.packet.version != 0)
		score = out->frame.quoted.version != 0
				? score_error(&in->frame, &out->frame)
				: score_packets(&in->frame.packet, &out->frame.packet);
	if (is_same_load(&in->frame, &out->frame))
		score = score < SCORE_MIN ? SCORE_MIN : score + SCORE_LOAD;
	if (in->marked && out->marked && in->marker.token == out->marker.token &&
	    in->marker.sequence == out->marker.sequence)
		score += SCORE_MIN;
	return score;
}

/* ---- candidates ------------------------------------------------------------------------------ */

#define BUCKETS	  4096
#define PAIRS_MAX 40000000 /* a few seconds */
#define TAKEN_MAX 1000	   /* of what came of one: of more it makes no difference */

/* Those that arrived, in the order of time; the last bucket has those that nothing tells of. */
struct index {
	size_t heads[BUCKETS + 1];
	size_t tails[BUCKETS + 1];
	size_t *next;
	unsigned *taken; /* how many came of it */
	size_t pairs;	 /* compared so far */
};

static size_t bucket_of(const struct walk_sight *sight)
{
	const struct frame_packet *packet = &sight->frame.packet;

	if (sight->marked)
		return (sight->marker.token * 0x9e3779b1U ^ sight->marker.sequence) % BUCKETS;
	if (sight->frame.kind != FRAME_IP || packet->upper != FRAME_TCP)
		return BUCKETS;
	return (packet->tcp_sequence * 0x9e3779b1U ^ packet->tcp_acknowledgment * 0x85ebca6bU ^
		packet->source_port) %
	       BUCKETS;
}

static void add_arrival(struct index *index, size_t bucket, size_t i)
{
	index->next[i] = WALK_NO_FRAME;
	if (index->heads[bucket] == WALK_NO_FRAME)
		index->heads[bucket] = i;
	else
		index->next[index->tails[bucket]] = i;
	index->tails[bucket] = i;
}

/* The best so far. */
struct choice {
	size_t frame; /* WALK_NO_FRAME: none */
	unsigned score;
	unsigned least; /* it must have */
};

static void search_bucket(const struct walk *walk, struct index *index, size_t bucket,
			  const struct walk_sight *sight, struct choice *best)
{
	for (size_t i = index->heads[bucket]; i != WALK_NO_FRAME && index->pairs++ < PAIRS_MAX;
	     i = index->next[i]) {
		const unsigned score = score_pair(&walk->sights[i], sight);

		if (score < best->score || score < best->least)
			continue;
		if (score < SCORE_MIN && index->taken[i] > 0)
			continue;
		if (score == best->score && index->taken[i] >= index->taken[best->frame])
			continue;
		best->frame = i;
		best->score = score;
	}
}

static void search_all(const struct walk *walk, struct index *index, const struct walk_sight *sight,
		       struct choice *best)
{
	for (size_t i = 0; i <= BUCKETS; i++)
		search_bucket(walk, index, i, sight, best);
}

static size_t find_origin(const struct walk *walk, struct index *index, size_t out)
{
	const struct walk_sight *sight = &walk->sights[out];
	const size_t bucket = bucket_of(sight);
	struct choice best = {.frame = WALK_NO_FRAME, .least = SCORE_MIN};

	search_bucket(walk, index, bucket, sight, &best);
	if (best.frame == WALK_NO_FRAME && bucket != BUCKETS)
		search_bucket(walk, index, BUCKETS, sight, &best);
	if (bucket == BUCKETS &&
	    (sight->frame.kind != FRAME_IP || sight->frame.quoted.version != 0))
		search_all(walk, index, sight, &best);
	if (best.frame == WALK_NO_FRAME) {
		best.least = SCORE_LAST;
		search_all(walk, index, sight, &best);
	}
	return best.frame;
}

/* Both lists are in the order of time. */
static void note_pair(struct walk *walk, size_t origin, size_t out)
{
	size_t *link = &walk->sights[origin].first;

	while (*link != WALK_NO_FRAME)
		link = &walk->sights[*link].next;
	*link = out;
	walk->sights[out].origin = origin;
}

static bool is_candidate(const struct frame *frame)
{
	return frame->kind == FRAME_IP || frame->kind == FRAME_OTHER;
}

static void match_all(struct walk *walk, struct index *index)
{
	for (size_t i = 0; i < walk->count; i++) {
		struct walk_sight *sight = &walk->sights[i];
		size_t origin;

		if (!is_candidate(&sight->frame))
			continue;
		if (!walk->frames[i].sent) {
			add_arrival(index, bucket_of(sight), i);
			continue;
		}
		origin = find_origin(walk, index, i);
		if (origin != WALK_NO_FRAME && index->taken[origin]++ < TAKEN_MAX)
			note_pair(walk, origin, i);
	}
}

int walk_match(struct walk *walk, struct error *error)
{
	CLEANUP_FREE struct index *index = malloc(sizeof(*index));
	CLEANUP_FREE size_t *next = calloc(walk->count + 1, sizeof(*next));
	CLEANUP_FREE unsigned *taken = calloc(walk->count + 1, sizeof(*taken));

	if (index == NULL || next == NULL || taken == NULL)
		return error_system(error, ENOMEM, "cannot look at what was captured");
	for (size_t i = 0; i <= BUCKETS; i++)
		index->heads[i] = index->tails[i] = WALK_NO_FRAME;
	index->next = next;
	index->taken = taken;
	index->pairs = 0;
	match_all(walk, index);
	walk->partial = walk->partial || index->pairs > PAIRS_MAX;
	return 0;
}

/* ---- whose it is ----------------------------------------------------------------------------- */

static bool is_between(const struct walk_question *question, const struct frame_packet *packet,
		       bool *back)
{
	const size_t size = question->family == FAMILY_IPV4 ? 4 : 16;
	const uint8_t *asker = question->interface->address[question->family].bytes;
	const uint8_t *target = question->target.bytes;

	if (packet->version != (question->family == FAMILY_IPV4 ? 4 : 6))
		return false;
	*back = memcmp(packet->source, target, size) == 0 &&
		memcmp(packet->target, asker, size) == 0;
	return *back || (memcmp(packet->source, asker, size) == 0 &&
			 memcmp(packet->target, target, size) == 0);
}

/* Without a marker: by its numbers. */
static bool has_numbers(const struct walk_question *question, const struct frame_packet *packet,
			bool back)
{
	const uint16_t from = back ? question->port : question->own_port;
	const uint16_t to = back ? question->own_port : question->port;

	switch (question->kind) {
	case PROBE_PING:
	case PROBE_TRACEROUTE:
		return frame_is_echo(packet) && packet->echo_id == question->id;
	case PROBE_UDP:
		return packet->upper == FRAME_UDP && packet->source_port == from &&
		       packet->target_port == to;
	case PROBE_TCP:
		return packet->upper == FRAME_TCP && packet->source_port == from &&
		       packet->target_port == to;
	case PROBE_FRAME:
	case PROBE_ARP:
	case PROBE_RUN:
	case PROBE_KINDS:
		break;
	}
	return false;
}

/* The frame itself, as it was put on the wire, which may have padded it. */
static bool is_crafted(const struct walk_question *question, const struct frame *frame)
{
	const size_t size = question->frame_size;

	return question->frame != NULL &&
	       (frame->length == size || (size < ETH_ZLEN && frame->length == ETH_ZLEN)) &&
	       memcmp(frame->bytes, question->frame, size) == 0;
}

bool walk_belongs(const struct walk *walk, const struct walk_question *question, size_t i,
		  bool *back)
{
	const struct walk_sight *sight = &walk->sights[i];
	const struct frame_packet *packet = &sight->frame.packet;

	*back = false;
	if (walk->frames[i].sent)
		return false;
	if (is_crafted(question, &sight->frame))
		return true;
	if (sight->frame.kind == FRAME_ARP)
		return false;
	if (question->kind == PROBE_FRAME && question->target.line == 0)
		return false;
	if (sight->frame.quoted.version != 0) {
		bool there;

		*back = true;
		return is_between(question, &sight->frame.quoted, &there) && !there &&
		       has_numbers(question, &sight->frame.quoted, false);
	}
	if (!is_between(question, packet, back))
		return false;
	/* What answers a frame that was made by hand has no numbers that are known: it has its
	 * time. */
	if (question->kind == PROBE_FRAME)
		return *back && walk->frames[i].time >= question->began &&
		       walk->frames[i].time <= question->ended;
	return sight->marked ? sight->marker.token == question->token
			     : has_numbers(question, packet, *back);
}
