// SPDX-License-Identifier: GPL-2.0-only
/* The parts of the device fuzzer that need no device: text, changes, minimising, patterns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device/call.h"
#include "device/complaints.h"
#include "device/corpus.h"
#include "device/coverage.h"
#include "device/minimise.h"

static char error[128];

static char *text_of(const struct program *program)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	program_print(out, program);
	fclose(out);
	return text;
}

static void parse(const char *text, struct program *program)
{
	if (!program_parse(text, program, error, sizeof(error)))
		fail_msg("%s: %s", text, error);
}

static void prints_what_it_reads(void **state)
{
	static const char text[] =
		"rounds 3\n"
		"end kill\n"
		"t0 open -> f1\n"
		"t0 create_mutex f1 owner=1 count=1 -> f2\n"
		"t1 wait_any f1 f2,bad,none owner=2 timeout=+5000 flags=0x80000000 alert=f3 ptr=edge\n"
		"t1 wait_all f1 - timeout=never\n"
		"t4 take slot=f2 -> none\n"
		"t5 aggregate f1 f2:1:0,f3:2:5 timeout=over fail=3 crowd=20\n"
		"t6 addr_wait f1 addr=s8 owner=kthread\n"
		"t7 addr_wake f1 addr=bad\n";
	struct program program;
	char *again;

	(void)state;
	parse(text, &program);
	assert_int_equal(program.nr, 8);
	assert_int_equal(program.calls[2].nr_list, 3);
	assert_int_equal(program.calls[5].fail, 3);
	again = text_of(&program);
	assert_string_equal(again, text);
	free(again);
}

static void ignores_comments(void **state)
{
	struct program program;
	char *text;

	(void)state;
	parse("# nothing\n\n  t3 open -> f0 # a device\r\n", &program);
	text = text_of(&program);
	assert_string_equal(text, "t3 open -> f0\n");
	free(text);
}

static void refuses_what_it_cannot_read(void **state)
{
	static const char *const texts[] = {
		"t8 open -> f0", "t0", "t0 nothing", "t0 open -> f16", "t0 open ->", "t0 close",
		"t0 close f0 -> f1", "t0 wait_any f0", "t0 wait_any f0 f1;f2", "t0 wait_any f0 - owner",
		"t0 wait_any f0 - owner=x", "t0 wait_any f0 - owner=-1", "t0 wait_any f0 - nobody=1",
		"t0 wait_any f0 - timeout=5", "t0 wait_any f0 - ptr=good", "t0 wait_any f0 - alert=f99",
		"t0 wait_any f0 - fail=256", "t0 aggregate f0 f1", "t0 aggregate f0 f1:1", "t0 lend f0 tid=t9",
		"t0 addr_wake f0 addr=p4096", "t0 addr_wake f0 addr=x0", "t0 addr_wake f0 addr=",
		"rounds", "rounds 256", "rounds x", "end well", "x 1",
	};
	struct program program;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (program_parse(texts[i], &program, error, sizeof(error)))
			fail_msg("it takes: %s", texts[i]);
		assert_non_null(strstr(error, "line 1: "));
	}
}

static void refuses_too_much(void **state)
{
	char text[4096] = "t0 wait_any f0 f0";
	struct program program;

	(void)state;
	for (unsigned int i = 0; i < MAX_LIST; i++)
		strcat(text, ",f1");
	assert_false(program_parse(text, &program, error, sizeof(error)));
	*text = '\0';
	for (unsigned int i = 0; i <= MAX_CALLS; i++)
		strcat(text, "t0 exit\n");
	assert_false(program_parse(text, &program, error, sizeof(error)));
	assert_non_null(strstr(error, "more than"));
}

/* Each argument of each call has values that are read as they are printed. */
static void check_program(const struct program *program)
{
	static struct program again;
	char *text = text_of(program), *other;

	assert_in_range(program->nr, 0, MAX_CALLS);
	parse(text, &again);
	other = text_of(&again);
	assert_string_equal(text, other);
	assert_int_equal(program_hash(program), program_hash(&again));
	free(other);
	free(text);
}

static void random_programs_are_programs(void **state)
{
	struct prng prng = { .state = 1 };
	static struct program program, other;

	(void)state;
	mutate_options.inject = true;
	for (unsigned int i = 0; i < 2000; i++) {
		program_random(&program, &prng);
		check_program(&program);
		for (unsigned int k = 0; k < 10; k++) {
			other = program;
			program_mutate(&program, &other, &prng);
			check_program(&program);
		}
	}
}

