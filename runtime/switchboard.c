/* What arrives at a port in the keeper is seen by tc's filters first, which may copy it or take it
 * away (net_patch.c), and then by the bridge that the port belongs to. What leaves by a port meets
 * the queueing discipline there (net_shape.c).
 *
 *	a shaped pair	client -> net1-1 -> net1-2 -> client
 *
 *	a segment	client -> net1-1 -> bridge net1 -> net1-2 -> client
 *			                -> net1-0 -> leg
 *			leg -> net1-0 -> net1-in -> net1-up -> bridge net1 -> net1-1 -> client
 *
 * A bridge learns, and so would keep from the leg what it knows to belong elsewhere. Hence the leg
 * is not behind a port of the bridge. It is sent a copy of each frame that arrives from a client,
 * which makes exactly one of each; and what the router sends enters the bridge by an uplink, so
 * that the bridge learns which Ethernet addresses are the router's, be they what they may. What
 * the bridge in turn sends to the uplink ends there, for the leg has it already. */
#include "switchboard.h"

#include "ends.h"
#include "net.h"
#include "net_shape.h"
#include "ns.h"
#include "sysctl.h"
#include "wire.h"

/* Explicitly, for a new network namespace copies the first one's IPv4 settings (see settings.c). */
static const struct sysctl_setting ipv4_settings[] = {
	{"ip_forward", "0"},
	{"conf/default/forwarding", "0"}, /* ip_forward sets it only where it changes itself */
};

static const struct sysctl_setting ipv6_settings[] = {
	{"conf/all/disable_ipv6", "1"},
	{"conf/default/disable_ipv6", "1"},
};

/* With br_netfilter loaded, as by Docker, the host's firewall rules are asked in this namespace
 * too, and packets whose checksums are wrong are dropped: a switch does neither. */
static const struct sysctl_setting bridge_settings[] = {
	{"bridge-nf-call-iptables", "0"},
	{"bridge-nf-call-ip6tables", "0"},
	{"bridge-nf-call-arptables", "0"},
};

int switchboard_settle(struct error *error)
{
	int result = sysctl_settle("/proc/sys/net/ipv4", ipv4_settings, ARRAY_SIZE(ipv4_settings),
				   error);

	if (result == 0)
		result = sysctl_settle("/proc/sys/net/ipv6", ipv6_settings,
				       ARRAY_SIZE(ipv6_settings), error);
	if (result == 0)
		result = sysctl_settle("/proc/sys/net/bridge", bridge_settings,
				       ARRAY_SIZE(bridge_settings), error);
	return result;
}

/* The link in the keeper that leads to client M on netN is netN-M; 0 is the computer. */
static void port_name(const struct stage_net *net, unsigned client, char name[IFNAMSIZ])
{
	(void)snprintf(name, IFNAMSIZ, "net%u-%u", net->number, client);
}

/* The name of the link in the keeper to END of NET; NULL is the computer. */
static void port_of(const struct switchboard *board, const struct stage_net *net,
		    const struct end *end, char name[IFNAMSIZ])
{
	port_name(net, end == NULL ? 0 : board->stage->clients[end->client].number, name);
}

static const struct stage_interface *interface_of(const struct switchboard *board,
						  const struct end *end)
{
	return &board->stage->clients[end->client].interfaces[end->interface];
}

/* END as net.h has it; NAME holds its name as long as it is used. */
static struct net_end net_end_of(const struct switchboard *board, const struct end *end,
				 char name[IFNAMSIZ])
{
	wire_interface_name(end->interface, name);
	return (struct net_end){name, board->client_ns[end->client], interface_of(board, end)->mac};
}

/* The two ends of a net that has no more (form_of()): the second is a client's, and so is the first
 * unless it is the computer's, NULL. */
static void two_ends(const struct switchboard *board, const struct stage_net *net,
		     const struct end *two[2])
{
	size_t count;
	const struct end *ends = ends_of(board->ends, net, &count);

	two[0] = count == 1 ? NULL : &ends[0];
	two[1] = &ends[count - 1];
}

static int make_pair(const struct switchboard *board, const struct stage_net *net,
		     struct error *error)
{
	const struct end *ends[2];
	struct wire_far_end far = {.net = net->number, .mac_given = true};
	char near_name[IFNAMSIZ];
	struct net_end near_end, far_end;

