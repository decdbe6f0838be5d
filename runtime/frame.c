#include "frame.h"

#include <linux/if_ether.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#define ARP_SIZE	 28
#define IPV4_HEAD_SIZE	 20
#define IPV6_HEAD_SIZE	 40
#define ICMP_HEAD_SIZE	 8
#define UDP_HEAD_SIZE	 8
#define TCP_HEAD_SIZE	 20
#define FRAGMENT_MORE	 0x2000
#define FRAGMENT_OFFSET	 0x1fff
#define FRAGMENT6_OFFSET 0xfff9 /* and whether there are more */

static uint16_t get16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint32_t get32(const uint8_t *bytes)
{
	return (uint32_t)get16(bytes) << 16 | get16(bytes + 2);
}

/* ---- checksums ------------------------------------------------------------------------------- */

static uint32_t sum_words(uint32_t sum, const uint8_t *bytes, size_t size)
{
	uint64_t total = sum;

	for (size_t i = 0; i + 1 < size; i += 2)
		total += get16(bytes + i);
	if (size % 2 != 0)
		total += (uint64_t)bytes[size - 1] << 8;
	while (total > UINT32_MAX)
		total = (total & UINT32_MAX) + (total >> 32);
	return (uint32_t)total;
}

uint16_t frame_checksum(uint32_t start, const uint8_t *bytes, size_t size)
{
	uint64_t sum = sum_words(start, bytes, size);

	while (sum > UINT16_MAX)
		sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)~sum;
}

uint32_t frame_checksum_start(uint8_t version, const uint8_t *source, const uint8_t *target,
			      uint8_t protocol, size_t size)
{
	const size_t address = version == 4 ? 4 : 16;
	uint32_t sum = sum_words(0, source, address);
	const uint8_t last[] = {(uint8_t)(size >> 24),
				(uint8_t)(size >> 16),
				(uint8_t)(size >> 8),
				(uint8_t)size,
				0,
				protocol};

	sum = sum_words(sum, target, address);
	return sum_words(sum, last, sizeof(last));
}

/* ---- what IP carries --------------------------------------------------------------------------
 */

static enum frame_sum judge_upper(const struct frame *frame, const struct frame_packet *packet,
				  bool pseudo)
{
	const size_t size = packet->offset + packet->size - packet->upper_offset;
	uint32_t start = 0;

	if (packet->cut || packet->part)
		return FRAME_SUM_UNKNOWN;
	if (pseudo)
		start = frame_checksum_start(packet->version, packet->source, packet->target,
					     packet->protocol, size);
	return frame_checksum(start, frame->bytes + packet->upper_offset, size) == 0
		       ? FRAME_SUM_RIGHT
		       : FRAME_SUM_WRONG;
}

bool frame_is_echo(const struct frame_packet *packet)
{
	if (packet->upper != FRAME_ICMP)
		return false;
	return packet->version == 4
		       ? packet->type == ICMP_ECHO || packet->type == ICMP_ECHOREPLY
		       : packet->type == ICMP6_ECHO_REQUEST || packet->type == ICMP6_ECHO_REPLY;
}

static void decode_icmp(const struct frame *frame, struct frame_packet *packet)
{
	const uint8_t *head = frame->bytes + packet->upper_offset;

	packet->upper = FRAME_ICMP;
	packet->type = head[0];
	packet->code = head[1];
	packet->upper_sum = judge_upper(frame, packet, packet->version == 6);
	if (frame_is_echo(packet)) {
		packet->echo_id = get16(head + 4);
		packet->echo_sequence = get16(head + 6);
	}
	packet->payload = packet->upper_offset + ICMP_HEAD_SIZE;
}

static void decode_udp(const struct frame *frame, struct frame_packet *packet)
{
	const uint8_t *head = frame->bytes + packet->upper_offset;

	packet->upper = FRAME_UDP;
	packet->source_port = get16(head);
	packet->target_port = get16(head + 2);
	packet->upper_sum =
		get16(head + 6) == 0 ? FRAME_SUM_NONE : judge_upper(frame, packet, true);
	packet->payload = packet->upper_offset + UDP_HEAD_SIZE;
}

