/* compile: prints the seccomp programs of filter_policy.h's table as C, for filter.c to include. A
 * program of its own, which make runs: libseccomp takes 1.6 ms to write what is always the same.
 *
 * Theory of operation
 *
 * The policy is the table of filter_policy.h, and all of the program is made of it. libseccomp
 * alone could not write that program: its rules say "allowed where", one default stands for the
 * rest, and it cannot say "this call, but not there" on 32 bits of an argument. So the program has
 * two parts. First come the else-tests, a few instructions for each row that libseccomp cannot say,
 * which refuse or fall through and never allow; then libseccomp's allowlist, whose default is EPERM
 * and which has the last word. Jumps of BPF are relative, so that putting one in front of the other
 * is all it takes.
 *
 * Arguments are 64 bits wide in a filter, while the kernel reads 32 of an int (an ioctl command, a
 * socket family, a mode). Every comparison here is on the low half, which is the first in memory on
 * the little-endian machines that we build for. */
#include "filter_policy.h"

#include "error.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#if !defined(__x86_64__) && !defined(__aarch64__)
#error "check the order of clone's arguments and of an argument's halves before building here"
#endif

#define X32_CALL 0x40000000U /* the bit in the number of an x32 call */

#define CALL_NAME_SIZE	 32  /* with its 0 */
#define ELSE_TESTS_LIMIT 128 /* instructions */

#define LOAD(field)	LOAD_AT(offsetof(struct seccomp_data, field))
#define LOAD_AT(offset) (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)(offset))
#define JUMP(test, value, yes, no)                                                                 \
	(struct sock_filter)                                                                       \
		BPF_JUMP(BPF_JMP | BPF_##test | BPF_K, (value), (uint8_t)(yes), (uint8_t)(no))
#define REFUSE(code)                                                                               \
	(struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)(code))

/* ---- the table's rows ----------------------------------------------------------------------- */

/* Takes the next of the names at *CALLS into NAME. Returns false where there is none left. *NUMBER
 * becomes the call's, negative where this architecture has no such call: that is libseccomp's
 * answer, and __NR_SCMP_ERROR for a name that no architecture has. */
static bool next_call(const char **calls, char name[CALL_NAME_SIZE], int *number)
{
	size_t length;
	char *given;

	*calls += strspn(*calls, " ");
	length = strcspn(*calls, " ");
	if (length == 0)
		return false;
	(void)snprintf(name, CALL_NAME_SIZE, "%.*s", (int)length, *calls);
	*calls += length;
	given = strchr(name, '=');
	*number = given != NULL ? (int)strtol(given + 1, NULL, 10)
				: seccomp_syscall_resolve_name(name);
	return true;
}

static size_t count_conditions(const struct policy_row *row)
{
	size_t count = 0;

	while (count < POLICY_CONDITIONS && row->conditions[count].mask != 0)
		count++;
	return count;
}

/* Whether libseccomp cannot say it: "not there", or with an error other than the default's. */
static bool needs_else_test(const struct policy_row *row, bool groups_fixed)
{
	switch (row->rule) {
	case POLICY_ALLOW_UNLESS:
		return true;
	case POLICY_ALLOW_IF:
		return row->answer != EPERM;
	case POLICY_FEIGN:
		return groups_fixed;
	case POLICY_ALLOW:
	case POLICY_REFUSE:
		break;
	}
	return false;
}

/* ---- the else-tests ------------------------------------------------------------------------- */

/* Each of them starts from the call's number and ends by falling out of its last line. */
struct else_tests {
	struct sock_filter code[ELSE_TESTS_LIMIT];
	size_t count;
};

static void put(struct else_tests *tests, struct sock_filter instruction)
{
	if (tests->count < ELSE_TESTS_LIMIT)
		tests->code[tests->count] = instruction;
	tests->count++;
}

/* A call that the table does not know, made after it. (An x32 number is above all others, and left
 * to libseccomp's check of the architecture.) */
