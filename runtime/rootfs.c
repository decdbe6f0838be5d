#include "rootfs.h"

#include "kernel.h"
#include "text.h"

#include <elf.h>
#include <fcntl.h>

#define ROOTFS "/var/lib/pyroute/rootfs"
#define REMEDY "build it: sudo scripts/install.sh (without root: make rootfs)"

/* Where who is not root builds one of their own (rootfs/build.sh), below HOME. */
#define OWN_ROOTFS ".local/share/pyroute/rootfs"

/* The architecture that an ELF program is for, as in its header; 0 where FD is no such program. */
static unsigned machine_of(int fd)
{
	Elf64_Ehdr header; /* e_machine is in the same place in both classes */
	ssize_t length = pread(fd, &header, sizeof(header), 0);

	if (length < (ssize_t)sizeof(Elf32_Ehdr) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
		return 0;
	return header.e_machine;
}

/* Opens a file below ROOTFS; links in it do not lead out. */
static int open_inside(int rootfs, const char *path)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};

	return kernel_openat2(rootfs, path, &how);
}

static int check_shell(int rootfs, const char *path, struct error *error)
{
	CLEANUP_FD int shell = open_inside(rootfs, "bin/sh");
	CLEANUP_FD int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (shell < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return error_set(error, ENOENT, "the root filesystem %s has no shell; " REMEDY,
				 path);
	if (shell < 0)
		return error_system(error, errno, "cannot open %s/bin/sh", path);
	if (self >= 0 && machine_of(shell) != machine_of(self))
		return error_set(error, ENOEXEC,
				 "the root filesystem %s is of another architecture; " REMEDY,
				 path);
	return 0;
}

static int open_at(const char *path, struct error *error)
{
	CLEANUP_FD int rootfs = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (rootfs < 0 && errno == ENOENT)
		return error_set(error, ENOENT, "there is no root filesystem %s; " REMEDY, path);
	if (rootfs < 0 && (errno == ENOTDIR || errno == ELOOP))
		return error_set(error, ENOTDIR,
				 "the root filesystem %s is no folder; remove it and " REMEDY,
				 path);
	if (rootfs < 0)
		return error_system(error, errno, "cannot open the root filesystem %s", path);
	if (check_shell(rootfs, path, error) < 0)
		return -error->code;
	return TAKE_FD(rootfs);
}

/* Root uses root's alone: its files are to belong to ids that only root can map. */
static void find_path(char path[PATH_MAX])
{
	const char *home = getenv("HOME");

	if (geteuid() != 0 && home != NULL &&
	    snprintf(path, PATH_MAX, "%s/" OWN_ROOTFS, home) < PATH_MAX && access(path, F_OK) == 0)
		return;
	(void)snprintf(path, PATH_MAX, "%s", ROOTFS);
}

int rootfs_open(struct error *error)
{
	char path[PATH_MAX];

	find_path(path);
	return open_at(path, error);
}

static void read_inside(int rootfs, const char *path, char *text, size_t size)
{
	CLEANUP_FD int fd = open_inside(rootfs, path);
	ssize_t length = fd < 0 ? 0 : read(fd, text, size - 1);

	text[length > 0 ? length : 0] = '\0';
}

int rootfs_look(struct rootfs_facts *facts, struct error *error)
{
	CLEANUP_FD int rootfs = -1;
	char text[1024];

	memset(facts, 0, sizeof(*facts));
	find_path(facts->path);
	rootfs = open_at(facts->path, error);
	if (rootfs < 0)
		return rootfs;
	read_inside(rootfs, "etc/os-release", text, sizeof(text));
	text_setting(text, "VERSION_CODENAME", facts->suite, sizeof(facts->suite));
	read_inside(rootfs, "etc/pyroute-rootfs", facts->stamp, sizeof(facts->stamp));
	facts->stamp[strcspn(facts->stamp, "\n")] = '\0';
	return 0;
}
