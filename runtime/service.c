#include "service.h"

#include "address.h"
#include "channel.h"
#include "process.h"
#include "text.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#define CONNECTIONS_MAX 64
#define STAYS_MAX	48   /* of them, so that others find a place */
#define SILENCE_MS	2000 /* who says nothing for that long, and does not stay, makes room */
#define FULL_PAUSE_MS	100  /* until the next try to accept, where there were too many */
#define POLL_TRIES	50   /* to wait, where that fails */
#define POLL_PAUSE_MS	100  /* between two of them */
#define SEND_TIMEOUT_S	2    /* who does not read what he asked for is hung up on */

enum verb { VERB_STAGE, VERB_CLIENTS, VERB_ENTER, VERB_COMPUTER, VERB_STOP, VERB_ADMIT, VERB_STAY };

struct request {
	uint32_t verb;
	char client[64]; /* longer than any that there is: a name that is cut is unknown too */
};

struct reply {
	struct error error;
	char stage[STAGE_NAME_SIZE];
	uint32_t clients; /* messages of struct service_client that follow */
	struct client_limits limits;
};

/* ---- the command's end ----------------------------------------------------------------------
 *
 * A user's keeper is the user's own process, and whoever uses sudo asks it too: nothing that it
 * says is taken for true, or shown, before it was looked at. */

static int say(int socket, enum verb verb, const char *client, struct error *error)
{
	struct request request = {.verb = verb};

	(void)snprintf(request.client, sizeof(request.client), "%.*s",
		       (int)sizeof(request.client) - 1, client);
	return channel_send(socket, &request, sizeof(request), NULL, error);
}

static int hear(int socket, struct reply *reply, struct channel_fds *fds, struct error *error)
{
	int result = channel_receive(socket, reply, sizeof(*reply), fds, error);

	if (result == 0)
		return error_set(error, ECONNRESET, "the stage ended meanwhile");
	if (result > 0 &&
	    (!text_is_fit(reply->stage, sizeof(reply->stage)) || reply->clients > CLIENTS_MAX))
		return error_set(error, EBADMSG, "the keeper's answer is none");
	return result < 0 ? result : error_take(error, &reply->error);
}

static int ask(int socket, enum verb verb, const char *client, struct reply *reply,
	       struct channel_fds *fds, struct error *error)
{
	int result = say(socket, verb, client, error);

	return result < 0 ? result : hear(socket, reply, fds, error);
}

int service_stage(int socket, char name[STAGE_NAME_SIZE], struct error *error)
{
	struct reply reply = {0};
	int result = ask(socket, VERB_STAGE, "", &reply, NULL, error);

	if (result == 0)
		memcpy(name, reply.stage, STAGE_NAME_SIZE);
	return result;
}

static int hear_client(int socket, struct service_client *client, struct channel_fds *fds,
		       struct error *error)
{
	int result = channel_receive(socket, client, sizeof(*client), fds, error);

	if (result == 0)
		return error_set(error, ECONNRESET, "the stage ended meanwhile");
	if (result > 0 && (!text_is_fit(client->name, sizeof(client->name)) ||
			   !text_is_fit(client->addresses, sizeof(client->addresses))))
		return error_set(error, EBADMSG, "the keeper's answer is none");
	return result < 0 ? result : 0;
}

int service_clients(int socket, service_visit *visit, void *context, struct error *error)
{
	struct reply reply = {0};
	int result = ask(socket, VERB_CLIENTS, "", &reply, NULL, error);

	for (uint32_t i = 0; result == 0 && i < reply.clients; i++) {
		CLEANUP_CHANNEL_FDS struct channel_fds fds = {.count = 0};
		struct service_client client;

		result = hear_client(socket, &client, &fds, error);
		if (result == 0)
			result = visit(context, &client, fds.count > 0 ? fds.fd[0] : -1, error);
	}
	return result;
}

void service_entry_close(struct service_entry *entry)
{
	ns_set_close(&entry->ns);
	close_fd(&entry->filter);
}

int service_ask_entry(int socket, const char *client, struct error *error)
{
	return say(socket, VERB_ENTER, client, error);
}

int service_hear_entry(int socket, struct service_entry *entry, struct error *error)
{
	CLEANUP_CHANNEL_FDS struct channel_fds fds = {.count = 0};
	struct reply reply = {0};
	int result = hear(socket, &reply, &fds, error);

	if (result < 0)
		return result;
	if (fds.count != NS_KINDS + 1)
		return error_set(error, EBADMSG, "the keeper sent %zu files", fds.count);
	memcpy(entry->ns.fd, fds.fd, sizeof(entry->ns.fd));
	entry->filter = fds.fd[NS_KINDS];
	entry->limits = reply.limits;
	fds.count = 0;
	return 0;
}

