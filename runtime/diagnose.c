#include "diagnose.h"

#include "exam.h"

#define START	"a start"
#define PRIVATE "stages without root"
#define OWN	"stages and root filesystems made without root"

/* In the order in which one thing stands on another. */
static const struct {
	const char *name;
	const char *needed_for;
	void (*exam)(const struct patient *patient, struct finding *finding);
} exams[] = {
	{"root", START, exam_root},
	{"kernel", START, exam_kernel},
	{"user-namespaces", START, exam_user_namespaces},
	{"namespaces", START, exam_namespaces},
	{"proc", START, exam_proc},
	{"overlay", START, exam_overlay},
	{"seccomp", START, exam_seccomp},
	{"memfd", START, exam_memfd},
	{"cgroups", START, exam_cgroups},
	{"veth", START, exam_veth},
	{"bridge", "nets of more than two ends", exam_bridge},
	{"ingress", START, exam_ingress},
	{"cls_bpf", START, exam_cls_bpf},
	{"leg", START, exam_leg},
	{"interfaces", START, exam_interfaces},
	{"rootfs", START, exam_rootfs},
	{"rootfs-ids", START, exam_rootfs_ids},
	{"src", START, exam_src},
	{"src-ids", START, exam_src_ids},
	{"run-directory", START, exam_run_directory},
	{"bpf", "packet sockets of one protocol on legs", exam_bpf},
	{"act_mirred", "delay, loss, rate, and nets of more than two ends with a leg",
	 exam_act_mirred},
	{"tbf", "rate", exam_tbf},
	{"netem", "delay and loss", exam_netem},
	{"tmpfs-attributes", "clients that make their root themselves", exam_tmpfs},
	{"ip-forwarding", "nothing", exam_forwarding},
	{"python3", "routers in Python", exam_python},
	{"own-user-namespaces", OWN, exam_own_user_namespaces},
	{"own-namespaces", PRIVATE, exam_own_namespaces},
	{"subordinate-ids", "more than one id in " OWN, exam_subordinate_ids},
	{"own-cgroups", "limits on a whole client in " PRIVATE, exam_own_cgroups},
};

int diagnose(const char *dir, diagnose_visit *visit, void *context, struct diagnose_rootfs *rootfs,
	     struct error *error)
{
	CLEANUP_PATIENT struct patient patient = {.checkout = CHECKOUT_NONE};

	if (patient_admit(dir, &patient, error) < 0)
		return -error->code;
	for (size_t i = 0; i < ARRAY_SIZE(exams); i++) {
		struct diagnosis diagnosis = {.name = exams[i].name,
					      .needed_for = exams[i].needed_for,
					      .for_start = strcmp(exams[i].needed_for, START) == 0};

		exams[i].exam(&patient, &diagnosis.finding);
		visit(context, &diagnosis);
	}
	*rootfs = (struct diagnose_rootfs){.facts = patient.rootfs,
					   .present = patient.no_rootfs.code == 0};
	return 0;
}
