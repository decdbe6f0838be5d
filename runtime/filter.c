#include "filter.h"

#include <fcntl.h>
#include <filter_program.h> /* which make writes: policy/compile.c */
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

int filter_file(bool groups_fixed, struct error *error)
{
	CLEANUP_FD int fd = memfd_create("pyroute-filter", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	const struct sock_filter *program = groups_fixed ? policy_groups_fixed : policy_usual;
	const size_t size = groups_fixed ? sizeof(policy_groups_fixed) : sizeof(policy_usual);
	const uint32_t refusal = SECCOMP_RET_ERRNO;

	/* Nothing is made of a stage whose clients could not load it. */
	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &refusal) < 0)
		return error_system(error, errno,
				    "seccomp: no filters here (the kernel needs "
				    "CONFIG_SECCOMP_FILTER)");
	if (fd < 0)
		return error_system(error, errno, "seccomp: cannot make a memory file");
	if (write(fd, program, size) != (ssize_t)size)
		return error_system(error, errno, "seccomp: cannot write to a memory file");
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
