/* full: what the clients of a stage are by what they may do (README.md of runtime/, "What a client
 *may do"), and nothing that pyroute does besides: no silent legs, no journal, no conversation. See
 * floor.h for what it is called with, and for the rest of how it works.
 *
 * There are three kinds of process, which share one memory:
 *
 *	root	makes the legs and the control groups, for it alone has rights on the computer
 *	keeper	pid 1 of a pid namespace and root of a user namespace that is mapped to no user of
 *the computer's; lays the clients' template out, and clones them. With it all of them end client
 *one each
 *
 * What a client inherits is given up in the keeper once: the bounding set, the limits,
 *no_new_privs, the signal mask, the standard files. Root and the keeper share their open files too,
 *so that the doors of the control groups need not be sent; a client gets a copy and closes it. */
#ifndef PYROUTE_BENCH_FULL_H
#define PYROUTE_BENCH_FULL_H

#include "floor.h"
#include "groups.h"

#include <linux/ethtool.h>
#include <linux/filter.h>

#define STAGE_ID_FIRST 1073741824U /* the computer's id of the stage's 0 */
#define STAGE_ID_COUNT 65536U

#define FEATURE_WORDS 4 /* of 32 features each; Linux 6.18 has two */

/* struct ethtool_sfeatures, with room in its array. */
struct features {
	uint32_t command;
	uint32_t size;
	struct ethtool_set_features_block words[FEATURE_WORDS];
};

/* How a path is covered. */
enum cover { COVER_NONE /* this kernel does not have it */, COVER_FILE, COVER_DIRECTORY };

/* A setting that a network namespace is born with otherwise than a client has it. */
struct contrary {
	char path[80];
	const char *value; /* a client's */
};
#define CONTRARY_MAX 80

#define COVERED_MAX   32
#define READ_ONLY_MAX 8

struct full {
	struct floor *floor;
	struct groups groups;
	struct sock_fprog filter;
	struct features offloads_off;
	int proc;   /* root's, in which a client reads the pid that root knows it by */
	int rootfs; /* mounts that the keeper attaches */
	int src;
	int dev;
	pid_t keeper;
	unsigned furnished; /* futex: these are there */
	unsigned ready;	    /* futex: the template is */
	unsigned allowed;   /* futex: how many clients have control groups, and can be cloned */
	const char *step;   /* of the keeper's that failed */
	long code;
	struct contrary contrary[CONTRARY_MAX];
	unsigned contrary_count;
	enum cover covers[COVERED_MAX]; /* of full_covered */
	bool read_only[READ_ONLY_MAX];	/* of full_read_only */
	char hosts[32 * CLIENTS_MAX];
};

/* ---- full_tables.c: what runtime/ says, once more ---------------------------------------------
 */

/* Paths of /proc and /sys, as runtime/root.c has them. Both lists end with NULL. */
extern const char *const full_covered[];
extern const char *const full_read_only[];

/* Settings of the network, as runtime/settings.c has them. What a kernel does not have of them, its
 * clients need not either. The list ends with a directory that is NULL. */
struct full_setting {
	const char *key;
	const char *value;
};
struct full_group {
	const char *directory;
	const struct full_setting *settings;
	size_t count;
};
extern const struct full_group full_settings[];

/* What runtime/privilege.c leaves a client, as a set of bits. */
uint64_t full_capabilities(void);

/* ---- full_root.c ------------------------------------------------------------------------------
 */

/* All that can be prepared without a client. */
void root_prepare(struct full *full);
/* Makes the keeper and hands it what it mounts; returns when its template is there. */
void root_make_keeper(struct full *full);
/* Kills it and removes the control groups. */
void root_undo(struct full *full);
/* Of the link NAME in the network namespace of SOCKET. Returns 0 or -errno. */
long root_offloads_off(const struct full *full, int socket, const char *name);

/* ---- full_keeper.c, full_client.c: on the far side of a clone ---------------------------------
 */

int main_keeper(void *argument); /* struct full */
int main_client(void *argument); /* struct client */

/* ---- full_check.c -----------------------------------------------------------------------------
 */

/* Whether the clients are all that is said of them above. Ends the program where one is not. */
void check_confined(const struct full *full);

#endif
