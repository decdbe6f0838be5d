/* What this machine lacks, and what mends it: doctor's list of things to look at. */
#ifndef PYROUTE_DIAGNOSE_H
#define PYROUTE_DIAGNOSE_H

#include "finding.h"
#include "rootfs.h"

struct diagnosis {
	const char *name;
	const char *needed_for; /* "a start", or a feature that a start does without */
	bool for_start;
	struct finding finding;
};

/* The root filesystem that would be used. */
struct diagnose_rootfs {
	struct rootfs_facts facts;
	bool present; /* and of use */
};

/* Looks at one thing after the other and tells VISIT(CONTEXT, ...) of each at once. DIR is the
 * checkout that --dir names, or NULL. */
typedef void diagnose_visit(void *context, const struct diagnosis *diagnosis);
int diagnose(const char *dir, diagnose_visit *visit, void *context, struct diagnose_rootfs *rootfs,
	     struct error *error);

#endif
