/* Theory of operation
 *
 * Somebody who logs in on a console or by ssh lives in a group of root's (session-N.scope), and so
 * does whatever they start. Beside it systemd runs once more for that user, in a group that is
 * theirs (user@UID.service), and takes in who asks: as a scope, a group of processes that it did
 * not start itself. As the user it could not move us either; it asks pid 1, which can
 * (AttachProcessesToUnit, systemd 238).
 *
 * It is asked in this very process. "Pid 0" is then whoever sent the request, by what the socket
 * tells of its peer, where a number would be another process's in another pid namespace. Every
 * step is waited for here and not in the library, whose patience is longer than ours. */
#include "scope.h"

#include "loader.h"

#include <dlfcn.h>
#include <systemd/sd-bus.h>
#include <time.h>

#define SYSTEMD "org.freedesktop.systemd1"
#define OBJECT	"/org/freedesktop/systemd1"
#define MANAGER SYSTEMD ".Manager"

/* What we call of libsystemd. */
struct library {
	void *handle;
	__typeof__(sd_bus_new) *new;
	__typeof__(sd_bus_set_address) *set_address;
	__typeof__(sd_bus_set_bus_client) *set_bus_client;
	__typeof__(sd_bus_set_method_call_timeout) *set_timeout;
	__typeof__(sd_bus_start) *start;
	__typeof__(sd_bus_is_ready) *is_ready;
	__typeof__(sd_bus_process) *process;
	__typeof__(sd_bus_wait) *wait;
	__typeof__(sd_bus_match_signal) *match_signal;
	__typeof__(sd_bus_call_method) *call_method;
	__typeof__(sd_bus_message_read) *read;
	__typeof__(sd_bus_error_free) *error_free;
	__typeof__(sd_bus_close_unref) *close;
};

/* A talk with the user's systemd. */
struct talk {
	struct library library;
	sd_bus *bus;
	uint64_t deadline; /* of CLOCK_MONOTONIC, in microseconds */
	const char *unit;
	char outcome[32]; /* of its job: "done", or why not; empty: it is under way */
};

static void talk_close(struct talk *talk)
{
	if (talk->bus != NULL)
		talk->bus = talk->library.close(talk->bus);
	if (talk->library.handle != NULL)
		(void)dlclose(talk->library.handle);
	talk->library.handle = NULL;
}

/* Versions 240 and newer have all of them. */
static int load(struct library *library, struct error *error)
{
	static const char *const names[] = {"libsystemd.so.0", NULL};
	const struct loader_symbol symbols[] = {
		{"sd_bus_new", &library->new},
		{"sd_bus_set_address", &library->set_address},
		{"sd_bus_set_bus_client", &library->set_bus_client},
		{"sd_bus_set_method_call_timeout", &library->set_timeout},
		{"sd_bus_start", &library->start},
		{"sd_bus_is_ready", &library->is_ready},
		{"sd_bus_process", &library->process},
		{"sd_bus_wait", &library->wait},
		{"sd_bus_match_signal", &library->match_signal},
		{"sd_bus_call_method", &library->call_method},
		{"sd_bus_message_read", &library->read},
		{"sd_bus_error_free", &library->error_free},
		{"sd_bus_close_unref", &library->close},
	};

	return loader_load(names, symbols, ARRAY_SIZE(symbols), &library->handle, error);
}

static uint64_t now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

/* In microseconds, and never 0, which the library takes for its own default. */
static uint64_t time_left(const struct talk *talk)
{
	uint64_t time = now();

	return time < talk->deadline ? talk->deadline - time : 1;
}

static int failed(int code, struct error *error)
{
	if (code == ETIMEDOUT)
		return error_set(error, ETIMEDOUT, "no answer from it in %d seconds",
				 SCOPE_PATIENCE_MSEC / 1000);
	return error_system(error, code, "cannot talk to it");
}

/* One step of what is under way; waits for it where there is nothing to do. */
static int take_turn(struct talk *talk, struct error *error)
{
	int result = talk->library.process(talk->bus, NULL);

	if (result == 0 && now() >= talk->deadline)
		result = -ETIMEDOUT;
	if (result == 0)
		result = talk->library.wait(talk->bus, time_left(talk));
	return result < 0 && result != -EINTR ? failed(-result, error) : 0;
}

/* The user's own bus, and not what DBUS_SESSION_BUS_ADDRESS says: there may be no systemd on it, as
 * under dbus-run-session(1). */
