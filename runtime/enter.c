/* Theory of operation
 *
 * Four processes take part. The outer one stays in the computer's namespaces, with the caller's
 * terminal. A go-between enters the client's namespaces by the fds that the keeper gave (no path of
 * the client's is ever walked on the way), and makes the inner process, which is born in the
 * client's pid namespace (setns(2): a pid namespace is for children). That becomes what a client's
 * pid 1 is, to the bit, and then, by way of the launcher (launcher.h), the shell.
 *
 * They share one memory, and each waits until the next is through with it, by its exec or its end,
 * and does nothing else (vfork(2)). So none is copied, and what fails is in struct entrance when
 * the outer process goes on; files alone have to be sent to it. The environment is the client's
 * then.
 *
 * By CLONE_PARENT the inner process is the child of a steward, who does nothing but reap it, and
 * ends as it did. The outer one may be stopped (a terminal's Ctrl-Z, SIGSTOP), and a zombie that
 * nobody reaps would keep the client's pid 1, and with it the keeper, from ending
 * (zap_pid_ns_processes()). No signal of a terminal reaches the steward, for it has a session of
 * its own. It stays outside, becomes a program without a file (steward.h) when the inner process is
 * on its own, and when the outer one dies, now or then, it ends the inner one, and reaps that too:
 * whoever adopts it otherwise, such as the first process of a container, may reap nobody.
 *
 * From before the first setns() to the command's own exec none of them is dumpable: who is in the
 * client already can neither trace them nor look through their /proc/PID into the computer's file
 * system (CVE-2016-9962, CVE-2024-21626). */
#include "enter.h"

#include "channel.h"
#include "file.h"
#include "inhabitant.h"
#include "launcher.h"
#include "privilege.h"
#include "process.h"
#include "steward.h"
#include "supervise.h"
#include "terminal.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* One memory for all four, until the inner one's exec. */
struct entrance {
	const struct enter_wish *wish;
	struct filter filter;
	struct launcher launcher;
	bool terminal;
	pid_t outer;
	int channel;	    /* the inner process's end */
	pid_t inner;	    /* 0: there was none */
	bool admitted;	    /* the inner process was born in the client's control group */
	struct error error; /* code 0: nothing has failed so far */
};

static void entrance_close(struct entrance *entrance)
{
	filter_clear(&entrance->filter);
	launcher_close(&entrance->launcher);
	close_fd(&entrance->channel);
}

/* ---- in the client --------------------------------------------------------------------------- */

/* The change of ids clears both: the steward's death is ours, and, where the sysctl
 * fs.suid_dumpable is 1, that nobody may look into us. */
static int become_root_child(struct error *error)
{
	int result = privilege_become_root(error);

	if (result == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0))
		result = error_system(error, errno, "cannot be bound to the steward, and hidden");
	return result;
}

static int give_child(int channel, int file, struct error *error)
{
	const struct channel_fds fds = {.fd = {file}, .count = 1};

	return channel_send(channel, "", 1, &fds, error);
}

/* A user may have no more files on their way between processes than one process may have open, with
 * no regard for what root may since we are in the client (unix(7), ETOOMANYREFS). So this is done
 * while we are the caller, not one whom all clients are, and before our limits are a client's. */
static int give_self_child(int channel, struct error *error)
{
	CLEANUP_FD int self = process_pidfd(getpid(), error);

	return self < 0 ? self : give_child(channel, self, error);
}

/* A session of its own, so that /dev/tty is not the caller's terminal. */
static int make_session_child(const struct entrance *entrance, struct error *error)
{
	CLEANUP_FD int master = -1;

	if (!entrance->terminal)
		return setsid() < 0 ? error_system(error, errno, "cannot make a session") : 0;
	if (terminal_attach_child(&master, error) < 0)
		return -error->code;
	return give_child(entrance->channel, master, error);
}

static int close_others_child(const struct entrance *entrance, struct error *error)
{
	int keep[] = {entrance->channel, entrance->launcher.file};

	return file_close_others(keep, ARRAY_SIZE(keep), error);
}

static int ask_admission_child(const struct entrance *entrance, struct error *error)
{
	const struct enter_wish *wish = entrance->wish;

	return entrance->admitted ? 0 : service_ask_admission(wish->keeper, wish->client, error);
}

static int hear_admission_child(const struct entrance *entrance, struct error *error)
{
	return entrance->admitted ? 0 : service_hear_admission(entrance->wish->keeper, error);
}

