#include "rules.h"
#include "address.h"
#include "ports.h"

struct checker {
	const struct stage *stage;
	struct complaints *complaints;
};

/* Prefixes that no host may have an address in, with why. */
static const struct {
	enum family family;
	struct stage_address prefix;
	const char *what;
} reserved[] = {
	{FAMILY_IPV4, {.bytes = {0}, .length = 8}, "addresses of no network (RFC 1122)"},
	{FAMILY_IPV4, {.bytes = {127}, .length = 8}, "loopback addresses"},
	{FAMILY_IPV4, {.bytes = {224}, .length = 4}, "multicast addresses"},
	{FAMILY_IPV4, {.bytes = {240}, .length = 4}, "reserved addresses (RFC 1112)"},
};

#define MTU_MIN 68 /* what every IPv4 module must forward whole (RFC 791) */
#define MTU_MAX 65535

static bool overlap(const struct stage_address *a, const struct stage_address *b)
{
	return address_share(a, b, a->length < b->length ? a->length : b->length);
}

/* ---- nets ---- */

static void check_reserved(struct checker *checker, const struct place *place, enum family family,
			   const struct stage_address *subnet)
{
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++) {
		if (reserved[i].family != family || !overlap(&reserved[i].prefix, subnet))
			continue;
		complaints_add_at(checker->complaints, place,
				  "holds %s; use another subnet, like 10.1.1.0/24",
				  reserved[i].what);
		return;
	}
}

/* Complains of the net that comes later in the file. */
static void check_overlap(struct checker *checker, const struct place *place, enum family family,
			  const struct stage_address *subnet)
{
	char text[ADDRESS_TEXT_SIZE];

	for (size_t i = 0; i < checker->stage->net_count; i++) {
		const struct stage_net *other = &checker->stage->nets[i];
		const struct stage_address *theirs = &other->subnet[family];

		if (!theirs->line || theirs->line >= subnet->line || !overlap(theirs, subnet))
			continue;
		complaints_add_at(checker->complaints, place,
				  "overlaps %s of net%u (line %u); give each net its own",
				  address_format_prefix(family, theirs, text), other->number,
				  theirs->line);
		return;
	}
}

static void check_subnet(struct checker *checker, const struct stage_net *net, enum family family)
{
	const struct stage_address *subnet = &net->subnet[family];
	char section[16];
	char value[ADDRESS_TEXT_SIZE];
	struct place place = {subnet->line, section, "subnet",
			      address_format_prefix(family, subnet, value)};

	(void)snprintf(section, sizeof(section), "net%u", net->number);
	if (subnet->length == address_bits(family))
		complaints_add_at(checker->complaints, &place,
				  "has room for one host only; use /%u or a shorter prefix",
				  address_bits(family) - 1);
	check_reserved(checker, &place, family, subnet);
	check_overlap(checker, &place, family, subnet);
}

/* An address that some host of the stage has, or is to send to, must be one of SUBNET's. */
static void check_address(struct checker *checker, const struct place *place, enum family family,
			  const struct stage_address *address, const struct stage_address *subnet)
{
	struct stage_address first;
	struct stage_address last;
	char from[ADDRESS_TEXT_SIZE];
	char to[ADDRESS_TEXT_SIZE];
	char text[ADDRESS_TEXT_SIZE];

	address_range(family, subnet, &first, &last);
	address_format_prefix(family, subnet, text);
	address_format(family, &first, from);
	address_format(family, &last, to);
	if (!address_share(address, subnet, subnet->length))
		complaints_add_at(checker->complaints, place,
				  "outside the subnet %s; use one from %s to %s", text, from, to);
	else if (memcmp(address->bytes, first.bytes, sizeof(first.bytes)) < 0)
		complaints_add_at(checker->complaints, place,
				  "the subnet's own address; use one from %s to %s", from, to);
	else if (memcmp(address->bytes, last.bytes, sizeof(last.bytes)) > 0)
		complaints_add_at(checker->complaints, place,
				  "the subnet's broadcast address; use one from %s to %s", from,
				  to);
}

