#include "walk_parts.h"

#include "address.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdarg.h>

#define DONT_FRAGMENT 0x4000
#define LATE_MS	      1000
#define QUOTED_MIN    8 /* bytes behind the header that an ICMP error quotes (RFC 792) */

/* What is right to do with a packet. */
enum fate_kind {
	FATE_FORWARD, /* put it onto WIRE for HOP */
	FATE_ANSWER,  /* the router itself: an echo reply */
	FATE_ERROR,   /* an ICMP error of TYPE and CODE, or silence */
	FATE_NOTHING,
	FATE_ANY /* no matter of ours */
};

struct fate {
	enum fate_kind kind;
	size_t wire;
	struct stage_address hop;
	uint8_t type;
	int code; /* -1: any */
};

/* One packet that is judged. */
struct trial {
	const struct walk *walk;
	const struct walk_question *question;
	size_t in;
	const struct frame *frame; /* of IN */
	enum family family;
	struct fate fate;
	char sender[WALK_NAME_SIZE];
	struct walk_way *way;
};

static const struct frame *frame_of(const struct trial *trial, size_t i)
{
	return &trial->walk->sights[i].frame;
}

static unsigned net_of(const struct trial *trial, size_t i)
{
	return trial->walk->legs[trial->walk->frames[i].wire].net;
}

/* ---- fate ------------------------------------------------------------------------------------ */

static struct fate error_fate(enum family family, uint8_t type4, int code4, uint8_t type6,
			      int code6)
{
	return family == FAMILY_IPV4
		       ? (struct fate){.kind = FATE_ERROR, .type = type4, .code = code4}
		       : (struct fate){.kind = FATE_ERROR, .type = type6, .code = code6};
}

/* For many (RFC 1112), or for everybody on a net. */
static bool is_for_many(const struct stage *stage, const struct frame_packet *packet)
{
	static const uint8_t everybody[] = {255, 255, 255, 255};

	if (packet->version == 6)
		return packet->target[0] == 0xff;
	if ((packet->target[0] & 0xf0) == 0xe0 || memcmp(packet->target, everybody, 4) == 0)
		return true;
	for (size_t i = 0; i < stage->net_count; i++) {
		struct stage_address first, last;

		if (!stage_net_has(&stage->nets[i], FAMILY_IPV4))
			continue;
		address_range(FAMILY_IPV4, &stage->nets[i].subnet[FAMILY_IPV4], &first, &last);
		/* The one behind the last is the broadcast address. */
		if (stage->nets[i].subnet[FAMILY_IPV4].length < 31 &&
		    memcmp(packet->target, last.bytes, 3) == 0 &&
		    packet->target[3] == last.bytes[3] + 1)
			return true;
	}
	return false;
}

static bool is_echo_request(const struct frame_packet *packet)
{
	return frame_is_echo(packet) && packet->upper_sum == FRAME_SUM_RIGHT &&
	       packet->type == (packet->version == 4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST);
}

static struct fate route_fate(const struct trial *trial)
{
	const struct frame_packet *packet = &trial->frame->packet;
	const struct stage *stage = trial->walk->stage;
	struct fate fate = {.kind = FATE_FORWARD};
	const struct stage_net *leg = walk_route(stage, trial->family, packet->target, &fate.hop);

	if (packet->ttl <= 1)
		return error_fate(trial->family, ICMP_TIME_EXCEEDED, 0, ICMP6_TIME_EXCEEDED, 0);
	if (leg == NULL)
		return error_fate(trial->family, ICMP_DEST_UNREACH, -1, ICMP6_DST_UNREACH, -1);
	if (packet->size > leg->mtu) {
		if (packet->version == 4 && (packet->fragment & DONT_FRAGMENT) == 0)
			return (struct fate){.kind = FATE_ANY};
		return error_fate(trial->family, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED,
				  ICMP6_PACKET_TOO_BIG, 0);
	}
	fate.wire = walk_leg_index(trial->walk, leg->number);
	if (fate.wire == SIZE_MAX)
		fate.kind = FATE_ANY;
	return fate;
}

static struct fate find_fate(const struct trial *trial)
{
	const struct frame_packet *packet = &trial->frame->packet;

	if (trial->frame->kind != FRAME_IP || packet->sum == FRAME_SUM_WRONG || packet->cut ||
	    is_for_many(trial->walk->stage, packet) ||
	    !walk_is_router(trial->walk, trial->walk->frames[trial->in].wire, trial->frame->target))
		return (struct fate){.kind = FATE_NOTHING};
	if (walk_leg_of(trial->walk->stage, trial->family, packet->target) != NULL)
		return (struct fate){.kind = is_echo_request(packet) ? FATE_ANSWER : FATE_ANY};
	return route_fate(trial);
}

