#include "state.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#define FORWARDING     "/proc/sys/net/ipv4/ip_forward"
#define ANSWER_SIZE    65536
#define ATTRIBUTE_HEAD sizeof(struct nlattr)
#define ALIGNED(size)  (((size_t)(size) + 3) & ~(size_t)3)

_Noreturn static void fail(const char *what)
{
	(void)fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	exit(3);
}

static void add_line(struct state *state, const char *format, ...) PRINTF_LIKE(2, 3);

static void add_line(struct state *state, const char *format, ...)
{
	va_list list;
	char *line;

	va_start(list, format);
	if (vasprintf(&line, format, list) < 0)
		fail("memory");
	va_end(list);
	if (state->count == state->room) {
		state->room = state->room == 0 ? 2048 : 2 * state->room;
		state->lines = realloc(state->lines, state->room * sizeof(*state->lines));
		if (state->lines == NULL)
			fail("memory");
	}
	state->lines[state->count++] = line;
}

/* ---- the network, by rtnetlink(7) -------------------------------------------------------------
 */

/* What of a message stands for a fact: its head without the index, and attributes. */
struct kind {
	const char *word;
	uint16_t get;
	size_t head;
	size_t index_at; /* of the link's index in the head; SIZE_MAX: there is none */
	const uint16_t *left_out;
	uint16_t link_attribute; /* whose value is a link's index; 0: there is none */
};

static const uint16_t link_left_out[] = {IFLA_STATS,
					 IFLA_STATS64,
					 IFLA_LINK,
					 IFLA_LINK_NETNSID,
					 IFLA_AF_SPEC,
					 IFLA_CARRIER_CHANGES,
					 IFLA_CARRIER_UP_COUNT,
					 IFLA_CARRIER_DOWN_COUNT,
					 IFLA_NEW_IFINDEX,
					 IFLA_EVENT,
					 0};
static const uint16_t address_left_out[] = {IFA_CACHEINFO, 0};
static const uint16_t route_left_out[] = {RTA_CACHEINFO, 0};
static const uint16_t queue_left_out[] = {TCA_STATS, TCA_STATS2, TCA_OPTIONS, 0};
static const uint16_t nothing_left_out[] = {0};

static const struct kind kinds[] = {
	{"link", RTM_GETLINK, sizeof(struct ifinfomsg), offsetof(struct ifinfomsg, ifi_index),
	 link_left_out, 0},
	{"address", RTM_GETADDR, sizeof(struct ifaddrmsg), offsetof(struct ifaddrmsg, ifa_index),
	 address_left_out, 0},
	{"route", RTM_GETROUTE, sizeof(struct rtmsg), SIZE_MAX, route_left_out, RTA_OIF},
	{"rule", RTM_GETRULE, sizeof(struct rtmsg), SIZE_MAX, nothing_left_out, 0},
	{"queue", RTM_GETQDISC, sizeof(struct tcmsg), offsetof(struct tcmsg, tcm_ifindex),
	 queue_left_out, 0},
	{"filter", RTM_GETTFILTER, sizeof(struct tcmsg), offsetof(struct tcmsg, tcm_ifindex),
	 queue_left_out, 0},
};

static bool is_left_out(const struct kind *kind, uint16_t type)
{
	for (const uint16_t *out = kind->left_out; *out != 0; out++)
		if (*out == (type & NLA_TYPE_MASK))
			return true;
	return false;
}

static void put_bytes(FILE *line, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		(void)fprintf(line, "%02x", bytes[i]);
}

static void put_link(FILE *line, const uint8_t *index_at)
{
	char name[IF_NAMESIZE];
	unsigned index;

	memcpy(&index, index_at, sizeof(index));
	(void)fputs(if_indextoname(index, name) != NULL ? name : "-", line);
}

