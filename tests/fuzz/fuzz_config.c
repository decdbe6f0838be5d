/* Any bytes are a stage or are refused with a complaint, in bounded time; a stage that is accepted
 * is one that can be acted on. Built by `make fuzz` with libFuzzer; the seeds are stage files. */
#include "address.h"
#include "config.h"
#include "rules.h"

#include "fuzz.h"

#include <sys/mman.h>

static int open_bytes(const uint8_t *data, size_t size)
{
	int fd = memfd_create("stage.ini", MFD_CLOEXEC);

	require(fd >= 0 && write(fd, data, size) == (ssize_t)size, "a file to read");
	return fd;
}

/* "FILE:LINE: ", of a line that there is, and what is wrong. */
static void check_place(const struct complaint *complaint, unsigned lines)
{
	char place[64];
	int length;

	if (complaint->line > 0)
		length = snprintf(place, sizeof(place), "stage.ini:%u: ", complaint->line);
	else
		length = snprintf(place, sizeof(place), "stage.ini: ");
	require(complaint->line <= lines, "a line of the file");
	require(strncmp(complaint->text, place, (size_t)length) == 0, "file and line");
	require(complaint->text[length] != '\0', "what is wrong there");
}

/* LINES: how many the file has. */
static void check_complaints(const struct complaints *complaints, unsigned lines)
{
	for (size_t i = 0; i < complaints_kept(complaints); i++) {
		const struct complaint *complaint = &complaints->kept[i];

		require(i == 0 || complaint[-1].line <= complaint->line, "the order of lines");
		check_place(complaint, lines);
		check_text(complaint->text, COMPLAINT_SIZE - 1);
	}
}

/* ---- what those who act on a stage rely on ---- */

static void check_net(const struct stage_net *net)
{
	bool ipv6 = stage_net_has(net, FAMILY_IPV6);

	require(net->line > 0, "nets without gaps");
	require(ipv6 || stage_net_has(net, FAMILY_IPV4), "a subnet");
	require(net->ends > stage_net_is_leg(net), "a client on each net");
	require(net->mtu >= (ipv6 ? 1280 : 68) && net->mtu <= 65535, "an MTU");
	require(net->delay <= 10000000 && net->loss <= 1000000, "a delay and a loss");
	require(net->rate == 0 || (net->rate >= 1000 && net->rate <= 100000000000), "a rate");
	for (enum family family = 0; family < FAMILIES; family++)
		require(!net->computer[family].line || stage_net_has(net, family),
			"a subnet for the computer's address");
}

static void check_interface(const struct stage *stage, const struct stage_interface *interface)
{
	const struct stage_net *net = stage_net_find(stage, interface->net);
	bool addressed = false;

	require(net, "a net for each interface");
	require(!(interface->mac[0] & 1), "an Ethernet address of its own");
	for (enum family family = 0; family < FAMILIES; family++) {
		const struct stage_address *address = &interface->address[family];

		if (!address->line)
			continue;
		addressed = true;
		require(stage_net_has(net, family), "a subnet for each address");
		require(address->length == net->subnet[family].length, "the subnet's length");
		require(address_share(address, &net->subnet[family], address->length),
			"an address in its subnet");
	}
	require(addressed, "an address");
}

/* Whether the kernel of CLIENT has a route to ADDRESS once its interfaces have addresses. */
static bool reaches(const struct stage *stage, const struct stage_client *client,
		    enum family family, const struct stage_address *address)
{
	for (size_t i = 0; i < client->interface_count; i++) {
		const struct stage_interface *interface = &client->interfaces[i];
		const struct stage_net *net = stage_net_find(stage, interface->net);

		if (interface->address[family].line &&
		    address_share(address, &net->subnet[family], net->subnet[family].length))
			return true;
	}
	return false;
}

static void check_client(const struct stage *stage, const struct stage_client *client)
{
	require(client->line > 0, "clients without gaps");
	require(client->interface_count > 0, "an interface");
	for (size_t i = 0; i < client->interface_count; i++)
		check_interface(stage, &client->interfaces[i]);
	for (enum family family = 0; family < FAMILIES; family++)
		require(!client->gateway[family].line ||
				reaches(stage, client, family, &client->gateway[family]),
			"a gateway in reach");
	for (size_t i = 0; i < client->route_count; i++) {
		const struct stage_route *route = &client->routes[i];

		require(reaches(stage, client, route->family, &route->via), "a hop in reach");
		require(route->prefix.length <= address_bits(route->family), "a prefix");
		require(route->prefix.length > 0 || !client->gateway[route->family].line,
			"one default route");
	}
	require(!client->run || *client->run, "a command or none");
}

static void check_party(const struct stage *stage, const struct stage_party *party)
{
	require(!party->client || stage_client_find(stage, party->client), "a client that asks");
	require(!party->net || stage_net_find(stage, party->net), "a net that is asked on");
}

