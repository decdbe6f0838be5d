/* A silent leg.
 *
 * What arrives on a link goes, in this order, to packet sockets bound to ETH_P_ALL, to the ingress
 * filter of tc(8), to packet sockets bound to one protocol, and to the kernel's own protocols
 * (__netif_receive_skb_core()). A filter that drops would therefore starve a router that listens
 * for ETH_P_IP or ETH_P_ARP alone. Ours drops nothing: it marks each frame as meant for another
 * host (PACKET_OTHERHOST), as if it had been overheard. The kernel's protocols all discard such a
 * frame as the first thing they do (ip_rcv(), ipv6_rcv(), arp_rcv(), llc_rcv(), mpls_forward(),
 * pppoe_rcv()); packet sockets get every frame, ETH_P_ALL ones before it was marked.
 *
 * That takes bpf(2) and with it CAP_BPF in the initial user namespace. Where that is refused, a
 * classic filter, which needs CAP_NET_ADMIN over the network namespace only, drops everything.
 *
 * Of itself the kernel would send ARP, IGMP, and IPv6's discovery of neighbours, routers and
 * listeners. ARP and multicast are switched off, IPv6 too, all before the link comes up.
 *
 * The leg shows an address that nothing may route by: 1.1.1.1 is somebody's name server. The kernel
 * enters an address of a link that is up in the table "local". That entry is deleted again in the
 * same send(2), and for the microseconds between a "throw" stands before it, lest a connection of
 * the host's to the real 1.1.1.1 be taken for one to itself and reset. To the kernel the address is
 * not its own then, so it enters no broadcast address either, whose source that would be
 * (fib_valid_prefsrc()). IFA_F_NOPREFIXROUTE keeps the prefix's route away for good, should
 * somebody set the leg down and up. The scope "link" keeps the address from being picked as source
 * address on other links that have none of their own.
 */
#include "net_message.h"

#include "file.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_addr.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/ip.h> /* IPV4_DEVCONF_... */
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet6.h>
#include <sys/syscall.h>

int net_leg_load_marker(struct error *error)
{
	const struct bpf_insn program[] = {
		/* The frame is in r1: r0 = bpf_skb_change_type(r1, PACKET_OTHERHOST) */
		{.code = BPF_ALU64 | BPF_MOV | BPF_K,
		 .dst_reg = BPF_REG_2,
		 .imm = PACKET_OTHERHOST},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_skb_change_type},
		/* if (r0 != 0) r0 = TC_ACT_SHOT; what could not be marked is dropped */
		{.code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_0, .off = 1, .imm = 0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TC_ACT_SHOT},
		/* return r0, which is TC_ACT_OK (0) where the call succeeded */
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_SCHED_CLS,
		.insns = (uintptr_t)program,
		.insn_cnt = ARRAY_SIZE(program),
		.license = (uintptr_t) "MIT",
		.prog_name = "pyroute_leg",
	};
	int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load)); /* close-on-exec */

	return fd < 0 ? error_system(error, errno, "cannot load the filter of a leg") : fd;
}

/* Puts the filter on what arrives at the link INDEX: the program MARKER, or a drop where it is
 * negative. */
static void put_filter(struct net_batch *batch, unsigned index, int marker)
{
	const struct tcmsg clsact = {.tcm_ifindex = (int)index,
				     .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
				     .tcm_parent = TC_H_CLSACT};
	const struct tcmsg ingress = {.tcm_ifindex = (int)index,
				      .tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
				      .tcm_info = TC_H_MAKE(1U << 16, htons(ETH_P_ALL))};
	const struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, TC_ACT_SHOT);
	const uint16_t drop_length = 1;
	struct nlattr *options;

	net_batch_add(batch, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &clsact, sizeof(clsact),
		      "filter what arrives (kernel option NET_SCH_INGRESS)");
	net_put_string(batch, TCA_KIND, "clsact");
	net_batch_add(batch, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &ingress, sizeof(ingress),
		      "filter what arrives (kernel option NET_CLS_BPF)");
	net_put_string(batch, TCA_KIND, "bpf");
	options = net_nest_begin(batch, TCA_OPTIONS);
	if (marker >= 0) {
		net_put(batch, TCA_BPF_FD, &marker, sizeof(marker));
		net_put_string(batch, TCA_BPF_NAME, "pyroute_leg");
	} else {
		net_put(batch, TCA_BPF_OPS_LEN, &drop_length, sizeof(drop_length));
		net_put(batch, TCA_BPF_OPS, &drop, sizeof(drop));
	}
	net_put_u32(batch, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT); /* its value is the verdict */
	net_nest_end(batch, options);
}

