/* What became of each packet of a question, told by the frames on the computer's legs: which one
 * the router answered, which it put onto which wire and how, and what is the first thing about that
 * which is wrong. Pure: from a stage and a capture to sentences. walk.c tells how frames are
 * matched. */
#ifndef PYROUTE_WALK_H
#define PYROUTE_WALK_H

#include "capture.h"
#include "error.h"
#include "frame.h"
#include "stage.h"

#define WALK_SENTENCE_SIZE 320
#define WALK_NO_FRAME	   SIZE_MAX
#define WALK_FAULTS_MAX	   64 /* of one question: more are not told */

/* The steps of a packet's way, in that order. */
enum walk_step {
	WALK_ARP_QUESTION,
	WALK_ARP_ANSWER,
	WALK_LISTENING,
	WALK_FORWARD,
	WALK_TTL,
	WALK_CHECKSUM,
	WALK_ETHERNET,
	WALK_PAYLOAD,
	WALK_DUPLICATE,
	WALK_ARRIVAL,
	WALK_NONE, /* nothing is wrong */
	WALK_STEPS
};

/* "arp-question", ..., "none" */
const char *walk_step_name(enum walk_step step);

/* What is wrong at a step. */
struct walk_fault {
	enum walk_step step;
	unsigned looks;		/* 1U << LOOK_... of each that it is a matter of */
	size_t frame;		/* in the capture; WALK_NO_FRAME: there is none */
	enum frame_field field; /* of it, that is wrong */
	const char *rule;	/* "RFC 1812 5.3.1"; NULL: none */
	bool fatal;		/* it can be why a packet has not come to whom it is for */
	char sentence[WALK_SENTENCE_SIZE]; /* what was seen, and what was expected */
};

/* ---- what was captured ---- */

/* A leg, by the index that the capture's wires have. */
struct walk_leg {
	unsigned net; /* number */
	uint8_t mac[FRAME_MAC_SIZE];
	unsigned hears; /* WALK_HEARS_... of what a router's packet sockets there get; 0: nobody
			   listens */
	int deaf;	/* the protocol of one that gets neither; -1: there is none such */
	bool left;	/* who listened when it began did so no more at the end */
};

#define WALK_HEARS_ARP 1U
#define WALK_HEARS_IP  2U
#define WALK_HEARS_ALL 4U /* and as what they are: by a socket for every protocol */

/* A captured frame, looked at. */
struct walk_sight;

struct walk {
	const struct stage *stage;	    /* borrowed, as the next two */
	const struct capture_frame *frames; /* in the order of time */
	const struct walk_leg *legs;
	size_t leg_count;
	struct walk_sight *sights; /* owned: one for each frame */
	size_t count;		   /* of frames that are looked at */
	uint64_t end;		   /* of the capture, as frames have their times */
	uint64_t last;		   /* when the router put the last frame onto a wire; 0: never */
	bool partial; /* more passed than is looked at: what is not seen may have been there */
};
void walk_close(struct walk *walk);
#define CLEANUP_WALK CLEANUP(walk_close)

/* Decodes COUNT frames of a capture that ended at END, and finds for each that the router sent the
 * one that it comes of. Of more than a quarter of a million the first are looked at, and WALK is
 * partial; where the capture was, the caller says so. */
int walk_read(const struct stage *stage, const struct capture_frame *frames, size_t count,
	      uint64_t end, const struct walk_leg *legs, size_t leg_count, struct walk *walk,
	      struct error *error);

/* The frame I, decoded: WALK's. */
const struct frame *walk_frame(const struct walk *walk, size_t i);

/* ---- what is asked of it ---- */

/* Whose packets, and what was to come of them. */
struct walk_question {
	enum probe_kind kind;
	const struct stage_client *asker;
	const struct stage_interface *interface; /* of the asker: the packets leave by it */
	enum family family;
	struct stage_address target;
	uint32_t token;		 /* of their markers */
	uint16_t id;		 /* ICMP's */
	uint16_t own_port, port; /* UDP's and TCP's */
	const uint8_t *frame;	 /* FRAME: the bytes; borrowed */
	size_t frame_size;
	struct stage_expect expect;
	unsigned within;       /* ms */
	uint64_t began, ended; /* when it was asked: times as frames have them */
};

/* A stop on the way of the packet that the way is shown by: the first with a fault, else the first
 * of all. The last one is wrong where there is a fault. */
struct walk_stop {
	enum walk_step step;
	bool wrong;
	char net[IFNAMSIZ]; /* the leg that it was seen on; empty: none */
	char text[WALK_SENTENCE_SIZE];
};
#define WALK_STOPS_MAX 32 /* a whole way has 18, and one more packet is judged behind them */

/* What became of them. */
struct walk_way {
	const struct walk *walk;		   /* borrowed */
	struct walk_fault faults[WALK_FAULTS_MAX]; /* in the order of the way: there, then back */
	size_t fault_count;
	unsigned judged;  /* 1U << LOOK_... of each that there was something to judge by */
	size_t entered;	  /* packets of the asker's that arrived on a leg */
	size_t carried;	  /* of these: put onto the right wire */
	size_t answered;  /* of these: answered by the router itself, echo or ICMP error */
	size_t returned;  /* packets of the target's that arrived on a leg */
	size_t delivered; /* of these: put onto the right wire */
	size_t strays;	  /* frames of the question's where nothing was to be put */
	bool unsure;	  /* something is missing, in a walk that is partial: that is no fault */
	uint64_t took[2]; /* ns: the longest that a packet was kept by the router, there and back */
	size_t slowest[2]; /* the frame that it left as, or where it had not left at the end, came
			      as */
	struct walk_stop stops[WALK_STOPS_MAX];
	size_t stop_count;
	size_t shown[2]; /* where the stops of the packet that is shown begin, there and back */
};

/* Follows QUESTION's packets. */
void walk_follow(const struct walk *walk, const struct walk_question *question,
		 struct walk_way *way);

#endif
