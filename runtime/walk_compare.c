#include "walk_trial.h"

#include "address.h"

#include <stdarg.h>

#define IPV6_NEXT_HEADER 6 /* where it is in the header; before it are lengths and marks */

/* ---- what is compared ------------------------------------------------------------------------ */

PRINTF_LIKE(6, 7)
void walk_complain_packet(const struct walk_trial *trial, enum walk_step step, enum look_kind look,
			  size_t frame, enum frame_field field, const char *format, ...)
{
	char text[WALK_SENTENCE_SIZE];
	unsigned looks = look == LOOK_KINDS ? 0 : WALK_BIT(look);
	va_list arguments;

	/* A copy where no packet has business is one that comes twice, too. */
	if (look == LOOK_STRAY)
		looks |= WALK_BIT(LOOK_DUPLICATE);
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	walk_complain(trial->way, step, looks, frame, field, walk_rule(trial, step, field), "%s",
		      text);
}

/* "0x68b0" of "0x68b0, wrong": that it is wrong the sentence says. */
static void show_field(const struct frame *frame, enum frame_field field,
		       char text[FRAME_DESCRIBE_SIZE])
{
	(void)frame_field_text(frame, field, text);
	if (field == FRAME_FIELD_CHECKSUM || field == FRAME_FIELD_UPPER_CHECKSUM)
		text[strcspn(text, ",")] = '\0';
}

void walk_complain_field(const struct walk_trial *trial, enum walk_step step, enum look_kind look,
			 size_t out, enum frame_field field, const char *expected)
{
	const struct frame *frame = walk_frame_of(trial, out);
	char seen[FRAME_DESCRIBE_SIZE];
	char came[FRAME_DESCRIBE_SIZE];

	show_field(frame, field, seen);
	show_field(trial->frame, field, came);
	if (expected != NULL)
		walk_complain_packet(trial, step, look, out, field,
				     "%s left on net%u with %s as its %s; it must be %s",
				     trial->subject, walk_net_of(trial, out), seen,
				     frame_field_name(frame, field), expected);
	else
		walk_complain_packet(
			trial, step, look, out, field,
			"%s left on net%u with %s as its %s; it came with %s, which no router "
			"changes",
			trial->subject, walk_net_of(trial, out), seen,
			frame_field_name(frame, field), came);
}

/* True for the byte AT of a header that a router changes: of the TTL, and of the checksum. */
static bool is_routers(uint8_t version, size_t at)
{
	return version == 4 ? at == 8 || at == 10 || at == 11 : at == 7;
}

size_t walk_find_head_change(const struct frame *in, const struct frame *out,
			     const struct frame_packet *packet)
{
	const uint8_t *a = in->bytes + in->packet.offset;
	const uint8_t *b = out->bytes + packet->offset;
	const size_t size =
		in->packet.head_size < packet->head_size ? in->packet.head_size : packet->head_size;

	for (size_t i = 0; i < size; i++)
		if (a[i] != b[i] && !is_routers(in->packet.version, i))
			return i;
	return in->packet.head_size == packet->head_size ? SIZE_MAX : size;
}

