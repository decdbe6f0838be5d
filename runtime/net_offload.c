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

/* struct ethtool_gstrings, ethtool_gfeatures and ethtool_sfeatures, with room in their arrays. */
struct strings {
	uint32_t command, set, length;
	char names[NET_OFFLOAD_WORDS * 32][ETH_GSTRING_LEN];
};

struct features {
	uint32_t command, size;
	struct ethtool_get_features_block words[NET_OFFLOAD_WORDS];
};

struct changes {
	uint32_t command, size;
	struct ethtool_set_features_block words[NET_OFFLOAD_WORDS];
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
	features->size = NET_OFFLOAD_WORDS; /* comes back as the number there is */
	result = ethtool(socket, name, features, error);
	if (result == 0 && features->size > NET_OFFLOAD_WORDS)
		result = error_set(error, EOVERFLOW, "%s: this kernel has %u features, too many",
				   name, features->size * 32);
	return result;
}

static int read_names(struct nl_sock *socket, const char *name, struct strings *strings,
		      struct error *error)
{
	*strings = (struct strings){.command = ETHTOOL_GSTRINGS, .set = ETH_SS_FEATURES};
	return ethtool(socket, name, strings, error);
}

int net_offloads_find(struct nl_sock *socket, struct net_offloads *offloads, struct error *error)
{
	static const char any[] = "lo"; /* the kernel's features are the same of all links */
	struct strings strings;
	struct features features = {0};

	if (read_features(socket, any, &features, error) < 0 ||
	    read_names(socket, any, &strings, error) < 0)
		return -error->code;
	*offloads = (struct net_offloads){.size = features.size};
	for (unsigned i = 0; i < features.size * 32; i++)
		if (is_offload(strings.names[i]))
			offloads->words[i / 32] |= UINT32_C(1) << i % 32;
	return 0;
}

/* Names the first of the features in WORDS. */
static int complain(struct nl_sock *socket, const char *name,
		    const uint32_t words[NET_OFFLOAD_WORDS], struct error *error)
{
	struct strings strings;
	unsigned i = 0;

	if (read_names(socket, name, &strings, error) < 0)
		return -error->code;
	while ((words[i / 32] >> i % 32 & 1) == 0)
		i++;
	return error_set(error, EOPNOTSUPP, "%s: the offload %s stays on", name, strings.names[i]);
}

int net_link_offloads_off(struct nl_sock *socket, const char *name,
			  const struct net_offloads *offloads, struct error *error)
{
	struct features features = {0};
	struct changes changes = {.command = ETHTOOL_SFEATURES, .size = offloads->size};
	uint32_t left[NET_OFFLOAD_WORDS] = {0};
	bool stays = false;

	for (unsigned i = 0; i < offloads->size; i++)
		changes.words[i].valid = offloads->words[i];
	/* What a driver will not change is no error there. */
	if (ethtool(socket, name, &changes, error) < 0 ||
	    read_features(socket, name, &features, error) < 0)
		return -error->code;
	for (unsigned i = 0; i < offloads->size; i++) {
		left[i] = features.words[i].active & offloads->words[i];
		stays = stays || left[i] != 0;
	}
	return stays ? complain(socket, name, left, error) : 0;
}
