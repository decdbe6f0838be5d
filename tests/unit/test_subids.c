/* Subordinate ids: which of them are found in made-up files, and what newuidmap(1) makes of them.
 * Needs root, for a world of its own. */
#include "child.h"

#include "subids.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

/* A user and a group of the world below, and an id that no system gives anybody. */
#define STUDENT	 54321
#define STUDENTS 54322
#define STRANGER 54324

static const struct caller student = {.uid = STUDENT, .gid = STUDENTS};
static const struct subids_files files = {"/tmp/subuid", "/tmp/subgid"};

/* ---- the world ----------------------------------------------------------------------------- */

static void write_file(const char *path, const char *text)
{
	CLEANUP_STREAM FILE *file = fopen(path, "we");

	CHECK(file != NULL && fputs(text, file) >= 0 && fflush(file) == 0);
}

static void cover(const char *path, const char *with, const char *text)
{
	write_file(with, text);
	if (access(path, F_OK) < 0)
		return;
	CHECK(mount(with, path, NULL, MS_BIND, NULL) == 0);
}

/* In a mount namespace of the child's own, the system's users are these. */
static void know_the_student(void)
{
	CHECK(unshare(CLONE_NEWNS) == 0);
	CHECK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK(mount("tmpfs", "/tmp", "tmpfs", 0, "mode=755") == 0);
	cover("/etc/passwd", "/tmp/passwd",
	      "root:x:0:0::/root:/bin/sh\nstudent:x:54321:54322::/:/bin/sh\n");
	cover("/etc/group", "/tmp/group", "root:x:0:\nstudents:x:54322:\n");
	cover("/etc/nsswitch.conf", "/tmp/nsswitch.conf", "passwd: files\ngroup: files\n");
}

static void become_the_student(void)
{
	CHECK(setresgid(STUDENTS, STUDENTS, STUDENTS) == 0);
	CHECK(setresuid(STUDENT, STUDENT, STUDENT) == 0);
	/* As after an exec: or /proc/PID of our children is root's (prctl(2)). */
	CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
}

/* ---- ranges -------------------------------------------------------------------------------- */

static bool finds(const char *uids, const char *gids, unsigned uid_first, unsigned gid_first,
		  unsigned count)
{
	struct subids found = {0};
	struct error error = {0};

	write_file(files.uids, uids);
	write_file(files.gids, gids);
	if (subids_find_ranges(&student, &files, &found, &error) < 0)
		(void)fprintf(stderr, "%s\n", error.text);
	return found.uid_first == uid_first && found.gid_first == gid_first && found.count == count;
}

static void the_first_range_counts_but_for_its_last_id(void)
{
	know_the_student();
	CHECK(finds("student:100000:65536\n", "student:200000:65536\n", 100000, 200000, 65535));
	CHECK(finds("54321:100000:65536\n", "student:100000:65536", 100000, 100000, 65535));
	CHECK(finds("other:100:65536\nstudent:300000:10\nstudent:100000:65536\n",
		    "student:400000:20\n54321:1:9\n", 300000, 400000, 9));
	/* Two are the least of use. */
	CHECK(finds("student:7:1\nstudent:8:0\nstudent:9:2\n", "student:9:2\n", 9, 9, 1));
	CHECK(finds("student:100000:1000000\n", "student:100000:4294867295\n", 100000, 100000,
		    65535));
	/* Names of which this one is a part, and numbers. */
	CHECK(finds("students:1:9\nstuden:2:9\n543210:3:9\n5432:4:9\nstudent:5:9\n",
		    "\nstudent\n:6:9\nstudent:7:9\n", 5, 7, 8));
}

