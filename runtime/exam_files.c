#include "exam.h"

#include "client.h"
#include "file.h"
#include "mount.h"
#include "ns.h"
#include "overlay.h"
#include "root.h"
#include "rundir.h"
#include "text.h"
#include "trial.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>

/* ---- a client's root ------------------------------------------------------------------------- */

static int try_tmpfs_child(void *argument, struct error *error)
{
	bool works;

	(void)argument;
	return overlay_works_in_user_namespace(&works, error) < 0 ? -error->code : works;
}

void exam_tmpfs(const struct patient *patient, struct finding *finding)
{
	struct trial trial = {.flags = CLONE_NEWNS | (patient->root ? 0 : CLONE_NEWUSER),
			      .run_child = try_tmpfs_child};
	struct error error = {0};
	int result = trial_run(&trial, &error);

	if (result > 0)
		finding_ok(finding, "a tmpfs holds user attributes");
	else if (result == 0)
		finding_missing(finding, "a tmpfs holds no user attributes before Linux 6.6: root "
					 "makes the clients' roots");
	else
		finding_unknown(finding, "could not look: %s", error.text);
}

/* The root filesystem as the stage sees it; where we may not map it or there is none, an empty file
 * system stands for it: then it is overlays alone that are tried. */
static int open_lower(const struct patient *patient)
{
	const struct ns_ids ids = {0, CLIENT_ID_FIRST, CLIENT_ID_COUNT};
	struct error ignored;
	CLEANUP_FD int rootfs = patient->root ? rootfs_open(&ignored) : -1;
	CLEANUP_FD int mount = rootfs < 0 ? -1 : mount_copy(rootfs, "", 0, &ignored);
	CLEANUP_FD int ns = mount < 0 ? -1 : ns_user_for_idmap(&ids, &ids, &ignored);

	if (ns < 0 || mount_map(mount, ns, MOUNT_ATTR_RDONLY, &ignored) < 0)
		return -1;
	return TAKE_FD(mount);
}

struct overlay_trial {
	int lower; /* -1: none */
	bool in_user_namespace;
};

/* Makes a client's root as a start does. */
static int make_overlay_child(void *argument, struct error *error)
{
	const struct overlay_trial *trial = argument;
	const struct stage stage = {.name = "doctor"};
	const struct stage_client client = {.number = 1};
	CLEANUP_FD int empty = trial->lower < 0 ? mount_new("tmpfs", NULL, 0, error) : -1;
	int lower = trial->lower < 0 ? empty : trial->lower;
	CLEANUP_FD int base = lower < 0 ? -1 : root_make_for_overlays(lower, error);
	const struct overlay_place place = {.base = base,
					    .owner = trial->in_user_namespace ? 0 : CLIENT_ID_FIRST,
					    .in_user_namespace = trial->in_user_namespace};
	CLEANUP_FD int overlay = -1;

	if (base >= 0 && overlay_make_common(&place, &stage, error) == 0)
		overlay = overlay_make(&place, &client, error);
	return overlay < 0 ? -error->code : 0;
}

/* In the stage's user namespace, or by root where a tmpfs holds no user attributes. */
void exam_overlay(const struct patient *patient, struct finding *finding)
{
	struct finding tmpfs = {.state = FINDING_UNKNOWN};
	CLEANUP_FD int lower = open_lower(patient);
	struct overlay_trial overlay = {.lower = lower};
	struct trial trial = {.run_child = make_overlay_child, .argument = &overlay};
	struct error error = {0};
	int result;

	exam_tmpfs(patient, &tmpfs);
	overlay.in_user_namespace = tmpfs.state == FINDING_OK || !patient->root;
	trial.flags = CLONE_NEWNS | (overlay.in_user_namespace ? CLONE_NEWUSER : 0);
	result = trial_run(&trial, &error);
	if (result == 0) {
		finding_ok(finding, "a client's root can be made%s",
			   overlay.in_user_namespace ? ", in a user namespace" : ", by root");
	} else if (!trial.began) {
		finding_unknown(finding, "could not look: for that user namespaces are needed");
	} else if (error.code == ENODEV) {
		finding_lacks(finding, error.text, "OVERLAY_FS", "kernel/fs/overlayfs/overlay");
	} else {
		finding_missing(finding, "%s", error.text);
	}
}

/* ---- folders --------------------------------------------------------------------------------- */

/* Of the checkout where there is one; else of whichever one goes to. */
static void remedy_rootfs(const struct patient *patient, struct finding *finding)
{
	static const char script[] = "scripts/install.sh";
	char path[PATH_MAX * 2];
	const char *quoted = text_quote(patient->checkout.path, path, sizeof(path));

	if (quoted != NULL && faccessat(patient->checkout.dir, script, X_OK, 0) == 0)
		finding_remedy(finding, "sudo %s/%s", quoted, script);
	else
		finding_remedy(finding, "sudo %s", script);
}

