/* The words of the stage format: the sections there are, and the keys of each. */
#ifndef PYROUTE_NAMES_H
#define PYROUTE_NAMES_H

#include "error.h"

enum section_kind { SECTION_STAGE, SECTION_NET, SECTION_CLIENT, SECTION_KINDS };

enum key_kind {
	KEY_TITLE,
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
	KEY_RUN,
	KEY_KINDS
};

#define NAMES_NUMBER_MAX 1024 /* the highest number of any name */

/* "client12" is SECTION_CLIENT and 12; "title" is KEY_TITLE and 0. */
struct section_name {
	enum section_kind kind;
	unsigned number; /* from 1 to NETS_MAX or CLIENTS_MAX; 0: a name without number */
};

struct key_name {
	enum key_kind kind;
	unsigned number; /* from 1 to NETS_MAX; 0: a name without number */
};

/* Recognise TEXT, exactly. -EINVAL where it is no name of the format, its number is none, or it
 * is a name that this version does not carry out; ERROR then says which, with the remedy or the
 * nearest name that there is. */
int names_section(const char *text, struct section_name *name, struct error *error);
int names_key(enum section_kind section, const char *text, struct key_name *name,
	      struct error *error);

#endif
