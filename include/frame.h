/* What is in an Ethernet frame, as a reader of a capture sees it: ARP (RFC 826), IPv4 (RFC 791),
 * IPv6 (RFC 8200), and in these ICMP (RFC 792, RFC 4443), UDP (RFC 768) and TCP (RFC 9293). Nothing
 * in a frame is believed: what is cut, or contradicts itself, is not there. */
#ifndef PYROUTE_FRAME_H
#define PYROUTE_FRAME_H

#include "util.h"

#include <stdint.h>

#define FRAME_MAC_SIZE	    6
#define FRAME_HEAD_SIZE	    14 /* bytes of an Ethernet header */
#define FRAME_DESCRIBE_SIZE 256
#define FRAME_IPV4_HEAD_MAX 60

enum frame_kind { FRAME_SHORT, FRAME_OTHER, FRAME_ARP, FRAME_IP };

enum frame_upper { FRAME_NO_UPPER, FRAME_ICMP, FRAME_UDP, FRAME_TCP };

/* A checksum that is unknown is that of a fragment, or of what is cut; none is UDP's zero. */
enum frame_sum { FRAME_SUM_UNKNOWN, FRAME_SUM_NONE, FRAME_SUM_RIGHT, FRAME_SUM_WRONG };

struct frame_arp {
	uint16_t operation; /* 1 asks, 2 answers */
	uint8_t sender_mac[FRAME_MAC_SIZE];
	uint8_t sender[4];
	uint8_t target_mac[FRAME_MAC_SIZE];
	uint8_t target[4];
};

/* Offsets are those in the frame. */
struct frame_packet {
	uint8_t version; /* 4 or 6; 0: there is none */
	size_t offset;
	size_t head_size; /* IPv6: with its extension headers */
	size_t size;	  /* by its own word, but no more than there is */
	size_t told; /* the number that stands there: IPv4's total length, IPv6's of the payload */
	bool cut;    /* it says that it is longer */
	uint16_t id;
	uint16_t fragment; /* the flags and offset of IPv4, as they stand there */
	bool part;	   /* not the whole of what was sent */
	uint8_t ttl;	   /* IPv6: the hop limit */
	uint8_t protocol;
	enum frame_sum sum; /* of the header; IPv6: none */
	uint8_t source[16]; /* IPv4: the first four */
	uint8_t target[16];
	enum frame_upper upper;
	size_t upper_offset;
	enum frame_sum upper_sum;
	uint8_t type; /* of ICMP */
	uint8_t code;
	uint16_t echo_id;
	uint16_t echo_sequence;
	uint16_t source_port;
	uint16_t target_port;
	uint32_t tcp_sequence;
	uint32_t tcp_acknowledgment;
	uint8_t tcp_flags;
	size_t payload; /* offset of what UDP, TCP or an echo carries; else of what IP does */
	size_t payload_size;
};

struct frame {
	const uint8_t *bytes; /* borrowed */
	size_t length;
	enum frame_kind kind;
	uint8_t target[FRAME_MAC_SIZE];
	uint8_t source[FRAME_MAC_SIZE];
	uint16_t type;
	struct frame_arp arp;
	struct frame_packet packet;
	struct frame_packet quoted; /* what an ICMP error is about; version 0: nothing */
};

/* Says what is in LENGTH bytes, which stay the caller's and FRAME points to. */
void frame_decode(const uint8_t *bytes, size_t length, struct frame *frame);

/* True for an echo question or answer of either family. */
bool frame_is_echo(const struct frame_packet *packet);

/* What a reader can be pointed to. */
enum frame_field {
	FRAME_FIELD_NONE,
	FRAME_FIELD_TARGET_MAC,
	FRAME_FIELD_SOURCE_MAC,
	FRAME_FIELD_TYPE,
	FRAME_FIELD_ARP_OPERATION,
	FRAME_FIELD_ARP_SENDER_MAC,
	FRAME_FIELD_ARP_SENDER,
	FRAME_FIELD_ARP_TARGET_MAC,
	FRAME_FIELD_ARP_TARGET,
	FRAME_FIELD_HEAD_SIZE,
	FRAME_FIELD_SERVICE,
	FRAME_FIELD_LENGTH,
	FRAME_FIELD_ID,
	FRAME_FIELD_FRAGMENT,
	FRAME_FIELD_TTL,
	FRAME_FIELD_PROTOCOL,
	FRAME_FIELD_CHECKSUM,
	FRAME_FIELD_SOURCE,
	FRAME_FIELD_TARGET,
	FRAME_FIELD_ICMP_TYPE,
	FRAME_FIELD_ICMP_ID,
	FRAME_FIELD_ICMP_SEQUENCE,
	FRAME_FIELD_SOURCE_PORT,
	FRAME_FIELD_TARGET_PORT,
	FRAME_FIELD_UPPER_CHECKSUM,
	FRAME_FIELD_PAYLOAD,
	FRAME_FIELDS
};

/* Its name in FRAME as the RFCs call it: "time to live", of IPv6 "hop limit". */
const char *frame_field_name(const struct frame *frame, enum frame_field field);

/* What FIELD holds, as text: "63", "02:42:01:01:01:02". False where FRAME has no such field; TEXT
 * is empty then. */
bool frame_field_text(const struct frame *frame, enum frame_field field,
		      char text[FRAME_DESCRIBE_SIZE]);

/* FRAME in a line: "02:42:01:01:01:02 > 02:42:01:01:01:01, 1.1.1.2 > 2.2.2.2, ttl 64, ICMP echo
 * request, id 7, sequence 1, 56 bytes". */
void frame_describe(const struct frame *frame, char text[FRAME_DESCRIBE_SIZE]);

/* The Internet checksum (RFC 1071) of SIZE bytes and what START, a sum of others, already has:
 * frame_checksum_start(). As a header holds it, in the order of the host; 0 where the bytes hold
 * the right one. */
uint16_t frame_checksum(uint32_t start, const uint8_t *bytes, size_t size);

/* The sum of the pseudo header that UDP, TCP and ICMPv6 count in (RFC 768, RFC 8200 8.1): of
 * VERSION 4 or 6, for SIZE bytes of PROTOCOL. */
uint32_t frame_checksum_start(uint8_t version, const uint8_t *source, const uint8_t *target,
			      uint8_t protocol, size_t size);

#endif