void exam_rootfs(const struct patient *patient, struct finding *finding)
{
	const struct rootfs_facts *facts = &patient->rootfs;

	if (patient->no_rootfs.code != 0) {
		finding_failed(finding, &patient->no_rootfs);
		remedy_rootfs(patient, finding);
		return;
	}
	finding_ok(finding, "%s%s%s", facts->path, facts->suite[0] != '\0' ? ", Debian " : "",
		   facts->suite);
}

/* Whether the ids of the file system that DIR lies on can be mapped. */
static void exam_ids(const struct patient *patient, int dir, const char *what,
		     struct finding *finding)
{
	const struct ns_ids ids = {0, CLIENT_ID_FIRST, CLIENT_ID_COUNT};
	struct error error = {0};
	CLEANUP_FD int mount = -1;
	CLEANUP_FD int ns = -1;

	if (!patient->root) {
		finding_needs_root(finding, "only root maps the ids of a mount");
		return;
	}
	ns = ns_user_for_idmap(&ids, &ids, &error);
	if (ns < 0) {
		finding_unknown(finding, "could not look: for that user namespaces are needed");
		return;
	}
	mount = mount_copy(dir, "", 0, &error);
	if (mount < 0 || mount_map(mount, ns, 0, &error) < 0)
		finding_missing(finding, "%s; move %s to such a one", error.text, what);
	else
		finding_ok(finding, "its file system can map ids");
}

void exam_rootfs_ids(const struct patient *patient, struct finding *finding)
{
	struct error error = {0};
	CLEANUP_FD int rootfs = rootfs_open(&error);

	if (rootfs < 0)
		finding_unknown(finding, "could not look: there is no root filesystem");
	else
		exam_ids(patient, rootfs, "/var/lib/pyroute", finding);
}

static void remedy_src(const struct patient *patient, int code, struct finding *finding)
{
	char path[PATH_MAX * 2];
	const char *quoted = text_quote(patient->checkout.path, path, sizeof(path));

	if (quoted != NULL && code == ENOENT)
		finding_remedy(finding, "mkdir %s/src", quoted);
	else if (quoted != NULL && code == EPERM)
		finding_remedy(finding, "sudo chown -R %u:%u %s/src", patient->caller.uid,
			       patient->caller.gid, quoted);
}

void exam_src(const struct patient *patient, struct finding *finding)
{
	struct error error = {0};
	struct caller owner;
	CLEANUP_FD int src = -1;

	if (patient->no_checkout.code != 0) {
		finding_missing(finding, "%s", patient->no_checkout.text);
		return;
	}
	src = checkout_open_src(&patient->checkout, &patient->caller, &owner, &error);
	if (src >= 0) {
		finding_ok(finding, "%.400s/src", patient->checkout.path);
		return;
	}
	finding_failed(finding, &error);
	remedy_src(patient, error.code, finding);
}

void exam_src_ids(const struct patient *patient, struct finding *finding)
{
	struct error error = {0};
	struct caller owner;
	CLEANUP_FD int src =
		patient->no_checkout.code != 0
			? -1
			: checkout_open_src(&patient->checkout, &patient->caller, &owner, &error);

	if (src < 0)
		finding_unknown(finding, "could not look: there is no src/");
	else
		exam_ids(patient, src, "the checkout", finding);
}

void exam_run_directory(const struct patient *patient, struct finding *finding)
{
	struct error error = {0};
	CLEANUP_FD int base = rundir_open_base(0, false, &error);

	(void)patient;
	if (base >= 0) {
		finding_ok(finding, "it is root's alone");
	} else if (base == -ENOENT) {
		finding_ok(finding, "not there yet; the first start makes it");
	} else {
		finding_failed(finding, &error);
		finding_remedy(finding, "sudo rm -r /run/pyroute");
	}
}

/* ---- programs and rights --------------------------------------------------------------------- */

/* The first line of the map of the initial user namespace maps every id to itself. */
static bool in_user_namespace(void)
{
	char text[128];
	struct error ignored;
	unsigned long inside, outside;
	char *rest;

	if (file_read(AT_FDCWD, "/proc/self/uid_map", text, sizeof(text), &ignored) < 0)
		return false;
	inside = strtoul(text, &rest, 10);
	outside = strtoul(rest, &rest, 10);
	return inside != 0 || outside != 0 || strtoul(rest, NULL, 10) != 4294967295UL;
}

void exam_root(const struct patient *patient, struct finding *finding)
{
	char path[PATH_MAX];

	if (patient->root && in_user_namespace()) {
		finding_missing(finding, "root of a user namespace only (of a container without "
					 "root?): the computer's own is needed");
	} else if (patient->root) {
		finding_ok(finding, "we are root");
	} else if (exam_find_program("sudo", path)) {
		finding_ok(finding, "%.400s", path);
	} else {
		finding_note(finding, "there is no sudo; your stages are private");
		finding_remedy(finding, "su -c 'apt-get install sudo'");
	}
}

void exam_python(const struct patient *patient, struct finding *finding)
{
	char path[PATH_MAX];

	(void)patient;
	if (exam_find_program("python3", path)) {
		finding_ok(finding, "%.400s", path);
		return;
	}
	finding_missing(finding, "there is no python3 in PATH");
	finding_remedy(finding, "sudo apt-get install python3");
}
