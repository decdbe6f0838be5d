/* Reading a stage of the checkout: what a start does first, and what the list of stages tells. */
#ifndef PYROUTE_STAGES_H
#define PYROUTE_STAGES_H

#include "checkout.h"
#include "complaints.h"
#include "error.h"
#include "stage.h"

/* Where a stage was read from, and all that is wrong with it: complaints.file is PATH, so that this
 * must not be moved. */
struct stages_file {
	char path[PATH_MAX];
	struct complaints complaints;
};

/* Reads and checks the stage file of the stage NAME with CALLER's rights; nothing acts. STAGE is
 * the caller's to clear, and where this fails it holds what could be read (config.h). -EINVAL with
 * complaints in FILE: the file is bad, and ERROR has the first of them. With none: the file cannot
 * be opened. */
int stages_read(const struct checkout *checkout, const struct caller *caller, const char *name,
		struct stage *stage, struct stages_file *file, struct error *error);

#endif
