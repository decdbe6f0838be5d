/* The ear and the conversation. The head of asker_probe.h tells what the one is for. */
#include "asker_probe.h"

#include <linux/if_packet.h>
#include <poll.h>

#define ROUND	    64	 /* messages that are heard before the time is looked at again */
#define LAST_ROUNDS 16	 /* of what has come when the time is over */
#define LOST_MAX    3	 /* packets without an answer */
#define SETTLED_MS  20	 /* what comes twice comes by then */
#define OWN_MS	    1000 /* for what goes over lo */

/* ---- the ear --------------------------------------------------------------------------------- */

static void see_leave(struct probe *probe, size_t size, int64_t when)
{
	struct asker_report *report = probe->report;
	int64_t sequence = probe_packet_of(probe, probe->buffer, size);

	report->ear.left++;
	if (probe->put != NULL) {
		if (size != probe->put_size || memcmp(probe->buffer, probe->put, size) != 0)
			return;
		report->ear.own = 1;
		sequence = report->ear.left_ours;
	}
	if (sequence < 0)
		return;
	report->ear.left_ours++;
	if (sequence < probe->plan->count && report->packets[sequence].left == 0)
		report->packets[sequence].left = when;
}

static void see_come(struct probe *probe, size_t size, size_t whole, int64_t when)
{
	probe->report->ear.came++;
	if (probe_packet_of(probe, probe->buffer, size) >= 0)
		probe->report->ear.came_ours++;
	if (probe->tap)
		probe->tap(probe, size, whole, when);
}

/* One frame: 1, or 0 where there is none. */
static int hear_frame(struct probe *probe, struct error *error)
{
	struct probe_message frame;
	int result = probe_receive(probe, probe->ear, MSG_TRUNC, &frame, error);
	size_t size;

	if (result <= 0)
		return result < 0 ? error_prefix(error, "%s", probe->route.link) : 0;
	size = frame.size < PROBE_BUFFER ? frame.size : PROBE_BUFFER;
	if (frame.leaving)
		see_leave(probe, size, frame.when);
	else
		see_come(probe, size, frame.size, frame.when);
	return 1;
}

/* Up to a round of what HEAR takes, so that a flood leaves us time. 1 where there may be more. */
static int hear_round(struct probe *probe, int (*hear)(struct probe *, struct error *),
		      struct error *error)
{
	int result = 1;

	for (int i = 0; i < ROUND && result > 0; i++)
		result = hear(probe, error);
	return result;
}

int probe_finish_ear(struct probe *probe, struct error *error)
{
	struct asker_ear *ear = &probe->report->ear;
	struct tpacket_stats statistics = {0};
	socklen_t size = sizeof(statistics);
	int more = 1;

	for (int i = 0; i < LAST_ROUNDS && more > 0; i++)
		more = hear_round(probe, hear_frame, error);
	if (more < 0)
		return more;
	if (getsockopt(probe->ear, SOL_PACKET, PACKET_STATISTICS, &statistics, &size) < 0)
		return error_system(error, errno, "%s: cannot tell what was lost",
				    probe->route.link);
	ear->lost = statistics.tp_drops + (uint32_t)more;
	ear->link &= probe_link_works(probe);
	return 0;
}

/* ---- the conversation ------------------------------------------------------------------------ */

/* Who started us says that it is enough, or is gone. */
static int heed_channel(struct probe *probe, struct error *error)
{
	char byte;

	if (recv(probe->channel, &byte, 1, MSG_DONTWAIT) != 1)
		return error_set(error, ECANCELED, "who asked is gone");
	probe->ended = true;
	return 0;
}

int probe_wait(struct probe *probe, int fd, short events, int64_t until, struct error *error)
{
	for (;;) {
		struct pollfd files[] = {{.fd = fd, .events = events},
					 {.fd = probe->ear, .events = POLLIN},
					 {.fd = probe->channel, .events = POLLIN}};
		int64_t left = until - monotonic_ms();

		if (probe->ended || left <= 0)
			return 0;
		if (poll(files, ARRAY_SIZE(files), (int)left) < 0 && errno != EINTR)
			return error_system(error, errno, "cannot wait for an answer");
		if (files[2].revents != 0 && heed_channel(probe, error) < 0)
			return -error->code;
		if (files[1].revents != 0 && hear_round(probe, hear_frame, error) < 0)
			return -error->code;
		if (files[0].revents != 0)
			return files[0].revents;
		if (files[1].revents != 0 && probe->tap)
			return 0;
	}
}

