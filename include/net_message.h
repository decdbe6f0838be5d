/* What more than one net*.c needs: reading a link, and the requests that several of them write
 * into a batch. Only net*.c include this. */
#ifndef PYROUTE_NET_MESSAGE_H
#define PYROUTE_NET_MESSAGE_H

#include "net.h"
#include "net_batch.h"

struct rtnl_link;

/* The index of the link NAME; -ENODEV: there is none. */
int net_link_need(struct nl_sock *socket, const char *name, unsigned *index, struct error *error);

/* Asks for the link INDEX, or NAME where that is 0. The caller owns LINK: CLEANUP_NET_LINK.
 * -ENODEV: there is none. */
int net_link_read(struct nl_sock *socket, int index, const char *name, struct rtnl_link **link,
		  struct error *error);
void net_link_release(struct rtnl_link **link);
#define CLEANUP_NET_LINK CLEANUP(net_link_release)

/* Two requests that keep the kernel from speaking on the link NAME of itself: no ARP, not fit for
 * multicast (mDNS daemons keep off such a link), and no IPv6 address that it makes up. While the
 * link is down. */
void net_message_quiet(struct net_batch *batch, const char *name);

/* The second of these. */
void net_message_no_address(struct net_batch *batch, const char *name);

void net_message_up(struct net_batch *batch, const char *name);
void net_message_up_mute(struct net_batch *batch, const char *name); /* mute before it is up */
void net_message_down(struct net_batch *batch, const char *name);

/* Asks for the link NAME. A link whose carrier came is without a queue, and drops what is sent,
 * until the kernel has carried out the carrier event, which it does later and at a limited rate.
 * From Linux 6.8 on it does so before it answers this. */
void net_message_ask(struct net_batch *batch, const char *name);

/* Adds a route by the link INDEX through GATEWAY: to PREFIX, or where that is NULL the default one.
 */
void net_message_route(struct net_batch *batch, unsigned index, const struct net_address *prefix,
		       const struct net_address *gateway);

/* Lets what arrives at the link INDEX meet filters; it has none yet. */
void net_message_ingress(struct net_batch *batch, unsigned index);

/* Begins the one filter that all that arrives at the link INDEX meets. Its TCA_OPTIONS, which are
 * to follow, say what it does: TCA_BPF_... */
void net_message_filter(struct net_batch *batch, unsigned index);

/* Among these options: a classic program that answers VALUE to each frame. It needs no bpf(2). */
void net_message_classic(struct net_batch *batch, uint32_t value);

/* Adds ADDRESS to the link INDEX, with SCOPE (RT_SCOPE_...) and FLAGS (IFA_F_...). */
void net_message_address(struct net_batch *batch, unsigned index, const struct net_address *address,
			 unsigned char scope, uint32_t flags);

/* Takes ::1 from lo, whose index is 1, if it is there: what IPv6 gives lo by itself. */
void net_message_no_loopback(struct net_batch *batch);

/* The number of bytes of an address of FAMILY. */
size_t net_address_size(int family);

#endif
