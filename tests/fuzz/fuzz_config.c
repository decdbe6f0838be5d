/* Any bytes are a stage or are refused with a complaint, in bounded time; a stage that is accepted
 * is one that can be acted on. Built by `make fuzz` with libFuzzer; the seeds are stage files. */
#include "config.h"
#include "rules.h"

#include <stdint.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds, const char *what)
{
	if (holds)
		return;
	(void)fprintf(stderr, "does not hold: %s\n", what);
	abort();
}

static int open_bytes(const uint8_t *data, size_t size)
{
	int fd = memfd_create("stage.ini", MFD_CLOEXEC);

	require(fd >= 0 && write(fd, data, size) == (ssize_t)size, "a file to read");
	return fd;
}

static void check_complaints(const struct complaints *complaints)
{
	for (size_t i = 0; i < complaints_kept(complaints); i++) {
		const struct complaint *complaint = &complaints->kept[i];

		require(i == 0 || complaint[-1].line <= complaint->line, "the order of lines");
		for (const char *byte = complaint->text; *byte; byte++)
			require((unsigned char)*byte >= 0x20 && *byte != 0x7f,
				"a complaint without control bytes");
		require(strlen(complaint->text) < COMPLAINT_SIZE - 1, "a complaint that is whole");
	}
}

/* What those who act on a stage rely on. */
static void check_stage(const struct stage *stage)
{
	require(stage->title[0] != '\0', "a title");
	require(stage->net_count > 0 && stage->client_count > 0, "nets and clients");
	for (size_t i = 0; i < stage->net_count; i++) {
		const struct stage_net *net = &stage->nets[i];

		require(net->number == i + 1 && net->line > 0, "nets without gaps");
		require(net->subnet[FAMILY_IPV4].line > 0, "a subnet");
		require(net->ends > stage_net_is_leg(net), "a client on each net");
		require(net->mtu >= 68 && net->mtu <= 65535, "an MTU");
	}
	for (size_t i = 0; i < stage->client_count; i++) {
		const struct stage_client *client = &stage->clients[i];

		require(client->number == i + 1 && client->line > 0, "clients without gaps");
		require(client->interface_count > 0, "an interface");
		for (size_t j = 0; j < client->interface_count; j++) {
			const struct stage_interface *interface = &client->interfaces[j];

			require(stage_net_find(stage, interface->net), "a net for each interface");
			require(interface->address[FAMILY_IPV4].line > 0, "an address");
			require(!(interface->mac[0] & 1), "an Ethernet address of its own");
		}
	}
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
	check_complaints(&complaints);
	if (checked == 0)
		check_stage(&stage);
	return 0;
}
