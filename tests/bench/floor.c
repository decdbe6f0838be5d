#include "floor.h"

#include "raw.h"

#include <getopt.h>
#include <linux/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>

#define LEG_FIRST     10000 /* above what the computer itself has */
#define LEG_GROUP     77
#define MESSAGE_ROOM  512 /* bytes for the requests of one leg */
#define FEW_LINKS     50  /* below: see floor_delete_links() */
#define LINK_PAUSE_US 200

_Noreturn void floor_fail(const struct floor *floor, const char *what, long code)
{
	(void)dprintf(floor->errors, "%s: %s: %s\n", floor->program, what, strerror((int)-code));
	if (floor->undo != NULL)
		floor->undo(floor->full);
	exit(1);
}

/* ---- beginning --------------------------------------------------------------------------------
 */

_Noreturn static void wrong_usage(const struct floor *floor)
{
	(void)fprintf(stderr,
		      "usage: %s --clients N (1 to %d) [--rootfs DIR] [--src DIR] [--filter FILE] "
		      "[--group NAME] [--pids] [--check]\n",
		      floor->program, CLIENTS_MAX);
	exit(2);
}

static void read_arguments(struct floor *floor, int argc, char **argv)
{
	static const struct option options[] = {
		{"clients", required_argument, NULL, 'n'}, {"rootfs", required_argument, NULL, 'r'},
		{"src", required_argument, NULL, 's'},	   {"filter", required_argument, NULL, 'f'},
		{"group", required_argument, NULL, 'g'},   {"pids", no_argument, NULL, 'p'},
		{"check", no_argument, NULL, 'c'},	   {NULL, 0, NULL, 0}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'n')
			floor->count = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 'r')
			floor->rootfs = optarg;
		else if (option == 's')
			floor->src = optarg;
		else if (option == 'f')
			floor->filter = optarg;
		else if (option == 'g')
			floor->group = optarg;
		else if (option == 'p')
			floor->pids = true;
		else if (option == 'c')
			floor->check = true;
		else
			wrong_usage(floor);
	}
	if (optind != argc || floor->count < 1 || floor->count > CLIENTS_MAX)
		wrong_usage(floor);
}

/* Signals to end are read where we wait, and end nothing in the middle. */
static void ending_signals(sigset_t *signals)
{
	(void)sigemptyset(signals);
	(void)sigaddset(signals, SIGINT);
	(void)sigaddset(signals, SIGTERM);
	(void)sigaddset(signals, SIGHUP);
}

