#include "exam.h"

void patient_close(struct patient *patient)
{
	checkout_close(&patient->checkout);
}

int patient_admit(const char *dir, struct patient *patient, struct error *error)
{
	patient->root = geteuid() == 0;
	if (privilege_caller(&patient->caller, error) < 0)
		return -error->code;
	(void)checkout_find(dir, &patient->caller, &patient->checkout, &patient->no_checkout);
	if (patient->checkout.dir >= 0)
		patient->no_checkout.code = 0; /* that of places that were tried before */
	(void)rootfs_look(&patient->rootfs, &patient->no_rootfs);
	return 0;
}
