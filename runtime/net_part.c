/* What of traffic control a kernel has is found by asking for it without the options that it needs:
 * a kind that the kernel does not know, and finds no module for, is ENOENT; one that it knows is
 * EINVAL, or made. That holds for tc's three tables of kinds alike: qdisc_create(),
 * tcf_proto_lookup_ops(), tc_action_load_ops(). */
#include "net_message.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>

#define LO 1 /* its index in every network namespace */

static void put_qdisc(struct net_batch *batch, const char *name)
{
	const bool at_ingress = strcmp(name, "clsact") == 0 || strcmp(name, "ingress") == 0;
	const struct tcmsg header = {.tcm_ifindex = LO,
				     .tcm_handle = at_ingress ? TC_H_MAKE(TC_H_CLSACT, 0) : 0,
				     .tcm_parent = at_ingress ? TC_H_CLSACT : TC_H_ROOT};

	net_batch_add(batch, RTM_NEWQDISC, NLM_F_CREATE, &header, sizeof(header),
		      "make a queue of kind %s", name);
	net_put_string(batch, TCA_KIND, name);
}

/* Filters stand at the ingress, whose queue need not be new. Where ACTION is not NULL, a classic
 * program in front makes the request complete but for the action's own options. */
static void put_filter(struct net_batch *batch, const char *name, const char *action)
{
	const struct tcmsg header = {.tcm_ifindex = LO,
				     .tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
				     .tcm_info = TC_H_MAKE(1U << 16, htons(ETH_P_ALL))};
	const struct sock_filter pass = BPF_STMT(BPF_RET | BPF_K, 0);
	const uint16_t length = 1;
	struct nlattr *options, *actions, *first;

	put_qdisc(batch, "clsact");
	net_batch_add(batch, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header),
		      "make a filter of kind %s", name);
	net_put_string(batch, TCA_KIND, name);
	if (action == NULL)
		return;
	options = net_nest_begin(batch, TCA_OPTIONS);
	net_put(batch, TCA_BPF_OPS_LEN, &length, sizeof(length));
	net_put(batch, TCA_BPF_OPS, &pass, sizeof(pass));
	actions = net_nest_begin(batch, TCA_BPF_ACT);
	first = net_nest_begin(batch, 1);
	net_put_string(batch, TCA_ACT_KIND, action);
	net_nest_end(batch, first);
	net_nest_end(batch, actions);
	net_nest_end(batch, options);
}

int net_part_known(struct nl_sock *socket, enum net_part part, const char *name,
		   struct error *error)
{
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(socket, "lo");
	int result;

	if (part == NET_QDISC)
		put_qdisc(&batch, name);
	else
		put_filter(&batch, part == NET_ACTION ? "bpf" : name,
			   part == NET_ACTION ? name : NULL);
	result = net_batch_send(&batch, error);
	switch (result) {
	case 0:
	case -EINVAL:
		return 1;
	case -ENOENT:
	case -EOPNOTSUPP: /* a kernel without traffic control */
		return 0;
	default:
		return result;
	}
}
