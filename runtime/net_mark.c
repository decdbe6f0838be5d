/* Theory of operation
 *
 * A chain of nftables' family "netdev" that is hooked to a link's ingress meets each frame right
 * after tc(8)'s filters there, and hence before the packet sockets bound to one protocol and the
 * kernel's own protocols (nf_ingress() in __netif_receive_skb_core()). As nft(8) would write it:
 *
 *   table netdev pyroute-net1 {
 *           chain mark {
 *                   type filter hook ingress device "net1" priority -500; policy drop;
 *                   meta pkttype set other meta pkttype other accept
 *           }
 *   }
 *
 * The kernel's bit of broadcast to itself (PACKET_LOOPBACK) is what cannot be marked: it is
 * dropped.
 *
 * The requests are a transaction: what is between BATCH_BEGIN and BATCH_END is carried out as a
 * whole or not at all. These two do nothing themselves, and older kernels (before Linux 6.10) do
 * not acknowledge them, so that none is asked to.
 *
 * When its link goes, older kernels delete the chain; newer ones keep it, and hook it to the next
 * link of that name. So the whole table is made anew. It is added first, for only what is there can
 * be deleted. */
#include "net_mark.h"

#include "net.h"
#include "net_batch.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#define CHAIN	 "mark"
#define PRIORITY (-500) /* before any that has a name in nft(8) */

static const uint8_t mark = PACKET_OTHERHOST;

/* BATCH_BEGIN or BATCH_END. */
static void put_bracket(struct net_batch *batch, int type)
{
	const struct nfgenmsg header = {.res_id = htons(NFNL_SUBSYS_NFTABLES)};

	net_batch_add(batch, type, 0, &header, sizeof(header), "mark what arrives by nftables");
	net_batch_unanswered(batch);
}

static void begin(struct net_batch *batch, int request, int flags, int attribute, const char *table)
{
	const struct nfgenmsg header = {.nfgen_family = NFPROTO_NETDEV};

	net_batch_add(batch, NFNL_SUBSYS_NFTABLES << 8 | request, flags, &header, sizeof(header),
		      "mark what arrives by nftables");
	net_put_string(batch, attribute, table);
}

static void put_table(struct net_batch *batch, const char *table)
{
	begin(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE, NFTA_TABLE_NAME, table);
	begin(batch, NFT_MSG_DELTABLE, 0, NFTA_TABLE_NAME, table);
	begin(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE, NFTA_TABLE_NAME, table);
}

static void put_chain(struct net_batch *batch, const char *table, const char *link)
{
	struct nlattr *hook;

	begin(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE, NFTA_CHAIN_TABLE, table);
	net_put_string(batch, NFTA_CHAIN_NAME, CHAIN);
	net_put_string(batch, NFTA_CHAIN_TYPE, "filter");
	net_put_u32(batch, NFTA_CHAIN_POLICY, htonl(NF_DROP));
	hook = net_nest_begin(batch, NFTA_CHAIN_HOOK);
	net_put_u32(batch, NFTA_HOOK_HOOKNUM, htonl(NF_NETDEV_INGRESS));
	net_put_u32(batch, NFTA_HOOK_PRIORITY, htonl((uint32_t)PRIORITY));
	net_put_string(batch, NFTA_HOOK_DEV, link);
	net_nest_end(batch, hook);
}

struct expression {
	struct nlattr *element, *data;
};

static struct expression expression_begin(struct net_batch *batch, const char *name)
{
	struct expression expression = {.element = net_nest_begin(batch, NFTA_LIST_ELEM)};

	net_put_string(batch, NFTA_EXPR_NAME, name);
	expression.data = net_nest_begin(batch, NFTA_EXPR_DATA);
	return expression;
}

static void expression_end(struct net_batch *batch, const struct expression *expression)
{
	net_nest_end(batch, expression->data);
	net_nest_end(batch, expression->element);
}

static void put_mark(struct net_batch *batch, int attribute)
{
	struct nlattr *data = net_nest_begin(batch, attribute);

	net_put(batch, NFTA_DATA_VALUE, &mark, sizeof(mark));
	net_nest_end(batch, data);
}