static void decode_tcp(const struct frame *frame, struct frame_packet *packet, size_t there)
{
	const uint8_t *head = frame->bytes + packet->upper_offset;
	const size_t size = (size_t)(head[12] >> 4) * 4;

	if (size < TCP_HEAD_SIZE || size > there)
		return;
	packet->upper = FRAME_TCP;
	packet->source_port = get16(head);
	packet->target_port = get16(head + 2);
	packet->tcp_sequence = get32(head + 4);
	packet->tcp_acknowledgment = get32(head + 8);
	packet->tcp_flags = head[13];
	packet->upper_sum = judge_upper(frame, packet, true);
	packet->payload = packet->upper_offset + size;
}

/* Only the first fragment has the head of what is carried. */
static void decode_upper(const struct frame *frame, struct frame_packet *packet, bool first)
{
	const size_t there = packet->size - packet->head_size;
	const uint8_t icmp = packet->version == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;

	packet->upper_offset = packet->payload = packet->offset + packet->head_size;
	if (first && packet->protocol == icmp && there >= ICMP_HEAD_SIZE)
		decode_icmp(frame, packet);
	else if (first && packet->protocol == IPPROTO_UDP && there >= UDP_HEAD_SIZE)
		decode_udp(frame, packet);
	else if (first && packet->protocol == IPPROTO_TCP && there >= TCP_HEAD_SIZE)
		decode_tcp(frame, packet, there);
	packet->payload_size = packet->offset + packet->size - packet->payload;
}

/* ---- IP ------------------------------------------------------------------------------------- */

static void decode_ipv4(const struct frame *frame, size_t offset, size_t there,
			struct frame_packet *packet)
{
	const uint8_t *head = frame->bytes + offset;
	const size_t head_size = there < IPV4_HEAD_SIZE ? 0 : (size_t)(head[0] & 0x0f) * 4;
	const size_t size = there < IPV4_HEAD_SIZE ? 0 : get16(head + 2);

	if (head_size < IPV4_HEAD_SIZE || head_size > there || size < head_size)
		return;
	*packet = (struct frame_packet){
		.version = 4,
		.offset = offset,
		.head_size = head_size,
		.size = size < there ? size : there,
		.told = size,
		.cut = size > there,
		.id = get16(head + 4),
		.fragment = get16(head + 6),
		.ttl = head[8],
		.protocol = head[9],
		.sum = frame_checksum(0, head, head_size) == 0 ? FRAME_SUM_RIGHT : FRAME_SUM_WRONG,
	};
	packet->part = (packet->fragment & (FRAGMENT_MORE | FRAGMENT_OFFSET)) != 0;
	memcpy(packet->source, head + 12, 4);
	memcpy(packet->target, head + 16, 4);
	decode_upper(frame, packet, (packet->fragment & FRAGMENT_OFFSET) == 0);
}

/* Goes over the extension headers (RFC 8200, 4). Returns whether what follows is the head of what
 * is carried. */
static bool skip_extensions(const struct frame *frame, struct frame_packet *packet)
{
	bool first = true;

	while (packet->head_size + 8 <= packet->size) {
		const uint8_t *head = frame->bytes + packet->offset + packet->head_size;

		switch (packet->protocol) {
		case IPPROTO_FRAGMENT:
			packet->part = (get16(head + 2) & FRAGMENT6_OFFSET) != 0;
			first = first && get16(head + 2) >> 3 == 0;
			packet->head_size += 8;
			break;
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
			if ((size_t)(head[1] + 1) * 8 > packet->size - packet->head_size)
				return false;
			packet->head_size += (size_t)(head[1] + 1) * 8;
			break;
		default:
			return first;
		}
		packet->protocol = head[0];
	}
	return first;
}