int service_ask_admission(int socket, const char *client, struct error *error)
{
	return say(socket, VERB_ADMIT, client, error);
}

int service_hear_admission(int socket, struct error *error)
{
	struct reply reply = {0};

	return hear(socket, &reply, NULL, error);
}

int service_computer(int socket, struct ns_set *computer, struct error *error)
{
	CLEANUP_CHANNEL_FDS struct channel_fds fds = {.count = 0};
	struct reply reply = {0};
	int result = ask(socket, VERB_COMPUTER, "", &reply, &fds, error);

	if (result < 0)
		return result;
	*computer = NS_SET_NONE;
	if (fds.count == 0)
		return 0;
	if (fds.count != 2)
		return error_set(error, EBADMSG, "the keeper sent %zu files", fds.count);
	computer->fd[NS_USER] = TAKE_FD(fds.fd[0]);
	computer->fd[NS_NET] = TAKE_FD(fds.fd[1]);
	return 0;
}

int service_stay(int socket, struct error *error)
{
	struct reply reply = {0};

	return ask(socket, VERB_STAY, "", &reply, NULL, error);
}

int service_stop(int socket, int *keeper_pidfd, struct error *error)
{
	CLEANUP_CHANNEL_FDS struct channel_fds fds = {.count = 0};
	struct reply reply = {0};
	int result = ask(socket, VERB_STOP, "", &reply, &fds, error);

	if (result < 0)
		return result;
	if (fds.count != 1)
		return error_set(error, EBADMSG, "the keeper sent %zu files", fds.count);
	*keeper_pidfd = TAKE_FD(fds.fd[0]);
	return 0;
}

/* ---- the keeper's end ----------------------------------------------------------------------- */

struct connection {
	int fd;
	bool stays;
	int64_t heard_ms; /* when it said something last, monotonic_ms() */
};

struct service {
	const struct service_plan *plan;
	struct timespec since;
	struct connection connections[CONNECTIONS_MAX]; /* in the order of their coming */
	size_t connection_count;
	bool full; /* nobody is accepted for a moment */
	bool stopping;
};

static uint64_t uptime_ms(const struct service *service)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)(now.tv_sec - service->since.tv_sec) * 1000 +
	       (uint64_t)((now.tv_nsec - service->since.tv_nsec) / 1000000);
}

/* "net1 1.1.1.2/24 2001:db8:1::2/64, net2 2.2.2.2/24": the addresses of an interface behind its
 * net. SERVICE_ADDRESSES_SIZE holds the most that there can be. */
static void describe_addresses(const struct stage_client *client, char *text, size_t size)
{
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < client->interface_count && length < size; i++) {
		const struct stage_interface *interface = &client->interfaces[i];
		char address[ADDRESS_TEXT_SIZE];

		length += (size_t)snprintf(text + length, size - length, "%snet%u",
					   i > 0 ? ", " : "", interface->net);
		for (enum family family = 0; family < FAMILIES && length < size; family++) {
			if (interface->address[family].line == 0)
				continue;
			address_format_prefix(family, &interface->address[family], address);
			length += (size_t)snprintf(text + length, size - length, " %s", address);
		}
	}
}

static int send_client(const struct service *service, int connection, size_t i, struct error *error)
{
	const struct client *client = &service->plan->clients[i];
	struct channel_fds fds = {.fd = {client->pidfd}, .count = client->pid > 0 ? 1 : 0};
	struct service_client told = {.running = client->pid > 0,
				      .status = client->status,
				      .uptime_ms = uptime_ms(service)};

	stage_client_name(&service->plan->stage->clients[i], told.name);
	describe_addresses(&service->plan->stage->clients[i], told.addresses,
			   sizeof(told.addresses));
	return channel_send(connection, &told, sizeof(told), &fds, error);
}

static int answer_clients(const struct service *service, int connection, struct reply *reply,
			  struct error *error)
{
	size_t count = service->plan->stage->client_count;
	int result;

	reply->clients = (uint32_t)count;
	result = channel_send(connection, reply, sizeof(*reply), NULL, error);
	for (size_t i = 0; result == 0 && i < count; i++)
		result = send_client(service, connection, i, error);
	return result;
}