/* How a conversation stands. */
struct talk {
	const struct probe_way *way;
	int64_t next; /* CLOCK_MONOTONIC ms: the next packet */
	int64_t over; /* the end */
	bool settled;
};

/* Where all that was sent is answered, the next one need not wait: so a slow router is asked as
 * fast as it can answer, and no queue grows that makes its answers late. */
static bool is_settled_so_far(const struct probe *probe)
{
	const struct asker_packet *last =
		probe->asked > 0 ? &probe->report->packets[probe->asked - 1] : NULL;

	return last != NULL && !probe->plan->silence && last->right > 0;
}

/* Until when the next packet waits for an answer to the last: where answers come, longer. */
static int64_t next_time(const struct probe *probe, int64_t now)
{
	const struct asker_plan *plan = probe->plan;
	uint32_t lost = 0;

	while (lost < LOST_MAX && lost < probe->asked &&
	       probe->report->packets[probe->asked - 1 - lost].right == 0)
		lost++;
	return now +
	       (lost < LOST_MAX && plan->pause > plan->interval ? plan->pause : plan->interval);
}

/* Sends the next packet, where it is time. */
static int speak(struct probe *probe, struct talk *talk, struct error *error)
{
	const struct asker_plan *plan = probe->plan;
	struct asker_packet *packet = &probe->report->packets[probe->asked];
	int64_t now = monotonic_ms();
	int64_t when = probe_now();
	int result;

	if (probe->asked == plan->count || (now < talk->next && !is_settled_so_far(probe)))
		return 0;
	result = talk->way->send(probe, probe->asked, error);
	if (result < 0)
		return result;
	if (result > 0) {
		talk->next = now + plan->interval;
		return 0;
	}
	packet->sent = when;
	probe->asked++;
	talk->next = next_time(probe, now);
	if (probe->asked == plan->count)
		talk->over = now + plan->within;
	return 0;
}

/* All is answered: what comes twice may still come. */
static void settle(struct probe *probe, struct talk *talk)
{
	int64_t end = monotonic_ms() + SETTLED_MS;

	if (talk->settled || probe->plan->silence || probe->asked < probe->plan->count ||
	    !talk->way->done(probe))
		return;
	talk->settled = true;
	if (end < talk->over)
		talk->over = end;
}

static int hear_speaker(struct probe *probe, const struct talk *talk, struct error *error)
{
	return talk->way->hear ? hear_round(probe, talk->way->hear, error) : 0;
}

/* The head of asker_probe.h tells what for. */
static int hear_ourselves(struct probe *probe, const struct talk *talk, struct error *error)
{
	const int64_t until = monotonic_ms() + OWN_MS;
	int result;

	probe->ended = false;
	result = talk->way->own ? talk->way->own(probe, error) : 0;
	while (result == 0 && talk->way->own && !probe->report->ear.own && monotonic_ms() < until) {
		result = probe_wait(probe, probe->socket, POLLIN, until, error);
		if (result > 0)
			result = hear_speaker(probe, talk, error);
		result = result < 0 ? result : 0;
	}
	return result < 0 ? result : probe_finish_ear(probe, error);
}

int64_t probe_asking_ms(const struct asker_plan *plan)
{
	const uint32_t each = plan->pause > plan->interval ? plan->pause : plan->interval;

	return (int64_t)plan->count * each;
}

int probe_converse(struct probe *probe, const struct probe_way *way, struct error *error)
{
	const struct asker_plan *plan = probe->plan;
	const int64_t begin = monotonic_ms();
	struct talk talk = {
		.way = way, .next = begin, .over = begin + plan->within + probe_asking_ms(plan)};
	int result = 0;

	if (!way->send)
		probe->asked = plan->count;
	while (result >= 0 && !probe->ended && monotonic_ms() < talk.over) {
		result = speak(probe, &talk, error);
		settle(probe, &talk);
		if (result == 0)
			result = probe_wait(probe, probe->socket, POLLIN,
					    probe->asked < plan->count ? talk.next : talk.over,
					    error);
		if (result > 0)
			result = hear_speaker(probe, &talk, error);
	}
	/* We may have been kept from running: what came in time is there. */
	for (int i = 0; i < LAST_ROUNDS && result >= 0; i++)
		result = hear_speaker(probe, &talk, error);
	return result < 0 ? result : hear_ourselves(probe, &talk, error);
}
