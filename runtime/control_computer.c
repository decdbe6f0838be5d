#include "address.h"
#include "control_look.h"
#include "net_guard.h"
#include "wire.h"

struct computer_look {
	const struct stage *stage;
	struct leg_seen {
		unsigned index; /* 0: not there */
		bool addresses[FAMILIES];
	} * legs; /* a net's each */
};

static void close_computer_look(struct computer_look *look)
{
	free(look->legs);
}

static int judge_leg(const struct stage_net *net, const struct net_seen_link *link,
		     struct error *error)
{
	char text[MAC_TEXT_SIZE], right[MAC_TEXT_SIZE];
	uint8_t mac[MAC_SIZE];

	stage_mac_derive(net->computer, mac);
	if ((link->flags & IFF_UP) == 0)
		return control_wrong(error, "the computer's %s is down", link->name);
	if (link->master != 0)
		return control_wrong(error, "the computer's %s is part of a bridge or the like",
				     link->name);
	if (memcmp(link->mac, mac, MAC_SIZE) != 0)
		return control_wrong(error,
				     "the computer's %s has the Ethernet address %s, and in the "
				     "stage %s",
				     link->name, address_format_mac(link->mac, text),
				     address_format_mac(mac, right));
	if (link->mtu != net->mtu)
		return control_wrong(
			error,
			"the computer's %s has an MTU of %u bytes, and in the stage one of %u",
			link->name, link->mtu, net->mtu);
	if ((link->flags & IFF_NOARP) == 0 || (link->flags & IFF_MULTICAST) != 0)
		return control_wrong(error, "ARP or multicast is on at the computer's %s",
				     link->name);
	return 0;
}

static int on_leg(void *context, const struct net_seen_link *link, struct error *error)
{
	struct computer_look *look = context;
	char name[IFNAMSIZ];

	for (size_t i = 0; i < look->stage->net_count; i++) {
		const struct stage_net *net = &look->stage->nets[i];

		wire_leg_name(net, name);
		if (!stage_net_is_leg(net) || strcmp(link->name, name) != 0)
			continue;
		look->legs[i].index = link->index;
		return judge_leg(net, link, error);
	}
	return 0;
}

/* The number of the net whose leg is the link INDEX; the count of them where it is none. */
static size_t find_leg(const struct computer_look *look, unsigned index)
{
	size_t i = 0;

	while (i < look->stage->net_count && (index == 0 || look->legs[i].index != index))
		i++;
	return i;
}

static int on_computer_address(void *context, const struct net_seen_address *seen,
			       struct error *error)
{
	struct computer_look *look = context;
	const enum family family = control_family(seen->address.family);
	const size_t i = find_leg(look, seen->index);
	char text[ADDRESS_TEXT_SIZE], name[IFNAMSIZ];

	if (i == look->stage->net_count)
		return 0;
	if (control_is_stages(&look->stage->nets[i].computer[family], family, seen)) {
		look->legs[i].addresses[family] = true;
		return 0;
	}
	wire_leg_name(&look->stage->nets[i], name);
	return control_wrong(
		error, "the computer's %s has the address %s, which the stage does not give it",
		name, control_format_prefix(&seen->address, text));
}

static int on_computer_route(void *context, const struct net_seen_route *route, struct error *error)
{
	const struct computer_look *look = context;
	const size_t i = find_leg(look, route->index);
	char to[ADDRESS_TEXT_SIZE], name[IFNAMSIZ];

	if (i == look->stage->net_count)
		return 0;
	wire_leg_name(&look->stage->nets[i], name);
	return control_wrong(error, "the computer itself has the route %s by %s",
			     control_format_prefix(&route->to, to), name);
}

/* What keeps the computer's kernel off the leg. */
static int judge_locks(const struct stage_net *net, unsigned index, bool own_ns,
		       struct error *error)
{
	char name[IFNAMSIZ];
	int result;

	wire_leg_name(net, name);
	if (index == 0)
		return control_wrong(error, "the computer's %s is not there", name);
	result = net_guard_find(name, index, own_ns, error);
	if (result == 0)
		return control_wrong(
			error,
			"the computer's %s has not its filter any more: the computer itself "
			"may answer there",
			name);
	if (result > 0)
		result = control_judge_forwarding("ipv4", name, false, error);
	if (result == 0)
		result = control_judge_forwarding("ipv6", name, false, error);
	return result == 0 ? control_judge_forced(name, error) : result;
}

static int judge_leg_addresses(struct computer_look *look, struct error *error)
{
	char text[ADDRESS_TEXT_SIZE], name[IFNAMSIZ];
	int result = net_survey_addresses(on_computer_address, look, error);

	for (size_t i = 0; result == 0 && i < look->stage->net_count; i++)
		for (enum family family = 0; result == 0 && family < FAMILIES; family++) {
			const struct stage_net *net = &look->stage->nets[i];

			if (net->computer[family].line == 0 || look->legs[i].addresses[family])
				continue;
			wire_leg_name(net, name);
			result = control_wrong(
				error, "the computer's %s has lost its address %s", name,
				address_format_prefix(family, &net->computer[family], text));
		}
	return result;
}

static int look_at_legs(struct computer_look *look, bool own_ns, struct error *error)
{
	int result = net_survey_links(on_leg, look, error);

	for (size_t i = 0; result == 0 && i < look->stage->net_count; i++)
		if (stage_net_is_leg(&look->stage->nets[i]))
			result = judge_locks(&look->stage->nets[i], look->legs[i].index, own_ns,
					     error);
	if (result == 0)
		result = judge_leg_addresses(look, error);
	return result == 0 ? net_survey_routes(on_computer_route, look, error) : result;
}

int control_look_at_computer(const struct stage *stage, bool own_ns, struct error *error)
{
	CLEANUP(close_computer_look) struct computer_look look = {.stage = stage};
	int result = control_is_on("ipv4", "all", "forwarding", error);

	if (result < 0)
		return result;
	if (result > 0)
		return control_wrong(error,
				     "ip forwarding is on: the computer itself carries packets");
	look.legs = calloc(stage->net_count + 1, sizeof(*look.legs));
	if (look.legs == NULL)
		return error_system(error, ENOMEM, "cannot look at the legs");
	return look_at_legs(&look, own_ns, error);
}
