/* A client on a root filesystem of somebody else's. Needs root, to make one. */
#include "foreign.h"

#include "inhabitant.h"
#include "release.h"
#include "skeleton.h"

#define REAL "/var/lib/pyroute/rootfs"

static int look_at_directories(const void *rootfs)
{
	become_client(rootfs);
	CHECK(is_ours("/", 0755));
	CHECK(is_ours("/etc/conf.d", 0555));
	CHECK(is_ours("/root", 0700));
	CHECK(is_ours("/~/.ssh", 0700));
	CHECK(is_ours("/var/mail", 02775));
	CHECK(is_ours("/var/mail/old", 0755));
	CHECK(is_ours("/tmp", 01777));
	CHECK(is_ours("/usr/share/doc", 0755));
	CHECK(is_ours("/usr/share/secret", 0750));
	return 0;
}

static void every_directory_is_the_clients_roots_with_its_mode(void **state)
{
	(void)state;
	assert_int_equal(in_stage(FAKE, look_at_directories, NULL), 0);
}

static int change_files(const void *rootfs)
{
	static const char *const files[] = {"/etc/passwd", "/~/.profile", "/var/lib/state"};

	become_client(rootfs);
	CHECK(holds("/etc/passwd", "root"));
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		CHECK(is_ours(files[i], 0644));
		CHECK(append(files[i], "more\n"));
		CHECK(chmod(files[i], 0600) == 0);
		CHECK(rename(files[i], "/tmp/away") == 0 && rename("/tmp/away", files[i]) == 0);
	}
	CHECK(holds("/etc/passwd", "root\nmore"));
	CHECK(access("/etc/link", R_OK) == 0);
	CHECK(is_ours("/etc/run-me", 0755));
	CHECK(rename("/etc/link", "/etc/link2") == 0);
	CHECK(append("/var/at-most", "more"));
	return 0;
}

static void files_outside_of_usr_can_be_changed_where_they_are(void **state)
{
	(void)state;
	assert_int_equal(in_stage(FAKE, change_files, NULL), 0);
}

static int change_directories(const void *rootfs)
{
	static const char *const directories[] = {
		"/", "/etc", "/root", "/~", "/~/.ssh", "/var/lib/dpkg/info", "/usr/bin", "/tmp"};

	become_client(rootfs);
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		CHECK(chdir(directories[i]) == 0);
		CHECK(make("new") && rename("new", "newer") == 0 && unlink("newer") == 0);
		CHECK(mkdir("new", 0755) == 0 && make("new/file"));
	}
	/* A program's way to replace a file, and an installer's. */
	CHECK(make("/usr/bin/tool.new") && rename("/usr/bin/tool.new", "/usr/bin/tool") == 0);
	CHECK(holds("/usr/bin/tool", "new"));
	CHECK(unlink("/usr/bin/tool") == 0 && make("/usr/bin/tool"));
	CHECK(append("/usr/bin/tool", "more\n"));
	CHECK(unlink("/usr/share/doc/1") == 0 && unlink("/usr/share/doc/2") == 0);
	CHECK(rmdir("/usr/share/empty") == 0);
	if (kernel_is_before("6.6")) { /* its tmpfs holds no user attributes */
		CHECK(mkdir("/usr/share/empty", 0755) < 0 && errno == EIO);
		return 0;
	}
	/* What was removed stays away. */
	CHECK(mkdir("/usr/share/empty", 0755) == 0);
	CHECK(rmdir("/usr/share/doc") == 0 && access("/usr/share/doc", F_OK) < 0);
	CHECK(mkdir("/usr/share/doc", 0755) == 0 && is_empty("/usr/share/doc"));
	return 0;
}

static void things_are_made_replaced_and_removed_everywhere(void **state)
{
	(void)state;
	assert_int_equal(in_stage(FAKE, change_directories, NULL), 0);
}

