#include "phrase.h"
#include "address.h"
#include "names.h"
#include "quantity.h"

#define ETHERNET_HEADER 14
#define WORD_SIZE	32 /* bytes: every word of the format is shorter */

/* Copies what stands in TEXT before the first of SIGNS to WORD, cut where it is too long to be any
 * word of the format. Returns what follows it. */
static const char *first_word(const char *text, const char *signs, char word[WORD_SIZE])
{
	size_t length = strcspn(text, signs);

	(void)snprintf(word, WORD_SIZE, "%.*s", (int)length, text);
	return text + length;
}

/* ---- parties ---- */

/* Reads clientN or netN. */
static int parse_name(const char *text, struct stage_party *party, struct error *error)
{
	struct section_name name;

	if (names_party(text, &name, error) < 0)
		return -EINVAL;
	if (name.kind == SECTION_NET)
		party->net = name.number;
	else
		party->client = name.number;
	return 0;
}

/* Reads clientN.netK, cut in two. */
static int parse_interface(const char *client, const char *net, struct stage_party *party,
			   struct error *error)
{
	struct stage_party on = {.line = 0};

	if (parse_name(client, party, error) < 0 || parse_name(net, &on, error) < 0)
		return -EINVAL;
	if (party->net || on.client)
		return error_set(
			error, EINVAL,
			"not a client and a net that it is on; write it like client1.net1");
	party->net = on.net;
	return 0;
}

int phrase_parse_from(const char *text, struct stage_party *party, struct error *error)
{
	return parse_name(text, party, error);
}

/* No name of a client or a net begins with a digit or holds a colon. */
static bool is_address(const char *text)
{
	return (*text >= '0' && *text <= '9') || strchr(text, ':');
}

int phrase_parse_to(const char *text, struct stage_party *party, struct error *error)
{
	char client[WORD_SIZE];
	const char *rest;

	if (is_address(text)) {
		party->address.line = party->line;
		return address_parse(text, &party->family, &party->address, error);
	}
	rest = first_word(text, ".", client);
	if (*rest == '\0')
		return parse_name(text, party, error);
	return parse_interface(client, rest + 1, party, error);
}

/* ---- expectations ---- */

/* Reads TYPE or TYPE/CODE. */
static bool parse_icmp(const char *text, struct stage_expect *expect)
{
	char type[WORD_SIZE];
	const char *rest = first_word(text, "/", type);
	unsigned number;

	if (!quantity_parse_whole(type, 0, 255, &number))
		return false;
	expect->icmp_type = (uint8_t)number;
	expect->icmp_code = -1;
	if (*rest == '\0')
		return true;
	if (!quantity_parse_whole(rest + 1, 0, 255, &number))
		return false;
	expect->icmp_code = (int)number;
	return true;
}

/* What stands behind the first word. */
static int parse_detail(const char *text, struct stage_expect *expect, struct error *error)
{
	unsigned number;

	if (expect->kind == EXPECT_ICMP && !parse_icmp(text, expect))
		return error_set(error, EINVAL,
				 "icmp needs its type, or type and code, of numbers up to 255; "
				 "write it like icmp 11/0");
	if (expect->kind == EXPECT_EXIT) {
		if (!quantity_parse_whole(text, 0, 255, &number))
			return error_set(error, EINVAL,
					 "exit needs a status from 0 to 255; write it like exit 1");
		expect->status = (uint8_t)number;
	}
	if (expect->kind != EXPECT_ICMP && expect->kind != EXPECT_EXIT && *text != '\0')
		return error_set(error, EINVAL, "nothing stands behind this word; take it out");
	return 0;
}

int phrase_parse_expect_kind(const char *text, enum expect_kind *kind, struct error *error)
{
	char word[WORD_SIZE];

	(void)first_word(text, " ", word);
	return names_expect(word, kind, error);
}

int phrase_parse_expect(const char *text, struct stage_expect *expect, struct error *error)
{
	char word[WORD_SIZE];
	const char *rest = first_word(text, " ", word);

	if (names_expect(word, &expect->kind, error) < 0)
		return -EINVAL;
	return parse_detail(rest + strspn(rest, " "), expect, error);
}

/* ---- frames ---- */

static int hex_digit(char character)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *digit = strchr(digits, character);
	ptrdiff_t value = digit ? digit - digits : -1;

	return (int)(value > 15 ? value - 6 : value);
}

int phrase_parse_frame(const char *text, struct stage_frame *frame, struct error *error)
{
	size_t digits = 0;

	memset(frame, 0, sizeof(*frame));
	for (; *text; text++) {
		int value = *text == ' ' ? 0 : hex_digit(*text);

		if (value < 0)
			return error_set(error, EINVAL,
					 "not bytes in hex; write two digits for each, like "
					 "ffffffffffff 024201010102 0806");
		if (*text == ' ')
			continue;
		frame->bytes[digits / 2] |= (uint8_t)(digits % 2 ? value : value << 4);
		digits++;
	}
	if (digits % 2)
		return error_set(error, EINVAL, "half a byte is left; write two digits for each");
	frame->length = digits / 2;
	if (frame->length < ETHERNET_HEADER)
		return error_set(error, EINVAL,
				 "%zu bytes; begin with an Ethernet header, which has %d",
				 frame->length, ETHERNET_HEADER);
	return 0;
}
