#include "net.h"

#include "net_message.h"
#include "net_watch.h"

#include <arpa/inet.h>
#include <linux/if.h> /* IF_OPER_... */
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/socket.h>
#include <poll.h>
#include <sys/ioctl.h>

/* Holds any answer of rtnetlink. With a size of its own libnl need not ask for that of each
 * message first, which is a system call more. */
#define ANSWER_SIZE 16384

#define SETTLE_MS 1500 /* the kernel lets a second pass between some events of carriers */

void net_socket_close(struct nl_sock **socket)
{
	int saved = errno;

	nl_socket_free(*socket); /* NULL is nothing */
	*socket = NULL;
	errno = saved;
}

int net_socket_open(struct nl_sock **socket, struct error *error)
{
	return net_socket_open_for(NETLINK_ROUTE, socket, error);
}

/* What libnl made CODE of, as far as anybody asks. */
static int code_of(int code)
{
	switch (-code) {
	case NLE_PROTO_MISMATCH:
		return EPROTONOSUPPORT;
	case NLE_PERM:
		return EPERM;
	case NLE_NOACCESS:
		return EACCES;
	default:
		return EIO;
	}
}

int net_socket_open_for(int protocol, struct nl_sock **socket, struct error *error)
{
	CLEANUP_NET struct nl_sock *opened = nl_socket_alloc();
	int yes = 1;
	int code;

	if (!opened)
		return error_system(error, ENOMEM, "cannot open a netlink socket");
	code = nl_connect(opened, protocol);
	if (code < 0)
		return error_set(error, code_of(code), "cannot open a netlink socket: %s",
				 nl_geterror(code));
	(void)nl_socket_set_msg_buf_size(opened, ANSWER_SIZE);
	/* It counts an answer to each request; of a batch only the last is sure to have one. */
	nl_socket_disable_seq_check(opened);
	/* The first is there from Linux 4.3 on. The second, from 4.12 on, adds the kernel's
	 * explanations; without it errors are shorter. */
	if (setsockopt(nl_socket_get_fd(opened), SOL_NETLINK, NETLINK_CAP_ACK, &yes, sizeof(yes)) <
	    0)
		return error_system(error, errno, "cannot set NETLINK_CAP_ACK");
	(void)setsockopt(nl_socket_get_fd(opened), SOL_NETLINK, NETLINK_EXT_ACK, &yes, sizeof(yes));
	*socket = TAKE_POINTER(opened);
	return 0;
}

/* The ioctls of netdevice(7) act in the network namespace of the socket they are asked of, of
 * whatever family that is. */
int net_link_index(struct nl_sock *socket, const char *name, unsigned *index, struct error *error)
{
	struct ifreq request = {0};

	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	*index = 0;
	if (ioctl(nl_socket_get_fd(socket), SIOCGIFINDEX, &request) == 0)
		*index = (unsigned)request.ifr_ifindex;
	else if (errno != ENODEV)
		return error_system(error, errno, "%s: cannot look for the link", name);
	return 0;
}

int net_link_is_there(struct nl_sock *socket, unsigned index, bool *there, struct error *error)
{
	struct ifreq request = {.ifr_ifindex = (int)index};

	*there = ioctl(nl_socket_get_fd(socket), SIOCGIFNAME, &request) == 0;
	if (!*there && errno != ENODEV)
		return error_system(error, errno, "cannot look for link %u", index);
	return 0;
}

int net_link_need(struct nl_sock *socket, const char *name, unsigned *index, struct error *error)
{
	int result = net_link_index(socket, name, index, error);

	if (result == 0 && *index == 0)
		result = error_set(error, ENODEV, "%s: there is no such link", name);
	return result;
}

static void put_end(struct net_batch *batch, const struct net_end *end, unsigned mtu)
{
	net_put_string(batch, IFLA_IFNAME, end->name);
	net_put_u32(batch, IFLA_MTU, mtu);
	net_put_u32(batch, IFLA_NUM_TX_QUEUES, 1); /* the default is one for each processor */
	net_put_u32(batch, IFLA_NUM_RX_QUEUES, 1);
	if (end->mac)
		net_put(batch, IFLA_ADDRESS, end->mac, NET_MAC_SIZE);
	if (end->ns >= 0)
		net_put(batch, IFLA_NET_NS_FD, &end->ns, sizeof(end->ns));
}

