#include "record.h"

#include "sysctl.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#define SUFFIX	      ".scripts"
#define NAME_SIZE     (RUNDIR_ID_SIZE + sizeof(SUFFIX))
#define TEXT_SIZE     (PATH_MAX + 256)
#define REMOVAL_TRIES 3
#define TRIES	      100 /* to lock a file that others remove meanwhile */

static const char *const words[] = {
	[RECORD_NONE] = "none", [RECORD_STARTING] = "starting", [RECORD_UP] = "up"};

static void file_name(const struct record *record, char name[NAME_SIZE])
{
	(void)snprintf(name, NAME_SIZE, "%s" SUFFIX, record->id);
}

/* ---- its text -------------------------------------------------------------------------------- */

/* A record that was cut short tells as much as none. /tmp may outlive a reboot, and what runs does
 * not. */
static void parse(struct record *record, const char *text, const char *now)
{
	char stage[STAGE_NAME_SIZE];
	char boot[SYSCTL_BOOT_SIZE];
	char state[16];

	record->state = RECORD_NONE;
	if (sscanf(text, "stage %63s\nboot %36s\nstate %15s\n", stage, boot, state) != 3 ||
	    strcmp(boot, now) != 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(state, words[i]) == 0)
			record->state = (enum record_state)i;
	(void)snprintf(record->stage, sizeof(record->stage), "%s", stage);
}

static int read_file(struct record *record, int file, struct error *error)
{
	char text[TEXT_SIZE];
	char boot[SYSCTL_BOOT_SIZE];
	ssize_t length = pread(file, text, sizeof(text) - 1, 0);

	if (length < 0)
		return error_system(error, errno, "cannot read the record of the stage");
	text[length] = '\0';
	if (sysctl_read_boot(boot, error) < 0)
		return -error->code;
	parse(record, text, boot);
	return 0;
}

/* ---- the file -------------------------------------------------------------------------------- */

static int open_file(const struct record *record, int flags, struct error *error)
{
	const bool make = (flags & O_CREAT) != 0;
	CLEANUP_FD int base = rundir_open_base(record->caller->uid, make, error);
	char name[NAME_SIZE];
	struct error ignored;
	int file;

	/* One that was made just now, and cannot be looked at, is left to nobody. */
	if (base < 0 && make && base != -EPERM)
		(void)rundir_remove_base(record->caller->uid, &ignored);
	if (base < 0)
		return base;
	file_name(record, name);
	file = rundir_open_file(base, name, flags, error);
	if (file < 0 && make)
		(void)rundir_remove_base(record->caller->uid, &ignored);
	return file;
}

int record_read(struct record *record, struct error *error)
{
	CLEANUP_PRIVILEGE struct privilege_saved saved = {0};
	CLEANUP_FD int file = -1;

	record->state = RECORD_NONE;
	if (privilege_assume(record->caller, &saved, error) < 0)
		return -error->code;
	file = open_file(record, O_RDONLY, error);
	if (file == -ENOENT || file == -EPERM)
		return 0;
	return file < 0 ? file : read_file(record, file, error);
}

/* Opens and locks; -EWOULDBLOCK where somebody has the lock. Who held the lock before us may have
 * removed the file, and the base with it: then -ENOENT, too. */
static int lock_file(const struct record *record, bool make, struct error *error)
{
	CLEANUP_FD int file = open_file(record, O_RDWR | (make ? O_CREAT : 0), error);
	struct stat status;

	if (file < 0)
		return file;
	for (int i = 0; flock(file, LOCK_EX | LOCK_NB) < 0; i++)
		if (errno == EWOULDBLOCK || (errno != EINTR && i == TRIES))
			return error_system(error, errno == EWOULDBLOCK ? errno : EIO,
					    "cannot lock the record of the stage");
	if (fstat(file, &status) < 0 || status.st_nlink == 0)
		return error_set(error, ENOENT, "the record of the stage is gone");
	return TAKE_FD(file);
}

int record_lock(struct record *record, bool make, struct error *error)
{
	CLEANUP_PRIVILEGE struct privilege_saved saved = {0};
	struct stat status;
	int file = -ENOENT;

	record->state = RECORD_NONE;
	if (privilege_assume(record->caller, &saved, error) < 0)
		return -error->code;
	for (int i = 0; i < TRIES && file == -ENOENT && (make || i == 0); i++)
		while ((file = lock_file(record, make, error)) == -EWOULDBLOCK)
			if (rundir_pause(error) < 0)
				return -error->code;
	if (file < 0)
		return file;
	record->file = file;
	if (read_file(record, file, error) == 0)
		return 0;
	/* What it says is not known, so that record_close() must not remove it, unless it is new.
	 */
	if (fstat(file, &status) < 0 || status.st_size > 0)
		close_fd(&record->file);
	return -error->code;
}

/* The sticky bit of a file keeps what cleans /tmp by age away from it (XDG Base Directory
 * Specification, tmpfiles.d(5)). */
int record_write(struct record *record, const char *stage, enum record_state state,
		 struct error *error)
{
	CLEANUP_PRIVILEGE struct privilege_saved saved = {0};
	char text[TEXT_SIZE];
	char boot[SYSCTL_BOOT_SIZE];
	int length;

