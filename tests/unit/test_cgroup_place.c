/* Where an ordinary user may make control groups, in trees that are made up: plain files, with what
 * the kernel would tell, in the place of /sys/fs/cgroup and /proc/self/cgroup. Needs root. */
#include "child.h"

#include "cgroup.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#define TOP	"/sys/fs/cgroup"
#define USER_ID 1000
#define SERVICE "user.slice/user-1000.slice/user@1000.service"
#define SESSION "user.slice/user-1000.slice/session-1.scope"

/* One group of a tree. */
struct group {
	const char *path; /* "" is the top */
	bool ours;
	bool handed_down;	 /* memory and pids */
	bool inhabited;		 /* by somebody else */
	const char *controllers; /* NULL: "cpu memory pids" */
};

/* A tree of at most 8 groups, above ones first, and what /proc/self/cgroup tells. */
struct tree {
	struct group groups[8];
	const char *lives_in; /* we do; NULL: in none of them */
	const char *proc;     /* after "0::"; NULL: that too */
};

static void write_file(const char *group, const char *name, const char *text, bool ours)
{
	char path[300];
	FILE *file;

	(void)snprintf(path, sizeof(path), TOP "/%s/%s", group, name);
	file = fopen(path, "we");
	CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
	CHECK(chmod(path, 0644) == 0);
	CHECK(!ours || chown(path, USER_ID, USER_ID) == 0);
}

static void make_group(const struct group *group, bool lives_here)
{
	char path[300];
	char procs[64];

	(void)snprintf(path, sizeof(path), TOP "/%s", group->path);
	CHECK(mkdir(path, 0755) == 0 || errno == EEXIST);
	CHECK(!group->ours || chown(path, USER_ID, USER_ID) == 0);
	(void)snprintf(procs, sizeof(procs), "%s", group->inhabited ? "1\n2\n" : "");
	if (lives_here)
		(void)snprintf(procs, sizeof(procs), "1\n%d\n", (int)getpid());
	write_file(group->path, "cgroup.procs", procs, group->ours);
	write_file(group->path, "cgroup.subtree_control", group->handed_down ? "memory pids\n" : "",
		   group->ours);
	write_file(group->path, "cgroup.controllers",
		   group->controllers ? group->controllers : "cpu memory pids\n", false);
	if (group->path[0] != '\0')
		write_file(group->path, "cgroup.type", "domain\n", false);
}

/* In a mount namespace of the child's own. */
static void make_tree(const struct tree *tree)
{
	const char *proc = tree->proc != NULL ? tree->proc : tree->lives_in;
	FILE *file;

	CHECK(unshare(CLONE_NEWNS) == 0);
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK(mount("none", "/run", "tmpfs", 0, "mode=755") == 0);
	CHECK(mount("none", TOP, "tmpfs", 0, "mode=755") == 0);
	for (size_t i = 0; i < ARRAY_SIZE(tree->groups) && tree->groups[i].path != NULL; i++)
		make_group(&tree->groups[i], tree->lives_in != NULL && strcmp(tree->groups[i].path,
									      tree->lives_in) == 0);
	file = fopen("/run/proc", "we");
	CHECK(file != NULL && fprintf(file, "1:name=elogind:/x\n0::/%s\n", proc) > 0);
	CHECK(fclose(file) == 0 && chmod("/run/proc", 0644) == 0);
	CHECK(mount("/run/proc", "/proc/self/cgroup", NULL, MS_BIND, NULL) == 0);
}

static void become_user(void)
{
	CHECK(setresgid(USER_ID, USER_ID, USER_ID) == 0);
	CHECK(setresuid(USER_ID, USER_ID, USER_ID) == 0);
}

/* Finds the place in TREE: WANTED, or where that begins with "!", none, and says so. */
struct search {
	struct tree tree;
	const char *wanted;
};

