#include "values.h"
#include "address.h"
#include "quantity.h"
#include "reader.h"
#include "values_check.h"

static struct stage_net *current_net(struct reader *reader)
{
	return &reader->stage->nets[reader->section->name.number - 1];
}

static struct stage_client *current_client(struct reader *reader)
{
	return &reader->stage->clients[reader->section->name.number - 1];
}

/* ---- values: a function for each key ---- */

static void read_title(struct reader *reader, const struct scan_key *key)
{
	reader_read_text(reader, key, reader->stage->title);
}

static void read_summary(struct reader *reader, const struct scan_key *key)
{
	reader_read_text(reader, key, reader->stage->summary);
}

typedef int parser(const char *text, enum family *family, struct stage_address *address,
		   struct error *error);

static int read_address(const char *part, unsigned line, parser *parse,
			struct stage_address addresses[FAMILIES], struct error *error)
{
	struct stage_address address = {.line = line};
	enum family family;

	if (*part == '\0')
		return error_set(error, EINVAL, "%s", reader_nothing);
	if (parse(part, &family, &address, error) < 0)
		return -EINVAL;
	if (addresses[family].line)
		return error_set(error, EINVAL, "several of %s; write one",
				 address_family_name(family));
	addresses[family] = address;
	return 0;
}

/* Reads one address or prefix of each family into ADDRESSES; none where something is wrong. */
static void read_addresses(struct reader *reader, const struct scan_key *key, parser *parse,
			   struct stage_address addresses[FAMILIES])
{
	struct stage_address found[FAMILIES] = {{.line = 0}};
	const char *rest = key->value;
	char part[SCAN_LINE_MAX + 1];
	struct error error;

	while (reader_next_part(&rest, part)) {
		if (read_address(part, key->line, parse, found, &error) < 0) {
			reader_refuse(reader, key, error.text);
			return;
		}
	}
	memcpy(addresses, found, sizeof(found));
}

static void read_subnet(struct reader *reader, const struct scan_key *key)
{
	read_addresses(reader, key, address_parse_prefix, current_net(reader)->subnet);
}

static void read_computer(struct reader *reader, const struct scan_key *key)
{
	read_addresses(reader, key, address_parse, current_net(reader)->computer);
}

static void read_mtu(struct reader *reader, const struct scan_key *key)
{
	struct stage_net *net = current_net(reader);
	size_t digits = strspn(key->value, "0123456789");

	if (digits > 9 || key->value[digits] != '\0' || key->value[0] == '0') {
		reader_refuse(reader, key, "not a number of bytes; write it like 1500");
		return;
	}
	net->mtu = (unsigned)strtoul(key->value, NULL, 10);
	net->mtu_line = key->line;
}

static void read_interface(struct reader *reader, const struct scan_key *key)
{
	struct stage_client *client = current_client(reader);
	struct stage_interface *interface;
	char why[64];

	if (client->interface_count == INTERFACES_MAX) {
		(void)snprintf(why, sizeof(why),
			       "a client has at most %d interfaces; take some out", INTERFACES_MAX);
		reader_refuse(reader, key, why);
		return;
	}
	interface = &client->interfaces[client->interface_count++];
	interface->net = key->name.number;
	interface->line = key->line;
	read_addresses(reader, key, address_parse, interface->address);
}

static void read_mac(struct reader *reader, const struct scan_key *key)
{
	struct stage_client *client = current_client(reader);
	struct stage_interface *interface = client->interfaces;
	struct stage_interface *end = interface + client->interface_count;
	struct error error;

	while (interface < end && interface->net != key->name.number)
		interface++;
	if (interface == end) {
		/* The interface's own line may be what was refused. */
		if (!reader->section->faulty)
			reader_refuse(reader, key,
				      "the client has no interface on this net; add one");
		return;
	}
	if (address_parse_mac(key->value, interface->mac, &error) < 0)
		reader_refuse(reader, key, error.text);
	else
		interface->mac_line = key->line;
}

static void read_gateway(struct reader *reader, const struct scan_key *key)
{
	read_addresses(reader, key, address_parse, current_client(reader)->gateway);
}

static void read_delay(struct reader *reader, const struct scan_key *key)
{
	struct error error;

	if (quantity_parse_delay(key->value, &current_net(reader)->delay, &error) < 0)
		reader_refuse(reader, key, error.text);
}

static void read_loss(struct reader *reader, const struct scan_key *key)
{
	struct error error;

	if (quantity_parse_loss(key->value, &current_net(reader)->loss, &error) < 0)
		reader_refuse(reader, key, error.text);
}

static void read_rate(struct reader *reader, const struct scan_key *key)
{
	struct error error;

	if (quantity_parse_rate(key->value, &current_net(reader)->rate, &error) < 0)
		reader_refuse(reader, key, error.text);
}

