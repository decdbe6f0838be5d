/* A client and a computer that are as their stage says, until one thing of them is changed. */
#include "stage_text.h"

#include "wires.h"

#include "control.h"
#include "release.h"
#include "settings.h"
#include "stack.h"
#include "wire.h"

#define AGAIN ": stop the stage and start it again"

static const char text[] = "[stage]\ntitle = T\n"
			   "[net1]\nsubnet = 1.1.1.0/24, fd00:1::/64\n"
			   "computer = 1.1.1.1, fd00:1::1\n"
			   "[net2]\nsubnet = 2.2.2.0/24\n"
			   "[client1]\nnet1 = 1.1.1.2, fd00:1::2\nnet2 = 2.2.2.2\n"
			   "gateway = 1.1.1.1, fd00:1::1\nroutes = 3.3.3.0/24 via 2.2.2.3\n"
			   "[client2]\nnet2 = 2.2.2.3\nforwarding = yes\n";

/* Each in a network namespace: the computer with net1, client1, client2. */
struct lab {
	struct stage stage;
	int computer, clients[2];
};

static void settle_client(struct lab *lab, size_t i)
{
	CLEANUP_FD int here = namespace_open();
	CLEANUP_FD int proc = file_open_directory(AT_FDCWD, "/proc", &why);
	struct settings_survey survey;

	namespace_enter(lab->clients[i]);
	works(settings_survey(proc, true, &survey, &why));
	works(settings_apply(proc, &survey, true, lab->stage.clients[i].forwarding, &why));
	namespace_enter(here);
}

static void raise_client(struct lab *lab, size_t i)
{
	CLEANUP_FD int here = namespace_open();
	CLEANUP_NET struct nl_sock *net = NULL;
	struct net_offloads offloads;

	namespace_enter(lab->clients[i]);
	net = net_in(lab->clients[i]);
	works(net_offloads_find(net, &offloads, &why));
	works(stack_raise(&lab->stage, &lab->stage.clients[i], &offloads, &why));
	namespace_enter(here);
}