/* ---- what is compared ------------------------------------------------------------------------ */

static PRINTF_LIKE(6, 7) void complain(const struct trial *trial, enum walk_step step,
				       enum look_kind look, size_t frame, enum frame_field field,
				       const char *format, ...)
{
	static const char *const rules[WALK_STEPS] = {
		[WALK_FORWARD] = "RFC 1812 5.2.1",   [WALK_TTL] = "RFC 1812 5.3.1",
		[WALK_CHECKSUM] = "RFC 1812 5.2.2",  [WALK_ETHERNET] = "RFC 894",
		[WALK_PAYLOAD] = "RFC 1812 5.2.1.2", [WALK_DUPLICATE] = "RFC 1812 5.2.1",
	};
	char text[WALK_SENTENCE_SIZE];
	unsigned looks = look == LOOK_KINDS ? 0 : WALK_BIT(look);
	va_list arguments;

	/* A copy where no packet has business is one that comes twice, too. */
	if (look == LOOK_STRAY)
		looks |= WALK_BIT(LOOK_DUPLICATE);
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	walk_complain(trial->way, step, looks, frame, field, rules[step], "%s", text);
}

/* "client1's packet left on net2 with 64 as its time to live; EXPECTED" */
static void complain_field(const struct trial *trial, enum walk_step step, enum look_kind look,
			   size_t out, enum frame_field field, const char *expected)
{
	char seen[FRAME_DESCRIBE_SIZE];
	char came[FRAME_DESCRIBE_SIZE];

	(void)frame_field_text(frame_of(trial, out), field, seen);
	(void)frame_field_text(trial->frame, field, came);
	if (expected != NULL)
		complain(trial, step, look, out, field,
			 "%s's packet left on net%u with %s as its %s; it must be %s",
			 trial->sender, net_of(trial, out), seen, frame_field_name(field),
			 expected);
	else
		complain(trial, step, look, out, field,
			 "%s's packet left on net%u with %s as its %s; it came with %s, which no "
			 "router changes",
			 trial->sender, net_of(trial, out), seen, frame_field_name(field), came);
}

static bool has_same_head(const struct frame *in, const struct frame *out)
{
	const uint8_t *a = in->bytes + in->packet.offset;
	const uint8_t *b = out->bytes + out->packet.offset;

	if (in->packet.version != out->packet.version ||
	    in->packet.head_size != out->packet.head_size)
		return false;
	for (size_t i = 0; i < in->packet.head_size; i++) {
		bool changes = in->packet.version == 4 ? i == 8 || i == 10 || i == 11 : i == 7;

		if (!changes && a[i] != b[i])
			return false;
	}
	return true;
}

/* Where the checksum of what IP carries is in it; SIZE_MAX: it has none that we know. */
static size_t sum_at(const struct frame_packet *packet)
{
	switch (packet->upper) {
	case FRAME_ICMP:
		return 2;
	case FRAME_UDP:
		return 6;
	case FRAME_TCP:
		return 16;
	case FRAME_NO_UPPER:
		break;
	}
	return SIZE_MAX;
}

static size_t load_size(const struct frame_packet *packet)
{
	return packet->size - packet->head_size;
}

/* The offset of the first byte of what IP carries that is another, but for its checksum; the
 * shorter one's size where there is none. */
static size_t find_change(const struct frame *in, const struct frame *out)
{
	const uint8_t *a = in->bytes + in->packet.offset + in->packet.head_size;
	const uint8_t *b = out->bytes + out->packet.offset + out->packet.head_size;
	const size_t sum = sum_at(&in->packet);
	size_t size = load_size(&in->packet);

	if (load_size(&out->packet) < size)
		size = load_size(&out->packet);
	for (size_t i = 0; i < size; i++)
		if (a[i] != b[i] && i != sum && i != sum + 1)
			return i;
	return size;
}

static bool has_same_load(const struct frame *in, const struct frame *out)
{
	return load_size(&in->packet) == load_size(&out->packet) &&
	       find_change(in, out) == load_size(&in->packet);
}

/* ---- a packet that was forwarded ------------------------------------------------------------- */

static bool judge_ttl(const struct trial *trial, size_t out)
{
	const struct frame_packet *packet = &frame_of(trial, out)->packet;
	char expected[64];

	if (packet->ttl == trial->frame->packet.ttl - 1) {
		walk_stop(trial->way, WALK_TTL, trial->walk->frames[out].wire,
			  "its time to live is one less: %u", packet->ttl);
		return true;
	}
	(void)snprintf(expected, sizeof(expected), "%d, one less than it came with",
		       trial->frame->packet.ttl - 1);
	complain_field(trial, WALK_TTL, LOOK_TTL, out, FRAME_FIELD_TTL, expected);
	return false;
}

