/* Terminals, with real ptys: what a person sees and types. */
#include "terminal_session.h"

#include <sys/wait.h>

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
	struct session session = session_start("trap '' HUP; yes & sleep 0.3; exit 3");
	struct pollfd ended = {.fd = session.outcome, .events = POLLIN};
	char bytes[4096];
	int patience = 10000; /* reads, at least 1 ms apart: there is always more to read */

	(void)state;
	while (poll(&ended, 1, 1) == 0 && patience-- > 0)
		(void)screen_read(&session, bytes, sizeof(bytes));
	assert_true(patience > 0);
	session_expect_end(&session, 3);
}

/* Waits for the end of the process whose pid the file PATH will tell: for a zombie, since it is not
 * waited for yet. */
static void wait_for_end(const char *path)
{
	char state = '\0';

	for (int i = 0; i < 3000 && state != 'Z'; i++) {
		FILE *file = fopen(path, "re");
		char line[64] = "";
		char stat[64];

		(void)usleep(10000);
		if (file == NULL)
			continue;
		if (fgets(line, sizeof(line), file) == NULL)
			line[0] = '\0';
		(void)fclose(file);
		(void)snprintf(stat, sizeof(stat), "/proc/%ld/stat", strtol(line, NULL, 10));
		file = fopen(stat, "re");
		if (file == NULL)
			continue;
		if (fgets(line, sizeof(line), file) != NULL && strrchr(line, ')') != NULL)
			state = strrchr(line, ')')[2];
		(void)fclose(file);
	}
	assert_int_equal(state, 'Z');
}

/* The script ends while its output still waits for somebody to read the screen. */
static void keys_typed_after_the_end_are_left_to_the_next_program(void **state)
{
	char path[] = "/tmp/test_terminal.XXXXXX";
	char script[128];
	struct session session;
	char keys[16] = "";
	int file = mkstemp(path);

	(void)state;
	assert_true(file >= 0);
	(void)close(file);
	(void)snprintf(script, sizeof(script), "echo $$ >%s; stty -opost; exec seq 1 6000", path);
	session = session_start(script);
	wait_for_end(path);
	(void)unlink(path);
	screen_type(&session, "exit\n");
	(void)usleep(100000);
	assert_int_equal(session_outcome(&session, true).result, 0);
	assert_int_equal(poll(&(struct pollfd){.fd = session.terminal, .events = POLLIN}, 1, 0), 1);
	assert_int_equal(read(session.terminal, keys, sizeof(keys) - 1), 5);
	assert_string_equal(keys, "exit\n");
	session_close(&session);
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
		assert_true(reads_do_not_wait(&session));
		session_signal(&session, signals[i]);
		session_expect_signal(&session, signals[i]);
	}
}

/* FILL bytes of the terminal's buffers are taken and the script's pty is full before the relay
 * starts: it reads as much as it can at a time, and there is not room for all of that. */
static void expect_signal_with_a_full_screen(size_t fill)
{
	const struct plan plan = {.script = "exec yes", .late = 200000};
	struct session session = session_start_plan(&plan, NULL);
	int waiting = 0;

	for (size_t i = 0; i < fill; i += 100)
		assert_int_equal(write(session.terminal, (char[100]){0}, 100), 100);
	(void)usleep(600000);
	assert_int_equal(ioctl(session.screen, FIONREAD, &waiting), 0);
	assert_true(waiting > 0);
	session_signal(&session, SIGTERM);
	session_expect_signal(&session, SIGTERM);
}

static void a_signal_ends_the_relay_even_when_nobody_reads_the_screen(void **state)
{
	(void)state;
	for (size_t fill = 0; fill <= 6000; fill += 1000)
		expect_signal_with_a_full_screen(fill);
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
	const struct plan plan = {.script = "echo ready; read -r line; stty size; exit 8",
				  .foreign = true}; /* as in a shell's background: no SIGWINCH */
	struct session session = session_start_plan(&plan, NULL);
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
		cmocka_unit_test(keys_typed_after_the_end_are_left_to_the_next_program),
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
