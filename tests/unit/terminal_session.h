/* Sessions on real ptys. The test sits where a terminal's window and keyboard are (SCREEN); a
 * process that stands for `pyroute connect` has the other end as its terminal, attaches a shell to
 * a second pty, and relays. */
#ifndef PYROUTE_TESTS_TERMINAL_SESSION_H
#define PYROUTE_TESTS_TERMINAL_SESSION_H

#include "process.h"
#include "terminal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <termios.h>

#define DEADLINE 10000 /* milliseconds, for anything that a test waits for */

struct plan {
	const char *script; /* of sh, in the second pty */
	bool foreign;	    /* the terminal is not the controlling one: no signal tells its end */
	useconds_t late;    /* the relay starts so much later than the script */
};

/* How it went, as the connecting process saw it. */
struct outcome {
	int result;
	int signalled;
	int status; /* of the script */
	bool mask_restored;
	char text[ERROR_TEXT_SIZE];
};

struct session {
	int screen;
	int terminal; /* the other end, to look at its modes; the same open file as the relay's */
	struct termios modes; /* before the relay */
	int pidfd;	      /* of the connecting process */
	int outcome;
};

/* ---- the connecting process ------------------------------------------------------------------ */

/* Tells the number of the master, waits until it was fetched, becomes the script. */
static _Noreturn inline void script_run(const struct plan *plan, int tell, int wait)
{
	struct error error = {0};
	int master = -1;
	char byte;

	if (terminal_attach_child(&master, &error) < 0)
		_exit(99);
	if (write(tell, &master, sizeof(master)) != sizeof(master) || read(wait, &byte, 1) != 0)
		_exit(98);
	(void)execl("/bin/sh", "sh", "-c", plan->script, NULL);
	_exit(97);
}

