/* The keeper. It shares root's memory and files; while its template is made root waits, so that the
 * C library's errno is its own for that time. */
#include "full.h"

#include "raw.h"

#include <grp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define CLIENT_NAMESPACES (CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC)

#define OPEN_FILES     1024
#define OPEN_FILES_MAX 65536 /* or what we have ourselves */

#define DATA (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static long keeper_failed(struct full *full, const char *step, long code)
{
	full->step = step;
	full->code = code;
	return code;
}

/* CALL as the C library's: -1 and errno. */
#define KEEPER_TRY(full, step, call)                                                               \
	do {                                                                                       \
		if ((call) < 0)                                                                    \
			return keeper_failed(full, step, -errno);                                  \
	} while (0)

/* The calls themselves: the C library's would make every thread change its ids, and knows none
 * here. */
static long become_root_keeper(struct full *full)
{
	KEEPER_TRY(full, "setgroups", syscall(SYS_setgroups, 0, NULL));
	KEEPER_TRY(full, "setresgid", syscall(SYS_setresgid, 0, 0, 0));
	KEEPER_TRY(full, "setresuid", syscall(SYS_setresuid, 0, 0, 0));
	/* Should be after the ids, a change of which clears it. */
	KEEPER_TRY(full, "prctl", prctl(PR_SET_PDEATHSIG, SIGKILL));
	return 0;
}

