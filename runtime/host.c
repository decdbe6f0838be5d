/* Theory of operation
 *
 * The legs vanish with the network namespaces of the clients at their other ends, whatever
 * happens; only a living process can put back ip forwarding, and remove control groups. So the
 * journal exists before anything changes, is complete at every moment, and whoever comes next can
 * act on it: pyroute stop, or the first command after a crash.
 *
 * Writing net.ipv4.ip_forward resets more than itself (inet_forward_change() in
 * net/ipv4/devinet.c; Documentation/networking/ip-sysctl.rst): conf/all/accept_redirects, and the
 * forwarding of every interface and of conf/default. So where it is on, the value of these keys
 * under every name in conf/ is noted, and afterwards each that differs is written back.
 *
 * Several stages may have legs here at once. The first finds forwarding on and notes it; those that
 * start later find it off. So a stage that ends before the others does not restore it, but hands on
 * what it has noted, and the last one restores it. */
#include "host.h"

#include "address.h"
#include "cgroup.h"
#include "file.h"
#include "net.h"
#include "sysctl.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#define JOURNAL	     "journal"
#define JOURNAL_MODE 0644 /* who runs what is no secret: it is told to those who ask in vain */
#define VALUE_SIZE   32
#define IPV4	     "/proc/sys/net/ipv4"

#define LEGS_PATIENCE_MS 500 /* and one for each */

static const char *const reset_keys[] = {"forwarding", "accept_redirects"};

