/* How one knows that the kernel is through with network namespaces: nothing tells, and its counts
 * of objects (/sys/kernel/slab) include what the allocator keeps at hand.
 *
 * Its workers show what they are at: whoever takes namespaces apart (cleanup_net()) is called
 * "...+netns" meanwhile, and "...-netns" afterwards (wq_worker_comm()). To look there disturbs
 * nothing and is right to half a millisecond.
 *
 * Where workers are not seen, as in a pid namespace, there is another way: namespaces are taken
 * apart in the order in which they were let go of, a batch after the other. So a namespace of our
 * own that we let go of now is taken apart with them or after them, which its link shows; and when
 * a second one goes, the batch of the first is over, to the last byte. But ours take their time
 * too, 40 to 80 ms on a small machine, which would hide much of a difference between others: so the
 * same is done once more, when there is nothing else to do, and what that takes is not counted. It
 * is too much by a batch's time where our first was in the same batch as the last of them. */
#include "bench.h"

#include "netlink.h"

#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define LINK_INDEX 9000 /* below the floors', above what this host has */
#define LOOK_US	   500
#define LIMIT_MS   60000
#define QUIET_MS   20 /* what was begun shows by then */

/* ---- the kernel's workers ---------------------------------------------------------------------
 */

enum workers { WORKERS_UNSEEN, WORKERS_IDLE, WORKERS_BUSY };

/* NAME is that of a process, 64 bytes: a worker's is longer than others'. */
static void read_name(int proc, const char *pid, char name[64])
{
	char path[300];
	CLEANUP_FD int fd = -1;
	ssize_t size;

	(void)snprintf(path, sizeof(path), "%s/comm", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? -1 : read(fd, name, 63);
	name[size > 0 ? size : 0] = '\0';
}

static enum workers look_at_workers(void)
{
	DIR *proc = opendir("/proc");
	enum workers workers = WORKERS_UNSEEN;
	const struct dirent *entry;
	char name[64];

	while (proc != NULL && workers != WORKERS_BUSY && (entry = readdir(proc)) != NULL) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		read_name(dirfd(proc), entry->d_name, name);
		if (strncmp(name, "kworker/", 8) == 0)
			workers = strstr(name, "+netns") != NULL ? WORKERS_BUSY : WORKERS_IDLE;
	}
	if (proc != NULL)
		(void)closedir(proc);
	return workers;
}

/* Returns since when none has anything to do, or 0 where none is seen. */
static int64_t wait_workers(struct bench *bench)
{
	const int64_t end = monotonic_ms() + LIMIT_MS;
	int64_t idle = now_ns();
	enum workers workers;

	while ((workers = look_at_workers()) == WORKERS_BUSY ||
	       (workers == WORKERS_IDLE && now_ns() - idle < INT64_C(1000000) * QUIET_MS)) {
		if (monotonic_ms() > end)
			bench_fail(bench, "the kernel is not through with network namespaces");
		bench_pause(bench, LOOK_US);
		if (workers == WORKERS_BUSY)
			idle = now_ns();
	}
	return workers == WORKERS_IDLE ? idle : 0;
}

/* ---- namespaces of our own --------------------------------------------------------------------
 */

_Noreturn static void wait_child(void)
{
	while (true)
		(void)pause();
}

/* A namespace, and a link that goes with it. */
static void make_link(struct bench *bench, pid_t holder)
{
	char buffer[512] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct batch batch = {.buffer = buffer};
	const struct veth veth = {.name = "settle",
				  .index = LINK_INDEX,
				  .peer = "settle",
				  .peer_index = 2,
				  .peer_ns = holder};
	CLEANUP_FD int socket = netlink_open();
	long result;

	netlink_veth(&batch, &veth);
	result = socket < 0 ? socket : netlink_send(socket, &batch);
	if (result < 0)
		bench_fail(bench, "cannot make a link: %s", strerror((int)-result));
}

static void make_and_wait(struct bench *bench)
{
	CLEANUP_FD int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_ifindex = LINK_INDEX};
	const int64_t end = monotonic_ms() + LIMIT_MS;
	pid_t holder = (pid_t)syscall(SYS_clone, CLONE_NEWNET | SIGCHLD, NULL, NULL, NULL, 0L);

	if (holder == 0)
		wait_child();
	if (holder < 0)
		bench_fail(bench, "cannot make a network namespace: %s", strerror(errno));
	make_link(bench, holder);
	(void)kill(holder, SIGKILL);
	(void)waitpid(holder, NULL, 0);
	for (; ioctl(any, SIOCGIFNAME, &request) == 0; request.ifr_ifindex = LINK_INDEX) {
		if (monotonic_ms() > end)
			bench_fail(bench, "a network namespace does not go");
		bench_pause(bench, LOOK_US);
	}
}

static int64_t pass_two(struct bench *bench)
{
	const int64_t begun = now_ns();

	make_and_wait(bench);
	make_and_wait(bench);
	return now_ns() - begun;
}

int64_t world_settle(struct bench *bench)
{
	const int64_t idle = wait_workers(bench);
	const int64_t begun = now_ns();
	int64_t all;
	int64_t own;

	if (idle > 0)
		return idle;
	table_note(bench,
		   "The kernel's workers are not seen here: when namespaces are gone is right "
		   "to some 40 ms only.");
	all = pass_two(bench);
	own = pass_two(bench);
	return begun + (all > own ? all - own : 0);
}
