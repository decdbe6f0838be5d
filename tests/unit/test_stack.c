#include "settings.h"
#include "stack.h"
#include "wires.h"

/* What a namespace might have copied from a computer that does all that a client should not. */
static const char *const contrary[][2] = {
	{"/proc/sys/net/ipv4/ip_forward", "1"},
	{"/proc/sys/net/ipv4/conf/default/forwarding", "1"},
	{"/proc/sys/net/ipv4/conf/all/rp_filter", "1"},
	{"/proc/sys/net/ipv4/conf/default/rp_filter", "1"},
	{"/proc/sys/net/ipv4/conf/all/accept_redirects", "0"},
	{"/proc/sys/net/ipv4/conf/default/arp_notify", "1"},
	{"/proc/sys/net/ipv4/conf/default/arp_accept", "1"},
	{"/proc/sys/net/ipv4/conf/default/accept_local", "1"},
	{"/proc/sys/net/ipv4/conf/default/drop_gratuitous_arp", "1"},
	{"/proc/sys/net/ipv4/icmp_echo_ignore_all", "1"},
	{"/proc/sys/net/ipv6/conf/all/forwarding", "1"},
	{"/proc/sys/net/ipv6/conf/all/accept_dad", "2"},
	{"/proc/sys/net/ipv6/conf/all/disable_ipv6", "1"},
	{"/proc/sys/net/ipv6/conf/default/disable_ipv6", "1"},
	{"/proc/sys/net/ipv6/conf/default/accept_ra", "2"},
	{"/proc/sys/net/ipv6/conf/default/addr_gen_mode", "1"},
	{"/proc/sys/net/ipv6/conf/default/use_tempaddr", "2"},
	{"/proc/sys/net/ipv6/conf/default/accept_redirects", "0"},
	{"/proc/sys/net/ipv6/conf/default/hop_limit", "9"},
	{"/proc/sys/net/ipv6/icmp/echo_ignore_all", "1"},
};

static struct stage_address stage_address_of(const char *text, uint8_t length)
{
	const struct net_address parsed = address_of(text, length);
	struct stage_address address = {.length = length, .line = 1};

	memcpy(address.bytes, parsed.bytes, sizeof(address.bytes));
	return address;
}

/* A client in a namespace of its own with eth0 (of both families) and eth1 (of IPv4 alone), the
 * other ends of which are its neighbour's. */
struct site {
	struct stage_net nets[2];
	struct stage_client client;
	struct stage stage;
	int ns, neighbour_ns;
};

static void site_make(struct site *site)
{
	*site = (struct site){.ns = namespace_make(), .neighbour_ns = namespace_make()};
	for (size_t i = 0; i < ARRAY_SIZE(contrary); i++)
		set(site->ns, contrary[i][0], contrary[i][1]);
	for (unsigned i = 0; i < 2; i++) {
		site->nets[i].number = i + 1;
		site->nets[i].subnet[FAMILY_IPV4] =
			stage_address_of(i == 0 ? "10.0.1.0" : "10.0.2.0", 24);
		site->client.interfaces[i].net = i + 1;
		site->client.interfaces[i].address[FAMILY_IPV4] =
			stage_address_of(i == 0 ? "10.0.1.1" : "10.0.2.1", 24);
	}
	site->nets[0].subnet[FAMILY_IPV6] = stage_address_of("fd00:1::", 64);
	site->client.interfaces[0].address[FAMILY_IPV6] = stage_address_of("fd00:1::1", 64);
	site->client.interface_count = 2;
	site->client.number = 1;
	site->stage = (struct stage){
		.nets = site->nets, .net_count = 2, .clients = &site->client, .client_count = 1};
}

static void site_drop(struct site *site)
{
	close_fd(&site->ns);
	close_fd(&site->neighbour_ns);
}
#define SITE CLEANUP(site_drop) struct site

static void site_wire(const struct site *site)
{
	CLEANUP_NET struct nl_sock *net = net_in(site->ns);

	for (int i = 0; i < 2; i++) {
		const char *const name = i == 0 ? "eth0" : "eth1";
		const struct net_end end = {name, -1, NULL};
		const struct net_end peer = {name, site->neighbour_ns, NULL};

		works(net_veth_create(net, &end, &peer, MTU, &why));
	}
}

/* What the namespace has now is what it, and any other, was born with. */
static int site_raise(struct site *site)
{
	CLEANUP_FD int here = namespace_open();
	CLEANUP_NET struct nl_sock *net = net_in(site->ns);
	const bool ipv6 = stage_has(&site->stage, FAMILY_IPV6);
	CLEANUP_FD int proc = file_open_directory(AT_FDCWD, "/proc", &why);
	struct settings_survey survey;
	struct net_offloads offloads;
	int result;

	works(net_offloads_find(net, &offloads, &why));
	namespace_enter(site->ns);
	works(settings_survey(proc, ipv6, &survey, &why));
	works(settings_apply(proc, &survey, ipv6, site->client.forwarding, &why));
	namespace_enter(here);
	site_wire(site);
	namespace_enter(site->ns);
	result = stack_raise(&site->stage, &site->client, &offloads, &why);
	namespace_enter(here);
	return result;
}

