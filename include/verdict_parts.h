/* What was expected of one question, and whether it held. Only verdict*.c include this. */
#ifndef PYROUTE_VERDICT_PARTS_H
#define PYROUTE_VERDICT_PARTS_H

#include "verdict.h"

enum held { HELD, HELD_NOT, HELD_UNKNOWN };

struct finding {
	enum held held;
	char text[WALK_SENTENCE_SIZE]; /* of the latter two */
};

/* Fills in FINDING, and returns HELD. */
PRINTF_LIKE(3, 4)
enum held verdict_say(struct finding *finding, enum held held, const char *format, ...);

/* Who asks. */
const char *verdict_asker(const struct inquiry_question *question,
			  char name[STAGE_CLIENT_NAME_SIZE]);

/* The first fault of WAY that can be why a packet has not come to whom it is for; NULL: none. */
const struct walk_fault *verdict_find_fatal(const struct walk_way *way);

/* ---- verdict_reply.c: what was to come back ---- */

/* A right answer to all that was asked. */
enum held verdict_find_reply(const struct stage_check *check,
			     const struct inquiry_question *question, struct finding *finding);

/* The ICMP error that is expected. */
enum held verdict_find_error(const struct inquiry_question *question, struct finding *finding);

/* How many frames came back that answer those which were made by hand. */
size_t verdict_count_replies(const struct inquiry_question *question);

/* The ARP answers of whom was asked; RIGHT: only those that say they are. */
uint32_t verdict_count_arps(const struct inquiry_question *question, bool right);

/* ---- verdict_doubt.c: what counts only with a proof ---- */

/* Silence, where an answer would have been heard. */
enum held verdict_find_silence(const struct inquiry *inquiry,
			       const struct inquiry_question *question, struct finding *finding);

/* How a command ended, where there is a router. */
enum held verdict_find_exit(const struct inquiry *inquiry, const struct inquiry_question *question,
			    struct finding *finding);

/* What came back right is the router's only where the wires have seen it. */
enum held verdict_doubt(const struct inquiry *inquiry, const struct inquiry_question *question,
			struct finding *finding);

#endif
