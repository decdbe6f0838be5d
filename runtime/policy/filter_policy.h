/* What the system calls of a client may do: one table, by theme. filter.c makes the seccomp program
 * of it, every instruction, and tests/probes/calls.c asks for every call in a client whether the
 * answer is what stands here.
 *
 * A row is a call, or several with one rule, and says one of these:
 *
 *	ALLOW(calls)			whatever the arguments
 *	ALLOW_IF(calls, answer, ...)	where one of the conditions holds
 *	ALLOW_UNLESS(calls, answer, ...) where none of them holds
 *	REFUSE(calls, answer)		never
 *	FEIGN(calls)			where the user namespace denies setgroups(2) the call is not
 *					made, and succeeds; elsewhere it is allowed
 *
 * The answer is the error that a refused call returns. A condition {argument, mask, value} holds
 * where (argument & mask) == value; arguments count from 0. All that is compared here is 32 bits
 * wide in the kernel, and so is every mask: a comparison of 64 bits lets TIOCSTI | 1 << 32 through
 * (CVE-2019-10063). A call in no row is refused with EPERM; one newer than POLICY_NEWEST is
 * answered ENOSYS, so that programs fall back on an older one; one made by another architecture's
 * gate (int 0x80, x32) kills its process, since nothing built for this system does that.
 *
 * NAME=NUMBER where the oldest libseccomp that we build with (2.5.3, of Ubuntu 22.04) does not know
 * the name; from 424 on a number is the same on every architecture. Names of one architecture alone
 * are passed over on the others.
 *
 * moby's default profile (profiles/seccomp/default.json) allows the same without any capability
 * added, and some more. Narrower here are openat2, the set-id bits, device nodes, the families of
 * sockets, TIOCSTI and TIOCLINUX; refused are fanotify_mark, name_to_handle_at, epoll_ctl_old,
 * epoll_wait_old and uretprobe. Added is chroot, which that profile ties to CAP_SYS_CHROOT. */
#ifndef PYROUTE_FILTER_POLICY_H
#define PYROUTE_FILTER_POLICY_H

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define POLICY_CONDITIONS 5	      /* of a row, at most */
#define POLICY_NEWEST	  466	      /* removexattrat of Linux 6.13 */
#define POLICY_WHOLE	  0xffffffffU /* the mask for all of an argument */

enum policy_rule {
	POLICY_ALLOW,
	POLICY_ALLOW_IF,
	POLICY_ALLOW_UNLESS,
	POLICY_REFUSE,
	POLICY_FEIGN
};

struct policy_condition {
	unsigned argument;
	unsigned mask; /* 0: there is no such condition, and none behind it */
	unsigned value;
};

struct policy_row {
	const char *calls; /* with blanks between */
	enum policy_rule rule;
	int answer; /* an errno value; 0 where nothing is refused */
	struct policy_condition conditions[POLICY_CONDITIONS];
};

#define ALLOW(calls)                                                                               \
	{                                                                                          \
		calls, POLICY_ALLOW, 0,                                                            \
		{                                                                                  \
			{                                                                          \
				0, 0, 0                                                            \
			}                                                                          \
		}                                                                                  \
	}
