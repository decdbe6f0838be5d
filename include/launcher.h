/* How connect's inner process becomes what is wanted: by a small program of ours, bare/launch.c, in
 * a sealed memory file (image.h). It is all of ours that "#!/proc/self/exe" in a client can run
 * again (CVE-2019-5736): the inner process itself, whose /proc/PID/exe is pyroute's own file, ends
 * with this exec. Nobody there can look into either. */
#ifndef PYROUTE_LAUNCHER_H
#define PYROUTE_LAUNCHER_H

#include "error.h"

/* The program, and its arguments. */
struct launcher {
	int file;
	char **words;
	size_t paths; /* these are owned, and come behind the first word, the channel */
	char channel[16];
	char empty[1];
};
#define LAUNCHER_NONE ((struct launcher){.file = -1})
void launcher_close(struct launcher *launcher);
#define CLEANUP_LAUNCHER CLEANUP(launcher_close)

/* Makes one that is to become the first of NAMES that there is, found in PATH as execvp(3) finds
 * it, with the arguments ARGV, which are borrowed (NULL: its path alone); both lists end with NULL.
 * LAUNCHER is the caller's. */
int launcher_make(const char *const *names, const char *path, char *const *argv,
		  struct launcher *launcher, struct error *error);

/* Becomes that. CHANNEL, a socket, is at its end then; where nothing can be run an errno value
 * comes first, an int. Returns only where the launcher itself cannot be run: -errno. All other fds
 * must be close-on-exec, and CAP_DAC_OVERRIDE laid aside. */
int launcher_become_child(struct launcher *launcher, int channel, struct error *error);

#endif
