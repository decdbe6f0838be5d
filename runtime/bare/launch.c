/* launch: becomes a program in a client, the last step of connect's inner process (launcher.h).
 *
 * Its arguments are the number of an fd, paths, an empty word, and the arguments of the program
 * that is wanted; an empty word for the first of these stands for the path. It tries the paths in
 * their order and becomes the first that it can, as execvp(3) goes through those that PATH gives.
 * Where it can become none it writes why to the fd: a positive errno value, an int. */
#include "bare.h"

#include <linux/fcntl.h>

static int execute(const char *path, char **arguments, char **environment)
{
	return (int)bare_call(__NR_execve, (long)path, (long)arguments, (long)environment, 0);
}

/* A file of an unknown format is a script of the shell's: execvp(3). There is a place in front of
 * ARGUMENTS, which are as before where it fails. */
static int execute_by_shell(char *path, char **arguments, char **environment)
{
	char shell[] = "/bin/sh";
	char *kept[] = {arguments[-1], arguments[0]};
	int result;

	arguments[-1] = shell;
	arguments[0] = path;
	result = execute(shell, arguments - 1, environment);
	arguments[-1] = kept[0];
	arguments[0] = kept[1];
	return result;
}

/* Whether execvp(3) would try the next path. */
static int is_elsewhere(int code)
{
	return code == ENOENT || code == ENOTDIR || code == EACCES || code == ESTALE ||
	       code == ENODEV || code == ETIMEDOUT;
}

/* Returns only where it failed, with the errno value: that of the last path, but EACCES where one
 * was not allowed. */
static int become(char **paths, char **arguments, char **environment)
{
	int nameless = arguments[0][0] == '\0';
	int denied = 0;
	int code = ENOENT;

	for (; paths[0][0] != '\0' && is_elsewhere(code); paths++) {
		if (nameless)
			arguments[0] = paths[0];
		code = -execute(paths[0], arguments, environment);
		if (code == ENOEXEC)
			code = -execute_by_shell(paths[0], arguments, environment);
		denied |= code == EACCES;
	}
	return is_elsewhere(code) && denied ? EACCES : code;
}

void bare_main(long *stack)
{
	char **words = (char **)(stack + 1);
	char **environment = words + stack[0] + 1;
	char **arguments = words;
	int channel = stack[0] > 0 ? bare_number(words[0]) : 0;
	int code;

	while (*arguments != NULL && (*arguments)[0] != '\0')
		arguments++;
	/* Somebody in a client may run this, too. */
	if (channel <= 2 || *arguments == NULL || arguments[1] == NULL)
		bare_exit(BARE_FAILED);
	code = -(int)bare_call(__NR_fcntl, channel, F_SETFD, FD_CLOEXEC, 0);
	if (code == 0)
		code = become(words + 1, arguments + 1, environment);
	(void)bare_call(__NR_write, channel, (long)&code, sizeof(code), 0);
	bare_exit(BARE_FAILED);
}
