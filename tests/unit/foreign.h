/* A root filesystem whose owner has no id in the stage, and a client on it. The stage is an
 * ordinary user's, whose user namespace maps that one id. */
#ifndef PYROUTE_TEST_FOREIGN_H
#define PYROUTE_TEST_FOREIGN_H

#include "child.h"

#include "file.h"
#include "mount.h"
#include "ns.h"
#include "overlay.h"
#include "privilege.h"
#include "root.h"

#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define STUDENT	 4711
#define PATIENCE 60 /* seconds, for all that a client does in a test */

#define SCRATCH "/mnt" /* a tmpfs, while the tests run */
#define FAKE	SCRATCH "/rootfs"

#define MIB (1 << 20) /* bytes; the largest file that is copied */

static struct error why;

#define WORKS(call)                                                                                \
	do {                                                                                       \
		if ((call) < 0) {                                                                  \
			(void)fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #call,        \
				      why.text);                                                   \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

/* ---- a root filesystem ----------------------------------------------------------------------- */

static inline void make_directory(const char *path, mode_t mode)
{
	assert_int_equal(file_directory(AT_FDCWD, path, mode, &why), 0);
}

static inline void make_file(const char *path, const char *content, mode_t mode)
{
	assert_int_equal(file_create(AT_FDCWD, path, content, mode, &why), 0);
}

static inline void make_big_file(const char *path, off_t size)
{
	make_file(path, "", 0644);
	assert_int_equal(truncate(path, size), 0);
}

static inline int make_fake(void **state)
{
	(void)state;
	assert_int_equal(mount("none", SCRATCH, "tmpfs", 0, "mode=755"), 0);
	make_directory(FAKE, 0755);
	make_directory(FAKE "/etc", 0755);
	make_directory(FAKE "/etc/conf.d", 0555);
	make_directory(FAKE "/root", 0700);
	make_directory(FAKE "/~", 0755);
	make_directory(FAKE "/~/.ssh", 0700);
	make_directory(FAKE "/var", 0755);
	make_directory(FAKE "/var/lib", 0755);
	make_directory(FAKE "/var/lib/dpkg", 0755);
	make_directory(FAKE "/var/lib/dpkg/info", 0755);
	make_directory(FAKE "/var/mail", 02775);
	make_directory(FAKE "/var/mail/old", 0755);
	make_directory(FAKE "/var/closed", 0711);
	make_directory(FAKE "/var/listed", 0744);
	make_directory(FAKE "/tmp", 01777);
	make_directory(FAKE "/usr", 0755);
	make_directory(FAKE "/usr/bin", 0755);
	make_directory(FAKE "/usr/share", 0755);
	make_directory(FAKE "/usr/share/doc", 0755);
	make_directory(FAKE "/usr/share/empty", 0755);
	make_directory(FAKE "/usr/share/secret", 0750);
	make_file(FAKE "/etc/passwd", "root\n", 0644);
	make_file(FAKE "/etc/shadow", "secret\n", 0640);
	make_file(FAKE "/etc/lock", "", 0600);
	make_file(FAKE "/etc/run-me", "#!\n", 06755);
	make_file(FAKE "/root/note", "secret\n", 0644);
	make_file(FAKE "/~/.profile", "home\n", 0644);
	make_file(FAKE "/~/.ssh/id", "secret\n", 0600);
	make_file(FAKE "/var/lib/state", "1\n", 0644);
	make_file(FAKE "/var/lib/dpkg/info/list", "1\n", 0644);
	make_file(FAKE "/var/closed/secret", "1\n", 0644);
	make_file(FAKE "/var/listed/secret", "1\n", 0644);
	make_file(FAKE "/usr/bin/tool", "tool\n", 0755);
	make_file(FAKE "/usr/share/doc/1", "1\n", 0644);
	make_file(FAKE "/usr/share/doc/2", "2\n", 0644);
	make_big_file(FAKE "/var/at-most", MIB);
	make_big_file(FAKE "/var/too-big", MIB + 1);
	assert_int_equal(symlink("../etc", FAKE "/usr/out"), 0);
	assert_int_equal(symlink("passwd", FAKE "/etc/link"), 0);
	assert_int_equal(mkfifo(FAKE "/etc/fifo", 0644), 0);
	return 0;
}

static inline int remove_fake(void **state)
{
	(void)state;
	return umount2(SCRATCH, MNT_DETACH);
}

/* What shows of a tree that somebody changed: everything's inode, mode, size and times. */
static unsigned long long sum_of_tree;

static inline int add_to_sum(const char *path, const struct stat *status, int kind,
			     struct FTW *place)
{
	const unsigned long long facts[] = {status->st_ino,
					    status->st_mode,
					    status->st_nlink,
					    status->st_uid,
					    status->st_gid,
					    (unsigned long long)status->st_size,
					    (unsigned long long)status->st_mtim.tv_sec,
					    (unsigned long long)status->st_mtim.tv_nsec,
					    (unsigned long long)status->st_ctim.tv_sec,
					    (unsigned long long)status->st_ctim.tv_nsec};
	unsigned long long sum = 14695981039346656037ULL; /* FNV-1a */

	(void)kind;
	(void)place;
	for (; *path != '\0'; path++)
		sum = (sum ^ (unsigned char)*path) * 1099511628211ULL;
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
		sum = (sum ^ facts[i]) * 1099511628211ULL;
	sum_of_tree += sum;
	return 0;
}

static inline unsigned long long sum_tree(const char *path)
{
	sum_of_tree = 0;
	assert_int_equal(nftw(path, add_to_sum, 32, FTW_PHYS | FTW_MOUNT), 0);
	return sum_of_tree;
}

/* ---- a client on it -------------------------------------------------------------------------- */

/* What runs in a stage; WHAT is for BODY. */
struct visit {
	const char *rootfs;
	int (*body)(const void *what);
	const void *what;
	int go; /* readable, once the ids are mapped */
};

static inline int keeper_child(void *argument)
{
	const struct visit *visit = argument;
	char byte;

	CHECK(read(visit->go, &byte, 1) == 1);
	WORKS(privilege_become_root(&why));
	CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
	(void)umask(022);
	return visit->body(visit->what != NULL ? visit->what : visit->rootfs);
}

static inline int student(const void *argument)
{
	struct visit visit = *(const struct visit *)argument;
	const int namespaces =
		CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC;
	CLEANUP_FD int pidfd = -1;
	int ends[2];
	pid_t pid;

	CHECK(setresgid(STUDENT, STUDENT, STUDENT) == 0 &&
	      setresuid(STUDENT, STUDENT, STUDENT) == 0);
	/* As after an exec: or /proc/PID/uid_map of our children is root's (prctl(2)). */
	CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
	CHECK(pipe2(ends, O_CLOEXEC) == 0);
	visit.go = ends[0];
	(void)alarm(PATIENCE);
	pid = ns_clone(namespaces, keeper_child, &visit, &pidfd, &why);
	WORKS(pid);
	WORKS(ns_map_single(pid, &why));
	CHECK(write(ends[1], "", 1) == 1);
	return child_wait(pid);
}

/* Runs BODY as root of a stage's user namespace, in the place of a keeper. */
static inline int in_stage(const char *rootfs, int (*body)(const void *what), const void *what)
{
	const struct visit visit = {.rootfs = rootfs, .body = body, .what = what};

	return child_run(student, &visit);
}

static inline void become_keeper(const char *path)
{
	struct stage_client client = {.number = 1};
	const struct stage stage = {.name = "test", .clients = &client, .client_count = 1};
	CLEANUP_FD int rootfs = mount_copy(AT_FDCWD, path, 0, &why);
	CLEANUP_FD int src = mount_new("tmpfs", NULL, 0, &why);

	WORKS(rootfs);
	WORKS(src);
	WORKS(mount_protect(rootfs, 0, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
			    &why));
	WORKS(root_make_for_keeper(&stage, rootfs, src, &why));
}

/* With a client's root, but for what is mounted in it, and a client's rights. */
static inline void become_client(const char *path)
{
	const struct stage_client client = {.number = 1};
	struct overlay_place place = {.in_user_namespace = true};
	CLEANUP_FD int dev = -1;
	CLEANUP_FD int root = -1;

	become_keeper(path);
	place.base = file_open_directory(AT_FDCWD, "/", &why);
	WORKS(place.base);
	root = overlay_make(&place, &client, &why);
	WORKS(root);
	WORKS(mount_attach(root, AT_FDCWD, "/root", &why));
	dev = mount_copy(AT_FDCWD, "/dev", AT_RECURSIVE, &why);
	WORKS(dev);
	WORKS(mount_attach(dev, root, "dev", &why));
	WORKS(mount_become_root(root, &why));
	WORKS(privilege_drop_to_client(&why));
	close_fd(&place.base);
}

static inline bool holds(const char *path, const char *content)
{
	char text[256];

	return file_read(AT_FDCWD, path, text, sizeof(text), &why) >= 0 &&
	       strcmp(text, content) == 0;
}

static inline bool is_ours(const char *path, mode_t mode)
{
	struct stat status;

	return lstat(path, &status) == 0 && status.st_uid == 0 && status.st_gid == 0 &&
	       (status.st_mode & 07777) == mode;
}

static inline bool is_nobodys(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0 && status.st_uid == 65534;
}

/* Whether PATH is a directory with nothing in it. */
static inline bool is_empty(const char *path)
{
	CLEANUP_DIRECTORY DIR *directory = opendir(path);
	const struct dirent *entry;
	size_t count = 0;

	while (directory != NULL && (entry = readdir(directory)) != NULL)
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	return directory != NULL && count == 0;
}

static inline bool append(const char *path, const char *text)
{
	CLEANUP_FD int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

static inline bool make(const char *path)
{
	return file_create(AT_FDCWD, path, "new\n", 0644, &why) == 0;
}

#endif
