#include "trace.h"

#include <elf.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

/* What a call returns that the kernel begins anew, as a write to a network setting does while
 * somebody else has its lock (linux/errno.h; no program sees these). */
#define ERESTARTSYS    512
#define ERESTARTNOHAND 514
#define PROCESSES_MAX  256
#define OPTIONS                                                                                    \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |  \
	 PTRACE_O_TRACEEXEC)

struct process {
	pid_t pid;
	char part[TRACE_PART_SIZE]; /* empty: its parent has not told of it yet */
	bool stopped;		    /* at its birth, and waits for its name */
	bool program;	/* what it does is pyroute's, not the fork's before the first exec */
	unsigned execs; /* of the inner process */
	unsigned calls;
	bool restarts; /* its call: it comes once more, by the kernel's doing, and is the same */
	unsigned since_exec; /* calls */
	unsigned others;     /* children without a name of their own */
};

struct tracer {
	const struct trace_plan *plan;
	struct trace_outcome *outcome;
	struct process processes[PROCESSES_MAX];
	size_t count;
	unsigned clients;
	bool keeper;
	pid_t failing; /* its call is on its way to fail; 0: none is */
};

_Noreturn static void give_up(const char *what)
{
	(void)fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	_exit(1);
}

/* ---- what depends on the processor ------------------------------------------------------------
 */

#if defined(__x86_64__)
typedef struct user_regs_struct registers;
#define NUMBER(r)	  ((r).orig_rax)
#define FIRST_ARGUMENT(r) ((r).rdi)
#define RESULT(r)	  ((r).rax)
#elif defined(__aarch64__)
typedef struct user_regs_struct registers;
#define NUMBER(r)	  ((r).regs[8])
#define FIRST_ARGUMENT(r) ((r).regs[0])
#define RESULT(r)	  ((r).regs[0])
#else
#error "which register holds the result of a system call here?"
#endif

static bool registers_get(pid_t pid, registers *all)
{
	struct iovec part = {.iov_base = all, .iov_len = sizeof(*all)};

	return ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &part) == 0;
}

static void registers_set(pid_t pid, registers *all)
{
	struct iovec part = {.iov_base = all, .iov_len = sizeof(*all)};

	(void)ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &part);
}

/* At its entry: the kernel is to do nothing. */
static void skip_call(pid_t pid)
{
#if defined(__x86_64__)
	registers all;

	if (!registers_get(pid, &all))
		return;
	all.orig_rax = (unsigned long long)-1;
	registers_set(pid, &all);
#else
	int none = -1;
	struct iovec part = {.iov_base = &none, .iov_len = sizeof(none)};

	(void)ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &part);
#endif
}

/* At its exit: what it returns. */
static void fail_call(pid_t pid, int code)
{
	registers all;

	if (!registers_get(pid, &all))
		return;
	RESULT(all) = (unsigned long long)-(long long)code;
	registers_set(pid, &all);
}

/* Those of clone3(2) stand first in a struct, in the parent's memory. */
static unsigned long long clone_flags(pid_t parent)
{
	registers all;

	if (!registers_get(parent, &all))
		return 0;
	if (NUMBER(all) != SYS_clone3)
		return FIRST_ARGUMENT(all);
	return (unsigned long)ptrace(PTRACE_PEEKDATA, parent, FIRST_ARGUMENT(all), NULL);
}

/* ---- who is who -------------------------------------------------------------------------------
 */

static struct process *find(struct tracer *tracer, pid_t pid)
{
	for (size_t i = 0; i < tracer->count; i++)
		if (tracer->processes[i].pid == pid)
			return &tracer->processes[i];
	return NULL;
}

static struct process *add(struct tracer *tracer, pid_t pid, const char *part)
{
	struct process *process = &tracer->processes[tracer->count++];

	if (tracer->count > PROCESSES_MAX)
		give_up("too many processes");
	*process = (struct process){.pid = pid};
	(void)snprintf(process->part, sizeof(process->part), "%s", part);
	return process;
}

