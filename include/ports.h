/* The legs of the computer and the interfaces of clients in one list: what holds for addresses on
 * a net holds for both. For rules. */
#ifndef PYROUTE_PORTS_H
#define PYROUTE_PORTS_H

#include "address.h"
#include "complaints.h"
#include "stage.h"

struct port {
	char section[16];
	char key[16];			     /* that gives its address: computer, netK */
	char mac_key[16];		     /* that may give its Ethernet address: mac.netK */
	const struct stage_net *net;	     /* NULL: there is no such net */
	const struct stage_address *address; /* one of each family */
	unsigned mac_line;		     /* 0: derived from the address */
	uint8_t mac[MAC_SIZE];
};

struct ports {
	struct port *all;
	size_t count;
};

/* Lists the ports of STAGE, which they point into: the legs, then the interfaces. Returns 0 or
 * -ENOMEM. The caller clears PORTS. */
int ports_list(const struct stage *stage, struct ports *ports);
void ports_clear(struct ports *ports);
#define CLEANUP_PORTS CLEANUP(ports_clear)

/* Where the file gives the address of this family, or the Ethernet address. VALUE is a buffer of
 * ADDRESS_TEXT_SIZE or MAC_TEXT_SIZE that must live as long as the place. */
struct place port_address_place(const struct port *port, enum family family, char *value);
struct place port_mac_place(const struct port *port, char *value);

/* Complains of every address and Ethernet address that a port further up the file has already.
 * Leaves PORTS in another order. */
void ports_check_unique(struct ports *ports, struct complaints *complaints);

#endif
