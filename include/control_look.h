/* The two looks of control.h, within the namespaces of whom is looked at, and what they share. Only
 * control*.c include this. */
#ifndef PYROUTE_CONTROL_LOOK_H
#define PYROUTE_CONTROL_LOOK_H

#include "error.h"
#include "net_survey.h"
#include "stage.h"

/* As control_client() and control_computer(), but that an -EINTR is the caller's to try again, and
 * that nothing is said of which client it is. OWN_NS is as in net_guard.h. */
int control_look_at_client(const struct stage *stage, const struct stage_client *client,
			   struct error *error);
int control_look_at_computer(const struct stage *stage, bool own_ns, struct error *error);

/* Sets ERROR to -EBADE and the sentence, with what always helps. */
int control_wrong(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);

enum family control_family(int family);
struct stage_address control_stage_address(const struct net_address *address);

/* As address_format_prefix() and address_format(). */
const char *control_format_prefix(const struct net_address *address, char *text);
const char *control_format_address(const struct net_address *address, char *text);

/* Their lengths do not count. */
bool control_is_same(const struct net_address *a, const struct net_address *b);

/* SEEN is ADDRESS, of FAMILY, with its length. */
bool control_is_stages(const struct stage_address *address, enum family family,
		       const struct net_seen_address *seen);

/* 1 where KEY of the settings of LINK, or of "all", in PROTOCOL ("ipv4" or "ipv6") is not 0; 0 too
 * where there is no such. */
int control_is_on(const char *protocol, const char *link, const char *key, struct error *error);

/* -EBADE where LINK, or "all", forwards otherwise than is WANTED. */
int control_judge_forwarding(const char *protocol, const char *link, bool wanted,
			     struct error *error);

/* -EBADE where LINK forwards IPv6 even where "all" does not. */
int control_judge_forced(const char *link, struct error *error);

#endif
