/* A host's network brought up in few requests: a client's. */
#include "net_message.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

/* Each of them takes at most so many requests. */
#define INTERFACE_REQUESTS 2

static int put_interface(struct net_batch *batch, const struct net_interface *interface,
			 struct error *error)
{
	unsigned index;

	if (net_batch_make_room(batch, INTERFACE_REQUESTS, error) < 0 ||
	    net_link_need(batch->socket, interface->name, &index, error) < 0)
		return -error->code;
	batch->link = interface->name;
	if (interface->ipv4.family)
		net_message_address(batch, index, &interface->ipv4, RT_SCOPE_UNIVERSE, 0);
	net_message_up(batch, interface->name);
	return 0;
}

static int put_way(struct net_batch *batch, const struct net_way *way, struct error *error)
{
	unsigned index;

	if (net_batch_make_room(batch, 1, error) < 0 ||
	    net_link_need(batch->socket, way->name, &index, error) < 0)
		return -error->code;
	batch->link = way->name;
	net_message_route(batch, index, way->prefix.family ? &way->prefix : NULL, &way->gateway);
	return 0;
}

/* An IPv6 address is waited for; before that lo must be up. */
static int add_ipv6(struct net_batch *batch, const struct net_interface *interface,
		    struct error *error)
{
	int result = 0;

	if (!interface->ipv6.family)
		return 0;
	result = net_batch_send(batch, error);
	net_batch_clear(batch);
	return result < 0
		       ? result
		       : net_address_add(batch->socket, interface->name, &interface->ipv6, error);
}

int net_host_raise(struct nl_sock *socket, bool ipv6, const struct net_interface *interfaces,
		   size_t interface_count, const struct net_way *ways, size_t way_count,
		   struct error *error)
{
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(socket, "lo");
	int result = 0;

	net_message_up(&batch, "lo");
	if (!ipv6)
		net_message_no_loopback(&batch);
	for (size_t i = 0; result == 0 && i < interface_count; i++)
		result = add_ipv6(&batch, &interfaces[i], error);
	for (size_t i = 0; result == 0 && i < interface_count; i++)
		result = put_interface(&batch, &interfaces[i], error);
	for (size_t i = 0; result == 0 && i < way_count; i++)
		result = put_way(&batch, &ways[i], error);
	if (result == 0)
		result = net_batch_send(&batch, error);
	for (size_t i = 0; result == 0 && i < interface_count; i++)
		result = net_link_settle(socket, interfaces[i].name, error);
	return result;
}
