/* The system calls of what runs in a client, by theme: moby's default list without the calls that
 * it ties to CAP_SYS_ADMIN and the other capabilities that a client lacks, without io_uring, and
 * without what only 32-bit architectures have. A call that is in no table here is refused. Names
 * of one architecture alone are skipped on the other. Included by filter.c only. */
#ifndef PYROUTE_FILTER_CALLS_H
#define PYROUTE_FILTER_CALLS_H

/* clang-format off */

/* Allowed whatever their arguments; but see else_tests in filter.c on ioctl, socket, socketpair. */
static const char *const allowed_calls[] = {
	/* paths */
	"access", "faccessat", "faccessat2", "chdir", "fchdir", "chroot", "getcwd", "chown",
	"fchown", "fchownat", "lchown", "link", "linkat", "symlink", "symlinkat", "readlink",
	"readlinkat", "mkdir", "mkdirat", "rmdir", "rename", "renameat", "renameat2", "unlink",
	"unlinkat", "truncate", "ftruncate", "umask", "stat", "lstat", "fstat", "newfstatat",
	"statx", "statfs", "fstatfs", "utime", "utimes", "futimesat", "utimensat", "getdents",
	"getdents64", "getxattr", "lgetxattr", "fgetxattr", "listxattr", "llistxattr",
	"flistxattr", "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr",
	"fremovexattr", "inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch",

	/* descriptors and their bytes */
	"close", "close_range", "dup", "dup2", "dup3", "fcntl", "flock", "ioctl", "lseek", "pipe",
	"pipe2", "read", "readv", "pread64", "preadv", "preadv2", "readahead", "write", "writev",
	"pwrite64", "pwritev", "pwritev2", "copy_file_range", "sendfile", "splice", "tee",
	"vmsplice", "fadvise64", "fallocate", "fsync", "fdatasync", "sync", "syncfs",
	"sync_file_range", "io_setup", "io_submit", "io_getevents", "io_pgetevents", "io_cancel",
	"io_destroy",

	/* waiting */
	"poll", "ppoll", "select", "pselect6", "epoll_create", "epoll_create1", "epoll_ctl",
	"epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd", "eventfd2",

	/* memory */
	"brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "mincore", "msync", "mlock",
	"mlock2", "mlockall", "munlock", "munlockall", "membarrier", "memfd_create",
	"memfd_secret", "remap_file_pages",

	/* processes and threads */
	"fork", "vfork", "execve", "execveat", "exit", "exit_group", "wait4", "waitid", "futex",
	"get_robust_list", "set_robust_list", "set_tid_address", "rseq", "restart_syscall",
	"getpid", "getppid", "gettid", "getpgid", "getpgrp", "setpgid", "getsid", "setsid",
	"pidfd_open", "pidfd_send_signal", "prctl", "arch_prctl", "modify_ldt",
	"get_thread_area", "set_thread_area", "seccomp", "landlock_create_ruleset",
	"landlock_add_rule", "landlock_restrict_self",

	/* debuggers: a tracer passes no filter of its tracee's since Linux 4.8 */
	"ptrace", "process_vm_readv", "process_vm_writev",

	/* ids and capabilities */
	"getuid", "geteuid", "getresuid", "setuid", "setreuid", "setresuid", "setfsuid", "getgid",
	"getegid", "getresgid", "setgid", "setregid", "setresgid", "setfsgid", "getgroups",
	"setgroups", "capget", "capset",

	/* signals */
	"kill", "tkill", "tgkill", "pause", "rt_sigaction", "rt_sigpending", "rt_sigprocmask",
	"rt_sigqueueinfo", "rt_tgsigqueueinfo", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait",
	"sigaltstack", "signalfd", "signalfd4",

	/* time; setting the clock wants CAP_SYS_TIME */
	"time", "times", "gettimeofday", "clock_gettime", "clock_getres", "clock_nanosleep",
	"nanosleep", "adjtimex", "clock_adjtime", "alarm", "getitimer", "setitimer",
	"timer_create", "timer_delete", "timer_getoverrun", "timer_gettime", "timer_settime",
	"timerfd_create", "timerfd_gettime", "timerfd_settime",

	/* sockets */
	"socket", "socketpair", "bind", "listen", "accept", "accept4", "connect", "shutdown",
	"getsockname", "getpeername", "getsockopt", "setsockopt", "sendto", "sendmsg", "sendmmsg",
	"recvfrom", "recvmsg", "recvmmsg",

	/* System V and POSIX messages, semaphores, shared memory */
	"msgctl", "msgget", "msgrcv", "msgsnd", "semctl", "semget", "semop", "semtimedop", "shmat",
	"shmctl", "shmdt", "shmget", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive",
	"mq_timedsend", "mq_unlink",

	/* scheduling and limits */
	"getcpu", "getpriority", "setpriority", "ioprio_get", "ioprio_set", "sched_getaffinity",
	"sched_setaffinity", "sched_getattr", "sched_setattr", "sched_getparam", "sched_setparam",
	"sched_getscheduler", "sched_setscheduler", "sched_get_priority_max",
	"sched_get_priority_min", "sched_rr_get_interval", "sched_yield", "getrlimit", "setrlimit",
	"prlimit64", "getrusage",

	/* the system */
	"uname", "sysinfo", "getrandom",
};

