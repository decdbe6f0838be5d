#include "frame.h"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <stdarg.h>

/* Offsets of checksums in their headers. */
#define IPV4_SUM 10
#define ICMP_SUM 2
#define UDP_SUM	 6
#define TCP_SUM	 16

#define MAC_TEXT_SIZE 18

static void put_mac(const uint8_t *mac, char text[MAC_TEXT_SIZE])
{
	(void)snprintf(text, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		       mac[3], mac[4], mac[5]);
}

static void put_address(uint8_t version, const uint8_t *address, char text[INET6_ADDRSTRLEN])
{
	(void)inet_ntop(version == 4 ? AF_INET : AF_INET6, address, text, INET6_ADDRSTRLEN);
}

/* ---- one field ------------------------------------------------------------------------------- */

static const char *const field_names[FRAME_FIELDS] = {
	[FRAME_FIELD_TARGET_MAC] = "destination Ethernet address",
	[FRAME_FIELD_SOURCE_MAC] = "source Ethernet address",
	[FRAME_FIELD_TYPE] = "Ethernet type",
	[FRAME_FIELD_ARP_OPERATION] = "ARP operation",
	[FRAME_FIELD_ARP_SENDER_MAC] = "sender's Ethernet address",
	[FRAME_FIELD_ARP_SENDER] = "sender's IP address",
	[FRAME_FIELD_ARP_TARGET_MAC] = "target's Ethernet address",
	[FRAME_FIELD_ARP_TARGET] = "target's IP address",
	[FRAME_FIELD_HEAD_SIZE] = "header length",
	[FRAME_FIELD_SERVICE] = "type of service",
	[FRAME_FIELD_LENGTH] = "total length",
	[FRAME_FIELD_ID] = "identification",
	[FRAME_FIELD_FRAGMENT] = "fragment flags and offset",
	[FRAME_FIELD_TTL] = "time to live",
	[FRAME_FIELD_PROTOCOL] = "protocol",
	[FRAME_FIELD_CHECKSUM] = "header checksum",
	[FRAME_FIELD_SOURCE] = "source address",
	[FRAME_FIELD_TARGET] = "destination address",
	[FRAME_FIELD_ICMP_TYPE] = "ICMP type and code",
	[FRAME_FIELD_ICMP_ID] = "ICMP identifier",
	[FRAME_FIELD_ICMP_SEQUENCE] = "ICMP sequence number",
	[FRAME_FIELD_SOURCE_PORT] = "source port",
	[FRAME_FIELD_TARGET_PORT] = "destination port",
	[FRAME_FIELD_UPPER_CHECKSUM] = "checksum of what IP carries",
	[FRAME_FIELD_PAYLOAD] = "data",
};

/* Those of IPv6 (RFC 8200, 3) that are called otherwise. */
static const char *const field_names6[FRAME_FIELDS] = {
	[FRAME_FIELD_LENGTH] = "payload length",
	[FRAME_FIELD_TTL] = "hop limit",
	[FRAME_FIELD_PROTOCOL] = "next header",
};

const char *frame_field_name(const struct frame *frame, enum frame_field field)
{
	if (frame->packet.version == 6 && field_names6[field] != NULL)
		return field_names6[field];
	return field_names[field] != NULL ? field_names[field] : "";
}

static bool put_ethernet(const struct frame *frame, enum frame_field field, char *text)
{
	if (frame->kind == FRAME_SHORT)
		return false;
	if (field == FRAME_FIELD_TYPE)
		(void)snprintf(text, FRAME_DESCRIBE_SIZE, "0x%04x", frame->type);
	else
		put_mac(field == FRAME_FIELD_TARGET_MAC ? frame->target : frame->source, text);
	return true;
}

static bool put_arp(const struct frame *frame, enum frame_field field, char *text)
{
	if (frame->kind != FRAME_ARP)
		return false;
	switch ((int)field) { /* most are another's */
	case FRAME_FIELD_ARP_OPERATION:
		(void)snprintf(text, FRAME_DESCRIBE_SIZE, "%u", frame->arp.operation);
		return true;
	case FRAME_FIELD_ARP_SENDER_MAC:
		put_mac(frame->arp.sender_mac, text);
		return true;
	case FRAME_FIELD_ARP_TARGET_MAC:
		put_mac(frame->arp.target_mac, text);
		return true;
	default:
		put_address(4,
			    field == FRAME_FIELD_ARP_SENDER ? frame->arp.sender : frame->arp.target,
			    text);
		return true;
	}
}

/* "0x0fd8, right" */
static void put_sum(const uint8_t *at, enum frame_sum sum, char *text)
{
	static const char *const words[] = {
		[FRAME_SUM_UNKNOWN] = "of what is not all here",
		[FRAME_SUM_NONE] = "none",
		[FRAME_SUM_RIGHT] = "right",
		[FRAME_SUM_WRONG] = "wrong",
	};

	(void)snprintf(text, FRAME_DESCRIBE_SIZE, "0x%02x%02x, %s", at[0], at[1], words[sum]);
}

