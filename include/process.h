/* Processes, held by pidfd, so that none is ever taken for another; and what pid 1 of a client
 * does. */
#ifndef PYROUTE_PROCESS_H
#define PYROUTE_PROCESS_H

#include "error.h"

#include <signal.h>
#include <sys/types.h>

/* Exit statuses of what could not be run, as shells and env(1) give them. */
#define PROCESS_FAILED	       125
#define PROCESS_NOT_EXECUTABLE 126
#define PROCESS_NOT_FOUND      127

/* Which of them stands for an execve(2) that failed with CODE. */
int process_exec_status(int code);

/* Returns a pidfd of PID, the caller's. Only for ourselves or a child of ours that was not
 * waited for, else the number may be another's by now. -ESRCH where there is no such process. */
int process_pidfd(pid_t pid, struct error *error);

/* Allows us as many open files as we may allow ourselves. -EMFILE where these are less than NEEDED;
 * the text is the whole story. */
int process_raise_file_limit(unsigned long needed, struct error *error);

/* Waits for the end of a child of ours (PIDFD -1: of any), reaps it, and sets *STATUS as a shell
 * does: its own exit status, or 128 + the signal that killed it. -ECHILD where it is no child (any
 * more). */
int process_wait(int pidfd, int *status, struct error *error);

/* Sends SIGNAL. That the process has ended already is success. */
int process_signal(int pidfd, int signal, struct error *error);

/* The signals that ask us to end: SIGINT, SIGTERM, SIGHUP and SIGQUIT, without those that are
 * ignored, as under nohup(1): blocked, they would come all the same. */
void process_ending_signals(sigset_t *set);

/* Blocks them: from here on none ends us in the middle of things. */
void process_hold_signals(void);

/* Whether one of them came that is blocked; process_take_signal() takes it, and returns it: 0 where
 * there is none. */
bool process_should_end(void);

/* Waits up to MS until FD can be read. Returns 1 when it can, 0 when the time was over; -ECANCELED
 * where one of these signals came, which stays pending. */
int process_wait_readable(int fd, int ms, struct error *error);
int process_take_signal(void);

/* Kills a child of ours, waits for its end, and reaps it. */
void process_end(int pidfd);

/* Returns the process's pid in the pid namespace that /proc shows: ours. -ESRCH where it has ended
 * and was reaped, -ENOENT where it lives outside that namespace, -EINVAL where PIDFD is no pidfd.
 */
pid_t process_pid_of(int pidfd, struct error *error);

/* The life of pid 1 in a client: reaps whoever ends, passes SIGTERM on to every process of the pid
 * namespace, and nothing else; only SIGKILL from outside ends it. All signals are blocked. Makes
 * no other calls than rt_sigprocmask, rt_sigtimedwait, wait4, getpid and kill, allocates nothing.
 * Aborts where it is not pid 1: kill(-1) would then reach every process of the machine. */
_Noreturn void process_be_init(void);

#endif