static int find_client(const struct service_plan *plan, const char *wanted, size_t *found,
		       struct error *error)
{
	char name[STAGE_CLIENT_NAME_SIZE];
	char shown[256];

	for (*found = 0; *found < plan->stage->client_count; (*found)++) {
		stage_client_name(&plan->stage->clients[*found], name);
		if (strcmp(name, wanted) != 0)
			continue;
		if (plan->clients[*found].pid > 0)
			return 0;
		return error_set(error, ESRCH,
				 "%s has exited; start the stage again to have it back", name);
	}
	return error_set(error, ENOENT, "%s has no client \"%s\"; it has client1%s%s",
			 plan->stage->name, text_escape(wanted, shown, sizeof(shown)),
			 plan->stage->client_count > 1 ? " to " : "",
			 plan->stage->client_count > 1 ? name : "");
}

static int answer_enter(const struct service *service, int connection, const char *name,
			struct reply *reply, struct error *error)
{
	const struct service_plan *plan = service->plan;
	struct channel_fds fds = {.count = NS_KINDS + 1};
	size_t i;

	if (find_client(plan, name, &i, &reply->error) < 0)
		return channel_send(connection, reply, sizeof(*reply), NULL, error);
	memcpy(fds.fd, plan->clients[i].ns.fd, sizeof(plan->clients[i].ns.fd));
	fds.fd[NS_KINDS] = plan->filter;
	reply->limits = *plan->limits;
	return channel_send(connection, reply, sizeof(*reply), &fds, error);
}

/* Who asks is in a client already, or in the stage at least: nobody else has a pid here. */
static int answer_admit(const struct service *service, int connection, const char *name,
			pid_t sender, struct reply *reply, struct error *error)
{
	const struct service_plan *plan = service->plan;
	size_t i;
	int result = find_client(plan, name, &i, &reply->error);

	if (result == 0 && sender <= 0)
		result = error_set(&reply->error, EPERM,
				   "only a client's own processes may ask that");
	if (result == 0 && plan->doors != NULL)
		(void)cgroup_admit(&plan->doors[i], sender, &reply->error);
	return channel_send(connection, reply, sizeof(*reply), NULL, error);
}

static int answer_computer(const struct service *service, int connection, struct reply *reply,
			   struct error *error)
{
	const struct ns_set *computer = service->plan->computer;
	struct channel_fds fds = {.fd = {computer->fd[NS_USER], computer->fd[NS_NET]},
				  .count = computer->fd[NS_NET] < 0 ? 0 : 2};

	return channel_send(connection, reply, sizeof(*reply), &fds, error);
}

static int answer_stay(struct service *service, struct connection *connection, struct reply *reply,
		       struct error *error)
{
	size_t stays = 0;

	for (size_t i = 0; i < service->connection_count; i++)
		stays += service->connections[i].stays ? 1 : 0;
	if (stays < STAYS_MAX)
		connection->stays = true;
	else
		(void)error_set(&reply->error, EBUSY,
				"%d \"pyroute run\" are there already; end one", STAYS_MAX);
	return channel_send(connection->fd, reply, sizeof(*reply), NULL, error);
}

static int answer_stop(struct service *service, int connection, struct reply *reply,
		       struct error *error)
{
	CLEANUP_FD int self = process_pidfd(getpid(), &reply->error);
	struct channel_fds fds = {.fd = {self}, .count = self < 0 ? 0 : 1};
	int result = channel_send(connection, reply, sizeof(*reply), &fds, error);

	/* Who was not told asks again. */
	service->stopping = self >= 0 && result == 0;
	return result;
}

/* One request. Anything but an answer sent ends the connection. */
static int answer(struct service *service, struct connection *asker)
{
	const int connection = asker->fd;
	struct error error = {0};
	struct request request;
	struct reply reply = {.clients = 0};
	pid_t sender;

	if (channel_receive_from(connection, &request, sizeof(request), &sender, &error) <= 0)
		return -ECONNRESET;
	asker->heard_ms = monotonic_ms();
	request.client[sizeof(request.client) - 1] = '\0';
	memcpy(reply.stage, service->plan->stage->name, sizeof(reply.stage));
	switch (request.verb) {
	case VERB_STAGE:
		return channel_send(connection, &reply, sizeof(reply), NULL, &error);
	case VERB_CLIENTS:
		return answer_clients(service, connection, &reply, &error);
	case VERB_ENTER:
		return answer_enter(service, connection, request.client, &reply, &error);
	case VERB_ADMIT:
		return answer_admit(service, connection, request.client, sender, &reply, &error);
	case VERB_COMPUTER:
		return answer_computer(service, connection, &reply, &error);
	case VERB_STAY:
		return answer_stay(service, asker, &reply, &error);
	case VERB_STOP:
		return answer_stop(service, connection, &reply, &error);
	default:
		return -EBADMSG;
	}
}

