/* The seccomp policy of what runs in a client (README.md of runtime/). The only user of
 * libseccomp. It is built once a stage, as a BPF program in a sealed memory file, and every
 * client and every connect loads that same program. */
#ifndef PYROUTE_FILTER_H
#define PYROUTE_FILTER_H

#include "error.h"

#include <linux/filter.h>

struct filter {
	struct sock_filter *instructions; /* owned */
	unsigned short length;		  /* in instructions */
};

/* Builds the policy into a sealed memory file (memfd_create(2)) and returns its fd (close on
 * exec, read only for all purposes), which the caller owns, or -errno. GROUPS_FIXED: it is for a
 * user namespace to which setgroups(2) is denied; there it does nothing and succeeds, for programs
 * that set the groups of root before they become root, who they are: tcpdump -Z root. */
int filter_build(bool groups_fixed, struct error *error);

/* Reads a program that filter_build() made. -EINVAL where FD is no such file or is not sealed.
 * The caller clears FILTER. */
int filter_read(int fd, struct filter *filter, struct error *error);

/* Puts the calling thread under FILTER, irrevocably. no_new_privs must be set. */
int filter_load(const struct filter *filter, struct error *error);

void filter_clear(struct filter *filter);
#define CLEANUP_FILTER CLEANUP(filter_clear)

#endif
