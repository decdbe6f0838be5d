/* Messages over unix sockets that keep their bounds (SOCK_SEQPACKET), with file descriptors in
 * them. Waiting is reading: the other side's death is end of file (unix(7)). */
#ifndef PYROUTE_CHANNEL_H
#define PYROUTE_CHANNEL_H

#include "error.h"

#include <sys/types.h>

#define CHANNEL_FDS_MAX 32 /* in one message */

/* File descriptors that travel with a message. In a message received they are the receiver's, are
 * close-on-exec, and channel_fds_close() closes those that were not taken. */
struct channel_fds {
	int fd[CHANNEL_FDS_MAX];
	size_t count;
};
void channel_fds_close(struct channel_fds *fds);
#define CLEANUP_CHANNEL_FDS CLEANUP(channel_fds_close)

/* Makes a connected pair; both ends are the caller's. */
int channel_pair(int ends[2], struct error *error);

/* Makes the socket file NAME in the directory DIR, mode 0600, and listens on it. Returns the
 * listening socket; what it accepts may be given to channel_receive_from(). */
int channel_listen(int dir, const char *name, struct error *error);

/* Connects to the socket file NAME in DIR. Returns the connected socket; -ENOENT or -ECONNREFUSED
 * where nobody listens. Here and in what is said over it later, -ETIMEDOUT after five seconds
 * without an answer. */
int channel_connect(int dir, const char *name, struct error *error);

/* Makes us who listens on the socket, which another process made, to those who ask channel_peer().
 */
void channel_own(int listener);

/* The pid of who listens where SOCKET leads to; 0 where it is not known. */
pid_t channel_peer(int socket);

/* Sends SIZE bytes as one message, with FDS (NULL: none), which stay the sender's. A peer that is
 * gone gives -EPIPE, never a signal. */
int channel_send(int socket, const void *data, size_t size, const struct channel_fds *fds,
		 struct error *error);

/* Waits until SOCKET has a message or its end of file. -ECANCELED where GUARD (-1: none) is
 * readable or hung up by then: the reason to wait is gone. */
int channel_wait(int socket, int guard, struct error *error);

/* The same as long as the peer of the socket OTHER is there, whatever it may have said. */
int channel_wait_with(int socket, int other, struct error *error);

/* Waits for one message of exactly SIZE bytes. FDS may be NULL: then a message with fds is an
 * error. Returns 1, 0 at end of file, or -errno; -EBADMSG for any other message. */
int channel_receive(int socket, void *data, size_t size, struct channel_fds *fds,
		    struct error *error);

/* The same for a message without fds. *SENDER becomes the pid of the process that sent it, by the
 * kernel's word, in our own pid namespace; 0 where it is not in that (SO_PASSCRED, unix(7)). */
int channel_receive_from(int socket, void *data, size_t size, pid_t *sender, struct error *error);

#endif
