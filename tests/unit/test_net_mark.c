/* Legs where bpf(2) is refused: all of it happens in a user namespace. */
#include "child.h"
#include "ears.h"

#include "net_batch.h"
#include "net_mark.h"

#include <seccomp.h>

static int enter_user_namespace(void **state)
{
	if (wires_isolate(state) < 0)
		return -1;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 ||
	    file_write(AT_FDCWD, "/proc/self/setgroups", "deny", &why) < 0 ||
	    file_write(AT_FDCWD, "/proc/self/uid_map", "0 0 1", &why) < 0 ||
	    file_write(AT_FDCWD, "/proc/self/gid_map", "0 0 1", &why) < 0)
		return -1;
	return net_leg_load_marker(&why) == -EPERM ? 0 : -1;
}

static int raise_own(struct computer *computer)
{
	computer->own_ns = true;
	return raise_leg(computer);
}

static int raise_own_dual_stack(struct computer *computer)
{
	computer->own_ns = true;
	return raise_dual_stack_leg(computer);
}

static void a_leg_of_an_own_namespace_answers_nothing_and_takes_nothing_in(void **state)
{
	(void)state;
	assert_silent(raise_own);
	assert_silent(raise_own_dual_stack);
}

static void packet_sockets_of_any_protocol_see_all_that_arrives_on_it(void **state)
{
	COMPUTER computer = computer_make(MTU), narrow = computer_make(576);

	(void)state;
	assert_int_equal(raise_own(&computer), 0);
	assert_all_is_seen(&computer);
	assert_int_equal(raise_own(&narrow), 0);
	assert_all_is_seen(&narrow);
}

/* Whether what the computer sends to everybody on net1 comes to a program of its own too. */
static bool hears_itself(struct computer *computer)
{
	EARS ears = ears_open(computer);
	CLEANUP_FD int fd = socket_in(computer->ns, AF_INET, SOCK_DGRAM, 0);
	const struct sockaddr_in everybody = {.sin_family = AF_INET,
					      .sin_port = htons(67),
					      .sin_addr.s_addr = htonl(INADDR_BROADCAST)};
	struct pollfd ready = {.fd = ears.server, .events = POLLIN};
	const int yes = 1;

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "net1", 4), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &yes, sizeof(yes)), 0);
	assert_int_equal(
		sendto(fd, "data", 4, 0, (const struct sockaddr *)&everybody, sizeof(everybody)),
		4);
	return poll(&ready, 1, 100) > 0;
}

static void not_even_the_computers_own_broadcasts_come_in_by_it(void **state)
{
	COMPUTER leg = computer_make(MTU), plain = computer_make(MTU);

	(void)state;
	assert_int_equal(raise_own(&leg), 0);
	raise_plain(&plain);
	assert_false(hears_itself(&leg));
	assert_true(hears_itself(&plain));
}

static void a_leg_made_again_is_marked_again_and_once(void **state)
{
	COMPUTER computer = computer_make(MTU);
	const struct net_end leg = {"net1", -1, leg_mac};
	const struct net_end eth0 = {"eth0", computer.client_ns, client_mac};
	unsigned index;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(raise_own(&computer), 0);
		assert_int_equal(count_rules(&computer), 1);
		assert_all_is_seen(&computer);
		works(net_link_index(computer.net, "net1", &index, &why));
		works(net_link_delete(computer.net, index, leg_mac, &why));
		works(net_veth_create(computer.net, &leg, &eth0, MTU, &why));
		works(net_link_up(computer.client, "eth0", &why));
	}
}

static void two_legs_are_marked_each(void **state)
{
	COMPUTER computer = computer_make(MTU);
	CLEANUP_FD int here = namespace_open();
	CLEANUP_NET_LEG_KIT struct net_leg_kit kit = NET_LEG_KIT_NONE;
	const struct net_end leg = {"net2", -1, NULL}, peer = {"eth1", computer.client_ns, NULL};

	(void)state;
	works(net_leg_kit_open(computer.net, &kit, &why));
	works(net_veth_create(computer.net, &leg, &peer, MTU, &why));
	namespace_enter(computer.ns);
	works(net_leg_prepare(computer.net, &kit, "net2", false, &why));
	assert_int_equal(net_leg_raise(computer.net, &kit, "net2", NULL, NULL, true, &why), 0);
	namespace_enter(here);
	assert_int_equal(raise_own(&computer), 0);
	assert_int_equal(count_rules(&computer), 2);
	assert_all_is_seen(&computer);
}

static void assert_all_is_dropped(struct computer *computer)
{
	EARS ears = ears_open(computer);

	assert_int_equal(count_rules(computer), 0);
	assert_int_equal(seen_by(computer, ETH_P_ALL), ARRAY_SIZE(probes));
	assert_int_equal(seen_by(computer, ETH_P_IP), 0);
	assert_false(acts(&ears, 1000, true));
}

static void the_rules_of_a_namespace_that_is_not_the_stages_own_are_left_alone(void **state)
{
	COMPUTER computer = computer_make(MTU);

	(void)state;
	assert_int_equal(raise_leg(&computer), NET_LEG_ALL_ONLY);
	assert_all_is_dropped(&computer);
}

/* A system call that is refused from now on: socket(2) of netfilter's netlink, or any sendmsg(2).
 */
struct refusal {
	int call, code;
};

