/* The process that asks: what becomes of it in the client, and whose it is. */
#include "channel.h"
#include "child.h"
#include "fake_router.h"
#include "process.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/prctl.h>
#include <sys/stat.h>

/* ---- what happens in the client -------------------------------------------------------------- */

static void an_interface_that_goes_away_is_no_silence(void **state)
{
	static const enum asker_kind asked[] = {ASKER_PING, ASKER_UDP, ASKER_TCP, ASKER_ARP};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		FAKE fake = fake_make();
		CLEANUP_ASKER struct asker asker = ASKER_NONE;
		struct asker_plan plan = plan_of(asked[i], 1);
		struct ifreq down = {.ifr_flags = 0};
		uint8_t frame[FRAME_SIZE] = {0};
		REPORT *report = report_new();

		(void)strcpy(plan.interface, "eth0");
		plan.silence = true;
		begin(&fake, &plan, &asker);
		assert_int_not_equal(receive(fake.fd, frame, 10000), 0); /* it has asked */
		link_request(fake.sides.near_ns, "eth0", SIOCSIFFLAGS, &down);
		assert_int_equal(asker_wait(&asker, report, &why), -ENETDOWN);
	}
}

static void a_carrier_that_goes_away_is_no_silence(void **state)
{
	FAKE fake = fake_make();
	CLEANUP_ASKER struct asker asker = ASKER_NONE;
	struct asker_plan plan = plan_of(ASKER_PING, 1);
	struct ifreq down = {.ifr_flags = 0};
	uint8_t frame[FRAME_SIZE] = {0};
	REPORT *report = report_new();
	int64_t started;

	(void)state;
	plan.silence = true;
	begin(&fake, &plan, &asker);
	assert_int_not_equal(receive(fake.fd, frame, 10000), 0); /* it has asked */
	link_request(fake.sides.far_ns, "eth0", SIOCSIFFLAGS, &down);
	started = monotonic_ms();
	asker_enough(&asker);
	works(asker_wait(&asker, report, &why));
	assert_true(monotonic_ms() - started < 10000);
	assert_int_equal(report->ear.own, 1);
	assert_false(asker_would_hear(&asker, report));
}

/* As root in the client can by `ss --kill`: takes away the socket that sent the packet in FRAME. */
static void destroy_socket(const struct fake *fake, const uint8_t *frame)
{
	CLEANUP_FD int fd = socket_in(fake->sides.near_ns, AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 body;
	} request = {.head = {.nlmsg_len = sizeof(request),
			      .nlmsg_type = SOCK_DESTROY,
			      .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
		     .body = {.sdiag_family = AF_INET,
			      .sdiag_protocol = frame[IP + 9],
			      .idiag_states = UINT32_MAX}};
	struct {
		struct nlmsghdr head;
		struct nlmsgerr body;
	} answer = {.body.error = 1};

	memcpy(request.body.id.idiag_src, frame + IP + 12, 4);
	memcpy(request.body.id.idiag_dst, frame + IP + 16, 4);
	memcpy(&request.body.id.idiag_sport, frame + ICMP, 2);
	memcpy(&request.body.id.idiag_dport, frame + ICMP + 2, 2);
	memset(request.body.id.idiag_cookie, 0xff, sizeof(request.body.id.idiag_cookie));
	assert_int_equal(send(fd, &request, sizeof(request), 0), sizeof(request));
	assert_true(recv(fd, &answer, sizeof(answer), 0) > 0);
	assert_int_equal(answer.body.error, 0);
}

static void a_socket_that_root_takes_away_is_no_silence(void **state)
{
	static const enum asker_kind asked[] = {ASKER_UDP, ASKER_TCP};
	static const uint8_t protocols[] = {IPPROTO_UDP, IPPROTO_TCP};
	uint8_t frame[FRAME_SIZE] = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		FAKE fake = fake_make();
		CLEANUP_ASKER struct asker asker = ASKER_NONE;
		struct asker_plan plan = plan_of(asked[i], 1);
		REPORT *report = report_new();

		plan.silence = true;
		begin(&fake, &plan, &asker);
		(void)next_packet(&fake, protocols[i], frame);
		destroy_socket(&fake, frame);
		assert_int_equal(asker_wait(&asker, report, &why), -ECONNABORTED);
	}
}

static void a_flood_ends_no_later(void **state)
{
	FAKE fake = fake_make();
	CLEANUP_ASKER struct asker asker = ASKER_NONE;
	struct asker_plan plan = plan_of(ASKER_PING, 1);
	REPORT *report = report_new();
	uint8_t frame[FRAME_SIZE] = {0};
	int64_t started = monotonic_ms();
	struct pollfd report_comes = {.events = POLLIN};
	size_t size;

	(void)state;
	plan.within = 300;
	plan.silence = true;
	begin(&fake, &plan, &asker);
	size = next_packet(&fake, IPPROTO_ICMP, frame);
	reply(&fake, frame, size);
	report_comes.fd = asker.channel;
	while (poll(&report_comes, 1, 0) == 0) {
		(void)send(fake.fd, frame, size, 0);
		assert_true(monotonic_ms() - started < 10000);
	}
	works(asker_wait(&asker, report, &why));
	assert_true(report->packets[0].right > 100);
}

