/* Asking the network something from inside a client: a ping, datagrams, a stream, an ARP question,
 * a frame; and what answers them in another client.
 *
 * Each question is a process of ours that enters the client's user and network namespace, and no
 * other of its namespaces, asks there, and reports by one message. asker.c tells how. In this
 * order:
 *
 *   asker_start()    makes the process, which prepares: route, sockets
 *   asker_meet()     waits until it has: nothing of the question has been sent yet
 *   asker_go()       lets it ask
 *   asker_enough()   tells one that would wait longer to report now; may be left out
 *   asker_wait()     waits for its report
 *   asker_close()    at any time: ends it
 *
 * So many can be prepared first and then let go at once. That a question could not be asked at all
 * (no route, no such interface, a filter that forbids to send, a client whose root took our sockets
 * away, an asker that was killed) is a failure of these functions, with a text that says so; that
 * it was asked and nothing came is a report. */
#ifndef PYROUTE_ASKER_H
#define PYROUTE_ASKER_H

#include "error.h"
#include "net.h"
#include "ns.h"

#include <stdint.h>

#define ASKER_PACKETS_MAX     128
#define ASKER_SIZES_MAX	      8
#define ASKER_SIZE_MAX	      65507 /* bytes of payload, of either family */
#define ASKER_STREAM_SIZE_MAX (100 << 20)
#define ASKER_FRAME_MAX	      65550
#define ASKER_FRAMES_MAX      64
#define ASKER_FRAME_BYTES     65536 /* of all frames that are reported */
#define ASKER_ARPS_MAX	      64
#define ASKER_WITHIN_MAX      600000 /* ms */

enum asker_kind {
	ASKER_PING,	    /* ICMP or ICMPv6 echo requests */
	ASKER_TRACE,	    /* the same, packet I with a TTL of I + 1 */
	ASKER_UDP,	    /* datagrams, which an ASKER_UDP_ANSWERER sends back */
	ASKER_TCP,	    /* a stream, likewise */
	ASKER_ARP,	    /* ARP questions for the address TO, broadcast on an interface */
	ASKER_FRAME,	    /* a frame as it is given, on an interface */
	ASKER_UDP_ANSWERER, /* sends back each datagram as it came */
	ASKER_TCP_ANSWERER, /* one connection, and each byte of it */
	ASKER_KINDS
};

/* What to ask. An answerer's is that of who asks it, with its own kind, FROM and TO, and a WITHIN
 * that is long enough. */
struct asker_plan {
	enum asker_kind kind;
	uint32_t token;		 /* of its packets' markers (marker.h): no other question's */
	struct net_address from; /* family 0: the kernel chooses; an answerer's must be given */
	struct net_address to;	 /* an answerer: that of the asker */
	uint16_t port;		 /* UDP, TCP: the answerer's. An answerer's own; 0: any */
	uint8_t ttl;		 /* 0: the kernel's */
	uint32_t count;		 /* packets, frames; 1 to ASKER_PACKETS_MAX */
	/* Of each packet's payload in turn; a stream's is the first. */
	uint32_t sizes[ASKER_SIZES_MAX];
	size_t size_count;
	uint32_t interval; /* ms between packets; 0: 2 ms */
	uint32_t pause;	 /* ms that one more waits for an answer, unless the last three had none */
	uint32_t within; /* ms after the last packet in which answers count */
	/* Nothing is expected: listens as long as that, whatever comes. Else it ends as soon as all
	 * has been answered, and some 20 ms have passed for what comes twice. */
	bool silence;
	char interface[IFNAMSIZ]; /* ARP, FRAME */
	const uint8_t *frame;	  /* FRAME; borrowed until asker_start() returns */
	size_t frame_size;
};

/* What is wrong with a reply. */
enum asker_wrong {
	ASKER_WRONG_SIZE = 1,	   /* of the payload */
	ASKER_WRONG_BYTES = 2,	   /* in the payload, from wrong_at on */
	ASKER_WRONG_ID = 4,	   /* ICMP's */
	ASKER_WRONG_SEQUENCE = 8,  /* ICMP's */
	ASKER_WRONG_CHECKSUM = 16, /* ICMP's; of other protocols the kernel shows right ones only */
	ASKER_WRONG_SENDER = 32,   /* not who was asked, or another port of theirs */
	ASKER_WRONG_ALL = 63
};

/* Times are CLOCK_REALTIME in ns, as in captures; 0: never. */
struct asker_reply {
	int64_t when;
	struct net_address from; /* family 0: there was no reply */
	uint16_t port;		 /* UDP */
	uint8_t ttl;		 /* as it came in */
	uint8_t wrong;		 /* ASKER_WRONG_..., 0: it is right */
	uint32_t size;		 /* bytes of payload */
	uint32_t wrong_at; /* offset of the first byte that is not as it was sent; else size */
};

/* An ICMP or ICMPv6 error. */
struct asker_icmp {
	int64_t when;
	struct net_address from; /* family 0: there was no error */
	uint8_t type;
	uint8_t code;
	uint8_t own; /* 0 or 1: the client's own kernel says so, as where nobody answers ARP */
};

