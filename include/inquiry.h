/* Asking the questions of a stage's checks, and watching the wires meanwhile: what was asked, what
 * came back, and what passed on the legs. inquiry.c tells the order. */
#ifndef PYROUTE_INQUIRY_H
#define PYROUTE_INQUIRY_H

#include "asker.h"
#include "capture.h"
#include "error.h"
#include "service.h"
#include "stage.h"
#include "walk.h"

/* One probe of a check, or of several that ask the same; a probe of many packets is several. */
struct inquiry_question {
	struct walk_question walk; /* how to follow it */
	struct asker_plan plan;
	bool asked;	    /* else ERROR says why it could not be */
	struct error error; /* code 0: nobody came to asking it */
	bool any_port;	    /* UDP, TCP: who answers may have any */
	bool would_hear;    /* asker_would_hear() */
	bool answerer_lost; /* there was one, who told nothing or would have heard nothing */
	const char *run;    /* RUN: the command line; borrowed */
	int status; /* RUN: its exit status, as a shell tells it; -1: it did not end in time */
	struct asker_report *report;	    /* owned; NULL for RUN */
	struct asker_report *answer_report; /* owned: of who answered; NULL: nobody was to */
	struct walk_way way;
	/* while it is asked */
	unsigned round;
	struct asker asker, answerer;
};

/* Which questions a check has: some that are one behind the other. */
struct inquiry_check {
	const struct stage_check *check; /* borrowed */
	size_t *questions;		 /* owned: indices */
	size_t count;
};

struct inquiry {
	const struct stage *stage;	    /* borrowed */
	struct inquiry_question *questions; /* owned */
	size_t count;
	size_t shared;		      /* of these, as many as other checks than the last may have */
	struct inquiry_check *checks; /* owned */
	size_t check_count;
	struct service_entry *clients; /* owned; of client i + 1 */
	struct capture_wire *wires;    /* owned */
	struct walk_leg *legs;	       /* owned; as many */
	size_t leg_count;
	struct capture_listener before[CAPTURE_LISTENERS_MAX]; /* no router of ours */
	int before_count;
	struct ns_set computer;
	struct capture capture;
	struct walk walk;
};
#define INQUIRY_NONE ((struct inquiry){.computer = NS_SET_NONE, .capture = CAPTURE_NONE})
void inquiry_close(struct inquiry *inquiry);
#define CLEANUP_INQUIRY CLEANUP(inquiry_close)

/* How the stage's keeper is spoken to: a new connection, the caller's; CONTEXT is given along. */
struct inquiry_way {
	int (*connect)(void *context, struct error *error);
	void *context;
};

/* Makes of COUNT CHECKS, which are STAGE's or follow its rules (checks.h), what is to be asked, and
 * gets what leads into the clients. Asks nothing yet. */
int inquiry_prepare(const struct stage *stage, const struct stage_check *const *checks,
		    size_t count, const struct inquiry_way *way, struct inquiry *inquiry,
		    struct error *error);

/* Looks whether the computer, and each client, is as the stage has it (control.h). */
int inquiry_control(const struct inquiry *inquiry, struct error *error);

/* Begins to watch the legs. */
int inquiry_watch(struct inquiry *inquiry, struct error *error);

/* Says on how many legs somebody listens, of those who did not when the silence was proved; and a
 * sum that is another when another listens, or to something else. */
struct inquiry_ears {
	size_t legs;
	uint64_t sum;
};
int inquiry_look_for_listeners(struct inquiry *inquiry, struct inquiry_ears *ears,
			       struct error *error);

/* Asks for a moment what a router would carry or answer, while there is none. Who listens then may
 * stay: tcpdump(8), for example. Returns 1 where all is silent, 0 where something was heard, which
 * ERROR tells. Ends the watch. */
int inquiry_prove_silence(struct inquiry *inquiry, struct error *error);

/* Ends the watch where nothing is asked. */
int inquiry_give_up(struct inquiry *inquiry, struct error *error);

/* True where more passed on the wires than could be looked at. */
bool inquiry_is_lossy(const struct inquiry *inquiry);

/* Asks everything. -ECANCELED where one of process_ending_signals() came. What is wrong with one
 * question is no error. Ends the watch, and follows what was seen. */
int inquiry_ask(struct inquiry *inquiry, const struct inquiry_way *way, struct error *error);

#endif
