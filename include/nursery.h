/* Where a keeper brings its clients up, in waves: while those of one set up their machines, the
 * next are made, and the starter makes the legs of those before. So both sides of the work go on at
 * once, and a stage of a thousand clients takes as long for each as one of a hundred. */
#ifndef PYROUTE_NURSERY_H
#define PYROUTE_NURSERY_H

#include "client.h"
#include "ends.h"
#include "far_side.h"
#include "keeper.h"
#include "switchboard.h"

#define NURSERY_ASKED_MAX 3 /* questions: the starter can answer them without being heard */

/* All but what is marked is its own. */
struct nursery {
	const struct keeper_plan *plan; /* borrowed, as the next four */
	struct client *clients;
	struct cgroup_doors *doors;
	struct far_side *far;
	int channel; /* to the starter */
	int own_ns;
	struct nl_sock *socket; /* of the keeper's network namespace */
	struct settings_survey survey;
	struct root_survey root;
	struct net_offloads offloads;
	struct ends ends;
	struct switchboard board;
	int *client_ns;	   /* borrowed of the clients, those that have been met */
	unsigned *unmet;   /* of each net: interfaces of clients that were not met yet */
	unsigned *unwired; /* of each client: its interfaces that have no wire yet */
	size_t nets_wired;
	/* A ring of what the starter was asked, oldest first. */
	struct nursery_question {
		size_t nets[WIRE_LEGS_MAX]; /* whose legs are to come up */
		size_t count;		    /* 0: it is about doors */
	} asked[NURSERY_ASKED_MAX];
	size_t asked_first, asked_count;
	size_t doors_first;	      /* of the wave that begins here they were asked last */
	struct nursery_question next; /* the legs that it will be asked for next */
};
#define NURSERY_NONE ((struct nursery){.own_ns = -1})
void nursery_close(struct nursery *nursery);

/* Looks at what the clients' networks have in common. CLIENTS are as many CLIENT_NONE as the stage
 * has clients, and DOORS as many empty ones; CHANNEL leads to the starter, with which it speaks as
 * keeper_main.h tells. */
int nursery_open(struct nursery *nursery, const struct keeper_plan *plan, struct client *clients,
		 struct cgroup_doors *doors, struct far_side *far, int channel,
		 struct error *error);

/* When the keeper has its root: looks at what the clients' have in common, and makes the keeper's
 * network fit for what will be in it. */
int nursery_prepare(struct nursery *nursery, struct error *error);

/* Makes all clients and all wires. */
int nursery_make(struct nursery *nursery, struct error *error);

/* Waits until all clients are up, and all wires carry the first frame. */
int nursery_finish(struct nursery *nursery, struct error *error);

#endif
