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
 * That takes bpf(2) and with it CAP_BPF in the initial user namespace. Where that is refused,
 * nftables marks the frames likewise (net_mark.c), which takes CAP_NET_ADMIN over the network
 * namespace only. That is for a namespace of the stage's own: a computer's rules are its owner's.
 * In the computer's, and where the kernel has no nftables, a classic filter drops everything.
 *
 * A leg is made in two steps, with a while between, because of what the kernel waits for with the
 * lock of all links in its hand, 0.1 to 0.3 ms each time, on a grace period of RCU. A filter waits
 * until nobody can be in what stood there before (mini_qdisc_pair_swap()); a while after the
 * queueing discipline was made nobody can. And that a link has no carrier, which its birth told, is
 * looked at late; if the link is up by then and has still none, it is shut down once more
 * (linkwatch_do_dev(), dev_deactivate_many()). Who asks for the link, from Linux 6.8 on, has that
 * looked at before.
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
 *
 * An IPv6 address is shown by another way: net_tentative.c. Without one that is assigned, without
 * those that the kernel makes up, and in no group but that of all nodes, IPv6 has nothing to say.
 * With the first carrier the kernel enters a route of multicasts, which net_leg_settle() deletes:
 * when a leg is raised it may have no carrier yet.
 */
#include "net_mark.h"
#include "net_message.h"
#include "net_tentative.h"

#include "sysctl.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/ip.h> /* IPV4_DEVCONF_... */
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
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
	static const char license[] = "MIT";
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_SCHED_CLS,
		.insns = (uintptr_t)program,
		.insn_cnt = ARRAY_SIZE(program),
		.license = (uintptr_t)license,
		.prog_name = "pyroute_leg",
	};
	int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load)); /* close-on-exec */

	return fd < 0 ? error_system(error, errno, "cannot load the filter of a leg") : fd;
}

/* Puts the filter on what arrives at the link INDEX: the program MARKER, or a drop where it is
 * negative. */
static void put_filter(struct net_batch *batch, unsigned index, int marker)
{
	struct nlattr *options;

	net_message_filter(batch, index);
	options = net_nest_begin(batch, TCA_OPTIONS);
	if (marker >= 0) {
		net_put(batch, TCA_BPF_FD, &marker, sizeof(marker));
		net_put_string(batch, TCA_BPF_NAME, "pyroute_leg");
	} else {
		net_message_classic(batch, TC_ACT_SHOT);
	}
	net_put_u32(batch, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT); /* its value is the verdict */
	net_nest_end(batch, options);
}

int net_leg_kit_open(struct nl_sock *socket, struct net_leg_kit *kit, struct error *error)
{
	CLEANUP_NET_LEG_KIT struct net_leg_kit opened = NET_LEG_KIT_NONE;

	if (kit->open)
		return 0;
	opened = (struct net_leg_kit){.open = true, .marker = net_leg_load_marker(error)};
	if (opened.marker < 0 && opened.marker != -EPERM && opened.marker != -ENOSYS)
		return opened.marker;
	if (net_offloads_find(socket, &opened.offloads, error) < 0)
		return -error->code;
	*kit = opened;
	opened.marker = -1;
	return 0;
}

