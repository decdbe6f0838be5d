/* Ids and capabilities, read back from the kernel: every case runs in a child of its own, which
 * may lose its rights for good. Needs root. */
#include "child.h"
#include "privilege.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/nsfs.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* A user and groups of the world below, and ids that no system gives anybody. */
#define STUDENT	 54321
#define STUDENTS 54322
#define STRANGER 54324

static const struct caller student = {.uid = STUDENT, .gid = STUDENTS};

/* ---- the world ----------------------------------------------------------------------------- */

static void write_file(const char *path, const char *text)
{
	CLEANUP_STREAM FILE *file = fopen(path, "we");

	CHECK(file != NULL && fputs(text, file) >= 0 && fflush(file) == 0);
}

/* In a mount namespace of the child's own, the system's users are these. */
static void know_the_student(void)
{
	CHECK(unshare(CLONE_NEWNS) == 0);
	CHECK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK(mount("tmpfs", "/tmp", "tmpfs", 0, NULL) == 0);
	write_file("/tmp/passwd", "root:x:0:0::/root:/bin/sh\nstudent:x:54321:54322::/:/bin/sh\n");
	write_file("/tmp/group", "root:x:0:\nstudents:x:54322:\nlab:x:54323:student\n");
	write_file("/tmp/nsswitch.conf", "passwd: files\ngroup: files\n");
	CHECK(mount("/tmp/passwd", "/etc/passwd", NULL, MS_BIND, NULL) == 0);
	CHECK(mount("/tmp/group", "/etc/group", NULL, MS_BIND, NULL) == 0);
	if (access("/etc/nsswitch.conf", F_OK) == 0)
		CHECK(mount("/tmp/nsswitch.conf", "/etc/nsswitch.conf", NULL, MS_BIND, NULL) == 0);
}

/* The value of KEY in /proc/self/status, in a buffer that the next call uses again. */
static const char *status_of(const char *key)
{
	static char status[4096];
	CLEANUP_FD int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t length = read(fd, status, sizeof(status) - 1);
	char *line;

	CHECK(length > 0);
	status[length] = '\0';
	for (line = strtok(status, "\n"); line; line = strtok(NULL, "\n"))
		if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ':')
			break;
	CHECK(line);
	return line + strlen(key) + 2;
}

static bool status_is(const char *key, const char *expected)
{
	const char *value = status_of(key);

	if (strcmp(value, expected) != 0)
		(void)fprintf(stderr, "%s is \"%s\" instead of \"%s\"\n", key, value, expected);
	return strcmp(value, expected) == 0;
}

/* Replaces the child by a shell that succeeds where each line of its /proc/self/status is there
 * as EXPECTED tells. */
static void expect_after_exec(const char *expected)
{
	static char script[1024];

	(void)snprintf(script, sizeof(script),
		       "s=$(grep -E '^(Uid|Gid|Groups|Cap...|NoNewPrivs):' /proc/self/status);"
		       "[ \"$s\" = \"%s\" ] || { echo \"$s\" >&2; exit 1; }",
		       expected);
	(void)execl("/bin/sh", "sh", "-c", script, (char *)NULL);
	CHECK(false);
}

/* ---- the caller ---------------------------------------------------------------------------- */

static void set_sudo(const char *uid, const char *gid)
{
	CHECK((uid ? setenv("SUDO_UID", uid, 1) : unsetenv("SUDO_UID")) == 0);
	CHECK((gid ? setenv("SUDO_GID", gid, 1) : unsetenv("SUDO_GID")) == 0);
}

static void the_caller_is_who_called_sudo_and_only_root_is_believed(void)
{
	struct caller caller;
	struct error error;

	set_sudo("54321", "54322");
	CHECK(privilege_caller(&caller, &error) == 0);
	CHECK(caller.uid == STUDENT && caller.gid == STUDENTS);
	set_sudo(NULL, NULL);
	CHECK(privilege_caller(&caller, &error) == 0 && caller.uid == 0 && caller.gid == 0);
	set_sudo("0", "0");
	CHECK(setresuid(STUDENT, STUDENT, STUDENT) == 0);
	CHECK(privilege_caller(&caller, &error) == 0 && caller.uid == STUDENT);
}