/* Returns the script's pidfd, and its terminal's master. */
static inline int script_start(const struct plan *plan, int *master)
{
	struct error error = {0};
	int told[2];
	int fetched[2];
	int number = -1;
	int pidfd;
	pid_t pid;

	if (pipe2(told, O_CLOEXEC) < 0 || pipe2(fetched, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		(void)close(fetched[1]);
		script_run(plan, told[1], fetched[0]);
	}
	(void)close(told[1]);
	pidfd = process_pidfd(pid, &error);
	if (read(told[0], &number, sizeof(number)) == sizeof(number))
		*master = pidfd_getfd(pidfd, number, 0);
	(void)close(fetched[1]);
	(void)close(told[0]);
	(void)close(fetched[0]);
	return pidfd;
}

static inline bool mask_is(const sigset_t *expected)
{
	sigset_t now;

	(void)sigprocmask(SIG_BLOCK, NULL, &now);
	for (int signal = 1; signal < NSIG; signal++)
		if (sigismember(&now, signal) != sigismember(expected, signal))
			return false;
	return true;
}

static inline struct outcome connect_run(const struct plan *plan)
{
	struct outcome outcome = {.result = -EIO, .status = -1};
	struct error error = {0};
	CLEANUP_FD int master = -1;
	CLEANUP_FD int script = script_start(plan, &master);
	sigset_t mask;

	(void)sigprocmask(SIG_BLOCK, NULL, &mask);
	if (master < 0)
		return outcome;
	(void)usleep(plan->late);
	outcome.result = terminal_relay(master, script, &outcome.signalled, &error);
	outcome.mask_restored = mask_is(&mask);
	memcpy(outcome.text, error.text, sizeof(outcome.text));
	if (outcome.result < 0)
		(void)process_signal(script, SIGKILL, &error);
	(void)process_wait(script, &outcome.status, &error);
	return outcome;
}

static _Noreturn inline void connect_process(const struct plan *plan, int terminal, int report)
{
	struct outcome outcome;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* should a test fail half way */
	if (setsid() < 0 || dup2(terminal, STDIN_FILENO) < 0 || dup2(terminal, STDOUT_FILENO) < 0)
		_exit(1);
	if (!plan->foreign && ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0)
		_exit(2);
	outcome = connect_run(plan);
	_exit(write(report, &outcome, sizeof(outcome)) == sizeof(outcome) ? 0 : 3);
}

/* ---- the test's side ------------------------------------------------------------------------- */

static inline struct session session_start_plan(const struct plan *plan, const struct winsize *size)
{
	struct session session;
	struct error error = {0};
	int report[2];
	pid_t pid;

	assert_int_equal(openpty(&session.screen, &session.terminal, NULL, NULL, size), 0);
	assert_int_equal(fcntl(session.screen, F_SETFD, FD_CLOEXEC), 0);
	assert_int_equal(fcntl(session.terminal, F_SETFD, FD_CLOEXEC), 0);
	assert_int_equal(fcntl(session.screen, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(tcgetattr(session.terminal, &session.modes), 0);
	session.modes.c_cc[VERASE] = 'H' & 0x1f; /* so that it can be told from the default */
	assert_int_equal(tcsetattr(session.terminal, TCSANOW, &session.modes), 0);
	assert_int_equal(pipe2(report, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(session.screen); /* else the terminal would never hang up */
		connect_process(plan, session.terminal, report[1]);
	}
	session.pidfd = process_pidfd(pid, &error);
	assert_true(session.pidfd >= 0);
	close_fd(&report[1]);
	session.outcome = report[0];
	return session;
}

static inline struct session session_start(const char *script)
{
	return session_start_plan(&(struct plan){.script = script},
				  &(struct winsize){.ws_row = 24, .ws_col = 80});
}

static inline void session_signal(const struct session *session, int signal)
{
	struct error error = {0};

	assert_int_equal(process_signal(session->pidfd, signal, &error), 0);
}

/* Reads what is on the screen, within the deadline. Returns 0 at the deadline. */
static inline size_t screen_read(const struct session *session, char *bytes, size_t size)
{
	struct pollfd poll_fd = {.fd = session->screen, .events = POLLIN};
	ssize_t got;

	if (poll(&poll_fd, 1, DEADLINE) != 1)
		return 0;
	got = read(session->screen, bytes, size);
	return got < 0 ? 0 : (size_t)got;
}

/* Reads until TEXT has appeared. */
static inline void screen_expect(const struct session *session, const char *text)
{
	char seen[8192];
	size_t length = 0;

	do {
		size_t got = screen_read(session, seen + length, sizeof(seen) - 1 - length);

		length += got;
		seen[length] = '\0';
		if (got == 0)
			fail_msg("\"%s\" did not appear, but: \"%s\"", text, seen);
	} while (!strstr(seen, text));
}

static inline void screen_type(const struct session *session, const char *keys)
{
	assert_int_equal(write(session->screen, keys, strlen(keys)), strlen(keys));
}

static inline bool modes_are(const struct session *session, const struct termios *expected)
{
	struct termios now;

	assert_int_equal(tcgetattr(session->terminal, &now), 0);
	return now.c_iflag == expected->c_iflag && now.c_oflag == expected->c_oflag &&
	       now.c_cflag == expected->c_cflag && now.c_lflag == expected->c_lflag &&
	       memcmp(now.c_cc, expected->c_cc, VEOL2 + 1) == 0;
}

static inline bool terminal_blocks(const struct session *session)
{
	return !(fcntl(session->terminal, F_GETFL) & O_NONBLOCK);
}

/* Whoever else reads the terminal between poll() and read() cannot make the relay wait. */
static inline bool reads_do_not_wait(const struct session *session)
{
	struct termios now;

	assert_int_equal(tcgetattr(session->terminal, &now), 0);
	return now.c_cc[VMIN] == 0 && now.c_cc[VTIME] == 0;
}

/* Waits for the end of the session while throwing the screen's bytes away (READ), or leaving them
 * there; then there is nothing left of it. */
static inline struct outcome session_outcome(struct session *session, bool read_screen)
{
	struct pollfd polls[] = {{.fd = session->outcome, .events = POLLIN},
				 {.fd = read_screen ? session->screen : -1, .events = POLLIN}};
	struct outcome outcome = {0};
	struct error error = {0};
	int status = -1;
	char bytes[4096];

	for (int turns = 0; turns < 100000 && !polls[0].revents; turns++) {
		assert_true(poll(polls, 2, DEADLINE) > 0);
		if (polls[1].revents)
			(void)!read(session->screen, bytes, sizeof(bytes));
	}
	assert_int_equal(read(session->outcome, &outcome, sizeof(outcome)), sizeof(outcome));
	assert_int_equal(process_wait(session->pidfd, &status, &error), 0);
	assert_int_equal(status, 0);
	close_fd(&session->pidfd);
	close_fd(&session->outcome);
	return outcome;
}

static inline void session_close(struct session *session)
{
	close_fd(&session->screen);
	close_fd(&session->terminal);
}

/* The session ended with the script, STATUS being its own, and the terminal is as it was. */
static inline void session_expect_end(struct session *session, int status)
{
	struct outcome outcome = session_outcome(session, true);

	assert_string_equal(outcome.text, "");
	assert_int_equal(outcome.result, 0);
	assert_int_equal(outcome.signalled, 0);
	assert_int_equal(outcome.status, status);
	assert_true(outcome.mask_restored);
	assert_true(modes_are(session, &session->modes));
	assert_true(terminal_blocks(session));
	session_close(session);
}

/* The session was ended by SIGNAL, and the terminal is as it was. */
static inline void session_expect_signal(struct session *session, int signal)
{
	struct outcome outcome = session_outcome(session, false);

	assert_int_equal(outcome.result, -EINTR);
	assert_int_equal(outcome.signalled, signal);
	assert_true(outcome.mask_restored);
	assert_true(modes_are(session, &session->modes));
	assert_true(terminal_blocks(session));
	session_close(session);
}

#endif
