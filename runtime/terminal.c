/* Two terminals in a row. The caller's own is made raw, so that each key, Ctrl-C included, passes
 * as a byte; the pty in the client does the line editing, the echo and the signals, because its
 * session is there. Between them one loop copies bytes, with one bounded buffer each way: a buffer
 * is filled only when it is empty, so that a side that does not read stops the side that writes,
 * nothing is dropped, and the other direction goes on.
 *
 * No call but poll() may wait, else a terminal that is stuck would make us deaf to signals. The
 * master is ours alone and simply non-blocking. The caller's terminal is an open file that it
 * shares with the shell, where O_NONBLOCK would outlive a crash of ours and break the next
 * program; so it stays blocking, VMIN 0 makes reads return at once, and writes are small
 * (SCREEN_WRITE).
 *
 * The end is the child's end, told by its pidfd. The kernel's pty keeps what the child wrote, and
 * poll() on the master sees all of it (n_tty flushes the pending work first): when it finds
 * nothing more, the last byte has been relayed. The end of the pty would be the wrong sign: a
 * background process may hold it open for ever, and a child may close it and open it again. */
#include "terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>

/* Bytes of one write to the caller's terminal. After POLLOUT a pty takes at least one buffer of
 * its own whole (256 bytes or more), a serial line that much too: such a write does not wait,
 * unless somebody else fills the terminal in that very moment. */
#define SCREEN_WRITE 256

/* More bytes than a pty holds (some 20 KiB, on their way and ready to be read). What comes out of
 * the master after this many, counted from the child's end, was written by others. */
#define PTY_HOLDS 65536

#define FLOW_SIZE 4096

/* One direction. Bytes START to END are read and not yet written. */
struct flow {
	size_t start;
	size_t end;
	char bytes[FLOW_SIZE];
};

/* What the caller gets back at the end: the modes first, then the signals let in. */
struct borrowed {
	sigset_t mask;
	bool modes_known;
	struct termios modes;
};

enum { KEYBOARD, SCREEN, PTY, SIGNALS, CHILD, POLLED };

struct relay {
	struct pollfd polls[POLLED];
	struct flow typed; /* keyboard to pty */
	struct flow shown; /* pty to screen */
	bool ended;	   /* the child has */
	size_t left;	   /* bytes that are still read from the pty after that */
	struct borrowed *borrowed;
	int *signalled;
};

static bool flow_is_empty(const struct flow *flow)
{
	return flow->start == flow->end;
}

/* Returns the number of bytes read, 0 where there were none, or -errno. */
static ssize_t flow_fill(struct flow *flow, int fd)
{
	ssize_t got = read(fd, flow->bytes, sizeof(flow->bytes));

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	flow->start = 0;
	flow->end = (size_t)got;
	return got;
}

/* Writes MOST bytes at most. Returns 0 or -errno. */
static int flow_drain(struct flow *flow, int fd, size_t most)
{
	size_t size = flow->end - flow->start;
	ssize_t put = write(fd, flow->bytes + flow->start, size < most ? size : most);

	if (put < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	flow->start += (size_t)put;
	return 0;
}

/* TCSANOW: to wait for output to drain would be to wait for a terminal that may be stuck. */
static void borrowed_restore(struct borrowed *borrowed)
{
	if (borrowed->modes_known)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &borrowed->modes);
	(void)sigprocmask(SIG_SETMASK, &borrowed->mask, NULL);
}

static int borrowed_make_raw(struct borrowed *borrowed, struct error *error)
{
	struct termios raw;

	if (!borrowed->modes_known && tcgetattr(STDIN_FILENO, &borrowed->modes) < 0)
		return error_system(error, errno, "cannot read the terminal's modes");
	borrowed->modes_known = true;
	raw = borrowed->modes;
	cfmakeraw(&raw);
	raw.c_cc[VMIN] = 0;
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
		return error_system(error, errno, "cannot make the terminal raw");
	return 0;
}

/* A terminal without a size (a serial line) leaves the pty without one. */
static void window_copy(int from, int to)
{
	struct winsize size;

	if (ioctl(from, TIOCGWINSZ, &size) == 0)
		(void)ioctl(to, TIOCSWINSZ, &size);
}

