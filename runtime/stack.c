#include "stack.h"

#include "address.h"
#include "net.h"
#include "settings.h"
#include "wire.h"

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

static void list_interfaces(const struct stage_client *client, struct net_interface *interfaces)
{
	for (size_t i = 0; i < client->interface_count; i++) {
		const struct stage_address *address = client->interfaces[i].address;

		wire_interface_name(i, interfaces[i].name);
		if (address[FAMILY_IPV4].line != 0)
			interfaces[i].ipv4 = wire_address(&address[FAMILY_IPV4], FAMILY_IPV4);
		if (address[FAMILY_IPV6].line != 0)
			interfaces[i].ipv6 = wire_address(&address[FAMILY_IPV6], FAMILY_IPV6);
	}
}

static int add_way(const struct stage *stage, const struct stage_client *client, enum family family,
		   const struct stage_address *via, struct net_way *way, struct error *error)
{
	way->gateway = wire_address(via, family);
	return stack_find_way(stage, client, family, via, way->name, error);
}

/* There is room in WAYS for the default route of each family and all others. */
static int list_ways(const struct stage *stage, const struct stage_client *client,
		     struct net_way *ways, size_t *count, struct error *error)
{
	for (enum family family = 0; family < FAMILIES; family++) {
		const struct stage_address *gateway = &client->gateway[family];

		if (gateway->line != 0 &&
		    add_way(stage, client, family, gateway, &ways[(*count)++], error) < 0)
			return -error->code;
	}
	for (size_t i = 0; i < client->route_count; i++) {
		const struct stage_route *route = &client->routes[i];
		struct net_way *way = &ways[(*count)++];

		way->prefix = wire_address(&route->prefix, route->family);
		if (add_way(stage, client, route->family, &route->via, way, error) < 0)
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

static int switch_offloads_off(struct nl_sock *socket, const struct stage_client *client,
			       const struct net_offloads *offloads, struct error *error)
{
	char name[IFNAMSIZ];

	for (size_t i = 0; i < client->interface_count; i++) {
		wire_interface_name(i, name);
		if (net_link_offloads_off(socket, name, offloads, error) < 0)
			return -error->code;
	}
	return 0;
}

int stack_raise(const struct stage *stage, const struct stage_client *client,
		const struct net_offloads *offloads, struct error *error)
{
	CLEANUP_NET struct nl_sock *socket = NULL;
	struct net_interface interfaces[INTERFACES_MAX] = {0};
	CLEANUP_FREE struct net_way *ways = calloc(FAMILIES + client->route_count, sizeof(*ways));
	size_t way_count = 0;

	if (ways == NULL)
		return error_system(error, ENOMEM, "cannot bring its interfaces up");
	list_interfaces(client, interfaces);
	if (list_ways(stage, client, ways, &way_count, error) < 0 ||
	    switch_ipv6_off(stage, client, error) < 0 || net_socket_open(&socket, error) < 0 ||
	    switch_offloads_off(socket, client, offloads, error) < 0)
		return -error->code;
	return net_host_raise(socket, stage_has(stage, FAMILY_IPV6), interfaces,
			      client->interface_count, ways, way_count, error);
}
