/* The second lock on a stage file: iniparser, the library for such files, must read it exactly as
 * the scan did. The only user of iniparser. */
#ifndef PYROUTE_REREAD_H
#define PYROUTE_REREAD_H

#include "scan.h"

/* Returns 1 where iniparser reads SCAN's text as SCAN: the same sections, keys and values, and no
 * others; 0 where it does not; -errno where that cannot be told. Nothing is printed. The time
 * grows with the text's length. Not reentrant: iniparser's error callback belongs to the whole
 * process. */
int reread_agrees(const struct scan *scan);

#endif
