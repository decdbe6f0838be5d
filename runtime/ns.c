#include "ns.h"

#include "clone3.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define STACK_SIZE ((size_t)256 << 10) /* bytes */
#define GUARD_SIZE ((size_t)64 << 10)  /* a page, of whatever size it is */

static const struct {
	const char *name; /* in /proc/PID/ns */
	int flag;	  /* clone(2), setns(2) */
} kinds[NS_KINDS] = {
	[NS_USER] = {"user", CLONE_NEWUSER},	   [NS_PID] = {"pid", CLONE_NEWPID},
	[NS_IPC] = {"ipc", CLONE_NEWIPC},	   [NS_UTS] = {"uts", CLONE_NEWUTS},
	[NS_CGROUP] = {"cgroup", CLONE_NEWCGROUP}, [NS_NET] = {"net", CLONE_NEWNET},
	[NS_MNT] = {"mnt", CLONE_NEWNS},
};

const char *ns_kind_name(enum ns_kind kind)
{
	return kinds[kind].name;
}

int ns_kind_flag(enum ns_kind kind)
{
	return kinds[kind].flag;
}

void ns_set_close(struct ns_set *set)
{
	for (size_t i = 0; i < NS_KINDS; i++)
		close_fd(&set->fd[i]);
}

int ns_open_self(int proc, enum ns_kind kind, struct error *error)
{
	char path[32];
	int fd;

	(void)snprintf(path, sizeof(path), "self/ns/%s", kinds[kind].name);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_system(error, errno, "cannot open the %s namespace", kinds[kind].name);
	return fd;
}

int ns_open_own(int proc, struct ns_set *set, struct error *error)
{
	CLEANUP_NS_SET struct ns_set own = NS_SET_NONE;

	for (enum ns_kind kind = 0; kind < NS_KINDS; kind++) {
		own.fd[kind] = ns_open_self(proc, kind, error);
		if (own.fd[kind] < 0)
			return -error->code;
	}
	*set = own;
	own = NS_SET_NONE;
	return 0;
}

int ns_open_of(pid_t pid, enum ns_kind kind, struct error *error)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kinds[kind].name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_system(error, errno, "cannot open %s", path);
	return fd;
}

int ns_enter(const struct ns_set *set, struct error *error)
{
	for (size_t i = 0; i < NS_KINDS; i++)
		if (set->fd[i] >= 0 && setns(set->fd[i], kinds[i].flag) < 0)
			return error_system(error, errno, "cannot enter the %s namespace",
					    kinds[i].name);
	return 0;
}

int ns_enter_one(int fd, enum ns_kind kind, struct error *error)
{
	struct ns_set set = NS_SET_NONE;

	set.fd[kind] = fd;
	return ns_enter(&set, error);
}

/* What a failed clone(2) most likely means, as a remedy. */
static const char *clone_remedy(int code)
{
	switch (code) {
	case ENOSPC:
		return " (a limit in /proc/sys/user/ is reached: raise max_user_namespaces there)";
	case EPERM:
		return " (this kernel may forbid user namespaces: see "
		       "/proc/sys/kernel/unprivileged_userns_clone)";
	case EINVAL:
		return " (this kernel lacks a kind of namespace)";
	default:
		return "";
	}
}

static int clone_failed(int code, struct error *error)
{
	return error_set(error, code, "cannot make a process with its namespaces: %s%s",
			 strerror(code), clone_remedy(code));
}

/* As fork(2) does it, the child goes on on its copy of our stack. With the C library's clone() it
 * would have to be given another, every page of which had been touched, and copied, for each child.
 */
static long clone_copy(int cgroup, int flags, int *pidfd)
{
	struct clone_args args = {.flags = (unsigned)flags | CLONE_INTO_CGROUP,
				  .pidfd = (uintptr_t)pidfd,
				  .exit_signal = SIGCHLD,
				  .cgroup = (unsigned)cgroup};

	return cgroup < 0 ? syscall(SYS_clone, flags | SIGCHLD, NULL, pidfd, NULL, NULL)
			  : syscall(SYS_clone3, &args, sizeof(args));
}

pid_t ns_clone_into(int cgroup, int flags, int (*main)(void *argument), void *argument, int *pidfd,
		    struct error *error)
{
	int fd = -1;
	long pid = clone_copy(cgroup, flags | (pidfd != NULL ? CLONE_PIDFD : 0), &fd);

	if (pid == 0)
		_exit(main(argument));
	if (pid < 0)
		return clone_failed(errno, error);
	if (pidfd != NULL)
		*pidfd = fd;
	return (pid_t)pid;
}

pid_t ns_clone(int flags, int (*main)(void *argument), void *argument, int *pidfd,
	       struct error *error)
{
	return ns_clone_into(-1, flags, main, argument, pidfd, error);
}

