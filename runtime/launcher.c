#include "launcher.h"

#include "image.h"

#include <fcntl.h>
#include <launch_image.h> /* which make writes: bare/launch.c */

void launcher_close(struct launcher *launcher)
{
	close_fd(&launcher->file);
	for (; launcher->paths > 0; launcher->paths--)
		free(launcher->words[launcher->paths]);
	free_memory(&launcher->words);
}

static size_t count_words(const char *const *words)
{
	size_t count = 0;

	while (words[count] != NULL)
		count++;
	return count;
}

/* How many directories PATH names. */
static size_t count_directories(const char *path)
{
	size_t count = 1;

	for (; *path != '\0'; path++)
		count += *path == ':';
	return count;
}

/* Adds DIRECTORY, LENGTH bytes of it, SLASH and NAME as a path. */
static int add_path(struct launcher *launcher, const char *directory, int length, const char *slash,
		    const char *name)
{
	char **path = &launcher->words[launcher->paths + 1];

	if (asprintf(path, "%.*s%s%s", length, directory, slash, name) < 0)
		return -1;
	launcher->paths++;
	return 0;
}

/* Adds where NAME may be: in PATH, or where it says itself; an empty one is nowhere. */
static int add_paths(struct launcher *launcher, const char *name, const char *path)
{
	int result = 0;

	if (name[0] == '\0' || strchr(name, '/') != NULL)
		return name[0] == '\0' ? 0 : add_path(launcher, "", 0, "", name);
	for (int length; result == 0 && *path != '\0'; path += length) {
		path += *path == ':' ? 1 : 0;
		length = (int)strcspn(path, ":");
		result = add_path(launcher, path, length, "/", name);
	}
	return result;
}

int launcher_make(const char *const *names, const char *path, char *const *argv,
		  struct launcher *launcher, struct error *error)
{
	const size_t most = count_words(names) * count_directories(path);
	const size_t count = argv == NULL ? 1 : count_words((const char *const *)argv);
	CLEANUP_LAUNCHER struct launcher made = LAUNCHER_NONE;
	int result = 0;

	made.words = calloc(1 + most + 1 + count + 1, sizeof(*made.words));
	for (; made.words != NULL && result == 0 && *names != NULL; names++)
		result = add_paths(&made, *names, path);
	if (made.words == NULL || result < 0)
		return error_system(error, ENOMEM, "cannot run a command");
	if (argv != NULL)
		memcpy(made.words + 1 + made.paths + 1, argv, count * sizeof(*argv));
	made.file = image_make("pyroute-launcher", launch_image, sizeof(launch_image), error);
	if (made.file < 0)
		return made.file;
	*launcher = made;
	made = LAUNCHER_NONE;
	return 0;
}

int launcher_become_child(struct launcher *launcher, int channel, struct error *error)
{
	char **end = launcher->words + 1 + launcher->paths;

	(void)snprintf(launcher->channel, sizeof(launcher->channel), "%d", channel);
	launcher->words[0] = launcher->channel;
	end[0] = launcher->empty;
	if (end[1] == NULL)
		end[1] = launcher->empty;
	/* The only file of ours that outlives this exec; not the next. */
	if (fcntl(channel, F_SETFD, 0) == 0)
		(void)fexecve(launcher->file, launcher->words, environ);
	return error_system(error, errno, "cannot start the launcher");
}
