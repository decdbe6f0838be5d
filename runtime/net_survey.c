#include "net_survey.h"

#include "net_dump.h"
#include "net_message.h"

#include <arpa/inet.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

static bool is_family(int family)
{
	return family == AF_INET || family == AF_INET6;
}

/* The attribute of MESSAGE, whose own header is of SIZE bytes; NULL: it is not there, or shorter
 * than LEAST. */
static struct nlattr *find(struct nlmsghdr *message, size_t size, int attribute, size_t least)
{
	struct nlattr *found = nlmsg_find_attr(message, (int)size, attribute);

	return found && (size_t)nla_len(found) >= least ? found : NULL;
}

static uint32_t find_u32(struct nlmsghdr *message, size_t size, int attribute, uint32_t absent)
{
	struct nlattr *found = find(message, size, attribute, sizeof(uint32_t));

	return found ? nla_get_u32(found) : absent;
}

/* An address of FAMILY, with its whole length; family 0 where there is none. */
static struct net_address take_address(struct nlattr *found, int family)
{
	struct net_address address = {0};
	const size_t size = net_address_size(family);

	if (!found || (size_t)nla_len(found) != size)
		return address;
	address.family = family;
	address.length = (uint8_t)(size * 8);
	memcpy(address.bytes, nla_data(found), size);
	return address;
}

/* ---- links ----------------------------------------------------------------------------------- */

struct links {
	net_visit_link *visit;
	void *context;
};

static int on_link(void *context, struct nlmsghdr *message, struct error *error)
{
	const struct links *links = context;
	const struct ifinfomsg *body = nlmsg_data(message);
	struct net_seen_link link = {0};
	struct nlattr *found;

	if (message->nlmsg_type != RTM_NEWLINK || !nlmsg_valid_hdr(message, sizeof(*body)))
		return 0;
	link.index = (unsigned)body->ifi_index;
	link.flags = body->ifi_flags;
	found = find(message, sizeof(*body), IFLA_IFNAME, 1);
	if (found)
		(void)nla_strlcpy(link.name, found, sizeof(link.name));
	found = find(message, sizeof(*body), IFLA_ADDRESS, sizeof(link.mac));
	if (found && nla_len(found) == sizeof(link.mac))
		memcpy(link.mac, nla_data(found), sizeof(link.mac));
	link.mtu = find_u32(message, sizeof(*body), IFLA_MTU, 0);
	link.master = find_u32(message, sizeof(*body), IFLA_MASTER, 0);
	return links->visit(links->context, &link, error);
}

int net_survey_links(net_visit_link *visit, void *context, struct error *error)
{
	struct links links = {visit, context};
	struct ifinfomsg header = {0};

	return net_dump(NETLINK_ROUTE, RTM_GETLINK, &header, sizeof(header), on_link, &links,
			error);
}

/* ---- addresses ------------------------------------------------------------------------------- */

struct addresses {
	net_visit_address *visit;
	void *context;
};

/* IFA_LOCAL is the link's own, and IFA_ADDRESS that at the other end; IPv6 has the latter alone
 * where they do not differ. */
static int on_address(void *context, struct nlmsghdr *message, struct error *error)
{
	const struct addresses *addresses = context;
	const struct ifaddrmsg *body = nlmsg_data(message);
	struct net_seen_address seen = {0};
	struct net_address other;

	if (message->nlmsg_type != RTM_NEWADDR || !nlmsg_valid_hdr(message, sizeof(*body)) ||
	    !is_family(body->ifa_family))
		return 0;
	seen.index = body->ifa_index;
	seen.address = take_address(find(message, sizeof(*body), IFA_LOCAL, 1), body->ifa_family);
	other = take_address(find(message, sizeof(*body), IFA_ADDRESS, 1), body->ifa_family);
	if (seen.address.family == 0)
		seen.address = other;
	seen.peer = memcmp(seen.address.bytes, other.bytes, sizeof(other.bytes)) != 0;
	seen.address.length = body->ifa_prefixlen;
	return addresses->visit(addresses->context, &seen, error);
}

int net_survey_addresses(net_visit_address *visit, void *context, struct error *error)
{
	struct addresses addresses = {visit, context};
	struct ifaddrmsg header = {0};

	return net_dump(NETLINK_ROUTE, RTM_GETADDR, &header, sizeof(header), on_address, &addresses,
			error);
}

/* ---- routes ---------------------------------------------------------------------------------- */

struct routes {
	net_visit_route *visit;
	void *context;
};

static int visit_hops(const struct routes *routes, struct net_seen_route *route,
		      struct nlattr *hops, struct error *error)
{
	struct rtnexthop *hop = nla_data(hops);
	int left = nla_len(hops);
	int result = 0;

	while (result == 0 && left >= (int)sizeof(*hop) && RTNH_OK(hop, left)) {
		route->index = (unsigned)hop->rtnh_ifindex;
		result = routes->visit(routes->context, route, error);
		left -= (int)RTNH_ALIGN(hop->rtnh_len);
		hop = RTNH_NEXT(hop);
	}
	return result;
}

/* What makes a route one for some packets only, or lead them elsewhere than its gateway says. */
static bool is_plain(struct nlmsghdr *message, const struct rtmsg *body)
{
	static const int special[] = {RTA_SRC, RTA_IIF,	  RTA_MULTIPATH,
				      RTA_VIA, RTA_ENCAP, RTA_NEWDST};

	for (size_t i = 0; i < ARRAY_SIZE(special); i++)
		if (find(message, sizeof(*body), special[i], 0))
			return false;
	return body->rtm_tos == 0 && body->rtm_src_len == 0;
}

