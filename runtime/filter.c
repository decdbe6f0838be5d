/* A seccomp filter that only libseccomp wrote could not be this policy: its rules say "allowed
 * where", one default stands for the rest, and it cannot say "this call, but not there" on 32 bits
 * of an argument. So the program has two parts. First come the else-tests, a few instructions of
 * ours, which refuse or fall through and never allow; then libseccomp's allowlist, whose default is
 * EPERM and which has the last word. Jumps of BPF are relative, so that putting one in front of the
 * other is all it takes.
 *
 * Arguments are 64 bits wide in a filter, while the kernel reads 32 of an int (an ioctl command, a
 * socket family, a mode). A comparison of all 64 lets TIOCSTI | 1 << 32 through (CVE-2019-10063);
 * so every comparison here is on the low half, which is the first in memory on the little-endian
 * machines that we build for. */
#include "filter.h"

#include <asm/ioctls.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "filter_calls.h"

#if !defined(__x86_64__) && !defined(__aarch64__)
#error "check the order of clone's arguments and of an argument's halves before building here"
#endif

#define SEALS	 (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
#define X32_CALL 0x40000000U /* the bit in the number of an x32 call */

#define LOAD(field)                                                                                \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, field))
#define JUMP(test, value, yes, no) BPF_JUMP(BPF_JMP | BPF_##test | BPF_K, (value), (yes), (no))
#define REFUSE(code)		   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (code))

/* Three tests; each starts from the call's number and ends by falling out of its last line. */
static const struct sock_filter else_tests[] = {
	/* A call that no table knows, made after them: ENOSYS, so that programs fall back. (An x32
	 * number is above all others, and left to libseccomp's check of the architecture.) */
	LOAD(nr),
	JUMP(JGE, X32_CALL, 2, 0),
	JUMP(JGT, CALL_NEWEST, 0, 1),
	REFUSE(ENOSYS),

	/* Typing into a terminal's input, which is the caller's where it was inherited. */
	LOAD(nr),
	JUMP(JEQ, SYS_ioctl, 0, 4),
	LOAD(args[1]),
	JUMP(JEQ, TIOCSTI, 1, 0),
	JUMP(JEQ, TIOCLINUX, 0, 1),
	REFUSE(EPERM),

	/* The other families (AF_ALG, AF_VSOCK, AF_TIPC...) are not there. EAFNOSUPPORT says so:
	 * libpcap, asking for Bluetooth, takes any other error for the end of its search. */
	LOAD(nr),
	JUMP(JEQ, SYS_socket, 1, 0),
	JUMP(JEQ, SYS_socketpair, 0, 7),
	LOAD(args[0]),
	JUMP(JEQ, AF_UNIX, 5, 0),
	JUMP(JEQ, AF_INET, 4, 0),
	JUMP(JEQ, AF_INET6, 3, 0),
	JUMP(JEQ, AF_NETLINK, 2, 0),
	JUMP(JEQ, AF_PACKET, 1, 0),
	REFUSE(EAFNOSUPPORT),
};

/* Where the kernel would refuse it whatever it asks for: the call is not made, and succeeds. */
static const struct sock_filter groups_test[] = {
	LOAD(nr),
	JUMP(JEQ, SYS_setgroups, 0, 1),
	REFUSE(0),
};

static void release_rules(scmp_filter_ctx *rules)
{
	if (*rules)
		seccomp_release(*rules);
}

/* Adds a rule for the call NAME. 0 too where this architecture has no such call: libseccomp then
 * gives it a negative number, but __NR_SCMP_ERROR to a name that no architecture has. */
static int add_named(scmp_filter_ctx rules, uint32_t action, const char *name, unsigned conditions,
		     const struct scmp_arg_cmp *condition)
{
	int number = seccomp_syscall_resolve_name(name);

	if (number == __NR_SCMP_ERROR)
		return -EINVAL;
	if (number < 0)
		return 0;
	return seccomp_rule_add_array(rules, action, number, conditions, condition);
}

static int add_conditional(scmp_filter_ctx rules, const struct conditional_call *call)
{
	struct scmp_arg_cmp condition =
		SCMP_CMP(call->argument, SCMP_CMP_MASKED_EQ, call->mask, call->value);

	if (call->name)
		return add_named(rules, SCMP_ACT_ALLOW, call->name, 1, &condition);
	return seccomp_rule_add_array(rules, SCMP_ACT_ALLOW, call->number, 1, &condition);
}

