/* The keeper: pid 1 of the stage's own pid namespace, owner of its user, mount and network
 * namespace. Its death is the end of all that is the stage's. */
#ifndef PYROUTE_KEEPER_H
#define PYROUTE_KEEPER_H

#include "cgroup.h"
#include "error.h"
#include "filter.h"
#include "ns.h"
#include "privilege.h"
#include "stage.h"
#include "wire.h"

/* What a stage is made from; all borrowed. */
struct keeper_plan {
	const struct stage *stage;
	const struct caller *caller; /* whose user namespace it is */
	const struct filter *filter;
	int filter_file;		  /* what FILTER was read from */
	const struct cgroup_doors *doors; /* one for each client; NULL: no control groups */
	int listener;			  /* the socket that commands ask */
	bool progress;			  /* it is to tell how far it is */
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
};
#define KEEPER_NONE ((struct keeper){.pidfd = -1, .channel = -1})
void keeper_close(struct keeper *keeper);
#define CLEANUP_KEEPER CLEANUP(keeper_close)

/* Makes the keeper in its new namespaces, its ids mapped by IDS. It waits for keeper_furnish(). */
int keeper_spawn(const struct keeper_plan *plan, const struct ns_ids *ids, struct keeper *keeper,
		 struct error *error);

/* Gives it the detached mounts that clients are made of, which stay the caller's: the root
 * filesystem, src/ and, where OVERLAYS, in the same order as the clients, a keeper_give_overlay()
 * for each of them next. */
int keeper_furnish(struct keeper *keeper, int rootfs, int src, bool overlays, struct error *error);
int keeper_give_overlay(struct keeper *keeper, int overlay, struct error *error);

/* Waits until the stage is up: 0. In the meantime it makes the legs the keeper asks for, by
 * MAKE(CONTEXT, ...), and passes on how far it is, to TELL(CONTEXT, ...). -ECANCELED where GUARD
 * becomes readable first. */
typedef int keeper_make_leg(void *context, const struct wire_far_end *far, int far_ns,
			    struct error *error);
typedef void keeper_tell(void *context, enum keeper_step step, size_t done);
int keeper_attend(struct keeper *keeper, int guard, keeper_make_leg *make, keeper_tell *tell,
		  void *context, struct error *error);

/* Lets it live on without its starter. */
int keeper_release(struct keeper *keeper, struct error *error);

#endif
