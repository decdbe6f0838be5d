/* Echo requests (RFC 792, RFC 4443) by a raw socket, and what comes back: replies and errors. Of
 * ICMP the kernel hands a raw socket all that is for our address, with a wrong checksum too, which
 * is hence looked at here; of ICMPv6 only what has a right one (raw(7), RFC 3542 3.1). */
#include "asker_probe.h"
#include "frame.h"

#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <sys/random.h>
#include <sys/un.h>

#define TRIES 32 /* for an id that nobody has */
#define HEAD  8	 /* bytes of both protocols' echo header, and of their errors' */

/* What differs between the two. */
struct words {
	int protocol;
	uint8_t request, reply;
	size_t ip_size;	    /* of a header without options */
	size_t ip_protocol; /* where in it the next protocol stands */
};
static const struct words icmp = {IPPROTO_ICMP, ICMP_ECHO, ICMP_ECHOREPLY, 20, 9};
static const struct words icmp6 = {IPPROTO_ICMPV6, ICMP6_ECHO_REQUEST, ICMP6_ECHO_REPLY, 40, 6};

static const struct words *words_of(const struct probe *probe)
{
	return probe->route.source.family == AF_INET ? &icmp : &icmp6;
}

static uint16_t get_u16(const uint8_t *from)
{
	return (uint16_t)(from[0] << 8 | from[1]);
}

static void put_u16(uint8_t *to, uint16_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

/* ---- preparing ------------------------------------------------------------------------------- */

/* We are told of echo replies and of errors. A redirect (RFC 792) is none: the packet goes on. */
static int filter(const struct probe *probe)
{
	struct icmp_filter ipv4 = {.data = ~(1U << ICMP_ECHOREPLY | 1U << ICMP_DEST_UNREACH |
					     1U << ICMP_TIME_EXCEEDED | 1U << ICMP_PARAMETERPROB)};
	struct icmp6_filter ipv6;

	if (words_of(probe) == &icmp)
		return setsockopt(probe->socket, SOL_RAW, ICMP_FILTER, &ipv4, sizeof(ipv4));
	ICMP6_FILTER_SETBLOCKALL(&ipv6);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &ipv6);
	for (int type = ICMP6_DST_UNREACH; type <= ICMP6_PARAM_PROB; type++)
		ICMP6_FILTER_SETPASS(type, &ipv6);
	return setsockopt(probe->socket, IPPROTO_ICMPV6, ICMP6_FILTER, &ipv6, sizeof(ipv6));
}

/* Others ask at the same time: where a payload has no room for the marker, id and sequence alone
 * tell whose an answer is. Names of unix sockets that are no files are a network namespace's own
 * (unix(7)); who has bound the id's name has the id, until the socket is closed. */
static int reserve_id(struct probe *probe, struct error *error)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	uint16_t *id = &probe->report->id;

	probe->reserved = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (probe->reserved < 0)
		return error_system(error, errno, "cannot open a socket");
	for (int i = 0; i < TRIES; i++) {
		if (getrandom(id, sizeof(*id), 0) != sizeof(*id))
			return error_system(error, errno, "cannot choose an id");
		(void)snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "pyroute-id-%u", *id);
		if (bind(probe->reserved, (const struct sockaddr *)&name, sizeof(name)) == 0)
			return 0;
	}
	return error_system(error, errno, "cannot have an id of its own");
}