static void what_is_no_range_is_named(void)
{
	static const char *const bad[] = {"",	  ":",	  "1",	  "1:",		  ":1",
					  "-1:9", "1:-9", "1:9:", "0x10:9",	  " 1:9",
					  "1: 9", "1:9 ", "a:b",  "4294967296:9", "1:4294967296"};
	struct subids found;
	struct error error;
	char line[64];

	know_the_student();
	write_file(files.gids, "student:1:9\n");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		(void)snprintf(line, sizeof(line), "student:%s\nstudent:1:9\n", bad[i]);
		write_file(files.uids, line);
		CHECK(subids_find_ranges(&student, &files, &found, &error) == -EINVAL);
		CHECK(strcmp(error.text, "in /tmp/subuid the line of student is not "
					 "NAME:FIRST:COUNT; mend it") == 0);
	}
}

static void refuses(const char *uids, const char *gids, const char *text)
{
	struct subids found;
	struct error error = {0};

	if (uids != NULL)
		write_file(files.uids, uids);
	if (gids != NULL)
		write_file(files.gids, gids);
	CHECK(subids_find_ranges(&student, &files, &found, &error) == -ENOENT);
	if (strcmp(error.text, text) != 0)
		(void)fprintf(stderr, "%s\n", error.text);
	CHECK(strcmp(error.text, text) == 0);
}

static void who_has_none_is_told_how_to_get_some(void)
{
	struct subids found;
	struct error error = {0};

	know_the_student();
	refuses(NULL, NULL,
		"no subordinate ids for student in /tmp/subuid and /tmp/subgid; sudo usermod "
		"--add-subuids 100000-165535 --add-subgids 100000-165535 student");
	/* Never those of somebody else. */
	refuses("other:100000:65536\nanother:300000:1000\n", "other:100000:65536\n",
		"no subordinate ids for student in /tmp/subuid and /tmp/subgid; sudo usermod "
		"--add-subuids 301000-366535 --add-subgids 301000-366535 student");
	refuses("student:100000:65536\n", NULL,
		"no subordinate ids for student in /tmp/subgid; "
		"sudo usermod --add-subgids 165536-231071 student");
	refuses("student:100000:1\n", "student:200000:65536\n",
		"no subordinate ids for student in /tmp/subuid; "
		"sudo usermod --add-subuids 265536-331071 student");
	CHECK(subids_find_ranges(&(struct caller){STRANGER, STUDENTS}, &files, &found, &error) ==
	      -ENOENT);
	CHECK(strcmp(error.text, "no subordinate ids: user 54324 is not in /etc/passwd") == 0);
}

/* ---- programs ------------------------------------------------------------------------------ */

static void make_program(const char *path, mode_t mode)
{
	write_file(path, "");
	CHECK(chmod(path, mode) == 0);
}

/* /usr/bin without any, and two folders more. */
static void make_folders(void)
{
	CHECK(mount("tmpfs", "/usr/bin", "tmpfs", 0, "mode=755") == 0);
	CHECK(mkdir("/tmp/one", 0755) == 0 && mkdir("/tmp/two", 0755) == 0);
}

