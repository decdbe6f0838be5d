/* A client's own network stack: its settings, interfaces, addresses and routes. */
#ifndef PYROUTE_STACK_H
#define PYROUTE_STACK_H

#include "error.h"
#include "stage.h"

/* In a client, its wires being there: sets what its kernel's network does explicitly, and brings up
 * lo and every ethN with its addresses, which are ready then, and the routes. IPv6 is on for the
 * interfaces that have an address of it, and for lo where the stage has IPv6. /proc/sys/net must be
 * open to writing. */
int stack_raise(const struct stage *stage, const struct stage_client *client, struct error *error);

#endif