static void an_asker_that_is_killed_or_stopped_could_not_ask(void **state)
{
	FAKE fake = fake_make();
	CLEANUP_ASKER struct asker killed = ASKER_NONE, stopped = ASKER_NONE;
	const struct asker_plan plan = plan_of(ASKER_PING, 1);
	REPORT *report = report_new();

	(void)state;
	begin(&fake, &plan, &killed);
	works(process_signal(killed.pidfd, SIGKILL, &why));
	assert_int_equal(asker_wait(&killed, report, &why), -ECHILD);
	assert_string_equal(why.text, "ping: the probe was killed");
	begin(&fake, &plan, &stopped);
	works(process_signal(stopped.pidfd, SIGSTOP, &why));
	assert_true(stopped.deadline - monotonic_ms() > 20000);
	stopped.deadline = monotonic_ms() + 50;
	assert_int_equal(asker_wait(&stopped, report, &why), -ETIMEDOUT);
}

/* What an asker that went mad might say. */
static void spoil(struct asker_report *report, int how)
{
	switch (how) {
	case 0:
		memset(report->interface, 'x', sizeof(report->interface));
		break;
	case 1:
		(void)strcpy(report->interface, "\033[2J");
		break;
	case 2:
		report->frame_count = ASKER_FRAMES_MAX + 1;
		break;
	case 3:
		report->arp_count = UINT32_MAX;
		break;
	case 4:
		report->byte_count = 10;
		report->frame_count = 1;
		report->frames[0] = (struct asker_frame){.offset = 8, .size = 3};
		break;
	case 5:
		report->packets[7].reply.from.family = 99;
		break;
	case 6:
		report->packets[ASKER_PACKETS_MAX - 1].fault.wrong = 0x80;
		break;
	case 7:
		report->ear.own = 2;
		break;
	case 8:
		report->stream.peer = (struct net_address){.family = AF_INET, .length = 129};
		break;
	default:
		break;
	}
}

static void a_report_is_looked_at_before_it_is_believed(void **state)
{
	struct outcome {
		struct error error;
		struct asker_report report;
	} *outcome = calloc(1, sizeof(*outcome));
	REPORT *report = report_new();

	(void)state;
	for (int how = 0; how <= 9; how++) {
		CLEANUP_ASKER struct asker asker = ASKER_NONE;
		CLEANUP_FD int other = -1;
		int ends[2];

		memset(outcome, 0, sizeof(*outcome));
		spoil(&outcome->report, how);
		works(channel_pair(ends, &why));
		asker.channel = ends[0];
		other = ends[1];
		works(channel_send(other, outcome, sizeof(*outcome), NULL, &why));
		assert_int_equal(asker_wait(&asker, report, &why), how < 9 ? -EBADMSG : 0);
	}
	free(outcome);
}

/* What we send to ourselves does not come back: who knows what else does not. */
static void an_ear_that_does_not_hear_us_proves_nothing(void **state)
{
	static const enum asker_kind asked[] = {ASKER_PING, ASKER_UDP, ASKER_TCP};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		FAKE fake = fake_make();
		CLEANUP_ASKER struct asker asker = ASKER_NONE;
		struct asker_plan plan = plan_of(asked[i], 1);
		struct ifreq down = {.ifr_flags = 0};
		REPORT *report = report_new();

		link_request(fake.sides.near_ns, "lo", SIOCSIFFLAGS, &down);
		plan.within = 50;
		plan.silence = true;
		begin(&fake, &plan, &asker);
		if (asker_wait(&asker, report, &why) == 0)
			assert_false(asker_would_hear(&asker, report));
	}
}

/* ---- whose it is ----------------------------------------------------------------------------- */

static int ping_lo(const struct ns_set *client, struct asker *asker)
{
	struct asker_plan plan = plan_of(ASKER_PING, 1);
	REPORT *report = calloc(1, sizeof(*report));

	plan.to = (struct net_address){.family = AF_INET, .bytes = {127, 0, 0, 1}, .length = 32};
	if (!report || asker_start(&plan, client, asker, &why) < 0 || asker_meet(asker, &why) < 0 ||
	    asker_go(asker, &why) < 0 || asker_wait(asker, report, &why) < 0) {
		print_error("%s\n", why.text);
		return 1;
	}
	return report->packets[0].right == 1 && asker_would_hear(asker, report) ? 0 : 2;
}

static void roots_asker_enters_a_user_namespace_too(void **state)
{
	const struct ns_ids ids = {0, 1073741824, 65536};
	CLEANUP_NS_SET struct ns_set client = NS_SET_NONE;
	CLEANUP_ASKER struct asker asker = ASKER_NONE;
	CLEANUP_NET struct nl_sock *net = NULL;

	(void)state;
	works(ns_make(CLONE_NEWNET, &ids, &ids, &client, &why));
	net = net_in(client.fd[NS_NET]);
	works(net_link_up(net, "lo", &why));
	assert_int_equal(ping_lo(&client, &asker), 0);
}

