#include "exam.h"

#include "cgroup.h"
#include "file.h"
#include "filter.h"
#include "image.h"
#include "mount.h"
#include "ns.h"
#include "trial.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

static int do_nothing_child(void *argument, struct error *error)
{
	(void)argument;
	(void)error;
	return 0;
}

void exam_kernel(const struct patient *patient, struct finding *finding)
{
	struct utsname name;
	char *rest = NULL;
	unsigned long version, patchlevel;

	(void)patient;
	if (uname(&name) < 0) {
		finding_unknown(finding, "uname(2): %s", strerror(errno));
		return;
	}
	version = strtoul(name.release, &rest, 10);
	patchlevel = *rest == '.' ? strtoul(rest + 1, NULL, 10) : 0;
	if (version > 5 || (version == 5 && patchlevel >= 19)) {
		finding_ok(finding, "Linux %s", name.release);
		return;
	}
	finding_missing(finding, "Linux %s: it must be 5.19 or newer (overlays on idmapped mounts)",
			name.release);
	finding_remedy_kernel(finding);
}

/* ---- namespaces ------------------------------------------------------------------------------ */

/* ERROR is what clone(2) said, and no limit is to blame. */
static void explain_refusal(const struct patient *patient, const struct error *error,
			    struct finding *finding)
{
	const bool forbidden = error->code == EPERM || error->code == EACCES;

	if (error->code == EINVAL) {
		finding_missing(finding, "this kernel has none (kernel option USER_NS)");
		finding_remedy_kernel(finding);
	} else if (forbidden && !patient->root) {
		finding_needs_root(finding, "they are refused to ordinary users");
	} else if (exam_blame_policy(error->code, finding)) {
		return;
	} else if (forbidden) {
		finding_missing(finding, "they are refused to root: in a container by its policy "
					 "(seccomp), or this is a chroot");
	} else {
		finding_missing(finding, "%s", error->text);
	}
}

/* The child of a trial is there, and its ids could not be mapped, or it gets no more. */
static void blame_child(const struct error *error, struct finding *finding)
{
	if (exam_blame_limit(NS_USER, error->code, finding) ||
	    exam_blame_policy(error->code, finding))
		return;
	finding_missing(finding, "%s", error->text);
	if (error->code == EROFS)
		finding_remedy(finding, "sudo mount -o remount,bind,rw /proc");
}

/* As the keeper makes its clients', with no right over the computer: to a policy it is an ordinary
 * user, whoever started it. */
static int nest_child(void *argument, struct error *error)
{
	(void)argument;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return error_system(error, errno, "cannot make one in another");
	return mount_isolate(error);
}

/* The keeper's, and a client's in it. */
void exam_user_namespaces(const struct patient *patient, struct finding *finding)
{
	struct trial trial = {.flags = CLONE_NEWUSER | CLONE_NEWNS, .run_child = nest_child};
	struct error error = {0};

	if (trial_run(&trial, &error) == 0)
		finding_ok(finding, "can be made");
	else if (trial.began)
		blame_child(&error, finding);
	else if (!exam_blame_limit(NS_USER, error.code, finding))
		explain_refusal(patient, &error, finding);
}

static void exam_namespace(const struct patient *patient, enum ns_kind kind,
			   struct finding *finding)
{
	struct trial trial = {.flags = ns_kind_flag(kind) | (patient->root ? 0 : CLONE_NEWUSER),
			      .run_child = do_nothing_child};
	struct error error = {0};

	if (trial_run(&trial, &error) == 0 || exam_blame_limit(kind, error.code, finding))
		return;
	if (error.code != EINVAL) {
		finding_missing(finding, "%s: %s", ns_kind_name(kind), error.text);
		return;
	}
	finding_missing(finding, "this kernel has none of kind %s", ns_kind_name(kind));
	finding_remedy_kernel(finding);
}

/* All kinds but the user namespace, without which an ordinary user cannot look. */
void exam_namespaces(const struct patient *patient, struct finding *finding)
{
	struct finding user = {.state = FINDING_OK};

	if (!patient->root)
		exam_user_namespaces(patient, &user);
	if (user.state != FINDING_OK) {
		finding_unknown(finding, "could not look: for that user namespaces are needed");
		return;
	}
	finding_ok(finding, "pid, ipc, uts, cgroup, net, mnt");
	for (enum ns_kind kind = 0; kind < NS_KINDS && finding->state == FINDING_OK; kind++)
		if (kind != NS_USER)
			exam_namespace(patient, kind, finding);
}

static int mount_kernel_files_child(void *argument, struct error *error)
{
	CLEANUP_FD int proc = mount_new("proc", NULL, MOUNT_ATTR_NODEV, error);
	CLEANUP_FD int sys = proc < 0 ? -1 : mount_new("sysfs", NULL, MOUNT_ATTR_RDONLY, error);

	(void)argument;
	return sys < 0 ? -error->code : 0;
}

/* A user namespace gets a /proc and /sys of its own only where it sees them whole already
 * (mount_too_revealing() in fs/namespace.c). Container engines cover parts of them; the kernel
 * does not mind what lies on a directory that is always empty (proc_create_mount_point(),
 * sysfs_create_mount_point()). */
