/* What holds for nets by themselves: their subnets, and their MTU. For rules. */
#ifndef PYROUTE_NETS_H
#define PYROUTE_NETS_H

#include "complaints.h"
#include "stage.h"

/* Complains of subnets that a net cannot have or that overlap, and of MTUs out of bounds. Returns 0
 * or -ENOMEM. */
int nets_check(const struct stage *stage, struct complaints *complaints);

#endif
