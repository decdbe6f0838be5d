/* Theory of operation
 *
 * An asker is a clone of ours without an exec. It is not dumpable before it enters the client, so
 * that nobody in there can trace it or look through its files (CVE-2016-9962), and it enters the
 * user and the network namespace alone: no path of the client's is ever walked, no process of the
 * client's can see it, no limit or control group of the client's counts it. It keeps no file but
 * the channel to us, and dies with us.
 *
 * Over the channel it says that it is ready, waits for one byte, asks, and reports. A second byte
 * is that it is enough or that its report was heard, and the end of file that we are gone. Its
 * socket calls never block and each wait has an end, so that whatever happens in the client it ends
 * within its time; we wait as long as that and some seconds, and then kill it (asker_close()).
 *
 * What it reports was made by our own code, but out of what strangers sent, in a place where they
 * are root: its form is looked at before anybody relies on it. */
#include "asker.h"

#include "asker_probe.h"
#include "channel.h"
#include "file.h"
#include "process.h"
#include "text.h"

#include <sys/prctl.h>

#define PREPARE_MS 10000 /* more than enough, on a machine that has much else to do */
#define FORGET_MS  1000	 /* likewise, for one message to the kernel */
#define GRACE_MS   10000 /* likewise, beyond the time that a question takes */

static const struct {
	const struct probe_kind *probe;
	const char *name;
} kinds[ASKER_KINDS] = {
	[ASKER_PING] = {&asker_ping, "ping"},
	[ASKER_TRACE] = {&asker_ping, "trace"},
	[ASKER_UDP] = {&asker_udp, "udp"},
	[ASKER_TCP] = {&asker_tcp, "tcp"},
	[ASKER_ARP] = {&asker_arp, "arp"},
	[ASKER_FRAME] = {&asker_frame, "frame"},
	[ASKER_UDP_ANSWERER] = {&asker_udp_answerer, "answer udp"},
	[ASKER_TCP_ANSWERER] = {&asker_tcp_answerer, "answer tcp"},
};

/* What the asker says when it is ready. ERROR: it cannot ask. */
struct ready {
	struct error error;
	uint16_t port;
};

/* And at the end. */
struct outcome {
	struct error error;
	struct asker_report report;
};

/* ---- in the client --------------------------------------------------------------------------- */

struct birth {
	const struct asker_plan *plan;
	struct ns_set client; /* the two that it enters; borrowed */
	pid_t parent;
	int channel;
};

/* The order matters: a change of capabilities, as by setns(2), makes a process dumpable where the
 * sysctl fs.suid_dumpable says so, and takes the wish for the parent's death away. */
static int enter_child(struct birth *birth, struct error *error)
{
	process_hold_signals(); /* a terminal's are for who started us, which ends us then */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return error_system(error, errno, "cannot hide from the client");
	if (ns_enter(&birth->client, error) < 0)
		return -error->code;
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return error_system(error, errno, "cannot ask for the parent's death");
	if (getppid() != birth->parent) /* it came before we asked */
		return error_set(error, ECANCELED, "the parent is gone");
	return file_close_others(&birth->channel, 1, error);
}

static int prepare_child(struct birth *birth, struct probe *probe, struct error *error)
{
	int result = enter_child(birth, error);

	if (result == 0)
		result = net_socket_open(&probe->net, error);
	return result == 0 ? kinds[birth->plan->kind].probe->prepare(probe, error) : result;
}

/* Waits for the word to ask, or later that the report was heard. */
static int hear_word_child(const struct probe *probe, struct error *error)
{
	char byte;

	if (read(probe->channel, &byte, 1) != 1)
		return error_set(error, ECANCELED, "who asked is gone");
	return 0;
}

static bool has_neighbour(const struct probe *probe)
{
	return probe->plan->kind != ASKER_FRAME && probe->route.index != 0 && !probe->route.own;
}

/* The next hop's Ethernet address, as the kernel has it by now. */
static void note_neighbour(struct probe *probe)
{
	struct asker_report *report = probe->report;
	struct error ignored;

	if (has_neighbour(probe))
		report->neighbour_known =
			net_neighbour_find(probe->net, probe->route.index, probe_next_hop(probe),
					   report->mac, &ignored) > 0;
}

/* Where nobody was to answer: the kernel would go on asking for an address that it does not have.
 * Only when our report is heard, for what others ask by the same hop at the same time would be lost
 * with it (RTM_DELNEIGH drops what waits there, and tells its sockets EHOSTUNREACH). */
static void forget_neighbour(struct probe *probe)
{
	struct error ignored;

	if (probe->plan->silence && has_neighbour(probe) && hear_word_child(probe, &ignored) == 0)
		(void)net_neighbour_forget(probe->net, probe->route.index, probe_next_hop(probe),
					   &ignored);
}

static void close_probe(struct probe *probe)
{
	close_fd(&probe->socket);
	close_fd(&probe->ear);
	close_fd(&probe->reserved);
	net_socket_close(&probe->net);
}

