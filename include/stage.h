/* What a stage is: the plain data that flows from the reader to everything that acts.
 * No pointer into a library, no kernel object; one destructor. */
#ifndef PYROUTE_STAGE_H
#define PYROUTE_STAGE_H

#include "util.h"

#include <stdint.h>

#define STAGE_NAME_SIZE	       64 /* bytes of a stage's name with its NUL */
#define STAGE_TITLE_SIZE       128
#define STAGE_CLIENT_NAME_SIZE 16
#define MAC_SIZE	       6
#define NETS_MAX	       1024
#define CLIENTS_MAX	       1024
#define INTERFACES_MAX	       16 /* of one client */
#define NET_ENDS_MAX	       1001
#define MTU_DEFAULT	       1500
#define CHECKS_MAX	       256
#define CHECK_SIZES_MAX	       16  /* of one check */
#define CHECK_FRAME_SIZE       500 /* bytes: two digits each on one line of the file */

/* An index into the arrays below that hold one thing of each address family. */
enum family { FAMILY_IPV4, FAMILY_IPV6, FAMILIES };

/* An address, or a prefix with its host bits zero. LENGTH is the prefix length in bits (for an
 * address, that of its subnet). LINE is the line of the stage file that said so; a value that the
 * file does not hold has line 0, and stands for "none". */
struct stage_address {
	uint8_t bytes[16]; /* network byte order; IPv4 uses the first four */
	uint8_t length;
	unsigned line;
};

struct stage_net {
	unsigned number; /* the N of netN */
	unsigned line;	 /* of the section's head */
	struct stage_address subnet[FAMILIES];
	struct stage_address computer[FAMILIES]; /* both line 0: the net is no leg */
	unsigned mtu;				 /* bytes */
	unsigned mtu_line;			 /* 0: the default */
	/* What the wire does to each frame, either way; 0: nothing. */
	uint32_t delay; /* microseconds */
	uint32_t loss;	/* of a million frames */
	uint64_t rate;	/* bits a second */
	unsigned ends;	/* interfaces and leg on this net: two make a wire, more a segment */
};

struct stage_interface {
	unsigned net; /* number; interface i of a client is ethI */
	unsigned line;
	struct stage_address address[FAMILIES];
	uint8_t mac[MAC_SIZE];
	unsigned mac_line; /* 0: derived from the address */
};

/* PREFIX, host bits zero, by way of VIA; both of FAMILY. */
struct stage_route {
	enum family family;
	struct stage_address prefix;
	struct stage_address via; /* length unused */
};

struct stage_client {
	unsigned number; /* the N of clientN */
	unsigned line;
	struct stage_interface interfaces[INTERFACES_MAX]; /* in the order of the file */
	size_t interface_count;
	struct stage_address gateway[FAMILIES]; /* length unused */
	struct stage_route *routes;
	size_t route_count;
	bool forwarding; /* its own kernel forwards, IPv4 and IPv6 */
	char *run;	 /* a shell's command line, run when the stage is up; NULL: none */
};

/* ---- checks: the questions that a router is asked (stages/README.md) ---- */

enum probe_kind {
	PROBE_PING,
	PROBE_ARP,
	PROBE_UDP,
	PROBE_TCP,
	PROBE_TRACEROUTE,
	PROBE_FRAME,
	PROBE_RUN,
	PROBE_KINDS
};

enum expect_kind {
	EXPECT_REPLY,
	EXPECT_SILENCE,
	EXPECT_ICMP,
	EXPECT_EXIT,
	EXPECT_ANYTHING,
	EXPECT_KINDS
};

/* What of the frames on the wires is judged. */
enum look_kind {
	LOOK_ARP,
	LOOK_TTL,
	LOOK_CHECKSUM,
	LOOK_ETHERNET,
	LOOK_ADDRESSES,
	LOOK_PAYLOAD,
	LOOK_DUPLICATE,
	LOOK_STRAY,
	LOOK_KINDS
};

/* Several may be one check's: each is asked, and what is expected holds for each. */
struct stage_probe {
	enum probe_kind kind;
	uint32_t sizes[CHECK_SIZES_MAX]; /* bytes of payload; ping, udp and tcp have one at least */
	size_t size_count;
};

