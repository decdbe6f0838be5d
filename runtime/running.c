#include "running.h"

#include "channel.h"
#include "host.h"
#include "record.h"
#include "rundir.h"
#include "service.h"

void running_clear(struct running *running)
{
	free_memory(&running->list);
	running->count = 0;
}

static int add(struct running *running, const struct running_stage *stage, struct error *error)
{
	struct running_stage *list = reallocarray(running->list, running->count + 1, sizeof(*list));

	if (list == NULL)
		return error_system(error, ENOMEM, "cannot list what runs");
	running->list = list;
	list[running->count++] = *stage;
	return 0;
}

static int count_client(void *context, const struct service_client *client, int pidfd,
			struct error *error)
{
	struct running_stage *stage = context;

	(void)pidfd;
	(void)error;
	stage->client_count++;
	stage->clients_running += client->running ? 1 : 0;
	stage->uptime_ms = client->uptime_ms; /* all say the same */
	return 0;
}

/* Asks the keeper in DIR. -ETIMEDOUT: there is one, and it does not answer. Other failures: there
 * is none, or none for us. */
static int ask_keeper(int dir, struct running_stage *stage, struct error *error)
{
	CLEANUP_FD int socket = channel_connect(dir, RUNDIR_SOCKET, error);

	return socket < 0 ? socket : service_clients(socket, count_client, stage, error);
}

/* Of rundir_for_each(). What cannot be read or asked is not ours, or ends just now. */
static int look_at(void *context, int base, const char *id, struct error *error)
{
	CLEANUP_FD int dir = rundir_open(base, id, false, error);
	struct running_stage stage = {.answers = false};
	struct host_stage owner;
	int result;

	if (dir < 0 || host_owner(dir, &owner, error) < 0)
		return 0;
	result = ask_keeper(dir, &stage, error);
	if (result < 0 && result != -ETIMEDOUT)
		return 0;
	stage.answers = result == 0;
	memcpy(stage.stage, owner.name, sizeof(stage.stage));
	memcpy(stage.name, owner.given, sizeof(stage.name));
	memcpy(stage.checkout, owner.checkout, sizeof(stage.checkout));
	return add(context, &stage, error);
}

static int add_scripted(void *context, const struct record_told *told, struct error *error)
{
	struct running_stage stage = {.answers = false};

	memcpy(stage.stage, told->stage, sizeof(stage.stage));
	memcpy(stage.name, told->name, sizeof(stage.name));
	memcpy(stage.checkout, told->checkout, sizeof(stage.checkout));
	return add(context, &stage, error);
}

/* A base that is not OWNER's alone holds nothing of theirs. */
static int look_into(uid_t owner, struct running *running, struct error *error)
{
	CLEANUP_FD int base = rundir_open_base(owner, false, error);

	if (base == -ENOENT || base == -EPERM)
		return 0;
	if (base < 0 || rundir_for_each(base, look_at, running, error) < 0)
		return -error->code;
	return record_for_each(base, add_scripted, running, error);
}

static int compare(const void *a, const void *b)
{
	const struct running_stage *left = a;
	const struct running_stage *right = b;
	int order = strcmp(left->checkout, right->checkout);

	return order != 0 ? order : strverscmp(left->name, right->name);
}

int running_find(const struct caller *caller, struct running *running, struct error *error)
{
	CLEANUP_PRIVILEGE struct privilege_saved saved = {0};

	if (look_into(0, running, error) < 0)
		return -error->code;
	/* What is the caller's is looked at with their rights. */
	if (caller->uid != 0 && (privilege_assume(caller, &saved, error) < 0 ||
				 look_into(caller->uid, running, error) < 0))
		return -error->code;
	if (running->count > 0)
		qsort(running->list, running->count, sizeof(*running->list), compare);
	return 0;
}

/* ---- on the computer ------------------------------------------------------------------------- */

struct search {
	const char *leg; /* NULL: whatever it has */
	struct host_stage *found;
};

/* Of rundir_for_each(): 1 ends the visit. */
static int find_journal(void *context, int base, const char *id, struct error *error)
{
	const struct search *search = context;
	CLEANUP_FD int dir = rundir_open(base, id, false, error);

	if (dir < 0 || (search->leg != NULL && !host_has_leg(dir, search->leg)))
		return 0;
	return host_owner(dir, search->found, error) == 0 && !search->found->private ? 1 : 0;
}

int running_find_leg(int base, const char *leg, struct host_stage *stage, struct error *error)
{
	struct search search = {.leg = leg, .found = stage};

	return rundir_for_each(base, find_journal, &search, error);
}
