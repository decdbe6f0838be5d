#include "checkout.h"

#include "file.h"
#include "text.h"

#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>

#ifndef PYROUTE_CHECKOUT
#error "PYROUTE_CHECKOUT must name the folder that the program is built in"
#endif

void checkout_close(struct checkout *checkout)
{
	close_fd(&checkout->dir);
}

static bool holds_stages(int dir)
{
	struct stat status;

	return fstatat(dir, "stages", &status, 0) == 0 && S_ISDIR(status.st_mode);
}

/* Opens DIRECTORY as the checkout if it is one. */
static int try_directory(const char *directory, struct checkout *checkout, struct error *error)
{
	CLEANUP_FD int dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat status;

	if (dir < 0 || fstat(dir, &status) < 0)
		return error_system(error, errno, "cannot open the checkout %s", directory);
	if (!holds_stages(dir))
		return error_set(error, ENOENT,
				 "%s is no checkout of pyroute: it holds no folder stages/",
				 directory);
	if (realpath(directory, checkout->path) == NULL)
		return error_system(error, errno, "cannot find the path of %s", directory);
	if (strchr(checkout->path, '\n') != NULL)
		return error_set(error, EINVAL,
				 "the checkout's path has a line break in it; rename the folder");
	checkout->owner = (struct caller){.uid = status.st_uid, .gid = status.st_gid};
	checkout->dir = TAKE_FD(dir);
	return 0;
}

static int try_upwards(struct checkout *checkout, struct error *error)
{
	char path[PATH_MAX];

	if (getcwd(path, sizeof(path)) == NULL)
		return error_system(error, errno, "cannot tell the working directory");
	for (;;) {
		char *slash;

		if (try_directory(path[0] == '\0' ? "/" : path, checkout, error) == 0)
			return 0;
		slash = strrchr(path, '/');
		if (slash == NULL)
			return -ENOENT;
		*slash = '\0';
	}
}

static int find(const char *option, struct checkout *checkout, struct error *error)
{
	const char *env = getenv("PYROUTE_ENV");

	if (option != NULL)
		return try_directory(option, checkout, error) < 0 ? error_prefix(error, "--dir")
								  : 0;
	if (env != NULL && env[0] != '\0')
		return try_directory(env, checkout, error) < 0 ? error_prefix(error, "PYROUTE_ENV")
							       : 0;
	if (try_upwards(checkout, error) == 0 ||
	    try_directory(PYROUTE_CHECKOUT, checkout, error) == 0)
		return 0;
	return error_set(error, ENOENT,
			 "no checkout of pyroute here: go to one, or name it with --dir");
}

int checkout_find(const char *option, const struct caller *caller, struct checkout *checkout,
		  struct error *error)
{
	CLEANUP_PRIVILEGE struct privilege_saved saved = {0};

	if (privilege_assume(caller, &saved, error) < 0)
		return -error->code;
	return find(option, checkout, error);
}

int checkout_find_gone(const char *option, const struct caller *caller, struct checkout *checkout,
		       struct error *error)
{
	CLEANUP_PRIVILEGE struct privilege_saved saved = {0};
	char parent[PATH_MAX];

	if (privilege_assume(caller, &saved, error) < 0)
		return -error->code;
	if (realpath(option, checkout->path) != NULL)
		return 0;
	if (realpath(dirname(strdupa(option)), parent) == NULL) {
		if (option[0] != '/')
			return error_system(error, errno, "cannot find the path of %s", option);
		(void)snprintf(parent, PATH_MAX, "%s", dirname(strdupa(option)));
	}
	if (snprintf(checkout->path, PATH_MAX, "%s/%s", strcmp(parent, "/") == 0 ? "" : parent,
		     basename(strdupa(option))) >= PATH_MAX)
		return error_set(error, ENAMETOOLONG, "the path of %s is too long", option);
	return 0;
}

/* ---- stages ---------------------------------------------------------------------------------- */

