/* Terminals, with real ptys. The test sits where a terminal's window and keyboard are (SCREEN);
 * a process that stands for `pyroute connect` has the other end as its terminal, attaches a shell
 * to a second pty, and relays. */
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
#include <sys/wait.h>
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
static _Noreturn void script_run(const struct plan *plan, int tell, int wait)
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
static int script_start(const struct plan *plan, int *master)
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

static bool mask_is(const sigset_t *expected)
{
	sigset_t now;

	(void)sigprocmask(SIG_BLOCK, NULL, &now);
	for (int signal = 1; signal < NSIG; signal++)
		if (sigismember(&now, signal) != sigismember(expected, signal))
			return false;
	return true;
}

static struct outcome connect_run(const struct plan *plan)
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

static _Noreturn void connect_process(const struct plan *plan, int terminal, int report)
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

static struct session session_start_plan(const struct plan *plan, const struct winsize *size)
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

static struct session session_start(const char *script)
{
	return session_start_plan(&(struct plan){.script = script},
				  &(struct winsize){.ws_row = 24, .ws_col = 80});
}

static void session_signal(const struct session *session, int signal)
{
	struct error error = {0};

	assert_int_equal(process_signal(session->pidfd, signal, &error), 0);
}

/* Reads what is on the screen, within the deadline. Returns 0 at the deadline. */
static size_t screen_read(const struct session *session, char *bytes, size_t size)
{
	struct pollfd poll_fd = {.fd = session->screen, .events = POLLIN};
	ssize_t got;

	if (poll(&poll_fd, 1, DEADLINE) != 1)
		return 0;
	got = read(session->screen, bytes, size);
	return got < 0 ? 0 : (size_t)got;
}

/* Reads until TEXT has appeared. */
static void screen_expect(const struct session *session, const char *text)
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

static void screen_type(const struct session *session, const char *keys)
{
	assert_int_equal(write(session->screen, keys, strlen(keys)), strlen(keys));
}

static bool modes_are(const struct session *session, const struct termios *expected)
{
	struct termios now;

	assert_int_equal(tcgetattr(session->terminal, &now), 0);
	return now.c_iflag == expected->c_iflag && now.c_oflag == expected->c_oflag &&
	       now.c_cflag == expected->c_cflag && now.c_lflag == expected->c_lflag &&
	       memcmp(now.c_cc, expected->c_cc, VEOL2 + 1) == 0;
}

static bool terminal_blocks(const struct session *session)
{
	return !(fcntl(session->terminal, F_GETFL) & O_NONBLOCK);
}

/* Waits for the end of the session while throwing the screen's bytes away (READ), or leaving them
 * there; then there is nothing left of it. */
static struct outcome session_outcome(struct session *session, bool read_screen)
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

static void session_close(struct session *session)
{
	close_fd(&session->screen);
	close_fd(&session->terminal);
}

/* The session ended with the script, STATUS being its own, and the terminal is as it was. */
static void session_expect_end(struct session *session, int status)
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
static void session_expect_signal(struct session *session, int signal)
{
	struct outcome outcome = session_outcome(session, false);

	assert_int_equal(outcome.result, -EINTR);
	assert_int_equal(outcome.signalled, signal);
	assert_true(outcome.mask_restored);
	assert_true(modes_are(session, &session->modes));
	assert_true(terminal_blocks(session));
	session_close(session);
}

/* ---- the child's terminal -------------------------------------------------------------------- */

static void the_child_leads_a_session_whose_terminal_is_its_three_standard_files(void **state)
{
	struct session session = session_start(
		"t=$(tty) && for fd in 0 1 2; do [ $(readlink /proc/$$/fd/$fd) = $t ] || exit 1; "
		"done;"
		"read -r pid comm state parent group sid number rest </proc/$$/stat;"
		"[ $group = $$ ] && [ $sid = $$ ] && [ $number != 0 ] && : </dev/tty || exit 2;"
		"for fd in /proc/$$/fd/*; do case ${fd##*/}:$(readlink $fd) in"
		"	[012]:*) ;; *:/dev/pt*) exit 3;; esac; done; echo \"on $t.\"; exit 4");
	char ours[64];
	char unwanted[80];
	char seen[256] = "";

	(void)state;
	assert_int_equal(ttyname_r(session.terminal, ours, sizeof(ours)), 0);
	(void)snprintf(unwanted, sizeof(unwanted), "on %s.", ours);
	(void)screen_read(&session, seen, sizeof(seen) - 1);
	assert_non_null(strstr(seen, "on /dev/pts/"));
	assert_null(strstr(seen, unwanted));
	session_expect_end(&session, 4);
}

