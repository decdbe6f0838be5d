#include "stage.h"

void stage_clear(struct stage *stage)
{
	for (size_t i = 0; stage->clients && i < stage->client_count; i++) {
		free(stage->clients[i].routes);
		free(stage->clients[i].run);
	}
	for (size_t i = 0; stage->checks && i < stage->check_count; i++) {
		free(stage->checks[i].frames);
		free(stage->checks[i].run);
		free(stage->checks[i].hops);
	}
	free(stage->checks);
	free(stage->clients);
	free(stage->nets);
	memset(stage, 0, sizeof(*stage));
}

bool stage_name_valid(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	size_t length = strlen(name);

	return length > 0 && length < STAGE_NAME_SIZE && strspn(name, allowed) == length &&
	       name[0] != '.' && name[0] != '-';
}

const struct stage_net *stage_net_find(const struct stage *stage, unsigned number)
{
	if (number < 1 || number > stage->net_count || stage->nets[number - 1].line == 0)
		return NULL;
	return &stage->nets[number - 1];
}

const struct stage_client *stage_client_find(const struct stage *stage, unsigned number)
{
	if (number < 1 || number > stage->client_count || stage->clients[number - 1].line == 0)
		return NULL;
	return &stage->clients[number - 1];
}

bool stage_net_is_leg(const struct stage_net *net)
{
	return net->computer[FAMILY_IPV4].line || net->computer[FAMILY_IPV6].line;
}

bool stage_net_has(const struct stage_net *net, enum family family)
{
	return net->subnet[family].line != 0;
}

bool stage_has(const struct stage *stage, enum family family)
{
	for (size_t i = 0; i < stage->net_count; i++)
		if (stage_net_has(&stage->nets[i], family))
			return true;
	return false;
}

void stage_mac_derive(const struct stage_address address[FAMILIES], uint8_t mac[MAC_SIZE])
{
	/* 02: an individual, locally administered address (IEEE 802, the two lowest bits). */
	static const uint8_t prefix[] = {0x02, 0x42};
	const uint8_t *last_four = address[FAMILY_IPV4].line ? address[FAMILY_IPV4].bytes
							     : address[FAMILY_IPV6].bytes + 12;

	memcpy(mac, prefix, sizeof(prefix));
	memcpy(mac + sizeof(prefix), last_four, 4);
}

void stage_client_name(const struct stage_client *client, char name[STAGE_CLIENT_NAME_SIZE])
{
	(void)snprintf(name, STAGE_CLIENT_NAME_SIZE, "client%u", client->number);
}
