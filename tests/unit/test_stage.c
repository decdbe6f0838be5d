/* The stage's plain data: what is derived, how addresses lie to one another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "address.h"
#include "stage.h"

static const struct stage_address v4 = {.bytes = {1, 1, 1, 2}, .length = 24, .line = 1};
static const struct stage_address v6 = {
	.bytes = {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 11, 12, 13}, .length = 64, .line = 2};

static void an_ethernet_address_is_derived_from_ipv4_first(void **state)
{
	static const uint8_t expected[] = {0x02, 0x42, 1, 1, 1, 2};
	const struct stage_address addresses[FAMILIES] = {v4, v6};
	uint8_t mac[MAC_SIZE];

	(void)state;
	stage_mac_derive(addresses, mac);
	assert_memory_equal(mac, expected, MAC_SIZE);
}

static void without_ipv4_it_is_derived_from_the_last_four_bytes_of_ipv6(void **state)
{
	static const uint8_t expected[] = {0x02, 0x42, 10, 11, 12, 13};
	const struct stage_address addresses[FAMILIES] = {{.line = 0}, v6};
	uint8_t mac[MAC_SIZE];

	(void)state;
	stage_mac_derive(addresses, mac);
	assert_memory_equal(mac, expected, MAC_SIZE);
}

static void a_net_is_a_leg_with_an_address_of_either_family(void **state)
{
	const struct stage_net none = {.number = 1};
	const struct stage_net one = {.computer = {v4}};
	const struct stage_net other = {.computer = {{.line = 0}, v6}};

	(void)state;
	assert_false(stage_net_is_leg(&none));
	assert_true(stage_net_is_leg(&one));
	assert_true(stage_net_is_leg(&other));
}

static void a_net_is_found_by_a_number_that_the_file_has(void **state)
{
	struct stage_net nets[] = {{.number = 1, .line = 3}, {.line = 0}, {.number = 3, .line = 9}};
	const struct stage stage = {.nets = nets, .net_count = 3};

	(void)state;
	assert_ptr_equal(stage_net_find(&stage, 1), &nets[0]);
	assert_ptr_equal(stage_net_find(&stage, 3), &nets[2]);
	assert_null(stage_net_find(&stage, 0));
	assert_null(stage_net_find(&stage, 2));
	assert_null(stage_net_find(&stage, 4));
}

static void a_client_is_found_by_a_number_that_the_file_has(void **state)
{
	struct stage_client clients[] = {{.number = 1, .line = 3}, {.line = 0}};
	const struct stage stage = {.clients = clients, .client_count = 2};

	(void)state;
	assert_ptr_equal(stage_client_find(&stage, 1), &clients[0]);
	assert_null(stage_client_find(&stage, 0));
	assert_null(stage_client_find(&stage, 2));
	assert_null(stage_client_find(&stage, 3));
}

static void a_name_is_a_word_that_is_no_option_and_no_path(void **state)
{
	static const char *const names[] = {"a", "0", "_", "stage1", "A.b_c-D.9"};
	static const char *const others[] = {"",    ".",   "..",  "-",	 "-a",	".a",
					     "a/b", "a b", "a+b", "a:b", "a\n", "\xc3\xa4"};
	char name[STAGE_NAME_SIZE + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_true(stage_name_valid(names[i]));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_false(stage_name_valid(others[i]));
	memset(name, 'x', STAGE_NAME_SIZE);
	name[STAGE_NAME_SIZE] = '\0';
	assert_false(stage_name_valid(name));
	name[STAGE_NAME_SIZE - 1] = '\0';
	assert_true(stage_name_valid(name));
}

static void a_cleared_stage_is_empty_and_may_be_cleared_again(void **state)
{
	static const struct stage empty;
	struct stage stage = {.net_count = 1, .client_count = 1, .check_count = 1};

	(void)state;
	stage.nets = calloc(1, sizeof(*stage.nets));
	stage.clients = calloc(1, sizeof(*stage.clients));
	stage.checks = calloc(1, sizeof(*stage.checks));
	assert_non_null(stage.clients);
	assert_non_null(stage.checks);
	stage.clients[0].run = strdup("true");
	stage.checks[0].frames = calloc(1, sizeof(*stage.checks[0].frames));
	stage.checks[0].hops = calloc(1, sizeof(*stage.checks[0].hops));
	stage.checks[0].run = strdup("true");
	stage_clear(&stage); /* what it forgets, LeakSanitizer reports */
	assert_memory_equal(&stage, &empty, sizeof(stage));
	stage_clear(&stage);
}

