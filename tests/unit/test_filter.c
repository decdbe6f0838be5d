/* The policy, tried on the running kernel: each probe is a raw system call in a child, once as it
 * is (the control: it is not the kernel that refuses) and once under the filter. Needs root. */
#include "child.h"
#include "filter.h"

#include <asm/ioctls.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define HIGH_BIT       (1UL << 32) /* what the kernel does not see of a 32-bit argument */
#define BAD	       1UL	   /* a pointer to nothing */
#define NONE	       ~0UL	   /* no fd, no flag, no number */
#define HERE	       ((unsigned long)AT_FDCWD)
#define TEXT(string)   ((unsigned long)(string))
#define CALL_FCHMODAT2 452

/* A system call, and what it returns: an errno value, 0 for success. */
struct probe {
	const char *name;
	long number;
	int without; /* without a filter; NOT_REFUSED: anything but EPERM */
	int with;
	unsigned long arguments[6];
};
#define NOT_REFUSED (-1)

/* clang-format off */
#define PROBE(call, without, with, ...) {#call, SYS_##call, without, with, {__VA_ARGS__}}
/* clang-format on */

struct world {
	struct filter filter;
	char directory[32]; /* the working directory of every test */
};

/* Lives as long as the program; cmocka hands it from test to test. */
static int make_world(void **state)
{
	struct error error = {0};
	struct world *world = calloc(1, sizeof(*world));
	CLEANUP_FD int fd = filter_file(false, &error);

	if (geteuid() != 0 || !world || fd < 0 || filter_read(fd, &world->filter, &error) < 0) {
		(void)fprintf(stderr, "test_filter: needs root and seccomp %s\n", error.text);
		free(world);
		return -1;
	}
	*state = world;
	strcpy(world->directory, "/tmp/test_filter.XXXXXX");
	return mkdtemp(world->directory) && chdir(world->directory) == 0 ? 0 : -1;
}

static int remove_world(void **state)
{
	struct world *world = *state;
	int result = rmdir(world->directory);

	filter_clear(&world->filter);
	free(world);
	return result;
}

/* ---- children ------------------------------------------------------------------------------ */

/* Runs BODY, which returns an errno value or 0, in a child under FILTER, unless that is NULL.
 * Returns the same, or KILLED_BY(signal). */
static int run_child(const struct filter *filter, int (*body)(const void *argument),
		     const void *argument)
{
	struct error error;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return child_wait(pid);
	(void)signal(SIGSEGV, SIG_DFL); /* else cmocka goes on with the tests in the child */
	if (filter && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || filter_load(filter, &error)))
		_exit(255);
	_exit(body(argument));
}

static int call(const void *argument)
{
	const struct probe *probe = argument;
	const unsigned long *a = probe->arguments;

	return syscall(probe->number, a[0], a[1], a[2], a[3], a[4], a[5]) < 0 ? errno : 0;
}

static void expect(const struct probe *probe, const struct filter *filter, int expected)
{
	const unsigned long *a = probe->arguments;
	int result = run_child(filter, call, probe);

	if (expected == NOT_REFUSED ? result == EPERM : result != expected)
		fail_msg("%s(%#lx, %#lx, %#lx, %#lx) %s the filter: %s (%d) instead of %d",
			 probe->name, a[0], a[1], a[2], a[3], filter ? "under" : "without",
			 strerror(result), result, expected);
}

static void expect_all(void **state, const struct probe *probes, size_t count)
{
	const struct world *world = *state;

	for (size_t i = 0; i < count; i++) {
		expect(&probes[i], NULL, probes[i].without);
		expect(&probes[i], &world->filter, probes[i].with);
	}
}

/* ---- which calls --------------------------------------------------------------------------- */

#define USELESS(call, ...) PROBE(call, NOT_REFUSED, EPERM, __VA_ARGS__)

