#include "net_message.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_addr.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/route/link.h>

#define LOOPBACK_INDEX 1 /* the kernel's own, in every network namespace */

void net_link_release(struct rtnl_link **link)
{
	int saved = errno;

	rtnl_link_put(*link); /* NULL is nothing */
	*link = NULL;
	errno = saved;
}

int net_link_read(struct nl_sock *socket, int index, const char *name, struct rtnl_link **link,
		  struct error *error)
{
	int code = rtnl_link_get_kernel(socket, index, name, link);

	if (code == -NLE_NODEV && name)
		return error_set(error, ENODEV, "%s: there is no such link", name);
	if (code == -NLE_NODEV)
		return error_set(error, ENODEV, "there is no link %d", index);
	if (code < 0)
		return error_set(error, EIO, "cannot ask for link %s (%d): %s", name ? name : "",
				 index, nl_geterror(code));
	return 0;
}

static void set_link(struct net_batch *batch, const char *name, const struct ifinfomsg *header,
		     const char *purpose)
{
	net_batch_add(batch, RTM_SETLINK, 0, header, sizeof(*header), "%s", purpose);
	net_put_string(batch, IFLA_IFNAME, name);
}

static void net_message_mute(struct net_batch *batch, const char *name)
{
	const struct ifinfomsg mute = {.ifi_flags = IFF_NOARP,
				       .ifi_change = IFF_NOARP | IFF_MULTICAST};

	set_link(batch, name, &mute, "switch ARP and multicast off");
}

void net_message_quiet(struct net_batch *batch, const char *name)
{
	net_message_mute(batch, name);
	net_message_no_address(batch, name);
}

void net_message_no_address(struct net_batch *batch, const char *name)
{
	const struct ifinfomsg unchanged = {0};
	const uint8_t none = IN6_ADDR_GEN_MODE_NONE;
	struct nlattr *families, *ipv6;

	set_link(batch, name, &unchanged, "keep IPv6 from making an address up");
	families = net_nest_begin(batch, IFLA_AF_SPEC);
	ipv6 = net_nest_begin(batch, AF_INET6);
	net_put(batch, IFLA_INET6_ADDR_GEN_MODE, &none, sizeof(none));
	net_nest_end(batch, ipv6);
	net_nest_end(batch, families);
	net_batch_forgive(batch, EAFNOSUPPORT); /* no IPv6 here, or an MTU too small for it */
}

void net_message_up(struct net_batch *batch, const char *name)
{
	const struct ifinfomsg up = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};

	set_link(batch, name, &up, "bring the link up");
}

void net_message_up_mute(struct net_batch *batch, const char *name)
{
	const struct ifinfomsg up = {.ifi_flags = IFF_UP | IFF_NOARP,
				     .ifi_change = IFF_UP | IFF_NOARP | IFF_MULTICAST};

	set_link(batch, name, &up, "bring the link up without ARP and multicast");
}

void net_message_down(struct net_batch *batch, const char *name)
{
	const struct ifinfomsg down = {.ifi_change = IFF_UP};

	set_link(batch, name, &down, "set the link down");
}

void net_message_ask(struct net_batch *batch, const char *name)
{
	const struct ifinfomsg header = {0};

	net_batch_add(batch, RTM_GETLINK, 0, &header, sizeof(header), "ask for the link");
	net_put_string(batch, IFLA_IFNAME, name);
	net_put_u32(batch, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS); /* a third of the answer */
}