static void prefixes_share_bits_up_to_their_length(void **state)
{
	const struct stage_address a = {.bytes = {10, 0x80, 1}};
	const struct stage_address b = {.bytes = {10, 0xbf, 1}};

	(void)state;
	assert_true(address_share(&a, &b, 0));
	assert_true(address_share(&a, &b, 8));
	assert_true(address_share(&a, &b, 10));
	assert_false(address_share(&a, &b, 11));
	assert_false(address_share(&a, &b, 16));
	assert_true(address_share(&v6, &v6, 128));
}

static void check_range(enum family family, const struct stage_address *subnet, const char *first,
			const char *last)
{
	struct stage_address from;
	struct stage_address to;
	char text[ADDRESS_TEXT_SIZE];

	address_range(family, subnet, &from, &to);
	assert_string_equal(address_format(family, &from, text), first);
	assert_string_equal(address_format(family, &to, text), last);
}

static void a_range_is_what_hosts_may_have(void **state)
{
	struct stage_address four = {.bytes = {10, 1, 1, 64}, .length = 26};
	struct stage_address six = {.bytes = {0xfd}, .length = 120};

	(void)state;
	check_range(FAMILY_IPV4, &four, "10.1.1.65", "10.1.1.126");
	four.length = 31;
	check_range(FAMILY_IPV4, &four, "10.1.1.64", "10.1.1.65");
	four.length = 32;
	check_range(FAMILY_IPV4, &four, "10.1.1.64", "10.1.1.64");
	check_range(FAMILY_IPV6, &six, "fd00::1", "fd00::ff");
	six.length = 127;
	check_range(FAMILY_IPV6, &six, "fd00::", "fd00::1");
}

static void texts_are_those_that_were_read(void **state)
{
	struct stage_address address = {.line = 7};
	enum family family;
	struct error error;
	uint8_t mac[MAC_SIZE];
	char text[ADDRESS_TEXT_SIZE];

	(void)state;
	assert_int_equal(address_parse("1.20.255.0", &family, &address, &error), 0);
	assert_string_equal(address_format(FAMILY_IPV4, &address, text), "1.20.255.0");
	assert_int_equal(address_parse_prefix("10.0.0.0/8", &family, &address, &error), 0);
	assert_string_equal(address_format_prefix(FAMILY_IPV4, &address, text), "10.0.0.0/8");
	assert_int_equal(address_parse_prefix("0.0.0.0/0", &family, &address, &error), 0);
	assert_string_equal(address_format_prefix(FAMILY_IPV4, &address, text), "0.0.0.0/0");
	assert_int_equal(family, FAMILY_IPV4);
	assert_int_equal(address_parse("FD00:0:0::0a:2", &family, &address, &error), 0);
	assert_int_equal(family, FAMILY_IPV6);
	assert_string_equal(address_format(family, &address, text), "fd00::a:2");
	assert_int_equal(address_parse_prefix("fd00:1::/33", &family, &address, &error), 0);
	assert_string_equal(address_format_prefix(family, &address, text), "fd00:1::/33");
	assert_int_equal(address_parse_prefix("::/0", &family, &address, &error), 0);
	assert_string_equal(address_format_prefix(family, &address, text), "::/0");
	assert_int_equal(address.line, 7);
	assert_int_equal(address_parse_mac("02:4F:af:00:99:ff", mac, &error), 0);
	assert_string_equal(address_format_mac(mac, text), "02:4f:af:00:99:ff");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ethernet_address_is_derived_from_ipv4_first),
		cmocka_unit_test(without_ipv4_it_is_derived_from_the_last_four_bytes_of_ipv6),
		cmocka_unit_test(a_net_is_a_leg_with_an_address_of_either_family),
		cmocka_unit_test(a_net_is_found_by_a_number_that_the_file_has),
		cmocka_unit_test(a_client_is_found_by_a_number_that_the_file_has),
		cmocka_unit_test(a_name_is_a_word_that_is_no_option_and_no_path),
		cmocka_unit_test(a_cleared_stage_is_empty_and_may_be_cleared_again),
		cmocka_unit_test(prefixes_share_bits_up_to_their_length),
		cmocka_unit_test(a_range_is_what_hosts_may_have),
		cmocka_unit_test(texts_are_those_that_were_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