/* The checksum of what is carried stays right as long as that is not changed; a wrong one over what
 * was changed is the change's matter. */
static bool judge_upper_sum(const struct trial *trial, size_t out)
{
	const struct frame *frame = frame_of(trial, out);

	if (trial->frame->packet.upper_sum != FRAME_SUM_RIGHT ||
	    trial->frame->packet.upper != frame->packet.upper ||
	    frame->packet.upper_sum == FRAME_SUM_RIGHT ||
	    frame->packet.upper_sum == FRAME_SUM_UNKNOWN || !has_same_load(trial->frame, frame))
		return true;
	complain_field(trial, WALK_CHECKSUM, LOOK_PAYLOAD, out, FRAME_FIELD_UPPER_CHECKSUM, NULL);
	return false;
}

static bool judge_checksum(const struct trial *trial, size_t out)
{
	const struct frame *frame = frame_of(trial, out);
	uint8_t head[60];
	char expected[80];

	if (frame->packet.sum == FRAME_SUM_WRONG && has_same_head(trial->frame, frame)) {
		memcpy(head, frame->bytes + frame->packet.offset, frame->packet.head_size);
		head[10] = head[11] = 0;
		(void)snprintf(expected, sizeof(expected), "0x%04x over this header",
			       frame_checksum(0, head, frame->packet.head_size));
		complain_field(trial, WALK_CHECKSUM, LOOK_CHECKSUM, out, FRAME_FIELD_CHECKSUM,
			       expected);
		return false;
	}
	if (!judge_upper_sum(trial, out))
		return false;
	walk_stop(trial->way, WALK_CHECKSUM, trial->walk->frames[out].wire,
		  "its checksums are right");
	return true;
}

/* TARGET: the Ethernet address of who is to have it, WHOSE name that is. */
static bool judge_macs(const struct trial *trial, size_t out, const uint8_t *target,
		       const char *whose)
{
	const struct frame *frame = frame_of(trial, out);
	const size_t wire = trial->walk->frames[out].wire;
	char expected[WALK_NAME_SIZE + 64];
	char mac[MAC_TEXT_SIZE];

	if (memcmp(frame->target, target, FRAME_MAC_SIZE) != 0) {
		(void)snprintf(expected, sizeof(expected), "%s's, %s", whose,
			       address_format_mac(target, mac));
		complain_field(trial, WALK_ETHERNET, LOOK_ETHERNET, out, FRAME_FIELD_TARGET_MAC,
			       expected);
		return false;
	}
	if (!walk_is_router(trial->walk, wire, frame->source)) {
		(void)snprintf(expected, sizeof(expected), "net%u's, %s",
			       trial->walk->legs[wire].net,
			       address_format_mac(trial->walk->legs[wire].mac, mac));
		complain_field(trial, WALK_ETHERNET, LOOK_ETHERNET, out, FRAME_FIELD_SOURCE_MAC,
			       expected);
		return false;
	}
	walk_stop(trial->way, WALK_ETHERNET, wire,
		  "its Ethernet addresses are the router's and %s's", whose);
	return true;
}

/* What is at byte AT of an IPv4 header. */
static enum frame_field head_field(size_t at)
{
	switch (at) {
	case 2:
	case 3:
		return FRAME_FIELD_LENGTH;
	case 6:
	case 7:
		return FRAME_FIELD_FRAGMENT;
	case 9:
		return FRAME_FIELD_PROTOCOL;
	default:
		if (at >= 12 && at < 16)
			return FRAME_FIELD_SOURCE;
		return at >= 16 && at < 20 ? FRAME_FIELD_TARGET : FRAME_FIELD_NONE;
	}
}

static enum frame_field head_field6(size_t at)
{
	if (at >= 8 && at < 24)
		return FRAME_FIELD_SOURCE;
	if (at >= 24 && at < 40)
		return FRAME_FIELD_TARGET;
	return at == 4 || at == 5 ? FRAME_FIELD_LENGTH : FRAME_FIELD_NONE;
}

/* The same for what the packet carries. */
static enum frame_field load_field(const struct frame_packet *packet, size_t at)
{
	if (packet->upper == FRAME_ICMP) {
		if (at < 2)
			return FRAME_FIELD_ICMP_TYPE;
		if (frame_is_echo(packet) && at >= 4 && at < 8)
			return at < 6 ? FRAME_FIELD_ICMP_ID : FRAME_FIELD_ICMP_SEQUENCE;
	}
	if ((packet->upper == FRAME_UDP || packet->upper == FRAME_TCP) && at < 4)
		return at < 2 ? FRAME_FIELD_SOURCE_PORT : FRAME_FIELD_TARGET_PORT;
	return FRAME_FIELD_PAYLOAD;
}