static void values_that_are_no_ids_are_refused(void)
{
	static const char *const bad[] = {
		"", "-1", "+5", " 5", "5 ", "0x10", "4294967295", "12a", "99999999999999999999"};
	struct caller caller;
	struct error error;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		set_sudo(bad[i], "54322");
		CHECK(privilege_caller(&caller, &error) == -EINVAL);
		set_sudo("54321", bad[i]);
		CHECK(privilege_caller(&caller, &error) == -EINVAL);
	}
	set_sudo("54321", NULL);
	CHECK(privilege_caller(&caller, &error) == -EINVAL);
	set_sudo(NULL, "54322");
	CHECK(privilege_caller(&caller, &error) == -EINVAL);
}

/* ---- there and back ------------------------------------------------------------------------ */

static bool can_read(const char *path)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0;
}

static void files_are_opened_with_the_callers_rights_until_resumed(void)
{
	const gid_t before[] = {7, 9};
	struct privilege_saved saved = {0};
	struct error error;
	struct stat status;
	char capabilities[128];

	know_the_student();
	write_file("/tmp/secret", "x");
	CHECK(chmod("/tmp/secret", 0600) == 0 && chmod("/tmp", 0777) == 0);
	CHECK(setgroups(2, before) == 0);
	(void)snprintf(capabilities, sizeof(capabilities), "%s", status_of("CapEff"));

	CHECK(privilege_assume(&student, &saved, &error) == 0);
	CHECK(saved.assumed);
	CHECK(status_is("CapEff", "0000000000000000"));
	CHECK(status_is("Groups", "54322 54323 "));
	CHECK(status_is("Uid", "0\t54321\t0\t54321"));
	CHECK(status_is("Gid", "0\t54322\t0\t54322"));
	CHECK(!can_read("/tmp/secret") && errno == EACCES);
	write_file("/tmp/mine", "x");

	privilege_resume(&saved);
	CHECK(status_is("CapEff", capabilities));
	CHECK(status_is("Groups", "7 9 "));
	CHECK(geteuid() == 0 && getegid() == 0);
	CHECK(can_read("/tmp/secret"));
	CHECK(stat("/tmp/mine", &status) == 0);
	CHECK(status.st_uid == STUDENT && status.st_gid == STUDENTS);
}

static void a_user_whom_the_system_does_not_know_has_one_group(void)
{
	const struct caller stranger = {.uid = STRANGER, .gid = STUDENTS};
	CLEANUP_PRIVILEGE struct privilege_saved saved = {0};
	struct error error;

	CHECK(privilege_assume(&stranger, &saved, &error) == 0);
	CHECK(geteuid() == STRANGER && status_is("Groups", "54322 "));
}

/* With this securebit the kernel leaves capabilities alone when ids change. */
static void an_inherited_securebit_leaves_no_capability_effective(void)
{
	CLEANUP_PRIVILEGE struct privilege_saved saved = {0};
	struct error error;

	CHECK(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0) == 0);
	CHECK(privilege_assume(&student, &saved, &error) == 0);
	CHECK(status_is("CapEff", "0000000000000000"));
}

