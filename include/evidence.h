/* What is kept of a check for who wants to look at it later: the frames of every wire, and what the
 * router printed. */
#ifndef PYROUTE_EVIDENCE_H
#define PYROUTE_EVIDENCE_H

#include "error.h"
#include "inquiry.h"
#include "privilege.h"

/* Writes netN.pcapng of each of INQUIRY's wires into the folder PATH, which is made where there is
 * none, and router.log of all that LOG, a file, has (-1: it has none). With CALLER's rights, whose
 * they are; files of these names are written over, and links not followed. */
int evidence_keep(const struct inquiry *inquiry, int log, const char *path,
		  const struct caller *caller, struct error *error);

#endif