static void name_child(struct tracer *tracer, struct process *parent, unsigned long long flags,
		       char part[TRACE_PART_SIZE])
{
	bool births = (flags & CLONE_NEWPID) != 0;

	if (births && !tracer->keeper && is(parent->part, "starter")) {
		tracer->keeper = true;
		(void)snprintf(part, TRACE_PART_SIZE, "keeper");
	} else if (births && is(parent->part, "keeper")) {
		(void)snprintf(part, TRACE_PART_SIZE, "client%u", ++tracer->clients);
	} else if (is(parent->part, "connector") && parent->others == 0) {
		parent->others++;
		(void)snprintf(part, TRACE_PART_SIZE, "steward");
	} else if (is(parent->part, "steward")) {
		(void)snprintf(part, TRACE_PART_SIZE, "between");
	} else if (is(parent->part, "between")) {
		(void)snprintf(part, TRACE_PART_SIZE, "inner");
	} else {
		(void)snprintf(part, TRACE_PART_SIZE, "%.24s.%u", parent->part, ++parent->others);
	}
}

/* Is PART, or one that may come of it, the one that is meant? */
static bool leads_to(const struct tracer *tracer, const char *part)
{
	const char *wanted = tracer->plan->part;
	size_t length = strlen(part);

	if (wanted == NULL || is(part, wanted) || is(part, tracer->plan->root))
		return true;
	if (is(part, "keeper") && strncmp(wanted, "client", 6) == 0)
		return true;
	if (is(part, "between") && strncmp(wanted, "inner", 5) == 0)
		return true;
	if (is(part, "steward") && (is(wanted, "between") || strncmp(wanted, "inner", 5) == 0))
		return true;
	return strncmp(wanted, part, length) == 0 && wanted[length] == '.';
}

static bool is_meant(const struct tracer *tracer, const struct process *process)
{
	return tracer->plan->part == NULL || is(process->part, tracer->plan->part);
}

/* ---- letting them go on -----------------------------------------------------------------------
 */

static void go_on(const struct tracer *tracer, const struct process *process, int signal)
{
	bool stops = is_meant(tracer, process) && process->program;

	(void)ptrace(stops ? PTRACE_SYSCALL : PTRACE_CONT, process->pid, NULL, (long)signal);
}

static void let_go(struct process *process)
{
	(void)ptrace(PTRACE_DETACH, process->pid, NULL, NULL);
}

/* At its first stop, with its name known. */
static void begin(const struct tracer *tracer, struct process *process)
{
	process->program = true;
	if (leads_to(tracer, process->part))
		go_on(tracer, process, 0);
	else
		let_go(process);
}

static void take_child(struct tracer *tracer, struct process *parent)
{
	unsigned long pid = 0;
	char part[TRACE_PART_SIZE];
	struct process *child;

	if (ptrace(PTRACE_GETEVENTMSG, parent->pid, NULL, &pid) < 0)
		return;
	name_child(tracer, parent, clone_flags(parent->pid), part);
	child = find(tracer, (pid_t)pid);
	if (child == NULL) {
		(void)add(tracer, (pid_t)pid, part);
		return;
	}
	memcpy(child->part, part, sizeof(part));
	if (child->stopped)
		begin(tracer, child);
}

/* ---- the calls --------------------------------------------------------------------------------
 */

_Noreturn static void done(struct tracer *tracer, int syscall)
{
	tracer->outcome->syscall = syscall;
	tracer->outcome->hit = true;
	_exit(0); /* the kernel lets all others go */
}

static void note_call(struct tracer *tracer, const struct process *process, int syscall)
{
	struct trace_outcome *outcome = tracer->outcome;
	struct trace_call *call = &outcome->call[outcome->calls];

	if (outcome->calls + 1 >= TRACE_CALLS_MAX) {
		outcome->full = true;
		return;
	}
	memcpy(call->part, process->part, sizeof(call->part));
	call->number = process->calls;
	call->syscall = syscall;
	outcome->calls++;
}

/* Two runs of a command differ by a few calls. */
static bool is_call(const struct trace_plan *plan, unsigned number, int syscall)
{
	return number >= plan->number && (plan->syscall < 0 || syscall == plan->syscall);
}

