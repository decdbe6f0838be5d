#include "groups.h"

#include "raw.h"

#define BURIAL_TRIES	200
#define BURIAL_PAUSE_US 5000

/* A tree of groups, and what limits in it. */
struct tree {
	const char *mount;
	const char *door;
	const char *memory;
	const char *swap;
	const char *swap_value;
	const char *pids;
};

/* Version 1's door is "tasks" and not "cgroup.procs": who writes "0" to that moves one thread,
 * itself, and the kernel need not wait until no process of the computer is just being made or ended
 * (cgroup_procs_write_start(): for a whole process it takes cgroup_threadgroup_rwsem for writing,
 * which takes a grace period of RCU). */
static const struct tree separate[] = {
	{"/sys/fs/cgroup/memory", "tasks", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes",
	 GROUP_MEMORY, NULL},
	{"/sys/fs/cgroup/pids", "tasks", NULL, NULL, NULL, "pids.max"},
};

static const struct tree unified[] = {
	{"/sys/fs/cgroup", "cgroup.procs", "memory.max", "memory.swap.max", "0", "pids.max"},
};

static bool is_unified(void)
{
	return access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
}

static const struct tree *trees(size_t *count)
{
	*count = is_unified() ? ARRAY_SIZE(unified) : ARRAY_SIZE(separate);
	return is_unified() ? unified : separate;
}

/* "clientN", and "/FILE" where there is one. */
static void name_in_group(unsigned number, const char *file, char path[64])
{
	char *end = put_number(put_text(path, "client"), number);

	if (file != NULL)
		(void)put_text(put_text(end, "/"), file);
}

static long open_directory(int dir, const char *path)
{
	return raw_open(dir, path, O_RDONLY | O_DIRECTORY);
}

static long begin_tree(struct groups *groups, const struct tree *tree)
{
	CLEANUP_FD int top = (int)open_directory(AT_FDCWD, tree->mount);
	long result = top;

	if (result >= 0 && is_unified())
		(void)raw_write_file(top, "cgroup.subtree_control", "+memory +pids", 0);
	if (result >= 0)
		result = RAW(SYS_mkdirat, top, groups->name, 0755);
	if (result >= 0)
		result = open_directory(top, groups->name);
	if (result < 0)
		return result;
	groups->parents[groups->count++] = (int)result;
	if (is_unified())
		return raw_write_file((int)result, "cgroup.subtree_control", "+memory +pids", 0);
	return 0;
}

long groups_begin(struct groups *groups, const char *name)
{
	size_t count;
	const struct tree *tree = trees(&count);
	long result = 0;

	if (name != NULL)
		(void)snprintf(groups->name, sizeof(groups->name), "%s", name);
	else
		(void)snprintf(groups->name, sizeof(groups->name), "pyroute-bench-%d",
			       (int)getpid());
	for (size_t i = 0; result == 0 && i < count; i++)
		result = begin_tree(groups, &tree[i]);
	/* The group above has it exactly where those of the clients will. */
	groups->counts_swap =
		result == 0 && faccessat(groups->parents[0], tree[0].swap, F_OK, 0) == 0;
	return result;
}

static long make_in(const struct groups *groups, size_t i, const struct tree *tree,
		    struct client *client)
{
	char path[64];
	long result;

	name_in_group(client->number, NULL, path);
	result = RAW(SYS_mkdirat, groups->parents[i], path, 0755);
	if (result == 0 && tree->memory != NULL) {
		name_in_group(client->number, tree->memory, path);
		result = raw_write_file(groups->parents[i], path, GROUP_MEMORY, 0);
	}
	if (result == 0 && tree->memory != NULL && groups->counts_swap) {
		name_in_group(client->number, tree->swap, path);
		result = raw_write_file(groups->parents[i], path, tree->swap_value, 0);
	}
	if (result == 0 && tree->pids != NULL) {
		name_in_group(client->number, tree->pids, path);
		result = raw_write_file(groups->parents[i], path, GROUP_PIDS, 0);
	}
	if (result < 0)
		return result;
	name_in_group(client->number, tree->door, path);
	client->doors[i] = raw_open(groups->parents[i], path, O_WRONLY);
	return client->doors[i];
}

long groups_make(const struct groups *groups, struct client *client)
{
	const struct tree *tree = groups->count == 1 ? unified : separate;
	long result = 0;

	client->doors[0] = client->doors[1] = -1;
	for (size_t i = 0; result >= 0 && i < groups->count; i++)
		result = make_in(groups, i, &tree[i], client);
	return result < 0 ? result : 0;
}

static long remove_group(int dir, const char *name)
{
	for (int i = 0; i < BURIAL_TRIES; i++) {
		if (unlinkat(dir, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		if (errno != EBUSY)
			break;
		(void)usleep(BURIAL_PAUSE_US);
	}
	return -errno;
}

long groups_remove(struct groups *groups, unsigned clients)
{
	size_t count;
	const struct tree *tree = trees(&count);
	long result = 0;

	for (size_t i = 0; i < groups->count; i++) {
		CLEANUP_FD int top = (int)open_directory(AT_FDCWD, tree[i].mount);

		for (unsigned number = 1; result == 0 && number <= clients; number++) {
			char name[64];

			name_in_group(number, NULL, name);
			result = remove_group(groups->parents[i], name);
		}
		close_fd(&groups->parents[i]);
		if (result == 0)
			result = remove_group(top, groups->name);
	}
	groups->count = 0;
	return result;
}

void groups_limit_path(const struct groups *groups, const char *key, unsigned number, char *path,
		       size_t size)
{
	const bool memory = strcmp(key, "memory") == 0;
	const struct tree *tree = groups->count == 1 ? unified : &separate[memory ? 0 : 1];

	(void)snprintf(path, size, "%s/%s/client%u/%s", tree->mount, groups->name, number,
		       memory ? tree->memory : tree->pids);
}
