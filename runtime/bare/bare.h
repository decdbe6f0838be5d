/* What a program stands on that has no C library, and so no loader: how it is entered, and how it
 * calls the kernel. Such a one is a page long, and starts in a third of the time of others.
 *
 * bare_main() gets what a program begins with (System V ABI, "Process Initialization"): the number
 * of its arguments, these, NULL, and the environment, with NULL too. */
#ifndef PYROUTE_BARE_H
#define PYROUTE_BARE_H

#include <asm/errno.h>
#include <asm/unistd.h>
#include <stddef.h>

#define BARE_FAILED 125 /* PROCESS_FAILED */

__attribute__((noreturn)) void bare_main(long *stack);

#if defined(__x86_64__)
__asm__(".text\n"
	".globl _start\n"
	"_start:\n"
	"	xor %ebp, %ebp\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call bare_main\n");

/* Returns what the kernel does: -errno where the call failed. */
static inline long bare_call(long number, long first, long second, long third, long fourth)
{
	register long r10 __asm__("r10") = fourth;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(first), "S"(second), "d"(third), "r"(r10)
			 : "rcx", "r11", "memory");
	return result;
}
#elif defined(__aarch64__)
__asm__(".text\n"
	".globl _start\n"
	"_start:\n"
	"	mov x29, xzr\n"
	"	mov x0, sp\n"
	"	bl bare_main\n");

static inline long bare_call(long number, long first, long second, long third, long fourth)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = first;
	register long x1 __asm__("x1") = second;
	register long x2 __asm__("x2") = third;
	register long x3 __asm__("x3") = fourth;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return x0;
}
#else
#error "tell here how a program calls the kernel on this machine"
#endif

/* The decimal number that TEXT begins with. */
static inline int bare_number(const char *text)
{
	int number = 0;

	while (*text >= '0' && *text <= '9')
		number = number * 10 + (*text++ - '0');
	return number;
}

__attribute__((noreturn)) static inline void bare_exit(int status)
{
	for (;;)
		(void)bare_call(__NR_exit_group, status, 0, 0, 0);
}

#endif