static void check_mtu(struct checker *checker, const struct stage_net *net)
{
	char section[16];
	char value[16];
	struct place place = {net->mtu_line, section, "mtu", value};

	if (net->mtu >= MTU_MIN && net->mtu <= MTU_MAX)
		return;
	(void)snprintf(section, sizeof(section), "net%u", net->number);
	(void)snprintf(value, sizeof(value), "%u", net->mtu);
	complaints_add_at(checker->complaints, &place, "not an MTU; use %d to %d bytes", MTU_MIN,
			  MTU_MAX);
}

static void check_net(struct checker *checker, const struct stage_net *net)
{
	if (!net->line)
		return;
	for (enum family family = 0; family < FAMILIES; family++) {
		if (net->subnet[family].line)
			check_subnet(checker, net, family);
	}
	check_mtu(checker, net);
}

/* ---- legs and interfaces ---- */

static void check_mac(struct checker *checker, const struct port *port)
{
	static const uint8_t zero[MAC_SIZE];
	char value[MAC_TEXT_SIZE];
	struct place place = port_mac_place(port, value);

	/* The kernel takes neither for an interface (is_valid_ether_addr()). */
	if (port->mac[0] & 1)
		complaints_add_at(checker->complaints, &place,
				  "a multicast address; make the first byte even, like 02");
	else if (memcmp(port->mac, zero, sizeof(zero)) == 0)
		complaints_add_at(checker->complaints, &place,
				  "stands for no address; use another, like 02:42:01:01:01:02");
}

static void check_port(struct checker *checker, const struct port *port)
{
	char value[ADDRESS_TEXT_SIZE];

	for (enum family family = 0; family < FAMILIES; family++) {
		const struct stage_address *address = &port->address[family];
		struct place place = port_address_place(port, family, value);

		if (address->line && port->net && port->net->subnet[family].line)
			check_address(checker, &place, family, address, &port->net->subnet[family]);
	}
	if (port->mac_line)
		check_mac(checker, port);
}

/* ---- gateways ---- */

/* The subnet, of those that CLIENT has an interface on, that ADDRESS is in; else NULL. *ANY becomes
 * one of them, and NULL where we do not know them all: a net is missing, or its line refused. */
static const struct stage_address *find_reach(const struct stage *stage,
					      const struct stage_client *client, enum family family,
					      const struct stage_address *address,
					      const struct stage_address **any)
{
	bool all = true;

	*any = NULL;
	for (size_t i = 0; i < client->interface_count; i++) {
		const struct stage_net *net = stage_net_find(stage, client->interfaces[i].net);

		if (!net || !net->subnet[family].line)
			all = false;
		else if (address_share(address, &net->subnet[family], net->subnet[family].length))
			return &net->subnet[family];
		else if (!*any)
			*any = &net->subnet[family];
	}
	if (!all)
		*any = NULL;
	return NULL;
}

static bool is_own_address(const struct stage_client *client, enum family family,
			   const struct stage_address *address)
{
	for (size_t i = 0; i < client->interface_count; i++) {
		const struct stage_address *own = &client->interfaces[i].address[family];

		if (own->line && address_share(own, address, address_bits(family)))
			return true;
	}
	return false;
}

static void check_gateway(struct checker *checker, const struct stage_client *client,
			  enum family family)
{
	const struct stage_address *gateway = &client->gateway[family];
	const struct stage_address *any;
	const struct stage_address *reach =
		find_reach(checker->stage, client, family, gateway, &any);
	char text[ADDRESS_TEXT_SIZE];
	char section[24];
	char value[ADDRESS_TEXT_SIZE];
	struct place place = {gateway->line, section, "gateway",
			      address_format(family, gateway, value)};

	(void)snprintf(section, sizeof(section), "client%u", client->number);
	if (is_own_address(client, family, gateway))
		complaints_add_at(checker->complaints, &place,
				  "the client's own address; write the router's");
	else if (reach)
		check_address(checker, &place, family, gateway, reach);
	else if (any && !checker->complaints->lost_interface)
		complaints_add_at(checker->complaints, &place,
				  "no interface of the client reaches it; use an address in %s",
				  address_format_prefix(family, any, text));
}

