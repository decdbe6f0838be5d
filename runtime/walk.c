/* Theory of operation
 *
 * A question's packets are followed from leg to leg. Each frame that arrives there (of a client's
 * kernel, which makes no mistakes) has one right fate: to be put onto one other wire, for one next
 * hop; to be answered by the router itself; to be complained of by ICMP; or to go nowhere.
 * walk_match.c tells what came of it, walk_carry.c compares that with its fate, walk_compare.c a
 * forwarded frame with what came, walk_own.c judges what the router says itself, walk_arp.c what it
 * answers by ARP on the way, walk_ask.c what it asks, walk_lesson.c what others had from it, and
 * here is the order: the asker's ARP, its packets, the target's ARP, its packets, and whether
 * anybody has them at the end. The first fault in this order is the cause: what is wrong later may
 * be its consequence. */
#include "walk_parts.h"

#include <stdarg.h>

#define FRAMES_MAX (1U << 18)

const char *walk_step_name(enum walk_step step)
{
	static const char *const names[WALK_STEPS] = {
		[WALK_ARP_QUESTION] = "arp-question",
		[WALK_ARP_ANSWER] = "arp-answer",
		[WALK_LISTENING] = "listening",
		[WALK_FORWARD] = "forward",
		[WALK_TTL] = "ttl",
		[WALK_CHECKSUM] = "checksum",
		[WALK_ETHERNET] = "ethernet-address",
		[WALK_PAYLOAD] = "payload",
		[WALK_DUPLICATE] = "duplicate",
		[WALK_ARRIVAL] = "arrival",
		[WALK_NONE] = "none",
	};

	return names[step];
}

/* ---- what was captured ----------------------------------------------------------------------- */

void walk_close(struct walk *walk)
{
	free_memory(&walk->sights);
	walk->sights = NULL;
	walk->count = 0;
}

static void look_at(const struct capture_frame *frame, struct walk_sight *sight)
{
	frame_decode(frame->bytes, frame->kept, &sight->frame);
	sight->marked = sight->frame.kind != FRAME_ARP &&
			marker_find(frame->bytes, frame->kept, &sight->marker, &sight->at);
	sight->origin = sight->next = sight->first = WALK_NO_FRAME;
}

int walk_read(const struct stage *stage, const struct capture_frame *frames, size_t count,
	      uint64_t end, const struct walk_leg *legs, size_t leg_count, struct walk *walk,
	      struct error *error)
{
	CLEANUP_WALK struct walk new = {.stage = stage,
					.frames = frames,
					.legs = legs,
					.leg_count = leg_count,
					.end = end,
					.count = count < FRAMES_MAX ? count : FRAMES_MAX,
					.partial = count > FRAMES_MAX};

	new.sights = calloc(new.count + 1, sizeof(*new.sights));
	if (new.sights == NULL)
		return error_system(error, ENOMEM, "cannot look at what was captured");
	for (size_t i = 0; i < new.count; i++) {
		look_at(&frames[i], &new.sights[i]);
		if (frames[i].sent)
			new.last = frames[i].time;
	}
	if (walk_match(&new, error) < 0)
		return -error->code;
	*walk = new;
	new.sights = NULL;
	return 0;
}

const struct frame *walk_frame(const struct walk *walk, size_t i)
{
	return &walk->sights[i].frame;
}

/* ---- what is said ---------------------------------------------------------------------------- */

size_t walk_leg_index(const struct walk *walk, unsigned net)
{
	for (size_t i = 0; i < walk->leg_count; i++)
		if (walk->legs[i].net == net)
			return i;
	return SIZE_MAX;
}

static struct walk_stop *add_stop(struct walk_way *way, enum walk_step step, size_t wire)
{
	const struct walk *walk = way->walk;
	struct walk_stop *stop;

	/* A fault's is the last, whatever else there is. */
	if (way->stop_count == WALK_STOPS_MAX)
		way->stop_count--;
	stop = &way->stops[way->stop_count++];
	*stop = (struct walk_stop){.step = step};
	if (wire < walk->leg_count)
		(void)snprintf(stop->net, sizeof(stop->net), "net%u", walk->legs[wire].net);
	return stop;
}