static void programs_are_those_of_path_that_have_rights_and_then_of_usr_bin(void)
{
	const char folders[] = "tmp/one::/tmp/one:/tmp/two";
	struct subids found;
	struct error error = {0};

	know_the_student();
	make_folders();
	make_program("/usr/bin/newuidmap", 04755);
	make_program("/usr/bin/newgidmap", 04755);
	CHECK(subids_find_programs(NULL, &found, &error) == 0);
	CHECK(strcmp(found.newuidmap, "/usr/bin/newuidmap") == 0);
	make_program("/tmp/one/newuidmap", 0755);
	make_program("/tmp/two/newuidmap", 04755);
	make_program("/tmp/one/newgidmap", 04644);
	CHECK(chdir("/") == 0 && subids_find_programs(folders, &found, &error) == 0);
	CHECK(strcmp(found.newuidmap, "/tmp/two/newuidmap") == 0);
	CHECK(strcmp(found.newgidmap, "/usr/bin/newgidmap") == 0);
	/* cap_setuid+ep, as linux/capability.h lays it out: revision 2, in bytes from the low end.
	 */
	CHECK(setxattr("/tmp/one/newuidmap", "security.capability",
		       "\1\0\0\2\200\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20, 0) == 0);
	CHECK(subids_find_programs(folders, &found, &error) == 0);
	CHECK(strcmp(found.newuidmap, "/tmp/one/newuidmap") == 0);
}

static void programs_that_could_not_do_it_are_none(void)
{
	struct subids found;
	struct error error = {0};

	know_the_student();
	make_folders();
	CHECK(subids_find_programs("/tmp/one", &found, &error) == -ENOPKG);
	CHECK(strcmp(error.text, "there is no newuidmap in PATH; sudo apt-get install uidmap") ==
	      0);
	make_program("/tmp/one/newuidmap", 04755);
	CHECK(subids_find_programs("/tmp/one", &found, &error) == -ENOPKG);
	CHECK(strstr(error.text, "there is no newgidmap in PATH"));
	make_program("/tmp/one/newgidmap", 04755);
	CHECK(subids_find_programs("/tmp/one", &found, &error) == 0);
	CHECK(chown("/tmp/one/newgidmap", STUDENT, 0) == 0);
	CHECK(chmod("/tmp/one/newgidmap", 04755) == 0);
	CHECK(subids_find_programs("/tmp/one", &found, &error) == -ENOPKG);
	CHECK(strcmp(error.text, "newgidmap is not set-uid root, or its file system is mounted "
				 "nosuid; sudo apt-get install --reinstall uidmap") == 0);
	CHECK(chown("/tmp/one/newgidmap", 0, 0) == 0 && chmod("/tmp/one/newgidmap", 04755) == 0);
	CHECK(subids_find_programs("/tmp/one", &found, &error) == 0);
	CHECK(mount(NULL, "/tmp", NULL, MS_REMOUNT | MS_NOSUID, NULL) == 0);
	CHECK(subids_find_programs("/tmp/one", &found, &error) == -ENOPKG);
	CHECK(mount(NULL, "/tmp", NULL, MS_REMOUNT, NULL) == 0);
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(subids_find_programs("/tmp/one", &found, &error) == -EPERM);
}

/* ---- mapping ------------------------------------------------------------------------------- */

/* A child in a user namespace of its own, which ends with its parent. */
static pid_t start_namespace(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

	CHECK(pid >= 0);
	if (pid > 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (pause() < 0)
		continue;
	_exit(1);
}

static bool map_is(pid_t pid, const char *name, const char *expected)
{
	char path[64];
	char text[128];
	ssize_t length;
	CLEANUP_FD int fd = -1;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = read(fd, text, sizeof(text) - 1);
	CHECK(length >= 0);
	text[length] = '\0';
	if (strcmp(text, expected) != 0)
		(void)fprintf(stderr, "%s is \"%s\"\n", name, text);
	return strcmp(text, expected) == 0;
}

/* The world with ranges in it, and the student in it. */
static void live_with_ranges(struct subids *ids)
{
	struct error error = {0};

	know_the_student();
	cover("/etc/subuid", "/tmp/subuid", "other:1000:9\nstudent:100000:65536\n");
	cover("/etc/subgid", "/tmp/subgid", "54321:300000:1000\n");
	become_the_student();
	CHECK(subids_find(&student, ids, &error) == 0);
}

static void the_ranges_are_mapped(void)
{
	struct subids ids;
	struct error error = {0};
	sigset_t held;
	pid_t pid;

	live_with_ranges(&ids);
	pid = start_namespace();
	CHECK(subids_map(pid, &ids, &error) == 0);
	CHECK(map_is(pid, "uid_map",
		     "         0      54321          1\n         1     100000        999\n"));
	CHECK(map_is(pid, "gid_map",
		     "         0      54322          1\n         1     300000        999\n"));
	CHECK(map_is(pid, "setgroups", "allow\n"));
	/* Whoever waits for children finds this one alone, and signals come as before. */
	CHECK(waitpid(-1, NULL, WNOHANG) == 0);
	CHECK(sigprocmask(SIG_BLOCK, NULL, &held) == 0 && !sigismember(&held, SIGTERM));
}

static void what_newuidmap_says_is_told(void)
{
	struct subids ids;
	struct error error = {0};
	pid_t pid;

	live_with_ranges(&ids);
	pid = start_namespace();
	ids.uid_first = 1000;
	CHECK(subids_map(pid, &ids, &error) == -EPERM);
	CHECK(strcmp(error.text, "newuidmap: uid range [1-1000) -> [1000-1999) not allowed") == 0);
	CHECK(map_is(pid, "uid_map", ""));
	ids.uid_first = 100000;
	ids.gid_first = 1000;
	CHECK(subids_map(pid, &ids, &error) == -EPERM);
	CHECK(strstr(error.text, "newgidmap: gid range [1-1000) -> [1000-1999) not allowed"));
	(void)snprintf(ids.newuidmap, sizeof(ids.newuidmap), "/nowhere/newuidmap");
	CHECK(subids_map(pid, &ids, &error) == -ENOENT);
	CHECK(strstr(error.text, "cannot run /nowhere/newuidmap"));
}

static void run_instead(const char *commands, struct subids *ids, struct error *error)
{
	write_file("/tmp/instead", commands);
	CHECK(chmod("/tmp/instead", 0755) == 0);
	(void)snprintf(ids->newuidmap, sizeof(ids->newuidmap), "/tmp/instead");
	(void)snprintf(ids->newgidmap, sizeof(ids->newgidmap), "/tmp/instead");
	(void)subids_map(77, ids, error);
}

static void a_program_gets_no_environment_and_says_one_line(void)
{
	struct subids ids = {.uid_first = 5, .gid_first = 6, .count = 7};
	struct error error = {0};

	know_the_student();
	CHECK(setenv("SECRET", "x", 1) == 0);
	run_instead("#!/bin/sh\necho \"$* ${SECRET-none}\" >&2\necho two >&2\nexit 3\n", &ids,
		    &error);
	CHECK(error.code == EPERM && strcmp(error.text, "77 0 0 1 1 5 7 none") == 0);
	run_instead("#!/bin/sh\nprintf 'a\\033b' >&2\nexit 3\n", &ids, &error);
	CHECK(strcmp(error.text, "a\\x1bb") == 0);
	run_instead("#!/bin/sh\nhead -c 1000000 /dev/zero | tr '\\0' x >&2\nexit 3\n", &ids,
		    &error);
	CHECK(strlen(error.text) > 200 && strspn(error.text, "x.") == strlen(error.text));
	run_instead("#!/bin/sh\nkill -9 $$\n", &ids, &error);
	CHECK(strcmp(error.text, "/tmp/instead ended with status 137") == 0);
	error.code = 0;
	run_instead("#!/bin/sh\necho \"a warning\" >&2\n", &ids, &error);
	CHECK(error.code == 0);
}

static int call_body(const void *argument)
{
	void (*const *body)(void) = argument;

	(*body)();
	return 0;
}

static void in_child(void **state)
{
	assert_int_equal(child_run(call_body, *state), 0);
}

/* clang-format off */
#define IN_CHILD(function)                                                                         \
	{#function, in_child, NULL, NULL, &(void (*)(void)){function}}
/* clang-format on */

static int need_root(void **state)
{
	(void)state;
	if (geteuid() != 0)
		(void)fprintf(stderr, "test_subids: needs root\n");
	return geteuid() == 0 ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_CHILD(the_first_range_counts_but_for_its_last_id),
		IN_CHILD(what_is_no_range_is_named),
		IN_CHILD(who_has_none_is_told_how_to_get_some),
		IN_CHILD(programs_are_those_of_path_that_have_rights_and_then_of_usr_bin),
		IN_CHILD(programs_that_could_not_do_it_are_none),
		IN_CHILD(the_ranges_are_mapped),
		IN_CHILD(what_newuidmap_says_is_told),
		IN_CHILD(a_program_gets_no_environment_and_says_one_line),
	};

	return cmocka_run_group_tests_name("subids", tests, need_root, NULL);
}
