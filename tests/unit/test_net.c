#include "release.h"
#include "sides.h"

#include "net_message.h"

#include <linux/rtnetlink.h>
#include <netlink/route/link.h>

static void assert_link_is(int ns, const char *name, const uint8_t *mac, int mtu)
{
	struct ifreq request = {0};

	link_request(ns, name, SIOCGIFHWADDR, &request);
	assert_memory_equal(request.ifr_hwaddr.sa_data, mac, NET_MAC_SIZE);
	link_request(ns, name, SIOCGIFMTU, &request);
	assert_int_equal(request.ifr_mtu, mtu);
	link_request(ns, name, SIOCGIFFLAGS, &request);
	assert_false(request.ifr_flags & IFF_UP);
}

static unsigned queues_of(struct nl_sock *net, const char *name)
{
	CLEANUP_NET_LINK struct rtnl_link *link = NULL;

	works(net_link_read(net, 0, name, &link, &why));
	return rtnl_link_get_num_tx_queues(link) + rtnl_link_get_num_rx_queues(link);
}

static void both_ends_are_born_named_addressed_and_in_their_namespaces(void **state)
{
	SIDES sides = sides_make();
	CLEANUP_FD int third = namespace_make();
	CLEANUP_NET struct nl_sock *elsewhere = net_in(third);
	const struct net_end end = {"net1", sides.near_ns, mac_1};
	const struct net_end peer = {"eth0", sides.far_ns, mac_2};

	(void)state;
	works(net_veth_create(elsewhere, &end, &peer, 1400, &why));
	assert_link_is(sides.near_ns, "net1", mac_1, 1400);
	assert_link_is(sides.far_ns, "eth0", mac_2, 1400);
	assert_int_equal(queues_of(sides.near, "net1"), 2);
	assert_int_equal(queues_of(sides.far, "eth0"), 2);
	assert_int_equal(index_of(elsewhere, "net1"), 0);
	assert_int_equal(index_of(elsewhere, "eth0"), 0);
}

static void an_end_without_an_address_gets_one_of_its_own(void **state)
{
	SIDES sides = sides_make();
	const struct net_end end = {"port1", -1, NULL}, peer = {"port2", -1, NULL};
	struct ifreq first = {0}, second = {0};

	(void)state;
	works(net_veth_create(sides.near, &end, &peer, MTU, &why));
	link_request(sides.near_ns, "port1", SIOCGIFHWADDR, &first);
	link_request(sides.near_ns, "port2", SIOCGIFHWADDR, &second);
	assert_memory_not_equal(first.ifr_hwaddr.sa_data, second.ifr_hwaddr.sa_data, NET_MAC_SIZE);
	assert_int_equal(first.ifr_hwaddr.sa_data[0] & 3, 2); /* local, unicast */
}

static void a_name_that_is_taken_leaves_no_half_a_wire(void **state)
{
	SIDES sides = sides_make();

	(void)state;
	works(wire(&sides, "net1", "eth0"));
	assert_int_equal(wire(&sides, "net2", "eth0"), -EEXIST);
	assert_int_equal(index_of(sides.near, "net2"), 0);
	assert_int_not_equal(index_of(sides.near, "net1"), 0);
}

static void an_error_is_the_kernels_own_with_its_explanation(void **state)
{
	SIDES sides = sides_make();
	struct net_address gateway = address_of("8.8.8.8", 0);

	(void)state;
	wire_up(&sides, "net1", "eth0");
	assert_int_equal(route_add(sides.near, "net1", NULL, &gateway, &why), -ENETUNREACH);
	assert_non_null(
		strstr(why.text, "net1: cannot add the default route via 8.8.8.8 (Nexthop"));
	assert_int_equal(route_add(sides.near, "net7", NULL, &gateway, &why), -ENODEV);
	assert_int_equal(net_link_up(sides.near, "net7", &why), -ENODEV);
	works(net_link_settle(sides.near, "net1", &why)); /* the socket is still in step */
}

