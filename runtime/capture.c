#include "capture.h"

#include "channel.h"
#include "pcap_library.h"
#include "process.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define STORE_SIZE     ((size_t)64 << 20) /* bytes; what is not written takes no memory */
#define RINGS_SIZE     ((size_t)64 << 20) /* bytes of the kernel's buffers, all together */
#define RING_SIZE_MAX  ((size_t)4 << 20)
#define RING_SIZE_MIN  ((size_t)256 << 10)
#define LINK_HEAD_SIZE 18  /* bytes: Ethernet's, with a tag (IEEE 802.1Q) */
#define BATCH	       256 /* frames of one leg before the others have their turn */
#define DRAIN_MS       200 /* at most, for what is in the buffers at the end */

/* In shared memory, written by the process that captures. */
struct capture_store {
	size_t end; /* of the records: atomic */
	bool full;
	uint8_t macs[CAPTURE_WIRES_MAX][CAPTURE_MAC_SIZE];
	_Alignas(uint64_t) uint8_t records[];
};

/* Its bytes follow; the next one is aligned. */
struct record {
	uint64_t time;
	uint32_t length;
	uint32_t kept;
	uint16_t wire;
	bool sent;
};

enum verb { VERB_READY, VERB_LISTENERS, VERB_STOP };

struct word {
	uint32_t verb;
	uint8_t lossy; /* 0 or 1 */
	uint32_t count;
	struct capture_listener listeners[CAPTURE_LISTENERS_MAX];
	struct error error;
};

static size_t aligned(size_t size)
{
	return (size + sizeof(uint64_t) - 1) & ~(sizeof(uint64_t) - 1);
}

/* ---- the process that captures --------------------------------------------------------------- */

/* One direction of one leg. */
struct ear {
	const struct pcap_library *library;
	pcap_t *pcap;
	struct capture_store *store;
	uint16_t wire;
	bool sent;
	bool deaf; /* its leg is gone */
};

struct camera {
	struct pcap_library library;
	const struct ns_set *computer;
	const struct capture_wire *wires;
	size_t count;
	struct capture_store *store;
	int channel;
	pid_t parent;
	struct ear *ears; /* two for each wire */
	struct pollfd *files;
};

static void keep_frame(u_char *argument, const struct pcap_pkthdr *head, const u_char *bytes)
{
	struct ear *ear = (struct ear *)(void *)argument;
	struct capture_store *store = ear->store;
	size_t end = store->end;
	size_t size = aligned(sizeof(struct record) + head->caplen);
	const struct record record = {
		.time = (uint64_t)head->ts.tv_sec * 1000000000 + (uint64_t)head->ts.tv_usec,
		.length = head->len,
		.kept = head->caplen,
		.wire = ear->wire,
		.sent = ear->sent,
	};

	if (size > STORE_SIZE - sizeof(*store) - end) {
		store->full = true;
		return;
	}
	memcpy(store->records + end, &record, sizeof(record));
	memcpy(store->records + end + sizeof(record), bytes, head->caplen);
	__atomic_store_n(&store->end, end + size, __ATOMIC_RELEASE);
}

static int fail_pcap(const struct capture_wire *wire, const struct ear *ear, struct error *error)
{
	return error_set(error, EIO, "cannot capture on %s: %.200s", wire->name,
			 ear->library->geterr(ear->pcap));
}

/* Without IFF_PROMISC, which shows: on a veth every frame arrives. */
static int open_ear(const struct capture_wire *wire, size_t ring, struct ear *ear,
		    struct error *error)
{
	char reason[PCAP_ERRBUF_SIZE];
	const struct pcap_library *library = ear->library;
	pcap_t *pcap = ear->pcap = library->create(wire->name, reason);

	if (pcap == NULL)
		return error_set(error, EIO, "cannot capture on %s: %.200s", wire->name, reason);
	if (library->set_snaplen(pcap, (int)wire->mtu + LINK_HEAD_SIZE) != 0 ||
	    library->set_promisc(pcap, 0) != 0 || library->set_immediate_mode(pcap, 1) != 0 ||
	    library->set_buffer_size(pcap, (int)ring) != 0 ||
	    library->set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO) != 0)
		return error_set(error, EIO, "cannot capture on %s", wire->name);
	if (library->activate(pcap) < 0 ||
	    library->setdirection(pcap, ear->sent ? PCAP_D_OUT : PCAP_D_IN) < 0)
		return fail_pcap(wire, ear, error);
	if (library->setnonblock(pcap, 1, reason) < 0)
		return error_set(error, EIO, "cannot capture on %s: %.200s", wire->name, reason);
	return 0;
}

