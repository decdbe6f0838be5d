/* connect's outer process, to which the two others say anything: a pidfd or none, a terminal or
 * none, an error, or nothing any more. */
/* The whole module, for the layout of its messages is its own affair.
 * NOLINTNEXTLINE(bugprone-suspicious-include) */
#include "../../runtime/enter.c"

#include "fuzz.h"

/* Hears what follow() does, in its order, and lets go of what came. */
static void converse(int channel)
{
	static const enum speaker order[] = {BETWEEN, INNER, INNER};
	struct error error = {0};
	int result = 1;

	for (size_t i = 0; result > 0 && i < ARRAY_SIZE(order); i++) {
		CLEANUP_FD int file = -1;

		result = i < 2 ? hear_more(channel, order[i], &file, &error)
			       : hear(channel, order[i], &file, &error);
		require(file < 0 || (result > 0 && fcntl(file, F_GETFD) == FD_CLOEXEC),
			"a file with a word alone");
		check_result(result > 0 ? 0 : result, &error);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t sizes[] = {sizeof(struct word)};
	struct input input = {.data = data, .size = size};
	bool whole = input_byte(&input) % 2 == 0;
	struct error error = {0};
	size_t files = count_files();
	int process = -1;
	int ends[2];
	int status;

	make_pair(ends);
	say_all(ends[1], &input, 8, sizes, ARRAY_SIZE(sizes));
	if (whole)
		check_result(follow(ends[0], &process, &status, &error), &error);
	else
		converse(ends[0]);
	close_fd(&process);
	close_fd(&ends[0]);
	close_fd(&ends[1]);
	require(count_files() == files, "as many open files as before");
	return 0;
}