/* register 1 = the mark */
static void put_load(struct net_batch *batch)
{
	const struct expression load = expression_begin(batch, "immediate");

	net_put_u32(batch, NFTA_IMMEDIATE_DREG, htonl(NFT_REG_1));
	put_mark(batch, NFTA_IMMEDIATE_DATA);
	expression_end(batch, &load);
}

/* The frame's type from register 1 (NFTA_META_SREG), or into it (NFTA_META_DREG). */
static void put_meta(struct net_batch *batch, int direction)
{
	const struct expression meta = expression_begin(batch, "meta");

	net_put_u32(batch, NFTA_META_KEY, htonl(NFT_META_PKTTYPE));
	net_put_u32(batch, direction, htonl(NFT_REG_1));
	expression_end(batch, &meta);
}

/* Leaves the rule, and thus meets the chain's policy, unless register 1 is the mark. */
static void put_compare(struct net_batch *batch)
{
	const struct expression compare = expression_begin(batch, "cmp");

	net_put_u32(batch, NFTA_CMP_SREG, htonl(NFT_REG_1));
	net_put_u32(batch, NFTA_CMP_OP, htonl(NFT_CMP_EQ));
	put_mark(batch, NFTA_CMP_DATA);
	expression_end(batch, &compare);
}

static void put_accept(struct net_batch *batch)
{
	const struct expression accept = expression_begin(batch, "immediate");
	struct nlattr *data, *verdict;

	net_put_u32(batch, NFTA_IMMEDIATE_DREG, htonl(NFT_REG_VERDICT));
	data = net_nest_begin(batch, NFTA_IMMEDIATE_DATA);
	verdict = net_nest_begin(batch, NFTA_DATA_VERDICT);
	net_put_u32(batch, NFTA_VERDICT_CODE, htonl(NF_ACCEPT));
	net_nest_end(batch, verdict);
	net_nest_end(batch, data);
	expression_end(batch, &accept);
}

static void put_rule(struct net_batch *batch, const char *table)
{
	struct nlattr *expressions;

	begin(batch, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, NFTA_RULE_TABLE, table);
	net_put_string(batch, NFTA_RULE_CHAIN, CHAIN);
	expressions = net_nest_begin(batch, NFTA_RULE_EXPRESSIONS);
	put_load(batch);
	put_meta(batch, NFTA_META_SREG);
	put_meta(batch, NFTA_META_DREG);
	put_compare(batch);
	put_accept(batch);
	net_nest_end(batch, expressions);
}

static int put_all(struct nl_sock *socket, const char *name, struct error *error)
{
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(socket, name);
	char table[sizeof("pyroute-") + IFNAMSIZ];

	(void)snprintf(table, sizeof(table), "pyroute-%s", name);
	put_bracket(&batch, NFNL_MSG_BATCH_BEGIN);
	put_table(&batch, table);
	put_chain(&batch, table, name);
	put_rule(&batch, table);
	put_bracket(&batch, NFNL_MSG_BATCH_END);
	return net_batch_send(&batch, error);
}

static bool is_refusal(int code)
{
	switch (code) {
	case EPROTONOSUPPORT: /* no NETFILTER_NETLINK: socket(2) */
	case EOPNOTSUPP:      /* no NF_TABLES: the transaction; no NF_TABLES_NETDEV: the table */
	case EAFNOSUPPORT:    /* the same of older kernels */
	case ENOENT: /* the chain's type or an expression; older kernels have modules of them */
	case EPERM:
	case EACCES: /* a policy refuses such sockets */
		return true;
	default:
		return false;
	}
}

int net_mark_arrivals(const char *name, struct error *error)
{
	CLEANUP_NET struct nl_sock *socket = NULL;
	int result = net_socket_open_for(NETLINK_NETFILTER, &socket, error);

	if (result == 0)
		result = put_all(socket, name, error);
	if (result < 0 && is_refusal(-result))
		return error_set(error, EOPNOTSUPP,
				 "%s: the kernel does not mark frames by nftables (kernel option "
				 "NF_TABLES_NETDEV)",
				 name);
	return result;
}
