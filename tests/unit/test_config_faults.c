/* What a stage file may look like, and exactly what is said about one that does not: a text, and
 * all complaints about it. */
#include "stage_text.h"

#define X10   "xxxxxxxxxx"
#define X100  X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define X1000 X100 X100 X100 X100 X100 X100 X100 X100 X100 X100

static const struct text_case cases[] = {
	FINE("a plain stage is fine", GOOD),
	FINE("CR LF ends a line as LF does", "[stage]\r\ntitle = T\r\n[net1]\r\nsubnet = "
					     "1.1.1.0/24\r\n[client1]\r\nnet1 = 1.1.1.2\r\n"),
	FINE("the last line needs no line end", STAGE NET1 "[client1]\nnet1 = 1.1.1.2"),
	FINE("blanks and tabs around everything but a section's name are free",
	     " \t[stage]\t \n\t title\t=\tT \n" NET1 CLIENT1),
	FINE("comments stand on lines of their own, or behind a value with blanks around the sign",
	     "; [x\n# =\n[stage]\ntitle = T ; 1\nsummary = S\t#\n" NET1 CLIENT1),
	FINE("quotes hold signs of comments, and the other quote",
	     "[stage]\ntitle = \"C# 'n; Co\" ; c\nsummary = 'a \"b\"'\n" NET1 CLIENT1),
	FINE("a title may be in any script",
	     "[stage]\ntitle = Zwei Nachb\303\244rn \346\227\245\n" NET1 CLIENT1),
	FINE("sections may come in any order", CLIENT1 NET1 STAGE),

	/* the file */
	FAULT("an empty file has no stage", "\n",
	      "s.ini: has no [stage]; begin with that and a title",
	      "s.ini: has no net and no client; add [net1], with a subnet, and [client1]"),
	FAULT("a UTF-8 byte order mark is named", "\xef\xbb\xbf" GOOD,
	      "s.ini:1: the file begins with a byte order mark; save it as UTF-8 without"),
	FAULT("UTF-16, little end first, is named", "\xff\xfe[\0s\0",
	      "s.ini:1: the file is UTF-16; save it as UTF-8"),
	FAULT("UTF-16, big end first, is named", "\xfe\xff\0[\0s",
	      "s.ini:1: the file is UTF-16; save it as UTF-8"),
	FAULT("a NUL byte is named with its line", "[stage]\ntitle = T\0T\n",
	      "s.ini:2: a NUL byte; the file must be text, saved as UTF-8"),
	FAULT("CR alone ends no line", "[stage]\rtitle = T\r[net1]\r",
	      "s.ini:1: a carriage return inside the line; end lines with LF or CR LF"),
	FAULT("a CR in a line is refused", "[stage]\ntitle = a\rb\n" NET1 CLIENT1,
	      "s.ini:2: [stage]: a carriage return inside the line; end lines with LF or CR LF"),

	/* lines */
	FINE("a line may have 1000 bytes",
	     "[stage]\ntitle = T ; " X100 X100 X100 X100 X100 X100 X100 X100 X100 X10 X10 X10 X10
		     X10 X10 X10 X10 "xxxxxxxx\n" NET1 CLIENT1),
	FAULT("a line may not have 1001 bytes", "#" X1000 "\n" GOOD,
	      "s.ini:1: longer than 1000 bytes; shorten the line"),
	FAULT("a backslash at a line's end is refused", "[stage]\ntitle = T\\\n" NET1 CLIENT1,
	      "s.ini:2: [stage]: a backslash at the end of the line; take it out"),
	FAULT("a backslash at a comment's end is refused, with blanks behind it too",
	      "# path C:\\ \t\n" GOOD, "s.ini:1: a backslash at the end of the line; take it out"),
	FAULT("a backslash at the file's end is refused", GOOD "\\",
	      "s.ini:9: [client1]: a backslash at the end of the line; take it out"),
	FAULT("a line that is nothing is refused, and not shown", GOOD "root:x:0:0\n",
	      "s.ini:9: [client1]: neither a [section] nor a key = value; put # before a comment"),
	FAULT("a line without a key is refused", GOOD "= 1\n",
	      "s.ini:9: [client1]: a value without a key; write key = value"),
	FAULT("a key before any section is refused, and not shown", "title = T\n" GOOD,
	      "s.ini:1: a key before any section; begin with [stage]"),
	FAULT("a control byte in a comment is refused", "# \x1b[31m\n" GOOD,
	      "s.ini:1: a control byte, \\x1b; take it out"),
	FAULT("what is not UTF-8 is refused in a comment too", "# gr\xfc\xdf\n" GOOD,
	      "s.ini:1: the byte \\xfc is no UTF-8 character that can be shown; save the file as "
	      "UTF-8"),

	/* sections */
	FAULT("a section's name must be closed", GOOD "[net2\n",
	      "s.ini:9: a section's name ends with ]"),
	FAULT("nothing may follow a section's name, not even a comment", GOOD "[net2] ; c\n",
	      "s.ini:9: text after a section's ]; put a comment on a line of its own"),
	FAULT("nothing may follow a section's name, not even what ends with ]",
	      GOOD "[net2] ; c]\n",
	      "s.ini:9: text after a section's ]; put a comment on a line of its own"),
	FAULT("a section has a name", GOOD "[]\n",
	      "s.ini:9: a section without a name; write it like [net1]"),
	FAULT("a section stands once", GOOD "[net1]\nmtu = 9000\n",
	      "s.ini:9: [net1]: is there already, at line 3; put all its keys there"),
	FAULT("an unknown section gets the nearest name", GOOD "[clinet2]\n",
	      "s.ini:9: [clinet2]: unknown section; did you mean client2?"),
	FAULT("an unknown section without a near name gets all names", GOOD "[router]\nx = y\n",
	      "s.ini:9: [router]: unknown section; there are stage, netN, clientN"),
	FAULT("upper case is another name", "[Stage]\ntitle = T\n" NET1 CLIENT1,
	      "s.ini:1: [Stage]: unknown section; did you mean stage?"),
	FAULT("blanks in the brackets are part of the name", GOOD "[ net2]\n",
	      "s.ini:9: [ net2]: unknown section; did you mean net2?"),
	FAULT("a net has a number", GOOD "[net]\n",
	      "s.ini:9: [net]: needs a number from 1, like net1"),
	FAULT("numbers begin at 1", GOOD "[net0]\n",
	      "s.ini:9: [net0]: numbers begin at 1 and have no leading zeros, like net1"),
	FAULT("numbers have no leading zeros", GOOD "[client02]\n",
	      "s.ini:9: [client02]: numbers begin at 1 and have no leading zeros, like client1"),
	FAULT("there is a largest net", GOOD "[net1025]\n",
	      "s.ini:9: [net1025]: the number is at most 1024"),
	FAULT("there is a largest client, for any number of digits",
	      GOOD "[client99999999999999999999999]\n",
	      "s.ini:9: [client99999999999999999999999]: the number is at most 1024"),
	FAULT("a check is of a later version", GOOD "[check ping]\nfrom = client1\n",
	      "s.ini:9: [check ping]: not supported yet; leave it out"),
	FAULT("a name is shown with its control bytes escaped", GOOD "[n\x1b]\n",
	      "s.ini:9: [n\\x1b]: unknown section; there are stage, netN, clientN"),

	/* keys */
	FAULT("a key stands once",
	      STAGE "[net1]\nsubnet = 1.1.1.0/24\nsubnet = 1.1.2.0/24\n" CLIENT1,
	      "s.ini:5: [net1] subnet = \"1.1.2.0/24\": is there already, at line 4; keep one of "
	      "them"),
	FAULT("an unknown key gets the nearest name", GOOD "gatway = 1.1.1.1\n",
	      "s.ini:9: [client1] gatway: unknown key; did you mean gateway?"),
	FAULT("an unknown key with a number gets the nearest name with that number",
	      GOOD "mac.nt1 = 1.1.1.1\n",
	      "s.ini:9: [client1] mac.nt1: unknown key; did you mean mac.net1?"),
	FAULT("an unknown key without a near name gets the names of its section",
	      STAGE "[net1]\nsubnet = 1.1.1.0/24\nttl = 3\n" CLIENT1,
	      "s.ini:5: [net1] ttl: unknown key; there are subnet, computer, mtu, delay, "
	      "loss, rate"),
	FAULT("a key is the whole word",
	      "[stage]\ntitle = T\nsummary1 = S\n" NET1 CLIENT1 "networks = 1\n",
	      "s.ini:3: [stage] summary1: unknown key; did you mean summary?",
	      "s.ini:10: [client1] networks: unknown key; there are netN, mac.netN, gateway, "
	      "routes, forwarding, run"),
	FAULT("a key of another section is unknown here",
	      "[stage]\ntitle = T\ngateway = 1.1.1.1\n" NET1 CLIENT1,
	      "s.ini:3: [stage] gateway: unknown key; there are title, summary"),
	FAULT("an upper-case key is another", "[stage]\nTITLE = T\n" NET1 CLIENT1,
	      "s.ini:2: [stage] TITLE: unknown key; did you mean title?"),
	/* values */
	FAULT("a value is there", "[stage]\ntitle =\n" NET1 CLIENT1,
	      "s.ini:2: [stage] title: has no value; write one, or leave the line out"),
	FAULT("a comment is no value", "[stage]\ntitle = ; T\n" NET1 CLIENT1,
	      "s.ini:2: [stage] title: has no value; write one, or leave the line out"),
	FAULT("empty quotes are no value", "[stage]\ntitle = ''\n" NET1 CLIENT1,
	      "s.ini:2: [stage] title: has no value; write one, or leave the line out"),
	FAULT("a # cuts no value in the middle", "[stage]\ntitle = Router #1\n" NET1 CLIENT1,
	      "s.ini:2: [stage] title = \"Router #1\": the # cuts the value; put blanks around it "
	      "to "
	      "begin a comment, or the value in quotes"),
	FAULT("a ; cuts no value in the middle", "[stage]\ntitle = a; b\n" NET1 CLIENT1,
	      "s.ini:2: [stage] title = \"a; b\": the ; cuts the value; put blanks around it to "
	      "begin "
	      "a comment, or the value in quotes"),
	FAULT("a quote is closed", "[stage]\ntitle = \"T\n" NET1 CLIENT1,
	      "s.ini:2: [stage] title = \"\"T\": the quote is not closed; end the value with \""),
	FAULT("a quote is closed by its like", "[stage]\ntitle = 'T\"\n" NET1 CLIENT1,
	      "s.ini:2: [stage] title = \"'T\"\": the quote is not closed; end the value with '"),
	FAULT("nothing follows a closing quote", "[stage]\ntitle = \"T\" wo\n" NET1 CLIENT1,
	      "s.ini:2: [stage] title = \"\"T\" wo\": text after the closing quote; take it or the "
	      "quotes out"),
	FAULT("a backslash in quotes is refused", "[stage]\ntitle = \"a\\b\"\n" NET1 CLIENT1,
	      "s.ini:2: [stage] title = \"\"a\\b\"\": a backslash in quotes; take it or the quotes "
	      "out"),
	FAULT("a control byte in a value is shown escaped",
	      "[stage]\ntitle = a\x1b[31m\n" NET1 CLIENT1,
	      "s.ini:2: [stage] title = \"a\\x1b[31m\": a control byte, \\x1b; take it out"),
	FAULT("a control byte in a comment behind a value is refused",
	      "[stage]\ntitle = T ; \x1b\n" NET1 CLIENT1,
	      "s.ini:2: [stage] title = \"T ; \\x1b\": a control byte, \\x1b; take it out"),
	FAULT("a tab inside a value is a control byte", "[stage]\ntitle = a\tb\n" NET1 CLIENT1,
	      "s.ini:2: [stage] title = \"a\\x09b\": a control byte, \\x09; take it out"),
	FAULT("a C1 control character is shown escaped",
	      "[stage]\ntitle = a\xc2\x9b"
	      "1m\n" NET1 CLIENT1,
	      "s.ini:2: [stage] title = \"a\\xc2\\x9b1m\": the byte \\xc2 is no UTF-8 character "
	      "that "
	      "can be shown; save the file as UTF-8"),
	FAULT("Latin-1 in a value is refused", "[stage]\ntitle = gr\xfcn\n" NET1 CLIENT1,
	      "s.ini:2: [stage] title = \"gr\\xfcn\": the byte \\xfc is no UTF-8 character that "
	      "can "
	      "be shown; save the file as UTF-8"),
	FAULT("a long value is cut where it is shown",
	      "[stage]\ntitle = " X100 X100 "\n" NET1 CLIENT1,
	      "s.ini:2: [stage] title = \"" X10 X10 X10 X10 X10 X10 X10 X10 X10
	      "xx...\": longer than 127 bytes; shorten it"),
	FAULT("a long summary is refused as a long title is",
	      STAGE "summary = " X100 X100 "\n" NET1 CLIENT1,
	      "s.ini:3: [stage] summary = \"" X10 X10 X10 X10 X10 X10 X10 X10 X10
	      "xx...\": longer than 127 bytes; shorten it"),
	FAULT("a stage has a title", "[stage]\nsummary = S\n" NET1 CLIENT1,
	      "s.ini:1: [stage]: has no title; add one, like title = Two neighbours"),
	FAULT("a net has a subnet", STAGE "[net1]\nmtu = 1500\n" CLIENT1,
	      "s.ini:3: [net1]: has no subnet; add one, like subnet = 1.1.1.0/24"),

	/* addresses */
	FAULT("four numbers up to 255", STAGE NET1 "[client1]\nnet1 = 1.1.1.300\n",
	      "s.ini:7: [client1] net1 = \"1.1.1.300\": not an IPv4 address; write four numbers "
	      "from "
	      "0 to 255, like 1.1.1.2"),
	FAULT("not three numbers, nor octal ones",
	      STAGE NET1 "[client1]\nnet1 = 1.1.2\ngateway = 1.1.1.01\n",
	      "s.ini:7: [client1] net1 = \"1.1.2\": not an IPv4 address; write four numbers from 0 "
	      "to "
	      "255, like 1.1.1.2",
	      "s.ini:8: [client1] gateway = \"1.1.1.01\": not an IPv4 address; write four numbers "
	      "from "
	      "0 to 255, like 1.1.1.2"),
	FAULT("an address has no prefix length", STAGE NET1 "[client1]\nnet1 = 1.1.1.2/24\n",
	      "s.ini:7: [client1] net1 = \"1.1.1.2/24\": an address has no prefix length; take "
	      "the / and the number out"),
	FAULT("one address of a family", STAGE NET1 "[client1]\nnet1 = 1.1.1.2, 1.1.1.3\n",
	      "s.ini:7: [client1] net1 = \"1.1.1.2, 1.1.1.3\": several of IPv4; write one"),
	FAULT("a subnet has a prefix length", STAGE "[net1]\nsubnet = 1.1.1.0\n" CLIENT1,
	      "s.ini:4: [net1] subnet = \"1.1.1.0\": a prefix has a length; write it like "
	      "1.1.1.0/24"),
	FAULT("a subnet is a prefix", STAGE "[net1]\nsubnet = 1.1.1/24\n" CLIENT1,
	      "s.ini:4: [net1] subnet = \"1.1.1/24\": not an IPv4 prefix; write it like "
	      "1.1.1.0/24"),
	FAULT("a prefix length has no leading zero", STAGE "[net1]\nsubnet = 1.0.0.0/08\n" CLIENT1,
	      "s.ini:4: [net1] subnet = \"1.0.0.0/08\": the prefix length is a number from 0 to "
	      "32, "
	      "like /24"),
	FAULT("a prefix length of many digits is none",
	      STAGE "[net1]\nsubnet = 1.1.1.0/4294967320\n" CLIENT1,
	      "s.ini:4: [net1] subnet = \"1.1.1.0/4294967320\": the prefix length is a number from "
	      "0 "
	      "to 32, like /24"),
	FAULT("a prefix length is at most 32", STAGE "[net1]\nsubnet = 1.1.1.0/33\n" CLIENT1,
	      "s.ini:4: [net1] subnet = \"1.1.1.0/33\": the prefix length is a number from 0 to "
	      "32, "
	      "like /24"),
	FAULT("a prefix length is a number, even if its last digits would do",
	      STAGE "[net1]\nsubnet = 1.1.1.0/280\n" CLIENT1,
	      "s.ini:4: [net1] subnet = \"1.1.1.0/280\": the prefix length is a number from 0 to "
	      "32, "
	      "like /24"),
	FAULT("a subnet has no bits behind its prefix",
	      STAGE "[net1]\nsubnet = 1.1.1.77/26\n" CLIENT1,
	      "s.ini:4: [net1] subnet = \"1.1.1.77/26\": bits are set behind the prefix's "
	      "length; write 1.1.1.64/26"),
	FAULT("an Ethernet address has six bytes", GOOD "mac.net1 = 02:42:01:01:01\n",
	      "s.ini:9: [client1] mac.net1 = \"02:42:01:01:01\": not an Ethernet address; write "
	      "six "
	      "bytes with two digits each, like 02:42:01:01:01:02"),
	FAULT("an Ethernet address has no seventh byte", GOOD "mac.net1 = 02:42:01:01:01:02:03\n",
	      "s.ini:9: [client1] mac.net1 = \"02:42:01:01:01:02:03\": not an Ethernet address; "
	      "write six bytes with two digits each, like 02:42:01:01:01:02"),
	FAULT("an Ethernet address has colons", GOOD "mac.net1 = 02-42-01-01-01-02\n",
	      "s.ini:9: [client1] mac.net1 = \"02-42-01-01-01-02\": not an Ethernet address; write "
	      "six bytes with two digits each, like 02:42:01:01:01:02"),
	FAULT("an Ethernet address has hexadecimal digits", GOOD "mac.net1 = 02:42:01:01:01:0g\n",
	      "s.ini:9: [client1] mac.net1 = \"02:42:01:01:01:0g\": not an Ethernet address; write "
	      "six "
	      "bytes with two digits each, like 02:42:01:01:01:02"),
	FAULT("an Ethernet address may be for an interface whose line was refused",
	      GOOD "[client2]\nmac.net1 = 02:42:01:01:01:09\nnet1 = \"1.1.1.9\n",
	      "s.ini:11: [client2] net1 = \"\"1.1.1.9\": the quote is not closed; end the value "
	      "with "
	      "\""),
	FAULT("an Ethernet address needs an interface", GOOD "mac.net2 = 02:42:01:01:01:09\n",
	      "s.ini:9: [client1] mac.net2 = \"02:42:01:01:01:09\": the client has no interface on "
	      "this "
	      "net; add one"),
	FAULT("an MTU is a number", STAGE "[net1]\nsubnet = 1.1.1.0/24\nmtu = 1500b\n" CLIENT1,
	      "s.ini:5: [net1] mtu = \"1500b\": not a number of bytes; write it like 1500"),
	FAULT("an MTU of many digits is none",
	      STAGE "[net1]\nsubnet = 1.1.1.0/24\nmtu = 4294968796\n" CLIENT1,
	      "s.ini:5: [net1] mtu = \"4294968796\": not a number of bytes; write it like 1500"),
	FAULT("a client has at most 16 interfaces",
	      STAGE
	      "[client1]\nnet1 = 1.1.1.2\nnet2 = 1.1.2.2\nnet3 = 1.1.3.2\nnet4 = 1.1.4.2\n"
	      "net5 = 1.1.5.2\nnet6 = 1.1.6.2\nnet7 = 1.1.7.2\nnet8 = 1.1.8.2\nnet9 = 1.1.9.2\n"
	      "net10 = 1.1.10.2\nnet11 = 1.1.11.2\nnet12 = 1.1.12.2\nnet13 = 1.1.13.2\n"
	      "net14 = 1.1.14.2\nnet15 = 1.1.15.2\nnet16 = 1.1.16.2\nnet17 = 1.1.17.2\n[\n",
	      "s.ini:20: [client1] net17 = \"1.1.17.2\": a client has at most 16 interfaces; take "
	      "some out",
	      "s.ini:21: a section's name ends with ]"),
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