#define ALLOW_IF(calls, answer, ...)                                                               \
	{                                                                                          \
		calls, POLICY_ALLOW_IF, answer,                                                    \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define ALLOW_UNLESS(calls, answer, ...)                                                           \
	{                                                                                          \
		calls, POLICY_ALLOW_UNLESS, answer,                                                \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define REFUSE(calls, answer)                                                                      \
	{                                                                                          \
		calls, POLICY_REFUSE, answer,                                                      \
		{                                                                                  \
			{                                                                          \
				0, 0, 0                                                            \
			}                                                                          \
		}                                                                                  \
	}
#define FEIGN(calls)                                                                               \
	{                                                                                          \
		calls, POLICY_FEIGN, 0,                                                            \
		{                                                                                  \
			{                                                                          \
				0, 0, 0                                                            \
			}                                                                          \
		}                                                                                  \
	}

#define SET_ID	(unsigned)(S_ISUID | S_ISGID)
#define TYPE	(unsigned)(S_IFMT | S_ISUID | S_ISGID) /* of a new file, and no set-id bit */
#define CREATES (unsigned)(O_CREAT | (O_TMPFILE & ~O_DIRECTORY))
#define NEW_NAMESPACE                                                                              \
	(unsigned)(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |      \
		   CLONE_NEWNET | CLONE_NEWCGROUP)

/* clang-format off */
static const struct policy_row policy[] = {

	/* ---- paths ------------------------------------------------------------------------- */

	ALLOW("access faccessat faccessat2 chdir fchdir chroot getcwd chown fchown fchownat lchown "
	      "link linkat symlink symlinkat readlink readlinkat mkdir mkdirat rmdir rename renameat "
	      "renameat2 unlink unlinkat truncate ftruncate umask stat lstat fstat newfstatat statx "
	      "statfs fstatfs utime utimes futimesat utimensat getdents getdents64"),
	ALLOW("getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr setxattr lsetxattr "
	      "fsetxattr removexattr lremovexattr fremovexattr "
	      "setxattrat=463 getxattrat=464 listxattrat=465 removexattrat=466"),
	ALLOW("inotify_init inotify_init1 inotify_add_watch inotify_rm_watch"),

	/* No set-uid, no set-gid bit: without a user namespace's shift, such a file in src/ would
	 * be one on the host (runtime/README.md, "What a client may do"). */
	ALLOW_IF("chmod fchmod creat",	    EPERM, {1, SET_ID, 0}),
	ALLOW_IF("fchmodat fchmodat2=452",  EPERM, {2, SET_ID, 0}),
	/* The mode of open(2) is read where it may make a file; elsewhere it may be anything. */
	ALLOW_IF("open",		    EPERM, {1, CREATES, 0}, {2, SET_ID, 0}),
	ALLOW_IF("openat",		    EPERM, {2, CREATES, 0}, {3, SET_ID, 0}),
	/* FIFOs, sockets and regular files (a type of 0 is one too), no devices. */
	ALLOW_IF("mknod",		    EPERM, {1, TYPE, 0}, {1, TYPE, S_IFREG},
						   {1, TYPE, S_IFIFO}, {1, TYPE, S_IFSOCK}),
	ALLOW_IF("mknodat",		    EPERM, {2, TYPE, 0}, {2, TYPE, S_IFREG},
						   {2, TYPE, S_IFIFO}, {2, TYPE, S_IFSOCK}),
	/* Its mode lies in memory, where a filter does not see it; the C library falls back. */
	REFUSE("openat2", ENOSYS),

	/* Files by a number, past every mount (the way out of a container of 2014, "shocker"). */
	REFUSE("open_by_handle_at name_to_handle_at", EPERM),
	/* Whoever marks a mount hears of all that is done on it. */
	REFUSE("fanotify_init fanotify_mark", EPERM),
	REFUSE("ustat sysfs lookup_dcookie", EPERM), /* old, and about the host's disks and kernel */

	/* ---- descriptors and their bytes ---------------------------------------------------- */

	ALLOW("close close_range dup dup2 dup3 fcntl flock lseek pipe pipe2 read readv pread64 preadv "
	      "preadv2 readahead write writev pwrite64 pwritev pwritev2 copy_file_range sendfile splice "
	      "tee vmsplice fadvise64 fallocate fsync fdatasync sync syncfs sync_file_range "
	      "cachestat=451"),
	ALLOW("io_setup io_submit io_getevents io_pgetevents io_cancel io_destroy"),
	/* Typing into a terminal's input, which is the caller's where it was inherited. */
	ALLOW_UNLESS("ioctl", EPERM, {1, POLICY_WHOLE, TIOCSTI}, {1, POLICY_WHOLE, TIOCLINUX}),
	/* It makes other calls, which a filter does not see. */
	REFUSE("io_uring_setup io_uring_enter io_uring_register", EPERM),

	/* ---- waiting ------------------------------------------------------------------------ */

	ALLOW("poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait "
	      "epoll_pwait2 eventfd eventfd2"),
	REFUSE("epoll_ctl_old epoll_wait_old", EPERM), /* no kernel has them */

	/* ---- memory ------------------------------------------------------------------------- */

	ALLOW("brk mmap munmap mremap mprotect madvise mincore msync mlock mlock2 mlockall munlock "
	      "munlockall membarrier memfd_create memfd_secret remap_file_pages "
	      "pkey_alloc pkey_free pkey_mprotect map_shadow_stack=453 mseal=462"),
	/* It stops the kernel in the middle of a copy for as long as one likes. */
	REFUSE("userfaultfd", EPERM),
	/* Of a computer with several nodes of memory, whose choice is not a client's. */
	REFUSE("mbind set_mempolicy get_mempolicy set_mempolicy_home_node=450 "
	       "migrate_pages move_pages", EPERM),

	/* ---- processes and threads ---------------------------------------------------------- */

	ALLOW("fork vfork execve execveat exit exit_group wait4 waitid futex futex_waitv=449 "
	      "futex_wake=454 futex_wait=455 futex_requeue=456 get_robust_list set_robust_list "
	      "set_tid_address rseq restart_syscall getpid getppid gettid getpgid getpgrp setpgid getsid "
	      "setsid pidfd_open pidfd_send_signal process_mrelease=448"),
	ALLOW("prctl arch_prctl modify_ldt get_thread_area set_thread_area"),
	ALLOW("seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self"),
	/* Debuggers: a tracer passes no filter of its tracee's since Linux 4.8. */
	ALLOW("ptrace process_vm_readv process_vm_writev"),
	/* No nested namespaces: in a user namespace of its own a process has all capabilities again,
	 * and with them most of the kernel's code in reach. clone3's flags lie in memory. */
	ALLOW_IF("clone", EPERM, {0, NEW_NAMESPACE, 0}),
	REFUSE("clone3", ENOSYS),
	REFUSE("unshare setns", EPERM),
	/* Plain Linux, the 32-bit machine name, the 2.6 release number, both, and the question
	 * which it is. Not ADDR_NO_RANDOMIZE, READ_IMPLIES_EXEC, MMAP_PAGE_ZERO. */
	ALLOW_IF("personality", EPERM, {0, POLICY_WHOLE, PER_LINUX},
				       {0, POLICY_WHOLE, PER_LINUX32},
				       {0, POLICY_WHOLE, UNAME26},
				       {0, POLICY_WHOLE, PER_LINUX32 | UNAME26},
				       {0, POLICY_WHOLE, 0xffffffffU}),
	/* Other processes' files and memory, for which ptrace is enough in a client. */
	REFUSE("pidfd_getfd kcmp process_madvise", EPERM),
	REFUSE("uselib", EPERM), /* for programs of before 1996 */

	/* ---- signals ------------------------------------------------------------------------ */

	ALLOW("kill tkill tgkill pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo "
	      "rt_tgsigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait sigaltstack signalfd "
	      "signalfd4"),

	/* ---- time --------------------------------------------------------------------------- */

	/* adjtimex and clock_adjtime also tell the time; to set it they want CAP_SYS_TIME. */
	ALLOW("time times gettimeofday clock_gettime clock_getres clock_nanosleep nanosleep adjtimex "
	      "clock_adjtime alarm getitimer setitimer timer_create timer_delete timer_getoverrun "
	      "timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime"),
	REFUSE("settimeofday clock_settime", EPERM), /* the host's clock */

	/* ---- sockets ------------------------------------------------------------------------ */

	ALLOW("bind listen accept accept4 connect shutdown getsockname getpeername getsockopt "
	      "setsockopt sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg"),
	/* The other families (AF_ALG, AF_VSOCK, AF_TIPC...) are not there. EAFNOSUPPORT says so:
	 * libpcap, asking for Bluetooth, takes any other error for the end of its search. */
	ALLOW_IF("socket socketpair", EAFNOSUPPORT, {0, POLICY_WHOLE, AF_UNIX},
						    {0, POLICY_WHOLE, AF_INET},
						    {0, POLICY_WHOLE, AF_INET6},
						    {0, POLICY_WHOLE, AF_NETLINK},
						    {0, POLICY_WHOLE, AF_PACKET}),

	/* ---- messages, semaphores, shared memory: the ipc namespace's own -------------------- */

	ALLOW("msgctl msgget msgrcv msgsnd semctl semget semop semtimedop shmat shmctl shmdt shmget "
	      "mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink"),

	/* ---- ids, capabilities, keys -------------------------------------------------------- */

	ALLOW("getuid geteuid getresuid setuid setreuid setresuid setfsuid getgid getegid getresgid "
	      "setgid setregid setresgid setfsgid getgroups capget capset"),
	/* For programs that set the groups of root before they become root, who they are. */
	FEIGN("setgroups"),
	/* The kernel's keyrings are no namespace's. */
	REFUSE("add_key request_key keyctl", EPERM),
	REFUSE("lsm_get_self_attr=459 lsm_set_self_attr=460 lsm_list_modules=461", EPERM),

	/* ---- scheduling and limits ---------------------------------------------------------- */

	ALLOW("getcpu getpriority setpriority ioprio_get ioprio_set sched_getaffinity "
	      "sched_setaffinity sched_getattr sched_setattr sched_getparam sched_setparam "
	      "sched_getscheduler sched_setscheduler sched_get_priority_max sched_get_priority_min "
	      "sched_rr_get_interval sched_yield getrlimit setrlimit prlimit64 getrusage"),

	/* ---- the system --------------------------------------------------------------------- */

	ALLOW("uname sysinfo getrandom"),
	REFUSE("sethostname setdomainname", EPERM), /* the stage's to give */
	/* Mounts, by either interface; what they hide would be in sight without them. */
	REFUSE("mount umount2 pivot_root mount_setattr move_mount open_tree fsopen fsconfig fsmount "
	       "fspick statmount=457 listmount=458", EPERM),
	/* What goes into the kernel, comes out of it, or is all of the computer's. */
	REFUSE("bpf perf_event_open syslog acct quotactl quotactl_fd swapon swapoff", EPERM),
	REFUSE("init_module finit_module delete_module kexec_load kexec_file_load reboot", EPERM),
	REFUSE("ioperm iopl vhangup", EPERM),
	/* Numbers without a call behind them, for a long time. */
	REFUSE("_sysctl afs_syscall create_module get_kernel_syms getpmsg nfsservctl putpmsg query_module "
	       "security tuxcall vserver", EPERM),
};
/* clang-format on */

#undef ALLOW
#undef ALLOW_IF
#undef ALLOW_UNLESS
#undef REFUSE
#undef FEIGN
#undef SET_ID
#undef TYPE
#undef CREATES
#undef NEW_NAMESPACE

#endif
