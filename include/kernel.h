/* System calls that the C library has no wrapper for, and constants newer than its headers. */
#ifndef PYROUTE_KERNEL_H
#define PYROUTE_KERNEL_H

#include <errno.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KERNEL_OPENAT2_TRIES 1000

/* openat2(2). Returns an fd, or -1 with errno set. A ".." that is to stay inside a root is refused
 * where anything on the computer is renamed or mounted at the same time, and may then be tried
 * again (openat2(2), EAGAIN). */
static inline int kernel_openat2(int dir, const char *path, const struct open_how *how)
{
	int fd = -1;

	for (int i = 0; i < KERNEL_OPENAT2_TRIES; i++) {
		fd = (int)syscall(SYS_openat2, dir, path, how, sizeof(*how));
		if (fd >= 0 || errno != EAGAIN)
			return fd;
	}
	return fd;
}

/* pivot_root(2). Returns 0, or -1 with errno set. */
static inline int kernel_pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(SYS_pivot_root, new_root, put_old);
}

/* Gives a signal its default action, also the two that the C library keeps for itself and whose
 * sigaction(2) refuses to touch: posix_spawn(3) leaves those ignored. Returns 0, or -1. */
static inline int kernel_signal_default(int number)
{
	static const unsigned long
		plain[4]; /* struct kernel_sigaction: SIG_DFL, no flags, no mask */

	return (int)syscall(SYS_rt_sigaction, number, plain, NULL, sizeof(plain[0]));
}

#endif
