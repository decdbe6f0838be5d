/* The caller's terminal and the pty in a client. */
#ifndef PYROUTE_TERMINAL_H
#define PYROUTE_TERMINAL_H

#include "error.h"

#include <termios.h>

/* In the client, in a process that is to become the shell and leads no process group yet: opens a
 * new pty of the client's own devpts, gives it the modes and the window size of the terminal on
 * fd 0 (where that is one), makes a session, and the pty its controlling terminal and standard
 * input, output and error. Fds 0, 1 and 2 must be open. *MASTER is the caller's to pass out and
 * close (close on exec). */
int terminal_attach_child(int *master, struct error *error);

/* Outside: relays between the caller's terminal (fds 0 and 1) and MASTER until the process behind
 * CHILD_PIDFD has ended and its last output is written. The caller's terminal is raw meanwhile,
 * follows window sizes and is restored on every way out. SIGINT, SIGTERM, SIGHUP and SIGQUIT end
 * the relay: the return value is then -EINTR and *SIGNALLED says which (SIGHUP also stands for a
 * terminal that went away); else *SIGNALLED is 0. Makes MASTER non-blocking, and closes nothing
 * that it was given. For programs with one thread. */
int terminal_relay(int master, int child_pidfd, int *signalled, struct error *error);

/* What a program on the caller's own terminal may leave changed, if it is killed. */
struct terminal_state {
	bool known;
	struct termios modes;
};

/* The state of the terminal on fd 0; unknown where that is none, or we are in its background. */
struct terminal_state terminal_note(void);

/* Puts a known state back, with our process group in the foreground, unless others that live are
 * there: the terminal is theirs by then. */
void terminal_put_back(const struct terminal_state *state);

#endif