static int open_ears(struct camera *camera, struct error *error)
{
	size_t ring = RINGS_SIZE / (2 * camera->count);

	if (ring > RING_SIZE_MAX)
		ring = RING_SIZE_MAX;
	if (ring < RING_SIZE_MIN)
		ring = RING_SIZE_MIN;
	camera->ears = calloc(2 * camera->count, sizeof(*camera->ears));
	camera->files = calloc(2 * camera->count + 1, sizeof(*camera->files));
	if (camera->ears == NULL || camera->files == NULL)
		return error_system(error, ENOMEM, "cannot capture");
	for (size_t i = 0; i < 2 * camera->count; i++) {
		struct ear *ear = &camera->ears[i];

		*ear = (struct ear){.library = &camera->library,
				    .store = camera->store,
				    .wire = (uint16_t)(i / 2),
				    .sent = i % 2 != 0};
		if (open_ear(&camera->wires[i / 2], ring, ear, error) < 0)
			return -error->code;
		camera->files[i] = (struct pollfd){.fd = ear->library->get_selectable_fd(ear->pcap),
						   .events = POLLIN};
	}
	camera->files[2 * camera->count] = (struct pollfd){.fd = camera->channel, .events = POLLIN};
	return 0;
}

/* ---- who else listens ------------------------------------------------------------------------ */

static bool is_own(const struct camera *camera, uint64_t inode)
{
	struct stat status;

	for (size_t i = 0; i < 2 * camera->count; i++)
		if (fstat(camera->library.fileno(camera->ears[i].pcap), &status) == 0 &&
		    status.st_ino == inode)
			return true;
	return false;
}

/* The wire whose leg has the interface INDEX; 0 stands for any. */
static bool find_wire(const struct camera *camera, unsigned long index, uint16_t *wire)
{
	*wire = CAPTURE_ANY_WIRE;
	for (size_t i = 0; index != 0 && i < camera->count; i++)
		if (if_nametoindex(camera->wires[i].name) == index)
			*wire = (uint16_t)i;
	return index == 0 || *wire != CAPTURE_ANY_WIRE;
}

/* A line of /proc/net/packet: sk RefCnt Type Proto Iface R Rmem User Inode; R is 1 where it
 * receives (packet_seq_show() in net/packet/af_packet.c). */
static bool read_listener(const struct camera *camera, char *line,
			  struct capture_listener *listener)
{
	enum { PROTOCOL = 3, INTERFACE, RECEIVES, INODE = 8, FIELDS };
	char *fields[FIELDS];
	char *rest = NULL;
	char *field = strtok_r(line, " \n", &rest);

	for (size_t i = 0; i < FIELDS; i++, field = strtok_r(NULL, " \n", &rest)) {
		if (field == NULL)
			return false;
		fields[i] = field;
	}
	listener->protocol = (uint16_t)strtoul(fields[PROTOCOL], NULL, 16);
	listener->inode = strtoull(fields[INODE], NULL, 10);
	return strcmp(fields[RECEIVES], "1") == 0 &&
	       find_wire(camera, strtoul(fields[INTERFACE], NULL, 10), &listener->wire) &&
	       !is_own(camera, listener->inode);
}

static int list_listeners(const struct camera *camera, struct word *word)
{
	static const char path[] = "/proc/thread-self/net/packet";
	CLEANUP_STREAM FILE *sockets = fopen(path, "re");
	char line[256];

	if (sockets == NULL)
		return error_system(&word->error, errno, "cannot read %s", path);
	while (word->count < CAPTURE_LISTENERS_MAX && fgets(line, sizeof(line), sockets) != NULL)
		if (read_listener(camera, line, &word->listeners[word->count]))
			word->count++;
	return 0;
}

/* ---- its life -------------------------------------------------------------------------------- */

