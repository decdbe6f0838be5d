#include "parties.h"
#include "address.h"

static int require_client(const struct stage *stage, unsigned number, struct error *error)
{
	if (stage_client_find(stage, number))
		return 0;
	return error_set(error, ENOENT,
			 "there is no [client%u]; add it, or use a client that there is", number);
}

static int require_net(const struct stage *stage, unsigned number, struct error *error)
{
	if (stage_net_find(stage, number))
		return 0;
	return error_set(error, ENOENT, "there is no [net%u]; add it, or use a net that there is",
			 number);
}

/* CLIENT's first interface on NET; 0: any net. NULL where it has none. */
static const struct stage_interface *find_interface(const struct stage_client *client, unsigned net)
{
	for (size_t i = 0; i < client->interface_count; i++) {
		if (net == 0 || client->interfaces[i].net == net)
			return &client->interfaces[i];
	}
	return NULL;
}

/* CLIENT's first address of FAMILY, on NET if that is not 0. NULL where it has none. */
static const struct stage_address *find_address(const struct stage_client *client, unsigned net,
						enum family family)
{
	for (size_t i = 0; i < client->interface_count; i++) {
		const struct stage_interface *interface = &client->interfaces[i];

		if ((net == 0 || interface->net == net) && interface->address[family].line)
			return &interface->address[family];
	}
	return NULL;
}

/* ---- who asks ---- */

int parties_find_asker(const struct stage *stage, const struct stage_check *check, unsigned *asker,
		       struct error *error)
{
	const struct stage_party *from = &check->from;

	*asker = 0;
	if (from->client) {
		*asker = stage_client_find(stage, from->client) ? from->client : 0;
		return require_client(stage, from->client, error);
	}
	for (size_t i = 0; i < stage->client_count && *asker == 0; i++) {
		if (find_interface(&stage->clients[i], from->net))
			*asker = stage->clients[i].number;
	}
	return require_net(stage, from->net, error);
}

/* ---- who is asked ---- */

/* The address of FAMILY that TO has, or NULL. */
static const struct stage_address *address_of(const struct stage *stage,
					      const struct stage_party *to, enum family family)
{
	const struct stage_address *address;

	if (to->client)
		return find_address(stage_client_find(stage, to->client), to->net, family);
	if (to->net)
		address = &stage_net_find(stage, to->net)->computer[family];
	else
		address = to->family == family ? &to->address : NULL;
	return address && address->line ? address : NULL;
}

/* Whether STAGE has whom TO names. */
static int check_named(const struct stage *stage, const struct stage_party *to, struct error *error)
{
	int result = to->client ? require_client(stage, to->client, error) : 0;

	if (result == 0 && to->net)
		result = require_net(stage, to->net, error);
	if (result < 0 || !to->net)
		return result;
	if (to->client && !find_interface(stage_client_find(stage, to->client), to->net))
		return error_set(error, EINVAL, "client%u is not on net%u; use a net that it is on",
				 to->client, to->net);
	if (!to->client && !stage_net_is_leg(stage_net_find(stage, to->net)))
		return error_set(
			error, EINVAL,
			"the computer has no address on net%u; give it one, or ask another",
			to->net);
	return 0;
}

/* Whether all of CHECK's questions can be asked with addresses of FAMILY. */
static bool has_family(const struct stage_check *check, enum family family)
{
	for (size_t i = 0; i < check->probe_count; i++) {
		if (check->probes[i].kind == PROBE_ARP && family != FAMILY_IPV4)
			return false;
	}
	return true;
}

static int explain_families(const struct stage_check *check, struct error *error)
{
	if (!has_family(check, FAMILY_IPV6))
		return error_set(error, EINVAL,
				 "ARP asks for an IPv4 address, from one, and not both are there; "
				 "use another party or probe");
	if (check->to.address.line)
		return error_set(error, EINVAL,
				 "client%u has no %s address to ask from; use one of the other "
				 "family",
				 check->asker, address_family_name(check->to.family));
	return error_set(error, EINVAL,
			 "has no address of a family that client%u has one of; give it one, or ask "
			 "another",
			 check->asker);
}

int parties_find_target(const struct stage *stage, const struct stage_check *check,
			enum family *family, struct stage_address *target, struct error *error)
{
	const struct stage_client *asker = stage_client_find(stage, check->asker);
	int result = check_named(stage, &check->to, error);

	if (result < 0)
		return result;
	for (*family = 0; *family < FAMILIES; (*family)++) {
		const struct stage_address *address = address_of(stage, &check->to, *family);

		if (!address || !has_family(check, *family) || !find_address(asker, 0, *family))
			continue;
		if (address_is_of(asker, *family, address))
			return error_set(error, EINVAL,
					 "an address of client%u, which asks; ask another",
					 check->asker);
		*target = *address;
		return 0;
	}
	return explain_families(check, error);
}

/* ---- both ---- */

/* The net that ARP questions and frames are put on: the one that is named, else the asker's that
 * the target is of, else its first. */
static unsigned find_wire(const struct stage *stage, const struct stage_check *check)
{
	const struct stage_client *asker = stage_client_find(stage, check->asker);
	const struct stage_address *target = &check->target;

	if (check->from.net || !asker || asker->interface_count == 0)
		return check->from.net;
	for (size_t i = 0; target->line && i < asker->interface_count; i++) {
		const struct stage_net *net = stage_net_find(stage, asker->interfaces[i].net);
		const struct stage_address *subnet = net ? &net->subnet[check->family] : NULL;

		if (subnet && subnet->line && address_share(target, subnet, subnet->length))
			return net->number;
	}
	return asker->interfaces[0].net;
}

void parties_resolve(const struct stage *stage, struct stage_check *check)
{
	enum family family = FAMILY_IPV4;
	struct stage_address target = {.line = 0};
	struct error error;

	if (!check->from.line || parties_find_asker(stage, check, &check->asker, &error) < 0)
		return;
	if (check->asker && check->to.line &&
	    parties_find_target(stage, check, &family, &target, &error) == 0) {
		check->family = family;
		check->target = target;
	}
	check->wire = find_wire(stage, check);
}