void floor_begin(struct floor *floor, int argc, char **argv)
{
	sigset_t signals;
	size_t stacks;

	ending_signals(&signals);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	floor->input = STDIN_FILENO;
	floor->output = STDOUT_FILENO;
	floor->errors = STDERR_FILENO;

	floor->rootfs = "/var/lib/pyroute/rootfs";
	floor->src = ".";
	read_arguments(floor, argc, argv);
	floor->clients = calloc(floor->count, sizeof(*floor->clients));
	floor->buffer = malloc((size_t)WAVE * MESSAGE_ROOM);
	stacks = (floor->count + 1) * STACK_SIZE;
	floor->stacks = mmap(NULL, stacks, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (floor->clients == NULL || floor->buffer == NULL || floor->stacks == MAP_FAILED)
		floor_fail(floor, "memory", -ENOMEM);
	for (unsigned i = 0; i < floor->count; i++)
		floor->clients[i] = (struct client){.floor = floor, .number = i + 1};
	floor->netlink = netlink_open();
	if (floor->netlink < 0)
		floor_fail(floor, "netlink", floor->netlink);
}

char *floor_stack(const struct floor *floor, unsigned number)
{
	return floor->stacks + (number + 1) * STACK_SIZE;
}

/* ---- links ------------------------------------------------------------------------------------
 */

ipv4 floor_leg_address(unsigned number)
{
	return UINT32_C(10) << 24 | number >> 8 << 16 | (number & 255) << 8 | 1;
}

ipv4 floor_client_address(unsigned number)
{
	return floor_leg_address(number) + 1;
}

unsigned floor_leg_index(unsigned number)
{
	return LEG_FIRST + number;
}

static void add_leg(const struct client *client, struct batch *batch)
{
	char name[16] = "leg";
	const struct veth veth = {.name = name,
				  .index = floor_leg_index(client->number),
				  .group = LEG_GROUP,
				  .peer = "eth0",
				  .peer_index = CLIENT_LINK,
				  .peer_ns = client->pid};

	(void)put_number(name + 3, client->number);
	netlink_veth(batch, &veth);
	netlink_address(batch, veth.index, floor_leg_address(client->number));
}

void floor_wire(struct floor *floor, unsigned first, unsigned count)
{
	struct batch batch = {.buffer = floor->buffer};
	long result;

	for (unsigned i = first; i < first + count; i++)
		add_leg(&floor->clients[i], &batch);
	result = netlink_send(floor->netlink, &batch);
	if (result < 0)
		floor_fail(floor, "cannot make the links of a wave", result);
	for (unsigned i = first; i < first + count; i++) {
		__atomic_store_n(&floor->clients[i].wired, 1, __ATOMIC_RELEASE);
		raw_futex_wake(&floor->clients[i].wired);
	}
}

/* A link raised before its other end gets its carrier by an event, and of those the kernel handles
 * few at a time when hundreds come at once. A question about a link settles it (speed of 1000
 * clients: 10.7 s without, 1.0 s with). Nobody reads the answers: those that find no room are
 * dropped. */
static void settle_legs(struct floor *floor)
{
	struct batch batch = {.buffer = floor->buffer};

	for (unsigned i = 0; i < floor->count; i++) {
		netlink_ask(&batch, floor_leg_index(i + 1));
		if ((i + 1) % WAVE == 0 || i + 1 == floor->count)
			(void)netlink_send_unheard(floor->netlink, &batch);
	}
	close_fd(&floor->netlink); /* with all those answers */
	floor->netlink = netlink_open();
}

void floor_wait_up(struct floor *floor)
{
	unsigned finished;

	while ((finished = __atomic_load_n(&floor->finished, __ATOMIC_ACQUIRE)) < floor->count)
		if (raw_futex_wait(&floor->finished, finished, PATIENCE_S) == -ETIMEDOUT)
			floor_fail(floor, "not all clients came up", -ETIMEDOUT);
	for (unsigned i = 0; i < floor->count; i++) {
		char text[100];

		if (floor->clients[i].code == 0)
			continue;
		(void)snprintf(text, sizeof(text), "client%u: %s", i + 1, floor->clients[i].step);
		floor_fail(floor, text, floor->clients[i].code);
	}
	settle_legs(floor);
}

void floor_stay(const struct floor *floor)
{
	sigset_t signals;
	struct pollfd files[2] = {{.fd = floor->input, .events = POLLIN}, {.events = POLLIN}};
	char bytes[64];

	ending_signals(&signals);
	files[1].fd = signalfd(-1, &signals, SFD_CLOEXEC);
	for (unsigned i = 0; floor->pids && i < floor->count; i++)
		(void)dprintf(floor->output, "%d\n", (int)floor->clients[i].pid);
	if (write(floor->output, "up\n", 3) != 3)
		floor_fail(floor, "cannot say that all are up", -errno);
	do {
		files[0].revents = files[1].revents = 0;
		(void)poll(files, 2, -1);
	} while (files[1].revents == 0 && read(floor->input, bytes, sizeof(bytes)) > 0);
	close_fd(&files[1].fd);
}

void floor_delete_links(struct floor *floor)
{
	struct batch batch = {.buffer = floor->buffer};

	if (floor->count >= FEW_LINKS)
		return;
	netlink_delete_group(&batch, LEG_GROUP);
	(void)netlink_send(floor->netlink, &batch);
}

/* By a call that takes no lock: a dump of all links would hold up who removes them. */
void floor_wait_links_gone(const struct floor *floor)
{
	CLEANUP_FD int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const int64_t end = monotonic_ms() + PATIENCE_S * 1000;

	for (unsigned number = 1; number <= floor->count;) {
		struct ifreq request = {.ifr_ifindex = (int)floor_leg_index(number)};

		if (ioctl(any, SIOCGIFNAME, &request) < 0)
			number++;
		else if (monotonic_ms() > end)
			floor_fail(floor, "links are left", -ETIMEDOUT);
		else
			(void)usleep(LINK_PAUSE_US);
	}
}

/* ---- in a client ------------------------------------------------------------------------------
 */

long client_failed(struct client *client, const char *step, long code)
{
	client->step = step;
	client->code = code;
	return code;
}

char *client_name(const struct client *client, char name[20])
{
	(void)put_number(put_text(name, "client"), client->number);
	return name;
}

long client_wait_wired(struct client *client)
{
	while (__atomic_load_n(&client->wired, __ATOMIC_ACQUIRE) == 0)
		if (raw_futex_wait(&client->wired, 0, PATIENCE_S) == -ETIMEDOUT)
			return client_failed(client, "its link is not there", -ETIMEDOUT);
	return 0;
}

void client_not_born(struct client *client)
{
	__atomic_store_n(&client->pid, -1, __ATOMIC_RELEASE);
	raw_futex_wake((unsigned *)&client->pid);
}

/* Only the last one wakes the parent. */
void client_finished(struct client *client)
{
	struct floor *floor = client->floor;

	if (__atomic_add_fetch(&floor->finished, 1, __ATOMIC_ACQ_REL) == floor->count)
		raw_futex_wake(&floor->finished);
}
