/* Theory of operation
 *
 * Four processes take part. The outer one stays in the computer's namespaces, with the caller's
 * terminal. A go-between enters the client's namespaces by the fds that the keeper gave (no path of
 * the client's is ever walked on the way), and makes the inner process, which is born in the
 * client's pid namespace (setns(2): a pid namespace is for children). That becomes what a client's
 * pid 1 is, to the bit, and then the shell.
 *
 * By CLONE_PARENT the inner process is the child of a steward, who does nothing but reap it, and
 * ends as it did. The outer one may be stopped (a terminal's Ctrl-Z, SIGSTOP), and a zombie that
 * nobody reaps would keep the client's pid 1, and with it the keeper, from ending
 * (zap_pid_ns_processes()). No signal of a terminal reaches the steward, for it has a session of
 * its own. It stays outside, has no files, and when the outer process dies it ends the inner one,
 * and reaps that too: whoever adopts it otherwise, such as the first process of a container, may
 * reap nobody.
 *
 * From before the first setns() to the exec none of them is dumpable: who is in the client already
 * can neither trace them nor look through their /proc/PID into the computer's file system
 * (CVE-2016-9962, CVE-2024-21626). */
#include "enter.h"

#include "channel.h"
#include "file.h"
#include "inhabitant.h"
#include "privilege.h"
#include "process.h"
#include "supervise.h"
#include "terminal.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define TRIES 3 /* to close its files */

/* Who speaks, in the order of their turns. The inner process speaks twice where its exec fails. */
enum speaker { BETWEEN, INNER };

/* What the two inner processes say: error.code 0 is "done", with a file in some cases. */
struct word {
	enum speaker speaker;
	struct error error;
};

struct inner {
	const struct enter_wish *wish;
	const struct filter *filter;
	bool terminal;
	pid_t outer;
	int channel; /* their end */
	int turn[2]; /* the go-between's word comes first: the inner process waits for its end */
};

static int say(int channel, enum speaker speaker, const struct error *outcome, int file,
	       struct error *error)
{
	struct word word = {.speaker = speaker, .error = *outcome};
	struct channel_fds fds = {.fd = {file}, .count = file < 0 ? 0 : 1};

	return channel_send(channel, &word, sizeof(word), &fds, error);
}

/* ---- in the client --------------------------------------------------------------------------- */

/* A session of its own, so that /dev/tty is not the caller's terminal. */
static int make_session_child(const struct inner *inner, struct error *error)
{
	CLEANUP_FD int master = -1;
	struct error fine = {0};
	int result;

	if (!inner->terminal)
		return setsid() < 0 ? error_system(error, errno, "cannot make a session")
				    : say(inner->channel, INNER, &fine, -1, error);
	result = terminal_attach_child(&master, error);
	return result < 0 ? result : say(inner->channel, INNER, &fine, master, error);
}

static int wait_turn_child(struct inner *inner, struct error *error)
{
	char byte;

	close_fd(&inner->turn[0]);
	if (read(inner->turn[1], &byte, 1) != 0)
		return error_set(error, EBADMSG, "the go-between spoke out of turn");
	return 0;
}

