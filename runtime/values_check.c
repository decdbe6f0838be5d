/* The probe is read first: what the other keys may say depends on it. */
#include "values_check.h"
#include "address.h"
#include "phrase.h"
#include "quantity.h"

#define PAYLOAD_MAX                                                                                \
	65507 /* bytes that an IPv4 packet of ICMP echo or UDP holds (RFC 791, RFC 768) */

_Static_assert(SCAN_LINE_MAX / 2 <= CHECK_FRAME_SIZE, "a frame on one line fits");

#define BIT(kind) (1U << (kind))

/* Sets of probes. */
#define ALL	   (BIT(PROBE_KINDS) - 1)
#define TRANSPORTS (BIT(PROBE_UDP) | BIT(PROBE_TCP))
#define PACKETS	   (BIT(PROBE_PING) | TRANSPORTS)
#define ALONE	   (BIT(PROBE_TRACEROUTE) | BIT(PROBE_FRAME) | BIT(PROBE_RUN))

static struct stage_check *current_check(struct reader *reader)
{
	return &reader->stage->checks[reader->section->name.number - 1];
}

/* The probes of CHECK, a bit each. */
static unsigned probes_of(const struct stage_check *check)
{
	unsigned probes = 0;

	for (size_t i = 0; i < check->probe_count; i++)
		probes |= BIT(check->probes[i].kind);
	return probes;
}

/* Writes "udp or tcp". */
static const char *list_probes(unsigned probes, char *buffer, size_t size)
{
	size_t used = 0;

	buffer[0] = '\0';
	for (enum probe_kind kind = 0; kind < PROBE_KINDS; kind++) {
		if (!(probes & BIT(kind)))
			continue;
		probes &= ~BIT(kind);
		used += (size_t)snprintf(buffer + used, size - used, "%s%s",
					 !used	  ? ""
					 : probes ? ", "
						  : " or ",
					 names_of_probe(kind));
	}
	return buffer;
}

/* Returns the value of KEY, or USUAL after a complaint. */
static unsigned read_number(struct reader *reader, const struct scan_key *key, unsigned least,
			    unsigned most, unsigned usual)
{
	unsigned number;
	char why[64];

	if (quantity_parse_whole(key->value, least, most, &number))
		return number;
	(void)snprintf(why, sizeof(why), "not a whole number from %u to %u; use one, like %u",
		       least, most, usual);
	reader_refuse(reader, key, why);
	return usual;
}

/* Calls READ for each of the parts that commas separate in KEY's value. What it finds wrong is said
 * of that part. */
static void read_parts(struct reader *reader, const struct scan_key *key,
		       int (*read)(struct stage_check *check, const char *part,
				   struct error *error))
{
	const char *rest = key->value;
	char part[SCAN_LINE_MAX + 1];
	struct error error;

	while (reader_next_part(&rest, part)) {
		if (*part == '\0')
			reader_refuse(reader, key, reader_nothing);
		else if (read(current_check(reader), part, &error) < 0)
			reader_refuse_part(reader, key, part, error.text);
	}
}

/* ---- values: a function for each key ---- */

static void read_title(struct reader *reader, const struct scan_key *key)
{
	reader_read_text(reader, key, current_check(reader)->title);
}

static void read_points(struct reader *reader, const struct scan_key *key)
{
	current_check(reader)->points = read_number(reader, key, 0, 1000, 1);
}

static int add_probe(struct stage_check *check, const char *part, struct error *error)
{
	enum probe_kind kind;

	if (names_probe(part, &kind, error) < 0)
		return -EINVAL;
	if (probes_of(check) & BIT(kind))
		return error_set(error, EINVAL, "stands there twice; write it once");
	if (check->probe_count > 0 && (probes_of(check) | BIT(kind)) & ALONE)
		return error_set(error, EINVAL,
				 "traceroute, frame and run stand alone; write a check for each");
	check->probes[check->probe_count++].kind = kind;
	return 0;
}

static void read_probe(struct reader *reader, const struct scan_key *key)
{
	size_t complaints = reader->complaints->count;

	read_parts(reader, key, add_probe);
	if (reader->complaints->count > complaints) /* nobody knows which probe was meant */
		current_check(reader)->probe_count = 0;
}

static void read_from(struct reader *reader, const struct scan_key *key)
{
	struct stage_check *check = current_check(reader);
	struct stage_party party = {.line = key->line};
	struct error error;

	if (phrase_parse_from(key->value, &party, &error) < 0)
		reader_refuse(reader, key, error.text);
	else if (party.net && check->probe_count > 0 && probes_of(check) != BIT(PROBE_FRAME))
		reader_refuse(reader, key,
			      "only probe = frame begins on a net; write who asks, like client1");
	else
		check->from = party;
}

static void read_to(struct reader *reader, const struct scan_key *key)
{
	struct stage_party party = {.line = key->line};
	struct error error;

	if (phrase_parse_to(key->value, &party, &error) < 0)
		reader_refuse(reader, key, error.text);
	else
		current_check(reader)->to = party;
}

