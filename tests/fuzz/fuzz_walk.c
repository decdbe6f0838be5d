/* Frames as anybody can put them on a wire: whatever they hold, what is said of them is bounded,
 * can be shown, and points to nothing that is not there. */
#include "config.h"
#include "frame.h"
#include "marker.h"
#include "pcapng.h"
#include "walk.h"

#include "fuzz.h"

#include <sys/mman.h>

#define FRAMES 24
#define START  (UINT64_C(1700000000) * 1000000000)
#define STEP   UINT64_C(5000000) /* ns */

static const char text[] =
	"[stage]\ntitle = Two nets\n"
	"[net1]\nsubnet = 1.1.1.0/24, fd00:1::/64\ncomputer = 1.1.1.1, fd00:1::1\n"
	"[net2]\nsubnet = 2.2.2.0/24, fd00:2::/64\ncomputer = 2.2.2.1, fd00:2::1\n"
	"[client1]\nnet1 = 1.1.1.2, fd00:1::2\ngateway = 1.1.1.1, fd00:1::1\n"
	"[client2]\nnet2 = 2.2.2.2, fd00:2::2\ngateway = 2.2.2.1, fd00:2::1\n";

/* Once. */
static void read_stage(struct stage *stage)
{
	CLEANUP_FD int fd = memfd_create("stage.ini", MFD_CLOEXEC);
	struct complaints complaints = {.file = "stage.ini"};

	require(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "a file");
	require(config_read(fd, "test", stage, &complaints) == 0, "a stage");
}

/* A byte says the wire, the direction and the time, one the length; then the frame comes. */
static size_t read_frames(struct input *input, struct capture_frame *frames)
{
	uint64_t time = START;
	size_t count = 0;

	while (input->size > 0 && count < FRAMES) {
		const uint8_t flags = input_byte(input);
		size_t length = input_byte(input);
		const uint8_t *bytes = input_bytes(input, &length);

		time += STEP * (1 + (flags >> 4));
		frames[count++] = (struct capture_frame){.time = time,
							 .wire = flags & 1,
							 .sent = (flags & 2) != 0,
							 .length = (uint32_t)length,
							 .kept = (uint32_t)length,
							 .bytes = bytes};
	}
	return count;
}

static void check_packet(const struct frame *frame, const struct frame_packet *packet)
{
	if (packet->version == 0)
		return;
	require(packet->offset + packet->size <= frame->length, "a packet in its frame");
	require(packet->head_size <= packet->size, "a header in its packet");
	require(packet->payload + packet->payload_size <= frame->length, "a payload in its frame");
}

static void check_frame(const struct capture_frame *seen)
{
	struct frame frame;
	char shown[FRAME_DESCRIBE_SIZE];

	frame_decode(seen->bytes, seen->kept, &frame);
	check_packet(&frame, &frame.packet);
	check_packet(&frame, &frame.quoted);
	frame_describe(&frame, shown);
	check_text(shown, sizeof(shown));
	for (enum frame_field field = FRAME_FIELD_NONE; field < FRAME_FIELDS; field++) {
		require(frame_field_text(&frame, field, shown) == (shown[0] != '\0'), "a text");
		check_text(shown, sizeof(shown));
	}
}

static void check_way(const struct walk_way *way, size_t count)
{
	require(way->fault_count <= WALK_FAULTS_MAX && way->stop_count <= WALK_STOPS_MAX, "bounds");
	for (size_t i = 0; i < way->fault_count; i++) {
		require(way->faults[i].frame < count || way->faults[i].frame == WALK_NO_FRAME,
			"a frame that there is");
		check_text(way->faults[i].sentence, WALK_SENTENCE_SIZE);
	}
	for (size_t i = 0; i < way->stop_count; i++) {
		check_text(way->stops[i].text, WALK_SENTENCE_SIZE);
		require(!way->stops[i].wrong || i + 1 == way->stop_count,
			"what is wrong at the end");
	}
	require((way->fault_count > 0) ==
			(way->stop_count > 0 && way->stops[way->stop_count - 1].wrong),
		"a fault that is a stop");
}

static void follow(const struct walk *walk, enum probe_kind kind, enum family family,
		   const struct stage_client *asker, const struct stage_address *target,
		   const struct capture_frame *crafted)
{
	static struct walk_way way;
	const struct walk_question question = {
		.kind = kind,
		.asker = asker,
		.interface = &asker->interfaces[0],
		.family = family,
		.target = *target,
		.token = 0x41414141,
		.id = 7,
		.own_port = 1000,
		.port = 7,
		.frame = crafted->bytes,
		.frame_size = crafted->kept,
		.expect = {.kind = kind == PROBE_UDP ? EXPECT_ICMP : EXPECT_REPLY, .icmp_type = 11},
		.within = 100,
		.began = START,
		.ended = START + STEP * FRAMES * 16};

	walk_follow(walk, &question, &way);
	check_way(&way, walk->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct stage stage;
	CLEANUP_WALK struct walk walk = {.count = 0};
	struct input input = {data, size};
	struct capture_frame frames[FRAMES + 1] = {{.bytes = data}};
	const struct walk_leg legs[] = {{.net = 1,
					 .mac = {2, 0x42, 1, 1, 1, 1},
					 .hears = WALK_HEARS_ARP | WALK_HEARS_IP | WALK_HEARS_ALL,
					 .deaf = -1,
					 .left = size % 2 == 1},
					{.net = 2,
					 .mac = {2, 0x42, 2, 2, 2, 1},
					 .hears = WALK_HEARS_ARP | WALK_HEARS_IP | WALK_HEARS_ALL,
					 .deaf = -1}};
	const size_t count = read_frames(&input, frames);
	struct error error;

	if (stage.client_count == 0)
		read_stage(&stage);
	for (size_t i = 0; i < count; i++)
		check_frame(&frames[i]);
	require(walk_read(&stage, frames, count, START + STEP * FRAMES * 16, legs, 2, &walk,
			  &error) == 0,
		"a walk");
	walk.partial = size % 4 == 1;
	for (enum probe_kind kind = 0; kind < PROBE_RUN; kind++)
		for (enum family family = 0; family < FAMILIES; family++) {
			const struct stage_client *other = &stage.clients[1];

			if (kind == PROBE_ARP && family != FAMILY_IPV4)
				continue;
			follow(&walk, kind, family, &stage.clients[0],
			       &other->interfaces[0].address[family], &frames[0]);
			follow(&walk, kind, family, other, &stage.nets[1].computer[family],
			       &frames[0]);
		}
	return 0;
}
