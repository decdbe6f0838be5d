/* A stage file becomes a struct stage; what is no stage file is refused without a hang. */
#include "stage_text.h"

#include "address.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

static void all_faults_are_told_in_the_order_of_lines_up_to_ten(void **state)
{
	static const char text[] = "[stage]\ntitle = T\n[net1]\nsubnet = 1.1.1.0/24\n"
				   "[client1]\nnet1 = 1.1.1.0\na = 1\nb = 1\nc = 1\nd = 1\ne = 1\n"
				   "f = 1\ng = 1\nh = 1\ni = 1\nj = 1\n";
	CLEANUP_STAGE struct stage stage = {0};
	struct complaints complaints;

	(void)state;
	assert_int_equal(judge(text, strlen(text), &stage, &complaints), -EINVAL);
	assert_int_equal(complaints.count, 11);
	assert_int_equal(complaints_kept(&complaints), 10);
	/* The rule's complaint was made last. */
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(complaints.kept[i].line, 6 + i);
}

static void every_value_arrives_in_the_stage(void **state)
{
	static const char text[] =
		"[stage]\ntitle = Two\nsummary = Sum\n"
		"[client1]\nmac.net1 = 06:00:00:00:00:0A\nnet2 = 2.2.2.2\nnet1 = 1.1.1.2\n"
		"gateway = 2.2.2.1\n"
		"[net2]\nsubnet = 2.2.2.0/23\ncomputer = 2.2.2.1\nmtu = 9000\n"
		"[net1]\nsubnet = 1.1.1.0/24\n";
	static const uint8_t given[] = {6, 0, 0, 0, 0, 10};
	static const uint8_t derived[] = {2, 0x42, 2, 2, 2, 2};
	static const uint8_t gateway[] = {2, 2, 2, 1};
	CLEANUP_STAGE struct stage stage = {0};
	struct complaints complaints;
	const struct stage_client *client;

	(void)state;
	assert_int_equal(judge(text, strlen(text), &stage, &complaints), 0);
	assert_string_equal(stage.name, "test");
	assert_string_equal(stage.title, "Two");
	assert_string_equal(stage.summary, "Sum");
	assert_int_equal(stage.net_count, 2);
	assert_int_equal(stage.client_count, 1);

	assert_int_equal(stage.nets[0].number, 1);
	assert_int_equal(stage.nets[0].line, 13);
	assert_int_equal(stage.nets[0].mtu, MTU_DEFAULT);
	assert_int_equal(stage.nets[0].mtu_line, 0);
	assert_int_equal(stage.nets[0].ends, 1);
	assert_false(stage_net_is_leg(&stage.nets[0]));
	assert_int_equal(stage.nets[1].mtu, 9000);
	assert_int_equal(stage.nets[1].mtu_line, 12);
	assert_int_equal(stage.nets[1].ends, 2);
	assert_int_equal(stage.nets[1].subnet[FAMILY_IPV4].length, 23);
	assert_int_equal(stage.nets[1].computer[FAMILY_IPV4].length, 23);
	assert_int_equal(stage.nets[1].computer[FAMILY_IPV4].line, 11);
	assert_true(stage_net_is_leg(&stage.nets[1]));

	client = &stage.clients[0];
	assert_int_equal(client->number, 1);
	assert_int_equal(client->line, 4);
	assert_int_equal(client->interface_count, 2);
	assert_int_equal(client->interfaces[0].net, 2);
	assert_int_equal(client->interfaces[0].line, 6);
	assert_int_equal(client->interfaces[0].address[FAMILY_IPV4].length, 23);
	assert_int_equal(client->interfaces[0].address[FAMILY_IPV6].line, 0);
	assert_memory_equal(client->interfaces[0].mac, derived, MAC_SIZE);
	assert_int_equal(client->interfaces[0].mac_line, 0);
	assert_int_equal(client->interfaces[1].net, 1);
	assert_memory_equal(client->interfaces[1].mac, given, MAC_SIZE);
	assert_int_equal(client->interfaces[1].mac_line, 5);
	assert_int_equal(client->gateway[FAMILY_IPV4].line, 8);
	assert_memory_equal(client->gateway[FAMILY_IPV4].bytes, gateway, sizeof(gateway));
}