/* Below a stack lies a page that nobody may touch. */
static char *make_stack(struct error *error)
{
	const int kind = MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK;
	char *stack = mmap(NULL, GUARD_SIZE + STACK_SIZE, PROT_NONE, kind, -1, 0);

	if (stack != MAP_FAILED &&
	    mprotect(stack + GUARD_SIZE, STACK_SIZE, PROT_READ | PROT_WRITE) == 0)
		return stack;
	(void)error_system(error, errno, "cannot make a stack");
	if (stack != MAP_FAILED)
		(void)munmap(stack, GUARD_SIZE + STACK_SIZE);
	return NULL;
}

void ns_free_stack(char **stack)
{
	if (*stack != NULL)
		(void)munmap(*stack, GUARD_SIZE + STACK_SIZE);
	*stack = NULL;
}

pid_t ns_clone_beside(int flags, int (*main)(void *argument), void *argument, int *pidfd,
		      char **stack, struct error *error)
{
	const int wanted = flags | CLONE_VM | (pidfd != NULL ? CLONE_PIDFD : 0) | SIGCHLD;
	pid_t pid;

	*stack = make_stack(error);
	if (*stack == NULL)
		return -error->code;
	pid = clone(main, *stack + GUARD_SIZE + STACK_SIZE, wanted, argument, pidfd);
	return pid < 0 ? clone_failed(errno, error) : pid;
}

pid_t ns_clone_shared_into(int cgroup, int flags, int (*main)(void *argument), void *argument,
			   struct error *error)
{
	CLEANUP(ns_free_stack) char *stack = make_stack(error);
	const struct clone_args args = {
		.flags = (unsigned)flags | CLONE_VM | CLONE_VFORK | CLONE_INTO_CGROUP,
		.exit_signal = (flags & CLONE_PARENT) != 0 ? 0 : SIGCHLD, /* else it is ours */
		.stack = (uintptr_t)stack + GUARD_SIZE,
		.stack_size = STACK_SIZE,
		.cgroup = (unsigned)cgroup};
	long pid = stack == NULL ? -error->code : clone3_run(&args, main, argument);

	return (pid_t)(stack != NULL && pid < 0 ? clone_failed((int)-pid, error) : pid);
}

pid_t ns_clone_shared(int flags, int (*main)(void *argument), void *argument, int *pidfd,
		      struct error *error)
{
	CLEANUP(ns_free_stack) char *stack = NULL;

	return ns_clone_beside(flags | CLONE_VFORK, main, argument, pidfd, &stack, error);
}

/* PROC: an fd of a procfs; a map is written by one write(2). */
static int map_write_lines(int proc, pid_t pid, const char *file, const char *lines,
			   struct error *error)
{
	char path[64];
	CLEANUP_FD int fd = -1;

	(void)snprintf(path, sizeof(path), "%d/%s", (int)pid, file);
	fd = openat(proc, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, lines, strlen(lines)) < 0)
		return error_system(error, errno, "cannot map ids by /proc/%s", path);
	return 0;
}

static int map_write(int proc, pid_t pid, const char *file, const struct ns_ids *ids,
		     struct error *error)
{
	char line[64];

	(void)snprintf(line, sizeof(line), "%u %u %u\n", ids->inside, ids->outside, ids->count);
	return map_write_lines(proc, pid, file, line, error);
}

static int open_proc(struct error *error)
{
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return proc < 0 ? error_system(error, errno, "cannot open /proc") : proc;
}

int ns_map(pid_t pid, const struct ns_ids *uids, const struct ns_ids *gids, struct error *error)
{
	CLEANUP_FD int proc = open_proc(error);
	int result = proc < 0 ? proc : map_write(proc, pid, "uid_map", uids, error);

	return result < 0 ? result : map_write(proc, pid, "gid_map", gids, error);
}

int ns_map_single(pid_t pid, struct error *error)
{
	const struct ns_ids uid = {0, geteuid(), 1};
	const struct ns_ids gid = {0, getegid(), 1};
	CLEANUP_FD int proc = open_proc(error);
	int result = proc < 0 ? proc : map_write_lines(proc, pid, "setgroups", "deny", error);

	return result < 0 ? result : ns_map(pid, &uid, &gid, error);
}

static FILE *open_map(const char *path, struct error *error)
{
	FILE *map = fopen(path, "re");

	if (map == NULL)
		(void)error_system(error, errno, "cannot open %s", path);
	return map;
}

/* Reads the next extent of MAP, a file of user_namespaces(7): 1, or 0 at its end. A map that was
 * read in part would be taken for one of fewer ids. */
