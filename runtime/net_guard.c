#include "net_guard.h"

#include "net_dump.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

static bool is_text(struct nlattr *found, const char *text)
{
	return found && nla_strcmp(found, text) == 0;
}

static bool is_u32(struct nlattr *found, uint32_t value)
{
	return found && nla_len(found) >= (int)sizeof(value) && nla_get_u32(found) == value;
}

/* ---- tc(8) ----------------------------------------------------------------------------------- */

struct filters {
	unsigned ours, others;
};

static bool drops_all(struct nlattr *program)
{
	const struct sock_filter drop = BPF_STMT(BPF_RET | BPF_K, TC_ACT_SHOT);

	return program && nla_len(program) == sizeof(drop) &&
	       memcmp(nla_data(program), &drop, sizeof(drop)) == 0;
}

static bool is_ours(struct nlattr *options)
{
	struct nlattr *attributes = nla_data(options);
	const int size = nla_len(options);

	return (is_text(nla_find(attributes, size, TCA_BPF_NAME), "pyroute_leg") ||
		drops_all(nla_find(attributes, size, TCA_BPF_OPS))) &&
	       is_u32(nla_find(attributes, size, TCA_BPF_FLAGS), TCA_BPF_FLAG_ACT_DIRECT);
}

/* Each classifier is told of twice: by itself, without options, and then with its filters. */
static int on_filter(void *context, struct nlmsghdr *message, struct error *error)
{
	struct filters *filters = context;
	const struct tcmsg *body = nlmsg_data(message);
	struct nlattr *options;
	bool bpf;

	(void)error;
	if (message->nlmsg_type != RTM_NEWTFILTER || !nlmsg_valid_hdr(message, sizeof(*body)))
		return 0;
	options = nlmsg_find_attr(message, sizeof(*body), TCA_OPTIONS);
	bpf = is_text(nlmsg_find_attr(message, sizeof(*body), TCA_KIND), "bpf");
	if (bpf && !options)
		return 0;
	if (bpf && is_ours(options))
		filters->ours++;
	else
		filters->others++;
	return 0;
}

static int find_filters(unsigned index, struct filters *filters, struct error *error)
{
	struct tcmsg header = {.tcm_ifindex = (int)index,
			       .tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)};

	return net_dump(NETLINK_ROUTE, RTM_GETTFILTER, &header, sizeof(header), on_filter, filters,
			error);
}

/* ---- nftables -------------------------------------------------------------------------------- */

struct marks {
	const char *link;
	char table[sizeof("pyroute-") + IFNAMSIZ];
	unsigned chains, rules;
	bool right; /* the rule is of the parts that net_mark.c makes it of */
};

static bool is_of(struct nlmsghdr *message, int attribute, const char *text)
{
	return is_text(nlmsg_find_attr(message, sizeof(struct nfgenmsg), attribute), text);
}

static bool is_hooked(struct nlattr *hook, const char *link)
{
	struct nlattr *attributes = nla_data(hook);
	const int size = nla_len(hook);
	struct nlattr *devices = nla_find(attributes, size, NFTA_HOOK_DEVS);

	return is_u32(nla_find(attributes, size, NFTA_HOOK_HOOKNUM), htonl(NF_NETDEV_INGRESS)) &&
	       (is_text(nla_find(attributes, size, NFTA_HOOK_DEV), link) ||
		(devices &&
		 is_text(nla_find(nla_data(devices), nla_len(devices), NFTA_DEVICE_NAME), link)));
}

static int on_chain(void *context, struct nlmsghdr *message, struct error *error)
{
	struct marks *marks = context;
	struct nlattr *hook;

	(void)error;
	if (!nlmsg_valid_hdr(message, sizeof(struct nfgenmsg)) ||
	    !is_of(message, NFTA_CHAIN_TABLE, marks->table))
		return 0;
	hook = nlmsg_find_attr(message, sizeof(struct nfgenmsg), NFTA_CHAIN_HOOK);
	marks->chains +=
		hook && is_hooked(hook, marks->link) &&
		is_u32(nlmsg_find_attr(message, sizeof(struct nfgenmsg), NFTA_CHAIN_POLICY),
		       htonl(NF_DROP));
	return 0;
}

static bool is_made_of_ours(struct nlattr *expressions)
{
	static const char *const parts[] = {"immediate", "meta", "meta", "cmp", "immediate"};
	struct nlattr *part = expressions ? nla_data(expressions) : NULL;
	int left = expressions ? nla_len(expressions) : 0;
	size_t i = 0;

	for (; nla_ok(part, left); part = nla_next(part, &left), i++)
		if (i >= ARRAY_SIZE(parts) ||
		    !is_text(nla_find(nla_data(part), nla_len(part), NFTA_EXPR_NAME), parts[i]))
			return false;
	return i == ARRAY_SIZE(parts);
}

static int on_rule(void *context, struct nlmsghdr *message, struct error *error)
{
	struct marks *marks = context;

	(void)error;
	if (!nlmsg_valid_hdr(message, sizeof(struct nfgenmsg)) ||
	    !is_of(message, NFTA_RULE_TABLE, marks->table))
		return 0;
	marks->rules++;
	marks->right = is_made_of_ours(
		nlmsg_find_attr(message, sizeof(struct nfgenmsg), NFTA_RULE_EXPRESSIONS));
	return 0;
}

static int ask_nftables(int request, net_dump_visit *visit, struct marks *marks,
			struct error *error)
{
	struct nfgenmsg header = {.nfgen_family = NFPROTO_NETDEV};

	return net_dump(NETLINK_NETFILTER, NFNL_SUBSYS_NFTABLES << 8 | request, &header,
			sizeof(header), visit, marks, error);
}

static bool is_absence(int code)
{
	return code == EPROTONOSUPPORT || code == EOPNOTSUPP || code == EAFNOSUPPORT ||
	       code == ENOENT;
}

static int find_mark(const char *name, struct error *error)
{
	struct marks marks = {.link = name};
	int result;

	(void)snprintf(marks.table, sizeof(marks.table), "pyroute-%s", name);
	result = ask_nftables(NFT_MSG_GETCHAIN, on_chain, &marks, error);
	if (result == 0)
		result = ask_nftables(NFT_MSG_GETRULE, on_rule, &marks, error);
	if (result < 0)
		return is_absence(-result) ? 0 : result;
	return marks.chains == 1 && marks.rules == 1 && marks.right;
}

int net_guard_find(const char *name, unsigned index, bool own_ns, struct error *error)
{
	struct filters filters = {0};

	if (find_filters(index, &filters, error) < 0)
		return -error->code;
	if (filters.others > 0 || filters.ours > 1)
		return 0;
	return filters.ours == 1 || !own_ns ? filters.ours == 1 : find_mark(name, error);
}
