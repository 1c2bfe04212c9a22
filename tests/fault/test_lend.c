// SPDX-License-Identifier: GPL-2.0-only
/* A loan to a task that has no record yet: nothing has changed if there is no memory for one. */
#include "fail_nth.h"

#include <signal.h>

static pid_t borrower;

static void kill_borrower(void)
{
	kill(borrower, SIGKILL);
	child_finish(borrower);
}

/* A new one each time: the first loan to a task makes its record. */
static void setup_borrower(struct scenario *s)
{
	(void)s;
	if (borrower)
		kill_borrower();
	borrower = fork();
	assert_true(borrower >= 0);
	while (!borrower)
		pause();
}

static int run_lend(struct scenario *s)
{
	const struct ntsync_lend_args args = { .tid = borrower };

	return call(s, s->f->dev, NTSYNC_IOC_LEND, &args, sizeof(args));
}

static void verify_loan(struct scenario *s)
{
	struct task_attr attr;

	assert_ret(task_get_attr(borrower, &attr), 0);
	assert_int_equal(attr.policy, SCHED_FIFO);
	assert_ret(nt(s->f->dev, NTSYNC_IOC_UNLEND, NULL), 0);
	assert_ret(task_get_attr(borrower, &attr), 0);
	assert_int_equal(attr.policy, SCHED_OTHER);
}

static int end_borrower(void **state)
{
	kill_borrower();
	return fixture_teardown(state);
}

static const struct op ops[] = {
	{ .name = "LEND", .setup = setup_borrower, .run = run_lend, .verify = verify_loan,
	  .teardown = end_borrower, .renews = true, .memory = 1, .copies = 1,
	  .fifo = true },
};

int main(void)
{
	return RUN_OPS(ops);
}