static void the_child_finds_the_callers_window_size_and_modes_from_its_first_moment(void **state)
{
	const struct plan plan = {.script = "echo \"$(stty size) $(stty -a)\" | grep -c "
					    "'^33 101 ' && stty -a | grep -c 'erase = ^H;'",
				  .late = 300000};
	struct session session =
		session_start_plan(&plan, &(struct winsize){.ws_row = 33, .ws_col = 101});

	(void)state;
	screen_expect(&session, "1\r\n1\r\n");
	session_expect_end(&session, 0);
}

/* ---- the bytes ------------------------------------------------------------------------------- */

/* Starts to read DELAY microseconds late, and expects the numbers 1 to LAST, a line each. */
static void expect_numbers(int last, useconds_t delay)
{
	char script[80];
	char expected[16];
	char line[16];
	size_t length = 0;
	int number = 1;
	struct session session;

	(void)snprintf(script, sizeof(script), "stty -opost; exec seq 1 %d", last);
	session = session_start(script);
	(void)usleep(delay);
	while (number <= last) {
		char bytes[1000];
		size_t got = screen_read(&session, bytes, sizeof(bytes));

		assert_int_not_equal(got, 0);
		for (size_t i = 0; i < got; i++) {
			line[length++] = bytes[i];
			if (bytes[i] != '\n' && length < sizeof(line) - 1)
				continue;
			line[length] = '\0';
			(void)snprintf(expected, sizeof(expected), "%d\n", number++);
			assert_string_equal(line, expected);
			length = 0;
		}
	}
	session_expect_end(&session, 0);
}

static void a_megabyte_of_output_arrives_whole_at_a_reader_that_starts_late(void **state)
{
	(void)state;
	expect_numbers(160000, 300000);
}

static void the_last_output_before_the_end_is_not_lost(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		expect_numbers(2000, i % 2 ? 0 : 20000);
}

#define TYPED_SIZE 300000

/* Types as much as the terminal takes, reads little at a time. Returns what was read. */
static size_t type_and_read_slowly(const struct session *session, const unsigned char *keys,
				   unsigned char *echo)
{
	size_t typed = 0;
	size_t seen = 0;

	while (seen < TYPED_SIZE) {
		struct pollfd poll_fd = {
			.fd = session->screen,
			.events = (short)(POLLIN | (typed < TYPED_SIZE ? POLLOUT : 0))};
		ssize_t count;

		if (poll(&poll_fd, 1, DEADLINE) != 1)
			break;
		if (poll_fd.revents & POLLOUT) {
			count = write(session->screen, keys + typed, TYPED_SIZE - typed);
			typed += count > 0 ? (size_t)count : 0;
		}
		if (poll_fd.revents & POLLIN) {
			size_t room = TYPED_SIZE - seen;

			count = read(session->screen, echo + seen, room < 100 ? room : 100);
			seen += count > 0 ? (size_t)count : 0;
		}
	}
	return seen;
}

static void all_bytes_pass_both_ways_at_once_however_slow_the_reader(void **state)
{
	static unsigned char keys[TYPED_SIZE];
	static unsigned char echo[TYPED_SIZE];
	struct session session = session_start("stty raw -echo; printf ready; exec head -c 300000");
	unsigned value = 1;

	(void)state;
	for (size_t i = 0; i < TYPED_SIZE; i++) {
		value = value * 1103515245u + 12345u; /* all 256 values, in no order */
		keys[i] = (unsigned char)(value >> 16);
	}
	screen_expect(&session, "ready");
	assert_int_equal(type_and_read_slowly(&session, keys, echo), TYPED_SIZE);
	assert_memory_equal(keys, echo, TYPED_SIZE);
	session_expect_end(&session, 0);
}

static void a_child_that_closes_its_terminal_may_open_it_again(void **state)
{
	struct session session = session_start("exec </dev/null >/dev/null 2>&1; sleep 0.3;"
					       "exec >/dev/tty; echo again; exit 6");

	(void)state;
	screen_expect(&session, "again");
	session_expect_end(&session, 6);
}

static void a_background_process_that_keeps_writing_does_not_keep_the_session(void **state)
{
	struct session session = session_start("trap '' HUP; yes & exit 3");

	(void)state;
	session_expect_end(&session, 3);
}

/* ---- keys, signals and sizes ----------------------------------------------------------------- */

static void ctrl_c_interrupts_the_script_and_not_the_relay(void **state)
{
	struct session session = session_start("trap 'echo caught; exit 5' INT; echo ready;"
					       "while :; do sleep 0.05; done");

	(void)state;
	screen_expect(&session, "ready");
	screen_type(&session, "\003");
	screen_expect(&session, "caught");
	session_expect_end(&session, 5);
}

