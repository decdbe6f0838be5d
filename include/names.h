/* The words of the stage format: the sections there are, and the keys of each. */
#ifndef PYROUTE_NAMES_H
#define PYROUTE_NAMES_H

#include "error.h"
#include "stage.h"

enum section_kind { SECTION_STAGE, SECTION_NET, SECTION_CLIENT, SECTION_CHECK, SECTION_KINDS };

enum key_kind {
	KEY_TITLE, /* of the stage or a check */
	KEY_SUMMARY,
	KEY_SUBNET,
	KEY_COMPUTER,
	KEY_MTU,
	KEY_DELAY,
	KEY_LOSS,
	KEY_RATE,
	KEY_INTERFACE, /* netK of a client */
	KEY_MAC,       /* mac.netK */
	KEY_GATEWAY,
	KEY_ROUTES,
	KEY_FORWARDING,
	KEY_RUN, /* of a client or a check */
	KEY_POINTS,
	KEY_PROBE,
	KEY_FROM,
	KEY_TO,
	KEY_SIZE,
	KEY_COUNT,
	KEY_TTL,
	KEY_PORT,
	KEY_FRAME,
	KEY_EXPECT,
	KEY_HOPS,
	KEY_WITHIN,
	KEY_LOOK,
	KEY_KINDS
};

#define NAMES_NUMBER_MAX 1024 /* the highest number of any name */

/* "client12" is SECTION_CLIENT and 12; "title" is KEY_TITLE and 0. */
struct section_name {
	enum section_kind kind;
	/* From 1 to NETS_MAX or CLIENTS_MAX; of a check, from 1 to CHECKS_MAX, its place among
	 * those that were scanned; 0: a name without number. */
	unsigned number;
};

struct key_name {
	enum key_kind kind;
	unsigned number; /* from 1 to NETS_MAX; 0: a name without number */
};

/* What stands before the name of a check, in its section's. */
#define NAMES_CHECK "check "

/* Recognise TEXT, exactly. -EINVAL where it is no name of the format, or its number is none; ERROR
 * then says which, with the remedy or the nearest name that there is. The number of a check's
 * section is left 0. */
int names_section(const char *text, struct section_name *name, struct error *error);
int names_key(enum section_kind section, const char *text, struct key_name *name,
	      struct error *error);

/* As these, clientN or netN, as the value of a key. */
int names_party(const char *text, struct section_name *name, struct error *error);

/* As these, one word of what a check asks with, expects and looks at. */
int names_probe(const char *text, enum probe_kind *probe, struct error *error);
int names_expect(const char *text, enum expect_kind *expect, struct error *error);
int names_look(const char *text, enum look_kind *look, struct error *error);

/* The word for PROBE. */
const char *names_of_probe(enum probe_kind probe);

#endif
