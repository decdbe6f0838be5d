#include "walk_map.h"

#include "address.h"

static struct stage_address as_address(enum family family, const uint8_t *bytes)
{
	struct stage_address address = {.length = (uint8_t)address_bits(family)};

	memcpy(address.bytes, bytes, family == FAMILY_IPV4 ? 4 : 16);
	return address;
}

static bool is_same(enum family family, const struct stage_address *address, const uint8_t *bytes)
{
	return address->line != 0 && memcmp(address->bytes, bytes, address_bits(family) / 8) == 0;
}

/* True where ADDRESS is in the subnet of NET. */
static bool is_in(const struct stage_net *net, enum family family,
		  const struct stage_address *address)
{
	return net != NULL && stage_net_has(net, family) &&
	       address_share(&net->subnet[family], address, net->subnet[family].length);
}

const struct stage_client *walk_owner(const struct stage *stage, enum family family,
				      const uint8_t *address,
				      const struct stage_interface **interface)
{
	for (size_t i = 0; i < stage->client_count; i++) {
		const struct stage_client *client = &stage->clients[i];

		for (size_t j = 0; j < client->interface_count; j++) {
			if (!is_same(family, &client->interfaces[j].address[family], address))
				continue;
			if (interface != NULL)
				*interface = &client->interfaces[j];
			return client;
		}
	}
	return NULL;
}

const struct stage_net *walk_leg_of(const struct stage *stage, enum family family,
				    const uint8_t *address)
{
	for (size_t i = 0; i < stage->net_count; i++)
		if (is_same(family, &stage->nets[i].computer[family], address))
			return &stage->nets[i];
	return NULL;
}

/* ---- routes ---------------------------------------------------------------------------------- */

/* The nets from which a packet is on its way to the target, nearest to that first. */
struct search {
	const struct stage *stage;
	enum family family;
	bool visited[NETS_MAX + 1];
	unsigned queue[NETS_MAX];
	size_t end;
};

static void visit(struct search *search, unsigned net)
{
	if (search->visited[net])
		return;
	search->visited[net] = true;
	search->queue[search->end++] = net;
}

/* Of CLIENT, which forwards and is on NET: a leg that it is on, else its nets are visited. */
static const struct stage_net *pass_client(struct search *search, const struct stage_client *client,
					   unsigned net, struct stage_address *hop)
{
	bool on_it = false;

	for (size_t i = 0; i < client->interface_count; i++)
		on_it = on_it || client->interfaces[i].net == net;
	for (size_t i = 0; on_it && i < client->interface_count; i++) {
		const struct stage_interface *interface = &client->interfaces[i];
		const struct stage_net *other = stage_net_find(search->stage, interface->net);

		if (stage_net_is_leg(other) && interface->address[search->family].line != 0) {
			*hop = interface->address[search->family];
			return other;
		}
		visit(search, interface->net);
	}
	return NULL;
}

const struct stage_net *walk_route(const struct stage *stage, enum family family,
				   const uint8_t *target, struct stage_address *hop)
{
	const struct stage_address address = as_address(family, target);
	struct search search = {.stage = stage, .family = family};

	for (size_t i = 0; i < stage->net_count; i++) {
		const struct stage_net *net = &stage->nets[i];

		if (!is_in(net, family, &address))
			continue;
		*hop = address;
		if (stage_net_is_leg(net))
			return net;
		visit(&search, net->number);
	}
	for (size_t at = 0; at < search.end; at++) {
		for (size_t i = 0; i < stage->client_count; i++) {
			const struct stage_client *client = &stage->clients[i];
			const struct stage_net *net = NULL;

			if (client->forwarding)
				net = pass_client(&search, client, search.queue[at], hop);
			if (net != NULL)
				return net;
		}
	}
	return NULL;
}

static const struct stage_interface *find_interface(const struct stage *stage,
						    const struct stage_client *client,
						    enum family family,
						    const struct stage_address *address)
{
	for (size_t i = 0; i < client->interface_count; i++) {
		const struct stage_interface *interface = &client->interfaces[i];

		if (interface->address[family].line != 0 &&
		    is_in(stage_net_find(stage, interface->net), family, address))
			return interface;
	}
	return NULL;
}

/* The longest prefix that holds ADDRESS (RFC 1812 5.2.4.3). */
static const struct stage_address *find_via(const struct stage_client *client, enum family family,
					    const struct stage_address *address)
{
	const struct stage_address *via =
		client->gateway[family].line != 0 ? &client->gateway[family] : NULL;
	int longest = -1;

	for (size_t i = 0; i < client->route_count; i++) {
		const struct stage_route *route = &client->routes[i];

		if (route->family != family || route->prefix.length <= longest ||
		    !address_share(&route->prefix, address, route->prefix.length))
			continue;
		longest = route->prefix.length;
		via = &route->via;
	}
	return via;
}

const struct stage_interface *walk_client_route(const struct stage *stage,
						const struct stage_client *client,
						enum family family, const uint8_t *target,
						struct stage_address *hop)
{
	const struct stage_address address = as_address(family, target);
	const struct stage_interface *interface = find_interface(stage, client, family, &address);
	const struct stage_address *via;

	*hop = address;
	if (interface != NULL)
		return interface;
	via = find_via(client, family, &address);
	if (via == NULL)
		return NULL;
	*hop = *via;
	return find_interface(stage, client, family, via);
}

/* ---- names ----------------------------------------------------------------------------------- */

const char *walk_name(const struct stage *stage, enum family family, const uint8_t *address,
		      char name[WALK_NAME_SIZE])
{
	const struct stage_client *client = walk_owner(stage, family, address, NULL);
	const struct stage_address text = as_address(family, address);

	if (client != NULL)
		stage_client_name(client, name);
	else
		(void)address_format(family, &text, name);
	return name;
}
