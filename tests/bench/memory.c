#include "bench.h"

#include <linux/kcmp.h>
#include <sys/syscall.h>

#define DESCENDANTS_MAX 32768

static const struct {
	const char *name;
	const char *key; /* of /proc/meminfo */
} kinds[MEMORY_KINDS + 1] = {
	[SLAB] = {"slab", "Slab:"},
	[PAGE_TABLES] = {"page tables", "PageTables:"},
	[KERNEL_STACK] = {"kernel stacks", "KernelStack:"},
	[PER_CPU] = {"per cpu", "Percpu:"},
	[PSS] = {"processes (PSS)", NULL},
};

const char *memory_name(unsigned kind)
{
	return kinds[kind].name;
}

void memory_read(struct bench *bench, double kib[MEMORY_KINDS])
{
	CLEANUP_STREAM FILE *file = fopen("/proc/meminfo", "re");
	char line[128];

	if (file == NULL)
		bench_fail(bench, "/proc/meminfo: %s", strerror(errno));
	while (fgets(line, sizeof(line), file) != NULL)
		for (unsigned i = 0; i < MEMORY_KINDS; i++)
			if (strncmp(line, kinds[i].key, strlen(kinds[i].key)) == 0)
				kib[i] = strtod(line + strlen(kinds[i].key), NULL);
}

static size_t add_children(pid_t pid, pid_t *pids, size_t count, size_t max)
{
	CLEANUP_STREAM FILE *file = NULL;
	CLEANUP_FREE char *word = NULL;
	size_t room = 0;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	file = fopen(path, "re");
	while (file != NULL && count < max && getdelim(&word, &room, ' ', file) > 0)
		pids[count++] = (pid_t)strtol(word, NULL, 10);
	return count;
}

size_t memory_descendants(pid_t *pids, size_t max)
{
	size_t count = add_children(getpid(), pids, 0, max);

	for (size_t i = 0; i < count; i++)
		count = add_children(pids[i], pids, count, max);
	return count;
}

static pid_t parent_of(pid_t pid)
{
	CLEANUP_STREAM FILE *file = NULL;
	char path[64];
	char line[128];
	pid_t parent = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, "PPid:", 5) == 0)
			parent = (pid_t)strtol(line + 5, NULL, 10);
	return parent;
}

/* A memory that two processes share is shown whole of each of them: those who have their parent's
 * are left out. */
static bool has_memory_of_parent(pid_t pid)
{
	return syscall(SYS_kcmp, pid, parent_of(pid), KCMP_VM, 0, 0) == 0;
}

static double pss_of(pid_t pid)
{
	CLEANUP_STREAM FILE *file = NULL;
	char path[64];
	char line[128];

	(void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, "Pss:", 4) == 0)
			return strtod(line + 4, NULL);
	return 0;
}

double memory_pss(void)
{
	CLEANUP_FREE pid_t *pids = calloc(DESCENDANTS_MAX, sizeof(*pids));
	size_t count = pids == NULL ? 0 : memory_descendants(pids, DESCENDANTS_MAX);
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		if (!has_memory_of_parent(pids[i]))
			sum += pss_of(pids[i]);
	return sum;
}