int net_veth_create(struct nl_sock *socket, const struct net_end *end, const struct net_end *peer,
		    unsigned mtu, struct error *error)
{
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(socket, end->name);
	const struct ifinfomsg header = {0};
	struct nlattr *info, *data, *other;

	net_batch_add(&batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header),
		      "make the wire to %s", peer->name);
	put_end(&batch, end, mtu);
	info = net_nest_begin(&batch, IFLA_LINKINFO);
	net_put_string(&batch, IFLA_INFO_KIND, "veth");
	data = net_nest_begin(&batch, IFLA_INFO_DATA);
	other = net_nest_begin(&batch, VETH_INFO_PEER);
	net_put_raw(&batch, &header, sizeof(header));
	put_end(&batch, peer, mtu);
	net_nest_end(&batch, other);
	net_nest_end(&batch, data);
	net_nest_end(&batch, info);
	return net_batch_send(&batch, error);
}

/* A bridge as a segment's middle: of its own it says nothing, see net_message_quiet(). */
int net_bridge_create(struct nl_sock *socket, const char *name, unsigned mtu, struct error *error)
{
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(socket, name);
	const struct ifinfomsg header = {0};
	const uint8_t no_snooping = 0;
	struct nlattr *info, *data;

	net_batch_add(&batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header),
		      "make the bridge");
	net_put_string(&batch, IFLA_IFNAME, name);
	net_put_u32(&batch, IFLA_MTU, mtu);
	info = net_nest_begin(&batch, IFLA_LINKINFO);
	net_put_string(&batch, IFLA_INFO_KIND, "bridge");
	data = net_nest_begin(&batch, IFLA_INFO_DATA);
	net_put_u32(&batch, IFLA_BR_STP_STATE, 0);
	net_put(&batch, IFLA_BR_MCAST_SNOOPING, &no_snooping, sizeof(no_snooping));
	net_nest_end(&batch, data);
	net_nest_end(&batch, info);
	net_message_quiet(&batch, name);
	net_message_up(&batch, name);
	return net_batch_send(&batch, error);
}

int net_link_silence(struct nl_sock *socket, const char *name, struct error *error)
{
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(socket, name);

	net_message_quiet(&batch, name);
	return net_batch_send(&batch, error);
}

/* Bridges keep to themselves what goes to the sixteen groups 01:80:c2:00:00:0x (IEEE
 * 802.1Q, 8.6.3), by which spanning tree, LACP and LLDP speak. A port may be told to hand on all
 * but 01, PAUSE (br_handle_frame()). */
static void put_port(struct net_batch *batch, const char *name)
{
	const struct ifinfomsg header = {0};
	const uint16_t groups = 0xfffd;
	struct nlattr *info, *data;

	net_batch_add(batch, RTM_NEWLINK, 0, &header, sizeof(header),
		      "hand on what goes to bridges' groups");
	net_put_string(batch, IFLA_IFNAME, name);
	info = net_nest_begin(batch, IFLA_LINKINFO);
	net_put_string(batch, IFLA_INFO_SLAVE_KIND, "bridge");
	data = net_nest_begin(batch, IFLA_INFO_SLAVE_DATA);
	net_put(batch, IFLA_BRPORT_GROUP_FWD_MASK, &groups, sizeof(groups));
	net_nest_end(batch, data);
	net_nest_end(batch, info);
}

int net_link_join(struct nl_sock *socket, const char *name, const char *bridge, struct error *error)
{
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(socket, name);
	const struct ifinfomsg header = {0};
	unsigned index;
	int result = net_link_need(socket, bridge, &index, error);

	if (result < 0)
		return result;
	net_batch_add(&batch, RTM_SETLINK, 0, &header, sizeof(header), "join the bridge %s",
		      bridge);
	net_put_string(&batch, IFLA_IFNAME, name);
	net_put_u32(&batch, IFLA_MASTER, index);
	put_port(&batch, name);
	return net_batch_send(&batch, error);
}

/* Asks for the other end of the wire LINK, whose carrier came with this one's. Where that end is
 * not ours to ask for, as the computer's is not a client's, its owner settles it. */
