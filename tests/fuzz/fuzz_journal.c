/* Journals and records: text in files that are the user's own where the stage is. Whatever stands
 * there, it is read to its end, and putting back does only what a journal can tell. */
#include "cgroup.h"
#include "host.h"
#include "net.h"
#include "record.h"
#include "sysctl.h"

#include "fuzz.h"

#include <limits.h>
#include <sys/stat.h>

#define BOOT "00000000-0000-0000-0000-000000000000" /* this boot's */

/* ---- in the place of what would change the computer -------------------------------------------
 */

int sysctl_open(const char *path, struct error *error)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? error_system(error, errno, "cannot open %s", path) : fd;
}

int sysctl_read_boot(char boot[SYSCTL_BOOT_SIZE], struct error *error)
{
	(void)error;
	(void)snprintf(boot, SYSCTL_BOOT_SIZE, "%s", BOOT);
	return 0;
}

int sysctl_read(int dir, const char *key, char *value, size_t size, struct error *error)
{
	require(fcntl(dir, F_GETFD) >= 0 && strlen(key) < 300, "a key");
	if (strlen(key) % 8 == 7)
		return error_set(error, ENOENT, "%s is not there", "a key");
	(void)snprintf(value, size, "%zu", strlen(key) % 2);
	return 0;
}

int sysctl_write(int dir, const char *key, const char *value, struct error *error)
{
	require(fcntl(dir, F_GETFD) >= 0 && strlen(key) < 300 && strlen(value) < 32, "a value");
	return strlen(key) % 8 == 6 ? error_set(error, EACCES, "refused") : 0;
}

int net_socket_open(struct nl_sock **sock, struct error *error)
{
	(void)error;
	*sock = NULL;
	return 0;
}

void net_socket_close(struct nl_sock **sock)
{
	require(*sock == NULL, "our socket");
}

int net_link_delete(struct nl_sock *sock, unsigned index, const uint8_t mac[6], struct error *error)
{
	(void)sock;
	return mac[5] == 255 ? error_set(error, EPERM, "cannot remove link %u", index) : 0;
}

/* One that is there is waited for. */
int net_link_is_there(struct nl_sock *sock, unsigned index, bool *there, struct error *error)
{
	(void)sock;
	*there = false;
	return index % 8 == 7 ? error_set(error, EPERM, "cannot look for link %u", index) : 0;
}

int cgroup_remove(const char *parent, struct error *error)
{
	return strlen(parent) > 40 ? error_set(error, EINVAL, "no group of ours") : 0;
}

/* ---- files -------------------------------------------------------------------------------------
 */

/* One folder for all inputs, with one for an heir in it; whoever calls us removes it with TMPDIR.
 */
static int open_folder(void)
{
	static int folder = -1;
	char path[PATH_MAX];
	const char *tmp = getenv("TMPDIR");

	if (folder >= 0)
		return folder;
	(void)snprintf(path, sizeof(path), "%s/fuzz.XXXXXX", tmp != NULL ? tmp : "/tmp");
	require(mkdtemp(path) != NULL && (folder = open(path, O_RDONLY | O_CLOEXEC)) >= 0 &&
			mkdirat(folder, "heir", 0700) == 0,
		"a folder");
	return folder;
}

static void write_file(int folder, const char *name, const uint8_t *data, size_t size)
{
	CLEANUP_FD int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	require(fd >= 0 && write(fd, data, size) == (ssize_t)size, "a file");
}

/* ---- a journal, and an heir's ------------------------------------------------------------------
 */

static void check_line(const char *text, size_t size)
{
	require(strnlen(text, size) < size && strchr(text, '\n') == NULL, "one line");
}

static void fuzz_journal(int folder, struct input *input, bool inherited)
{
	CLEANUP_FD int heir = openat(folder, "heir", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const uint8_t *end = input->size == 0 ? NULL : memchr(input->data, 0xff, input->size);
	size_t first = end == NULL ? input->size : (size_t)(end - input->data);
	struct host_stage stage;
	struct error error = {0};
	int result;

	write_file(folder, "journal", input->data, first);
	write_file(heir, "journal", input->data + first, input->size - first);
	result = host_owner(folder, &stage, &error);
	require(result == 0, "a journal can be read");
	check_line(stage.name, sizeof(stage.name));
	check_line(stage.given, sizeof(stage.given));
	check_line(stage.checkout, sizeof(stage.checkout));
	check_line(stage.cgroup, sizeof(stage.cgroup));
	(void)host_is_here(folder, &error);
	(void)host_has_leg(folder, "net1");
	result = host_restore(folder, inherited ? heir : -1, &error);
	require(result <= 0 && (result == 0 || result == -error.code), "0 or -errno");
	require((faccessat(folder, "journal", F_OK, 0) == 0) == (result < 0),
		"a journal that stays where it is needed");
}

/* ---- records ------------------------------------------------------------------------------------
 */

static int look_at_record(void *context, const struct record_told *told, struct error *error)
{
	(void)context;
	(void)error;
	check_line(told->stage, sizeof(told->stage));
	require(strnlen(told->name, sizeof(told->name)) < sizeof(told->name), "a name");
	check_line(told->checkout, sizeof(told->checkout));
	return 0;
}

/* The first line is the file's name, but for its suffix. */
static void fuzz_record(int folder, struct input *input)
{
	char name[128] = "";
	size_t length = 0;
	struct error error = {0};

	while (input->size > 0 && *input->data != '\n' && length < sizeof(name) - 16) {
		char byte = (char)input_byte(input);

		name[length] = '_';
		if (byte != '/' && byte != '\0')
			name[length] = byte;
		length++;
	}
	(void)snprintf(name + length, sizeof(name) - length, ".scripts");
	(void)input_byte(input);
	write_file(folder, name, input->data, input->size);
	require(record_for_each(folder, look_at_record, NULL, &error) == 0, "all are visited");
	require(unlinkat(folder, name, 0) == 0, "a file to remove");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {.data = data, .size = size};
	uint8_t choice = input_byte(&input);
	int folder = open_folder();
	size_t files = count_files();

	if (choice % 3 == 2)
		fuzz_record(folder, &input);
	else
		fuzz_journal(folder, &input, choice % 3 == 1);
	require(count_files() == files, "as many open files as before");
	return 0;
}