static void fill_packets(struct probe *probe)
{
	for (uint32_t i = 0; i < probe->plan->count; i++)
		probe->report->packets[i].size = probe_size(probe->plan, i);
}

static int ask_child(struct birth *birth, struct outcome *outcome, uint8_t *buffer)
{
	CLEANUP(close_probe)
	struct probe probe = {.plan = birth->plan,
			      .report = &outcome->report,
			      .channel = birth->channel,
			      .socket = -1,
			      .ear = -1,
			      .reserved = -1,
			      .buffer = buffer};
	struct ready ready = {.error.code = 0};
	struct error ignored;
	int result;

	fill_packets(&probe);
	result = prepare_child(birth, &probe, &ready.error);
	if (result == 0)
		ready.error = (struct error){0};
	probe.channel = birth->channel;
	ready.port = outcome->report.own_port;
	if (channel_send(probe.channel, &ready, sizeof(ready), NULL, &ignored) < 0 || result < 0)
		return PROCESS_FAILED;
	result = hear_word_child(&probe, &outcome->error);
	if (result == 0)
		result = kinds[birth->plan->kind].probe->ask(&probe, &outcome->error);
	if (result == 0) {
		note_neighbour(&probe);
		outcome->error = (struct error){0};
	}
	result = channel_send(probe.channel, outcome, sizeof(*outcome), NULL, &ignored);
	if (result == 0)
		forget_neighbour(&probe);
	return result < 0 ? PROCESS_FAILED : 0;
}

static int main_child(void *argument)
{
	CLEANUP_FREE struct outcome *outcome = calloc(1, sizeof(*outcome));
	CLEANUP_FREE uint8_t *buffer = malloc(PROBE_BUFFER);

	return outcome && buffer ? ask_child(argument, outcome, buffer) : PROCESS_FAILED;
}

/* ---- starting -------------------------------------------------------------------------------- */

void asker_close(struct asker *asker)
{
	int saved = errno;

	if (asker->pidfd >= 0)
		process_end(asker->pidfd);
	close_fd(&asker->pidfd);
	close_fd(&asker->channel);
	errno = saved;
}

static int check_sizes(const struct asker_plan *plan, struct error *error)
{
	const bool stream = plan->kind == ASKER_TCP || plan->kind == ASKER_TCP_ANSWERER;
	const uint32_t most = stream ? ASKER_STREAM_SIZE_MAX : ASKER_SIZE_MAX;

	if (plan->size_count > ASKER_SIZES_MAX)
		return error_set(error, EINVAL, "more than %d sizes", ASKER_SIZES_MAX);
	for (size_t i = 0; i < plan->size_count; i++)
		if (plan->sizes[i] > most)
			return error_set(error, EINVAL, "%u bytes are more than %u", plan->sizes[i],
					 most);
	return 0;
}

static bool is_family(int family)
{
	return family == AF_INET || family == AF_INET6;
}

static int check_plan(const struct asker_plan *plan, struct error *error)
{
	if (plan->kind >= ASKER_KINDS || plan->within > ASKER_WITHIN_MAX ||
	    plan->interval > ASKER_WITHIN_MAX || plan->pause > ASKER_WITHIN_MAX)
		return error_set(error, EINVAL, "no such question");
	if (plan->count < 1 || plan->count > ASKER_PACKETS_MAX)
		return error_set(error, EINVAL, "1 to %d packets", ASKER_PACKETS_MAX);
	if (!memchr(plan->interface, '\0', sizeof(plan->interface)))
		return error_set(error, EINVAL, "the interface's name is too long");
	if (plan->kind == ASKER_FRAME) {
		if (!plan->frame || plan->frame_size < 14 || plan->frame_size > ASKER_FRAME_MAX)
			return error_set(error, EINVAL, "a frame has 14 to %d bytes",
					 ASKER_FRAME_MAX);
	} else if (!is_family(plan->to.family)) {
		return error_set(error, EINVAL, "no address to ask");
	}
	if (plan->from.family != 0 && plan->kind != ASKER_FRAME &&
	    plan->from.family != plan->to.family)
		return error_set(error, EINVAL, "the addresses are of two families");
	return check_sizes(plan, error);
}

int asker_start(const struct asker_plan *plan, const struct ns_set *client, struct asker *asker,
		struct error *error)
{
	struct asker_plan own = *plan;
	struct birth birth = {.plan = &own, .client = NS_SET_NONE, .parent = getpid()};
	CLEANUP_ASKER struct asker made = ASKER_NONE;
	int ends[2];
	int result;

	if (own.interval == 0)
		own.interval = 2;
	if (check_plan(plan, error) < 0 || channel_pair(ends, error) < 0)
		return error_prefix(error, "%s",
				    plan->kind < ASKER_KINDS ? kinds[plan->kind].name : "asker");
	birth.client.fd[NS_USER] = client->fd[NS_USER];
	birth.client.fd[NS_NET] = client->fd[NS_NET];
	made.channel = ends[0];
	birth.channel = ends[1];
	made.kind = own.kind;
	made.silence = own.silence;
	made.patience = own.within + (uint32_t)probe_asking_ms(&own) + GRACE_MS;
	made.deadline = monotonic_ms() + PREPARE_MS;
	result = ns_clone(0, main_child, &birth, &made.pidfd, error);
	close_fd(&ends[1]);
	if (result < 0)
		return error_prefix(error, "%s", kinds[plan->kind].name);
	*asker = made;
	made = ASKER_NONE;
	return 0;
}