/* What every client has not, and needs not give up itself. */
static long give_up_keeper(struct full *full)
{
	static const struct rlimit core = {0, 0};
	struct rlimit files;
	const uint64_t kept = full_capabilities();
	sigset_t all;

	for (unsigned i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		if ((kept >> i & 1) == 0)
			KEEPER_TRY(full, "bounding set", prctl(PR_CAPBSET_DROP, i, 0, 0, 0));
	KEEPER_TRY(full, "no_new_privs", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	KEEPER_TRY(full, "open files", getrlimit(RLIMIT_NOFILE, &files));
	files.rlim_max = files.rlim_max < OPEN_FILES_MAX ? files.rlim_max : OPEN_FILES_MAX;
	files.rlim_cur = OPEN_FILES;
	KEEPER_TRY(full, "open files", setrlimit(RLIMIT_NOFILE, &files));
	KEEPER_TRY(full, "core", setrlimit(RLIMIT_CORE, &core));
	(void)sigfillset(&all);
	KEEPER_TRY(full, "signals", sigprocmask(SIG_SETMASK, &all, NULL));
	return 0;
}

/* ---- the template: what every client gets a copy of -------------------------------------------
 */

static long write_common_keeper(struct full *full)
{
	static const char *const directories[] = {"common/~",	 "common/~/src", "common/dev",
						  "common/proc", "common/sys",	 "common/etc"};

	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		KEEPER_TRY(full, directories[i], mkdir(directories[i], 0755));
	if (raw_write_file(AT_FDCWD, "common/etc/hosts", full->hosts, O_CREAT) < 0 ||
	    raw_write_file(AT_FDCWD, "common/etc/resolv.conf", "# a stage has no name server\n",
			   O_CREAT) < 0)
		return keeper_failed(full, "common/etc", -EIO);
	return 0;
}

static long attach_keeper(struct full *full, int mount, const char *path)
{
	KEEPER_TRY(full, path, move_mount(mount, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH));
	return 0;
}

/* The keeper's own /proc and /sys are there because the kernel lets a user namespace mount these
 * only where it sees them whole already. */
static long fill_template_keeper(struct full *full)
{
	static const char *const directories[] = {"rootfs", "src",  "dev",   "proc",  "sys",
						  "upper",  "root", "empty", "common"};

	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		KEEPER_TRY(full, directories[i], mkdir(directories[i], 0755));
	if (write_common_keeper(full) < 0 || attach_keeper(full, full->rootfs, "rootfs") < 0 ||
	    attach_keeper(full, full->src, "src") < 0 || attach_keeper(full, full->dev, "dev") < 0)
		return full->code;
	KEEPER_TRY(full, "proc", mount("proc", "proc", "proc", DATA, NULL));
	KEEPER_TRY(full, "sysfs", mount("sysfs", "sys", "sysfs", DATA | MS_RDONLY, NULL));
	return 0;
}

static long make_template_keeper(struct full *full)
{
	KEEPER_TRY(full, "mounts", mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	/* All user ids are new, so is this file system: theirs. */
	KEEPER_TRY(full, "tmpfs", mount("bench", "/mnt", "tmpfs", DATA, "mode=755"));
	KEEPER_TRY(full, "chdir", chdir("/mnt"));
	if (fill_template_keeper(full) < 0)
		return full->code;
	KEEPER_TRY(full, "pivot_root", syscall(SYS_pivot_root, ".", "."));
	KEEPER_TRY(full, "umount", umount2(".", MNT_DETACH));
	KEEPER_TRY(full, "chdir", chdir("/"));
	KEEPER_TRY(full, "template",
		   mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | DATA, NULL));
	return 0;
}

/* What this kernel has of the lists, so that no client need try the rest. */
static void look_at_paths_keeper(struct full *full)
{
	struct stat status;

	for (size_t i = 0; full_read_only[i] != NULL; i++)
		full->read_only[i] = stat(full_read_only[i], &status) == 0;
	for (size_t i = 0; full_covered[i] != NULL; i++)
		if (stat(full_covered[i], &status) == 0)
			full->covers[i] = S_ISDIR(status.st_mode) ? COVER_DIRECTORY : COVER_FILE;
}

static void note_contrary_keeper(struct full *full, const char *path, const char *value)
{
	struct contrary *contrary = &full->contrary[full->contrary_count++];

	(void)put_text(contrary->path, path);
	contrary->value = value;
}

static bool is_contrary_keeper(const char *path, const char *wanted)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	char value[32] = "";

	if (fd < 0)
		return false; /* this kernel does not have it */
	if (read(fd, value, sizeof(value) - 1) < 0)
		return true;
	value[strcspn(value, "\n")] = '\0';
	return strcmp(value, wanted) != 0;
}

/* The keeper's own network namespace is as new as the clients' will be: they need not write what
 * they are born with. */
static void look_at_settings_keeper(struct full *full)
{
	char path[sizeof(full->contrary[0].path)];

	for (const struct full_group *group = full_settings; group->directory != NULL; group++)
		for (size_t i = 0; i < group->count; i++) {
			const struct full_setting *setting = &group->settings[i];

			(void)put_text(put_text(put_text(path, group->directory), "/"),
				       setting->key);
			if (is_contrary_keeper(path, setting->value))
				note_contrary_keeper(full, path, setting->value);
		}
}

static void become_keeper(struct full *full)
{
	if (become_root_keeper(full) < 0 || make_template_keeper(full) < 0 ||
	    give_up_keeper(full) < 0)
		return;
	look_at_paths_keeper(full);
	look_at_settings_keeper(full);
}

/* ---- cloning ----------------------------------------------------------------------------------
 */

static void wait_allowed_keeper(const struct full *full, unsigned number)
{
	unsigned allowed;

	while ((allowed = __atomic_load_n(&full->allowed, __ATOMIC_ACQUIRE)) < number)
		(void)raw_futex_wait(&full->allowed, allowed, PATIENCE_S);
}

static void spawn_keeper(struct full *full, struct client *client)
{
	pid_t pid = clone(main_client, floor_stack(full->floor, client->number),
			  CLIENT_NAMESPACES | CLONE_VM | SIGCHLD, client);

	if (pid > 0)
		return;
	(void)client_failed(client, "clone", -errno);
	client_not_born(client);
	client_finished(client);
}

int main_keeper(void *argument)
{
	struct full *full = argument;

	while (__atomic_load_n(&full->furnished, __ATOMIC_ACQUIRE) == 0)
		(void)raw_futex_wait(&full->furnished, 0, PATIENCE_S);
	become_keeper(full);
	__atomic_store_n(&full->ready, 1, __ATOMIC_RELEASE);
	raw_futex_wake(&full->ready);
	for (unsigned i = 0; full->code == 0 && i < full->floor->count; i++) {
		wait_allowed_keeper(full, i + 1);
		spawn_keeper(full, &full->floor->clients[i]);
	}
	while (full->code == 0)
		(void)RAW(SYS_ppoll, NULL, 0, NULL, NULL);
	return 1;
}