static void calls_that_a_client_has_no_use_for_are_refused(void **state)
{
	/* The kernel refuses all arguments here too, for another reason than a lack of rights. */
	/* clang-format off */
	static const struct probe probes[] = {
		USELESS(acct, BAD),
		USELESS(add_key, BAD), USELESS(request_key, BAD), USELESS(keyctl, NONE),
		USELESS(bpf, NONE), USELESS(perf_event_open, BAD), USELESS(userfaultfd, NONE),
		USELESS(delete_module, BAD), USELESS(init_module, BAD), USELESS(finit_module, NONE),
		USELESS(fanotify_init, NONE), USELESS(quotactl, NONE, BAD), USELESS(swapon, BAD),
		USELESS(io_uring_setup, 0, BAD), USELESS(io_uring_enter, NONE),
		USELESS(io_uring_register, NONE),
		USELESS(kcmp, NONE, NONE), USELESS(pidfd_getfd, NONE, NONE),
		USELESS(process_madvise, NONE), USELESS(move_pages, NONE),
		USELESS(mbind, BAD, 1, NONE), USELESS(set_mempolicy, NONE),
		USELESS(mount, BAD, BAD), USELESS(umount2, BAD), USELESS(pivot_root, BAD, BAD),
		USELESS(fsopen, BAD), USELESS(fsmount, NONE), USELESS(open_tree, NONE, BAD),
		USELESS(move_mount, NONE, BAD, NONE, BAD), USELESS(mount_setattr, NONE, BAD),
		USELESS(name_to_handle_at, NONE, BAD), USELESS(open_by_handle_at, NONE, BAD),
		USELESS(reboot, 0), USELESS(syslog, NONE),
		USELESS(sethostname, BAD, NONE), USELESS(setdomainname, BAD, NONE),
		USELESS(setns, NONE), USELESS(unshare, 0),
		USELESS(settimeofday, BAD), USELESS(clock_settime, NONE, BAD),
#ifdef __x86_64__
		USELESS(ioperm, NONE, 1, 1), USELESS(iopl, NONE),
#endif
	};
	/* clang-format on */

	expect_all(state, probes, ARRAY_SIZE(probes));
}

static void calls_whose_arguments_lie_in_memory_are_missing(void **state)
{
	static const struct probe probes[] = {
		PROBE(clone3, EINVAL, ENOSYS, 0, 0),
		PROBE(openat2, EINVAL, ENOSYS, NONE, 0, 0, 0),
	};

	expect_all(state, probes, ARRAY_SIZE(probes));
}

static void calls_newer_than_the_policy_are_missing(void **state)
{
	static const struct probe probes[] = {
		{"call 467", 467, NOT_REFUSED, ENOSYS, {NONE}},
		{"call 511", 511, ENOSYS, ENOSYS, {0}},
		{"call 100000", 100000, ENOSYS, ENOSYS, {0}},
	};

	expect_all(state, probes, ARRAY_SIZE(probes));
}

static void calls_newer_than_the_library_work(void **state)
{
	/* With flags that no kernel knows: EINVAL, or ENOSYS before Linux 6.7. */
	static const struct probe probe = {"futex_wake", 454, 0, 0, {0, 0, 0, NONE}};
	const struct world *world = *state;

	expect(&probe, &world->filter, run_child(NULL, call, &probe));
}

static void keys_of_memory_work(void **state)
{
	static const struct probe probe = PROBE(pkey_free, EINVAL, EINVAL, NONE);

	expect_all(state, &probe, 1);
}

/* ---- modes --------------------------------------------------------------------------------- */

/* A call with the mode as its argument number INDEX, on a file "f" that is there before, or, if
 * the call itself makes one, is not. */
struct mode_probe {
	struct probe probe;
	unsigned index;
	bool makes;
};

/* clang-format off */
#define MODE(call, index, makes, ...) {PROBE(call, 0, 0, __VA_ARGS__), index, makes}
/* clang-format on */

