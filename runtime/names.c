#include "names.h"
#include "text.h"

#include <limits.h>

#define NAMED UINT_MAX /* the limit of a word that a name follows, behind a blank */

/* One word of the format. A word with a limit is followed by a number from 1 to that. */
struct word {
	const char *text;
	int kind;
	unsigned limit; /* 0: the word stands alone */
};

_Static_assert(NETS_MAX <= NAMES_NUMBER_MAX && CLIENTS_MAX <= NAMES_NUMBER_MAX &&
		       CHECKS_MAX <= NAMES_NUMBER_MAX,
	       "no number is above the highest");

static const struct word sections[] = {
	{"stage", SECTION_STAGE, 0},
	{"net", SECTION_NET, NETS_MAX},
	{"client", SECTION_CLIENT, CLIENTS_MAX},
	{"check", SECTION_CHECK, NAMED},
	{NULL, 0, 0},
};

static const struct word parties[] = {
	{"client", SECTION_CLIENT, CLIENTS_MAX},
	{"net", SECTION_NET, NETS_MAX},
	{NULL, 0, 0},
};

static const struct word stage_keys[] = {
	{"title", KEY_TITLE, 0},
	{"summary", KEY_SUMMARY, 0},
	{NULL, 0, 0},
};

static const struct word net_keys[] = {
	{"subnet", KEY_SUBNET, 0},
	{"computer", KEY_COMPUTER, 0},
	{"mtu", KEY_MTU, 0},
	{"delay", KEY_DELAY, 0},
	{"loss", KEY_LOSS, 0},
	{"rate", KEY_RATE, 0},
	{NULL, 0, 0},
};

static const struct word client_keys[] = {
	{"net", KEY_INTERFACE, NETS_MAX},
	{"mac.net", KEY_MAC, NETS_MAX},
	{"gateway", KEY_GATEWAY, 0},
	{"routes", KEY_ROUTES, 0},
	{"forwarding", KEY_FORWARDING, 0},
	{"run", KEY_RUN, 0},
	{NULL, 0, 0},
};

static const struct word check_keys[] = {
	{"title", KEY_TITLE, 0}, {"points", KEY_POINTS, 0},
	{"probe", KEY_PROBE, 0}, {"from", KEY_FROM, 0},
	{"to", KEY_TO, 0},	 {"size", KEY_SIZE, 0},
	{"count", KEY_COUNT, 0}, {"ttl", KEY_TTL, 0},
	{"port", KEY_PORT, 0},	 {"frame", KEY_FRAME, 0},
	{"run", KEY_RUN, 0},	 {"expect", KEY_EXPECT, 0},
	{"hops", KEY_HOPS, 0},	 {"within", KEY_WITHIN, 0},
	{"look", KEY_LOOK, 0},	 {NULL, 0, 0},
};

static const struct word *const keys[SECTION_KINDS] = {
	[SECTION_STAGE] = stage_keys,
	[SECTION_NET] = net_keys,
	[SECTION_CLIENT] = client_keys,
	[SECTION_CHECK] = check_keys,
};

static const struct word probes[] = {
	{"ping", PROBE_PING, 0},
	{"arp", PROBE_ARP, 0},
	{"udp", PROBE_UDP, 0},
	{"tcp", PROBE_TCP, 0},
	{"traceroute", PROBE_TRACEROUTE, 0},
	{"frame", PROBE_FRAME, 0},
	{"run", PROBE_RUN, 0},
	{NULL, 0, 0},
};

static const struct word expects[] = {
	{"reply", EXPECT_REPLY, 0}, {"silence", EXPECT_SILENCE, 0},   {"icmp", EXPECT_ICMP, 0},
	{"exit", EXPECT_EXIT, 0},   {"anything", EXPECT_ANYTHING, 0}, {NULL, 0, 0},
};

static const struct word looks[] = {
	{"arp", LOOK_ARP, 0},
	{"ttl", LOOK_TTL, 0},
	{"checksum", LOOK_CHECKSUM, 0},
	{"ethernet", LOOK_ETHERNET, 0},
	{"addresses", LOOK_ADDRESSES, 0},
	{"payload", LOOK_PAYLOAD, 0},
	{"duplicate", LOOK_DUPLICATE, 0},
	{"stray", LOOK_STRAY, 0},
	{NULL, 0, 0},
};

/* Where the number at the end of TEXT begins. */
static const char *find_digits(const char *text)
{
	const char *digits = text + strlen(text);

	while (digits > text && digits[-1] >= '0' && digits[-1] <= '9')
		digits--;
	return digits;
}

static int read_number(const struct word *word, const char *digits, unsigned *number,
		       struct error *error)
{
	unsigned long value;

	if (*digits == '\0')
		return error_set(error, EINVAL, "needs a number from 1, like %s1", word->text);
	if (*digits == '0')
		return error_set(error, EINVAL,
				 "numbers begin at 1 and have no leading zeros, like %s1",
				 word->text);
	/* strtoul() gives ULONG_MAX for what is larger still. */
	value = strtoul(digits, NULL, 10);
	if (value > word->limit)
		return error_set(error, EINVAL, "the number is at most %u", word->limit);
	*number = (unsigned)value;
	return 0;
}

