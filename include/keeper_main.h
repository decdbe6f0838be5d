/* What runs in the keeper (keeper.h), and what it and its starter say to each other until it is
 * released: a word is one message, with the files that its verb names. */
#ifndef PYROUTE_KEEPER_MAIN_H
#define PYROUTE_KEEPER_MAIN_H

#include "channel.h"
#include "error.h"
#include "keeper.h"
#include "wire.h"

#include <stdint.h>

enum keeper_verb {
	VERB_FURNISH, /* to the keeper: mounts, the computer's side, whether overlays follow */
	VERB_OVERLAY, /* to the keeper: the next client's root */
	VERB_MAP,     /* to the starter: clients' pids, and the /proc that shows them */
	VERB_LEG,     /* to the starter: a network namespace, and what to make of it */
	VERB_RAISE,   /* to the starter: the legs since the last one are to come up */
	VERB_DOORS,   /* to the starter: clients whose control groups are wanted */
	VERB_DONE,    /* to the keeper: those have ids, or those legs are up, or their doors */
	VERB_STEP,    /* to the starter: how far it is */
	VERB_UP,      /* to the starter: all is up, or not; and again behind VERB_RELEASE */
	VERB_RELEASE, /* to the keeper: live on */
};

struct keeper_word {
	uint32_t verb;
	uint8_t mounts; /* 0 or 1, as the next three: as a bool it might be neither */
	uint8_t overlays;
	uint8_t computer;
	uint8_t all_only; /* see struct keeper */
	uint32_t pid_count;
	int32_t pids[KEEPER_WAVE];
	uint32_t first; /* of VERB_DOORS: the indexes of KEEPER_WAVE clients from here on */
	struct wire_far_end far;
	uint32_t step; /* enum keeper_step */
	uint32_t done;
	struct error error;
};

/* In the keeper: waits for VERB from the starter, whose death is the stage's. FDS may be NULL. */
int keeper_hear(int channel, enum keeper_verb verb, struct keeper_word *word,
		struct channel_fds *fds, struct error *error);

/* What the keeper's first function is given. */
struct keeper_birth {
	const struct keeper_plan *plan;
	int channel; /* its own end */
};

/* The first function of the process: ARGUMENT is a struct keeper_birth. Returns its exit status. */
int keeper_main(void *argument);

#endif