static int run_search(const void *argument)
{
	const struct search *search = argument;
	char place[CGROUP_PATH_SIZE] = "?";
	struct error error = {0};
	int result;

	make_tree(&search->tree);
	become_user();
	result = cgroup_find_place(place, &error);
	if (search->wanted[0] == '!') {
		CHECK(result == -ENOTSUP);
		if (strstr(error.text, search->wanted + 1) == NULL)
			(void)fprintf(stderr, "%s\n", error.text);
		CHECK(strstr(error.text, search->wanted + 1) != NULL);
		CHECK(strchr(error.text, '\n') == NULL);
	} else {
		if (result != 0)
			(void)fprintf(stderr, "%s\n", error.text);
		CHECK(result == 0);
		CHECK(strcmp(place, search->wanted) == 0);
	}
	return 0;
}

#define SEARCH(...) assert_int_equal(child_run(run_search, &(const struct search){__VA_ARGS__}), 0)

/* As systemd makes it for a terminal on a desktop. */
static void a_desktop_terminal_has_a_place_in_its_slice(void **state)
{
	(void)state;
	SEARCH(.tree = {.groups = {{"", .handed_down = true},
				   {"user.slice", .handed_down = true},
				   {"user.slice/user-1000.slice", .handed_down = true},
				   {SERVICE, .ours = true, .handed_down = true},
				   {SERVICE "/app.slice", .ours = true, .handed_down = true},
				   {SERVICE "/app.slice/vte.scope", .ours = true}},
			.lives_in = SERVICE "/app.slice/vte.scope"},
	       .wanted = SERVICE "/app.slice");
}

static void what_is_not_handed_down_is_passed_over_where_somebody_lives(void **state)
{
	struct search search = {.tree = {.groups = {{"", .handed_down = true},
						    {"a", .ours = true, .handed_down = true},
						    {"a/b", .ours = true, .inhabited = true},
						    {"a/b/c", .ours = true}},
					 .lives_in = "a/b/c"},
				.wanted = "a"};

	(void)state;
	assert_int_equal(child_run(run_search, &search), 0);
	search.tree.groups[2].inhabited = false; /* then it can be */
	search.wanted = "a/b";
	assert_int_equal(child_run(run_search, &search), 0);
	search.tree.groups[2].controllers = "cpu memory\n"; /* unless it has none */
	search.wanted = "a";
	assert_int_equal(child_run(run_search, &search), 0);
}

static void the_top_of_a_cgroup_namespace_can_be_ours(void **state)
{
	(void)state;
	SEARCH(.tree = {.groups = {{"", .ours = true, .handed_down = true}, {"x", .ours = true}},
			.lives_in = "x"},
	       .wanted = "");
}

static void a_login_s_own_group_has_no_place(void **state)
{
	(void)state;
	SEARCH(.tree = {.groups = {{"", .handed_down = true},
				   {"user.slice", .handed_down = true},
				   {"user.slice/user-1000.slice", .handed_down = true},
				   {SESSION, .ours = false}},
			.lives_in = SESSION},
	       .wanted = "!" SESSION ": none of them is its user's");
	SEARCH(.tree = {.groups = {{"", .handed_down = true}}, .lives_in = ""},
	       .wanted = "!around /: none of them is its user's");
}

static void the_reason_is_that_of_the_widest_that_is_ours(void **state)
{
	(void)state;
	SEARCH(.tree = {.groups = {{"", .handed_down = true},
				   {"a", .ours = true, .controllers = "cpu\n"},
				   {"a/b", .ours = true, .inhabited = true}},
			.lives_in = "a/b"},
	       .wanted = "!a/b: of memory and pids there is only \"cpu\"");
}

static void a_group_that_is_not_where_we_are_told_is_not_taken(void **state)
{
	struct search search = {.tree = {.groups = {{"", .ours = true, .handed_down = true},
						    {"x", .ours = true, .handed_down = true},
						    {"x/y", .ours = true}},
					 .lives_in = "x/y"},
				.wanted = "x"};

	(void)state;
	assert_int_equal(child_run(run_search, &search), 0);
	search.tree.proc = "../x/y"; /* from another cgroup namespace: cgroup_namespaces(7) */
	search.wanted = "!not to be seen at /sys/fs/cgroup";
	assert_int_equal(child_run(run_search, &search), 0);
	search.tree.proc = "x"; /* another part of the tree is mounted */
	assert_int_equal(child_run(run_search, &search), 0);
	search.tree.proc = "x/y (deleted)";
	assert_int_equal(child_run(run_search, &search), 0);
}

