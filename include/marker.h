/* What the payload of every packet of ours is made of, so that whoever sees it, be it the receiver
 * or a reader of a capture, can tell which packet it is and whether a single byte of it changed.
 * Pure.
 *
 * A payload is blocks of 64 bytes, the last one cut to what fits. Each begins with a head of 16,
 * its numbers in network byte order; the other bytes follow from the head and their place:
 *
 *   0      4       8          12             16                           64
 *   magic  token   sequence   block number   bytes derived from these
 *
 * So a payload that was cut, padded, or changed in its first bytes is still known by a later block,
 * and so is a piece out of the middle of a stream. Less than 12 bytes tell nobody which packet they
 * are. */
#ifndef PYROUTE_MARKER_H
#define PYROUTE_MARKER_H

#include "util.h"

#include <stdint.h>

#define MARKER_KNOWN_SIZE 12 /* bytes from which on marker_find() knows a payload */

struct marker {
	uint32_t token;	   /* which question */
	uint32_t sequence; /* which of its packets, from 0 */
};

/* Writes into the SIZE bytes at TO what a payload of MARKER holds from OFFSET on. */
void marker_write(uint8_t *to, size_t size, uint64_t offset, const struct marker *marker);

/* Looks in SIZE BYTES, which may be a whole frame, for a payload of ours. True where there is one:
 * MARKER says which, and *AT where in BYTES it begins, or began before it was cut: then less than
 * 0. Of several blocks that disagree, that one counts whose derived bytes are right. */
bool marker_find(const uint8_t *bytes, size_t size, struct marker *marker, int64_t *at);

/* The offset in BYTES of the first one that is not what marker_write() would have written; SIZE
 * where all are right. */
size_t marker_check(const uint8_t *bytes, size_t size, uint64_t offset,
		    const struct marker *marker);

#endif
