#include "ears.h"

#include <linux/if_addr.h>
#include <sys/ioctl.h>

/* Sends the probe, some times if need be: an IPv6 address takes its time to be there. */
static bool is_answered(const struct ears *ears, const struct probe *probe)
{
	while (acts(ears, 0, false))
		; /* what the probe before left */
	for (int i = 0; i < 10; i++) {
		send_probe(ears->client, probe);
		if (acts(ears, 100, false))
			return true;
	}
	return false;
}

static void an_ordinary_link_answers_all_that_a_leg_is_asked(void **state)
{
	COMPUTER computer = computer_make(MTU);
	EARS ears = ears_open(&computer);
	char datagram[16];

	(void)state;
	raise_plain(&computer);
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
		if (probes[i].custom == ANSWERED && !is_answered(&ears, &probes[i]))
			fail_msg("no answer: %s", probes[i].name);
		else if (probes[i].custom == UNANSWERED)
			send_probe(ears.client, &probes[i]);
	assert_int_equal(recv(ears.server, datagram, sizeof(datagram), MSG_DONTWAIT), 4);
}

static void a_leg_answers_nothing_here_or_elsewhere_and_takes_nothing_in(void **state)
{
	(void)state;
	assert_silent(raise_leg);
}

static void a_leg_with_an_ipv6_address_is_as_silent(void **state)
{
	(void)state;
	assert_silent(raise_dual_stack_leg);
}

static void packet_sockets_of_any_protocol_see_all_that_arrives_on_a_leg(void **state)
{
	COMPUTER computer = computer_make(MTU);

	(void)state;
	assert_int_equal(raise_leg(&computer), 0);
	assert_all_is_seen(&computer);
}

static void where_bpf_is_allowed_nftables_are_left_alone(void **state)
{
	COMPUTER computer = computer_make(MTU);

	(void)state;
	computer.own_ns = true;
	assert_int_equal(raise_leg(&computer), 0);
	assert_int_equal(count_rules(&computer), 0);
}

static unsigned frames_within(int fd, int limit)
{
	uint8_t frame[FRAME_SIZE];
	unsigned count = 0;

	while (count < 100 && receive(fd, frame, limit) > 0)
		count++;
	return count;
}

static void nothing_is_said_on_a_leg_when_it_comes_up_as_on_other_links(void **state)
{
	COMPUTER leg = computer_make(MTU), dual = computer_make(MTU), plain = computer_make(MTU);
	CLEANUP_FD int on_leg = packet_socket(leg.client_ns, "eth0", ETH_P_ALL);
	CLEANUP_FD int on_dual = packet_socket(dual.client_ns, "eth0", ETH_P_ALL);
	CLEANUP_FD int on_plain = packet_socket(plain.client_ns, "eth0", ETH_P_ALL);

	(void)state;
	assert_int_equal(raise_leg(&leg), 0);
	assert_int_equal(raise_dual_stack_leg(&dual), 0);
	raise_plain(&plain);
	/* ARP comes at once; IPv6 within a second (RFC 4861, RFC 4862, RFC 3810). */
	assert_int_equal(frames_within(on_leg, 1500), 0);
	assert_int_equal(frames_within(on_dual, 500), 0);
	assert_true(frames_within(on_plain, 0) > 2);
}

static void assert_setting(int ns, const char *path, const char *value)
{
	CLEANUP_FD int here = namespace_open();
	char text[16];

	namespace_enter(ns);
	works(file_read(AT_FDCWD, path, text, sizeof(text), &why));
	namespace_enter(here);
	assert_string_equal(text, value);
}

static void a_leg_has_second_locks(void **state)
{
	COMPUTER computer = computer_make(MTU);

	(void)state;
	assert_int_equal(raise_leg(&computer), 0);
	assert_setting(computer.ns, "/proc/sys/net/ipv4/conf/net1/forwarding", "0");
	assert_setting(computer.ns, "/proc/sys/net/ipv4/conf/net1/rp_filter", "1");
	assert_setting(computer.ns, "/proc/sys/net/ipv6/conf/net1/disable_ipv6", "1");
	assert_setting(computer.ns, "/proc/sys/net/ipv6/conf/net1/addr_gen_mode", "1");
	assert_setting(computer.ns, "/proc/sys/net/ipv4/conf/uplink/forwarding", "1");
}

static void a_leg_with_an_ipv6_address_has_those_of_ipv6(void **state)
{
	COMPUTER computer = computer_make(MTU);

	(void)state;
	set(computer.ns, "/proc/sys/net/ipv6/conf/default/accept_ra", "2");
	set(computer.ns, "/proc/sys/net/ipv6/conf/default/ndisc_notify", "1");
	assert_int_equal(raise_dual_stack_leg(&computer), 0);
	assert_setting(computer.ns, "/proc/sys/net/ipv6/conf/net1/disable_ipv6", "0");
	assert_setting(computer.ns, "/proc/sys/net/ipv6/conf/net1/keep_addr_on_down", "0");
	assert_setting(computer.ns, "/proc/sys/net/ipv6/conf/net1/addr_gen_mode", "1");
	assert_setting(computer.ns, "/proc/sys/net/ipv6/conf/net1/forwarding", "0");
	assert_setting(computer.ns, "/proc/sys/net/ipv6/conf/net1/accept_ra", "0");
	assert_setting(computer.ns, "/proc/sys/net/ipv6/conf/net1/router_solicitations", "0");
	assert_setting(computer.ns, "/proc/sys/net/ipv6/conf/net1/ndisc_notify", "0");
	assert_setting(computer.ns, "/proc/sys/net/ipv6/conf/uplink/forwarding", "1");
}