static void decode_ipv6(const struct frame *frame, size_t offset, size_t there,
			struct frame_packet *packet)
{
	const uint8_t *head = frame->bytes + offset;
	size_t size;

	if (there < IPV6_HEAD_SIZE)
		return;
	size = (size_t)IPV6_HEAD_SIZE + get16(head + 4);
	*packet = (struct frame_packet){
		.version = 6,
		.offset = offset,
		.head_size = IPV6_HEAD_SIZE,
		.size = size < there ? size : there,
		.told = size - IPV6_HEAD_SIZE,
		.cut = size > there,
		.ttl = head[7],
		.protocol = head[6],
		.sum = FRAME_SUM_NONE,
	};
	memcpy(packet->source, head + 8, 16);
	memcpy(packet->target, head + 24, 16);
	decode_upper(frame, packet, skip_extensions(frame, packet));
}

static void decode_packet(const struct frame *frame, size_t offset, size_t there,
			  struct frame_packet *packet)
{
	if (there == 0)
		return;
	if (frame->bytes[offset] >> 4 == 4)
		decode_ipv4(frame, offset, there, packet);
	else if (frame->bytes[offset] >> 4 == 6)
		decode_ipv6(frame, offset, there, packet);
}

/* The types that are about a packet (RFC 792; RFC 4443, 2.1: below 128). */
static bool is_error(const struct frame_packet *packet)
{
	if (packet->upper != FRAME_ICMP)
		return false;
	if (packet->version == 6)
		return packet->type < 128;
	return packet->type == ICMP_DEST_UNREACH || packet->type == ICMP_SOURCE_QUENCH ||
	       packet->type == ICMP_REDIRECT || packet->type == ICMP_TIME_EXCEEDED ||
	       packet->type == ICMP_PARAMETERPROB;
}

/* ---- Ethernet -------------------------------------------------------------------------------- */

static bool decode_arp(const struct frame *frame, struct frame_arp *arp)
{
	/* Ethernet and IPv4, with addresses of 6 and 4 bytes */
	static const uint8_t head[] = {0, 1, 8, 0, 6, 4};
	const uint8_t *message = frame->bytes + FRAME_HEAD_SIZE;

	if (frame->length < FRAME_HEAD_SIZE + ARP_SIZE || memcmp(message, head, sizeof(head)) != 0)
		return false;
	arp->operation = get16(message + 6);
	memcpy(arp->sender_mac, message + 8, FRAME_MAC_SIZE);
	memcpy(arp->sender, message + 14, 4);
	memcpy(arp->target_mac, message + 18, FRAME_MAC_SIZE);
	memcpy(arp->target, message + 24, 4);
	return true;
}

void frame_decode(const uint8_t *bytes, size_t length, struct frame *frame)
{
	*frame = (struct frame){.bytes = bytes, .length = length, .kind = FRAME_SHORT};
	if (length < FRAME_HEAD_SIZE)
		return;
	frame->kind = FRAME_OTHER;
	memcpy(frame->target, bytes, FRAME_MAC_SIZE);
	memcpy(frame->source, bytes + FRAME_MAC_SIZE, FRAME_MAC_SIZE);
	frame->type = get16(bytes + 12);
	if (frame->type == ETH_P_ARP && decode_arp(frame, &frame->arp))
		frame->kind = FRAME_ARP;
	if (frame->type == ETH_P_IP || frame->type == ETH_P_IPV6)
		decode_packet(frame, FRAME_HEAD_SIZE, length - FRAME_HEAD_SIZE, &frame->packet);
	/* The version that the type says, or it is no packet. */
	if (frame->packet.version != (frame->type == ETH_P_IP ? 4 : 6))
		frame->packet = (struct frame_packet){.version = 0};
	if (frame->packet.version == 0)
		return;
	frame->kind = FRAME_IP;
	if (is_error(&frame->packet))
		decode_packet(frame, frame->packet.payload, frame->packet.payload_size,
			      &frame->quoted);
}
