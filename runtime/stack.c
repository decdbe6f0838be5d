#include "stack.h"

#include "address.h"
#include "net.h"
#include "sysctl.h"
#include "wire.h"

/* A new network namespace copies the first one's IPv4 settings, and may copy those of IPv6
 * (net.core.devconf_inherit_init_net): on a computer where Docker runs, every client would be born
 * a router. So all that matters is set here, to the kernel's own defaults for a host. */
static const struct sysctl_setting ipv4_settings[] = {
	{"ip_default_ttl", "64"},
	{"icmp_echo_ignore_all", "0"},
	{"icmp_echo_ignore_broadcasts", "1"},
};

static const struct sysctl_setting ipv6_settings[] = {
	{"bindv6only", "0"},
	{"icmp/echo_ignore_all", "0"},
	{"icmp/echo_ignore_multicast", "0"},
	{"icmp/echo_ignore_anycast", "0"},
};

/* Of "all", of "default" and of each interface: these are there already, and do not follow. (In
 * IPv4 they do, unless somebody had set "default" before they were made.) */
static const struct sysctl_setting ipv4_interface[] = {
	{"rp_filter", "0"},
	{"secure_redirects", "1"},
	{"send_redirects", "1"},
	{"route_localnet", "0"},
	{"accept_source_route", "0"},
	{"arp_ignore", "0"},
	{"arp_announce", "0"},
	{"arp_filter", "0"},
	{"proxy_arp", "0"},
	{"arp_notify", "0"},
	{"arp_accept", "0"},
	{"drop_gratuitous_arp", "0"},
	{"accept_local", "0"},
	{"shared_media", "1"},
	{"src_valid_mark", "0"},
	{"medium_id", "0"},
	{"tag", "0"},
	{"bootp_relay", "0"},
	{"log_martians", "0"},
	{"bc_forwarding", "0"},
	{"proxy_arp_pvlan", "0"},
	{"force_igmp_version", "0"},
	{"promote_secondaries", "0"},
	{"ignore_routes_with_linkdown", "0"},
	{"drop_unicast_in_l2_multicast", "0"},
	{"igmpv2_unsolicited_report_interval", "10000"}, /* milliseconds */
	{"igmpv3_unsolicited_report_interval", "1000"},
};

/* Not of every kernel: Linux 5.16, and with CONFIG_XFRM. */
static const struct sysctl_setting ipv4_interface_if_there[] = {
	{"arp_evict_nocarrier", "1"},
	{"disable_policy", "0"},
	{"disable_xfrm", "0"},
};

/* All addresses are the stage's, so nothing is made up of what routers advertise, and duplicates
 * are not looked for: that takes a second, in which nothing passes. */
static const struct sysctl_setting ipv6_interface[] = {
	{"accept_ra", "0"},	    {"autoconf", "0"},	    {"router_solicitations", "0"},
	{"accept_dad", "0"},	    {"dad_transmits", "0"}, {"accept_source_route", "0"},
	{"addr_gen_mode", "0"},	    {"use_tempaddr", "0"},  {"hop_limit", "64"},
	{"ndisc_notify", "0"},	    {"proxy_ndp", "0"},	    {"force_mld_version", "0"},
	{"keep_addr_on_down", "0"},
};

/* A stage without IPv6 has no IPv6 noise: no router solicitations, no multicast reports. */
static const struct sysctl_setting ipv6_switches[2][2] = {
	{{"conf/all/disable_ipv6", "1"}, {"conf/default/disable_ipv6", "1"}},
	{{"conf/all/disable_ipv6", "0"}, {"conf/default/disable_ipv6", "0"}},
};

/* The settings in FAMILY of one interface, or of "all" or "default". */
static int open_interface(enum family family, const char *name, struct error *error)
{
	return sysctl_open_link(family == FAMILY_IPV4 ? "ipv4" : "ipv6", name, error);
}

static int write_if_there(int fd, const struct sysctl_setting *setting, struct error *error)
{
	int result = sysctl_write(fd, setting->key, setting->value, error);

	return result == -ENOENT ? 0 : result;
}

static int settle_ipv4_interface(int fd, struct error *error)
{
	for (size_t i = 0; i < ARRAY_SIZE(ipv4_interface_if_there); i++)
		if (write_if_there(fd, &ipv4_interface_if_there[i], error) < 0)
			return -error->code;
	return sysctl_write_all(fd, ipv4_interface, ARRAY_SIZE(ipv4_interface), error);
}

/* A router takes no advice on where to send (RFC 1812, 5.2.7.2). */
static int settle_interface(enum family family, const char *name, bool forwarding,
			    struct error *error)
{
	CLEANUP_FD int fd = open_interface(family, name, error);

	if (fd < 0 || sysctl_write(fd, "forwarding", forwarding ? "1" : "0", error) < 0 ||
	    sysctl_write(fd, "accept_redirects", forwarding ? "0" : "1", error) < 0)
		return -error->code;
	return family == FAMILY_IPV4
		       ? settle_ipv4_interface(fd, error)
		       : sysctl_write_all(fd, ipv6_interface, ARRAY_SIZE(ipv6_interface), error);
}

static int settle_defaults(enum family family, bool forwarding, struct error *error)
{
	int result = settle_interface(family, "all", forwarding, error);

	return result < 0 ? result : settle_interface(family, "default", forwarding, error);
}

