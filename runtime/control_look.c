#include "control_look.h"

#include "address.h"
#include "sysctl.h"
#include "wire.h"

#include <arpa/inet.h>
#include <stdarg.h>

int control_wrong(struct error *error, const char *format, ...)
{
	char sentence[256];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(sentence, sizeof(sentence), format, arguments);
	va_end(arguments);
	return error_set(error, EBADE, "%s: stop the stage and start it again", sentence);
}

enum family control_family(int family)
{
	return family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6;
}

struct stage_address control_stage_address(const struct net_address *address)
{
	struct stage_address result = {.length = address->length, .line = 1};

	memcpy(result.bytes, address->bytes, sizeof(result.bytes));
	return result;
}

const char *control_format_prefix(const struct net_address *address, char *text)
{
	const struct stage_address shown = control_stage_address(address);

	return address_format_prefix(control_family(address->family), &shown, text);
}

const char *control_format_address(const struct net_address *address, char *text)
{
	const struct stage_address shown = control_stage_address(address);

	return address_format(control_family(address->family), &shown, text);
}

bool control_is_same(const struct net_address *a, const struct net_address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool control_is_stages(const struct stage_address *address, enum family family,
		       const struct net_seen_address *seen)
{
	const struct net_address right = wire_address(address, family);

	return address->line != 0 && control_is_same(&seen->address, &right) &&
	       seen->address.length == right.length && !seen->peer;
}

int control_is_on(const char *protocol, const char *link, const char *key, struct error *error)
{
	CLEANUP_FD int settings = sysctl_open_link(protocol, link, error);
	char value[32];

	if (settings < 0)
		return settings == -ENOENT ? 0 : settings;
	if (sysctl_read(settings, key, value, sizeof(value), error) < 0)
		return error->code == ENOENT ? 0 : -error->code;
	return strcmp(value, "0") != 0;
}

int control_judge_forwarding(const char *protocol, const char *link, bool wanted,
			     struct error *error)
{
	const char *family = strcmp(protocol, "ipv4") == 0 ? "IPv4" : "IPv6";
	const bool all = strcmp(link, "all") == 0;
	int result = control_is_on(protocol, link, "forwarding", error);

	if (result < 0)
		return result;
	if ((result == 1) == wanted)
		return 0;
	return control_wrong(error, "%s forwarding is %s%s%s", family, wanted ? "off" : "on",
			     all ? "" : " for ", all ? "" : link);
}

/* From Linux 6.17 on it counts for a link where "all" is off (ip-sysctl.rst). */
int control_judge_forced(const char *link, struct error *error)
{
	int result = control_is_on("ipv6", link, "force_forwarding", error);

	return result == 1 ? control_wrong(error, "IPv6 forwarding is forced for %s", link)
			   : result;
}
