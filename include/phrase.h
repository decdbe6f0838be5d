/* Parties, expectations and frames of a check, from text. Pure: whether the stage has what they
 * name, parties says. */
#ifndef PYROUTE_PHRASE_H
#define PYROUTE_PHRASE_H

#include "error.h"
#include "stage.h"

/* Return 0, or -EINVAL with ERROR saying what is wrong with TEXT and how to write it. */

/* "client1" or "net1". The line of PARTY is left as it is. */
int phrase_parse_from(const char *text, struct stage_party *party, struct error *error);

/* As this, or "client1.net1", or an address, which gets PARTY's line. */
int phrase_parse_to(const char *text, struct stage_party *party, struct error *error);

/* The first word of what is expected: "icmp" of "icmp 11/0". */
int phrase_parse_expect_kind(const char *text, enum expect_kind *kind, struct error *error);

/* All of it. The line of EXPECT is left as it is. */
int phrase_parse_expect(const char *text, struct stage_expect *expect, struct error *error);

/* "ffffffffffff 024201010102 0806": two digits a byte, with blanks anywhere between, at least an
 * Ethernet header. TEXT has at most 2 * CHECK_FRAME_SIZE digits. */
int phrase_parse_frame(const char *text, struct stage_frame *frame, struct error *error);

#endif