/* As a start does: settings, wires, clients, and then the legs once more. */
static void lab_make_with(struct lab *lab, bool own_ns)
{
	CLEANUP_FD int here = namespace_open();
	CLEANUP_NET struct nl_sock *net = NULL, *between = NULL;
	CLEANUP_NET_LEG_KIT struct net_leg_kit kit = NET_LEG_KIT_NONE;
	struct wire_far_end far = {.net = 1, .name = "eth0", .mac_given = 1};
	static struct complaints complaints;
	const struct stage_client *clients;
	struct net_end ends[2];
	struct wire_legs legs = {.count = 0};

	*lab = (struct lab){.computer = namespace_make(),
			    .clients = {namespace_make(), namespace_make()}};
	assert_int_equal(judge(text, sizeof(text) - 1, &lab->stage, &complaints), 0);
	clients = lab->stage.clients;
	memcpy(far.mac, clients[0].interfaces[0].mac, MAC_SIZE);
	settle_client(lab, 0);
	settle_client(lab, 1);
	net = net_in(lab->computer);
	works(net_leg_kit_open(net, &kit, &why));
	namespace_enter(lab->computer);
	works(file_write(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", "0", &why));
	works(wire_make_leg(net, &kit, &lab->stage.nets[0], &far, lab->clients[0], &legs, &why));
	works(wire_raise_legs(net, &kit, own_ns, &legs, &why));
	namespace_enter(here);
	between = net_in(lab->clients[0]);
	ends[0] = (struct net_end){"eth1", -1, clients[0].interfaces[1].mac};
	ends[1] = (struct net_end){"eth0", lab->clients[1], clients[1].interfaces[0].mac};
	works(net_veth_create(between, &ends[0], &ends[1], MTU, &why));
	raise_client(lab, 0);
	raise_client(lab, 1);
	namespace_enter(lab->computer);
	works(wire_settle_legs(net, &lab->stage, &why));
	namespace_enter(here);
}

static void lab_make(struct lab *lab)
{
	lab_make_with(lab, false);
}

static void lab_drop(struct lab *lab)
{
	stage_clear(&lab->stage);
	close_fd(&lab->computer);
	close_fd(&lab->clients[0]);
	close_fd(&lab->clients[1]);
}
#define LAB CLEANUP(lab_drop) struct lab

static void shell(int ns, const char *line)
{
	CLEANUP_FD int here = namespace_open();

	namespace_enter(ns);
	if (system(line) != 0) /* NOLINT(cert-env33-c,concurrency-mt-unsafe): lines of this file */
		fail_msg("failed: %s", line);
	namespace_enter(here);
}

static int control(const struct lab *lab, size_t i)
{
	struct ns_set ns = NS_SET_NONE;

	ns.fd[NS_NET] = i < 2 ? lab->clients[i] : lab->computer;
	return i < 2 ? control_client(&ns, &lab->stage, &lab->stage.clients[i], &why)
		     : control_computer(&ns, &lab->stage, &why);
}

static void assert_right(const struct lab *lab, size_t i, const char *after)
{
	if (control(lab, i) != 0)
		fail_msg("%s, after: %s", why.text, after);
}

/* SENTENCE is what is said, without the end that all of it has. */
static void assert_wrong(const struct lab *lab, size_t i, const char *sentence, const char *after)
{
	char whole[ERROR_TEXT_SIZE];

	if (control(lab, i) == 0)
		fail_msg("nothing is wrong after: %s", after);
	(void)snprintf(whole, sizeof(whole), "%s" AGAIN, sentence);
	assert_string_equal(why.text, whole);
	assert_int_equal(why.code, EBADE);
}

/* What is done to a client, how it is undone, and what is said between the two. */
struct tampering {
	const char *deed, *undo, *sentence;
};

static void try(const struct lab *lab, size_t i, const struct tampering *cases, size_t count)
{
	const int ns = i < 2 ? lab->clients[i] : lab->computer;

	assert_right(lab, i, "nothing");
	for (size_t j = 0; j < count; j++) {
		shell(ns, cases[j].deed);
		assert_wrong(lab, i, cases[j].sentence, cases[j].deed);
		shell(ns, cases[j].undo);
		assert_right(lab, i, cases[j].undo);
	}
}

/* ---- a client -------------------------------------------------------------------------------- */

static void a_client_as_it_was_started_is_right(void **state)
{
	LAB lab;

	(void)state;
	lab_make(&lab);
	assert_right(&lab, 0, "the start");
	assert_right(&lab, 1, "the start");
}

#define NOT_ITS ", which the stage does not give it"

static void links_of_a_client_are_the_stages(void **state)
{
	static const struct tampering cases[] = {
		{"ip link set eth1 down",
		 "ip link set eth1 up; ip route add 3.3.3.0/24 via 2.2.2.3",
		 "client1: eth1 is down"},
		{"ip link set eth1 address 02:42:2:2:2:9", "ip link set eth1 address 02:42:2:2:2:2",
		 "client1: eth1 has the Ethernet address 02:42:02:02:02:09, and in the stage "
		 "02:42:02:02:02:02"},
		{"ip link set eth1 mtu 1400", "ip link set eth1 mtu 1500",
		 "client1: eth1 has an MTU of 1400 bytes, and in the stage one of 1500"},
		{"ip link set eth1 arp off", "ip link set eth1 arp on",
		 "client1: ARP is off on eth1"},
		{"ip link add own type bridge", "ip link del own",
		 "client1: it has the interface own" NOT_ITS},
		{"ip link add 'o\x1b[2Jn' type bridge", "ip link del 'o\x1b[2Jn'",
		 "client1: it has the interface o\\x1b[2Jn" NOT_ITS},
		{"ip link add tunl0 type bridge && ip link set tunl0 up", "ip link del tunl0",
		 "client1: it has the interface tunl0" NOT_ITS},
		{"ip link add eth2 type bridge", "ip link del eth2",
		 "client1: it has the interface eth2" NOT_ITS},
	};
	LAB lab;

	(void)state;
	lab_make(&lab);
	try(&lab, 0, cases, ARRAY_SIZE(cases));
}

static void an_interface_that_is_another_ones_part_is_told(void **state)
{
	LAB lab;

	(void)state;
	lab_make(&lab);
	/* By a name that is looked at last. */
	shell(lab.clients[0], "ip link add tunl0 type bridge && ip link set eth1 master tunl0");
	assert_wrong(&lab, 0, "client1: eth1 is part of another interface", "a bridge");
}

static void an_interface_that_is_gone_is_missed(void **state)
{
	LAB lab;

	(void)state;
	lab_make(&lab);
	shell(lab.clients[0], "ip link del eth1");
	assert_wrong(&lab, 0, "client1: eth1 is not there", "its removal");
	assert_wrong(&lab, 1, "client2: eth0 is not there", "its peer's removal");
}

static void what_the_kernel_makes_itself_is_no_matter_while_it_is_down(void **state)
{
	LAB lab;

	(void)state;
	lab_make(&lab);
	shell(lab.clients[0], "ip link add sit0 type bridge");
	assert_right(&lab, 0, "a link that is down");
}

static void addresses_of_a_client_are_the_stages(void **state)
{
	static const struct tampering cases[] = {
		{"ip addr add 9.9.9.9/24 dev eth0", "ip addr del 9.9.9.9/24 dev eth0",
		 "client1: eth0 has the address 9.9.9.9/24" NOT_ITS},
		{"ip addr add 1.1.1.2/32 dev eth0", "ip addr del 1.1.1.2/32 dev eth0",
		 "client1: eth0 has the address 1.1.1.2/32" NOT_ITS},
		{"ip addr del 1.1.1.2/24 dev eth0 && ip addr add 1.1.1.2 peer 1.1.1.9/24 dev eth0",
		 "ip addr del 1.1.1.2 peer 1.1.1.9/24 dev eth0; ip addr add 1.1.1.2/24 dev eth0 && "
		 "ip route add default via 1.1.1.1",
		 "client1: eth0 has the address 1.1.1.2/24" NOT_ITS},
		{"ip addr add fd00:1::7/64 dev eth0 nodad", "ip addr del fd00:1::7/64 dev eth0",
		 "client1: eth0 has the address fd00:1::7/64" NOT_ITS},
		{"ip addr add 9.9.9.9/32 dev lo", "ip addr del 9.9.9.9/32 dev lo",
		 "client1: lo has the address 9.9.9.9/32" NOT_ITS},
		{"ip link add tunl0 type bridge && ip addr add 9.9.9.9/32 dev tunl0",
		 "ip link del tunl0",
		 "client1: an interface other than the stage's has the address 9.9.9.9/32"},
		{"ip addr del 2.2.2.2/24 dev eth1",
		 "ip addr add 2.2.2.2/24 dev eth1 && ip route add 3.3.3.0/24 via 2.2.2.3",
		 "client1: eth1 has lost its address 2.2.2.2/24"},
		{"ip addr del fd00:1::2/64 dev eth0", "ip addr add fd00:1::2/64 dev eth0 nodad",
		 "client1: eth0 has lost its address fd00:1::2/64"},
	};
	LAB lab;

	(void)state;
	lab_make(&lab);
	shell(lab.clients[0], "ip addr add 127.0.0.9/8 dev lo; ip addr add fe80::9/64 dev eth0");
	try(&lab, 0, cases, ARRAY_SIZE(cases));
}

#define ROUTE "client1: it has the route "

static void routes_of_a_client_are_the_stages(void **state)
{
	static const struct tampering cases[] = {
		{"ip route add 9.0.0.0/8 via 1.1.1.1", "ip route del 9.0.0.0/8",
		 ROUTE "9.0.0.0/8 via 1.1.1.1" NOT_ITS},
		{"ip route add 9.0.0.0/8 dev eth0 proto kernel", "ip route del 9.0.0.0/8",
		 ROUTE "9.0.0.0/8" NOT_ITS},
		{"ip route replace default via 2.2.2.3", "ip route replace default via 1.1.1.1",
		 ROUTE "0.0.0.0/0 via 2.2.2.3" NOT_ITS},
		{"ip route replace default via 1.1.1.1 dev eth1 onlink",
		 "ip route replace default via 1.1.1.1 dev eth0",
		 ROUTE "0.0.0.0/0 via 1.1.1.1" NOT_ITS},
		{"ip route add default via 1.1.1.9 metric 5", "ip route del default metric 5",
		 ROUTE "0.0.0.0/0 via 1.1.1.9" NOT_ITS},
		{"ip route add 4.4.4.0/24 via 2.2.2.3", "ip route del 4.4.4.0/24",
		 ROUTE "4.4.4.0/24 via 2.2.2.3" NOT_ITS},
		{"ip route add broadcast 1.1.1.0/24 dev eth0 table main metric 5",
		 "ip route del broadcast 1.1.1.0/24 dev eth0 table main metric 5",
		 ROUTE "1.1.1.0/24" NOT_ITS},
		{"ip route add 3.3.3.0/25 via 2.2.2.3", "ip route del 3.3.3.0/25",
		 ROUTE "3.3.3.0/25 via 2.2.2.3" NOT_ITS},
		{"ip route add 3.3.3.0/24 via 2.2.2.3 tos 4", "ip route del 3.3.3.0/24 tos 4",
		 ROUTE "3.3.3.0/24 via 2.2.2.3" NOT_ITS},
		{"ip route add 8.0.0.0/8 nexthop via 1.1.1.1 nexthop via 2.2.2.3",
		 "ip route del 8.0.0.0/8", ROUTE "8.0.0.0/8" NOT_ITS},
		{"ip route add unreachable 9.9.9.0/24", "ip route del unreachable 9.9.9.0/24",
		 ROUTE "9.9.9.0/24" NOT_ITS},
		{"ip route add default via 2.2.2.3 table default",
		 "ip route del default table default", ROUTE "0.0.0.0/0 via 2.2.2.3" NOT_ITS},
		{"ip route add local 5.5.5.5 dev lo proto kernel",
		 "ip route del local 5.5.5.5 dev lo table local", ROUTE "5.5.5.5/32" NOT_ITS},
		{"ip route add unicast 5.5.5.5 dev eth0 table local",
		 "ip route del 5.5.5.5 table local", ROUTE "5.5.5.5/32" NOT_ITS},
		{"ip route add broadcast 1.1.1.9 dev eth0 table local",
		 "ip route del broadcast 1.1.1.9 dev eth0 table local", ROUTE "1.1.1.9/32" NOT_ITS},
		{"ip -6 route add fd00:9::/64 via fd00:1::1", "ip -6 route del fd00:9::/64",
		 ROUTE "fd00:9::/64 via fd00:1::1" NOT_ITS},
		{"ip -6 route add local fd00:9::1 dev lo table local",
		 "ip -6 route del local fd00:9::1 dev lo table local",
		 ROUTE "fd00:9::1/128" NOT_ITS},
		{"ip route del default", "ip route add default via 1.1.1.1",
		 "client1: it has lost the route 0.0.0.0/0 via 1.1.1.1"},
		{"ip -6 route del default", "ip -6 route add default via fd00:1::1",
		 "client1: it has lost the route ::/0 via fd00:1::1"},
		{"ip route del 3.3.3.0/24", "ip route add 3.3.3.0/24 via 2.2.2.3",
		 "client1: it has lost the route 3.3.3.0/24 via 2.2.2.3"},
		{"ip route del 1.1.1.0/24 dev eth0",
		 "ip route add 1.1.1.0/24 dev eth0 proto kernel scope link src 1.1.1.2",
		 "client1: it has lost the route 1.1.1.0/24"},
	};
	LAB lab;

	(void)state;
	lab_make(&lab);
	shell(lab.clients[0], "ip route add 9.0.0.0/8 via 1.1.1.1 table 7"); /* nobody asks it */
	try(&lab, 0, cases, ARRAY_SIZE(cases));
}

static void more_routes_than_anybody_needs_are_not_counted(void **state)
{
	LAB lab;

	(void)state;
	lab_make(&lab);
	shell(lab.clients[0],
	      "for a in $(seq 0 255); do for b in $(seq 0 255); do "
	      "echo route add 9.0.$a.$b via 1.1.1.1 table 7; done; done | ip -batch -");
	assert_wrong(&lab, 0, "client1: it has more than 65536 routes", "65536 and its own");
}

#define NEIGHBOUR "client1: eth0 has an entry of its own for the neighbour "
#define NEED_NOT  ", which it need not ask for then"

static void a_client_asks_for_its_neighbours(void **state)
{
	static const struct tampering cases[] = {
		{"ip neigh add 1.1.1.1 lladdr 02:42:1:1:1:1 dev eth0 nud permanent",
		 "ip neigh del 1.1.1.1 dev eth0", NEIGHBOUR "1.1.1.1" NEED_NOT},
		{"ip neigh add 1.1.1.1 lladdr 02:42:1:1:1:1 dev eth0 nud noarp",
		 "ip neigh del 1.1.1.1 dev eth0", NEIGHBOUR "1.1.1.1" NEED_NOT},
		{"ip neigh add 1.1.1.1 lladdr 02:42:1:1:1:1 dev eth0 nud reachable extern_learn",
		 "ip neigh del 1.1.1.1 dev eth0", NEIGHBOUR "1.1.1.1" NEED_NOT},
		{"ip neigh add fd00:1::1 lladdr 02:42:1:1:1:1 dev eth0 nud permanent",
		 "ip neigh del fd00:1::1 dev eth0", NEIGHBOUR "fd00:1::1" NEED_NOT},
	};
	LAB lab;

	(void)state;
	lab_make(&lab);
	/* What it has learned, and what the kernel knows of groups and of everybody. */
	shell(lab.clients[0], "ip neigh add 1.1.1.7 lladdr 02:42:1:1:1:7 dev eth0 nud reachable\n"
			      "ping -c1 -W1 -I eth0 224.0.0.1 >/dev/null\n"
			      "ping -c1 -W1 -b 1.1.1.255 >/dev/null 2>&1\n"
			      "ip neigh show nud noarp | grep -q 1.1.1.255");
	try(&lab, 0, cases, ARRAY_SIZE(cases));
}

#define RULE(family, priority)                                                                     \
	"client1: it has a rule of its own for " family " routes, of priority " priority

static void nobody_chooses_between_a_clients_tables(void **state)
{
	static const struct tampering cases[] = {
		{"ip rule add from 1.1.1.2 table 7 priority 9", "ip rule del priority 9",
		 RULE("IPv4", "9")},
		{"ip rule add table 7 priority 9", "ip rule del priority 9", RULE("IPv4", "9")},
		{"ip rule add iif lo table main priority 32766",
		 "ip rule del iif lo table main priority 32766", RULE("IPv4", "32766")},
		{"ip -6 rule add table 7 priority 9", "ip -6 rule del priority 9",
		 RULE("IPv6", "9")},
		{"ip rule del priority 32767", "ip rule add table default priority 32767",
		 "client1: it has lost a rule for IPv4 routes"},
	};
	LAB lab;

	(void)state;
	lab_make(&lab);
	try(&lab, 0, cases, ARRAY_SIZE(cases));
}

#define ON(setting)  "echo 1 >/proc/sys/net/" setting
#define OFF(setting) "echo 0 >/proc/sys/net/" setting

static void a_client_forwards_only_where_the_stage_says_so(void **state)
{
	static const struct tampering cases[] = {
		{ON("ipv4/ip_forward"), OFF("ipv4/ip_forward"), "client1: IPv4 forwarding is on"},
		{ON("ipv4/conf/eth1/forwarding"), OFF("ipv4/conf/eth1/forwarding"),
		 "client1: IPv4 forwarding is on for eth1"},
		{ON("ipv6/conf/all/forwarding"), OFF("ipv6/conf/all/forwarding"),
		 "client1: IPv6 forwarding is on"},
		{ON("ipv6/conf/eth0/forwarding"), OFF("ipv6/conf/eth0/forwarding"),
		 "client1: IPv6 forwarding is on for eth0"},
		{OFF("ipv6/conf/eth1/disable_ipv6") " && " ON("ipv6/conf/eth1/forwarding"),
		 OFF("ipv6/conf/eth1/forwarding") " && " ON("ipv6/conf/eth1/disable_ipv6"),
		 "client1: IPv6 forwarding is on for eth1"},
	};
	static const struct tampering forced = {ON("ipv6/conf/eth0/force_forwarding"),
						OFF("ipv6/conf/eth0/force_forwarding"),
						"client1: IPv6 forwarding is forced for eth0"};
	LAB lab;

	(void)state;
	lab_make(&lab);
	try(&lab, 0, cases, ARRAY_SIZE(cases));
	if (!kernel_is_before("6.17"))
		try(&lab, 0, &forced, 1);
}

static void a_client_forwards_where_the_stage_says_so(void **state)
{
	static const struct tampering cases[] = {
		{OFF("ipv4/ip_forward"), ON("ipv4/ip_forward"), "client2: IPv4 forwarding is off"},
		{OFF("ipv4/conf/eth0/forwarding"), ON("ipv4/conf/eth0/forwarding"),
		 "client2: IPv4 forwarding is off for eth0"},
	};
	LAB lab;

	(void)state;
	lab_make(&lab);
	try(&lab, 1, cases, ARRAY_SIZE(cases));
}

static void ipv6_that_the_stage_does_not_give_is_no_matter_while_it_forwards_nothing(void **state)
{
	LAB lab;

	(void)state;
	lab_make(&lab);
	shell(lab.clients[0], ON("ipv6/conf/eth1/forwarding")); /* where IPv6 is off */
	assert_right(&lab, 0, "forwarding where IPv6 is off");
	shell(lab.clients[1],
	      OFF("ipv6/conf/eth0/disable_ipv6") " && " OFF("ipv6/conf/all/forwarding"));
	assert_right(&lab, 1, "no IPv6 forwarding where the stage has no IPv6");
}

/* ---- the computer ---------------------------------------------------------------------------- */

#define NO_FILTER                                                                                  \
	"the computer's net1 has not its filter any more: the computer itself may answer there"

static void the_computer_has_silent_legs(void **state)
{
	static const struct tampering cases[] = {
		{ON("ipv4/ip_forward"), OFF("ipv4/ip_forward"),
		 "ip forwarding is on: the computer itself carries packets"},
		{ON("ipv4/conf/net1/forwarding"), OFF("ipv4/conf/net1/forwarding"),
		 "IPv4 forwarding is on for net1"},
		{ON("ipv6/conf/net1/forwarding"), OFF("ipv6/conf/net1/forwarding"),
		 "IPv6 forwarding is on for net1"},
		{"ip link set net1 mtu 1400", "ip link set net1 mtu 1500",
		 "the computer's net1 has an MTU of 1400 bytes, and in the stage one of 1500"},
		{"ip link set net1 address 02:42:1:1:1:9", "ip link set net1 address 02:42:1:1:1:1",
		 "the computer's net1 has the Ethernet address 02:42:01:01:01:09, and in the stage "
		 "02:42:01:01:01:01"},
		{"ip link set net1 arp on", "ip link set net1 arp off",
		 "ARP or multicast is on at the computer's net1"},
		{"ip link set net1 multicast on", "ip link set net1 multicast off",
		 "ARP or multicast is on at the computer's net1"},
		{"ip addr add 9.9.9.9/24 dev net1", "ip addr del 9.9.9.9/24 dev net1",
		 "the computer's net1 has the address 9.9.9.9/24" NOT_ITS},
		{"ip addr add 1.1.1.1/25 dev net1",
		 "ip addr del 1.1.1.1/25 dev net1; ip route flush table local dev net1",
		 "the computer's net1 has the address 1.1.1.1/25" NOT_ITS},
		{"ip link add br0 type bridge && ip link set net1 master br0", "ip link del br0",
		 "the computer's net1 is part of a bridge or the like"},
		{"ip route add 2.2.2.0/24 dev net1 table 7", "ip route del 2.2.2.0/24 table 7",
		 "the computer itself has the route 2.2.2.0/24 by net1"},
		{"ip -6 route add fd00:1::/64 dev net1", "ip -6 route del fd00:1::/64 dev net1",
		 "the computer itself has the route fd00:1::/64 by net1"},
		{"ip route add 9.0.0.0/8 nexthop via 8.0.0.2 nexthop dev net1",
		 "ip route del 9.0.0.0/8", "the computer itself has the route 9.0.0.0/8 by net1"},
		{"tc filter add dev net1 ingress pref 2 bpf da bytecode '1,6 0 0 0'",
		 "tc filter del dev net1 ingress pref 2", NO_FILTER},
	};
	LAB lab;

	(void)state;
	lab_make(&lab);
	shell(lab.computer, "ip link add own up type bridge && ip addr add 8.0.0.1/24 dev own && "
			    "ip route add 7.0.0.0/8 nexthop via 8.0.0.2 nexthop via 8.0.0.3");
	try(&lab, 2, cases, ARRAY_SIZE(cases));
}

static void a_leg_without_its_filter_is_told(void **state)
{
	static const char *const deeds[] = {"tc filter del dev net1 ingress",
					    "tc qdisc del dev net1 clsact"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(deeds); i++) {
		LAB lab;

		lab_make(&lab);
		assert_right(&lab, 2, "the start");
		shell(lab.computer, deeds[i]);
		assert_wrong(&lab, 2, NO_FILTER, deeds[i]);
	}
}

/* Up again it has what net_leg_raise() kept from it. */
static void a_leg_that_was_set_down_is_none_any_more(void **state)
{
	LAB lab;

	(void)state;
	lab_make(&lab);
	shell(lab.computer, "ip link set net1 down");
	assert_wrong(&lab, 2, "the computer's net1 is down", "down");
	shell(lab.computer, "ip link set net1 up");
	assert_wrong(&lab, 2, "the computer's net1 has lost its address fd00:1::1/64", "up again");
	shell(lab.computer, "ip addr del 1.1.1.1/24 dev net1");
	assert_wrong(&lab, 2, "the computer's net1 has lost its address 1.1.1.1/24", "its removal");
}

static void a_leg_that_is_gone_is_missed(void **state)
{
	LAB lab;

	(void)state;
	lab_make(&lab);
	shell(lab.computer, "ip link del net1");
	assert_wrong(&lab, 2, "the computer's net1 is not there", "its removal");
}

/* ---- where bpf(2) is refused ----------------------------------------------------------------- */

static int enter_user_namespace(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 ||
	    file_write(AT_FDCWD, "/proc/self/setgroups", "deny", &why) < 0 ||
	    file_write(AT_FDCWD, "/proc/self/uid_map", "0 0 1", &why) < 0 ||
	    file_write(AT_FDCWD, "/proc/self/gid_map", "0 0 1", &why) < 0)
		return -1;
	return net_leg_load_marker(&why) == -EPERM ? 0 : -1;
}

/* nft(8) takes the chain's name, mark, for a word of its own, but not so in JSON. */
#define JSON(verb, object)                                                                         \
	"echo '{\"nftables\": [{\"" verb "\": {" object                                            \
	"}}]}' | sed \"s/IT/\\\"family\\\": \\\"netdev\\\", \\\"table\\\": "                       \
	"\\\"pyroute-net1\\\"/\" |"                                                                \
	"nft -j -f -"
#define ACCEPT_RULE(verb)                                                                          \
	JSON(verb, "\"rule\": {IT, \"chain\": \"mark\", \"expr\": [{\"accept\": null}]}")

static void a_leg_that_nftables_mark_is_right_until_they_do_not(void **state)
{
	static const char *const deeds[] = {
		"nft delete table netdev pyroute-net1",
		"nft flush table netdev pyroute-net1",
		ACCEPT_RULE("add"),
		ACCEPT_RULE("insert"),
		"nft flush table netdev pyroute-net1 && " ACCEPT_RULE("add"),
		JSON("add",
		     "\"chain\": {IT, \"name\": \"mark\", \"type\": \"filter\", \"hook\": "
		     "\"ingress\", \"dev\": \"net1\", \"prio\": -500, \"policy\": \"accept\"}"),
		("tc qdisc add dev net1 clsact; "
		 "tc filter add dev net1 ingress bpf da bytecode '1,6 0 0 0'"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(deeds); i++) {
		LAB lab;

		lab_make_with(&lab, true);
		assert_right(&lab, 2, "the start");
		shell(lab.computer, deeds[i]);
		assert_wrong(&lab, 2, NO_FILTER, deeds[i]);
	}
}

/* All is our own namespaces then: NS_SET_NONE. */
static void a_leg_whose_frames_are_dropped_is_right_until_they_are_not(void **state)
{
	LAB lab;
	CLEANUP_FD int here = namespace_open();

	(void)state;
	lab_make_with(&lab, false);
	namespace_enter(lab.computer);
	works(control_computer(&NS_SET_NONE, &lab.stage, &why));
	namespace_enter(here);
	shell(lab.computer, "tc filter del dev net1 ingress");
	assert_wrong(&lab, 2, NO_FILTER, "the filter's removal");
}

/* The rules of a computer are its owner's: a mark there is none of ours. */
static void a_mark_counts_in_a_namespace_of_the_stages_own_alone(void **state)
{
	LAB lab;
	CLEANUP_FD int here = namespace_open();

	(void)state;
	lab_make_with(&lab, true);
	assert_right(&lab, 2, "the start");
	namespace_enter(lab.computer);
	assert_int_equal(control_computer(&NS_SET_NONE, &lab.stage, &why), -EBADE);
	namespace_enter(here);
	assert_string_equal(why.text, NO_FILTER AGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_as_it_was_started_is_right),
		cmocka_unit_test(links_of_a_client_are_the_stages),
		cmocka_unit_test(an_interface_that_is_another_ones_part_is_told),
		cmocka_unit_test(an_interface_that_is_gone_is_missed),
		cmocka_unit_test(what_the_kernel_makes_itself_is_no_matter_while_it_is_down),
		cmocka_unit_test(addresses_of_a_client_are_the_stages),
		cmocka_unit_test(routes_of_a_client_are_the_stages),
		cmocka_unit_test(more_routes_than_anybody_needs_are_not_counted),
		cmocka_unit_test(a_client_asks_for_its_neighbours),
		cmocka_unit_test(nobody_chooses_between_a_clients_tables),
		cmocka_unit_test(a_client_forwards_only_where_the_stage_says_so),
		cmocka_unit_test(a_client_forwards_where_the_stage_says_so),
		cmocka_unit_test(
			ipv6_that_the_stage_does_not_give_is_no_matter_while_it_forwards_nothing),
		cmocka_unit_test(the_computer_has_silent_legs),
		cmocka_unit_test(a_leg_without_its_filter_is_told),
		cmocka_unit_test(a_leg_that_was_set_down_is_none_any_more),
		cmocka_unit_test(a_leg_that_is_gone_is_missed),
	};
	const struct CMUnitTest without_bpf[] = {
		cmocka_unit_test(a_client_as_it_was_started_is_right),
		cmocka_unit_test(a_leg_that_nftables_mark_is_right_until_they_do_not),
		cmocka_unit_test(a_mark_counts_in_a_namespace_of_the_stages_own_alone),
		cmocka_unit_test(a_leg_whose_frames_are_dropped_is_right_until_they_are_not),
	};
	int failed = cmocka_run_group_tests(tests, wires_isolate, NULL);

	return failed + cmocka_run_group_tests(without_bpf, enter_user_namespace, NULL);
}
