/* Where things are in a stage, and which way a packet is to take through it. Pure. */
#ifndef PYROUTE_WALK_MAP_H
#define PYROUTE_WALK_MAP_H

#include "stage.h"

/* Who has ADDRESS (network byte order). NULL: nobody. INTERFACE may be NULL. */
const struct stage_client *walk_owner(const struct stage *stage, enum family family,
				      const uint8_t *address,
				      const struct stage_interface **interface);

/* The leg that has ADDRESS; NULL: none. */
const struct stage_net *walk_leg_of(const struct stage *stage, enum family family,
				    const uint8_t *address);

/* By which leg the computer reaches TARGET, and by which next hop; NULL: it does not. */
const struct stage_net *walk_route(const struct stage *stage, enum family family,
				   const uint8_t *target, struct stage_address *hop);

/* By which interface CLIENT reaches TARGET, and by which next hop; NULL: it does not. */
const struct stage_interface *walk_client_route(const struct stage *stage,
						const struct stage_client *client,
						enum family family, const uint8_t *target,
						struct stage_address *hop);

/* "client2", or where it is no client's the address itself. */
#define WALK_NAME_SIZE 64
const char *walk_name(const struct stage *stage, enum family family, const uint8_t *address,
		      char name[WALK_NAME_SIZE]);

#endif
