/* Each trial has a network namespace of its own, which its links go with. An ordinary user is root
 * of a user namespace for it. What the kernel has as modules it loads for that, as for a start. */
#include "exam.h"

#include "net.h"
#include "rundir.h"
#include "running.h"
#include "sysctl.h"
#include "trial.h"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define LINK "leg"
#define PEER "far"

struct part {
	enum net_part part;
	const char *name;
};

static int make_veth_child(void *argument, struct error *error)
{
	CLEANUP_NET struct nl_sock *socket = NULL;
	const struct net_end end = {.name = LINK, .ns = -1};
	const struct net_end peer = {.name = PEER, .ns = -1};

	(void)argument;
	if (net_socket_open(&socket, error) < 0)
		return -error->code;
	return net_veth_create(socket, &end, &peer, 1500, error);
}

static int make_bridge_child(void *argument, struct error *error)
{
	CLEANUP_NET struct nl_sock *socket = NULL;

	(void)argument;
	if (net_socket_open(&socket, error) < 0)
		return -error->code;
	return net_bridge_create(socket, LINK, 1500, error);
}

static int raise_leg(bool own_ns, struct error *error)
{
	CLEANUP_NET struct nl_sock *socket = NULL;
	CLEANUP_NET_LEG_KIT struct net_leg_kit kit = NET_LEG_KIT_NONE;
	const struct net_address address = {
		.family = AF_INET, .bytes = {192, 0, 2, 1}, .length = 24}; /* RFC 5737 */

	if (make_veth_child(NULL, error) < 0 || net_socket_open(&socket, error) < 0 ||
	    net_leg_kit_open(socket, &kit, error) < 0 ||
	    net_leg_prepare(socket, &kit, LINK, false, error) < 0)
		return -error->code;
	return net_leg_raise(socket, &kit, LINK, &address, NULL, own_ns, error);
}

static int raise_leg_child(void *argument, struct error *error)
{
	(void)argument;
	return raise_leg(false, error);
}

static int raise_private_leg_child(void *argument, struct error *error)
{
	(void)argument;
	return raise_leg(true, error);
}

static int know_part_child(void *argument, struct error *error)
{
	const struct part *part = argument;
	CLEANUP_NET struct nl_sock *socket = NULL;

	if (net_socket_open(&socket, error) < 0)
		return -error->code;
	return net_part_known(socket, part->part, part->name, error);
}

/* Runs RUN_CHILD on a network of its own. Returns what it did; where it could not begin, says so
 * in FINDING and returns -ECANCELED. */
static int try_on_network(const struct patient *patient, int (*run_child)(void *, struct error *),
			  void *argument, struct finding *finding, struct error *error)
{
	struct trial trial = {.flags = CLONE_NEWNET | (patient->root ? 0 : CLONE_NEWUSER),
			      .run_child = run_child,
			      .argument = argument};
	int result = trial_run(&trial, error);

	if (trial.began)
		return result;
	finding_unknown(finding, "could not look: %s", error->text);
	return -ECANCELED;
}

static void exam_link(const struct patient *patient, int (*run_child)(void *, struct error *),
		      const char *option, const char *module, struct finding *finding)
{
	struct error error = {0};
	int result = try_on_network(patient, run_child, NULL, finding, &error);

	if (result >= 0) {
		finding_ok(finding, "can be made");
	} else if (result == -EOPNOTSUPP) {
		finding_lacks(finding, "this kernel has none", option, module);
	} else if (result != -ECANCELED) {
		finding_missing(finding, "%s", error.text);
	}
}

void exam_veth(const struct patient *patient, struct finding *finding)
{
	exam_link(patient, make_veth_child, "VETH", "kernel/drivers/net/veth", finding);
}

void exam_bridge(const struct patient *patient, struct finding *finding)
{
	exam_link(patient, make_bridge_child, "BRIDGE", "kernel/net/bridge/bridge", finding);
}

static void exam_part(const struct patient *patient, enum net_part kind, const char *name,
		      const char *option, const char *module, struct finding *finding)
{
	struct part part = {.part = kind, .name = name};
	struct error error = {0};
	int result = try_on_network(patient, know_part_child, &part, finding, &error);

	if (result > 0) {
		finding_ok(finding, "this kernel has it");
	} else if (result == 0) {
		finding_lacks(finding, "this kernel has none", option, module);
	} else if (result != -ECANCELED) {
		finding_missing(finding, "%s", error.text);
	}
}

void exam_ingress(const struct patient *patient, struct finding *finding)
{
	exam_part(patient, NET_QDISC, "clsact", "NET_SCH_INGRESS", "kernel/net/sched/sch_ingress",
		  finding);
}

void exam_cls_bpf(const struct patient *patient, struct finding *finding)
{
	exam_part(patient, NET_CLASSIFIER, "bpf", "NET_CLS_BPF", "kernel/net/sched/cls_bpf",
		  finding);
}

/* An action is asked for in a filter, of kind bpf. */
void exam_act_mirred(const struct patient *patient, struct finding *finding)
{
	struct finding filter = {.state = FINDING_UNKNOWN};

	exam_cls_bpf(patient, &filter);
	if (filter.state == FINDING_OK)
		exam_part(patient, NET_ACTION, "mirred", "NET_ACT_MIRRED",
			  "kernel/net/sched/act_mirred", finding);
	else
		finding_unknown(finding, "could not look: for that cls_bpf is needed");
}

