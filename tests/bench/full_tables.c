#include "full.h"

#include <linux/capability.h>

const char *const full_covered[] = {
	"proc/acpi",	      "proc/asound",
	"proc/interrupts",    "proc/kallsyms",
	"proc/kcore",	      "proc/keys",
	"proc/kmsg",	      "proc/kpagecgroup",
	"proc/kpagecount",    "proc/kpageflags",
	"proc/latency_stats", "proc/sched_debug",
	"proc/scsi",	      "proc/sysrq-trigger",
	"proc/timer_list",    "proc/timer_stats",
	"sys/firmware",	      "sys/devices/virtual/powercap",
	"sys/fs/cgroup",      NULL,
};

const char *const full_read_only[] = {
	"proc/bus", "proc/fs", "proc/irq", "proc/sys/net/netfilter/nf_hooks_lwtunnel", NULL,
};

/* Should come first, for the first of them resets others. */
static const struct full_setting ipv4_forwarding[] = {
	{"ip_forward", "0"},
	{"conf/default/forwarding", "0"},
};

static const struct full_setting ipv4_host[] = {
	{"ip_default_ttl", "64"},
	{"icmp_echo_ignore_all", "0"},
	{"icmp_echo_ignore_broadcasts", "1"},
};

/* Of "all" and of "default", which an interface is a copy of when it is made. */
static const struct full_setting ipv4_interface[] = {
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
	{"igmpv2_unsolicited_report_interval", "10000"},
	{"igmpv3_unsolicited_report_interval", "1000"},
	{"arp_evict_nocarrier", "1"},
	{"disable_policy", "0"},
	{"disable_xfrm", "0"},
};

static const struct full_setting ipv6_off[] = {
	{"conf/default/disable_ipv6", "1"},
};

const struct full_group full_settings[] = {
	{"/proc/sys/net/ipv4", ipv4_forwarding, ARRAY_SIZE(ipv4_forwarding)},
	{"/proc/sys/net/ipv4", ipv4_host, ARRAY_SIZE(ipv4_host)},
	{"/proc/sys/net/ipv4/conf/all", ipv4_interface, ARRAY_SIZE(ipv4_interface)},
	{"/proc/sys/net/ipv4/conf/default", ipv4_interface, ARRAY_SIZE(ipv4_interface)},
	{"/proc/sys/net/ipv6", ipv6_off, ARRAY_SIZE(ipv6_off)},
	{NULL, NULL, 0},
};

uint64_t full_capabilities(void)
{
	static const unsigned kept[] = {
		CAP_CHOWN,   CAP_DAC_OVERRIDE, CAP_FOWNER,  CAP_FSETID,		  CAP_KILL,
		CAP_SETGID,  CAP_SETUID,       CAP_SETPCAP, CAP_NET_BIND_SERVICE, CAP_NET_ADMIN,
		CAP_NET_RAW, CAP_SYS_CHROOT,
	};
	uint64_t set = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		set |= UINT64_C(1) << kept[i];
	return set;
}
