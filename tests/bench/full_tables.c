#include "full.h"

#include <linux/capability.h>
#include <linux/ip.h>

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

/* To be written first, for the first of them resets some of an interface's. */
const struct full_setting full_ipv4[] = {
	{"ip_forward", "0", 0, false},
	{"ip_default_ttl", "64", 0, false},
	{"icmp_echo_ignore_all", "0", 0, false},
	{"icmp_echo_ignore_broadcasts", "1", 0, false},
	{NULL, NULL, 0, false},
};

/* A kernel without IPv6 makes no IPv6 noise. */
const struct full_setting full_ipv6[] = {
	{"conf/all/disable_ipv6", "1", 0, true},
	{"conf/default/disable_ipv6", "1", 0, true},
	{NULL, NULL, 0, false},
};

const struct full_setting full_interface[] = {
	{"forwarding", "0", IPV4_DEVCONF_FORWARDING, false},
	{"accept_redirects", "1", IPV4_DEVCONF_ACCEPT_REDIRECTS, false},
	{"arp_evict_nocarrier", "1", IPV4_DEVCONF_ARP_EVICT_NOCARRIER, true},
	{"disable_policy", "0", IPV4_DEVCONF_NOPOLICY, true},
	{"disable_xfrm", "0", IPV4_DEVCONF_NOXFRM, true},
	{"rp_filter", "0", IPV4_DEVCONF_RP_FILTER, false},
	{"secure_redirects", "1", IPV4_DEVCONF_SECURE_REDIRECTS, false},
	{"send_redirects", "1", IPV4_DEVCONF_SEND_REDIRECTS, false},
	{"route_localnet", "0", IPV4_DEVCONF_ROUTE_LOCALNET, false},
	{"accept_source_route", "0", IPV4_DEVCONF_ACCEPT_SOURCE_ROUTE, false},
	{"arp_ignore", "0", IPV4_DEVCONF_ARP_IGNORE, false},
	{"arp_announce", "0", IPV4_DEVCONF_ARP_ANNOUNCE, false},
	{"arp_filter", "0", IPV4_DEVCONF_ARPFILTER, false},
	{"proxy_arp", "0", IPV4_DEVCONF_PROXY_ARP, false},
	{"arp_notify", "0", IPV4_DEVCONF_ARP_NOTIFY, false},
	{"arp_accept", "0", IPV4_DEVCONF_ARP_ACCEPT, false},
	{"drop_gratuitous_arp", "0", IPV4_DEVCONF_DROP_GRATUITOUS_ARP, false},
	{"accept_local", "0", IPV4_DEVCONF_ACCEPT_LOCAL, false},
	{"shared_media", "1", IPV4_DEVCONF_SHARED_MEDIA, false},
	{"src_valid_mark", "0", IPV4_DEVCONF_SRC_VMARK, false},
	{"medium_id", "0", IPV4_DEVCONF_MEDIUM_ID, false},
	{"tag", "0", IPV4_DEVCONF_TAG, false},
	{"bootp_relay", "0", IPV4_DEVCONF_BOOTP_RELAY, false},
	{"log_martians", "0", IPV4_DEVCONF_LOG_MARTIANS, false},
	{"bc_forwarding", "0", IPV4_DEVCONF_BC_FORWARDING, false},
	{"proxy_arp_pvlan", "0", IPV4_DEVCONF_PROXY_ARP_PVLAN, false},
	{"force_igmp_version", "0", IPV4_DEVCONF_FORCE_IGMP_VERSION, false},
	{"promote_secondaries", "0", IPV4_DEVCONF_PROMOTE_SECONDARIES, false},
	{"ignore_routes_with_linkdown", "0", IPV4_DEVCONF_IGNORE_ROUTES_WITH_LINKDOWN, false},
	{"drop_unicast_in_l2_multicast", "0", IPV4_DEVCONF_DROP_UNICAST_IN_L2_MULTICAST, false},
	{"igmpv2_unsolicited_report_interval", "10000",
	 IPV4_DEVCONF_IGMPV2_UNSOLICITED_REPORT_INTERVAL, false},
	{"igmpv3_unsolicited_report_interval", "1000",
	 IPV4_DEVCONF_IGMPV3_UNSOLICITED_REPORT_INTERVAL, false},
	{NULL, NULL, 0, false},
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
