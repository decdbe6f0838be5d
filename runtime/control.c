/* Theory of operation
 *
 * The child is as an asker (asker.c): not dumpable before it enters, so that nobody in there can
 * trace it (CVE-2016-9962), in the user and the network namespace alone, and gone when we are.
 *
 * The kernel tells of links, addresses, routes, neighbours and rules in this order, of each kind
 * one after the other (net_survey.h). Each that is told is either one of those that are expected,
 * which is then noted as seen, or of those that the kernel makes itself, or wrong. What is expected
 * and was not seen is wrong too. The kernel's own are known by what they say, since everybody may
 * make a route and call it the kernel's. Nothing is kept but the indices of the links, and whoever
 * is root in a client may make a great many routes in tables that nobody asks: there is an end to
 * the counting.
 *
 * Forwarding is read from /proc/sys/net, which is that of whoever opens it (sysctl.h). */
#include "control.h"

#include "control_look.h"
#include "process.h"
#include "supervise.h"

#include <signal.h>
#include <sys/prctl.h>

#define TRIES_MAX 16

struct visit {
	struct ns_set ns; /* the two that are entered; borrowed */
	const struct stage *stage;
	const struct stage_client *client; /* NULL: the computer */
	pid_t parent;
};

/* The order matters, as asker.c tells. */
static int enter_child(const struct visit *visit, struct error *error)
{
	process_hold_signals(); /* a terminal's are for who started us, which ends us then */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return error_system(error, errno, "cannot hide");
	if (ns_enter(&visit->ns, error) < 0)
		return -error->code;
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return error_system(error, errno, "cannot ask for the parent's death");
	if (getppid() != visit->parent) /* it came before we asked */
		return error_set(error, ECANCELED, "the parent is gone");
	return 0;
}

static int look_child(void *context, struct error *error)
{
	const struct visit *visit = context;
	int result = enter_child(visit, error);

	if (result < 0)
		return result;
	for (int i = 0; i < TRIES_MAX; i++) {
		result = visit->client ? control_look_at_client(visit->stage, visit->client, error)
				       : control_look_at_computer(visit->stage,
								  visit->ns.fd[NS_NET] >= 0, error);
		if (result != -EINTR)
			return result;
	}
	return result;
}

static int look_in(const struct ns_set *ns, struct visit *visit, struct error *error)
{
	visit->ns = NS_SET_NONE;
	visit->ns.fd[NS_USER] = ns->fd[NS_USER];
	visit->ns.fd[NS_NET] = ns->fd[NS_NET];
	visit->parent = getpid();
	return supervise_call(look_child, visit, error);
}

int control_client(const struct ns_set *client, const struct stage *stage,
		   const struct stage_client *expected, struct error *error)
{
	struct visit visit = {.stage = stage, .client = expected};
	char name[STAGE_CLIENT_NAME_SIZE];

	if (look_in(client, &visit, error) == 0)
		return 0;
	stage_client_name(expected, name);
	return error_prefix(error, "%s", name);
}

int control_computer(const struct ns_set *computer, const struct stage *stage, struct error *error)
{
	struct visit visit = {.stage = stage};

	return look_in(computer, &visit, error);
}