static void put_number(char *text, unsigned number)
{
	(void)snprintf(text, FRAME_DESCRIBE_SIZE, "%u", number);
}

/* Fields that IPv6 has not, or elsewhere. */
static bool put_ipv4(const struct frame *frame, enum frame_field field, char *text)
{
	const struct frame_packet *packet = &frame->packet;

	switch ((int)field) { /* most are another's */
	case FRAME_FIELD_HEAD_SIZE:
		(void)snprintf(text, FRAME_DESCRIBE_SIZE, "%zu bytes", packet->head_size);
		return true;
	case FRAME_FIELD_SERVICE:
		(void)snprintf(text, FRAME_DESCRIBE_SIZE, "0x%02x",
			       frame->bytes[packet->offset + 1]);
		return true;
	case FRAME_FIELD_ID:
		(void)snprintf(text, FRAME_DESCRIBE_SIZE, "0x%04x", packet->id);
		return true;
	case FRAME_FIELD_FRAGMENT:
		(void)snprintf(text, FRAME_DESCRIBE_SIZE, "0x%04x", packet->fragment);
		return true;
	case FRAME_FIELD_CHECKSUM:
		put_sum(frame->bytes + packet->offset + IPV4_SUM, packet->sum, text);
		return true;
	default:
		return false;
	}
}

static bool put_ip(const struct frame *frame, enum frame_field field, char *text)
{
	const struct frame_packet *packet = &frame->packet;

	if (packet->version == 4 && put_ipv4(frame, field, text))
		return true;
	switch ((int)field) { /* most are another's */
	case FRAME_FIELD_LENGTH:
		put_number(text, (unsigned)packet->told);
		return true;
	case FRAME_FIELD_TTL:
		put_number(text, packet->ttl);
		return true;
	case FRAME_FIELD_PROTOCOL:
		put_number(text, packet->protocol);
		return true;
	case FRAME_FIELD_SOURCE:
		put_address(packet->version, packet->source, text);
		return true;
	case FRAME_FIELD_TARGET:
		put_address(packet->version, packet->target, text);
		return true;
	default:
		return false;
	}
}

/* Where the checksum is in what IP carries. */
static size_t upper_sum_at(const struct frame_packet *packet)
{
	if (packet->upper == FRAME_TCP)
		return TCP_SUM;
	return packet->upper == FRAME_UDP ? UDP_SUM : ICMP_SUM;
}

static bool put_upper(const struct frame *frame, enum frame_field field, char *text)
{
	const struct frame_packet *packet = &frame->packet;
	const bool ports = packet->upper == FRAME_UDP || packet->upper == FRAME_TCP;

	switch ((int)field) { /* most are another's */
	case FRAME_FIELD_ICMP_TYPE:
		(void)snprintf(text, FRAME_DESCRIBE_SIZE, "%u/%u", packet->type, packet->code);
		return packet->upper == FRAME_ICMP;
	case FRAME_FIELD_ICMP_ID:
		put_number(text, packet->echo_id);
		return frame_is_echo(packet);
	case FRAME_FIELD_ICMP_SEQUENCE:
		put_number(text, packet->echo_sequence);
		return frame_is_echo(packet);
	case FRAME_FIELD_SOURCE_PORT:
		put_number(text, packet->source_port);
		return ports;
	case FRAME_FIELD_TARGET_PORT:
		put_number(text, packet->target_port);
		return ports;
	case FRAME_FIELD_UPPER_CHECKSUM:
		if (packet->upper != FRAME_NO_UPPER)
			put_sum(frame->bytes + packet->upper_offset + upper_sum_at(packet),
				packet->upper_sum, text);
		return packet->upper != FRAME_NO_UPPER;
	default:
		(void)snprintf(text, FRAME_DESCRIBE_SIZE, "%zu bytes", packet->payload_size);
		return field == FRAME_FIELD_PAYLOAD;
	}
}

bool frame_field_text(const struct frame *frame, enum frame_field field,
		      char text[FRAME_DESCRIBE_SIZE])
{
	bool found = false;

	text[0] = '\0';
	if (field >= FRAME_FIELD_TARGET_MAC && field <= FRAME_FIELD_TYPE)
		found = put_ethernet(frame, field, text);
	else if (field >= FRAME_FIELD_ARP_OPERATION && field <= FRAME_FIELD_ARP_TARGET)
		found = put_arp(frame, field, text);
	else if (frame->kind == FRAME_IP)
		found = put_ip(frame, field, text) || put_upper(frame, field, text);
	if (!found)
		text[0] = '\0';
	return found;
}

/* ---- the whole in a line --------------------------------------------------------------------- */

