/* The keeper: pid 1 of the stage's own pid namespace, owner of its user, mount and network
 * namespace. Its death is the end of all that is the stage's. */
#ifndef PYROUTE_KEEPER_H
#define PYROUTE_KEEPER_H

#include "cgroup.h"
#include "channel.h"
#include "client.h"
#include "error.h"
#include "filter.h"
#include "mapper.h"
#include "mount.h"
#include "ns.h"
#include "privilege.h"
#include "stage.h"
#include "timing.h"
#include "wire.h"

/* So many clients come up together. Their doors fit into one message. */
#define KEEPER_WAVE 16
_Static_assert(KEEPER_WAVE <= MAPPER_PIDS, "so are its processes");
_Static_assert(KEEPER_WAVE *CGROUP_DOORS_MAX <= CHANNEL_FDS_MAX, "a wave's doors are too many");

/* What a keeper must do by itself where its starter is not root: copy the mounts, and make the
 * computer's side of the wires. */
struct keeper_alone {
	struct mount_source rootfs;
	struct mount_source src;
};

/* What a stage is made from; all borrowed. */
struct keeper_plan {
	const struct stage *stage;
	const struct caller *caller;	  /* whose user namespace it is */
	const struct keeper_alone *alone; /* NULL: the starter is root */
	const struct client_limits *limits;
	const struct filter *filter;
	int filter_file;       /* what FILTER was read from */
	bool groups;	       /* its clients have control groups */
	int listener;	       /* the socket that commands ask */
	bool progress;	       /* it is to tell how far it is */
	struct timing *timing; /* shared: its own, then each client's; NULL: none */
};

/* How far a start is. */
enum keeper_step {
	KEEPER_STEP_MADE,
	KEEPER_STEP_WIRED,
	KEEPER_STEP_UP
}; /* clients, nets, clients */

/* The keeper as its starter sees it. Until keeper_release(), whatever closes it ends the stage. */
struct keeper {
	pid_t pid;
	int pidfd;
	int channel;
	int user_ns;	    /* the stage's user namespace; to be set before keeper_furnish() */
	bool legs_all_only; /* it made legs by itself, NET_LEG_ALL_ONLY of net.h */
	size_t legs_made;   /* and not raised yet */
	struct mapper mapper;
};
#define KEEPER_NONE                                                                                \
	((struct keeper){.pidfd = -1, .channel = -1, .user_ns = -1, .mapper = MAPPER_NONE})
void keeper_close(struct keeper *keeper);
#define CLEANUP_KEEPER CLEANUP(keeper_close)

/* Makes the keeper in its new namespaces. It waits for keeper_furnish(), before which the caller
 * maps its ids. */
int keeper_spawn(const struct keeper_plan *plan, struct keeper *keeper, struct error *error);

/* What the starter gives the keeper; all of it stays the caller's. */
struct keeper_furniture {
	int rootfs;		       /* detached mounts that clients are made of; -1 where it */
	int src;		       /* copies them by itself */
	bool overlays;		       /* a keeper_give_overlay() for each client is next */
	const struct ns_set *computer; /* of a private stage, else NS_SET_NONE */
};
int keeper_furnish(struct keeper *keeper, const struct keeper_furniture *furniture,
		   struct error *error);

/* Gives it the root of the next client, in the order of the clients: a detached mount, likewise. */
int keeper_give_overlay(struct keeper *keeper, int overlay, struct error *error);

/* What a starter does meanwhile: makes a leg that the keeper asks for; raises those that it has
 * made, WIRE_LEGS_MAX at most; makes the control groups of a wave of clients, those from FIRST on,
 * where they are not made yet, and says their DOORS, which stay its own; and passes on how far it
 * is. */
typedef int keeper_make_leg(void *context, const struct wire_far_end *far, int far_ns,
			    struct error *error);
typedef int keeper_raise_legs(void *context, struct error *error);
typedef int keeper_give_doors(void *context, size_t first, struct channel_fds *doors,
			      struct error *error);
typedef void keeper_tell(void *context, enum keeper_step step, size_t done);
struct keeper_servant {
	keeper_make_leg *make_leg;
	keeper_raise_legs *raise_legs;
	keeper_give_doors *give_doors;
	keeper_tell *tell;
	void *context;
	struct timing *timing; /* the starter's; NULL: nobody asks */
};

/* Waits until the stage is up: 0. In the meantime it also maps the ids of the clients' user
 * namespaces. -ECANCELED where GUARD becomes readable first. */
int keeper_attend(struct keeper *keeper, int guard, const struct keeper_servant *servant,
		  struct error *error);

/* Lets it live on without its starter, and waits until it does, as keeper_attend(). */
int keeper_release(struct keeper *keeper, int guard, const struct keeper_servant *servant,
		   struct error *error);

#endif