/* Blocks what relay_signal() handles. Returns a signalfd for it; BEFORE is the mask that was. */
static int signals_open(sigset_t *before)
{
	static const int wanted[] = {SIGWINCH, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		sigaddset(&set, wanted[i]);
	(void)sigprocmask(SIG_BLOCK, &set, before); /* cannot fail: both pointers are good */
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int relay_interrupted(struct relay *relay, int signal, struct error *error)
{
	*relay->signalled = signal;
	return error_set(error, EINTR, "the connection was ended by SIG%s", sigabbrev_np(signal));
}

/* Stopped from outside, we leave the terminal as it was; whoever continues us has perhaps changed
 * the modes and the window meanwhile. */
static int relay_signal(struct relay *relay, struct error *error)
{
	struct signalfd_siginfo info;

	if (read(relay->polls[SIGNALS].fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return 0;
	switch (info.ssi_signo) {
	case SIGTSTP:
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &relay->borrowed->modes);
		(void)raise(SIGSTOP);
		return 0;
	case SIGCONT:
		window_copy(STDIN_FILENO, relay->polls[PTY].fd);
		return borrowed_make_raw(relay->borrowed, error);
	case SIGWINCH:
		window_copy(STDIN_FILENO, relay->polls[PTY].fd);
		return 0;
	default:
		return relay_interrupted(relay, (int)info.ssi_signo, error);
	}
}

/* Keys typed from now on stay in the caller's terminal, for whoever reads it next. */
static void relay_child_ended(struct relay *relay)
{
	relay->ended = true;
	relay->left = PTY_HOLDS;
	relay->polls[KEYBOARD].fd = -1;
	relay->polls[CHILD].fd = -1;
}

/* The caller's side. Whatever goes wrong there, the terminal is gone. */
static int relay_caller(struct relay *relay, struct error *error)
{
	short keyboard = relay->polls[KEYBOARD].revents;
	short screen = relay->polls[SCREEN].revents;

	if (((keyboard | screen) & ~(POLLIN | POLLOUT)) ||
	    (keyboard & POLLIN && flow_fill(&relay->typed, STDIN_FILENO) < 0) ||
	    (screen & POLLOUT && flow_drain(&relay->shown, STDOUT_FILENO, SCREEN_WRITE) < 0))
		return relay_interrupted(relay, SIGHUP, error);
	return 0;
}

static int relay_client(struct relay *relay, struct error *error)
{
	short pty = relay->polls[PTY].revents;
	ssize_t result = (pty & ~(POLLIN | POLLOUT)) != 0 ? -EIO : 0;

	if (result == 0 && pty & POLLOUT)
		result = flow_drain(&relay->typed, relay->polls[PTY].fd, FLOW_SIZE);
	if (result == 0 && pty & POLLIN)
		result = flow_fill(&relay->shown, relay->polls[PTY].fd);
	if (result < 0)
		return error_system(error, (int)-result, "the client's terminal is gone");
	if (relay->ended)
		relay->left -= (size_t)result < relay->left ? (size_t)result : relay->left;
	return 0;
}

/* Waits until something can be done. Returns what poll() does: 0 where all is done. */
static int relay_wait(struct relay *relay)
{
	bool read_keys = flow_is_empty(&relay->typed);
	bool read_pty = flow_is_empty(&relay->shown);

	relay->polls[KEYBOARD].events = read_keys ? POLLIN : 0;
	relay->polls[SCREEN].events = read_pty ? 0 : POLLOUT;
	relay->polls[PTY].events = (short)((read_keys ? 0 : POLLOUT) | (read_pty ? POLLIN : 0));
	return poll(relay->polls, POLLED, relay->ended && read_pty ? 0 : -1);
}

static int relay_run(struct relay *relay, struct error *error)
{
	int result = 0;

	while (!relay->ended || relay->left > 0 || !flow_is_empty(&relay->shown)) {
		int ready = relay_wait(relay);

		if (ready == 0)
			return 0;
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready < 0)
			return error_system(error, errno, "cannot wait for the terminals");
		if (relay->polls[SIGNALS].revents)
			result = relay_signal(relay, error);
		if (result == 0)
			result = relay_caller(relay, error);
		if (result == 0)
			result = relay_client(relay, error);
		if (result < 0)
			return result;
		if (relay->polls[CHILD].revents)
			relay_child_ended(relay);
	}
	return 0;
}

/* The slave is held open, so that the master never reports a hang-up while the child lives. */
int terminal_relay(int master, int child_pidfd, int *signalled, struct error *error)
{
	CLEANUP(borrowed_restore) struct borrowed borrowed = {0};
	CLEANUP_FD int signals = signals_open(&borrowed.mask);
	CLEANUP_FD int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	int flags = fcntl(master, F_GETFL);
	struct relay relay = {
		.polls = {[KEYBOARD] = {.fd = STDIN_FILENO},
			  [SCREEN] = {.fd = STDOUT_FILENO},
			  [PTY] = {.fd = master},
			  [SIGNALS] = {.fd = signals, .events = POLLIN},
			  [CHILD] = {.fd = child_pidfd, .events = POLLIN}},
		.borrowed = &borrowed,
		.signalled = signalled,
	};
	int result;

	*signalled = 0;
	if (signals < 0 || slave < 0 || flags < 0 || fcntl(master, F_SETFL, flags | O_NONBLOCK) < 0)
		return error_system(error, errno, "cannot relay the terminal");
	window_copy(STDIN_FILENO, master);
	result = borrowed_make_raw(&borrowed, error);
	return result < 0 ? result : relay_run(&relay, error);
}

/* The kernel vouches for both ends: only a devpts answers these ioctls, and TIOCGPTPEER opens the
 * very slave of this master, whatever /dev/pts/N leads to. */
static int pty_open(int *master, int *slave)
{
	const int locked = 0;

	*master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*master < 0 || ioctl(*master, TIOCSPTLCK, &locked) < 0)
		return -errno;
	*slave = ioctl(*master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return *slave < 0 ? -errno : 0;
}

/* Modes and size are copied here, while fd 0 is still the caller's terminal, and not by the relay
 * alone: the child may look at them before the relay runs. */
int terminal_attach_child(int *master, struct error *error)
{
	CLEANUP_FD int opened = -1;
	CLEANUP_FD int slave = -1;
	struct termios modes;
	int result = pty_open(&opened, &slave);

	if (result < 0)
		return error_system(error, -result, "cannot open a terminal of /dev/pts/ptmx");
	window_copy(STDIN_FILENO, slave);
	if (tcgetattr(STDIN_FILENO, &modes) == 0)
		(void)tcsetattr(slave, TCSANOW, &modes);
	if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
		return error_system(error, errno, "cannot make the terminal a session's own");
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dup2(slave, fd) < 0)
			return error_system(error, errno, "cannot move the terminal to fd %d", fd);
	*master = TAKE_FD(opened);
	return 0;
}

/* ---- the caller's own, lent to a program ---------------------------------------------------- */

struct terminal_state terminal_note(void)
{
	struct terminal_state state = {.known = false};

	if (tcgetpgrp(STDIN_FILENO) == getpgrp())
		state.known = tcgetattr(STDIN_FILENO, &state.modes) == 0;
	return state;
}

/* A shell with job control puts each job there, and where it is killed nobody takes that back. */
static bool foreground_is_ours(void)
{
	pid_t group = tcgetpgrp(STDIN_FILENO);

	return group == getpgrp() || (group > 1 && kill(-group, 0) < 0 && errno == ESRCH);
}

void terminal_put_back(const struct terminal_state *state)
{
	sigset_t stop;
	sigset_t before;

	if (!state->known || !foreground_is_ours())
		return;
	/* From the background either would stop us. */
	(void)sigemptyset(&stop);
	(void)sigaddset(&stop, SIGTTOU);
	(void)sigprocmask(SIG_BLOCK, &stop, &before);
	(void)tcsetpgrp(STDIN_FILENO, getpgrp());
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &state->modes);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
}
