/* /run/pyroute: one lock for all, and for each checkout whose stage runs a directory with its
 * socket and journal. Owned by root, and writable by nobody else. */
#ifndef PYROUTE_RUNDIR_H
#define PYROUTE_RUNDIR_H

#include "error.h"

#define RUNDIR_ID_SIZE 64

/* The name of the directory of the checkout whose folder DIR is open on: the same for as long as
 * the folder exists, wherever it is moved to. */
int rundir_id(int dir, char id[RUNDIR_ID_SIZE], struct error *error);

/* Opens /run/pyroute; with MAKE, makes it first. Refuses one that others may write to. Returns its
 * fd; -ENOENT where there is none. */
int rundir_open_base(bool make, struct error *error);

/* Opens ID's directory below BASE, likewise. */
int rundir_open(int base, const char *id, bool make, struct error *error);

/* Calls VISIT(CONTEXT, ...) for every checkout's directory below BASE, by its ID, until one returns
 * what is not 0; returns that. */
typedef int rundir_visit(void *context, int base, const char *id, struct error *error);
int rundir_for_each(int base, rundir_visit *visit, void *context, struct error *error);

/* Waits for the lock that whoever starts or stops a stage holds. Returns its fd: closing it lets
 * go. */
int rundir_lock(int base, struct error *error);

/* Removes ID's directory with what may be left in it. */
int rundir_remove(int base, const char *id, struct error *error);

#endif
