/* The legs of the computer and the interfaces of clients: what holds for addresses on a net holds
 * for both. For rules. */
#ifndef PYROUTE_PORTS_H
#define PYROUTE_PORTS_H

#include "complaints.h"
#include "stage.h"

/* Complains of addresses and Ethernet addresses that a port cannot have, or that one further up the
 * file has already. Returns 0 or -ENOMEM. */
int ports_check(const struct stage *stage, struct complaints *complaints);

#endif