static int read_extent(FILE *map, struct ns_ids *ids, struct error *error)
{
	CLEANUP_FREE char *line = NULL;
	size_t size = 0;
	char *rest;

	if (getline(&line, &size, map) <= 0)
		return feof(map) ? 0 : error_system(error, errno, "cannot read a map of ids");
	ids->inside = (unsigned)strtoul(line, &rest, 10);
	ids->outside = (unsigned)strtoul(rest, &rest, 10);
	ids->count = (unsigned)strtoul(rest, NULL, 10);
	return 1;
}

/* Reads our own FILE, and writes what it tells of each id here as of the same id outside. */
static int read_map(const char *file, char lines[NS_MAP_SIZE], struct error *error)
{
	char path[32];
	size_t length = 0;
	struct ns_ids ids = {0};
	CLEANUP_STREAM FILE *map = NULL;
	int more = 0;

	(void)snprintf(path, sizeof(path), "/proc/self/%s", file);
	map = open_map(path, error);
	if (map == NULL)
		return -error->code;
	lines[0] = '\0';
	while (length < NS_MAP_SIZE && (more = read_extent(map, &ids, error)) > 0)
		length += (size_t)snprintf(lines + length, NS_MAP_SIZE - length, "%u %u %u\n",
					   ids.inside, ids.inside, ids.count);
	return more < 0 ? more : 0;
}

int ns_maps_read(struct ns_maps *maps, struct error *error)
{
	int result = read_map("uid_map", maps->uids, error);

	return result < 0 ? result : read_map("gid_map", maps->gids, error);
}

int ns_map_as(int proc, pid_t pid, const struct ns_maps *maps, struct error *error)
{
	int result = map_write_lines(proc, pid, "uid_map", maps->uids, error);

	return result < 0 ? result : map_write_lines(proc, pid, "gid_map", maps->gids, error);
}

int ns_has_group(gid_t gid, struct error *error)
{
	CLEANUP_STREAM FILE *map = open_map("/proc/self/gid_map", error);
	struct ns_ids ids = {0};
	int more;

	if (map == NULL)
		return -error->code;
	while ((more = read_extent(map, &ids, error)) > 0)
		if (gid >= ids.inside && gid - ids.inside < ids.count)
			return 1;
	return more;
}

struct holder {
	int ends[2];
	bool dumpable;
};

/* In the child: waits until its parent has let go of the socket, by will or by dying. Of a process
 * that is not dumpable nobody but root could open the namespaces (ptrace(2), "access mode
 * checking"). */
static int holder_child(void *argument)
{
	const struct holder *holder = argument;
	char byte;

	(void)close(holder->ends[0]);
	if ((holder->dumpable && prctl(PR_SET_DUMPABLE, 1) < 0) ||
	    write(holder->ends[1], "", 1) != 1)
		return 1;
	return read(holder->ends[1], &byte, 1) == 0 ? 0 : 1;
}

static int open_held(pid_t pid, int flags, struct ns_set *set, struct error *error)
{
	CLEANUP_NS_SET struct ns_set held = NS_SET_NONE;

	for (enum ns_kind kind = 0; kind < NS_KINDS; kind++) {
		if ((flags & kinds[kind].flag) == 0)
			continue;
		held.fd[kind] = ns_open_of(pid, kind, error);
		if (held.fd[kind] < 0)
			return held.fd[kind];
	}
	*set = held;
	held = NS_SET_NONE;
	return 0;
}

int ns_make(int flags, const struct ns_ids *uids, const struct ns_ids *gids, struct ns_set *set,
	    struct error *error)
{
	/* For whom root makes it may trace what lives in it, and what does so is root's still. */
	struct holder holder = {.dumpable = getuid() == geteuid()};
	CLEANUP_FD int pidfd = -1;
	int *ends = holder.ends;
	int result = 0;
	char byte;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_system(error, errno, "cannot make a socket pair");
	pid = ns_clone(flags | CLONE_NEWUSER, holder_child, &holder, &pidfd, error);
	close_fd(&ends[1]);
	if (pid < 0) {
		close_fd(&ends[0]);
		return pid;
	}
	if (read(ends[0], &byte, 1) != 1)
		result = error_set(error, ECHILD, "a process that held a namespace was killed");
	if (result == 0)
		result = ns_map(pid, uids, gids, error);
	if (result == 0)
		result = open_held(pid, flags | CLONE_NEWUSER, set, error);
	close_fd(&ends[0]);
	(void)waitpid(pid, NULL, 0);
	return result;
}

int ns_user_for_idmap(const struct ns_ids *uids, const struct ns_ids *gids, struct error *error)
{
	struct ns_set set = NS_SET_NONE;
	int result = ns_make(0, uids, gids, &set, error);

	return result < 0 ? result : set.fd[NS_USER];
}
