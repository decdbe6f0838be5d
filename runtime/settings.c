/* A new network namespace copies the first one's IPv4 settings, and may copy those of IPv6
 * (net.core.devconf_inherit_init_net): on a computer where Docker runs, every client would be born
 * a router. So all that matters is set here, to the kernel's own defaults for a host.
 *
 * There are a hundred of them, and to open the file of one takes the kernel some 4 microseconds and
 * a kilobyte that stays. What a namespace is born with is the same for all clients of a stage: so
 * it is looked at once, in the keeper's own, and a client writes what differs. Whether it forwards,
 * and whether it has IPv6, each client writes in any case. */
#include "settings.h"

#include "sysctl.h"

static const struct sysctl_setting ipv4_host[] = {
	{"ip_default_ttl", "64"},
	{"icmp_echo_ignore_all", "0"},
	{"icmp_echo_ignore_broadcasts", "1"},
};

static const struct sysctl_setting ipv6_host[] = {
	{"bindv6only", "0"},
	{"icmp/echo_ignore_all", "0"},
	{"icmp/echo_ignore_multicast", "0"},
	{"icmp/echo_ignore_anycast", "0"},
};

/* Of "all" and of "default", which an interface is a copy of when it is made. */
static const struct sysctl_setting ipv4_interface[] = {
	{"accept_redirects", "1"},
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
	/* Not of every kernel: Linux 5.16, and with CONFIG_XFRM. */
	{"arp_evict_nocarrier", "1"},
	{"disable_policy", "0"},
	{"disable_xfrm", "0"},
};

/* All addresses are the stage's, so nothing is made up of what routers advertise, and duplicates
 * are not looked for: that takes a second, in which nothing passes. */
static const struct sysctl_setting ipv6_interface[] = {
	{"accept_redirects", "1"},
	{"accept_ra", "0"},
	{"autoconf", "0"},
	{"accept_dad", "0"},
	{"router_solicitations", "0"},
	{"dad_transmits", "0"},
	{"accept_source_route", "0"},
	{"addr_gen_mode", "0"},
	{"use_tempaddr", "0"},
	{"hop_limit", "64"},
	{"ndisc_notify", "0"},
	{"proxy_ndp", "0"},
	{"force_mld_version", "0"},
	{"keep_addr_on_down", "0"},
};

/* A stage without IPv6 has no IPv6 noise: no router solicitations, no multicast reports. lo makes
 * none; it loses its address in net_host_raise(), until somebody sets it down and up. (Switched off
 * by "all", or by its own file, it would cost much: there the kernel only tries to get its lock for
 * links, over and over, and so takes up a processor while others have it.) */
static const struct sysctl_setting ipv6_off[] = {{"conf/default/disable_ipv6", "1"}};
static const struct sysctl_setting ipv6_on[] = {
	{"conf/all/disable_ipv6", "0"},
	{"conf/default/disable_ipv6", "0"},
};

/* The first of each pair comes first, for it resets others. */
static const struct sysctl_setting ipv4_forwarding[2][2] = {
	{{"ip_forward", "0"}, {"conf/default/forwarding", "0"}},
	{{"ip_forward", "1"}, {"conf/default/forwarding", "1"}},
};
static const struct sysctl_setting ipv6_forwarding[2][2] = {
	{{"conf/all/forwarding", "0"}, {"conf/default/forwarding", "0"}},
	{{"conf/all/forwarding", "1"}, {"conf/default/forwarding", "1"}},
};

/* A router takes no advice on where to send (RFC 1812, 5.2.7.2). */
static const struct sysctl_setting no_advice[] = {
	{"conf/all/accept_redirects", "0"},
	{"conf/default/accept_redirects", "0"},
};

/* Those that are looked at once; as many as bits in struct settings_survey. */
static const struct group {
	const char *directory;
	const struct sysctl_setting *table;
	size_t count;
	bool ipv6;
} groups[] = {
	{"sys/net/ipv4", ipv4_host, ARRAY_SIZE(ipv4_host), false},
	{"sys/net/ipv4/conf/all", ipv4_interface, ARRAY_SIZE(ipv4_interface), false},
	{"sys/net/ipv4/conf/default", ipv4_interface, ARRAY_SIZE(ipv4_interface), false},
	{"sys/net/ipv6", ipv6_host, ARRAY_SIZE(ipv6_host), true},
	{"sys/net/ipv6/conf/all", ipv6_interface, ARRAY_SIZE(ipv6_interface), true},
	{"sys/net/ipv6/conf/default", ipv6_interface, ARRAY_SIZE(ipv6_interface), true},
};
_Static_assert(ARRAY_SIZE(groups) <= SETTINGS_GROUPS, "struct settings_survey is too small");
_Static_assert(ARRAY_SIZE(ipv4_interface) <= 64, "and so are its words");

