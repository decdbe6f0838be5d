/* What doctor looks at, a function each. All really try what they can, as root and as an ordinary
 * user; they change nothing, leave nothing, and take a bounded time. Only diagnose.c and
 * exam_*.c include this. */
#ifndef PYROUTE_EXAM_H
#define PYROUTE_EXAM_H

#include "checkout.h"
#include "finding.h"
#include "ns.h"
#include "rootfs.h"

/* What is looked at, beside the machine itself. */
struct patient {
	struct caller caller;
	bool root;     /* we are: more can be tried */
	bool may_sudo; /* there is one, at least */
	struct checkout checkout;
	struct error no_checkout; /* code 0: there is one */
	struct rootfs_facts rootfs;
	struct error no_rootfs; /* code 0: it is of use */
};
void patient_close(struct patient *patient);
#define CLEANUP_PATIENT CLEANUP(patient_close)

/* Finds what is to be looked at; DIR is what --dir names, or NULL. PATIENT is {.checkout =
 * CHECKOUT_NONE} before. */
int patient_admit(const char *dir, struct patient *patient, struct error *error);

/* Finds the program NAME in PATH, the variable, and says where it is. */
bool exam_find_program(const char *name, char path[PATH_MAX]);

/* Whether the kernel setting KEY, a path below /proc/sys, is there and holds VALUE. */
bool exam_setting_is(const char *key, const char *value);

/* Namespaces of KIND cannot be made, for the reason CODE. Where a limit on their number is to
 * blame, says so with its remedy: true. */
bool exam_blame_limit(enum ns_kind kind, int code, struct finding *finding);

/* Whether SELinux refuses what its policy does not allow: selinuxfs's "enforce". */
bool exam_selinux_enforces(void);

/* A user namespace, or what it is good for, was refused for the reason CODE. Where a policy against
 * them, or SELinux (which says EACCES), is to blame, says so with the remedy: true. */
bool exam_blame_policy(int code, struct finding *finding);

/* exam_kernel.c: what a stage's processes need. */
void exam_kernel(const struct patient *patient, struct finding *finding);
void exam_user_namespaces(const struct patient *patient, struct finding *finding);
void exam_namespaces(const struct patient *patient, struct finding *finding);
void exam_proc(const struct patient *patient, struct finding *finding);
void exam_seccomp(const struct patient *patient, struct finding *finding);
void exam_selinux(const struct patient *patient, struct finding *finding);
void exam_memfd(const struct patient *patient, struct finding *finding);
void exam_cgroups(const struct patient *patient, struct finding *finding);

/* exam_files.c: file systems, folders and programs. */
void exam_overlay(const struct patient *patient, struct finding *finding);
void exam_tmpfs(const struct patient *patient, struct finding *finding);
void exam_rootfs(const struct patient *patient, struct finding *finding);
void exam_rootfs_ids(const struct patient *patient, struct finding *finding);
void exam_src(const struct patient *patient, struct finding *finding);
void exam_src_ids(const struct patient *patient, struct finding *finding);
void exam_run_directory(const struct patient *patient, struct finding *finding);
void exam_root(const struct patient *patient, struct finding *finding);
void exam_python(const struct patient *patient, struct finding *finding);

/* exam_net.c: what a stage's wires need. */
void exam_veth(const struct patient *patient, struct finding *finding);
void exam_bridge(const struct patient *patient, struct finding *finding);
void exam_ingress(const struct patient *patient, struct finding *finding);
void exam_cls_bpf(const struct patient *patient, struct finding *finding);
void exam_act_mirred(const struct patient *patient, struct finding *finding);
void exam_tbf(const struct patient *patient, struct finding *finding);
void exam_netem(const struct patient *patient, struct finding *finding);
void exam_leg(const struct patient *patient, struct finding *finding);
void exam_private_leg(const struct patient *patient, struct finding *finding);
void exam_bpf(const struct patient *patient, struct finding *finding);
void exam_interfaces(const struct patient *patient, struct finding *finding);
void exam_forwarding(const struct patient *patient, struct finding *finding);

/* exam_private.c: what an ordinary user meets who starts a stage without root. Where we are plain
 * root, whom nobody called by sudo, that is the user nobody. */
void exam_own_user_namespaces(const struct patient *patient, struct finding *finding);
void exam_own_namespaces(const struct patient *patient, struct finding *finding);
void exam_subordinate_ids(const struct patient *patient, struct finding *finding);
void exam_own_cgroups(const struct patient *patient, struct finding *finding);

#endif
