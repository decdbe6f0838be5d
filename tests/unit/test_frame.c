/* Frames as others make them: the bytes below are Scapy's. */
#include "frame.h"

#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants these before it */
#include <cmocka.h>

#define BYTES_MAX 128

enum sample {
	ARP_QUESTION,
	ARP_ANSWER,
	ECHO_QUESTION,
	UDP,
	UDP_OPTIONS,
	TCP,
	EXCEEDED,
	ECHO6,
	UDP6_HOP,
	FRAGMENT_FIRST,
	FRAGMENT_LAST,
	SAMPLES
};

/* clang-format off */
static const char *const samples[SAMPLES] = {
	[ARP_QUESTION] =
			"ffffffffffff0242010101020806000108000604000102420101010201010102000000000000"
			"01010101",
	[ARP_ANSWER] =
			"0242010101020242010101010806000108000604000202420101010101010101024201010102"
			"01010102",
	[ECHO_QUESTION] =
			"024201010101024201010102080045000026123440004001229d01010102020202020800f2ed"
			"0007000130313233343536373839",
	[UDP] =
			"024201010101024201010102080045000021000100003f1175c501010102020202029c400007"
			"000d19b468656c6c6f",
	[UDP_OPTIONS] =
			"0242010101010242010101020800460000230001000001111ebf010101020202020294040000"
			"00010002000b356c616263",
	[TCP] =
			"02420101010102420101010208004500002d00010000400674c401010102020202029c400050"
			"000003e8000000006012200059960000020405b478",
	[EXCEEDED] =
			"02420101010202420101010108004500004000010000400176b801010101010101020b00fb27"
			"0000000045000024000100000111b3c201010102020202029c40829a00100a18313233343536"
			"3738",
	[ECHO6] =
			"02420101010102420101010286dd60000000000d3a4020010db8000100000000000000000002"
			"20010db80002000000000000000000028000fa6e000700026162636465",
	[UDP6_HOP] =
			"02420101010102420101010286dd600000000012004020010db8000100000000000000000002"
			"20010db8000200000000000000000002110001040000000000050006000a29dc7a7a",
	[FRAGMENT_FIRST] =
			"02420101010102420101010208004500002c00012000400154ca01010102020202020800dedc"
			"0007000341414141414141414141414141414141",
	[FRAGMENT_LAST] =
			"02420101010102420101010208004500002c00010003400174c7010101020202020241414141"
			"4141414141414141414141414141414141414141",
};
/* clang-format on */

static const char *const described[SAMPLES] = {
	[ARP_QUESTION] = "02:42:01:01:01:02 > ff:ff:ff:ff:ff:ff, "
			 "ARP: who has 1.1.1.1? tell 1.1.1.2 at 02:42:01:01:01:02",
	[ARP_ANSWER] = "02:42:01:01:01:01 > 02:42:01:01:01:02, "
		       "ARP: 1.1.1.1 is at 02:42:01:01:01:01 (to 1.1.1.2)",
	[ECHO_QUESTION] = "02:42:01:01:01:02 > 02:42:01:01:01:01, 1.1.1.2 > 2.2.2.2, ttl 64, "
			  "ICMP echo request, id 7, sequence 1, 10 bytes",
	[UDP] = "02:42:01:01:01:02 > 02:42:01:01:01:01, 1.1.1.2 > 2.2.2.2, ttl 63, "
		"UDP 40000 > 7, 5 bytes",
	[UDP_OPTIONS] = "02:42:01:01:01:02 > 02:42:01:01:01:01, 1.1.1.2 > 2.2.2.2, ttl 1, "
			"UDP 1 > 2, 3 bytes",
	[TCP] = "02:42:01:01:01:02 > 02:42:01:01:01:01, 1.1.1.2 > 2.2.2.2, ttl 64, "
		"TCP 40000 > 80 SYN ACK, 1 bytes",
	[EXCEEDED] = "02:42:01:01:01:01 > 02:42:01:01:01:02, 1.1.1.1 > 1.1.1.2, ttl 64, "
		     "ICMP time exceeded (11/0), 36 bytes",
	[ECHO6] = "02:42:01:01:01:02 > 02:42:01:01:01:01, 2001:db8:1::2 > 2001:db8:2::2, "
		  "hop limit 64, ICMP echo request, id 7, sequence 2, 5 bytes",
	[UDP6_HOP] = "02:42:01:01:01:02 > 02:42:01:01:01:01, 2001:db8:1::2 > 2001:db8:2::2, "
		     "hop limit 64, UDP 5 > 6, 2 bytes",
	[FRAGMENT_FIRST] = "02:42:01:01:01:02 > 02:42:01:01:01:01, 1.1.1.2 > 2.2.2.2, ttl 64, "
			   "fragment, ICMP echo request, id 7, sequence 3, 16 bytes",
	[FRAGMENT_LAST] = "02:42:01:01:01:02 > 02:42:01:01:01:01, 1.1.1.2 > 2.2.2.2, ttl 64, "
			  "fragment, protocol 1, 24 bytes",
};

