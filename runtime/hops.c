#include "hops.h"
#include "address.h"
#include "subnet.h"

struct checker {
	const struct stage *stage;
	const struct stage_client *client;
	struct complaints *complaints;
};

/* ---- next hops ---- */

/* Where frames for an address may go directly. */
struct reach {
	const struct stage_address *subnet; /* that it is in; NULL: none of those known */
	const struct stage_address *any; /* one that it might have been in; NULL: there is none */
	bool all; /* are known: no net is missing, and no line of one was refused */
};

/* The subnet of FAMILY that INTERFACE has an address in, or NULL. */
static const struct stage_address *
subnet_of(const struct stage *stage, const struct stage_interface *interface, enum family family)
{
	const struct stage_net *net = stage_net_find(stage, interface->net);

	if (!net || !stage_net_has(net, family) || !interface->address[family].line)
		return NULL;
	return &net->subnet[family];
}

static bool is_known(const struct stage *stage, const struct stage_interface *interface)
{
	const struct stage_net *net = stage_net_find(stage, interface->net);

	return net && (stage_net_has(net, FAMILY_IPV4) || stage_net_has(net, FAMILY_IPV6)) &&
	       (interface->address[FAMILY_IPV4].line || interface->address[FAMILY_IPV6].line);
}

static struct reach find_reach(const struct checker *checker, enum family family,
			       const struct stage_address *address)
{
	const struct stage_client *client = checker->client;
	struct reach reach = {.all = client->interface_count > 0 &&
				     !checker->complaints->lost_interface};

	for (size_t i = 0; i < client->interface_count; i++) {
		const struct stage_interface *interface = &client->interfaces[i];
		const struct stage_address *subnet = subnet_of(checker->stage, interface, family);

		if (!is_known(checker->stage, interface))
			reach.all = false;
		if (!subnet)
			continue;
		if (!reach.any)
			reach.any = subnet;
		if (address_share(address, subnet, subnet->length))
			reach.subnet = subnet;
	}
	return reach;
}

/* Whether the client can send by way of ADDRESS: 0, also where that is not known, or -EINVAL. */
static int check_next_hop(const struct checker *checker, enum family family,
			  const struct stage_address *address, struct error *error)
{
	struct reach reach = find_reach(checker, family, address);
	char text[ADDRESS_TEXT_SIZE];

	if (address_is_of(checker->client, family, address))
		return error_set(error, EINVAL, "the client's own address; write the router's");
	if (reach.subnet)
		return subnet_check_host(family, reach.subnet, address, error);
	if (!reach.all)
		return 0;
	if (!reach.any)
		return error_set(error, EINVAL,
				 "the client has no %s address; give it one, or leave this out",
				 address_family_name(family));
	return error_set(error, EINVAL,
			 "no interface of the client reaches it; use an address in %s",
			 address_format_prefix(family, reach.any, text));
}

/* ---- gateways ---- */

static void check_gateway(const struct checker *checker, enum family family)
{
	const struct stage_address *gateway = &checker->client->gateway[family];
	char section[STAGE_CLIENT_NAME_SIZE];
	char value[ADDRESS_TEXT_SIZE];
	struct place place = {gateway->line, section, "gateway", value};
	struct error why;

	if (!gateway->line || check_next_hop(checker, family, gateway, &why) == 0)
		return;
	stage_client_name(checker->client, section);
	address_format(family, gateway, value);
	complaints_add_at(checker->complaints, &place, "%s", why.text);
}

/* ---- routes ---- */

static bool is_same(const struct stage_address *one, const struct stage_address *other)
{
	return one->length == other->length && address_share(one, other, one->length);
}

/* The client's interface on the net that PREFIX is the subnet of, or NULL. */
static const struct stage_interface *find_on(const struct checker *checker, enum family family,
					     const struct stage_address *prefix)
{
	const struct stage_client *client = checker->client;

	for (size_t i = 0; i < client->interface_count; i++) {
		const struct stage_address *subnet =
			subnet_of(checker->stage, &client->interfaces[i], family);

		if (subnet && is_same(subnet, prefix))
			return &client->interfaces[i];
	}
	return NULL;
}

/* Whether a route of the client before ROUTE has its prefix. */
static bool is_repeated(const struct stage_client *client, const struct stage_route *route)
{
	for (const struct stage_route *other = client->routes; other < route; other++) {
		if (other->family == route->family && is_same(&other->prefix, &route->prefix))
			return true;
	}
	return false;
}

static int check_prefix(const struct checker *checker, const struct stage_route *route,
			struct error *error)
{
	const struct stage_address *gateway = &checker->client->gateway[route->family];
	const struct stage_interface *on = find_on(checker, route->family, &route->prefix);
	const char *reserved = subnet_reserved(route->family, &route->prefix);

	if (reserved)
		return error_set(error, EINVAL, "leads to %s; take it out", reserved);
	if (on)
		return error_set(error, EINVAL,
				 "leads to net%u, which the client is on; take it out", on->net);
	if (is_repeated(checker->client, route))
		return error_set(error, EINVAL, "the prefix has a route already; keep one of them");
	if (route->prefix.length == 0 && gateway->line)
		return error_set(error, EINVAL,
				 "is a default route, as gateway is (line %u); keep one of them",
				 gateway->line);
	return 0;
}

static void complain(const struct checker *checker, const struct stage_route *route,
		     const char *why)
{
	char section[STAGE_CLIENT_NAME_SIZE];
	char prefix[ADDRESS_TEXT_SIZE];
	char via[ADDRESS_TEXT_SIZE];
	char value[sizeof(prefix) + sizeof(via) + 8];
	struct place place = {route->prefix.line, section, "routes", value};

	stage_client_name(checker->client, section);
	(void)snprintf(value, sizeof(value), "%s via %s",
		       address_format_prefix(route->family, &route->prefix, prefix),
		       address_format(route->family, &route->via, via));
	complaints_add_at(checker->complaints, &place, "%s", why);
}

static void check_route(const struct checker *checker, const struct stage_route *route)
{
	struct error why;

	if (check_prefix(checker, route, &why) < 0)
		complain(checker, route, why.text);
	if (check_next_hop(checker, route->family, &route->via, &why) < 0)
		complain(checker, route, why.text);
}

void hops_check(const struct stage *stage, struct complaints *complaints)
{
	for (size_t i = 0; i < stage->client_count; i++) {
		const struct stage_client *client = &stage->clients[i];
		struct checker checker = {stage, client, complaints};

		for (enum family family = 0; family < FAMILIES; family++)
			check_gateway(&checker, family);
		for (size_t j = 0; j < client->route_count; j++)
			check_route(&checker, &client->routes[j]);
	}
}