/* A neighbour's first message may come before a queue is told: what is not a name is in hex. */
static void put_attribute(FILE *line, const struct kind *kind, const uint8_t *attribute)
{
	struct nlattr head;
	const uint8_t *value = attribute + ATTRIBUTE_HEAD;

	memcpy(&head, attribute, sizeof(head));
	if (is_left_out(kind, head.nla_type))
		return;
	(void)fprintf(line, " %u=", head.nla_type & NLA_TYPE_MASK);
	if (kind->link_attribute == head.nla_type)
		put_link(line, value);
	else
		put_bytes(line, value, head.nla_len - ATTRIBUTE_HEAD);
}

static void add_message(struct state *state, const struct kind *kind, const uint8_t *body,
			size_t size)
{
	CLEANUP_FREE char *text = NULL;
	size_t length = 0;
	FILE *line = open_memstream(&text, &length);
	uint8_t head[64] = {0};
	struct nlattr attribute;

	if (line == NULL || size < kind->head)
		fail("a message");
	memcpy(head, body, kind->head);
	if (kind->get == RTM_GETQDISC || kind->get == RTM_GETTFILTER)
		memset(head + offsetof(struct tcmsg, tcm_handle), 0, sizeof(uint32_t));
	if (kind->index_at != SIZE_MAX) {
		put_link(line, body + kind->index_at);
		(void)fputc(' ', line);
		memset(head + kind->index_at, 0, sizeof(int));
	}
	put_bytes(line, head, kind->head);
	for (size_t at = ALIGNED(kind->head); at + ATTRIBUTE_HEAD <= size;
	     at += ALIGNED(attribute.nla_len)) {
		memcpy(&attribute, body + at, sizeof(attribute));
		if (attribute.nla_len < ATTRIBUTE_HEAD || at + attribute.nla_len > size)
			break;
		put_attribute(line, kind, body + at);
	}
	(void)fclose(line);
	add_line(state, "%s: %s", kind->word, text);
}

/* Reads one part of an answer; false after the last. */
static bool read_answer(struct state *state, const struct kind *kind, const uint8_t *answer,
			size_t size)
{
	struct nlmsghdr head;

	for (size_t at = 0; at + sizeof(head) <= size; at += NLMSG_ALIGN(head.nlmsg_len)) {
		memcpy(&head, answer + at, sizeof(head));
		if (head.nlmsg_len < sizeof(head) || head.nlmsg_type == NLMSG_DONE ||
		    head.nlmsg_type == NLMSG_ERROR)
			return false;
		add_message(state, kind, answer + at + NLMSG_HDRLEN,
			    head.nlmsg_len - (size_t)NLMSG_HDRLEN);
	}
	return true;
}

/* INDEX and PARENT are a filter's, else 0. */
static void add_dump(struct state *state, const struct kind *kind, int index, uint32_t parent)
{
	static uint8_t answer[ANSWER_SIZE];
	struct {
		struct nlmsghdr head;
		union {
			struct tcmsg queue;
			uint8_t room[64];
		} body;
	} request = {{0}, {{0}}};
	CLEANUP_FD int socket_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t size;

	request.head.nlmsg_len = (uint32_t)NLMSG_LENGTH(kind->head);
	request.head.nlmsg_type = kind->get;
	request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	if (kind->get == RTM_GETTFILTER) {
		request.body.queue.tcm_ifindex = index;
		request.body.queue.tcm_parent = parent;
	}
	if (socket_fd < 0 || send(socket_fd, &request, request.head.nlmsg_len, 0) < 0)
		fail("rtnetlink");
	do
		size = recv(socket_fd, answer, sizeof(answer), 0);
	while (size > 0 && read_answer(state, kind, answer, (size_t)size));
}

static void add_filters(struct state *state, const struct kind *kind)
{
	struct if_nameindex *links = if_nameindex();

	if (links == NULL)
		fail("if_nameindex");
	for (const struct if_nameindex *link = links; link->if_index != 0; link++) {
		add_dump(state, kind, (int)link->if_index,
			 TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS));
		add_dump(state, kind, (int)link->if_index, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS));
	}
	if_freenameindex(links);
}

