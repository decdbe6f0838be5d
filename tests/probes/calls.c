/* What a client's system calls are answered.
 *
 *	calls [fixed]
 *		asks for every call whether this process may make it, and compares with the table of
 *		filter_policy.h; prints a line for each answer that is another, and at the end how
 *		many were asked. "fixed": where the user namespace denies setgroups(2)
 *	calls NAME [ARGUMENT...]
 *		how this process is answered a call of this name, or number; the arguments that are
 *		not given are ~0
 *	calls gate|x32
 *		makes a call in the way of another architecture
 *
 * No call is ever made, so any arguments do no harm: this program puts itself under a second
 * filter, which stops every call that the first one lets pass, and answers it by a thread
 * (seccomp_unotify(2)). Of several filters the answer of the strictest counts, and an error is
 * stricter than a stop.
 *
 * The expectation is worked out from the table's words on the arguments' low halves, not from the
 * program that policy/compile.c makes of them. */
#include "../../runtime/policy/filter_policy.h"

#include "util.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define NEWEST	600	    /* numbers that are asked for, from 0 */
#define ALLOWED 4001	    /* in the place of an errno value: our thread's answer */
#define LAST	0x1a57UL    /* the argument that tells our thread of the end */
#define HIGH	(1UL << 32) /* what the kernel does not see of 32 bits */
#define CALLS	(NEWEST + 1)

struct question {
	int number;
	uint64_t arguments[6];
	int answer; /* an errno value, 0 or ALLOWED */
};

/* Grows as it is filled; all of it before the first question is asked. */
struct questions {
	struct question *list;
	size_t count;
};

struct asker {
	struct questions *questions;
	int listener; /* -1 until there is one */
};

/* ---- what the table says -------------------------------------------------------------------- */

/* The row of each number, NULL where there is none; two rows for one number end the program. */
static void index_rows(const struct policy_row *rows[CALLS])
{
	for (size_t i = 0; i < ARRAY_SIZE(policy); i++) {
		char *names = strdup(policy[i].calls);
		char *rest = names;
		const char *name;

		while (rest != NULL && (name = strsep(&rest, " ")) != NULL) {
			const char *given = strchr(name, '=');
			int number = given ? (int)strtol(given + 1, NULL, 10)
					   : seccomp_syscall_resolve_name(name);

			if (number == __NR_SCMP_ERROR || number > NEWEST ||
			    (number >= 0 && rows[number] != NULL)) {
				(void)printf("no call, or in two rows: %s\n", name);
				exit(1);
			}
			if (number >= 0)
				rows[number] = &policy[i];
		}
		free(names);
	}
}

static bool one_holds(const struct policy_row *row, const struct question *question)
{
	for (size_t i = 0; i < POLICY_CONDITIONS && row->conditions[i].mask != 0; i++) {
		const struct policy_condition *condition = &row->conditions[i];

		if (((uint32_t)question->arguments[condition->argument] & condition->mask) ==
		    condition->value)
			return true;
	}
	return false;
}

static int expected(const struct policy_row *row, const struct question *question, bool fixed)
{
	if (row == NULL)
		return question->number > POLICY_NEWEST ? ENOSYS : EPERM;
	switch (row->rule) {
	case POLICY_ALLOW:
		return ALLOWED;
	case POLICY_ALLOW_IF:
		return one_holds(row, question) ? ALLOWED : row->answer;
	case POLICY_ALLOW_UNLESS:
		return one_holds(row, question) ? row->answer : ALLOWED;
	case POLICY_REFUSE:
		return row->answer;
	case POLICY_FEIGN:
		return fixed ? 0 : ALLOWED;
	}
	return -1;
}

/* ---- the questions -------------------------------------------------------------------------- */

static void add(struct questions *questions, int number, const uint64_t arguments[6])
{
	size_t size = (questions->count + 1) * sizeof(*questions->list);
	struct question *grown = realloc(questions->list, size);
	struct question *question;

	if (grown == NULL)
		abort();
	questions->list = grown;
	question = &questions->list[questions->count++];
	*question = (struct question){.number = number};
	memcpy(question->arguments, arguments, sizeof(question->arguments));
}

static void add_same(struct questions *questions, int number, uint64_t argument)
{
	const uint64_t all[6] = {argument, argument, argument, argument, argument, argument};

	add(questions, number, all);
}

/* Around a condition: its value, each bit of it changed, and the same with a high half. The other
 * arguments are ~0, so that no other condition holds. */
static void add_around(struct questions *questions, int number,
		       const struct policy_condition *condition)
{
	uint64_t arguments[6] = {~0UL, ~0UL, ~0UL, ~0UL, ~0UL, ~0UL};
	uint64_t *argument = &arguments[condition->argument];

	for (unsigned bit = 0; bit <= 32; bit++) {
		*argument = condition->value ^ (uint32_t)(1UL << bit);
		add(questions, number, arguments);
		*argument |= HIGH;
		add(questions, number, arguments);
		*argument |= ~(HIGH - 1);
		add(questions, number, arguments);
	}
}

/* uretprobe and uprobe are the kernel's own, in code that it puts into a traced program. No filter
 * is asked about them (since Linux 6.14 and 6.18), and who else makes them is killed by SIGILL. */
