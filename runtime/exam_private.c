#include "exam.h"

#include "cgroup.h"
#include "mount.h"
#include "subids.h"
#include "trial.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define NOBODY 65534

/* ---- namespaces ------------------------------------------------------------------------------ */

static struct caller user_of(const struct patient *patient)
{
	return patient->caller.uid != 0 ? patient->caller
					: (struct caller){.uid = NOBODY, .gid = NOBODY};
}

struct own_trial {
	struct caller user;
	enum ns_kind kind; /* in a user namespace of their own */
};

/* As an ordinary user: with none of root's rights. What AppArmor refuses is not the namespace, but
 * what it is good for. */
static int unshare_as_user_child(void *argument, struct error *error)
{
	const struct own_trial *own = argument;
	CLEANUP_PRIVILEGE struct privilege_saved saved = {0};

	if (privilege_assume(&own->user, &saved, error) < 0)
		return -error->code;
	saved.assumed = false; /* there is no way back from a user namespace, and no need */
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return error_system(error, errno, "cannot make a user namespace");
	if (own->kind != NS_USER && unshare(ns_kind_flag(own->kind)) < 0)
		return error_system(error, errno, "cannot make a namespace of kind %s in it",
				    ns_kind_name(own->kind));
	return mount_isolate(error);
}

static int try_own(const struct patient *patient, enum ns_kind kind, struct error *error)
{
	struct own_trial own = {.user = user_of(patient), .kind = kind};
	struct trial trial = {.run_child = unshare_as_user_child, .argument = &own};

	return trial_run(&trial, error);
}

void exam_own_user_namespaces(const struct patient *patient, struct finding *finding)
{
	struct error error = {0};

	if (try_own(patient, NS_USER, &error) == 0)
		finding_ok(finding, "ordinary users can make user namespaces");
	else if (!exam_blame_limit(NS_USER, error.code, finding) &&
		 !exam_blame_policy(error.code, finding))
		finding_missing(finding, "refused to ordinary users: %s", error.text);
}

/* All kinds but the user namespace, without which there are none. */
void exam_own_namespaces(const struct patient *patient, struct finding *finding)
{
	struct finding user = {.state = FINDING_UNKNOWN};
	struct error error = {0};

	exam_own_user_namespaces(patient, &user);
	if (user.state != FINDING_OK) {
		finding_unknown(finding, "could not look: for that user namespaces are needed");
		return;
	}
	finding_ok(finding, "pid, ipc, uts, cgroup, net, mnt");
	for (enum ns_kind kind = 0; kind < NS_KINDS && finding->state == FINDING_OK; kind++)
		if (kind != NS_USER && try_own(patient, kind, &error) < 0 &&
		    !exam_blame_limit(kind, error.code, finding))
			finding_missing(finding, "refused to ordinary users: %s", error.text);
}

/* ---- subordinate ids ------------------------------------------------------------------------- */

/* The last of them too: that the namespace has it, and may change groups. */
static int become_last_child(void *argument, struct error *error)
{
	const struct subids *ids = argument;

	if (setgroups(0, NULL) < 0 || setresgid(ids->count, ids->count, ids->count) < 0 ||
	    setresuid(ids->count, ids->count, ids->count) < 0)
		return error_system(error, errno, "cannot become user %u in a user namespace",
				    ids->count);
	return 0;
}

/* Says what a stage does without, and the command, which these texts have after their last
 * semicolon. */
static void lack_subordinate_ids(const struct error *error, struct finding *finding)
{
	const char *remedy = strrchr(error->text, ';');
	const size_t length = strcspn(error->text, ";");

	finding_note(finding,
		     "%.*s; works with one id: clients have no user but root, so no sshd, su or "
		     "chown",
		     (int)length, error->text);
	if (remedy != NULL)
		finding_remedy(finding, "%s", remedy + 2);
}

/* All that is missing is told at once. */
static void explain_subordinate_ids(const struct patient *patient, struct finding *finding)
{
	struct subids ids;
	struct error error = {0};

	if (subids_find_programs(getenv("PATH"), &ids, &error) < 0)
		lack_subordinate_ids(&error, finding);
	if (subids_find_ranges(&patient->caller, &SUBIDS_FILES, &ids, &error) < 0)
		lack_subordinate_ids(&error, finding);
}

/* Only the user can, and only where user namespaces can be made at all. */
static void try_subordinate_ids(const struct patient *patient, struct subids *ids,
				struct finding *finding)
{
	struct trial trial = {.flags = CLONE_NEWUSER,
			      .run_child = become_last_child,
			      .argument = ids,
			      .ids = ids};
	struct error error = {0};

	if (!patient->root && trial_run(&trial, &error) < 0 && trial.began)
		lack_subordinate_ids(&error, finding);
}

void exam_subordinate_ids(const struct patient *patient, struct finding *finding)
{
	struct subids ids;
	struct error ignored;

	if (patient->caller.uid == 0) {
		finding_ok(finding, "not for root");
		return;
	}
	if (subids_find(&patient->caller, &ids, &ignored) < 0) {
		explain_subordinate_ids(patient, finding);
		return;
	}
	finding_ok(finding, "%u of user %u, by %.400s", ids.count, patient->caller.uid,
		   ids.newuidmap);
	try_subordinate_ids(patient, &ids, finding);
}

/* ---- control groups -------------------------------------------------------------------------- */

#define TREE "/sys/fs/cgroup"

/* Whether the group GROUP, a path below TREE, is UID's: then they may make groups in it
 * (cgroups(7), "Delegation"). */
static bool is_delegated(const char *group, uid_t uid)
{
	char path[PATH_MAX];
	struct stat status;

	return snprintf(path, sizeof(path), TREE "%s/cgroup.procs", group) < PATH_MAX &&
	       stat(path, &status) == 0 && status.st_uid == uid;
}

/* A place around our own group, or the group that the user's systemd has for them
 * (user@.service(5)). */
void exam_own_cgroups(const struct patient *patient, struct finding *finding)
{
	static const char without[] = "limits are then each process's own, as setrlimit(2) has";
	const uid_t uid = patient->caller.uid;
	char place[CGROUP_PATH_SIZE];
	char managers[128];
	struct error ignored;
	struct statfs tree;

	(void)snprintf(managers, sizeof(managers), "/user.slice/user-%u.slice/user@%u.service", uid,
		       uid);
	if (uid == 0)
		finding_ok(finding, "not for root");
	else if (statfs(TREE, &tree) < 0 || tree.f_type != CGROUP2_SUPER_MAGIC)
		finding_note(finding, "none: only version 2 hands groups to users; %s", without);
	else if (!patient->root && cgroup_find_place(place, &ignored) == 0)
		finding_ok(finding, "/%.400s is user %u's", place, uid);
	else if (is_delegated(managers, uid))
		finding_ok(finding, "%s is user %u's", managers, uid);
	else
		finding_note(finding, "none belongs to user %u; %s", uid, without);
}
