#include "overlay.h"

#include "address.h"
#include "file.h"
#include "inhabitant.h"
#include "mount.h"
#include "ns.h"
#include "privilege.h"
#include "skeleton.h"

#include <fcntl.h>
#include <sys/xattr.h>

#define ATTRIBUTES (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

/* With /dev/shm this stays below a client's memory limit (client.h): who fills it gets ENOSPC, not
 * the kernel's out-of-memory killer. */
#define UPPER_BYTES  "128m"
#define UPPER_INODES "65536"

int overlay_works_in_user_namespace(bool *works, struct error *error)
{
	CLEANUP_FD int mount = mount_new("tmpfs", NULL, ATTRIBUTES, error);
	CLEANUP_FD int root = -1;

	if (mount < 0)
		return mount;
	root = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return error_system(error, errno, "cannot open a tmpfs");
	*works = fsetxattr(root, "user.pyroute", "", 0, 0) == 0;
	if (!*works && errno != EOPNOTSUPP)
		return error_system(error, errno, "cannot try an attribute on a tmpfs");
	return 0;
}

/* A line for each address: IPv4 and IPv6, of all interfaces. */
static void list_addresses(FILE *stream, const struct stage_client *client)
{
	char text[ADDRESS_TEXT_SIZE];

	for (size_t i = 0; i < client->interface_count; i++)
		for (enum family family = 0; family < FAMILIES; family++) {
			const struct stage_address *address =
				&client->interfaces[i].address[family];

			if (address->line != 0)
				(void)fprintf(stream, "%s\tclient%u\n",
					      address_format(family, address, text),
					      client->number);
		}
}

static int write_hosts(int common, const struct stage *stage, struct error *error)
{
	char *content = NULL;
	size_t size;
	FILE *stream = open_memstream(&content, &size);
	int result;

	if (stream == NULL)
		return error_system(error, errno, "cannot write etc/hosts");
	(void)fputs("127.0.0.1\tlocalhost\n", stream);
	if (stage_has(stage, FAMILY_IPV6))
		(void)fputs("::1\tlocalhost ip6-localhost ip6-loopback\n", stream);
	for (size_t i = 0; i < stage->client_count; i++)
		list_addresses(stream, &stage->clients[i]);
	if (fclose(stream) != 0)
		result = error_system(error, ENOMEM, "cannot write etc/hosts");
	else
		result = file_create(common, "etc/hosts", content, 0644, error);
	free(content);
	return result;
}

/* Debian's tcpdump, run by root, becomes a user of its own, and ends where there is no other. To
 * stay root it sets its groups, too: see filter_file(). */
static int spare_tcpdump(int common, struct error *error)
{
	static const char *const directories[] = {"usr", "usr/local", "usr/local/bin"};

	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		if (file_directory(common, directories[i], 0755, error) < 0)
			return -error->code;
	return file_create(common, "usr/local/bin/tcpdump",
			   "#!/bin/sh\nexec /usr/bin/tcpdump -Z root \"$@\"\n", 0755, error);
}

/* The directories that things are mounted on, and the files that are the same in all clients. */
static int fill_common(int common, const struct stage *stage, struct error *error)
{
	static const char *const directories[] = {"~",	 "~/src", "dev", "proc",
						  "sys", "etc",	  "var", "var/log"};
	int groups;

	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		if (file_directory(common, directories[i], 0755, error) < 0)
			return -error->code;
	groups = ns_has_group(1, error);
	if (groups < 0 || (groups == 0 && spare_tcpdump(common, error) < 0) ||
	    file_create(common, "etc/resolv.conf", "# a stage has no name server\n", 0644, error) <
		    0)
		return -error->code;
	return write_hosts(common, stage, error);
}

/* A client's own. */
static int fill_upper(int upper, const struct stage_client *client, struct error *error)
{
	char name[STAGE_CLIENT_NAME_SIZE];
	char line[STAGE_CLIENT_NAME_SIZE + 1];

	stage_client_name(client, name);
	(void)snprintf(line, sizeof(line), "%s\n", name);
	if (file_directory(upper, "etc", 0755, error) < 0 ||
	    file_create(upper, "etc/hostname", line, 0644, error) < 0)
		return -error->code;
	if (client->run == NULL)
		return 0;
	if (file_directory(upper, "var", 0755, error) < 0 ||
	    file_directory(upper, "var/log", 0755, error) < 0)
		return -error->code;
	return file_create(upper, INHABITANT_LOG, "", 0644, error);
}

