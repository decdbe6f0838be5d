#include "wire.h"

#include "net.h"
#include "sysctl.h"

#include <sys/socket.h>

/* With br_netfilter loaded, as by Docker, the host's firewall rules are asked in this namespace
 * too, and packets whose checksums are wrong are dropped: a switch does neither. */
static const struct sysctl_setting bridge_settings[] = {
	{"bridge-nf-call-iptables", "0"},
	{"bridge-nf-call-ip6tables", "0"},
	{"bridge-nf-call-arptables", "0"},
};

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

/* ---- in the computer's network namespace --------------------------------------------------- */

int wire_make_leg(struct nl_sock *socket, const struct stage_net *net,
		  const struct wire_far_end *far, int far_ns, struct wire_leg *leg,
		  struct error *error)
{
	struct net_address address[FAMILIES];
	const struct net_address *shown[FAMILIES] = {NULL};
	struct net_end end = {.name = leg->name, .ns = -1, .mac = leg->mac};
	struct net_end peer = {
		.name = far->name, .ns = far_ns, .mac = far->mac_given ? far->mac : NULL};
	int result;

	for (enum family family = 0; family < FAMILIES; family++) {
		address[family] = wire_address(&net->computer[family], family);
		if (net->computer[family].line != 0)
			shown[family] = &address[family];
	}
	leg->index = 0;
	wire_leg_name(net, leg->name);
	stage_mac_derive(net->computer, leg->mac);
	result = net_veth_create(socket, &end, &peer, net->mtu, error);
	if (result == 0)
		result = net_link_index(socket, leg->name, &leg->index, error);
	if (result == 0)
		result = net_link_offloads_off(socket, leg->name, error);
	if (result == 0)
		result = net_leg_raise(socket, leg->name, shown[FAMILY_IPV4], shown[FAMILY_IPV6],
				       error);
	leg->all_only = result == NET_LEG_ALL_ONLY;
	return result < 0 ? result : 0;
}

/* ---- in the keeper -------------------------------------------------------------------------- */

/* One end of a net that belongs to a client. */
struct client_end {
	size_t client; /* index */
	const struct stage_interface *interface;
	char name[IFNAMSIZ];
};

/* The next client's end on NET after the cursor END, or false. Start with a zeroed cursor. */
static bool next_end(const struct stage *stage, const struct stage_net *net, struct client_end *end)
{
	size_t interface = 0;

	if (end->interface != NULL)
		interface = (size_t)(end->interface - stage->clients[end->client].interfaces) + 1;
	for (; end->client < stage->client_count; end->client++, interface = 0) {
		const struct stage_client *client = &stage->clients[end->client];

		for (; interface < client->interface_count; interface++) {
			if (client->interfaces[interface].net != net->number)
				continue;
			end->interface = &client->interfaces[interface];
			wire_interface_name(interface, end->name);
			return true;
		}
	}
	return false;
}

static int ask_pair(const struct stage_net *net, const struct client_end *end, const int *client_ns,
		    wire_ask_leg *ask, void *context, struct error *error)
{
	struct wire_far_end far = {.net = net->number, .mac_given = true};

	memcpy(far.name, end->name, sizeof(far.name));
	memcpy(far.mac, end->interface->mac, sizeof(far.mac));
	return ask(context, &far, client_ns[end->client], error);
}

static int make_pair(struct nl_sock *socket, const struct stage *stage, const struct stage_net *net,
		     const int *client_ns, wire_ask_leg *ask, void *context, struct error *error)
{
	struct client_end first = {0};
	struct client_end second;
	struct net_end end;
	struct net_end peer;

	if (!next_end(stage, net, &first))
		return error_set(error, EINVAL, "net%u has no client", net->number);
	if (stage_net_is_leg(net))
		return ask_pair(net, &first, client_ns, ask, context, error);
	second = first;
	if (!next_end(stage, net, &second))
		return error_set(error, EINVAL, "net%u has one end", net->number);
	end = (struct net_end){first.name, client_ns[first.client], first.interface->mac};
	peer = (struct net_end){second.name, client_ns[second.client], second.interface->mac};
	return net_veth_create(socket, &end, &peer, net->mtu, error);
}

/* The port of the bridge netN that leads to client M is netN-M; 0 is the computer. */
static void port_name(const struct stage_net *net, unsigned client, char name[IFNAMSIZ])
{
	(void)snprintf(name, IFNAMSIZ, "net%u-%u", net->number, client);
}

static int plug_in(struct nl_sock *socket, const char *port, const char *bridge,
		   struct error *error)
{
	int result = net_link_join(socket, port, bridge, error);

	return result < 0 ? result : net_link_up(socket, port, error);
}

static int settle_bridges(struct error *error)
{
	CLEANUP_FD int bridge = sysctl_open("/proc/sys/net/bridge", error);

	if (bridge == -ENOENT) /* not loaded */
		return 0;
	if (bridge < 0)
		return bridge;
	return sysctl_write_all(bridge, bridge_settings, ARRAY_SIZE(bridge_settings), error);
}

static int make_segment(struct nl_sock *socket, const struct stage *stage,
			const struct stage_net *net, int keeper_ns, const int *client_ns,
			wire_ask_leg *ask, void *context, struct error *error)
{
	struct client_end end = {0};
	struct wire_far_end far = {.net = net->number};
	char bridge[IFNAMSIZ];
	char port[IFNAMSIZ];
	int result;

	wire_leg_name(net, bridge);
	result = settle_bridges(error);
	if (result == 0)
		result = net_bridge_create(socket, bridge, net->mtu, error);
	while (result == 0 && next_end(stage, net, &end)) {
		struct net_end near = {.name = port, .ns = -1};
		struct net_end client_end = {end.name, client_ns[end.client], end.interface->mac};

		port_name(net, stage->clients[end.client].number, port);
		result = net_veth_create(socket, &near, &client_end, net->mtu, error);
		if (result == 0)
			result = plug_in(socket, port, bridge, error);
	}
	if (result < 0 || !stage_net_is_leg(net))
		return result;
	port_name(net, 0, far.name);
	result = ask(context, &far, keeper_ns, error);
	return result < 0 ? result : plug_in(socket, far.name, bridge, error);
}

int wire_make_net(struct nl_sock *socket, const struct stage *stage, const struct stage_net *net,
		  int keeper_ns, const int *client_ns, wire_ask_leg *ask, void *context,
		  struct error *error)
{
	int result = net->ends == 2 ? make_pair(socket, stage, net, client_ns, ask, context, error)
				    : make_segment(socket, stage, net, keeper_ns, client_ns, ask,
						   context, error);

	return result < 0 ? error_prefix(error, "net%u", net->number) : 0;
}
