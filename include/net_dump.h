/* Asking netlink(7) for all that there is of a kind. Only net*.c include this. */
#ifndef PYROUTE_NET_DUMP_H
#define PYROUTE_NET_DUMP_H

#include "error.h"

struct nlmsghdr;

/* Is shown each message of the answer. A negative return ends it and is returned. */
typedef int net_dump_visit(void *context, struct nlmsghdr *message, struct error *error);

/* Has the kernel tell the calling thread's network namespace by a request of TYPE of PROTOCOL, with
 * the SIZE bytes of its own HEADER. -EINTR: it changed meanwhile, and what was shown may have
 * something twice or lack something. -EAFNOSUPPORT, -EOPNOTSUPP, -ENOENT, -EPROTONOSUPPORT: the
 * kernel has nothing of the kind. */
int net_dump(int protocol, int type, void *header, size_t size, net_dump_visit *visit,
	     void *context, struct error *error);

#endif
