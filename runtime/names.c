#include "names.h"
#include "stage.h"
#include "text.h"

/* One word of the format. A word with a limit is followed by a number from 1 to that. */
struct word {
	const char *text;
	int kind;
	unsigned limit; /* 0: the word stands alone */
};

_Static_assert(NETS_MAX <= NAMES_NUMBER_MAX && CLIENTS_MAX <= NAMES_NUMBER_MAX,
	       "no number is above the highest");

static const struct word sections[] = {
	{"stage", SECTION_STAGE, 0},
	{"net", SECTION_NET, NETS_MAX},
	{"client", SECTION_CLIENT, CLIENTS_MAX},
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

static const struct word *const keys[SECTION_KINDS] = {
	[SECTION_STAGE] = stage_keys,
	[SECTION_NET] = net_keys,
	[SECTION_CLIENT] = client_keys,
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

/* The word that STEM, a name without its number, was probably meant to be, or NULL: a third of its
 * letters may be wrong. No two words are so alike that more than one comes into question. */
static const struct word *find_near(const struct word *words, const char *stem)
{
	for (const struct word *word = words; word->text; word++) {
		if (text_is_near(stem, word->text))
			return word;
	}
	return NULL;
}

/* Writes "title, summary": all WORDS. */
static const char *list_words(const struct word *words, char *buffer, size_t size)
{
	size_t used = 0;

	buffer[0] = '\0';
	for (const struct word *word = words; word->text; word++)
		used += (size_t)snprintf(buffer + used, size - used, "%s%s%s", used ? ", " : "",
					 word->text, word->limit ? "N" : "");
	return buffer;
}

static int explain_unknown(const struct word *words, const char *what, const char *text,
			   struct error *error)
{
	const char *digits = find_digits(text);
	size_t length = (size_t)(digits - text);
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
	if (!near->limit)
		digits = "";
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

		if (strncmp(text, word->text, length) != 0)
			continue;
		if (word->limit ? stem != length : text[length] != '\0')
			continue;
		*kind = word->kind;
		*number = 0;
		return word->limit ? read_number(word, digits, number, error) : 0;
	}
	return explain_unknown(words, what, text, error);
}

int names_section(const char *text, struct section_name *name, struct error *error)
{
	/* [check NAME]: a free word follows. Refused, never ignored: who writes a check means it.
	 */
	static const char check[] = "check";
	int kind = 0;
	int result;

	if (strncmp(text, check, strlen(check)) == 0 &&
	    (text[strlen(check)] == ' ' || text[strlen(check)] == '\0'))
		return error_set(error, EINVAL, "not supported yet; leave it out");
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