static void blame_covers(struct finding *finding)
{
	static const char *const empty[] = {"/proc/sys/fs/binfmt_misc",
					    "/proc/fs/nfsd",
					    "/proc/xen",
					    "/sys/firmware/efi/efivars",
					    "/sys/fs/bpf",
					    "/sys/fs/cgroup",
					    "/sys/fs/fuse/connections",
					    "/sys/fs/pstore",
					    "/sys/fs/resctrl",
					    "/sys/fs/selinux",
					    "/sys/fs/smackfs",
					    "/sys/kernel/config",
					    "/sys/kernel/debug",
					    "/sys/kernel/security",
					    "/sys/kernel/tracing",
					    NULL};
	struct error ignored;
	char proc[900], sys[900];
	size_t in_proc = 0, in_sys = 0;

	if (mount_list_below("/proc", empty, proc, sizeof(proc), &in_proc, &ignored) < 0 ||
	    mount_list_below("/sys", empty, sys, sizeof(sys), &in_sys, &ignored) < 0 ||
	    in_proc + in_sys == 0)
		return;
	finding_missing(
		finding,
		"%s covered in %zu place%s, so that a stage cannot mount its own; container "
		"engines do that (docker run --privileged does not)",
		in_sys == 0    ? "/proc is"
		: in_proc == 0 ? "/sys is"
			       : "/proc and /sys are",
		in_proc + in_sys, in_proc + in_sys == 1 ? "" : "s");
	finding_remedy(finding, "sudo umount -R %s%s%s", proc, in_proc && in_sys ? " " : "", sys);
}

void exam_proc(const struct patient *patient, struct finding *finding)
{
	struct trial trial = {.flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET,
			      .run_child = mount_kernel_files_child};
	struct error error = {0};
	int result = trial_run(&trial, &error);

	(void)patient;
	if (result == 0) {
		finding_ok(finding, "a stage can mount its own /proc and /sys");
		return;
	}
	if (!trial.began) {
		finding_unknown(finding, "could not look: for that user namespaces are needed");
		return;
	}
	finding_missing(finding, "%s", error.text);
	if (error.code == EPERM)
		blame_covers(finding);
}

/* ---- confinement ----------------------------------------------------------------------------- */

static int load_filter_child(void *argument, struct error *error)
{
	CLEANUP_FILTER struct filter filter = {0};
	CLEANUP_FD int file = filter_file(false, error);

	(void)argument;
	if (file < 0 || filter_read(file, &filter, error) < 0)
		return -error->code;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_system(error, errno, "cannot set no_new_privs");
	return filter_load(&filter, error);
}

/* Under the clients' policy the child may still tell how it went. */
void exam_seccomp(const struct patient *patient, struct finding *finding)
{
	struct trial trial = {.run_child = load_filter_child};
	struct error error = {0};

	(void)patient;
	if (trial_run(&trial, &error) == 0) {
		finding_ok(finding, "the clients' filter can be loaded");
		return;
	}
	if (error.code != EINVAL && error.code != ENOSYS) {
		finding_missing(finding, "%s", error.text);
		return;
	}
	finding_missing(finding, "this kernel has no filters (kernel option SECCOMP_FILTER)");
	finding_remedy_kernel(finding);
}

/* Its policies differ from each other, so that what it will refuse is not known beforehand. */
void exam_selinux(const struct patient *patient, struct finding *finding)
{
	(void)patient;
	if (!exam_selinux_enforces()) {
		finding_ok(finding, "not in force");
		return;
	}
	finding_note(finding, "in force, with which nobody has tried pyroute; what it refuses: "
			      "sudo ausearch -m avc -ts recent");
	finding_remedy(finding, "sudo setenforce 0");
}

void exam_memfd(const struct patient *patient, struct finding *finding)
{
	struct error error = {0};

	(void)patient;
	if (image_try(&error) == 0) {
		finding_ok(finding, "executable memory files can be made");
		return;
	}
	finding_missing(finding, "%s", error.text);
	if (exam_setting_is("vm/memfd_noexec", "2"))
		finding_remedy(finding, "sudo sysctl -w vm.memfd_noexec=1");
}

/* Whether a hierarchy of version 1 has CONTROLLER, mounted or not: cgroups(7), /proc/PID/cgroup. */
static bool is_version_1(const char *controller)
{
	char text[4096];
	char field[32];
	struct error ignored;

	(void)snprintf(field, sizeof(field), ":%s:", controller);
	return file_read(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text), &ignored) >= 0 &&
	       strstr(text, field) != NULL;
}

/* Of version 1 each controller has a tree of its own, which may be there and not mounted. */
static void remedy_cgroups(struct finding *finding)
{
	static const char *const limits[][2] = {{"memory", "memory.limit_in_bytes"},
						{"pids", "cgroup.procs"}};
	struct statfs below; /* nobody makes folders in a sysfs */

	if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0)
		return;
	if (!is_version_1("memory") && !is_version_1("pids"))
		finding_remedy(finding, "sudo mount -t cgroup2 -o nsdelegate,memory_recursiveprot "
					"cgroup2 /sys/fs/cgroup");
	else if (statfs("/sys/fs/cgroup", &below) == 0 && below.f_type == SYSFS_MAGIC)
		finding_remedy(finding, "sudo mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup");
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		const char *controller = limits[i][0];
		char path[64];

		(void)snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/%s", controller,
			       limits[i][1]);
		if (!is_version_1(controller) || access(path, F_OK) == 0)
			continue;
		finding_remedy(finding,
			       "sudo mkdir -p /sys/fs/cgroup/%s && "
			       "sudo mount -t cgroup -o %s cgroup /sys/fs/cgroup/%s",
			       controller, controller, controller);
	}
}

void exam_cgroups(const struct patient *patient, struct finding *finding)
{
	char name[CGROUP_NAME_SIZE];
	struct error error = {0};
	int result;

	(void)snprintf(name, sizeof(name), "pyroute-doctor-%d", (int)getpid());
	result = cgroup_try(name, &error);
	if (result > 0) {
		finding_ok(finding, "version %d, with memory and pids", result);
	} else if (!patient->root && result != -ENOTSUP) {
		finding_needs_root(finding, "only root makes groups");
	} else {
		finding_missing(finding, "%s; to start without: --no-limits", error.text);
		remedy_cgroups(finding);
	}
}