/* Allowed too, but newer than the oldest libseccomp that we build with, 2.5.3 of Ubuntu 22.04:
 * by number, which from 424 on is the same on every architecture. */
#define CALL_FCHMODAT2 452
#define CALL_NEWEST    466 /* removexattrat; above it no table says anything */
static const int allowed_newer_calls[] = {
	448, /* process_mrelease */
	449, /* futex_waitv */
	451, /* cachestat */
	453, /* map_shadow_stack */
	454, /* futex_wake */
	455, /* futex_wait */
	456, /* futex_requeue */
	462, /* mseal */
	463, /* setxattrat */
	464, /* getxattrat */
	465, /* listxattrat */
	CALL_NEWEST, /* removexattrat */
};

/* Answered with ENOSYS, so that the C library falls back on the older call, whose arguments a
 * filter can see: those of these two lie in memory. */
static const char *const missing_calls[] = {"clone3", "openat2"};

/* A call that is allowed where (argument & mask) == value; one line a case, any of them will do.
 * Every value here is 32 bits wide in the kernel, so no mask is wider. */
struct conditional_call {
	const char *name; /* NULL: by number */
	int number;
	unsigned argument; /* from 0 */
	unsigned mask;
	unsigned value;
};

#define CALL_SET_ID  (unsigned)(S_ISUID | S_ISGID)
#define CALL_MODE    (unsigned)(S_IFMT | S_ISUID | S_ISGID)
#define CALL_CREATES (unsigned)(O_CREAT | (O_TMPFILE & ~O_DIRECTORY))
#define CALL_NEW_NAMESPACE                                                                         \
	(unsigned)(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |      \
		   CLONE_NEWNET | CLONE_NEWCGROUP)
#define CALL_WHOLE 0xffffffffU

static const struct conditional_call conditional_calls[] = {
	/* No set-uid, no set-gid bit: without a user namespace's shift, such a file in src/ would
	 * be one on the host (runtime/README.md, "What a client may do"). */
	{"chmod", 0, 1, CALL_SET_ID, 0},
	{"fchmod", 0, 1, CALL_SET_ID, 0},
	{"fchmodat", 0, 2, CALL_SET_ID, 0},
	{NULL, CALL_FCHMODAT2, 2, CALL_SET_ID, 0},
	{"creat", 0, 1, CALL_SET_ID, 0},

	/* The mode of open(2) is read where it may make a file; elsewhere it may be anything. */
	{"open", 0, 1, CALL_CREATES, 0},
	{"open", 0, 2, CALL_SET_ID, 0},
	{"openat", 0, 2, CALL_CREATES, 0},
	{"openat", 0, 3, CALL_SET_ID, 0},

	/* mknod(2): FIFOs, sockets and regular files (a type of 0 is one too), no devices. */
	{"mknod", 0, 1, CALL_MODE, 0},
	{"mknod", 0, 1, CALL_MODE, S_IFREG},
	{"mknod", 0, 1, CALL_MODE, S_IFIFO},
	{"mknod", 0, 1, CALL_MODE, S_IFSOCK},
	{"mknodat", 0, 2, CALL_MODE, 0},
	{"mknodat", 0, 2, CALL_MODE, S_IFREG},
	{"mknodat", 0, 2, CALL_MODE, S_IFIFO},
	{"mknodat", 0, 2, CALL_MODE, S_IFSOCK},

	/* Threads and processes, no nested namespaces: in a user namespace of its own a process
	 * has all capabilities again, and with them most of the kernel's code in reach. */
	{"clone", 0, 0, CALL_NEW_NAMESPACE, 0},

	/* Plain Linux, the 32-bit machine name, the 2.6 release number, both, and the question
	 * which it is. Not ADDR_NO_RANDOMIZE, READ_IMPLIES_EXEC, MMAP_PAGE_ZERO. */
	{"personality", 0, 0, CALL_WHOLE, PER_LINUX},
	{"personality", 0, 0, CALL_WHOLE, PER_LINUX32},
	{"personality", 0, 0, CALL_WHOLE, UNAME26},
	{"personality", 0, 0, CALL_WHOLE, PER_LINUX32 | UNAME26},
	{"personality", 0, 0, CALL_WHOLE, 0xffffffffU},
};
/* clang-format on */

#endif