static int try_mode(const struct mode_probe *mode_probe, unsigned long mode,
		    const struct filter *filter)
{
	struct probe probe = mode_probe->probe;
	int result;

	if (!mode_probe->makes)
		assert_int_equal(mknod("f", S_IFREG | 0644, 0), 0);
	probe.arguments[mode_probe->index] = mode;
	result = run_child(filter, call, &probe);
	(void)unlink("f");
	return result;
}

static void expect_modes(const struct mode_probe *probe, const struct filter *filter)
{
	static const unsigned long set_id[] = {04755, 02755, 06755, HIGH_BIT | 04755};
	int plain = try_mode(probe, 01755, NULL);

	/* fchmodat2 came with Linux 6.6. */
	if (plain != 0 && !(plain == ENOSYS && probe->probe.number == CALL_FCHMODAT2))
		fail_msg("%s fails without a filter: %s", probe->probe.name, strerror(plain));
	assert_int_equal(try_mode(probe, 01755, filter), plain);
	assert_int_equal(try_mode(probe, HIGH_BIT | 0755, filter), plain);
	for (size_t i = 0; i < ARRAY_SIZE(set_id); i++) {
		assert_int_equal(try_mode(probe, set_id[i], NULL), plain);
		if (try_mode(probe, set_id[i], filter) != EPERM)
			fail_msg("%s sets mode %#lo", probe->probe.name, set_id[i]);
	}
}

static void no_call_sets_a_set_uid_or_set_gid_bit(void **state)
{
	const struct world *world = *state;
	CLEANUP_FD int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct mode_probe probes[] = {
		MODE(fchmod, 1, true, (unsigned long)fd),
		MODE(fchmodat, 2, false, HERE, TEXT("f")),
		{{"fchmodat2", CALL_FCHMODAT2, 0, 0, {HERE, TEXT("f")}}, 2, false},
		MODE(openat, 3, true, HERE, TEXT("f"), O_CREAT | O_WRONLY),
		MODE(openat, 3, true, HERE, TEXT("."), O_TMPFILE | O_WRONLY),
		MODE(mknodat, 2, true, HERE, TEXT("f")),
#ifdef __x86_64__
		MODE(chmod, 1, false, TEXT("f")),
		MODE(creat, 1, true, TEXT("f")),
		MODE(open, 2, true, TEXT("f"), O_CREAT | O_WRONLY),
		MODE(open, 2, true, TEXT("."), O_TMPFILE | O_WRONLY),
		MODE(mknod, 1, true, TEXT("f")),
#endif
	};

	for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
		expect_modes(&probes[i], &world->filter);
}

static void an_open_that_makes_no_file_may_have_any_mode(void **state)
{
	const struct probe probes[] = {
		PROBE(openat, 0, 0, HERE, TEXT("/dev/null"), O_RDONLY, 07777),
#ifdef __x86_64__
		PROBE(open, 0, 0, TEXT("/dev/null"), O_RDONLY, 07777),
#endif
	};

	expect_all(state, probes, ARRAY_SIZE(probes));
}

static void mknod_makes_fifos_sockets_and_files_but_no_devices(void **state)
{
	static const struct {
		unsigned long type;
		int expected;
	} types[] = {
		{S_IFREG, 0},	  {S_IFIFO, 0},	    {S_IFSOCK, 0},
		{S_IFCHR, EPERM}, {S_IFBLK, EPERM}, {HIGH_BIT | S_IFCHR, EPERM},
	};
	const struct world *world = *state;
	const struct mode_probe probes[] = {
		MODE(mknodat, 2, true, HERE, TEXT("f")),
#ifdef __x86_64__
		MODE(mknod, 1, true, TEXT("f")),
#endif
	};

	for (size_t i = 0; i < ARRAY_SIZE(probes) * ARRAY_SIZE(types); i++) {
		const struct mode_probe *probe = &probes[i / ARRAY_SIZE(types)];
		unsigned long mode = types[i % ARRAY_SIZE(types)].type | 0600;

		assert_int_equal(try_mode(probe, mode, NULL), 0);
		assert_int_equal(try_mode(probe, mode, &world->filter),
				 types[i % ARRAY_SIZE(types)].expected);
	}
}

