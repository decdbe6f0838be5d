#include "netlink.h"

#include "raw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdbool.h>

#define SEND_ROOM      (1 << 20)
#define ATTRIBUTE_HEAD sizeof(struct nlattr) /* NLA_HDRLEN is an int */

#ifndef VETH_INFO_PEER
#define VETH_INFO_PEER 1
#endif

int netlink_open(void)
{
	const int room = SEND_ROOM;
	int fd = (int)RAW(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd >= 0)
		(void)RAW(SYS_setsockopt, fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	return fd;
}

/* ---- writing ----------------------------------------------------------------------------------
 */

static void *reserve(struct batch *batch, size_t size)
{
	char *at = batch->buffer + batch->length;
	const size_t room = NLMSG_ALIGN(size);

	memset(at, 0, room);
	batch->length += room;
	batch->last->nlmsg_len += (unsigned)room;
	return at;
}

static void add(struct batch *batch, int type, int flags, const void *header, size_t size)
{
	struct nlmsghdr *head = (void *)(batch->buffer + batch->length);

	*head = (struct nlmsghdr){.nlmsg_len = NLMSG_HDRLEN,
				  .nlmsg_type = (uint16_t)type,
				  .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags)};
	batch->last = head;
	batch->length += NLMSG_HDRLEN;
	memcpy(reserve(batch, size), header, size);
}

static void put(struct batch *batch, int attribute, const void *data, size_t size)
{
	struct nlattr *head = reserve(batch, ATTRIBUTE_HEAD + size);

	head->nla_type = (uint16_t)attribute;
	head->nla_len = (uint16_t)(ATTRIBUTE_HEAD + size);
	if (size > 0)
		memcpy((char *)head + ATTRIBUTE_HEAD, data, size);
}

static void put_u32(struct batch *batch, int attribute, uint32_t value)
{
	put(batch, attribute, &value, sizeof(value));
}

static struct nlattr *nest_begin(struct batch *batch, int attribute)
{
	struct nlattr *nest = (void *)(batch->buffer + batch->length);

	put(batch, attribute, NULL, 0);
	return nest;
}

static void nest_end(struct batch *batch, struct nlattr *nest)
{
	nest->nla_len = (uint16_t)(batch->buffer + batch->length - (char *)nest);
}

/* ---- requests ---------------------------------------------------------------------------------
 */

/* One queue each way, in the place of one for each processor: a client's program is one. */
static void put_end(struct batch *batch, const char *name, unsigned group)
{
	put(batch, IFLA_IFNAME, name, strlen(name) + 1);
	put_u32(batch, IFLA_GROUP, group);
	put_u32(batch, IFLA_NUM_TX_QUEUES, 1);
	put_u32(batch, IFLA_NUM_RX_QUEUES, 1);
}

void netlink_veth(struct batch *batch, const struct veth *veth)
{
	const struct ifinfomsg here = {
		.ifi_index = (int)veth->index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	const struct ifinfomsg there = {.ifi_index = (int)veth->peer_index};
	struct nlattr *info, *data, *peer;

	add(batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &here, sizeof(here));
	put_end(batch, veth->name, veth->group);
	info = nest_begin(batch, IFLA_LINKINFO);
	put(batch, IFLA_INFO_KIND, "veth", 5);
	data = nest_begin(batch, IFLA_INFO_DATA);
	peer = nest_begin(batch, VETH_INFO_PEER);
	memcpy(reserve(batch, sizeof(there)), &there, sizeof(there));
	put_end(batch, veth->peer, veth->group);
	put_u32(batch, IFLA_NET_NS_PID, (uint32_t)veth->peer_ns);
	nest_end(batch, peer);
	nest_end(batch, data);
	nest_end(batch, info);
}

void netlink_up(struct batch *batch, unsigned index)
{
	const struct ifinfomsg link = {
		.ifi_index = (int)index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};

	add(batch, RTM_NEWLINK, 0, &link, sizeof(link));
}

void netlink_address(struct batch *batch, unsigned index, ipv4 address)
{
	const struct ifaddrmsg header = {
		.ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = index};

	add(batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header));
	put_u32(batch, IFA_LOCAL, htonl(address));
	put_u32(batch, IFA_ADDRESS, htonl(address));
}

