/* What doctor finds of one thing that this machine must have, or may. */
#ifndef PYROUTE_FINDING_H
#define PYROUTE_FINDING_H

#include "error.h"

enum finding_state {
	FINDING_UNKNOWN, /* could not be looked at */
	FINDING_OK,
	FINDING_MISSING,
};

struct finding {
	enum finding_state state;
	bool note; /* nothing fails for that it is missing, and nobody is asked to mend it */
	char found[ERROR_TEXT_SIZE + 64]; /* one line */
	char remedy[2048];		  /* one command line that mends it; empty: none is known */
};

/* Say what was found. */
void finding_ok(struct finding *finding, const char *format, ...) PRINTF_LIKE(2, 3);
void finding_missing(struct finding *finding, const char *format, ...) PRINTF_LIKE(2, 3);
void finding_note(struct finding *finding, const char *format, ...) PRINTF_LIKE(2, 3); /* missing */
void finding_unknown(struct finding *finding, const char *format, ...) PRINTF_LIKE(2, 3);

/* As finding_missing() with the error's text, but for what follows its last semicolon: a remedy. */
void finding_failed(struct finding *finding, const struct error *error);

/* Says what mends it; of more than one command all are to be run. */
void finding_remedy(struct finding *finding, const char *format, ...) PRINTF_LIKE(2, 3);

/* It is missing because this kernel lacks it: the remedy is the kernel package of this machine's
 * distribution, and a reboot, where that is known to have all that is needed. */
void finding_remedy_kernel(struct finding *finding);

/* This kernel lacks what its OPTION makes, by the module MODULE, a path below /lib/modules/RELEASE
 * without what follows the dot: WHAT says so. A module that is there was not found (an entry of
 * modprobe.d(5) keeps the kernel from it): then to load it by its name mends it, else another
 * kernel. */
void finding_lacks(struct finding *finding, const char *what, const char *option,
		   const char *module);

/* What only root can try, and we are not. */
void finding_needs_root(struct finding *finding, const char *what);

#endif
