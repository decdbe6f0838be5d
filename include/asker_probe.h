/* What the kinds of question have in common. Only asker*.c include this, and all of it runs in the
 * process that asks.
 *
 * The proof of silence
 *
 * That nothing was heard says something only if an answer would have been. It could have been lost
 * on its way to our socket in three places: on the wire, in the client's kernel, or in the socket.
 *
 * - The ear is a packet socket on the interface that the question leaves by. The kernel shows it
 *   each frame before anything of the client's (filters, routing, reverse path) has its say, on the
 *   way in (__netif_receive_skb_core()) as on the way out (dev_queue_xmit_nit()); only XDP comes
 *   earlier, which a client may not have. Who saw the question leave by that socket knows that it
 *   is open, on the right interface, and not deaf: it would have seen the answer arrive. An answer
 *   is known there by its marker, whatever else is wrong with it.
 * - What the ear saw arrive and the speaking socket did not hear was dropped by the client, and the
 *   report has both numbers. In the other direction the speaking socket is tried at the very end,
 *   when it has been listening all the time: we send it, over lo, such a message as it waits for,
 *   and it must hear that.
 * - The interface is up and has carrier, first and last, and the ear has lost no frame.
 *
 * What remains is the wire itself. That it carries is seen at its other end, by who captures there:
 * the question that left the client has arrived. */
#ifndef PYROUTE_ASKER_PROBE_H
#define PYROUTE_ASKER_PROBE_H

#include "asker.h"
#include "marker.h"
#include "net_neighbour.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define PROBE_OWN    UINT32_MAX /* the marker's sequence of what we send to ourselves */
#define PROBE_BUFFER 65600	/* bytes: any frame, datagram or packet */

struct probe {
	const struct asker_plan *plan;
	struct asker_report *report;
	struct nl_sock *net;
	struct net_route route;
	int channel;	    /* to who started us */
	int socket;	    /* speaks, and hears answers */
	int ear;	    /* the packet socket on the interface */
	int reserved;	    /* keeps an id ours */
	uint32_t asked;	    /* packets sent */
	const uint8_t *put; /* the frame that the kind puts on the interface; NULL: none */
	size_t put_size;
	/* Looks at a frame that came in, WHOLE bytes on the wire; NULL: nobody does. */
	void (*tap)(struct probe *probe, size_t size, size_t whole, int64_t when);
	bool ended;	 /* enough was heard, or so it was said */
	uint8_t *buffer; /* PROBE_BUFFER bytes */
};

/* A kind of question. Both return 0 or -errno. */
struct probe_kind {
	int (*prepare)(struct probe *probe, struct error *error);
	int (*ask)(struct probe *probe, struct error *error);
};
extern const struct probe_kind asker_ping;
extern const struct probe_kind asker_udp;
extern const struct probe_kind asker_udp_answerer;
extern const struct probe_kind asker_tcp;
extern const struct probe_kind asker_tcp_answerer;
extern const struct probe_kind asker_arp;
extern const struct probe_kind asker_frame;

/* One that sends packets and hears messages. SEND (NULL: one that only answers): 0, 1 where there
 * is no room for it now. HEAR takes one message: 1, 0 where there is none. DONE: all has been
 * answered. OWN sends our socket such a message as it waits for. Each but DONE may be NULL. */
struct probe_way {
	int (*send)(struct probe *probe, uint32_t sequence, struct error *error);
	int (*hear)(struct probe *probe, struct error *error);
	bool (*done)(const struct probe *probe);
	int (*own)(struct probe *probe, struct error *error);
};

/* How long PLAN's packets may take to be sent, in ms. */
int64_t probe_asking_ms(const struct asker_plan *plan);

/* Sends what there is to send, and hears, until the time is over or all is done; then proves that
 * it would have heard more. */
int probe_converse(struct probe *probe, const struct probe_way *way, struct error *error);

