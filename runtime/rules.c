/* What is missing is checked here, all else by those that this calls. */
#include "rules.h"
#include "address.h"
#include "checks.h"
#include "hops.h"
#include "nets.h"
#include "ports.h"

struct checker {
	const struct stage *stage;
	struct complaints *complaints;
};

/* Calls for the section that the hole at NUMBER needs, at the line of the next one. */
static void complain_gap(struct checker *checker, const char *kind, unsigned number, unsigned next,
			 unsigned line)
{
	complaints_add(checker->complaints, line,
		       "[%s%u]: there is no [%s%u]; number them from 1 without gaps", kind, next,
		       kind, number);
}

static void check_gaps(struct checker *checker)
{
	const struct stage *stage = checker->stage;

	/* The last of an array is there: the file's highest number made it that long. */
	for (unsigned i = 0; i + 1 < stage->net_count; i++) {
		if (!stage->nets[i].line && stage->nets[i + 1].line)
			complain_gap(checker, "net", i + 1, i + 2, stage->nets[i + 1].line);
	}
	for (unsigned i = 0; i + 1 < stage->client_count; i++) {
		if (!stage->clients[i].line && stage->clients[i + 1].line)
			complain_gap(checker, "client", i + 1, i + 2, stage->clients[i + 1].line);
	}
	if (stage->net_count == 0 && stage->client_count == 0)
		complaints_add(checker->complaints, 0,
			       "has no net and no client; add [net1], "
			       "with a subnet, and [client1]");
}

/* Calls for the net that INTERFACE, of a client of this NUMBER, is on. */
static void complain_no_net(struct checker *checker, unsigned number,
			    const struct stage_interface *interface)
{
	enum family family = interface->address[FAMILY_IPV4].line ? FAMILY_IPV4 : FAMILY_IPV6;
	const struct stage_address *address = &interface->address[family];
	char section[16];
	char key[16];
	char value[ADDRESS_TEXT_SIZE];
	struct place place = {interface->line, section, key, NULL};

	(void)snprintf(section, sizeof(section), "client%u", number);
	(void)snprintf(key, sizeof(key), "net%u", interface->net);
	if (address->line)
		place.value = address_format(family, address, value);
	complaints_add_at(checker->complaints, &place,
			  "there is no [net%u]; add it, or use a net that there is",
			  interface->net);
}

static void check_references(struct checker *checker, const struct stage_client *client)
{
	for (size_t i = 0; i < client->interface_count; i++) {
		if (!stage_net_find(checker->stage, client->interfaces[i].net))
			complain_no_net(checker, client->number, &client->interfaces[i]);
	}
}

static void check_unused(struct checker *checker)
{
	const struct stage *stage = checker->stage;

	for (size_t i = 0; i < stage->net_count; i++) {
		const struct stage_net *net = &stage->nets[i];

		if (net->line && net->ends == (stage_net_is_leg(net) ? 1 : 0))
			complaints_add(checker->complaints, net->line,
				       "[net%u]: no client is on it; give one a net%u = ADDRESS",
				       net->number, net->number);
	}
	for (size_t i = 0; i < stage->client_count; i++) {
		const struct stage_client *client = &stage->clients[i];

		if (client->line && client->interface_count == 0)
			complaints_add(checker->complaints, client->line,
				       "[client%u]: is on no net; add one, like net1 = 1.1.1.2",
				       client->number);
	}
}

static void check_missing(struct checker *checker)
{
	if (checker->complaints->lost_section)
		return;
	check_gaps(checker);
	for (size_t i = 0; i < checker->stage->client_count; i++)
		check_references(checker, &checker->stage->clients[i]);
	if (!checker->complaints->lost_interface)
		check_unused(checker);
}

int rules_check(const struct stage *stage, struct complaints *complaints)
{
	struct checker checker = {.stage = stage, .complaints = complaints};
	int result = nets_check(stage, complaints);

	hops_check(stage, complaints);
	if (result == 0)
		result = ports_check(stage, complaints);
	if (result < 0)
		complaints_add(complaints, 0, "cannot be checked: %s", strerror(-result));
	check_missing(&checker);
	checks_check(stage, complaints);
	return complaints->count ? -EINVAL : 0;
}