static void every_value_of_a_dual_stage_arrives(void **state)
{
	static const char text[] =
		"[stage]\ntitle = T\n"
		"[net1]\nsubnet = fd00:1::/64 , 1.1.1.0/24\ncomputer = fd00:1::1\n"
		"delay = 1.5ms\nloss = 0.05%\nrate = 2.5mbit\n"
		"[client1]\nnet1 = 1.1.1.2,fd00:1::2\ngateway = 1.1.1.1, fd00:1::1\n"
		"routes = 2.2.0.0/16 via 1.1.1.9,  fd00:2::/32   via fd00:1::9\nforwarding = yes\n"
		"run = 'echo \"a\"; sleep 1 # c' ; comment\n";
	static const uint8_t one[16] = {0xfd, 0, 0, 1};
	static const uint8_t two[16] = {0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};
	static const uint8_t nine[16] = {0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9};
	static const uint8_t derived[] = {2, 0x42, 1, 1, 1, 2};
	CLEANUP_STAGE struct stage stage = {0};
	struct complaints complaints;
	const struct stage_client *client;

	(void)state;
	assert_int_equal(judge(text, strlen(text), &stage, &complaints), 0);
	assert_memory_equal(stage.nets[0].subnet[FAMILY_IPV6].bytes, one, 16);
	assert_int_equal(stage.nets[0].subnet[FAMILY_IPV6].length, 64);
	assert_int_equal(stage.nets[0].subnet[FAMILY_IPV4].length, 24);
	assert_int_equal(stage.nets[0].computer[FAMILY_IPV4].line, 0);
	assert_int_equal(stage.nets[0].computer[FAMILY_IPV6].length, 64);
	assert_true(stage_net_is_leg(&stage.nets[0]));
	assert_int_equal(stage.nets[0].delay, 1500);
	assert_int_equal(stage.nets[0].loss, 500);
	assert_int_equal(stage.nets[0].rate, 2500000);

	client = &stage.clients[0];
	assert_int_equal(client->interfaces[0].address[FAMILY_IPV4].length, 24);
	assert_int_equal(client->interfaces[0].address[FAMILY_IPV6].length, 64);
	assert_memory_equal(client->interfaces[0].address[FAMILY_IPV6].bytes, two, 16);
	assert_memory_equal(client->interfaces[0].mac, derived, MAC_SIZE);
	assert_int_equal(client->gateway[FAMILY_IPV6].line, 11);
	assert_int_equal(client->route_count, 2);
	assert_int_equal(client->routes[0].family, FAMILY_IPV4);
	assert_int_equal(client->routes[0].prefix.length, 16);
	assert_int_equal(client->routes[1].family, FAMILY_IPV6);
	assert_int_equal(client->routes[1].prefix.length, 32);
	assert_memory_equal(client->routes[1].via.bytes, nine, 16);
	assert_int_equal(client->routes[1].via.line, 12);
	assert_true(client->forwarding);
	assert_string_equal(client->run, "echo \"a\"; sleep 1 # c");
}

#define TWO_NETS                                                                                   \
	"[stage]\ntitle = T\n[net1]\nsubnet = 1.1.1.0/24, fd00:1::/64\ncomputer = 1.1.1.1\n"       \
	"[net2]\nsubnet = 2.2.2.0/24, fd00:2::/64\ncomputer = fd00:2::1\n"                         \
	"[client1]\nnet1 = 1.1.1.2, fd00:1::2\n[client2]\nnet2 = 2.2.2.2\nnet1 = 1.1.1.3\n" /* 14  \
											     */

static void every_value_of_a_check_arrives(void **state)
{
	static const char text[] = TWO_NETS
		"[check Ping-1]\nlook = ttl, stray\ntitle = A\npoints = 3\nsize = 1, 2KiB\n"
		"expect = icmp 11/0\nwithin = 1.5s\nttl = 1\ncount = 4\nprobe = ping, udp\n"
		"port = 9\nfrom = client1\nto = client2.net2\n";
	static const uint8_t two[] = {2, 2, 2, 2};
	CLEANUP_STAGE struct stage stage = {0};
	struct complaints complaints;
	const struct stage_check *check;

	(void)state;
	assert_int_equal(judge(text, strlen(text), &stage, &complaints), 0);
	assert_int_equal(stage.check_count, 1);
	check = &stage.checks[0];
	assert_string_equal(check->name, "Ping-1");
	assert_int_equal(check->line, 14);
	assert_string_equal(check->title, "A");
	assert_int_equal(check->points, 3);
	assert_int_equal(check->probe_count, 2);
	assert_int_equal(check->probes[0].kind, PROBE_PING);
	assert_int_equal(check->probes[1].kind, PROBE_UDP);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(check->probes[i].size_count, 2);
		assert_int_equal(check->probes[i].sizes[0], 1);
		assert_int_equal(check->probes[i].sizes[1], 2048);
	}
	assert_int_equal(check->count, 4);
	assert_int_equal(check->ttl, 1);
	assert_int_equal(check->port, 9);
	assert_int_equal(check->expect.kind, EXPECT_ICMP);
	assert_int_equal(check->expect.icmp_type, 11);
	assert_int_equal(check->expect.icmp_code, 0);
	assert_int_equal(check->expect.line, 19);
	assert_int_equal(check->within, 1500);
	assert_int_equal(check->looks, 1U << LOOK_TTL | 1U << LOOK_STRAY);
	assert_int_equal(check->from.client, 1);
	assert_int_equal(check->from.line, 25);
	assert_int_equal(check->to.client, 2);
	assert_int_equal(check->to.net, 2);
	assert_int_equal(check->asker, 1);
	assert_int_equal(check->family, FAMILY_IPV4);
	assert_memory_equal(check->target.bytes, two, sizeof(two));
}

