/* What a wire does to frames, and what a check sends and waits for, from text: a decimal number
 * and, with nothing between, its unit.
 * Pure. */
#ifndef PYROUTE_QUANTITY_H
#define PYROUTE_QUANTITY_H

#include "error.h"

#include <stdint.h>

/* Return 0, or -EINVAL with ERROR saying what is wrong with TEXT and how to write it. A number that
 * is finer than what the value can hold is refused, not rounded. */

/* "20ms", "1.5s", "300us": 0 to 10 seconds, in MICROSECONDS. */
int quantity_parse_delay(const char *text, uint32_t *microseconds, struct error *error);

/* "2%", "0.1%": 0 to 100 per cent, in frames of a million. */
int quantity_parse_loss(const char *text, uint32_t *millionths, struct error *error);

/* "10mbit", "1.5gbit", with tc(8)'s units of thousands: 1 kbit to 100 gbit a second, in BITS. */
int quantity_parse_rate(const char *text, uint64_t *bits, struct error *error);

/* "500ms", "2s": 10 ms to 60 seconds, in MILLISECONDS. */
int quantity_parse_wait(const char *text, uint32_t *milliseconds, struct error *error);

/* "56", "64KiB", "1MiB": 0 to 100 MiB, in BYTES. */
int quantity_parse_size(const char *text, uint32_t *bytes, struct error *error);

/* "64": a number from LEAST to MOST, without a unit, a sign or leading zeros. */
bool quantity_parse_whole(const char *text, unsigned least, unsigned most, unsigned *number);

#endif
