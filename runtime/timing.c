#include "timing.h"

#include <sys/mman.h>
#include <time.h>

static uint64_t now(void)
{
	struct timespec time = {.tv_sec = 0};

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

int timing_share(size_t count, struct timing **shared, struct error *error)
{
	void *memory = mmap(NULL, count * sizeof(**shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return error_system(error, errno, "cannot measure");
	*shared = memory;
	return 0;
}

void timing_begin(struct timing *timing)
{
	if (timing != NULL)
		timing->last = now();
}

int timing_step(struct timing *timing, const char *call, int result)
{
	uint64_t time;

	if (timing == NULL)
		return result;
	time = now();
	timing_add(timing, call, time - timing->last);
	timing->last = time;
	return result;
}

void timing_add(struct timing *timing, const char *call, uint64_t nanoseconds)
{
	size_t i = 0;

	if (timing == NULL)
		return;
	while (i < timing->count && strcmp(timing->steps[i].call, call) != 0)
		i++;
	if (i == TIMING_STEPS) /* what has no room of its own is the last step's */
		i--;
	if (i == timing->count)
		timing->steps[timing->count++].call = call;
	timing->steps[i].nanoseconds += nanoseconds;
}

void timing_sum(struct timing *sum, const struct timing *one)
{
	for (size_t i = 0; i < one->count; i++)
		timing_add(sum, one->steps[i].call, one->steps[i].nanoseconds);
}

uint64_t timing_total(const struct timing *timing)
{
	uint64_t total = 0;

	for (size_t i = 0; i < timing->count; i++)
		total += timing->steps[i].nanoseconds;
	return total;
}