static void what_a_check_leaves_open_has_its_usual_value(void **state)
{
	static const char text[] = TWO_NETS
		"[check a]\ntitle = A\nprobe = tcp, ping, udp, arp\nfrom = client2\nto = net1\n"
		"[check b]\ntitle = B\nprobe = run\nfrom = client2\nrun = ip -4 addr\n"
		"[check c]\ntitle = C\nprobe = frame\nfrom = client2\nlook = stray\n"
		"frame = ffffffffffff 024201010102 0806\n"
		"[check d]\ntitle = D\nprobe = run\nfrom = client1\nrun = x\nexpect = exit 9\n"
		"[check e]\ntitle = E\nprobe = ping\nfrom = client1\nto = net1\nexpect = icmp 3\n";
	CLEANUP_STAGE struct stage stage = {0};
	struct complaints complaints;
	const struct stage_check *check;

	(void)state;
	assert_int_equal(judge(text, strlen(text), &stage, &complaints), 0);
	assert_int_equal(stage.check_count, 5);
	check = &stage.checks[0];
	assert_int_equal(check->points, 1);
	assert_int_equal(check->probes[0].size_count, 1);
	assert_int_equal(check->probes[0].sizes[0], 65536);
	assert_int_equal(check->probes[1].size_count, 1);
	assert_int_equal(check->probes[1].sizes[0], 56);
	assert_int_equal(check->probes[2].size_count, 1);
	assert_int_equal(check->probes[2].sizes[0], 100);
	assert_int_equal(check->probes[3].size_count, 0);
	assert_int_equal(check->count, 1);
	assert_int_equal(check->ttl, 64);
	assert_int_equal(check->port, 0);
	assert_int_equal(check->within, 1000);
	assert_int_equal(check->looks, 0);
	assert_int_equal(check->expect.kind, EXPECT_REPLY);
	assert_int_equal(check->expect.line, 0);
	assert_int_equal(check[1].expect.kind, EXPECT_EXIT);
	assert_int_equal(check[1].expect.status, 0);
	assert_string_equal(check[1].run, "ip -4 addr");
	assert_int_equal(check[1].target.line, 0);
	assert_int_equal(check[2].expect.kind, EXPECT_ANYTHING);
	assert_int_equal(check[3].expect.status, 9);
	assert_int_equal(check[4].expect.icmp_code, -1);
}

static void frames_and_hops_arrive(void **state)
{
	static const char text[] = TWO_NETS
		"[check a]\ntitle = A\nprobe = frame\nfrom = net1\nexpect = silence\n"
		"frame = ffffffffffff02420101 0102 0806, 00 11 22 33 44 55 66 77 88 99 aA bB cC "
		"DdEeF0\n"
		"[check b]\ntitle = B\nprobe = traceroute\nfrom = client1\nto = fd00:9::9\n"
		"hops = fd00:1::1,fd00:9::9\n";
	static const uint8_t first[] = {255, 255, 255, 255, 255, 255, 2, 0x42, 1, 1, 1, 2, 8, 6};
	static const uint8_t second[] = {0,    0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
					 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xf0};
	static const uint8_t nine[16] = {0xfd, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9};
	CLEANUP_STAGE struct stage stage = {0};
	struct complaints complaints;
	const struct stage_check *check;

	(void)state;
	assert_int_equal(judge(text, strlen(text), &stage, &complaints), 0);
	check = &stage.checks[0];
	assert_int_equal(check->frame_count, 2);
	assert_int_equal(check->frames[0].length, sizeof(first));
	assert_memory_equal(check->frames[0].bytes, first, sizeof(first));
	assert_int_equal(check->frames[1].length, sizeof(second));
	assert_memory_equal(check->frames[1].bytes, second, sizeof(second));
	assert_int_equal(check->from.net, 1);
	assert_int_equal(check->asker, 1);
	assert_int_equal(check->wire, 1);
	check = &stage.checks[1];
	assert_int_equal(check->family, FAMILY_IPV6);
	assert_memory_equal(check->target.bytes, nine, sizeof(nine));
	assert_int_equal(check->hop_count, 2);
	assert_int_equal(check->hops[1].family, FAMILY_IPV6);
	assert_memory_equal(check->hops[1].address.bytes, nine, sizeof(nine));
}

