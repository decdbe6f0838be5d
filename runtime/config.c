/* file -> bytes -> sections and keys with their lines (scan.c) -> struct stage (values.c) ->
 * iniparser agrees (reread.c). */
#include "config.h"
#include "parties.h"
#include "reread.h"
#include "scan.h"
#include "values.h"

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
	size_t checks = highest_number(scan, SECTION_CHECK);

	stage->nets = calloc(nets + 1, sizeof(*stage->nets));
	stage->clients = calloc(clients + 1, sizeof(*stage->clients));
	stage->checks = calloc(checks + 1, sizeof(*stage->checks));
	if (!stage->nets || !stage->clients || !stage->checks)
		return -ENOMEM;
	stage->net_count = nets;
	stage->client_count = clients;
	stage->check_count = checks;
	return 0;
}

static int read_sections(struct scan *scan, struct stage *stage, struct complaints *complaints)
{
	bool begun = false;

	if (allocate(stage, scan) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < scan->section_count; i++) {
		begun |= scan->sections[i].name.kind == SECTION_STAGE;
		if (values_read(&scan->sections[i], stage, complaints) < 0)
			return -ENOMEM;
	}
	if (!begun && !complaints->lost_section)
		complaints_add(complaints, 0, "has no [stage]; begin with that and a title");
	return 0;
}

/* Fills in what one section takes from another: prefix lengths, the ends on each net, who a check
 * asks; and the Ethernet addresses that the file leaves open. */
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
	for (size_t i = 0; i < stage->check_count; i++)
		parties_resolve(stage, &stage->checks[i]);
}

static int read_file(int fd, struct stage *stage, struct complaints *complaints)
{
	CLEANUP_SCAN struct scan scan = {0};
	int agrees;

	if (scan_load(fd, &scan, complaints) < 0) {
		complaints->lost_section = true;
		return 0;
	}
	if (scan_split(&scan, complaints) < 0 || read_sections(&scan, stage, complaints) < 0)
		return -ENOMEM;
	join(stage);
	if (complaints->count > 0) /* what the scan refused is not for iniparser */
		return 0;
	agrees = reread_agrees(&scan);
	if (agrees == 0)
		complaints_add(complaints, 0,
			       "iniparser reads it in another way; write it plainly");
	return agrees < 0 ? agrees : 0;
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
