/* For the tests of what reads and judges stage files: from text to complaints. */
#ifndef PYROUTE_TESTS_STAGE_TEXT_H
#define PYROUTE_TESTS_STAGE_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config.h"
#include "rules.h"

#include <fcntl.h>
#include <sys/mman.h>

/* A stage that nothing is wrong with; its lines are 1 to 8. */
#define STAGE	"[stage]\ntitle = T\n"
#define NET1	"[net1]\nsubnet = 1.1.1.0/24\ncomputer = 1.1.1.1\n"
#define CLIENT1 "[client1]\nnet1 = 1.1.1.2\ngateway = 1.1.1.1\n"
#define GOOD	STAGE NET1 CLIENT1

/* Where PYROUTE_TEXTS names a folder, it gets every text: what the tests try, the fuzzer begins
 * with.
 */
static inline void keep_text(const char *text, size_t size)
{
	const char *folder = getenv("PYROUTE_TEXTS");
	char path[4096];
	FILE *file;

	if (folder == NULL)
		return;
	(void)snprintf(path, sizeof(path), "%s/%s-XXXXXX", folder, program_invocation_short_name);
	file = fdopen(mkostemp(path, O_CLOEXEC), "we");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static inline int open_text(const char *text, size_t size)
{
	int fd = memfd_create("text", MFD_CLOEXEC);

	keep_text(text, size);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, size), size);
	return fd;
}

/* Reads and checks, as a command does. Returns what rules_check() does. */
static inline int judge(const char *text, size_t size, struct stage *stage,
			struct complaints *complaints)
{
	CLEANUP_FD int fd = open_text(text, size);
	int read;
	int checked;

	*complaints = (struct complaints){.file = "s.ini"};
	read = config_read(fd, "test", stage, complaints);
	assert_int_equal(read, complaints->count ? -EINVAL : 0);
	checked = rules_check(stage, complaints);
	assert_int_equal(checked, complaints->count ? -EINVAL : 0);
	return checked;
}

#endif
