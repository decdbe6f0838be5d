/* Kernel settings: the files under /proc/sys. A setting of /proc/sys/net belongs to a network
 * namespace: to the one that sysctl_open() was called in. */
#ifndef PYROUTE_SYSCTL_H
#define PYROUTE_SYSCTL_H

#include "error.h"

/* KEY is a path below the open directory, such as "conf/all/forwarding". */
struct sysctl_setting {
	const char *key;
	const char *value;
};

/* Opens a directory of settings, such as "/proc/sys/net/ipv4", and returns its fd (O_PATH), which
 * the caller owns, or -errno. */
int sysctl_open(const char *directory, struct error *error);

/* The same below PROC, an open directory of a procfs: "sys/net/ipv4". */
int sysctl_open_in(int proc, const char *directory, struct error *error);

/* Opens the settings of the link NAME, or of "all" or "default", in PROTOCOL ("ipv4" or "ipv6"),
 * likewise. -ENOENT too where the link has no such protocol. */
int sysctl_open_link(const char *protocol, const char *name, struct error *error);

/* Reads KEY into VALUE, without the newline at its end. -ENOENT where this kernel has no such
 * setting, -EOVERFLOW where the value and its NUL do not fit into SIZE bytes. */
int sysctl_read(int directory, const char *key, char *value, size_t size, struct error *error);

/* Reads what tells this boot of the kernel from any other, a UUID (random(4)). */
#define SYSCTL_BOOT_SIZE 38 /* with the newline and the NUL that a read of it needs room for */
int sysctl_read_boot(char boot[SYSCTL_BOOT_SIZE], struct error *error);

/* Writes KEY. -ENOENT as above. */
int sysctl_write(int directory, const char *key, const char *value, struct error *error);

/* Writes COUNT settings in the order of TABLE, up to the first that fails. */
int sysctl_write_all(int directory, const struct sysctl_setting *table, size_t count,
		     struct error *error);

/* The same for the directory named, where the kernel has it at all. */
int sysctl_settle(const char *directory, const struct sysctl_setting *table, size_t count,
		  struct error *error);

#endif
