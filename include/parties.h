/* Who asks a check, and whom: its names made clients, nets and addresses of the stage. Pure. */
#ifndef PYROUTE_PARTIES_H
#define PYROUTE_PARTIES_H

#include "error.h"
#include "stage.h"

/* Fills in the asker, wire, family and target of CHECK, as far as STAGE has them; what it has not
 * is left 0. */
void parties_resolve(const struct stage *stage, struct stage_check *check);

/* Both return 0, or an error that says why, with the remedy: -ENOENT where STAGE has no client or
 * no net of the name, else -EINVAL. */

/* The number of the client that asks CHECK: the one that is named; or the first that is on the
 * net, 0 where none is. */
int parties_find_asker(const struct stage *stage, const struct stage_check *check, unsigned *asker,
		       struct error *error);

/* The address that CHECK, whose asker is known and which has a TO, asks: of the first family that
 * both have, IPv4 before IPv6. */
int parties_find_target(const struct stage *stage, const struct stage_check *check,
			enum family *family, struct stage_address *target, struct error *error);

#endif
