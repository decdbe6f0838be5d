#include "bench.h"

#include <fcntl.h>
#include <ftw.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define DOCKER_SOCKET "/run/docker.sock"
#define OPEN_FILES    65536
#define KILL_ROUNDS   200
#define KILL_PAUSE_US 50000
#define PROCESSES_MAX 32768
#define RECOVERY_S    30

static void need(struct bench *bench, const char *what, long result)
{
	if (result < 0)
		bench_fail(bench, "%s: %s", what, strerror(errno));
}

/* ---- making -----------------------------------------------------------------------------------
 */

/* An engine's socket stays where it is: it is asked, and not ours to start. */
static void mount_run(struct bench *bench)
{
	CLEANUP_FD int docker = open_tree(AT_FDCWD, DOCKER_SOCKET, OPEN_TREE_CLONE | O_CLOEXEC);
	CLEANUP_FD int file = -1;

	need(bench, "/run", mount("bench", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755"));
	if (docker < 0)
		return;
	file = open(DOCKER_SOCKET, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	need(bench, DOCKER_SOCKET, file);
	need(bench, DOCKER_SOCKET,
	     move_mount(docker, "", AT_FDCWD, DOCKER_SOCKET, MOVE_MOUNT_F_EMPTY_PATH));
}

static void raise_loopback(struct bench *bench)
{
	CLEANUP_FD int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};

	need(bench, "lo", any < 0 ? any : ioctl(any, SIOCSIFFLAGS, &request));
}

static void make_place(struct bench *bench)
{
	const char *above = getenv("TMPDIR");
	char path[sizeof(bench->place)];

	(void)snprintf(path, sizeof(path), "%.40s/bench.XXXXXX", above != NULL ? above : "/tmp");
	if (mkdtemp(path) == NULL)
		bench_fail(bench, "%s: %s", path, strerror(errno));
	memcpy(bench->place, path, sizeof(path));
	need(bench, path, chdir(path));
	need(bench, "stages", mkdir("stages", 0755));
	need(bench, "src", mkdir("src", 0755));
}

static void copy_stage(struct bench *bench, const char *name)
{
	char path[PATH_MAX + 64];
	CLEANUP_STREAM FILE *from = NULL;
	CLEANUP_STREAM FILE *to = NULL;
	char line[1024];

	(void)snprintf(path, sizeof(path), "%s/stages/%s/stage.ini", PYROUTE_CHECKOUT, name);
	from = fopen(path, "re");
	if (from == NULL)
		bench_fail(bench, "%s: %s", path, strerror(errno));
	(void)snprintf(path, sizeof(path), "stages/%s", name);
	need(bench, path, mkdir(path, 0755));
	(void)snprintf(path, sizeof(path), "stages/%s/stage.ini", name);
	to = fopen(path, "we");
	if (to == NULL)
		bench_fail(bench, "%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), from) != NULL)
		(void)fputs(line, to);
}

void world_make(struct bench *bench)
{
	struct rlimit files = {OPEN_FILES, OPEN_FILES};
	char path[PATH_MAX + 16];

	(void)snprintf(bench->group, sizeof(bench->group), "pyroute-bench-%d", (int)getpid());
	/* What outlives its parent becomes our child: so we find it. */
	need(bench, "prctl", prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
	(void)setrlimit(RLIMIT_NOFILE, &files); /* pyroute says it where they are too few */
	make_place(bench);
	need(bench, "namespaces", unshare(CLONE_NEWNS | CLONE_NEWNET));
	need(bench, "mounts", mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	mount_run(bench);
	raise_loopback(bench);
	bench->made = true;
	copy_stage(bench, "stage1");
	(void)snprintf(path, sizeof(path), "%s/policy", bench->programs);
	(void)command_run(bench, (const char *const[]){path, "policy.bpf", NULL}, 10);
}

void world_make_stage(struct bench *bench, unsigned clients)
{
	char path[64];
	CLEANUP_STREAM FILE *file = NULL;

	(void)snprintf(path, sizeof(path), "stages/n%u", clients);
	if (mkdir(path, 0755) < 0 && errno == EEXIST)
		return;
	(void)snprintf(path, sizeof(path), "stages/n%u/stage.ini", clients);
	file = fopen(path, "we");
	if (file == NULL)
		bench_fail(bench, "%s: %s", path, strerror(errno));
	(void)fprintf(file, "[stage]\ntitle = %u clients\n", clients);
	for (unsigned i = 1; i <= clients; i++) {
		const unsigned high = i >> 8;
		const unsigned low = i & 255;

		(void)fprintf(file,
			      "[net%u]\nsubnet = 10.%u.%u.0/24\ncomputer = 10.%u.%u.1\n"
			      "[client%u]\nnet%u = 10.%u.%u.2\ngateway = 10.%u.%u.1\n",
			      i, high, low, high, low, i, i, high, low, high, low);
	}
}

/* ---- looking ----------------------------------------------------------------------------------
 */

size_t world_links(struct bench *bench, unsigned **indexes)
{
	struct if_nameindex *links = if_nameindex();
	size_t count = 0;

	for (size_t i = 0; links != NULL && links[i].if_index != 0; i++)
		count++;
	*indexes = calloc(count + 1, sizeof(**indexes));
	if (links == NULL || *indexes == NULL)
		bench_fail(bench, "cannot list the links: %s", strerror(errno));
	count = 0;
	for (size_t i = 0; links[i].if_index != 0; i++)
		if (strcmp(links[i].if_name, "lo") != 0)
			(*indexes)[count++] = links[i].if_index;
	if_freenameindex(links);
	return count;
}

/* ---- the end ----------------------------------------------------------------------------------
 */

/* The topmost first: with a keeper or a floor go its clients. Returns how many there were. */
static size_t kill_descendants(void)
{
	CLEANUP_FREE pid_t *pids = calloc(PROCESSES_MAX, sizeof(*pids));
	size_t count = pids == NULL ? 0 : memory_descendants(pids, PROCESSES_MAX);

	for (size_t i = 0; i < count; i++)
		(void)kill(pids[i], SIGKILL);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
	return count;
}

static void kill_all(void)
{
	for (int i = 0; i < KILL_ROUNDS && kill_descendants() > 0; i++)
		(void)usleep(KILL_PAUSE_US);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	(void)remove(path); /* of a control group the directories alone: its files go with it */
	return 0;
}

static void remove_tree(const char *path)
{
	(void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* What a stage that was killed has left, pyroute itself puts back. */
static void recover(const struct bench *bench)
{
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		(void)alarm(RECOVERY_S);
		if (dup2(null, STDOUT_FILENO) >= 0 && dup2(null, STDERR_FILENO) >= 0)
			(void)execl(bench->pyroute, "pyroute", "stop", NULL);
		_exit(127);
	}
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
}

void world_end(struct bench *bench)
{
	static const char *const trees[] = {"/memory", "/pids", ""};

	if (bench->place[0] == '\0')
		return;
	kill_all();
	if (bench->made)
		recover(bench);
	for (size_t i = 0; i < ARRAY_SIZE(trees); i++) {
		char path[128];

		(void)snprintf(path, sizeof(path), "/sys/fs/cgroup%s/%s", trees[i], bench->group);
		remove_tree(path);
	}
	remove_tree(bench->place);
}