	if (sysctl_read_boot(boot, error) < 0 ||
	    privilege_assume(record->caller, &saved, error) < 0)
		return -error->code;
	length = snprintf(text, sizeof(text), "stage %s\nboot %s\nstate %s\ncheckout %s\n", stage,
			  boot, words[state], record->checkout);
	if (pwrite(record->file, text, (size_t)length, 0) != length ||
	    ftruncate(record->file, length) < 0 || fchmod(record->file, S_ISVTX | 0600) < 0)
		return error_system(error, errno, "cannot write the record of the stage");
	(void)snprintf(record->stage, sizeof(record->stage), "%s", stage);
	record->state = state;
	return 0;
}

int record_clear(struct record *record, struct error *error)
{
	CLEANUP_PRIVILEGE struct privilege_saved saved = {0};

	if (privilege_assume(record->caller, &saved, error) < 0)
		return -error->code;
	if (ftruncate(record->file, 0) < 0)
		return error_system(error, errno, "cannot clear the record of the stage");
	record->state = RECORD_NONE;
	return 0;
}

/* Removed under the lock: whoever waits for it sees that the file is gone, and makes another. */
static int remove_file(const struct record *record, struct error *error)
{
	CLEANUP_PRIVILEGE struct privilege_saved saved = {0};
	CLEANUP_FD int base = -1;
	char name[NAME_SIZE];

	if (privilege_assume(record->caller, &saved, error) < 0)
		return -error->code;
	base = rundir_open_base(record->caller->uid, false, error);
	if (base < 0)
		return base;
	file_name(record, name);
	if (unlinkat(base, name, 0) < 0 && errno != ENOENT)
		return error_system(error, errno, "cannot remove the record of the stage");
	return rundir_remove_base(record->caller->uid, error);
}

/* Nobody is told where it fails, so it is tried again: memory may be short for a moment. The file
 * means nothing, and the next command removes it. */
void record_close(struct record *record)
{
	struct error ignored;

	if (record->file >= 0 && record->state == RECORD_NONE)
		for (int i = 0; i < REMOVAL_TRIES && remove_file(record, &ignored) < 0; i++)
			continue;
	close_fd(&record->file);
}

int record_guard(const struct record *record, struct error *error)
{
	CLEANUP_PRIVILEGE struct privilege_saved saved = {0};
	CLEANUP_FD int guard = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	CLEANUP_FD int file = -1;
	struct record now = *record;
	char path[sizeof("/proc/self/fd/-2147483648")];

	if (privilege_assume(record->caller, &saved, error) < 0)
		return -error->code;
	file = open_file(record, O_RDONLY, error);
	if (file == -ENOENT)
		return error_set(error, ESRCH, "the stage runs no more");
	if (file < 0)
		return file;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	if (guard < 0 || inotify_add_watch(guard, path, IN_MODIFY | IN_DELETE_SELF) < 0)
		return error_system(error, errno, "cannot watch the record of the stage");
	/* From here on nothing is missed. */
	if (read_file(&now, file, error) < 0)
		return -error->code;
	if (now.state != RECORD_UP)
		return error_set(error, ESRCH, "the stage runs no more");
	return TAKE_FD(guard);
}

/* ---- all of them ----------------------------------------------------------------------------- */

struct tour {
	record_visit *visit;
	void *context;
	char boot[SYSCTL_BOOT_SIZE];
};

/* What follows WORD and a blank at the head of a line of TEXT, to that line's end; else empty. */
static void find_line(const char *text, const char *word, char *value, size_t size)
{
	size_t length = strlen(word);

	value[0] = '\0';
	for (; text[0] != '\0'; text += strcspn(text, "\n"), text += text[0] == '\n')
		if (strncmp(text, word, length) == 0 && text[length] == ' ') {
			text += length + 1;
			(void)snprintf(value, size, "%.*s", (int)strcspn(text, "\n"), text);
			return;
		}
}

/* Of rundir_for_each_file(). What cannot be read is not ours, or gone by now. */
static int visit_file(void *context, int base, const char *file_name, struct error *error)
{
	const struct tour *tour = context;
	const char *suffix = strrchr(file_name, '.');
	CLEANUP_FD int file = -1;
	struct record record = RECORD_EMPTY;
	struct record_told told = {.name = ""};
	char text[TEXT_SIZE];
	ssize_t length;

	if (suffix == NULL || strcmp(suffix, SUFFIX) != 0)
		return 0;
	file = rundir_open_file(base, file_name, O_RDONLY, error);
	length = file < 0 ? -1 : pread(file, text, sizeof(text) - 1, 0);
	if (length < 0)
		return 0;
	text[length] = '\0';
	parse(&record, text, tour->boot);
	if (record.state != RECORD_UP)
		return 0;
	memcpy(told.stage, record.stage, sizeof(told.stage));
	find_line(text, "checkout", told.checkout, sizeof(told.checkout));
	if (strchr(file_name, '+') != NULL)
		(void)snprintf(told.name, sizeof(told.name), "%.*s", (int)strcspn(file_name, "+"),
			       file_name);
	return tour->visit(tour->context, &told, error);
}

int record_for_each(int base, record_visit *visit, void *context, struct error *error)
{
	struct tour tour = {.visit = visit, .context = context};

	if (sysctl_read_boot(tour.boot, error) < 0)
		return -error->code;
	return rundir_for_each_file(base, visit_file, &tour, error);
}
