#include "computer.h"

#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

/* Every route of every table, as rtnetlink dumps them. Returns their size. */
static size_t routes_of(int ns, uint8_t *dump, size_t size)
{
	CLEANUP_FD int fd = socket_in(ns, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	struct {
		struct nlmsghdr head;
		struct rtmsg route;
	} request = {.head = {.nlmsg_len = sizeof(request),
			      .nlmsg_type = RTM_GETROUTE,
			      .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
	struct nlmsghdr *message;
	size_t used = 0;
	ssize_t got;

	assert_int_equal(send(fd, &request, sizeof(request), 0), sizeof(request));
	for (;;) {
		got = recv(fd, dump + used, size - used, 0);
		assert_true(got > 0);
		message = (struct nlmsghdr *)(dump + used);
		for (unsigned left = (unsigned)got; NLMSG_OK(message, left);
		     message = NLMSG_NEXT(message, left)) {
			if (message->nlmsg_type == NLMSG_DONE)
				return used;
			assert_int_equal(message->nlmsg_type, RTM_NEWROUTE);
			message->nlmsg_pid = 0; /* the socket's, not the route's */
		}
		used += (size_t)got;
	}
}

static void assert_routes_stay(int (*raise)(struct computer *computer), const char *control)
{
	COMPUTER computer = computer_make(MTU);
	static uint8_t before[1 << 16], after[1 << 16];
	size_t size = routes_of(computer.ns, before, sizeof(before));

	assert_true(size > 0);
	assert_int_equal(raise(&computer), 0);
	/* At once, and when whatever the kernel does later is done. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(routes_of(computer.ns, after, sizeof(after)), size);
		assert_memory_equal(before, after, size);
		(void)poll(NULL, 0, 300);
	}
	add_address_in(computer.ns, "net1", control, 24);
	assert_true(routes_of(computer.ns, after, sizeof(after)) > size);
}

static void a_leg_leaves_every_routing_table_as_it_was(void **state)
{
	(void)state;
	assert_routes_stay(raise_leg, "2.2.2.1");
}

static void a_leg_with_an_ipv6_address_does_so_too(void **state)
{
	(void)state;
	assert_routes_stay(raise_dual_stack_leg, "2.2.2.1");
	assert_routes_stay(raise_dual_stack_leg, "2001:db8:2::1");
}

/* The address that the computer would send from to TO, by the link VIA where it is given. */
static in_addr_t source_towards(int ns, const char *to, const char *via)
{
	CLEANUP_FD int fd = socket_in(ns, AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(53)};
	socklen_t size = sizeof(address);

	assert_int_equal(inet_pton(AF_INET, to, &address.sin_addr), 1);
	if (via)
		assert_int_equal(
			setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, via, (socklen_t)strlen(via)),
			0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	return ntohl(address.sin_addr.s_addr);
}

static void the_real_1_1_1_1_is_reached_as_before(void **state)
{
	COMPUTER leg = computer_make(MTU), plain = computer_make(MTU);

	(void)state;
	assert_int_equal(raise_leg(&leg), 0);
	raise_plain(&plain);
	assert_int_equal(source_towards(leg.ns, "1.1.1.1", NULL), 0x0a090901);
	assert_int_equal(source_towards(leg.ns, "1.1.1.255", NULL), 0x0a090901);
	assert_int_equal(source_towards(leg.ns, "1.1.1.2", NULL), 0x0a090901);
	assert_int_equal(source_towards(plain.ns, "1.1.1.1", NULL), 0x01010101);
}

/* The last group of the address that the computer would send from to TO by its uplink or net1,
 * whichever its routes say; 0 where they lead nowhere. */
static unsigned source6_towards(int ns, const char *to)
{
	CLEANUP_FD int fd = socket_in(ns, AF_INET6, SOCK_DGRAM, 0);
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
	socklen_t size = sizeof(address);

	assert_int_equal(inet_pton(AF_INET6, to, &address.sin6_addr), 1);
	if (connect(fd, (struct sockaddr *)&address, size) < 0)
		return 0;
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	return ntohs(address.sin6_addr.s6_addr16[7]);
}

/* Gives the computer's uplink an address
 * and the default route. */
static void raise_ipv6_uplink(struct computer *computer)
{
	const struct net_address gateway = address_of("2001:db8:9::2", 0);

	set(computer->ns, "/proc/sys/net/ipv6/conf/uplink/disable_ipv6", "0");
	add_address_in(computer->ns, "uplink", "2001:db8:9::909", 64);
	works(route_add(computer->net, "uplink", NULL, &gateway, &why));
}

static void what_is_the_legs_in_ipv6_is_reached_as_before(void **state)
{
	COMPUTER leg = computer_make(MTU), plain = computer_make(MTU), bare = computer_make(MTU);

	(void)state;
	raise_ipv6_uplink(&leg);
	raise_ipv6_uplink(&plain);
	assert_int_equal(raise_dual_stack_leg(&leg), 0);
	assert_int_equal(raise_dual_stack_leg(&bare), 0);
	raise_plain(&plain);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(source6_towards(leg.ns, "2001:db8:1::1"), 0x909);
		assert_int_equal(source6_towards(leg.ns, "2001:db8:1::2"), 0x909);
		assert_int_equal(source6_towards(leg.ns, "2001:db8:1::"), 0x909);
		assert_int_equal(source6_towards(bare.ns, "2001:db8:1::1"), 0);
		assert_int_equal(source6_towards(bare.ns, "2001:db8:1::2"), 0);
		assert_int_equal(source6_towards(plain.ns, "2001:db8:1::2"), 1);
		(void)poll(NULL, 0, 300);
	}
}

static void set_flags(int ns, const char *name, int flags)
{
	CLEANUP_FD int fd = socket_in(ns, AF_INET, SOCK_DGRAM, 0);
	struct ifreq request = {0};

	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	request.ifr_flags = (short)flags;
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
}

static void a_leg_set_down_and_up_by_somebody_has_no_route_to_its_prefix(void **state)
{
	COMPUTER leg = computer_make(MTU), plain = computer_make(MTU);

	(void)state;
	assert_int_equal(raise_dual_stack_leg(&leg), 0);
	raise_plain(&plain);
	set_flags(leg.ns, "net1", IFF_NOARP);
	set_flags(leg.ns, "net1", IFF_NOARP | IFF_UP);
	set_flags(plain.ns, "net1", 0);
	set_flags(plain.ns, "net1", IFF_UP);
	assert_int_equal(source_towards(leg.ns, "1.1.1.2", NULL), 0x0a090901);
	assert_int_equal(source_towards(plain.ns, "1.1.1.2", NULL), 0x01010101);
	(void)poll(NULL, 0, 300);
	assert_int_equal(source6_towards(leg.ns, "2001:db8:1::1"), 0);
	assert_int_equal(source6_towards(leg.ns, "2001:db8:1::2"), 0);
}

/* Looks the way to 1.1.1.1 up until STOP's other end is closed. Exits with 1 if ever it led to the
 * computer itself, with 2 if it never led out. */
static void watch_the_way(int ns, int stop)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53)}, own = {0};
	struct pollfd ready = {.fd = stop, .events = POLLIN};
	bool led_out = false;

	namespace_enter(ns);
	to.sin_addr.s_addr = htonl(0x01010101);
	while (poll(&ready, 1, 0) == 0) {
		CLEANUP_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		socklen_t size = sizeof(own);

		if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ||
		    getsockname(fd, (struct sockaddr *)&own, &size) < 0)
			continue;
		if (own.sin_addr.s_addr == to.sin_addr.s_addr)
			_exit(1);
		led_out = true;
	}
	_exit(led_out ? 0 : 2);
}