void net_leg_kit_close(struct net_leg_kit *kit)
{
	close_fd(&kit->marker);
	kit->open = false;
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

/* Adds (RTM_NEWROUTE) or deletes (RTM_DELROUTE) what the table "local" says of PREFIX; INDEX is 0
 * where that names no link. */
static void put_local(struct net_batch *batch, int request, unsigned char type,
		      const struct net_address *prefix, unsigned index)
{
	const bool adds = request == RTM_NEWROUTE;
	const struct rtmsg header = {
		.rtm_family = (unsigned char)prefix->family,
		.rtm_dst_len = prefix->length,
		.rtm_table = RT_TABLE_LOCAL,
		.rtm_protocol = adds ? RTPROT_STATIC : RTPROT_UNSPEC,
		.rtm_scope = adds ? RT_SCOPE_UNIVERSE : RT_SCOPE_NOWHERE, /* here: any */
		.rtm_type = type,
	};

	/* Appended: what the host itself has for this address stays first. */
	net_batch_add(batch, request, adds ? NLM_F_CREATE | NLM_F_APPEND : 0, &header,
		      sizeof(header), "keep the routing table \"local\" as it was");
	net_put(batch, RTA_DST, prefix->bytes, net_address_size(prefix->family));
	if (index)
		net_put_u32(batch, RTA_OIF, index);
}

/* The prefix that holds ADDRESS alone. */
static struct net_address alone(const struct net_address *address)
{
	struct net_address prefix = *address;

	prefix.length = (uint8_t)(net_address_size(address->family) * 8);
	return prefix;
}

/* Shows the IPv4 ADDRESS on the link INDEX, which is up, and leaves the routing tables as they
 * are. */
static void put_address(struct net_batch *batch, unsigned index, const struct net_address *address)
{
	const struct net_address host = alone(address);

	put_local(batch, RTM_NEWROUTE, RTN_THROW, &host, 0);
	net_message_address(batch, index, address, RT_SCOPE_LINK, IFA_F_NOPREFIXROUTE);
	put_local(batch, RTM_DELROUTE, RTN_LOCAL, &host, index);
	put_local(batch, RTM_DELROUTE, RTN_THROW, &host, 0);
}

/* To be written in this order and before all else. A link that is born a router is in the group of
 * all routers, which it leaves only while it is fit for multicast: net_message_up_mute() ends that.
 * Version 2 of MLD reports the groups that were left when the link comes up, version 1 those alone
 * that it had reported before (RFC 2710). */
static const struct sysctl_setting ipv6_settings[] = {
	{"force_mld_version", "1"},    {"forwarding", "0"},   {"accept_ra", "0"},
	{"router_solicitations", "0"}, {"ndisc_notify", "0"}, {"disable_ipv6", "1"},
};

/* A link has no IPv6 below an MTU of 1280 bytes, and in a kernel without it. Its IPv4 must be seen
 * here then: we might be in another network namespace. */
static int settle_none(const char *name, bool wanted, struct error *error)
{
	CLEANUP_FD int ipv4 = sysctl_open_link("ipv4", name, error);

	if (ipv4 >= 0 && wanted)
		return error_system(error, EAFNOSUPPORT, "%s: the kernel has no IPv6 here", name);
	return ipv4 < 0 ? ipv4 : 0;
}

/* No netlink request says these, only the files do. */
static int settle_ipv6(const char *name, bool wanted, struct error *error)
{
	CLEANUP_FD int settings = sysctl_open_link("ipv6", name, error);

	if (settings == -ENOENT)
		return settle_none(name, wanted, error);
	if (settings < 0)
		return settings;
	if (sysctl_write_all(settings, ipv6_settings, ARRAY_SIZE(ipv6_settings), error) < 0)
		return error_prefix(error, "/proc/sys/net/ipv6/conf/%s", name);
	return 0;
}

/* Keeps what arrives at the link NAME from the kernel's protocols, in the best way that is allowed:
 * by nftables here and now, else by what it puts into BATCH. Returns 0, NET_LEG_ALL_ONLY or
 * -errno. */
static int turn_away(struct net_batch *batch, int marker, const char *name, unsigned index,
		     bool own_ns, struct error *error)
{
	int result = marker < 0 && own_ns ? net_mark_arrivals(name, error) : -EOPNOTSUPP;

	if (result != -EOPNOTSUPP)
		return result;
	if (marker < 0)
		net_message_ingress(batch, index);
	put_filter(batch, index, marker);
	return marker < 0 ? NET_LEG_ALL_ONLY : 0;
}

/* Keeps the kernel from hearing and from speaking on the link NAME, which is down. What fails here
 * keeps it down. */
static int silence(struct nl_sock *socket, const struct net_leg_kit *kit, const char *name,
		   unsigned index, const struct net_address *ipv6, bool own_ns, struct error *error)
{
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(socket, name);
	int way = turn_away(&batch, kit->marker, name, index, own_ns, error);

	if (way < 0)
		return way;
	net_message_no_address(&batch, name);
	if (net_batch_send(&batch, error) < 0)
		return -error->code;
	if (ipv6 && net_tentative_add(socket, name, index, ipv6, error) < 0)
		return error_prefix(error, "%s", name);
	return way;
}

static int raise_silent(struct nl_sock *socket, const char *name, unsigned index,
			const struct net_address *ipv4, const struct net_address *ipv6,
			struct error *error)
{
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(socket, name);

	net_message_up_mute(&batch, name);
	if (ipv4)
		put_address(&batch, index, ipv4);
	if (ipv6)
		net_tentative_put_last(&batch, index, ipv6);
	return net_batch_send(&batch, error);
}

int net_leg_prepare(struct nl_sock *socket, const struct net_leg_kit *kit, const char *name,
		    bool ipv6, struct error *error)
{
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(socket, name);
	unsigned index;

	if (net_link_need(socket, name, &index, error) < 0 || settle_ipv6(name, ipv6, error) < 0)
		return -error->code;
	if (kit->marker >= 0)
		net_message_ingress(&batch, index);
	put_ipv4_settings(&batch, index);
	net_message_ask(&batch, name); /* has its lack of a carrier looked at while it is down */
	return net_batch_send(&batch, error);
}

int net_leg_raise(struct nl_sock *socket, const struct net_leg_kit *kit, const char *name,
		  const struct net_address *ipv4, const struct net_address *ipv6, bool own_ns,
		  struct error *error)
{
	unsigned index;
	int way;

	if (net_link_need(socket, name, &index, error) < 0)
		return -error->code;
	way = silence(socket, kit, name, index, ipv6, own_ns, error);
	if (way < 0)
		return way;
	return raise_silent(socket, name, index, ipv4, ipv6, error) < 0 ? -error->code : way;
}

int net_leg_settle(struct nl_sock *socket, const char *name, bool ipv6, struct error *error)
{
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(socket, name);
	const struct net_address multicasts = {.family = AF_INET6, .bytes = {0xff}, .length = 8};
	unsigned index;
	int result = net_link_settle(socket, name, error);

	if (result < 0 || !ipv6)
		return result;
	if (net_link_need(socket, name, &index, error) < 0)
		return -error->code;
	put_local(&batch, RTM_DELROUTE, RTN_MULTICAST, &multicasts, index);
	net_batch_forgive(&batch, ESRCH); /* the carrier did not come yet */
	return net_batch_send(&batch, error);
}
