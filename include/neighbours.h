/* The kernel's tables of neighbours (arp(7)): one for each family and for all network namespaces of
 * the computer. */
#ifndef PYROUTE_NEIGHBOURS_H
#define PYROUTE_NEIGHBOURS_H

#include "error.h"
#include "stage.h"

/* Whether they have room for STAGE: a client that speaks takes an entry for the next hop of each
 * interface. Full, the kernel lets clients speak or not by chance. (What
 * other stages need is not known here.) -ENOSPC where there is not, with
 * the sysctl that makes it; 0 too where the tables are not shown, as in a container. */
int neighbours_check(const struct stage *stage, struct error *error);

#endif
