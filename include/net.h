/* Links, addresses, routes and filters of one network namespace, over one netlink socket.
 * The only user of libnl-3 and libnl-route-3, whose codes end here: every function returns 0 or
 * -errno with ERROR set. A socket stays bound to the network namespace it was opened in, wherever
 * its process goes later (socket(7), network_namespaces(7)). */
#ifndef PYROUTE_NET_H
#define PYROUTE_NET_H

#include "error.h"

#include <net/if.h>
#include <stdint.h>

#define NET_MAC_SIZE 6

struct nl_sock;

/* One end of a wire, before it exists. */
struct net_end {
	const char *name;   /* less than IFNAMSIZ bytes */
	int ns;		    /* fd of the network namespace it is born in; -1: the socket's */
	const uint8_t *mac; /* NET_MAC_SIZE bytes; NULL: the kernel picks one at random */
};

/* An IPv4 or IPv6 address or prefix, as rtnetlink wants it. */
struct net_address {
	int family;	   /* AF_INET, AF_INET6 */
	uint8_t bytes[16]; /* network byte order */
	uint8_t length;	   /* prefix length in bits */
};

/* Opens a route netlink socket in the calling thread's network namespace, with extended
 * acknowledgements. The caller owns it: net_socket_close(), CLEANUP_NET. */
int net_socket_open(struct nl_sock **socket, struct error *error);

/* The same for another PROTOCOL of netlink(7). -EPROTONOSUPPORT: the kernel lacks it. */
int net_socket_open_for(int protocol, struct nl_sock **socket, struct error *error);

void net_socket_close(struct nl_sock **socket);
#define CLEANUP_NET CLEANUP(net_socket_close)

/* The index of the link NAME, 0 where there is none. */
int net_link_index(struct nl_sock *socket, const char *name, unsigned *index, struct error *error);

/* Makes a veth pair, both ends down, in one request: each end named, with its Ethernet address
 * and MTU (bytes), one queue each way, and born in its own namespace, so that nothing is ever
 * made in one namespace and moved to another. -EEXIST: a name is taken. */
int net_veth_create(struct nl_sock *socket, const struct net_end *end, const struct net_end *peer,
		    unsigned mtu, struct error *error);

/* Makes a bridge that is up and forwards frames as a plain learning switch: no spanning tree, no
 * multicast snooping, no address of its own that it would speak from. */
int net_bridge_create(struct nl_sock *socket, const char *name, unsigned mtu, struct error *error);

/* Keeps the kernel from speaking on the link NAME of itself. While the link is down. */
int net_link_silence(struct nl_sock *socket, const char *name, struct error *error);

/* Makes the link NAME a port of the bridge BRIDGE. */
int net_link_join(struct nl_sock *socket, const char *name, const char *bridge,
		  struct error *error);

/* Three ways of patching links together; each link has one. What arrives at the link NAME also
 * leaves by the link TO; leaves by TO and is seen by nothing else; goes nowhere. Packet sockets on
 * NAME see it all the same. -ENOENT: the kernel lacks what it takes, and the error says so. */
int net_patch_copy(struct nl_sock *socket, const char *name, const char *to, struct error *error);
int net_patch_through(struct nl_sock *socket, const char *name, const char *to,
		      struct error *error);
int net_patch_nowhere(struct nl_sock *socket, const char *name, struct error *error);

/* Brings a link up; then asks for it once, so that the kernel carries out the carrier event before
 * it answers and the first frame is not lost (from Linux 6.8 on; older ones do so soon after). The
 * other end of a wire, which gets its carrier with this one, is asked for likewise if the caller
 * holds CAP_NET_ADMIN over its network namespace. */
int net_link_up(struct nl_sock *socket, const char *name, struct error *error);

/* Asks the kernel for the link NAME, see net_link_up(). To be called for an end whose peer came up
 * later. Where it has a carrier and the kernel has not carried out that event, as before Linux 6.8,
 * waits until it has, for a second and a half. */
int net_link_settle(struct nl_sock *socket, const char *name, struct error *error);

/* Whether there is a link with this INDEX. */
int net_link_is_there(struct nl_sock *socket, unsigned index, bool *there, struct error *error);

/* Removes the link with this INDEX if it is a veth whose Ethernet address is MAC; the identity
 * guards against an index used anew. 0 too where it is gone already. */
int net_link_delete(struct nl_sock *socket, unsigned index, const uint8_t mac[NET_MAC_SIZE],
		    struct error *error);

/* Which of the kernel's features of links are checksum or segmentation offloads. */
#define NET_OFFLOAD_WORDS 4 /* of 32 features each; Linux 6.18 has two */
struct net_offloads {
	uint32_t size; /* so many words there are */
	uint32_t words[NET_OFFLOAD_WORDS];
};
int net_offloads_find(struct nl_sock *socket, struct net_offloads *offloads, struct error *error);

