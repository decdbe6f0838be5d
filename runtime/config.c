/* file -> bytes -> sections and keys with their lines (scan.c) -> struct stage -> iniparser agrees.
 *
 * iniparser opens what it reads by path. So that it reads the very bytes that were scanned,
 * whatever happens to the file meanwhile, they are in a sealed memory file of ours, which it opens
 * by its name under /proc/self/fd. */
#include "config.h"
#include "address.h"
#include "quantity.h"

#include <fcntl.h>
#include <sys/mman.h>

/* Older distributions have the header at the top level. */
#if __has_include(<iniparser/iniparser.h>)
#include <iniparser/iniparser.h>
#else
#include <iniparser.h>
#endif

#ifndef MFD_NOEXEC_SEAL /* Linux 6.3 */
#define MFD_NOEXEC_SEAL 0x0008U
#endif

struct reader {
	struct stage *stage;
	struct complaints *complaints;
	struct scan_section *section; /* the one being read */
	int result;		      /* -ENOMEM: not all could be kept */
};

/* PART is the piece of the key's value that is wrong. */
static void refuse_part(struct reader *reader, const struct scan_key *key, const char *part,
			const char *why)
{
	struct place place = {key->line, reader->section->text, key->text, part};

	reader->section->faulty = true;
	complaints_add_at(reader->complaints, &place, "%s", why);
}

static void refuse(struct reader *reader, const struct scan_key *key, const char *why)
{
	refuse_part(reader, key, key->value, why);
}

static struct stage_net *current_net(struct reader *reader)
{
	return &reader->stage->nets[reader->section->name.number - 1];
}

static struct stage_client *current_client(struct reader *reader)
{
	return &reader->stage->clients[reader->section->name.number - 1];
}

/* ---- values: a function for each key ---- */

static void read_text(struct reader *reader, const struct scan_key *key, char *buffer)
{
	char why[64];

	if (strlen(key->value) < STAGE_TITLE_SIZE) {
		memcpy(buffer, key->value, strlen(key->value) + 1);
		return;
	}
	(void)snprintf(why, sizeof(why), "longer than %d bytes; shorten it", STAGE_TITLE_SIZE - 1);
	refuse(reader, key, why);
}

static void read_title(struct reader *reader, const struct scan_key *key)
{
	read_text(reader, key, reader->stage->title);
}

static void read_summary(struct reader *reader, const struct scan_key *key)
{
	read_text(reader, key, reader->stage->summary);
}

static const char nothing_text[] = "nothing stands beside a comma; take the comma out";

/* Copies the next of the parts that commas separate to PART, without the blanks around it. *REST
 * is what follows, and NULL after the last; where it is NULL already, returns false. */
static bool next_part(const char **rest, char part[SCAN_LINE_MAX + 1])
{
	const char *start = *rest;
	size_t length;

	if (!start)
		return false;
	length = strcspn(start, ",");
	*rest = start[length] == ',' ? start + length + 1 : NULL;
	while (length > 0 && *start == ' ') {
		start++;
		length--;
	}
	while (length > 0 && start[length - 1] == ' ')
		length--;
	memcpy(part, start, length);
	part[length] = '\0';
	return true;
}

typedef int parser(const char *text, enum family *family, struct stage_address *address,
		   struct error *error);

static int read_address(const char *part, unsigned line, parser *parse,
			struct stage_address addresses[FAMILIES], struct error *error)
{
	struct stage_address address = {.line = line};
	enum family family;

	if (*part == '\0')
		return error_set(error, EINVAL, "%s", nothing_text);
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

