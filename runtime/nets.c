#include "nets.h"
#include "address.h"
#include "subnet.h"

#define MTU_MIN	     68	  /* what every IPv4 module must forward whole (RFC 791) */
#define MTU_MIN_IPV6 1280 /* what every link that carries IPv6 must (RFC 8200 5) */
#define MTU_MAX	     65535

/* A subnet among those of its family, which are sorted: each comes behind all that it is part of.
 */
struct subnet_entry {
	const struct stage_net *net;
	const struct stage_address *subnet;
	struct subnet_entry *outer;	 /* the narrowest that it is part of, or NULL */
	const struct subnet_entry *with; /* the first in the file that it overlaps, or NULL */
};

static void complain(struct complaints *complaints, const struct stage_net *net, enum family family,
		     const char *why)
{
	const struct stage_address *subnet = &net->subnet[family];
	char section[16];
	char value[ADDRESS_TEXT_SIZE];
	struct place place = {subnet->line, section, "subnet",
			      address_format_prefix(family, subnet, value)};

	(void)snprintf(section, sizeof(section), "net%u", net->number);
	complaints_add_at(complaints, &place, "%s", why);
}

/* ---- overlapping ---- */

static int by_place(const void *a, const void *b)
{
	const struct stage_address *one = ((const struct subnet_entry *)a)->subnet;
	const struct stage_address *other = ((const struct subnet_entry *)b)->subnet;
	int order = memcmp(one->bytes, other->bytes, sizeof(one->bytes));

	return order ? order : one->length - other->length;
}

static size_t list_subnets(const struct stage *stage, enum family family,
			   struct subnet_entry *entries)
{
	size_t count = 0;

	for (size_t i = 0; i < stage->net_count; i++) {
		const struct stage_net *net = &stage->nets[i];

		if (net->line && net->subnet[family].line)
			entries[count++] = (struct subnet_entry){net, &net->subnet[family], 0, 0};
	}
	return count;
}

static void note_overlap(struct subnet_entry *entry, const struct subnet_entry *other)
{
	if (other && (!entry->with || other->subnet->line < entry->with->subnet->line))
		entry->with = other;
}

/* Two prefixes overlap where one is part of the other. So one pass finds, for each, all that it is
 * part of, and one backwards all that are part of it. */
static void find_overlaps(struct subnet_entry *entries, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct subnet_entry *outer = &entries[i - 1];

		while (outer &&
		       !address_share(outer->subnet, entries[i].subnet, outer->subnet->length))
			outer = outer->outer;
		entries[i].outer = outer;
		if (!outer)
			continue;
		note_overlap(&entries[i], outer);
		note_overlap(&entries[i], outer->with);
	}
	for (size_t i = count; i-- > 0;) {
		if (!entries[i].outer)
			continue;
		note_overlap(entries[i].outer, &entries[i]);
		note_overlap(entries[i].outer, entries[i].with);
	}
}

/* Complains of the net that comes later in the file. */
static int check_overlaps(const struct stage *stage, struct complaints *complaints,
			  enum family family)
{
	CLEANUP_FREE struct subnet_entry *entries = calloc(stage->net_count + 1, sizeof(*entries));
	char text[ADDRESS_TEXT_SIZE];
	struct error why;
	size_t count;

	if (!entries)
		return -ENOMEM;
	count = list_subnets(stage, family, entries);
	qsort(entries, count, sizeof(*entries), by_place);
	find_overlaps(entries, count);
	for (size_t i = 0; i < count; i++) {
		const struct subnet_entry *with = entries[i].with;

		if (!with || with->subnet->line >= entries[i].subnet->line)
			continue;
		(void)error_set(&why, EINVAL,
				"overlaps %s of net%u (line %u); give each net its own",
				address_format_prefix(family, with->subnet, text),
				with->net->number, with->subnet->line);
		complain(complaints, entries[i].net, family, why.text);
	}
	return 0;
}

/* ---- one net ---- */

static void check_mtu(const struct stage_net *net, struct complaints *complaints)
{
	bool ipv6 = stage_net_has(net, FAMILY_IPV6);
	unsigned least = ipv6 ? MTU_MIN_IPV6 : MTU_MIN;
	char section[16];
	char value[16];
	struct place place = {net->mtu_line, section, "mtu", value};

	if (net->mtu >= least && net->mtu <= MTU_MAX)
		return;
	(void)snprintf(section, sizeof(section), "net%u", net->number);
	(void)snprintf(value, sizeof(value), "%u", net->mtu);
	complaints_add_at(complaints, &place, "not an MTU%s; use %u to %d bytes",
			  ipv6 ? " of a net with IPv6 (RFC 8200)" : "", least, MTU_MAX);
}

/* What a client sends to everybody becomes a frame for each other end, one for the leg and one for
 * the bridge's uplink, all at once. They wait in one queue of the kernel's, which by default takes
 * 1001 (net.core.netdev_max_backlog, enqueue_to_backlog()); on a larger segment the same clients
 * never get theirs. A bridge joins 1023 (BR_MAX_PORTS). */
static void check_ends(const struct stage_net *net, struct complaints *complaints)
{
	if (net->ends > NET_ENDS_MAX)
		complaints_add(complaints, net->line,
			       "[net%u]: has %u ends; a segment joins at most %d, the computer's "
			       "leg among them: divide it into several",
			       net->number, net->ends, NET_ENDS_MAX);
}

static void check_net(const struct stage_net *net, struct complaints *complaints)
{
	struct error error;

	for (enum family family = 0; family < FAMILIES; family++) {
		if (stage_net_has(net, family) &&
		    subnet_check(family, &net->subnet[family], &error) < 0)
			complain(complaints, net, family, error.text);
	}
	check_mtu(net, complaints);
	check_ends(net, complaints);
}

int nets_check(const struct stage *stage, struct complaints *complaints)
{
	int result = 0;

	for (size_t i = 0; i < stage->net_count; i++) {
		if (stage->nets[i].line)
			check_net(&stage->nets[i], complaints);
	}
	for (enum family family = 0; result == 0 && family < FAMILIES; family++)
		result = check_overlaps(stage, complaints, family);
	return result;
}