/* NULL with errno set where there is none to be read. */
static DIR *open_stages(int checkout)
{
	int fd = openat(checkout, "stages", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? NULL : fdopendir(fd);
}

/* errno tells why not. */
static bool holds(int dir, const char *folder, const char *file)
{
	char path[PATH_MAX];
	struct stat status;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, file);
	return fstatat(dir, path, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The name of a stage that NAME may have been meant for; empty where there is none. */
static void nearest_stage(int checkout, const char *name, char nearest[STAGE_NAME_SIZE])
{
	CLEANUP_DIRECTORY DIR *stages = open_stages(checkout);
	const struct dirent *entry;
	unsigned best = UINT_MAX;

	nearest[0] = '\0';
	while (stages != NULL && (entry = readdir(stages)) != NULL) {
		unsigned distance = text_distance(name, entry->d_name);

		if (!stage_name_valid(entry->d_name) || !text_is_near(name, entry->d_name) ||
		    strcmp(name, entry->d_name) == 0 || distance >= best)
			continue;
		if (!holds(dirfd(stages), entry->d_name, CHECKOUT_STAGE_INI) &&
		    !holds(dirfd(stages), entry->d_name, CHECKOUT_UP))
			continue;
		best = distance;
		(void)snprintf(nearest, STAGE_NAME_SIZE, "%.*s", STAGE_NAME_SIZE - 1,
			       entry->d_name);
	}
}

static int no_such_stage(int checkout, const char *name, struct error *error)
{
	char shown[STAGE_NAME_SIZE * 2];
	char nearest[STAGE_NAME_SIZE];

	text_escape(name, shown, sizeof(shown));
	nearest_stage(checkout, name, nearest);
	if (nearest[0] == '\0')
		return error_set(error, ENOENT, "there is no stage \"%s\"; look into stages/",
				 shown);
	return error_set(error, ENOENT, "there is no stage \"%s\"; did you mean %s?", shown,
			 nearest);
}

int checkout_open_folder(const struct checkout *checkout, const struct caller *caller,
			 const char *name, struct error *error)
{
	CLEANUP_PRIVILEGE struct privilege_saved saved = {0};
	char path[sizeof("stages/") + STAGE_NAME_SIZE];
	int fd;

	if (privilege_assume(caller, &saved, error) < 0)
		return -error->code;
	if (!stage_name_valid(name))
		return no_such_stage(checkout->dir, name, error);
	(void)snprintf(path, sizeof(path), "stages/%s", name);
	fd = openat(checkout->dir, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENOTDIR)
		return no_such_stage(checkout->dir, name, error);
	return error_system(error, errno, "cannot open %s", path);
}

int checkout_stage_kind(const struct checkout *checkout, const struct caller *caller,
			const char *name, struct error *error)
{
	static const char *const others[] = {CHECKOUT_DOWN, CHECKOUT_CONNECT};
	CLEANUP_FD int folder = checkout_open_folder(checkout, caller, name, error);
	CLEANUP_PRIVILEGE struct privilege_saved saved = {0};

	if (folder < 0 || privilege_assume(caller, &saved, error) < 0)
		return -error->code;
	if (holds(folder, ".", CHECKOUT_UP))
		return CHECKOUT_SCRIPTS;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (holds(folder, ".", others[i]))
			return error_set(
				error, EINVAL,
				"stages/%s has %s and no " CHECKOUT_UP
				": a stage that brings scripts of its own begins with that",
				name, others[i]);
	return CHECKOUT_STAGE_FILE;
}

int checkout_open_stage(const struct checkout *checkout, const struct caller *caller,
			const char *name, char *path, size_t size, struct error *error)
{
	CLEANUP_PRIVILEGE struct privilege_saved saved = {0};
	int fd;

	if (privilege_assume(caller, &saved, error) < 0)
		return -error->code;
	if (!stage_name_valid(name))
		return no_such_stage(checkout->dir, name, error);
	(void)snprintf(path, size, "stages/%s/" CHECKOUT_STAGE_INI, name);
	/* Non-blocking, so that a FIFO in its place does not hold us; the reader refuses it. */
	fd = openat(checkout->dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0)
		return fd;
	if (errno == ENOENT && holds(checkout->dir, "stages", name))
		return error_set(error, ENOENT,
				 "stages/%s is no stage: it has no " CHECKOUT_STAGE_INI
				 "; write one, as README.md tells",
				 name);
	if (errno == ENOENT || errno == ENOTDIR)
		return no_such_stage(checkout->dir, name, error);
	return error_system(error, errno, "cannot open %s", path);
}

/* ---- the list of them ------------------------------------------------------------------------ */

void checkout_stages_clear(struct checkout_stages *stages)
{
	free_memory(&stages->list);
	stages->count = 0;
}

static int add_stage(struct checkout_stages *stages, int dir, const char *folder,
		     struct error *error)
{
	/* What the caller may not look into is shown, and then says so. */
	struct checkout_stage stage = {.is_name = stage_name_valid(folder),
				       .has_file = holds(dir, folder, CHECKOUT_STAGE_INI) ||
						   errno == EACCES,
				       .has_scripts = holds(dir, folder, CHECKOUT_UP)};
	struct checkout_stage *list;

	if (!stage.has_file && !stage.has_scripts)
		return 0;
	list = reallocarray(stages->list, stages->count + 1, sizeof(*list));
	if (list == NULL)
		return error_system(error, ENOMEM, "cannot list the stages");
	stages->list = list;
	text_escape(folder, stage.name, sizeof(stage.name));
	list[stages->count++] = stage;
	return 0;
}

static int compare_stages(const void *a, const void *b)
{
	const struct checkout_stage *left = a;
	const struct checkout_stage *right = b;

	return strverscmp(left->name, right->name);
}

int checkout_list_stages(const struct checkout *checkout, const struct caller *caller,
			 struct checkout_stages *stages, struct error *error)
{
	CLEANUP_PRIVILEGE struct privilege_saved saved = {0};
	CLEANUP_DIRECTORY DIR *directory = NULL;
	const struct dirent *entry;

	if (privilege_assume(caller, &saved, error) < 0)
		return -error->code;
	directory = open_stages(checkout->dir);
	if (directory == NULL)
		return error_system(error, errno, "cannot read %s/stages", checkout->path);
	while ((entry = readdir(directory)) != NULL)
		if (entry->d_name[0] != '.' &&
		    add_stage(stages, dirfd(directory), entry->d_name, error) < 0)
			return -error->code;
	if (stages->count > 0)
		qsort(stages->list, stages->count, sizeof(*stages->list), compare_stages);
	return 0;
}

/* ---- src/ and .stage ------------------------------------------------------------------------- */

int checkout_open_src(const struct checkout *checkout, const struct caller *caller,
		      struct caller *owner, struct error *error)
{
	CLEANUP_PRIVILEGE struct privilege_saved saved = {0};
	CLEANUP_FD int src = -1;
	struct stat status;

	if (privilege_assume(caller, &saved, error) < 0)
		return -error->code;
	src = openat(checkout->dir, "src", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (src < 0 && (errno == ENOENT || errno == ENOTDIR))
		return error_set(error, errno,
				 "there is no folder %s/src, where the student's code belongs (a "
				 "link to one will not do); make it: mkdir %s/src",
				 checkout->path, checkout->path);
	if (src < 0 || fstat(src, &status) < 0)
		return error_system(error, errno, "cannot open %s/src", checkout->path);
	if (caller->uid != 0 && status.st_uid != caller->uid)
		return error_set(error, EPERM,
				 "%s/src belongs to uid %u, not to you; make it yours: sudo chown "
				 "-R %u:%u %s/src",
				 checkout->path, status.st_uid, caller->uid, caller->gid,
				 checkout->path);
	*owner = (struct caller){.uid = status.st_uid, .gid = status.st_gid};
	return TAKE_FD(src);
}

int checkout_can_mark(const struct checkout *checkout, struct error *error)
{
	/* Root does it as the folder's owner. */
	if (checkout->dir < 0 || geteuid() == 0 ||
	    faccessat(checkout->dir, ".", W_OK | X_OK, AT_EACCESS) == 0)
		return 0;
	return error_set(error, errno,
			 "cannot note in %s which stage runs, for it is not yours; use sudo, or a "
			 "checkout of your own",
			 checkout->path);
}

int checkout_mark(const struct checkout *checkout, const char *name, struct error *error)
{
	CLEANUP_PRIVILEGE struct privilege_saved saved = {0};
	char line[STAGE_NAME_SIZE + 1];

	if (checkout->dir < 0)
		return 0;
	if (geteuid() == 0 && privilege_assume(&checkout->owner, &saved, error) < 0)
		return -error->code;
	if (name == NULL) {
		(void)unlinkat(checkout->dir, ".stage" FILE_ASIDE, 0);
		if (unlinkat(checkout->dir, ".stage", 0) < 0 && errno != ENOENT)
			return error_system(error, errno, "cannot remove %s/.stage",
					    checkout->path);
		return 0;
	}
	(void)snprintf(line, sizeof(line), "%s\n", name);
	if (file_replace(checkout->dir, ".stage", line, 0644, error) < 0)
		return error_prefix(error, "%s", checkout->path);
	return 0;
}

int checkout_marked(const struct checkout *checkout, const struct caller *caller,
		    char name[STAGE_NAME_SIZE], struct error *error)
{
	CLEANUP_PRIVILEGE struct privilege_saved saved = {0};
	CLEANUP_FD int fd = -1;
	ssize_t length;

	if (privilege_assume(caller, &saved, error) < 0)
		return -error->code;
	/* Non-blocking: it may be a FIFO, which nobody writes to. */
	fd = openat(checkout->dir, ".stage",
		    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
	length = fd < 0 ? -1 : read(fd, name, STAGE_NAME_SIZE - 1);
	if (length < 0)
		return error_system(error, errno, "cannot read %s/.stage", checkout->path);
	name[length] = '\0';
	name[strcspn(name, "\n")] = '\0';
	if (!stage_name_valid(name))
		return error_set(error, ENOENT, "%s/.stage names no stage", checkout->path);
	return 0;
}
