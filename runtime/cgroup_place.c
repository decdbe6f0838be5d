/* Theory of operation
 *
 * What an ordinary user may do with control groups is told by cgroups(7), "Delegation": make groups
 * where a group is theirs, and move a process where they may write cgroup.procs in the group it
 * goes to and in the nearest one that it and the process's present group have in common. So the
 * place that is searched lies above the group we live in: whatever is below it is then within reach
 * of everything that we start.
 *
 * Below a user's systemd (user@UID.service: terminals on a desktop, user services) there is such a
 * place. A login's own group (session-N.scope) is root's, and so are all above it: then systemd is
 * asked to take us over to the other side, into a scope. That becomes the place, once we have moved
 * into a group in it: one that hands limits down holds no process ("no internal processes"). */
#include "cgroup.h"

#include "file.h"
#include "scope.h"
#include "text.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>

#define MOUNT	  "/sys/fs/cgroup"
#define OUR_GROUP "starter" /* the group in a scope that we live in */

struct group_path {
	char text[sizeof(MOUNT) + CGROUP_PATH_SIZE + CGROUP_NAME_SIZE];
};

/* The file FILE of GROUP, or with "" the group's directory. */
static const char *path_of(const char *group, const char *file, struct group_path *path)
{
	(void)snprintf(path->text, sizeof(path->text), MOUNT "%s%s%s%s", group[0] ? "/" : "", group,
		       file[0] ? "/" : "", file);
	return path->text;
}

static int random_number(unsigned long long *number, struct error *error)
{
	if (getrandom(number, sizeof(*number), 0) != sizeof(*number))
		return error_system(error, errno, "cannot name a control group");
	return 0;
}

/* ---- our own group --------------------------------------------------------------------------- */

/* Whether GROUP is where we live, and not merely named so: what is mounted may be a part of the
 * tree only, and the path from another cgroup namespace's root. */
static bool lists_us(const char *group)
{
	struct group_path path;
	CLEANUP_STREAM FILE *stream = fopen(path_of(group, "cgroup.procs", &path), "re");
	char line[32];

	while (stream != NULL && fgets(line, sizeof(line), stream) != NULL)
		if (strtol(line, NULL, 10) == getpid())
			return true;
	return false;
}

static int find_own(char own[CGROUP_PATH_SIZE], struct error *error)
{
	char text[CGROUP_PATH_SIZE + 64];
	const char *line;
	size_t length;

	own[0] = '\0';
	if (file_read(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text), error) < 0)
		return -error->code;
	line = strncmp(text, "0::/", 4) == 0 ? text : strstr(text, "\n0::/");
	if (line == NULL)
		return error_set(error, ENOTSUP, "we are in no control group of version 2");
	line = strchr(line, '/') + 1;
	length = strcspn(line, "\n");
	if (length >= CGROUP_PATH_SIZE)
		return error_set(error, ENOTSUP, "the path of our own control group is too long");
	(void)snprintf(own, CGROUP_PATH_SIZE, "%.*s", (int)length, line);
	if (strncmp(own, "..", 2) == 0 || !lists_us(own))
		return error_set(error, ENOTSUP,
				 "our own control group is not to be seen at " MOUNT);
	return 0;
}

/* Cuts the last component off. False: it was the top. */
static bool go_up(char *group)
{
	char *slash = strrchr(group, '/');

	if (group[0] == '\0')
		return false;
	*(slash != NULL ? slash : group) = '\0';
	return true;
}

/* Whether we may move processes between the groups in GROUP. */
static bool may_move(const char *group)
{
	struct group_path path;

	return faccessat(AT_FDCWD, path_of(group, "cgroup.procs", &path), W_OK, AT_EACCESS) == 0;
}

/* ---- a place for groups ---------------------------------------------------------------------- */

static bool is_ours(const char *group)
{
	struct group_path path;

	return may_move(group) &&
	       faccessat(AT_FDCWD, path_of(group, "", &path), W_OK, AT_EACCESS) == 0 &&
	       faccessat(AT_FDCWD, path_of(group, "cgroup.subtree_control", &path), W_OK,
			 AT_EACCESS) == 0;
}

static int check_place(const char *group, struct error *error)
{
	struct group_path path;
	CLEANUP_FD int dir = file_open_directory(AT_FDCWD, path_of(group, "", &path), error);

	return dir < 0 ? dir : cgroup_check_controllers(dir, error);
}

/* That our own group is ours is no use: we live in it. What is told is why the last one, the widest
 * that is ours, will not do. */