struct line {
	char *text;
	size_t length;
};

static void add(struct line *line, const char *format, ...) PRINTF_LIKE(2, 3);

static void add(struct line *line, const char *format, ...)
{
	const size_t room = FRAME_DESCRIBE_SIZE - line->length;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line->text + line->length, room, format, arguments);
	va_end(arguments);
	if (length > 0)
		line->length += (size_t)length < room ? (size_t)length : room - 1;
}

static void add_arp(struct line *line, const struct frame_arp *arp)
{
	char sender[INET6_ADDRSTRLEN];
	char target[INET6_ADDRSTRLEN];
	char mac[MAC_TEXT_SIZE];

	put_address(4, arp->sender, sender);
	put_address(4, arp->target, target);
	put_mac(arp->sender_mac, mac);
	if (arp->operation == 1)
		add(line, "ARP: who has %s? tell %s at %s", target, sender, mac);
	else if (arp->operation == 2)
		add(line, "ARP: %s is at %s (to %s)", sender, mac, target);
	else
		add(line, "ARP of operation %u: %s at %s, about %s", arp->operation, sender, mac,
		    target);
}

static const char *icmp_name(const struct frame_packet *packet)
{
	if (packet->version == 4)
		switch (packet->type) {
		case ICMP_ECHO:
			return "echo request";
		case ICMP_ECHOREPLY:
			return "echo reply";
		case ICMP_DEST_UNREACH:
			return "destination unreachable";
		case ICMP_TIME_EXCEEDED:
			return "time exceeded";
		default:
			return NULL;
		}
	switch (packet->type) {
	case ICMP6_ECHO_REQUEST:
		return "echo request";
	case ICMP6_ECHO_REPLY:
		return "echo reply";
	case ICMP6_DST_UNREACH:
		return "destination unreachable";
	case ICMP6_PACKET_TOO_BIG:
		return "packet too big";
	case ICMP6_TIME_EXCEEDED:
		return "time exceeded";
	default:
		return NULL;
	}
}

static void add_flags(struct line *line, uint8_t flags)
{
	static const struct {
		uint8_t flag;
		const char *name;
	} names[] = {{TH_SYN, "SYN"}, {TH_ACK, "ACK"}, {TH_FIN, "FIN"}, {TH_RST, "RST"}};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if ((flags & names[i].flag) != 0)
			add(line, " %s", names[i].name);
}

static void add_upper(struct line *line, const struct frame_packet *packet)
{
	const char *name = icmp_name(packet);

	switch (packet->upper) {
	case FRAME_ICMP:
		add(line, ", ICMP %s", name != NULL ? name : "message");
		if (frame_is_echo(packet))
			add(line, ", id %u, sequence %u", packet->echo_id, packet->echo_sequence);
		else
			add(line, " (%u/%u)", packet->type, packet->code);
		break;
	case FRAME_UDP:
		add(line, ", UDP %u > %u", packet->source_port, packet->target_port);
		break;
	case FRAME_TCP:
		add(line, ", TCP %u > %u", packet->source_port, packet->target_port);
		add_flags(line, packet->tcp_flags);
		break;
	case FRAME_NO_UPPER:
		add(line, ", protocol %u", packet->protocol);
		break;
	}
	if (packet->upper_sum == FRAME_SUM_WRONG)
		add(line, " (wrong checksum)");
	add(line, ", %zu bytes", packet->payload_size);
}

static void add_packet(struct line *line, const struct frame_packet *packet)
{
	char source[INET6_ADDRSTRLEN];
	char target[INET6_ADDRSTRLEN];

	put_address(packet->version, packet->source, source);
	put_address(packet->version, packet->target, target);
	add(line, "%s > %s, %s %u", source, target, packet->version == 4 ? "ttl" : "hop limit",
	    packet->ttl);
	if (packet->sum == FRAME_SUM_WRONG)
		add(line, " (wrong header checksum)");
	if (packet->part)
		add(line, ", fragment");
	add_upper(line, packet);
	if (packet->cut)
		add(line, ", cut");
}

void frame_describe(const struct frame *frame, char text[FRAME_DESCRIBE_SIZE])
{
	struct line line = {.text = text};
	char source[MAC_TEXT_SIZE];
	char target[MAC_TEXT_SIZE];

	text[0] = '\0';
	put_mac(frame->source, source);
	put_mac(frame->target, target);
	if (frame->kind != FRAME_SHORT)
		add(&line, "%s > %s, ", source, target);
	if (frame->kind == FRAME_SHORT)
		add(&line, "%zu bytes, too short for Ethernet", frame->length);
	else if (frame->kind == FRAME_OTHER)
		add(&line, "type 0x%04x, %zu bytes", frame->type, frame->length);
	else if (frame->kind == FRAME_ARP)
		add_arp(&line, &frame->arp);
	else
		add_packet(&line, &frame->packet);
}
