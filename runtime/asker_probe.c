#include "asker_probe.h"

#include <linux/errqueue.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <sys/ioctl.h>

#define SOCKET_ROOM (1 << 20) /* bytes each way, or as much as the system allows */
#define RETRIES	    8

/* ---- words ----------------------------------------------------------------------------------- */

int64_t probe_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

uint32_t probe_size(const struct asker_plan *plan, uint32_t sequence)
{
	return plan->size_count == 0 ? 0 : plan->sizes[sequence % plan->size_count];
}

static size_t address_size(int family)
{
	return family == AF_INET ? 4 : 16;
}

struct net_address probe_address_at(int family, const uint8_t *bytes)
{
	struct net_address address = {.family = family,
				      .length = (uint8_t)(address_size(family) * 8)};

	memcpy(address.bytes, bytes, address_size(family));
	return address;
}

socklen_t probe_sockaddr(const struct net_address *address, uint16_t port,
			 struct sockaddr_storage *sockaddr)
{
	struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

	memset(sockaddr, 0, sizeof(*sockaddr));
	if (address->family == AF_INET) {
		memcpy(&ipv4.sin_addr, address->bytes, sizeof(ipv4.sin_addr));
		memcpy(sockaddr, &ipv4, sizeof(ipv4));
		return sizeof(ipv4);
	}
	memcpy(&ipv6.sin6_addr, address->bytes, sizeof(ipv6.sin6_addr));
	memcpy(sockaddr, &ipv6, sizeof(ipv6));
	return sizeof(ipv6);
}

struct net_address probe_address(const struct sockaddr_storage *sockaddr, uint16_t *port)
{
	struct sockaddr_in ipv4;
	struct sockaddr_in6 ipv6;

	*port = 0;
	if (sockaddr->ss_family == AF_INET) {
		memcpy(&ipv4, sockaddr, sizeof(ipv4));
		*port = ntohs(ipv4.sin_port);
		return probe_address_at(AF_INET, (const uint8_t *)&ipv4.sin_addr);
	}
	if (sockaddr->ss_family != AF_INET6)
		return (struct net_address){0};
	memcpy(&ipv6, sockaddr, sizeof(ipv6));
	*port = ntohs(ipv6.sin6_port);
	return probe_address_at(AF_INET6, (const uint8_t *)&ipv6.sin6_addr);
}

bool probe_same(const struct net_address *one, const struct net_address *other)
{
	return one->family == other->family && one->family != 0 &&
	       memcmp(one->bytes, other->bytes, address_size(one->family)) == 0;
}

/* ---- preparing ------------------------------------------------------------------------------- */

/* 1 where the interface is up and has carrier. Its flags tell of a carrier that went only when the
 * kernel gets round to it; this question makes it do so (ethtool_op_get_link()). */
uint8_t probe_link_works(const struct probe *probe)
{
	struct ethtool_value carrier = {.cmd = ETHTOOL_GLINK};
	struct ifreq request = {0};

	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", probe->route.link);
	if (ioctl(probe->ear, SIOCGIFFLAGS, &request) < 0 || (request.ifr_flags & IFF_UP) == 0)
		return 0;
	request.ifr_data = (char *)&carrier;
	return ioctl(probe->ear, SIOCETHTOOL, &request) == 0 && carrier.data != 0;
}

static int bind_packet_socket(const struct probe *probe, int socket, uint16_t protocol,
			      struct error *error)
{
	const struct sockaddr_ll address = {.sll_family = AF_PACKET,
					    .sll_protocol = htons(protocol),
					    .sll_ifindex = (int)probe->route.index};
	int down = 0;
	socklen_t size = sizeof(down);

