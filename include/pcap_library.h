/* libpcap, loaded when it is wanted (loader.h): it brings eight more along, for Bluetooth, D-Bus
 * and the like. */
#ifndef PYROUTE_PCAP_LIBRARY_H
#define PYROUTE_PCAP_LIBRARY_H

#include "error.h"

#include <pcap/pcap.h>

/* What is called of it, each pcap_NAME(3PCAP). */
struct pcap_library {
	__typeof__(pcap_create) *create;
	__typeof__(pcap_set_snaplen) *set_snaplen;
	__typeof__(pcap_set_promisc) *set_promisc;
	__typeof__(pcap_set_immediate_mode) *set_immediate_mode;
	__typeof__(pcap_set_buffer_size) *set_buffer_size;
	__typeof__(pcap_set_tstamp_precision) *set_tstamp_precision;
	__typeof__(pcap_activate) *activate;
	__typeof__(pcap_setdirection) *setdirection;
	__typeof__(pcap_setnonblock) *setnonblock;
	__typeof__(pcap_get_selectable_fd) *get_selectable_fd;
	__typeof__(pcap_fileno) *fileno;
	__typeof__(pcap_dispatch) *dispatch;
	__typeof__(pcap_stats) *stats;
	__typeof__(pcap_geterr) *geterr;
};

/* It stays loaded as long as the process lives. -ENOTSUP: it is not installed. */
int pcap_library_load(struct pcap_library *library, struct error *error);

#endif