static size_t bytes_of(enum sample sample, uint8_t bytes[BYTES_MAX])
{
	const size_t length = strlen(samples[sample]) / 2;

	assert_true(length <= BYTES_MAX);
	for (size_t i = 0; i < length; i++) {
		const char digits[] = {samples[sample][2 * i], samples[sample][2 * i + 1], '\0'};

		bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return length;
}

static void decode(enum sample sample, uint8_t bytes[BYTES_MAX], struct frame *frame)
{
	const size_t length = bytes_of(sample, bytes);

	frame_decode(bytes, length, frame);
}

static void each_is_described_in_a_line(void **state)
{
	(void)state;
	for (enum sample sample = 0; sample < SAMPLES; sample++) {
		uint8_t bytes[BYTES_MAX];
		char text[FRAME_DESCRIBE_SIZE];
		struct frame frame;

		decode(sample, bytes, &frame);
		frame_describe(&frame, text);
		assert_string_equal(text, described[sample]);
	}
}

static void checksums_are_right_until_a_byte_changes(void **state)
{
	static const enum sample whole[] = {ECHO_QUESTION, UDP,	  UDP_OPTIONS, TCP,
					    EXCEEDED,	   ECHO6, UDP6_HOP};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(whole); i++) {
		uint8_t bytes[BYTES_MAX];
		const size_t length = bytes_of(whole[i], bytes);
		struct frame frame;

		frame_decode(bytes, length, &frame);
		assert_int_equal(frame.packet.sum,
				 frame.packet.version == 4 ? FRAME_SUM_RIGHT : FRAME_SUM_NONE);
		assert_int_equal(frame.packet.upper_sum, FRAME_SUM_RIGHT);
		bytes[length - 1]++;
		frame_decode(bytes, length, &frame);
		assert_int_equal(frame.packet.upper_sum, FRAME_SUM_WRONG);
		bytes[FRAME_HEAD_SIZE + 8]--; /* the TTL, or a byte of IPv6's source */
		frame_decode(bytes, length, &frame);
		assert_int_equal(frame.packet.sum,
				 frame.packet.version == 4 ? FRAME_SUM_WRONG : FRAME_SUM_NONE);
	}
}

static void of_a_part_no_checksum_is_judged(void **state)
{
	uint8_t bytes[BYTES_MAX];
	struct frame frame;

	(void)state;
	decode(FRAGMENT_FIRST, bytes, &frame);
	assert_true(frame.packet.part);
	assert_int_equal(frame.packet.upper_sum, FRAME_SUM_UNKNOWN);
	frame_decode(bytes, bytes_of(ECHO_QUESTION, bytes) - 1, &frame);
	assert_true(frame.packet.cut);
	assert_int_equal(frame.packet.upper_sum, FRAME_SUM_UNKNOWN);
}

static void padding_is_not_the_packets(void **state)
{
	uint8_t bytes[BYTES_MAX] = {0};
	struct frame frame;

	(void)state;
	(void)bytes_of(UDP, bytes);
	frame_decode(bytes, 60, &frame);
	assert_int_equal(frame.packet.payload_size, 5);
	assert_int_equal(frame.packet.upper_sum, FRAME_SUM_RIGHT);
}

