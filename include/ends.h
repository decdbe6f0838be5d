/* Who is on each net of a stage: what a struct stage tells of each client, the other way round. */
#ifndef PYROUTE_ENDS_H
#define PYROUTE_ENDS_H

#include "error.h"
#include "stage.h"

/* An interface of a client. */
struct end {
	size_t client; /* indexes */
	size_t interface;
};

struct ends {
	struct end *all; /* net by net, in the order of the clients */
	size_t *first; /* those of the net with index I are all[first[I]] up to all[first[I + 1]] */
};
/* ENDS is all zero before, and the caller's: ends_clear(). */
int ends_list(const struct stage *stage, struct ends *ends, struct error *error);
void ends_clear(struct ends *ends);

/* Those of NET, and in *COUNT how many. */
const struct end *ends_of(const struct ends *ends, const struct stage_net *net, size_t *count);

#endif