static int look_for_secrets(const void *rootfs)
{
	become_client(rootfs);
	CHECK(is_ours("/etc/lock", 0600) && holds("/etc/lock", "") && append("/etc/lock", "1"));
	CHECK(access("/etc/shadow", F_OK) < 0 && errno == ENOENT && make("/etc/shadow"));
	CHECK(is_empty("/root") && make("/root/note"));
	CHECK(is_empty("/~/.ssh") && make("/~/.ssh/id"));
	CHECK(is_empty("/var/closed") && make("/var/closed/secret"));
	CHECK(is_empty("/var/listed") && make("/var/listed/secret"));
	CHECK(is_empty("/usr/share/secret") && make("/usr/share/secret/1"));
	return 0;
}

static void what_the_student_may_not_read_is_empty_or_not_there(void **state)
{
	(void)state;
	assert_int_equal(in_stage(FAKE, look_for_secrets, NULL), 0);
}

static int look_at_the_rest(const void *rootfs)
{
	become_client(rootfs);
	CHECK(is_nobodys("/usr/bin/tool") && holds("/usr/bin/tool", "tool"));
	CHECK(access("/usr/bin/tool", X_OK) == 0);
	CHECK(!append("/usr/bin/tool", "more\n") && errno == EACCES);
	CHECK(chmod("/usr/bin/tool", 0700) < 0 && errno == EPERM);
	CHECK(rename("/usr/bin/tool", "/usr/bin/tool2") < 0 && errno == EOVERFLOW);
	CHECK(rename("/usr/bin", "/usr/bin2") < 0 && errno == EXDEV);
	CHECK(is_nobodys("/var/too-big"));
	CHECK(is_nobodys("/var/lib/dpkg/info/list"));
	CHECK(is_nobodys("/etc/fifo"));
	return 0;
}

static void all_other_files_are_nobodys_and_read_only(void **state)
{
	(void)state;
	assert_int_equal(in_stage(FAKE, look_at_the_rest, NULL), 0);
}

static void nothing_in_the_root_filesystem_itself_changes(void **state)
{
	const unsigned long long before = sum_tree(FAKE);

	(void)state;
	assert_int_equal(in_stage(FAKE, change_files, NULL), 0);
	assert_int_equal(in_stage(FAKE, change_directories, NULL), 0);
	assert_int_equal(in_stage(FAKE, look_for_secrets, NULL), 0);
	assert_int_equal(sum_tree(FAKE), before);
	make_file(FAKE "/etc/one-more", "", 0644);
	assert_int_not_equal(sum_tree(FAKE), before);
}

/* Makes the layer alone, over the root filesystem with what is mounted in it. */
static int make_skeleton(const char *rootfs)
{
	CLEANUP_FD int base = mount_new("tmpfs", NULL, 0, &why);
	CLEANUP_FD int lower = mount_copy(AT_FDCWD, rootfs, AT_RECURSIVE, &why);

	WORKS(base);
	WORKS(lower);
	CHECK(chdir("/") == 0);
	WORKS(mount_attach(base, AT_FDCWD, "var", &why));
	WORKS(file_directory(base, "rootfs", 0755, &why));
	WORKS(mount_attach(lower, base, "rootfs", &why));
	CHECK(fchdir(base) == 0);
	return skeleton_make(base, &why);
}

static int look_at_bounds_of_walk(const void *rootfs)
{
	WORKS(make_skeleton(rootfs));
	CHECK(access("rootfs/usr/mounted/inside", F_OK) == 0);
	CHECK(access(SKELETON_TREE "/usr/mounted", F_OK) == 0);
	CHECK(access(SKELETON_TREE "/usr/mounted/inside", F_OK) < 0);
	CHECK(access(SKELETON_TREE "/var/mounted", F_OK) == 0);
	CHECK(access(SKELETON_TREE "/var/mounted/inside", F_OK) < 0);
	CHECK(access("rootfs/usr/out/conf.d", F_OK) == 0);
	CHECK(access(SKELETON_TREE "/usr/out", F_OK) < 0);
	CHECK(access("rootfs/~/loop/loop/.profile", F_OK) == 0);
	CHECK(faccessat(AT_FDCWD, SKELETON_TREE "/~/loop", F_OK, AT_SYMLINK_NOFOLLOW) == 0);
	CHECK(mkdir(SKELETON_TREE "/more", 0755) < 0 && errno == EROFS);
	return 0;
}

