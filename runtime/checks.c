#include "checks.h"
#include "address.h"
#include "parties.h"

#define ETHERNET_HEADER 14 /* bytes, which an MTU does not count */
#define SECTION_SIZE	(STAGE_NAME_SIZE + 8)
#define PARTY_SIZE	ADDRESS_TEXT_SIZE

struct checker {
	const struct stage *stage;
	const struct stage_check *check;
	struct complaints *complaints;
};

/* VALUE may be NULL. */
static void complain(const struct checker *checker, unsigned line, const char *key,
		     const char *value, const char *why)
{
	char section[SECTION_SIZE];
	struct place place = {line, section, key, value};

	(void)snprintf(section, sizeof(section), "check %s", checker->check->name);
	complaints_add_at(checker->complaints, &place, "%s", why);
}

/* PARTY as the file names it. */
static const char *format_party(const struct stage_party *party, char buffer[PARTY_SIZE])
{
	if (party->address.line)
		return address_format(party->family, &party->address, buffer);
	if (party->client && party->net)
		(void)snprintf(buffer, PARTY_SIZE, "client%u.net%u", party->client, party->net);
	else
		(void)snprintf(buffer, PARTY_SIZE, "%s%u", party->client ? "client" : "net",
			       party->client ? party->client : party->net);
	return buffer;
}

/* A client or a net that is missing may be in a section that was refused; which addresses they have
 * is known only where nothing of any was. */
static void complain_party(const struct checker *checker, const struct stage_party *party,
			   const char *key, const struct error *why)
{
	char value[PARTY_SIZE];

	if (checker->complaints->lost_section ||
	    (why->code != ENOENT && checker->complaints->lost_value))
		return;
	complain(checker, party->line, key, format_party(party, value), why->text);
}

static void check_parties(const struct checker *checker)
{
	const struct stage_check *check = checker->check;
	enum family family;
	struct stage_address target;
	unsigned asker = 0;
	struct error why;

	if (check->from.line && parties_find_asker(checker->stage, check, &asker, &why) < 0)
		complain_party(checker, &check->from, "from", &why);
	if (asker && check->to.line &&
	    parties_find_target(checker->stage, check, &family, &target, &why) < 0)
		complain_party(checker, &check->to, "to", &why);
}

/* False of an address that is for many, or for who asks alone: no machine answers as it. */
static bool is_a_machines(const struct stage *stage, enum family family,
			  const struct stage_address *address)
{
	static const uint8_t loopback[16] = {[15] = 1};
	static const uint8_t unspecified[16];

	if (family == FAMILY_IPV6)
		return address->bytes[0] != 0xff && memcmp(address->bytes, loopback, 16) != 0 &&
		       memcmp(address->bytes, unspecified, 16) != 0;
	if (address->bytes[0] == 0 || address->bytes[0] == 127 || address->bytes[0] >= 224)
		return false;
	for (size_t i = 0; i < stage->net_count; i++) {
		const struct stage_address *subnet = &stage->nets[i].subnet[FAMILY_IPV4];

		if (subnet->line && address_is_broadcast(subnet, address))
			return false;
	}
	return true;
}

static bool is_of(const struct stage_check *check, enum probe_kind kind)
{
	for (size_t i = 0; i < check->probe_count; i++)
		if (check->probes[i].kind == kind)
			return true;
	return false;
}

static void check_target(const struct checker *checker)
{
	const struct stage_check *check = checker->check;
	char value[PARTY_SIZE];

	if (check->target.line && check->to.address.line && !is_of(check, PROBE_FRAME) &&
	    !is_of(check, PROBE_RUN) &&
	    !is_a_machines(checker->stage, check->family, &check->target))
		complain(checker, check->to.line, "to", format_party(&check->to, value),
			 "no machine has such an address; write one that a machine can have");
}

static void check_hops(const struct checker *checker)
{
	const struct stage_check *check = checker->check;
	char value[ADDRESS_TEXT_SIZE];
	struct error why;

	for (size_t i = 0; check->target.line && i < check->hop_count; i++) {
		const struct stage_hop *hop = &check->hops[i];

		if (hop->family == check->family)
			continue;
		(void)error_set(&why, EINVAL,
				"an %s address on the way to an %s one; write both of one family",
				address_family_name(hop->family),
				address_family_name(check->family));
		complain(checker, hop->address.line, "hops",
			 address_format(hop->family, &hop->address, value), why.text);
	}
}

static void check_frames(const struct checker *checker)
{
	const struct stage_check *check = checker->check;
	const struct stage_net *net = stage_net_find(checker->stage, check->wire);
	struct error why;

	if (!net || checker->complaints->lost_value)
		return;
	for (size_t i = 0; i < check->frame_count; i++) {
		size_t length = check->frames[i].length;

		if (length <= net->mtu + ETHERNET_HEADER)
			continue;
		(void)error_set(&why, EINVAL,
				"a frame of %zu bytes, and net%u has an MTU of %u, with %d for the "
				"header; shorten it",
				length, net->number, net->mtu, ETHERNET_HEADER);
		complain(checker, check->frame_line, "frame", NULL, why.text);
	}
}

void checks_check(const struct stage *stage, struct complaints *complaints)
{
	for (size_t i = 0; i < stage->check_count; i++) {
		const struct checker checker = {stage, &stage->checks[i], complaints};

		check_parties(&checker);
		check_target(&checker);
		check_hops(&checker);
		check_frames(&checker);
	}
}