/* Of a check that client FROM asks, TO being that key's value. */
static void asks(const char *probe, const char *from, const char *to, const char *target,
		 unsigned wire)
{
	char text[1024];
	char found[ADDRESS_TEXT_SIZE];
	CLEANUP_STAGE struct stage stage = {0};
	struct complaints complaints;

	(void)snprintf(text, sizeof(text),
		       TWO_NETS "[check a]\ntitle = A\nprobe = %s\nfrom = %s\nto = %s\n", probe,
		       from, to);
	if (judge(text, strlen(text), &stage, &complaints) < 0)
		fail_msg("%s", complaints.kept[0].text);
	assert_string_equal(address_format(stage.checks[0].family, &stage.checks[0].target, found),
			    target);
	assert_int_equal(stage.checks[0].wire, wire);
}

static void who_is_asked_has_the_first_address_of_a_family_that_both_have(void **state)
{
	(void)state;
	asks("ping", "client1", "client2", "2.2.2.2", 1);
	asks("ping", "client1", "client2.net1", "1.1.1.3", 1);
	asks("ping", "client1", "net1", "1.1.1.1", 1);
	asks("ping", "client1", "net2", "fd00:2::1", 1);
	asks("ping", "client1", "fd00:1::3", "fd00:1::3", 1);
	/* client2 is on net2 first */
	asks("arp", "client2", "net1", "1.1.1.1", 1);
	asks("arp", "client2", "2.2.2.9", "2.2.2.9", 2);
	asks("arp", "client2", "9.9.9.9", "9.9.9.9", 2);
}

static void a_frame_is_put_on_the_net_that_is_named(void **state)
{
	static const char text[] =
		"[stage]\ntitle = T\n[net1]\nsubnet = 1.1.1.0/24\n[net2]\nsubnet = 2.2.2.0/24\n"
		"[client1]\nnet1 = 1.1.1.2\n[client2]\nnet1 = 1.1.1.3\nnet2 = 2.2.2.3\n"
		"[check a]\ntitle = A\nprobe = frame\nfrom = net2\nto = client1\nlook = stray\n"
		"frame = ffffffffffff 024201010102 0806\n"
		"[check b]\ntitle = B\nprobe = frame\nfrom = client2\nlook = stray\n"
		"frame = ffffffffffff 024201010102 0806\n";
	CLEANUP_STAGE struct stage stage = {0};
	struct complaints complaints;

	(void)state;
	assert_int_equal(judge(text, strlen(text), &stage, &complaints), 0);
	assert_int_equal(stage.checks[0].asker, 2);
	assert_int_equal(stage.checks[0].wire, 2);
	assert_int_equal(stage.checks[1].asker, 2);
	assert_int_equal(stage.checks[1].wire, 1);
}

static void refuse_file(int fd, const char *text)
{
	CLEANUP_STAGE struct stage stage = {0};
	struct complaints complaints = {.file = "s.ini"};

	assert_true(fd >= 0);
	assert_int_equal(config_read(fd, "test", &stage, &complaints), -EINVAL);
	assert_int_equal(rules_check(&stage, &complaints), -EINVAL);
	assert_int_equal(complaints.count, 1);
	assert_string_equal(complaints.kept[0].text, text);
}

