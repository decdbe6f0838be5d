/* Theory of operation
 *
 * Who runs the router is a process of ours, so that what the router prints is read at all times,
 * however much it is and whatever we wait for. It adopts what the router starts and leaves behind,
 * and kills it with the router. That we are gone it sees by the end of the channel; that it is
 * gone itself the kernel tells the router (PR_SET_PDEATHSIG). What there is to know of the router
 * stands on a board in memory that we share. */
#include "candidate.h"

#include "channel.h"
#include "process.h"
#include "router.h"
#include "supervise.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>

#define PATIENCE_MS 2000 /* from SIGTERM to SIGKILL */
#define BLOCK	    16384

struct candidate_board {
	size_t total; /* bytes that it has printed: atomic */
	int ended;    /* 0 or 1: atomic */
	int status;
	char output[CANDIDATE_OUTPUT_SIZE]; /* a ring */
};

/* Both ways. */
struct word {
	struct error error;
	struct candidate_end end;
};

/* ---- who runs it ----------------------------------------------------------------------------- */

struct keeper {
	const struct router_place *place;
	char *command;
	struct candidate_board *board;
	int channel;
	int other; /* its other end, which we have a copy of */
	int log;
	size_t logged;
	int ends[2]; /* of the pipe that it prints into */
	int router;  /* pidfd */
};

static int become_candidate_child(void *context, struct error *error)
{
	const struct keeper *keeper = context;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (setsid() < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(keeper->ends[1], STDOUT_FILENO) < 0 || dup2(keeper->ends[1], STDERR_FILENO) < 0)
		return error_system(error, errno, "cannot prepare the router's files");
	return router_become_child(keeper->place, error);
}

static void keep_block(struct keeper *keeper, const char *block, size_t size)
{
	struct candidate_board *board = keeper->board;
	const size_t total = board->total;

	for (size_t i = 0; i < size; i++)
		board->output[(total + i) % CANDIDATE_OUTPUT_SIZE] = block[i];
	__atomic_store_n(&board->total, total + size, __ATOMIC_RELEASE);
	if (size > CANDIDATE_LOG_SIZE - keeper->logged)
		size = CANDIDATE_LOG_SIZE - keeper->logged;
	if (keeper->log < 0 || size == 0)
		return;
	if (write(keeper->log, block, size) == (ssize_t)size)
		keeper->logged += size;
	else
		keeper->log = -1; /* a full disk is no matter of the router's */
}

/* Reads what there is, up to a megabyte: then somebody else has their turn. Where nobody can print
 * any more, neither can we read. */
static void read_output(struct keeper *keeper)
{
	char block[BLOCK];

	for (int i = 0; i < 64; i++) {
		ssize_t size = read(keeper->ends[0], block, sizeof(block));

		if (size == 0)
			close_fd(&keeper->ends[0]);
		if (size <= 0)
			return;
		keep_block(keeper, block, (size_t)size);
	}
}

static void note_end(struct keeper *keeper)
{
	struct error ignored;
	int status = PROCESS_FAILED;

	(void)process_wait(keeper->router, &status, &ignored);
	close_fd(&keeper->router);
	supervise_end_orphans();
	read_output(keeper);
	keeper->board->status = status;
	__atomic_store_n(&keeper->board->ended, 1, __ATOMIC_RELEASE);
}

/* Waits for the router's end or a word of our parent's, UNTIL then (0: for ever), and reads what
 * the router prints. Returns 1 where the parent spoke or is gone. */
static int attend(struct keeper *keeper, int64_t until)
{
	for (;;) {
		struct pollfd files[] = {{.fd = keeper->router, .events = POLLIN},
					 {.fd = keeper->ends[0], .events = POLLIN},
					 {.fd = keeper->channel, .events = POLLIN}};
		const int64_t left = until - monotonic_ms();

		if (until != 0) /* it has spoken */
			files[2].fd = -1;
		if (until != 0 && (left <= 0 || keeper->router < 0))
			return 0;
		if (poll(files, ARRAY_SIZE(files), until != 0 ? (int)left : -1) < 0 &&
		    errno != EINTR)
			return 1;
		if (files[1].revents != 0)
			read_output(keeper);
		if (files[0].revents != 0)
			note_end(keeper);
		if (files[2].revents != 0)
			return 1;
	}
}

/* It is a child that was not waited for, so that the number is its own; its group is its own too.
 */
static void ask_to_end(const struct keeper *keeper)
{
	struct error ignored;
	pid_t pid = process_pid_of(keeper->router, &ignored);

	if (pid > 0)
		(void)kill(-pid, SIGTERM);
}

static void end_router(struct keeper *keeper, struct candidate_end *end)
{
	end->by_itself = keeper->router < 0;
	if (keeper->router >= 0) {
		ask_to_end(keeper);
		(void)attend(keeper, monotonic_ms() + PATIENCE_MS);
	}
	end->killed = keeper->router >= 0;
	if (end->killed) {
		struct error ignored;

		(void)process_signal(keeper->router, SIGKILL, &ignored);
		note_end(keeper);
	}
	end->status = keeper->board->status;
}

