/* A computer with a link net1 to a client, for the tests of legs. */
#ifndef PYROUTE_TEST_COMPUTER_H
#define PYROUTE_TEST_COMPUTER_H

#include "wires.h"

static const uint8_t client_mac[NET_MAC_SIZE] = {0x02, 0x42, 1, 1, 1, 2};
static const uint8_t leg_mac[NET_MAC_SIZE] = {0x02, 0x42, 1, 1, 1, 1};
static const uint8_t uplink_mac[NET_MAC_SIZE] = {0x02, 0x42, 10, 9, 9, 1};

/* The computer: net1 leads to a client, uplink and the default route to an internet. It does all
 * that a machine may: forwards, answers pings to broadcast addresses, announces its addresses. */
struct computer {
	int ns, client_ns, internet_ns;
	struct nl_sock *net, *client, *internet;
	bool own_ns; /* what net_leg_raise() is told */
};

static inline void computer_settings(int ns)
{
	static const char *const on[] = {
		"/proc/sys/net/ipv4/ip_forward",
		"/proc/sys/net/ipv4/conf/all/arp_notify",
		"/proc/sys/net/ipv4/conf/default/arp_notify",
		"/proc/sys/net/ipv6/conf/all/forwarding",
		"/proc/sys/net/ipv6/conf/default/forwarding",
	};

	for (size_t i = 0; i < ARRAY_SIZE(on); i++)
		set(ns, on[i], "1");
	set(ns, "/proc/sys/net/ipv4/icmp_echo_ignore_broadcasts", "0");
	/* Nothing but the filter is to keep a leg silent. */
	set(ns, "/proc/sys/net/ipv4/conf/all/rp_filter", "0");
	set(ns, "/proc/sys/net/ipv4/conf/default/rp_filter", "0");
}

static inline struct computer computer_make(unsigned mtu)
{
	struct computer computer = {.ns = namespace_make(),
				    .client_ns = namespace_make(),
				    .internet_ns = namespace_make()};
	const struct net_end leg = {"net1", -1, leg_mac}, uplink = {"uplink", -1, uplink_mac};
	const struct net_end eth0 = {"eth0", computer.client_ns, client_mac};
	const struct net_end far = {"far", computer.internet_ns, NULL};
	struct net_address gateway = address_of("10.9.9.2", 0);

	computer_settings(computer.ns);
	set(computer.client_ns, "/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	set(computer.internet_ns, "/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	computer.net = net_in(computer.ns);
	computer.client = net_in(computer.client_ns);
	computer.internet = net_in(computer.internet_ns);
	works(net_veth_create(computer.net, &uplink, &far, MTU, &why));
	set(computer.ns, "/proc/sys/net/ipv6/conf/uplink/disable_ipv6", "1");
	works(net_link_up(computer.net, "uplink", &why));
	works(net_link_up(computer.internet, "far", &why));
	works(net_link_settle(computer.net, "uplink", &why));
	add_address(computer.net, "uplink", "10.9.9.1", 24);
	add_address(computer.internet, "far", "10.9.9.2", 24);
	works(route_add(computer.net, "uplink", NULL, &gateway, &why));
	works(net_veth_create(computer.net, &leg, &eth0, mtu, &why));
	works(net_link_up(computer.client, "eth0", &why));
	return computer;
}

static inline void computer_drop(struct computer *computer)
{
	net_socket_close(&computer->net);
	net_socket_close(&computer->client);
	net_socket_close(&computer->internet);
	close_fd(&computer->ns);
	close_fd(&computer->client_ns);
	close_fd(&computer->internet_ns);
}
#define COMPUTER CLEANUP(computer_drop) struct computer

/* Raises net1 as a leg with an IPv4 and an IPv6 address, either of which may be NULL, and settles
 * it. Returns what net_leg_raise() does. */
static inline int raise_leg_with(struct computer *computer, const struct net_address *ipv4,
				 const struct net_address *ipv6)
{
	CLEANUP_FD int here = namespace_open();
	CLEANUP_NET_LEG_KIT struct net_leg_kit kit = NET_LEG_KIT_NONE;
	int result;

	namespace_enter(computer->ns);
	works(net_leg_kit_open(computer->net, &kit, &why));
	result = net_leg_prepare(computer->net, &kit, "net1", ipv6 != NULL, &why);
	if (result == 0)
		result = net_leg_raise(computer->net, &kit, "net1", ipv4, ipv6, computer->own_ns,
				       &why);
	if (result >= 0)
		works(net_leg_settle(computer->net, "net1", ipv6 != NULL, &why));
	namespace_enter(here);
	works(net_link_settle(computer->client, "eth0", &why));
	return result;
}

static inline int raise_leg(struct computer *computer)
{
	const struct net_address address = address_of("1.1.1.1", 24);

	return raise_leg_with(computer, &address, NULL);
}

static inline int raise_dual_stack_leg(struct computer *computer)
{
	const struct net_address ipv4 = address_of("1.1.1.1", 24);
	const struct net_address ipv6 = address_of("2001:db8:1::1", 64);

	return raise_leg_with(computer, &ipv4, &ipv6);
}

/* The positive control: net1 as any link. */
static inline void raise_plain(struct computer *computer)
{
	add_address(computer->net, "net1", "1.1.1.1", 24);
	works(net_link_up(computer->net, "net1", &why));
	works(net_link_settle(computer->client, "eth0", &why));
	add_address_in(computer->ns, "net1", "fe80::1", 64); /* at once, and known */
	add_address_in(computer->ns, "net1", "2001:db8:1::1", 64);
}

#endif