/* The flags (IFA_F_..., the lowest eight) of ADDRESS, written without colons, on net1; -1: it is
 * not there (proc(5), /proc/net/if_inet6). */
static long flags_of(int ns, const char *address)
{
	CLEANUP_FD int here = namespace_open();
	CLEANUP_STREAM FILE *list = NULL;
	char line[128], found[33], name[IFNAMSIZ + 1], digits[9];
	long flags = -1;

	namespace_enter(ns);
	list = fopen("/proc/thread-self/net/if_inet6", "re");
	namespace_enter(here);
	assert_non_null(list);
	while (fgets(line, sizeof(line), list))
		if (sscanf(line, "%32s %*8s %*8s %*8s %8s %16s", found, digits, name) == 3 &&
		    strcmp(found, address) == 0 && strcmp(name, "net1") == 0)
			flags = strtol(digits, NULL, 16);
	return flags;
}

static void the_ipv6_address_of_a_leg_stays_unassigned(void **state)
{
	static const char address[] = "20010db8000100000000000000000001";
	const struct net_address shown = address_of("2001:db8:1::1", 64);
	struct sockaddr_in6 own = {.sin6_family = AF_INET6};

	(void)state;
	memcpy(&own.sin6_addr, shown.bytes, sizeof(own.sin6_addr));
	/* Many times, since the kernel works on the address beside us. */
	for (int i = 0; i < 20; i++) {
		COMPUTER computer = computer_make(MTU);
		CLEANUP_FD int fd = socket_in(computer.ns, AF_INET6, SOCK_DGRAM, 0);

		assert_int_equal(raise_dual_stack_leg(&computer), 0);
		(void)poll(NULL, 0, i == 0 ? 2500 : 20); /* duplicates take a second */
		assert_int_equal(flags_of(computer.ns, address), IFA_F_TENTATIVE | IFA_F_PERMANENT);
		assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof(own)), -1);
	}
}

static void a_leg_is_marked_as_without_arp_and_multicast(void **state)
{
	COMPUTER computer = computer_make(MTU);
	CLEANUP_FD int fd = socket_in(computer.ns, AF_INET, SOCK_DGRAM, 0);
	struct ifreq request = {.ifr_name = "net1"};

	(void)state;
	assert_int_equal(raise_leg(&computer), 0);
	assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &request), 0);
	assert_int_equal(request.ifr_flags & (IFF_UP | IFF_NOARP | IFF_MULTICAST),
			 IFF_UP | IFF_NOARP);
}

static void a_leg_too_small_for_ipv6_is_raised_all_the_same(void **state)
{
	COMPUTER computer = computer_make(576);

	(void)state;
	assert_int_equal(raise_leg(&computer), 0);
	assert_int_equal(seen_by(&computer, ETH_P_ALL), ARRAY_SIZE(probes));
}

static void what_cannot_be_a_leg_is_refused(void **state)
{
	COMPUTER computer = computer_make(MTU), narrow = computer_make(576);
	CLEANUP_NET_LEG_KIT struct net_leg_kit kit = NET_LEG_KIT_NONE;
	struct net_address ipv4 = address_of("1.1.1.1", 24), ipv6 = address_of("2001:db8::1", 64);

	(void)state;
	works(net_leg_kit_open(computer.net, &kit, &why));
	assert_int_equal(raise_leg_with(&narrow, &ipv4, &ipv6), -EAFNOSUPPORT);
	assert_int_equal(net_leg_prepare(computer.net, &kit, "net7", false, &why), -ENODEV);
	assert_string_equal(why.text, "net7: there is no such link");
	/* From another namespace the leg's IPv6 cannot be switched off. */
	assert_int_equal(net_leg_prepare(computer.net, &kit, "net1", false, &why), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ordinary_link_answers_all_that_a_leg_is_asked),
		cmocka_unit_test(a_leg_answers_nothing_here_or_elsewhere_and_takes_nothing_in),
		cmocka_unit_test(a_leg_with_an_ipv6_address_is_as_silent),
		cmocka_unit_test(packet_sockets_of_any_protocol_see_all_that_arrives_on_a_leg),
		cmocka_unit_test(where_bpf_is_allowed_nftables_are_left_alone),
		cmocka_unit_test(nothing_is_said_on_a_leg_when_it_comes_up_as_on_other_links),
		cmocka_unit_test(a_leg_has_second_locks),
		cmocka_unit_test(a_leg_with_an_ipv6_address_has_those_of_ipv6),
		cmocka_unit_test(the_ipv6_address_of_a_leg_stays_unassigned),
		cmocka_unit_test(a_leg_is_marked_as_without_arp_and_multicast),
		cmocka_unit_test(a_leg_too_small_for_ipv6_is_raised_all_the_same),
		cmocka_unit_test(what_cannot_be_a_leg_is_refused),
	};

	return cmocka_run_group_tests(tests, wires_isolate, NULL);
}
