#include "floor.h"

#include "raw.h"

#include <arpa/inet.h>
#include <netinet/ip_icmp.h>
#include <poll.h>

#define PINGED_MAX    500 /* the kernel's ARP table is one for all namespaces: gc_thresh3 is 1024 */
#define PING_EVERY_MS 200

struct ping {
	struct icmphdr head;
	char data[8];
};

static uint16_t checksum(const struct ping *ping)
{
	uint16_t words[sizeof(*ping) / 2];
	uint32_t sum = 0;

	memcpy(words, ping, sizeof(words));
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

static void ask(int socket, unsigned number)
{
	struct ping ping = {.head.type = ICMP_ECHO};
	const struct sockaddr_in to = {.sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(floor_client_address(number))};

	ping.head.un.echo.id = htons((uint16_t)getpid());
	ping.head.checksum = checksum(&ping);
	(void)sendto(socket, &ping, sizeof(ping), 0, (const struct sockaddr *)&to, sizeof(to));
}

/* Takes the answers that are there, and counts those that are the first from their client. */
static unsigned take_answers(int socket, bool *answered, unsigned count)
{
	struct {
		unsigned char ip[20];
		struct ping ping;
	} packet;
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	unsigned more = 0;

	while (recvfrom(socket, &packet, sizeof(packet), 0, (struct sockaddr *)&from, &size) > 0) {
		const ipv4 address = ntohl(from.sin_addr.s_addr);
		const unsigned number = (address >> 16 & 255) << 8 | (address >> 8 & 255);

		if (packet.ping.head.type != ICMP_ECHOREPLY ||
		    packet.ping.head.un.echo.id != htons((uint16_t)getpid()) || number < 1 ||
		    number > count || address != floor_client_address(number))
			continue;
		more += !answered[number - 1];
		answered[number - 1] = true;
	}
	return more;
}

void check_wires(const struct floor *floor)
{
	const unsigned count = floor->count < PINGED_MAX ? floor->count : PINGED_MAX;
	CLEANUP_FD int any = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMP);
	CLEANUP_FREE bool *answered = calloc(count, sizeof(*answered));
	struct pollfd answers = {.fd = any, .events = POLLIN};
	const int64_t end = monotonic_ms() + 10000;
	int64_t next = 0;
	unsigned left = count;

	if (any < 0 || answered == NULL)
		floor_fail(floor, "cannot ping", -errno);
	while (left > 0 && monotonic_ms() < end) {
		if (monotonic_ms() >= next) {
			for (unsigned number = 1; number <= count; number++)
				if (!answered[number - 1])
					ask(any, number);
			next = monotonic_ms() + PING_EVERY_MS;
		}
		(void)poll(&answers, 1, 10);
		left -= take_answers(any, answered, count);
	}
	if (left > 0)
		floor_fail(floor, "a client does not answer on its wire", -EHOSTUNREACH);
}
