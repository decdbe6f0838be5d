#include "session.h"

#include "channel.h"
#include "host.h"
#include "process.h"
#include "rundir.h"
#include "service.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#define STOP_TIMEOUT_MS 5000 /* a keeper that takes longer is killed */

void session_close(struct session *session)
{
	close_fd(&session->dir);
	close_fd(&session->base);
}

int session_open(const struct checkout *checkout, const struct caller *caller,
		 struct session *session, struct error *error)
{
	session->checkout = checkout;
	session->caller = caller;
	if (rundir_id(checkout->dir, session->id, error) < 0)
		return -error->code;
	session->base = rundir_open_base(false, error);
	if (session->base >= 0)
		session->dir = rundir_open(session->base, session->id, false, error);
	if (session->dir < 0 && error->code != ENOENT)
		return -error->code;
	return 0;
}

static int not_running(struct error *error)
{
	return error_set(error, ESRCH, "no stage runs; start one: sudo pyroute-stage-start stage1");
}

static int connect_in(int dir, struct error *error)
{
	int socket = channel_connect(dir, SESSION_SOCKET, error);

	if (socket == -ENOENT || socket == -ECONNREFUSED)
		return not_running(error);
	if (socket == -ETIMEDOUT)
		return error_set(
			error, ETIMEDOUT,
			"the keeper of the stage that runs does not answer; is it stopped?");
	if (socket == -EACCES)
		return error_set(error, EACCES,
				 "the stage that runs here is another user's: use sudo");
	return socket;
}

int session_connect(const struct session *session, struct error *error)
{
	return session->dir < 0 ? not_running(error) : connect_in(session->dir, error);
}

/* ---- down ------------------------------------------------------------------------------------ */

/* Ends the stage that SOCKET leads to, and waits until its keeper is no more. */
static int end_keeper(int socket, struct error *error)
{
	CLEANUP_FD int keeper = -1;
	struct pollfd end = {.events = POLLIN};

	if (service_stop(socket, &keeper, error) < 0)
		return -error->code;
	end.fd = keeper;
	if (poll(&end, 1, STOP_TIMEOUT_MS) > 0)
		return 0;
	if (process_signal(keeper, SIGKILL, error) < 0)
		return -error->code;
	if (poll(&end, 1, STOP_TIMEOUT_MS) > 0)
		return 0;
	return error_set(error, ETIMEDOUT, "the stage's keeper does not end");
}

static int clear_away(int base, const char *id, struct error *error)
{
	CLEANUP_FD int dir = rundir_open(base, id, false, error);

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	if (host_restore(dir, error) < 0)
		return -error->code;
	return rundir_remove(base, id, error);
}

int session_clear_away(const struct session *session, struct error *error)
{
	return clear_away(session->base, session->id, error);
}

/* Takes .stage out of the checkout that a crashed stage was of, if that is still there. */
static void unmark(const char *path, const char *id)
{
	char found[RUNDIR_ID_SIZE];
	CLEANUP_CHECKOUT struct checkout checkout = CHECKOUT_NONE;
	const struct caller self = {.uid = geteuid(), .gid = getegid()};
	struct error ignored;

	if (checkout_find(path, &self, &checkout, &ignored) == 0 &&
	    rundir_id(checkout.dir, found, &ignored) == 0 && strcmp(found, id) == 0)
		(void)checkout_mark(&checkout, NULL, &ignored);
}

/* If ID's stage has no keeper any more, clears away after it. The lock is held, so that it is no
 * start in progress. */
static int recover(void *context, int base, const char *id, struct error *error)
{
	CLEANUP_FD int dir = rundir_open(base, id, false, error);
	CLEANUP_FD int socket = dir < 0 ? -1 : connect_in(dir, error);
	struct host_stage crashed;
	int result;

	(void)context;
	if (dir < 0)
		return dir;
	if (socket >= 0 || socket == -ETIMEDOUT)
		return 0;
	if (socket != -ESRCH)
		return socket;
	if (host_owner(dir, &crashed, error) == 0)
		unmark(crashed.checkout, id);
	result = clear_away(base, id, error);
	/* Of another network namespace, which may be no more: nothing here is to be put back. */
	return result == -EXDEV ? 0 : result;
}

static int down_locked(struct session *session, const char *wanted, char name[STAGE_NAME_SIZE],
		       struct error *error)
{
	CLEANUP_FD int socket = -1;

	close_fd(&session->dir);
	session->dir = rundir_open(session->base, session->id, false, error);
	if (session->dir < 0 && session->dir != -ENOENT)
		return session->dir;
	socket = session_connect(session, error);
	if (socket < 0 || service_stage(socket, name, error) < 0)
		return -error->code;
	if (wanted != NULL && strcmp(wanted, name) != 0)
		return error_set(error, EINVAL, "%s runs, not %s; stop it by its name or by none",
				 name, wanted);
	if (end_keeper(socket, error) < 0 || session_clear_away(session, error) < 0)
		return -error->code;
	return checkout_mark(session->checkout, NULL, error);
}

/* Takes the lock. From then on a signal no longer ends us in the middle of things: what a stop
 * does is bounded in time, and a start looks for signals where it waits. */
static int lock_session(const struct session *session, struct error *error)
{
	CLEANUP_FD int lock = rundir_lock(session->base, error);
	sigset_t held_back;

	if (lock < 0)
		return lock;
	session_signals(&held_back);
	(void)sigprocmask(SIG_BLOCK, &held_back, NULL);
	/* Of any checkout: ip forwarding is the computer's. */
	if (rundir_for_each(session->base, recover, NULL, error) < 0)
		return -error->code;
	return TAKE_FD(lock);
}

void session_signals(sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGINT);
	(void)sigaddset(set, SIGTERM);
	(void)sigaddset(set, SIGHUP);
}

int session_down(struct session *session, const char *wanted, char name[STAGE_NAME_SIZE],
		 struct error *error)
{
	CLEANUP_FD int lock = -1;

	if (session->base < 0)
		return not_running(error);
	if (privilege_need_root(error) < 0)
		return -error->code;
	lock = lock_session(session, error);
	return lock < 0 ? lock : down_locked(session, wanted, name, error);
}

/* ---- before a start -------------------------------------------------------------------------- */

int session_lock(struct session *session, struct error *error)
{
	if (privilege_need_root(error) < 0)
		return -error->code;
	if (session->base < 0)
		session->base = rundir_open_base(true, error);
	return session->base < 0 ? session->base : lock_session(session, error);
}

int session_end_running(struct session *session, struct error *error)
{
	char name[STAGE_NAME_SIZE];
	int result = down_locked(session, NULL, name, error);

	return result == -ESRCH ? 0 : result;
}