/* ---- what is missing ---- */

/* Calls for the section that the hole at NUMBER needs, at the line of the next one. */
static void complain_gap(struct checker *checker, const char *kind, unsigned number, unsigned next,
			 unsigned line)
{
	complaints_add(checker->complaints, line,
		       "[%s%u]: there is no [%s%u]; number them from 1 without gaps", kind, next,
		       kind, number);
}

static void check_gaps(struct checker *checker)
{
	const struct stage *stage = checker->stage;

	/* The last of an array is there: the file's highest number made it that long. */
	for (unsigned i = 0; i + 1 < stage->net_count; i++) {
		if (!stage->nets[i].line && stage->nets[i + 1].line)
			complain_gap(checker, "net", i + 1, i + 2, stage->nets[i + 1].line);
	}
	for (unsigned i = 0; i + 1 < stage->client_count; i++) {
		if (!stage->clients[i].line && stage->clients[i + 1].line)
			complain_gap(checker, "client", i + 1, i + 2, stage->clients[i + 1].line);
	}
	if (stage->net_count == 0 && stage->client_count == 0)
		complaints_add(checker->complaints, 0,
			       "has no net and no client; add [net1], "
			       "with a subnet, and [client1]");
}

static void check_references(struct checker *checker, const struct stage_client *client)
{
	for (size_t i = 0; i < client->interface_count; i++) {
		const struct stage_interface *interface = &client->interfaces[i];

		if (!stage_net_find(checker->stage, interface->net))
			complaints_add(
				checker->complaints, interface->line,
				"[client%u] net%u: there is no [net%u]; add it, or use a net "
				"that there is",
				client->number, interface->net, interface->net);
	}
}

static void check_unused(struct checker *checker)
{
	const struct stage *stage = checker->stage;

	for (size_t i = 0; i < stage->net_count; i++) {
		const struct stage_net *net = &stage->nets[i];

		if (net->line && net->ends == (stage_net_is_leg(net) ? 1 : 0))
			complaints_add(checker->complaints, net->line,
				       "[net%u]: no client is on it; give one a net%u = ADDRESS",
				       net->number, net->number);
	}
	for (size_t i = 0; i < stage->client_count; i++) {
		const struct stage_client *client = &stage->clients[i];

		if (client->line && client->interface_count == 0)
			complaints_add(checker->complaints, client->line,
				       "[client%u]: is on no net; add one, like net1 = 1.1.1.2",
				       client->number);
	}
}

static void check_missing(struct checker *checker)
{
	if (checker->complaints->lost_section)
		return;
	check_gaps(checker);
	for (size_t i = 0; i < checker->stage->client_count; i++)
		check_references(checker, &checker->stage->clients[i]);
	if (!checker->complaints->lost_interface)
		check_unused(checker);
}

/* ---- all of it ---- */

static void check_sections(struct checker *checker)
{
	for (size_t i = 0; i < checker->stage->net_count; i++)
		check_net(checker, &checker->stage->nets[i]);
	for (size_t i = 0; i < checker->stage->client_count; i++) {
		const struct stage_client *client = &checker->stage->clients[i];

		for (enum family family = 0; family < FAMILIES; family++) {
			if (client->gateway[family].line)
				check_gateway(checker, client, family);
		}
	}
}

int rules_check(const struct stage *stage, struct complaints *complaints)
{
	struct checker checker = {.stage = stage, .complaints = complaints};
	CLEANUP_PORTS struct ports ports = {0};

	if (ports_list(stage, &ports) < 0) {
		complaints_add(complaints, 0, "cannot be checked: %s", strerror(ENOMEM));
		return -EINVAL;
	}
	check_sections(&checker);
	for (size_t i = 0; i < ports.count; i++)
		check_port(&checker, &ports.all[i]);
	ports_check_unique(&ports, complaints);
	check_missing(&checker);
	return complaints->count ? -EINVAL : 0;
}
