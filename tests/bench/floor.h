/* What the two floors share: programs that make N clients with the least work that the kernel
 * allows, and hence what pyroute is measured against.
 *
 *     PROGRAM --clients N [--rootfs DIR] [--src DIR] [--pids] [--check]
 *
 * prints "up" when every client is up, waits for the end of its standard input, takes everything
 * down, and ends with 0 when nothing of it is left but what the kernel buries later. --pids prints
 * the clients' process ids before, a line each; --check looks whether the clients are what they are
 * said to be, and fails where not.
 *
 * Client K hangs on a link of its own, leg "legK" with the address 10.A.B.1, and is 10.A.B.2 there,
 * A and B being the two bytes of K. Clients are made in waves: the parent clones a wave; while the
 * children make their file systems, it makes all the wave's links by one message, and then wakes
 * each child by a futex of its own, so that none runs before its wire exists. */
#ifndef PYROUTE_BENCH_FLOOR_H
#define PYROUTE_BENCH_FLOOR_H

#include "netlink.h"
#include "util.h"

#include <signal.h>
#include <sys/types.h>

#define WAVE	      16
#define CLIENTS_MAX   10000
#define STACK_SIZE    ((size_t)16 * 1024)
#define PATIENCE_S    120L
#define DOORS_MAX     2
#define CLIENT_LINK   2U /* eth0's index; lo's is 1 */
#define LOOPBACK_LINK 1U

struct floor;
struct full; /* full.h */

/* One of the clients. Each lives in memory that its process and the parent share. */
struct client {
	struct floor *floor;
	unsigned number; /* from 1 */
	unsigned wired;	 /* futex: its links are there */
	pid_t pid;	 /* as the parent sees it */
	int doors[DOORS_MAX];
	const char *step; /* the one that failed */
	long code;	  /* and how, -errno */
};

struct floor {
	const char *program;
	unsigned count;
	const char *rootfs;
	const char *src;
	const char *filter; /* a seccomp program */
	const char *group;  /* the control group that will hold those of the clients */
	bool pids;
	bool check;
	int input; /* 0, 1 and 2, or where these were put */
	int output;
	int errors;
	struct full *full;		 /* of that program: what else it has in hand */
	void (*undo)(struct full *full); /* NULL: nothing to do where something fails */
	struct client *clients;
	char *stacks;
	int netlink;
	char *buffer;	   /* for a wave's requests */
	unsigned finished; /* futex: how many clients are up, or have failed */
};

/* Ends the program with one line. Of what full has made its control groups are removed before; the
 * rest ends with the program. */
_Noreturn void floor_fail(const struct floor *floor, const char *what, long code);

/* Reads the arguments and makes room for the clients. */
void floor_begin(struct floor *floor, int argc, char **argv);

/* Where a new process of ours has its stack. Client NUMBER's; 0 is free for others. */
char *floor_stack(const struct floor *floor, unsigned number);

ipv4 floor_leg_address(unsigned number);
ipv4 floor_client_address(unsigned number);
unsigned floor_leg_index(unsigned number);

/* Makes the links of COUNT clients from FIRST on, and wakes these. */
void floor_wire(struct floor *floor, unsigned first, unsigned count);

/* Waits until all clients are up and their legs carry. */
void floor_wait_up(struct floor *floor);

/* Says so, and waits for the end of the standard input, or for a signal to end. */
void floor_stay(const struct floor *floor);

/* Where there are few, deleting their links at once is faster than leaving it to the kernel. */
void floor_delete_links(struct floor *floor);
void floor_wait_links_gone(const struct floor *floor);

/* ---- in a client ------------------------------------------------------------------------------
 */

/* Notes the step that failed. Returns CODE. */
long client_failed(struct client *client, const char *step, long code);
#define CLIENT_TRY(client, step, call)                                                             \
	do {                                                                                       \
		long code_ = (call);                                                               \
		if (code_ < 0)                                                                     \
			return client_failed(client, step, code_);                                 \
	} while (0)

/* "clientN" */
char *client_name(const struct client *client, char name[20]);
long client_wait_wired(struct client *client);
/* Tells who waits for its pid that there is none. */
void client_not_born(struct client *client);
/* Tells the parent that this one is up, or has failed. */
void client_finished(struct client *client);

/* ---- check.c ----------------------------------------------------------------------------------
 */

/* Whether each client answers a ping on its wire. Ends the program where one does not. */
void check_wires(const struct floor *floor);

#endif