	if (bind(socket, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    getsockopt(socket, SOL_SOCKET, SO_ERROR, &down, &size) < 0)
		return error_system(error, errno, "%s: cannot open a packet socket",
				    probe->route.link);
	return down == 0 ? 0 : error_system(error, down, "%s", probe->route.link);
}

/* One without a protocol hears nothing, and may still send. */
int probe_packet_socket(const struct probe *probe, struct error *error)
{
	CLEANUP_FD int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return error_system(error, errno, "%s: cannot open a packet socket",
				    probe->route.link);
	if (bind_packet_socket(probe, fd, 0, error) < 0)
		return -error->code;
	return TAKE_FD(fd);
}

static int open_ear(struct probe *probe, struct error *error)
{
	const int on = 1, room = SOCKET_ROOM;

	probe->ear = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe->ear < 0 ||
	    setsockopt(probe->ear, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0 ||
	    setsockopt(probe->ear, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) < 0)
		return error_system(error, errno, "%s: cannot open a packet socket",
				    probe->route.link);
	if (bind_packet_socket(probe, probe->ear, ETH_P_ALL, error) < 0)
		return -error->code;
	memcpy(probe->report->interface, probe->route.link, IFNAMSIZ);
	probe->report->ear.link = probe_link_works(probe);
	return 0;
}

const struct net_address *probe_next_hop(const struct probe *probe)
{
	return probe->route.gateway.family != 0 ? &probe->route.gateway : &probe->plan->to;
}

int probe_find_way(struct probe *probe, struct error *error)
{
	const struct net_address *from = &probe->plan->from;
	struct asker_report *report = probe->report;
	int result = net_route_find(probe->net, &probe->plan->to, from->family != 0 ? from : NULL,
				    &probe->route, error);

	if (result < 0)
		return result;
	if (probe->route.source.family != probe->plan->to.family)
		return error_set(error, EADDRNOTAVAIL, "%s has no address to send from",
				 probe->route.link);
	report->source = probe->route.source;
	report->gateway = probe->route.gateway;
	if (!probe->route.own &&
	    net_neighbour_forget(probe->net, probe->route.index, probe_next_hop(probe), error) < 0)
		return -error->code;
	return open_ear(probe, error);
}

int probe_use_interface(struct probe *probe, struct error *error)
{
	memcpy(probe->route.link, probe->plan->interface, IFNAMSIZ);
	if (net_link_index(probe->net, probe->route.link, &probe->route.index, error) < 0)
		return -error->code;
	if (probe->route.index == 0)
		return error_set(error, ENODEV, "there is no interface %s", probe->route.link);
	return open_ear(probe, error);
}

/* What is heard tells when it came, and with what TTL; where errors are ICMP's, they are told. */
static int set_options(int fd, bool ipv4, int type)
{
	const int on = 1, room = SOCKET_ROOM;
	const int level = ipv4 ? IPPROTO_IP : IPPROTO_IPV6;

	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)) < 0 ||
	    setsockopt(fd, level, ipv4 ? IP_RECVTTL : IPV6_RECVHOPLIMIT, &on, sizeof(on)) < 0)
		return -1;
	return type != SOCK_DGRAM
		       ? 0
		       : setsockopt(fd, level, ipv4 ? IP_RECVERR : IPV6_RECVERR, &on, sizeof(on));
}

int probe_socket(const struct probe *probe, int type, int protocol, uint16_t port,
		 struct error *error)
{
	const struct net_address *source = &probe->route.source;
	const bool ipv4 = source->family == AF_INET;
	CLEANUP_FD int fd = socket(source->family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	struct sockaddr_storage address;
	socklen_t size = probe_sockaddr(source, port, &address);

	if (fd < 0 || (type != SOCK_STREAM && set_options(fd, ipv4, type) < 0))
		return error_system(error, errno, "cannot open a socket");
	if (bind(fd, (const struct sockaddr *)&address, size) < 0)
		return error_system(error, errno, "cannot use our address, port %u", port);
	if (probe->plan->ttl != 0 && probe_set_ttl(probe, fd, probe->plan->ttl, error) < 0)
		return -error->code;
	return TAKE_FD(fd);
}

int probe_set_ttl(const struct probe *probe, int socket, uint8_t ttl, struct error *error)
{
	const bool ipv4 = probe->route.source.family == AF_INET;
	const int value = ttl == 0 ? -1 : ttl; /* ip(7), ipv6(7): the default */

	if (setsockopt(socket, ipv4 ? IPPROTO_IP : IPPROTO_IPV6, ipv4 ? IP_TTL : IPV6_UNICAST_HOPS,
		       &value, sizeof(value)) < 0)
		return error_system(error, errno, "cannot send with a TTL of %d", value);
	return 0;
}

/* ---- sending --------------------------------------------------------------------------------- */

/* An ICMP error to an earlier packet, which the next call on the socket is told of too (ip(7),
 * IP_RECVERR). */
static bool is_icmp_failure(int code)
{
	switch (code) {
	case ECONNREFUSED:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENOPROTOOPT:
	case EPROTO:
	case EOPNOTSUPP:
	case EMSGSIZE:
	case EACCES:
		return true;
	default:
		return false;
	}
}

int probe_send(struct probe *probe, const struct net_address *address, uint16_t port, size_t size,
	       struct error *error)
{
	struct sockaddr_storage to;
	socklen_t to_size = probe_sockaddr(address, port, &to);
	ssize_t sent = -1;

	for (int i = 0; i < RETRIES; i++) {
		sent = sendto(probe->socket, probe->buffer, size, MSG_NOSIGNAL,
			      (const struct sockaddr *)&to, to_size);
		if (sent >= 0 || (errno != EINTR && !is_icmp_failure(errno)))
			break;
	}
	if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS))
		return 1;
	if (sent < 0)
		return error_system(error, errno, "cannot send packet %u of %u", probe->asked + 1,
				    probe->plan->count);
	return 0;
}

/* ---- hearing --------------------------------------------------------------------------------- */

union control {
	char bytes[256];
	struct cmsghdr header; /* for its alignment */
};

static void take_error(const struct probe *probe, const struct cmsghdr *part,
		       struct probe_message *message)
{
	struct {
		struct sock_extended_err error;
		struct sockaddr_storage offender;
	} told = {0};
	size_t size = part->cmsg_len - CMSG_LEN(0);
	uint16_t port;