static void same_seed_same_program(void **state)
{
	struct prng first = { .state = 42 }, second = { .state = 42 };
	static struct program program, other;

	(void)state;
	for (unsigned int i = 0; i < 100; i++) {
		program_random(&program, &first);
		program_random(&other, &second);
		assert_int_equal(program_hash(&program), program_hash(&other));
	}
}

static void every_call_is_tried(void **state)
{
	struct prng prng = { .state = 7 };
	static struct program program;
	unsigned int seen[256] = { 0 };

	(void)state;
	for (unsigned int i = 0; i < 3000; i++) {
		program_random(&program, &prng);
		for (unsigned int k = 0; k < program.nr; k++)
			seen[program.calls[k].op]++;
	}
	for (unsigned int i = 0; i < nr_ops; i++) {
		if (!seen[i])
			fail_msg("%s is in none of 3000 programs", ops[i].name);
	}
}

static void only_common_calls_for_the_in_tree_driver(void **state)
{
	struct prng prng = { .state = 7 };
	static struct program program;

	(void)state;
	mutate_options.common = true;
	for (unsigned int i = 0; i < 1000; i++) {
		program_random(&program, &prng);
		for (unsigned int k = 0; k < program.nr; k++)
			assert_true(ops[program.calls[k].op].common);
	}
	mutate_options.common = false;
}

/* What matters: an unlock after a wait for it, in the same thread. */
static bool unlocks_after_wait(const struct program *program, void *data)
{
	bool waited[NR_THREADS] = { false };

	++*(unsigned int *)data;
	for (unsigned int i = 0; i < program->nr; i++) {
		const struct call *call = &program->calls[i];

		if (!strcmp(ops[call->op].name, "wait_any"))
			waited[call->thread] = true;
		if (!strcmp(ops[call->op].name, "mutex_unlock") && waited[call->thread])
			return true;
	}
	return false;
}

static void minimises(void **state)
{
	unsigned int runs = 0;
	struct program program;
	char *text;

	(void)state;
	parse("rounds 4\nend close\n"
	      "t0 open -> f0\nt0 create_mutex f0 owner=1 count=1 -> f1\nt1 mutex_unlock f1\n"
	      "t2 wait_any f0 f1,f1,f1,f1 owner=3 timeout=never fail=2 crowd=3\nt1 sleep us=1000\n"
	      "t2 mutex_unlock f1 owner=3 ptr=edge\nt3 close f0\n", &program);
	minimise(&program, unlocks_after_wait, &runs, 1000);
	text = text_of(&program);
	assert_string_equal(text, "t2 wait_any f0 f1\nt2 mutex_unlock f1\n");
	free(text);
	assert_in_range(runs, 1, 60);
}

static void minimises_no_longer_than_it_may(void **state)
{
	unsigned int runs = 0;
	struct program program;

	(void)state;
	parse("t0 open -> f0\nt0 wait_any f0 f1\nt0 exit\nt0 exit\nt0 exit\nt0 mutex_unlock f1\n", &program);
	assert_int_equal(minimise(&program, unlocks_after_wait, &runs, 3), 3);
	assert_int_equal(runs, 3);
	assert_true(unlocks_after_wait(&program, &runs));
}

static void corpus_keeps_what_is_needed(void **state)
{
	static const uint8_t maps[][2] = { { 0x01, 0 }, { 0x0f, 0 }, { 0x06, 0x80 }, { 0x01, 0x80 } };
	struct corpus corpus = { 0 };
	struct program program = { 0 };

	(void)state;
	coverage_size = 2;
	for (unsigned int i = 0; i < ARRAY_SIZE(maps); i++)
		memcpy(corpus_add(&corpus, &program, NULL)->map, maps[i], 2);
	assert_int_equal(corpus_reduce(&corpus), 2);
	assert_true(corpus.entries[1]->needed);
	assert_true(corpus.entries[2]->needed || corpus.entries[3]->needed);
	coverage_size = 0;
	free(corpus.entries);
}

static void sees_complaints(void **state)
{
	(void)state;
	assert_true(complaints_open("scripts/vm/complaints"));
	assert_true(complaints_match("BUG: KASAN: slab-use-after-free in ntsync_obj_put+0x1/0x2"));
	assert_true(complaints_match("WARNING: CPU: 0 PID: 1 at kernel/sched/core.c:1"));
	assert_false(complaints_match("ntsync-test: WARNING: a marker"));
	assert_false(complaints_match("ntsync: module loaded"));
}

/* Runs it without a driver, and returns how many calls have ended. */
static unsigned int execute(const char *text, enum exec_end end)
{
	static struct program program;
	struct exec_result result;

	parse(text, &program);
	exec_run(&program, &result);
	assert_int_equal(result.end, end);
	return result.calls;
}

