/* What a stage must satisfy beyond its file's form: addresses inside their subnets, no two the
 * same, gateways in reach, no net without a client. Pure: plain data in, complaints out. */
#ifndef PYROUTE_RULES_H
#define PYROUTE_RULES_H

#include "complaints.h"
#include "stage.h"

/* Adds to COMPLAINTS, which may hold those of reading the stage, what is wrong with STAGE.
 * Returns 0 if it can be started, else -EINVAL, with at least one complaint. */
int rules_check(const struct stage *stage, struct complaints *complaints);

#endif