static int settle_ipv4(bool forwarding, struct error *error)
{
	CLEANUP_FD int ipv4 = sysctl_open("/proc/sys/net/ipv4", error);

	/* First, for it resets others. */
	if (ipv4 < 0 || sysctl_write(ipv4, "ip_forward", forwarding ? "1" : "0", error) < 0 ||
	    sysctl_write_all(ipv4, ipv4_settings, ARRAY_SIZE(ipv4_settings), error) < 0)
		return -error->code;
	return settle_defaults(FAMILY_IPV4, forwarding, error);
}

static int settle_ipv6(bool wanted, bool forwarding, struct error *error)
{
	CLEANUP_FD int ipv6 = sysctl_open("/proc/sys/net/ipv6", error);

	if (ipv6 == -ENOENT && !wanted) /* a kernel without IPv6 makes no IPv6 noise */
		return 0;
	if (ipv6 < 0 ||
	    sysctl_write_all(ipv6, ipv6_switches[wanted], ARRAY_SIZE(ipv6_switches[0]), error) < 0)
		return -error->code;
	if (!wanted)
		return 0;
	if (sysctl_write_all(ipv6, ipv6_settings, ARRAY_SIZE(ipv6_settings), error) < 0)
		return -error->code;
	return settle_defaults(FAMILY_IPV6, forwarding, error);
}

/* In a stage with IPv6, an interface that has no address of it. */
static int switch_ipv6_off(const char *name, struct error *error)
{
	CLEANUP_FD int fd = open_interface(FAMILY_IPV6, name, error);

	if (fd == -ENOENT) /* its MTU is too small for IPv6 */
		return 0;
	return fd < 0 ? fd : sysctl_write(fd, "disable_ipv6", "1", error);
}

static int settle_both(size_t index, const struct stage_interface *interface, bool ipv6,
		       bool forwarding, struct error *error)
{
	char name[IFNAMSIZ];

	wire_interface_name(index, name);
	if (settle_interface(FAMILY_IPV4, name, forwarding, error) < 0)
		return -error->code;
	if (!ipv6)
		return 0;
	return interface->address[FAMILY_IPV6].line != 0
		       ? settle_interface(FAMILY_IPV6, name, forwarding, error)
		       : switch_ipv6_off(name, error);
}

static int settle(const struct stage *stage, const struct stage_client *client, struct error *error)
{
	const bool ipv6 = stage_has(stage, FAMILY_IPV6);
	int result = settle_ipv4(client->forwarding, error);

	if (result == 0)
		result = settle_ipv6(ipv6, client->forwarding, error);
	for (size_t i = 0; result == 0 && i < client->interface_count; i++)
		result = settle_both(i, &client->interfaces[i], ipv6, client->forwarding, error);
	return result;
}

static int raise_interface(struct nl_sock *socket, size_t index,
			   const struct stage_interface *interface, struct error *error)
{
	char name[IFNAMSIZ];
	int result;

	wire_interface_name(index, name);
	result = net_link_offloads_off(socket, name, error);
	for (enum family family = 0; result == 0 && family < FAMILIES; family++) {
		struct net_address address = wire_address(&interface->address[family], family);

		if (interface->address[family].line != 0)
			result = net_address_add(socket, name, &address, error);
	}
	if (result == 0)
		result = net_link_up(socket, name, error);
	return result < 0 ? error_prefix(error, "%s", name) : 0;
}

int stack_find_way(const struct stage *stage, const struct stage_client *client, enum family family,
		   const struct stage_address *via, char name[IFNAMSIZ], struct error *error)
{
	char text[ADDRESS_TEXT_SIZE];

	for (size_t i = 0; i < client->interface_count; i++) {
		const struct stage_interface *interface = &client->interfaces[i];
		const struct stage_address *subnet =
			&stage->nets[interface->net - 1].subnet[family];

		if (interface->address[family].line == 0 ||
		    !address_share(subnet, via, subnet->length))
			continue;
		wire_interface_name(i, name);
		return 0;
	}
	return error_set(error, EHOSTUNREACH, "no interface reaches %s",
			 address_format(family, via, text));
}

static int add_gateways(struct nl_sock *socket, const struct stage *stage,
			const struct stage_client *client, struct error *error)
{
	for (enum family family = 0; family < FAMILIES; family++) {
		const struct stage_address *gateway = &client->gateway[family];
		struct net_address via = wire_address(gateway, family);
		char name[IFNAMSIZ];

		if (gateway->line == 0)
			continue;
		if (stack_find_way(stage, client, family, gateway, name, error) < 0 ||
		    net_route_default(socket, name, &via, error) < 0)
			return -error->code;
	}
	return 0;
}

static int add_routes(struct nl_sock *socket, const struct stage *stage,
		      const struct stage_client *client, struct error *error)
{
	for (size_t i = 0; i < client->route_count; i++) {
		const struct stage_route *route = &client->routes[i];
		struct net_address prefix = wire_address(&route->prefix, route->family);
		struct net_address via = wire_address(&route->via, route->family);
		char name[IFNAMSIZ];

		if (stack_find_way(stage, client, route->family, &route->via, name, error) < 0 ||
		    net_route_add(socket, name, &prefix, &via, error) < 0)
			return -error->code;
	}
	return 0;
}

int stack_raise(const struct stage *stage, const struct stage_client *client, struct error *error)
{
	CLEANUP_NET struct nl_sock *socket = NULL;
	int result = settle(stage, client, error);

	if (result == 0)
		result = net_socket_open(&socket, error);
	if (result == 0)
		result = net_link_up(socket, "lo", error);
	for (size_t i = 0; result == 0 && i < client->interface_count; i++)
		result = raise_interface(socket, i, &client->interfaces[i], error);
	if (result == 0)
		result = add_gateways(socket, stage, client, error);
	if (result == 0)
		result = add_routes(socket, stage, client, error);
	return result;
}