static void acting_as_oneself_changes_nothing(void)
{
	const struct caller root = {.uid = 0, .gid = 0};
	struct privilege_saved saved = {0};
	struct error error;
	char capabilities[128];

	(void)snprintf(capabilities, sizeof(capabilities), "%s", status_of("CapEff"));
	CHECK(privilege_assume(&root, &saved, &error) == 0 && !saved.assumed);
	CHECK(status_is("CapEff", capabilities));
	privilege_resume(&saved);

	CHECK(setresgid(STUDENTS, STUDENTS, STUDENTS) == 0);
	CHECK(setresuid(STUDENT, STUDENT, STUDENT) == 0);
	CHECK(privilege_assume(&student, &saved, &error) == 0 && !saved.assumed);
	CHECK(privilege_borrow_uid(STUDENT, &saved, &error) == 0 && !saved.assumed);
	privilege_resume(&saved);
	CHECK(privilege_assume(&(struct caller){0, 0}, &saved, &error) == -EPERM);
	privilege_resume(
		&saved); /* by its cleanup attribute, once more: there is nothing to free */
	CHECK(privilege_borrow_uid(STRANGER, &saved, &error) == -EPERM);
	CHECK(geteuid() == STUDENT);
}

static void a_process_that_cannot_go_back_ends(void)
{
	struct privilege_saved saved = {0};
	struct error error;

	CHECK(privilege_assume(&student, &saved, &error) == 0);
	privilege_resume(&saved);
	CHECK(privilege_assume(&student, &saved, &error) == 0);
	CHECK(setresuid(STUDENT, STUDENT, STUDENT) == 0);
	privilege_resume(&saved);
}

static void a_borrowed_uid_keeps_all_capabilities(void)
{
	struct privilege_saved saved = {0};
	struct error error;
	char capabilities[128];

	(void)snprintf(capabilities, sizeof(capabilities), "%s", status_of("CapEff"));
	CHECK(privilege_borrow_uid(STUDENT, &saved, &error) == 0);
	CHECK(status_is("Uid", "0\t54321\t0\t54321"));
	CHECK(status_is("CapEff", capabilities));
	privilege_resume(&saved);
	CHECK(status_is("Uid", "0\t0\t0\t0"));
	CHECK(status_is("CapEff", capabilities));
}

/* ---- user namespaces ----------------------------------------------------------------------- */

/* The first process of a user namespace: waits until it is mapped, becomes its root, and stays
 * until the other end of CHANNEL is closed. */
static void live_in_namespace(int channel)
{
	struct error error;
	char byte;

	CHECK(read(channel, &byte, 1) == 1);
	CHECK(privilege_become_root(&error) == 0);
	CHECK(status_is("Uid", "0\t0\t0\t0") && status_is("Gid", "0\t0\t0\t0"));
	CHECK(status_is("Groups", " "));
	CHECK(privilege_drop_to_client(&error) == 0);
	CHECK(status_is("CapEff", "00000000000435fb"));
	CHECK(read(channel, &byte, 1) >= 0);
	_exit(0);
}

/* A process with no right of its own enters the namespace NS. Exits 0, or with setns()'s errno. */
static pid_t visit(int ns, uid_t uid)
{
	struct error error;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	CHECK(setgroups(0, NULL) == 0 && setresgid(uid, uid, uid) == 0);
	CHECK(setresuid(uid, uid, uid) == 0 && status_is("CapPrm", "0000000000000000"));
	if (setns(ns, CLONE_NEWUSER) < 0)
		_exit(errno);
	CHECK(privilege_become_root(&error) == 0);
	CHECK(getuid() == 0 && getgid() == 0);
	CHECK(strtoull(status_of("CapEff"), NULL, 16) & 1ULL << CAP_SYS_ADMIN);
	_exit(0);
}

static void map(pid_t pid, const char *file)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	write_file(path, "0 1073741824 65536");
}