static void put_newest(struct else_tests *tests)
{
	put(tests, LOAD(nr));
	put(tests, JUMP(JGE, X32_CALL, 2, 0));
	put(tests, JUMP(JGT, POLICY_NEWEST, 0, 1));
	put(tests, REFUSE(ENOSYS));
}

static size_t count_calls(const struct policy_row *row)
{
	const char *calls = row->calls;
	char name[CALL_NAME_SIZE];
	size_t count = 0;
	int number;

	while (next_call(&calls, name, &number))
		count += number >= 0;
	return count;
}

/* Which calls it is about: any other jumps over the next REST instructions. */
static void put_calls(struct else_tests *tests, const struct policy_row *row, size_t rest)
{
	const char *calls = row->calls;
	char name[CALL_NAME_SIZE];
	size_t left = count_calls(row);
	int number;

	put(tests, LOAD(nr));
	while (next_call(&calls, name, &number)) {
		if (number < 0)
			continue;
		left--;
		put(tests, JUMP(JEQ, (unsigned)number, left, left == 0 ? rest : 0));
	}
}

/* A condition that holds leads on, over the refusal, or to it. All are about one whole argument. */
static void put_conditions(struct else_tests *tests, const struct policy_row *row)
{
	const bool unless = row->rule == POLICY_ALLOW_UNLESS;
	size_t count = count_conditions(row);

	put(tests, LOAD_AT(offsetof(struct seccomp_data, args) +
			   row->conditions[0].argument * sizeof(uint64_t)));
	for (size_t i = 0; i < count; i++) {
		size_t left = count - 1 - i;

		if (unless)
			put(tests, JUMP(JEQ, row->conditions[i].value, left, left == 0 ? 1 : 0));
		else
			put(tests, JUMP(JEQ, row->conditions[i].value, left + 1, 0));
	}
}

static bool is_about_one_argument(const struct policy_row *row)
{
	for (size_t i = 0; i < count_conditions(row); i++)
		if (row->conditions[i].argument != row->conditions[0].argument ||
		    row->conditions[i].mask != POLICY_WHOLE)
			return false;
	return true;
}

static int put_row(struct else_tests *tests, const struct policy_row *row, struct error *error)
{
	size_t conditions = count_conditions(row);

	if (!is_about_one_argument(row))
		return error_set(error, EINVAL, "seccomp: no test can be made for %s", row->calls);
	if (count_calls(row) == 0)
		return 0;
	put_calls(tests, row, conditions == 0 ? 1 : conditions + 2);
	if (conditions > 0)
		put_conditions(tests, row);
	put(tests, REFUSE(row->answer));
	return 0;
}

static int make_else_tests(struct else_tests *tests, bool groups_fixed, struct error *error)
{
	*tests = (struct else_tests){.count = 0};
	put_newest(tests);
	for (size_t i = 0; i < ARRAY_SIZE(policy); i++)
		if (needs_else_test(&policy[i], groups_fixed) &&
		    put_row(tests, &policy[i], error) < 0)
			return -error->code;
	if (tests->count > ELSE_TESTS_LIMIT)
		return error_set(error, ENOSPC, "seccomp: the policy has too many tests");
	return 0;
}

/* ---- the allowlist -------------------------------------------------------------------------- */

static void release_rules(scmp_filter_ctx *rules)
{
	if (*rules)
		seccomp_release(*rules);
}

/* Adds what a call's row says of it, where that is not the default. Where several conditions make
 * it allowed, each is a rule. */
static int add_call(scmp_filter_ctx rules, const struct policy_row *row, int number)
{
	int result = 0;

	if (row->rule == POLICY_REFUSE)
		return row->answer == EPERM
			       ? 0
			       : seccomp_rule_add_array(rules,
							SCMP_ACT_ERRNO((unsigned)row->answer),
							number, 0, NULL);
	if (row->rule != POLICY_ALLOW_IF || needs_else_test(row, false))
		return seccomp_rule_add_array(rules, SCMP_ACT_ALLOW, number, 0, NULL);
	for (size_t i = 0; result == 0 && i < count_conditions(row); i++) {
		const struct policy_condition *condition = &row->conditions[i];
		struct scmp_arg_cmp compare = SCMP_CMP(condition->argument, SCMP_CMP_MASKED_EQ,
						       condition->mask, condition->value);

		result = seccomp_rule_add_array(rules, SCMP_ACT_ALLOW, number, 1, &compare);
	}
	return result;
}

