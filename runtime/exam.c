#include "exam.h"

#include "file.h"
#include "sysctl.h"

#include <fcntl.h>

/* The limit that a system has whose memory is not the reason for one; and the least from which on
 * one is none, as in a new user namespace (INT_MAX). */
#define LIMIT	 16384
#define NO_LIMIT (1UL << 30)

void patient_close(struct patient *patient)
{
	checkout_close(&patient->checkout);
}

bool exam_find_program(const char *name, char path[PATH_MAX])
{
	const char *folders = getenv("PATH");

	for (const char *folder = folders; folder != NULL && *folder != '\0';) {
		size_t length = strcspn(folder, ":");

		if (snprintf(path, PATH_MAX, "%.*s/%s", (int)length, folder, name) < PATH_MAX &&
		    access(path, X_OK) == 0)
			return true;
		folder += length + (folder[length] == ':');
	}
	return false;
}

int patient_admit(const char *dir, struct patient *patient, struct error *error)
{
	char sudo[PATH_MAX];

	patient->root = geteuid() == 0;
	patient->may_sudo = exam_find_program("sudo", sudo);
	if (privilege_caller(&patient->caller, error) < 0)
		return -error->code;
	(void)checkout_find(dir, &patient->caller, &patient->checkout, &patient->no_checkout);
	if (patient->checkout.dir >= 0)
		patient->no_checkout.code = 0; /* that of places that were tried before */
	(void)rootfs_look(&patient->rootfs, &patient->no_rootfs);
	return 0;
}

/* ---- kernel settings ------------------------------------------------------------------------- */

/* Reads the setting KEY below /proc/sys: false where it is not there. */
static bool read_setting(const char *key, char *now, size_t size)
{
	struct error ignored;
	CLEANUP_FD int settings = sysctl_open("/proc/sys", &ignored);

	return settings >= 0 && sysctl_read(settings, key, now, size, &ignored) == 0;
}

bool exam_setting_is(const char *key, const char *value)
{
	char now[32];

	return read_setting(key, now, sizeof(now)) && strcmp(now, value) == 0;
}

bool exam_blame_limit(enum ns_kind kind, int code, struct finding *finding)
{
	const char *name = ns_kind_name(kind);
	char key[64];
	char now[32];
	unsigned long limit;

	(void)snprintf(key, sizeof(key), "user/max_%s_namespaces", name);
	if (code != ENOSPC || !read_setting(key, now, sizeof(now)))
		return false;
	limit = strtoul(now, NULL, 10);
	if (limit >= NO_LIMIT) {
		finding_missing(finding,
				"a limit on %s namespaces is reached, outside of this container",
				name);
		return true;
	}
	finding_missing(finding, "user.max_%s_namespaces is %lu%s", name, limit,
			limit == 0 ? "" : ", and so many there are");
	finding_remedy(finding, "sudo sysctl -w user.max_%s_namespaces=%lu", name,
		       limit < LIMIT ? LIMIT : 2 * limit);
	return true;
}

bool exam_selinux_enforces(void)
{
	char text[16];
	struct error ignored;

	return file_read(AT_FDCWD, "/sys/fs/selinux/enforce", text, sizeof(text), &ignored) > 0 &&
	       text[0] == '1';
}

/* What keeps user namespaces from those who are not root: a patch of Debian's and of Arch's, and
 * Ubuntu's AppArmor from 23.10 on. */
static bool blame_setting(struct finding *finding)
{
	static const struct {
		const char *key; /* below /proc/sys/kernel */
		const char *bad;
		const char *good;
	} policies[] = {{"unprivileged_userns_clone", "0", "1"},
			{"apparmor_restrict_unprivileged_userns", "1", "0"}};

	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "kernel/%s", policies[i].key);
		if (!exam_setting_is(path, policies[i].bad))
			continue;
		finding_missing(finding,
				"kernel.%s is %s; a file in /etc/sysctl.d changes that "
				"for good",
				policies[i].key, policies[i].bad);
		finding_remedy(finding, "sudo sysctl -w kernel.%s=%s", policies[i].key,
			       policies[i].good);
		return true;
	}
	return false;
}

bool exam_blame_policy(int code, struct finding *finding)
{
	if ((code == EPERM || code == EACCES) && blame_setting(finding))
		return true;
	if (code != EACCES || !exam_selinux_enforces())
		return false;
	finding_missing(finding, "refused, with SELinux in force; what it refused: "
				 "sudo ausearch -m avc -ts recent");
	finding_remedy(finding, "sudo setenforce 0");
	return true;
}