bool walk_has_fatal(const struct walk_way *way)
{
	for (size_t i = 0; i < way->fault_count; i++)
		if (way->faults[i].fatal)
			return true;
	return false;
}

/* Room for one more fault. Where there is none, the last is given up for the first that is fatal,
 * or one of the last for one of a property that no other is of; else NULL. */
static struct walk_fault *find_room(struct walk_way *way, unsigned looks, bool fatal)
{
	unsigned told = 0;

	if (way->fault_count < WALK_FAULTS_MAX)
		return &way->faults[way->fault_count++];
	if (fatal && !walk_has_fatal(way))
		return &way->faults[WALK_FAULTS_MAX - 1];
	for (size_t i = 0; i < WALK_FAULTS_MAX - LOOK_KINDS; i++)
		told |= way->faults[i].looks;
	for (size_t i = WALK_FAULTS_MAX - LOOK_KINDS; i < WALK_FAULTS_MAX - 1; i++) {
		if ((looks & ~told) == 0)
			return NULL;
		if ((way->faults[i].looks & ~told) == 0 && !way->faults[i].fatal)
			return &way->faults[i];
		told |= way->faults[i].looks;
	}
	return NULL;
}

bool walk_may_miss(struct walk_way *way)
{
	way->unsure = way->unsure || way->walk->partial;
	return way->walk->partial;
}

/* Hosts take a packet with another TTL, another source in its Ethernet header or what of IP's
 * header they do not look at, and are not hindered by more than there is to be. Who knows better of
 * a fault says so: walk_set_fatal(). */
static bool is_fatal(enum walk_step step, enum frame_field field)
{
	switch (step) {
	case WALK_ARP_QUESTION:
	case WALK_ARP_ANSWER:
	case WALK_LISTENING:
	case WALK_FORWARD:
	case WALK_CHECKSUM:
	case WALK_ARRIVAL:
		return true;
	case WALK_ETHERNET:
		return field != FRAME_FIELD_SOURCE_MAC;
	case WALK_PAYLOAD:
		return field != FRAME_FIELD_NONE && field != FRAME_FIELD_SERVICE &&
		       field != FRAME_FIELD_ID && field != FRAME_FIELD_FRAGMENT;
	case WALK_TTL:
	case WALK_DUPLICATE:
	case WALK_NONE:
	case WALK_STEPS:
		break;
	}
	return false;
}

void walk_complain(struct walk_way *way, enum walk_step step, unsigned looks, size_t frame,
		   enum frame_field field, const char *rule, const char *format, ...)
{
	const bool first = way->fault_count == 0;
	struct walk_fault *fault = find_room(way, looks, is_fatal(step, field));
	va_list arguments;

	if (fault == NULL)
		return;
	*fault = (struct walk_fault){.step = step,
				     .looks = looks,
				     .frame = frame,
				     .field = field,
				     .rule = rule,
				     .fatal = is_fatal(step, field)};
	va_start(arguments, format);
	(void)vsnprintf(fault->sentence, sizeof(fault->sentence), format, arguments);
	va_end(arguments);
	if (first) {
		struct walk_stop *stop =
			add_stop(way, step,
				 frame == WALK_NO_FRAME ? SIZE_MAX : way->walk->frames[frame].wire);

		stop->wrong = true;
		memcpy(stop->text, fault->sentence, sizeof(stop->text));
	}
}

void walk_set_fatal(struct walk_way *way, size_t first, bool fatal)
{
	for (size_t i = first; i < way->fault_count; i++)
		way->faults[i].fatal = fatal;
}

void walk_stop(struct walk_way *way, enum walk_step step, size_t wire, const char *format, ...)
{
	struct walk_stop *stop;
	va_list arguments;

	if (way->fault_count > 0)
		return;
	stop = add_stop(way, step, wire);
	va_start(arguments, format);
	(void)vsnprintf(stop->text, sizeof(stop->text), format, arguments);
	va_end(arguments);
}