static int open_namespace(pid_t pid)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int status_of_child(pid_t pid)
{
	int status;

	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void a_user_namespace_made_with_a_borrowed_uid_is_that_users_to_enter(void)
{
	struct privilege_saved saved = {0};
	struct error error;
	int channel[2];
	uid_t owner = 0;
	pid_t pid;

	CHECK(pipe2(channel, O_CLOEXEC) == 0 && setgroups(1, (gid_t[]){7}) == 0);
	CHECK(privilege_borrow_uid(STUDENT, &saved, &error) == 0);
	pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
	CHECK(pid >= 0);
	if (pid == 0) {
		close_fd(&channel[1]);
		live_in_namespace(channel[0]);
	}
	privilege_resume(&saved);
	map(pid, "uid_map");
	map(pid, "gid_map");
	CLEANUP_FD int ns = open_namespace(pid);
	CHECK(ioctl(ns, NS_GET_OWNER_UID, &owner) == 0 && owner == STUDENT);
	CHECK(write(channel[1], "x", 1) == 1);
	CHECK(status_of_child(visit(ns, STRANGER)) == EPERM);
	CHECK(status_of_child(visit(ns, STUDENT)) == 0);
	close_fd(&channel[1]);
	CHECK(status_of_child(pid) == 0);
}

static void root_of_a_single_id_namespace_keeps_the_groups_it_must_keep(void)
{
	struct error error;

	CHECK(unshare(CLONE_NEWUSER) == 0);
	write_file("/proc/self/setgroups", "deny");
	write_file("/proc/self/uid_map", "0 0 1");
	write_file("/proc/self/gid_map", "0 0 1");
	CHECK(privilege_become_root(&error) == 0);
	CHECK(getuid() == 0);
}

static void a_namespace_that_has_no_root_says_so(void)
{
	struct error error;

	CHECK(unshare(CLONE_NEWUSER) == 0);
	write_file("/proc/self/setgroups", "deny");
	write_file("/proc/self/uid_map", "1 0 1");
	write_file("/proc/self/gid_map", "0 0 1");
	CHECK(privilege_become_root(&error) == -EINVAL);
	CHECK(strstr(error.text, "is 0 mapped?"));
}

/* ---- for good ------------------------------------------------------------------------------ */

/* Gives the child what it must not keep: an inheritable and an ambient capability, securebits. */
static void hold_too_much(void)
{
	const cap_value_t chown = CAP_CHOWN;
	cap_t capabilities = cap_get_proc();

	CHECK(capabilities && cap_set_flag(capabilities, CAP_INHERITABLE, 1, &chown, CAP_SET) == 0);
	CHECK(cap_set_proc(capabilities) == 0 && cap_free(capabilities) == 0);
	CHECK(cap_set_ambient(CAP_CHOWN, CAP_SET) == 0);
	CHECK(status_is("CapAmb", "0000000000000001"));
	CHECK(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NO_SETUID_FIXUP, 0, 0, 0) == 0);
	CHECK(strtoull(status_of("CapBnd"), NULL, 16) & 1ULL << CAP_SYS_ADMIN);
}

#define CLIENT_STATUS                                                                              \
	"CapInh:\t0000000000000000\nCapPrm:\t00000000000435fb\nCapEff:\t00000000000435fb\n"        \
	"CapBnd:\t00000000000435fb\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1"

static void a_client_holds_its_capabilities_to_the_bit_before_and_after_exec(void)
{
	struct error error;

	hold_too_much();
	CHECK(setgroups(0, NULL) == 0);
	CHECK(privilege_drop_to_client(&error) == 0);
	CHECK(status_is("CapInh", "0000000000000000") && status_is("CapAmb", "0000000000000000"));
	CHECK(status_is("CapPrm", "00000000000435fb") && status_is("CapEff", "00000000000435fb"));
	CHECK(status_is("CapBnd", "00000000000435fb") && status_is("NoNewPrivs", "1"));
	CHECK(prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) == 0);
	expect_after_exec("Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t \n" CLIENT_STATUS);
}

static void a_client_may_become_an_ordinary_user_without_capabilities(void)
{
	struct error error;

	CHECK(privilege_drop_to_client(&error) == 0);
	CHECK(setgroups(0, NULL) == 0 && setresgid(STUDENTS, STUDENTS, STUDENTS) == 0);
	CHECK(setresuid(STUDENT, STUDENT, STUDENT) == 0);
	CHECK(status_is("CapPrm", "0000000000000000"));
	CHECK(setresuid(0, 0, 0) < 0 && errno == EPERM);
}