	while (next_part(&rest, part)) {
		if (read_address(part, key->line, parse, found, &error) < 0) {
			refuse(reader, key, error.text);
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
		refuse(reader, key, "not a number of bytes; write it like 1500");
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
		refuse(reader, key, why);
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
			refuse(reader, key, "the client has no interface on this net; add one");
		return;
	}
	if (address_parse_mac(key->value, interface->mac, &error) < 0)
		refuse(reader, key, error.text);
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
		refuse(reader, key, error.text);
}

static void read_loss(struct reader *reader, const struct scan_key *key)
{
	struct error error;

	if (quantity_parse_loss(key->value, &current_net(reader)->loss, &error) < 0)
		refuse(reader, key, error.text);
}

static void read_rate(struct reader *reader, const struct scan_key *key)
{
	struct error error;

	if (quantity_parse_rate(key->value, &current_net(reader)->rate, &error) < 0)
		refuse(reader, key, error.text);
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
		return error_set(error, EINVAL, "%s", nothing_text);
	if (!address || strcmp(via, "via") != 0 || strtok_r(NULL, " ", &rest))
		return error_set(error, EINVAL,
				 "not a route; write PREFIX via ADDRESS, like "
				 "2.2.2.0/24 via 1.1.1.1");
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
	size_t most = 1;
	struct error error;

	for (const char *comma = key->value; (comma = strchr(comma, ',')); comma++)
		most++;
	client->routes = calloc(most, sizeof(*client->routes));
	if (!client->routes) {
		reader->result = -ENOMEM;
		return;
	}
	while (next_part(&rest, part)) {
		memcpy(words, part, strlen(part) + 1);
		if (read_route(words, key->line, &client->routes[client->route_count], &error) == 0)
			client->route_count++;
		else if (*part)
			refuse_part(reader, key, part, error.text);
		else
			refuse(reader, key, error.text);
	}
}

static void read_forwarding(struct reader *reader, const struct scan_key *key)
{
	if (strcmp(key->value, "yes") == 0)
		current_client(reader)->forwarding = true;
	else if (strcmp(key->value, "no") != 0)
		refuse(reader, key, "neither yes nor no; write one of these");
}

static void read_run(struct reader *reader, const struct scan_key *key)
{
	struct stage_client *client = current_client(reader);

	client->run = strdup(key->value);
	if (!client->run)
		reader->result = -ENOMEM;
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

static void require(struct reader *reader, bool there, const char *key, const char *example)
{
	struct place place = {.line = reader->section->line, .section = reader->section->text};

	if (!there && !reader->section->faulty)
		complaints_add_at(reader->complaints, &place, "has no %s; add one, like %s = %s",
				  key, key, example);
}

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
		require(reader, reader->stage->title[0] != '\0', "title", "Two neighbours");
	else if (reader->section->name.kind == SECTION_NET)
		require(reader,
			stage_net_has(current_net(reader), FAMILY_IPV4) ||
				stage_net_has(current_net(reader), FAMILY_IPV6),
			"subnet", "1.1.1.0/24");
}

/* An Ethernet address belongs to an interface, whichever of the two lines comes first: those keys
 * are read last. */
static void read_section(struct reader *reader)
{
	const struct scan_section *section = reader->section;

	begin_section(reader);
	for (size_t i = 0; i < section->key_count; i++) {
		if (section->keys[i].name.kind != KEY_MAC)
			readers[section->keys[i].name.kind](reader, &section->keys[i]);
	}
	for (size_t i = 0; i < section->key_count; i++) {
		if (section->keys[i].name.kind == KEY_MAC)
			read_mac(reader, &section->keys[i]);
	}
	end_section(reader);
}

/* ---- the stage ---- */

static size_t highest_number(const struct scan *scan, enum section_kind kind)
{
	size_t highest = 0;

	for (size_t i = 0; i < scan->section_count; i++) {
		const struct section_name *name = &scan->sections[i].name;

		if (name->kind == kind && name->number > highest)
			highest = name->number;
	}
	return highest;
}

static int allocate(struct stage *stage, const struct scan *scan)
{
	size_t nets = highest_number(scan, SECTION_NET);
	size_t clients = highest_number(scan, SECTION_CLIENT);

	stage->nets = calloc(nets + 1, sizeof(*stage->nets));
	stage->clients = calloc(clients + 1, sizeof(*stage->clients));
	if (!stage->nets || !stage->clients)
		return -ENOMEM;
	stage->net_count = nets;
	stage->client_count = clients;
	return 0;
}

static int read_sections(struct scan *scan, struct stage *stage, struct complaints *complaints)
{
	struct reader reader = {.stage = stage, .complaints = complaints};

	bool begun = false;

	if (allocate(stage, scan) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < scan->section_count; i++) {
		reader.section = &scan->sections[i];
		begun |= reader.section->name.kind == SECTION_STAGE;
		read_section(&reader);
	}
	if (!begun && !complaints->lost_section)
		complaints_add(complaints, 0, "has no [stage]; begin with that and a title");
	return reader.result;
}

/* Fills in what one section takes from another: prefix lengths, the ends on each net; and the
 * Ethernet addresses that the file leaves open. */
static void join(struct stage *stage)
{
	for (size_t i = 0; i < stage->net_count; i++) {
		struct stage_net *net = &stage->nets[i];

		net->ends = stage_net_is_leg(net);
		for (int family = 0; family < FAMILIES; family++)
			net->computer[family].length = net->subnet[family].length;
	}
	for (size_t i = 0; i < stage->client_count; i++) {
		struct stage_client *client = &stage->clients[i];

		for (size_t j = 0; j < client->interface_count; j++) {
			struct stage_interface *interface = &client->interfaces[j];

			if (!interface->mac_line)
				stage_mac_derive(interface->address, interface->mac);
			if (!stage_net_find(stage, interface->net))
				continue;
			stage->nets[interface->net - 1].ends++;
			for (int family = 0; family < FAMILIES; family++)
				interface->address[family].length =
					stage->nets[interface->net - 1].subnet[family].length;
		}
	}
}

/* ---- iniparser ---- */

/* A memory file with these bytes that nobody can change any more. Returns its fd or -errno. */
static int seal_copy(const char *bytes, size_t size)
{
	static const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	CLEANUP_FD int fd = memfd_create("stage.ini", flags | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL) /* older kernels do not know the flag */
		fd = memfd_create("stage.ini", flags);
	if (fd < 0)
		return -errno;
	for (size_t written = 0; written < size;) {
		ssize_t count = write(fd, bytes + written, size - written);

		if (count < 0 && errno != EINTR)
			return -errno;
		if (count > 0)
			written += (size_t)count;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* iniparser's own way is to print the lines that it does not like. */
static int PRINTF_LIKE(1, 2) stay_silent(const char *format, ...)
{
	(void)format;
	return 0;
}

static bool section_agrees(const dictionary *read, const struct scan_section *section)
{
	char name[64]; /* the names of the format are shorter */

	/* A section is an entry without a value: asking for its value crashes iniparser 4.1. */
	if (!iniparser_find_entry(read, section->text))
		return false;
	for (size_t i = 0; i < section->key_count; i++) {
		const struct scan_key *key = &section->keys[i];
		const char *value;

		(void)snprintf(name, sizeof(name), "%s:%s", section->text, key->text);
		value = iniparser_getstring(read, name, NULL);
		if (!value || strcmp(value, key->value) != 0)
			return false;
	}
	return true;
}

static bool dictionary_agrees(const dictionary *read, const struct scan *scan)
{
	size_t entries = scan->section_count;

	for (size_t i = 0; i < scan->section_count; i++) {
		if (!section_agrees(read, &scan->sections[i]))
			return false;
		entries += scan->sections[i].key_count;
	}
	return (size_t)read->n == entries;
}

bool config_agrees(int fd, const struct scan *scan)
{
	char path[32];
	dictionary *read;
	bool agrees;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	iniparser_set_error_callback(stay_silent);
	read = iniparser_load(path);
	iniparser_set_error_callback(NULL);
	if (!read)
		return false;
	agrees = dictionary_agrees(read, scan);
	iniparser_freedict(read);
	return agrees;
}

/* ---- all of it ---- */

static int read_file(int fd, struct stage *stage, struct complaints *complaints)
{
	CLEANUP_SCAN struct scan scan = {0};
	CLEANUP_FD int copy = -1;

	if (scan_load(fd, &scan, complaints) < 0) {
		complaints->lost_section = true;
		return 0;
	}
	copy = seal_copy(scan.text, scan.size); /* before the split, which writes into the text */
	if (copy < 0)
		return copy;
	if (scan_split(&scan, complaints) < 0 || read_sections(&scan, stage, complaints) < 0)
		return -ENOMEM;
	join(stage);
	/* Last, and only for a file that nothing is wrong with: its time grows with the square of
	 * the number of keys, which is limited by now. */
	if (complaints->count == 0 && !config_agrees(copy, &scan))
		complaints_add(complaints, 0,
			       "iniparser reads it in another way; write it plainly");
	return 0;
}

int config_read(int fd, const char *name, struct stage *stage, struct complaints *complaints)
{
	int result;

	memset(stage, 0, sizeof(*stage));
	if (strlen(name) < sizeof(stage->name))
		memcpy(stage->name, name, strlen(name) + 1);
	else
		complaints_add(complaints, 0, "the stage's name is longer than %zu bytes",
			       sizeof(stage->name) - 1);
	result = read_file(fd, stage, complaints);
	if (result < 0) {
		complaints->lost_section = true;
		complaints_add(complaints, 0, "cannot be read: %s", strerror(-result));
	}
	return complaints->count ? -EINVAL : 0;
}
