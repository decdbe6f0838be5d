#include "quantity.h"

/* SCALE is how many of the smallest units this one is; a NULL name ends a list. */
struct unit {
	const char *name;
	uint64_t scale;
};

struct quantity {
	const struct unit *units;
	uint64_t least; /* in smallest units */
	uint64_t most;
	const char *form;   /* what to say of a text that is none, */
	const char *finest; /* of one with too many decimals, */
	const char *range;  /* and of one that is too small or too large */
};

static const struct unit delay_units[] = {{"us", 1}, {"ms", 1000}, {"s", 1000000}, {NULL, 0}};
static const struct unit loss_units[] = {{"%", 10000}, {NULL, 0}};
static const struct unit rate_units[] = {
	{"bit", 1}, {"kbit", 1000}, {"mbit", 1000000}, {"gbit", 1000000000}, {NULL, 0}};

static const struct unit wait_units[] = {{"ms", 1}, {"s", 1000}, {NULL, 0}};
static const struct unit size_units[] = {{"", 1}, {"KiB", 1024}, {"MiB", 1048576}, {NULL, 0}};

/* A frame of 1500 bytes takes 12 seconds at the lowest rate. */
static const struct quantity delay_quantity = {
	delay_units,
	0,
	10000000,
	"not a delay; write a number with us, ms or s behind it, like 20ms",
	"finer than a microsecond; use fewer decimals",
	"a delay is at most 10s; use less",
};
static const struct quantity loss_quantity = {
	loss_units,
	0,
	1000000,
	"not a loss; write a number with % behind it, like 2%",
	"finer than a frame in a million; use at most four decimals",
	"a loss is at most 100%; use less",
};
static const struct quantity rate_quantity = {
	rate_units,
	1000,
	100000000000,
	"not a rate; write a number with bit, kbit, mbit or gbit behind it, like 10mbit",
	"finer than a bit a second; use fewer decimals",
	"a rate is from 1kbit to 100gbit; use one between",
};

static const struct quantity wait_quantity = {
	wait_units,
	10,
	60000,
	"not a time; write a number with ms or s behind it, like 500ms",
	"finer than a millisecond; use fewer decimals",
	"a time to wait is from 10ms to 60s; use one between",
};
static const struct quantity size_quantity = {
	size_units,
	0,
	104857600,
	"not a size; write a number of bytes, or one with KiB or MiB behind it, like 1400",
	"a size has no decimals; write it in the next smaller unit",
	"a size is at most 100MiB; use less",
};

static const char digits[] = "0123456789";

/* How many smallest units the unit NAME has; 0: there is no such unit. */
static uint64_t find_scale(const struct unit *unit, const char *name)
{
	while (unit->name && strcmp(unit->name, name) != 0)
		unit++;
	return unit->scale;
}

/* The number that the first COUNT digits of TEXT are, times SCALE; UINT64_MAX where that is above
 * LIMIT. */
static uint64_t read_whole(const char *text, size_t count, uint64_t scale, uint64_t limit)
{
	uint64_t value = 0;

	for (size_t i = 0; i < count; i++) {
		value = value * 10 + (uint64_t)(text[i] - '0');
		if (value > limit / scale)
			return UINT64_MAX;
	}
	return value * scale;
}

/* Adds to *VALUE the COUNT decimals at TEXT of a unit of SCALE. False where they are too fine. */
static bool add_decimals(const char *text, size_t count, uint64_t scale, uint64_t *value)
{
	for (size_t i = 0; i < count; i++) {
		if (scale % 10 != 0 && text[i] != '0')
			return false;
		scale = scale % 10 == 0 ? scale / 10 : scale;
		*value += (uint64_t)(text[i] - '0') * scale;
	}
	return true;
}

static int parse(const char *text, const struct quantity *quantity, uint64_t *value,
		 struct error *error)
{
	size_t whole = strspn(text, digits);
	bool point = text[whole] == '.';
	const char *decimals = text + whole + point;
	size_t count = point ? strspn(decimals, digits) : 0;
	uint64_t scale = find_scale(quantity->units, decimals + count);

	if (whole == 0 || (whole > 1 && text[0] == '0') || (point && count == 0) || scale == 0)
		return error_set(error, EINVAL, "%s", quantity->form);
	*value = read_whole(text, whole, scale, quantity->most);
	if (*value != UINT64_MAX && !add_decimals(decimals, count, scale, value))
		return error_set(error, EINVAL, "%s", quantity->finest);
	if (*value < quantity->least || *value > quantity->most)
		return error_set(error, EINVAL, "%s", quantity->range);
	return 0;
}

int quantity_parse_delay(const char *text, uint32_t *microseconds, struct error *error)
{
	uint64_t value = 0;
	int result = parse(text, &delay_quantity, &value, error);

	if (result == 0)
		*microseconds = (uint32_t)value;
	return result;
}

int quantity_parse_loss(const char *text, uint32_t *millionths, struct error *error)
{
	uint64_t value = 0;
	int result = parse(text, &loss_quantity, &value, error);

	if (result == 0)
		*millionths = (uint32_t)value;
	return result;
}

int quantity_parse_rate(const char *text, uint64_t *bits, struct error *error)
{
	uint64_t value = 0;
	int result = parse(text, &rate_quantity, &value, error);

	if (result == 0)
		*bits = value;
	return result;
}

int quantity_parse_wait(const char *text, uint32_t *milliseconds, struct error *error)
{
	uint64_t value = 0;
	int result = parse(text, &wait_quantity, &value, error);

	if (result == 0)
		*milliseconds = (uint32_t)value;
	return result;
}

int quantity_parse_size(const char *text, uint32_t *bytes, struct error *error)
{
	uint64_t value = 0;
	int result = parse(text, &size_quantity, &value, error);

	if (result == 0)
		*bytes = (uint32_t)value;
	return result;
}

bool quantity_parse_whole(const char *text, unsigned least, unsigned most, unsigned *number)
{
	size_t count = strspn(text, digits);

	if (count < 1 || count > 9 || text[count] != '\0' || (count > 1 && text[0] == '0'))
		return false;
	*number = (unsigned)strtoul(text, NULL, 10);
	return *number >= least && *number <= most;
}
