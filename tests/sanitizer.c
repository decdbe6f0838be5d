/* Linked to the program that `make check-sanitized` tests: takes care that what a sanitizer says is
 * heard, and that who returns from main() has closed its files. A keeper's and a client's standard
 * error is /dev/null, all other files are closed, and no path of the computer leads anywhere in
 * their namespaces; but memory that is shared with a file stays. So every process maps REPORTS at
 * its beginning, which tests/run.sh looks at in the end. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define REPORTS "/run/pyroute-sanitizer" /* host.sh makes it */
#define SIZE	(1 << 20)		 /* bytes; what does not fit is not needed to be red */

/* What they call, where there is such a function: the names are theirs.
 * NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
void __sanitizer_on_print(const char *text);
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);
int __lsan_is_turned_off(void);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

#define FILES 256 /* of these it is noted which were there at the beginning */

struct reports {
	_Atomic size_t used;
	char text[SIZE - sizeof(size_t)];
};

static struct reports *reports;
static bool inherited[FILES];

__attribute__((constructor)) static void note_files(void)
{
	for (int fd = 0; fd < FILES; fd++)
		inherited[fd] = fcntl(fd, F_GETFD) >= 0;
}

__attribute__((destructor)) static void check_files(void)
{
	char text[128];
	char path[64];
	char target[64];

	for (int fd = 3; fd < FILES; fd++) { /* standard files are made where there are none */
		ssize_t length;

		if (inherited[fd] || fcntl(fd, F_GETFD) < 0)
			continue;
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		length = readlink(path, target, sizeof(target));
		(void)snprintf(text, sizeof(text), "%s leaks fd %d: %.*s\n",
			       program_invocation_short_name, fd, (int)(length < 0 ? 0 : length),
			       target);
		__sanitizer_on_print(text);
	}
}

__attribute__((constructor)) static void map_reports(void)
{
	int fd = open(REPORTS, O_RDWR | O_CLOEXEC);
	void *memory = MAP_FAILED;

	if (fd < 0) /* of a host without it: standard error is all that there is */
		return;
	memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (memory != MAP_FAILED)
		reports = memory;
}

void __sanitizer_on_print(const char *text)
{
	size_t length = strlen(text);
	size_t at;

	if (reports == NULL)
		return;
	at = atomic_fetch_add(&reports->used, length);
	if (at + length <= sizeof(reports->text))
		memcpy(reports->text + at, text, length);
}

const char *__asan_default_options(void)
{
	/* Tests may preload a library that stands for a kernel which lacks something. */
	return "detect_stack_use_after_return=1:strict_string_checks=1:detect_leaks=1:"
	       "verify_asan_link_order=0";
}

const char *__ubsan_default_options(void)
{
	return "print_stacktrace=1";
}

/* Whether strace(1) or the like has us. */
static int is_traced(void)
{
	static const char key[] = "\nTracerPid:\t";
	char text[1024] = "";
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *line = size < 0 ? NULL : strstr(text, key);

	if (fd >= 0)
		(void)close(fd);
	return line != NULL && line[sizeof(key) - 1] != '0';
}

/* Asked at the end of a process that returns from main(). The search for leaks stops it by
 * ptrace(2): one that hides itself from clients does not allow that, and has nothing to hide any
 * more; one that has a tracer cannot have another. */
int __lsan_is_turned_off(void)
{
	if (prctl(PR_GET_DUMPABLE) != 1)
		(void)prctl(PR_SET_DUMPABLE, 1);
	return is_traced();
}