void netlink_default_route(struct batch *batch, unsigned index, ipv4 gateway)
{
	const struct rtmsg route = {.rtm_family = AF_INET,
				    .rtm_table = RT_TABLE_MAIN,
				    .rtm_protocol = RTPROT_BOOT,
				    .rtm_scope = RT_SCOPE_UNIVERSE,
				    .rtm_type = RTN_UNICAST};

	add(batch, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &route, sizeof(route));
	put_u32(batch, RTA_GATEWAY, htonl(gateway));
	put_u32(batch, RTA_OIF, index);
}

/* lo has it from the moment that it is up. To switch IPv6 off there instead is to write a file for
 * which the kernel does not sleep where rtnl is taken, but tries again and again
 * (restart_syscall()). */
void netlink_no_loopback(struct batch *batch, unsigned index)
{
	const struct ifaddrmsg header = {
		.ifa_family = AF_INET6, .ifa_prefixlen = 128, .ifa_index = index};

	add(batch, RTM_DELADDR, 0, &header, sizeof(header));
	put(batch, IFA_LOCAL, &in6addr_loopback, sizeof(in6addr_loopback));
}

void netlink_ask(struct batch *batch, unsigned index)
{
	const struct ifinfomsg link = {.ifi_index = (int)index};

	add(batch, RTM_GETLINK, 0, &link, sizeof(link));
	put_u32(batch, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
}

void netlink_delete_group(struct batch *batch, unsigned group)
{
	const struct ifinfomsg none = {0};

	add(batch, RTM_DELLINK, 0, &none, sizeof(none));
	put_u32(batch, IFLA_GROUP, group);
}

/* ---- sending ----------------------------------------------------------------------------------
 */

/* The kernel works on what it is sent before send(2) returns. */
long netlink_send_unheard(int socket, struct batch *batch)
{
	const size_t length = batch->length;
	long result;

	batch->length = 0;
	if (length == 0)
		return 0;
	result = RAW(SYS_sendto, socket, batch->buffer, length, 0, NULL, 0);
	return result < 0 ? result : 0;
}

/* Of netlink_no_loopback(): IPv6 is off there, or not in this kernel. */
static bool is_forgiven(const struct nlmsgerr *answer)
{
	return answer->msg.nlmsg_type == RTM_DELADDR &&
	       (answer->error == -EADDRNOTAVAIL || answer->error == -EOPNOTSUPP);
}

/* A failure is answered even where no answer was asked for; the last request's comes last. */
static long hear(int socket)
{
	char buffer[2048] __attribute__((aligned(NLMSG_ALIGNTO)));
	long failure = 0;

	for (;;) {
		long size = RAW(SYS_recvfrom, socket, buffer, sizeof(buffer), 0, NULL, NULL);
		struct nlmsghdr *head = (void *)buffer;

		if (size < 0)
			return size;
		for (; NLMSG_OK(head, size); head = NLMSG_NEXT(head, size)) {
			const struct nlmsgerr *answer = NLMSG_DATA(head);

			if (head->nlmsg_type != NLMSG_ERROR)
				continue;
			if (failure == 0 && !is_forgiven(answer))
				failure = answer->error;
			if (answer->msg.nlmsg_flags & NLM_F_ACK)
				return failure;
		}
	}
}

long netlink_send(int socket, struct batch *batch)
{
	long result;

	if (batch->length == 0)
		return 0;
	batch->last->nlmsg_flags |= NLM_F_ACK;
	result = netlink_send_unheard(socket, batch);
	return result < 0 ? result : hear(socket);
}
