/* Offloads are promises between a link's two ends: "I leave the checksum, or the cutting into
 * frames, to you". On a veth both ends are memory and nobody ever does the work, which goes unseen
 * until a program reads the frame from a packet socket and sends it on: half a checksum, or 64 KiB
 * in one frame. */
#include "net.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/ioctl.h>

#define WORDS_MAX 4 /* of 32 features each; Linux 6.18 has two */

/* struct ethtool_gstrings, ethtool_gfeatures and ethtool_sfeatures, with room in their arrays. */
struct strings {
	uint32_t command, set, length;
	char names[WORDS_MAX * 32][ETH_GSTRING_LEN];
};

struct features {
	uint32_t command, size;
	struct ethtool_get_features_block words[WORDS_MAX];
};

struct changes {
	uint32_t command, size;
	struct ethtool_set_features_block words[WORDS_MAX];
};

/* As netdevice(7), this acts in the socket's network namespace; see net_link_index(). */
static int ethtool(struct nl_sock *socket, const char *name, void *command, struct error *error)
{
	struct ifreq request = {.ifr_data = command};

	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(nl_socket_get_fd(socket), SIOCETHTOOL, &request) < 0)
		return error_system(error, errno, "%s: cannot switch its offloads off", name);
	return 0;
}

/* By the names that `ethtool -k` shows (the kernel's netdev_features_strings). */
static bool is_offload(const char *feature)
{
	static const char *const words[] = {
		"checksum", "segmentation", "scatter-gather", "gso", "gro",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strstr(feature, words[i]))
			return true;
	return false;
}

static int read_features(struct nl_sock *socket, const char *name, struct features *features,
			 struct error *error)
{
	int result;

	features->command = ETHTOOL_GFEATURES;
	features->size = WORDS_MAX; /* comes back as the number there is */
	result = ethtool(socket, name, features, error);
	if (result == 0 && features->size > WORDS_MAX)
		result = error_set(error, EOVERFLOW, "%s: this kernel has %u features, too many",
				   name, features->size * 32);
	return result;
}

/* The first offload that is still active, NULL if none. */
static const char *active_offload(const struct features *features, const struct strings *strings)
{
	for (unsigned i = 0; i < features->size * 32; i++)
		if (features->words[i / 32].active >> i % 32 & 1 && is_offload(strings->names[i]))
			return strings->names[i];
	return NULL;
}

int net_link_offloads_off(struct nl_sock *socket, const char *name, struct error *error)
{
	struct strings strings = {.command = ETHTOOL_GSTRINGS, .set = ETH_SS_FEATURES};
	struct features features = {0};
	struct changes changes = {.command = ETHTOOL_SFEATURES};
	const char *left;
	int result = read_features(socket, name, &features, error);

	if (result == 0)
		result = ethtool(socket, name, &strings, error);
	if (result < 0)
		return result;
	changes.size = features.size;
	for (unsigned i = 0; i < features.size * 32; i++)
		if (is_offload(strings.names[i]))
			changes.words[i / 32].valid |= UINT32_C(1) << i % 32;
	result = ethtool(socket, name, &changes, error);
	if (result == 0) /* what a driver will not change is no error there */
		result = read_features(socket, name, &features, error);
	if (result < 0)
		return result;
	left = active_offload(&features, &strings);
	return left ? error_set(error, EOPNOTSUPP, "%s: the offload %s stays on", name, left) : 0;
}
