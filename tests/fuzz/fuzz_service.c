/* Both ends of what commands ask a keeper, each with a hostile other end: whatever that says, with
 * however many files, nothing is read or kept that is not there, no file stays open, and it comes
 * to an end. The first byte chooses the end; the rest is what the other one says (fuzz.h). */
/* The whole module, for the layout of its messages is its own affair.
 * NOLINTNEXTLINE(bugprone-suspicious-include) */
#include "../../runtime/service.c"

#include "fuzz.h"

#include <sys/pidfd.h>
#include <sys/un.h>

#define PEERS	  4
#define TURNS_MAX 12 /* of one peer: so that all answers fit into its socket's buffer */

/* ---- the command's end ------------------------------------------------------------------------
 */

static int look_at_client(void *context, const struct service_client *client, int pidfd,
			  struct error *error)
{
	size_t *count = context;

	check_text(client->name, sizeof(client->name));
	check_text(client->addresses, sizeof(client->addresses));
	require(pidfd == -1 || fcntl(pidfd, F_GETFD) == FD_CLOEXEC, "a file, or none");
	require(++*count <= CLIENTS_MAX, "no more clients than a stage can have");
	return client->status > 1000 ? error_set(error, EINTR, "enough") : 0;
}

static int ask_stage(int socket, struct error *error)
{
	char name[STAGE_NAME_SIZE];
	int result = service_stage(socket, name, error);

	if (result == 0)
		check_text(name, sizeof(name));
	return result;
}

static int ask_clients(int socket, struct error *error)
{
	size_t count = 0;

	return service_clients(socket, look_at_client, &count, error);
}

static int ask_enter(int socket, struct error *error)
{
	CLEANUP_SERVICE_ENTRY struct service_entry entry = SERVICE_ENTRY_NONE;
	int result = service_ask_entry(socket, "client1", error);

	if (result == 0)
		result = service_hear_entry(socket, &entry, error);
	if (result < 0)
		return result;
	require(fcntl(entry.filter, F_GETFD) == FD_CLOEXEC, "a filter");
	for (size_t i = 0; i < NS_KINDS; i++)
		require(fcntl(entry.ns.fd[i], F_GETFD) == FD_CLOEXEC, "a namespace");
	return 0;
}

static int ask_admit(int socket, struct error *error)
{
	int result = service_ask_admission(socket, "client1", error);

	return result < 0 ? result : service_hear_admission(socket, error);
}

static int ask_computer(int socket, struct error *error)
{
	CLEANUP_NS_SET struct ns_set computer = NS_SET_NONE;

	return service_computer(socket, &computer, error);
}

static int ask_to_stay(int socket, struct error *error)
{
	return service_stay(socket, error);
}

static int ask_stop(int socket, struct error *error)
{
	CLEANUP_FD int keeper = -1;
	int result = service_stop(socket, &keeper, error);

	require(result < 0 || keeper >= 0, "a pidfd");
	return result;
}

typedef int question(int socket, struct error *error);
static question *const questions[] = {ask_stage, ask_clients, ask_enter,  ask_computer,
				      ask_stop,	 ask_admit,   ask_to_stay};

static void fuzz_command(question *ask_it, struct input *input)
{
	static const size_t sizes[] = {sizeof(struct reply), sizeof(struct service_client)};
	struct error error = {0};
	int ends[2];

	make_pair(ends);
	say_all(ends[1], input, 64, sizes, ARRAY_SIZE(sizes));
	check_result(ask_it(ends[0], &error), &error);
	close_fd(&ends[0]);
	close_fd(&ends[1]);
}

/* ---- the keeper's end -------------------------------------------------------------------------
 */

struct side {
	struct sockaddr_un address;
	socklen_t address_size;
	int listener;
	int peers[PEERS];
	size_t turns[PEERS];
};

/* A listener with a name that the kernel finds (unix(7), "Autobind"). */
static void side_open(struct side *side)
{
	side->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	side->address = (struct sockaddr_un){.sun_family = AF_UNIX};
	side->address_size = sizeof(side->address);
	require(side->listener >= 0 &&
			bind(side->listener, (struct sockaddr *)&side->address,
			     sizeof(sa_family_t)) == 0 &&
			listen(side->listener, PEERS + 1) == 0 &&
			getsockname(side->listener, (struct sockaddr *)&side->address,
				    &side->address_size) == 0,
		"a listener");
}

static int side_connect(const struct side *side)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	require(fd >= 0 && connect(fd, (const struct sockaddr *)&side->address,
				   side->address_size) == 0,
		"a connection");
	return fd;
}

