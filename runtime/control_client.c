#include "address.h"
#include "control_look.h"
#include "stack.h"
#include "text.h"
#include "wire.h"

#include <arpa/inet.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#define VISITS_MAX 65536 /* of routes, of neighbours: many more than any client needs */
#define NAME_SIZE  (IFNAMSIZ * 4)

static bool is_in(const struct net_address *address, int family, const uint8_t prefix[2],
		  unsigned length)
{
	const struct stage_address a = control_stage_address(address);
	struct stage_address b = {0};

	memcpy(b.bytes, prefix, 2);
	return address->family == family && address_share(&a, &b, length);
}

static bool is_link_local(const struct net_address *address)
{
	return is_in(address, AF_INET6, (const uint8_t[]){0xfe, 0x80}, 10);
}

static bool is_multicast(const struct net_address *address)
{
	return is_in(address, AF_INET6, (const uint8_t[]){0xff, 0}, 8) ||
	       is_in(address, AF_INET, (const uint8_t[]){224, 0}, 4);
}

static bool is_loopback(const struct net_address *address)
{
	static const struct net_address ipv6 = {.family = AF_INET6, .bytes = {[15] = 1}};

	return is_in(address, AF_INET, (const uint8_t[]){127, 0}, 8) ||
	       control_is_same(address, &ipv6);
}

/* A route that a client must have. */
struct expected_route {
	struct net_address to;
	struct net_address gateway; /* family 0: none */
	unsigned index;
	bool seen;
};

struct client_look {
	const struct stage *stage;
	const struct stage_client *client;
	unsigned loopback;		     /* indices of the links */
	unsigned interfaces[INTERFACES_MAX]; /* 0: not there */
	bool addresses[INTERFACES_MAX][FAMILIES];
	struct expected_route *routes;
	size_t route_count;
	unsigned rules[FAMILIES];
	unsigned visits;
};

static void close_client_look(struct client_look *look)
{
	free(look->routes);
}

/* The number of the interface whose link is INDEX; CLIENT's count where it is none of them. */
static size_t find_interface(const struct client_look *look, unsigned index)
{
	size_t i = 0;

	while (i < look->client->interface_count && look->interfaces[i] != index)
		i++;
	return i;
}

static bool is_interface(const struct client_look *look, size_t i)
{
	return i < look->client->interface_count;
}

static const char *name_of(size_t interface, char name[IFNAMSIZ])
{
	wire_interface_name(interface, name);
	return name;
}

static int judge_interface(const struct client_look *look, size_t i,
			   const struct net_seen_link *link, struct error *error)
{
	const struct stage_interface *interface = &look->client->interfaces[i];
	const unsigned mtu = look->stage->nets[interface->net - 1].mtu;
	char mac[MAC_TEXT_SIZE], right[MAC_TEXT_SIZE], name[IFNAMSIZ];

	name_of(i, name);
	if ((link->flags & IFF_UP) == 0)
		return control_wrong(error, "%s is down", name);
	if (memcmp(link->mac, interface->mac, MAC_SIZE) != 0)
		return control_wrong(error, "%s has the Ethernet address %s, and in the stage %s",
				     name, address_format_mac(link->mac, mac),
				     address_format_mac(interface->mac, right));
	if (link->mtu != mtu)
		return control_wrong(error, "%s has an MTU of %u bytes, and in the stage one of %u",
				     name, link->mtu, mtu);
	if ((link->flags & IFF_NOARP) != 0)
		return control_wrong(error, "ARP is off on %s", name);
	if (link->master != 0)
		return control_wrong(error, "%s is part of another interface", name);
	return 0;
}

/* What modules of the kernel make in every network namespace (net.core.fb_tunnels_only_for_init_net
 * in Documentation/admin-guide/sysctl/net.rst). */
static bool is_of_the_kernel(const struct net_seen_link *link)
{
	static const char *const names[] = {"tunl0",	"gre0", "gretap0", "erspan0", "ip_vti0",
					    "ip6_vti0", "sit0", "ip6tnl0", "ip6gre0"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(link->name, names[i]) == 0)
			return (link->flags & IFF_UP) == 0;
	return false;
}

static int on_client_link(void *context, const struct net_seen_link *link, struct error *error)
{
	struct client_look *look = context;
	char name[IFNAMSIZ], shown[NAME_SIZE];

	if ((link->flags & IFF_LOOPBACK) != 0) {
		look->loopback = link->index;
		return 0;
	}
	for (size_t i = 0; i < look->client->interface_count; i++) {
		if (strcmp(link->name, name_of(i, name)) != 0)
			continue;
		look->interfaces[i] = link->index;
		return judge_interface(look, i, link, error);
	}
	if (is_of_the_kernel(link))
		return 0;
	return control_wrong(error, "it has the interface %s, which the stage does not give it",
			     text_escape(link->name, shown, sizeof(shown)));
}

