/* The checkout: the folder that holds stages/, src/ and .stage. */
#ifndef PYROUTE_CHECKOUT_H
#define PYROUTE_CHECKOUT_H

#include "error.h"
#include "privilege.h"
#include "stage.h"

#include <limits.h>

struct checkout {
	char path[PATH_MAX]; /* absolute */
	int dir;	     /* O_PATH, its own: checkout_close(); -1: the folder is no more */
	struct caller owner; /* of the folder */
};
#define CHECKOUT_NONE ((struct checkout){.dir = -1})
void checkout_close(struct checkout *checkout);
#define CLEANUP_CHECKOUT CLEANUP(checkout_close)

/* Finds it by OPTION (--dir; NULL: not given), else PYROUTE_ENV, else the nearest folder upwards of
 * the working directory that holds stages/, else the one that this program was built in. Looks
 * with CALLER's rights. */
int checkout_find(const char *option, const struct caller *caller, struct checkout *checkout,
		  struct error *error);

/* For the folder OPTION that is no more: fills in the path that it had, and nothing else. Where the
 * one that it was in is gone too, OPTION must be that path. */
int checkout_find_gone(const char *option, const struct caller *caller, struct checkout *checkout,
		       struct error *error);

/* The two kinds of stage. One has a stage file that pyroute acts on. The other brings scripts of
 * its own, of which up.sh makes it one of this kind. */
enum checkout_kind { CHECKOUT_STAGE_FILE, CHECKOUT_SCRIPTS };
#define CHECKOUT_STAGE_INI "stage.ini"
#define CHECKOUT_UP	   "up.sh"
#define CHECKOUT_DOWN	   "down.sh"
#define CHECKOUT_CONNECT   "connect.sh"

/* Says which kind the stage NAME is of, after a look with CALLER's rights: an enum checkout_kind,
 * or -errno. A folder with neither a stage file nor scripts counts as of the first. */
int checkout_stage_kind(const struct checkout *checkout, const struct caller *caller,
			const char *name, struct error *error);

/* Opens the folder of the stage NAME with CALLER's rights. Returns an O_PATH fd, the caller's;
 * -ENOENT as below. */
int checkout_open_folder(const struct checkout *checkout, const struct caller *caller,
			 const char *name, struct error *error);

/* Opens the stage file of the stage NAME with CALLER's rights, and writes its path, as seen from
 * the checkout, to PATH. Returns its fd, the caller's; -ENOENT with the nearest name in the text.
 */
int checkout_open_stage(const struct checkout *checkout, const struct caller *caller,
			const char *name, char *path, size_t size, struct error *error);

/* A folder in stages/ that holds a stage file, or an up.sh of its own. */
struct checkout_stage {
	char name[STAGE_NAME_SIZE]; /* escaped and cut where it is no name */
	bool is_name;		    /* that a stage can be started by */
	bool has_file;
	bool has_scripts;
};

struct checkout_stages {
	struct checkout_stage *list; /* owned */
	size_t count;
};
void checkout_stages_clear(struct checkout_stages *stages);
#define CLEANUP_CHECKOUT_STAGES CLEANUP(checkout_stages_clear)

/* Lists the stages in the order of their names, numbers in them by their value, as CALLER sees
 * them. */
int checkout_list_stages(const struct checkout *checkout, const struct caller *caller,
			 struct checkout_stages *stages, struct error *error);

/* Reads with CALLER's rights which stage .stage names. -ENOENT where it names none. */
int checkout_marked(const struct checkout *checkout, const struct caller *caller,
		    char name[STAGE_NAME_SIZE], struct error *error);

/* Opens src/ with CALLER's rights. It must be a folder, not a link to one, and CALLER's own unless
 * CALLER is root. Returns an O_PATH fd, the caller's, and says in OWNER whose it is. */
int checkout_open_src(const struct checkout *checkout, const struct caller *caller,
		      struct caller *owner, struct error *error);

/* Whether checkout_mark() may write there; -EACCES with the remedy in the text. Where the folder is
 * no more, both have nothing to do. */
int checkout_can_mark(const struct checkout *checkout, struct error *error);

/* Writes NAME into .stage, or removes .stage where NAME is NULL; with the rights of the folder's
 * owner, so that a link planted there leads nowhere that the owner could not go. */
int checkout_mark(const struct checkout *checkout, const char *name, struct error *error);

#endif