static int prepare(struct probe *probe, struct error *error)
{
	if (probe_find_way(probe, error) < 0)
		return -error->code;
	probe->socket = probe_socket(probe, SOCK_RAW, words_of(probe)->protocol, 0, error);
	if (probe->socket < 0)
		return -error->code;
	if (filter(probe) < 0)
		return error_system(error, errno, "cannot choose what to hear of ICMP");
	return reserve_id(probe, error);
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* Writes a message into the buffer; returns its size. Sequences begin with 1, as others' do. */
static size_t write_echo(struct probe *probe, uint8_t type, uint32_t sequence, uint32_t size)
{
	const struct marker marker = {probe->plan->token, sequence};
	uint8_t *message = probe->buffer;

	memset(message, 0, HEAD);
	message[0] = type;
	put_u16(message + 4, probe->report->id);
	put_u16(message + 6, (uint16_t)(sequence + 1));
	marker_write(message + HEAD, size, 0, &marker);
	if (words_of(probe) == &icmp) /* else the kernel does it, who knows the addresses */
		put_u16(message + 2, frame_checksum(0, message, HEAD + size));
	return HEAD + size;
}

static int send_request(struct probe *probe, uint32_t sequence, struct error *error)
{
	const uint32_t size = probe->report->packets[sequence].size;

	if (probe->plan->kind == ASKER_TRACE &&
	    probe_set_ttl(probe, probe->socket, (uint8_t)(sequence + 1), error) < 0)
		return -error->code;
	return probe_send(probe, &probe->plan->to, 0,
			  write_echo(probe, words_of(probe)->request, sequence, size), error);
}

static int send_own(struct probe *probe, struct error *error)
{
	size_t size = write_echo(probe, words_of(probe)->reply, PROBE_OWN, MARKER_KNOWN_SIZE);
	int result = 0;

	if (probe->plan->kind == ASKER_TRACE)
		result = probe_set_ttl(probe, probe->socket, 64, error);
	return result < 0 ? result : probe_send(probe, &probe->route.source, 0, size, error);
}

/* ---- hearing --------------------------------------------------------------------------------- */

/* The packet that an echo message is of, by its payload or by its id and sequence: -1 if none. */
static int64_t packet_of(const struct probe *probe, const uint8_t *message, size_t size)
{
	int64_t sequence = probe_packet_of(probe, message + HEAD, size - HEAD);
	uint16_t number = get_u16(message + 6);

	if (sequence != -2)
		return sequence;
	if (get_u16(message + 4) != probe->report->id || number == 0 || number > probe->asked)
		return -1;
	return number - 1;
}

static void hear_reply(struct probe *probe, const uint8_t *message, size_t size,
		       const struct probe_message *heard)
{
	int64_t sequence = packet_of(probe, message, size);
	struct asker_reply reply = {.when = heard->when,
				    .from = heard->from,
				    .ttl = heard->ttl,
				    .size = (uint32_t)(size - HEAD)};

	if (sequence == PROBE_OWN) {
		probe->report->ear.own = 1;
		return;
	}
	if (sequence < 0) {
		/* All raw sockets hear the replies to other questions of ours. */
		probe->report->strangers +=
			probe_packet_of(probe, message + HEAD, size - HEAD) != -1;
		return;
	}
	if (!probe_same(&reply.from, &probe->plan->to))
		reply.wrong |= ASKER_WRONG_SENDER;
	if (get_u16(message + 4) != probe->report->id)
		reply.wrong |= ASKER_WRONG_ID;
	if (get_u16(message + 6) != sequence + 1)
		reply.wrong |= ASKER_WRONG_SEQUENCE;
	if (words_of(probe) == &icmp && frame_checksum(0, message, size) != 0)
		reply.wrong |= ASKER_WRONG_CHECKSUM;
	probe_note_reply(probe, (uint32_t)sequence, &reply, message + HEAD);
}

/* An error quotes the beginning of the packet that it is about: its IP header and eight bytes at
 * least, which are the echo header. Others' are none of ours. */
static void hear_error(struct probe *probe, const uint8_t *message, size_t size,
		       const struct probe_message *heard)
{
	const struct words *words = words_of(probe);
	const struct asker_icmp error = {.when = heard->when,
					 .from = heard->from,
					 .type = message[0],
					 .code = message[1],
					 .own = probe_same(&heard->from, &probe->route.source)};
	const uint8_t *quote = message + HEAD;
	size_t header = words->ip_size;
	int64_t sequence;

	size -= HEAD;
	if (size > 0 && words == &icmp)
		header = (size_t)(quote[0] & 0xf) * 4;
	if (header < words->ip_size || size < header + HEAD ||
	    quote[words->ip_protocol] != words->protocol || quote[header] != words->request)
		return;
	sequence = packet_of(probe, quote + header, size - header);
	if (sequence >= 0 && sequence != PROBE_OWN)
		probe_note_error(probe, (uint32_t)sequence, &error);
}

/* Of ICMP the kernel shows the IP header too. */
static int hear(struct probe *probe, struct error *error)
{
	struct probe_message heard;
	const uint8_t *message = probe->buffer;
	int result = probe_receive(probe, probe->socket, 0, &heard, error);
	size_t size, header = 0;

	if (result <= 0)
		return result;
	size = heard.size;
	if (words_of(probe) == &icmp) {
		header = size < 20 ? size : (size_t)(message[0] & 0xf) * 4;
		heard.ttl = size < 20 ? 0 : message[8];
	}
	if (size < header + HEAD)
		return 1;
	message += header;
	size -= header;
	if (message[0] == words_of(probe)->reply)
		hear_reply(probe, message, size, &heard);
	else
		hear_error(probe, message, size, &heard);
	return 1;
}

/* Beyond the one that the addressee itself answers there is nothing to be known of a way. */
static bool is_done(const struct probe *probe)
{
	for (uint32_t i = 0; i < probe->plan->count; i++) {
		const struct asker_packet *packet = &probe->report->packets[i];

		if (packet->right + packet->wrong + packet->errors == 0)
			return false;
		if (probe->plan->kind == ASKER_TRACE && packet->right > 0)
			return true;
	}
	return true;
}

static int ask(struct probe *probe, struct error *error)
{
	static const struct probe_way way = {
		.send = send_request, .hear = hear, .done = is_done, .own = send_own};

	return probe_converse(probe, &way, error);
}

const struct probe_kind asker_ping = {prepare, ask};
