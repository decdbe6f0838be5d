/* Theory of operation
 *
 * Of IPv4 a leg shows an address that nothing routes by: its entry in the table "local" is deleted
 * (net_leg.c). In IPv6 that is not enough, for the computer would take the address as source of
 * what it sends to the real one (RFC 6724, rule 1), and late, for the kernel enters it in work of
 * its own, after it has answered, and nothing can stand before it meanwhile.
 *
 * A tentative address is what is wanted: not assigned yet, since it may be somebody's already (RFC
 * 4862, 5.4). The kernel shows it, and neither routes to it nor sends from it. To keep it from ever
 * looking for duplicates, which would end that state, it is led through these
 * (net/ipv6/addrconf.c):
 *
 * 1. The address is added while the link is down. The kernel begins to look for duplicates, in work
 *    of its own, and leaves it since the link is not ready (addrconf_dad_begin()). It would go on
 *    when it is. The first thing that this work does is to join the address's group, which is how
 *    we see that it was done; no notice tells (before Linux 6.13), so we look repeatedly.
 * 2. The link is set up, but "dormant" (RFC 2863), with which IPv6 does not take it for ready, and
 *    down again. With keep_addr_on_down the kernel keeps the address, and would begin anew with it
 *    once the link is up (addrconf_ifdown(), addrconf_permanent_addr()).
 * 3. It does so only for addresses without a lifetime, for others it never kept. So the address is
 *    given one while the link comes up, and loses it afterwards.
 *
 * Who sets the link down and up again has no IPv6 address on it, as on any link. */
#include "net_tentative.h"

#include "net_message.h"
#include "sysctl.h"

#include <linux/if.h> /* IF_LINK_MODE_... */
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <time.h>

#define LOOKS_MAX	 4000
#define LOOK_INTERVAL_NS 500000
#define WHILE_COMING_UP	 3600 /* seconds; any lifetime but "for ever" */

/* Writes KEY of the link NAME's IPv6 settings: no netlink request says these, only the files do. */
static int set(const char *name, const char *key, const char *value, struct error *error)
{
	CLEANUP_FD int settings = sysctl_open_link("ipv6", name, error);

	return settings < 0 ? settings : sysctl_write(settings, key, value, error);
}

/* The line of /proc/net/igmp6 for the group that a solicitation of ADDRESS goes to (RFC 4291,
 * 2.7.1): the link's name and 32 digits. */
static bool is_membership(const char *line, const char *name, const struct net_address *address)
{
	const uint8_t *last = address->bytes + 13;
	char group[33], link[IFNAMSIZ + 1], joined[33];

	(void)snprintf(group, sizeof(group), "ff0200000000000000000001ff%02x%02x%02x", last[0],
		       last[1], last[2]);
	return sscanf(line, "%*u %16s %32s", link, joined) == 2 && strcmp(link, name) == 0 &&
	       strcmp(joined, group) == 0;
}

static int look_for_membership(const char *name, const struct net_address *address, bool *found,
			       struct error *error)
{
	static const char path[] = "/proc/thread-self/net/igmp6";
	CLEANUP_STREAM FILE *groups = fopen(path, "re");
	char line[128];

	*found = false;
	if (groups == NULL)
		return error_system(error, errno, "cannot read %s", path);
	while (!*found && fgets(line, sizeof(line), groups) != NULL)
		*found = is_membership(line, name, address);
	return 0;
}

static int wait_for_membership(const char *name, const struct net_address *address,
			       struct error *error)
{
	const struct timespec interval = {.tv_nsec = LOOK_INTERVAL_NS};
	bool found = false;

	for (int i = 0; i < LOOKS_MAX; i++) {
		if (look_for_membership(name, address, &found, error) < 0)
			return -error->code;
		if (found)
			return 0;
		(void)nanosleep(&interval, NULL);
	}
	return error_set(error, ETIMEDOUT, "the kernel does not begin with the IPv6 address");
}

/* Gives ADDRESS a lifetime of SECONDS, or for ever: UINT32_MAX. */
static void put_lifetime(struct net_batch *batch, unsigned index, const struct net_address *address,
			 uint32_t seconds)
{
	const struct ifaddrmsg header = {
		.ifa_family = AF_INET6, .ifa_prefixlen = address->length, .ifa_index = index};
	const struct ifa_cacheinfo lifetime = {.ifa_prefered = seconds, .ifa_valid = seconds};

	net_batch_add(batch, RTM_NEWADDR, NLM_F_REPLACE, &header, sizeof(header),
		      "keep the IPv6 address unassigned");
	net_put(batch, IFA_LOCAL, address->bytes, net_address_size(AF_INET6));
	net_put_u32(batch, IFA_FLAGS, IFA_F_NOPREFIXROUTE);
	net_put(batch, IFA_CACHEINFO, &lifetime, sizeof(lifetime));
}

/* The state follows the mode only in work of the kernel's own, and that of a link which was just
 * made, "unknown", passes for ready (linkwatch_do_dev(), netif_oper_up()): so it is set as well. */
static void put_mode(struct net_batch *batch, unsigned index, uint8_t mode)
{
	const struct ifinfomsg header = {.ifi_index = (int)index};
	const uint8_t dormant = IF_OPER_DORMANT;

	net_batch_add(batch, RTM_SETLINK, 0, &header, sizeof(header), "set the link's mode");
	net_put(batch, IFLA_LINKMODE, &mode, sizeof(mode));
	if (mode == IF_LINK_MODE_DORMANT)
		net_put(batch, IFLA_OPERSTATE, &dormant, sizeof(dormant));
}

/* Step 2 and half of 3. */
static int go_up_and_down(struct nl_sock *socket, const char *name, unsigned index,
			  const struct net_address *address, struct error *error)
{
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(socket, name);

	put_mode(&batch, index, IF_LINK_MODE_DORMANT);
	net_message_up(&batch, name);
	net_message_down(&batch, name);
	put_lifetime(&batch, index, address, WHILE_COMING_UP);
	put_mode(&batch, index, IF_LINK_MODE_DEFAULT);
	return net_batch_send(&batch, error);
}

int net_tentative_add(struct nl_sock *socket, const char *name, unsigned index,
		      const struct net_address *address, struct error *error)
{
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(socket, name);
	int result = set(name, "keep_addr_on_down", "1", error);

	/* Else the address would be assigned at once. */
	if (result == 0)
		result = set(name, "accept_dad", "1", error);
	if (result == 0)
		result = set(name, "disable_ipv6", "0", error);
	if (result < 0)
		return result;
	net_message_address(&batch, index, address, RT_SCOPE_UNIVERSE, IFA_F_NOPREFIXROUTE);
	result = net_batch_send(&batch, error);
	if (result == 0)
		result = wait_for_membership(name, address, error);
	if (result == 0)
		result = go_up_and_down(socket, name, index, address, error);
	return result == 0 ? set(name, "keep_addr_on_down", "0", error) : result;
}

void net_tentative_put_last(struct net_batch *batch, unsigned index,
			    const struct net_address *address)
{
	put_lifetime(batch, index, address, UINT32_MAX);
}
