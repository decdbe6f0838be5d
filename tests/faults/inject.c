/* inject state                 what there is, as a process here sees it
 * inject list COMMAND...       the faults that can be made in start, stop, connect: one a line
 * inject walk SECONDS          makes those on stdin, for so long at most, and says what came of
 * each
 *
 * Root's, on a host that tests/faults.sh has made, which sets PYROUTE_FAULTS_MODE ("host" or
 * "private"), _PROGRAM, _CHECKOUT (with a stage "faults"), _UID and _HOME. A fault is
 *
 *     COMMAND PART NUMBER SYSCALL KILL|ERRNO
 *
 * and a line of what came of it, its fields parted by tabs: held, failed or missed; the fault; why
 * it failed; the exit status; what the command said. It is missed where the process did not come to
 * that call; the call may be another than the one that is named, for two starts differ a little. */
#include "trial.h"

#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#define RUNS_LISTED 3
#define SPOILT	    4 /* our exit status where a host cannot be mended: what is left is for another */

_Noreturn static void fail(const char *what)
{
	(void)fprintf(stderr, "inject: %s\n", what);
	exit(3);
}

/* ---- which faults there are -------------------------------------------------------------------
 */

/* What can fail in any of these ways, as far as its caller can know. */
static const char *const fallible[] = {"accept4",
				       "bind",
				       "bpf",
				       "capset",
				       "chdir",
				       "chmod",
				       "chown",
				       "chroot",
				       "clone",
				       "clone3",
				       "close_range",
				       "connect",
				       "copy_file_range",
				       "dup",
				       "dup2",
				       "dup3",
				       "execve",
				       "execveat",
				       "faccessat2",
				       "access",
				       "fallocate",
				       "fchdir",
				       "fchmod",
				       "fchmodat",
				       "fchown",
				       "fchownat",
				       "fcntl",
				       "fgetxattr",
				       "flock",
				       "fork",
				       "fsconfig",
				       "fsetxattr",
				       "fsmount",
				       "fsopen",
				       "fstat",
				       "fsync",
				       "ftruncate",
				       "getdents64",
				       "getsockname",
				       "getsockopt",
				       "getxattr",
				       "ioctl",
				       "kill",
				       "linkat",
				       "listen",
				       "lstat",
				       "memfd_create",
				       "mkdir",
				       "mkdirat",
				       "mknod",
				       "mknodat",
				       "mount",
				       "mount_setattr",
				       "move_mount",
				       "newfstatat",
				       "open",
				       "open_tree",
				       "openat",
				       "openat2",
				       "pidfd_open",
				       "pidfd_send_signal",
				       "pipe2",
				       "pivot_root",
				       "poll",
				       "ppoll",
				       "prctl",
				       "pread64",
				       "read",
				       "readlink",
				       "readlinkat",
				       "recvfrom",
				       "recvmsg",
				       "rename",
				       "renameat",
				       "renameat2",
				       "rmdir",
				       "seccomp",
				       "sendfile",
				       "sendmsg",
				       "sendto",
				       "setgid",
				       "setgroups",
				       "sethostname",
				       "setns",
				       "setresgid",
				       "setresuid",
				       "setsid",
				       "setsockopt",
				       "setuid",
				       "signalfd4",
				       "socket",
				       "socketpair",
				       "stat",
				       "statfs",
				       "statx",
				       "symlink",
				       "symlinkat",
				       "umount2",
				       "unlink",
				       "unlinkat",
				       "unshare",
				       "vfork",
				       "wait4",
				       "waitid",
				       "write"};

/* What can run out of memory, and has no other reason to fail. (brk(2) does not say so by errno.)
 */
static const char *const only_memory[] = {"mmap", "mprotect", "mremap"};

static bool is_among(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static void list_call(const char *command, const struct trace_call *call)
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call->syscall);
	bool any;
	bool memory;

	if (name == NULL)
		fail("a system call without a name");
	any = is_among(name, fallible, ARRAY_SIZE(fallible));
	memory = is_among(name, only_memory, ARRAY_SIZE(only_memory));
	for (size_t i = 0; i < trial_fault_count; i++) {
		int code = trial_faults[i].code;

		if (code == 0 || any || (memory && code == ENOMEM))
			(void)printf("%s %s %u %s %s\n", command, call->part, call->number, name,
				     trial_faults[i].name);
	}
	free(name);
}

static void list(struct world *world, const char *command)
{
	static struct trace_call least[TRACE_CALLS_MAX];
	size_t count = 0;

	/* Where the kernel lets them wait they look again and again: the quickest run is meant. */
	for (int i = 0; i < RUNS_LISTED; i++) {
		const struct trace_outcome *outcome = trial_watch(world, command);

		if (outcome->full || outcome->calls == 0 || (count != 0 && outcome->calls >= count))
			continue;
		count = outcome->calls;
		memcpy(least, outcome->call, count * sizeof(*least));
	}
	if (count == 0)
		fail("too many calls, or none");
	for (size_t i = 0; i < count; i++)
		list_call(command, &least[i]);
}

/* ---- making them ------------------------------------------------------------------------------
 */

static time_t now(void)
{
	struct timespec time = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

static void put_escaped(const char *text)
{
	for (; *text != '\0'; text++)
		(void)fputs(*text == '\n'   ? "\\n"
			    : *text == '\t' ? " "
					    : (char[]){*text, '\0'},
			    stdout);
}

static bool walk_one(struct world *world, const char *line)
{
	struct trial trial = {.number = 0};
	char number[16];
	char fault[16];
	bool held;

	if (sscanf(line, "%15s %31s %15s %31s %15s", trial.command, trial.part, number, trial.call,
		   fault) != 5)
		fail("cannot read a fault");
	trial.number = (unsigned)strtoul(number, NULL, 10);
	trial.fault = NULL;
	for (size_t i = 0; i < trial_fault_count; i++)
		if (strcmp(fault, trial_faults[i].name) == 0)
			trial.fault = &trial_faults[i];
	if (trial.fault == NULL)
		fail("there is no such fault");
	held = trial_make(world, &trial);
	(void)printf("%s\t%s %s %u %s %s\t",
		     trial.missed ? "missed"
		     : held	  ? "held"
				  : "failed",
		     trial.command, trial.part, trial.number, trial.call, fault);
	put_escaped(trial.why);
	(void)printf("\t%d\t", trial.result.status);
	put_escaped(trial.result.err);
	(void)fputc('\n', stdout);
	(void)fflush(stdout);
	return held;
}

static int walk(struct world *world, long seconds)
{
	CLEANUP_FREE char *line = NULL;
	time_t end = now() + seconds;
	size_t size = 0;
	bool held = true;

	while (now() < end && getline(&line, &size, stdin) > 0) {
		held = walk_one(world, line) && held;
		if (world->spoilt)
			return SPOILT;
	}
	return trial_end(world) && held ? 0 : 1;
}

int main(int argc, char **argv)
{
	static struct world world;
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "state") == 0) {
		CLEANUP_STATE struct state state;

		state_take(&state, STATE_NET | STATE_SYSCTL | STATE_SELF, NULL);
		state_print(&state);
		return 0;
	}
	if (argc < 3)
		fail("see the head of inject.c");
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		fail("cannot reap others' children");
	trial_begin(&world);
	if (strcmp(verb, "walk") == 0)
		return walk(&world, strtol(argv[2], NULL, 10));
	for (int i = 2; i < argc; i++)
		list(&world, argv[i]);
	return 0;
}