/* Adds every table of filter_calls.h. */
static int add_calls(scmp_filter_ctx rules, struct error *error)
{
	int result = 0;
	const char *name = NULL;

	for (size_t i = 0; result == 0 && i < ARRAY_SIZE(allowed_calls); i++) {
		name = allowed_calls[i];
		result = add_named(rules, SCMP_ACT_ALLOW, name, 0, NULL);
	}
	for (size_t i = 0; result == 0 && i < ARRAY_SIZE(missing_calls); i++) {
		name = missing_calls[i];
		result = add_named(rules, SCMP_ACT_ERRNO(ENOSYS), name, 0, NULL);
	}
	for (size_t i = 0; result == 0 && i < ARRAY_SIZE(conditional_calls); i++) {
		name = conditional_calls[i].name;
		result = add_conditional(rules, &conditional_calls[i]);
	}
	for (size_t i = 0; result == 0 && i < ARRAY_SIZE(allowed_newer_calls); i++) {
		name = NULL;
		result = seccomp_rule_add_array(rules, SCMP_ACT_ALLOW, allowed_newer_calls[i], 0,
						NULL);
	}
	if (result < 0)
		return error_system(error, -result, "seccomp: cannot add a rule for %s",
				    name ? name : "a newer call");
	return 0;
}

/* Makes the allowlist. The caller releases RULES. */
static int make_rules(scmp_filter_ctx *rules, struct error *error)
{
	int result;

	*rules = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!*rules)
		return error_set(error, ENOMEM, "seccomp: cannot make a filter: no memory");
	/* A new filter is for the native architecture alone. A call by another one's gate (int
	 * 0x80, x32) is no mistake of a program that was built for this system. */
	result = seccomp_attr_set(*rules, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	/* Setting no_new_privs is for who loads the program. */
	if (result == 0)
		result = seccomp_attr_set(*rules, SCMP_FLTATR_CTL_NNP, 0);
	/* 2: a binary tree, some 9 comparisons to any call where the list takes hundreds. */
	if (result == 0)
		result = seccomp_attr_set(*rules, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (result < 0)
		return error_system(error, -result, "seccomp: cannot set up a filter");
	return add_calls(*rules, error);
}

static int write_test(int fd, const struct sock_filter *test, size_t size, struct error *error)
{
	if (write(fd, test, size) != (ssize_t)size)
		return error_system(error, errno, "seccomp: cannot write to a memory file");
	return 0;
}

int filter_build(bool groups_fixed, struct error *error)
{
	CLEANUP(release_rules) scmp_filter_ctx rules = NULL;
	CLEANUP_FD int fd = memfd_create("pyroute-filter", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int result;

	if (fd < 0)
		return error_system(error, errno, "seccomp: cannot make a memory file");
	result = make_rules(&rules, error);
	if (result < 0)
		return result;
	if (write_test(fd, else_tests, sizeof(else_tests), error) < 0 ||
	    (groups_fixed && write_test(fd, groups_test, sizeof(groups_test), error) < 0))
		return -error->code;
	result = seccomp_export_bpf(rules, fd);
	if (result < 0)
		return error_system(error, -result, "seccomp: cannot compile the filter");
	if (fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return error_system(error, errno, "seccomp: cannot seal a memory file");
	return TAKE_FD(fd);
}

int filter_read(int fd, struct filter *filter, struct error *error)
{
	CLEANUP_FREE struct sock_filter *instructions = NULL;
	struct stat status;
	size_t size;

	*filter = (struct filter){0};
	if (fcntl(fd, F_GET_SEALS) != SEALS || fstat(fd, &status) < 0)
		return error_set(error, EINVAL, "seccomp: fd %d is no sealed memory file", fd);
	size = (size_t)status.st_size;
	if (size == 0 || size % sizeof(*instructions) != 0 ||
	    size / sizeof(*instructions) > BPF_MAXINSNS)
		return error_set(error, EINVAL, "seccomp: a filter cannot have %zu bytes", size);
	instructions = malloc(size);
	if (!instructions)
		return error_set(error, ENOMEM, "seccomp: cannot read the filter: no memory");
	if (pread(fd, instructions, size, 0) != (ssize_t)size)
		return error_set(error, EIO, "seccomp: cannot read the filter from fd %d", fd);
	filter->length = (unsigned short)(size / sizeof(*instructions));
	filter->instructions = TAKE_POINTER(instructions);
	return 0;
}

int filter_load(const struct filter *filter, struct error *error)
{
	const struct sock_fprog program = {.len = filter->length, .filter = filter->instructions};

	/* No flags: before Linux 5.16 a filter then also turns speculative store bypass off for
	 * the process (SECCOMP_FILTER_FLAG_SPEC_ALLOW would keep it), which suits foreign code. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0)
		return 0;
	if (errno == EACCES)
		return error_set(error, EACCES,
				 "seccomp: cannot load a filter before no_new_privs is set");
	return error_system(
		error, errno,
		"seccomp: cannot load a filter (the kernel needs CONFIG_SECCOMP_FILTER)");
}

void filter_clear(struct filter *filter)
{
	free_memory(&filter->instructions);
	*filter = (struct filter){0};
}
