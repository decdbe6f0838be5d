/* What the checks of a stage must satisfy beyond their form: clients and nets that there are,
 * addresses of one family, frames that fit their wire. Pure. */
#ifndef PYROUTE_CHECKS_H
#define PYROUTE_CHECKS_H

#include "complaints.h"
#include "stage.h"

/* Adds to COMPLAINTS, which hold those of reading the stage, what is wrong with STAGE's checks.
 * What depends on a net or a client of which anything was refused is not judged. */
void checks_check(const struct stage *stage, struct complaints *complaints);

#endif