/* In an ordinary user's own namespaces, where they are root. */
static int hold_namespaces(const int ends[2])
{
	CLEANUP_NET struct nl_sock *net = NULL;
	char byte = 0;

	CHECK(unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0);
	CHECK(prctl(PR_SET_DUMPABLE, 1) == 0); /* so that they can be opened */
	CHECK(net_socket_open(&net, &why) == 0 && net_link_up(net, "lo", &why) == 0);
	CHECK(write(ends[1], "r", 1) == 1);
	CHECK(read(ends[1], &byte, 1) <= 0);
	return 0;
}

static int ask_as_a_user(const void *argument)
{
	CLEANUP_NS_SET struct ns_set client = NS_SET_NONE;
	CLEANUP_ASKER struct asker asker = ASKER_NONE;
	char path[64], byte;
	struct stat status;
	int ends[2];
	pid_t holder;

	(void)argument;
	CHECK(setresgid(1000, 1000, 1000) == 0 && setresuid(1000, 1000, 1000) == 0);
	CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	holder = fork();
	if (holder == 0) {
		(void)close(ends[0]);
		_exit(hold_namespaces(ends));
	}
	(void)close(ends[1]);
	CHECK(read(ends[0], &byte, 1) == 1);
	client.fd[NS_USER] = ns_open_of(holder, NS_USER, &why);
	client.fd[NS_NET] = ns_open_of(holder, NS_NET, &why);
	CHECK(client.fd[NS_USER] >= 0 && client.fd[NS_NET] >= 0);
	CHECK(ping_lo(&client, &asker) == 0);
	asker_close(&asker);

	/* Who is the caller, as the client's root may be, cannot look into it. */
	{
		struct asker_plan plan = plan_of(ASKER_PING, 1);

		plan.to = (struct net_address){.family = AF_INET, .bytes = {127, 0, 0, 1}};
		CHECK(asker_start(&plan, &client, &asker, &why) == 0);
		CHECK(asker_meet(&asker, &why) == 0);
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/environ",
		       (int)process_pid_of(asker.pidfd, &why));
	CHECK(stat(path, &status) == 0 && status.st_uid == 0);
	return 0;
}

static void an_ordinary_users_asker_works_and_cannot_be_looked_into(void **state)
{
	(void)state;
	assert_int_equal(child_run(ask_as_a_user, NULL), 0);
}

struct leaving {
	struct ns_set client;
	int channel;
};

/* Starts an asker, stops it, and ends without a word. */
static int leave_an_asker(const void *argument)
{
	const struct leaving *leaving = argument;
	struct asker asker = ASKER_NONE;
	struct asker_plan plan = plan_of(ASKER_PING, 1);
	struct channel_fds fds = {.count = 1};

	plan.to = (struct net_address){.family = AF_INET, .bytes = {127, 0, 0, 1}};
	CHECK(asker_start(&plan, &leaving->client, &asker, &why) == 0);
	CHECK(asker_meet(&asker, &why) == 0);
	CHECK(process_signal(asker.pidfd, SIGSTOP, &why) == 0);
	fds.fd[0] = asker.pidfd;
	CHECK(channel_send(leaving->channel, "p", 1, &fds, &why) == 0);
	return 0;
}

static void an_asker_dies_with_who_started_it(void **state)
{
	const struct ns_ids ids = {0, 1073741824, 65536};
	struct leaving leaving = {.client = NS_SET_NONE};
	CLEANUP_CHANNEL_FDS struct channel_fds fds = {.count = 0};
	CLEANUP_NET struct nl_sock *net = NULL;
	struct pollfd ended = {.events = POLLIN};
	int ends[2];
	char byte;

	(void)state;
	works(ns_make(CLONE_NEWNET, &ids, &ids, &leaving.client, &why));
	net = net_in(leaving.client.fd[NS_NET]);
	works(net_link_up(net, "lo", &why));
	works(channel_pair(ends, &why));
	leaving.channel = ends[1];
	assert_int_equal(child_run(leave_an_asker, &leaving), 0);
	assert_int_equal(channel_receive(ends[0], &byte, 1, &fds, &why), 1);
	ended.fd = fds.fd[0];
	assert_int_equal(poll(&ended, 1, 10000), 1);
	ns_set_close(&leaving.client);
	close_fd(&ends[0]);
	close_fd(&ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_interface_that_goes_away_is_no_silence),
		cmocka_unit_test(a_carrier_that_goes_away_is_no_silence),
		cmocka_unit_test(a_socket_that_root_takes_away_is_no_silence),
		cmocka_unit_test(a_flood_ends_no_later),
		cmocka_unit_test(an_asker_that_is_killed_or_stopped_could_not_ask),
		cmocka_unit_test(a_report_is_looked_at_before_it_is_believed),
		cmocka_unit_test(an_ear_that_does_not_hear_us_proves_nothing),
		cmocka_unit_test(roots_asker_enters_a_user_namespace_too),
		cmocka_unit_test(an_ordinary_users_asker_works_and_cannot_be_looked_into),
		cmocka_unit_test(an_asker_dies_with_who_started_it),
	};

	return cmocka_run_group_tests(tests, wires_isolate, NULL);
}