static void the_real_1_1_1_1_never_turns_inwards_while_a_leg_comes_up(void **state)
{
	COMPUTER computer = computer_make(MTU);
	const struct net_end leg = {"net1", -1, leg_mac};
	const struct net_end eth0 = {"eth0", computer.client_ns, client_mac};
	int stop[2], status;
	unsigned index;
	pid_t child;

	(void)state;
	assert_int_equal(pipe2(stop, O_CLOEXEC), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close_fd(&stop[1]);
		watch_the_way(computer.ns, stop[0]);
	}
	for (int i = 0; i < 100; i++) {
		works(net_link_index(computer.net, "net1", &index, &why));
		works(net_link_delete(computer.net, index, leg_mac, &why));
		works(net_veth_create(computer.net, &leg, &eth0, MTU, &why));
		assert_int_equal(raise_leg(&computer), 0);
	}
	close_fd(&stop[0]);
	close_fd(&stop[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Takes the computer's uplink away and asks for its source address on a link without one, where
 * the kernel takes that of any other link (inet_select_addr()). */
static in_addr_t source_without_an_address(struct computer *computer)
{
	const struct net_end bare = {"bare", -1, NULL}, other = {"other", -1, NULL};
	unsigned index;

	works(net_link_index(computer->net, "uplink", &index, &why));
	works(net_link_delete(computer->net, index, uplink_mac, &why));
	works(net_veth_create(computer->net, &bare, &other, MTU, &why));
	works(net_link_up(computer->net, "bare", &why));
	return source_towards(computer->ns, "8.8.8.8", "bare");
}

static void a_legs_address_is_no_other_links_source(void **state)
{
	COMPUTER leg = computer_make(MTU), plain = computer_make(MTU);

	(void)state;
	assert_int_equal(raise_leg(&leg), 0);
	raise_plain(&plain);
	assert_int_not_equal(source_without_an_address(&leg), 0x01010101);
	assert_int_equal(source_without_an_address(&plain), 0x01010101);
}

/* The dotted form of an address, until the next call. */
static const char *shown(const struct sockaddr *address)
{
	struct sockaddr_in ipv4;

	memcpy(&ipv4, address, sizeof(ipv4));
	return inet_ntoa(ipv4.sin_addr);
}

static void a_program_that_looks_a_legs_address_up_finds_it(void **state)
{
	COMPUTER computer = computer_make(MTU);
	CLEANUP_FD int here = namespace_open();
	struct ifaddrs *list, *entry;
	unsigned found = 0;

	(void)state;
	assert_int_equal(raise_leg(&computer), 0);
	namespace_enter(computer.ns);
	assert_int_equal(getifaddrs(&list), 0);
	namespace_enter(here);
	for (entry = list; entry; entry = entry->ifa_next) {
		if (strcmp(entry->ifa_name, "net1") != 0 || entry->ifa_addr->sa_family == AF_PACKET)
			continue;
		found++;
		assert_int_equal(entry->ifa_addr->sa_family, AF_INET);
		assert_string_equal(shown(entry->ifa_addr), "1.1.1.1");
		assert_string_equal(shown(entry->ifa_netmask), "255.255.255.0");
		assert_string_equal(shown(entry->ifa_broadaddr), "1.1.1.255");
	}
	freeifaddrs(list);
	assert_int_equal(found, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leg_leaves_every_routing_table_as_it_was),
		cmocka_unit_test(a_leg_with_an_ipv6_address_does_so_too),
		cmocka_unit_test(what_is_the_legs_in_ipv6_is_reached_as_before),
		cmocka_unit_test(the_real_1_1_1_1_is_reached_as_before),
		cmocka_unit_test(a_leg_set_down_and_up_by_somebody_has_no_route_to_its_prefix),
		cmocka_unit_test(the_real_1_1_1_1_never_turns_inwards_while_a_leg_comes_up),
		cmocka_unit_test(a_legs_address_is_no_other_links_source),
		cmocka_unit_test(a_program_that_looks_a_legs_address_up_finds_it),
	};

	return cmocka_run_group_tests(tests, wires_isolate, NULL);
}