	memcpy(&told, CMSG_DATA(part), size < sizeof(told) ? size : sizeof(told));
	if (told.error.ee_origin != SO_EE_ORIGIN_ICMP && told.error.ee_origin != SO_EE_ORIGIN_ICMP6)
		return;
	message->error.from = probe_address(&told.offender, &port);
	message->error.type = told.error.ee_type;
	message->error.code = told.error.ee_code;
	message->error.own = probe_same(&message->error.from, &probe->route.source);
}

static void take_control(const struct probe *probe, struct msghdr *header,
			 struct probe_message *message)
{
	struct timespec when;
	int ttl;

	for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part != NULL;
	     part = CMSG_NXTHDR(header, part)) {
		const int level = part->cmsg_level, type = part->cmsg_type;

		if (level == SOL_SOCKET && type == SCM_TIMESTAMPNS) {
			memcpy(&when, CMSG_DATA(part), sizeof(when));
			message->when = (int64_t)when.tv_sec * 1000000000 + when.tv_nsec;
		} else if ((level == IPPROTO_IP && type == IP_TTL) ||
			   (level == IPPROTO_IPV6 && type == IPV6_HOPLIMIT)) {
			memcpy(&ttl, CMSG_DATA(part), sizeof(ttl));
			message->ttl = (uint8_t)ttl;
		} else if ((level == IPPROTO_IP && type == IP_RECVERR) ||
			   (level == IPPROTO_IPV6 && type == IPV6_RECVERR)) {
			take_error(probe, part, message);
		}
	}
	message->error.when = message->when;
}

/* Of what a packet socket hears: whether the interface sends it. */
static bool is_leaving(const struct sockaddr_storage *from)
{
	struct sockaddr_ll frame;

	memcpy(&frame, from, sizeof(frame));
	return from->ss_family == AF_PACKET && frame.sll_pkttype == PACKET_OUTGOING;
}

int probe_receive(struct probe *probe, int socket, int flags, struct probe_message *message,
		  struct error *error)
{
	struct sockaddr_storage from = {0};
	union control control;
	struct iovec part = {.iov_base = probe->buffer, .iov_len = PROBE_BUFFER};
	struct msghdr header = {.msg_name = &from,
				.msg_namelen = sizeof(from),
				.msg_iov = &part,
				.msg_iovlen = 1,
				.msg_control = control.bytes,
				.msg_controllen = sizeof(control.bytes)};
	ssize_t size = recvmsg(socket, &header, flags | MSG_DONTWAIT);

	if (size < 0 && (errno == EAGAIN || errno == EINTR || is_icmp_failure(errno)))
		return 0;
	if (size < 0)
		return error_system(error, errno, "cannot listen any more");
	*message = (struct probe_message){
		.size = (size_t)size, .when = probe_now(), .leaving = is_leaving(&from)};
	message->from = probe_address(&from, &message->port);
	take_control(probe, &header, message);
	return 1;
}

int64_t probe_packet_of(const struct probe *probe, const uint8_t *payload, size_t size)
{
	struct marker marker;
	int64_t at;

	if (!marker_find(payload, size, &marker, &at))
		return -2;
	if (marker.token != probe->plan->token)
		return -1;
	if (marker.sequence != PROBE_OWN && marker.sequence >= probe->plan->count)
		return -2;
	return (int64_t)marker.sequence;
}

int64_t probe_guess(const struct probe *probe, size_t size)
{
	int64_t other = -1;

	for (uint32_t i = probe->asked; i-- > 0;) {
		const struct asker_packet *packet = &probe->report->packets[i];

		if (packet->right + packet->wrong + packet->errors > 0)
			continue;
		if (packet->size == size) {
			other = i;
			continue;
		}
		if (other < 0 || probe->report->packets[other].size != size)
			other = i;
	}
	return other;
}

void probe_note_reply(struct probe *probe, uint32_t sequence, struct asker_reply *reply,
		      const uint8_t *payload)
{
	struct asker_packet *packet = &probe->report->packets[sequence];
	const struct marker marker = {probe->plan->token, sequence};
	const uint32_t compared = reply->size < packet->size ? reply->size : packet->size;

	reply->wrong_at = (uint32_t)marker_check(payload, compared, 0, &marker);
	if (reply->size != packet->size)
		reply->wrong |= ASKER_WRONG_SIZE;
	if (reply->wrong_at < compared)
		reply->wrong |= ASKER_WRONG_BYTES;
	if (reply->wrong == 0 && packet->right++ == 0)
		packet->reply = *reply;
	if (reply->wrong != 0 && packet->wrong++ == 0)
		packet->fault = *reply;
}

void probe_note_error(struct probe *probe, uint32_t sequence, const struct asker_icmp *error)
{
	struct asker_packet *packet = &probe->report->packets[sequence];

	if (packet->errors++ == 0)
		packet->error = *error;
}

bool probe_all_answered(const struct probe *probe)
{
	for (uint32_t i = 0; i < probe->plan->count; i++) {
		const struct asker_packet *packet = &probe->report->packets[i];

		if (packet->right + packet->wrong + packet->errors == 0)
			return false;
	}
	return true;
}