/* ---- hearing of it --------------------------------------------------------------------------- */

/* How long it may still take for what it does now, in ms as poll(2) wants it. */
static int patience_of(const struct asker *asker)
{
	int64_t left = asker->deadline - monotonic_ms();

	return left > 0 ? (int)left : 0;
}

/* Receives what the asker says next. */
static int hear(const struct asker *asker, void *message, size_t size, struct error *error)
{
	int ready = process_wait_readable(asker->channel, patience_of(asker), error);

	if (ready < 0)
		return ready;
	if (ready == 0)
		return error_set(error, ETIMEDOUT, "the probe did not end in time");
	ready = channel_receive(asker->channel, message, size, NULL, error);
	if (ready == 0)
		return error_set(error, ECHILD, "the probe was killed");
	return ready < 0 ? ready : 0;
}

int asker_meet(struct asker *asker, struct error *error)
{
	struct ready ready = {.port = 0};
	int result = hear(asker, &ready, sizeof(ready), error);

	if (result == 0)
		result = error_take(error, &ready.error);
	if (result < 0)
		return error_prefix(error, "%s", kinds[asker->kind].name);
	asker->port = ready.port;
	return 0;
}

int asker_go(struct asker *asker, struct error *error)
{
	asker->deadline = monotonic_ms() + asker->patience;
	if (channel_send(asker->channel, "g", 1, NULL, error) < 0)
		return error_prefix(error, "%s", kinds[asker->kind].name);
	return 0;
}

void asker_enough(struct asker *asker)
{
	struct error ignored;

	(void)channel_send(asker->channel, "e", 1, NULL, &ignored);
}

/* ---- the report ------------------------------------------------------------------------------ */

static bool is_address(const struct net_address *address)
{
	return address->family == 0 || (is_family(address->family) && address->length <= 128);
}

static bool is_reply(const struct asker_reply *reply)
{
	return is_address(&reply->from) && (reply->wrong & ~ASKER_WRONG_ALL) == 0;
}

static bool is_packet(const struct asker_packet *packet)
{
	return is_reply(&packet->reply) && is_reply(&packet->fault) &&
	       is_address(&packet->error.from) && packet->error.own <= 1;
}

static bool are_frames(const struct asker_report *report)
{
	if (report->arp_count > ASKER_ARPS_MAX || report->frame_count > ASKER_FRAMES_MAX ||
	    report->byte_count > ASKER_FRAME_BYTES)
		return false;
	for (uint32_t i = 0; i < report->frame_count; i++) {
		const struct asker_frame *frame = &report->frames[i];

		if (frame->offset > report->byte_count ||
		    frame->size > report->byte_count - frame->offset)
			return false;
	}
	return true;
}

static bool is_report(const struct asker_report *report)
{
	const struct asker_ear *ear = &report->ear;

	for (size_t i = 0; i < ASKER_PACKETS_MAX; i++)
		if (!is_packet(&report->packets[i]))
			return false;
	return text_is_fit(report->interface, sizeof(report->interface)) &&
	       is_address(&report->source) && is_address(&report->gateway) &&
	       is_address(&report->stream.peer) && report->neighbour_known <= 1 &&
	       report->stream.whole <= 1 && ear->link <= 1 && ear->own <= 1 && are_frames(report);
}

/* One that asked for silence still has something to forget, which takes it no time. */
static void let_forget(struct asker *asker)
{
	struct error ignored;

	asker_enough(asker);
	(void)process_wait_readable(asker->channel, FORGET_MS, &ignored);
}

int asker_wait(struct asker *asker, struct asker_report *report, struct error *error)
{
	CLEANUP_FREE struct outcome *outcome = calloc(1, sizeof(*outcome));
	int result;

	if (!outcome)
		return error_system(error, ENOMEM, "cannot hear of a probe");
	result = hear(asker, outcome, sizeof(*outcome), error);
	if (result == 0)
		result = error_take(error, &outcome->error);
	if (result == 0 && !is_report(&outcome->report))
		result = error_set(error, EBADMSG, "the probe's report makes no sense");
	if (result == 0 && asker->silence)
		let_forget(asker);
	if (result < 0)
		return error_prefix(error, "%s", kinds[asker->kind].name);
	*report = outcome->report;
	return 0;
}

bool asker_would_hear(const struct asker *asker, const struct asker_report *report)
{
	const struct asker_ear *ear = &report->ear;
	const bool answerer =
		asker->kind == ASKER_UDP_ANSWERER || asker->kind == ASKER_TCP_ANSWERER;

	return ear->link && ear->own && ear->lost == 0 && (ear->left > 0 || answerer);
}
