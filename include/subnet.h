/* What a subnet may be, and which of its addresses a host may have. Pure. */
#ifndef PYROUTE_SUBNET_H
#define PYROUTE_SUBNET_H

#include "error.h"
#include "stage.h"

/* The functions that check return 0, or -EINVAL with ERROR saying what is wrong, and the remedy. */

/* Whether SUBNET may be that of a net: has room for two hosts, and no address that none may have.
 */
int subnet_check(enum family family, const struct stage_address *subnet, struct error *error);

/* Whether ADDRESS is one that a host in SUBNET may have. */
int subnet_check_host(enum family family, const struct stage_address *subnet,
		      const struct stage_address *address, struct error *error);

/* What sort of addresses, that no host may have, those in PREFIX all are; NULL: none. */
const char *subnet_reserved(enum family family, const struct stage_address *prefix);

#endif
