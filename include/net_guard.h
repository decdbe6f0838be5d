/* Whether what net_leg_raise() put before the kernel's own protocols still stands there. */
#ifndef PYROUTE_NET_GUARD_H
#define PYROUTE_NET_GUARD_H

#include "error.h"

/* 1 where all that arrives at the leg NAME, whose link is INDEX, meets net_leg_raise()'s filter and
 * no other of tc(8)'s at its ingress; else 0. The calling thread is in the leg's network namespace.
 * OWN_NS is as in net_leg_raise(): then it may be nftables' mark in the place of a filter, to look
 * for which takes CAP_NET_ADMIN there. A program is known by its name, and not looked into. */
int net_guard_find(const char *name, unsigned index, bool own_ns, struct error *error);

#endif