static void mount_inside(const char *path)
{
	char inside[64];

	make_directory(path, 0755);
	assert_int_equal(mount("none", path, "tmpfs", 0, "mode=755"), 0);
	(void)snprintf(inside, sizeof(inside), "%s/inside", path);
	make_directory(inside, 0755);
}

static void no_link_is_followed_and_no_other_file_system_entered(void **state)
{
	(void)state;
	mount_inside(FAKE "/usr/mounted");
	mount_inside(FAKE "/var/mounted");
	assert_int_equal(symlink(".", FAKE "/~/loop"), 0);
	assert_int_equal(in_stage(FAKE, look_at_bounds_of_walk, NULL), 0);
}

static int fail_of_depth(const void *rootfs)
{
	CHECK(make_skeleton(rootfs) == -ELOOP);
	CHECK(strstr(why.text, "the root filesystem: /usr/d/d/d") != NULL);
	return 0;
}

static void directories_are_in_one_another_to_a_bound(void **state)
{
	CLEANUP_FD int dir = open(FAKE "/usr", O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	for (size_t i = 0; i < 64; i++) {
		int next;

		assert_int_equal(file_directory(dir, "d", 0755, &why), 0);
		next = file_open_directory(dir, "d", &why);
		assert_true(next >= 0);
		close_fd(&dir);
		dir = next;
	}
	assert_int_equal(in_stage(FAKE, fail_of_depth, NULL), 0);
}

static int fail_of_number(const void *rootfs)
{
	CHECK(make_skeleton(rootfs) == -ENOSPC);
	return 0;
}

static void directories_are_so_many_and_no_more(void **state)
{
	char path[64];

	(void)state;
	make_directory(FAKE "/usr/many", 0755);
	for (unsigned i = 0; i < 65536; i++) {
		(void)snprintf(path, sizeof(path), FAKE "/usr/many/%u", i);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	assert_int_equal(in_stage(FAKE, fail_of_number, NULL), 0);
}

static int count_copies(const void *rootfs)
{
	size_t count = 0;

	become_client(rootfs);
	CHECK(append("/etc/passwd", "more\n"));
	for (unsigned i = 0; i < 20; i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "/opt/%u", i);
		count += is_ours(path, 0644);
	}
	CHECK(count == 14); /* of 16 MiB; /var/at-most is one, and small files take another */
	return 0;
}

static void files_are_copied_to_a_bound_the_systems_first(void **state)
{
	(void)state;
	make_directory(FAKE "/opt", 0755);
	for (unsigned i = 0; i < 20; i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), FAKE "/opt/%u", i);
		make_big_file(path, MIB);
	}
	assert_int_equal(in_stage(FAKE, count_copies, NULL), 0);
}

static int look_for_skeleton(const void *rootfs)
{
	become_keeper(rootfs);
	return access("/skeleton", F_OK) == 0;
}

static void a_root_filesystem_of_ones_own_has_no_such_layer(void **state)
{
	(void)state;
	assert_int_equal(in_stage(FAKE, look_for_skeleton, NULL), 1);
	assert_int_equal(chown(FAKE, STUDENT, STUDENT), 0);
	assert_int_equal(in_stage(FAKE, look_for_skeleton, NULL), 0);
}

/* ---- with the programs of the real one ------------------------------------------------------- */