static void who_has_no_rights_cannot_pretend_to_drop_them(void)
{
	struct error error;

	CHECK(setresuid(STUDENT, STUDENT, STUDENT) == 0);
	CHECK(privilege_drop_to_client(&error) == -EPERM);
	CHECK(privilege_drop_to_router(&student, &error) == -EPERM);
}

#define ROUTER_STATUS                                                                              \
	"CapInh:\t0000000000002000\nCapPrm:\t0000000000002000\nCapEff:\t0000000000002000\n"        \
	"CapBnd:\t0000000000002000\nCapAmb:\t0000000000002000\nNoNewPrivs:\t1"

static void a_router_is_the_caller_and_holds_net_raw_alone_after_exec(void)
{
	struct error error;

	know_the_student();
	hold_too_much();
	CHECK(privilege_drop_to_router(&student, &error) == 0);
	CHECK(!can_read("/etc/shadow") && errno == EACCES);
	expect_after_exec("Uid:\t54321\t54321\t54321\t54321\nGid:\t54322\t54322\t54322\t54322\n"
			  "Groups:\t54322 54323 \n" ROUTER_STATUS);
}

static void a_router_of_plain_root_holds_net_raw_alone_too(void)
{
	const struct caller root = {.uid = 0, .gid = 0};
	struct error error;

	know_the_student();
	CHECK(privilege_drop_to_router(&root, &error) == 0);
	expect_after_exec("Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t0 \n" ROUTER_STATUS);
}

struct body {
	void (*function)(void);
	int expected; /* as child_run() returns it */
};

static int call_body(const void *argument)
{
	const struct body *body = argument;

	body->function();
	return 0;
}

static void in_child(void **state)
{
	const struct body *body = *state;

	assert_int_equal(child_run(call_body, body), body->expected);
}

/* clang-format off */
#define IN_CHILD(function, expected)                                                               \
	{#function, in_child, NULL, NULL, &(struct body){function, expected}}
/* clang-format on */

static int need_root(void **state)
{
	(void)state;
	if (geteuid() != 0)
		(void)fprintf(stderr, "test_privilege: needs root\n");
	return geteuid() == 0 ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_CHILD(the_caller_is_who_called_sudo_and_only_root_is_believed, 0),
		IN_CHILD(values_that_are_no_ids_are_refused, 0),
		IN_CHILD(files_are_opened_with_the_callers_rights_until_resumed, 0),
		IN_CHILD(a_user_whom_the_system_does_not_know_has_one_group, 0),
		IN_CHILD(an_inherited_securebit_leaves_no_capability_effective, 0),
		IN_CHILD(acting_as_oneself_changes_nothing, 0),
		IN_CHILD(a_process_that_cannot_go_back_ends, KILLED_BY(SIGABRT)),
		IN_CHILD(a_borrowed_uid_keeps_all_capabilities, 0),
		IN_CHILD(a_user_namespace_made_with_a_borrowed_uid_is_that_users_to_enter, 0),
		IN_CHILD(root_of_a_single_id_namespace_keeps_the_groups_it_must_keep, 0),
		IN_CHILD(a_namespace_that_has_no_root_says_so, 0),
		IN_CHILD(a_client_holds_its_capabilities_to_the_bit_before_and_after_exec, 0),
		IN_CHILD(a_client_may_become_an_ordinary_user_without_capabilities, 0),
		IN_CHILD(who_has_no_rights_cannot_pretend_to_drop_them, 0),
		IN_CHILD(a_router_is_the_caller_and_holds_net_raw_alone_after_exec, 0),
		IN_CHILD(a_router_of_plain_root_holds_net_raw_alone_too, 0),
	};

	return cmocka_run_group_tests_name("privilege", tests, need_root, NULL);
}
