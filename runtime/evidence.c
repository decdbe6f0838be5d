#include "evidence.h"

#include "pcapng.h"
#include "supervise.h"
#include "text.h"

#include <fcntl.h>
#include <sys/stat.h>

#define LOG_FILE "router.log"

struct evidence {
	const struct inquiry *inquiry;
	int log;
	const char *path;
	const struct caller *caller;
};

/* A file of ours in DIRECTORY, empty. Neither a link is followed nor a FIFO waited for. */
static int open_file(int directory, const char *name, struct error *error)
{
	CLEANUP_FD int fd = openat(directory, name,
				   O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
	const bool strange = fd < 0 && (errno == ENXIO || errno == ELOOP); /* open(2) */
	struct stat stat = {.st_mode = 0};

	if (!strange && (fd < 0 || fstat(fd, &stat) < 0))
		return error_system(error, errno, "cannot write %s", name);
	if (!S_ISREG(stat.st_mode))
		return error_set(error, EINVAL, "%s is no file; take it away", name);
	if (ftruncate(fd, 0) < 0)
		return error_system(error, errno, "cannot write %s", name);
	return TAKE_FD(fd);
}

static int keep_wire(const struct evidence *evidence, int directory, size_t wire,
		     struct error *error)
{
	const struct capture *capture = &evidence->inquiry->capture;
	const struct capture_wire *leg = &evidence->inquiry->wires[wire];
	char name[IFNAMSIZ + 8];
	CLEANUP_STREAM FILE *stream = NULL;
	int fd;

	(void)snprintf(name, sizeof(name), "%s.pcapng", leg->name);
	fd = open_file(directory, name, error);
	if (fd < 0)
		return fd;
	stream = fdopen(fd, "w");
	if (stream == NULL)
		return error_system(error, errno, "cannot write %s", name);
	pcapng_begin(stream);
	pcapng_add_interface(stream, leg->name, leg->mtu + 18);
	for (size_t i = 0; i < capture->frame_count; i++) {
		const struct capture_frame *frame = &capture->frames[i];
		const struct pcapng_frame out = {.time = frame->time,
						 .length = frame->length,
						 .kept = frame->kept,
						 .bytes = frame->bytes,
						 .sent = frame->sent};

		if (frame->wire == wire)
			pcapng_add_frame(stream, &out);
	}
	if (fflush(stream) != 0 || ferror(stream) != 0)
		return error_system(error, errno, "cannot write %s", name);
	return 0;
}

static int keep_log(const struct evidence *evidence, int directory, struct error *error)
{
	CLEANUP_FD int fd = open_file(directory, LOG_FILE, error);
	char block[65536];
	ssize_t size;

	if (fd < 0)
		return fd;
	if (lseek(evidence->log, 0, SEEK_SET) < 0)
		return error_system(error, errno, "cannot write " LOG_FILE);
	while ((size = read(evidence->log, block, sizeof(block))) > 0)
		if (write(fd, block, (size_t)size) != size)
			return error_system(error, errno, "cannot write " LOG_FILE);
	return 0;
}

/* With the caller's rights: the folder is theirs. */
static int keep_child(void *context, struct error *error)
{
	const struct evidence *evidence = context;
	const char *path = evidence->path;
	CLEANUP_FD int directory = -1;
	char shown[200];

	if (privilege_drop_to_caller(evidence->caller, error) < 0)
		return -error->code;
	(void)text_escape(path, shown, sizeof(shown));
	if (mkdir(path, 0777) < 0 && errno != EEXIST)
		return error_system(error, errno, "--keep: cannot make the folder %s", shown);
	directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return error_system(error, errno, "--keep: cannot open the folder %s", shown);
	for (size_t i = 0; i < evidence->inquiry->leg_count; i++)
		if (keep_wire(evidence, directory, i, error) < 0)
			return error_prefix(error, "--keep");
	if (evidence->log >= 0 && keep_log(evidence, directory, error) < 0)
		return error_prefix(error, "--keep");
	return 0;
}

int evidence_keep(const struct inquiry *inquiry, int log, const char *path,
		  const struct caller *caller, struct error *error)
{
	struct evidence evidence = {inquiry, log, path, caller};

	return supervise_call(keep_child, &evidence, error);
}
