/* The kernel ties capabilities to user ids in four ways (capabilities(7)), and the order of the
 * steps below follows from them:
 *  - an effective id that goes from 0 to another clears the effective set, and back from there
 *    copies the permitted one into it; the permitted set stays while the real id is 0;
 *  - when all three ids leave 0 the permitted set goes too, unless PR_SET_KEEPCAPS says otherwise;
 *  - an exec gives a program run by id 0 the inheritable and the bounding set, and a program run
 *    by another id the ambient set alone;
 *  - dropping from the bounding set needs CAP_SETPCAP, changing groups CAP_SETGID. */
#include "privilege.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/capability.h>
#include <sys/prctl.h>

/* runtime/README.md, "What a client may do": what a network lab needs, all of it over the client's
 * own namespaces. Nothing here mounts, traces others or loads anything into the kernel. */
static const cap_value_t client_capabilities[] = {
	CAP_CHOWN,   CAP_DAC_OVERRIDE, CAP_FOWNER,  CAP_FSETID,		  CAP_KILL,
	CAP_SETGID,  CAP_SETUID,       CAP_SETPCAP, CAP_NET_BIND_SERVICE, CAP_NET_ADMIN,
	CAP_NET_RAW, CAP_SYS_CHROOT,
};

/* An AF_PACKET socket, and nothing else that root could do. */
static const cap_value_t router_capabilities[] = {CAP_NET_RAW};

static void free_capabilities(cap_t *capabilities)
{
	if (*capabilities)
		(void)cap_free(*capabilities);
}
#define CLEANUP_CAPABILITIES CLEANUP(free_capabilities)

/* ---- the caller ---------------------------------------------------------------------------- */

/* Reads an id as sudo writes it: decimal digits only. (uid_t)-1 is no id: to setresuid(2) it
 * means "leave it". (What is too large for strtoull() it returns as ULLONG_MAX.) */
static int parse_id(const char *text, unsigned *id)
{
	unsigned long long value;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	value = strtoull(text, &end, 10);
	if (*end != '\0' || value >= (uid_t)-1)
		return -EINVAL;
	*id = (unsigned)value;
	return 0;
}

int privilege_caller(struct caller *caller, struct error *error)
{
	const char *uid = getenv("SUDO_UID");
	const char *gid = getenv("SUDO_GID");

	*caller = (struct caller){.uid = getuid(), .gid = getgid()};
	if (caller->uid != 0 || (!uid && !gid))
		return 0;
	if (uid && gid && parse_id(uid, &caller->uid) == 0 && parse_id(gid, &caller->gid) == 0)
		return 0;
	return error_set(error, EINVAL,
			 "SUDO_UID and SUDO_GID do not hold the ids of a user; "
			 "unset them to work as root");
}

int privilege_restore_environment(const struct caller *caller, struct error *error)
{
	static const char *const sudo[] = {"SUDO_UID", "SUDO_GID", "SUDO_USER", "SUDO_COMMAND",
					   "SUDO_HOME"};
	const struct passwd *user = getpwuid(caller->uid);

	if (getuid() != 0 || getenv("SUDO_UID") == NULL)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(sudo); i++)
		(void)unsetenv(sudo[i]);
	if (user != NULL &&
	    (setenv("HOME", user->pw_dir, 1) < 0 || setenv("USER", user->pw_name, 1) < 0 ||
	     setenv("LOGNAME", user->pw_name, 1) < 0))
		return error_system(error, errno, "cannot set the environment");
	return 0;
}

/* Takes the groups that CALLER has by the system's databases; the group of CALLER alone where
 * those do not know the user. Needs CAP_SETGID. */
static int adopt_groups(const struct caller *caller, struct error *error)
{
	const struct passwd *user = getpwuid(caller->uid);
	int result = user ? initgroups(user->pw_name, caller->gid) : setgroups(1, &caller->gid);

	if (result < 0)
		return error_system(error, errno, "cannot take the groups of user %u", caller->uid);
	return 0;
}

/* ---- there and back ------------------------------------------------------------------------ */

