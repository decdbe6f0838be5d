/* A scope: a control group of our own below the user's systemd, which that makes for whoever asks
 * it over D-Bus. The only user of libsystemd, which is loaded where it is needed and no sooner:
 * linked, it would cost every command its start. */
#ifndef PYROUTE_SCOPE_H
#define PYROUTE_SCOPE_H

#include "error.h"

#define SCOPE_NAME_SIZE	    64
#define SCOPE_PATIENCE_MSEC 2000

/* Has the user's systemd move this process into a new group NAME ("pyroute-1f.scope"), which it
 * delegates to us with all controllers that it has itself (org.freedesktop.systemd1(5),
 * StartTransientUnit), and waits until that is done. systemd removes the group, and what is in it,
 * once no process lives there. -ENOTSUP where there is no such systemd, or it will not;
 * -ETIMEDOUT where it is not done in SCOPE_PATIENCE_MSEC. */
int scope_enter(const char *name, struct error *error);

#endif
