/* What the fuzzers share: what must hold, an input that is eaten from its head, and the other end
 * of a socket, which says whatever its input tells it to. */
#ifndef PYROUTE_TESTS_FUZZ_H
#define PYROUTE_TESTS_FUZZ_H

#include "error.h"
#include "text.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void require(bool holds, const char *what)
{
	if (holds)
		return;
	(void)fprintf(stderr, "does not hold: %s\n", what);
	abort();
}

/* ---- what a function left behind ------------------------------------------------------------- */

static inline size_t count_files(void)
{
	CLEANUP_DIRECTORY DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	require(directory != NULL, "a look at our files");
	while (readdir(directory) != NULL)
		count++;
	return count;
}

/* TEXT ends within SIZE bytes, and can be shown to a person. */
static inline void check_text(const char *text, size_t size)
{
	size_t length = strnlen(text, size);

	require(length < size, "a text that ends");
	while (*text != '\0') {
		require(text_printable(text) > 0, "a text that can be shown");
		text += text_printable(text);
	}
}

static inline void check_result(int result, const struct error *error)
{
	require(result <= 0, "0 or -errno");
	if (result == 0)
		return;
	require(error->code == -result, "an error that tells its code");
	check_text(error->text, sizeof(error->text));
	require(error->text[0] != '\0', "an error that says something");
}

/* ---- the input: what has come to its end yields zeros -----------------------------------------
 */

struct input {
	const uint8_t *data;
	size_t size;
};

static inline uint8_t input_byte(struct input *input)
{
	if (input->size == 0)
		return 0;
	input->size--;
	return *input->data++;
}

static inline const uint8_t *input_bytes(struct input *input, size_t *size)
{
	const uint8_t *bytes = input->data;

	if (*size > input->size)
		*size = input->size;
	input->data += *size;
	input->size -= *size;
	return bytes;
}

/* ---- the other end ----------------------------------------------------------------------------
 */

#define MESSAGE_MAX 8192 /* bytes */
#define FILES_MAX   253	 /* in one message: SCM_MAX_FD of the kernel */

/* As many files, which the kernel copies, as the input asks for. */
static inline void send_message(int socket, void *data, size_t size, size_t files)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * FILES_MAX)];
		struct cmsghdr header;
	} control = {.bytes = {0}};
	CLEANUP_FD int file = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct iovec part = {.iov_base = data, .iov_len = size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (files > 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * files);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * files);
		for (size_t i = 0; i < files; i++)
			memcpy(CMSG_DATA(&control.header) + i * sizeof(int), &file, sizeof(int));
	}
	(void)sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Puts bytes of the input's choice somewhere into MESSAGE. Three bytes say where (two) and how
 * many, then these come. Returns how many. */
static inline size_t put_bytes(uint8_t *message, size_t size, struct input *input)
{
	size_t at = input_byte(input);
	size_t count;
	const uint8_t *bytes;

	at = (at | (size_t)input_byte(input) << 8) % (size + 1);
	count = input_byte(input);
	bytes = input_bytes(input, &count);
	if (count > size - at)
		count = size - at;
	if (count > 0)
		memcpy(message + at, bytes, count);
	return count;
}

/* Says one thing: a message of one of the sizes that are understood (SIZES, COUNT of them), all
 * zeros but for some bytes, or just some bytes, or too many. Two bytes say which, and how many
 * files (five bits) and further put_bytes() behind the first (three) there are. */
static inline void say_something(int socket, struct input *input, const size_t *sizes, size_t count)
{
	uint8_t message[MESSAGE_MAX] = {0};
	size_t which = input_byte(input) % (count + 2);
	uint8_t files = input_byte(input);
	size_t size = which < count ? sizes[which] : MESSAGE_MAX;
	size_t given = put_bytes(message, size, input);

	for (size_t i = 0; i < files / 32; i++)
		(void)put_bytes(message, size, input);
	if (which == count)
		size = given;
	send_message(socket, message, size, files % 32 == 31 ? FILES_MAX : files % 32);
}

/* Says all that the input holds, at most TURNS things, and then nothing more: its end of file. */
static inline void say_all(int socket, struct input *input, size_t turns, const size_t *sizes,
			   size_t count)
{
	while (input->size > 0 && turns-- > 0)
		say_something(socket, input, sizes, count);
	(void)shutdown(socket, SHUT_WR);
}

static inline void make_pair(int ends[2])
{
	require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0, "a socket pair");
}

#endif