/* A line of shell each, which must succeed, one after the other. */
static const char *const programs[] = {
	"stat -c %U:%a /etc /root ~/.ssh /usr/bin /tmp /var/mail | tr '\\n' ' ' >/tmp/modes",
	"grep -qx 'root:755 root:700 root:700 root:755 root:1777 root:2775 ' /tmp/modes",
	"echo net.ipv4.ip_forward = 1 >>/etc/sysctl.conf",
	"sed -i s/PATH/WAY/ /etc/profile && grep -q WAY /etc/profile",
	"mv /etc/ssh/sshd_config /etc/ssh/away && cp -p /etc/ssh/away /etc/ssh/sshd_config",
	"echo alias l=ls >>~/.bashrc && echo 1 >/root/1 && touch /tmp/1",
	"ln -sf /bin/true /usr/bin/cat && cat /nowhere",
	"cp /bin/sh /usr/local/bin/shell && /usr/local/bin/shell -c true",
	"rm /usr/bin/ssh-agent && ! test -e /usr/bin/ssh-agent",
	"python3 -m compileall -q -f /usr/lib/python3*/json",
	"test \"$(stat -c %U /usr/lib/python3*/json/__pycache__/decoder*.pyc)\" = root",
	"useradd bob && echo bob:secret | chpasswd && grep -q '^bob:[$]' /etc/passwd",
	"ssh-keygen -A >/dev/null 2>&1 && test -s /etc/ssh/ssh_host_ed25519_key",
	"ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519",
	"dpkg --remove --force-depends nano >/dev/null 2>&1",
	"! test -e /usr/bin/nano && ! grep -qx /usr/bin/nano /var/lib/dpkg/info/nano.list",
	"ldconfig",
};

/* It takes a tmpfs that holds user attributes. */
static const char *const since_6_6[] = {
	"rm -r /usr/share/doc /var/log /etc/skel && mkdir /usr/share/doc /var/log /etc/skel",
	"test -z \"$(ls -A /usr/share/doc)$(ls -A /var/log)$(ls -A /etc/skel)\"",
};

static int run_all(const char *const *lines, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			(void)execl("/bin/sh", "sh", "-c", lines[i], NULL);
			_exit(127);
		}
		if (pid < 0 || child_wait(pid) != 0) {
			(void)fprintf(stderr, "failed: %s\n", lines[i]);
			return 1;
		}
	}
	return 0;
}

static int run_programs(const void *rootfs)
{
	int result;

	become_client(rootfs);
	WORKS(inhabitant_settle_child(NULL, &why));
	result = run_all(programs, ARRAY_SIZE(programs));
	if (result == 0 && !kernel_is_before("6.6"))
		result = run_all(since_6_6, ARRAY_SIZE(since_6_6));
	return result;
}

static void on_the_real_one_programs_do_what_they_do_elsewhere(void **state)
{
	const unsigned long long before = sum_tree(REAL);

	(void)state;
	assert_int_equal(in_stage(REAL, run_programs, NULL), 0);
	assert_int_equal(sum_tree(REAL), before);
}

static int isolate(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_error("these tests make a root filesystem of root's: run them as root\n");
		return -1;
	}
	(void)umask(022);
	return unshare(CLONE_NEWNS) < 0 || mount_isolate(&why) < 0 ? -1 : 0;
}

int main(void)
{
#define ON_A_FAKE(test) cmocka_unit_test_setup_teardown(test, make_fake, remove_fake)
	const struct CMUnitTest tests[] = {
		ON_A_FAKE(every_directory_is_the_clients_roots_with_its_mode),
		ON_A_FAKE(files_outside_of_usr_can_be_changed_where_they_are),
		ON_A_FAKE(things_are_made_replaced_and_removed_everywhere),
		ON_A_FAKE(what_the_student_may_not_read_is_empty_or_not_there),
		ON_A_FAKE(all_other_files_are_nobodys_and_read_only),
		ON_A_FAKE(nothing_in_the_root_filesystem_itself_changes),
		ON_A_FAKE(no_link_is_followed_and_no_other_file_system_entered),
		ON_A_FAKE(directories_are_in_one_another_to_a_bound),
		ON_A_FAKE(directories_are_so_many_and_no_more),
		ON_A_FAKE(files_are_copied_to_a_bound_the_systems_first),
		ON_A_FAKE(a_root_filesystem_of_ones_own_has_no_such_layer),
		cmocka_unit_test(on_the_real_one_programs_do_what_they_do_elsewhere),
	};

	return cmocka_run_group_tests(tests, isolate, NULL);
}