static bool has_same_head(const struct frame *in, const struct frame *out)
{
	return walk_find_head_change(in, out, &out->packet) == SIZE_MAX;
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

static void judge_ttl(const struct walk_trial *trial, size_t out)
{
	const struct frame_packet *packet = &walk_frame_of(trial, out)->packet;
	char expected[64];

	(void)snprintf(expected, sizeof(expected), "%d, one less than it came with",
		       trial->frame->packet.ttl - 1);
	if (packet->ttl != trial->frame->packet.ttl - 1)
		walk_complain_field(trial, WALK_TTL, LOOK_TTL, out, FRAME_FIELD_TTL, expected);
	walk_stop(trial->way, WALK_TTL, trial->walk->frames[out].wire, "its %s is one less: %u",
		  frame_field_name(trial->frame, FRAME_FIELD_TTL), packet->ttl);
}

/* A sum over what was changed as well is the change's matter. */
static void judge_upper_sum(const struct walk_trial *trial, size_t out)
{
	const struct frame *frame = walk_frame_of(trial, out);

	if (trial->frame->packet.upper_sum == FRAME_SUM_RIGHT &&
	    trial->frame->packet.upper == frame->packet.upper &&
	    frame->packet.upper_sum != FRAME_SUM_RIGHT &&
	    frame->packet.upper_sum != FRAME_SUM_UNKNOWN && has_same_head(trial->frame, frame) &&
	    has_same_load(trial->frame, frame))
		walk_complain_field(trial, WALK_CHECKSUM, LOOK_PAYLOAD, out,
				    FRAME_FIELD_UPPER_CHECKSUM, NULL);
}

/* Complains where the sum of OUT's header is not right. */
static void judge_head_sum(const struct walk_trial *trial, size_t out)
{
	const struct frame *frame = walk_frame_of(trial, out);
	uint8_t head[FRAME_IPV4_HEAD_MAX];
	char expected[80];

	if (frame->packet.sum != FRAME_SUM_WRONG)
		return;
	memcpy(head, frame->bytes + frame->packet.offset, frame->packet.head_size);
	head[10] = head[11] = 0;
	(void)snprintf(expected, sizeof(expected), "0x%04x over this header",
		       frame_checksum(0, head, frame->packet.head_size));
	walk_complain_field(trial, WALK_CHECKSUM, LOOK_CHECKSUM, out, FRAME_FIELD_CHECKSUM,
			    expected);
}

/* True where the sum of OUT's header is that of the header it came with, with the TTL that it has
 * now: then it was right before something else was changed, which is the cause. */
static bool was_right(const struct walk_trial *trial, size_t out)
{
	const struct frame_packet *came = &trial->frame->packet;
	const struct frame *frame = walk_frame_of(trial, out);
	uint8_t head[FRAME_IPV4_HEAD_MAX];

	if (came->version != 4 || frame->packet.sum != FRAME_SUM_WRONG)
		return false;
	memcpy(head, trial->frame->bytes + came->offset, came->head_size);
	head[8] = frame->packet.ttl;
	memcpy(head + 10, frame->bytes + frame->packet.offset + 10, 2);
	return frame_checksum(0, head, came->head_size) == 0;
}

/* A switch, which a net of several clients has, hands no frame on whose source is nobody's or
 * many's, nor one whose source is whom it is for. */
static bool is_bad_source(const struct frame *frame)
{
	static const uint8_t nobody[FRAME_MAC_SIZE];

	return memcmp(frame->source, nobody, FRAME_MAC_SIZE) == 0 || (frame->source[0] & 1) != 0 ||
	       memcmp(frame->source, frame->target, FRAME_MAC_SIZE) == 0;
}

bool walk_judge_macs(const struct walk_trial *trial, size_t out, const uint8_t *target,
		     const char *whose)
{
	const struct frame *frame = walk_frame_of(trial, out);
	const size_t wire = trial->walk->frames[out].wire;
	char expected[WALK_NAME_SIZE + 64];
	char mac[MAC_TEXT_SIZE];

	if (memcmp(frame->target, target, FRAME_MAC_SIZE) != 0) {
		(void)snprintf(expected, sizeof(expected), "%s's, %s", whose,
			       address_format_mac(target, mac));
		walk_complain_field(trial, WALK_ETHERNET, LOOK_ETHERNET, out,
				    FRAME_FIELD_TARGET_MAC, expected);
		return false;
	}
	if (!walk_is_router(trial->walk, wire, frame->source)) {
		const size_t first = trial->way->fault_count;

		(void)snprintf(expected, sizeof(expected), "net%u's, %s",
			       trial->walk->legs[wire].net,
			       address_format_mac(trial->walk->legs[wire].mac, mac));
		walk_complain_field(trial, WALK_ETHERNET, LOOK_ETHERNET, out,
				    FRAME_FIELD_SOURCE_MAC, expected);
		if (is_bad_source(frame))
			walk_set_fatal(trial->way, first, true);
		return false;
	}
	walk_stop(trial->way, WALK_ETHERNET, wire,
		  "its Ethernet addresses are the router's and %s's", whose);
	return true;
}

/* What is at byte AT of an IPv4 header. */
static enum frame_field head_field(size_t at)
{
	static const enum frame_field fields[] = {FRAME_FIELD_HEAD_SIZE, FRAME_FIELD_SERVICE,
						  FRAME_FIELD_LENGTH,	 FRAME_FIELD_LENGTH,
						  FRAME_FIELD_ID,	 FRAME_FIELD_ID,
						  FRAME_FIELD_FRAGMENT,	 FRAME_FIELD_FRAGMENT,
						  FRAME_FIELD_TTL,	 FRAME_FIELD_PROTOCOL};

	if (at < ARRAY_SIZE(fields))
		return fields[at];
	if (at >= 12 && at < 16)
		return FRAME_FIELD_SOURCE;
	return at >= 16 && at < 20 ? FRAME_FIELD_TARGET : FRAME_FIELD_NONE;
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

/* The first byte of the header that was changed; of the addresses, if one was: they tell most. */
static size_t find_telling_change(const struct frame *in, const struct frame *out)
{
	const bool ipv4 = in->packet.version == 4;
	const uint8_t *a = in->bytes + in->packet.offset;
	const uint8_t *b = out->bytes + out->packet.offset;

	for (size_t i = ipv4 ? 12 : 8; i < (ipv4 ? 20U : 40U); i++)
		if (a[i] != b[i])
			return i;
	return walk_find_head_change(in, out, &out->packet);
}

/* Complains of what was changed in the header. */
static void complain_head(const struct walk_trial *trial, size_t out)
{
	const struct frame *frame = walk_frame_of(trial, out);
	const bool ipv4 = frame->packet.version == 4;
	const size_t at = find_telling_change(trial->frame, frame);
	const enum frame_field field = ipv4 ? head_field(at) : head_field6(at);
	const bool address = field == FRAME_FIELD_SOURCE || field == FRAME_FIELD_TARGET;
	const char *part = "list of options";

	if (field != FRAME_FIELD_NONE)
		return walk_complain_field(trial, WALK_PAYLOAD,
					   address ? LOOK_ADDRESSES : LOOK_PAYLOAD, out, field,
					   NULL);
	if (!ipv4)
		part = at < 4 ? "traffic class or flow label" : "chain of extension headers";
	walk_complain_packet(trial, WALK_PAYLOAD, LOOK_PAYLOAD, out, FRAME_FIELD_NONE,
			     "%s left on net%u with another IP header than it came with: the %s "
			     "differs",
			     trial->subject, walk_net_of(trial, out), part);
}

/* Complains of the first byte behind the header that was changed, or is missing. */
static void complain_load(const struct walk_trial *trial, size_t out)
{
	const struct frame *frame = walk_frame_of(trial, out);
	const size_t at = find_change(trial->frame, frame);
	const enum frame_field field = load_field(&trial->frame->packet, at);

	if (frame->packet.cut || load_size(&frame->packet) != load_size(&trial->frame->packet)) {
		walk_complain_packet(trial, WALK_PAYLOAD, LOOK_PAYLOAD, out, FRAME_FIELD_PAYLOAD,
				     "%s left on net%u with %zu bytes of IP; it came with %zu",
				     trial->subject, walk_net_of(trial, out), frame->packet.size,
				     trial->frame->packet.size);
		return;
	}
	if (field != FRAME_FIELD_PAYLOAD) {
		walk_complain_field(trial, WALK_PAYLOAD,
				    field == FRAME_FIELD_SOURCE_PORT ||
						    field == FRAME_FIELD_TARGET_PORT
					    ? LOOK_ADDRESSES
					    : LOOK_PAYLOAD,
				    out, field, NULL);
		return;
	}
	walk_complain_packet(
		trial, WALK_PAYLOAD, LOOK_PAYLOAD, out, FRAME_FIELD_PAYLOAD,
		"%s left on net%u with another payload than it came with, from byte %zu of what "
		"IP carries on",
		trial->subject, walk_net_of(trial, out), at);
}

/* Hosts do not look at the type of service, the identification of what is whole, or DF. What was
 * whole and is a fragment now waits for others in vain; and IPv6 has nothing else at the end. */
static bool hinders(const struct frame *in, const struct frame *out)
{
	return in->packet.part != out->packet.part ||
	       (in->packet.version == 6 &&
		walk_find_head_change(in, out, &out->packet) >= IPV6_NEXT_HEADER);
}

static void judge_payload(const struct walk_trial *trial, size_t out)
{
	const struct frame *frame = walk_frame_of(trial, out);
	const size_t first = trial->way->fault_count;

	if (!has_same_head(trial->frame, frame)) {
		complain_head(trial, out);
		if (hinders(trial->frame, frame))
			walk_set_fatal(trial->way, first, true);
	}
	/* Where it has another length, its payload has with it. */
	if (frame->packet.head_size == trial->frame->packet.head_size &&
	    frame->packet.told == trial->frame->packet.told &&
	    (!has_same_load(trial->frame, frame) || frame->packet.cut))
		complain_load(trial, out);
	walk_stop(trial->way, WALK_PAYLOAD, trial->walk->frames[out].wire,
		  "its addresses and its payload are unchanged");
}

void walk_judge_garbled(const struct walk_trial *trial, size_t out)
{
	const struct frame *frame = walk_frame_of(trial, out);

	trial->way->judged |= WALK_BIT(LOOK_ETHERNET);
	if (frame->length + FRAME_HEAD_SIZE == trial->frame->length &&
	    frame->bytes[0] == trial->frame->bytes[FRAME_HEAD_SIZE])
		walk_complain_packet(trial, WALK_ETHERNET, LOOK_ETHERNET, out,
				     FRAME_FIELD_TARGET_MAC,
				     "%s left on net%u without an Ethernet header: it begins with "
				     "that of IP",
				     trial->subject, walk_net_of(trial, out));
	else if (frame->type != trial->frame->type)
		walk_complain_field(trial, WALK_ETHERNET, LOOK_ETHERNET, out, FRAME_FIELD_TYPE,
				    NULL);
	else
		walk_complain_packet(trial, WALK_PAYLOAD, LOOK_PAYLOAD, out, FRAME_FIELD_PAYLOAD,
				     "%s left on net%u as a frame without a whole IP header",
				     trial->subject, walk_net_of(trial, out));
}

static void judge_sums(const struct walk_trial *trial, size_t out)
{
	judge_head_sum(trial, out);
	judge_upper_sum(trial, out);
	walk_stop(trial->way, WALK_CHECKSUM, trial->walk->frames[out].wire,
		  "its checksums are right");
}

/* What was changed in a header so that its sum is wrong keeps the packet from arriving. */
static void judge_cause(const struct walk_trial *trial, size_t out)
{
	const size_t first = trial->way->fault_count;

	judge_payload(trial, out);
	walk_set_fatal(trial->way, first, true);
}

void walk_judge_copy(const struct walk_trial *trial, size_t out)
{
	const struct stage *stage = trial->walk->stage;
	const struct stage_interface *interface = NULL;
	char whose[WALK_NAME_SIZE];

	if (walk_frame_of(trial, out)->packet.version != trial->frame->packet.version)
		return walk_judge_garbled(trial, out);
	trial->way->judged |= WALK_BIT(LOOK_TTL) | WALK_BIT(LOOK_CHECKSUM) |
			      WALK_BIT(LOOK_ETHERNET) | WALK_BIT(LOOK_ADDRESSES) |
			      WALK_BIT(LOOK_PAYLOAD);
	(void)walk_owner(stage, trial->family, trial->fate.hop.bytes, &interface);
	(void)walk_name(stage, trial->family, trial->fate.hop.bytes, whose);
	judge_ttl(trial, out);
	if (was_right(trial, out))
		judge_cause(trial, out);
	judge_sums(trial, out);
	if (interface != NULL)
		(void)walk_judge_macs(trial, out, interface->mac, whose);
	if (!was_right(trial, out))
		judge_payload(trial, out);
}