/* What has no field of its own. */
static const char *head_part(bool ipv4, size_t at)
{
	if (!ipv4)
		return at < 4 ? "traffic class or flow label" : "chain of extension headers";
	if (at == 1)
		return "type of service";
	return at == 4 || at == 5 ? "identification" : "list of options";
}

/* Complains of the first byte of the header that was changed. */
static void complain_head(const struct trial *trial, size_t out)
{
	const struct frame *frame = frame_of(trial, out);
	const uint8_t *a = trial->frame->bytes + trial->frame->packet.offset;
	const uint8_t *b = frame->bytes + frame->packet.offset;
	const bool ipv4 = trial->frame->packet.version == 4;
	enum frame_field field = FRAME_FIELD_NONE;
	size_t at = 1;

	/* Addresses first: they tell most. */
	for (size_t i = ipv4 ? 12 : 8; i < (ipv4 ? 20U : 40U) && field == FRAME_FIELD_NONE; i++)
		if (a[i] != b[i])
			field = ipv4 ? head_field(i) : head_field6(i);
	while (at + 1 < trial->frame->packet.head_size &&
	       (a[at] == b[at] || (ipv4 ? at == 8 || at == 10 || at == 11 : at == 7)))
		at++;
	if (field == FRAME_FIELD_NONE)
		field = ipv4 ? head_field(at) : head_field6(at);
	if (field != FRAME_FIELD_NONE)
		return complain_field(trial, WALK_PAYLOAD,
				      field == FRAME_FIELD_SOURCE || field == FRAME_FIELD_TARGET
					      ? LOOK_ADDRESSES
					      : LOOK_PAYLOAD,
				      out, field, NULL);
	complain(trial, WALK_PAYLOAD, LOOK_PAYLOAD, out, FRAME_FIELD_NONE,
		 "%s's packet left on net%u with another IP header than it came with: the %s "
		 "differs",
		 trial->sender, net_of(trial, out), head_part(ipv4, at));
}

/* Complains of the first byte behind the header that was changed, or is missing. */
static void complain_load(const struct trial *trial, size_t out)
{
	const struct frame *frame = frame_of(trial, out);
	const size_t at = find_change(trial->frame, frame);
	const enum frame_field field = load_field(&trial->frame->packet, at);

	if (frame->packet.cut || load_size(&frame->packet) != load_size(&trial->frame->packet)) {
		complain(trial, WALK_PAYLOAD, LOOK_PAYLOAD, out, FRAME_FIELD_LENGTH,
			 "%s's packet left on net%u with %zu bytes of IP; it came with %zu",
			 trial->sender, net_of(trial, out), frame->packet.size,
			 trial->frame->packet.size);
		return;
	}
	if (field != FRAME_FIELD_PAYLOAD) {
		complain_field(trial, WALK_PAYLOAD,
			       field == FRAME_FIELD_SOURCE_PORT || field == FRAME_FIELD_TARGET_PORT
				       ? LOOK_ADDRESSES
				       : LOOK_PAYLOAD,
			       out, field, NULL);
		return;
	}
	complain(trial, WALK_PAYLOAD, LOOK_PAYLOAD, out, FRAME_FIELD_PAYLOAD,
		 "%s's packet left on net%u with another payload than it came with, from byte %zu "
		 "of what IP carries on",
		 trial->sender, net_of(trial, out), at);
}

static bool judge_payload(const struct trial *trial, size_t out)
{
	const struct frame *frame = frame_of(trial, out);

	if (!has_same_head(trial->frame, frame))
		complain_head(trial, out);
	else if (!has_same_load(trial->frame, frame) || frame->packet.cut)
		complain_load(trial, out);
	else {
		walk_stop(trial->way, WALK_PAYLOAD, trial->walk->frames[out].wire,
			  "its addresses and its payload are unchanged");
		return true;
	}
	return false;
}

/* What came of a packet and is none itself any more. */
static void judge_garbled(const struct trial *trial, size_t out)
{
	const struct frame *frame = frame_of(trial, out);

	trial->way->judged |= WALK_BIT(LOOK_ETHERNET);
	if (frame->type != trial->frame->type)
		complain_field(trial, WALK_ETHERNET, LOOK_ETHERNET, out, FRAME_FIELD_TYPE, NULL);
	else
		complain(trial, WALK_PAYLOAD, LOOK_PAYLOAD, out, FRAME_FIELD_PAYLOAD,
			 "%s's packet left on net%u as a frame without a whole IP header",
			 trial->sender, net_of(trial, out));
}

