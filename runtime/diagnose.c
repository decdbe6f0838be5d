#include "diagnose.h"

#include "exam.h"

#define PRIVATE "stages without root"

/* What cannot do without: a start whose legs are on the computer, a private one without root. */
enum start { HOST = 1 << 0, ALONE = 1 << 1, START = HOST | ALONE };

static const char *const starts[] = {
	[HOST] = "a start by root", [ALONE] = "a start without root", [START] = "a start"};

/* In the order in which one thing stands on another. */
static const struct {
	const char *name;
	unsigned starts;	/* enum start; 0: none */
	const char *needed_for; /* that start does without; NULL: see above */
	void (*exam)(const struct patient *patient, struct finding *finding);
} exams[] = {
	{"root", HOST, NULL, exam_root},
	{"kernel", START, NULL, exam_kernel},
	{"user-namespaces", START, NULL, exam_user_namespaces},
	{"namespaces", START, NULL, exam_namespaces},
	{"proc", START, NULL, exam_proc},
	{"overlay", START, NULL, exam_overlay},
	{"seccomp", START, NULL, exam_seccomp},
	{"memfd", START, NULL, exam_memfd},
	{"cgroups", HOST, NULL, exam_cgroups},
	{"veth", START, NULL, exam_veth},
	{"bridge", 0, "nets of more than two ends", exam_bridge},
	{"ingress", START, NULL, exam_ingress},
	{"cls_bpf", START, NULL, exam_cls_bpf},
	{"leg", START, NULL, exam_leg},
	{"interfaces", HOST, NULL, exam_interfaces},
	{"rootfs", START, NULL, exam_rootfs},
	{"rootfs-ids", HOST, NULL, exam_rootfs_ids},
	{"src", START, NULL, exam_src},
	{"src-ids", HOST, NULL, exam_src_ids},
	{"run-directory", HOST, NULL, exam_run_directory},
	{"bpf", 0, "packet sockets of one protocol on legs", exam_bpf},
	{"act_mirred", 0, "delay, loss, rate, and nets of more than two ends with a leg",
	 exam_act_mirred},
	{"tbf", 0, "rate", exam_tbf},
	{"netem", 0, "delay and loss", exam_netem},
	{"tmpfs-attributes", 0, "clients that make their root themselves", exam_tmpfs},
	{"selinux", 0, "nothing", exam_selinux},
	{"ip-forwarding", 0, "nothing", exam_forwarding},
	{"python3", 0, "routers in Python", exam_python},
	{"own-user-namespaces", ALONE, NULL, exam_own_user_namespaces},
	{"own-namespaces", ALONE, NULL, exam_own_namespaces},
	{"subordinate-ids", 0, "more than one id in stages and root filesystems made without root",
	 exam_subordinate_ids},
	{"private-leg", 0, "packet sockets of one protocol in " PRIVATE, exam_private_leg},
	{"own-cgroups", 0, "limits on a whole client in " PRIVATE, exam_own_cgroups},
};

int diagnose(const char *dir, diagnose_visit *visit, void *context, struct diagnose_rootfs *rootfs,
	     struct error *error)
{
	CLEANUP_PATIENT struct patient patient = {.checkout = CHECKOUT_NONE};
	enum start wanted;

	if (patient_admit(dir, &patient, error) < 0)
		return -error->code;
	/* Who has no way to be root gets private stages alone. */
	wanted = patient.root || patient.may_sudo ? HOST : ALONE;
	for (size_t i = 0; i < ARRAY_SIZE(exams); i++) {
		const unsigned needed = exams[i].starts;
		struct diagnosis diagnosis = {.name = exams[i].name,
					      .needed_for = needed != 0 ? starts[needed]
									: exams[i].needed_for,
					      .for_start = (needed & wanted) != 0};

		exams[i].exam(&patient, &diagnosis.finding);
		visit(context, &diagnosis);
	}
	*rootfs = (struct diagnose_rootfs){.facts = patient.rootfs,
					   .present = patient.no_rootfs.code == 0};
	return 0;
}
