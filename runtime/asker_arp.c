/* ARP questions (RFC 826) and frames, put on an interface by a packet socket of their own: the ear
 * sees them leave, which is the proof that it hears (asker_probe.h). */
#include "asker_probe.h"

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>

#define ARP_SIZE 28 /* of Ethernet and IPv4 */

static int prepare_interface(struct probe *probe, struct error *error)
{
	if (probe_use_interface(probe, error) < 0)
		return -error->code;
	probe->socket = probe_packet_socket(probe, error);
	return probe->socket < 0 ? -error->code : 0;
}

static int put_frame(struct probe *probe, uint32_t sequence, struct error *error)
{
	(void)sequence;
	if (send(probe->socket, probe->put, probe->put_size, 0) >= 0)
		return 0;
	if (errno == EAGAIN || errno == ENOBUFS)
		return 1;
	return error_system(error, errno, "%s: cannot send frame %u of %u", probe->route.link,
			    probe->asked + 1, probe->plan->count);
}

/* A packet socket that cannot send any more (the interface is down, or gone) tells so here. */
static int hear_nothing(struct probe *probe, struct error *error)
{
	struct probe_message none;

	return probe_receive(probe, probe->socket, 0, &none, error);
}

/* ---- ARP ------------------------------------------------------------------------------------- */

/* What the interface has: its Ethernet address, and its IPv4 address, or none. */
static int read_own(const struct probe *probe, uint8_t mac[NET_MAC_SIZE], uint8_t address[4],
		    struct error *error)
{
	CLEANUP_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {0};
	struct sockaddr_in ipv4;

	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", probe->route.link);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request) < 0)
		return error_system(error, errno, "%s: cannot read its address", probe->route.link);
	if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		return error_set(error, EOPNOTSUPP, "%s is no Ethernet", probe->route.link);
	memcpy(mac, request.ifr_hwaddr.sa_data, NET_MAC_SIZE);
	if (ioctl(fd, SIOCGIFADDR, &request) == 0) {
		memcpy(&ipv4, &request.ifr_addr, sizeof(ipv4));
		memcpy(address, &ipv4.sin_addr, 4);
	}
	return 0;
}

/* The question, in the buffer's stead: it must last. */
static int write_question(struct probe *probe, uint8_t *frame, struct error *error)
{
	static const uint8_t head[] = {0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, ARPOP_REQUEST};
	uint8_t *mac = frame + 6, *sender_mac = frame + 22, *sender = frame + 28;

	memset(frame, 0xff, NET_MAC_SIZE);
	memcpy(frame + 12, head, sizeof(head));
	if (read_own(probe, mac, sender, error) < 0)
		return -error->code;
	memcpy(sender_mac, mac, NET_MAC_SIZE);
	if (probe->plan->from.family == AF_INET)
		memcpy(sender, probe->plan->from.bytes, 4);
	memcpy(frame + 38, probe->plan->to.bytes, 4);
	probe->report->source = probe_address_at(AF_INET, sender);
	return 0;
}

/* Every ARP packet is noted, whatever it says: one that has the wrong operation, or its parties
 * swapped, is for who reads the report to judge. */
static void note_arp(struct probe *probe, size_t size, size_t whole, int64_t when)
{
	struct asker_report *report = probe->report;
	const uint8_t *frame = probe->buffer, *body = frame + ETH_HLEN;
	struct asker_arp *arp = &report->arps[report->arp_count];

	(void)whole;
	if (size < ETH_HLEN + ARP_SIZE || frame[12] != 0x08 || frame[13] != 0x06 ||
	    report->arp_count == ASKER_ARPS_MAX)
		return;
	report->arp_count++;
	arp->when = when;
	arp->operation = (uint16_t)(body[6] << 8 | body[7]);
	memcpy(arp->to_mac, frame, NET_MAC_SIZE);
	memcpy(arp->from_mac, frame + 6, NET_MAC_SIZE);
	memcpy(arp->sender_mac, body + 8, NET_MAC_SIZE);
	memcpy(arp->sender, body + 14, 4);
	memcpy(arp->target_mac, body + 18, NET_MAC_SIZE);
	memcpy(arp->target, body + 24, 4);
}

static int prepare_arp(struct probe *probe, struct error *error)
{
	if (probe->plan->to.family != AF_INET)
		return error_set(error, EAFNOSUPPORT, "ARP is for IPv4");
	return prepare_interface(probe, error);
}

static bool is_answered(const struct probe *probe)
{
	uint32_t answers = 0;

	for (uint32_t i = 0; i < probe->report->arp_count; i++) {
		const struct asker_arp *arp = &probe->report->arps[i];

		answers += arp->operation == ARPOP_REPLY &&
			   memcmp(arp->sender, probe->plan->to.bytes, 4) == 0;
	}
	return answers >= probe->plan->count;
}

static int ask_arp(struct probe *probe, struct error *error)
{
	static const struct probe_way way = {
		.send = put_frame, .hear = hear_nothing, .done = is_answered};
	uint8_t frame[ETH_HLEN + ARP_SIZE] = {0};

	if (write_question(probe, frame, error) < 0)
		return -error->code;
	probe->put = frame;
	probe->put_size = sizeof(frame);
	probe->tap = note_arp;
	return probe_converse(probe, &way, error);
}

const struct probe_kind asker_arp = {prepare_arp, ask_arp};

/* ---- frames ---------------------------------------------------------------------------------- */

static void note_frame(struct probe *probe, size_t size, size_t whole, int64_t when)
{
	struct asker_report *report = probe->report;
	uint32_t room = ASKER_FRAME_BYTES - report->byte_count;

	if (report->frame_count == ASKER_FRAMES_MAX)
		return;
	if (size > room)
		size = room;
	report->frames[report->frame_count++] =
		(struct asker_frame){when, report->byte_count, (uint32_t)size, (uint32_t)whole};
	memcpy(report->bytes + report->byte_count, probe->buffer, size);
	report->byte_count += (uint32_t)size;
}

/* What comes in answer to a frame only who made it can tell: all of the time is listened. */
static bool is_never_answered(const struct probe *probe)
{
	(void)probe;
	return false;
}

static int ask_frame(struct probe *probe, struct error *error)
{
	static const struct probe_way way = {
		.send = put_frame, .hear = hear_nothing, .done = is_never_answered};

	probe->put = probe->plan->frame;
	probe->put_size = probe->plan->frame_size;
	probe->tap = note_frame;
	return probe_converse(probe, &way, error);
}

const struct probe_kind asker_frame = {prepare_interface, ask_frame};
