#include "pcap_library.h"

#include "loader.h"

int pcap_library_load(struct pcap_library *library, struct error *error)
{
	/* Debian's name for it is older than its own. */
	static const char *const names[] = {"libpcap.so.0.8", "libpcap.so.1", NULL};
	const struct loader_symbol symbols[] = {
		{"pcap_create", &library->create},
		{"pcap_set_snaplen", &library->set_snaplen},
		{"pcap_set_promisc", &library->set_promisc},
		{"pcap_set_immediate_mode", &library->set_immediate_mode},
		{"pcap_set_buffer_size", &library->set_buffer_size},
		{"pcap_set_tstamp_precision", &library->set_tstamp_precision},
		{"pcap_activate", &library->activate},
		{"pcap_setdirection", &library->setdirection},
		{"pcap_setnonblock", &library->setnonblock},
		{"pcap_get_selectable_fd", &library->get_selectable_fd},
		{"pcap_fileno", &library->fileno},
		{"pcap_dispatch", &library->dispatch},
		{"pcap_stats", &library->stats},
		{"pcap_geterr", &library->geterr},
	};
	void *handle;
	int result = loader_load(names, symbols, ARRAY_SIZE(symbols), &handle, error);

	return result < 0 ? error_prefix(error, "cannot capture: install libpcap") : 0;
}