/* ---- sockets and terminals ----------------------------------------------------------------- */

static void sockets_of_other_families_do_not_exist(void **state)
{
	/* The kernel looks at the type before the family: with a type that is none it says EINVAL
	 * for every family, those that this kernel lacks too. */
	for (unsigned long family = 0; family < AF_MAX; family++) {
		bool ours = family == AF_UNIX || family == AF_INET || family == AF_INET6 ||
			    family == AF_NETLINK || family == AF_PACKET;
		int with = ours ? EINVAL : EAFNOSUPPORT;
		const struct probe probes[] = {
			PROBE(socket, EINVAL, with, family, 15),
			PROBE(socket, EINVAL, with, HIGH_BIT | family, 15),
			PROBE(socketpair, NOT_REFUSED, ours ? NOT_REFUSED : with, family, 15),
		};

		expect_all(state, probes, ARRAY_SIZE(probes));
	}
}

static void a_client_opens_the_sockets_of_the_exercise(void **state)
{
	static const struct probe probes[] = {
		PROBE(socket, 0, 0, AF_UNIX, SOCK_STREAM),
		PROBE(socket, 0, 0, AF_INET, SOCK_DGRAM),
		PROBE(socket, 0, 0, AF_INET, SOCK_RAW, 1),
		PROBE(socket, 0, 0, AF_PACKET, SOCK_RAW),
		PROBE(socket, 0, 0, AF_NETLINK, SOCK_RAW, 0),
	};

	expect_all(state, probes, ARRAY_SIZE(probes));
}

static void nobody_types_into_a_terminal_that_is_not_theirs(void **state)
{
	static const struct probe probes[] = {
		PROBE(ioctl, EBADF, EPERM, NONE, TIOCSTI),
		PROBE(ioctl, EBADF, EPERM, NONE, TIOCLINUX),
		PROBE(ioctl, EBADF, EPERM, NONE, HIGH_BIT | TIOCSTI),
		PROBE(ioctl, EBADF, EPERM, NONE, 0xffffffff00000000UL | TIOCLINUX),
	};

	expect_all(state, probes, ARRAY_SIZE(probes));
}

static void other_terminal_requests_work(void **state)
{
	static const struct probe probes[] = {
		PROBE(ioctl, EBADF, EBADF, NONE, TIOCSTI - 1),
		PROBE(ioctl, EBADF, EBADF, NONE, TIOCGWINSZ),
		PROBE(ioctl, EBADF, EBADF, NONE, TIOCLINUX + 1),
	};

	expect_all(state, probes, ARRAY_SIZE(probes));
}

/* ---- namespaces, personality, architecture ------------------------------------------------- */

static void no_namespaces_are_made_or_entered(void **state)
{
	static const unsigned long flags[] = {
		CLONE_NEWNS,  CLONE_NEWUTS, CLONE_NEWIPC,    CLONE_NEWUSER,
		CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP,
	};
	CLEANUP_FD int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	const struct probe enter = PROBE(setns, 0, EPERM, (unsigned long)own, CLONE_NEWNET);

	expect_all(state, &enter, 1);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		const struct probe probes[] = {
			PROBE(clone, 0, EPERM, flags[i] | SIGCHLD, 0, 0, 0, 0),
			PROBE(unshare, 0, EPERM, flags[i]),
		};

		expect_all(state, probes, ARRAY_SIZE(probes));
	}
}

static void *do_nothing(void *argument)
{
	return argument;
}

static int make_thread(const void *argument)
{
	pthread_t thread;
	int result = pthread_create(&thread, NULL, do_nothing, NULL);

	(void)argument;
	return result == 0 ? pthread_join(thread, NULL) : result;
}

static void threads_are_made(void **state)
{
	const struct world *world = *state;

	assert_int_equal(run_child(&world->filter, make_thread, NULL), 0);
}