static void the_window_size_follows_the_callers(void **state)
{
	struct session session = session_start("trap 'stty size; exit 0' WINCH; echo ready;"
					       "while :; do sleep 0.05; done");
	const struct winsize size = {.ws_row = 41, .ws_col = 121};

	(void)state;
	screen_expect(&session, "ready");
	assert_int_equal(ioctl(session.screen, TIOCSWINSZ, &size), 0);
	screen_expect(&session, "41 121");
	session_expect_end(&session, 0);
}

static void signals_end_the_relay_and_the_terminal_is_as_before(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		struct session session = session_start("echo ready; exec sleep 60");

		screen_expect(&session, "ready");
		assert_false(modes_are(&session, &session.modes)); /* control: it is raw now */
		assert_true(terminal_blocks(&session));
		session_signal(&session, signals[i]);
		session_expect_signal(&session, signals[i]);
	}
}

static void a_signal_ends_the_relay_even_when_nobody_reads_the_screen(void **state)
{
	struct session session = session_start("exec yes");

	(void)state;
	(void)usleep(500000);
	session_signal(&session, SIGTERM);
	session_expect_signal(&session, SIGTERM);
}

static void a_terminal_that_hangs_up_ends_the_relay(void **state)
{
	(void)state;
	for (int foreign = 0; foreign <= 1; foreign++) {
		const struct plan plan = {.script = "echo ready; exec sleep 60",
					  .foreign = foreign};
		struct session session = session_start_plan(&plan, NULL);
		struct outcome outcome;

		screen_expect(&session, "ready");
		close_fd(&session.screen);
		outcome = session_outcome(&session, false);
		assert_int_equal(outcome.result, -EINTR);
		assert_int_equal(outcome.signalled, SIGHUP);
		session_close(&session);
	}
}

static void
a_relay_that_is_stopped_gives_the_terminal_back_and_takes_it_when_continued(void **state)
{
	struct session session = session_start("echo ready; read -r line; stty size; exit 8");
	const struct winsize size = {.ws_row = 42, .ws_col = 122};
	siginfo_t info = {0};

	(void)state;
	screen_expect(&session, "ready");
	session_signal(&session, SIGTSTP);
	assert_int_equal(waitid(P_PIDFD, (id_t)session.pidfd, &info, WSTOPPED), 0);
	assert_int_equal(info.si_code, CLD_STOPPED);
	assert_true(modes_are(&session, &session.modes));
	assert_int_equal(ioctl(session.screen, TIOCSWINSZ, &size), 0);
	session_signal(&session, SIGCONT);
	for (int i = 0; i < DEADLINE / 10 && modes_are(&session, &session.modes); i++)
		(void)usleep(10000);
	assert_false(modes_are(&session, &session.modes));
	screen_type(&session, "\r");
	screen_expect(&session, "42 122");
	session_expect_end(&session, 8);
}

static void what_is_no_terminal_is_not_relayed(void **state)
{
	CLEANUP_FD int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct error error = {0};
	int signalled = -1;
	CLEANUP_FD int child = process_pidfd(getpid(), &error);

	(void)state;
	assert_int_equal(terminal_relay(nothing, child, &signalled, &error), -ENOTTY);
	assert_int_equal(signalled, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_child_leads_a_session_whose_terminal_is_its_three_standard_files),
		cmocka_unit_test(
			the_child_finds_the_callers_window_size_and_modes_from_its_first_moment),
		cmocka_unit_test(a_megabyte_of_output_arrives_whole_at_a_reader_that_starts_late),
		cmocka_unit_test(the_last_output_before_the_end_is_not_lost),
		cmocka_unit_test(all_bytes_pass_both_ways_at_once_however_slow_the_reader),
		cmocka_unit_test(a_child_that_closes_its_terminal_may_open_it_again),
		cmocka_unit_test(a_background_process_that_keeps_writing_does_not_keep_the_session),
		cmocka_unit_test(ctrl_c_interrupts_the_script_and_not_the_relay),
		cmocka_unit_test(the_window_size_follows_the_callers),
		cmocka_unit_test(signals_end_the_relay_and_the_terminal_is_as_before),
		cmocka_unit_test(a_signal_ends_the_relay_even_when_nobody_reads_the_screen),
		cmocka_unit_test(a_terminal_that_hangs_up_ends_the_relay),
		cmocka_unit_test(
			a_relay_that_is_stopped_gives_the_terminal_back_and_takes_it_when_continued),
		cmocka_unit_test(what_is_no_terminal_is_not_relayed),
	};

	return cmocka_run_group_tests_name("terminal", tests, NULL, NULL);
}
