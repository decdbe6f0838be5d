#include "computer.h"

#include "net.h"
#include "sysctl.h"

#include <sched.h>

/* Explicitly, for a new network namespace copies the first one's settings (see settings.c). */
static const struct sysctl_setting ipv4_settings[] = {
	{"ip_forward", "0"},
	{"conf/default/forwarding", "0"}, /* ip_forward sets it only where it changes itself */
};

static const struct sysctl_setting ipv6_settings[] = {
	{"conf/all/forwarding", "0"},
	{"conf/default/forwarding", "0"},
};

int computer_make(const struct caller *student, const struct caller *outside,
		  struct ns_set *computer, struct error *error)
{
	const struct ns_ids uids = {student->uid, outside->uid, 1};
	const struct ns_ids gids = {student->gid, outside->gid, 1};

	return ns_make(CLONE_NEWUSER | CLONE_NEWNET, &uids, &gids, computer, error);
}

int computer_enter(const struct ns_set *computer, struct error *error)
{
	struct ns_set net = NS_SET_NONE;

	net.fd[NS_NET] = computer->fd[NS_NET];
	return ns_enter(&net, error);
}

int computer_settle(struct nl_sock *socket, struct error *error)
{
	int result = sysctl_settle("/proc/sys/net/ipv4", ipv4_settings, ARRAY_SIZE(ipv4_settings),
				   error);

	if (result == 0)
		result = sysctl_settle("/proc/sys/net/ipv6", ipv6_settings,
				       ARRAY_SIZE(ipv6_settings), error);
	return result == 0 ? net_link_up(socket, "lo", error) : result;
}
