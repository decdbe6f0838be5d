/* A stream, and who sends it back. The kernel's TCP mends what is lost, cut or repeated on the way
 * and drops what has a wrong checksum, so that this tells whether a program in a client could work,
 * how long that takes, and how often something had to be sent again. */
#include "asker_probe.h"

#include <netinet/tcp.h>
#include <poll.h>

#define CHUNK  16384 /* bytes that are sent or echoed at a time */
#define SECOND 1000

/* One end of the stream while it lasts. */
struct end {
	int fd;
	uint64_t size;	  /* bytes there are to send; an answerer's: those that came */
	bool echo;	  /* sends what came */
	bool heard_all;	  /* the other end has no more to say */
	bool said_all;	  /* nor have we, and it was told so */
	size_t held, out; /* of an echo: bytes in the buffer, and those of them that were sent */
	uint8_t *buffer;  /* CHUNK bytes */
};

static struct asker_stream *stream_of(const struct probe *probe)
{
	return &probe->report->stream;
}

/* Where a program cannot: the stream's end, not ours. */
static void fail(const struct probe *probe, int code)
{
	stream_of(probe)->failure = code;
	stream_of(probe)->ended = probe_now();
}

static struct marker marker_of(const struct probe *probe)
{
	return (struct marker){probe->plan->token, 0};
}

/* A filter that forbids to send (EPERM), and root in the client who takes the socket away
 * (ECONNABORTED, ss(8) --kill), are no answer of the network's. */
static int judge(const struct probe *probe, int code, struct error *error)
{
	if (code == EPERM || code == ECONNABORTED || code == ENETDOWN)
		return error_system(error, code, "cannot use the connection");
	fail(probe, code);
	return 0;
}

/* ---- the stream ------------------------------------------------------------------------------ */

static bool is_pause(int code)
{
	return code == EAGAIN || code == EINTR;
}

static void check(const struct probe *probe, const uint8_t *bytes, size_t size)
{
	struct asker_stream *stream = stream_of(probe);
	const struct marker marker = marker_of(probe);
	size_t right = marker_check(bytes, size, stream->received, &marker);

	if (right < size && stream->wrong_at < 0)
		stream->wrong_at = (int64_t)(stream->received + right);
	stream->received += size;
}

/* Takes what came, of which an echo must have sent the last back. */
static int take(const struct probe *probe, struct end *end, struct error *error)
{
	ssize_t size = recv(end->fd, end->buffer, CHUNK, 0);

	if (size < 0)
		return is_pause(errno) ? 0 : judge(probe, errno, error);
	if (size == 0)
		end->heard_all = true;
	check(probe, end->buffer, (size_t)size);
	if (end->echo) {
		end->held = (size_t)size;
		end->out = 0;
		end->size += (size_t)size;
	}
	return 0;
}

/* Sends on: an echo what it holds, who asks the next piece of the payload. */
static int give(const struct probe *probe, struct end *end, struct error *error)
{
	struct asker_stream *stream = stream_of(probe);
	const struct marker marker = marker_of(probe);
	uint8_t made[CHUNK];
	const uint8_t *from = end->buffer + end->out;
	uint64_t left = end->size - stream->sent;
	size_t size = left < CHUNK ? (size_t)left : CHUNK;
	ssize_t sent;

	if (!end->echo) {
		marker_write(made, size, stream->sent, &marker);
		from = made;
	}
	sent = send(end->fd, from, size, MSG_NOSIGNAL);
	if (sent < 0)
		return is_pause(errno) ? 0 : judge(probe, errno, error);
	stream->sent += (size_t)sent;
	end->out += (size_t)sent;
	return 0;
}

static bool may_take(const struct end *end)
{
	return !end->heard_all && (!end->echo || end->out == end->held);
}

/* What there is to wait for; says our end once there is nothing more to send. */
static short next_events(const struct probe *probe, struct end *end)
{
	const bool more = stream_of(probe)->sent < end->size;

	if (!more && !end->said_all && (!end->echo || end->heard_all)) {
		(void)shutdown(end->fd, SHUT_WR);
		end->said_all = true;
	}
	return (short)((may_take(end) ? POLLIN : 0) | (more ? POLLOUT : 0));
}

static int pass(struct probe *probe, struct end *end, int64_t until, struct error *error)
{
	struct asker_stream *stream = stream_of(probe);
	int result = 1;

	while (result >= 0 && stream->failure == 0 && !(end->heard_all && end->said_all)) {
		result = probe_wait(probe, end->fd, next_events(probe, end), until, error);
		if (end->heard_all && end->said_all)
			break;
		if (result <= 0)
			return result;
		if (may_take(end) && (result & (POLLIN | POLLHUP | POLLERR)) != 0)
			result = take(probe, end, error);
		if (result >= 0 && stream->failure == 0 && stream->sent < end->size)
			result = give(probe, end, error);
	}
	if (result >= 0 && stream->failure == 0) {
		stream->whole = 1;
		stream->ended = probe_now();
	}
	return result < 0 ? result : 0;
}

static void note_retransmissions(const struct probe *probe, int fd)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0)
		stream_of(probe)->retransmissions = info.tcpi_total_retrans;
}

/* Both ends of a connection of FD, of which the one has SIZE bytes to send. */
static int converse(struct probe *probe, int fd, bool echo, int64_t until, struct error *error)
{
	CLEANUP_FREE uint8_t *buffer = malloc(CHUNK);
	struct end end = {.fd = fd,
			  .size = echo ? 0 : probe_size(probe->plan, 0),
			  .echo = echo,
			  .buffer = buffer};
	int result;

	if (!buffer)
		return error_system(error, ENOMEM, "cannot send a stream");
	result = pass(probe, &end, until, error);
	note_retransmissions(probe, fd);
	return result;
}

