/* policy FILE: builds the seccomp program of pyroute's clients and writes it to FILE, for full to
 * load: what a policy costs to build is no client's. */
#include "filter.h"

#include <fcntl.h>

int main(int argc, char **argv)
{
	CLEANUP_FD int program = -1;
	CLEANUP_FD int file = -1;
	CLEANUP_FILTER struct filter filter = {0};
	struct error error = {0};
	ssize_t size;

	if (argc != 2) {
		(void)fprintf(stderr, "usage: policy FILE\n");
		return 2;
	}
	program = filter_file(false, &error);
	if (program < 0 || filter_read(program, &filter, &error) < 0) {
		(void)fprintf(stderr, "policy: %s\n", error.text);
		return 1;
	}
	size = (ssize_t)(filter.length * sizeof(*filter.instructions));
	file = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (file < 0 || write(file, filter.instructions, (size_t)size) != size) {
		(void)fprintf(stderr, "policy: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	return 0;
}