static int read_ear(struct ear *ear)
{
	return ear->library->dispatch(ear->pcap, BATCH, keep_frame, (u_char *)ear);
}

/* What a ring had no room for, or the kernel no memory. */
static bool is_lossy(const struct camera *camera)
{
	bool lossy = camera->store->full;

	for (size_t i = 0; i < 2 * camera->count; i++) {
		struct pcap_stat counts = {0};

		lossy = lossy || camera->ears[i].deaf ||
			camera->library.stats(camera->ears[i].pcap, &counts) < 0 ||
			counts.ps_drop > 0 || counts.ps_ifdrop > 0;
	}
	return lossy;
}

static void drain(struct camera *camera)
{
	const int64_t end = monotonic_ms() + DRAIN_MS;
	int found = 1;

	while (found > 0 && monotonic_ms() < end) {
		found = 0;
		for (size_t i = 0; i < 2 * camera->count; i++)
			if (read_ear(&camera->ears[i]) > 0)
				found = 1;
	}
}

/* One word of the parent's. Returns 1 where it was the last. */
static int obey(struct camera *camera, struct error *error)
{
	struct word word;
	uint32_t verb;
	int result = channel_receive(camera->channel, &word, sizeof(word), NULL, error);

	if (result <= 0)
		return result < 0 ? result : 1;
	verb = word.verb;
	word = (struct word){.verb = verb};
	if (verb == VERB_STOP) {
		drain(camera);
		word.lossy = is_lossy(camera);
	} else {
		(void)list_listeners(camera, &word);
	}
	if (channel_send(camera->channel, &word, sizeof(word), NULL, error) < 0)
		return -error->code;
	return verb == VERB_STOP ? 1 : 0;
}

static int attend(struct camera *camera, struct error *error)
{
	const size_t ears = 2 * camera->count;

	for (;;) {
		int result = 0;

		if (poll(camera->files, ears + 1, -1) < 0 && errno != EINTR)
			return error_system(error, errno, "cannot capture");
		for (size_t i = 0; i < ears; i++)
			if (camera->files[i].revents != 0 && read_ear(&camera->ears[i]) < 0) {
				camera->ears[i].deaf = true;
				camera->files[i].fd = -1;
			}
		if (camera->files[ears].revents != 0)
			result = obey(camera, error);
		if (result != 0)
			return result;
	}
}

/* As the kernel has them now: netdevice(7). */
static int note_macs(const struct camera *camera, struct error *error)
{
	CLEANUP_FD int asker = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (size_t i = 0; i < camera->count; i++) {
		struct ifreq request = {.ifr_ifindex = 0};

		memcpy(request.ifr_name, camera->wires[i].name, sizeof(request.ifr_name));
		if (asker < 0 || ioctl(asker, SIOCGIFHWADDR, &request) < 0)
			return error_system(error, errno, "cannot capture on %s",
					    camera->wires[i].name);
		memcpy(camera->store->macs[i], request.ifr_hwaddr.sa_data, CAPTURE_MAC_SIZE);
	}
	return 0;
}

static int begin(struct camera *camera, struct error *error)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return error_system(error, errno, "cannot capture");
	if (getppid() != camera->parent) /* it came before we asked */
		return error_set(error, ECANCELED, "the parent is gone");
	if (camera->computer->fd[NS_NET] >= 0 && ns_enter(camera->computer, error) < 0)
		return -error->code;
	if (note_macs(camera, error) < 0)
		return -error->code;
	if (pcap_library_load(&camera->library, error) < 0)
		return -error->code;
	return open_ears(camera, error);
}

static int main_camera(void *argument)
{
	struct camera *camera = argument;
	struct word word = {.verb = VERB_READY};
	struct error ignored;
	int result = begin(camera, &word.error);

	if (channel_send(camera->channel, &word, sizeof(word), NULL, &ignored) < 0 || result < 0)
		return PROCESS_FAILED;
	return attend(camera, &ignored) < 0 ? PROCESS_FAILED : 0;
}

/* ---- outside --------------------------------------------------------------------------------- */

void capture_close(struct capture *capture)
{
	close_fd(&capture->channel);
	if (capture->process >= 0)
		process_end(capture->process);
	close_fd(&capture->process);
	if (capture->store != NULL)
		(void)munmap(capture->store, STORE_SIZE);
	free(capture->frames);
	*capture = CAPTURE_NONE;
}

