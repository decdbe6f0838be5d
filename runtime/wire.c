#include "wire.h"

#include <sys/socket.h>

struct net_address wire_address(const struct stage_address *address, enum family family)
{
	struct net_address result = {.family = family == FAMILY_IPV4 ? AF_INET : AF_INET6,
				     .length = address->length};

	memcpy(result.bytes, address->bytes, sizeof(result.bytes));
	return result;
}

void wire_leg_name(const struct stage_net *net, char name[IFNAMSIZ])
{
	(void)snprintf(name, IFNAMSIZ, "net%u", net->number);
}

void wire_interface_name(size_t index, char name[IFNAMSIZ])
{
	(void)snprintf(name, IFNAMSIZ, "eth%u", (unsigned)index);
}

int wire_make_leg(struct nl_sock *socket, struct net_leg_kit *kit, const struct stage_net *net,
		  const struct wire_far_end *far, int far_ns, struct wire_legs *legs,
		  struct error *error)
{
	struct wire_leg *leg = &legs->leg[legs->count];
	struct net_end end = {.name = leg->name, .ns = -1, .mac = leg->mac};
	struct net_end peer = {
		.name = far->name, .ns = far_ns, .mac = far->mac_given ? far->mac : NULL};
	int result;

	leg->index = 0;
	wire_leg_name(net, leg->name);
	stage_mac_derive(net->computer, leg->mac);
	if (net_leg_kit_open(socket, kit, error) < 0)
		return error_prefix(error, "%s", leg->name);
	result = net_veth_create(socket, &end, &peer, net->mtu, error);
	if (result == 0)
		result = net_link_index(socket, leg->name, &leg->index, error);
	if (result == 0)
		result = net_link_offloads_off(socket, leg->name, &kit->offloads, error);
	if (result == 0)
		result = net_leg_prepare(socket, kit, leg->name,
					 net->computer[FAMILY_IPV6].line != 0, error);
	if (result == 0)
		legs->net[legs->count++] = net;
	return result;
}

static int raise_leg(struct nl_sock *socket, const struct net_leg_kit *kit, bool own_ns,
		     const struct wire_leg *leg, const struct stage_net *net, struct error *error)
{
	struct net_address address[FAMILIES];
	const struct net_address *shown[FAMILIES] = {NULL};
	unsigned index;

	if (net_link_index(socket, leg->name, &index, error) < 0)
		return -error->code;
	if (index != leg->index)
		return error_set(error, ENODEV, "%s: it is no longer the link that was made",
				 leg->name);
	for (enum family family = 0; family < FAMILIES; family++) {
		address[family] = wire_address(&net->computer[family], family);
		if (net->computer[family].line != 0)
			shown[family] = &address[family];
	}
	return net_leg_raise(socket, kit, leg->name, shown[FAMILY_IPV4], shown[FAMILY_IPV6], own_ns,
			     error);
}

int wire_raise_legs(struct nl_sock *socket, const struct net_leg_kit *kit, bool own_ns,
		    struct wire_legs *legs, struct error *error)
{
	for (size_t i = 0; i < legs->count; i++) {
		int result = raise_leg(socket, kit, own_ns, &legs->leg[i], legs->net[i], error);

		if (result < 0)
			return result;
		legs->all_only = legs->all_only || result == NET_LEG_ALL_ONLY;
	}
	legs->count = 0;
	return 0;
}

int wire_settle_legs(struct nl_sock *socket, const struct stage *stage, struct error *error)
{
	for (size_t i = 0; i < stage->net_count; i++) {
		char name[IFNAMSIZ];

		if (!stage_net_is_leg(&stage->nets[i]))
			continue;
		wire_leg_name(&stage->nets[i], name);
		if (net_leg_settle(socket, name, stage->nets[i].computer[FAMILY_IPV6].line != 0,
				   error) < 0)
			return -error->code;
	}
	return 0;
}