static void executes_in_order(void **state)
{
	(void)state;
	assert_int_equal(execute("t0 eventfd -> f0\nt1 write f0\nt2 read f0\nt3 sleep\n", EXEC_DONE), 4);
	assert_int_equal(atomic_load(&shared->fds[0][0]) > 2, 1);
	/* Ends of threads and processes. */
	assert_int_equal(execute("t0 exit\nt0 exit\nt0 sleep\nt4 exit\nt5 fork\n", EXEC_DONE), 5);
	assert_int_equal(execute("end kill\nt0 sleep\nt4 sleep\n", EXEC_DONE), 2);
	assert_int_equal(execute("t0 sched\nt0 poll - crowd=5\n", EXEC_DONE), 7);
	/* A process that another one has killed makes no more calls. */
	assert_int_equal(execute("t4 sleep\nt0 kill\nt0 sleep\nt4 sleep\n", EXEC_DONE), 3);
}

static void executes_freely(void **state)
{
	(void)state;
	assert_int_equal(execute("rounds 3\nt0 sleep us=0\nt1 sleep us=0\nt1 exit\n", EXEC_DONE), 9);
}

static void keeps_descriptors(void **state)
{
	(void)state;
	execute("t0 eventfd -> f3\nt4 pipe -> f5\nt4 close f5\nt0 dup f3 -> f4\n", EXEC_DONE);
	assert_true(atomic_load(&shared->fds[0][3]) > 2);
	assert_true(atomic_load(&shared->fds[0][4]) > 2);
	assert_int_equal(atomic_load(&shared->fds[0][5]), -1);
	assert_int_equal(atomic_load(&shared->fds[1][3]), -1);
	assert_int_equal(atomic_load(&shared->fds[1][5]), -1);
	assert_true(atomic_load(&shared->fds[1][6]) > 2);
	/* The third process gets one if the second can't. */
	execute("t0 eventfd -> f3\nt6 take slot=f3 -> f5\nt6 take slot=f4 -> f6\n", EXEC_DONE);
	assert_true(atomic_load(&shared->fds[2][5]) > 2);
	assert_int_equal(atomic_load(&shared->fds[2][6]), -1);
}

static void says_which_errors_are_wrong(void **state)
{
	struct program program;

	(void)state;
	parse("t0 event_set f0\nt0 wait_any f0 f1\nt0 send f0\nt0 close f0\n", &program);
	assert_false(call_is_wrong(&program.calls[0], 0));
	assert_false(call_is_wrong(&program.calls[0], -EFAULT));
	assert_true(call_is_wrong(&program.calls[0], -EAGAIN));
	assert_true(call_is_wrong(&program.calls[0], -512)); /* ERESTARTSYS, which is the kernel's own */
	assert_false(call_is_wrong(&program.calls[1], -ETIMEDOUT));
	assert_true(call_is_wrong(&program.calls[1], -EAGAIN));
	assert_false(call_is_wrong(&program.calls[2], -EAGAIN));
	assert_true(call_is_wrong(&program.calls[2], -ETIMEDOUT));
	assert_false(call_is_wrong(&program.calls[3], -EIO));
}

static void tree_can_be_read(void **state)
{
	struct corpus corpus = { 0 };

	(void)state;
	assert_true(corpus_read(&corpus, "tests/fuzz/corpus/device"));
	assert_in_range(corpus.nr, 10, 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_what_it_reads),
		cmocka_unit_test(ignores_comments),
		cmocka_unit_test(refuses_what_it_cannot_read),
		cmocka_unit_test(refuses_too_much),
		cmocka_unit_test(random_programs_are_programs),
		cmocka_unit_test(same_seed_same_program),
		cmocka_unit_test(every_call_is_tried),
		cmocka_unit_test(only_common_calls_for_the_in_tree_driver),
		cmocka_unit_test(minimises),
		cmocka_unit_test(minimises_no_longer_than_it_may),
		cmocka_unit_test(corpus_keeps_what_is_needed),
		cmocka_unit_test(sees_complaints),
		cmocka_unit_test(executes_in_order),
		cmocka_unit_test(executes_freely),
		cmocka_unit_test(keeps_descriptors),
		cmocka_unit_test(says_which_errors_are_wrong),
		cmocka_unit_test(tree_can_be_read),
	};

	if (exec_init())
		return 1;
	/* A busy machine may take long for a call. None of these sleeps. */
	exec_options.settle_us = 1000000;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
