/* What commands ask a running stage's keeper, both ends of it. The stage runs if its keeper
 * answers; who may ask is who may open the socket file. */
#ifndef PYROUTE_SERVICE_H
#define PYROUTE_SERVICE_H

#include "cgroup.h"
#include "client.h"
#include "error.h"
#include "ns.h"
#include "stage.h"

/* For each interface: ", net1024", " 255.255.255.255/32" and " " with the longest IPv6 address. */
#define SERVICE_ADDRESSES_SIZE (INTERFACES_MAX * (9 + 19 + 51))

/* One client, as `ps` tells it. Its texts can be shown. */
struct service_client {
	char name[STAGE_CLIENT_NAME_SIZE];
	uint8_t running;			/* 0 or 1: as a bool it might be neither */
	int status;				/* exit status, where it is not running */
	uint64_t uptime_ms;			/* since the stage was up */
	char addresses[SERVICE_ADDRESSES_SIZE]; /* "net1 1.1.1.2/24 2001:db8::2/64, net2 ..." */
};

/* ---- the command's end: SOCKET is connected to the keeper's socket file ------------------- */

/* The name of the stage that runs. */
int service_stage(int socket, char name[STAGE_NAME_SIZE], struct error *error);

/* Calls VISIT(CONTEXT, ...) for every client, with a pidfd that is lent to it, -1 where the client
 * is not running. A negative return ends it and is returned. */
typedef int service_visit(void *context, const struct service_client *client, int pidfd,
			  struct error *error);
int service_clients(int socket, service_visit *visit, void *context, struct error *error);

/* What it takes to enter a client: its namespaces and the seccomp program's file. All the caller's:
 * service_entry_close(). It is asked for, and in the meantime something else can be done. -ENOENT:
 * no such client; the text names those that there are. -ESRCH: it has exited. */
struct service_entry {
	struct ns_set ns;
	int filter;
	struct client_limits limits;
};
#define SERVICE_ENTRY_NONE ((struct service_entry){.ns = NS_SET_NONE, .filter = -1})
void service_entry_close(struct service_entry *entry);
#define CLEANUP_SERVICE_ENTRY CLEANUP(service_entry_close)
int service_ask_entry(int socket, const char *client, struct error *error);
int service_hear_entry(int socket, struct service_entry *entry, struct error *error);

/* Has the keeper move the calling process, which is in the client's pid namespace by now, into the
 * client's control group. The doors stay with the keeper: who holds them could move every process
 * of the computer that he can name. It is asked, and heard when that must be done. */
int service_ask_admission(int socket, const char *client, struct error *error);
int service_hear_admission(int socket, struct error *error);

/* The computer's side of a private stage's wires: its user and network namespace go to COMPUTER,
 * the caller's. Of a stage whose legs are on the computer itself there is none: NS_SET_NONE. */
int service_computer(int socket, struct ns_set *computer, struct error *error);

/* Has the keeper keep the connection, on which nothing need be asked any more: that it ends tells
 * of the stage's end. -EBUSY where too many are kept. */
int service_stay(int socket, struct error *error);

/* Tells the keeper to end the stage, and returns its pidfd to wait for. */
int service_stop(int socket, int *keeper_pidfd, struct error *error);

/* ---- the keeper's end ---------------------------------------------------------------------- */

struct service_plan {
	const struct stage *stage;
	struct client *clients;		  /* stage->client_count of them */
	const struct cgroup_doors *doors; /* as many, or NULL */
	const struct client_limits *limits;
	const struct ns_set *computer; /* of a private stage, else NS_SET_NONE */
	int filter;		       /* the seccomp program's file */
	int listener;
};

/* Answers and reaps until it is told to stop (0) or cannot go on. */
int service_run(const struct service_plan *plan, struct error *error);

#endif
