/* What a stage must satisfy, and exactly what is said where it does not. The texts are read by
 * config_read(), so that lines are lines of a file. */
#include "stage_text.h"

#define NET2	"[net2]\nsubnet = 2.2.2.0/24\ncomputer = 2.2.2.1\n"
#define CLIENT2 "[client2]\nnet2 = 2.2.2.2\ngateway = 2.2.2.1\n"

static const struct text_case cases[] = {
	FINE("two nets with a client each are fine", STAGE NET1 NET2 CLIENT1 CLIENT2),
	FINE("a net without a leg is fine", STAGE
	     "[net1]\nsubnet = 1.1.1.0/24\n[client1]\nnet1 = 1.1.1.2\n[client2]\nnet1 = 1.1.1.3\n"),
	FINE("a /31 has two addresses for hosts (RFC 3021)",
	     STAGE "[net1]\nsubnet = 1.1.1.0/31\ncomputer = 1.1.1.0\n[client1]\nnet1 = 1.1.1.1\n"
		   "gateway = 1.1.1.0\n"),
	FINE("a gateway nobody has may be there, a router may use any address",
	     STAGE NET1 "[client1]\nnet1 = 1.1.1.2\ngateway = 1.1.1.254\n"),
	FINE("subnets side by side do not overlap",
	     STAGE "[net1]\nsubnet = 10.0.0.0/9\n[net2]\nsubnet = 10.128.0.0/9\n[client1]\n"
		   "net1 = 10.127.255.254\nnet2 = 10.128.0.1\n"),

	/* subnets */
	FAULT("a /32 is no subnet",
	      STAGE "[net1]\nsubnet = 1.1.1.1/32\n[client1]\nnet1 = 1.1.1.1\n",
	      "s.ini:4: [net1] subnet = \"1.1.1.1/32\": has room for one host only; use /31 or a "
	      "shorter "
	      "prefix"),
	FAULT("a net is not in 0.0.0.0/8",
	      STAGE "[net1]\nsubnet = 0.1.0.0/16\n[client1]\nnet1 = 0.1.0.1\n",
	      "s.ini:4: [net1] subnet = \"0.1.0.0/16\": holds addresses of no network (RFC 1122); "
	      "use "
	      "another subnet, like 10.1.1.0/24"),
	FAULT("a net is not on loopback",
	      STAGE "[net1]\nsubnet = 127.9.0.0/16\n[client1]\nnet1 = 127.9.0.1\n",
	      "s.ini:4: [net1] subnet = \"127.9.0.0/16\": holds loopback addresses; use another "
	      "subnet, "
	      "like 10.1.1.0/24"),
	FAULT("a net is not multicast",
	      STAGE "[net1]\nsubnet = 224.1.0.0/16\n[client1]\nnet1 = 224.1.0.1\n",
	      "s.ini:4: [net1] subnet = \"224.1.0.0/16\": holds multicast addresses; use another "
	      "subnet, "
	      "like 10.1.1.0/24"),
	FAULT("a net is not in the reserved range",
	      STAGE "[net1]\nsubnet = 250.1.0.0/16\n[client1]\nnet1 = 250.1.0.1\n",
	      "s.ini:4: [net1] subnet = \"250.1.0.0/16\": holds reserved addresses (RFC 1112); use "
	      "another subnet, like 10.1.1.0/24"),
	FAULT("a net does not hold what is not for hosts",
	      STAGE "[net1]\nsubnet = 64.0.0.0/2\n[client1]\nnet1 = 64.0.0.1\n",
	      "s.ini:4: [net1] subnet = \"64.0.0.0/2\": holds loopback addresses; use another "
	      "subnet, "
	      "like 10.1.1.0/24"),
	FAULT("the net that is later in the file overlaps, whatever its number",
	      STAGE "[net2]\nsubnet = 1.1.0.0/16\n[net1]\nsubnet = 1.1.1.0/24\n"
		    "[client1]\nnet1 = 1.1.1.2\nnet2 = 1.1.2.2\n",
	      "s.ini:6: [net1] subnet = \"1.1.1.0/24\": overlaps 1.1.0.0/16 of net2 (line 4); give "
	      "each "
	      "net its own"),
	FAULT("a wider net overlaps too",
	      STAGE "[net1]\nsubnet = 1.1.1.0/24\n[net2]\nsubnet = 1.1.0.0/16\n"
		    "[client1]\nnet1 = 1.1.1.2\nnet2 = 1.1.2.2\n",
	      "s.ini:6: [net2] subnet = \"1.1.0.0/16\": overlaps 1.1.1.0/24 of net1 (line 4); give "
	      "each "
	      "net its own"),
	FAULT("an MTU is at least 68", STAGE "[net1]\nsubnet = 1.1.1.0/24\nmtu = 67\n" CLIENT1,
	      "s.ini:5: [net1] mtu = \"67\": not an MTU; use 68 to 65535 bytes"),
	FAULT("an MTU is at most 65535", STAGE "[net1]\nsubnet = 1.1.1.0/24\nmtu = 65536\n" CLIENT1,
	      "s.ini:5: [net1] mtu = \"65536\": not an MTU; use 68 to 65535 bytes"),
	FINE("an MTU may be 68", STAGE "[net1]\nsubnet = 1.1.1.0/24\nmtu = 68\n" CLIENT1),
	FINE("an MTU may be 65535", STAGE "[net1]\nsubnet = 1.1.1.0/24\nmtu = 65535\n" CLIENT1),

	/* addresses */
	FAULT("a client's address is in its subnet", STAGE NET1 "[client1]\nnet1 = 1.1.2.2\n",
	      "s.ini:7: [client1] net1 = \"1.1.2.2\": outside the subnet 1.1.1.0/24; use one from "
	      "1.1.1.1 to 1.1.1.254"),
	FAULT("the computer's address is in its subnet",
	      STAGE "[net1]\nsubnet = 1.1.1.0/26\ncomputer = 1.1.1.64\n[client1]\nnet1 = 1.1.1.2\n",
	      "s.ini:5: [net1] computer = \"1.1.1.64\": outside the subnet 1.1.1.0/26; use one "
	      "from "
	      "1.1.1.1 to 1.1.1.62"),
	FAULT("nobody has the subnet's own address", STAGE NET1 "[client1]\nnet1 = 1.1.1.0\n",
	      "s.ini:7: [client1] net1 = \"1.1.1.0\": the subnet's own address; use one from "
	      "1.1.1.1 "
	      "to "
	      "1.1.1.254"),
	FAULT("nobody has the broadcast address",
	      STAGE
	      "[net1]\nsubnet = 1.1.0.0/23\ncomputer = 1.1.1.255\n[client1]\nnet1 = 1.1.0.255\n",
	      "s.ini:5: [net1] computer = \"1.1.1.255\": the subnet's broadcast address; use one "
	      "from "
	      "1.1.0.1 to 1.1.1.254"),
	FAULT("two clients have two addresses", STAGE NET1 CLIENT1 "[client2]\nnet1 = 1.1.1.2\n",
	      "s.ini:10: [client2] net1 = \"1.1.1.2\": is the address of [client1] net1 too (line "
	      "7); "
	      "use another"),
	FAULT("an address is taken, whoever else has others",
	      STAGE NET1 CLIENT1 "[client2]\nnet1 = 1.1.1.9\n[client3]\nnet1 = 1.1.1.2\n",
	      "s.ini:12: [client3] net1 = \"1.1.1.2\": is the address of [client1] net1 too (line "
	      "7); "
	      "use another"),
	FAULT("the later line has the address of the earlier, whatever their numbers",
	      STAGE NET1 "[client2]\nnet1 = 1.1.1.2\n[client1]\nnet1 = 1.1.1.2\n",
	      "s.ini:9: [client1] net1 = \"1.1.1.2\": is the address of [client2] net1 too (line "
	      "7); "
	      "use another"),
	FAULT("three with one address are two too many",
	      STAGE NET1 CLIENT1 "[client2]\nnet1 = 1.1.1.2\n[client3]\nnet1 = 1.1.1.2\n",
	      "s.ini:10: [client2] net1 = \"1.1.1.2\": is the address of [client1] net1 too (line "
	      "7); "
	      "use another",
	      "s.ini:12: [client3] net1 = \"1.1.1.2\": is the address of [client1] net1 too (line "
	      "7); "
	      "use another"),
	FAULT("the computer's address is taken", STAGE NET1 "[client1]\nnet1 = 1.1.1.1\n",
	      "s.ini:7: [client1] net1 = \"1.1.1.1\": is the address of [net1] computer too (line "
	      "5); "
	      "use another"),

	/* Ethernet addresses */
	FAULT("an Ethernet address is not multicast", GOOD "mac.net1 = 03:00:00:00:00:01\n",
	      "s.ini:9: [client1] mac.net1 = \"03:00:00:00:00:01\": a multicast address; make the "
	      "first "
	      "byte even, like 02"),
	FAULT("an Ethernet address is not zero", GOOD "mac.net1 = 00:00:00:00:00:00\n",
	      "s.ini:9: [client1] mac.net1 = \"00:00:00:00:00:00\": stands for no address; use "
	      "another, "
	      "like 02:42:01:01:01:02"),
	FAULT("no Ethernet address is given twice, on whatever nets",
	      STAGE NET1 NET2 CLIENT1 "mac.net1 = 02:00:00:00:00:aa\n" CLIENT2
				      "mac.net2 = 02:00:00:00:00:AA\n",
	      "s.ini:16: [client2] mac.net2 = \"02:00:00:00:00:aa\": is the Ethernet address of "
	      "[client1] "
	      "mac.net1 too (line 12); use another"),
	FAULT("a derived Ethernet address is taken, even by a later line",
	      STAGE NET1 CLIENT1 "mac.net1 = 02:42:01:01:01:03\n[client2]\nnet1 = 1.1.1.3\n",
	      "s.ini:9: [client1] mac.net1 = \"02:42:01:01:01:03\": is the Ethernet address of "
	      "[client2] "
	      "net1 too (line 11); use another"),
	FAULT("the leg's derived Ethernet address is taken", GOOD "mac.net1 = 02:42:01:01:01:01\n",
	      "s.ini:9: [client1] mac.net1 = \"02:42:01:01:01:01\": is the Ethernet address of "
	      "[net1] "
	      "computer too (line 5); use another"),
	FINE("an Ethernet address like one's own derived one is fine",
	     GOOD "mac.net1 = 02:42:01:01:01:02\n"),
	FAULT("an interface whose address was refused has no Ethernet address to take",
	      STAGE NET1 "[client1]\nnet1 = x\n[client2]\nnet1 = 1.1.1.2\n"
			 "mac.net1 = 02:42:00:00:00:00\n",
	      "s.ini:7: [client1] net1 = \"x\": not an IPv4 address; write four numbers from 0 to "
	      "255, "
	      "like 1.1.1.2"),

	/* gateways */
	FAULT("a gateway is in reach",
	      STAGE NET1 NET2 CLIENT2 "[client1]\nnet1 = 1.1.1.2\ngateway = 2.2.2.1\n",
	      "s.ini:14: [client1] gateway = \"2.2.2.1\": no interface of the client reaches it; "
	      "use "
	      "an "
	      "address in 1.1.1.0/24"),
	FINE("any of a client's interfaces may reach its gateway", STAGE NET1 NET2 CLIENT2
	     "[client1]\nnet1 = 1.1.1.2\nnet2 = 2.2.2.3\ngateway = 2.2.2.1\n"),
	FAULT("a gateway is somebody else",
	      STAGE NET1 "[client1]\nnet1 = 1.1.1.2\ngateway = 1.1.1.2\n",
	      "s.ini:8: [client1] gateway = \"1.1.1.2\": the client's own address; write the "
	      "router's"),
	FAULT("a gateway is no broadcast address",
	      STAGE NET1 "[client1]\nnet1 = 1.1.1.2\ngateway = 1.1.1.255\n",
	      "s.ini:8: [client1] gateway = \"1.1.1.255\": the subnet's broadcast address; use one "
	      "from "
	      "1.1.1.1 to 1.1.1.254"),
	FAULT("a gateway is not the subnet's own address",
	      STAGE NET1 "[client1]\nnet1 = 1.1.1.2\ngateway = 1.1.1.0\n",
	      "s.ini:8: [client1] gateway = \"1.1.1.0\": the subnet's own address; use one from "
	      "1.1.1.1 "
	      "to 1.1.1.254"),

	/* what is missing */
	FAULT("nets are numbered without gaps",
	      STAGE NET1 CLIENT1 "net3 = 3.3.3.3\n[net3]\nsubnet = 3.3.3.0/24\n",
	      "s.ini:10: [net3]: there is no [net2]; number them from 1 without gaps"),
	FAULT("clients are numbered without gaps, however long",
	      STAGE NET1 "[client1024]\nnet1 = 1.1.1.2\n",
	      "s.ini:6: [client1024]: there is no [client1023]; number them from 1 without gaps"),
	FAULT("a net that a client is on is there", GOOD "net7 = 7.7.7.7\n",
	      "s.ini:9: [client1] net7: there is no [net7]; add it, or use a net that there is"),
	FAULT("a net has a client", STAGE NET1 CLIENT1 NET2,
	      "s.ini:9: [net2]: no client is on it; give one a net2 = ADDRESS"),
	FAULT("a client is on a net", STAGE NET1 CLIENT1 "[client2]\ngateway = 1.1.1.1\n",
	      "s.ini:9: [client2]: is on no net; add one, like net1 = 1.1.1.2"),
	FAULT("a stage has more than a title", STAGE,
	      "s.ini: has no net and no client; add [net1], with a subnet, and [client1]"),

	/* one fault, one complaint */
	FAULT("what may be on a section's refused line is not missed",
	      STAGE NET1 "[clent1]\nnet1 = 1.1.1.2\n[client2]\nnet2 = 2.2.2.2\n",
	      "s.ini:6: [clent1]: unknown section; did you mean client1?"),
	FAULT("what may be on an interface's refused line is not missed",
	      STAGE NET1 NET2 CLIENT1 "[client2]\nnte2 = 2.2.2.2\ngateway = 2.2.2.1\n",
	      "s.ini:13: [client2] nte2: unknown key; did you mean net2?"),
	FAULT("a gateway on a net whose line was refused may be in reach",
	      STAGE NET1 NET2 CLIENT2
	      "[client1]\nnet1 = 1.1.1.2\nnet2 = \"2.2.2.3\ngateway = 2.2.2.1\n",
	      "s.ini:14: [client1] net2 = \"\"2.2.2.3\": the quote is not closed; end the value "
	      "with "
	      "\""),
	FAULT("a gateway on a net whose subnet was refused may be in reach",
	      STAGE "[net1]\nsubnet = x\n" NET2
		    "[client1]\nnet2 = 2.2.2.2\nnet1 = 1.1.1.2\ngateway = 1.1.1.1\n",
	      "s.ini:4: [net1] subnet = \"x\": a prefix has a length; write it like 1.1.1.0/24"),
	FAULT("a net is missing for sure where only a key of it was refused",
	      STAGE "[net1]\nsubnet = 1.1.1.0/24\nmtv = 1500\n" CLIENT1 NET2,
	      "s.ini:5: [net1] mtv: unknown key; did you mean mtu?",
	      "s.ini:9: [net2]: no client is on it; give one a net2 = ADDRESS"),
	FAULT("what is missing for sure is told along with refused values",
	      STAGE "[net1]\nsubnet = 1.1.1.0/24\nmtu = x\n[client1]\nnet2 = 1.1.1.2\n",
	      "s.ini:3: [net1]: no client is on it; give one a net1 = ADDRESS",
	      "s.ini:5: [net1] mtu = \"x\": not a number of bytes; write it like 1500",
	      "s.ini:7: [client1] net2: there is no [net2]; add it, or use a net that there is"),
};

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(cases)] = {0};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		tests[i].name = cases[i].name;
		tests[i].test_func = test_case;
		tests[i].initial_state = TEXT_CASE_STATE(&cases[i]);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
