/* The seccomp policy of what runs in a client (README.md of runtime/). Its programs are compiled
 * when pyroute is (policy/compile.c). A stage has one in a sealed memory file, which every client
 * and every connect loads. */
#ifndef PYROUTE_FILTER_H
#define PYROUTE_FILTER_H

#include "error.h"

#include <linux/filter.h>

struct filter {
	struct sock_filter *instructions; /* owned */
	unsigned short length;		  /* in instructions */
};

/* Writes the policy into a sealed memory file (memfd_create(2)) and returns its fd (close on
 * exec, read only for all purposes), which the caller owns, or -errno, -ENOSYS or -EINVAL where the
 * kernel knows no filters. GROUPS_FIXED: it is for a
 * user namespace to which setgroups(2) is denied; there it does nothing and succeeds, for programs
 * that set the groups of root before they become root, who they are: tcpdump -Z root. */
int filter_file(bool groups_fixed, struct error *error);

/* Reads a program that filter_file() made. -EINVAL where FD is no such file or is not sealed.
 * The caller clears FILTER. */
int filter_read(int fd, struct filter *filter, struct error *error);

/* Puts the calling thread under FILTER, irrevocably. no_new_privs must be set. */
int filter_load(const struct filter *filter, struct error *error);

void filter_clear(struct filter *filter);
#define CLEANUP_FILTER CLEANUP(filter_clear)

#endif
