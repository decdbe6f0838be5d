/* newuidmap(1) holds each range against the very files that are read here, and allows id 0 to be
 * the caller's own besides. As long as it gives a user a range of groups it leaves setgroups(2)
 * alone, so that the namespace may change groups. */
#include "subids.h"

#include "process.h"
#include "supervise.h"
#include "text.h"

#include <ctype.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#define FIRST_FREE    100000 /* SUB_UID_MIN of login.defs(5), by default */
#define GIVEN	      65536  /* SUB_UID_COUNT */
#define ENOUGH	      2	     /* the last is left over */
#define NUMBER_SIZE   16
#define WHAT_INSTALLS "sudo apt-get install "
#define WORDS_SIZE    300 /* bytes of what a program says */

/* ---- ranges ---------------------------------------------------------------------------------- */

struct range {
	unsigned first;
	unsigned count;
};

/* Whether LINE is USER's: NAME:..., where the name may also be the number of the user. Returns what
 * follows; NULL where it is not. */
static const char *entry_of(const struct passwd *user, const char *line)
{
	const size_t length = strcspn(line, ":");
	char number[NUMBER_SIZE];

	(void)snprintf(number, sizeof(number), "%u", user->pw_uid);
	if (line[length] != ':')
		return NULL;
	if ((strlen(user->pw_name) == length && strncmp(line, user->pw_name, length) == 0) ||
	    (strlen(number) == length && strncmp(line, number, length) == 0))
		return line + length + 1;
	return NULL;
}

/* Reads FIRST:COUNT. What is too large for strtoul() it returns as ULONG_MAX. */
static int parse_range(const char *text, struct range *range)
{
	unsigned long first, count;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	first = strtoul(text, &end, 10);
	if (*end != ':' || !isdigit((unsigned char)end[1]))
		return -EINVAL;
	count = strtoul(end + 1, &end, 10);
	if ((*end != '\n' && *end != '\0') || first > UINT_MAX || count > UINT_MAX)
		return -EINVAL;
	*range = (struct range){(unsigned)first, (unsigned)count};
	return 0;
}

/* -ENOENT, without a text, where FILE has no range for USER. */
static int find_range(const char *file, const struct passwd *user, struct range *range,
		      struct error *error)
{
	CLEANUP_STREAM FILE *stream = fopen(file, "re");
	CLEANUP_FREE char *line = NULL;
	size_t size = 0;

	if (stream == NULL && errno != ENOENT)
		return error_system(error, errno, "cannot open %s", file);
	while (stream != NULL && getline(&line, &size, stream) >= 0) {
		const char *entry = entry_of(user, line);

		if (entry == NULL)
			continue;
		if (parse_range(entry, range) < 0)
			return error_set(error, EINVAL,
					 "in %s the line of %s is not NAME:FIRST:COUNT; mend it",
					 file, user->pw_name);
		if (range->count >= ENOUGH)
			return 0;
	}
	return -ENOENT;
}

/* The first id from ID on that FILE gives to nobody, nor any above it. Two users of the same ids
 * could do with each other's files what they like. */
static unsigned long free_from(const char *file, unsigned long id)
{
	CLEANUP_STREAM FILE *stream = fopen(file, "re");
	CLEANUP_FREE char *line = NULL;
	size_t size = 0;

	while (stream != NULL && getline(&line, &size, stream) >= 0) {
		const char *entry = strchr(line, ':');
		struct range range;

		if (entry != NULL && parse_range(entry + 1, &range) == 0 &&
		    (unsigned long)range.first + range.count > id)
			id = (unsigned long)range.first + range.count;
	}
	return id;
}

