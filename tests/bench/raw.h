/* System calls without the C library. The clients of a floor share one memory (CLONE_VM), so that a
 * clone copies no page tables; with it they share the C library's errno, which another client may
 * overwrite at any moment. So whatever runs in a client, or beside one, calls the kernel by these:
 * each returns what the kernel does, -errno where it failed. */
#ifndef PYROUTE_BENCH_RAW_H
#define PYROUTE_BENCH_RAW_H

#include <fcntl.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>

static inline long raw(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
#else
#error "write down how this processor calls the kernel"
#endif
}

/* NUMBER and up to six arguments, numbers or pointers. */
#define RAW(...)				 RAW_PICK(__VA_ARGS__, RAW6, RAW5, RAW4, RAW3, RAW2, RAW1, RAW0)(__VA_ARGS__)
#define RAW_PICK(n, a, b, c, d, e, f, pick, ...) pick
#define RAW0(n)					 raw(n, 0, 0, 0, 0, 0, 0)
#define RAW1(n, a)				 raw(n, (long)(a), 0, 0, 0, 0, 0)
#define RAW2(n, a, b)				 raw(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define RAW3(n, a, b, c)			 raw(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define RAW4(n, a, b, c, d)			 raw(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define RAW5(n, a, b, c, d, e)			 raw(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define RAW6(n, a, b, c, d, e, f)                                                                  \
	raw(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

static inline int raw_open(int dir, const char *path, int flags)
{
	return (int)RAW(SYS_openat, dir, path, flags | O_CLOEXEC, 0644);
}

static inline void raw_close(int fd)
{
	(void)RAW(SYS_close, fd);
}

/* Writes TEXT to the file PATH of DIR, which FLAGS may create: one write(2). */
static inline long raw_write_file(int dir, const char *path, const char *text, int flags)
{
	int fd = raw_open(dir, path, O_WRONLY | flags);
	long result;

	if (fd < 0)
		return fd;
	result = RAW(SYS_write, fd, text, strlen(text));
	raw_close(fd);
	return result < 0 ? result : 0;
}

static inline long raw_mount(const char *what, const char *where, const char *type,
			     unsigned long flags, const char *options)
{
	return RAW(SYS_mount, what, where, type, flags, options);
}

static inline long raw_mkdir(const char *path)
{
	return RAW(SYS_mkdirat, AT_FDCWD, path, 0755);
}

/* Sleeps while *WORD is VALUE, for SECONDS at most. */
static inline long raw_futex_wait(const unsigned *word, unsigned value, long seconds)
{
	const long timeout[2] = {seconds, 0}; /* struct timespec */

	return RAW(SYS_futex, word, FUTEX_WAIT, value, timeout, 0, 0);
}

static inline void raw_futex_wake(const unsigned *word)
{
	(void)RAW(SYS_futex, word, FUTEX_WAKE, 1, 0, 0, 0);
}

/* Text is put together by these, each of which returns its end: snprintf(3) would cost a client two
 * pages of stack. */
static inline char *put_text(char *at, const char *text)
{
	const size_t length = strlen(text);

	memcpy(at, text, length + 1);
	return at + length;
}

static inline char *put_number(char *at, unsigned number)
{
	char digits[10];
	size_t count = 0;

	do
		digits[count++] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	while (count > 0)
		*at++ = digits[--count];
	*at = '\0';
	return at;
}

#endif
