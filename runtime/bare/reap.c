/* reap PID: what connect's steward becomes (steward.h): reaps its children until there are none,
 * and ends as PID did, one of them. SIGTERM, which tells that its parent is dead, ends PID. Both
 * that and SIGCHLD are blocked when it begins. */
#include "bare.h"

#include <asm/signal.h>
#include <linux/prctl.h>
#include <linux/wait.h>

#define KILLED(how)    ((how)&0x7f) /* the signal, 0 where it ended by itself: wait(2) */
#define STATUS_OF(how) (((how) >> 8) & 0xff)

static long wait_for_signal(void)
{
	const unsigned long signals = 1UL << (SIGCHLD - 1) | 1UL << (SIGTERM - 1);

	return bare_call(__NR_rt_sigtimedwait, (long)&signals, 0, 0, sizeof(signals));
}

void bare_main(long *stack)
{
	const char *const *arguments = (const char *const *)(stack + 1);
	int child = stack[0] == 2 ? bare_number(arguments[1]) : 0;
	int status = BARE_FAILED;
	int lives = 1;
	long ended = 0;
	int how = 0;

	(void)bare_call(__NR_prctl, PR_SET_NAME, (long)"pyroute-steward", 0, 0);
	while (child > 0 && ended != -ECHILD) {
		ended = bare_call(__NR_wait4, -1, (long)&how, WNOHANG, 0);
		if (ended == child) {
			status = KILLED(how) != 0 ? 128 + KILLED(how) : STATUS_OF(how);
			lives = 0;
		} else if (ended == 0 && wait_for_signal() == SIGTERM && lives != 0) {
			(void)bare_call(__NR_kill, child, SIGKILL, 0, 0);
		}
	}
	bare_exit(status);
}
