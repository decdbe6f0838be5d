/* How one knows that the kernel is through with network namespaces: nothing tells, and its counts
 * of objects (/sys/kernel/slab) include what the allocator keeps at hand. But namespaces are taken
 * apart in the order in which they were let go of, a batch after the other (cleanup_net()). So a
 * namespace of our own that we let go of now is taken apart with them or after them, which its link
 * shows; and when a second one goes, the batch of the first is over, to the last byte. */
#include "bench.h"

#include "netlink.h"

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

void world_settle(struct bench *bench)
{
	make_and_wait(bench);
	make_and_wait(bench);
}