static void see_entry(struct tracer *tracer, struct process *process, int syscall)
{
	const struct trace_plan *plan = tracer->plan;

	process->calls++;
	tracer->outcome->since_exec = ++process->since_exec;
	if (plan->part == NULL)
		note_call(tracer, process, syscall);
	else if (is_call(plan, process->calls, syscall) && plan->code == 0) {
		(void)kill(process->pid, SIGKILL);
		done(tracer, syscall);
	} else if (is_call(plan, process->calls, syscall)) {
		skip_call(process->pid);
		tracer->failing = process->pid;
		tracer->outcome->syscall = syscall;
	}
	go_on(tracer, process, 0);
}

static void see_call(struct tracer *tracer, struct process *process)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	struct __ptrace_syscall_info info = {0};

	if (ptrace(PTRACE_GET_SYSCALL_INFO, process->pid, sizeof(info), &info) < 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY && process->restarts) {
		go_on(tracer, process, 0);
		return;
	}
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		see_entry(tracer, process, (int)info.entry.nr);
		return;
	}
	process->restarts = info.op == PTRACE_SYSCALL_INFO_EXIT && info.exit.rval <= -ERESTARTSYS &&
			    info.exit.rval >= -ERESTARTNOHAND;
	/* Such as a write to ip_forward while somebody holds the lock of all links: the kernel
	 * tries it at once again, and with a tracer that took whole processors from who holds it.
	 */
	if (process->restarts)
		(void)nanosleep(&pause, NULL);
	if (tracer->failing == process->pid) {
		fail_call(process->pid, tracer->plan->code);
		let_go(process);
		done(tracer, tracer->outcome->syscall);
	}
	go_on(tracer, process, 0);
}

/* What a client runs is not pyroute; the first that the inner process runs is the launcher. The
 * command itself begins with its exec. */
static void see_exec(struct tracer *tracer, struct process *process)
{
	bool clients = strncmp(process->part, "client", 6) == 0;

	if (is(process->part, "inner"))
		clients = ++process->execs > 1;
	process->program = true;
	process->since_exec = 0;
	if (clients)
		let_go(process);
	else
		go_on(tracer, process, 0);
}

static void see_birth(struct tracer *tracer, struct process *process)
{
	if (process->part[0] == '\0')
		process->stopped = true;
	else
		begin(tracer, process);
}

static void see(struct tracer *tracer, pid_t pid, int status)
{
	struct process *process = find(tracer, pid);
	int signal = WSTOPSIG(status);

	tracer->outcome->steps++;
	if (process == NULL)
		process = add(tracer, pid, "");
	if (!WIFSTOPPED(status)) {
		process->pid = 0; /* which may be another's soon */
		return;
	}
	switch (status >> 16) {
	case PTRACE_EVENT_CLONE:
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
		take_child(tracer, process);
		go_on(tracer, process, 0);
		break;
	case PTRACE_EVENT_EXEC:
		see_exec(tracer, process);
		break;
	case PTRACE_EVENT_STOP:
		see_birth(tracer, process);
		break;
	default:
		if (signal == (SIGTRAP | 0x80))
			see_call(tracer, process);
		else
			go_on(tracer, process, signal);
	}
}

static void seize(pid_t pid)
{
	if (ptrace(PTRACE_SEIZE, pid, NULL, OPTIONS) < 0)
		give_up("cannot trace");
}

/* Those that run already are stopped once, where they are meant: a call that they wait in begins
 * anew, and is their first. */
static void seize_all(struct tracer *tracer)
{
	const struct trace_plan *plan = tracer->plan;

	seize(plan->command);
	(void)add(tracer, plan->command, plan->root);
	for (size_t i = 0; i < plan->runner_count; i++) {
		if (plan->part != NULL && !leads_to(tracer, plan->runners[i].part))
			continue;
		seize(plan->runners[i].pid);
		(void)add(tracer, plan->runners[i].pid, plan->runners[i].part);
		(void)ptrace(PTRACE_INTERRUPT, plan->runners[i].pid, NULL, NULL);
	}
}

_Noreturn void trace(const struct trace_plan *plan, struct trace_outcome *outcome)
{
	static struct tracer tracer;
	int status;
	pid_t pid;

	tracer = (struct tracer){.plan = plan, .outcome = outcome};
	seize_all(&tracer);
	if (write(plan->go, "", 1) != 1)
		give_up("cannot begin");
	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR)
		if (pid > 0)
			see(&tracer, pid, status);
	_exit(0);
}