static int hear(const struct capture *capture, enum verb verb, struct word *word,
		struct error *error)
{
	int result = channel_receive(capture->channel, word, sizeof(*word), NULL, error);

	if (result == 0)
		return error_set(error, ECHILD, "the process that captures was killed");
	if (result > 0 && (word->verb != verb || word->count > CAPTURE_LISTENERS_MAX))
		return error_set(error, EBADMSG, "the process that captures spoke out of turn");
	return result < 0 ? result : error_take(error, &word->error);
}

static int ask(const struct capture *capture, enum verb verb, struct word *word,
	       struct error *error)
{
	*word = (struct word){.verb = verb};
	if (channel_send(capture->channel, word, sizeof(*word), NULL, error) < 0)
		return -error->code;
	return hear(capture, verb, word, error);
}

int capture_start(const struct ns_set *computer, const struct capture_wire *wires, size_t count,
		  struct capture *capture, struct error *error)
{
	CLEANUP_CAPTURE struct capture new = CAPTURE_NONE;
	struct camera camera = {
		.computer = computer, .wires = wires, .count = count, .parent = getpid()};
	struct word word;
	int ends[2];
	int result;
	void *store;

	if (count > CAPTURE_WIRES_MAX)
		return error_set(error, E2BIG, "cannot capture on %zu legs", count);
	store = mmap(NULL, STORE_SIZE, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (store == MAP_FAILED)
		return error_system(error, errno, "cannot capture");
	new.store = camera.store = store;
	if (channel_pair(ends, error) < 0)
		return -error->code;
	new.channel = ends[0];
	camera.channel = ends[1];
	result = ns_clone(0, main_camera, &camera, &new.process, error);
	close_fd(&ends[1]);
	if (result < 0 || hear(&new, VERB_READY, &word, error) < 0)
		return -error->code;
	*capture = new;
	new = CAPTURE_NONE;
	return 0;
}

const uint8_t *capture_mac(const struct capture *capture, size_t wire)
{
	return capture->store->macs[wire];
}

int capture_listeners(struct capture *capture,
		      struct capture_listener listeners[CAPTURE_LISTENERS_MAX], struct error *error)
{
	struct word word;
	int result = ask(capture, VERB_LISTENERS, &word, error);

	if (result < 0)
		return result;
	memcpy(listeners, word.listeners, word.count * sizeof(word.listeners[0]));
	return (int)word.count;
}

/* By time; of one moment, as they were read. */
static int compare(const void *left, const void *right)
{
	const struct capture_frame *a = left;
	const struct capture_frame *b = right;

	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	return a->bytes < b->bytes ? -1 : a->bytes > b->bytes;
}

static size_t count_records(const struct capture_store *store)
{
	size_t count = 0;
	struct record record;

	for (size_t at = 0; at < store->end; at += aligned(sizeof(record) + record.kept)) {
		memcpy(&record, store->records + at, sizeof(record));
		count++;
	}
	return count;
}

static int list_frames(struct capture *capture, struct error *error)
{
	const struct capture_store *store = capture->store;
	size_t count = count_records(store);
	struct record record;

	capture->frames = calloc(count + 1, sizeof(*capture->frames));
	if (capture->frames == NULL)
		return error_system(error, ENOMEM, "cannot look at what was captured");
	for (size_t at = 0; at < store->end; at += aligned(sizeof(record) + record.kept)) {
		memcpy(&record, store->records + at, sizeof(record));
		capture->frames[capture->frame_count++] = (struct capture_frame){
			.time = record.time,
			.wire = record.wire,
			.sent = record.sent,
			.length = record.length,
			.kept = record.kept,
			.bytes = store->records + at + sizeof(record),
		};
	}
	qsort(capture->frames, count, sizeof(*capture->frames), compare);
	return 0;
}

int capture_stop(struct capture *capture, struct error *error)
{
	struct word word;
	int result = ask(capture, VERB_STOP, &word, error);

	if (result < 0)
		return result;
	process_end(capture->process);
	close_fd(&capture->process);
	capture->lossy = word.lossy != 0;
	return list_frames(capture, error);
}
