/* Who we are and what we may: user ids and capabilities. The only user of libcap. */
#ifndef PYROUTE_PRIVILEGE_H
#define PYROUTE_PRIVILEGE_H

#include "error.h"

#include <sys/types.h>

/* The person at the keyboard: under sudo, the one who called it. */
struct caller {
	uid_t uid;
	gid_t gid;
};

/* Finds the caller. SUDO_UID and SUDO_GID count only where the real uid is 0: anybody may set
 * them. -EINVAL where root runs with values in them that are no ids. */
int privilege_caller(struct caller *caller, struct error *error);

/* Gives CALLER's environment back what sudo has put in its place (HOME, which some configurations
 * make root's, USER, LOGNAME), and takes sudo's own variables out. Does nothing without sudo. For
 * a child that becomes the caller; should run before it does. */
int privilege_restore_environment(const struct caller *caller, struct error *error);

/* 0 as root, else -EPERM with the remedy in the text. */
int privilege_need_root(struct error *error);

/* From here to privilege_resume() files are opened and made with CALLER's own rights: effective
 * ids and groups are theirs, and no capability is effective. Does nothing where we already are
 * the caller. SAVED is filled in; single-threaded programs only. A change of ids makes a process
 * not dumpable (prctl(2)), until its next exec: its files in /proc are root's. */
struct privilege_saved {
	bool assumed;
	uid_t uid;
	gid_t gid;
	int group_count;
	gid_t *groups; /* owned, until resumed */
};
int privilege_assume(const struct caller *caller, struct privilege_saved *saved,
		     struct error *error);
void privilege_resume(struct privilege_saved *saved); /* aborts the process where it fails */
#define CLEANUP_PRIVILEGE CLEANUP(privilege_resume)

/* As privilege_assume() for the effective user id alone, with all permitted capabilities still
 * effective: a user namespace made now belongs to UID (user_namespaces(7): its owner is the
 * creator's effective uid), who may then enter it. Undo with privilege_resume(). */
int privilege_borrow_uid(uid_t uid, struct privilege_saved *saved, struct error *error);

/* Becomes the root of the user namespace just entered or made: all ids 0, no supplementary
 * groups (but those that a namespace which denies setgroups() makes us keep). Capabilities
 * stay. */
int privilege_become_root(struct error *error);

/* The three below are irrevocable, and half done where they fail: the process must then end. */

/* What a process in a client may hold (README.md of runtime/): bounding, permitted and effective
 * become exactly that set, inheritable and ambient empty, and no_new_privs is set. */
int privilege_drop_to_client(struct error *error);

/* Lays CAP_DAC_OVERRIDE aside; root of the user namespace has it again with the next exec. */
int privilege_lay_override_aside(struct error *error);

/* Becomes CALLER for good, with their groups and no capability, as if they had never called sudo:
 * they may do so again. Changes nothing where we are the caller. */
int privilege_drop_to_caller(const struct caller *caller, struct error *error);

/* Becomes CALLER for good, with their groups, and holds CAP_NET_RAW alone: permitted, effective,
 * inheritable and ambient, so that it outlives the exec of a Python interpreter; the bounding set
 * is that one capability too, and no_new_privs is set. For the student's router. CALLER may be NULL
 * for who we are already: in a user namespace that has no other ids. */
int privilege_drop_to_router(const struct caller *caller, struct error *error);

#endif