/* Second locks, should somebody take the filter away: no forwarding from the leg, and nothing that
 * claims a source address which is not routed to the leg, as none is. */
static void put_ipv4_settings(struct net_batch *batch, unsigned index)
{
	const struct ifinfomsg header = {.ifi_index = (int)index};
	struct nlattr *families, *ipv4, *settings;

	net_batch_add(batch, RTM_SETLINK, 0, &header, sizeof(header), "switch forwarding off");
	families = net_nest_begin(batch, IFLA_AF_SPEC);
	ipv4 = net_nest_begin(batch, AF_INET);
	settings = net_nest_begin(batch, IFLA_INET_CONF);
	net_put_u32(batch, IPV4_DEVCONF_FORWARDING, 0);
	net_put_u32(batch, IPV4_DEVCONF_RP_FILTER, 1);
	net_nest_end(batch, settings);
	net_nest_end(batch, ipv4);
	net_nest_end(batch, families);
}

/* Adds (RTM_NEWROUTE) or deletes (RTM_DELROUTE) what the table "local" says of ADDRESS; INDEX is 0
 * where that names no link. */
static void put_local(struct net_batch *batch, int request, unsigned char type,
		      const struct net_address *address, unsigned index)
{
	const bool adds = request == RTM_NEWROUTE;
	const struct rtmsg header = {
		.rtm_family = AF_INET,
		.rtm_dst_len = 32,
		.rtm_table = RT_TABLE_LOCAL,
		.rtm_protocol = adds ? RTPROT_STATIC : RTPROT_UNSPEC,
		.rtm_scope = adds ? RT_SCOPE_UNIVERSE : RT_SCOPE_NOWHERE, /* here: any */
		.rtm_type = type,
	};

	/* Appended: what the host itself has for this address stays first. */
	net_batch_add(batch, request, adds ? NLM_F_CREATE | NLM_F_APPEND : 0, &header,
		      sizeof(header), "keep the routing table \"local\" as it was");
	net_put(batch, RTA_DST, address->bytes, net_address_size(AF_INET));
	if (index)
		net_put_u32(batch, RTA_OIF, index);
}

/* Shows ADDRESS on the link INDEX, which is up, and leaves the routing tables as they are. */
static void put_address(struct net_batch *batch, unsigned index, const struct net_address *address)
{
	put_local(batch, RTM_NEWROUTE, RTN_THROW, address, 0);
	net_message_address(batch, index, address, RT_SCOPE_LINK, IFA_F_NOPREFIXROUTE);
	put_local(batch, RTM_DELROUTE, RTN_LOCAL, address, index);
	put_local(batch, RTM_DELROUTE, RTN_THROW, address, 0);
}

/* A link has no IPv6 below an MTU of 1280 bytes, and in a kernel without it. */
static bool has_ipv6(struct rtnl_link *link)
{
	uint32_t flags;

	return rtnl_link_inet6_get_flags(link, &flags) == 0;
}

/* No netlink request says this, only the file does. */
static int switch_ipv6_off(const char *name, struct error *error)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%.*s/disable_ipv6", IFNAMSIZ,
		       name);
	return file_write(AT_FDCWD, path, "1", error);
}

int net_leg_raise(struct nl_sock *socket, const char *name, const struct net_address *address,
		  struct error *error)
{
	CLEANUP_NET_BATCH struct net_batch silence = NET_BATCH(socket, name);
	CLEANUP_NET_BATCH struct net_batch raise = NET_BATCH(socket, name);
	CLEANUP_FD int marker = -1;
	CLEANUP_NET_LINK struct rtnl_link *link = NULL;
	unsigned index;
	int result;

	if (address->family != AF_INET)
		return error_system(error, EAFNOSUPPORT, "%s: the address is not IPv4", name);
	marker = net_leg_load_marker(error);
	if (marker < 0 && marker != -EPERM && marker != -ENOSYS)
		return error_prefix(error, "%s", name);
	result = net_link_read(socket, 0, name, &link, error);
	if (result < 0)
		return result;
	index = (unsigned)rtnl_link_get_ifindex(link);

	net_message_quiet(&silence, name);
	put_ipv4_settings(&silence, index);
	put_filter(&silence, index, marker);
	result = net_batch_send(&silence, error);
	if (result == 0 && has_ipv6(link))
		result = switch_ipv6_off(name, error);
	if (result < 0)
		return result;

	net_message_up(&raise, name);
	put_address(&raise, index, address);
	net_message_ask(&raise, name);
	result = net_batch_send(&raise, error);
	if (result < 0)
		return result;
	return marker < 0 ? NET_LEG_ALL_ONLY : 0;
}