/* Makes every permitted capability effective, or none. Returns -1 with errno set on failure. */
static int set_effective(cap_flag_value_t wanted)
{
	CLEANUP_CAPABILITIES cap_t capabilities = cap_get_proc();

	if (!capabilities)
		return -1;
	for (cap_value_t i = 0; i < cap_max_bits(); i++) {
		cap_flag_value_t permitted;

		if (cap_get_flag(capabilities, i, CAP_PERMITTED, &permitted) < 0 ||
		    cap_set_flag(capabilities, CAP_EFFECTIVE, 1, &i, permitted & wanted) < 0)
			return -1;
	}
	return cap_set_proc(capabilities);
}

/* Notes the effective ids and the groups, for privilege_resume(), which changes nothing as long as
 * nothing else was and "assumed" is false. */
static int save(struct privilege_saved *saved, struct error *error)
{
	int count = getgroups(0, NULL);

	*saved = (struct privilege_saved){.uid = geteuid(), .gid = getegid()};
	saved->groups = calloc(count > 0 ? (size_t)count : 1, sizeof(*saved->groups));
	if (!saved->groups)
		return error_set(error, ENOMEM, "cannot note the groups: no memory");
	saved->group_count = getgroups(count, saved->groups);
	if (saved->group_count < 0)
		return error_system(error, errno, "cannot note the groups");
	return 0;
}

/* The user id changes last: from then on there is no right to change the others. */
static int assume(const struct caller *caller, struct privilege_saved *saved, struct error *error)
{
	int result = adopt_groups(caller, error);

	if (result < 0)
		return result;
	saved->assumed = true;
	if (setegid(caller->gid) < 0 || seteuid(caller->uid) < 0)
		return error_system(error, errno, "cannot act as user %u", caller->uid);
	/* The kernel has just done this, unless a securebit that we inherited keeps it from it. */
	if (set_effective(CAP_CLEAR) < 0)
		return error_system(error, errno, "cannot lay capabilities aside");
	return 0;
}

int privilege_need_root(struct error *error)
{
	if (geteuid() == 0)
		return 0;
	return error_set(error, EPERM, "this needs root: use sudo");
}

int privilege_assume(const struct caller *caller, struct privilege_saved *saved,
		     struct error *error)
{
	int result;

	*saved = (struct privilege_saved){0};
	if (geteuid() == caller->uid && getegid() == caller->gid)
		return 0;
	result = save(saved, error);
	if (result == 0)
		result = assume(caller, saved, error);
	if (result < 0)
		privilege_resume(saved);
	return result;
}

static int borrow_uid(uid_t uid, struct privilege_saved *saved, struct error *error)
{
	if (seteuid(uid) < 0)
		return error_system(error, errno, "cannot act as user %u", uid);
	saved->assumed = true;
	if (set_effective(CAP_SET) < 0)
		return error_system(error, errno, "cannot keep capabilities as user %u", uid);
	return 0;
}

int privilege_borrow_uid(uid_t uid, struct privilege_saved *saved, struct error *error)
{
	int result;

	*saved = (struct privilege_saved){0};
	if (geteuid() == uid)
		return 0;
	result = save(saved, error);
	if (result == 0)
		result = borrow_uid(uid, saved, error);
	if (result < 0)
		privilege_resume(saved);
	return result;
}

/* A process that goes on with the wrong rights is worse than one that is gone. The user id comes
 * first: it is what gives the right to set the rest. */
void privilege_resume(struct privilege_saved *saved)
{
	int kept = errno;

	if (saved->assumed &&
	    (seteuid(saved->uid) < 0 || set_effective(CAP_SET) < 0 || setegid(saved->gid) < 0 ||
	     setgroups((size_t)saved->group_count, saved->groups) < 0))
		abort();
	free_memory(&saved->groups);
	*saved = (struct privilege_saved){0}; /* who failed to assume resumes once more */
	errno = kept;
}

/* ---- for good ------------------------------------------------------------------------------ */

/* Whether this user namespace must not change groups: so it is where somebody without rights
 * mapped their single id (user_namespaces(7), "/proc/PID/setgroups"). */
static bool groups_are_fixed(void)
{
	char word[8] = "";
	CLEANUP_FD int fd = open("/proc/self/setgroups", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, word, sizeof(word) - 1) > 0 && strncmp(word, "deny", 4) == 0;
}

int privilege_become_root(struct error *error)
{
	if (setgroups(0, NULL) < 0 && !(errno == EPERM && groups_are_fixed()))
		return error_system(error, errno, "cannot lay the groups aside");
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return error_system(error, errno,
				    "cannot become root of the user namespace (is 0 mapped?)");
	return 0;
}