static int add_size(struct stage_check *check, const char *part, struct error *error)
{
	uint32_t size;

	if (quantity_parse_size(part, &size, error) < 0)
		return -EINVAL;
	if (size > PAYLOAD_MAX && (probes_of(check) & (BIT(PROBE_PING) | BIT(PROBE_UDP))))
		return error_set(error, EINVAL,
				 "a ping or a UDP packet carries at most %d bytes; use less",
				 PAYLOAD_MAX);
	for (size_t i = 0; i < check->probe_count; i++) {
		struct stage_probe *probe = &check->probes[i];

		if (!(BIT(probe->kind) & PACKETS))
			continue;
		if (probe->size_count == CHECK_SIZES_MAX)
			return error_set(error, EINVAL, "more than %d sizes; take some out",
					 CHECK_SIZES_MAX);
		probe->sizes[probe->size_count++] = size;
	}
	return 0;
}

static void read_size(struct reader *reader, const struct scan_key *key)
{
	read_parts(reader, key, add_size);
}

static void read_count(struct reader *reader, const struct scan_key *key)
{
	current_check(reader)->count = read_number(reader, key, 1, 1000, 1);
}

static void read_ttl(struct reader *reader, const struct scan_key *key)
{
	current_check(reader)->ttl = (uint8_t)read_number(reader, key, 1, 255, 64);
}

static void read_port(struct reader *reader, const struct scan_key *key)
{
	current_check(reader)->port = (uint16_t)read_number(reader, key, 1, 65535, 7);
}

static int add_frame(struct stage_check *check, const char *part, struct error *error)
{
	if (phrase_parse_frame(part, &check->frames[check->frame_count], error) < 0)
		return -EINVAL;
	check->frame_count++;
	return 0;
}

static void read_frame(struct reader *reader, const struct scan_key *key)
{
	struct stage_check *check = current_check(reader);

	check->frame_line = key->line;
	check->frames = reader_allocate(reader, key, sizeof(*check->frames));
	if (check->frames)
		read_parts(reader, key, add_frame);
}

static void read_run(struct reader *reader, const struct scan_key *key)
{
	reader_read_string(reader, key, &current_check(reader)->run);
}

static const unsigned may_expect[EXPECT_KINDS] = {
	[EXPECT_REPLY] = ALL & ~BIT(PROBE_RUN),
	[EXPECT_SILENCE] = ALL & ~BIT(PROBE_RUN) & ~BIT(PROBE_TRACEROUTE),
	[EXPECT_ICMP] = BIT(PROBE_PING) | BIT(PROBE_UDP) | BIT(PROBE_FRAME),
	[EXPECT_EXIT] = BIT(PROBE_RUN),
	[EXPECT_ANYTHING] = ALL,
};

/* Whether all of the check's probes are among those that KNOW a word. */
static int check_known(const struct stage_check *check, unsigned know, struct error *error)
{
	unsigned strangers = probes_of(check) & ~know;
	char list[96];
	char others[96];

	if (!strangers)
		return 0;
	return error_set(error, EINVAL, "is for probe = %s, and not for %s; change one of the two",
			 list_probes(know, list, sizeof(list)),
			 list_probes(strangers, others, sizeof(others)));
}

static void read_expect(struct reader *reader, const struct scan_key *key)
{
	struct stage_check *check = current_check(reader);
	struct stage_expect expect = {.line = key->line};
	struct error error;

	if (phrase_parse_expect_kind(key->value, &expect.kind, &error) < 0 ||
	    check_known(check, may_expect[expect.kind], &error) < 0 ||
	    phrase_parse_expect(key->value, &expect, &error) < 0)
		reader_refuse(reader, key, error.text);
	else
		check->expect = expect;
}

static int add_hop(struct stage_check *check, const char *part, struct error *error)
{
	struct stage_hop *hop = &check->hops[check->hop_count];

	if (address_parse(part, &hop->family, &hop->address, error) < 0)
		return -EINVAL;
	check->hop_count++;
	return 0;
}

static void read_hops(struct reader *reader, const struct scan_key *key)
{
	struct stage_check *check = current_check(reader);

	check->hops = reader_allocate(reader, key, sizeof(*check->hops));
	if (!check->hops)
		return;
	read_parts(reader, key, add_hop);
	for (size_t i = 0; i < check->hop_count; i++)
		check->hops[i].address.line = key->line;
}

static void read_within(struct reader *reader, const struct scan_key *key)
{
	struct error error;

	if (quantity_parse_wait(key->value, &current_check(reader)->within, &error) < 0)
		reader_refuse(reader, key, error.text);
}

/* ARP has no other of these properties. */
static const unsigned arp_looks =
	BIT(LOOK_ARP) | BIT(LOOK_ETHERNET) | BIT(LOOK_DUPLICATE) | BIT(LOOK_STRAY);

