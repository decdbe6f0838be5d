#include "address.h"

#include <arpa/inet.h>

static const int kernel_family[FAMILIES] = {
	[FAMILY_IPV4] = AF_INET,
	[FAMILY_IPV6] = AF_INET6,
};

const char *address_family_name(enum family family)
{
	return family == FAMILY_IPV4 ? "IPv4" : "IPv6";
}

unsigned address_bits(enum family family)
{
	return family == FAMILY_IPV4 ? 32 : 128;
}

bool address_share(const struct stage_address *a, const struct stage_address *b, unsigned length)
{
	size_t whole = length / 8;
	uint8_t mask = (uint8_t)(0xff00U >> length % 8);

	if (memcmp(a->bytes, b->bytes, whole) != 0)
		return false;
	return length % 8 == 0 || ((a->bytes[whole] ^ b->bytes[whole]) & mask) == 0;
}

bool address_is_of(const struct stage_client *client, enum family family,
		   const struct stage_address *address)
{
	for (size_t i = 0; i < client->interface_count; i++) {
		const struct stage_address *own = &client->interfaces[i].address[family];

		if (own->line && address_share(own, address, address_bits(family)))
			return true;
	}
	return false;
}

/* Sets every bit of ADDRESS from number FROM on, the highest being number 0, to VALUE. */
static void fill_bits(enum family family, struct stage_address *address, unsigned from, bool value)
{
	for (unsigned bit = from; bit < address_bits(family); bit++) {
		uint8_t mask = (uint8_t)(0x80U >> bit % 8);

		if (value)
			address->bytes[bit / 8] |= mask;
		else
			address->bytes[bit / 8] &= (uint8_t)~mask;
	}
}

void address_range(enum family family, const struct stage_address *subnet,
		   struct stage_address *first, struct stage_address *last)
{
	unsigned final = address_bits(family) / 8 - 1;

	*first = *last = *subnet;
	fill_bits(family, last, subnet->length, true);
	if (subnet->length + 1U >= address_bits(family))
		return;
	first->bytes[final] |= 1;
	if (family == FAMILY_IPV4)
		last->bytes[final] &= 0xfe;
}

bool address_is_broadcast(const struct stage_address *subnet, const struct stage_address *address)
{
	struct stage_address last = *subnet;

	if (subnet->length > 30)
		return false;
	fill_bits(FAMILY_IPV4, &last, subnet->length, true);
	return memcmp(last.bytes, address->bytes, 4) == 0;
}

static enum family family_of(const char *text)
{
	return strchr(text, ':') ? FAMILY_IPV6 : FAMILY_IPV4;
}

int address_parse(const char *text, enum family *family, struct stage_address *address,
		  struct error *error)
{
	*family = family_of(text);
	if (strchr(text, '/'))
		return error_set(error, EINVAL,
				 "an address has no prefix length; take the / and the number out");
	if (strchr(text, '%'))
		return error_set(error, EINVAL,
				 "an address has no zone; take the %% and the name out");
	if (strpbrk(text, "[]"))
		return error_set(error, EINVAL, "an address has no brackets; take them out");
	/* Not inet_aton(), for which 1.1.2 is 1.1.0.2, and 010 is 8. */
	if (inet_pton(kernel_family[*family], text, address->bytes) == 1)
		return 0;
	return error_set(error, EINVAL, "%s",
			 *family == FAMILY_IPV4
				 ? "not an IPv4 address; write four numbers from 0 to 255, like "
				   "1.1.1.2"
				 : "not an IPv6 address; write it like fd00:1::2");
}

/* Reads a decimal number from 0 to LIMIT, in its only spelling. */
static bool parse_length(const char *text, unsigned limit, uint8_t *length)
{
	unsigned value = 0;
	size_t digits = strspn(text, "0123456789");

	if (digits < 1 || digits > 3 || text[digits] != '\0' || (digits > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (unsigned)(text[i] - '0');
	*length = (uint8_t)value;
	return value <= limit;
}

/* Splits TEXT at its slash, into an address and a length. */
static bool parse_prefix(const char *text, enum family family, struct stage_address *prefix)
{
	char address[ADDRESS_TEXT_SIZE];
	size_t length = strcspn(text, "/");

	if (length >= sizeof(address))
		return false;
	memcpy(address, text, length);
	address[length] = '\0';
	return inet_pton(kernel_family[family], address, prefix->bytes) == 1;
}

int address_parse_prefix(const char *text, enum family *family, struct stage_address *prefix,
			 struct error *error)
{
	static const char *const examples[FAMILIES] = {"1.1.1.0/24", "fd00:1::/64"};
	struct stage_address network;
	const char *slash = strchr(text, '/');
	char shown[ADDRESS_TEXT_SIZE];

	*family = family_of(text);
	if (!slash)
		return error_set(error, EINVAL, "a prefix has a length; write it like %s",
				 examples[*family]);
	if (!parse_prefix(text, *family, prefix))
		return error_set(error, EINVAL, "not an %s prefix; write it like %s",
				 address_family_name(*family), examples[*family]);
	if (!parse_length(slash + 1, address_bits(*family), &prefix->length))
		return error_set(error, EINVAL,
				 "the prefix length is a number from 0 to %u, like %s",
				 address_bits(*family), strchr(examples[*family], '/'));
	network = *prefix;
	fill_bits(*family, &network, prefix->length, false);
	if (!address_share(prefix, &network, address_bits(*family)))
		return error_set(error, EINVAL, "bits are set behind the prefix's length; write %s",
				 address_format_prefix(*family, &network, shown));
	return 0;
}

static int hex_digit(char character)
{
	if (character >= '0' && character <= '9')
		return character - '0';
	if (character >= 'a' && character <= 'f')
		return character - 'a' + 10;
	if (character >= 'A' && character <= 'F')
		return character - 'A' + 10;
	return -1;
}

int address_parse_mac(const char *text, uint8_t mac[MAC_SIZE], struct error *error)
{
	static const char wrong[] = "not an Ethernet address; write six bytes with two digits "
				    "each, like 02:42:01:01:01:02";

	for (size_t i = 0; i < MAC_SIZE; i++, text += 3) {
		int high = hex_digit(text[0]);
		int low = high < 0 ? -1 : hex_digit(text[1]);

		if (low < 0 || text[2] != (i < MAC_SIZE - 1 ? ':' : '\0'))
			return error_set(error, EINVAL, "%s", wrong);
		mac[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

const char *address_format(enum family family, const struct stage_address *address, char *buffer)
{
	/* It fails only where the buffer is too small, and then for every address. */
	if (!inet_ntop(kernel_family[family], address->bytes, buffer, ADDRESS_TEXT_SIZE))
		abort();
	return buffer;
}

const char *address_format_prefix(enum family family, const struct stage_address *prefix,
				  char *buffer)
{
	size_t length = strlen(address_format(family, prefix, buffer));

	(void)snprintf(buffer + length, ADDRESS_TEXT_SIZE - length, "/%u", prefix->length);
	return buffer;
}

const char *address_format_mac(const uint8_t mac[MAC_SIZE], char *buffer)
{
	(void)snprintf(buffer, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
		       mac[2], mac[3], mac[4], mac[5]);
	return buffer;
}