void net_message_route(struct net_batch *batch, unsigned index, const struct net_address *prefix,
		       const struct net_address *gateway)
{
	const struct rtmsg header = {.rtm_family = (unsigned char)gateway->family,
				     .rtm_dst_len = prefix ? prefix->length : 0,
				     .rtm_table = RT_TABLE_MAIN,
				     .rtm_protocol = RTPROT_STATIC,
				     .rtm_scope = RT_SCOPE_UNIVERSE,
				     .rtm_type = RTN_UNICAST};
	char to[INET6_ADDRSTRLEN] = "", via[INET6_ADDRSTRLEN] = "";

	(void)inet_ntop(gateway->family, gateway->bytes, via, sizeof(via));
	if (prefix)
		(void)inet_ntop(prefix->family, prefix->bytes, to, sizeof(to));
	net_batch_add(batch, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header),
		      "add the %s route%s%s via %s", prefix ? "static" : "default",
		      prefix ? " to " : "", to, via);
	if (prefix && prefix->length > 0)
		net_put(batch, RTA_DST, prefix->bytes, net_address_size(prefix->family));
	net_put(batch, RTA_GATEWAY, gateway->bytes, net_address_size(gateway->family));
	net_put_u32(batch, RTA_OIF, index);
}

void net_message_ingress(struct net_batch *batch, unsigned index)
{
	const struct tcmsg clsact = {.tcm_ifindex = (int)index,
				     .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
				     .tcm_parent = TC_H_CLSACT};

	net_batch_add(batch, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &clsact, sizeof(clsact),
		      "filter what arrives (kernel option NET_SCH_INGRESS)");
	net_put_string(batch, TCA_KIND, "clsact");
}

void net_message_filter(struct net_batch *batch, unsigned index)
{
	const struct tcmsg ingress = {.tcm_ifindex = (int)index,
				      .tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
				      .tcm_info = TC_H_MAKE(1U << 16, htons(ETH_P_ALL))};

	net_batch_add(batch, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &ingress, sizeof(ingress),
		      "filter what arrives (kernel option NET_CLS_BPF)");
	net_put_string(batch, TCA_KIND, "bpf");
}

void net_message_classic(struct net_batch *batch, uint32_t value)
{
	const struct sock_filter answer = BPF_STMT(BPF_RET | BPF_K, value);
	const uint16_t length = 1;

	net_put(batch, TCA_BPF_OPS_LEN, &length, sizeof(length));
	net_put(batch, TCA_BPF_OPS, &answer, sizeof(answer));
}

size_t net_address_size(int family)
{
	return family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
}

/* The last address of the prefix, which ip(8) would call `brd +`. */
static struct in_addr broadcast_of(const struct net_address *address)
{
	struct in_addr broadcast;

	memcpy(&broadcast, address->bytes, sizeof(broadcast));
	broadcast.s_addr |= htonl(UINT32_MAX >> address->length);
	return broadcast;
}

void net_message_address(struct net_batch *batch, unsigned index, const struct net_address *address,
			 unsigned char scope, uint32_t flags)
{
	const struct ifaddrmsg header = {.ifa_family = (unsigned char)address->family,
					 .ifa_prefixlen = address->length,
					 .ifa_scope = scope,
					 .ifa_index = index};
	char text[INET6_ADDRSTRLEN] = "";
	struct in_addr broadcast;

	(void)inet_ntop(address->family, address->bytes, text, sizeof(text));
	net_batch_add(batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header),
		      "add the address %s/%u", text, address->length);
	net_put(batch, IFA_LOCAL, address->bytes, net_address_size(address->family));
	net_put_u32(batch, IFA_FLAGS, flags);
	if (address->family == AF_INET && address->length < 31) { /* RFC 3021: else it has none */
		broadcast = broadcast_of(address);
		net_put(batch, IFA_BROADCAST, &broadcast, sizeof(broadcast));
	}
}

void net_message_no_loopback(struct net_batch *batch)
{
	const struct ifaddrmsg header = {
		.ifa_family = AF_INET6, .ifa_prefixlen = 128, .ifa_index = LOOPBACK_INDEX};

	net_batch_add(batch, RTM_DELADDR, 0, &header, sizeof(header), "take the address ::1 away");
	net_put(batch, IFA_LOCAL, &in6addr_loopback, sizeof(in6addr_loopback));
	net_batch_forgive(batch, EADDRNOTAVAIL); /* IPv6 is off there */
	net_batch_forgive(batch, EOPNOTSUPP);	 /* or not in this kernel */
}
