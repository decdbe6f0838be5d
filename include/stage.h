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

struct stage {
	char name[STAGE_NAME_SIZE];
	char title[STAGE_TITLE_SIZE];
	char summary[STAGE_TITLE_SIZE]; /* empty: none */
	struct stage_net *nets;		/* nets[i].number is i + 1 */
	size_t net_count;
	struct stage_client *clients; /* clients[i].number is i + 1 */
	size_t client_count;
};

/* Frees what STAGE owns and leaves it empty. An all-zero struct is an empty stage. */
void stage_clear(struct stage *stage);

#define CLEANUP_STAGE CLEANUP(stage_clear)

/* True where NAME can be a stage's name, or one that it is started by: letters, digits, and "._-"
 * but for "." and "-" as the first; shorter than STAGE_NAME_SIZE. */
bool stage_name_valid(const char *name);

/* The net with this number, or NULL. */
const struct stage_net *stage_net_find(const struct stage *stage, unsigned number);

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
