/* A client: a machine of the stage, which is one process, pid 1 of its own pid namespace, and what
 * it keeps alive. */
#ifndef PYROUTE_CLIENT_H
#define PYROUTE_CLIENT_H

#include "cgroup.h"
#include "error.h"
#include "filter.h"
#include "net.h"
#include "ns.h"
#include "root.h"
#include "settings.h"
#include "stage.h"
#include "timing.h"

/* Clients' ids on the computer: a range that no account uses and no other tool hands out by default
 * (the first half of it belongs to nobody in Debian's, Fedora's and systemd's tables). */
#define CLIENT_ID_FIRST 1073741824U
#define CLIENT_ID_COUNT 65536U

#define CLIENT_PIDS	      256
#define CLIENT_MEMORY	      ((uint64_t)256 << 20) /* bytes */
#define CLIENT_OPEN_FILES     1024		    /* the soft limit */
#define CLIENT_OPEN_FILES_MAX 65536

/* Where there are no control groups: resource limits (getrlimit(2)) in their place, the same for
 * each process in a client. 0: none. Crosses a socket. */
struct client_limits {
	uint64_t processes; /* of one user in one client: so the kernel counts (setrlimit(2)) */
	uint64_t data;	    /* bytes of one process */
};

/* What a client is made from; all borrowed. */
struct client_birth {
	const struct stage *stage;
	const struct stage_client *client;
	const struct settings_survey *survey;
	const struct root_survey *root;
	const struct net_offloads *offloads;
	const struct filter *filter;
	const struct client_limits *limits;
	const struct cgroup_doors *doors; /* of its control group; NULL: it has none */
	bool dumpable; /* until its ids are mapped: an ordinary user can do that to nothing else */
	struct timing *timing; /* shared; NULL: nobody asks */
};

/* A client that lives, or lived. All fds are its own: client_close(). */
struct client {
	pid_t pid;   /* in the keeper's pid namespace; 0: exited and reaped */
	int pidfd;   /* from client_meet_whole() on */
	int channel; /* to its first process, then to what will be its `run`; -1 from its release */
	int status;  /* exit status of the shell's kind, where it exited */
	int overlay; /* its root, made ahead, until it is born; -1: it makes its own */
	struct ns_set ns;
};
#define CLIENT_NONE ((struct client){.pidfd = -1, .channel = -1, .overlay = -1, .ns = NS_SET_NONE})
void client_close(struct client *client);

/* In the keeper: makes the client's process and namespaces. It goes on by itself as far as it can
 * without a wire. */
int client_spawn(const struct client_birth *birth, struct client *client, struct error *error);

/* In the keeper: the conversation with the newborn, in this order. Each wait is as long as the peer
 * of the socket GUARD is there (else -ECANCELED). wait_born(); go_on() when its ids are mapped, as
 * ns_map_as() does it; meet() receives its network namespace, NS_NET of its set; go_on() when its
 * wires are there; go_on() when it is to send all of its namespaces, which meet_whole() receives;
 * wait_up() receives its word that it is up. What went wrong in it comes in the place of any.
 *
 * The namespaces come last because a keeper that has them copies and closes them for each client
 * that it makes: so many more for the thousandth. */
int client_wait_born(struct client *client, int guard, struct error *error);
int client_go_on(struct client *client, struct error *error);
int client_meet(struct client *client, int guard, struct error *error);
int client_meet_whole(struct client *client, int guard, struct error *error);
int client_wait_up(struct client *client, int guard, struct error *error);

/* In the keeper, when the stage is up: lets the client start what its `run` says, if anything. */
void client_release(struct client *client);

/* In a process inside a client that is about to run the client's own programs (its pid 1, or what
 * connect brings in): gives up all that a client may not have. Close-on-exec and memory apart, the
 * last step before the exec. */
int client_confine(const struct filter *filter, const struct client_limits *limits,
		   struct error *error);

#endif
