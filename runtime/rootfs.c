#include "rootfs.h"

#include "kernel.h"

#include <elf.h>
#include <fcntl.h>

#define ROOTFS "/var/lib/pyroute/rootfs"
#define REMEDY "build it: sudo scripts/install.sh"

/* The architecture that an ELF program is for, as in its header; 0 where FD is no such program. */
static unsigned machine_of(int fd)
{
	Elf64_Ehdr header; /* e_machine is in the same place in both classes */
	ssize_t length = pread(fd, &header, sizeof(header), 0);

	if (length < (ssize_t)sizeof(Elf32_Ehdr) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
		return 0;
	return header.e_machine;
}

static int check_shell(int rootfs, struct error *error)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	CLEANUP_FD int shell = kernel_openat2(rootfs, "bin/sh", &how);
	CLEANUP_FD int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (shell < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return error_set(error, ENOENT,
				 "the root filesystem " ROOTFS " has no shell; " REMEDY);
	if (shell < 0)
		return error_system(error, errno, "cannot open " ROOTFS "/bin/sh");
	if (self >= 0 && machine_of(shell) != machine_of(self))
		return error_set(error, ENOEXEC,
				 "the root filesystem " ROOTFS
				 " is of another architecture; " REMEDY);
	return 0;
}

int rootfs_open(struct error *error)
{
	CLEANUP_FD int rootfs = open(ROOTFS, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (rootfs < 0 && errno == ENOENT)
		return error_set(error, ENOENT, "there is no root filesystem " ROOTFS "; " REMEDY);
	if (rootfs < 0 && (errno == ENOTDIR || errno == ELOOP))
		return error_set(error, ENOTDIR,
				 "the root filesystem " ROOTFS
				 " is no folder; remove it and " REMEDY);
	if (rootfs < 0)
		return error_system(error, errno, "cannot open the root filesystem " ROOTFS);
	if (check_shell(rootfs, error) < 0)
		return -error->code;
	return TAKE_FD(rootfs);
}