static void what_is_no_regular_file_is_refused_at_once(void **state)
{
	char path[] = "/tmp/test_config.XXXXXX";
	CLEANUP_FD int directory = open("/", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	CLEANUP_FD int device = open("/dev/zero", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	CLEANUP_FD int fifo = -1;

	(void)state;
	assert_non_null(mkdtemp(path));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	fifo = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_int_equal(unlink(path), 0);
	refuse_file(directory,
		    "s.ini: not a regular file but a directory; a stage file is a text file");
	refuse_file(fifo, "s.ini: not a regular file but a FIFO; a stage file is a text file");
	refuse_file(device,
		    "s.ini: not a regular file but a device or socket; a stage file is a text "
		    "file");
}

static void what_cannot_be_read_is_refused(void **state)
{
	CLEANUP_FD int path_only = open("/proc/self/exe", O_PATH | O_CLOEXEC);

	(void)state;
	refuse_file(path_only, "s.ini: cannot be read: Bad file descriptor");
}

static void a_file_that_cannot_be_copied_is_refused(void **state)
{
	CLEANUP_FD int fd = open_text(GOOD, strlen(GOOD));
	struct rlimit before;
	struct rlimit full;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	full = before;
	full.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &full), 0);
	refuse_file(fd, "s.ini: cannot be read: Too many open files");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* GOOD, then comments of 64 bytes up to SIZE. */
static int open_padded(size_t size)
{
	char line[65];
	int fd = open_text(GOOD, strlen(GOOD));
	size_t used = strlen(GOOD);

	memset(line, ';', 63);
	line[63] = '\n';
	while (used < size) {
		size_t count = size - used < 64 ? size - used : 64;

		assert_int_equal(write(fd, line, count), count);
		used += count;
	}
	return fd;
}

static void a_file_may_have_1_mib_and_not_a_byte_more(void **state)
{
	CLEANUP_FD int largest = open_padded((size_t)1024 * 1024);
	CLEANUP_FD int larger = open_padded((size_t)1024 * 1024 + 1);
	CLEANUP_STAGE struct stage stage = {0};
	struct complaints complaints = {.file = "s.ini"};

	(void)state;
	assert_int_equal(config_read(largest, "test", &stage, &complaints), 0);
	assert_int_equal(complaints.count, 0);
	refuse_file(larger, "s.ini: longer than 1 MiB; a stage file is at most that");
}

static void a_file_without_a_size_is_still_limited(void **state)
{
	/* A regular file of /proc that says 0 bytes and holds some, among them NULs. */
	CLEANUP_FD int fd = open("/proc/self/auxv", O_RDONLY | O_CLOEXEC);

	(void)state;
	refuse_file(fd, "s.ini:1: a NUL byte; the file must be text, saved as UTF-8");
}

static void a_file_is_read_from_its_start_and_its_offset_stays(void **state)
{
	CLEANUP_FD int fd = open_text(GOOD, strlen(GOOD));
	CLEANUP_STAGE struct stage stage = {0};
	struct complaints complaints = {.file = "s.ini"};

	(void)state;
	assert_int_equal(lseek(fd, 5, SEEK_SET), 5);
	assert_int_equal(config_read(fd, "test", &stage, &complaints), 0);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 5);
	assert_string_equal(stage.title, "T");
}

static void a_name_that_is_too_long_is_refused(void **state)
{
	char name[STAGE_NAME_SIZE + 1];
	CLEANUP_FD int fd = open_text(GOOD, strlen(GOOD));
	CLEANUP_STAGE struct stage stage = {0};
	struct complaints complaints = {.file = "s.ini"};

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(config_read(fd, name, &stage, &complaints), -EINVAL);
	assert_string_equal(complaints.kept[0].text,
			    "s.ini: the stage's name is longer than 63 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_arrives_in_the_stage),
		cmocka_unit_test(every_value_of_a_dual_stage_arrives),
		cmocka_unit_test(every_value_of_a_check_arrives),
		cmocka_unit_test(what_a_check_leaves_open_has_its_usual_value),
		cmocka_unit_test(frames_and_hops_arrive),
		cmocka_unit_test(who_is_asked_has_the_first_address_of_a_family_that_both_have),
		cmocka_unit_test(a_frame_is_put_on_the_net_that_is_named),
		cmocka_unit_test(all_faults_are_told_in_the_order_of_lines_up_to_ten),
		cmocka_unit_test(what_is_no_regular_file_is_refused_at_once),
		cmocka_unit_test(what_cannot_be_read_is_refused),
		cmocka_unit_test(a_file_that_cannot_be_copied_is_refused),
		cmocka_unit_test(a_file_may_have_1_mib_and_not_a_byte_more),
		cmocka_unit_test(a_file_without_a_size_is_still_limited),
		cmocka_unit_test(a_file_is_read_from_its_start_and_its_offset_stays),
		cmocka_unit_test(a_name_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