/* Splits PART at its blanks, in place, and reads it as PREFIX via ADDRESS. */
static int read_route(char *part, unsigned line, struct stage_route *route, struct error *error)
{
	char *rest = NULL;
	const char *prefix = strtok_r(part, " ", &rest);
	const char *via = strtok_r(NULL, " ", &rest);
	const char *address = strtok_r(NULL, " ", &rest);
	enum family family;

	if (!prefix)
		return error_set(error, EINVAL, "%s", reader_nothing);
	if (!address || strcmp(via, "via") != 0 || strtok_r(NULL, " ", &rest))
		return error_set(error, EINVAL,
				 "not a route; write PREFIX via ADDRESS, like "
				 "2.2.2.0/24 via 1.1.1.1");
	if (strcmp(prefix, "default") == 0)
		return error_set(error, EINVAL,
				 "default is no prefix; write 0.0.0.0/0 or ::/0, or use gateway");
	if (address_parse_prefix(prefix, &route->family, &route->prefix, error) < 0)
		return error_prefix(error, "%s", prefix);
	if (address_parse(address, &family, &route->via, error) < 0)
		return error_prefix(error, "%s", address);
	if (family != route->family)
		return error_set(error, EINVAL,
				 "the prefix is %s and the address %s; write both of one family",
				 address_family_name(route->family), address_family_name(family));
	route->prefix.line = route->via.line = line;
	return 0;
}

/* As many as have the right form. */
static void read_routes(struct reader *reader, const struct scan_key *key)
{
	struct stage_client *client = current_client(reader);
	const char *rest = key->value;
	char part[SCAN_LINE_MAX + 1];
	char words[SCAN_LINE_MAX + 1];
	struct stage_route *routes = reader_allocate(reader, key, sizeof(*routes));
	struct error error;

	if (!routes)
		return;
	while (reader_next_part(&rest, part)) {
		memcpy(words, part, strlen(part) + 1);
		if (read_route(words, key->line, &routes[client->route_count], &error) == 0)
			client->route_count++;
		else if (*part)
			reader_refuse_part(reader, key, part, error.text);
		else
			reader_refuse(reader, key, error.text);
	}
	client->routes = routes;
}

static void read_forwarding(struct reader *reader, const struct scan_key *key)
{
	if (strcmp(key->value, "yes") == 0)
		current_client(reader)->forwarding = true;
	else if (strcmp(key->value, "no") != 0)
		reader_refuse(reader, key, "neither yes nor no; write one of these");
}

static void read_run(struct reader *reader, const struct scan_key *key)
{
	reader_read_string(reader, key, &current_client(reader)->run);
}

static void (*const readers[KEY_KINDS])(struct reader *, const struct scan_key *) = {
	[KEY_TITLE] = read_title,
	[KEY_SUMMARY] = read_summary,
	[KEY_SUBNET] = read_subnet,
	[KEY_COMPUTER] = read_computer,
	[KEY_MTU] = read_mtu,
	[KEY_DELAY] = read_delay,
	[KEY_LOSS] = read_loss,
	[KEY_RATE] = read_rate,
	[KEY_INTERFACE] = read_interface,
	[KEY_MAC] = read_mac,
	[KEY_GATEWAY] = read_gateway,
	[KEY_ROUTES] = read_routes,
	[KEY_FORWARDING] = read_forwarding,
	[KEY_RUN] = read_run,
};

/* ---- sections ---- */

static void begin_section(struct reader *reader)
{
	const struct scan_section *section = reader->section;
	struct stage_net *net;
	struct stage_client *client;

	if (section->name.kind == SECTION_NET) {
		net = current_net(reader);
		net->number = section->name.number;
		net->line = section->line;
		net->mtu = MTU_DEFAULT;
	} else if (section->name.kind == SECTION_CLIENT) {
		client = current_client(reader);
		client->number = section->name.number;
		client->line = section->line;
	}
}

static void end_section(struct reader *reader)
{
	if (reader->section->name.kind == SECTION_STAGE)
		reader_require(reader, reader->stage->title[0] != '\0', "title", "Two neighbours");
	else if (reader->section->name.kind == SECTION_NET)
		reader_require(reader,
			       stage_net_has(current_net(reader), FAMILY_IPV4) ||
				       stage_net_has(current_net(reader), FAMILY_IPV6),
			       "subnet", "1.1.1.0/24");
}

/* An Ethernet address belongs to an interface, whichever of the two lines comes first: those keys
 * are read last. */
int values_read(struct scan_section *section, struct stage *stage, struct complaints *complaints)
{
	struct reader reader = {.stage = stage, .complaints = complaints, .section = section};

	if (section->name.kind == SECTION_CHECK) {
		values_check_read(&reader);
		return reader.result;
	}
	begin_section(&reader);
	for (size_t i = 0; i < section->key_count; i++) {
		if (section->keys[i].name.kind != KEY_MAC)
			readers[section->keys[i].name.kind](&reader, &section->keys[i]);
	}
	for (size_t i = 0; i < section->key_count; i++) {
		if (section->keys[i].name.kind == KEY_MAC)
			read_mac(&reader, &section->keys[i]);
	}
	end_section(&reader);
	return reader.result;
}