static int run_router(struct keeper *keeper, struct error *error)
{
	char shell[] = "/bin/sh", option[] = "-c";
	char *argv[] = {shell, option, keeper->command, NULL};
	int status;

	if (pipe2(keeper->ends, O_CLOEXEC) < 0 || fcntl(keeper->ends[0], F_SETFL, O_NONBLOCK) < 0)
		return error_system(error, errno, "cannot read what the router prints");
	if (supervise_adopt(error) < 0 || supervise_spawn(become_candidate_child, keeper, argv,
							  &keeper->router, &status, error) < 0)
		return -error->code;
	close_fd(&keeper->ends[1]);
	return 0;
}

static int main_keeper(void *argument)
{
	struct keeper *keeper = argument;
	struct word word = {.error.code = 0};
	struct error ignored;
	int result;

	close_fd(&keeper->other); /* else we would never see the end of it */
	process_hold_signals();	  /* a terminal's are for who started us, and end it first */
	result = run_router(keeper, &word.error);
	if (result == 0)
		word.error = (struct error){.code = 0};
	if (channel_send(keeper->channel, &word, sizeof(word), NULL, &ignored) < 0 || result < 0) {
		supervise_end_orphans();
		return PROCESS_FAILED;
	}
	(void)attend(keeper, 0);
	end_router(keeper, &word.end);
	supervise_end_orphans();
	(void)channel_send(keeper->channel, &word, sizeof(word), NULL, &ignored);
	return 0;
}

/* ---- who wants to know ----------------------------------------------------------------------- */

void candidate_close(struct candidate *candidate)
{
	struct candidate_end end;
	struct error ignored;

	if (candidate->channel >= 0)
		(void)candidate_end(candidate, &end, &ignored);
	close_fd(&candidate->channel);
	if (candidate->process >= 0)
		process_end(candidate->process);
	close_fd(&candidate->process);
	if (candidate->board != NULL)
		(void)munmap(candidate->board, sizeof(*candidate->board));
	*candidate = CANDIDATE_NONE;
}

static int hear(const struct candidate *candidate, struct word *word, struct error *error)
{
	int result = channel_receive(candidate->channel, word, sizeof(*word), NULL, error);

	if (result == 0)
		return error_set(error, ECHILD, "the process that runs the router was killed");
	return result < 0 ? result : error_take(error, &word->error);
}

int candidate_start(const struct caller *caller, const struct ns_set *computer, const char *command,
		    int log, struct candidate *candidate, struct error *error)
{
	CLEANUP_CANDIDATE struct candidate new = CANDIDATE_NONE;
	const struct router_place place = {.caller = caller, .computer = computer};
	CLEANUP_FREE char *copy = strdup(command);
	struct keeper keeper = {
		.place = &place, .command = copy, .log = log, .ends = {-1, -1}, .router = -1};
	struct word word;
	int ends[2];
	int result;
	void *board = mmap(NULL, sizeof(*keeper.board), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (board == MAP_FAILED || copy == NULL)
		return error_system(error, ENOMEM, "cannot run the router");
	new.board = keeper.board = board;
	if (channel_pair(ends, error) < 0)
		return -error->code;
	keeper.channel = ends[1];
	keeper.other = ends[0];
	result = ns_clone(0, main_keeper, &keeper, &new.process, error);
	close_fd(&ends[1]);
	new.channel = ends[0];
	if (result < 0 || hear(&new, &word, error) < 0) {
		close_fd(&new.channel);
		return -error->code;
	}
	*candidate = new;
	new = CANDIDATE_NONE;
	return 0;
}

bool candidate_has_ended(const struct candidate *candidate, int *status)
{
	if (__atomic_load_n(&candidate->board->ended, __ATOMIC_ACQUIRE) == 0)
		return false;
	*status = candidate->board->status;
	return true;
}

void candidate_output(const struct candidate *candidate, char text[CANDIDATE_TEXT_SIZE])
{
	static const char nul[] = "\\x00";
	const struct candidate_board *board = candidate->board;
	const size_t total = __atomic_load_n(&board->total, __ATOMIC_ACQUIRE);
	size_t count = CANDIDATE_OUTPUT_SIZE;

	if (count > total)
		count = total;
	for (size_t i = 0; i < count; i++) {
		const char byte = board->output[(total - count + i) % CANDIDATE_OUTPUT_SIZE];

		if (byte != '\0') {
			*text++ = byte;
		} else {
			memcpy(text, nul, sizeof(nul) - 1);
			text += sizeof(nul) - 1;
		}
	}
	*text = '\0';
}

int candidate_end(struct candidate *candidate, struct candidate_end *end, struct error *error)
{
	struct word word = {.error.code = 0};

	if (channel_send(candidate->channel, &word, sizeof(word), NULL, error) < 0 ||
	    hear(candidate, &word, error) < 0)
		return -error->code;
	*end = word.end;
	process_end(candidate->process);
	close_fd(&candidate->process);
	close_fd(&candidate->channel);
	return 0;
}
