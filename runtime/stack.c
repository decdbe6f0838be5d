#include "stack.h"

#include "address.h"
#include "net.h"
#include "settings.h"
#include "wire.h"

static int raise_interface(struct nl_sock *socket, size_t index,
			   const struct stage_interface *interface, struct error *error)
{
	char name[IFNAMSIZ];
	int result;

	wire_interface_name(index, name);
	result = net_link_offloads_off(socket, name, error);
	for (enum family family = 0; result == 0 && family < FAMILIES; family++) {
		struct net_address address = wire_address(&interface->address[family], family);

		if (interface->address[family].line != 0)
			result = net_address_add(socket, name, &address, error);
	}
	if (result == 0)
		result = net_link_up(socket, name, error);
	return result < 0 ? error_prefix(error, "%s", name) : 0;
}

int stack_find_way(const struct stage *stage, const struct stage_client *client, enum family family,
		   const struct stage_address *via, char name[IFNAMSIZ], struct error *error)
{
	char text[ADDRESS_TEXT_SIZE];

	for (size_t i = 0; i < client->interface_count; i++) {
		const struct stage_interface *interface = &client->interfaces[i];
		const struct stage_address *subnet =
			&stage->nets[interface->net - 1].subnet[family];

		if (interface->address[family].line == 0 ||
		    !address_share(subnet, via, subnet->length))
			continue;
		wire_interface_name(i, name);
		return 0;
	}
	return error_set(error, EHOSTUNREACH, "no interface reaches %s",
			 address_format(family, via, text));
}

static int add_gateways(struct nl_sock *socket, const struct stage *stage,
			const struct stage_client *client, struct error *error)
{
	for (enum family family = 0; family < FAMILIES; family++) {
		const struct stage_address *gateway = &client->gateway[family];
		struct net_address via = wire_address(gateway, family);
		char name[IFNAMSIZ];

		if (gateway->line == 0)
			continue;
		if (stack_find_way(stage, client, family, gateway, name, error) < 0 ||
		    net_route_default(socket, name, &via, error) < 0)
			return -error->code;
	}
	return 0;
}

static int add_routes(struct nl_sock *socket, const struct stage *stage,
		      const struct stage_client *client, struct error *error)
{
	for (size_t i = 0; i < client->route_count; i++) {
		const struct stage_route *route = &client->routes[i];
		struct net_address prefix = wire_address(&route->prefix, route->family);
		struct net_address via = wire_address(&route->via, route->family);
		char name[IFNAMSIZ];

		if (stack_find_way(stage, client, route->family, &route->via, name, error) < 0 ||
		    net_route_add(socket, name, &prefix, &via, error) < 0)
			return -error->code;
	}
	return 0;
}

/* In a stage with IPv6, on the interfaces that have no address of it. */
static int switch_ipv6_off(const struct stage *stage, const struct stage_client *client,
			   struct error *error)
{
	char name[IFNAMSIZ];
	int result = 0;

	for (size_t i = 0; stage_has(stage, FAMILY_IPV6) && i < client->interface_count; i++) {
		wire_interface_name(i, name);
		if (result == 0 && client->interfaces[i].address[FAMILY_IPV6].line == 0)
			result = settings_ipv6_off(name, error);
	}
	return result;
}

int stack_raise(const struct stage *stage, const struct stage_client *client, struct error *error)
{
	CLEANUP_NET struct nl_sock *socket = NULL;
	int result = switch_ipv6_off(stage, client, error);

	if (result == 0)
		result = net_socket_open(&socket, error);
	if (result == 0)
		result = net_link_up(socket, "lo", error);
	for (size_t i = 0; result == 0 && i < client->interface_count; i++)
		result = raise_interface(socket, i, &client->interfaces[i], error);
	if (result == 0)
		result = add_gateways(socket, stage, client, error);
	if (result == 0)
		result = add_routes(socket, stage, client, error);
	return result;
}