static void refuse(const struct refusal *refusal)
{
	const unsigned count = refusal->call == SCMP_SYS(socket) ? 2 : 0;
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	CHECK(filter != NULL);
	CHECK(seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint16_t)refusal->code), refusal->call,
			       count, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK, 0),
			       SCMP_A2(SCMP_CMP_EQ, NETLINK_NETFILTER, 0)) == 0);
	CHECK(seccomp_load(filter) == 0);
	seccomp_release(filter);
}

static int raise_without_nftables_child(const void *argument)
{
	const struct refusal refusal = {SCMP_SYS(socket), EPROTONOSUPPORT};
	struct computer computer;

	memcpy(&computer, argument, sizeof(computer));
	refuse(&refusal);
	return raise_own(&computer);
}

static void without_nftables_either_a_leg_is_as_silent_and_says_what_it_lacks(void **state)
{
	COMPUTER computer = computer_make(MTU);

	(void)state;
	assert_int_equal(child_run(raise_without_nftables_child, &computer), NET_LEG_ALL_ONLY);
	assert_all_is_dropped(&computer);
}

static int mark_child(const void *argument)
{
	refuse(argument);
	return -net_mark_arrivals("lo", &why);
}

static void whatever_a_kernel_without_nftables_says_is_understood(void **state)
{
	static const struct refusal lacking[] = {
		{SCMP_SYS(socket), EPROTONOSUPPORT}, {SCMP_SYS(socket), EPERM},
		{SCMP_SYS(socket), EACCES},	     {SCMP_SYS(sendmsg), EOPNOTSUPP},
		{SCMP_SYS(sendmsg), EAFNOSUPPORT},   {SCMP_SYS(sendmsg), ENOENT},
		{SCMP_SYS(sendmsg), EPERM},
	};
	static const struct refusal other = {SCMP_SYS(sendmsg), ENOMEM};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lacking); i++)
		assert_int_equal(child_run(mark_child, &lacking[i]), EOPNOTSUPP);
	assert_int_equal(child_run(mark_child, &other), ENOMEM);
}

/* Puts a transaction into BATCH, for the part SUBSYSTEM of netfilter, of a REQUEST about a table.
 */
static void put_transaction(struct net_batch *batch, uint16_t subsystem, int request)
{
	const struct nfgenmsg bracket = {.res_id = htons(subsystem)};
	const struct nfgenmsg header = {.nfgen_family = NFPROTO_NETDEV};

	net_batch_add(batch, NFNL_MSG_BATCH_BEGIN, 0, &bracket, sizeof(bracket), "begin");
	net_batch_unanswered(batch);
	net_batch_add(batch, NFNL_SUBSYS_NFTABLES << 8 | request, 0, &header, sizeof(header),
		      "change a table");
	net_put_string(batch, NFTA_TABLE_NAME, "t");
	net_batch_add(batch, NFNL_MSG_BATCH_END, 0, &bracket, sizeof(bracket), "end");
	net_batch_unanswered(batch);
}

static void what_is_wrong_with_a_transaction_is_told(void **state)
{
	CLEANUP_NET struct nl_sock *net = NULL;
	CLEANUP_NET_BATCH struct net_batch good = {0}, bad = {0}, refused = {0};

	(void)state;
	works(net_socket_open_for(NETLINK_NETFILTER, &net, &why));
	refused = NET_BATCH(net, "lo");
	put_transaction(&refused, NFNL_SUBSYS_ULOG, NFT_MSG_NEWTABLE); /* that has none */
	assert_int_equal(net_batch_send(&refused, &why), -EOPNOTSUPP);
	assert_string_equal(why.text, "lo: cannot begin: Operation not supported");
	bad = NET_BATCH(net, "lo");
	put_transaction(&bad, NFNL_SUBSYS_NFTABLES, NFT_MSG_DELTABLE);
	assert_int_equal(net_batch_send(&bad, &why), -ENOENT);
	assert_string_equal(why.text, "lo: cannot change a table: No such file or directory");
	good = NET_BATCH(net, "lo");
	put_transaction(&good, NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWTABLE);
	works(net_batch_send(&good, &why));
}

static void a_kind_of_netlink_that_the_kernel_lacks_is_told(void **state)
{
	CLEANUP_NET struct nl_sock *net = NULL;

	(void)state;
	assert_int_equal(net_socket_open_for(MAX_LINKS - 1, &net, &why), -EPROTONOSUPPORT);
	assert_string_equal(why.text, "cannot open a netlink socket: Protocol mismatch");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leg_of_an_own_namespace_answers_nothing_and_takes_nothing_in),
		cmocka_unit_test(packet_sockets_of_any_protocol_see_all_that_arrives_on_it),
		cmocka_unit_test(not_even_the_computers_own_broadcasts_come_in_by_it),
		cmocka_unit_test(a_leg_made_again_is_marked_again_and_once),
		cmocka_unit_test(two_legs_are_marked_each),
		cmocka_unit_test(
			the_rules_of_a_namespace_that_is_not_the_stages_own_are_left_alone),
		cmocka_unit_test(without_nftables_either_a_leg_is_as_silent_and_says_what_it_lacks),
		cmocka_unit_test(whatever_a_kernel_without_nftables_says_is_understood),
		cmocka_unit_test(what_is_wrong_with_a_transaction_is_told),
		cmocka_unit_test(a_kind_of_netlink_that_the_kernel_lacks_is_told),
	};

	return cmocka_run_group_tests(tests, enter_user_namespace, NULL);
}