static void judge_copy(const struct trial *trial, size_t out)
{
	const struct stage *stage = trial->walk->stage;
	const struct stage_interface *interface = NULL;
	char whose[WALK_NAME_SIZE];
	bool right;

	if (frame_of(trial, out)->packet.version != trial->frame->packet.version)
		return judge_garbled(trial, out);
	trial->way->judged |= WALK_BIT(LOOK_TTL) | WALK_BIT(LOOK_CHECKSUM) |
			      WALK_BIT(LOOK_ETHERNET) | WALK_BIT(LOOK_ADDRESSES) |
			      WALK_BIT(LOOK_PAYLOAD);
	(void)walk_owner(stage, trial->family, trial->fate.hop.bytes, &interface);
	(void)walk_name(stage, trial->family, trial->fate.hop.bytes, whose);
	right = judge_ttl(trial, out);
	right = judge_checksum(trial, out) && right;
	if (interface != NULL)
		right = judge_macs(trial, out, interface->mac, whose) && right;
	right = judge_payload(trial, out) && right;
}

/* ---- a packet that was not ------------------------------------------------------------------- */

static bool is_error_about(const struct frame *frame)
{
	return frame->quoted.version != 0;
}

/* The first frame that came of it on WIRE (SIZE_MAX: on any), an ICMP error or not. */
static size_t find_result(const struct trial *trial, size_t wire, bool error)
{
	size_t i = trial->walk->sights[trial->in].first;

	while (i != WALK_NO_FRAME && (is_error_about(frame_of(trial, i)) != error ||
				      (wire != SIZE_MAX && trial->walk->frames[i].wire != wire)))
		i = trial->walk->sights[i].next;
	return i;
}

/* Somebody said on WIRE that ADDRESS is there. */
static bool is_known(const struct walk *walk, size_t wire, const uint8_t *address)
{
	for (size_t i = 0; i < walk->count; i++) {
		const struct frame *frame = &walk->sights[i].frame;

		if (!walk->frames[i].sent && walk->frames[i].wire == wire &&
		    frame->kind == FRAME_ARP && memcmp(frame->arp.sender, address, 4) == 0)
			return true;
	}
	return false;
}

/* What came so late that the router may have been about to put it somewhere when the capture ended
 * is not held against it. */
static bool is_too_young(const struct trial *trial)
{
	const struct walk *walk = trial->walk;

	return walk->end - walk->frames[trial->in].time <
	       (uint64_t)trial->question->within * 1000000 / 2;
}

static void complain_not_sent(const struct trial *trial)
{
	const struct walk *walk = trial->walk;
	const unsigned net = walk->legs[trial->fate.wire].net;
	const size_t before = trial->way->fault_count;
	size_t questions = 0;
	char whose[WALK_NAME_SIZE];
	const char *why = "";

	if (!walk->legs[trial->fate.wire].heard) {
		walk_complain(
			trial->way, WALK_LISTENING, 0, WALK_NO_FRAME, FRAME_FIELD_NONE, "packet(7)",
			"%s's packet was not put onto net%u, where nobody listens: no program "
			"has a packet socket there",
			trial->sender, net);
		return;
	}
	if (trial->family == FAMILY_IPV4)
		questions = walk_judge_questions(walk, trial->fate.wire, trial->fate.hop.bytes,
						 trial->way);
	if (trial->way->fault_count > before)
		return;
	if (trial->family == FAMILY_IPV4 && questions == 0 &&
	    !is_known(walk, trial->fate.wire, trial->fate.hop.bytes))
		why = ", and no ARP question either";
	else if (questions > 0 && is_known(walk, trial->fate.wire, trial->fate.hop.bytes))
		why = ", though its ARP question was answered";
	complain(trial, WALK_FORWARD, LOOK_KINDS, trial->in, FRAME_FIELD_NONE,
		 "%s's packet came to the router on net%u and was not put onto net%u for %s%s",
		 trial->sender, net_of(trial, trial->in), net,
		 walk_name(walk->stage, trial->family, trial->fate.hop.bytes, whose), why);
}

static void complain_not_forwarded(const struct trial *trial)
{
	const size_t error = find_result(trial, SIZE_MAX, true);
	const size_t copy = find_result(trial, SIZE_MAX, false);
	const unsigned net = trial->walk->legs[trial->fate.wire].net;

	if (copy != WALK_NO_FRAME && frame_of(trial, copy)->packet.version != 0 &&
	    frame_is_echo(&frame_of(trial, copy)->packet) &&
	    frame_of(trial, copy)->packet.type != trial->frame->packet.type)
		complain(trial, WALK_FORWARD, LOOK_KINDS, copy, FRAME_FIELD_ICMP_TYPE,
			 "the router answered %s's packet itself, which is not for it; it must "
			 "put it onto net%u",
			 trial->sender, net);
	else if (copy != WALK_NO_FRAME)
		complain(trial, WALK_FORWARD, LOOK_STRAY, copy, FRAME_FIELD_NONE,
			 "%s's packet was put onto net%u; it must go onto net%u", trial->sender,
			 net_of(trial, copy), net);
	else if (error != WALK_NO_FRAME)
		complain(trial, WALK_FORWARD, LOOK_KINDS, error, FRAME_FIELD_ICMP_TYPE,
			 "the router refused %s's packet with ICMP %u/%u; it must put it onto "
			 "net%u",
			 trial->sender, frame_of(trial, error)->packet.type,
			 frame_of(trial, error)->packet.code, net);
	else if (!is_too_young(trial))
		complain_not_sent(trial);
}