static int run_version_1(const void *argument)
{
	char path[CGROUP_PATH_SIZE];
	struct error error = {0};

	(void)argument;
	CHECK(unshare(CLONE_NEWNS) == 0);
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK(mount("none", TOP, "tmpfs", 0, "mode=755") == 0);
	CHECK(mkdir(TOP "/memory", 0755) == 0 && mkdir(TOP "/unified", 0755) == 0);
	CHECK(cgroup_settle(path, &error) == 0 && strncmp(path, "pyroute-", 8) == 0);
	CHECK(cgroup_approach("pyroute-1", &error) == 0);
	become_user();
	CHECK(cgroup_find_place(path, &error) == -ENOTSUP);
	CHECK(cgroup_settle(path, &error) == -ENOTSUP);
	CHECK(strstr(error.text, "version 1") != NULL);
	return 0;
}

static void of_version_1_there_is_none_but_for_root(void **state)
{
	(void)state;
	assert_int_equal(child_run(run_version_1, NULL), 0);
}

/* ---- with systemd, or what is in its place ----------------------------------------------------
 */

static const struct tree login = {.groups = {{"", .handed_down = true}, {"login", .ours = false}},
				  .lives_in = "login"};

static int run_settle_alone(const void *argument)
{
	char path[CGROUP_PATH_SIZE];
	struct error error = {0};

	(void)argument;
	make_tree(&login);
	become_user();
	CHECK(cgroup_settle(path, &error) == -ENOTSUP);
	CHECK(strstr(error.text, "login: none of them is its user's; the user's systemd: ") !=
	      NULL);
	CHECK(strstr(error.text, "/run/user/1000/bus") != NULL);
	CHECK(strlen(error.text) < 300);
	return 0;
}

static void without_a_user_s_systemd_both_reasons_are_told(void **state)
{
	(void)state;
	assert_int_equal(child_run(run_settle_alone, NULL), 0);
}

/* A bus on which nobody ever says anything. */
static int run_silent_bus(const void *argument)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/user/1000/bus"};
	CLEANUP_FD int bus = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char path[CGROUP_PATH_SIZE];
	struct error error = {0};
	time_t before;

	(void)argument;
	make_tree(&login);
	CHECK(mkdir("/run/user", 0755) == 0 && mkdir("/run/user/1000", 0755) == 0);
	CHECK(bind(bus, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(bus, 8) == 0);
	CHECK(chmod(address.sun_path, 0666) == 0);
	become_user();
	(void)alarm(20); /* the end of it, if it were not given up */
	before = time(NULL);
	CHECK(cgroup_settle(path, &error) == -ENOTSUP);
	CHECK(strstr(error.text, "systemd: no answer from it in 2 seconds") != NULL);
	CHECK(time(NULL) - before >= 1 && time(NULL) - before <= 4);
	return 0;
}

static void a_bus_that_never_answers_is_given_up(void **state)
{
	(void)state;
	assert_int_equal(child_run(run_silent_bus, NULL), 0);
}

/* ---- the way to the groups of a stage that runs ------------------------------------------------
 */

struct approach {
	struct tree tree;
	const char *parent;
	int wanted;
};

static int run_approach(const void *argument)
{
	const struct approach *approach = argument;
	struct error error = {0};
	int result;

	make_tree(&approach->tree);
	become_user();
	result = cgroup_approach(approach->parent, &error);
	if (result != approach->wanted)
		(void)fprintf(stderr, "%d: %s\n", result, error.text);
	CHECK(result == approach->wanted);
	return 0;
}

#define APPROACH(...)                                                                              \
	assert_int_equal(child_run(run_approach, &(const struct approach){__VA_ARGS__}), 0)