static void check_probe(const struct stage_probe *probe)
{
	bool sized =
		probe->kind == PROBE_PING || probe->kind == PROBE_UDP || probe->kind == PROBE_TCP;

	require(probe->kind < PROBE_KINDS, "a probe");
	require((probe->size_count > 0) == sized, "sizes of what has one");
	require(probe->size_count <= CHECK_SIZES_MAX, "not too many sizes");
	for (size_t i = 0; i < probe->size_count; i++)
		require(probe->sizes[i] <= (probe->kind == PROBE_TCP ? 104857600 : 65507),
			"a size");
}

static void check_frames(const struct stage *stage, const struct stage_check *check)
{
	for (size_t i = 0; i < check->frame_count; i++)
		require(check->frames[i].length >= 14 &&
				check->frames[i].length <=
					stage_net_find(stage, check->wire)->mtu + 14,
			"a frame that fits");
}

static bool is_on(const struct stage_client *client, unsigned net)
{
	for (size_t i = 0; i < client->interface_count; i++) {
		if (client->interfaces[i].net == net)
			return true;
	}
	return false;
}

static void check_question(const struct stage *stage, const struct stage_check *check)
{
	enum probe_kind kind = check->probes[0].kind;
	const struct stage_client *asker = stage_client_find(stage, check->asker);

	require(stage_name_valid(check->name) && check->title[0] != '\0', "a name and a title");
	require(check->points <= 1000 && check->count >= 1 && check->count <= 1000, "numbers");
	require(check->ttl >= 1, "a ttl");
	require(check->within >= 10 && check->within <= 60000, "a time to wait");
	require(check->probe_count >= 1 && check->probe_count <= PROBE_KINDS, "a probe");
	for (size_t i = 0; i < check->probe_count; i++)
		check_probe(&check->probes[i]);
	require(check->from.line && !check->from.address.line, "somebody who asks");
	check_party(stage, &check->from);
	check_party(stage, &check->to);
	require(asker && is_on(asker, check->wire), "an asker on the wire");
	require(!check->to.line == !check->target.line, "an address for whom is asked");
	require(check->target.line || kind == PROBE_FRAME || kind == PROBE_RUN, "one who is asked");
	require((check->frame_count > 0) == (kind == PROBE_FRAME), "frames");
	require((check->hop_count > 0) == (kind == PROBE_TRACEROUTE), "hops");
	require((check->run != NULL) == (kind == PROBE_RUN), "a command");
	require((check->expect.kind == EXPECT_EXIT || check->expect.kind == EXPECT_ANYTHING) ||
			kind != PROBE_RUN,
		"an expectation");
	require(check->looks || check->expect.kind != EXPECT_ANYTHING, "something to judge");
	check_frames(stage, check);
}

/* Each with each, which the rules avoid. */
static void check_nets_apart(const struct stage *stage)
{
	for (size_t i = 0; i < stage->net_count; i++) {
		for (size_t j = 0; j < 2 * i; j++) {
			enum family family = j % 2 ? FAMILY_IPV6 : FAMILY_IPV4;
			const struct stage_address *one = &stage->nets[i].subnet[family];
			const struct stage_address *other = &stage->nets[j / 2].subnet[family];

			require(!one->line || !other->line ||
					!address_share(one, other,
						       one->length < other->length ? one->length
										   : other->length),
				"subnets that do not overlap");
		}
	}
}

static void check_stage(const struct stage *stage)
{
	require(stage->title[0] != '\0', "a title");
	require(stage->net_count > 0 && stage->client_count > 0, "nets and clients");
	check_nets_apart(stage);
	for (size_t i = 0; i < stage->net_count; i++) {
		require(stage->nets[i].number == i + 1, "nets in order");
		check_net(&stage->nets[i]);
	}
	for (size_t i = 0; i < stage->client_count; i++) {
		require(stage->clients[i].number == i + 1, "clients in order");
		check_client(stage, &stage->clients[i]);
	}
	require(stage->check_count <= CHECKS_MAX, "not too many checks");
	for (size_t i = 0; i < stage->check_count; i++)
		check_question(stage, &stage->checks[i]);
}

static unsigned count_lines(const uint8_t *data, size_t size)
{
	unsigned lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n' || data[i] == '\r';
	return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char disagreement[] =
		"stage.ini: iniparser reads it in another way; write it plainly";
	CLEANUP_STAGE struct stage stage = {0};
	CLEANUP_FD int fd = open_bytes(data, size);
	struct complaints complaints = {.file = "stage.ini"};
	int read = config_read(fd, "fuzz", &stage, &complaints);
	int checked;

	require((read == 0) == (complaints.count == 0), "a complaint for each refusal");
	/* The scan is there so that iniparser never sees what it would read in another way. */
	for (size_t i = 0; i < complaints_kept(&complaints); i++)
		require(strcmp(complaints.kept[i].text, disagreement) != 0,
			"a scan that is as strict as it should be");
	checked = rules_check(&stage, &complaints);
	require((checked == 0) == (complaints.count == 0), "a complaint for each refusal");
	check_complaints(&complaints, count_lines(data, size));
	if (checked == 0)
		check_stage(&stage);
	return 0;
}