/* ---- the way --------------------------------------------------------------------------------- */

/* One end of a question: the asker, or whom it asks. */
struct end {
	const struct stage_client *client;
	const struct stage_interface *interface;
	struct stage_address hop; /* towards the other end */
	size_t wire;		  /* of the leg that has HOP; SIZE_MAX: HOP is no leg's */
};

static struct end find_end(const struct walk *walk, const struct walk_question *question,
			   const struct stage_client *client, const uint8_t *other)
{
	struct end end = {.client = client, .wire = SIZE_MAX};
	const struct stage_net *leg;

	if (client == NULL)
		return end;
	end.interface = walk_client_route(walk->stage, client, question->family, other, &end.hop);
	if (end.interface == NULL)
		return end;
	leg = walk_leg_of(walk->stage, question->family, end.hop.bytes);
	if (leg != NULL && leg->number == end.interface->net)
		end.wire = walk_leg_index(walk, leg->number);
	return end;
}

const char *walk_why_deaf(const struct walk_leg *leg, char text[WALK_DEAF_SIZE])
{
	if (leg->deaf < 0)
		return "no program has a packet socket there";
	(void)snprintf(text, WALK_DEAF_SIZE,
		       "the packet socket there is of protocol 0x%04x, which is neither ARP's nor "
		       "IP's (all is 0x0003 in network byte order)",
		       (unsigned)leg->deaf);
	return text;
}

const char *walk_say_deaf(const struct walk *walk, size_t wire, size_t i)
{
	const struct walk_leg *leg = &walk->legs[wire];

	if (leg->left && walk->frames[i].time > walk->last)
		return "; who listened there does so no more";
	if ((leg->hears & WALK_HEARS_ALL) == 0)
		return "; a packet socket there is for one protocol, and told PACKET_OTHERHOST of "
		       "all that comes (all is 0x0003)";
	return "";
}

/* False where nobody listens on the leg of END, which is all there is to say then. */
static bool is_heard(const struct walk *walk, const struct end *end, struct walk_way *way)
{
	const struct walk_leg *leg;
	char why[WALK_DEAF_SIZE];

	if (end->wire == SIZE_MAX)
		return true;
	leg = &walk->legs[end->wire];
	if (leg->hears != 0) {
		walk_stop(way, WALK_LISTENING, end->wire, "somebody listens on net%u", leg->net);
		return true;
	}
	walk_complain(way, WALK_LISTENING, 0, WALK_NO_FRAME, FRAME_FIELD_NONE, "packet(7)",
		      "nobody listens on net%u: %s", leg->net, walk_why_deaf(leg, why));
	return false;
}

/* The packets came, whatever was wrong with ARP: of the faults from FIRST to before END. */
static void acquit_arp(struct walk_way *way, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++)
		if (way->faults[i].step == WALK_ARP_ANSWER)
			way->faults[i].fatal = false;
}

static void judge_arp_of(const struct walk *walk, const struct walk_question *question,
			 const struct end *end, struct walk_way *way)
{
	const struct walk_arp arp = {.client = end->client,
				     .interface = end->interface,
				     .wire = end->wire,
				     .address = end->hop.bytes,
				     .question = question};

	if (question->family == FAMILY_IPV4 && end->wire != SIZE_MAX)
		walk_judge_arp(walk, &arp, way);
}

static void judge_packets(const struct walk *walk, const struct walk_question *question, bool back,
			  struct walk_way *way)
{
	for (size_t i = 0; i < walk->count; i++) {
		bool is_back;

		if (walk_belongs(walk, question, i, &is_back) && is_back == back)
			walk_judge_packet(walk, question, i, back, way);
	}
}

static bool has_stop(const struct walk_way *way, enum walk_step step)
{
	for (size_t i = 0; i < way->stop_count; i++)
		if (way->stops[i].step == step)
			return true;
	return false;
}

/* Nothing of the asker's has come to any leg. Nobody knows yet why where it asked by ARP right
 * before the end. */