/* The word that STEM, a name without its number, was probably meant to be, or NULL: the nearest, of
 * whose letters a third may be wrong. */
static const struct word *find_near(const struct word *words, const char *stem)
{
	const struct word *near = NULL;
	unsigned least = UINT_MAX;

	for (const struct word *word = words; word->text; word++) {
		unsigned distance = text_distance(stem, word->text);

		if (distance < least && text_is_near(stem, word->text)) {
			least = distance;
			near = word;
		}
	}
	return near;
}

/* What follows WORD in a list. */
static const char *tail_of(const struct word *word)
{
	if (word->limit == NAMED)
		return " NAME";
	return word->limit ? "N" : "";
}

/* Writes "title, summary": all WORDS. */
static const char *list_words(const struct word *words, char *buffer, size_t size)
{
	size_t used = 0;

	buffer[0] = '\0';
	for (const struct word *word = words; word->text; word++)
		used += (size_t)snprintf(buffer + used, size - used, "%s%s%s", used ? ", " : "",
					 word->text, tail_of(word));
	return buffer;
}

static int explain_unknown(const struct word *words, const char *what, const char *text,
			   struct error *error)
{
	const char *digits = find_digits(text);
	size_t blank = strcspn(text, " ");
	size_t length = blank > 0 && text[blank] ? blank : (size_t)(digits - text);
	char stem[TEXT_WORD_MAX + 1] = "";
	const struct word *near = NULL;
	char list[128];

	if (length < sizeof(stem)) {
		memcpy(stem, text, length);
		near = find_near(words, stem);
	}
	if (!near)
		return error_set(error, EINVAL, "unknown %s; there are %s", what,
				 list_words(words, list, sizeof(list)));
	if (!near->limit || near->limit == NAMED)
		digits = tail_of(near);
	else if (*digits == '\0' || *digits == '0' || strlen(digits) > 4)
		digits = "N";
	return error_set(error, EINVAL, "unknown %s; did you mean %s%s?", what, near->text, digits);
}

static int find(const struct word *words, const char *what, const char *text, int *kind,
		unsigned *number, struct error *error)
{
	const char *digits = find_digits(text);
	size_t stem = (size_t)(digits - text);

	for (const struct word *word = words; word->text; word++) {
		size_t length = strlen(word->text);

		if (word->limit == NAMED || strncmp(text, word->text, length) != 0)
			continue;
		if (word->limit ? stem != length : text[length] != '\0')
			continue;
		*kind = word->kind;
		*number = 0;
		return word->limit ? read_number(word, digits, number, error) : 0;
	}
	return explain_unknown(words, what, text, error);
}

/* [check NAME] */
static int check_name(const char *name, struct error *error)
{
	if (*name == '\0')
		return error_set(error, EINVAL, "needs a name, like check ping");
	if (stage_name_valid(name))
		return 0;
	return error_set(error, EINVAL,
			 "the name behind check is up to %d letters, digits and . _ -, like ping1; "
			 "use such a one",
			 STAGE_NAME_SIZE - 1);
}

int names_section(const char *text, struct section_name *name, struct error *error)
{
	size_t length = strlen(NAMES_CHECK);
	int kind = 0;
	int result;

	*name = (struct section_name){.kind = SECTION_CHECK};
	if (strcmp(text, "check") == 0)
		return check_name("", error);
	if (strncmp(text, NAMES_CHECK, length) == 0)
		return check_name(text + length, error);
	result = find(sections, "section", text, &kind, &name->number, error);
	name->kind = (enum section_kind)kind;
	return result;
}

int names_key(enum section_kind section, const char *text, struct key_name *name,
	      struct error *error)
{
	int kind = 0;
	int result = find(keys[section], "key", text, &kind, &name->number, error);

	name->kind = (enum key_kind)kind;
	return result;
}

int names_party(const char *text, struct section_name *name, struct error *error)
{
	int kind = 0;
	int result = find(parties, "name", text, &kind, &name->number, error);

	name->kind = (enum section_kind)kind;
	return result;
}

/* Of WORDS without numbers. */
static int find_plain(const struct word *words, const char *what, const char *text, int *kind,
		      struct error *error)
{
	unsigned number;

	return find(words, what, text, kind, &number, error);
}

int names_probe(const char *text, enum probe_kind *probe, struct error *error)
{
	int kind = 0;
	int result = find_plain(probes, "probe", text, &kind, error);

	*probe = (enum probe_kind)kind;
	return result;
}

int names_expect(const char *text, enum expect_kind *expect, struct error *error)
{
	int kind = 0;
	int result = find_plain(expects, "expectation", text, &kind, error);

	*expect = (enum expect_kind)kind;
	return result;
}

int names_look(const char *text, enum look_kind *look, struct error *error)
{
	int kind = 0;
	int result = find_plain(looks, "property", text, &kind, error);

	*look = (enum look_kind)kind;
	return result;
}

const char *names_of_probe(enum probe_kind probe)
{
	return probes[probe].text; /* in the order of the kinds */
}
