#include "neighbours.h"

#include "sysctl.h"

static const struct table {
	const char *name;
	const char *settings; /* the limit's directory */
	const char *sysctl;   /* and how sysctl(8) calls it */
	const char *list; /* the computer's own, a line each below a head; NULL: there is none */
} tables[FAMILIES] = {
	[FAMILY_IPV4] = {"IPv4", "/proc/sys/net/ipv4/neigh/default",
			 "net.ipv4.neigh.default.gc_thresh3", "/proc/net/arp"},
	[FAMILY_IPV6] = {"IPv6", "/proc/sys/net/ipv6/neigh/default",
			 "net.ipv6.neigh.default.gc_thresh3", NULL},
};

/* How many entries a table may have; 0 where it is not told. */
static int read_limit(const struct table *table, size_t *limit, struct error *error)
{
	CLEANUP_FD int directory = sysctl_open(table->settings, error);
	char text[32];
	int result = directory;

	*limit = 0;
	if (result >= 0)
		result = sysctl_read(directory, "gc_thresh3", text, sizeof(text), error);
	if (result == -ENOENT)
		return 0;
	if (result == 0)
		*limit = strtoul(text, NULL, 10);
	return result;
}

/* How many the computer has there itself. (What the whole table has is told too, but the entries of
 * a stage that was just stopped are still among them.) */
static size_t count_own(const struct table *table)
{
	CLEANUP_STREAM FILE *list = table->list == NULL ? NULL : fopen(table->list, "re");
	char line[256];
	size_t lines = 0;

	while (list != NULL && fgets(line, sizeof(line), list) != NULL)
		lines++;
	return lines > 0 ? lines - 1 : 0;
}

static size_t count_needed(const struct stage *stage, enum family family)
{
	size_t count = 0;

	for (size_t i = 0; i < stage->client_count; i++)
		for (size_t j = 0; j < stage->clients[i].interface_count; j++)
			count += stage->clients[i].interfaces[j].address[family].line != 0;
	return count;
}

static int check_table(const struct table *table, size_t needed, struct error *error)
{
	size_t limit, own, ample = 1024;
	int result = needed == 0 ? 0 : read_limit(table, &limit, error);

	if (result < 0 || needed == 0 || limit == 0)
		return result;
	own = count_own(table);
	if (needed + own <= limit)
		return 0;
	while (ample < 2 * (needed + own))
		ample *= 2;
	return error_set(error, ENOSPC,
			 "the interfaces of its clients need %zu entries in this computer's table "
			 "of %s neighbours, which may have %zu, so that not all would be heard: "
			 "sudo sysctl -w %s=%zu",
			 needed + own, table->name, limit, table->sysctl, ample);
}

int neighbours_check(const struct stage *stage, struct error *error)
{
	int result = 0;

	for (enum family family = 0; result == 0 && family < FAMILIES; family++)
		result = check_table(&tables[family], count_needed(stage, family), error);
	return result;
}