static int add_look(struct stage_check *check, const char *part, struct error *error)
{
	enum look_kind kind;

	if (names_look(part, &kind, error) < 0)
		return -EINVAL;
	if (check->looks & BIT(kind))
		return error_set(error, EINVAL, "stands there twice; write it once");
	if (probes_of(check) & BIT(PROBE_RUN))
		return error_set(
			error, EINVAL,
			"which frames a command brings about nobody can tell; take it out");
	if (probes_of(check) == BIT(PROBE_ARP) && !(arp_looks & BIT(kind)))
		return error_set(error, EINVAL,
				 "a frame of ARP has no such thing; take it out, or add a probe");
	check->looks |= BIT(kind);
	return 0;
}

static void read_look(struct reader *reader, const struct scan_key *key)
{
	read_parts(reader, key, add_look);
}

/* What a key is read by, and the probes that know it: one of a check's must. */
static const struct key_reader {
	void (*read)(struct reader *, const struct scan_key *);
	unsigned known;
} readers[KEY_KINDS] = {
	[KEY_TITLE] = {read_title, ALL},
	[KEY_POINTS] = {read_points, ALL},
	[KEY_FROM] = {read_from, ALL},
	[KEY_TO] = {read_to, ALL},
	[KEY_SIZE] = {read_size, PACKETS},
	[KEY_COUNT] = {read_count, ALL & ~BIT(PROBE_TRACEROUTE) & ~BIT(PROBE_RUN)},
	[KEY_TTL] = {read_ttl, PACKETS},
	[KEY_PORT] = {read_port, TRANSPORTS},
	[KEY_FRAME] = {read_frame, BIT(PROBE_FRAME)},
	[KEY_RUN] = {read_run, BIT(PROBE_RUN)},
	[KEY_EXPECT] = {read_expect, ALL},
	[KEY_HOPS] = {read_hops, BIT(PROBE_TRACEROUTE)},
	[KEY_WITHIN] = {read_within, ALL},
	[KEY_LOOK] = {read_look, ALL},
};

/* ---- the section ---- */

static void begin_check(struct reader *reader)
{
	struct stage_check *check = current_check(reader);
	const char *name = reader->section->text + strlen(NAMES_CHECK);

	memcpy(check->name, name, strlen(name) + 1);
	check->line = reader->section->line;
	check->points = 1;
	check->count = 1;
	check->ttl = 64;
	check->within = 1000;
}

static void read_key(struct reader *reader, const struct scan_key *key)
{
	const struct key_reader *known = &readers[key->name.kind];
	const struct stage_check *check = current_check(reader);
	unsigned probes = probes_of(check);
	char list[96];
	char why[160];

	if (!probes || (probes & known->known)) {
		known->read(reader, key);
		return;
	}
	(void)snprintf(why, sizeof(why), "only probe = %s knows it; take it out",
		       list_probes(known->known, list, sizeof(list)));
	reader_refuse(reader, key, why);
}

static void fill_sizes(struct stage_check *check)
{
	static const uint32_t usual[PROBE_KINDS] = {
		[PROBE_PING] = 56, [PROBE_UDP] = 100, [PROBE_TCP] = 65536};

	for (size_t i = 0; i < check->probe_count; i++) {
		struct stage_probe *probe = &check->probes[i];

		if (probe->size_count == 0 && usual[probe->kind] > 0) {
			probe->sizes[0] = usual[probe->kind];
			probe->size_count = 1;
		}
	}
}

static void fill_expect(struct stage_check *check)
{
	unsigned probes = probes_of(check);

	if (!check->expect.line && (probes & BIT(PROBE_FRAME)))
		check->expect.kind = EXPECT_ANYTHING;
	else if (!check->expect.line && (probes & BIT(PROBE_RUN)))
		check->expect.kind = EXPECT_EXIT;
}

static void require_keys(struct reader *reader)
{
	const struct stage_check *check = current_check(reader);
	unsigned probes = probes_of(check);

	reader_require(reader, check->title[0] != '\0', "title", "A ping crosses");
	reader_require(reader, probes != 0, "probe", "ping");
	reader_require(reader, check->from.line, "from", "client1");
	reader_require(reader, check->to.line || (probes & (BIT(PROBE_FRAME) | BIT(PROBE_RUN))),
		       "to", "client2");
	reader_require(reader, check->frame_count > 0 || !(probes & BIT(PROBE_FRAME)), "frame",
		       "ffffffffffff 024201010102 0806");
	reader_require(reader, check->run || !(probes & BIT(PROBE_RUN)), "run", "true");
	reader_require(reader, check->hop_count > 0 || !(probes & BIT(PROBE_TRACEROUTE)), "hops",
		       "1.1.1.1, 2.2.2.2");
	reader_require(reader, check->looks || check->expect.kind != EXPECT_ANYTHING, "look",
		       "ttl, since anything is expected");
}

void values_check_read(struct reader *reader)
{
	const struct scan_section *section = reader->section;

	begin_check(reader);
	for (size_t i = 0; i < section->key_count; i++) {
		if (section->keys[i].name.kind == KEY_PROBE)
			read_probe(reader, &section->keys[i]);
	}
	for (size_t i = 0; i < section->key_count; i++) {
		if (section->keys[i].name.kind != KEY_PROBE)
			read_key(reader, &section->keys[i]);
	}
	fill_sizes(current_check(reader));
	fill_expect(current_check(reader));
	require_keys(reader);
}