/* The group's directory is a way to all that lies around it. */
static int enter_cgroup_child(const struct enter_wish *wish, struct error *error)
{
	if (wish->group >= 0)
		(void)close(wish->group);
	return ns_enter_one(wish->entry->ns.fd[NS_CGROUP], NS_CGROUP, error);
}

/* The inner process's way to the exec, on one screen. */
static int become_inhabitant_child(const struct entrance *entrance, struct error *error)
{
	const struct service_entry *entry = entrance->wish->entry;
	int result = enter_cgroup_child(entrance->wish, error);

	if (result == 0)
		result = ask_admission_child(entrance, error);
	if (result == 0)
		result = give_self_child(entrance->channel, error);
	if (result == 0)
		result = become_root_child(error);
	if (result == 0)
		result = make_session_child(entrance, error);
	if (result == 0)
		result = inhabitant_settle_child(getenv("TERM"), error);
	if (result == 0)
		result = hear_admission_child(entrance, error);
	if (result == 0)
		result = close_others_child(entrance, error);
	if (result == 0)
		result = client_confine(&entrance->filter, &entry->limits, error);
	/* The launcher, too, is not dumpable: image.h. */
	if (result == 0)
		result = privilege_lay_override_aside(error);
	return result;
}

static int main_child(void *argument)
{
	struct entrance *entrance = argument;

	if (become_inhabitant_child(entrance, &entrance->error) == 0)
		(void)launcher_become_child(&entrance->launcher, entrance->channel,
					    &entrance->error);
	return PROCESS_FAILED;
}

/* ---- on the way ------------------------------------------------------------------------------ */

/* In the control group from the beginning where that is the caller's right, and the group has room:
 * else the keeper moves it there, which takes an RCU grace period, some 10 ms. */
static pid_t bear(struct entrance *entrance)
{
	const int group = entrance->wish->group;
	struct error refused;
	pid_t pid = -1;

	entrance->admitted = true;
	if (group >= 0)
		pid = ns_clone_shared_into(group, CLONE_PARENT, main_child, entrance, &refused);
	if (pid >= 0)
		return pid;
	entrance->admitted = false;
	return ns_clone_shared(CLONE_PARENT, main_child, entrance, NULL, &entrance->error);
}

/* From a cgroup namespace nobody can be born across its border, where it is one (nsdelegate,
 * cgroups(7)): the inner process enters that itself. */
static int main_between(void *argument)
{
	struct entrance *entrance = argument;
	struct ns_set others = entrance->wish->entry->ns;

	others.fd[NS_CGROUP] = -1;
	if (ns_enter(&others, &entrance->error) == 0)
		entrance->inner = bear(entrance);
	return 0;
}

/* Sends the go-between, and becomes who waits for the inner process. Where that fails, or the outer
 * process dies first, nothing of it stays. */
static int main_steward(void *argument)
{
	struct entrance *entrance = argument;
	struct error *error = &entrance->error;
	CLEANUP(ns_free_stack) char *stack = NULL;
	pid_t between = -1;

	if (steward_prepare(entrance->outer, error) == 0)
		between = ns_clone_beside(0, main_between, argument, NULL, &stack, error);
	if (between > 0 && steward_wait(between) == 0 && entrance->inner > 0 && error->code == 0)
		(void)steward_become(entrance->inner, error);
	supervise_end_orphans(); /* the two are */
	if (error->code == 0)
		(void)error_set(error, ECHILD, "a process on the way into the client was killed");
	return PROCESS_FAILED;
}

/* ---- outside --------------------------------------------------------------------------------- */

/* Takes a file that the inner process gives. Returns it, the caller's. */
static int take_file(int channel, struct error *error)
{
	CLEANUP_CHANNEL_FDS struct channel_fds fds = {.count = 0};
	char word;
	int result = channel_receive(channel, &word, sizeof(word), &fds, error);

	if (result == 0)
		return error_set(error, ECHILD, "the client has ended");
	if (result < 0)
		return result;
	if (fds.count != 1)
		return error_set(error, EBADMSG, "the inner process gave %zu files", fds.count);
	return TAKE_FD(fds.fd[0]);
}

/* Waits for the command's exec, which ends the other end of the channel; what comes is why there is
 * none. Sets *STATUS then. */
static int hear_exec(int channel, char *const *argv, int *status, struct error *error)
{
	struct error told = {0};
	int result = channel_receive(channel, &told.code, sizeof(told.code), NULL, error);

	if (result <= 0)
		return result;
	(void)snprintf(told.text, sizeof(told.text), "cannot run %.200s: %s",
		       argv == NULL ? "a shell" : argv[0], strerror(told.code));
	if (error_take(error, &told) < 0)
		*status = process_exec_status(error->code);
	return -error->code;
}