/* Waits until FD (-1: none) is ready for EVENTS of poll(2), or UNTIL (CLOCK_MONOTONIC ms). Returns
 * what it is ready for, 0 when the time is over or ENDED is set. Hears the ear meanwhile; where its
 * frames are tapped, 0 after each round of them too. */
int probe_wait(struct probe *probe, int fd, short events, int64_t until, struct error *error);

/* What the ear must have done when all is over. */
int probe_finish_ear(struct probe *probe, struct error *error);

/* ---- preparing ------------------------------------------------------------------------------- */

/* Finds the way to plan->to, has the kernel forget the next hop, and opens the ear. */
int probe_find_way(struct probe *probe, struct error *error);

/* Whose Ethernet address the kernel needs: the gateway's, else that of who is asked. PROBE's. */
const struct net_address *probe_next_hop(const struct probe *probe);

/* For a plan that names an interface: opens the ear there. */
int probe_use_interface(struct probe *probe, struct error *error);

/* Returns a socket, the caller's, bound to our address and PORT, that tells when what it hears came
 * and with what TTL. */
int probe_socket(const struct probe *probe, int type, int protocol, uint16_t port,
		 struct error *error);

/* 1 where the interface is up and has carrier. */
uint8_t probe_link_works(const struct probe *probe);

/* A packet socket on the interface. */
int probe_packet_socket(const struct probe *probe, struct error *error);

/* Sets the TTL of what SOCKET sends; 0 is the kernel's own. */
int probe_set_ttl(const struct probe *probe, int socket, uint8_t ttl, struct error *error);

/* Sends SIZE bytes of probe->buffer to ADDRESS: 0, or 1 where there is no room now. */
int probe_send(struct probe *probe, const struct net_address *address, uint16_t port, size_t size,
	       struct error *error);

/* ---- hearing --------------------------------------------------------------------------------- */

/* A message in probe->buffer. */
struct probe_message {
	size_t size;
	int64_t when;
	struct net_address from;
	uint16_t port;
	uint8_t ttl;
	bool leaving;		 /* a packet socket's: the interface sends it */
	struct asker_icmp error; /* with MSG_ERRQUEUE */
};

/* Receives one with FLAGS of recvmsg(2): 1; 0 where there is none. */
int probe_receive(struct probe *probe, int socket, int flags, struct probe_message *message,
		  struct error *error);

/* The packet that a payload is of; PROBE_OWN where we sent it to ourselves; -1 where it is another
 * question's, -2 where it does not tell. */
int64_t probe_packet_of(const struct probe *probe, const uint8_t *payload, size_t size);

/* The packet that a payload of SIZE which does not tell may be of: the first of its size, else of
 * any, that was sent and not answered. -1: none. */
int64_t probe_guess(const struct probe *probe, size_t size);

/* Notes a reply to a packet, whose PAYLOAD this looks at; what else is wrong is noted in it. */
void probe_note_reply(struct probe *probe, uint32_t sequence, struct asker_reply *reply,
		      const uint8_t *payload);
void probe_note_error(struct probe *probe, uint32_t sequence, const struct asker_icmp *error);

/* True where every packet was answered, by whatever. */
bool probe_all_answered(const struct probe *probe);

/* ---- words ----------------------------------------------------------------------------------- */

/* CLOCK_REALTIME in ns. */
int64_t probe_now(void);

/* The size of packet number SEQUENCE. */
uint32_t probe_size(const struct asker_plan *plan, uint32_t sequence);

/* ADDRESS and PORT for the kernel; returns how many bytes of SOCKADDR count. And back. */
socklen_t probe_sockaddr(const struct net_address *address, uint16_t port,
			 struct sockaddr_storage *sockaddr);
struct net_address probe_address(const struct sockaddr_storage *sockaddr, uint16_t *port);

/* What stands at BYTES, as an address of FAMILY. */
struct net_address probe_address_at(int family, const uint8_t *bytes);

bool probe_same(const struct net_address *one, const struct net_address *other);

#endif