static bool is_in(cap_value_t capability, const cap_value_t *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == capability)
			return true;
	return false;
}

/* Should run while CAP_SETPCAP is effective, so before any other loss. The securebits go back to
 * the kernel's default, on which the theory at the head of this file stands. */
static int limit_bounding_set(const cap_value_t *list, size_t count, struct error *error)
{
	if (prctl(PR_SET_SECUREBITS, 0, 0, 0, 0) < 0)
		return error_system(error, errno, "cannot reset the securebits");
	for (cap_value_t i = 0; i < cap_max_bits(); i++)
		if (!is_in(i, list, count) && cap_drop_bound(i) < 0)
			return error_system(error, errno, "cannot drop capability %d", i);
	return 0;
}

/* Sets permitted and effective to LIST; inheritable too where it is to outlive the exec of an
 * ordinary user, else to nothing. The ambient set, which the kernel keeps below both, follows. */
static int set_capabilities(const cap_value_t *list, size_t count, bool inherit,
			    struct error *error)
{
	CLEANUP_CAPABILITIES cap_t capabilities = cap_init();
	int number = (int)count;

	if (!capabilities || cap_set_flag(capabilities, CAP_PERMITTED, number, list, CAP_SET) < 0 ||
	    cap_set_flag(capabilities, CAP_EFFECTIVE, number, list, CAP_SET) < 0 ||
	    (inherit && cap_set_flag(capabilities, CAP_INHERITABLE, number, list, CAP_SET) < 0) ||
	    cap_set_proc(capabilities) < 0)
		return error_system(error, errno, "cannot limit capabilities");
	for (size_t i = 0; inherit && i < count; i++)
		if (cap_set_ambient(list[i], CAP_SET) < 0)
			return error_system(error, errno, "cannot pass capability %d on", list[i]);
	return 0;
}

static int renounce_new_privileges(struct error *error)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_system(error, errno, "cannot set no_new_privs");
	return 0;
}

int privilege_drop_to_client(struct error *error)
{
	const size_t count = ARRAY_SIZE(client_capabilities);
	int result = limit_bounding_set(client_capabilities, count, error);

	if (result == 0)
		result = set_capabilities(client_capabilities, count, false, error);
	if (result == 0)
		result = renounce_new_privileges(error);
	return result;
}

int privilege_lay_override_aside(struct error *error)
{
	const cap_value_t override = CAP_DAC_OVERRIDE;
	CLEANUP_CAPABILITIES cap_t capabilities = cap_get_proc();

	if (capabilities == NULL ||
	    cap_set_flag(capabilities, CAP_EFFECTIVE, 1, &override, CAP_CLEAR) < 0 ||
	    cap_set_proc(capabilities) < 0)
		return error_system(error, errno, "cannot lay a capability aside");
	return 0;
}

/* Changes all three user and group ids for good; the permitted set stays. */
static int become(const struct caller *caller, struct error *error)
{
	int result = adopt_groups(caller, error);

	if (result < 0)
		return result;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 ||
	    setresgid(caller->gid, caller->gid, caller->gid) < 0 ||
	    setresuid(caller->uid, caller->uid, caller->uid) < 0 ||
	    prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return error_system(error, errno, "cannot become user %u", caller->uid);
	return 0;
}

int privilege_drop_to_caller(const struct caller *caller, struct error *error)
{
	CLEANUP_CAPABILITIES cap_t none = cap_init();

	if (getuid() == caller->uid && geteuid() == caller->uid)
		return 0;
	if (become(caller, error) < 0)
		return -error->code;
	if (none == NULL || cap_set_proc(none) < 0)
		return error_system(error, errno, "cannot lay capabilities aside for good");
	return 0;
}

int privilege_drop_to_router(const struct caller *caller, struct error *error)
{
	const size_t count = ARRAY_SIZE(router_capabilities);
	int result = limit_bounding_set(router_capabilities, count, error);

	if (result == 0 && caller != NULL)
		result = become(caller, error);
	if (result == 0)
		result = set_capabilities(router_capabilities, count, true, error);
	if (result == 0)
		result = renounce_new_privileges(error);
	return result;
}