/* OF_UIDS and OF_GIDS tell which of the two USER has. */
static int lack_ranges(const struct passwd *user, const struct subids_files *files, bool of_uids,
		       bool of_gids, struct error *error)
{
	const unsigned long first = free_from(files->gids, free_from(files->uids, FIRST_FREE));
	const unsigned long last = first + GIVEN - 1;
	char uids[64] = "";
	char gids[64] = "";

	if (!of_uids)
		(void)snprintf(uids, sizeof(uids), " --add-subuids %lu-%lu", first, last);
	if (!of_gids)
		(void)snprintf(gids, sizeof(gids), " --add-subgids %lu-%lu", first, last);
	return error_set(error, ENOENT, "no subordinate ids for %s in %s%s%s; sudo usermod%s%s %s",
			 user->pw_name, of_uids ? "" : files->uids,
			 of_uids || of_gids ? "" : " and ", of_gids ? "" : files->gids, uids, gids,
			 user->pw_name);
}

int subids_find_ranges(const struct caller *caller, const struct subids_files *files,
		       struct subids *found, struct error *error)
{
	const struct passwd *user = getpwuid(caller->uid);
	struct range uids = {0};
	struct range gids = {0};
	int of_uids, of_gids;

	if (user == NULL)
		return error_set(error, ENOENT, "no subordinate ids: user %u is not in /etc/passwd",
				 caller->uid);
	of_uids = find_range(files->uids, user, &uids, error);
	if (of_uids < 0 && of_uids != -ENOENT)
		return of_uids;
	of_gids = find_range(files->gids, user, &gids, error);
	if (of_gids < 0 && of_gids != -ENOENT)
		return of_gids;
	if (of_uids < 0 || of_gids < 0)
		return lack_ranges(user, files, of_uids == 0, of_gids == 0, error);
	found->uid_first = uids.first;
	found->gid_first = gids.first;
	found->count = (uids.count < gids.count ? uids.count : gids.count) - 1;
	if (found->count > SUBIDS_COUNT_MAX)
		found->count = SUBIDS_COUNT_MAX;
	return 0;
}

/* ---- programs -------------------------------------------------------------------------------- */

/* Whether PATH has rights that an exec gives: set-uid root, or capabilities of the file
 * (capabilities(7)), on a file system that grants either. */
static bool gives_rights(const char *path)
{
	struct stat status;
	struct statvfs below;

	if (stat(path, &status) < 0 || statvfs(path, &below) < 0 || (below.f_flag & ST_NOSUID) != 0)
		return false;
	return (status.st_uid == 0 && (status.st_mode & S_ISUID) != 0) ||
	       getxattr(path, "security.capability", NULL, 0) > 0;
}

/* Puts FOLDER/NAME, the folder being LENGTH bytes, into PATH. Returns whether it can do its work;
 * where it is there and cannot, notes that in *WITHOUT_RIGHTS. */
static bool try_program(const char *folder, size_t length, const char *name, char path[PATH_MAX],
			bool *without_rights)
{
	if (*folder != '/' ||
	    snprintf(path, PATH_MAX, "%.*s/%s", (int)length, folder, name) >= PATH_MAX ||
	    access(path, X_OK) < 0)
		return false;
	if (gives_rights(path))
		return true;
	*without_rights = true;
	return false;
}

static int find_program(const char *folders, const char *name, char path[PATH_MAX],
			struct error *error)
{
	static const char last[] = "/usr/bin";
	bool without_rights = false;

	for (const char *folder = folders; folder != NULL && *folder != '\0';) {
		size_t length = strcspn(folder, ":");

		if (try_program(folder, length, name, path, &without_rights))
			return 0;
		folder += length + (folder[length] == ':');
	}
	if (try_program(last, strlen(last), name, path, &without_rights))
		return 0;
	if (without_rights)
		return error_set(error, ENOPKG,
				 "%s is not set-uid root, or its file system is mounted "
				 "nosuid; " WHAT_INSTALLS "--reinstall uidmap",
				 name);
	return error_set(error, ENOPKG, "there is no %s in PATH; " WHAT_INSTALLS "uidmap", name);
}

