#include "session.h"

#include "channel.h"
#include "host.h"
#include "ns.h"
#include "process.h"
#include "recovery.h"
#include "rundir.h"
#include "scripts.h"
#include "service.h"
#include "supervise.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

#define STOP_TIMEOUT_MS 5000  /* a keeper that takes longer is killed */
#define END_TIMEOUT_MS	60000 /* for a killed one, whose clients the kernel ends */
#define STOP_PAUSE_MS	20    /* between two tries to stop a keeper that hangs up */

void session_close(struct session *session)
{
	record_close(&session->record);
	close_fd(&session->dir);
	close_fd(&session->base);
	close_fd(&session->lock);
}

/* Opens what the caller's own base has of this checkout, now, or else root's has; with MAKE, makes
 * the base first. */
static int open_place(struct session *session, bool own, bool make, struct error *error)
{
	CLEANUP_PRIVILEGE struct privilege_saved saved = {0};

	close_fd(&session->dir);
	close_fd(&session->base);
	session->own = own;
	if (own && privilege_assume(session->caller, &saved, error) < 0)
		return -error->code;
	session->base = rundir_open_base(own ? session->caller->uid : 0, make, error);
	if (session->base >= 0)
		session->dir = rundir_open(session->base, session->id, false, error);
	/* What is not the caller's holds nothing of theirs. */
	if (session->dir >= 0 || error->code == ENOENT || (own && !make && error->code == EPERM))
		return 0;
	return -error->code;
}

/* Opens the place where the stage of this checkout is, if there is one: root's where not. */
static int find_place(struct session *session, struct error *error)
{
	if (session->caller->uid != 0 && open_place(session, true, false, error) < 0)
		return -error->code;
	return session->dir >= 0 ? 0 : open_place(session, false, false, error);
}

int session_open(const struct checkout *checkout, const struct caller *caller, const char *name,
		 struct session *session, struct error *error)
{
	session->checkout = checkout;
	session->caller = caller;
	session->name = name;
	session->record = RECORD_EMPTY;
	session->record.caller = caller;
	session->record.checkout = checkout->path;
	session->record.id = session->id;
	if (checkout->dir < 0)
		return 0;
	if (rundir_id(checkout->dir, name, session->id, error) < 0 ||
	    find_place(session, error) < 0)
		return -error->code;
	return record_read(&session->record, error);
}

/* Whether the keeper of the stage in DIR is there, and the caller's: sudo gives nobody the stages
 * of others. One that does not answer is. */