int overlay_make_common(const struct overlay_place *place, const struct stage *stage,
			struct error *error)
{
	const struct caller owner = {.uid = place->owner, .gid = place->owner};
	CLEANUP_PRIVILEGE struct privilege_saved saved = {0};
	char id[16];
	const struct mount_option options[] = {
		{"mode", "0755"}, {"uid", id}, {"gid", id}, {NULL, NULL}};
	CLEANUP_FD int mount = -1;

	(void)snprintf(id, sizeof(id), "%u", place->owner);
	mount = mount_new("tmpfs", options, ATTRIBUTES, error);
	if (mount < 0 || mount_attach(mount, place->base, "common", error) < 0 ||
	    privilege_assume(&owner, &saved, error) < 0 || fill_common(mount, stage, error) < 0)
		return -error->code;
	privilege_resume(&saved);
	return mount_protect(mount, 0, MOUNT_ATTR_RDONLY, error);
}

/* The tmpfs, attached at "upper", with a directory for each of the overlay's purposes. It is filled
 * as its owner, so that all of it is theirs. */
static int make_upper(const struct overlay_place *place, const struct stage_client *client,
		      struct error *error)
{
	const struct caller owner = {.uid = place->owner, .gid = place->owner};
	CLEANUP_PRIVILEGE struct privilege_saved saved = {0};
	char id[16];
	const struct mount_option options[] = {{"mode", "0755"},
					       {"uid", id},
					       {"gid", id},
					       {"size", UPPER_BYTES},
					       {"nr_inodes", UPPER_INODES},
					       {NULL, NULL}};
	CLEANUP_FD int mount = -1;
	CLEANUP_FD int top = -1;

	(void)snprintf(id, sizeof(id), "%u", place->owner);
	mount = mount_new("tmpfs", options, ATTRIBUTES, error);
	if (mount < 0 || mount_attach(mount, place->base, "upper", error) < 0 ||
	    privilege_assume(&owner, &saved, error) < 0 ||
	    file_directory(mount, "work", 0755, error) < 0 ||
	    file_directory(mount, "top", 0755, error) < 0)
		return -error->code;
	top = file_open_directory(mount, "top", error);
	if (top < 0 || fill_upper(top, client, error) < 0)
		return -error->code;
	return TAKE_FD(mount);
}

/* The layers below, the topmost first. */
static int name_lower(int base, char *text, size_t size, struct error *error)
{
	int skeleton = skeleton_is_in(base, error);

	if (skeleton > 0)
		(void)snprintf(text, size,
			       "/proc/self/fd/%d/common:/proc/self/fd/%d/" SKELETON_TREE
			       ":/proc/self/fd/%d/" SKELETON_HIDDEN ":/proc/self/fd/%d/rootfs",
			       base, base, base, base);
	else
		(void)snprintf(text, size, "/proc/self/fd/%d/common:/proc/self/fd/%d/rootfs", base,
			       base);
	return skeleton < 0 ? skeleton : 0;
}

int overlay_make(const struct overlay_place *place, const struct stage_client *client,
		 struct error *error)
{
	CLEANUP_FD int upper = make_upper(place, client, error);
	char lower_paths[200];
	char upper_path[64];
	char work_path[64];
	const struct mount_option options[] = {
		{"lowerdir", lower_paths},
		{"upperdir", upper_path},
		{"workdir", work_path},
		{place->in_user_namespace ? "userxattr" : NULL, NULL},
		{NULL, NULL}};

	if (upper < 0)
		return upper;
	if (name_lower(place->base, lower_paths, sizeof(lower_paths), error) < 0)
		return -error->code;
	(void)snprintf(upper_path, sizeof(upper_path), "/proc/self/fd/%d/top", upper);
	(void)snprintf(work_path, sizeof(work_path), "/proc/self/fd/%d/work", upper);
	return mount_new("overlay", options, ATTRIBUTES, error);
}
