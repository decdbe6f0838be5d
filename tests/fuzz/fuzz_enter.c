/* connect's outer process, to which the inner one and the launcher say anything: a pidfd or none, a
 * terminal or none, why there is no exec, or nothing any more. */
/* The whole module, for the layout of its messages is its own affair.
 * NOLINTNEXTLINE(bugprone-suspicious-include) */
#include "../../runtime/enter.c"

#include "fuzz.h"

/* Hears what follow() does, in its order, and lets go of what came. */
static void converse(int channel, const struct entrance *entrance)
{
	struct error error = {0};
	int status = 0;
	int result = 0;

	for (int i = 0; result >= 0 && i < (entrance->terminal ? 2 : 1); i++) {
		CLEANUP_FD int file = take_file(channel, &error);

		result = file;
		require(file < 0 || fcntl(file, F_GETFD) == FD_CLOEXEC,
			"a file that no exec keeps");
	}
	if (result >= 0)
		result = hear_exec(channel, entrance->wish->argv, &status, &error);
	check_result(result < 0 ? result : 0, &error);
	require(result >= 0 || status == 0 || (status >= 125 && status <= 127), "a status");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t sizes[] = {1, sizeof(int)};
	struct input input = {.data = data, .size = size};
	uint8_t choice = input_byte(&input);
	char name[] = "\033[2Jtrue";
	char *const argv[] = {name, NULL};
	struct enter_wish wish = {.argv = argv};
	struct entrance entrance = {.wish = &wish, .terminal = choice % 4 < 2};
	struct error error = {0};
	size_t files = count_files();
	int process = -1;
	int ends[2];
	int status;

	make_pair(ends);
	say_all(ends[1], &input, 8, sizes, ARRAY_SIZE(sizes));
	if (choice % 2 == 0)
		check_result(follow(ends[0], &entrance, &process, &status, &error), &error);
	else
		converse(ends[0], &entrance);
	close_fd(&process);
	close_fd(&ends[0]);
	close_fd(&ends[1]);
	require(count_files() == files, "as many open files as before");
	return 0;
}