static bool is_callers(const struct session *session, int dir)
{
	struct stat status;
	struct error error;
	CLEANUP_FD int socket = -1;

	if (fstatat(dir, RUNDIR_SOCKET, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (session->caller->uid != 0 && status.st_uid != session->caller->uid))
		return false;
	socket = channel_connect(dir, RUNDIR_SOCKET, &error);
	return socket >= 0 || socket == -ETIMEDOUT;
}

/* Of rundir_for_each(): takes ID for the session's where its journal names the same path and the
 * same name: 1. */
static int take_namesake(void *context, int base, const char *id, struct error *error)
{
	struct session *session = context;
	CLEANUP_FD int dir = rundir_open(base, id, false, error);
	const char *name = session->name != NULL ? session->name : "";
	struct host_stage stage;

	if (dir < 0 || host_owner(dir, &stage, error) < 0 ||
	    strcmp(stage.checkout, session->checkout->path) != 0 ||
	    strcmp(stage.given, name) != 0 || !is_callers(session, dir))
		return 0;
	(void)snprintf(session->id, sizeof(session->id), "%s", id);
	return 1;
}

/* Returns 1 where it found one. */
static int find_namesake(struct session *session, bool own, struct error *error)
{
	CLEANUP_PRIVILEGE struct privilege_saved saved = {0};

	if (open_place(session, own, false, error) < 0 ||
	    (own && privilege_assume(session->caller, &saved, error) < 0))
		return -error->code;
	return session->base < 0 ? 0
				 : rundir_for_each(session->base, take_namesake, session, error);
}

int session_find_gone(struct session *session, struct error *error)
{
	int found = 0;

	if (session->dir >= 0 || session->record.state != RECORD_NONE)
		return 1;
	if (session->caller->uid != 0)
		found = find_namesake(session, true, error);
	if (found == 0)
		found = find_namesake(session, false, error);
	return found > 0 && find_place(session, error) < 0 ? -error->code : found;
}

int session_lower(const struct session *session, struct error *error)
{
	if (!session->own || geteuid() != 0)
		return 0;
	if (privilege_restore_environment(session->caller, error) < 0)
		return -error->code;
	return privilege_drop_to_caller(session->caller, error);
}

const char *session_scripted(const struct session *session)
{
	return session->record.state == RECORD_UP ? session->record.stage : NULL;
}

int session_mark(const struct session *session, const char *stage, struct error *error)
{
	return session->name != NULL ? 0 : checkout_mark(session->checkout, stage, error);
}

int session_can_mark(const struct session *session, struct error *error)
{
	return session->name != NULL ? 0 : checkout_can_mark(session->checkout, error);
}

/* NAME is the session's. */
static int not_running(const char *name, struct error *error)
{
	if (name != NULL)
		return error_set(error, ESRCH,
				 "no stage runs by the name %s; start one: "
				 "pyroute-stage-start --name %s stage1",
				 name, name);
	return error_set(error, ESRCH, "no stage runs; start one: pyroute-stage-start stage1");
}

static int connect_in(int dir, const char *name, struct error *error)
{
	int socket = channel_connect(dir, RUNDIR_SOCKET, error);

	if (socket == -ENOENT || socket == -ECONNREFUSED)
		return not_running(name, error);
	if (socket == -ETIMEDOUT)
		return error_set(
			error, ETIMEDOUT,
			"the keeper of the stage that runs does not answer; is it stopped?");
	if (socket == -EACCES)
		return error_set(error, EACCES,
				 "the stage that runs here is another user's: use sudo");
	return socket;
}

int session_silent(const struct session *session, int socket, struct error *error)
{
	const char *sudo = session->own ? "" : "sudo ";
	int keeper = channel_peer(socket);
	struct host_stage stage;
	struct error ignored;

	if (error->code != ETIMEDOUT || keeper <= 0 ||
	    host_owner(session->dir, &stage, &ignored) < 0)
		return -error->code;
	return error_set(error, ETIMEDOUT,
			 "the keeper of %s, process %d, does not answer; if it is stopped: %skill "
			 "-CONT %d; to end the stage: %skill -KILL %d",
			 stage.name, keeper, sudo, keeper, sudo, keeper);
}

int session_connect(const struct session *session, struct error *error)
{
	if (session_scripted(session) != NULL)
		return error_set(error, EOPNOTSUPP,
				 "%s brings scripts of its own, and they alone know its machines: "
				 "look into stages/%s",
				 session->record.stage, session->record.stage);
	return session->dir < 0 ? not_running(session->name, error)
				: connect_in(session->dir, session->name, error);
}

int session_guard(const struct session *session, struct error *error)
{
	if (session_scripted(session) == NULL)
		return session_connect(session, error);
	return record_guard(&session->record, error);
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
	if (poll(&end, 1, END_TIMEOUT_MS) > 0)
		return 0;
	return error_set(error, ETIMEDOUT, "the stage's keeper does not end");
}

int session_clear_away(const struct session *session, struct error *error)
{
	return recovery_clear_away(session->base, session->id, error);
}

static int check_wanted(const char *wanted, const char *name, struct error *error)
{
	if (wanted == NULL || strcmp(wanted, name) == 0)
		return 0;
	return error_set(error, EINVAL, "%s runs, not %s; stop it by its name or by none", name,
			 wanted);
}

/* -ECONNRESET or -EPIPE: the keeper has hung up. It was killed a moment ago, and its socket
 * outlives it by as long as that takes, so that recovery_run() may have taken it for alive, too; or
 * it runs, and had no memory to answer with. -ESRCH: it is no more. */
static int end_stage(const struct session *session, const char *wanted, char name[STAGE_NAME_SIZE],
		     struct error *error)
{
	CLEANUP_FD int socket = session_connect(session, error);
	int result = socket < 0 ? socket : service_stage(socket, name, error);

	if (result == -ETIMEDOUT && socket >= 0)
		return session_silent(session, socket, error);
	if (result == 0)
		result = check_wanted(wanted, name, error);
	return result == 0 ? end_keeper(socket, error) : result;
}

static int down_locked(struct session *session, const char *wanted, char name[STAGE_NAME_SIZE],
		       struct error *error)
{
	const struct timespec pause = {.tv_nsec = STOP_PAUSE_MS * 1000000L};
	const int64_t deadline = monotonic_ms() + STOP_TIMEOUT_MS;
	bool killed;
	int result;

	if (open_place(session, session->own, false, error) < 0)
		return -error->code;
	if (session->dir < 0)
		return not_running(session->name, error);
	result = end_stage(session, wanted, name, error);
	while ((result == -ECONNRESET || result == -EPIPE) && monotonic_ms() < deadline) {
		(void)nanosleep(&pause, NULL);
		result = end_stage(session, wanted, name, error);
	}
	killed = result == -ESRCH;
	if (result < 0 && !killed)
		return result;
	if (session_clear_away(session, error) < 0 || session_mark(session, NULL, error) < 0)
		return -error->code;
	return killed ? not_running(session->name, error) : 0;
}

/* Root's lock may be another user's for long, and by now signals may be held back: so whoever waits
 * looks for them. */
static int wait_for_lock(const struct session *session, struct error *error)
{
	int lock;

	while ((lock = rundir_lock(session->base, error)) == -EWOULDBLOCK)
		if (rundir_pause(error) < 0)
			return -error->code;
	return lock;
}

static int lock_session(struct session *session, struct error *error)
{
	session->lock = wait_for_lock(session, error);
	if (session->lock < 0)
		return session->lock;
	/* What a stop does is bounded in time, and a start looks for signals where it waits. */
	process_hold_signals();
	/* Of any checkout: ip forwarding is the computer's. */
	return recovery_run(session->base, error);
}

/* Takes the caller's own lock, which comes before root's. */
static int lock_record(struct session *session, bool make, struct error *error)
{
	/* Even the file that is the lock is to go again. */
	process_hold_signals();
	return record_lock(&session->record, make, error);
}

/* Calls the down.sh of the stage that is recorded. -ESTALE: the stage was deleted meanwhile. */
static int call_down(const struct session *session, struct error *error)
{
	CLEANUP_SCRIPTS struct scripts scripts = SCRIPTS_NONE;
	int result = scripts_open(session->checkout, session->caller, session->name,
				  session->record.stage, &scripts, error);

	if (result == -ENOENT)
		return error_set(
			error, ESTALE,
			"stages/%s is gone, and with it its down.sh: what it has set up is "
			"left as it is, and no longer counts as running",
			session->record.stage);
	return result < 0 ? result : scripts_down(&scripts, error);
}

/* As down_locked(), for a stage with scripts of its own, under the caller's own lock. Of one whose
 * start was killed nobody waits for a good end. */
static int down_scripts(struct session *session, const char *wanted, char name[STAGE_NAME_SIZE],
			struct error *error)
{
	bool up = session_scripted(session) != NULL;
	struct error failed = {0};

	if (session->record.state == RECORD_NONE)
		return not_running(session->name, error);
	memcpy(name, session->record.stage, STAGE_NAME_SIZE);
	if ((up && check_wanted(wanted, name, error) < 0) || session_can_mark(session, error) < 0)
		return -error->code;
	if (call_down(session, &failed) < 0 && up && failed.code != ESTALE) {
		*error = failed;
		return error_prefix(
			error, "%s still counts as running, until a stop's down.sh succeeds", name);
	}
	if (session_mark(session, NULL, error) < 0 || record_clear(&session->record, error) < 0)
		return -error->code;
	if (up && failed.code == ESTALE) {
		*error = failed;
		return -ESTALE;
	}
	return up ? 0 : not_running(session->name, error);
}

/* Takes the lock where the stage is the caller's own, and so is the place that the lock is in. */
static int down_recorded(struct session *session, const char *wanted, char name[STAGE_NAME_SIZE],
			 struct error *error)
{
	int result = lock_record(session, session->own, error);

	if (result == 0)
		return down_scripts(session, wanted, name, error);
	return result == -ENOENT || result == -EPERM ? not_running(session->name, error) : result;
}

int session_down(struct session *session, const char *wanted, char name[STAGE_NAME_SIZE],
		 struct error *error)
{
	int result = down_recorded(session, wanted, name, error);

	if (result != -ESRCH)
		return result;
	if (find_place(session, error) < 0) /* it may have been started while we waited */
		return -error->code;
	if (session->own && session->record.file < 0) {
		/* It was, with the place of the lock. */
		result = down_recorded(session, wanted, name, error);
		if (result != -ESRCH || session->record.file < 0)
			return result;
	}
	/* What is theirs may be there only since session_lower() was called. */
	if (session->own)
		return session_lower(session, error) < 0
			       ? -error->code
			       : down_locked(session, wanted, name, error);
	if (session->base < 0 || (session->dir < 0 && geteuid() != 0))
		return not_running(session->name, error);
	if (privilege_need_root(error) < 0 || lock_session(session, error) < 0)
		return -error->code;
	return down_locked(session, wanted, name, error);
}

/* ---- before a start -------------------------------------------------------------------------- */

int session_lock(struct session *session, struct error *error)
{
	const bool root = geteuid() == 0;
	struct error ignored;

	/* Where nothing can be recorded (somebody else has the place, a disk is full or read-only)
	 * it is enough for root that nothing is. */
	if (lock_record(session, true, error) < 0 &&
	    (!root || error->code == ECANCELED || record_read(&session->record, &ignored) < 0 ||
	     session->record.state != RECORD_NONE))
		return -error->code;
	if (!root)
		return session_can_mark(session, error);
	if (open_place(session, false, true, error) < 0)
		return -error->code;
	return lock_session(session, error);
}

/* A down.sh may take its time: root's lock, for which other users wait, is not held meanwhile. */
static int end_scripts(struct session *session, struct error *error)
{
	char name[STAGE_NAME_SIZE];
	int result = down_scripts(session, NULL, name, error);

	/* Of a stage that was deleted nothing can be ended: no reason not to start another. */
	return result == -ESRCH || result == -ESTALE ? 0 : result;
}

static int end_locked(struct session *session, struct error *error)
{
	char name[STAGE_NAME_SIZE];
	int result = down_locked(session, NULL, name, error);

	return result == -ESRCH ? 0 : result;
}

/* In a child of root's: ends the caller's own stage as the caller alone. */
static int end_own_child(void *context, struct error *error)
{
	struct session *session = context;
	int result = privilege_drop_to_caller(session->caller, error);

	return result < 0 ? result : end_locked(session, error);
}

/* Ends the caller's own stage, if one runs. Their lock is held. */
static int end_own(struct session *session, struct error *error)
{
	int result = open_place(session, true, false, error);

	if (result < 0 || session->dir < 0)
		return result;
	return geteuid() == 0 ? supervise_call(end_own_child, session, error)
			      : end_locked(session, error);
}

/* Sees that no stage that root started runs here, which only root may stop. */
static int refuse_roots(struct session *session, struct error *error)
{
	CLEANUP_FD int socket = -1;

	if (open_place(session, false, false, error) < 0)
		return -error->code;
	socket = session->dir < 0 ? -ESRCH : connect_in(session->dir, session->name, error);
	if (socket == -ESRCH)
		return 0;
	return error_set(error, EPERM,
			 "a stage runs here that takes root to stop: sudo pyroute-stage-stop%s%s",
			 session->name != NULL ? " --name " : "",
			 session->name != NULL ? session->name : "");
}

int session_end_running(struct session *session, struct error *error)
{
	const bool root = geteuid() == 0;

	if (session->record.state != RECORD_NONE) {
		close_fd(&session->lock);
		if (end_scripts(session, error) < 0 || (root && lock_session(session, error) < 0))
			return -error->code;
	}
	if (!root && refuse_roots(session, error) < 0)
		return -error->code;
	if (session->caller->uid != 0 && end_own(session, error) < 0)
		return -error->code;
	if (open_place(session, !root, true, error) < 0)
		return -error->code;
	return end_locked(session, error);
}

int session_make_way(struct session *session, struct error *error)
{
	if (lock_record(session, true, error) < 0)
		return -error->code;
	if (geteuid() != 0 && refuse_roots(session, error) < 0)
		return -error->code;
	if (end_scripts(session, error) < 0 ||
	    (session->caller->uid != 0 && end_own(session, error) < 0) ||
	    open_place(session, false, false, error) < 0)
		return -error->code;
	if (session->base < 0 || geteuid() != 0)
		return 0;
	if (lock_session(session, error) < 0 || end_locked(session, error) < 0)
		return -error->code;
	close_fd(&session->lock); /* an up.sh may take its time, too */
	return 0;
}