/* Switches all of OFFLOADS off on the link NAME: the frames that leave it are then whole and fit
 * the MTU. -EOPNOTSUPP: one stays on. */
int net_link_offloads_off(struct nl_sock *socket, const char *name,
			  const struct net_offloads *offloads, struct error *error);

/* Adds ADDRESS to the link NAME, with the prefix's route. An IPv6 address is ready when it returns:
 * its neighbours find it. The calling thread must be in the socket's network namespace for that. */
int net_address_add(struct nl_sock *socket, const char *name, const struct net_address *address,
		    struct error *error);

/* What net_host_raise() is to make. */
struct net_interface {
	char name[IFNAMSIZ];
	struct net_address ipv4, ipv6; /* of the family 0: none */
};
struct net_way {
	char name[IFNAMSIZ];	   /* of the interface */
	struct net_address prefix; /* of the family 0: the default route */
	struct net_address gateway;
};

/* Brings up lo and the links INTERFACES with their addresses, and adds the routes WAYS: what
 * net_address_add() and net_link_up() do, in as few requests as that takes. The other ends of the
 * wires are not asked for. IPV6: false, lo has no address of it. The calling thread must be in the
 * socket's network namespace. */
int net_host_raise(struct nl_sock *socket, bool ipv6, const struct net_interface *interfaces,
		   size_t interface_count, const struct net_way *ways, size_t way_count,
		   struct error *error);

/* What tc(8) makes: queueing disciplines, classifiers that stand in filters, and the actions of
 * these. */
enum net_part { NET_QDISC, NET_CLASSIFIER, NET_ACTION };

/* Whether the kernel knows the PART called NAME. To be asked in a network namespace that is of no
 * more use afterwards: what is tried may stay on its lo. Returns 1, 0 or -errno. */
int net_part_known(struct nl_sock *socket, enum net_part part, const char *name,
		   struct error *error);

/* Loads the program that marks what arrives on a leg. Returns its fd, the caller's; -EPERM or
 * -ENOSYS where bpf(2) is refused. */
int net_leg_load_marker(struct error *error);

/* What all legs are made with; found out once. */
struct net_leg_kit {
	bool open;
	int marker; /* that program; -EPERM or -ENOSYS where bpf(2) is refused */
	struct net_offloads offloads;
};
#define NET_LEG_KIT_NONE ((struct net_leg_kit){.marker = -1})
/* Does nothing where it is open. */
int net_leg_kit_open(struct nl_sock *socket, struct net_leg_kit *kit, struct error *error);
void net_leg_kit_close(struct net_leg_kit *kit);
#define CLEANUP_NET_LEG_KIT CLEANUP(net_leg_kit_close)

/* What net_leg_raise() returns where what arrives can only be dropped: the leg is as silent, but
 * only packet sockets bound to ETH_P_ALL see what arrives, those of a single protocol nothing. */
#define NET_LEG_ALL_ONLY 1

/* Readies the link NAME, which is down, for net_leg_raise(). IPV6: it will show an address of that
 * family. A raise that follows at once waits, for some 0.2 ms, until no processor can be in what
 * was made here (RCU), and keeps all others from the links meanwhile: better do something else
 * first. The calling thread must be in the socket's network namespace: what matters of IPv6 is set
 * through /proc/sys/net, which is that of whoever opens it. */
int net_leg_prepare(struct nl_sock *socket, const struct net_leg_kit *kit, const char *name,
		    bool ipv6, struct error *error);

/* Makes the link NAME, which is ready and down, a silent leg, shows the addresses IPV4 and IPV6
 * (NULL: none of that family) on it and brings it up. From then on packet sockets of any protocol
 * see all that arrives on it, and the kernel's own stack nothing; of itself the kernel sends
 * nothing there; no routing table says anything of its addresses. net_leg.c tells how. The calling
 * thread must be in the socket's network namespace: what matters of IPv6 is set through
 * /proc/sys/net, which is that of whoever opens it. OWN_NS: that namespace is the stage's own; only
 * then may nftables be used, for the rules of a computer are its owner's. Returns 0,
 * NET_LEG_ALL_ONLY or -errno. */
int net_leg_raise(struct nl_sock *socket, const struct net_leg_kit *kit, const char *name,
		  const struct net_address *ipv4, const struct net_address *ipv6, bool own_ns,
		  struct error *error);

/* To be called for a leg once the other end of its wire is up too: net_link_settle(), and the
 * routes of all tables are as they were without the leg. IPV6: it shows an address of it. */
int net_leg_settle(struct nl_sock *socket, const char *name, bool ipv6, struct error *error);

#endif
