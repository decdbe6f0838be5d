/* What is written, libpcap reads. */
#include "pcapng.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants these before it */
#include <cmocka.h>

#include <pcap/pcap.h>

static const uint8_t bytes[61] = {1, 2, 3, [60] = 9};

static FILE *written(void)
{
	FILE *stream = tmpfile();
	struct pcapng_frame frame = {.time = 1700000000123456789, .bytes = bytes};

	assert_non_null(stream);
	pcapng_begin(stream);
	pcapng_add_interface(stream, "net1", 1514);
	pcapng_add_interface(stream, "net10", 1514);
	frame.length = frame.kept = 60;
	pcapng_add_frame(stream, &frame);
	frame.interface = 1;
	frame.sent = true;
	frame.time += 1000;
	frame.length = 2000;
	frame.kept = 61;
	frame.comment = "five5";
	pcapng_add_frame(stream, &frame);
	assert_int_equal(ferror(stream), 0);
	rewind(stream);
	return stream;
}

static void libpcap_reads_frames_times_and_lengths(void **state)
{
	char reason[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_fopen_offline_with_tstamp_precision(written(),
								PCAP_TSTAMP_PRECISION_NANO, reason);
	static const struct {
		long nanoseconds;
		unsigned length, kept;
	} frames[] = {{123456789, 60, 60}, {123457789, 2000, 61}};
	struct pcap_pkthdr *head;
	const u_char *data;

	(void)state;
	assert_non_null(pcap);
	assert_int_equal(pcap_datalink(pcap), DLT_EN10MB);
	for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
		assert_int_equal(pcap_next_ex(pcap, &head, &data), 1);
		assert_int_equal(head->ts.tv_sec, 1700000000);
		assert_int_equal(head->ts.tv_usec, frames[i].nanoseconds);
		assert_int_equal(head->len, frames[i].length);
		assert_int_equal(head->caplen, frames[i].kept);
		assert_memory_equal(data, bytes, frames[i].kept);
	}
	assert_int_equal(pcap_next_ex(pcap, &head, &data), PCAP_ERROR_BREAK);
	pcap_close(pcap);
}

/* libpcap passes over options; Wireshark shows them. */
static void names_directions_and_comments_are_options(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} options[] = {
		{"\2\0\4\0net1", 8},	 {"\2\0\5\0net10\0\0\0", 12}, {"\2\0\4\0\1\0\0\0", 8},
		{"\2\0\4\0\2\0\0\0", 8}, {"\1\0\5\0five5\0\0\0", 12}, {"\4\0\7\0pyroute\0", 12},
	};
	CLEANUP_STREAM FILE *stream = written();
	char text[1024];
	const size_t size = fread(text, 1, sizeof(text), stream);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		assert_non_null(memmem(text, size, options[i].bytes, options[i].size));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libpcap_reads_frames_times_and_lengths),
		cmocka_unit_test(names_directions_and_comments_are_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
