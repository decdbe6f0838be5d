#include "ports.h"
#include "address.h"
#include "subnet.h"

struct port {
	unsigned client;		     /* number; 0: a leg of the computer */
	unsigned net;			     /* number */
	const struct stage_net *on;	     /* NULL: there is no such net */
	const struct stage_address *address; /* one of each family */
	unsigned mac_line;		     /* 0: derived from the address */
	uint8_t mac[MAC_SIZE];
	bool taken[FAMILIES]; /* another has this address, which was complained of */
};

struct ports {
	struct port *all;
	size_t count;
};

static void ports_clear(struct ports *ports)
{
	free(ports->all);
}

static void add_legs(struct ports *ports, const struct stage *stage)
{
	for (size_t i = 0; i < stage->net_count; i++) {
		const struct stage_net *net = &stage->nets[i];
		struct port *port = &ports->all[ports->count];

		if (!stage_net_is_leg(net))
			continue;
		*port = (struct port){.net = net->number, .on = net, .address = net->computer};
		stage_mac_derive(net->computer, port->mac);
		ports->count++;
	}
}

static void add_interfaces(struct ports *ports, const struct stage *stage,
			   const struct stage_client *client)
{
	for (size_t i = 0; i < client->interface_count; i++) {
		const struct stage_interface *interface = &client->interfaces[i];
		struct port *port = &ports->all[ports->count++];

		*port = (struct port){.client = client->number,
				      .net = interface->net,
				      .on = stage_net_find(stage, interface->net),
				      .address = interface->address,
				      .mac_line = interface->mac_line};
		memcpy(port->mac, interface->mac, MAC_SIZE);
	}
}

/* The legs, then the interfaces. */
static int list_ports(const struct stage *stage, struct ports *ports)
{
	size_t most = stage->net_count;

	for (size_t i = 0; i < stage->client_count; i++)
		most += stage->clients[i].interface_count;
	ports->all = calloc(most + 1, sizeof(*ports->all));
	if (!ports->all)
		return -ENOMEM;
	add_legs(ports, stage);
	for (size_t i = 0; i < stage->client_count; i++)
		add_interfaces(ports, stage, &stage->clients[i]);
	return 0;
}

/* ---- where the file tells of a port ---- */

struct port_names {
	char section[16];
	char key[16];	  /* that gives its address */
	char mac_key[16]; /* that may give its Ethernet address */
};

static void name_port(const struct port *port, struct port_names *names)
{
	(void)snprintf(names->section, sizeof(names->section), "%s%u",
		       port->client ? "client" : "net", port->client ? port->client : port->net);
	if (port->client)
		(void)snprintf(names->key, sizeof(names->key), "net%u", port->net);
	else
		memcpy(names->key, "computer", sizeof("computer"));
	(void)snprintf(names->mac_key, sizeof(names->mac_key), "mac.net%u", port->net);
}

static void complain_address(struct complaints *complaints, const struct port *port,
			     enum family family, const char *why)
{
	struct port_names names;
	char value[ADDRESS_TEXT_SIZE];
	struct place place = {port->address[family].line, names.section, names.key,
			      address_format(family, &port->address[family], value)};

	name_port(port, &names);
	complaints_add_at(complaints, &place, "%s", why);
}

static void complain_mac(struct complaints *complaints, const struct port *port, const char *why)
{
	struct port_names names;
	char value[MAC_TEXT_SIZE];
	struct place place = {port->mac_line, names.section, names.mac_key,
			      address_format_mac(port->mac, value)};

	name_port(port, &names);
	complaints_add_at(complaints, &place, "%s", why);
}

/* ---- one port ---- */

static void check_address(struct complaints *complaints, const struct port *port,
			  enum family family)
{
	enum family other = family == FAMILY_IPV4 ? FAMILY_IPV6 : FAMILY_IPV4;
	const struct stage_net *net = port->on;
	struct error why;

	/* Where the net has no subnet at all, that is the fault, and told. */
	if (!net || (!stage_net_has(net, family) && !stage_net_has(net, other)))
		return;
	if (!stage_net_has(net, family))
		(void)error_set(&why, EINVAL,
				"net%u has no %s subnet; give it one, or leave the address out",
				net->number, address_family_name(family));
	else if (subnet_check_host(family, &net->subnet[family], &port->address[family], &why) == 0)
		return;
	complain_address(complaints, port, family, why.text);
}

static void check_mac(struct complaints *complaints, const struct port *port)
{
	static const uint8_t zero[MAC_SIZE];

	/* The kernel takes neither for an interface (is_valid_ether_addr()). */
	if (port->mac[0] & 1)
		complain_mac(complaints, port,
			     "a multicast address; make the first byte even, like 02");
	else if (memcmp(port->mac, zero, sizeof(zero)) == 0)
		complain_mac(complaints, port,
			     "stands for no address; use another, like 02:42:01:01:01:02");
}

static void check_port(struct complaints *complaints, const struct port *port)
{
	for (enum family family = 0; family < FAMILIES; family++) {
		if (port->address[family].line)
			check_address(complaints, port, family);
	}
	if (port->mac_line)
		check_mac(complaints, port);
}

