#include "subnet.h"
#include "address.h"

/* Prefixes that no host may have an address in, with why. */
static const struct {
	enum family family;
	struct stage_address prefix;
	const char *what;
} reserved[] = {
	{FAMILY_IPV4, {.bytes = {0}, .length = 8}, "addresses of no network (RFC 1122)"},
	{FAMILY_IPV4, {.bytes = {127}, .length = 8}, "loopback addresses"},
	{FAMILY_IPV4, {.bytes = {224}, .length = 4}, "multicast addresses"},
	{FAMILY_IPV4, {.bytes = {240}, .length = 4}, "reserved addresses (RFC 1112)"},
	{FAMILY_IPV6, {.bytes = {0}, .length = 128}, "the unspecified address"},
	{FAMILY_IPV6, {.bytes = {[15] = 1}, .length = 128}, "the loopback address"},
	{FAMILY_IPV6, {.bytes = {0}, .length = 96}, "IPv4-compatible addresses (RFC 4291)"},
	{FAMILY_IPV6,
	 {.bytes = {[10] = 0xff, [11] = 0xff}, .length = 96},
	 "IPv4-mapped addresses (RFC 4291)"},
	/* Each interface has such addresses of its own accord, and routers carry none of them. */
	{FAMILY_IPV6, {.bytes = {0xfe, 0x80}, .length = 10}, "link-local addresses (RFC 4291)"},
	{FAMILY_IPV6, {.bytes = {0xff}, .length = 8}, "multicast addresses"},
};

static const char *find_reserved(enum family family, const struct stage_address *prefix, bool whole)
{
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++) {
		const struct stage_address *other = &reserved[i].prefix;
		bool within = prefix->length >= other->length;

		if (reserved[i].family == family && (within || !whole) &&
		    address_share(prefix, other, within ? other->length : prefix->length))
			return reserved[i].what;
	}
	return NULL;
}

const char *subnet_reserved(enum family family, const struct stage_address *prefix)
{
	return find_reserved(family, prefix, true);
}

int subnet_check(enum family family, const struct stage_address *subnet, struct error *error)
{
	const char *held = find_reserved(family, subnet, false);

	if (held)
		return error_set(error, EINVAL, "holds %s; use another subnet, like %s", held,
				 family == FAMILY_IPV4 ? "10.1.1.0/24" : "fd00:1::/64");
	if (subnet->length == address_bits(family))
		return error_set(error, EINVAL,
				 "has room for one host only; use /%u or a shorter prefix",
				 address_bits(family) - 1);
	return 0;
}

static int explain(enum family family, const struct stage_address *first,
		   const struct stage_address *last, const char *what, struct error *error)
{
	char from[ADDRESS_TEXT_SIZE];
	char to[ADDRESS_TEXT_SIZE];

	return error_set(error, EINVAL, "%s; use one from %s to %s", what,
			 address_format(family, first, from), address_format(family, last, to));
}

int subnet_check_host(enum family family, const struct stage_address *subnet,
		      const struct stage_address *address, struct error *error)
{
	struct stage_address first;
	struct stage_address last;
	char outside[ADDRESS_TEXT_SIZE + 32] = "outside the subnet ";

	address_range(family, subnet, &first, &last);
	if (!address_share(address, subnet, subnet->length)) {
		address_format_prefix(family, subnet, outside + strlen(outside));
		return explain(family, &first, &last, outside, error);
	}
	if (memcmp(address->bytes, first.bytes, sizeof(first.bytes)) < 0)
		return explain(family, &first, &last,
			       family == FAMILY_IPV4 ? "the subnet's own address"
						     : "the subnet's own address, which stands for "
						       "its routers (RFC 4291)",
			       error);
	if (memcmp(address->bytes, last.bytes, sizeof(last.bytes)) > 0)
		return explain(family, &first, &last, "the subnet's broadcast address", error);
	return 0;
}
