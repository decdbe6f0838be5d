/* What the parts of walk have in common. Only walk*.c include this. */
#ifndef PYROUTE_WALK_PARTS_H
#define PYROUTE_WALK_PARTS_H

#include "marker.h"
#include "walk.h"
#include "walk_map.h"

#define WALK_BIT(look) (1U << (look))

struct walk_sight {
	struct frame frame;
	bool marked; /* it has a payload of ours: */
	struct marker marker;
	int64_t at;    /* where that begins in the frame */
	size_t origin; /* of a frame that was sent: the one it comes of, or WALK_NO_FRAME */
	size_t next;   /* of the frames of one origin: the next; WALK_NO_FRAME: it is the last */
	size_t first;  /* of a frame that arrived: the first that comes of it */
};

/* ---- walk_match.c: which frame comes of which ---- */

int walk_match(struct walk *walk, struct error *error);

/* True where the frame I, which arrived, is one of QUESTION's; *BACK: it is from whom was asked. */
bool walk_belongs(const struct walk *walk, const struct walk_question *question, size_t i,
		  bool *back);

/* ---- walk.c: what is said ---- */

/* The index of NET's leg among WALK's; SIZE_MAX: it has none. */
size_t walk_leg_index(const struct walk *walk, unsigned net);

/* What there is to say of who listens on the leg WIRE where the frame I came to nothing: that they
 * do so no more, or hear only a part; else nothing. */
const char *walk_say_deaf(const struct walk *walk, size_t wire, size_t i);

/* Why nobody hears what arrives on LEG, with which TEXT may be filled. */
#define WALK_DEAF_SIZE 160
const char *walk_why_deaf(const struct walk_leg *leg, char text[WALK_DEAF_SIZE]);

/* NS in ms, rounded up: what is over a limit is so in its text. */
static inline unsigned walk_ms(uint64_t ns)
{
	return (unsigned)((ns + 999999) / 1000000);
}

/* True where the walk is partial, so that what is missing in it may have been there all the same;
 * WAY is unsure then. */
bool walk_may_miss(struct walk_way *way);

/* Adds a fault. The first is the last stop. */
PRINTF_LIKE(7, 8)
void walk_complain(struct walk_way *way, enum walk_step step, unsigned looks, size_t frame,
		   enum frame_field field, const char *rule, const char *format, ...);

/* True where there is a fault that can be why a packet has not come to whom it is for. */
bool walk_has_fatal(const struct walk_way *way);

/* Says of the faults from FIRST on whether they can be why a packet has not come to whom it is for.
 */
void walk_set_fatal(struct walk_way *way, size_t first, bool fatal);

/* Notes a stop at which all is right, seen on the leg WIRE (SIZE_MAX: on none); behind a fault none
 * are. */
PRINTF_LIKE(4, 5)
void walk_stop(struct walk_way *way, enum walk_step step, size_t wire, const char *format, ...);

/* ---- walk_arp.c: what is answered by ARP ---- */

#define WALK_ARP_ASKS	 1 /* operations (RFC 826) */
#define WALK_ARP_ANSWERS 2
#define WALK_ARP_RULE	 "RFC 826"
#define WALK_ARP_SIZE	 28 /* bytes of a message */

/* Where in FRAME a message of ARP for IPv4 over Ethernet is, be it of another type or without a
 * whole header; SIZE_MAX: nowhere. */
size_t walk_find_arp(const struct frame *frame);

bool walk_is_everybody(const uint8_t mac[FRAME_MAC_SIZE]);

/* The IPv4 address of the leg WIRE. */
const uint8_t *walk_leg_address(const struct walk *walk, size_t wire);

/* True where the frame I is ARP that the router sent onto the leg WIRE, or that arrived there. */
bool walk_is_arp(const struct walk *walk, size_t i, size_t wire, bool sent);

/* True where a router may say that MAC is its own on the leg WIRE. */
bool walk_can_be_router(const struct walk *walk, size_t wire, const uint8_t mac[FRAME_MAC_SIZE]);

/* True where MAC can be the router's on the leg WIRE: its own, or one that it says there is. */
bool walk_is_router(const struct walk *walk, size_t wire, const uint8_t mac[FRAME_MAC_SIZE]);

/* "WHAT has 3 as its ARP operation; it must be EXPECTED", of the ARP frame I. */
void walk_complain_arp(struct walk_way *way, enum walk_step step, size_t i, enum frame_field field,
		       const char *what, const char *expected);

/* Judges what was answered on the leg WIRE where CLIENT asked for ADDRESS by ARP. Where that is no
 * leg's nobody is to answer, and where it is another leg's the router may. */
struct walk_arp {
	const struct stage_client *client;
	const struct stage_interface *interface;
	size_t wire;
	const uint8_t *address;
	const struct walk_question *question; /* in whose time */
};
void walk_judge_arp(const struct walk *walk, const struct walk_arp *arp, struct walk_way *way);

/* ---- walk_lesson.c: what others learn from the router's ARP ---- */

/* True where something came of a packet that went to MAC on the leg WIRE: it is the router's there,
 * whosever it looks. */
bool walk_is_taken(const struct walk *walk, size_t wire, const uint8_t mac[FRAME_MAC_SIZE]);

/* True where packets went to MAC on the leg WIRE, which is not the leg's, and the router neither
 * took one nor sends from there. */
bool walk_is_wasted(const struct walk *walk, size_t wire, const uint8_t mac[FRAME_MAC_SIZE]);

/* ---- walk_ask.c: what the router asks by ARP ---- */

/* Judges all that it asks and announces on the leg WIRE. */
void walk_judge_questions(const struct walk *walk, size_t wire, struct walk_way *way);

/* How long, in ns between FROM and UNTIL, the router waited for HOP's answer on the leg WIRE. */
uint64_t walk_arp_wait(const struct walk *walk, size_t wire, const uint8_t *hop, uint64_t from,
		       uint64_t until);

/* What it did to know the Ethernet address of HOP, on the leg WIRE, for a packet that came at TIME.
 */
enum walk_asked {
	WALK_ASKED_WRONG,    /* which is a fault, and told */
	WALK_ASKED_NOT,	     /* and cannot know it */
	WALK_ASKED_ANSWERED, /* after TIME, and it has its answer */
	WALK_ASKED_ELSE	     /* before, or it knows by other means */
};
enum walk_asked walk_judge_asking(const struct walk *walk, size_t wire, const uint8_t *hop,
				  uint64_t time, struct walk_way *way);

/* ---- walk_carry.c ---- */

/* Judges what the router did with the frame I, which arrived. BACK: it is on the way back. */
void walk_judge_packet(const struct walk *walk, const struct walk_question *question, size_t i,
		       bool back, struct walk_way *way);

#endif
