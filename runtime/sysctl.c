#include "sysctl.h"

#include <fcntl.h>

#define KEY_SIZE 256

/* A key as sysctl(8) spells it: dots between the parts, a slash for a dot in a part (the interface
 * eth0.5 is eth0/5). */
struct dotted {
	char text[KEY_SIZE];
};

static struct dotted dotted(const char *key)
{
	struct dotted name;

	(void)snprintf(name.text, sizeof(name.text), "%s", key);
	for (char *c = name.text; *c; c++) {
		if (*c == '/')
			*c = '.';
		else if (*c == '.')
			*c = '/';
	}
	return name;
}

int sysctl_open_in(int proc, const char *directory, struct error *error)
{
	int fd = openat(proc, directory, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return error_system(error, errno, "cannot open the settings in %s%s",
				    directory[0] == '/' ? "" : "/proc/", directory);
	return fd;
}

int sysctl_open(const char *directory, struct error *error)
{
	return sysctl_open_in(AT_FDCWD, directory, error);
}

int sysctl_open_link(const char *protocol, const char *name, struct error *error)
{
	char path[64]; /* a link's name has at most 15 bytes */

	(void)snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%.15s", protocol, name);
	return sysctl_open(path, error);
}

int sysctl_read_boot(char boot[SYSCTL_BOOT_SIZE], struct error *error)
{
	CLEANUP_FD int directory = sysctl_open("/proc/sys/kernel/random", error);

	return directory < 0 ? directory
			     : sysctl_read(directory, "boot_id", boot, SYSCTL_BOOT_SIZE, error);
}

int sysctl_read(int directory, const char *key, char *value, size_t size, struct error *error)
{
	CLEANUP_FD int fd = openat(directory, key, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t length = fd < 0 ? -1 : read(fd, value, size);

	if (length < 0)
		return error_system(error, errno, "cannot read the setting %s", dotted(key).text);
	if (length > 0 && value[length - 1] == '\n')
		length--;
	if ((size_t)length >= size)
		return error_set(error, EOVERFLOW,
				 "cannot read the setting %s: it has more than %zu bytes",
				 dotted(key).text, size - 1);
	value[length] = '\0';
	return 0;
}

int sysctl_write(int directory, const char *key, const char *value, struct error *error)
{
	CLEANUP_FD int fd = openat(directory, key, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	/* One write is one setting: the kernel parses what each brings. */
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		return error_system(error, errno, "cannot set %s to %s", dotted(key).text, value);
	return 0;
}

int sysctl_write_all(int directory, const struct sysctl_setting *table, size_t count,
		     struct error *error)
{
	int result = 0;

	for (size_t i = 0; result == 0 && i < count; i++)
		result = sysctl_write(directory, table[i].key, table[i].value, error);
	return result;
}

int sysctl_settle(const char *directory, const struct sysctl_setting *table, size_t count,
		  struct error *error)
{
	CLEANUP_FD int fd = sysctl_open(directory, error);

	if (fd == -ENOENT)
		return 0;
	return fd < 0 ? fd : sysctl_write_all(fd, table, count, error);
}
