#include "walk_trial.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

/* An ICMP error about the packet. */
static const char *error_rule(const struct walk_trial *trial, enum frame_field field)
{
	const bool ipv4 = trial->family == FAMILY_IPV4;

	if (field == FRAME_FIELD_PAYLOAD)
		return ipv4 ? "RFC 1812 4.3.2.3" : "RFC 4443 2.4";
	if (field == FRAME_FIELD_SOURCE)
		return ipv4 ? "RFC 1812 4.3.2.4" : "RFC 4443 2.2";
	switch (trial->fate.type) {
	case ICMP_TIME_EXCEEDED:
		return "RFC 1812 4.3.3.4";
	case ICMP6_TIME_EXCEEDED: /* ICMP_DEST_UNREACH has this number, too */
		return ipv4 ? "RFC 1812 4.3.3.1" : "RFC 4443 3.3";
	case ICMP6_PACKET_TOO_BIG:
		return "RFC 4443 3.2";
	default:
		return "RFC 4443 3.1";
	}
}

/* What the router says itself is ICMP, whatever it is about. */
static const char *upper_sum_rule(const struct walk_trial *trial, bool own)
{
	switch (own ? FRAME_ICMP : trial->frame->packet.upper) {
	case FRAME_UDP:
		return trial->family == FAMILY_IPV4 ? "RFC 768" : "RFC 8200 8.1";
	case FRAME_TCP:
		return "RFC 9293 3.1";
	case FRAME_ICMP:
	case FRAME_NO_UPPER:
		break;
	}
	return trial->family == FAMILY_IPV4 ? "RFC 792" : "RFC 4443 2.3";
}

/* What the router says itself where it has to. */
static const char *own_rule(const struct walk_trial *trial, enum frame_field field)
{
	if (trial->fate.kind == FATE_ERROR)
		return error_rule(trial, field);
	return trial->family == FAMILY_IPV4 ? "RFC 1812 4.3.3.6" : "RFC 4443 4.2";
}

static const char *checksum_rule(const struct walk_trial *trial, enum frame_field field, bool own)
{
	if (field == FRAME_FIELD_UPPER_CHECKSUM)
		return upper_sum_rule(trial, own);
	return trial->fate.kind == FATE_NOTHING ? "RFC 1812 5.2.2" : "RFC 1812 4.2.2.5";
}

const char *walk_rule(const struct walk_trial *trial, enum walk_step step, enum frame_field field)
{
	const bool ipv4 = trial->family == FAMILY_IPV4;
	const bool own = trial->fate.kind == FATE_ERROR || trial->fate.kind == FATE_ANSWER;

	switch (step) {
	case WALK_TTL:
		if (ipv4 && own && trial->frame->packet.ttl > 1)
			return "RFC 1812 4.2.2.9";
		return ipv4 ? "RFC 1812 5.3.1" : "RFC 8200 3";
	case WALK_CHECKSUM:
		return checksum_rule(trial, field, own);
	case WALK_ETHERNET:
		return ipv4 ? "RFC 894" : "RFC 2464";
	case WALK_FORWARD:
	case WALK_PAYLOAD:
		if (own)
			return own_rule(trial, field);
		return ipv4 ? "RFC 1812 5.2.1" : "RFC 8200";
	case WALK_DUPLICATE:
		return ipv4 ? "RFC 1812 5.2.1" : "RFC 8200";
	case WALK_ARP_QUESTION:
	case WALK_ARP_ANSWER:
	case WALK_LISTENING:
	case WALK_ARRIVAL:
	case WALK_NONE:
	case WALK_STEPS:
		break;
	}
	return NULL;
}