static int judge_links(struct client_look *look, struct error *error)
{
	char name[IFNAMSIZ];
	int result = net_survey_links(on_client_link, look, error);

	for (size_t i = 0; result == 0 && i < look->client->interface_count; i++)
		if (look->interfaces[i] == 0)
			result = control_wrong(error, "%s is not there", name_of(i, name));
	return result;
}

static int on_client_address(void *context, const struct net_seen_address *seen,
			     struct error *error)
{
	struct client_look *look = context;
	const enum family family = control_family(seen->address.family);
	const size_t i = find_interface(look, seen->index);
	char text[ADDRESS_TEXT_SIZE], name[IFNAMSIZ] = "lo";

	if (seen->index == look->loopback && is_loopback(&seen->address))
		return 0;
	if (is_interface(look, i)) {
		const struct stage_address *right = &look->client->interfaces[i].address[family];

		if (is_link_local(&seen->address) && !seen->peer)
			return 0;
		if (control_is_stages(right, family, seen)) {
			look->addresses[i][family] = true;
			return 0;
		}
		name_of(i, name);
	} else if (seen->index != look->loopback) {
		return control_wrong(error,
				     "an interface other than the stage's has the address %s",
				     control_format_prefix(&seen->address, text));
	}
	return control_wrong(error, "%s has the address %s, which the stage does not give it", name,
			     control_format_prefix(&seen->address, text));
}

static int judge_addresses(struct client_look *look, struct error *error)
{
	char text[ADDRESS_TEXT_SIZE], name[IFNAMSIZ];
	int result = net_survey_addresses(on_client_address, look, error);

	for (size_t i = 0; result == 0 && i < look->client->interface_count; i++)
		for (enum family family = 0; result == 0 && family < FAMILIES; family++) {
			const struct stage_address *right =
				&look->client->interfaces[i].address[family];

			if (right->line != 0 && !look->addresses[i][family])
				result = control_wrong(error, "%s has lost its address %s",
						       name_of(i, name),
						       address_format_prefix(family, right, text));
		}
	return result;
}

/* ---- its routes ------------------------------------------------------------------------------ */

/* The net of ADDRESS: its bits beyond the length are zero. */
static struct net_address prefix_of(const struct stage_address *address, enum family family)
{
	struct net_address prefix = wire_address(address, family);

	for (unsigned bit = address->length; bit < address_bits(family); bit++)
		prefix.bytes[bit / 8] &= (uint8_t) ~(0x80U >> bit % 8);
	return prefix;
}

static int expect_route(struct client_look *look, const struct net_address *to, enum family family,
			const struct stage_address *via, struct error *error)
{
	struct expected_route *route = &look->routes[look->route_count];
	char way[IFNAMSIZ], name[IFNAMSIZ];

	*route = (struct expected_route){.to = *to, .gateway = wire_address(via, family)};
	if (stack_find_way(look->stage, look->client, family, via, way, error) < 0)
		return -error->code;
	for (size_t i = 0; i < look->client->interface_count; i++)
		if (strcmp(way, name_of(i, name)) == 0)
			route->index = look->interfaces[i];
	look->route_count++;
	return 0;
}

/* The kernel has one to the net of each address, unless that is the address alone. */
static void expect_nets(struct client_look *look)
{
	for (size_t i = 0; i < look->client->interface_count; i++)
		for (enum family family = 0; family < FAMILIES; family++) {
			const struct stage_address *address =
				&look->client->interfaces[i].address[family];

			if (address->line == 0 || address->length == address_bits(family))
				continue;
			look->routes[look->route_count++] = (struct expected_route){
				.to = prefix_of(address, family), .index = look->interfaces[i]};
		}
}

static int expect_routes(struct client_look *look, struct error *error)
{
	const struct stage_client *client = look->client;
	const size_t most = (client->interface_count + 1) * (size_t)FAMILIES + client->route_count;
	int result = 0;

	look->routes = calloc(most, sizeof(*look->routes));
	if (look->routes == NULL)
		return error_system(error, ENOMEM, "cannot look at the routes");
	expect_nets(look);
	for (enum family family = 0; result == 0 && family < FAMILIES; family++) {
		const struct net_address all = {.family =
							family == FAMILY_IPV4 ? AF_INET : AF_INET6};

		if (client->gateway[family].line != 0)
			result = expect_route(look, &all, family, &client->gateway[family], error);
	}
	for (size_t i = 0; result == 0 && i < client->route_count; i++) {
		const struct stage_route *route = &client->routes[i];
		const struct net_address to = wire_address(&route->prefix, route->family);

		result = expect_route(look, &to, route->family, &route->via, error);
	}
	return result;
}

