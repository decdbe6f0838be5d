/* What came of a check: whether the router passed it, and if not, why. */
#ifndef PYROUTE_VERDICT_H
#define PYROUTE_VERDICT_H

#include "frame.h"
#include "inquiry.h"
#include "walk.h"

#define VERDICT_NOTE_SIZE 256

enum verdict_outcome {
	VERDICT_PASS,
	VERDICT_FAIL,
	VERDICT_UNASKED, /* it could not be asked, which is no pass */
	VERDICT_OUTCOMES
};

struct verdict {
	enum verdict_outcome outcome;
	enum walk_step step;		 /* where it failed; else WALK_NONE */
	char reason[WALK_SENTENCE_SIZE]; /* one sentence; empty where it passed */
	const char *rule;		 /* "RFC 1812 5.3.1"; NULL: none */
	char frame[FRAME_DESCRIBE_SIZE]; /* the frame that shows it, in a line; empty: none */
	const char *field;		 /* frame_field_name() of what is wrong in it; NULL: none */
	char wire[16]; /* the leg that the frame was seen on: "net1"; empty: none */
};

/* Judges a check of INQUIRY, which has asked. */
void verdict_judge(const struct inquiry *inquiry, const struct inquiry_check *check,
		   struct verdict *verdict);

/* Fails VERDICT by FAULT of WAY, and says why; what a client did not do leaves it unasked. */
void verdict_blame(const struct inquiry *inquiry, const struct walk_way *way,
		   const struct walk_fault *fault, struct verdict *verdict);

#endif
