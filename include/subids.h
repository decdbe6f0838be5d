/* An ordinary user's subordinate ids (subuid(5), subgid(5)), and the set-uid programs that may map
 * them into a user namespace: newuidmap(1) and newgidmap(1). */
#ifndef PYROUTE_SUBIDS_H
#define PYROUTE_SUBIDS_H

#include "error.h"
#include "privilege.h"

#include <limits.h>

/* With the user's own id these are all that a Unix system needs: 0 to 65535. */
#define SUBIDS_COUNT_MAX 65535

/* Id 1 of the namespace is the first one here, and so on; 0 is the user's own. */
struct subids {
	unsigned uid_first;
	unsigned gid_first;
	unsigned count;		  /* 1 to SUBIDS_COUNT_MAX, of uids and of gids */
	char newuidmap[PATH_MAX]; /* absolute */
	char newgidmap[PATH_MAX];
};

/* Finds CALLER's, of the system's files, and the programs. Where a user has several ranges the
 * first counts, and its last id is left over, as unshare(1) does by --map-auto: trees that it
 * extracted hold these very ids. -ENOENT: there is no such range, -ENOPKG: the programs are not
 * there or have no rights, -EPERM: nor would any; the text's end, after a semicolon, is the command
 * that mends it, where there is one. Whether the programs agree shows only when they run. */
int subids_find(const struct caller *caller, struct subids *found, struct error *error);

/* Its halves. FILES are in the form of subuid(5); one that is not there has no entry. */
struct subids_files {
	const char *uids;
	const char *gids;
};
#define SUBIDS_FILES ((struct subids_files){"/etc/subuid", "/etc/subgid"})
int subids_find_ranges(const struct caller *caller, const struct subids_files *files,
		       struct subids *found, struct error *error);

/* Looks in FOLDERS, as in PATH (NULL: none), and then in /usr/bin; passes over programs that could
 * not do it. */
int subids_find_programs(const char *folders, struct subids *found, struct error *error);

/* Maps them into the user namespace that our child PID was born in: 0 is our effective id. PID must
 * be dumpable (prctl(2)), or its files are not ours to map by. -EPERM with what a program said
 * where it refused; half of it is done then, and the namespace of no use. */
int subids_map(pid_t pid, const struct subids *ids, struct error *error);

#endif