static int add_row(scmp_filter_ctx rules, const struct policy_row *row, struct error *error)
{
	const char *calls = row->calls;
	char name[CALL_NAME_SIZE];
	int number;

	while (next_call(&calls, name, &number)) {
		int result = number == __NR_SCMP_ERROR ? -EINVAL : 0;

		if (number >= 0)
			result = add_call(rules, row, number);
		if (result < 0)
			return error_system(error, -result, "seccomp: cannot add a rule for %s",
					    name);
	}
	return 0;
}

static int add_rows(scmp_filter_ctx rules, struct error *error)
{
	for (size_t i = 0; i < ARRAY_SIZE(policy); i++)
		if (add_row(rules, &policy[i], error) < 0)
			return -error->code;
	return 0;
}

/* Makes the allowlist. The caller releases RULES. */
static int make_rules(scmp_filter_ctx *rules, struct error *error)
{
	int result;

	*rules = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!*rules)
		return error_set(error, ENOMEM, "seccomp: cannot make a filter: no memory");
	/* A new filter is for the native architecture alone. A call by another one's gate (int
	 * 0x80, x32) is no mistake of a program that was built for this system. */
	result = seccomp_attr_set(*rules, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	/* Setting no_new_privs is for who loads the program. */
	if (result == 0)
		result = seccomp_attr_set(*rules, SCMP_FLTATR_CTL_NNP, 0);
	/* 2: a binary tree, some 9 comparisons to any call where the list takes hundreds. */
	if (result == 0)
		result = seccomp_attr_set(*rules, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (result < 0)
		return error_system(error, -result, "seccomp: cannot set up a filter");
	return add_rows(*rules, error);
}

/* Writes the program to the file FD. */
static int write_program(int fd, bool groups_fixed, struct error *error)
{
	CLEANUP(release_rules) scmp_filter_ctx rules = NULL;
	struct else_tests tests;
	ssize_t size;
	int result;

	if (make_else_tests(&tests, groups_fixed, error) < 0 || make_rules(&rules, error) < 0)
		return -error->code;
	size = (ssize_t)(tests.count * sizeof(tests.code[0]));
	if (write(fd, tests.code, (size_t)size) != size)
		return error_system(error, errno, "cannot write the program");
	result = seccomp_export_bpf(rules, fd);
	if (result < 0)
		return error_system(error, -result, "seccomp: cannot compile the filter");
	return 0;
}

/* ---- as C ------------------------------------------------------------------------------------ */

static int print_program(const char *name, bool groups_fixed, struct error *error)
{
	CLEANUP_FD int fd = memfd_create(name, MFD_CLOEXEC);
	struct sock_filter line;
	ssize_t size;
	off_t at = 0;

	if (fd < 0)
		return error_system(error, errno, "cannot make a memory file");
	if (write_program(fd, groups_fixed, error) < 0)
		return -error->code;
	(void)printf("\nstatic const struct sock_filter %s[] = {\n", name);
	while ((size = pread(fd, &line, sizeof(line), at)) == sizeof(line)) {
		(void)printf("\t{0x%02x, %u, %u, 0x%08x},\n", line.code, line.jt, line.jf, line.k);
		at += size;
	}
	(void)printf("};\n");
	return size == 0 ? 0 : error_set(error, EIO, "cannot read the program back");
}

int main(void)
{
	struct error error = {0};

	(void)printf("/* Made by runtime/policy/compile.c of filter_policy.h. */\n"
		     "#include <linux/filter.h>\n");
	if (print_program("policy_usual", false, &error) == 0 &&
	    print_program("policy_groups_fixed", true, &error) == 0) {
		if (fflush(stdout) == 0 && ferror(stdout) == 0)
			return 0;
		(void)error_system(&error, errno, "cannot write");
	}
	(void)fprintf(stderr, "compile: %s\n", error.text);
	return 1;
}