static void a_batch_that_is_too_long_is_refused_whole(void **state)
{
	SIDES sides = sides_make();
	CLEANUP_NET_BATCH struct net_batch batch = NET_BATCH(sides.near, "lo");
	const struct ifinfomsg up = {.ifi_index = 1, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct ifreq request = {0};

	(void)state;
	for (int i = 0; i <= NET_BATCH_MAX; i++)
		net_batch_add(&batch, RTM_SETLINK, 0, &up, sizeof(up), "bring the link up");
	assert_int_equal(net_batch_send(&batch, &why), -E2BIG);
	link_request(sides.near_ns, "lo", SIOCGIFFLAGS, &request);
	assert_false(request.ifr_flags & IFF_UP);
}

#define WIRES 200

static void the_first_frame_passes_either_way_on_two_hundred_wires(void **state)
{
	SIDES sides = sides_make();
	char near[IFNAMSIZ], far[IFNAMSIZ];
	unsigned lost = 0;

	(void)state;
	for (unsigned i = 0; i < WIRES; i++) {
		(void)snprintf(near, sizeof(near), "net%u", i);
		(void)snprintf(far, sizeof(far), "eth%u", i);
		works(wire(&sides, near, far));
		works(net_link_up(sides.near, near, &why));
		works(net_link_up(sides.far, far, &why));
	}
	for (unsigned i = 0; i < WIRES; i++) {
		(void)snprintf(near, sizeof(near), "net%u", i);
		(void)snprintf(far, sizeof(far), "eth%u", i);
		CLEANUP_FD int left = packet_socket(sides.near_ns, near, ETH_P_ALL);
		CLEANUP_FD int right = packet_socket(sides.far_ns, far, ETH_P_ALL);

		lost += !arrives(left, right, broadcast, (uint8_t)i);
		lost += !arrives(right, left, broadcast, (uint8_t)i);
	}
	assert_int_equal(lost, 0);
}

/* Of an older kernel net_link_up() promises that it will soon. */
static bool first_arrives(int from, int to, uint8_t mark)
{
	int tries = kernel_is_before("6.8") ? 25 : 1;

	while (tries > 0 && !arrives(from, to, broadcast, mark))
		tries--;
	return tries > 0;
}

static void the_first_frame_passes_from_the_end_that_was_up_first(void **state)
{
	SIDES sides = sides_make();
	char near[IFNAMSIZ], far[IFNAMSIZ];
	unsigned lost = 0;

	(void)state;
	for (unsigned i = 0; i < WIRES; i++) {
		(void)snprintf(near, sizeof(near), "net%u", i);
		(void)snprintf(far, sizeof(far), "eth%u", i);
		works(wire(&sides, near, far));
		CLEANUP_FD int left = packet_socket(sides.near_ns, near, ETH_P_ALL);
		CLEANUP_FD int right = packet_socket(sides.far_ns, far, ETH_P_ALL);

		works(net_link_up(sides.near, near, &why));
		works(net_link_up(sides.far, far, &why));
		lost += !first_arrives(left, right, (uint8_t)i);
	}
	assert_int_equal(lost, 0);
}

/* A bridge "segment" in the near namespace with three ports, whose far ends are eth0 to eth2. */
static void segment_make(struct sides *sides, struct nl_sock *far[3], int ns[3])
{
	char port[IFNAMSIZ];
	struct net_end end = {port, -1, NULL}, peer = {"eth0", -1, mac_2};

	works(net_bridge_create(sides->near, "segment", MTU, &why));
	for (int i = 0; i < 3; i++) {
		ns[i] = namespace_make();
		far[i] = net_in(ns[i]);
		peer.ns = ns[i];
		(void)snprintf(port, sizeof(port), "port%d", i);
		works(net_veth_create(sides->near, &end, &peer, MTU, &why));
		works(net_link_silence(sides->near, port, &why));
		works(net_link_join(sides->near, port, "segment", &why));
		works(net_link_up(sides->near, port, &why));
	}
}

/* Ports of a segment are up, and so are their far ends; IPv6 is off there. */
static void segment_up(struct sides *sides, struct nl_sock *far[3], const int ns[3], int fd[3])
{
	char port[IFNAMSIZ];

	for (int i = 0; i < 3; i++) {
		(void)snprintf(port, sizeof(port), "port%d", i);
		set(ns[i], "/proc/sys/net/ipv6/conf/eth0/disable_ipv6", "1");
		fd[i] = packet_socket(ns[i], "eth0", ETH_P_ALL);
		works(net_link_up(far[i], "eth0", &why));
		works(net_link_settle(sides->near, port, &why));
	}
}

static void segment_drop(struct nl_sock *far[3], int ns[3], int fd[3])
{
	for (int i = 0; i < 3; i++) {
		net_socket_close(&far[i]);
		close_fd(&fd[i]);
		close_fd(&ns[i]);
	}
}

static void a_segment_carries_the_first_frame_to_all_others_and_adds_none(void **state)
{
	SIDES sides = sides_make();
	struct nl_sock *far[3];
	int ns[3], fd[3];
	uint8_t frame[FRAME_SIZE];

	(void)state;
	segment_make(&sides, far, ns);
	segment_up(&sides, far, ns, fd);
	assert_true(arrives(fd[0], fd[1], broadcast, 1));
	assert_true(arrives(fd[2], fd[1], broadcast, 3)); /* and fd[0] got it too: */
	assert_true(receive(fd[2], frame, 200) > 0 && frame[14] == 1);
	assert_true(receive(fd[0], frame, 200) > 0 && frame[14] == 3);
	/* IPv6 would speak within a second of a link's coming up (RFC 4861, RFC 4862). */
	for (int i = 0; i < 3; i++)
		assert_int_equal(receive(fd[i], frame, 1200 / 3), 0);
	segment_drop(far, ns, fd);
}

static void a_segment_carries_what_bridges_tell_each_other_but_pause(void **state)
{
	SIDES sides = sides_make();
	struct nl_sock *far[3];
	int ns[3], fd[3];
	uint8_t group[NET_MAC_SIZE] = {0x01, 0x80, 0xc2, 0, 0, 0};

	(void)state;
	segment_make(&sides, far, ns);
	segment_up(&sides, far, ns, fd);
	for (uint8_t i = 0; i < 16; i++) {
		group[5] = i;
		assert_int_equal(arrives(fd[0], fd[1], group, i), i != 1);
	}
	segment_drop(far, ns, fd);
}

static void a_wire_is_removed_by_its_identity_only(void **state)
{
	SIDES sides = sides_make();
	unsigned index, bridge;
	struct ifreq request = {0};

	(void)state;
	works(wire(&sides, "net1", "eth0"));
	works(net_bridge_create(sides.near, "segment", MTU, &why));
	index = index_of(sides.near, "net1");
	bridge = index_of(sides.near, "segment");

	works(net_link_delete(sides.near, index, mac_2, &why)); /* another's address */
	assert_int_equal(index_of(sides.near, "net1"), index);
	link_request(sides.near_ns, "segment", SIOCGIFHWADDR, &request);
	works(net_link_delete(sides.near, bridge, (uint8_t *)request.ifr_hwaddr.sa_data, &why));
	assert_int_equal(index_of(sides.near, "segment"), bridge); /* no veth */

	works(net_link_delete(sides.near, index, mac_1, &why));
	assert_int_equal(index_of(sides.near, "net1"), 0);
	assert_int_equal(index_of(sides.far, "eth0"), 0);
	works(net_link_delete(sides.near, index, mac_1, &why)); /* gone already */
}

static void addresses_are_usable_at_once_and_the_default_route_leads_out(void **state)
{
	SIDES sides = sides_make();
	CLEANUP_FD int sender = socket_in(sides.far_ns, AF_INET, SOCK_DGRAM, 0);
	CLEANUP_FD int receiver = socket_in(sides.near_ns, AF_INET, SOCK_DGRAM, 0);
	CLEANUP_FD int sixth = socket_in(sides.far_ns, AF_INET6, SOCK_DGRAM, 0);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(7)};
	struct sockaddr_in6 own = {.sin6_family = AF_INET6};
	struct net_address gateway = address_of("1.1.1.1", 0);
	struct pollfd ready = {.fd = receiver, .events = POLLIN};

	(void)state;
	wire_up(&sides, "net1", "eth0");
	works(net_link_up(sides.near, "lo", &why));
	add_address(sides.near, "net1", "1.1.1.1", 24);
	add_address(sides.near, "lo", "9.9.9.9", 32);
	add_address(sides.far, "eth0", "1.1.1.2", 24);
	add_address_in(sides.far_ns, "eth0", "2001:db8::2", 64);
	assert_int_equal(inet_pton(AF_INET, "9.9.9.9", &to.sin_addr), 1);
	assert_int_equal(inet_pton(AF_INET6, "2001:db8::2", &own.sin6_addr), 1);

	assert_int_equal(bind(receiver, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(sendto(sender, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), -1);
	assert_int_equal(errno, ENETUNREACH);
	works(route_add(sides.far, "eth0", NULL, &gateway, &why));
	assert_int_equal(sendto(sender, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
	assert_int_equal(poll(&ready, 1, 1000), 1);
	/* An address still being looked for duplicates of could not be bound to. */
	assert_int_equal(bind(sixth, (struct sockaddr *)&own, sizeof(own)), 0);
}

/* True where the namespace NS has a route to the address TO. */
static bool leads_out(int ns, const char *to)
{
	const struct net_address address = address_of(to, 0);
	CLEANUP_FD int fd = socket_in(ns, address.family, SOCK_DGRAM, 0);
	struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htons(7)};
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_port = htons(7)};

	memcpy(&ipv4.sin_addr, address.bytes, sizeof(ipv4.sin_addr));
	memcpy(&ipv6.sin6_addr, address.bytes, sizeof(ipv6.sin6_addr));
	if (address.family == AF_INET)
		return connect(fd, (struct sockaddr *)&ipv4, sizeof(ipv4)) == 0;
	return connect(fd, (struct sockaddr *)&ipv6, sizeof(ipv6)) == 0;
}

/* Many times, since the kernel is ready by itself sometimes. */
static void the_first_datagram_to_a_new_ipv6_address_arrives(void **state)
{
	SIDES sides = sides_make();
	CLEANUP_FD int sender = socket_in(sides.near_ns, AF_INET6, SOCK_DGRAM, 0);
	CLEANUP_FD int receiver = socket_in(sides.far_ns, AF_INET6, SOCK_DGRAM, 0);
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(7)};
	struct pollfd ready = {.fd = receiver, .events = POLLIN};
	char text[INET6_ADDRSTRLEN], byte;

	(void)state;
	assert_int_equal(bind(receiver, (struct sockaddr *)&to, sizeof(to)), 0);
	wire_up(&sides, "net1", "eth0");
	works(net_link_settle(sides.far, "eth0", &why));
	add_address_in(sides.near_ns, "net1", "2001:db8::1", 64);
	for (int i = 0; i < 50; i++) {
		(void)snprintf(text, sizeof(text), "2001:db8::1:%x", i);
		add_address_in(sides.far_ns, "eth0", text, 64);
		assert_int_equal(inet_pton(AF_INET6, text, &to.sin6_addr), 1);
		assert_int_equal(sendto(sender, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
		/* A solicitation that nobody heard is repeated after a second (RFC 4861). */
		assert_int_equal(poll(&ready, 1, 800), 1);
		assert_int_equal(recv(receiver, &byte, 1, 0), 1);
	}
}

static void a_route_leads_to_its_prefix_alone(void **state)
{
	static const char *const vias[] = {"2001:db8::2", "1.1.1.2"};
	static const char *const prefixes[] = {"2001:db8:9::", "9.9.0.0"};
	static const char *const beside[] = {"2001:db8:a::1", "9.8.0.1"};
	static const char *const inside[] = {"2001:db8:9::1", "9.9.0.1"};
	SIDES sides = sides_make();

	(void)state;
	wire_up(&sides, "net1", "eth0");
	add_address(sides.near, "net1", "1.1.1.1", 24);
	add_address_in(sides.near_ns, "net1", "2001:db8::1", 64);
	for (int i = 0; i < 2; i++) {
		const struct net_address via = address_of(vias[i], 0);
		const struct net_address prefix = address_of(prefixes[i], i == 0 ? 48 : 16);

		assert_false(leads_out(sides.near_ns, inside[i]));
		works(route_add(sides.near, "net1", &prefix, &via, &why));
		assert_true(leads_out(sides.near_ns, inside[i]));
		assert_false(leads_out(sides.near_ns, beside[i]));
		assert_int_equal(route_add(sides.near, "net1", &prefix, &via, &why), -EEXIST);
		assert_non_null(strstr(why.text, "route to "));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_are_born_named_addressed_and_in_their_namespaces),
		cmocka_unit_test(an_end_without_an_address_gets_one_of_its_own),
		cmocka_unit_test(a_name_that_is_taken_leaves_no_half_a_wire),
		cmocka_unit_test(an_error_is_the_kernels_own_with_its_explanation),
		cmocka_unit_test(a_batch_that_is_too_long_is_refused_whole),
		cmocka_unit_test(the_first_frame_passes_either_way_on_two_hundred_wires),
		cmocka_unit_test(the_first_frame_passes_from_the_end_that_was_up_first),
		cmocka_unit_test(a_segment_carries_the_first_frame_to_all_others_and_adds_none),
		cmocka_unit_test(a_segment_carries_what_bridges_tell_each_other_but_pause),
		cmocka_unit_test(a_wire_is_removed_by_its_identity_only),
		cmocka_unit_test(addresses_are_usable_at_once_and_the_default_route_leads_out),
		cmocka_unit_test(the_first_datagram_to_a_new_ipv6_address_arrives),
		cmocka_unit_test(a_route_leads_to_its_prefix_alone),
	};

	return cmocka_run_group_tests(tests, wires_isolate, NULL);
}
