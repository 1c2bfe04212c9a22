// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loans to a thread that sleeps: by a normal caller, by a real-time one to a thread that has that
 * priority already, and to a normal thread, which is raised and lowered. UNLEND without a loan.
 */
#define _GNU_SOURCE
#include "ops.h"

#include <errno.h>
#include <libntsync.h>
#include <sched.h>
#include <unistd.h>

static atomic_int borrower;
static int wake[2];

static void *sleep_on(void *number)
{
	char c;

	atomic_store(&borrower, gettid());
	while (read(wake[0], &c, 1) < 0)
		;
	return number;
}

static void set_policy(pid_t tid, int policy, int prio)
{
	const struct sched_param param = { .sched_priority = prio };

	sched_setscheduler(tid, policy, &param);
}

/* @n: the borrower's priority; 0 = normal. */
static int begin_loan(const struct operation *op)
{
	struct ntsync_features found;

	if (ntsync_features(dev, &found) || !(found.features & NTSYNC_FEATURE_LEND))
		return -ENOTSUP;
	if (pipe(wake) || start_threads(1, sleep_on, 0))
		return -1;
	set_policy(atomic_load(&borrower), op->n ? SCHED_FIFO : SCHED_OTHER, (int)op->n);
	return 0;
}

static void end_loan(const struct operation *op)
{
	close(wake[1]);
	join_threads();
	close(wake[0]);
}

static int lend_and_unlend(const struct operation *op, uint64_t *ns)
{
	return ntsync_lend(dev, (uint32_t)atomic_load(&borrower), 0) || ntsync_unlend(dev) ? -1 : 1;
}

/* A normal thread has no priority to pass on. */
static int lend_nothing(const struct operation *op, uint64_t *ns)
{
	uint64_t from;
	int ret = 0;

	set_policy(0, SCHED_OTHER, 0);
	from = now();
	for (int i = 0; i < 16 && !ret; i++)
		ret = ntsync_lend(dev, (uint32_t)atomic_load(&borrower), 0);
	*ns = now() - from;
	set_policy(0, SCHED_FIFO, 50);
	return ret ? -1 : 16;
}

static int unlend_nothing(const struct operation *op, uint64_t *ns)
{
	return ntsync_unlend(dev) ? -1 : 1;
}

const struct operation lend_ops[] = {
	{ "lend/nothing", begin_loan, lend_nothing, end_loan, 0, NULL },
	{ "lend/unlend", begin_loan, unlend_nothing, end_loan, 0, NULL },
	{ "lend/same", begin_loan, lend_and_unlend, end_loan, 60, NULL },
	{ "lend/boost", begin_loan, lend_and_unlend, end_loan, 0, NULL },
	{ 0 },
};