/* ---- more than there is to be ---------------------------------------------------------------- */

/* What came of it beside KEPT, which is as it must be. */
static void judge_rest(const struct trial *trial, size_t kept)
{
	const struct walk *walk = trial->walk;

	trial->way->judged |= WALK_BIT(LOOK_STRAY);
	if (kept != WALK_NO_FRAME)
		trial->way->judged |= WALK_BIT(LOOK_DUPLICATE);
	for (size_t i = walk->sights[trial->in].first; i != WALK_NO_FRAME;
	     i = walk->sights[i].next) {
		if (i == kept)
			continue;
		trial->way->strays++;
		if (kept != WALK_NO_FRAME && walk->frames[i].wire == walk->frames[kept].wire)
			complain(trial, WALK_DUPLICATE, LOOK_DUPLICATE, i, FRAME_FIELD_NONE,
				 "%s's packet was put onto net%u once more", trial->sender,
				 net_of(trial, i));
		else if (is_error_about(frame_of(trial, i)))
			complain(trial, WALK_DUPLICATE, LOOK_STRAY, i, FRAME_FIELD_ICMP_TYPE,
				 "an ICMP error about %s's packet was put onto net%u as well",
				 trial->sender, net_of(trial, i));
		else
			complain(trial, WALK_DUPLICATE, LOOK_STRAY, i, FRAME_FIELD_NONE,
				 "a copy of %s's packet was put onto net%u, where it has no "
				 "business",
				 trial->sender, net_of(trial, i));
		return; /* one of them tells it */
	}
}

/* However long the answer may take: a second is more than a router needs. */
static bool is_late(const struct trial *trial, size_t out)
{
	const uint64_t took = trial->walk->frames[out].time - trial->walk->frames[trial->in].time;
	const unsigned limit =
		trial->question->within < LATE_MS ? trial->question->within : LATE_MS;

	if (took <= (uint64_t)limit * 1000000)
		return false;
	complain(trial, WALK_FORWARD, LOOK_KINDS, out, FRAME_FIELD_NONE,
		 "%s's packet was put onto net%u after %.1f s; it must be within %.1f s",
		 trial->sender, net_of(trial, out), (double)took / 1e9, limit / 1e3);
	return true;
}

static void judge_forward(const struct trial *trial, bool back)
{
	const size_t out = find_result(trial, trial->fate.wire, false);

	if (out == WALK_NO_FRAME)
		return complain_not_forwarded(trial);
	*(back ? &trial->way->delivered : &trial->way->carried) += 1;
	if (!is_late(trial, out))
		walk_stop(trial->way, WALK_FORWARD, trial->fate.wire,
			  "the router puts it onto net%u", net_of(trial, out));
	judge_copy(trial, out);
	judge_rest(trial, out);
}

/* ---- what the router says itself ------------------------------------------------------------- */

static bool judge_own_head(const struct trial *trial, size_t out)
{
	const struct frame_packet *packet = &frame_of(trial, out)->packet;
	const size_t size = packet->version == 4 ? 4 : 16;
	enum frame_field field = FRAME_FIELD_NONE;

	if (packet->sum == FRAME_SUM_WRONG)
		field = FRAME_FIELD_CHECKSUM;
	else if (packet->upper_sum == FRAME_SUM_WRONG)
		field = FRAME_FIELD_UPPER_CHECKSUM;
	if (field != FRAME_FIELD_NONE) {
		complain_field(trial, WALK_CHECKSUM,
			       field == FRAME_FIELD_CHECKSUM ? LOOK_CHECKSUM : LOOK_PAYLOAD, out,
			       field, "the sum over what it covers");
		return false;
	}
	if (packet->ttl == 0) {
		complain_field(trial, WALK_TTL, LOOK_TTL, out, FRAME_FIELD_TTL, "more than 0");
		return false;
	}
	if (!judge_macs(trial, out, trial->frame->source, trial->sender))
		return false;
	if (memcmp(packet->target, trial->frame->packet.source, size) == 0)
		return true;
	complain_field(trial, WALK_PAYLOAD, LOOK_ADDRESSES, out, FRAME_FIELD_TARGET,
		       "that of who asked");
	return false;
}