static bool is_never_filtered(int number)
{
#ifdef __x86_64__
	return number == 335 || number == 336;
#else
	return number < 0;
#endif
}

static void add_all(struct questions *questions, const struct policy_row *rows[CALLS])
{
	for (int number = 0; number <= NEWEST; number++) {
		const struct policy_row *row = rows[number];

		if (is_never_filtered(number))
			continue;
		add_same(questions, number, ~0UL);
		add_same(questions, number, 0);
		for (size_t i = 0; row != NULL && i < POLICY_CONDITIONS; i++)
			if (row->conditions[i].mask != 0)
				add_around(questions, number, &row->conditions[i]);
	}
}

/* ---- asking --------------------------------------------------------------------------------- */

/* Returns the listener. Here and in ask() nothing but what is asked may be called. */
static int stop_all_calls(void)
{
	struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)};
	const struct sock_fprog program = {.len = 1, .filter = code};

	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			    &program);
}

static void *ask(void *argument)
{
	struct asker *asker = argument;
	int listener = stop_all_calls();

	__atomic_store_n(&asker->listener, listener < 0 ? -errno : listener, __ATOMIC_RELEASE);
	for (size_t i = 0; listener >= 0 && i < asker->questions->count; i++) {
		struct question *question = &asker->questions->list[i];
		const uint64_t *a = question->arguments;
		long result = syscall(question->number, a[0], a[1], a[2], a[3], a[4], a[5]);

		question->answer = result < 0 ? errno : (int)result;
	}
	(void)syscall(SYS_exit_group, LAST);
	return NULL;
}

/* Answers every call that the first filter let pass, until the last. */
static void answer_all(int listener)
{
	while (true) {
		struct seccomp_notif call = {0};
		struct seccomp_notif_resp answer = {.error = -ALLOWED};

		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
			exit(1);
		if (call.data.nr == SYS_exit_group && call.data.args[0] == LAST)
			return;
		answer.id = call.id;
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) < 0)
			exit(1);
	}
}

/* From here on the thread that asked is stopped, until the program's end. */
static void ask_all(struct questions *questions)
{
	struct asker asker = {.questions = questions, .listener = -1};
	pthread_t thread;
	int listener;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    pthread_create(&thread, NULL, ask, &asker) != 0)
		exit(1);
	while ((listener = __atomic_load_n(&asker.listener, __ATOMIC_ACQUIRE)) == -1)
		(void)sched_yield();
	if (listener < 0) {
		(void)printf("no second filter: %s\n", strerror(-listener));
		exit(1);
	}
	answer_all(listener);
}

/* ---- what is told --------------------------------------------------------------------------- */

static const char *name_of(int answer)
{
	return answer == ALLOWED ? "allowed" : answer == 0 ? "done" : strerrorname_np(answer);
}

static int compare_all(bool fixed)
{
	const struct policy_row *rows[CALLS] = {NULL};
	struct questions questions = {.count = 0};
	int wrong = 0;

	index_rows(rows);
	add_all(&questions, rows);
	ask_all(&questions);
	for (size_t i = 0; i < questions.count; i++) {
		const struct question *question = &questions.list[i];
		int right = expected(rows[question->number], question, fixed);

		if (question->answer == right)
			continue;
		wrong++;
		(void)printf("call %d (%#lx, %#lx, %#lx): %s instead of %s\n", question->number,
			     question->arguments[0], question->arguments[1], question->arguments[2],
			     name_of(question->answer), name_of(right));
	}
	(void)printf("%d calls, %zu questions, %d wrong\n", CALLS, questions.count, wrong);
	return wrong != 0;
}

static int tell_one(char *const *words)
{
	uint64_t arguments[6] = {~0UL, ~0UL, ~0UL, ~0UL, ~0UL, ~0UL};
	struct questions questions = {.count = 0};
	int number = (int)strtol(words[0], NULL, 10);

	if (number == 0)
		number = seccomp_syscall_resolve_name(words[0]);
	if (number < 0)
		return 2;
	for (size_t i = 0; i < ARRAY_SIZE(arguments) && words[i + 1] != NULL; i++)
		arguments[i] = strtoull(words[i + 1], NULL, 0);
	add(&questions, number, arguments);
	ask_all(&questions);
	(void)printf("%s: %s\n", words[0], name_of(questions.list[0].answer));
	return 0;
}

/* ---- other architectures -------------------------------------------------------------------- */

static int call_otherwise(bool gate)
{
#ifdef __x86_64__
	int result = 20; /* getpid of i386 */

	if (!gate)
		return syscall(0x40000000L | SYS_getpid) == getpid() ? 0 : 1;
	__asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
	return result == getpid() ? 0 : 1;
#else
	return gate ? 1 : 1;
#endif
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	(void)alarm(60); /* what hangs is a failure */
	if (strcmp(what, "gate") == 0 || strcmp(what, "x32") == 0)
		return call_otherwise(what[0] == 'g');
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (*what == '\0' || strcmp(what, "fixed") == 0)
		_exit(compare_all(*what != '\0'));
	_exit(tell_one(argv + 1));
}
