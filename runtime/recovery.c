#include "recovery.h"

#include "channel.h"
#include "checkout.h"
#include "file.h"
#include "host.h"
#include "rundir.h"

/* Who of the others is to restore what they share with the stage ID, which goes. */
struct heir {
	const char *id;
	int dir; /* -1: nobody */
};

/* Of rundir_for_each(): 1 ends the visit. */
static int find_heir(void *context, int base, const char *id, struct error *error)
{
	struct heir *heir = context;
	CLEANUP_FD int dir = -1;
	int here;

	if (strcmp(id, heir->id) == 0)
		return 0;
	dir = rundir_open(base, id, false, error);
	here = dir < 0 ? dir : host_is_here(dir, error);
	if (here > 0)
		heir->dir = TAKE_FD(dir);
	/* It may end just now; and what is no file is no journal of a stage's. */
	return here == -ENOENT || here == -EINVAL || here == -ELOOP ? 0 : here;
}

int recovery_clear_away(int base, const char *id, struct error *error)
{
	CLEANUP_FD int dir = rundir_open(base, id, false, error);
	struct heir heir = {.id = id, .dir = -1};
	int result;

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	if (rundir_for_each(base, find_heir, &heir, error) < 0)
		return -error->code;
	result = host_restore(dir, heir.dir, error);
	close_fd(&heir.dir);
	if (result < 0)
		return rundir_prefix(base, id, error);
	return rundir_remove(base, id, error);
}

/* Takes .stage out of the checkout that a crashed stage was of, if that is still there. */
static void unmark(const char *path, const char *id)
{
	char found[RUNDIR_ID_SIZE];
	CLEANUP_CHECKOUT struct checkout checkout = CHECKOUT_NONE;
	const struct caller self = {.uid = geteuid(), .gid = getegid()};
	struct error ignored;

	if (checkout_find(path, &self, &checkout, &ignored) == 0 &&
	    rundir_id(checkout.dir, NULL, found, &ignored) == 0 && strcmp(found, id) == 0)
		(void)checkout_mark(&checkout, NULL, &ignored);
}

/* Of rundir_for_each(): if ID's stage has no keeper any more, clears away after it. */
static int recover(void *context, int base, const char *id, struct error *error)
{
	CLEANUP_FD int dir = rundir_open(base, id, false, error);
	CLEANUP_FD int socket = dir < 0 ? -1 : channel_connect(dir, RUNDIR_SOCKET, error);
	struct host_stage crashed;
	int result;

	(void)context;
	if (dir < 0)
		return dir;
	if (socket >= 0 || socket == -ETIMEDOUT)
		return 0;
	if (socket != -ENOENT && socket != -ECONNREFUSED)
		return socket;
	if (host_owner(dir, &crashed, error) == 0)
		unmark(crashed.checkout, id);
	result = recovery_clear_away(base, id, error);
	/* Of another network namespace, which may be no more: nothing here is to be put back. */
	return result == -EXDEV ? 0 : result;
}

int recovery_run(int base, struct error *error)
{
	return rundir_for_each(base, recover, NULL, error);
}