static int watch_terminal(int master, int pidfd, int *status, struct error *error)
{
	int signalled = 0;
	int result = terminal_relay(master, pidfd, &signalled, error);

	if (result == -EINTR)
		*status = 128 + signalled;
	return result;
}

/* Follows the inner process, whose *PIDFD is the caller's, to its end. Sets *STATUS where it fails.
 */
static int follow(int channel, const struct entrance *entrance, int *pidfd, int *status,
		  struct error *error)
{
	CLEANUP_FD int master = -1;
	int result = *pidfd = take_file(channel, error);

	if (result >= 0 && entrance->terminal)
		result = master = take_file(channel, error);
	if (result >= 0)
		result = hear_exec(channel, entrance->wish->argv, status, error);
	if (result < 0)
		return result;
	return master >= 0 ? watch_terminal(master, *pidfd, status, error)
			   : supervise_watch(*pidfd, NULL, 0, error);
}

/* Who holds a folder open walks by ".." to all that lies around it, and the client's root may be
 * the caller to the kernel. */
static int refuse_folders(struct error *error)
{
	static const char *const names[] = {"input", "output", "error"};
	struct stat status;

	for (int fd = 0; fd <= 2; fd++)
		if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode))
			return error_set(error, EISDIR,
					 "standard %s is a folder, which is no client's to have",
					 names[fd]);
	return 0;
}

/* Makes what the others need while they cannot be seen yet. Returns the outer end of the channel,
 * the caller's. */
static int prepare(struct entrance *entrance, struct error *error)
{
	static const char *const shells[] = {"/bin/bash", "/bin/sh", NULL};
	char *const *argv = entrance->wish->argv;
	const char *const names[] = {argv != NULL ? argv[0] : NULL, NULL};
	int ends[2];

	if (refuse_folders(error) < 0 ||
	    filter_read(entrance->wish->entry->filter, &entrance->filter, error) < 0 ||
	    launcher_make(argv != NULL ? names : shells, INHABITANT_PATH, argv, &entrance->launcher,
			  error) < 0 ||
	    channel_pair(ends, error) < 0)
		return -error->code;
	entrance->channel = ends[1];
	return ends[0];
}

/* A terminal's stop would stop the steward, before it is in a session of its own, and not us, who
 * wait for it. */
static void hold_stops(sigset_t *before)
{
	sigset_t stops;

	(void)sigemptyset(&stops);
	(void)sigaddset(&stops, SIGTSTP);
	(void)sigaddset(&stops, SIGTTIN);
	(void)sigaddset(&stops, SIGTTOU);
	(void)sigprocmask(SIG_BLOCK, &stops, before);
}

/* Sends the others on their way, until the inner process's exec. *STEWARD is a pidfd, the caller's.
 */
static int send_in(struct entrance *entrance, int *steward, struct error *error)
{
	sigset_t before;
	int result = prctl(PR_SET_DUMPABLE, 0) < 0
			     ? error_system(error, errno, "cannot hide from the client")
			     : process_raise_file_limit(0, error);

	hold_stops(&before);
	if (result == 0)
		result = ns_clone_shared(0, main_steward, entrance, steward, error);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	close_fd(&entrance->channel);
	return result;
}

int enter_client(const struct enter_wish *wish, int *status, struct error *error)
{
	CLEANUP(entrance_close)
	struct entrance entrance = {.wish = wish,
				    .launcher = LAUNCHER_NONE,
				    .terminal = isatty(0) == 1 && isatty(1) == 1,
				    .outer = getpid(),
				    .channel = -1};
	CLEANUP_FD int steward = -1;
	CLEANUP_FD int keeper = wish->keeper;
	CLEANUP_FD int process = -1;
	CLEANUP_FD int channel = prepare(&entrance, error);
	struct error ignored;
	int ended;
	int result;

	*status = PROCESS_FAILED;
	if (channel < 0 || send_in(&entrance, &steward, error) < 0)
		return -error->code;
	close_fd(&keeper); /* the inner process had its own */
	result = entrance.error.code != 0 ? error_take(error, &entrance.error)
					  : follow(channel, &entrance, &process, status, error);
	/* The steward ends the inner process, and itself when it has reaped that. */
	if (result < 0)
		(void)process_signal(steward, SIGTERM, &ignored);
	if (process_wait(steward, &ended, result < 0 ? &ignored : error) < 0)
		return -error->code;
	if (result >= 0)
		*status = ended;
	return result < 0 ? result : 0;
}
