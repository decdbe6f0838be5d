/* The settings of a client's kernel network, under /proc/sys/net. */
#ifndef PYROUTE_SETTINGS_H
#define PYROUTE_SETTINGS_H

#include "error.h"

#include <stdint.h>

#define SETTINGS_GROUPS 8

/* What a network namespace of this computer is born with: a bit for each setting that is not as a
 * client should have it. */
struct settings_survey {
	uint64_t contrary[SETTINGS_GROUPS];
};

/* Looks at the network namespace that the caller is in, which is new: every other that is born from
 * now on is like it. PROC is an open directory of a procfs. IPV6: also at what matters to IPv6
 * alone. */
int settings_survey(int proc, bool ipv6, struct settings_survey *survey, struct error *error);

/* In a client before it has an interface but lo, for those that come take over what is set here:
 * sets all that matters to what a host has by default, or a router where it is FORWARDING. Without
 * IPV6 it is off on all interfaces that come. PROC is as above, with sys/net open to writing, and
 * better the client's own: in one that many namespaces are seen by, the kernel looks for a setting
 * among those of all of them. */
int settings_apply(int proc, const struct settings_survey *survey, bool ipv6, bool forwarding,
		   struct error *error);

/* Switches IPv6 off on the interface NAME, where it has any. */
int settings_ipv6_off(const char *name, struct error *error);

#endif