/* ---- preparing ------------------------------------------------------------------------------- */

static int note_port(const struct probe *probe, int fd, uint16_t *port, struct error *error)
{
	struct sockaddr_storage own;
	socklen_t size = sizeof(own);

	(void)probe;
	if (getsockname(fd, (struct sockaddr *)&own, &size) < 0)
		return error_system(error, errno, "cannot tell our port");
	(void)probe_address(&own, port);
	return 0;
}

static int prepare_port(struct probe *probe, uint16_t port, struct error *error)
{
	stream_of(probe)->wrong_at = -1;
	if (probe_find_way(probe, error) < 0)
		return -error->code;
	probe->socket = probe_socket(probe, SOCK_STREAM, 0, port, error);
	if (probe->socket < 0)
		return -error->code;
	return note_port(probe, probe->socket, &probe->report->own_port, error);
}

/* The proof that TCP works here at all: a listener of our own at our address is reached, over lo.
 */
static int try_own(struct probe *probe, struct error *error)
{
	CLEANUP_FD int listener = probe_socket(probe, SOCK_STREAM, 0, 0, error);
	CLEANUP_FD int caller = listener < 0 ? -1 : probe_socket(probe, SOCK_STREAM, 0, 0, error);
	struct sockaddr_storage address;
	socklen_t size;
	uint16_t port = 0;
	int result;

	if (caller < 0 || note_port(probe, listener, &port, error) < 0)
		return -error->code;
	size = probe_sockaddr(&probe->route.source, port, &address);
	if (listen(listener, 1) < 0)
		return error_system(error, errno, "cannot listen");
	(void)connect(caller, (const struct sockaddr *)&address, size); /* the listener tells */
	probe->ended = false;
	result = probe_wait(probe, listener, POLLIN, monotonic_ms() + SECOND, error);
	probe->report->ear.own = result > 0;
	return result < 0 ? result : probe_finish_ear(probe, error);
}

/* ---- who asks -------------------------------------------------------------------------------- */

static int prepare(struct probe *probe, struct error *error)
{
	probe->report->port = probe->plan->port;
	return prepare_port(probe, 0, error);
}

/* 1 where it is connected; 0 where it is not, and why is noted, or nothing was heard. */
static int connect_by(struct probe *probe, int64_t until, struct error *error)
{
	struct asker_stream *stream = stream_of(probe);
	struct sockaddr_storage to;
	socklen_t size = probe_sockaddr(&probe->plan->to, probe->plan->port, &to);
	int code = 0;
	int result;

	stream->began = probe_now();
	stream->peer = probe->plan->to;
	stream->peer_port = probe->plan->port;
	if (connect(probe->socket, (const struct sockaddr *)&to, size) < 0 && errno != EINPROGRESS)
		return judge(probe, errno, error);
	result = probe_wait(probe, probe->socket, POLLOUT, until, error);
	if (result <= 0)
		return result;
	size = sizeof(code);
	if (getsockopt(probe->socket, SOL_SOCKET, SO_ERROR, &code, &size) < 0)
		return error_system(error, errno, "cannot ask for the connection");
	if (code != 0)
		return judge(probe, code, error);
	stream->connected = probe_now();
	return 1;
}

/* Where nothing is expected, the time is over only when it is over: a connection may be refused at
 * first and all the same be heard. */
static int ask(struct probe *probe, struct error *error)
{
	const int64_t until = monotonic_ms() + probe->plan->within;
	int result = connect_by(probe, until, error);

	if (result == 0)
		note_retransmissions(probe, probe->socket);
	if (result > 0)
		result = converse(probe, probe->socket, false, until, error);
	if (result == 0 && probe->plan->silence)
		result = probe_wait(probe, -1, 0, until, error);
	return result < 0 ? result : try_own(probe, error);
}

const struct probe_kind asker_tcp = {prepare, ask};

/* ---- who answers ----------------------------------------------------------------------------- */

static int prepare_answerer(struct probe *probe, struct error *error)
{
	if (prepare_port(probe, probe->plan->port, error) < 0)
		return -error->code;
	if (listen(probe->socket, 8) < 0)
		return error_system(error, errno, "cannot listen");
	return 0;
}

/* Returns a connection, the caller's; -EAGAIN where there is none. */
static int accept_one(struct probe *probe, struct error *error)
{
	struct sockaddr_storage from = {0};
	socklen_t size = sizeof(from);
	int fd = accept4(probe->socket, (struct sockaddr *)&from, &size,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct asker_stream *stream = stream_of(probe);

	if (fd < 0)
		return error_system(error, is_pause(errno) ? EAGAIN : errno,
				    "cannot accept a connection");
	if (stream->connections++ == 0) {
		stream->began = stream->connected = probe_now();
		stream->peer = probe_address(&from, &stream->peer_port);
		probe->report->port = stream->peer_port;
	}
	return fd;
}

static int answer(struct probe *probe, struct error *error)
{
	const int64_t until = monotonic_ms() + probe->plan->within;
	CLEANUP_FD int connection = -1;
	int result = 1;

	while (result > 0) {
		CLEANUP_FD int other = -1;

		result = probe_wait(probe, probe->socket, POLLIN, until, error);
		if (result <= 0)
			break;
		other = accept_one(probe, error);
		if (other < 0 && other != -EAGAIN)
			return other;
		if (other < 0 || connection >= 0)
			continue;
		connection = TAKE_FD(other);
		result = converse(probe, connection, true, until, error) < 0 ? -error->code : 1;
	}
	return result < 0 ? result : try_own(probe, error);
}

const struct probe_kind asker_tcp_answerer = {prepare_answerer, answer};