/* A byte says whose turn it is and what is done: a message, a hang-up, or half of one. */
static void take_turn(struct side *side, struct input *input)
{
	static const size_t sizes[] = {sizeof(struct request)};
	uint8_t turn = input_byte(input);
	size_t peer = turn % PEERS;

	if (side->turns[peer]++ >= TURNS_MAX || side->peers[peer] < 0)
		return;
	switch (turn / PEERS % 8) {
	case 0:
		close_fd(&side->peers[peer]);
		break;
	case 1:
		(void)shutdown(side->peers[peer], SHUT_WR);
		break;
	case 2:
		(void)shutdown(side->peers[peer], SHUT_RD);
		break;
	default:
		say_something(side->peers[peer], input, sizes, ARRAY_SIZE(sizes));
	}
}

/* Comes last, and does no harm until all the others have had their turns. */
static int stop_at_last(const struct side *side)
{
	struct request request = {.verb = VERB_STAGE};
	int fd = side_connect(side);

	for (size_t i = 0; i < TURNS_MAX; i++)
		send_message(fd, &request, sizeof(request), 0);
	request.verb = VERB_STOP;
	send_message(fd, &request, sizeof(request), 0);
	return fd;
}

static void check_reply(const uint8_t *bytes, size_t size)
{
	struct service_client client;
	struct reply reply;

	if (size == sizeof(reply)) {
		memcpy(&reply, bytes, size);
		require(reply.error.code >= 0, "an error's code");
		check_text(reply.error.text, sizeof(reply.error.text));
		check_text(reply.stage, sizeof(reply.stage));
	} else {
		require(size == sizeof(client), "a reply or a client");
		memcpy(&client, bytes, size);
		check_text(client.name, sizeof(client.name));
		check_text(client.addresses, sizeof(client.addresses));
	}
}

static void hear_answers(int peer)
{
	uint8_t bytes[sizeof(struct reply) + sizeof(struct service_client)];
	ssize_t size;

	/* The files that come are not taken, and so are closed. */
	while ((size = recv(peer, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		check_reply(bytes, (size_t)size);
}

static int null_file(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	require(fd >= 0, "/dev/null");
	return fd;
}

/* The first lives, the second has exited, and the third's pidfd says that it has, just now. */
static void make_clients(struct client *clients)
{
	for (size_t i = 0; i < 3; i++) {
		clients[i] = CLIENT_NONE;
		for (size_t kind = 0; kind < NS_KINDS; kind++)
			clients[i].ns.fd[kind] = null_file();
	}
	clients[0].pid = getpid();
	clients[0].pidfd = pidfd_open(getpid(), 0);
	clients[1].status = 137;
	clients[2].pid = getpid();
	clients[2].pidfd = null_file();
}

static void fuzz_keeper(struct input *input)
{
	struct stage_client inhabitants[] = {
		{.number = 1,
		 .interfaces = {{.net = 1, .address = {{.length = 24, .line = 1}}}},
		 .interface_count = 1},
		{.number = 2},
		{.number = 3}};
	const struct stage stage = {.name = "fuzz", .clients = inhabitants, .client_count = 3};
	const struct client_limits limits = {.processes = 1};
	const struct ns_set computer = NS_SET_NONE;
	struct cgroup_doors doors[3] = {{.count = 0}};
	struct client clients[3];
	struct side side = {.peers = {-1}};
	struct service_plan plan = {.stage = &stage,
				    .clients = clients,
				    .doors = doors,
				    .limits = &limits,
				    .computer = &computer};
	struct error error = {0};
	int last;

	make_clients(clients);
	plan.filter = null_file();
	side_open(&side);
	plan.listener = side.listener;
	for (size_t i = 0; i < PEERS; i++)
		side.peers[i] = side_connect(&side);
	while (input->size > 0)
		take_turn(&side, input);
	last = stop_at_last(&side);
	check_result(service_run(&plan, &error), &error);
	for (size_t i = 0; i < PEERS; i++) {
		hear_answers(side.peers[i]);
		close_fd(&side.peers[i]);
	}
	close_fd(&last);
	close_fd(&side.listener);
	close_fd(&plan.filter);
	for (size_t i = 0; i < 3; i++)
		client_close(&clients[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {.data = data, .size = size};
	size_t choice = input_byte(&input) % (ARRAY_SIZE(questions) + 1);
	size_t files = count_files();

	if (choice < ARRAY_SIZE(questions))
		fuzz_command(questions[choice], &input);
	else
		fuzz_keeper(&input);
	require(count_files() == files, "as many open files as before");
	return 0;
}
