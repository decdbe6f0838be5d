/* Links patched together by what tc(8) does with the frames that arrive at them: a classic filter
 * that matches every frame, and the action mirred. None of it takes bpf(2), so that it works in any
 * user namespace. What is copied or passed on leaves by the other link as if it were sent there: it
 * meets the queueing discipline that stands there. */
#include "net_message.h"

#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>

#define MATCH UINT32_MAX /* of a classic program: the filter's own class and actions hold */

/* Sends BATCH, a filter that takes what OPTIONS of the kernel switch on. */
static int send_filter(struct net_batch *batch, const char *options, struct error *error)
{
	int result = net_batch_send(batch, error);

	if (result == -ENOENT)
		return error_set(error, ENOENT,
				 "%s: cannot pass frames on, for this kernel lacks %s; use a "
				 "distribution's kernel",
				 batch->link, options);
	return result;
}

static int add_ingress(struct nl_sock *socket, const char *name, unsigned *index,
		       struct error *error)
{
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(socket, name);
	int result = net_link_index(socket, name, index, error);

	if (result < 0)
		return result;
	net_message_ingress(&batch, *index);
	return net_batch_send(&batch, error);
}

/* Has mirred do OPERATION (TCA_EGRESS_...) to what arrives at NAME, with TO; VERDICT is what then
 * becomes of the frame itself. */
static int patch(struct nl_sock *socket, const char *name, const char *to, int operation,
		 int verdict, struct error *error)
{
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(socket, name);
	struct tc_mirred mirred = {.action = verdict, .eaction = operation};
	struct nlattr *options, *actions, *action, *parameters;
	unsigned index = 0;
	int result = net_link_index(socket, to, &mirred.ifindex, error);

	if (result == 0)
		result = add_ingress(socket, name, &index, error);
	if (result < 0)
		return result;
	net_message_filter(&batch, index);
	options = net_nest_begin(&batch, TCA_OPTIONS);
	net_message_classic(&batch, MATCH);
	actions = net_nest_begin(&batch, TCA_BPF_ACT);
	action = net_nest_begin(&batch, 1);
	net_put_string(&batch, TCA_ACT_KIND, "mirred");
	parameters = net_nest_begin(&batch, TCA_ACT_OPTIONS);
	net_put(&batch, TCA_MIRRED_PARMS, &mirred, sizeof(mirred));
	net_nest_end(&batch, parameters);
	net_nest_end(&batch, action);
	net_nest_end(&batch, actions);
	net_nest_end(&batch, options);
	return send_filter(&batch, "one of the kernel options NET_CLS_BPF, NET_ACT_MIRRED", error);
}

int net_patch_copy(struct nl_sock *socket, const char *name, const char *to, struct error *error)
{
	return patch(socket, name, to, TCA_EGRESS_MIRROR, TC_ACT_OK, error);
}

int net_patch_through(struct nl_sock *socket, const char *name, const char *to, struct error *error)
{
	return patch(socket, name, to, TCA_EGRESS_REDIR, TC_ACT_STOLEN, error);
}

int net_patch_nowhere(struct nl_sock *socket, const char *name, struct error *error)
{
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(socket, name);
	struct nlattr *options;
	unsigned index = 0;
	int result = add_ingress(socket, name, &index, error);

	if (result < 0)
		return result;
	net_message_filter(&batch, index);
	options = net_nest_begin(&batch, TCA_OPTIONS);
	net_message_classic(&batch, TC_ACT_SHOT);
	net_put_u32(&batch, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	net_nest_end(&batch, options);
	return send_filter(&batch, "the kernel option NET_CLS_BPF", error);
}
