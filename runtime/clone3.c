#include "clone3.h"

#include <errno.h>
#include <sys/syscall.h>

/* The child has nothing of our frame, for its stack is empty: so all that it needs is in registers
 * that the kernel keeps (syscall(2), "Architecture calling conventions"). */
#if defined(__x86_64__)
long clone3_run(const struct clone_args *args, int (*main)(void *argument), void *argument)
{
	register int (*r8)(void *argument) __asm__("r8") = main;
	register void *r9 __asm__("r9") = argument;
	long result = SYS_clone3;

	__asm__ volatile("	syscall\n"
			 "	test %%rax, %%rax\n"
			 "	jnz 1f\n"
			 "	xor %%ebp, %%ebp\n"
			 "	mov %%r9, %%rdi\n"
			 "	call *%%r8\n"
			 "	mov %%eax, %%edi\n"
			 "	mov %[exit], %%eax\n"
			 "	syscall\n"
			 "1:\n"
			 : "+a"(result)
			 : "D"(args), "S"(sizeof(*args)), "r"(r8),
			   "r"(r9), [exit] "i"(SYS_exit_group)
			 : "rcx", "r11", "cc", "memory");
	return result;
}
#elif defined(__aarch64__)
long clone3_run(const struct clone_args *args, int (*main)(void *argument), void *argument)
{
	register long x0 __asm__("x0") = (long)args;
	register unsigned long x1 __asm__("x1") = sizeof(*args);
	register int (*x2)(void *argument) __asm__("x2") = main;
	register void *x3 __asm__("x3") = argument;
	register long x8 __asm__("x8") = SYS_clone3;

	__asm__ volatile("	svc #0\n"
			 "	cbnz x0, 1f\n"
			 "	mov x29, xzr\n"
			 "	mov x0, x3\n"
			 "	blr x2\n"
			 "	mov x8, %[exit]\n"
			 "	svc #0\n"
			 "1:\n"
			 : "+r"(x0)
			 : "r"(x1), "r"(x2), "r"(x3), "r"(x8), [exit] "i"(SYS_exit_group)
			 : "cc", "memory");
	return x0;
}
#else
#error "tell here how a child of clone3(2) begins on this machine"
#endif