/* One packet. For an answerer: what came of it, as replies. */
struct asker_packet {
	int64_t sent; /* 0: it was not, for lack of time or of room */
	int64_t left; /* when it was seen to leave by the interface; 0 where that cannot be told */
	uint32_t size;
	uint32_t right; /* replies without fault; more than one: duplicates */
	uint32_t wrong; /* replies with one */
	uint32_t errors;
	struct asker_reply reply; /* the first right one */
	struct asker_reply fault; /* the first wrong one */
	struct asker_icmp error;  /* the first */
};

/* An ARP packet that came in (RFC 826), and the Ethernet addresses of its frame. */
struct asker_arp {
	int64_t when;
	uint16_t operation;
	uint8_t to_mac[NET_MAC_SIZE], from_mac[NET_MAC_SIZE];
	uint8_t sender_mac[NET_MAC_SIZE], target_mac[NET_MAC_SIZE];
	uint8_t sender[4], target[4];
};

/* A frame that came in: SIZE bytes at OFFSET of bytes; WHOLE is its length on the wire. */
struct asker_frame {
	int64_t when;
	uint32_t offset;
	uint32_t size;
	uint32_t whole;
};

struct asker_stream {
	int64_t began;	   /* with its SYN; an answerer's: the accept */
	int64_t connected; /* 0: it was not */
	int64_t ended;	   /* the whole of it, or its failure */
	uint8_t whole;	   /* 0 or 1: all was sent, and the other side's end came */
	int32_t failure;   /* an errno value: ECONNREFUSED, ...; 0: none */
	uint64_t sent;	   /* bytes */
	uint64_t received; /* bytes */
	int64_t wrong_at;  /* offset of the first wrong byte received; -1: none */
	uint32_t retransmissions;
	struct net_address peer;
	uint16_t peer_port;
	uint32_t connections; /* an answerer's: the second and later are closed at once */
};

/* Why silence is silence: asker_probe.h tells how this proves that an answer would have been
 * heard. */
struct asker_ear {
	uint8_t link;  /* 0 or 1: the interface was up with carrier, first and last */
	uint8_t own;   /* 0 or 1: the socket that waits for answers heard one that we sent it */
	uint32_t left; /* frames that the interface was seen to send, whosever */
	uint32_t left_ours; /* of these, those with our marker */
	uint32_t came;	    /* frames that it was seen to receive */
	uint32_t came_ours; /* of these, those with our marker, heard by the socket or not */
	uint32_t lost;	    /* frames that came too fast to be looked at */
};

struct asker_report {
	struct asker_packet packets[ASKER_PACKETS_MAX]; /* PLAN.count of them */
	uint32_t strangers;	 /* what came that is no packet's; of a ping, no question's */
	uint16_t id;		 /* ICMP's */
	uint16_t own_port, port; /* UDP, TCP: ours, and theirs */
	/* The way that the kernel sent it; of ARP and FRAME the interface alone. */
	char interface[IFNAMSIZ];
	struct net_address source;
	struct net_address gateway; /* family 0: none, TO is the next hop */
	uint8_t neighbour_known;    /* 0 or 1 */
	uint8_t mac[NET_MAC_SIZE];  /* that the kernel then had for the next hop */
	struct asker_stream stream;
	struct asker_ear ear;
	uint32_t arp_count, frame_count, byte_count; /* more may have come than there is room for */
	struct asker_arp arps[ASKER_ARPS_MAX];
	struct asker_frame frames[ASKER_FRAMES_MAX];
	uint8_t bytes[ASKER_FRAME_BYTES];
};

/* A question that is being asked. */
struct asker {
	int pidfd;
	int channel;	   /* readable when asker_meet() or asker_wait() has no need to wait */
	uint32_t patience; /* ms that it may take from asker_go() on */
	int64_t deadline;  /* CLOCK_MONOTONIC ms, of what it does now */
	uint16_t port;	   /* asker_meet(): the one that an answerer listens at */
	enum asker_kind kind;
	bool silence; /* is asked for */
};
#define ASKER_NONE ((struct asker){.pidfd = -1, .channel = -1})
void asker_close(struct asker *asker);
#define CLEANUP_ASKER CLEANUP(asker_close)

/* Makes the process that asks what PLAN says in CLIENT, of which NS_USER and NS_NET are looked at
 * alone; either may be -1. It dies with us. ASKER is the caller's. Does not wait. */
int asker_start(const struct asker_plan *plan, const struct ns_set *client, struct asker *asker,
		struct error *error);

/* Waits until it is ready to ask, some seconds at most. -errno: it cannot ask. */
int asker_meet(struct asker *asker, struct error *error);

/* Lets it ask; does not wait. */
int asker_go(struct asker *asker, struct error *error);

/* Has it report what it has seen. */
void asker_enough(struct asker *asker);

/* Waits for the report, which can be trusted as far as its form goes. The kernel of the client has
 * then forgotten the neighbour that was to be silent, so that it asks for it no longer. -errno: it
 * could not ask, or not to the end; -ETIMEDOUT where it does not report in time; asker_close() ends
 * it. */
int asker_wait(struct asker *asker, struct asker_report *report, struct error *error);

/* True where it would have heard an answer (one that answers: a question), had one come. */
bool asker_would_hear(const struct asker *asker, const struct asker_report *report);

#endif
