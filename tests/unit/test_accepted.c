/* What a stage file may look like. What it may not is in tests/golden. */
#include "stage_text.h"

#define NET2	"[net2]\nsubnet = 2.2.2.0/24\ncomputer = 2.2.2.1\n"
#define CLIENT2 "[client2]\nnet2 = 2.2.2.2\ngateway = 2.2.2.1\n"
#define DUAL                                                                                       \
	"[net1]\nsubnet = 1.1.1.0/24, fd00:1::/64\ncomputer = 1.1.1.1, fd00:1::1\n"                \
	"[client1]\nnet1 = 1.1.1.2, fd00:1::2\n"

#define TWO  STAGE NET1 NET2 CLIENT1 CLIENT2
#define PING "title = T\nprobe = ping\nfrom = client1\n"
#define ARP_FOR                                                                                    \
	"ffffffffffff 0242 01010102 0806 0001 0800 06 04 0001 024201010102 01010102 000000000000 "

#define X10   "xxxxxxxxxx"
#define HEX20 "0123456789abcdef0123"
#define X100  X10 X10 X10 X10 X10 X10 X10 X10 X10 X10

struct text_case {
	const char *name;
	const char *text;
};

static const struct text_case cases[] = {
	/* the form */
	{"a plain stage", GOOD},
	{"CR LF ends a line as LF does",
	 "[stage]\r\ntitle = T\r\n[net1]\r\nsubnet = 1.1.1.0/24\r\n[client1]\r\n"
	 "net1 = 1.1.1.2\r\n"},
	{"the last line needs no line end", STAGE NET1 "[client1]\nnet1 = 1.1.1.2"},
	{"blanks and tabs around everything but a section's name are free",
	 " \t[stage]\t \n\t title\t=\tT \n" NET1 CLIENT1},
	{"comments stand on lines of their own, or behind a value with blanks around the sign",
	 "; [x\n# =\n[stage]\ntitle = T ; 1\nsummary = S\t#\n" NET1 CLIENT1},
	{"quotes hold signs of comments, and the other quote",
	 "[stage]\ntitle = \"C# 'n; Co\" ; c\nsummary = 'a \"b\"'\n" NET1 CLIENT1},
	{"a title may be in any script",
	 "[stage]\ntitle = Zwei Nachb\303\244rn \346\227\245\n" NET1 CLIENT1},
	{"sections may come in any order", CLIENT1 NET1 STAGE},
	{"a line may have 1000 bytes",
	 "[stage]\ntitle = T ; " X100 X100 X100 X100 X100 X100 X100 X100 X100 X10 X10 X10 X10 X10
		 X10 X10 X10 "xxxxxxxx\n" NET1 CLIENT1},

	/* nets and addresses */
	{"two nets with a client each", STAGE NET1 NET2 CLIENT1 CLIENT2},
	{"a net without a leg", STAGE
	 "[net1]\nsubnet = 1.1.1.0/24\n[client1]\nnet1 = 1.1.1.2\n[client2]\nnet1 = 1.1.1.3\n"},
	{"a /31 has two addresses for hosts (RFC 3021)",
	 STAGE "[net1]\nsubnet = 1.1.1.0/31\ncomputer = 1.1.1.0\n[client1]\nnet1 = 1.1.1.1\n"
	       "gateway = 1.1.1.0\n"},
	{"a /127 has two addresses for hosts (RFC 6164)",
	 STAGE "[net1]\nsubnet = fd00:1::/127\ncomputer = fd00:1::\n[client1]\nnet1 = fd00:1::1\n"
	       "gateway = fd00:1::\n"},
	{"the last address of an IPv6 subnet is a host's",
	 STAGE "[net1]\nsubnet = fd00:1::/120\n[client1]\nnet1 = fd00:1::ff\n"},
	{"subnets side by side do not overlap",
	 STAGE "[net1]\nsubnet = 10.0.0.0/9\n[net2]\nsubnet = 10.128.0.0/9\n[client1]\n"
	       "net1 = 10.127.255.254\nnet2 = 10.128.0.1\n"},
	{"IPv6 subnets side by side do not overlap",
	 STAGE "[net1]\nsubnet = fd00:0:0:2::/63\n[net2]\nsubnet = fd00:0:0:1::/64\n"
	       "[net3]\nsubnet = fd00:0:0:4::/62\n[client1]\nnet1 = fd00:0:0:2::2\n"
	       "net2 = fd00:0:0:1::3\nnet3 = fd00:0:0:5::4\n"},
	{"both families on a net, in either order, with or without blanks",
	 STAGE "[net1]\nsubnet = fd00:1::/64,1.1.1.0/24\ncomputer = 1.1.1.1 , fd00:1::1\n"
	       "[client1]\nnet1 = fd00:1::2,   1.1.1.2\ngateway = fd00:1::1,1.1.1.1\n"},
	{"who is on a net of both families may have an address of one",
	 STAGE "[net1]\nsubnet = 1.1.1.0/24, fd00:1::/64\ncomputer = fd00:1::1\n"
	       "[client1]\nnet1 = 1.1.1.2\n[client2]\nnet1 = fd00:1::2\n"},
	{"an IPv6 address in any spelling",
	 STAGE "[net1]\nsubnet = FD00:0001:0:0::/64\n"
	       "[client1]\nnet1 = fd00:1:0:0:0:0:0:2\n[client2]\nnet1 = fd00:1::1.2.3.4\n"},

	/* MTU */
	{"an MTU may be 68", STAGE "[net1]\nsubnet = 1.1.1.0/24\nmtu = 68\n" CLIENT1},
	{"an MTU may be 65535", STAGE "[net1]\nsubnet = 1.1.1.0/24\nmtu = 65535\n" CLIENT1},
	{"an MTU may be 1280 with IPv6",
	 STAGE "[net1]\nsubnet = fd00:1::/64\nmtu = 1280\n[client1]\nnet1 = fd00:1::2\n"},

	/* Ethernet addresses */
	{"an Ethernet address like one's own derived one", GOOD "mac.net1 = 02:42:01:01:01:02\n"},
	{"IPv6 addresses on two nets with one derived Ethernet address",
	 STAGE "[net1]\nsubnet = fd00:1::/64\ncomputer = fd00:1::1\n"
	       "[net2]\nsubnet = fd00:2::/64\ncomputer = fd00:2::1\n"
	       "[client1]\nnet1 = fd00:1::2\n[client2]\nnet2 = fd00:2::2\n"},
	{"IPv6 addresses with one Ethernet address where one is given another",
	 STAGE "[net1]\nsubnet = fd00::/16\n[client1]\nnet1 = fd00:1::2\n"
	       "[client2]\nnet1 = fd00:2::2\nmac.net1 = 02:00:00:00:00:01\n"},
	{"IPv6 addresses with the same last bytes beside different ones of IPv4",
	 STAGE "[net1]\nsubnet = 1.1.1.0/24, fd00:1::/64\ncomputer = 1.1.1.1, fd00:1::1\n"
	       "[net2]\nsubnet = 2.2.2.0/24, fd00:2::/64\ncomputer = 2.2.2.1, fd00:2::1\n"
	       "[client1]\nnet1 = 1.1.1.2, fd00:1::2\n[client2]\nnet2 = 2.2.2.2, fd00:2::2\n"},

	/* gateways and routes */
	{"a gateway nobody has may be there, a router may use any address",
	 STAGE NET1 "[client1]\nnet1 = 1.1.1.2\ngateway = 1.1.1.254\n"},
	{"any of a client's interfaces may reach its gateway",
	 STAGE NET1 NET2 CLIENT2 "[client1]\nnet1 = 1.1.1.2\nnet2 = 2.2.2.3\ngateway = 2.2.2.1\n"},
	{"a gateway of one family on a client of both", STAGE DUAL "gateway = fd00:1::9\n"},
	{"a default route instead of a gateway",
	 STAGE DUAL "gateway = 1.1.1.1\nroutes = ::/0 via fd00:1::1\n"},
	{"routes to nets, parts of nets and hosts", STAGE NET1 CLIENT1
	 "routes = 1.0.0.0/8 via 1.1.1.1, 1.1.1.128/25 via 1.1.1.3, 9.9.9.9/32 via 1.1.1.1, "
	 "0.0.0.0/1 via 1.1.1.1, 1.0.0.0/9 via 1.1.1.1\n"},
	{"a route to a net of the other family's number",
	 STAGE DUAL "routes = 2.0.0.0/8 via 1.1.1.1,"
		    "200::/8 via fd00:1::1\n"},

	/* forwarding, and a command */
	{"a client may forward wherever it is", GOOD "forwarding = yes\n"},
	{"a client may be said not to forward", GOOD "forwarding = no\n"},
	{"a command with quotes in it", GOOD "run = sh -c 'sleep 1 && date' \"x\"\n"},
	{"a command in quotes", GOOD "run = 'for i in 1 2; do echo \"$i\"; done' # thrice\n"},
	{"a command with a backslash", GOOD "run = printf a\\tb\n"},
	{"a command with an equals sign", GOOD "run = A=1 env\n"},

	/* what the wire does */
	{"a delay in each unit", STAGE NET1
	 "delay = 300us\n" NET2 "delay = 1.5ms\n"
	 "[net3]\nsubnet = 3.3.3.0/24\ndelay = 10s\n" CLIENT1 CLIENT2 "net3 = 3.3.3.3\n"},
	{"no delay and no loss", STAGE NET1 "delay = 0ms\nloss = 0%\n" CLIENT1},
	{"a loss of all", STAGE NET1 "loss = 100%\n" CLIENT1},
	{"the smallest loss", STAGE NET1 "loss = 0.00010%\n" CLIENT1},
	{"a rate in each unit", STAGE NET1
	 "rate = 1000bit\n" NET2 "rate = 1.5mbit\n"
	 "[net3]\nsubnet = 3.3.3.0/24\nrate = 100gbit\n" CLIENT1 CLIENT2 "net3 = 3.3.3.3\n"},
	{"the lowest rate", STAGE NET1 "rate = 1kbit\n" CLIENT1},

	/* checks */
	{"a check with what it must have", TWO "[check a]\n" PING "to = client2\n"},
	{"a check before all that it names", "[check a]\n" PING "to = client2\n" TWO},
	{"names of checks may have all of their characters",
	 TWO "[check A.b_c-D.9]\n" PING "to = client2\n[check 0]\n" PING "to = client2\n"
	     "[check xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx]\n" PING
	     "to = client2\n"},
	{"a check asks a client, one of its interfaces, the computer or an address",
	 TWO "[check a]\n" PING "to = client2.net2\n[check b]\n" PING "to = net1\n[check c]\n" PING
	     "to = 9.9.9.9\n"},
	{"a check asks in a family that both have", STAGE DUAL
	 "[net2]\nsubnet = fd00:2::/64\n[client2]\nnet2 = fd00:2::2\n[check a]\n" PING
	 "to = client2\n[check b]\n" PING "to = fd00:9::9\n[check c]\n" PING "to = net1\n"},
	{"every number at its lower limit",
	 TWO "[check a]\ntitle = T\nprobe = udp\nfrom = client1\nto = client2\npoints = 0\n"
	     "size = 0\ncount = 1\nttl = 1\nport = 1\nwithin = 10ms\n"},
	{"every number at its upper limit",
	 TWO "[check a]\ntitle = T\nprobe = udp\nfrom = client1\nto = client2\npoints = 1000\n"
	     "size = 65507\ncount = 1000\nttl = 255\nport = 65535\nwithin = 60s\n"
	     "[check b]\ntitle = T\nprobe = tcp\nfrom = client1\nto = client2\nsize = 100MiB\n"},
	{"several sizes", TWO "[check a]\n" PING "to = client2\nsize = 0,1 , 1KiB, 65507\n"},
	{"several probes",
	 TWO "[check a]\ntitle = T\nprobe = ping, udp,tcp , arp\nfrom = client1\nto = client2\n"
	     "expect = anything\nlook = ttl\nport = 9\n"},
	{"every expectation",
	 TWO "[check a]\n" PING "to = client2\nexpect = reply\n"
	     "[check b]\n" PING "to = client2\nexpect = silence\n"
	     "[check c]\n" PING "to = client2\nexpect = icmp 11\n"
	     "[check d]\n" PING "to = client2\nexpect = icmp   255/0\n"
	     "[check e]\n" PING "to = client2\nexpect = anything\nlook = stray\n"
	     "[check f]\ntitle = T\nprobe = run\nfrom = client1\nrun = false\nexpect = exit 1\n"},
	{"every look",
	 TWO "[check a]\n" PING "to = client2\nlook = arp, ttl, checksum, ethernet, addresses, "
	     "payload, duplicate, stray\n"},
	{"a traceroute",
	 TWO "[check a]\ntitle = T\nprobe = traceroute\nfrom = client1\nto = client2\n"
	     "hops = 1.1.1.1, 2.2.2.2\n"},
	{"frames on a net and from a client",
	 TWO "[check a]\ntitle = T\nprobe = frame\nfrom = net2\nframe = " ARP_FOR "01010101\n"
	     "expect = reply\n[check b]\ntitle = T\nprobe = frame\nfrom = client1\n"
	     "frame = " ARP_FOR "01010101, FFFFFFFFFFFF 02 42 01 01 01 02 08 00\nto = client2\n"
	     "count = 3\nexpect = silence\n"},
	{"a frame as long as its net carries", STAGE NET1
	 "mtu = 68\n" CLIENT1 "[check a]\ntitle = T\nprobe = frame\nfrom = net1\n"
	 "look = stray\nframe = " HEX20 HEX20 HEX20 HEX20 HEX20 HEX20 HEX20 HEX20 "00ff\n"},
	{"a command of a check in quotes",
	 TWO "[check a]\ntitle = T\nprobe = run\nfrom = client2\nrun = 'true; false # x'\n"},
};