/* Of those through which packets leave: the stage's, or a net's that the kernel made. */
static bool is_right_way(struct client_look *look, const struct net_seen_route *seen)
{
	if (!seen->plain || seen->type != RTN_UNICAST || seen->table != RT_TABLE_MAIN)
		return false;
	for (size_t i = 0; i < look->route_count; i++) {
		struct expected_route *route = &look->routes[i];

		if (seen->index == route->index && seen->to.length == route->to.length &&
		    control_is_same(&seen->to, &route->to) &&
		    control_is_same(&seen->gateway, &route->gateway)) {
			route->seen = true;
			return true;
		}
	}
	return is_link_local(&seen->to) && seen->to.length == 64 && seen->gateway.family == 0 &&
	       is_interface(look, find_interface(look, seen->index));
}

/* The client's own addresses, and the first and last of their nets. */
static bool is_own(const struct client_look *look, const struct net_seen_route *seen)
{
	const enum family family = control_family(seen->to.family);

	if (is_loopback(&seen->to) || is_link_local(&seen->to))
		return true;
	for (size_t i = 0; i < look->client->interface_count; i++) {
		const struct stage_address *own = &look->client->interfaces[i].address[family];
		const struct net_address address = wire_address(own, family);
		const struct net_address first = prefix_of(own, family);
		struct net_address last = first;

		if (own->line == 0)
			continue;
		for (unsigned bit = own->length; bit < address_bits(family); bit++)
			last.bytes[bit / 8] |= (uint8_t)(0x80U >> bit % 8);
		if (seen->type == RTN_LOCAL ? control_is_same(&seen->to, &address)
					    : control_is_same(&seen->to, &first) ||
						      (seen->type == RTN_BROADCAST &&
						       control_is_same(&seen->to, &last)))
			return true;
	}
	return false;
}

/* What the kernel keeps of its own addresses in the table "local". */
static bool is_right_local(const struct client_look *look, const struct net_seen_route *seen)
{
	const bool whole = seen->to.length == address_bits(control_family(seen->to.family)) ||
			   is_loopback(&seen->to); /* 127.0.0.0/8 */

	if (!seen->plain || seen->gateway.family != 0)
		return false;
	if (seen->type == RTN_MULTICAST)
		return is_multicast(&seen->to) && seen->to.length >= 8;
	return (seen->type == RTN_LOCAL || seen->type == RTN_BROADCAST ||
		seen->type == RTN_ANYCAST) &&
	       whole && is_own(look, seen);
}

static bool is_consulted(unsigned table)
{
	return table == RT_TABLE_LOCAL || table == RT_TABLE_MAIN || table == RT_TABLE_DEFAULT;
}

static int on_client_route(void *context, const struct net_seen_route *seen, struct error *error)
{
	struct client_look *look = context;
	char to[ADDRESS_TEXT_SIZE], via[ADDRESS_TEXT_SIZE];
	const bool gateway = seen->gateway.family != 0;

	if (++look->visits > VISITS_MAX)
		return control_wrong(error, "it has more than %d routes", VISITS_MAX);
	if (!is_consulted(seen->table) ||
	    (seen->table == RT_TABLE_LOCAL ? is_right_local(look, seen) : is_right_way(look, seen)))
		return 0;
	return control_wrong(error, "it has the route %s%s%s, which the stage does not give it",
			     control_format_prefix(&seen->to, to), gateway ? " via " : "",
			     gateway ? control_format_address(&seen->gateway, via) : "");
}

static int judge_routes(struct client_look *look, struct error *error)
{
	char to[ADDRESS_TEXT_SIZE], via[ADDRESS_TEXT_SIZE];
	int result = expect_routes(look, error);

	look->visits = 0;
	if (result == 0)
		result = net_survey_routes(on_client_route, look, error);
	for (size_t i = 0; result == 0 && i < look->route_count; i++) {
		const struct expected_route *route = &look->routes[i];
		const bool gateway = route->gateway.family != 0;

		if (!route->seen)
			result = control_wrong(
				error, "it has lost the route %s%s%s",
				control_format_prefix(&route->to, to), gateway ? " via " : "",
				gateway ? control_format_address(&route->gateway, via) : "");
	}
	return result;
}

/* ---- its neighbours and rules ---------------------------------------------------------------- */