/* The inner process's way to the exec, on one screen. */
static int become_inhabitant_child(struct inner *inner, struct error *error)
{
	int result = wait_turn_child(inner, error);

	if (result == 0)
		result = service_admit(inner->wish->keeper, inner->wish->client, error);
	if (result == 0)
		result = privilege_become_root(error);
	/* After the change of ids, which would clear it: the steward's death is ours. */
	if (result == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		result = error_system(error, errno, "cannot ask for the parent's death");
	if (result == 0)
		result = file_close_others(&inner->channel, 1, error);
	if (result == 0)
		result = make_session_child(inner, error);
	if (result == 0)
		result = inhabitant_settle_child(getenv("TERM"), error);
	if (result == 0)
		result = client_confine(inner->filter, &inner->wish->entry->limits, error);
	return result;
}

static int run_child(char *const *argv, struct error *error)
{
	char bash[] = "/bin/bash";
	char sh[] = "/bin/sh";
	char *const shells[][2] = {{bash, NULL}, {sh, NULL}};

	if (argv != NULL) {
		(void)execvp(argv[0], argv);
		return error_system(error, errno, "cannot run %.200s", argv[0]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(shells); i++)
		(void)execv(shells[i][0], shells[i]);
	return error_system(error, errno, "cannot run a shell");
}

static int main_child(void *argument)
{
	struct inner *inner = argument;
	struct error error = {0};
	struct error ignored;

	if (become_inhabitant_child(inner, &error) == 0)
		(void)run_child(inner->wish->argv, &error);
	(void)say(inner->channel, INNER, &error, -1, &ignored);
	return PROCESS_FAILED;
}

/* ---- on the way ------------------------------------------------------------------------------ */

static int main_between(void *argument)
{
	struct inner *inner = argument;
	struct error error = {0};
	struct error unsent;
	struct error ignored;
	int pidfd = -1;
	pid_t pid = channel_pair(inner->turn, &error);

	if (pid == 0)
		pid = ns_enter(&inner->wish->entry->ns, &error);
	if (pid == 0)
		pid = ns_clone(CLONE_PARENT, main_child, argument, &pidfd, &error);
	if (pid > 0)
		error = (struct error){0};
	/* A user may have no more files on their way between processes than one process may have
	 * open, with no regard for what root may since we are in the client (unix(7),
	 * ETOOMANYREFS).
	 */
	if (say(inner->channel, BETWEEN, &error, pidfd, &unsent) == 0)
		return 0;
	(void)say(inner->channel, BETWEEN, &unsent, -1, &ignored);
	return 1;
}

/* Both are held back: main_steward() waits for them. */
static void steward_signals(sigset_t *signals)
{
	(void)sigemptyset(signals);
	(void)sigaddset(signals, SIGCHLD);
	(void)sigaddset(signals, SIGTERM); /* the outer process is dead */
}

static int become_steward(const struct inner *inner, struct error *error)
{
	sigset_t signals;

	steward_signals(&signals);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0 || prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 ||
	    setsid() < 0)
		return error_system(error, errno, "cannot leave the terminal");
	if (getppid() != inner->outer) /* it came before we asked */
		return error_set(error, ECANCELED, "the parent is gone");
	return 0;
}

/* Reaps the go-between and the inner process. Returns how that ended. */
static int reap_both(pid_t between)
{
	int status = PROCESS_FAILED;
	sigset_t signals;
	int how;
	pid_t pid;

	steward_signals(&signals);
	while ((pid = waitpid(-1, &how, WNOHANG)) >= 0 || errno != ECHILD)
		if (pid > 0 && pid != between)
			status = WIFSIGNALED(how) ? 128 + WTERMSIG(how) : WEXITSTATUS(how);
		else if (pid == 0 && sigwaitinfo(&signals, NULL) == SIGTERM)
			supervise_end_orphans();
	return status;
}

/* When its files are closed it can tell nobody what fails, so that it tries again. */
static int main_steward(void *argument)
{
	struct inner *inner = argument;
	struct error error = {0};
	struct error ignored;
	int pidfd = -1;
	pid_t between = -1;
	int result = become_steward(inner, &error);

	if (result == 0)
		result = between = ns_clone(0, main_between, argument, &pidfd, &error);
	if (result < 0) {
		(void)say(inner->channel, BETWEEN, &error, -1, &ignored);
		return PROCESS_FAILED;
	}
	for (int fd = 0; fd <= 2; fd++)
		(void)close(fd);
	for (int i = 0; i < TRIES && file_close_others(&pidfd, 0, &ignored) < 0; i++)
		continue;
	return reap_both(between);
}

/* ---- outside --------------------------------------------------------------------------------- */

/* Hears one word; *FILE gets the file that came with it, -1 where none did. 0 at end of file. */
static int hear(int channel, enum speaker speaker, int *file, struct error *error)
{
	CLEANUP_CHANNEL_FDS struct channel_fds fds = {.count = 0};
	struct word word;
	int result = channel_receive(channel, &word, sizeof(word), &fds, error);

	*file = -1;
	if (result <= 0)
		return result;
	if (word.error.code != 0)
		return error_take(error, &word.error);
	if (word.speaker != speaker)
		return error_set(error, EBADMSG, "a process on the way into the client was killed");
	if (fds.count > 0)
		*file = TAKE_FD(fds.fd[0]);
	return 1;
}

static int hear_more(int channel, enum speaker speaker, int *file, struct error *error)
{
	int result = hear(channel, speaker, file, error);

	return result != 0 ? result : error_set(error, ECHILD, "the client has ended");
}

static int watch_terminal(int master, int pidfd, int *status, struct error *error)
{
	int signalled = 0;
	int result = terminal_relay(master, pidfd, &signalled, error);

	if (result == -EINTR)
		*status = 128 + signalled;
	return result;
}

/* Follows the inner process, whose *PIDFD is the caller's, from its birth to its end. Sets *STATUS
 * where it fails. */
static int follow(int channel, int *pidfd, int *status, struct error *error)
{
	CLEANUP_FD int master = -1;
	CLEANUP_FD int nothing = -1;
	int result = hear_more(channel, BETWEEN, pidfd, error);

	if (result > 0 && *pidfd < 0)
		return error_set(error, EBADMSG, "the client's process is unknown");
	if (result > 0)
		result = hear_more(channel, INNER, &master, error);
	if (result < 0)
		return result;
	/* Its end of the channel closes with the exec; a last word is that it failed. */
	result = hear(channel, INNER, &nothing, error);
	if (result < 0) {
		*status = process_exec_status(error->code);
		return result;
	}
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

int enter_client(const struct enter_wish *wish, int *status, struct error *error)
{
	CLEANUP_FILTER struct filter filter = {0};
	CLEANUP_FD int steward = -1;
	CLEANUP_FD int channel = -1;
	CLEANUP_FD int keeper = wish->keeper;
	CLEANUP_FD int process = -1;
	struct inner inner = {.wish = wish,
			      .filter = &filter,
			      .terminal = isatty(0) == 1 && isatty(1) == 1,
			      .outer = getpid()};
	struct error ignored;
	int ends[2];
	int ended;
	int result;

	*status = PROCESS_FAILED;
	if (refuse_folders(error) < 0 || filter_read(wish->entry->filter, &filter, error) < 0 ||
	    channel_pair(ends, error) < 0)
		return -error->code;
	channel = ends[0];
	inner.channel = ends[1];
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return error_system(error, errno, "cannot hide from the client");
	if (process_raise_file_limit(0, error) < 0)
		return -error->code;
	result = ns_clone(0, main_steward, &inner, &steward, error);
	close_fd(&ends[1]);
	if (result < 0)
		return result;
	close_fd(&keeper); /* the inner process has its own */
	result = follow(channel, &process, status, error);
	/* The steward ends when it has reaped the inner process. */
	if (result < 0)
		(void)process_signal(process >= 0 ? process : steward, SIGKILL, &ignored);
	if (process_wait(steward, &ended, result < 0 ? &ignored : error) < 0)
		return -error->code;
	if (result >= 0)
		*status = ended;
	return result < 0 ? result : 0;
}