	two_ends(board, net, ends);
	far_end = net_end_of(board, ends[1], far.name);
	if (ends[0] == NULL) {
		memcpy(far.mac, far_end.mac, sizeof(far.mac));
		return board->ask(board->context, &far, far_end.ns, true, error);
	}
	near_end = net_end_of(board, ends[0], near_name);
	return net_veth_create(board->socket, &near_end, &far_end, net->mtu, error);
}

/* Makes a link that stays in the keeper fit to carry frames: of itself the kernel sends nothing
 * there, and what a client may have left to be done to its frames is done before they go on. */
static int groom(const struct switchboard *board, const char *name, struct error *error)
{
	int result = net_link_silence(board->socket, name, error);

	return result < 0 ? result
			  : net_link_offloads_off(board->socket, name, board->offloads, error);
}

/* Makes the wire between END and its PORT, and shapes what goes to END. */
static int make_port(const struct switchboard *board, const struct stage_net *net,
		     const struct end *end, const char *port, struct error *error)
{
	const struct net_shape shape = {net->delay, net->loss, net->rate};
	const struct net_end near_end = {.name = port, .ns = -1};
	struct wire_far_end far = {.net = net->number};
	char name[IFNAMSIZ];
	struct net_end client;
	int result;

	if (end == NULL) {
		(void)snprintf(far.name, sizeof(far.name), "%s", port);
		result = board->ask(board->context, &far, board->ns, false, error);
	} else {
		client = net_end_of(board, end, name);
		result = net_veth_create(board->socket, &near_end, &client, net->mtu, error);
	}
	if (result == 0)
		result = groom(board, port, error);
	if (result == 0)
		result = net_link_shape(board->socket, port, net->mtu, &shape, error);
	return result;
}

/* A wire of two ends with the keeper in its middle: what arrives at one port leaves by the other,
 * whatever it is. */
static int make_shaped_pair(const struct switchboard *board, const struct stage_net *net,
			    struct error *error)
{
	const struct end *ends[2];
	char ports[2][IFNAMSIZ];
	int result = 0;

	two_ends(board, net, ends);
	for (size_t i = 0; result == 0 && i < 2; i++) {
		port_of(board, net, ends[i], ports[i]);
		result = make_port(board, net, ends[i], ports[i], error);
	}
	for (size_t i = 0; result == 0 && i < 2; i++)
		result = net_patch_through(board->socket, ports[i], ports[1 - i], error);
	for (size_t i = 0; result == 0 && i < 2; i++)
		result = net_link_up(board->socket, ports[i], error);
	return result;
}

static int plug_in(struct nl_sock *socket, const char *port, const char *bridge,
		   struct error *error)
{
	int result = net_link_join(socket, port, bridge, error);

	return result < 0 ? result : net_link_up(socket, port, error);
}

/* Leads what the leg sends, which arrives at PORT, into BRIDGE. */
static int make_uplink(const struct switchboard *board, const struct stage_net *net,
		       const char *port, const char *bridge, struct error *error)
{
	struct nl_sock *socket = board->socket;
	char uplink[IFNAMSIZ], inside[IFNAMSIZ];
	const struct net_end outer = {.name = uplink, .ns = -1}, inner = {.name = inside, .ns = -1};
	int result;

	(void)snprintf(uplink, IFNAMSIZ, "net%u-up", net->number);
	(void)snprintf(inside, IFNAMSIZ, "net%u-in", net->number);
	result = net_veth_create(socket, &outer, &inner, net->mtu, error);
	if (result == 0)
		result = groom(board, uplink, error);
	if (result == 0)
		result = groom(board, inside, error);
	if (result == 0)
		result = net_patch_nowhere(socket, inside, error);
	if (result == 0)
		result = net_patch_through(socket, port, inside, error);
	if (result == 0)
		result = net_link_up(socket, inside, error);
	if (result == 0)
		result = plug_in(socket, uplink, bridge, error);
	if (result == 0)
		result = net_link_settle(socket, inside, error);
	return result < 0 ? result : net_link_up(socket, port, error);
}