/* Who asks or is asked, as the file names it: clientN, clientN.netK, netN (CLIENT 0), or an address
 * (both 0). Line 0: nobody is named. */
struct stage_party {
	unsigned client;
	unsigned net; /* 0: none in particular */
	enum family family;
	struct stage_address address; /* line 0: one of the former */
	unsigned line;
};

struct stage_expect {
	enum expect_kind kind;
	uint8_t icmp_type; /* ICMPv6's where the check's family is IPv6 */
	int icmp_code;	   /* -1: any */
	uint8_t status;	   /* of exit */
	unsigned line;	   /* 0: the default */
};

struct stage_hop {
	enum family family;
	struct stage_address address; /* length unused */
};

struct stage_frame {
	uint8_t bytes[CHECK_FRAME_SIZE]; /* from the Ethernet header on */
	size_t length;			 /* at least that header's */
};

struct stage_check {
	char name[STAGE_NAME_SIZE];
	unsigned line;
	char title[STAGE_TITLE_SIZE];
	unsigned points;
	struct stage_probe probes[PROBE_KINDS]; /* in the order of the file; no kind twice */
	size_t probe_count;
	struct stage_party from;
	struct stage_party to;
	unsigned count;		    /* of each size, of ARP questions, of each frame */
	uint8_t ttl;		    /* of what is sent */
	uint16_t port;		    /* of udp and tcp, at the far end; 0: any */
	struct stage_frame *frames; /* of frame, one after the other */
	size_t frame_count;
	unsigned frame_line;
	char *run;		/* of run: a shell's command line, run in ASKER; else NULL */
	struct stage_hop *hops; /* of traceroute, the nearest first */
	size_t hop_count;
	struct stage_expect expect;
	unsigned within; /* milliseconds */
	unsigned looks;	 /* 1U << LOOK_... of each */
	/* What the above comes to in this stage (parties.h). */
	unsigned asker;		     /* the client's number */
	unsigned wire;		     /* the net that ARP questions and frames are put on */
	enum family family;	     /* of TARGET */
	struct stage_address target; /* length unused; line 0: there is no TO */
};

struct stage {
	char name[STAGE_NAME_SIZE];
	char title[STAGE_TITLE_SIZE];
	char summary[STAGE_TITLE_SIZE]; /* empty: none */
	struct stage_net *nets;		/* nets[i].number is i + 1 */
	size_t net_count;
	struct stage_client *clients; /* clients[i].number is i + 1 */
	size_t client_count;
	struct stage_check *checks; /* in the order of the file */
	size_t check_count;
};

/* Frees what STAGE owns and leaves it empty. An all-zero struct is an empty stage. */
void stage_clear(struct stage *stage);

#define CLEANUP_STAGE CLEANUP(stage_clear)

/* True where NAME can be a stage's name, one that it is started by, or a check's: letters, digits,
 * and "._-" but for "." and "-" as the first; shorter than STAGE_NAME_SIZE. */
bool stage_name_valid(const char *name);

/* The net with this number, or NULL. */
const struct stage_net *stage_net_find(const struct stage *stage, unsigned number);

/* The client with this number, or NULL. */
const struct stage_client *stage_client_find(const struct stage *stage, unsigned number);

/* CLIENT's name: clientN. */
void stage_client_name(const struct stage_client *client, char name[STAGE_CLIENT_NAME_SIZE]);

/* True where the computer has an interface on NET. */
bool stage_net_is_leg(const struct stage_net *net);

/* True where NET has addresses of FAMILY. */
bool stage_net_has(const struct stage_net *net, enum family family);

/* True where any net has. */
bool stage_has(const struct stage *stage, enum family family);

/* Derives the Ethernet address of an interface from its addresses, one of each family, line 0
 * where there is none: 02:42 and the four bytes of the IPv4 address, else the last four of the
 * IPv6 address (README.md, "A stage of your own"). */
void stage_mac_derive(const struct stage_address address[FAMILIES], uint8_t mac[MAC_SIZE]);

#endif