static void hang_up(struct service *service, size_t i)
{
	(void)close(service->connections[i].fd);
	service->connection_count--;
	memmove(&service->connections[i], &service->connections[i + 1],
		(service->connection_count - i) * sizeof(service->connections[0]));
}

/* Hangs up on who came first of those who keep a place and say nothing. */
static bool make_room(struct service *service)
{
	const int64_t heard_by = monotonic_ms() - SILENCE_MS;

	for (size_t i = 0; i < service->connection_count; i++)
		if (!service->connections[i].stays && service->connections[i].heard_ms < heard_by) {
			hang_up(service, i);
			return true;
		}
	return false;
}

static void accept_connection(struct service *service)
{
	struct timeval timeout = {.tv_sec = SEND_TIMEOUT_S};
	CLEANUP_FD int connection = -1;

	service->full = service->connection_count == CONNECTIONS_MAX && !make_room(service);
	if (service->full)
		return;
	connection = accept4(service->plan->listener, NULL, NULL, SOCK_CLOEXEC);
	if (connection < 0) {
		service->full = (errno == EMFILE || errno == ENFILE) && !make_room(service);
		return;
	}
	if (setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0)
		return;
	service->connections[service->connection_count++] =
		(struct connection){.fd = TAKE_FD(connection), .heard_ms = monotonic_ms()};
}

static void reap_client(struct client *client)
{
	struct error ignored;

	(void)process_wait(client->pidfd, &client->status, &ignored);
	client_close(client);
	client->pid = 0;
}

/* Answers what is there to answer. FILES: the listener, the clients, the connections, in order. */
static void attend(struct service *service, const struct pollfd *files)
{
	size_t clients = service->plan->stage->client_count;

	for (size_t i = 0; i < clients; i++)
		if (files[1 + i].revents != 0)
			reap_client(&service->plan->clients[i]);
	/* From the last to the first: who is hung up on moves those behind. */
	for (size_t i = service->connection_count; i-- > 0;)
		if (files[1 + clients + i].revents != 0 &&
		    answer(service, &service->connections[i]) < 0)
			hang_up(service, i);
	if (files[0].revents != 0)
		accept_connection(service);
}

static size_t list_files(const struct service *service, struct pollfd *files)
{
	size_t count = 0;

	/* Who is not accepted yet waits in the listener's queue. */
	files[count++] = (struct pollfd){.fd = service->full ? -1 : service->plan->listener,
					 .events = POLLIN};
	for (size_t i = 0; i < service->plan->stage->client_count; i++)
		files[count++] =
			(struct pollfd){.fd = service->plan->clients[i].pidfd, .events = POLLIN};
	for (size_t i = 0; i < service->connection_count; i++)
		files[count++] =
			(struct pollfd){.fd = service->connections[i].fd, .events = POLLIN};
	return count;
}

static void service_close(struct service *service)
{
	while (service->connection_count > 0)
		hang_up(service, service->connection_count - 1);
}

int service_run(const struct service_plan *plan, struct error *error)
{
	const struct timespec pause = {.tv_nsec = POLL_PAUSE_MS * 1000000L};
	CLEANUP(service_close) struct service service = {.plan = plan};
	unsigned failures = 0;
	CLEANUP_FREE struct pollfd *files =
		calloc(1 + plan->stage->client_count + CONNECTIONS_MAX, sizeof(*files));

	if (files == NULL)
		return error_system(error, ENOMEM, "cannot serve");
	(void)clock_gettime(CLOCK_BOOTTIME, &service.since);
	channel_own(plan->listener);
	while (!service.stopping) {
		size_t count = list_files(&service, files);

		if (poll(files, count, service.full ? FULL_PAUSE_MS : -1) >= 0) {
			service.full = false;
			attend(&service, files);
			failures = 0;
		} else if (errno != EINTR) {
			/* No memory just now, most likely: no reason to end a stage. */
			if (++failures > POLL_TRIES)
				return error_system(error, errno, "cannot serve");
			(void)nanosleep(&pause, NULL);
		}
	}
	return 0;
}