static void ask_other_end(struct nl_sock *socket, const char *name, struct rtnl_link *link)
{
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(socket, name);
	const struct ifinfomsg header = {.ifi_index = rtnl_link_get_link(link)};
	struct error ignored;
	int32_t ns;

	if (header.ifi_index <= 0)
		return;
	net_batch_add(&batch, RTM_GETLINK, 0, &header, sizeof(header), "ask for the other end");
	if (rtnl_link_get_link_netnsid(link, &ns) == 0)
		net_put(&batch, IFLA_TARGET_NETNSID, &ns, sizeof(ns));
	(void)net_batch_send(&batch, &ignored);
}

int net_link_up(struct nl_sock *socket, const char *name, struct error *error)
{
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(socket, name);
	CLEANUP_NET_LINK struct rtnl_link *link = NULL;
	int result;

	net_message_up(&batch, name);
	result = net_batch_send(&batch, error);
	if (result == 0)
		result = net_link_read(socket, 0, name, &link, error); /* net_message_ask() */
	if (result == 0)
		ask_other_end(socket, name, link);
	return result;
}

/* What a link says of its carrier. */
struct carrier {
	uint8_t there;
	uint8_t state; /* IF_OPER_...: UP when the kernel has carried out the event */
};

static void note_carrier(void *context, struct nlmsghdr *answer)
{
	struct carrier *carrier = context;
	struct nlattr *there = nlmsg_find_attr(answer, sizeof(struct ifinfomsg), IFLA_CARRIER);
	struct nlattr *state = nlmsg_find_attr(answer, sizeof(struct ifinfomsg), IFLA_OPERSTATE);

	if (there && state)
		*carrier = (struct carrier){nla_get_u8(there), nla_get_u8(state)};
}

int net_link_settle(struct nl_sock *socket, const char *name, struct error *error)
{
	struct carrier carrier = {.there = 0};
	int64_t deadline = monotonic_ms() + SETTLE_MS;
	int result;

	do {
		CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(socket, name);

		batch.answer = note_carrier;
		batch.context = &carrier;
		net_message_ask(&batch, name);
		result = net_batch_send(&batch, error);
	} while (result == 0 && carrier.there && carrier.state != IF_OPER_UP &&
		 monotonic_ms() < deadline && poll(NULL, 0, 1) == 0);
	return result;
}

static bool is_veth_with(struct rtnl_link *link, const uint8_t mac[NET_MAC_SIZE])
{
	const char *kind = rtnl_link_get_type(link);
	struct nl_addr *address = rtnl_link_get_addr(link);

	return kind && strcmp(kind, "veth") == 0 && address &&
	       nl_addr_get_len(address) == NET_MAC_SIZE &&
	       memcmp(nl_addr_get_binary_addr(address), mac, NET_MAC_SIZE) == 0;
}

int net_link_delete(struct nl_sock *socket, unsigned index, const uint8_t mac[NET_MAC_SIZE],
		    struct error *error)
{
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(socket, "rtnetlink");
	CLEANUP_NET_LINK struct rtnl_link *link = NULL;
	const struct ifinfomsg header = {.ifi_index = (int)index};
	int result = net_link_read(socket, (int)index, NULL, &link, error);

	if (result == -ENODEV)
		return 0;
	if (result < 0)
		return result;
	if (!is_veth_with(link, mac))
		return 0;
	net_batch_add(&batch, RTM_DELLINK, 0, &header, sizeof(header), "remove link %u", index);
	net_batch_forgive(&batch, ENODEV); /* its peer went meanwhile */
	return net_batch_send(&batch, error);
}

/* No IPv6 detection of duplicates: it takes a second, and a stage has none. */
int net_address_add(struct nl_sock *socket, const char *name, const struct net_address *address,
		    struct error *error)
{
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(socket, name);
	CLEANUP_NET struct nl_sock *watch = NULL;
	const bool ipv6 = address->family == AF_INET6;
	unsigned index;
	int result = net_link_need(socket, name, &index, error);

	if (result == 0 && ipv6)
		result = net_watch_open(&watch, error);
	if (result < 0)
		return result;
	net_message_address(&batch, index, address, RT_SCOPE_UNIVERSE, ipv6 ? IFA_F_NODAD : 0);
	result = net_batch_send(&batch, error);
	if (result < 0 || !ipv6)
		return result;
	if (net_watch_address(watch, index, address, error) < 0)
		return error_prefix(error, "%s", name);
	return net_link_settle(socket, name, error); /* net_watch.h says why */
}
