/* A capture as a file that Wireshark and tcpdump(8) read: pcapng
 * (draft-ietf-opsawg-pcapng), in the byte order of this computer, one interface for each wire. */
#ifndef PYROUTE_PCAPNG_H
#define PYROUTE_PCAPNG_H

#include "util.h"

#include <stdint.h>

/* What it is written to stays the caller's, who asks ferror(3) at the end. */
void pcapng_begin(FILE *stream);

/* The next interface, the first of which has the number 0: Ethernet, NAME, frames of up to SIZE
 * bytes. */
void pcapng_add_interface(FILE *stream, const char *name, uint32_t size);

struct pcapng_frame {
	uint32_t interface;
	uint64_t time;	 /* nanoseconds since 1970 */
	uint32_t length; /* bytes, as it was */
	uint32_t kept;	 /* of them at BYTES */
	const uint8_t *bytes;
	bool sent;	     /* by whom it was captured at; else it arrived there */
	const char *comment; /* NULL: none */
};
void pcapng_add_frame(FILE *stream, const struct pcapng_frame *frame);

#endif
