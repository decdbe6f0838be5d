/* Datagrams and who sends them back. Neither socket is connected: the kernel would drop what comes
 * from another address or port than was asked, and a router's mistake would look like silence. */
#include "asker_probe.h"

static int note_port(struct probe *probe, struct error *error)
{
	struct sockaddr_storage own;
	socklen_t size = sizeof(own);

	if (getsockname(probe->socket, (struct sockaddr *)&own, &size) < 0)
		return error_system(error, errno, "cannot tell our port");
	(void)probe_address(&own, &probe->report->own_port);
	return 0;
}

static int prepare_port(struct probe *probe, uint16_t port, struct error *error)
{
	if (probe_find_way(probe, error) < 0)
		return -error->code;
	probe->socket = probe_socket(probe, SOCK_DGRAM, 0, port, error);
	return probe->socket < 0 ? -error->code : note_port(probe, error);
}

static int send_own(struct probe *probe, struct error *error)
{
	const struct marker marker = {probe->plan->token, PROBE_OWN};

	marker_write(probe->buffer, MARKER_KNOWN_SIZE, 0, &marker);
	return probe_send(probe, &probe->route.source, probe->report->own_port, MARKER_KNOWN_SIZE,
			  error);
}

/* A datagram: 1, and what it tells of itself; its packet, which may be PROBE_OWN, or -1. */
static int hear_datagram(struct probe *probe, struct asker_reply *reply, int64_t *sequence,
			 struct error *error)
{
	struct probe_message heard;
	int result = probe_receive(probe, probe->socket, 0, &heard, error);

	if (result <= 0)
		return result;
	*reply = (struct asker_reply){.when = heard.when,
				      .from = heard.from,
				      .port = heard.port,
				      .ttl = heard.ttl,
				      .size = (uint32_t)heard.size};
	*sequence = probe_packet_of(probe, probe->buffer, heard.size);
	if (*sequence == -2)
		*sequence = probe_guess(probe, heard.size);
	if (*sequence == PROBE_OWN)
		probe->report->ear.own = 1;
	else if (*sequence < 0)
		probe->report->strangers++;
	return 1;
}

/* ---- who asks -------------------------------------------------------------------------------- */

static int prepare(struct probe *probe, struct error *error)
{
	probe->report->port = probe->plan->port;
	return prepare_port(probe, 0, error);
}

static int send_datagram(struct probe *probe, uint32_t sequence, struct error *error)
{
	const struct marker marker = {probe->plan->token, sequence};
	const uint32_t size = probe->report->packets[sequence].size;

	marker_write(probe->buffer, size, 0, &marker);
	return probe_send(probe, &probe->plan->to, probe->plan->port, size, error);
}

/* Errors quote what they are about, but perhaps so little that the payload is missing. */
static int hear_error(struct probe *probe, struct error *error)
{
	struct probe_message heard;
	int result = probe_receive(probe, probe->socket, MSG_ERRQUEUE, &heard, error);
	int64_t sequence;

	if (result <= 0 || heard.error.from.family == 0)
		return result;
	sequence = probe_packet_of(probe, probe->buffer, heard.size);
	if (sequence == -2)
		sequence = probe_guess(probe, SIZE_MAX);
	if (sequence >= 0 && sequence < probe->plan->count)
		probe_note_error(probe, (uint32_t)sequence, &heard.error);
	return result;
}

static int hear(struct probe *probe, struct error *error)
{
	struct asker_reply reply;
	int64_t sequence;
	int result = hear_error(probe, error);

	if (result == 0)
		result = hear_datagram(probe, &reply, &sequence, error);
	else
		return result;
	if (result <= 0 || sequence < 0 || sequence == PROBE_OWN)
		return result;
	if (!probe_same(&reply.from, &probe->plan->to) || reply.port != probe->plan->port)
		reply.wrong |= ASKER_WRONG_SENDER;
	probe_note_reply(probe, (uint32_t)sequence, &reply, probe->buffer);
	return 1;
}

static int ask(struct probe *probe, struct error *error)
{
	static const struct probe_way way = {
		.send = send_datagram, .hear = hear, .done = probe_all_answered, .own = send_own};

	return probe_converse(probe, &way, error);
}

const struct probe_kind asker_udp = {prepare, ask};

/* ---- who answers ----------------------------------------------------------------------------- */

static int prepare_answerer(struct probe *probe, struct error *error)
{
	return prepare_port(probe, probe->plan->port, error);
}

/* Sends it back as it came. That there is no room, or no way to such a sender, is as if it were
 * lost on its way; that something in the client forbids it is not. */
static int hear_question(struct probe *probe, struct error *error)
{
	struct asker_reply reply;
	int64_t sequence;
	int result = hear_datagram(probe, &reply, &sequence, error);

	if (result <= 0 || sequence < 0 || sequence == PROBE_OWN)
		return result;
	if (!probe_same(&reply.from, &probe->plan->to))
		reply.wrong |= ASKER_WRONG_SENDER;
	probe_note_reply(probe, (uint32_t)sequence, &reply, probe->buffer);
	result = probe_send(probe, &reply.from, reply.port, reply.size, error);
	return result == -EPERM ? result : 1;
}

/* The errors that its answers bring are not its business: whoever asked misses the answer. */
static int hear_or_drop(struct probe *probe, struct error *error)
{
	struct probe_message dropped;
	int result = probe_receive(probe, probe->socket, MSG_ERRQUEUE, &dropped, error);

	return result != 0 ? result : hear_question(probe, error);
}

static bool is_never_done(const struct probe *probe)
{
	(void)probe;
	return false;
}

static int answer(struct probe *probe, struct error *error)
{
	static const struct probe_way way = {
		.hear = hear_or_drop, .done = is_never_done, .own = send_own};

	return probe_converse(probe, &way, error);
}

const struct probe_kind asker_udp_answerer = {prepare_answerer, answer};