/* ---- files ------------------------------------------------------------------------------------
 */

static void add_file(struct state *state, const char *word, int dir, const char *name,
		     const char *shown)
{
	static char text[16384];
	CLEANUP_FD int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (size < 0)
		return;
	text[size] = '\0';
	for (char *c = text; *c != '\0'; c++)
		if (*c == '\n')
			*c = '|';
	add_line(state, "%s: %s %s", word, shown, text);
}

static bool counts(const char *path)
{
	static const char *const counting[] = {"/proc/sys/kernel/random/",
					       "/proc/sys/kernel/ns_last_pid",
					       "/proc/sys/kernel/pty/nr",
					       "/proc/sys/kernel/perf_",
					       "/proc/sys/kernel/sched_",
					       "/proc/sys/fs/dentry-state",
					       "/proc/sys/fs/file-nr",
					       "/proc/sys/fs/inode-",
					       "/proc/sys/fs/aio-nr",
					       "/proc/sys/fs/quota/",
					       "/proc/sys/fs/epoll/",
					       "/proc/sys/vm/stat_refresh",
					       "/proc/sys/net/netfilter/nf_conntrack_count"};

	for (size_t i = 0; i < ARRAY_SIZE(counting); i++)
		if (strncmp(path, counting[i], strlen(counting[i])) == 0)
			return true;
	return strstr(path, "stable_secret") != NULL;
}

/* Of control groups only the groups count, not what the kernel puts there; a stage's has a number.
 */
static void add_entry(struct state *state, const char *word, const char *path, unsigned type)
{
	const char *number = strstr(path, "/pyroute-");

	if (strcmp(word, "cgroup") != 0)
		add_line(state, "%s: %s %u", word, path, type);
	else if (type == DT_DIR && number == NULL)
		add_line(state, "%s: %s", word, path);
	else if (type == DT_DIR)
		add_line(state, "%s: %.*s/pyroute-N%s", word, (int)(number - path), path,
			 number + 1 + strcspn(number + 1, "/"));
}

/* Every file below PATH, with what is in it where CONTENTS. Returns without a word where it is not
 * there: that is a state too.
 * NOLINTNEXTLINE(misc-no-recursion): trees that the tests or pyroute made, a few levels deep */
static void add_tree(struct state *state, const char *word, const char *path, bool contents)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	CLEANUP_DIRECTORY DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		char below[PATH_MAX];

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		(void)snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		if (!contents)
			add_entry(state, word, below, entry->d_type);
		if (entry->d_type == DT_DIR)
			add_tree(state, word, below, contents);
		else if (contents && !counts(below))
			add_file(state, word, dirfd(dir), entry->d_name, below);
	}
}

/* Without the ids of mounts, of their parents and of devices, which are new each time. */
static void add_mounts(struct state *state)
{
	CLEANUP_STREAM FILE *file = fopen("/proc/self/mountinfo", "re");
	CLEANUP_FREE char *line = NULL;
	size_t size = 0;

	while (file != NULL && getline(&line, &size, file) > 0) {
		int at = 0;

		line[strcspn(line, "\n")] = '\0';
		(void)sscanf(line, "%*d %*d %*s %n", &at);
		add_line(state, "mount: %s", line + at);
	}
}

/* ---- the process that asks --------------------------------------------------------------------
 */