/* ---- nothing twice: sorted, what is the same stands together ---- */

static int by_number(unsigned a, unsigned b)
{
	return (a > b) - (a < b);
}

static int by_address(const void *a, const void *b, void *context)
{
	enum family family = *(const enum family *)context;
	const struct stage_address *one = &((const struct port *)a)->address[family];
	const struct stage_address *other = &((const struct port *)b)->address[family];
	int order = memcmp(one->bytes, other->bytes, sizeof(one->bytes));

	return order ? order : by_number(one->line, other->line);
}

static void complain_taken(struct complaints *complaints, const struct port *port,
			   const struct port *holder, enum family family)
{
	struct port_names names;
	struct error why;

	name_port(holder, &names);
	(void)error_set(&why, EINVAL, "is the address of [%s] %s too (line %u); use another",
			names.section, names.key, holder->address[family].line);
	complain_address(complaints, port, family, why.text);
}

static void check_addresses_differ(struct ports *ports, struct complaints *complaints,
				   enum family family)
{
	const struct port *holder = NULL;

	qsort_r(ports->all, ports->count, sizeof(*ports->all), by_address, &family);
	for (size_t i = 0; i < ports->count; i++) {
		struct port *port = &ports->all[i];
		const struct stage_address *address = &port->address[family];

		if (!address->line)
			continue;
		port->taken[family] = holder && address_share(&holder->address[family], address,
							      address_bits(family));
		if (port->taken[family])
			complain_taken(complaints, port, holder, family);
		else
			holder = port;
	}
}

/* The family of the address that a port's Ethernet address is derived from. */
static enum family mac_family(const struct port *port)
{
	return port->address[FAMILY_IPV4].line ? FAMILY_IPV4 : FAMILY_IPV6;
}

/* The line that gave PORT its Ethernet address; 0 where its address was refused. */
static unsigned mac_source(const struct port *port)
{
	return port->mac_line ? port->mac_line : port->address[mac_family(port)].line;
}

/* Those with one Ethernet address stand together: derived ones first, net by net, and among them a
 * leg, which can have no other, before an interface. The complaint is then about the line that is
 * easiest to change. */
static int by_mac(const void *a, const void *b)
{
	const struct port *one = a;
	const struct port *other = b;
	int order = memcmp(one->mac, other->mac, MAC_SIZE);

	if (order == 0)
		order = (one->mac_line != 0) - (other->mac_line != 0);
	if (order == 0 && !one->mac_line)
		order = by_number(one->net, other->net);
	if (order == 0 && !one->mac_line)
		order = (one->client != 0) - (other->client != 0);
	return order ? order : by_number(mac_source(one), mac_source(other));
}

/* Derived ones may be alike where their addresses are not: two of IPv6, or one of each family, may
 * have the four bytes that count in common. */
static void complain_same_mac(struct complaints *complaints, const struct port *port,
			      const struct port *holder)
{
	struct port_names names;
	struct port_names theirs;
	char mac[MAC_TEXT_SIZE];
	char whose[64];
	struct error why;

	name_port(port, &names);
	name_port(holder, &theirs);
	address_format_mac(port->mac, mac);
	(void)snprintf(whose, sizeof(whose), "[%s] %s too (line %u)", theirs.section,
		       holder->mac_line ? theirs.mac_key : theirs.key, mac_source(holder));
	if (port->mac_line) {
		(void)error_set(&why, EINVAL, "is the Ethernet address of %s; use another", whose);
		complain_mac(complaints, port, why.text);
		return;
	}
	(void)error_set(&why, EINVAL, "its Ethernet address, %s, is that of %s; give one with %s",
			mac, whose, names.mac_key);
	complain_address(complaints, port, mac_family(port), why.text);
}

/* What the file gives must be nobody's. What is derived must be nobody's on its net: fd00:1::1 and
 * fd00:2::1 on two nets are natural, and frames go from no net to the other. */
static void check_macs_differ(struct ports *ports, struct complaints *complaints)
{
	const struct port *holder = NULL;

	qsort(ports->all, ports->count, sizeof(*ports->all), by_mac);
	for (size_t i = 0; i < ports->count; i++) {
		const struct port *port = &ports->all[i];

		if (!mac_source(port))
			continue;
		if (!holder || memcmp(holder->mac, port->mac, MAC_SIZE) != 0 ||
		    (!port->mac_line && port->net != holder->net))
			holder = port;
		else if (port->mac_line || !port->taken[mac_family(port)])
			complain_same_mac(complaints, port, holder);
	}
}

int ports_check(const struct stage *stage, struct complaints *complaints)
{
	CLEANUP(ports_clear) struct ports ports = {0};

	if (list_ports(stage, &ports) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < ports.count; i++)
		check_port(complaints, &ports.all[i]);
	for (enum family family = 0; family < FAMILIES; family++)
		check_addresses_differ(&ports, complaints, family);
	check_macs_differ(&ports, complaints);
	return 0;
}