static void assert_setting(int ns, const char *key, const char *value)
{
	CLEANUP_FD int here = namespace_open();
	char path[128], text[32];

	(void)snprintf(path, sizeof(path), "/proc/sys/net/%s", key);
	namespace_enter(ns);
	works(file_read(AT_FDCWD, path, text, sizeof(text), &why));
	namespace_enter(here);
	if (strcmp(text, value) != 0)
		fail_msg("%s is %s, not %s", key, text, value);
}

static void a_client_is_a_host_whatever_its_namespace_was_born_with(void **state)
{
	static const char *const zero[] = {"ipv4/ip_forward",
					   "ipv4/conf/eth0/forwarding",
					   "ipv4/conf/eth1/forwarding",
					   "ipv4/conf/lo/forwarding",
					   "ipv4/conf/default/forwarding",
					   "ipv4/conf/eth0/rp_filter",
					   "ipv4/conf/eth0/arp_notify",
					   "ipv4/conf/eth1/arp_accept",
					   "ipv4/conf/eth0/accept_local",
					   "ipv4/conf/eth0/drop_gratuitous_arp",
					   "ipv4/icmp_echo_ignore_all",
					   "ipv6/conf/all/forwarding",
					   "ipv6/conf/eth0/forwarding",
					   "ipv6/conf/eth0/accept_ra",
					   "ipv6/conf/eth0/autoconf",
					   "ipv6/conf/eth0/router_solicitations",
					   "ipv6/conf/eth0/addr_gen_mode",
					   "ipv6/conf/eth0/use_tempaddr",
					   "ipv6/conf/eth0/disable_ipv6",
					   "ipv6/conf/lo/disable_ipv6",
					   "ipv6/conf/default/accept_ra",
					   "ipv6/icmp/echo_ignore_all",
					   "ipv6/conf/all/accept_dad",
					   "ipv6/conf/eth0/accept_dad",
					   "ipv6/conf/default/disable_ipv6"};
	SITE site;

	(void)state;
	site_make(&site);
	works(site_raise(&site));
	for (size_t i = 0; i < ARRAY_SIZE(zero); i++)
		assert_setting(site.ns, zero[i], "0");
	assert_setting(site.ns, "ipv4/conf/eth0/accept_redirects", "1");
	assert_setting(site.ns, "ipv6/conf/eth0/accept_redirects", "1");
	assert_setting(site.ns, "ipv6/conf/eth0/hop_limit", "64");
	assert_setting(site.ns, "ipv6/conf/eth1/disable_ipv6", "1");
}

static void a_client_that_forwards_does_so_on_every_interface(void **state)
{
	static const char *const one[] = {"ipv4/ip_forward", "ipv4/conf/eth0/forwarding",
					  "ipv4/conf/eth1/forwarding", "ipv6/conf/all/forwarding",
					  "ipv6/conf/eth0/forwarding"};
	static const char *const zero[] = {
		"ipv4/conf/eth0/accept_redirects", "ipv6/conf/eth0/accept_redirects",
		"ipv6/conf/eth0/accept_ra", "ipv6/conf/eth0/router_solicitations"};
	SITE site;

	(void)state;
	site_make(&site);
	site.client.forwarding = true;
	works(site_raise(&site));
	for (size_t i = 0; i < ARRAY_SIZE(one); i++)
		assert_setting(site.ns, one[i], "1");
	for (size_t i = 0; i < ARRAY_SIZE(zero); i++)
		assert_setting(site.ns, zero[i], "0");
}

static void without_ipv6_in_the_stage_it_is_off_on_every_wire(void **state)
{
	SITE site;

	(void)state;
	site_make(&site);
	set(site.ns, "/proc/sys/net/ipv6/conf/all/disable_ipv6", "0");
	site.nets[0].subnet[FAMILY_IPV6].line = 0;
	site.client.interfaces[0].address[FAMILY_IPV6].line = 0;
	works(site_raise(&site));
	assert_setting(site.ns, "ipv6/conf/eth0/disable_ipv6", "1");
	assert_setting(site.ns, "ipv6/conf/eth1/disable_ipv6", "1");
	assert_setting(site.ns, "ipv6/conf/default/disable_ipv6", "1");
}

static void a_next_hop_that_no_interface_reaches_is_told(void **state)
{
	SITE site;
	struct stage_route route = {.family = FAMILY_IPV6};

	(void)state;
	site_make(&site);
	route.prefix = stage_address_of("fd00:9::", 48);
	route.via = stage_address_of("fd00:2::1", 0);
	site.client.routes = &route;
	site.client.route_count = 1;
	assert_int_equal(site_raise(&site), -EHOSTUNREACH);
	assert_string_equal(why.text, "no interface reaches fd00:2::1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_is_a_host_whatever_its_namespace_was_born_with),
		cmocka_unit_test(a_client_that_forwards_does_so_on_every_interface),
		cmocka_unit_test(without_ipv6_in_the_stage_it_is_off_on_every_wire),
		cmocka_unit_test(a_next_hop_that_no_interface_reaches_is_told),
	};

	return cmocka_run_group_tests(tests, wires_isolate, NULL);
}