int subids_find_programs(const char *folders, struct subids *found, struct error *error)
{
	int result = find_program(folders, "newuidmap", found->newuidmap, error);

	if (result == 0)
		result = find_program(folders, "newgidmap", found->newgidmap, error);
	if (result == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) > 0)
		result = error_set(error, EPERM,
				   "newuidmap gets no rights here (no_new_privs is set)");
	return result;
}

int subids_find(const struct caller *caller, struct subids *found, struct error *error)
{
	int result = subids_find_programs(getenv("PATH"), found, error);

	return result < 0 ? result : subids_find_ranges(caller, &SUBIDS_FILES, found, error);
}

/* ---- mapping --------------------------------------------------------------------------------- */

/* The program's messages are for us, in English, and nothing of ours is for it. */
static int prepare_child(void *context, struct error *error)
{
	const int *words = context;

	if (clearenv() != 0 || dup2(*words, STDERR_FILENO) < 0)
		return error_system(error, errno, "cannot prepare a process");
	return 0;
}

/* Reads what WORDS says until its end; the first line of it goes to LINE. */
static void read_line(int words, char line[WORDS_SIZE])
{
	char rest[WORDS_SIZE];
	size_t used = 0;
	ssize_t got;

	do {
		const bool full = used == WORDS_SIZE - 1;

		got = full ? read(words, rest, sizeof(rest))
			   : read(words, line + used, WORDS_SIZE - 1 - used);
		if (got > 0 && !full)
			used += (size_t)got;
	} while (got > 0 || (got < 0 && errno == EINTR));
	line[used] = '\0';
	line[strcspn(line, "\n")] = '\0';
}

/* Runs ARGV to its end, which is a matter of milliseconds. */
static int run_program(char *const *argv, struct error *error)
{
	char line[WORDS_SIZE];
	char shown[WORDS_SIZE];
	CLEANUP_FD int theirs = -1;
	CLEANUP_FD int pidfd = -1;
	CLEANUP_FD int ours = -1;
	int ends[2];
	int status;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_system(error, errno, "cannot make a pipe");
	ours = ends[0];
	theirs = ends[1];
	if (supervise_spawn(prepare_child, &theirs, argv, &pidfd, &status, error) < 0)
		return -error->code;
	close_fd(&theirs);
	read_line(ours, line);
	if (process_wait(pidfd, &status, error) < 0)
		return -error->code;
	if (status == 0)
		return 0;
	if (line[0] == '\0')
		return error_set(error, EPERM, "%.200s ended with status %d", argv[0], status);
	return error_set(error, EPERM, "%s", text_escape(line, shown, sizeof(shown)));
}

/* PROGRAM PID 0 OWN 1 1 FIRST COUNT: two lines of user_namespaces(7), /proc/PID/uid_map. */
static int map(const char *program, pid_t pid, unsigned own, const struct range *range,
	       struct error *error)
{
	const unsigned numbers[] = {(unsigned)pid, 0, own, 1, 1, range->first, range->count};
	char words[ARRAY_SIZE(numbers)][NUMBER_SIZE];
	char path[PATH_MAX];
	char *argv[ARRAY_SIZE(numbers) + 2] = {path};

	(void)snprintf(path, sizeof(path), "%s", program);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		(void)snprintf(words[i], sizeof(words[i]), "%u", numbers[i]);
		argv[i + 1] = words[i];
	}
	return run_program(argv, error);
}

int subids_map(pid_t pid, const struct subids *ids, struct error *error)
{
	const struct range uids = {ids->uid_first, ids->count};
	const struct range gids = {ids->gid_first, ids->count};
	sigset_t before;
	int result;

	/* As supervise_spawn() leaves signals held back, which here is nobody's wish. */
	(void)sigprocmask(SIG_BLOCK, NULL, &before);
	result = map(ids->newuidmap, pid, geteuid(), &uids, error);
	if (result == 0)
		result = map(ids->newgidmap, pid, getegid(), &gids, error);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return result;
}