/* A test: nothing is said of the case in *STATE. */
static void accept_case(void **state)
{
	const struct text_case *one = *state;
	CLEANUP_STAGE struct stage stage = {0};
	struct complaints complaints;

	if (judge(one->text, strlen(one->text), &stage, &complaints) < 0)
		fail_msg("%s", complaints.kept[0].text);
}

/* Reads the next example, the lines from one with ```ini to one with ```, to TEXT. */
static bool next_example(FILE *readme, char *text, size_t size)
{
	char line[256];
	bool inside = false;

	text[0] = '\0';
	while (fgets(line, sizeof(line), readme)) {
		if (inside && strcmp(line, "```\n") == 0)
			return true;
		if (inside) {
			assert_true(strlen(text) + strlen(line) < size);
			(void)stpcpy(text + strlen(text), line);
		}
		inside |= strcmp(line, "```ini\n") == 0;
	}
	return false;
}

/* Returns how many there are in FILE. */
static unsigned accept_examples(const char *file)
{
	CLEANUP_STREAM FILE *readme = fopen(file, "re");
	char text[4096];
	unsigned count = 0;

	assert_non_null(readme);
	for (; next_example(readme, text, sizeof(text)); count++) {
		struct text_case example = {file, text};
		void *example_state = &example;

		accept_case(&example_state);
	}
	return count;
}

static void the_examples_of_the_readmes_are_accepted(void **state)
{
	(void)state;
	assert_true(accept_examples(PYROUTE_CHECKOUT "/README.md") >= 2);
	assert_true(accept_examples(PYROUTE_CHECKOUT "/stages/README.md") >= 1);
}

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(cases) + 1] = {
		[ARRAY_SIZE(cases)] = cmocka_unit_test(the_examples_of_the_readmes_are_accepted)};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		tests[i].name = cases[i].name;
		tests[i].test_func = accept_case;
		/* cmocka passes state without const; accept_case() does not write there. */
		tests[i].initial_state = (void *)(uintptr_t)&cases[i];
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