/* Makes END's port of BRIDGE. */
static int join_segment(const struct switchboard *board, const struct stage_net *net,
			const struct end *end, const char *bridge, struct error *error)
{
	char port[IFNAMSIZ], leg_port[IFNAMSIZ];
	int result;

	port_of(board, net, end, port);
	result = make_port(board, net, end, port, error);
	if (result < 0)
		return result;
	if (end == NULL)
		return make_uplink(board, net, port, bridge, error);
	port_name(net, 0, leg_port);
	if (stage_net_is_leg(net))
		result = net_patch_copy(board->socket, port, leg_port, error);
	return result < 0 ? result : plug_in(board->socket, port, bridge, error);
}

static int make_segment(const struct switchboard *board, const struct stage_net *net,
			struct error *error)
{
	size_t count;
	const struct end *ends = ends_of(board->ends, net, &count);
	char bridge[IFNAMSIZ];
	int result;

	wire_leg_name(net, bridge);
	result = net_bridge_create(board->socket, bridge, net->mtu, error);
	if (result == 0) /* the bridge itself is nobody's machine */
		result = net_patch_nowhere(board->socket, bridge, error);
	if (result == 0 && stage_net_is_leg(net))
		result = join_segment(board, net, NULL, bridge, error);
	for (size_t i = 0; result == 0 && i < count; i++)
		result = join_segment(board, net, &ends[i], bridge, error);
	return result;
}

enum form { FORM_PAIR, FORM_SHAPED_PAIR, FORM_SEGMENT };

static enum form form_of(const struct stage_net *net)
{
	if (net->ends != 2)
		return FORM_SEGMENT;
	return net->delay || net->loss || net->rate ? FORM_SHAPED_PAIR : FORM_PAIR;
}

int switchboard_make_net(const struct switchboard *board, const struct stage_net *net,
			 struct error *error)
{
	int result = 0;

	switch (form_of(net)) {
	case FORM_PAIR:
		result = make_pair(board, net, error);
		break;
	case FORM_SHAPED_PAIR:
		result = make_shaped_pair(board, net, error);
		break;
	case FORM_SEGMENT:
		result = make_segment(board, net, error);
		break;
	}
	return result < 0 ? error_prefix(error, "net%u", net->number) : result;
}

static int settle_port(const struct switchboard *board, const struct stage_net *net,
		       const struct end *end, struct error *error)
{
	char port[IFNAMSIZ];

	port_of(board, net, end, port);
	return net_link_settle(board->socket, port, error);
}

static int ask_in_client(const struct net_end *end, struct error *error)
{
	CLEANUP_NET struct nl_sock *socket = NULL;
	int result = ns_enter_one(end->ns, NS_NET, error);

	if (result == 0)
		result = net_socket_open(&socket, error);
	return result == 0 ? net_link_settle(socket, end->name, error) : result;
}

/* Of two clients each asks for its own end alone, and whose was up first did so before there was a
 * carrier. A leg's starter asks for that, and a client's end of such a wire comes up last. */
static int settle_pair(const struct switchboard *board, const struct stage_net *net,
		       struct error *error)
{
	const struct end *ends[2];
	char name[IFNAMSIZ];
	struct error back;
	int result = 0;

	two_ends(board, net, ends);
	if (ends[0] == NULL)
		return 0;
	for (size_t i = 0; result == 0 && i < 2; i++) {
		const struct net_end end = net_end_of(board, ends[i], name);

		result = ask_in_client(&end, error);
	}
	if (ns_enter_one(board->ns, NS_NET, &back) < 0 && result == 0) {
		*error = back;
		result = -back.code;
	}
	return result;
}

static int settle_ports(const struct switchboard *board, const struct stage_net *net,
			struct error *error)
{
	size_t count;
	const struct end *ends = ends_of(board->ends, net, &count);
	int result = 0;

	if (stage_net_is_leg(net))
		result = settle_port(board, net, NULL, error);
	for (size_t i = 0; result == 0 && i < count; i++)
		result = settle_port(board, net, &ends[i], error);
	return result;
}

int switchboard_settle_net(const struct switchboard *board, const struct stage_net *net,
			   struct error *error)
{
	int result = form_of(net) == FORM_PAIR ? settle_pair(board, net, error)
					       : settle_ports(board, net, error);

	return result < 0 ? error_prefix(error, "net%u", net->number) : 0;
}