static void the_group_in_common_decides_who_may_enter(void **state)
{
	struct tree tree = {.groups = {{"", .handed_down = true},
				       {"u", .ours = true, .handed_down = true},
				       {"u/term", .ours = true},
				       {"u/p", .ours = true, .handed_down = true},
				       {"u/p/pyroute-1", .ours = true, .handed_down = true},
				       {"uu", .ours = false},
				       {"uu/pyroute-3", .ours = true},
				       {"pyroute-2", .ours = false}},
			    .lives_in = "u/term"};

	(void)state;
	APPROACH(.tree = tree, .parent = "u/p/pyroute-1", .wanted = 0);
	/* Begins alike, and is another. */
	APPROACH(.tree = tree, .parent = "uu/pyroute-3", .wanted = -EACCES);
	tree.lives_in = "uu";
	APPROACH(.tree = tree, .parent = "u/p/pyroute-1", .wanted = -EACCES);
	/* Root opened the doors of that one; and of one that is gone there is nothing to say. */
	APPROACH(.tree = tree, .parent = "pyroute-2", .wanted = 0);
	APPROACH(.tree = tree, .parent = "u/p/pyroute-9", .wanted = 0);
}

/* ---- removal -----------------------------------------------------------------------------------
 */

static int run_removal(const void *argument)
{
	static const char *const strange[] = {"u",
					      "",
					      "/",
					      "u/",
					      "../pyroute-1",
					      "u/../pyroute-1",
					      "/u/pyroute-1",
					      "u//pyroute-1",
					      "./pyroute-1",
					      "pyroute-1/",
					      "pyroute-1/u",
					      "pyroute"};
	struct error error = {0};

	(void)argument;
	CHECK(unshare(CLONE_NEWNS) == 0);
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK(mount("none", TOP, "tmpfs", 0, "mode=755") == 0);
	write_file("", "cgroup.controllers", "memory pids\n", false);
	CHECK(mkdir(TOP "/u", 0755) == 0 && mkdir(TOP "/pyroute-1", 0755) == 0);
	CHECK(mkdir(TOP "/u/pyroute-1", 0755) == 0 && mkdir(TOP "/pyroute-1/u", 0755) == 0);
	CHECK(mkdir(TOP "/u/pyroute-1/client1", 0755) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(strange); i++) {
		if (cgroup_remove(strange[i], &error) != -EINVAL)
			(void)fprintf(stderr, "\"%s\" is removed\n", strange[i]);
		CHECK(cgroup_remove(strange[i], &error) == -EINVAL);
	}
	CHECK(access(TOP "/u/pyroute-1/client1", F_OK) == 0 &&
	      access(TOP "/pyroute-1/u", F_OK) == 0);
	CHECK(cgroup_remove("u/pyroute-1", &error) == 0);
	CHECK(access(TOP "/u/pyroute-1", F_OK) < 0 && access(TOP "/u", F_OK) == 0);
	CHECK(cgroup_remove("u/pyroute-1", &error) == 0);    /* as before */
	CHECK(cgroup_remove("gone/pyroute-1", &error) == 0); /* with the scope it was in */
	CHECK(cgroup_remove("pyroute-1", &error) == 0);
	CHECK(access(TOP "/pyroute-1", F_OK) < 0);
	return 0;
}

static void only_groups_that_are_named_as_ours_are_removed(void **state)
{
	(void)state;
	assert_int_equal(child_run(run_removal, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_desktop_terminal_has_a_place_in_its_slice),
		cmocka_unit_test(what_is_not_handed_down_is_passed_over_where_somebody_lives),
		cmocka_unit_test(the_top_of_a_cgroup_namespace_can_be_ours),
		cmocka_unit_test(a_login_s_own_group_has_no_place),
		cmocka_unit_test(the_reason_is_that_of_the_widest_that_is_ours),
		cmocka_unit_test(a_group_that_is_not_where_we_are_told_is_not_taken),
		cmocka_unit_test(of_version_1_there_is_none_but_for_root),
		cmocka_unit_test(without_a_user_s_systemd_both_reasons_are_told),
		cmocka_unit_test(a_bus_that_never_answers_is_given_up),
		cmocka_unit_test(the_group_in_common_decides_who_may_enter),
		cmocka_unit_test(only_groups_that_are_named_as_ours_are_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