static void an_icmp_error_quotes_what_it_is_about(void **state)
{
	uint8_t bytes[BYTES_MAX];
	struct frame frame;

	(void)state;
	decode(EXCEEDED, bytes, &frame);
	assert_int_equal(frame.quoted.version, 4);
	assert_int_equal(frame.quoted.upper, FRAME_UDP);
	assert_int_equal(frame.quoted.target_port, 33434);
	assert_memory_equal(frame.quoted.target, "\2\2\2\2", 4);
	decode(ECHO_QUESTION, bytes, &frame);
	assert_int_equal(frame.quoted.version, 0);
}

static void fields_are_told_one_by_one(void **state)
{
	static const struct {
		enum sample sample;
		enum frame_field field;
		const char *text;
	} fields[] = {
		{ARP_ANSWER, FRAME_FIELD_TARGET_MAC, "02:42:01:01:01:02"},
		{ARP_ANSWER, FRAME_FIELD_SOURCE_MAC, "02:42:01:01:01:01"},
		{ARP_ANSWER, FRAME_FIELD_TYPE, "0x0806"},
		{ARP_ANSWER, FRAME_FIELD_ARP_OPERATION, "2"},
		{ARP_ANSWER, FRAME_FIELD_ARP_SENDER_MAC, "02:42:01:01:01:01"},
		{ARP_ANSWER, FRAME_FIELD_ARP_SENDER, "1.1.1.1"},
		{ARP_ANSWER, FRAME_FIELD_ARP_TARGET_MAC, "02:42:01:01:01:02"},
		{ARP_ANSWER, FRAME_FIELD_ARP_TARGET, "1.1.1.2"},
		{ARP_ANSWER, FRAME_FIELD_TTL, ""},
		{ECHO_QUESTION, FRAME_FIELD_ARP_OPERATION, ""},
		{ECHO_QUESTION, FRAME_FIELD_HEAD_SIZE, "20 bytes"},
		{ECHO_QUESTION, FRAME_FIELD_SERVICE, "0x00"},
		{ECHO_QUESTION, FRAME_FIELD_LENGTH, "38"},
		{ECHO_QUESTION, FRAME_FIELD_ID, "0x1234"},
		{ECHO_QUESTION, FRAME_FIELD_FRAGMENT, "0x4000"},
		{ECHO_QUESTION, FRAME_FIELD_TTL, "64"},
		{ECHO_QUESTION, FRAME_FIELD_PROTOCOL, "1"},
		{ECHO_QUESTION, FRAME_FIELD_CHECKSUM, "0x229d, right"},
		{ECHO_QUESTION, FRAME_FIELD_SOURCE, "1.1.1.2"},
		{ECHO_QUESTION, FRAME_FIELD_TARGET, "2.2.2.2"},
		{ECHO_QUESTION, FRAME_FIELD_ICMP_TYPE, "8/0"},
		{ECHO_QUESTION, FRAME_FIELD_ICMP_ID, "7"},
		{ECHO_QUESTION, FRAME_FIELD_ICMP_SEQUENCE, "1"},
		{ECHO_QUESTION, FRAME_FIELD_SOURCE_PORT, ""},
		{ECHO_QUESTION, FRAME_FIELD_PAYLOAD, "10 bytes"},
		{UDP, FRAME_FIELD_SOURCE_PORT, "40000"},
		{TCP, FRAME_FIELD_TARGET_PORT, "80"},
		{TCP, FRAME_FIELD_UPPER_CHECKSUM, "0x5996, right"},
		{TCP, FRAME_FIELD_ICMP_ID, ""},
		{ECHO6, FRAME_FIELD_SOURCE, "2001:db8:1::2"},
		{ECHO6, FRAME_FIELD_CHECKSUM, ""},
		{ECHO6, FRAME_FIELD_FRAGMENT, ""},
		{ECHO6, FRAME_FIELD_HEAD_SIZE, ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		uint8_t bytes[BYTES_MAX];
		char text[FRAME_DESCRIBE_SIZE];
		struct frame frame;

		decode(fields[i].sample, bytes, &frame);
		assert_int_equal(frame_field_text(&frame, fields[i].field, text),
				 fields[i].text[0] != '\0');
		assert_string_equal(text, fields[i].text);
		assert_true(frame_field_name(&frame, fields[i].field)[0] != '\0');
	}
}

static void ipv6_has_names_of_its_own_and_lengths_are_told_as_they_stand(void **state)
{
	uint8_t bytes[BYTES_MAX];
	char text[FRAME_DESCRIBE_SIZE];
	struct frame frame;

	(void)state;
	decode(ECHO6, bytes, &frame);
	assert_string_equal(frame_field_name(&frame, FRAME_FIELD_TTL), "hop limit");
	assert_string_equal(frame_field_name(&frame, FRAME_FIELD_LENGTH), "payload length");
	assert_string_equal(frame_field_name(&frame, FRAME_FIELD_SOURCE), "source address");
	decode(ECHO_QUESTION, bytes, &frame);
	assert_string_equal(frame_field_name(&frame, FRAME_FIELD_TTL), "time to live");
	bytes[17] = 200; /* of 38 */
	frame_decode(bytes, frame.length, &frame);
	assert_true(frame.packet.cut);
	assert_int_equal(frame.packet.size, 38);
	assert_true(frame_field_text(&frame, FRAME_FIELD_LENGTH, text));
	assert_string_equal(text, "200");
}

/* The copies end where the frame does, for the sanitizer to see. */
static void nothing_behind_the_end_is_read(void **state)
{
	(void)state;
	for (enum sample sample = 0; sample < SAMPLES; sample++) {
		uint8_t bytes[BYTES_MAX];
		const size_t length = bytes_of(sample, bytes);

		for (size_t size = 0; size <= length; size++) {
			CLEANUP_FREE uint8_t *copy = malloc(size > 0 ? size : 1);
			char text[FRAME_DESCRIBE_SIZE];
			struct frame frame;

			assert_non_null(copy);
			memcpy(copy, bytes, size);
			frame_decode(copy, size, &frame);
			frame_describe(&frame, text);
			assert_true(text[0] != '\0');
			for (enum frame_field field = 0; field < FRAME_FIELDS; field++)
				(void)frame_field_text(&frame, field, text);
			assert_true(size >= FRAME_HEAD_SIZE || frame.kind == FRAME_SHORT);
		}
	}
}

static void what_contradicts_itself_is_no_packet(void **state)
{
	static const struct {
		enum sample sample;
		size_t offset;
		uint8_t byte;
		enum frame_kind kind;
	} changes[] = {
		{ARP_QUESTION, 14, 9, FRAME_OTHER},	/* another kind of hardware */
		{ARP_QUESTION, 18, 8, FRAME_OTHER},	/* longer addresses */
		{ECHO_QUESTION, 14, 0x65, FRAME_OTHER}, /* IPv6 in the type of IPv4 */
		{ECHO_QUESTION, 14, 0x44, FRAME_OTHER}, /* a header of 16 bytes */
		{ECHO_QUESTION, 17, 19, FRAME_OTHER},	/* shorter than its header */
		{ECHO6, 14, 0x45, FRAME_OTHER},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		uint8_t bytes[BYTES_MAX];
		const size_t length = bytes_of(changes[i].sample, bytes);
		struct frame frame;

		bytes[changes[i].offset] = changes[i].byte;
		frame_decode(bytes, length, &frame);
		assert_int_equal(frame.kind, changes[i].kind);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_described_in_a_line),
		cmocka_unit_test(checksums_are_right_until_a_byte_changes),
		cmocka_unit_test(of_a_part_no_checksum_is_judged),
		cmocka_unit_test(padding_is_not_the_packets),
		cmocka_unit_test(an_icmp_error_quotes_what_it_is_about),
		cmocka_unit_test(fields_are_told_one_by_one),
		cmocka_unit_test(ipv6_has_names_of_its_own_and_lengths_are_told_as_they_stand),
		cmocka_unit_test(nothing_behind_the_end_is_read),
		cmocka_unit_test(what_contradicts_itself_is_no_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