static void personalities_are_those_of_ordinary_programs(void **state)
{
	static const struct probe probes[] = {
		PROBE(personality, 0, 0, PER_LINUX),
		PROBE(personality, 0, 0, PER_LINUX32),
		PROBE(personality, 0, 0, UNAME26),
		PROBE(personality, 0, 0, PER_LINUX32 | UNAME26),
		PROBE(personality, 0, 0, 0xffffffffUL),
		PROBE(personality, 0, 0, NONE),
		PROBE(personality, 0, EPERM, ADDR_NO_RANDOMIZE),
		PROBE(personality, 0, EPERM, READ_IMPLIES_EXEC),
		PROBE(personality, 0, EPERM, HIGH_BIT | MMAP_PAGE_ZERO),
	};

	expect_all(state, probes, ARRAY_SIZE(probes));
}

#ifdef __x86_64__
static int call_by_the_32_bit_gate(const void *argument)
{
	int result = 20; /* getpid of i386 */

	(void)argument;
	__asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
	return result == getpid() ? 0 : 1;
}

static void calls_of_another_architecture_kill(void **state)
{
	static const struct probe x32 = {
		"x32 getpid", 0x40000000L | SYS_getpid, NOT_REFUSED, KILLED_BY(SIGSYS), {0}};
	const struct world *world = *state;
	int without = run_child(NULL, call_by_the_32_bit_gate, NULL);

	/* A kernel built or started without 32-bit emulation has no such gate. */
	assert_true(without == 0 || without == KILLED_BY(SIGSEGV));
	if (without == 0)
		assert_int_equal(run_child(&world->filter, call_by_the_32_bit_gate, NULL),
				 KILLED_BY(SIGSYS));
	expect_all(state, &x32, 1);
}
#endif

/* ---- what must work ------------------------------------------------------------------------ */

static int run_shell(const void *argument)
{
	(void)execl("/bin/sh", "sh", "-c", argument, (char *)NULL);
	return errno;
}

static void ordinary_programs_run(void **state)
{
	const struct world *world = *state;

	assert_int_equal(
		run_child(&world->filter, run_shell,
			  "set -e; cp /bin/true x; chmod 755 x; ./x; mkdir -p d/e; mkfifo p;"
			  "ls -l | sort | grep -q rwxr-xr-x; rm -r d x p; sleep 0.01"),
		0);
}

static void debuggers_work(void **state)
{
	static const struct probe probe = PROBE(ptrace, 0, 0, PTRACE_TRACEME);

	expect_all(state, &probe, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_that_a_client_has_no_use_for_are_refused),
		cmocka_unit_test(calls_whose_arguments_lie_in_memory_are_missing),
		cmocka_unit_test(calls_newer_than_the_policy_are_missing),
		cmocka_unit_test(calls_newer_than_the_library_work),
		cmocka_unit_test(keys_of_memory_work),
		cmocka_unit_test(no_call_sets_a_set_uid_or_set_gid_bit),
		cmocka_unit_test(an_open_that_makes_no_file_may_have_any_mode),
		cmocka_unit_test(mknod_makes_fifos_sockets_and_files_but_no_devices),
		cmocka_unit_test(sockets_of_other_families_do_not_exist),
		cmocka_unit_test(a_client_opens_the_sockets_of_the_exercise),
		cmocka_unit_test(nobody_types_into_a_terminal_that_is_not_theirs),
		cmocka_unit_test(other_terminal_requests_work),
		cmocka_unit_test(no_namespaces_are_made_or_entered),
		cmocka_unit_test(threads_are_made),
		cmocka_unit_test(personalities_are_those_of_ordinary_programs),
#ifdef __x86_64__
		cmocka_unit_test(calls_of_another_architecture_kill),
#endif
		cmocka_unit_test(ordinary_programs_run),
		cmocka_unit_test(debuggers_work),
	};

	return cmocka_run_group_tests_name("filter", tests, make_world, remove_world);
}