static void judge_echo(const struct trial *trial, size_t out)
{
	const struct frame *frame = frame_of(trial, out);
	const struct frame_packet *asked = &trial->frame->packet;
	const struct frame_packet *packet = &frame->packet;
	const size_t size = asked->version == 4 ? 4 : 16;

	if (packet->type == asked->type)
		return complain_field(trial, WALK_PAYLOAD, LOOK_PAYLOAD, out, FRAME_FIELD_ICMP_TYPE,
				      "that of an echo reply");
	if (!judge_own_head(trial, out))
		return;
	if (memcmp(packet->source, asked->target, size) != 0)
		return complain_field(trial, WALK_PAYLOAD, LOOK_ADDRESSES, out, FRAME_FIELD_SOURCE,
				      "the address that was asked");
	if (packet->echo_id != asked->echo_id)
		return complain_field(trial, WALK_PAYLOAD, LOOK_PAYLOAD, out, FRAME_FIELD_ICMP_ID,
				      "that of the question");
	if (packet->echo_sequence != asked->echo_sequence)
		return complain_field(trial, WALK_PAYLOAD, LOOK_PAYLOAD, out,
				      FRAME_FIELD_ICMP_SEQUENCE, "that of the question");
	if (packet->payload_size != asked->payload_size ||
	    memcmp(frame->bytes + packet->payload, trial->frame->bytes + asked->payload,
		   asked->payload_size) != 0)
		return complain(trial, WALK_PAYLOAD, LOOK_PAYLOAD, out, FRAME_FIELD_PAYLOAD,
				"the router's answer to %s's echo carries %zu bytes that are not "
				"the %zu of the question",
				trial->sender, packet->payload_size, asked->payload_size);
	walk_stop(trial->way, WALK_PAYLOAD, trial->walk->frames[out].wire,
		  "it carries what the question did");
}

static void judge_answer(const struct trial *trial)
{
	const size_t wire = trial->walk->frames[trial->in].wire;
	const size_t out = find_result(trial, wire, false);
	char asked[WALK_NAME_SIZE];

	if (out == WALK_NO_FRAME) {
		complain(trial, WALK_FORWARD, LOOK_KINDS, trial->in, FRAME_FIELD_TARGET,
			 "the router did not answer %s's echo request to its own address %s",
			 trial->sender,
			 walk_name(trial->walk->stage, trial->family, trial->frame->packet.target,
				   asked));
		return;
	}
	trial->way->answered++;
	trial->way->judged |= WALK_BIT(LOOK_TTL) | WALK_BIT(LOOK_CHECKSUM) |
			      WALK_BIT(LOOK_ETHERNET) | WALK_BIT(LOOK_ADDRESSES) |
			      WALK_BIT(LOOK_PAYLOAD);
	if (!is_late(trial, out))
		walk_stop(trial->way, WALK_FORWARD, wire, "the router answers it itself");
	if (frame_of(trial, out)->packet.version == trial->frame->packet.version &&
	    frame_is_echo(&frame_of(trial, out)->packet))
		judge_echo(trial, out);
	else
		judge_garbled(trial, out);
	judge_rest(trial, out);
}

/* What it quotes: the header that it is about, but for what a router changes, and the bytes behind
 * that. */
static bool judge_quote(const struct trial *trial, size_t out)
{
	const struct frame *frame = frame_of(trial, out);
	const struct frame_packet *quoted = &frame->quoted;
	const struct frame_packet *packet = &trial->frame->packet;
	const size_t there = quoted->size - quoted->head_size;
	const size_t behind = packet->size - packet->head_size;
	size_t needed = QUOTED_MIN;

	if (needed > behind)
		needed = behind;
	if (there < needed) {
		complain(trial, WALK_PAYLOAD, LOOK_PAYLOAD, out, FRAME_FIELD_PAYLOAD,
			 "the ICMP error about %s's packet quotes %zu bytes behind its header; "
			 "it must be %zu at least",
			 trial->sender, there, needed);
		return false;
	}
	if (quoted->head_size == packet->head_size &&
	    memcmp(frame->bytes + quoted->offset + quoted->head_size,
		   trial->frame->bytes + packet->offset + packet->head_size, needed) == 0)
		return true;
	complain(trial, WALK_PAYLOAD, LOOK_PAYLOAD, out, FRAME_FIELD_PAYLOAD,
		 "the ICMP error about %s's packet quotes something else than that", trial->sender);
	return false;
}