static void add_self(struct state *state)
{
	static const char *const files[] = {
		"/etc/hosts",	      "/etc/hostname",	    "/etc/resolv.conf", "/proc/self/cgroup",
		"/proc/self/uid_map", "/proc/self/gid_map", "/proc/self/limits"};
	static const char *const keys[] = {"Uid",     "Gid",	"Groups", "Cap",    "NoNewPrivs",
					   "Seccomp", "SigBlk", "SigIgn", "SigCgt", "Shd"};
	CLEANUP_STREAM FILE *status = fopen("/proc/self/status", "re");
	CLEANUP_FREE char *line = NULL;
	struct utsname names;
	size_t size = 0;
	char dir[PATH_MAX];

	while (status != NULL && getline(&line, &size, status) > 0)
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
			if (strncmp(line, keys[i], strlen(keys[i])) == 0) {
				line[strcspn(line, "\n")] = '\0';
				add_line(state, "self: %s", line);
			}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		add_file(state, "self", AT_FDCWD, files[i], files[i]);
	for (int fd = 0; fd < 100; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			add_line(state, "self: fd %d", fd);
	if (uname(&names) == 0)
		add_line(state, "self: %s in %s", names.nodename,
			 getcwd(dir, sizeof(dir)) == NULL ? "-" : dir);
	for (char **variable = environ; *variable != NULL; variable++)
		add_line(state, "self: %s", *variable);
	if (strncmp(names.nodename, "client", 6) == 0)
		add_tree(state, "self", "/dev", false);
}

/* ---- all of it --------------------------------------------------------------------------------
 */

static int compare(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

void state_take(struct state *state, unsigned parts, const struct state_place *places)
{
	*state = (struct state){.lines = NULL};
	if ((parts & STATE_NET) != 0) {
		for (size_t i = 0; i + 1 < ARRAY_SIZE(kinds); i++)
			add_dump(state, &kinds[i], 0, 0);
		add_filters(state, &kinds[ARRAY_SIZE(kinds) - 1]);
		add_file(state, "sysctl", AT_FDCWD, FORWARDING, FORWARDING);
		add_tree(state, "sysctl", "/proc/sys/net/ipv4/conf", true);
	}
	if ((parts & STATE_SYSCTL) != 0)
		add_tree(state, "sysctl", "/proc/sys/net", true);
	if ((parts & STATE_FILES) != 0) {
		add_mounts(state);
		for (; places->word != NULL; places++)
			add_tree(state, places->word, places->path, false);
	}
	if ((parts & STATE_SELF) != 0) {
		add_mounts(state);
		add_self(state);
	}
	if ((parts & STATE_KERNEL) != 0)
		add_tree(state, "kernel", "/proc/sys", true);
	if (state->count > 0)
		qsort(state->lines, state->count, sizeof(*state->lines), compare);
}

void state_read(struct state *state, const char *text)
{
	*state = (struct state){.lines = NULL};
	while (*text != '\0') {
		size_t length = strcspn(text, "\n");

		add_line(state, "%.*s", (int)length, text);
		text += length + (text[length] == '\n');
	}
}

void state_clear(struct state *state)
{
	for (size_t i = 0; i < state->count; i++)
		free(state->lines[i]);
	free(state->lines);
	*state = (struct state){.lines = NULL};
}

static bool is_pardoned(const char *line, const char *const *pardoned)
{
	for (; pardoned != NULL && *pardoned != NULL; pardoned++)
		if (strncmp(line, *pardoned, strlen(*pardoned)) == 0)
			return true;
	return false;
}

size_t state_differ(const struct state *before, const struct state *after,
		    const char *const *pardoned, char *text, size_t size)
{
	size_t count = 0;
	size_t i = 0;
	size_t j = 0;
	size_t used = 0;

	text[0] = '\0';
	while (i < before->count || j < after->count) {
		int order = i == before->count	? 1
			    : j == after->count ? -1
						: strcmp(before->lines[i], after->lines[j]);
		const char *line = order <= 0 ? before->lines[i] : after->lines[j];

		i += order <= 0;
		j += order >= 0;
		if (order == 0 || is_pardoned(line, pardoned))
			continue;
		if (count++ < 4 && used < size)
			used += (size_t)snprintf(text + used, size - used, " %c%.120s",
						 order < 0 ? '-' : '+', line);
	}
	return count;
}

void state_print(const struct state *state)
{
	for (size_t i = 0; i < state->count; i++)
		(void)puts(state->lines[i]);
}
