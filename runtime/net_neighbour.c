#include "net_neighbour.h"

#include "net_batch.h"
#include "net_message.h"

#include <arpa/inet.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

/* ---- routes ---------------------------------------------------------------------------------- */

static void take_address(struct nlmsghdr *answer, int attribute, int family,
			 struct net_address *address)
{
	struct nlattr *found = nlmsg_find_attr(answer, sizeof(struct rtmsg), attribute);
	const size_t size = net_address_size(family);

	if (!found || (size_t)nla_len(found) != size)
		return;
	address->family = family;
	address->length = (uint8_t)(size * 8);
	memcpy(address->bytes, nla_data(found), size);
}

/* A gateway of the other family (RTA_VIA) is not taken: no stage has one. */
static void on_route(void *context, struct nlmsghdr *answer)
{
	struct net_route *route = context;
	const struct rtmsg *body = nlmsg_data(answer);
	struct nlattr *link;

	if (answer->nlmsg_type != RTM_NEWROUTE || !nlmsg_valid_hdr(answer, sizeof(*body)))
		return;
	link = nlmsg_find_attr(answer, sizeof(*body), RTA_OIF);
	route->index = link && nla_len(link) >= 4 ? nla_get_u32(link) : 0;
	route->own = body->rtm_type == RTN_LOCAL;
	take_address(answer, RTA_PREFSRC, body->rtm_family, &route->source);
	take_address(answer, RTA_GATEWAY, body->rtm_family, &route->gateway);
}

int net_route_find(struct nl_sock *socket, const struct net_address *to,
		   const struct net_address *from, struct net_route *route, struct error *error)
{
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(socket, "rtnetlink");
	const size_t size = net_address_size(to->family);
	const struct rtmsg header = {.rtm_family = (unsigned char)to->family,
				     .rtm_dst_len = (unsigned char)(size * 8),
				     .rtm_src_len = (unsigned char)(from ? size * 8 : 0)};
	char text[INET6_ADDRSTRLEN] = "";

	*route = (struct net_route){0};
	(void)inet_ntop(to->family, to->bytes, text, sizeof(text));
	batch.answer = on_route;
	batch.context = route;
	net_batch_add(&batch, RTM_GETROUTE, 0, &header, sizeof(header), "find a route to %s", text);
	net_put(&batch, RTA_DST, to->bytes, size);
	if (from)
		net_put(&batch, RTA_SRC, from->bytes, size);
	if (net_batch_send(&batch, error) < 0)
		return -error->code;
	if (route->index == 0 || !if_indextoname(route->index, route->link))
		return error_set(error, ENETUNREACH, "the route to %s leads nowhere", text);
	if (from)
		route->source = *from;
	return 0;
}

/* ---- neighbours ------------------------------------------------------------------------------ */

static void ask(struct net_batch *batch, int type, unsigned index,
		const struct net_address *address, const char *purpose)
{
	const struct ndmsg header = {.ndm_family = (unsigned char)address->family,
				     .ndm_ifindex = (int)index};
	char text[INET6_ADDRSTRLEN] = "";

	(void)inet_ntop(address->family, address->bytes, text, sizeof(text));
	net_batch_add(batch, type, 0, &header, sizeof(header), "%s the neighbour %s", purpose,
		      text);
	net_put(batch, NDA_DST, address->bytes, net_address_size(address->family));
	net_batch_forgive(batch, ENOENT);
}

int net_neighbour_forget(struct nl_sock *socket, unsigned index, const struct net_address *address,
			 struct error *error)
{
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(socket, "rtnetlink");

	ask(&batch, RTM_DELNEIGH, index, address, "forget");
	return net_batch_send(&batch, error);
}

struct found {
	uint8_t *mac;
	int known; /* 0 or 1 */
};

/* An entry that is being asked for, or that nobody answered for, is shown without an address. */
static void on_neighbour(void *context, struct nlmsghdr *answer)
{
	struct found *found = context;
	struct nlattr *mac;

	if (answer->nlmsg_type != RTM_NEWNEIGH || !nlmsg_valid_hdr(answer, sizeof(struct ndmsg)))
		return;
	mac = nlmsg_find_attr(answer, sizeof(struct ndmsg), NDA_LLADDR);
	if (!mac || nla_len(mac) != NET_MAC_SIZE)
		return;
	memcpy(found->mac, nla_data(mac), NET_MAC_SIZE);
	found->known = 1;
}

int net_neighbour_find(struct nl_sock *socket, unsigned index, const struct net_address *address,
		       uint8_t mac[NET_MAC_SIZE], struct error *error)
{
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(socket, "rtnetlink");
	struct found found = {.mac = mac};

	batch.answer = on_neighbour;
	batch.context = &found;
	ask(&batch, RTM_GETNEIGH, index, address, "look for");
	return net_batch_send(&batch, error) < 0 ? -error->code : found.known;
}
