/* Shaped wires.
 *
 * netem stands at the root, where it loses and delays, and tbf below it, as in tc-netem(8): so each
 * has a queue of its own, one of what is on its way and one of what waits for the rate. Either may
 * be missing, and then the other stands alone.
 *
 * Times and sizes are given in the attributes that hold nanoseconds and bytes: LATENCY64 (from
 * Linux 4.15 on), BURST and RATE64. The older fields count in ticks of the kernel's and end at 34
 * Gbit/s; and the rate table, which nothing has read since Linux 3.8, need not be sent by who names
 * the link layer (tbf_change()). */
#include "net_shape.h"

#include "net.h"
#include "net_batch.h"

#include <linux/if_ether.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#define VLAN_TAG_SIZE 4

/* What netem may hold. Its limit is in frames, and each takes the kernel this much beyond its
 * bytes. At 1500 bytes that is room for 29588, or 3.5 Gbit/s delayed by a tenth of a second. */
#define HELD_BYTES    (UINT32_C(64) << 20)
#define BOOKKEEPING   768
#define PER_MILLION   1000000
#define NS_PER_US     1000
#define US_PER_S      1000000
#define BITS_PER_BYTE 8
#define QUEUE_US      100000	  /* what may wait for the rate, in microseconds at that rate */
#define QUEUE_FRAMES  8		  /* and at least */
#define QUEUE_MAX     (16U << 20) /* and at most, in bytes */
#define BURST_US      2000	  /* a timer of the kernel's is late by less than that */

/* A queueing discipline's place, as TC_H_MAKE() counts: the handle of its own, and its parent's. */
#define ROOT  TC_H_MAKE(1U << 16, 0)
#define INNER TC_H_MAKE(2U << 16, 0)

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The largest frame that a link hands on, is_skb_forwardable(). */
static unsigned largest_frame(unsigned mtu)
{
	return mtu + ETH_HLEN + VLAN_TAG_SIZE;
}

static uint64_t bytes_in(uint64_t rate, uint64_t microseconds)
{
	return (uint64_t)((__uint128_t)rate * microseconds / US_PER_S / BITS_PER_BYTE);
}

static void begin(struct net_batch *batch, unsigned index, uint32_t handle, uint32_t parent,
		  const char *kind)
{
	const struct tcmsg header = {
		.tcm_ifindex = (int)index, .tcm_handle = handle, .tcm_parent = parent};

	net_batch_add(batch, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof(header),
		      "shape what leaves by %s", kind);
	net_put_string(batch, TCA_KIND, kind);
}

/* Unlike others' its options are a struct with attributes behind it. */
static void put_netem(struct net_batch *batch, unsigned mtu, const struct net_shape *shape)
{
	const struct tc_netem_qopt fixed = {
		.limit = HELD_BYTES / (mtu + BOOKKEEPING),
		.loss = (uint32_t)((uint64_t)shape->loss * UINT32_MAX / PER_MILLION),
	};
	const int64_t delay = (int64_t)shape->delay * NS_PER_US;
	struct nlattr *options = net_nest_begin(batch, TCA_OPTIONS);

	net_put_raw(batch, &fixed, sizeof(fixed));
	net_put(batch, TCA_NETEM_LATENCY64, &delay, sizeof(delay));
	net_nest_end(batch, options);
}

static void put_tbf(struct net_batch *batch, unsigned mtu, const struct net_shape *shape)
{
	const uint64_t rate = most(shape->rate / BITS_PER_BYTE, 1);
	const uint64_t queue = bytes_in(shape->rate, QUEUE_US + (uint64_t)shape->delay);
	const uint32_t frame = largest_frame(mtu);
	const uint32_t burst =
		(uint32_t)least(most(bytes_in(shape->rate, BURST_US), frame), UINT32_MAX);
	const struct tc_tbf_qopt fixed = {
		.rate = {.rate = (uint32_t)least(rate, UINT32_MAX),
			 .linklayer = TC_LINKLAYER_ETHERNET},
		.limit = (uint32_t)least(most(queue, (uint64_t)frame * QUEUE_FRAMES), QUEUE_MAX),
	};
	struct nlattr *options = net_nest_begin(batch, TCA_OPTIONS);

	net_put(batch, TCA_TBF_PARMS, &fixed, sizeof(fixed));
	net_put(batch, TCA_TBF_RATE64, &rate, sizeof(rate));
	net_put_u32(batch, TCA_TBF_BURST, burst);
	net_nest_end(batch, options);
}

/* What a kernel without the queueing discipline KIND answers becomes what the user can do. */
static int send_for(struct net_batch *batch, const char *wanted, const char *kind,
		    const char *option, const char *them, struct error *error)
{
	int result = net_batch_send(batch, error);

	if (result == -ENOENT)
		return error_set(error, ENOENT,
				 "%s %s, which this kernel lacks (kernel option %s); leave %s out, "
				 "or use a distribution's kernel",
				 wanted, kind, option, them);
	return result;
}

static int add_netem(struct nl_sock *socket, const char *name, unsigned index, unsigned mtu,
		     const struct net_shape *shape, struct error *error)
{
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(socket, name);
	const bool both = shape->delay && shape->loss;

	begin(&batch, index, ROOT, TC_H_ROOT, "netem");
	put_netem(&batch, mtu, shape);
	return send_for(&batch,
			both	       ? "delay and loss need"
			: shape->delay ? "delay needs"
				       : "loss needs",
			"netem", "NET_SCH_NETEM", both ? "them" : "it", error);
}

int net_link_shape(struct nl_sock *socket, const char *name, unsigned mtu,
		   const struct net_shape *shape, struct error *error)
{
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(socket, name);
	const bool netem = shape->delay || shape->loss;
	unsigned index;
	int result = net_link_index(socket, name, &index, error);

	if (result == 0 && netem)
		result = add_netem(socket, name, index, mtu, shape, error);
	if (result < 0 || !shape->rate)
		return result;
	if (netem) /* its only class is 1 */
		begin(&batch, index, INNER, ROOT | 1, "tbf");
	else
		begin(&batch, index, ROOT, TC_H_ROOT, "tbf");
	put_tbf(&batch, mtu, shape);
	return send_for(&batch, "rate needs", "tbf", "NET_SCH_TBF", "it", error);
}
