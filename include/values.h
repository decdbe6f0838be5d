/* The values of a stage file's keys, from text into a struct stage. Their form is checked here,
 * their meaning by rules. */
#ifndef PYROUTE_VALUES_H
#define PYROUTE_VALUES_H

#include "complaints.h"
#include "scan.h"
#include "stage.h"

/* Reads SECTION into its place in STAGE, which has room for it, and complains of every value that
 * has not the form of its key and of every key that is missing; what is wrong is left out, and
 * SECTION marked as faulty. Returns 0 or -ENOMEM. */
int values_read(struct scan_section *section, struct stage *stage, struct complaints *complaints);

#endif