static void judge_nothing_entered(const struct walk *walk, const struct walk_question *question,
				  const struct end *asker, struct walk_way *way)
{
	const bool asked = has_stop(way, WALK_ARP_QUESTION);
	const bool answered = has_stop(way, WALK_ARP_ANSWER);
	const char *but = ": neither its packet nor an ARP question";
	char name[STAGE_CLIENT_NAME_SIZE];

	if (walk_has_fatal(way) || asker->wire == SIZE_MAX || (asked && !answered) ||
	    walk_may_miss(way))
		return;
	if (question->family == FAMILY_IPV6)
		but = "; whether the router answers neighbour solicitations (RFC 4861) is not "
		      "looked at";
	else if (answered)
		but = " but an ARP question, which was answered";
	stage_client_name(asker->client, name);
	walk_complain(way, WALK_ARP_QUESTION, 0, WALK_NO_FRAME, FRAME_FIELD_NONE, NULL,
		      "nothing of %s's came to net%u%s", name, walk->legs[asker->wire].net, but);
}

/* The target had packets that were right, and nothing of it has come back to a leg. */
static void judge_nothing_returned(const struct walk *walk, const struct walk_question *question,
				   const struct end *target, struct walk_way *way)
{
	char name[WALK_NAME_SIZE];

	if (walk_has_fatal(way) || way->carried == 0 || target->client == NULL ||
	    target->wire == SIZE_MAX || question->expect.kind != EXPECT_REPLY || walk_may_miss(way))
		return;
	walk_complain(way, WALK_ARRIVAL, 0, WALK_NO_FRAME, FRAME_FIELD_NONE, NULL,
		      "%s got what was forwarded, which is right, and does not answer it",
		      walk_name(walk->stage, question->family, question->target.bytes, name));
}

/* The steps of who is asked: the router itself has none. */
static void follow_back(const struct walk *walk, const struct walk_question *question,
			struct walk_way *way)
{
	const uint8_t *asker = question->interface->address[question->family].bytes;
	const struct end target = find_end(
		walk, question,
		walk_owner(walk->stage, question->family, question->target.bytes, NULL), asker);
	const size_t first = way->fault_count;
	size_t end;

	if (target.client != NULL && way->carried > 0) {
		if (!is_heard(walk, &target, way))
			return;
		judge_arp_of(walk, question, &target, way);
	}
	end = way->fault_count;
	judge_packets(walk, question, true, way);
	if (way->returned > 0)
		acquit_arp(way, first, end);
	else
		judge_nothing_returned(walk, question, &target, way);
}

static void follow_arp(const struct walk *walk, const struct walk_question *question,
		       struct walk_way *way)
{
	const size_t wire = walk_leg_index(walk, question->interface->net);
	struct end asker = {.client = question->asker,
			    .interface = question->interface,
			    .hop = question->target,
			    .wire = wire};

	if (wire == SIZE_MAX || !is_heard(walk, &asker, way))
		return;
	judge_arp_of(walk, question, &asker, way);
	walk_judge_questions(walk, wire, way);
}

void walk_follow(const struct walk *walk, const struct walk_question *question,
		 struct walk_way *way)
{
	struct end asker;
	size_t end;

	memset(way, 0, sizeof(*way));
	way->walk = walk;
	if (question->kind == PROBE_ARP) {
		follow_arp(walk, question, way);
		return;
	}
	asker = find_end(walk, question, question->asker, question->target.bytes);
	if (question->kind == PROBE_FRAME)
		asker.wire = walk_leg_index(walk, question->interface->net);
	if (!is_heard(walk, &asker, way))
		return;
	if (question->kind != PROBE_FRAME)
		judge_arp_of(walk, question, &asker, way);
	end = way->fault_count;
	judge_packets(walk, question, false, way);
	if (way->entered == 0) {
		judge_nothing_entered(walk, question, &asker, way);
		return;
	}
	acquit_arp(way, 0, end);
	follow_back(walk, question, way);
}