/* Clones are what was learned of a route on the way: the MTU of a path, a redirect. */
static int on_route(void *context, struct nlmsghdr *message, struct error *error)
{
	const struct routes *routes = context;
	const struct rtmsg *body = nlmsg_data(message);
	struct net_seen_route route = {0};
	struct nlattr *hops;

	if (message->nlmsg_type != RTM_NEWROUTE || !nlmsg_valid_hdr(message, sizeof(*body)) ||
	    !is_family(body->rtm_family) || (body->rtm_flags & RTM_F_CLONED) != 0)
		return 0;
	route.table = find_u32(message, sizeof(*body), RTA_TABLE, body->rtm_table);
	route.protocol = body->rtm_protocol;
	route.type = body->rtm_type;
	route.to = take_address(find(message, sizeof(*body), RTA_DST, 1), body->rtm_family);
	route.to.family = body->rtm_family;
	route.to.length = body->rtm_dst_len;
	route.gateway =
		take_address(find(message, sizeof(*body), RTA_GATEWAY, 1), body->rtm_family);
	route.index = find_u32(message, sizeof(*body), RTA_OIF, 0);
	route.plain = is_plain(message, body);
	hops = find(message, sizeof(*body), RTA_MULTIPATH, sizeof(struct rtnexthop));
	return hops ? visit_hops(routes, &route, hops, error)
		    : routes->visit(routes->context, &route, error);
}

int net_survey_routes(net_visit_route *visit, void *context, struct error *error)
{
	struct routes routes = {visit, context};
	struct rtmsg header = {0};

	return net_dump(NETLINK_ROUTE, RTM_GETROUTE, &header, sizeof(header), on_route, &routes,
			error);
}

/* ---- neighbours ------------------------------------------------------------------------------ */

struct neighbours {
	net_visit_neighbour *visit;
	void *context;
};

static int on_neighbour(void *context, struct nlmsghdr *message, struct error *error)
{
	const struct neighbours *neighbours = context;
	const struct ndmsg *body = nlmsg_data(message);
	struct net_seen_neighbour seen = {0};

	if (message->nlmsg_type != RTM_NEWNEIGH || !nlmsg_valid_hdr(message, sizeof(*body)) ||
	    !is_family(body->ndm_family))
		return 0;
	seen.index = (unsigned)body->ndm_ifindex;
	seen.state = body->ndm_state;
	seen.flags = body->ndm_flags;
	seen.address = take_address(find(message, sizeof(*body), NDA_DST, 1), body->ndm_family);
	return neighbours->visit(neighbours->context, &seen, error);
}

int net_survey_neighbours(net_visit_neighbour *visit, void *context, struct error *error)
{
	struct neighbours neighbours = {visit, context};
	struct ndmsg header = {0};

	return net_dump(NETLINK_ROUTE, RTM_GETNEIGH, &header, sizeof(header), on_neighbour,
			&neighbours, error);
}

/* ---- rules ----------------------------------------------------------------------------------- */

struct rules {
	net_visit_rule *visit;
	void *context;
};

static bool holds_always(struct nlmsghdr *message, const struct fib_rule_hdr *body)
{
	static const int special[] = {FRA_DST,	  FRA_SRC,	  FRA_IIFNAME,	 FRA_OIFNAME,
				      FRA_GOTO,	  FRA_FWMARK,	  FRA_FWMASK,	 FRA_TUN_ID,
				      FRA_FLOW,	  FRA_IP_PROTO,	  FRA_UID_RANGE, FRA_SPORT_RANGE,
				      FRA_L3MDEV, FRA_DPORT_RANGE};

	for (size_t i = 0; i < ARRAY_SIZE(special); i++)
		if (find(message, sizeof(*body), special[i], 0))
			return false;
	return body->action == FR_ACT_TO_TBL && body->dst_len == 0 && body->src_len == 0 &&
	       body->tos == 0 && (body->flags & FIB_RULE_INVERT) == 0 &&
	       find_u32(message, sizeof(*body), FRA_SUPPRESS_PREFIXLEN, UINT32_MAX) == UINT32_MAX &&
	       find_u32(message, sizeof(*body), FRA_SUPPRESS_IFGROUP, UINT32_MAX) == UINT32_MAX;
}

static int on_rule(void *context, struct nlmsghdr *message, struct error *error)
{
	const struct rules *rules = context;
	const struct fib_rule_hdr *body = nlmsg_data(message);
	struct net_seen_rule rule = {0};

	if (message->nlmsg_type != RTM_NEWRULE || !nlmsg_valid_hdr(message, sizeof(*body)) ||
	    !is_family(body->family))
		return 0;
	rule.family = body->family;
	rule.priority = find_u32(message, sizeof(*body), FRA_PRIORITY, 0);
	rule.table = find_u32(message, sizeof(*body), FRA_TABLE, body->table);
	rule.plain = holds_always(message, body);
	return rules->visit(rules->context, &rule, error);
}

int net_survey_rules(net_visit_rule *visit, void *context, struct error *error)
{
	struct rules rules = {visit, context};
	struct fib_rule_hdr header = {0};
	int result = net_dump(NETLINK_ROUTE, RTM_GETRULE, &header, sizeof(header), on_rule, &rules,
			      error);

	return result == -EOPNOTSUPP ? 0 : result;
}