/* The number that tells this network namespace from any other: a journal is of one. */
static int network_namespace(unsigned long long *number, struct error *error)
{
	struct stat status;

	if (stat("/proc/self/ns/net", &status) < 0)
		return error_system(error, errno, "cannot look at /proc/self/ns/net");
	*number = status.st_ino;
	return 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

static int note_sysctl(FILE *journal, int ipv4, const char *key, struct error *error)
{
	char value[VALUE_SIZE];

	if (sysctl_read(ipv4, key, value, sizeof(value), error) < 0)
		return -error->code;
	(void)fprintf(journal, "sysctl %s %s\n", key, value);
	return 0;
}

/* Every interface's keys, "all" and "default" among them. */
static int note_interfaces(FILE *journal, int ipv4, struct error *error)
{
	int fd = openat(ipv4, "conf", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_DIRECTORY DIR *conf = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (conf == NULL)
		return error_system(error, errno, "cannot read " IPV4 "/conf");
	while ((entry = readdir(conf)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(reset_keys); i++) {
			char key[300];

			(void)snprintf(key, sizeof(key), "conf/%s/%s", entry->d_name,
				       reset_keys[i]);
			if (note_sysctl(journal, ipv4, key, error) < 0 && error->code != ENOENT)
				return -error->code;
		}
	}
	return 0;
}

static int note_forwarding(FILE *journal, struct error *error)
{
	CLEANUP_FD int ipv4 = sysctl_open(IPV4, error);
	char value[VALUE_SIZE];

	if (ipv4 < 0 || sysctl_read(ipv4, "ip_forward", value, sizeof(value), error) < 0)
		return -error->code;
	if (strcmp(value, "0") == 0)
		return 0;
	/* First in the journal, so first to be restored: it would reset the others. */
	(void)fprintf(journal, "sysctl ip_forward %s\n", value);
	return note_interfaces(journal, ipv4, error);
}

int host_begin(int run_dir, const struct host_stage *stage, struct error *error)
{
	CLEANUP_FREE char *text = NULL;
	char boot[SYSCTL_BOOT_SIZE];
	unsigned long long namespace = 0;
	size_t size;
	FILE *journal;
	int result = sysctl_read_boot(boot, error);

	if (result == 0)
		result = network_namespace(&namespace, error);
	if (result < 0)
		return result;
	journal = open_memstream(&text, &size);
	if (journal == NULL)
		return error_system(error, errno, "cannot write the journal");
	(void)fprintf(journal, "stage %s\ncheckout %s\nboot %s\n", stage->name, stage->checkout,
		      boot);
	if (stage->private)
		(void)fprintf(journal, "private yes\n");
	else
		(void)fprintf(journal, "namespace %llu\n", namespace);
	if (stage->given[0] != '\0')
		(void)fprintf(journal, "name %s\n", stage->given);
	if (stage->cgroup[0] != '\0')
		(void)fprintf(journal, "cgroup %s\n", stage->cgroup);
	result = stage->private ? 0 : note_forwarding(journal, error);
	if (fclose(journal) != 0 && result == 0)
		result = error_system(error, ENOMEM, "cannot write the journal");
	if (result == 0)
		result = file_replace(run_dir, JOURNAL, text, JOURNAL_MODE, error);
	return result;
}

int host_forwarding_off(struct error *error)
{
	CLEANUP_FD int ipv4 = sysctl_open(IPV4, error);
	char value[VALUE_SIZE];

	if (ipv4 < 0 || sysctl_read(ipv4, "ip_forward", value, sizeof(value), error) < 0)
		return -error->code;
	return strcmp(value, "0") == 0 ? 0 : sysctl_write(ipv4, "ip_forward", "0", error);
}

int host_note_leg(int run_dir, const struct wire_leg *leg, struct error *error)
{
	CLEANUP_FD int journal =
		openat(run_dir, JOURNAL, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);

	char mac[MAC_TEXT_SIZE];

	if (journal < 0 || dprintf(journal, "leg %s %u %s\n", leg->name, leg->index,
				   address_format_mac(leg->mac, mac)) < 0)
		return error_system(error, errno, "cannot write the journal");
	return 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

static FILE *open_journal(int run_dir, struct error *error)
{
	/* Non-blocking: what lies there may be a FIFO, which nobody writes to. */
	int fd = openat(run_dir, JOURNAL, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat status = {.st_mode = S_IFREG};
	FILE *journal = NULL;

	if (fd >= 0 && (fstat(fd, &status) < 0 || S_ISREG(status.st_mode)))
		journal = fdopen(fd, "re");
	if (journal == NULL) {
		if (S_ISREG(status.st_mode))
			(void)error_system(error, errno, "cannot read the journal");
		else
			(void)error_set(error, EINVAL, "the journal is no file; remove it");
		close_fd(&fd);
	}
	return journal;
}

/* The journal has been read to its end. One that was not tells of less than there is. */
static int was_read(FILE *journal, struct error *error)
{
	return ferror(journal) == 0 ? 0 : error_set(error, EIO, "cannot read all of the journal");
}

/* If LINE begins with WORD and a blank, returns what follows. */
static const char *after(const char *line, const char *word)
{
	size_t length = strlen(word);

	return strncmp(line, word, length) == 0 && line[length] == ' ' ? line + length + 1 : NULL;
}

static void copy_value(const char *line, const char *word, char *value, size_t size)
{
	const char *text = after(line, word);

	if (text != NULL)
		(void)snprintf(value, size, "%.*s", (int)size - 1, text);
}

int host_owner(int run_dir, struct host_stage *stage, struct error *error)
{
	CLEANUP_STREAM FILE *journal = open_journal(run_dir, error);
	char line[PATH_MAX + 32];

	if (journal == NULL)
		return -error->code;
	memset(stage, 0, sizeof(*stage));
	while (fgets(line, sizeof(line), journal) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		copy_value(line, "stage", stage->name, sizeof(stage->name));
		copy_value(line, "name", stage->given, sizeof(stage->given));
		copy_value(line, "checkout", stage->checkout, sizeof(stage->checkout));
		copy_value(line, "cgroup", stage->cgroup, sizeof(stage->cgroup));
		stage->private = stage->private || after(line, "private") != NULL;
	}
	return was_read(journal, error);
}

/* What was changed before a reboot is no more. */
static int is_of_this_boot(FILE *journal, struct error *error)
{
	char line[PATH_MAX + 32];
	char boot[SYSCTL_BOOT_SIZE];
	const char *written = NULL;

	if (sysctl_read_boot(boot, error) < 0)
		return -error->code;
	rewind(journal);
	while (written == NULL && fgets(line, sizeof(line), journal) != NULL)
		written = after(line, "boot");
	if (was_read(journal, error) < 0)
		return -error->code;
	rewind(journal);
	return written == NULL || strncmp(written, boot, strlen(boot)) == 0;
}

int host_is_here(int run_dir, struct error *error)
{
	CLEANUP_STREAM FILE *journal = open_journal(run_dir, error);
	char line[PATH_MAX + 32];
	unsigned long long here = 0;
	int result;

	if (journal == NULL)
		return error->code == ENOENT ? 0 : -error->code;
	result = is_of_this_boot(journal, error);
	if (result <= 0)
		return result;
	if (network_namespace(&here, error) < 0)
		return -error->code;
	while (fgets(line, sizeof(line), journal) != NULL) {
		const char *number = after(line, "namespace");

		if (number != NULL)
			return strtoull(number, NULL, 10) == here;
	}
	return was_read(journal, error);
}

bool host_has_leg(int run_dir, const char *name)
{
	struct error ignored;
	CLEANUP_STREAM FILE *journal = open_journal(run_dir, &ignored);
	char line[PATH_MAX + 32];

	if (journal == NULL || host_is_here(run_dir, &ignored) <= 0)
		return false;
	while (fgets(line, sizeof(line), journal) != NULL) {
		const char *leg = after(line, "leg");

		if (leg != NULL && after(leg, name) != NULL)
			return true;
	}
	return false;
}

static size_t count_lines(FILE *journal, const char *word)
{
	char line[PATH_MAX + 32];
	size_t count = 0;

	rewind(journal);
	while (fgets(line, sizeof(line), journal) != NULL)
		count += after(line, word) != NULL;
	return count;
}

/* What a journal tells of a leg. A line that a full disk has cut is no matter: legs go with the
 * clients' namespaces. */
static bool read_leg(const char *text, struct wire_leg *leg)
{
	char number[16];
	char address[MAC_TEXT_SIZE];
	struct error ignored;

	if (sscanf(text, "%15s %15s %17s", leg->name, number, address) != 3 ||
	    address_parse_mac(address, leg->mac, &ignored) < 0)
		return false;
	leg->index = (unsigned)strtoul(number, NULL, 10);
	return strncmp(leg->name, "net", 3) == 0; /* else it is no leg's */
}

/* The kernel takes all legs away together when it is through with the clients' namespaces, which is
 * sooner than one by one: each of these would take an RCU grace period. One that stays is removed.
 */
static int restore_leg(struct nl_sock *socket, const struct wire_leg *leg, int64_t deadline,
		       struct error *error)
{
	bool there;
	int result;

	do
		result = net_link_is_there(socket, leg->index, &there, error);
	while (result == 0 && there && monotonic_ms() < deadline && poll(NULL, 0, 1) == 0);
	return result == 0 && !there ? 0 : net_link_delete(socket, leg->index, leg->mac, error);
}

/* Goes on where it fails; FIRST is what did. */
static void restore_legs(FILE *journal, struct error *first)
{
	CLEANUP_NET struct nl_sock *socket = NULL;
	const size_t count = count_lines(journal, "leg");
	const int64_t deadline = monotonic_ms() + LEGS_PATIENCE_MS + (int64_t)count;
	char line[PATH_MAX + 32];
	struct wire_leg leg;

	if (was_read(journal, first) < 0 || count == 0 || net_socket_open(&socket, first) < 0)
		return;
	rewind(journal);
	while (fgets(line, sizeof(line), journal) != NULL) {
		const char *text = after(line, "leg");
		struct error error = {0};

		if (text != NULL && read_leg(text, &leg) &&
		    restore_leg(socket, &leg, deadline, &error) < 0 && first->code == 0)
			*first = error;
	}
	if (first->code == 0)
		(void)was_read(journal, first);
}

static int restore_sysctl(const char *text, struct error *error)
{
	CLEANUP_FD int ipv4 = sysctl_open(IPV4, error);
	char key[300];
	char value[VALUE_SIZE];
	char now[VALUE_SIZE];

	if (ipv4 < 0)
		return ipv4;
	if (sscanf(text, "%299s %31s", key, value) != 2)
		return error_set(error, EINVAL, "cannot read the journal: sysctl %s", text);
	if (sysctl_read(ipv4, key, now, sizeof(now), error) < 0)
		return error->code == ENOENT ? 0 : -error->code; /* that interface is gone */
	return strcmp(now, value) == 0 ? 0 : sysctl_write(ipv4, key, value, error);
}

static int restore_cgroup(const char *text, struct error *error)
{
	return cgroup_remove(text, error);
}

static int check_namespace(const char *text, struct error *error)
{
	unsigned long long here = 0;

	if (network_namespace(&here, error) < 0)
		return -error->code;
	if (strtoull(text, NULL, 10) == here)
		return 0;
	return error_set(error, EXDEV,
			 "the stage was started in another network namespace; stop it from there");
}

/* Calls ACT for every line that begins with WORD. Goes on where it fails; FIRST is what did. */
static void for_each(FILE *journal, const char *word,
		     int (*act)(const char *text, struct error *error), struct error *first)
{
	char line[PATH_MAX + 32];

	if (fseek(journal, 0, SEEK_SET) < 0)
		(void)error_system(first, errno, "cannot read the journal again");
	while (fgets(line, sizeof(line), journal) != NULL) {
		struct error error = {0};
		const char *text;

		line[strcspn(line, "\n")] = '\0';
		text = after(line, word);
		if (text != NULL && act(text, &error) < 0 && first->code == 0)
			*first = error;
	}
	if (first->code == 0)
		(void)was_read(journal, first);
}

/* Copies the lines of FROM to TO, but for those that do not begin with WORD, if that is not NULL.
 * Returns how many. */
static size_t copy_lines(FILE *from, const char *word, FILE *to)
{
	char line[PATH_MAX + 32];
	size_t count = 0;

	rewind(from);
	while (fgets(line, sizeof(line), from) != NULL) {
		if (word != NULL && after(line, word) == NULL)
			continue;
		(void)fputs(line, to);
		count++;
	}
	return count;
}

/* The heir's journal is replaced before ours goes. Who is killed in between does it once more, and
 * what stands there twice is restored as well. */
static int hand_over(FILE *journal, int heir, struct error *error)
{
	CLEANUP_STREAM FILE *other = open_journal(heir, error);
	CLEANUP_FREE char *text = NULL;
	size_t size;
	FILE *both = other == NULL ? NULL : open_memstream(&text, &size);
	size_t count;
	int result;

	if (other == NULL)
		return -error->code;
	if (both == NULL)
		return error_system(error, errno, "cannot write the journal");
	(void)copy_lines(other, NULL, both);
	count = copy_lines(journal, "sysctl", both);
	result = was_read(other, error) < 0 ? -error->code : was_read(journal, error);
	if (fclose(both) != 0)
		return error_system(error, ENOMEM, "cannot write the journal");
	return result < 0 || count == 0 ? result
					: file_replace(heir, JOURNAL, text, JOURNAL_MODE, error);
}

/* Control groups are the same in every network namespace; the rest is of the one it was made in.
 * Forwarding is not switched on while a leg is there. */
static int restore_all(FILE *journal, int heir, struct error *error)
{
	memset(error, 0, sizeof(*error));
	for_each(journal, "cgroup", restore_cgroup, error);
	if (error->code != 0)
		return -error->code;
	for_each(journal, "namespace", check_namespace, error);
	if (error->code != 0)
		return -error->code;
	restore_legs(journal, error);
	if (error->code != 0)
		return -error->code;
	if (heir < 0)
		for_each(journal, "sysctl", restore_sysctl, error);
	else
		(void)hand_over(journal, heir, error);
	return -error->code;
}

int host_restore(int run_dir, int heir, struct error *error)
{
	CLEANUP_STREAM FILE *journal = open_journal(run_dir, error);
	int result;

	if (journal == NULL)
		return error->code == ENOENT ? 0 : -error->code;
	result = is_of_this_boot(journal, error);
	if (result > 0)
		result = restore_all(journal, heir, error);
	if (result == 0 && unlinkat(run_dir, JOURNAL, 0) < 0)
		return error_system(error, errno, "cannot remove the journal");
	return result;
}