/* ---- looking --------------------------------------------------------------------------------- */

/* What this kernel does not have need not be set. */
static int is_contrary(int directory, const struct sysctl_setting *setting, struct error *error)
{
	char value[32];
	int result = sysctl_read(directory, setting->key, value, sizeof(value), error);

	if (result == -ENOENT)
		return 0;
	return result < 0 ? result : strcmp(value, setting->value) != 0;
}

static int survey_group(int proc, const struct group *group, uint64_t *contrary,
			struct error *error)
{
	CLEANUP_FD int directory = sysctl_open_in(proc, group->directory, error);

	if (directory < 0)
		return directory;
	for (size_t i = 0; i < group->count; i++) {
		int result = is_contrary(directory, &group->table[i], error);

		if (result < 0)
			return result;
		*contrary |= (uint64_t)result << i;
	}
	return 0;
}

int settings_survey(int proc, bool ipv6, struct settings_survey *survey, struct error *error)
{
	*survey = (struct settings_survey){.contrary = {0}};
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if ((ipv6 || !groups[i].ipv6) &&
		    survey_group(proc, &groups[i], &survey->contrary[i], error) < 0)
			return -error->code;
	return 0;
}

/* ---- setting --------------------------------------------------------------------------------- */

static int apply_group(int proc, const struct group *group, uint64_t contrary, struct error *error)
{
	CLEANUP_FD int directory =
		contrary == 0 ? -1 : sysctl_open_in(proc, group->directory, error);

	if (contrary == 0)
		return 0;
	for (size_t i = 0; directory >= 0 && i < group->count; i++)
		if ((contrary >> i & 1) != 0 &&
		    sysctl_write(directory, group->table[i].key, group->table[i].value, error) < 0)
			return -error->code;
	return directory < 0 ? directory : 0;
}

static int forward(int directory, const struct sysctl_setting pair[2], bool forwarding,
		   struct error *error)
{
	int result = sysctl_write_all(directory, pair, 2, error);

	return result < 0 || !forwarding
		       ? result
		       : sysctl_write_all(directory, no_advice, ARRAY_SIZE(no_advice), error);
}

static int switch_ipv6(int proc, bool ipv6, bool forwarding, struct error *error)
{
	CLEANUP_FD int directory = sysctl_open_in(proc, "sys/net/ipv6", error);

	if (directory == -ENOENT && !ipv6) /* a kernel without IPv6 makes no IPv6 noise */
		return 0;
	if (directory < 0)
		return directory;
	if (!ipv6)
		return sysctl_write_all(directory, ipv6_off, ARRAY_SIZE(ipv6_off), error);
	if (sysctl_write_all(directory, ipv6_on, ARRAY_SIZE(ipv6_on), error) < 0)
		return -error->code;
	return forward(directory, ipv6_forwarding[forwarding], forwarding, error);
}

int settings_apply(int proc, const struct settings_survey *survey, bool ipv6, bool forwarding,
		   struct error *error)
{
	CLEANUP_FD int ipv4 = sysctl_open_in(proc, "sys/net/ipv4", error);

	for (size_t i = 0; ipv4 >= 0 && i < ARRAY_SIZE(groups); i++)
		if ((ipv6 || !groups[i].ipv6) &&
		    apply_group(proc, &groups[i], survey->contrary[i], error) < 0)
			return -error->code;
	if (ipv4 < 0 || forward(ipv4, ipv4_forwarding[forwarding], forwarding, error) < 0)
		return -error->code;
	return switch_ipv6(proc, ipv6, forwarding, error);
}

int settings_ipv6_off(const char *name, struct error *error)
{
	CLEANUP_FD int directory = sysctl_open_link("ipv6", name, error);

	if (directory == -ENOENT) /* its MTU is too small for IPv6 */
		return 0;
	return directory < 0 ? directory : sysctl_write(directory, "disable_ipv6", "1", error);
}
