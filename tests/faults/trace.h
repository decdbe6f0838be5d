/* Watches the processes of a command with ptrace(2), knows each by its part, and makes one system
 * call of one of them fail, or the process's last.
 *
 * The parts of a command: "starter" (of a stop "stopper", of a connect "connector") is the process
 * that was started; "keeper", and "client1" and so on are those whose clone(2) or clone3(2) makes a
 * pid namespace, in that order; "steward" is a connector's child, "between" that one's, and "inner"
 * the last's. Any other has the name of its parent and a number: "client1.1" becomes what client1's
 * `run` says.
 *
 * Only the process that is meant stops at its calls, and only its forebears at their clones, so
 * that the others go at full speed; from the fault on so do all. */
#ifndef PYROUTE_TESTS_TRACE_H
#define PYROUTE_TESTS_TRACE_H

#include "util.h"

#include <stdint.h>
#include <sys/types.h>

#define TRACE_PART_SIZE 32
#define TRACE_CALLS_MAX 20000

struct trace_call {
	char part[TRACE_PART_SIZE];
	unsigned number; /* its first call is 1 */
	int syscall;
};

/* A process that runs already when the command begins. */
struct trace_runner {
	pid_t pid;
	char part[TRACE_PART_SIZE];
};

struct trace_plan {
	const char *root; /* the part of COMMAND */
	pid_t command;	  /* which waits for a byte from GO, and then calls execve(2) */
	int go;
	const struct trace_runner *runners;
	size_t runner_count;
	const char *part; /* whose call number NUMBER it is; NULL: all calls are listed */
	unsigned number;
	int syscall; /* if it is this one; else the first after it that is. -1: whichever */
	int code;    /* the errno value that it gets; 0: SIGKILL instead */
};

/* In memory that is shared with who waits. */
struct trace_outcome {
	_Atomic unsigned steps; /* grows while there is something to see */
	_Atomic bool hit;
	int syscall;
	unsigned since_exec; /* so many calls of that process came after its last execve(2) */
	_Atomic bool full;   /* there are more calls than that */
	_Atomic size_t calls;
	struct trace_call call[TRACE_CALLS_MAX];
};

/* Does it until the fault is done or nobody is left. Whoever wants an earlier end kills the
 * process: the kernel then lets all go. */
_Noreturn void trace(const struct trace_plan *plan, struct trace_outcome *outcome);

static inline bool is(const char *one, const char *other)
{
	return strcmp(one, other) == 0;
}

#endif
