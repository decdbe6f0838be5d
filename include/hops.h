/* Where clients send what is not for their own nets: gateways and routes. For rules. */
#ifndef PYROUTE_HOPS_H
#define PYROUTE_HOPS_H

#include "complaints.h"
#include "stage.h"

/* Complains of gateways and of routes whose next hop is nobody that the client reaches, and of
 * prefixes that a client has no use for a route to, or has one to already. */
void hops_check(const struct stage *stage, struct complaints *complaints);

#endif