static int connect_bus(struct talk *talk, struct error *error)
{
	char path[64];
	char address[96];
	int result;

	(void)snprintf(path, sizeof(path), "/run/user/%u/bus", (unsigned)geteuid());
	(void)snprintf(address, sizeof(address), "unix:path=%s", path);
	if (access(path, F_OK) < 0)
		return error_set(error, ENOTSUP,
				 "there is no %s; dbus-user-session and a new login bring it",
				 path);
	result = talk->library.new(&talk->bus);
	if (result >= 0)
		result = talk->library.set_address(talk->bus, address);
	if (result >= 0)
		result = talk->library.set_bus_client(talk->bus, 1);
	if (result >= 0)
		result = talk->library.start(talk->bus);
	while (result >= 0 && (result = talk->library.is_ready(talk->bus)) == 0)
		if (take_turn(talk, error) < 0)
			return -error->code;
	return result < 0 ? failed(-result, error) : 0;
}

/* JobRemoved: "uoss", the last of which are its unit and its outcome. */
static int hear_job(sd_bus_message *message, void *context, sd_bus_error *ignored)
{
	struct talk *talk = context;
	const char *job;
	const char *unit;
	const char *outcome;
	uint32_t id;

	(void)ignored;
	if (talk->library.read(message, "uoss", &id, &job, &unit, &outcome) >= 0 &&
	    strcmp(unit, talk->unit) == 0)
		(void)snprintf(talk->outcome, sizeof(talk->outcome), "%s", outcome);
	return 0;
}

/* Tells why a call failed, and lets go of what the other side said of it. Returns -errno. */
static int refused(const struct library *library, int code, sd_bus_error *refusal,
		   struct error *error)
{
	if (refusal->message != NULL && code != ETIMEDOUT)
		(void)error_set(error, ENOTSUP, "%.200s", refusal->message);
	else
		(void)failed(code, error);
	library->error_free(refusal);
	return -error->code;
}

/* It sends signals to those alone who subscribe. */
static int listen_to_jobs(struct talk *talk, struct error *error)
{
	const struct library *library = &talk->library;
	sd_bus_error refusal = SD_BUS_ERROR_NULL;
	int result = library->set_timeout(talk->bus, time_left(talk));

	if (result >= 0)
		result = library->match_signal(talk->bus, NULL, SYSTEMD, OBJECT, MANAGER,
					       "JobRemoved", hear_job, talk);
	if (result >= 0)
		result = library->set_timeout(talk->bus, time_left(talk));
	if (result >= 0)
		result = library->call_method(talk->bus, SYSTEMD, OBJECT, MANAGER, "Subscribe",
					      &refusal, NULL, NULL);
	return result < 0 ? refused(library, -result, &refusal, error) : 0;
}

static int start_unit(struct talk *talk, struct error *error)
{
	const struct library *library = &talk->library;
	sd_bus_error refusal = SD_BUS_ERROR_NULL;
	int result = library->set_timeout(talk->bus, time_left(talk));

	if (result >= 0)
		result = library->call_method(
			talk->bus, SYSTEMD, OBJECT, MANAGER, "StartTransientUnit", &refusal, NULL,
			"ssa(sv)a(sa(sv))", talk->unit, "fail", 4, "Description", "s",
			"a stage of pyroute", "PIDs", "au", 1, (uint32_t)0, "Delegate", "b", 1,
			"CollectMode", "s", "inactive-or-failed", 0);
	return result < 0 ? refused(library, -result, &refusal, error) : 0;
}

static int enter(struct talk *talk, struct error *error)
{
	if (load(&talk->library, error) < 0 || connect_bus(talk, error) < 0 ||
	    listen_to_jobs(talk, error) < 0 || start_unit(talk, error) < 0)
		return -error->code;
	while (talk->outcome[0] == '\0')
		if (take_turn(talk, error) < 0)
			return -error->code;
	if (strcmp(talk->outcome, "done") != 0)
		return error_set(error, ENOTSUP, "it made no scope: %s", talk->outcome);
	return 0;
}

int scope_enter(const char *name, struct error *error)
{
	CLEANUP(talk_close)
	struct talk talk = {.unit = name, .deadline = now() + SCOPE_PATIENCE_MSEC * 1000ULL};

	return enter(&talk, error) < 0 ? error_prefix(error, "the user's systemd") : 0;
}
