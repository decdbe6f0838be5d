#include "channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#define BACKLOG	   64 /* connections that wait to be accepted */
#define PATIENCE_S 5  /* with a listener that does not answer */

union control {
	char bytes[CMSG_SPACE(sizeof(int) * CHANNEL_FDS_MAX) + CMSG_SPACE(sizeof(struct ucred))];
	struct cmsghdr header; /* for its alignment */
};

void channel_fds_close(struct channel_fds *fds)
{
	for (size_t i = 0; i < fds->count; i++)
		close_fd(&fds->fd[i]);
	fds->count = 0;
}

int channel_pair(int ends[2], struct error *error)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return error_system(error, errno, "cannot make a socket pair");
	return 0;
}

/* A socket address names its file by path, of at most 107 bytes; one through /proc/self/fd reaches
 * any directory that we hold open, however long its own path. */
static int address_of(int dir, const char *name, struct sockaddr_un *address, struct error *error)
{
	int length;

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	length = snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%s", dir,
			  name);
	if (length >= (int)sizeof(address->sun_path))
		return error_system(error, ENAMETOOLONG, "cannot use the socket %s", name);
	return 0;
}

int channel_listen(int dir, const char *name, struct error *error)
{
	CLEANUP_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	mode_t mask;
	const int on = 1;
	int result = address_of(dir, name, &address, error);

	if (result < 0)
		return result;
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return error_system(error, errno, "cannot make a socket");
	mask = umask(0177); /* the file is born with its mode: nobody gets in before */
	result = bind(fd, (const struct sockaddr *)&address, sizeof(address));
	(void)umask(mask);
	if (result < 0)
		return error_system(error, errno, "cannot make the socket %s", name);
	if (listen(fd, BACKLOG) < 0)
		return error_system(error, errno, "cannot listen on the socket %s", name);
	return TAKE_FD(fd);
}

int channel_connect(int dir, const char *name, struct error *error)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	CLEANUP_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	int result = address_of(dir, name, &address, error);

	if (result < 0)
		return result;
	/* The time to send bounds connect() as well, where the other side accepts nobody. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return error_system(error, errno, "cannot make a socket");
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return error_system(error, errno == EAGAIN ? ETIMEDOUT : errno,
				    "cannot connect to the socket %s", name);
	return TAKE_FD(fd);
}

/* Whoever calls listen(2) last is the peer of those who connect (unix(7), SO_PEERCRED). */
void channel_own(int listener)
{
	(void)listen(listener, BACKLOG);
}

pid_t channel_peer(int socket)
{
	struct ucred peer = {.pid = 0};
	socklen_t size = sizeof(peer);

	(void)getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size);
	return peer.pid;
}

int channel_send(int socket, const void *data, size_t size, const struct channel_fds *fds,
		 struct error *error)
{
	union control control;
	struct iovec part = {.iov_len = size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t sent;

	memcpy(&part.iov_base, &data, sizeof(data)); /* sendmsg() reads what it is given */
	if (fds != NULL && fds->count > 0) {
		size_t bytes = sizeof(int) * fds->count;

		memset(&control, 0, sizeof(control));
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(bytes);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(bytes);
		memcpy(CMSG_DATA(&control.header), fds->fd, bytes);
	}
	do
		sent = sendmsg(socket, &message, MSG_NOSIGNAL);
	/* That is said once, of a peer that has gone without reading all. */
	while (sent < 0 && (errno == EINTR || errno == ECONNRESET));
	if (sent < 0)
		return error_system(error, errno, "cannot send a message");
	return 0;
}

/* EVENTS of GUARD end the wait. */
static int wait_for(int socket, int guard, short events, struct error *error)
{
	struct pollfd files[] = {{.fd = socket, .events = POLLIN}, {.fd = guard, .events = events}};
	int ready;

	do
		ready = poll(files, ARRAY_SIZE(files), -1);
	while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return error_system(error, errno, "cannot wait for a message");
	return files[1].revents == 0 ? 0 : error_set(error, ECANCELED, "cancelled");
}

int channel_wait(int socket, int guard, struct error *error)
{
	return wait_for(socket, guard, POLLIN, error);
}

/* That a peer is gone, POLLHUP, need not be asked for. */
int channel_wait_with(int socket, int other, struct error *error)
{
	return wait_for(socket, other, 0, error);
}

/* Where no credentials come, their room holds more fds than we take. Returns whether all were. */
static bool take_fds(struct cmsghdr *part, struct channel_fds *fds)
{
	size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	size_t taken = count < CHANNEL_FDS_MAX - fds->count ? count : CHANNEL_FDS_MAX - fds->count;

	memcpy(fds->fd + fds->count, CMSG_DATA(part), taken * sizeof(int));
	fds->count += taken;
	for (size_t i = taken; i < count; i++) {
		CLEANUP_FD int surplus = -1;

		memcpy(&surplus, CMSG_DATA(part) + i * sizeof(int), sizeof(surplus));
	}
	return taken == count;
}

static void take_sender(const struct cmsghdr *part, pid_t *sender)
{
	struct ucred credentials;

	memcpy(&credentials, CMSG_DATA(part), sizeof(credentials));
	*sender = credentials.pid;
}

static bool take_control(struct msghdr *message, struct channel_fds *fds, pid_t *sender)
{
	bool all = true;

	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL;
	     part = CMSG_NXTHDR(message, part)) {
		if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS)
			all &= take_fds(part, fds);
		else if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_CREDENTIALS)
			take_sender(part, sender);
	}
	return all;
}

static int receive(int socket, void *data, size_t size, struct channel_fds *fds, pid_t *sender,
		   struct error *error)
{
	CLEANUP_CHANNEL_FDS struct channel_fds got = {.count = 0};
	union control control;
	struct iovec part = {.iov_base = data, .iov_len = size};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	ssize_t length;
	bool all;

	do
		length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (length < 0 && (errno == EINTR || errno == ECONNRESET)); /* what was said stays */
	if (length < 0)
		return error_system(error, errno == EAGAIN ? ETIMEDOUT : errno,
				    "cannot receive a message");
	all = take_control(&message, &got, sender);
	if (length == 0)
		return 0;
	if ((size_t)length != size || !all || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
	    (fds == NULL && got.count > 0))
		return error_system(error, EBADMSG, "received a message of %zd bytes", length);
	if (fds != NULL) {
		*fds = got;
		got.count = 0;
	}
	return 1;
}

int channel_receive(int socket, void *data, size_t size, struct channel_fds *fds,
		    struct error *error)
{
	pid_t ignored;

	return receive(socket, data, size, fds, &ignored, error);
}

int channel_receive_from(int socket, void *data, size_t size, pid_t *sender, struct error *error)
{
	*sender = 0;
	return receive(socket, data, size, NULL, sender, error);
}
