#include "ports.h"

void ports_clear(struct ports *ports)
{
	free(ports->all);
	memset(ports, 0, sizeof(*ports));
}

struct place port_address_place(const struct port *port, enum family family, char *value)
{
	return (struct place){port->address[family].line, port->section, port->key,
			      address_format(family, &port->address[family], value)};
}

struct place port_mac_place(const struct port *port, char *value)
{
	return (struct place){port->mac_line, port->section, port->mac_key,
			      address_format_mac(port->mac, value)};
}

static void add_legs(struct ports *ports, const struct stage *stage)
{
	for (size_t i = 0; i < stage->net_count; i++) {
		const struct stage_net *net = &stage->nets[i];
		struct port *port = &ports->all[ports->count];

		if (!stage_net_is_leg(net))
			continue;
		*port = (struct port){.net = net, .address = net->computer, .key = "computer"};
		(void)snprintf(port->section, sizeof(port->section), "net%u", net->number);
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

		*port = (struct port){.net = stage_net_find(stage, interface->net),
				      .address = interface->address,
				      .mac_line = interface->mac_line};
		memcpy(port->mac, interface->mac, MAC_SIZE);
		(void)snprintf(port->section, sizeof(port->section), "client%u", client->number);
		(void)snprintf(port->key, sizeof(port->key), "net%u", interface->net);
		(void)snprintf(port->mac_key, sizeof(port->mac_key), "mac.net%u", interface->net);
	}
}

int ports_list(const struct stage *stage, struct ports *ports)
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

/* ---- nothing twice: sorted, what is the same stands together ---- */

static int by_line(unsigned a, unsigned b)
{
	return (a > b) - (a < b);
}

static int by_address(const void *a, const void *b, void *context)
{
	enum family family = *(const enum family *)context;
	const struct stage_address *one = &((const struct port *)a)->address[family];
	const struct stage_address *other = &((const struct port *)b)->address[family];
	int order = memcmp(one->bytes, other->bytes, sizeof(one->bytes));

	return order ? order : by_line(one->line, other->line);
}

static void check_addresses_differ(struct ports *ports, struct complaints *complaints,
				   enum family family)
{
	const struct port *holder = NULL;
	char value[ADDRESS_TEXT_SIZE];

	qsort_r(ports->all, ports->count, sizeof(*ports->all), by_address, &family);
	for (size_t i = 0; i < ports->count; i++) {
		const struct port *port = &ports->all[i];
		const struct stage_address *address = &port->address[family];
		struct place place = port_address_place(port, family, value);

		if (!address->line)
			continue;
		if (holder &&
		    address_share(&holder->address[family], address, address_bits(family)))
			complaints_add_at(complaints, &place,
					  "is the address of [%s] %s too (line %u); use another",
					  holder->section, holder->key,
					  holder->address[family].line);
		else
			holder = port;
	}
}

/* The line that gave PORT its Ethernet address; 0 where its address was refused. */
static unsigned mac_source(const struct port *port)
{
	if (port->mac_line)
		return port->mac_line;
	return port->address[FAMILY_IPV4].line ? port->address[FAMILY_IPV4].line
					       : port->address[FAMILY_IPV6].line;
}

/* Derived ones first: the complaint is then about a line that gives an Ethernet address. */
static int by_mac(const void *a, const void *b)
{
	const struct port *one = a;
	const struct port *other = b;
	int order = memcmp(one->mac, other->mac, MAC_SIZE);

	if (order == 0)
		order = (one->mac_line != 0) - (other->mac_line != 0);
	return order ? order : by_line(mac_source(one), mac_source(other));
}

static void check_mac_differs(struct complaints *complaints, const struct port *port,
			      const struct port *holder)
{
	char value[MAC_TEXT_SIZE];
	struct place place = port_mac_place(port, value);

	complaints_add_at(complaints, &place,
			  "is the Ethernet address of [%s] %s too (line %u); use another",
			  holder->section, holder->mac_line ? holder->mac_key : holder->key,
			  mac_source(holder));
}

static void check_macs_differ(struct ports *ports, struct complaints *complaints)
{
	const struct port *holder = NULL;

	qsort(ports->all, ports->count, sizeof(*ports->all), by_mac);
	for (size_t i = 0; i < ports->count; i++) {
		const struct port *port = &ports->all[i];

		if (!mac_source(port))
			continue;
		if (!holder || memcmp(holder->mac, port->mac, MAC_SIZE) != 0)
			holder = port;
		else if (port->mac_line) /* two derived alike: their addresses are alike */
			check_mac_differs(complaints, port, holder);
	}
}

void ports_check_unique(struct ports *ports, struct complaints *complaints)
{
	for (enum family family = 0; family < FAMILIES; family++)
		check_addresses_differ(ports, complaints, family);
	check_macs_differ(ports, complaints);
}
