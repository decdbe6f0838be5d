/* What the parts of inquiry have in common. Only inquiry*.c include this. */
#ifndef PYROUTE_INQUIRY_PARTS_H
#define PYROUTE_INQUIRY_PARTS_H

#include "inquiry.h"

/* In this order; each stream, and behind them each question of the last kind, has one of its own.
 */
enum inquiry_round {
	ROUND_FIRST,
	ROUND_OPENING,
	ROUND_PINGS,
	ROUND_DATAGRAMS,
	ROUND_STREAMS,
	ROUND_SINGLE
};

/* ---- inquiry_plan.c: of checks, questions ---- */

/* True where it takes somebody who answers: UDP and TCP. */
bool inquiry_is_talk(enum probe_kind kind);

/* Adds the questions of CHECK that nobody asks yet. */
int inquiry_add_check(struct inquiry *inquiry, const struct stage_check *check,
		      struct error *error);

/* ---- inquiry_question.c: one of them, asked ---- */

/* Who is asked; NULL: no client. */
const struct stage_client *inquiry_target(const struct inquiry *inquiry,
					  const struct inquiry_question *question);

/* Of CLIENT, which was entered. */
const struct ns_set *inquiry_ns(const struct inquiry *inquiry, const struct stage_client *client);

/* The time, as captures have it. */
uint64_t inquiry_now(void);

/* The steps of a question, in this order: who asks and who answers are started, both are ready, it
 * is asked, and what came of it is QUESTION's. What goes wrong is kept there too, and the steps
 * behind do nothing. */
void inquiry_start(struct inquiry *inquiry, struct inquiry_question *question);
void inquiry_meet(struct inquiry_question *question);
void inquiry_let_go(struct inquiry_question *question);
void inquiry_hear(struct inquiry_question *question);

/* Runs QUESTION's command, and waits for its end as long as it may take. */
void inquiry_run(const struct inquiry *inquiry, const struct inquiry_way *way,
		 struct inquiry_question *question);

#endif
