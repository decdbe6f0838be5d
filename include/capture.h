/* What passes on the legs: every frame, as a packet socket on the computer's side sees it, that
 * arrives there from a wire or is put onto it, from capture_start() to capture_stop(). A process of
 * its own reads them (libpcap) into memory that it shares with us, so that nobody who floods a wire
 * keeps us from anything else. */
#ifndef PYROUTE_CAPTURE_H
#define PYROUTE_CAPTURE_H

#include "error.h"
#include "ns.h"

#include <net/if.h>
#include <stdint.h>

#define CAPTURE_LISTENERS_MAX 64
#define CAPTURE_ANY_WIRE      UINT16_MAX
#define CAPTURE_WIRES_MAX     1024
#define CAPTURE_MAC_SIZE      6

struct capture_wire {
	char name[IFNAMSIZ]; /* of the leg */
	unsigned mtu;	     /* bytes */
};

struct capture_frame {
	uint64_t time;	      /* nanoseconds since 1970, by the kernel's clock */
	uint16_t wire;	      /* index of those that were given */
	bool sent;	      /* put onto the wire; else it arrived from there */
	uint32_t length;      /* bytes on the wire */
	uint32_t kept;	      /* of them at BYTES */
	const uint8_t *bytes; /* the capture's */
};

struct capture {
	int process; /* pidfd */
	int channel;
	struct capture_store *store;
	struct capture_frame *frames; /* in the order of time, from capture_stop() on */
	size_t frame_count;
	bool lossy; /* there were more frames than could be read or kept */
};
#define CAPTURE_NONE ((struct capture){.process = -1, .channel = -1})
void capture_close(struct capture *capture);
#define CLEANUP_CAPTURE CLEANUP(capture_close)

/* Begins on COUNT legs, CAPTURE_WIRES_MAX at most, which are in COMPUTER's user and network
 * namespace, or where that is NS_SET_NONE in our own. It takes CAP_NET_RAW there. */
int capture_start(const struct ns_set *computer, const struct capture_wire *wires, size_t count,
		  struct capture *capture, struct error *error);

/* The Ethernet address of the leg of WIRE, an index of those that were given. */
const uint8_t *capture_mac(const struct capture *capture, size_t wire);

/* A packet socket (packet(7)) that receives from a leg and is not the capture's. */
struct capture_listener {
	uint16_t wire;	   /* CAPTURE_ANY_WIRE: it is bound to none */
	uint16_t protocol; /* as in <linux/if_ether.h> */
	uint64_t inode;	   /* which tells it from any other */
};

/* Says who listens now: up to CAPTURE_LISTENERS_MAX. Returns how many. */
int capture_listeners(struct capture *capture,
		      struct capture_listener listeners[CAPTURE_LISTENERS_MAX],
		      struct error *error);

/* Ends it. The frames are there then. */
int capture_stop(struct capture *capture, struct error *error);

#endif
