/* Addresses and prefixes of a stage: from text, to text, and how they lie to one another. Pure. */
#ifndef PYROUTE_ADDRESS_H
#define PYROUTE_ADDRESS_H

#include "error.h"
#include "stage.h"

#define ADDRESS_TEXT_SIZE 64 /* bytes for the longest address or prefix with its NUL */
#define MAC_TEXT_SIZE	  18

/* Read one address, one prefix with its length ("1.1.1.0/24", "fd00:1::/64") or one Ethernet
 * address, in any spelling of RFC 4291 2.2. A colon makes it IPv6. Return 0, or -EINVAL with ERROR
 * saying what is wrong with TEXT and how to write it. The LINE of what they read is left as it is;
 * an address's LENGTH too. */
int address_parse(const char *text, enum family *family, struct stage_address *address,
		  struct error *error);
int address_parse_prefix(const char *text, enum family *family, struct stage_address *prefix,
			 struct error *error);
int address_parse_mac(const char *text, uint8_t mac[MAC_SIZE], struct error *error);

/* Write an address, a prefix with its length, an Ethernet address, into BUFFER of the size above.
 * Return BUFFER. */
const char *address_format(enum family family, const struct stage_address *address, char *buffer);
const char *address_format_prefix(enum family family, const struct stage_address *prefix,
				  char *buffer);
const char *address_format_mac(const uint8_t mac[MAC_SIZE], char *buffer);

/* "IPv4" or "IPv6". */
const char *address_family_name(enum family family);

/* How many bits an address has: 32 or 128. */
unsigned address_bits(enum family family);

/* True where the first LENGTH bits of both are the same: with the length of a subnet, both are in
 * it; with the shorter length of two prefixes, they overlap. */
bool address_share(const struct stage_address *a, const struct stage_address *b, unsigned length);

/* True where one of CLIENT's interfaces has ADDRESS. */
bool address_is_of(const struct stage_client *client, enum family family,
		   const struct stage_address *address);

/* The first and the last address in SUBNET that a host may have: all but the subnet's own and, in
 * IPv4, its broadcast address. A prefix of two addresses has neither (RFC 3021, RFC 6164). */
void address_range(enum family family, const struct stage_address *subnet,
		   struct stage_address *first, struct stage_address *last);

/* True where ADDRESS is everybody's in the IPv4 SUBNET; one of two addresses or less has none
 * (RFC 3021). */
bool address_is_broadcast(const struct stage_address *subnet, const struct stage_address *address);

#endif