static void judge_error_frame(const struct trial *trial, size_t out)
{
	const struct frame_packet *packet = &frame_of(trial, out)->packet;
	char expected[64];

	trial->way->answered++;
	trial->way->judged |= WALK_BIT(LOOK_TTL) | WALK_BIT(LOOK_CHECKSUM) |
			      WALK_BIT(LOOK_ETHERNET) | WALK_BIT(LOOK_ADDRESSES) |
			      WALK_BIT(LOOK_PAYLOAD);
	if (!is_late(trial, out))
		walk_stop(trial->way, WALK_FORWARD, trial->walk->frames[out].wire,
			  "the router refuses it: ICMP %u/%u", packet->type, packet->code);
	if (packet->type != trial->fate.type ||
	    (trial->fate.code >= 0 && packet->code != trial->fate.code)) {
		(void)snprintf(expected, sizeof(expected), trial->fate.code < 0 ? "%u" : "%u/%d",
			       trial->fate.type, trial->fate.code);
		complain_field(trial, WALK_PAYLOAD, LOOK_PAYLOAD, out, FRAME_FIELD_ICMP_TYPE,
			       expected);
		return;
	}
	if (judge_own_head(trial, out) && judge_quote(trial, out))
		walk_stop(trial->way, WALK_PAYLOAD, trial->walk->frames[out].wire,
			  "it quotes the packet");
}

static void judge_error(const struct trial *trial)
{
	const size_t error = find_result(trial, SIZE_MAX, true);
	const size_t copy = find_result(trial, SIZE_MAX, false);

	if (copy != WALK_NO_FRAME && trial->frame->packet.ttl <= 1)
		complain_field(trial, WALK_TTL, LOOK_TTL, copy, FRAME_FIELD_TTL,
			       "dropped: it came with a time to live of 1");
	else if (copy != WALK_NO_FRAME)
		complain(trial, WALK_FORWARD, LOOK_STRAY, copy, FRAME_FIELD_NONE,
			 "%s's packet was put onto net%u; the router has no way for it",
			 trial->sender, net_of(trial, copy));
	if (error != WALK_NO_FRAME)
		judge_error_frame(trial, error);
	else if (trial->question->expect.kind == EXPECT_ICMP)
		complain(trial, WALK_FORWARD, LOOK_KINDS, trial->in, FRAME_FIELD_NONE,
			 "the router said nothing of %s's packet; it must send it ICMP %u/%d",
			 trial->sender, trial->question->expect.icmp_type,
			 trial->question->expect.icmp_code < 0 ? 0
							       : trial->question->expect.icmp_code);
}

static void judge_nothing(const struct trial *trial)
{
	const size_t copy = find_result(trial, SIZE_MAX, false);

	if (copy != WALK_NO_FRAME && trial->frame->packet.sum == FRAME_SUM_WRONG)
		complain(trial, WALK_CHECKSUM, LOOK_CHECKSUM, copy, FRAME_FIELD_CHECKSUM,
			 "%s's packet came with a wrong checksum of its header and was put onto "
			 "net%u; it must be dropped",
			 trial->sender, net_of(trial, copy));
	else
		judge_rest(trial, WALK_NO_FRAME);
}

/* ---- one packet ------------------------------------------------------------------------------ */

/* Keeps the stops of this packet, which begin at START, only where it is the one to be shown. */
static void choose_stops(struct walk_way *way, size_t start, bool first, size_t faults, bool back)
{
	const size_t shown = way->shown[back];
	const size_t count = way->stop_count - start;

	if (first) {
		way->shown[back] = start;
		return;
	}
	if (faults > 0 || way->fault_count == 0) {
		way->stop_count = faults > 0 ? way->stop_count : start;
		return;
	}
	memmove(&way->stops[shown], &way->stops[start], count * sizeof(way->stops[0]));
	way->stop_count = shown + count;
}

void walk_judge_packet(const struct walk *walk, const struct walk_question *question, size_t i,
		       bool back, struct walk_way *way)
{
	const struct frame *frame = &walk->sights[i].frame;
	struct trial trial = {.walk = walk,
			      .question = question,
			      .in = i,
			      .frame = frame,
			      .family = frame->packet.version == 6 ? FAMILY_IPV6 : FAMILY_IPV4,
			      .way = way};
	const size_t start = way->stop_count;
	const size_t faults = way->fault_count;
	size_t *count = back ? &way->returned : &way->entered;
	char text[FRAME_DESCRIBE_SIZE];

	*count += 1;
	(void)walk_name(walk->stage, trial.family, frame->packet.source, trial.sender);
	trial.fate = find_fate(&trial);
	frame_describe(frame, text);
	walk_stop(way, WALK_FORWARD, walk->frames[i].wire, "a packet of %s comes to the router",
		  trial.sender);
	switch (trial.fate.kind) {
	case FATE_FORWARD:
		judge_forward(&trial, back);
		break;
	case FATE_ANSWER:
		judge_answer(&trial);
		break;
	case FATE_ERROR:
		judge_error(&trial);
		break;
	case FATE_NOTHING:
		judge_nothing(&trial);
		break;
	case FATE_ANY:
		break;
	}
	choose_stops(way, start, *count == 1, faults, back);
}
