/* See full.h. */
#include "full.h"

#include "image.h"
#include "raw.h"

#include <sys/resource.h>

static void make_groups(struct full *full, unsigned first, unsigned count)
{
	for (unsigned i = first; i < first + count; i++) {
		long result = groups_make(&full->groups, &full->floor->clients[i]);

		if (result < 0)
			floor_fail(full->floor, "a client's control group", result);
	}
	__atomic_store_n(&full->allowed, first + count, __ATOMIC_RELEASE);
	raw_futex_wake(&full->allowed);
}

static void wait_born(struct full *full, struct client *client)
{
	while (__atomic_load_n(&client->pid, __ATOMIC_ACQUIRE) == 0)
		if (raw_futex_wait((unsigned *)&client->pid, 0, PATIENCE_S) == -ETIMEDOUT)
			floor_fail(full->floor, "a client is not born", -ETIMEDOUT);
	if (client->pid < 0)
		floor_fail(full->floor, client->step, client->code);
}

/* Who is born has a copy of its doors, and reads their numbers yet. */
static void wire(struct full *full, unsigned first, unsigned count)
{
	struct floor *floor = full->floor;

	for (unsigned i = first; i < first + count; i++) {
		wait_born(full, &floor->clients[i]);
		for (size_t door = 0; door < full->groups.count; door++)
			raw_close(floor->clients[i].doors[door]);
	}
	floor_wire(floor, first, count);
	for (unsigned i = first; i < first + count; i++) {
		char name[16];
		long result;

		(void)put_number(put_text(name, "leg"), i + 1);
		result = root_offloads_off(full, floor->netlink, name);
		if (result < 0)
			floor_fail(floor, "the offloads of a leg", result);
	}
}

static unsigned wave(const struct full *full, unsigned first)
{
	const unsigned left = full->floor->count - first;

	return left < WAVE ? left : WAVE;
}

/* The keeper clones a wave while the next one's groups are made, and the links of the one before.
 */
static void make_clients(struct full *full)
{
	const unsigned count = full->floor->count;

	make_groups(full, 0, wave(full, 0));
	for (unsigned first = 0; first < count; first += WAVE) {
		if (first + WAVE < count)
			make_groups(full, first + WAVE, wave(full, first + WAVE));
		wire(full, first, wave(full, first));
	}
}

/* Root and the keeper have some of the mounts, and the doors of three waves. */
static void raise_file_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

int main(int argc, char **argv)
{
	static struct full full;
	struct floor floor = {.program = "full", .full = &full, .undo = root_undo};
	struct error error;

	/* A client's /proc/1/exe is this file: never one that is run again. */
	if (image_seal_self(argv, &error) < 0) {
		(void)fprintf(stderr, "full: %s\n", error.text);
		return 1;
	}
	full.floor = &floor;
	floor_begin(&floor, argc, argv);
	if (floor.filter == NULL)
		floor_fail(&floor, "--filter FILE is missing", -EINVAL);
	raise_file_limit();
	root_prepare(&full);
	root_make_keeper(&full);
	make_clients(&full);
	floor_wait_up(&floor);
	if (floor.check) {
		check_wires(&floor);
		check_confined(&full);
	}
	floor_stay(&floor);
	root_undo(&full);
	floor_wait_links_gone(&floor);
	return 0;
}
