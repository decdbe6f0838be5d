#include "supervise.h"

#include "channel.h"
#include "ns.h"
#include "process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#define GRACE_MS 2000 /* between SIGTERM and SIGKILL */

struct watch {
	int pidfd;
	int signals;
	int guard; /* -1: none, or it has gone off */
	int ending_signal;
	unsigned way; /* enum supervise_way */
	bool ending;
	int signalled; /* the last signal to us; 0: none */
};

static int open_signals(unsigned way, sigset_t *before, struct error *error)
{
	sigset_t wanted;
	int fd;

	process_ending_signals(&wanted);
	if ((way & SUPERVISE_ORPHANS) != 0)
		(void)sigaddset(&wanted, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &wanted, before);
	fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return error_system(error, errno, "cannot wait for signals");
	return fd;
}

/* What the terminal sends goes to all in the foreground. But that it hangs up, it tells the leader
 * of its session alone, and the others when that has ended (setsid(2), NOTES): such as where a
 * window or ssh(1) runs nothing but us. */
static bool came_to_both(const struct signalfd_siginfo *info)
{
	return info->ssi_code == SI_KERNEL && !(info->ssi_signo == SIGHUP && getsid(0) == getpid());
}

/* The pid of one that has ended and is ours to reap, of those that WHICH and ID say; 0: none. */
static pid_t ended(idtype_t which, int id)
{
	siginfo_t info = {.si_pid = 0};

	if (waitid(which, (id_t)id, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return 0;
	return info.si_pid;
}

/* All but the child itself: once that has ended there is nothing to wait for any more. */
static void reap_orphans(const struct watch *watch)
{
	pid_t orphan;

	while ((orphan = ended(P_ALL, 0)) > 0 && ended(P_PIDFD, watch->pidfd) != orphan)
		(void)waitpid(orphan, NULL, 0);
}

static int heed_signal(struct watch *watch, struct error *error)
{
	struct signalfd_siginfo info;

	if (read(watch->signals, &info, sizeof(info)) != sizeof(info))
		return 0;
	if (info.ssi_signo == SIGCHLD) {
		reap_orphans(watch);
		return 0;
	}
	watch->signalled = (int)info.ssi_signo;
	if ((watch->way & SUPERVISE_SAME_GROUP) != 0 && came_to_both(&info))
		return 0;
	return process_signal(watch->pidfd, (int)info.ssi_signo, error);
}

/* Returns when the child has ended. */
static int watch_child(struct watch *watch, struct error *error)
{
	for (;;) {
		struct pollfd files[] = {{.fd = watch->pidfd, .events = POLLIN},
					 {.fd = watch->signals, .events = POLLIN},
					 {.fd = watch->guard, .events = POLLIN}};
		int ready = poll(files, ARRAY_SIZE(files), watch->ending ? GRACE_MS : -1);
		int result = 0;

		if (ready < 0 && errno != EINTR)
			return error_system(error, errno, "cannot wait for a process");
		if (files[0].revents != 0)
			return 0;
		if (ready == 0)
			result = process_signal(watch->pidfd, SIGKILL, error);
		if (result == 0 && files[1].revents != 0)
			result = heed_signal(watch, error);
		if (result == 0 && files[2].revents != 0) {
			watch->guard = -1;
			watch->ending = true;
			result = process_signal(watch->pidfd, watch->ending_signal, error);
		}
		if (result < 0)
			return result;
	}
}

int supervise_watch(int pidfd, const struct supervise_guard *guard, unsigned way,
		    struct error *error)
{
	sigset_t before;
	CLEANUP_FD int signals = open_signals(way, &before, error);
	struct watch watch = {.pidfd = pidfd,
			      .signals = signals,
			      .guard = guard != NULL ? guard->file : -1,
			      .ending_signal = guard != NULL ? guard->signal : 0,
			      .way = way};
	int result = signals;

	if ((way & SUPERVISE_ORPHANS) != 0) /* those whose signal came before we listened */
		reap_orphans(&watch);
	if (signals >= 0)
		result = watch_child(&watch, error);

	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return result < 0 ? result : watch.signalled;
}

int supervise_child(int pidfd, const struct supervise_guard *guard, unsigned way, int *status,
		    struct error *error)
{
	int signalled = supervise_watch(pidfd, guard, way, error);

	if (signalled < 0 || process_wait(pidfd, status, error) < 0)
		return -error->code;
	return signalled;
}

/* ---- a child of its own ---------------------------------------------------------------------- */

struct birth {
	supervise_become *become_child;
	void *context;
	char *const *argv;
	pid_t parent;
	int outer;   /* the parent's end of the channel */
	int channel; /* the child's: closes with the exec, or tells why there was none */
};

static int prepare_child(const struct birth *birth, struct error *error)
{
	sigset_t held_back;
	int result = birth->become_child(birth->context, error);

	process_ending_signals(&held_back);
	(void)sigprocmask(SIG_UNBLOCK, &held_back, NULL);
	/* After the change of ids, which would clear it. */
	if (result == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		result = error_system(error, errno, "cannot ask for the parent's death");
	if (result == 0 && getppid() != birth->parent) /* it came before we asked */
		result = error_set(error, ECANCELED, "the parent is gone");
	return result;
}

static int main_child(void *argument)
{
	const struct birth *birth = argument;
	struct error error = {0};
	struct error ignored;

	(void)close(birth->outer);
	if (prepare_child(birth, &error) == 0) {
		(void)execvp(birth->argv[0], birth->argv);
		(void)error_system(&error, errno, "cannot run %.200s", birth->argv[0]);
	}
	(void)channel_send(birth->channel, &error, sizeof(error), NULL, &ignored);
	return PROCESS_FAILED;
}

int supervise_spawn(supervise_become *become_child, void *context, char *const *argv, int *pidfd,
		    int *status, struct error *error)
{
	struct birth birth = {
		.become_child = become_child, .context = context, .argv = argv, .parent = getpid()};
	CLEANUP_FD int channel = -1;
	CLEANUP_FD int child = -1;
	struct error failed;
	struct error ignored;
	int ends[2];
	int result;

	*status = PROCESS_FAILED;
	if (channel_pair(ends, error) < 0)
		return -error->code;
	channel = birth.outer = ends[0];
	birth.channel = ends[1];
	/* The child may run, and be seen to, before supervise_child() looks for signals: one that
	 * comes in between waits for that, and does not end us and leave what the child started. */
	process_hold_signals();
	result = ns_clone(0, main_child, &birth, &child, error);
	close_fd(&ends[1]);
	if (result < 0)
		return result;
	result = channel_receive(channel, &failed, sizeof(failed), NULL, error);
	if (result > 0) {
		(void)process_wait(child, status, &ignored);
		*status = process_exec_status(failed.code);
		return error_take(error, &failed);
	}
	*pidfd = TAKE_FD(child);
	return result;
}

struct call {
	supervise_become *run_child;
	void *context;
	int channel;
};

static int main_call_child(void *argument)
{
	const struct call *call = argument;
	struct error error = {0};
	struct error ignored;

	if (call->run_child(call->context, &error) == 0)
		error.code = 0;
	return channel_send(call->channel, &error, sizeof(error), NULL, &ignored) < 0;
}

int supervise_call(supervise_become *run_child, void *context, struct error *error)
{
	struct call call = {.run_child = run_child, .context = context};
	struct error outcome = {.code = ECHILD, .text = "a process of this command was killed"};
	struct error ignored;
	CLEANUP_FD int channel = -1;
	CLEANUP_FD int pidfd = -1;
	int ends[2];
	int status;
	int result = channel_pair(ends, error);

	if (result < 0)
		return result;
	channel = ends[0];
	call.channel = ends[1];
	result = ns_clone(0, main_call_child, &call, &pidfd, error);
	close_fd(&ends[1]);
	if (result < 0)
		return result;
	result = channel_receive(channel, &outcome, sizeof(outcome), NULL, error);
	(void)process_wait(pidfd, &status, &ignored);
	return result < 0 ? result : error_take(error, &outcome);
}

/* ---- orphans --------------------------------------------------------------------------------- */

int supervise_adopt(struct error *error)
{
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return error_system(error, errno, "cannot adopt orphans");
	return 0;
}

/* The first of our children, 0 where there is none (proc(5), /proc/pid/task/tid/children). */
static pid_t first_child(void)
{
	char path[64];
	char list[32]; /* the first number is enough */
	CLEANUP_FD int file = -1;
	ssize_t length;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	file = open(path, O_RDONLY | O_CLOEXEC);
	length = file < 0 ? -1 : read(file, list, sizeof(list) - 1);
	if (length <= 0)
		return 0;
	list[length] = '\0';
	return (pid_t)strtol(list, NULL, 10);
}

void supervise_end_orphans(void)
{
	pid_t child;

	while ((child = first_child()) > 0) {
		(void)kill(child, SIGKILL); /* ours and not waited for: the number is still its */
		(void)waitpid(child, NULL, 0);
	}
}
