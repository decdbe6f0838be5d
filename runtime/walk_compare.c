#include "walk_trial.h"

#include "address.h"

#include <stdarg.h>

/* ---- what is compared ------------------------------------------------------------------------ */

PRINTF_LIKE(6, 7)
void walk_complain_packet(const struct walk_trial *trial, enum walk_step step, enum look_kind look,
			  size_t frame, enum frame_field field, const char *format, ...)
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

void walk_complain_field(const struct walk_trial *trial, enum walk_step step, enum look_kind look,
			 size_t out, enum frame_field field, const char *expected)
{
	char seen[FRAME_DESCRIBE_SIZE];
	char came[FRAME_DESCRIBE_SIZE];

	(void)frame_field_text(walk_frame_of(trial, out), field, seen);
	(void)frame_field_text(trial->frame, field, came);
	if (expected != NULL)
		walk_complain_packet(trial, step, look, out, field,
				     "%s's packet left on net%u with %s as its %s; it must be %s",
				     trial->sender, walk_net_of(trial, out), seen,
				     frame_field_name(walk_frame_of(trial, out), field), expected);
	else
		walk_complain_packet(
			trial, step, look, out, field,
			"%s's packet left on net%u with %s as its %s; it came with %s, which no "
			"router changes",
			trial->sender, walk_net_of(trial, out), seen,
			frame_field_name(walk_frame_of(trial, out), field), came);
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

static bool judge_ttl(const struct walk_trial *trial, size_t out)
{
	const struct frame_packet *packet = &walk_frame_of(trial, out)->packet;
	char expected[64];

	if (packet->ttl == trial->frame->packet.ttl - 1) {
		walk_stop(trial->way, WALK_TTL, trial->walk->frames[out].wire,
			  "its time to live is one less: %u", packet->ttl);
		return true;
	}
	(void)snprintf(expected, sizeof(expected), "%d, one less than it came with",
		       trial->frame->packet.ttl - 1);
	walk_complain_field(trial, WALK_TTL, LOOK_TTL, out, FRAME_FIELD_TTL, expected);
	return false;
}

/* The checksum of what is carried stays right as long as that is not changed, nor the addresses,
 * which it covers too; a wrong one over what was changed is the change's matter. */
static bool judge_upper_sum(const struct walk_trial *trial, size_t out)
{
	const struct frame *frame = walk_frame_of(trial, out);

	if (trial->frame->packet.upper_sum != FRAME_SUM_RIGHT ||
	    trial->frame->packet.upper != frame->packet.upper ||
	    frame->packet.upper_sum == FRAME_SUM_RIGHT ||
	    frame->packet.upper_sum == FRAME_SUM_UNKNOWN || !has_same_head(trial->frame, frame) ||
	    !has_same_load(trial->frame, frame))
		return true;
	walk_complain_field(trial, WALK_CHECKSUM, LOOK_PAYLOAD, out, FRAME_FIELD_UPPER_CHECKSUM,
			    NULL);
	return false;
}

static bool judge_checksum(const struct walk_trial *trial, size_t out)
{
	const struct frame *frame = walk_frame_of(trial, out);
	uint8_t head[60];
	char expected[80];

	if (frame->packet.sum == FRAME_SUM_WRONG && has_same_head(trial->frame, frame)) {
		memcpy(head, frame->bytes + frame->packet.offset, frame->packet.head_size);
		head[10] = head[11] = 0;
		(void)snprintf(expected, sizeof(expected), "0x%04x over this header",
			       frame_checksum(0, head, frame->packet.head_size));
		walk_complain_field(trial, WALK_CHECKSUM, LOOK_CHECKSUM, out, FRAME_FIELD_CHECKSUM,
				    expected);
		return false;
	}
	if (!judge_upper_sum(trial, out))
		return false;
	walk_stop(trial->way, WALK_CHECKSUM, trial->walk->frames[out].wire,
		  "its checksums are right");
	return true;
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
		(void)snprintf(expected, sizeof(expected), "net%u's, %s",
			       trial->walk->legs[wire].net,
			       address_format_mac(trial->walk->legs[wire].mac, mac));
		walk_complain_field(trial, WALK_ETHERNET, LOOK_ETHERNET, out,
				    FRAME_FIELD_SOURCE_MAC, expected);
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
static void complain_head(const struct walk_trial *trial, size_t out)
{
	const struct frame *frame = walk_frame_of(trial, out);
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
		return walk_complain_field(
			trial, WALK_PAYLOAD,
			field == FRAME_FIELD_SOURCE || field == FRAME_FIELD_TARGET ? LOOK_ADDRESSES
										   : LOOK_PAYLOAD,
			out, field, NULL);
	walk_complain_packet(
		trial, WALK_PAYLOAD, LOOK_PAYLOAD, out, FRAME_FIELD_NONE,
		"%s's packet left on net%u with another IP header than it came with: the %s "
		"differs",
		trial->sender, walk_net_of(trial, out), head_part(ipv4, at));
}

/* Complains of the first byte behind the header that was changed, or is missing. */
static void complain_load(const struct walk_trial *trial, size_t out)
{
	const struct frame *frame = walk_frame_of(trial, out);
	const size_t at = find_change(trial->frame, frame);
	const enum frame_field field = load_field(&trial->frame->packet, at);

	if (frame->packet.cut || load_size(&frame->packet) != load_size(&trial->frame->packet)) {
		walk_complain_packet(
			trial, WALK_PAYLOAD, LOOK_PAYLOAD, out, FRAME_FIELD_LENGTH,
			"%s's packet left on net%u with %zu bytes of IP; it came with %zu",
			trial->sender, walk_net_of(trial, out), frame->packet.size,
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
		"%s's packet left on net%u with another payload than it came with, from byte %zu "
		"of what IP carries on",
		trial->sender, walk_net_of(trial, out), at);
}

static bool judge_payload(const struct walk_trial *trial, size_t out)
{
	const struct frame *frame = walk_frame_of(trial, out);

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

void walk_judge_garbled(const struct walk_trial *trial, size_t out)
{
	const struct frame *frame = walk_frame_of(trial, out);

	trial->way->judged |= WALK_BIT(LOOK_ETHERNET);
	if (frame->type != trial->frame->type)
		walk_complain_field(trial, WALK_ETHERNET, LOOK_ETHERNET, out, FRAME_FIELD_TYPE,
				    NULL);
	else
		walk_complain_packet(
			trial, WALK_PAYLOAD, LOOK_PAYLOAD, out, FRAME_FIELD_PAYLOAD,
			"%s's packet left on net%u as a frame without a whole IP header",
			trial->sender, walk_net_of(trial, out));
}

void walk_judge_copy(const struct walk_trial *trial, size_t out)
{
	const struct stage *stage = trial->walk->stage;
	const struct stage_interface *interface = NULL;
	char whose[WALK_NAME_SIZE];
	bool right;

	if (walk_frame_of(trial, out)->packet.version != trial->frame->packet.version)
		return walk_judge_garbled(trial, out);
	trial->way->judged |= WALK_BIT(LOOK_TTL) | WALK_BIT(LOOK_CHECKSUM) |
			      WALK_BIT(LOOK_ETHERNET) | WALK_BIT(LOOK_ADDRESSES) |
			      WALK_BIT(LOOK_PAYLOAD);
	(void)walk_owner(stage, trial->family, trial->fate.hop.bytes, &interface);
	(void)walk_name(stage, trial->family, trial->fate.hop.bytes, whose);
	right = judge_ttl(trial, out);
	right = judge_checksum(trial, out) && right;
	if (interface != NULL)
		right = walk_judge_macs(trial, out, interface->mac, whose) && right;
	right = judge_payload(trial, out) && right;
}
