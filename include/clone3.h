/* clone3(2) for a child on a stack of its own, which the C library offers only with the flags of
 * clone(2). */
#ifndef PYROUTE_CLONE3_H
#define PYROUTE_CLONE3_H

#include <linux/sched.h>

/* Makes a child by ARGS, which name its stack. It exits with what MAIN(ARGUMENT) returns. Returns
 * its pid, or -errno. */
long clone3_run(const struct clone_args *args, int (*main)(void *argument), void *argument);

#endif