/* Multicast and broadcast need no ARP, of which the kernel keeps entries likewise. */
static bool needs_no_arp(const struct client_look *look, const struct net_address *address)
{
	const struct net_seen_route to = {.type = RTN_BROADCAST, .to = *address};
	static const struct net_address everybody = {.family = AF_INET,
						     .bytes = {255, 255, 255, 255}};

	return is_multicast(address) || control_is_same(address, &everybody) ||
	       (address->family == AF_INET && is_own(look, &to));
}

static int on_client_neighbour(void *context, const struct net_seen_neighbour *seen,
			       struct error *error)
{
	struct client_look *look = context;
	const size_t i = find_interface(look, seen->index);
	char text[ADDRESS_TEXT_SIZE], name[IFNAMSIZ];

	if (++look->visits > VISITS_MAX)
		return control_wrong(error, "it has more than %d neighbours", VISITS_MAX);
	if (!is_interface(look, i))
		return 0;
	if ((seen->state & NUD_PERMANENT) == 0 && (seen->flags & NTF_EXT_LEARNED) == 0 &&
	    ((seen->state & NUD_NOARP) == 0 || needs_no_arp(look, &seen->address)))
		return 0;
	return control_wrong(
		error,
		"%s has an entry of its own for the neighbour %s, which it need not ask "
		"for then",
		name_of(i, name), control_format_address(&seen->address, text));
}

/* The kernel's: three in IPv4, two in IPv6 (ip-rule(8)). */
static bool is_right_rule(const struct net_seen_rule *rule)
{
	if (!rule->plain)
		return false;
	return (rule->priority == 0 && rule->table == RT_TABLE_LOCAL) ||
	       (rule->priority == 32766 && rule->table == RT_TABLE_MAIN) ||
	       (rule->priority == 32767 && rule->table == RT_TABLE_DEFAULT &&
		rule->family == AF_INET);
}

static int on_client_rule(void *context, const struct net_seen_rule *rule, struct error *error)
{
	struct client_look *look = context;

	look->rules[control_family(rule->family)]++;
	if (is_right_rule(rule))
		return 0;
	return control_wrong(error, "it has a rule of its own for %s routes, of priority %u",
			     address_family_name(control_family(rule->family)), rule->priority);
}

static int judge_rules(struct client_look *look, struct error *error)
{
	static const unsigned right[FAMILIES] = {3, 2};
	int result = net_survey_rules(on_client_rule, look, error);

	for (enum family family = 0; result == 0 && family < FAMILIES; family++)
		if (look->rules[family] != 0 && look->rules[family] != right[family])
			result = control_wrong(error, "it has lost a rule for %s routes",
					       address_family_name(family));
	return result;
}

/* ---- forwarding ------------------------------------------------------------------------------ */

/* Of IPv6 only where the stage has it, and else where somebody switched it on. */
static int judge_ipv6_forwarding(const struct client_look *look, size_t i, struct error *error)
{
	const bool given = look->client->interfaces[i].address[FAMILY_IPV6].line != 0;
	char name[IFNAMSIZ];
	int off = control_is_on("ipv6", name_of(i, name), "disable_ipv6", error);
	int result;

	if (off != 0 && !given)
		return off < 0 ? off : 0;
	if (look->client->forwarding && !given)
		return 0;
	result = control_judge_forwarding("ipv6", "all", look->client->forwarding, error);
	if (result == 0)
		result = control_judge_forwarding("ipv6", name, look->client->forwarding, error);
	return result == 0 ? control_judge_forced(name, error) : result;
}

static int judge_forwarding(struct client_look *look, struct error *error)
{
	int result = control_judge_forwarding("ipv4", "all", look->client->forwarding, error);
	char name[IFNAMSIZ];

	for (size_t i = 0; result == 0 && i < look->client->interface_count; i++) {
		result = control_judge_forwarding("ipv4", name_of(i, name),
						  look->client->forwarding, error);
		if (result == 0)
			result = judge_ipv6_forwarding(look, i, error);
	}
	return result;
}

int control_look_at_client(const struct stage *stage, const struct stage_client *client,
			   struct error *error)
{
	CLEANUP(close_client_look)
	struct client_look look = {.stage = stage, .client = client};
	int result = judge_links(&look, error);

	if (result == 0)
		result = judge_addresses(&look, error);
	if (result == 0)
		result = judge_routes(&look, error);
	look.visits = 0;
	if (result == 0)
		result = net_survey_neighbours(on_client_neighbour, &look, error);
	if (result == 0)
		result = judge_rules(&look, error);
	return result == 0 ? judge_forwarding(&look, error) : result;
}