void exam_tbf(const struct patient *patient, struct finding *finding)
{
	exam_part(patient, NET_QDISC, "tbf", "NET_SCH_TBF", "kernel/net/sched/sch_tbf", finding);
}

void exam_netem(const struct patient *patient, struct finding *finding)
{
	exam_part(patient, NET_QDISC, "netem", "NET_SCH_NETEM", "kernel/net/sched/sch_netem",
		  finding);
}

void exam_leg(const struct patient *patient, struct finding *finding)
{
	struct error error = {0};
	int result = try_on_network(patient, raise_leg_child, NULL, finding, &error);

	if (result >= 0)
		finding_ok(finding, "a silent one can be made");
	else if (result != -ECANCELED)
		finding_missing(finding, "%s", error.text);
}

/* As in a private stage: in a user namespace, where bpf(2) is refused to root too. */
void exam_private_leg(const struct patient *patient, struct finding *finding)
{
	struct trial trial = {.flags = CLONE_NEWNET | CLONE_NEWUSER,
			      .run_child = raise_private_leg_child};
	struct error error = {0};
	int result = trial_run(&trial, &error);

	(void)patient;
	if (!trial.began) {
		finding_unknown(finding, "could not look: %s", error.text);
	} else if (result == NET_LEG_ALL_ONLY) {
		finding_missing(finding,
				"no nftables at a link's ingress (kernel options NF_TABLES_NETDEV, "
				"NETFILTER_INGRESS): there only sockets for ETH_P_ALL see frames");
		finding_remedy_kernel(finding);
	} else if (result < 0) {
		finding_missing(finding, "%s", error.text);
	} else {
		finding_ok(finding, "a silent one can be made");
	}
}

void exam_bpf(const struct patient *patient, struct finding *finding)
{
	struct error error = {0};
	CLEANUP_FD int marker = -1;

	if (!patient->root) {
		finding_needs_root(finding, "bpf(2) is root's");
		return;
	}
	marker = net_leg_load_marker(&error);
	if (marker >= 0)
		finding_ok(finding, "allowed");
	else
		finding_missing(finding,
				"bpf(2) is refused, so that on legs only sockets for "
				"ETH_P_ALL see frames (%s)",
				error.text);
}

/* ---- the computer's own ---------------------------------------------------------------------- */

/* The name of a leg is net and a number from 1 (README.md, "A stage of your own"). */
static bool is_leg_name(const char *name)
{
	const char *digits = name + strlen("net");

	return strncmp(name, "net", strlen("net")) == 0 && *digits >= '1' && *digits <= '9' &&
	       digits[strspn(digits, "0123456789")] == '\0' &&
	       strtoul(digits, NULL, 10) <= NETS_MAX;
}

static bool is_up(const char *name)
{
	CLEANUP_FD int socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {0};

	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	return socket_fd >= 0 && ioctl(socket_fd, SIOCGIFFLAGS, &request) == 0 &&
	       (request.ifr_flags & IFF_UP) != 0;
}

/* Before Linux 6.2 only a link that is down takes another name. */
static void remedy_name(const char *name, struct finding *finding)
{
	const bool up = is_up(name);

	if (up)
		finding_remedy(finding, "sudo ip link set %s down", name);
	finding_remedy(finding, "sudo ip link set %s name other-%s", name, name);
	if (up)
		finding_remedy(finding, "sudo ip link set other-%s up", name);
}

/* The stage that runs, of whatever checkout: interfaces of these names are then its own. */
static bool find_stage(struct host_stage *stage)
{
	struct error ignored;
	CLEANUP_FD int base = rundir_open_base(0, false, &ignored);

	return base >= 0 && running_find_leg(base, NULL, stage, &ignored) > 0;
}

static void free_names(struct if_nameindex **names)
{
	if (*names != NULL)
		if_freenameindex(*names);
}

void exam_interfaces(const struct patient *patient, struct finding *finding)
{
	CLEANUP(free_names) struct if_nameindex *names = if_nameindex();
	struct host_stage stage;
	char taken[128] = "";
	size_t used = 0;

	(void)patient;
	if (names == NULL) {
		finding_unknown(finding, "cannot list the interfaces: %s", strerror(errno));
		return;
	}
	if (find_stage(&stage)) {
		finding_ok(finding, "%s runs and has its legs", stage.name);
		return;
	}
	for (const struct if_nameindex *i = names; i->if_index != 0; i++) {
		if (!is_leg_name(i->if_name))
			continue;
		remedy_name(i->if_name, finding);
		if (used + IFNAMSIZ + 2 < sizeof(taken))
			used += (size_t)snprintf(taken + used, sizeof(taken) - used, "%s%s",
						 used > 0 ? ", " : "", i->if_name);
	}
	if (used == 0)
		finding_ok(finding, "none is called net1, net2, ...");
	else
		finding_missing(finding, "not pyroute's, but with the name of a leg: %s", taken);
}

void exam_forwarding(const struct patient *patient, struct finding *finding)
{
	struct error error = {0};
	CLEANUP_FD int settings = sysctl_open("/proc/sys/net/ipv4", &error);
	char value[32];

	(void)patient;
	if (settings < 0 || sysctl_read(settings, "ip_forward", value, sizeof(value), &error) < 0)
		finding_unknown(finding, "%s", error.text);
	else if (strcmp(value, "0") == 0)
		finding_ok(finding, "off");
	else
		finding_ok(finding, "on; is off while a stage runs");
}
