#include "net_watch.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>
#include <sys/time.h>

#define PATIENCE_S  5
#define BUFFER_SIZE (1 << 20) /* bytes: many notices, on a computer where much is going on */

/* What is waited for. */
struct wanted {
	unsigned index;
	const struct net_address *address;
	bool ready;
};

static int on_notice(struct nl_msg *message, void *argument)
{
	struct wanted *wanted = argument;
	struct nlmsghdr *head = nlmsg_hdr(message);
	const struct ifaddrmsg *body = nlmsg_data(head);
	struct nlattr *address;

	if (head->nlmsg_type != RTM_NEWADDR || !nlmsg_valid_hdr(head, sizeof(*body)) ||
	    body->ifa_index != wanted->index)
		return NL_OK;
	address = nlmsg_find_attr(head, sizeof(*body), IFA_ADDRESS);
	if (address && nla_len(address) == sizeof(wanted->address->bytes) &&
	    memcmp(nla_data(address), wanted->address->bytes, sizeof(wanted->address->bytes)) == 0)
		wanted->ready = true;
	return NL_OK;
}

int net_watch_open(struct nl_sock **watch, struct error *error)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	CLEANUP_NET struct nl_sock *opened = NULL;

	if (net_socket_open(&opened, error) < 0)
		return -error->code;
	(void)nl_socket_set_buffer_size(opened, BUFFER_SIZE, 0); /* as much as the system allows */
	if (nl_socket_add_memberships(opened, RTNLGRP_IPV6_IFADDR, 0) < 0 ||
	    setsockopt(nl_socket_get_fd(opened), SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)) < 0)
		return error_set(error, EIO, "cannot hear of addresses from rtnetlink");
	*watch = TAKE_POINTER(opened);
	return 0;
}

int net_watch_address(struct nl_sock *watch, unsigned index, const struct net_address *address,
		      struct error *error)
{
	struct wanted wanted = {.index = index, .address = address};

	if (nl_socket_modify_cb(watch, NL_CB_VALID, NL_CB_CUSTOM, on_notice, &wanted) < 0)
		return error_system(error, ENOMEM, "cannot receive from rtnetlink");
	while (!wanted.ready)
		if (nl_recvmsgs_default(watch) < 0)
			return error_set(error, ETIMEDOUT,
					 "the kernel does not make its IPv6 address ready");
	return 0;
}
