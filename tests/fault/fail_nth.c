// SPDX-License-Identifier: GPL-2.0-only
#include "fail_nth.h"

#include <sys/resource.h>

#define FIFO_PRIO 30

static const char *program;
static struct scenario stage;

static long times_slept(void)
{
	struct rusage usage;

	assert_int_equal(getrusage(RUSAGE_THREAD, &usage), 0);
	return usage.ru_nvcsw;
}

/*
 * Real-time during the call only, as the kernel's own threads have to run now and then. After it
 * the task must still have that priority.
 */
static void begin_fifo(struct scenario *s)
{
	if (s->op->fifo)
		set_fifo(FIFO_PRIO);
}

static void end_fifo(struct scenario *s)
{
	struct task_attr attr;

	if (!s->op->fifo)
		return;
	assert_int_equal(task_get_attr(0, &attr), 0);
	assert_int_equal(attr.policy, SCHED_FIFO);
	assert_int_equal(attr.prio, FIFO_PRIO);
	assert_int_equal(attr.flags, 0);
	set_fifo(0);
}

static void set_up(struct scenario *s)
{
	if (s->op->setup)
		s->op->setup(s);
	save_state(s);
}

/* Runs it with the @n-th fault; false if the deadline had passed before it could sleep. */
static bool run_once(struct scenario *s, unsigned int n, int *ret, enum injected *injected)
{
	long slept;

	if (s->op->renews) {
		close_objects(s);
		set_up(s);
	}
	begin_fifo(s);
	slept = times_slept();
	s->deadline = s->op->sleeps ? monotonic_ns() + s->sleep_ms * NS_PER_MS : 0;
	inject_arm(n);
	*ret = s->op->run(s);
	*injected = inject_disarm();
	slept = times_slept() - slept;
	end_fifo(s);
	return slept || !s->op->sleeps || *injected || *ret != -ETIMEDOUT;
}

static void check_success(struct scenario *s, int ret)
{
	assert_ret(ret, s->op->want);
	if (s->op->verify)
		s->op->verify(s);
	assert_state_unchanged(s);
}

static void check_failure(struct scenario *s, int ret, enum injected injected)
{
	assert_ret(ret, injected == MEMORY ? -ENOMEM : -EFAULT);
	assert_memory_equal(s->arg, s->sent, sizeof(s->arg));
	if (s->op->fix_up)
		s->op->fix_up(s, injected);
	assert_state_unchanged(s);
	if (!s->op->refused)
		return;
	s->op->refused(s);
	assert_state_unchanged(s);
}

static enum injected attempt(struct scenario *s, unsigned int n)
{
	enum injected injected;
	int ret;

	while (!run_once(s, n, &ret, &injected))
		s->sleep_ms *= 2;
	if (injected == MEMORY && s->op->succeeds_without && ret == s->op->want)
		injected = SPARED;
	if (injected == NOTHING || injected == SPARED)
		check_success(s, ret);
	else
		check_failure(s, ret, injected);
	return injected;
}

static void assert_count(const char *what, unsigned int count, unsigned int least)
{
	if (least ? count >= least : !count)
		return;
	fail_msg("%u %s failed, want %s%u", count, what, least ? "at least " : "", least);
}

static void fails_at_each(void **state)
{
	unsigned int n = 1, count[SPARED + 1] = { 0 };
	struct scenario *s = &stage;

	(void)state;
	set_up(s);
	/* Once without a fault: what is allocated only once is there afterwards. */
	assert_int_equal(attempt(s, 0), NOTHING);
	while (!count[NOTHING])
		count[attempt(s, n++)]++;
	print_message("# %s: %u allocations, %u copies, %u spared\n", s->op->name,
		      count[MEMORY], count[COPY], count[SPARED]);
	assert_count("allocations", count[MEMORY], s->op->memory);
	assert_count("copies", count[COPY], s->op->copies);
	assert_count("spared allocations", count[SPARED], s->op->succeeds_without);
}

static int setup(void **state)
{
	const struct op *op = *state;
	static char name[128];
	int ret;

	await_no_records();
	snprintf(name, sizeof(name), "%s:%s", program, op->name);
	*state = name;
	ret = fixture_setup(state);
	memset(&stage, 0, sizeof(stage));
	stage.op = op;
	stage.f = *state;
	stage.sleep_ms = 20;
	if (!ret)
		stage.gate = new_auto(stage.f, false);
	return ret;
}

static int teardown(void **state)
{
	set_fifo(0);
	end_holders(&stage);
	free(stage.records);
	return stage.op->teardown ? stage.op->teardown(state) : fixture_teardown(state);
}

int fail_nth_run(const char *file, const struct op *ops, size_t count)
{
	struct CMUnitTest *tests = calloc(count, sizeof(*tests));
	int failed;

	if (!tests || inject_setup())
		return 1;
	program = file;
	for (size_t i = 0; i < count; i++)
		tests[i] = (struct CMUnitTest){ ops[i].name, fails_at_each, setup, teardown,
						(void *)&ops[i] };
	failed = fixture_run(file, tests, count);
	free(tests);
	return failed;
}
