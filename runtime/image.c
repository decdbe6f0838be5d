#include "image.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3 */
#endif

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* A file that cannot be sealed at all (EINVAL) has no seals. */
static bool is_sealed(int file)
{
	int seals = fcntl(file, F_GET_SEALS);

	return seals >= 0 && (seals & SEALS) == SEALS;
}

/* From 6.3 a memory file that may be executed says so, or the kernel complains in its log; older
 * kernels do not know the flag. */
static int create(const char *name, struct error *error)
{
	const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int image = memfd_create(name, flags | MFD_EXEC);

	if (image < 0 && errno == EINVAL)
		image = memfd_create(name, flags);
	if (image < 0)
		return error_system(error, errno,
				    "cannot make an executable memory file (is the sysctl "
				    "vm.memfd_noexec 2? It must be 0 or 1)");
	return image;
}

static int seal(int image, mode_t mode, struct error *error)
{
	if (fchmod(image, mode) < 0 || fcntl(image, F_ADD_SEALS, SEALS) < 0)
		return error_system(error, errno, "cannot seal a program");
	return 0;
}

int image_make(const char *name, const void *program, size_t size, struct error *error)
{
	CLEANUP_FD int image = create(name, error);
	ssize_t written = image < 0 ? 0 : write(image, program, size);

	if (image < 0)
		return image;
	if (written != (ssize_t)size)
		return error_system(error, written < 0 ? errno : ENOSPC,
				    "cannot write a program to a memory file");
	return seal(image, 0111, error) < 0 ? -error->code : TAKE_FD(image);
}

static int copy(int image, int program, struct error *error)
{
	ssize_t copied;

	do
		copied = sendfile(image, program, NULL, 1 << 20);
	while (copied > 0 || (copied < 0 && errno == EINTR));
	return copied < 0 ? error_system(error, errno, "cannot copy the program") : 0;
}

static int make_copy(int program, struct error *error)
{
	CLEANUP_FD int image = create("pyroute", error);

	if (image < 0 || copy(image, program, error) < 0 || seal(image, 0555, error) < 0)
		return -error->code;
	return TAKE_FD(image);
}

static int open_self(struct error *error)
{
	int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (program < 0)
		return error_system(error, errno, "cannot open /proc/self/exe");
	return program;
}

int image_try(struct error *error)
{
	CLEANUP_FD int program = open_self(error);
	CLEANUP_FD int image = program < 0 ? program : make_copy(program, error);

	return image < 0 ? image : 0;
}

int image_seal_self(char **argv, struct error *error)
{
	CLEANUP_FD int program = open_self(error);
	CLEANUP_FD int image = -1;

	if (program < 0)
		return program;
	if (is_sealed(program)) {
		/* Started by fd, the process would be called after its number: execveat(2). */
		(void)prctl(PR_SET_NAME, program_invocation_short_name);
		return 0;
	}
	image = make_copy(program, error);
	if (image < 0)
		return image;
	(void)fexecve(image, argv, environ);
	return error_system(error, errno, "cannot start the sealed copy of the program");
}