static int find_above(char place[CGROUP_PATH_SIZE], const char *own, struct error *error)
{
	struct error reason = {.text = "none of them is its user's"};
	char shown[160];

	(void)snprintf(place, CGROUP_PATH_SIZE, "%s", own);
	while (go_up(place)) {
		if (!is_ours(place))
			continue;
		if (check_place(place, &reason) == 0)
			return 0;
	}
	return error_set(error, ENOTSUP, "the control groups around %s: %.160s",
			 text_escape(own[0] ? own : "/", shown, sizeof(shown)), reason.text);
}

int cgroup_find_place(char place[CGROUP_PATH_SIZE], struct error *error)
{
	char own[CGROUP_PATH_SIZE];

	place[0] = '\0';
	if (geteuid() == 0)
		return 0;
	if (!cgroup_is_unified())
		return error_set(error, ENOTSUP,
				 "control groups of version 1, or none, which are root's alone");
	return find_own(own, error) < 0 ? -error->code : find_above(place, own, error);
}

/* ---- a place that systemd makes ---------------------------------------------------------------
 */

/* Sets SCOPE to the path of the one that we live in then. */
static int move_over(char scope[CGROUP_PATH_SIZE], struct error *error)
{
	char name[SCOPE_NAME_SIZE];
	unsigned long long number;

	scope[0] = '\0';
	if (random_number(&number, error) < 0)
		return -error->code;
	(void)snprintf(name, sizeof(name), CGROUP_PREFIX "%llx.scope", number);
	return scope_enter(name, error) < 0 ? -error->code : find_own(scope, error);
}

/* Moves over, and there into a group of our own. */
static int move_in(struct error *error)
{
	char scope[CGROUP_PATH_SIZE];
	struct group_path path;
	CLEANUP_FD int dir = -1;

	if (move_over(scope, error) < 0)
		return -error->code;
	dir = file_open_directory(AT_FDCWD, path_of(scope, "", &path), error);
	if (dir < 0 || file_directory(dir, OUR_GROUP, 0755, error) < 0)
		return -error->code;
	return file_write(dir, OUR_GROUP "/cgroup.procs", "0", error);
}

int cgroup_settle(char parent[CGROUP_PATH_SIZE], struct error *error)
{
	char place[CGROUP_PATH_SIZE];
	unsigned long long number;
	struct error scope;
	int result = cgroup_find_place(place, error);

	if (result < 0 && cgroup_is_unified()) {
		if (move_in(&scope) < 0)
			return error_set(error, ENOTSUP, "%.240s; %.240s", strdupa(error->text),
					 scope.text);
		result = cgroup_find_place(place, error);
	}
	if (result < 0 || random_number(&number, error) < 0)
		return -error->code;
	/* A number that no other stage has, even one that runs where /run/pyroute is another
	 * directory while the control groups are the same: in a container, say. */
	if (snprintf(parent, CGROUP_PATH_SIZE, "%s%s" CGROUP_PREFIX "%llx", place,
		     place[0] ? "/" : "", number) >= CGROUP_PATH_SIZE)
		return error_set(error, ENOTSUP, "the path of a control group would be too long");
	return 0;
}

/* ---- the way to a place -----------------------------------------------------------------------
 */

/* Whether we may move from our own group into those in PARENT: by the nearest in common. */
static bool is_within_reach(const char *parent, struct error *error)
{
	char common[CGROUP_PATH_SIZE];
	size_t length;

	if (find_own(common, error) < 0)
		return false;
	while (true) {
		length = strlen(common);
		if (length == 0 || (strncmp(parent, common, length) == 0 && parent[length] == '/'))
			break;
		(void)go_up(common);
	}
	(void)error_set(error, EACCES, "this login's control groups are root's");
	return may_move(common);
}

int cgroup_approach(const char *parent, struct error *error)
{
	char scope[CGROUP_PATH_SIZE];
	struct group_path path;
	struct error cause;
	struct stat group;

	/* The doors of a group that is another's were opened by one who may. */
	if (geteuid() == 0 || !cgroup_is_unified() ||
	    stat(path_of(parent, "", &path), &group) < 0 || group.st_uid != geteuid() ||
	    is_within_reach(parent, &cause))
		return 0;
	if (move_over(scope, error) == 0 && is_within_reach(parent, error))
		return 0;
	return error_set(error, EACCES, "cannot enter the stage's control groups: %.200s; %.200s",
			 cause.text, strdupa(error->text));
}
