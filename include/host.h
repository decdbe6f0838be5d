/* What a stage changes on the computer itself, and how that is put back. All of it is written to a
 * journal in the stage's run directory before it is done; legs, which go by themselves, right
 * after. */
#ifndef PYROUTE_HOST_H
#define PYROUTE_HOST_H

#include "cgroup.h"
#include "error.h"
#include "stage.h"
#include "wire.h"

#include <limits.h>

/* What a journal tells first: whose changes these are. */
struct host_stage {
	char name[STAGE_NAME_SIZE];
	char given[STAGE_NAME_SIZE]; /* by --name; empty: none */
	char checkout[PATH_MAX];
	char cgroup[CGROUP_PATH_SIZE]; /* path of the parent group; empty: none */
	bool private;		       /* it has no leg on the computer */
};

/* Begins the journal of a stage in RUN_DIR, unless it is private with the state of ip forwarding
 * and all that switching it resets. Changes nothing yet. */
int host_begin(int run_dir, const struct host_stage *stage, struct error *error);

/* Switches ip forwarding off, where it is on. */
int host_forwarding_off(struct error *error);

/* Notes a leg that was made. */
int host_note_leg(int run_dir, const struct wire_leg *leg, struct error *error);

/* Reads whose journal lies in RUN_DIR. -ENOENT: none does. */
int host_owner(int run_dir, struct host_stage *stage, struct error *error);

/* True where the journal in RUN_DIR tells that the interface NAME of this network namespace is a
 * leg of its stage. */
bool host_has_leg(int run_dir, const char *name);

/* 1 where RUN_DIR holds the journal of a stage that has changed this network namespace, else 0. */
int host_is_here(int run_dir, struct error *error);

/* Puts back what the journal in RUN_DIR tells: removes the legs and the control groups that are
 * left, restores ip forwarding and what went with it, and removes the journal. 0 too where there
 * is none. HEIR is the run directory of another stage that is here, -1 where there is none: then ip
 * forwarding stays off, and what is to be restored goes into its journal. Goes on to the end; where
 * something failed the journal stays, for another try, and the first failure is returned. */
int host_restore(int run_dir, int heir, struct error *error);

#endif
