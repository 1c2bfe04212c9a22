// SPDX-License-Identifier: GPL-2.0-only
#include "fail_nth.h"

static int run_wait(struct scenario *s)
{
	const struct op *op = s->op;
	const struct ntsync_wait_args args = ARGS(
		.objs = (uintptr_t)s->objs, .count = op->nr, .owner = SELF,
		.alert = op->alert ? s->objs[op->nr] : 0, .timeout = s->deadline);

	return call(s, s->f->dev, op->all ? ALL : ANY, &args, sizeof(args));
}

static uint32_t read_index(const struct scenario *s)
{
	return ((const struct ntsync_wait_args *)s->arg)->index;
}

static void verify_timeout(struct scenario *s)
{
	assert_memory_equal(s->arg, s->sent, sizeof(struct ntsync_wait_args));
}

/* Objects of each type, in turn. */
static void setup_ready(struct scenario *s)
{
	for (unsigned int i = 0; i < s->op->nr; i++)
		add_object(s, i % 3 == 0 ? new_sem(s->f, 1, 1) :
			 i % 3 == 1 ? new_mutex(s->f, 0, 0) : new_auto(s->f, true));
	if (s->op->alert)
		add_object(s, new_auto(s->f, false));
}

static void make_ready(struct scenario *s, unsigned int i)
{
	if (i % 3 == 0)
		release(s->objs[i], 1, 0);
	else if (i % 3 == 1)
		unlock(s->objs[i], SELF, 1);
	else
		set_event(s->objs[i], 0);
}

static void verify_ready(struct scenario *s)
{
	assert_int_equal(read_index(s), 0);
	for (unsigned int i = 0; i < (s->op->all ? s->op->nr : 1); i++)
		make_ready(s, i);
}

static void setup_blocked(struct scenario *s)
{
	for (unsigned int i = 0; i < s->op->nr; i++)
		add_object(s, s->op->fifo || i % 3 == 1 ? new_mutex(s->f, HOLDER, 1) :
			 i % 3 == 0 ? new_sem(s->f, 0, 1) : new_auto(s->f, false));
	if (s->op->alert)
		add_object(s, new_auto(s->f, false));
}

/* A task owns all of them, and then inherits. */
static void setup_held(struct scenario *s)
{
	for (unsigned int i = 0; i < s->op->nr; i++)
		add_object(s, new_mutex(s->f, 0, 0));
	if (s->op->alert)
		add_object(s, new_auto(s->f, false));
	add_holder(s, s->objs, s->op->nr, s->gate);
}

/* The owner of the first mutex waits for the second one, and so on. */
static void setup_chain(struct scenario *s)
{
	for (unsigned int i = 0; i < MAX_HOLDERS; i++)
		add_object(s, new_mutex(s->f, 0, 0));
	for (unsigned int i = MAX_HOLDERS; i-- > 0;)
		add_holder(s, &s->objs[i], 1, i + 1 < MAX_HOLDERS ? s->objs[i + 1] : s->gate);
}

static void setup_signaled_alert(struct scenario *s)
{
	for (unsigned int i = 0; i < s->op->nr; i++)
		add_object(s, new_sem(s->f, 0, 1));
	add_object(s, new_auto(s->f, true));
}

static void verify_alert(struct scenario *s)
{
	assert_int_equal(read_index(s), s->op->nr);
	set_event(s->objs[s->op->nr], 0);
}

static void verify_owner_dead(struct scenario *s)
{
	assert_int_equal(read_index(s), 0);
	kill_owner(s->objs[0], SELF);
}

/*
 * Allocations for a wait: up to eight entries are on the stack. A real-time task needs no more, as
 * a mutex has its contribution inside.
 */
#define ENTRIES(n) ((n) > 8)
#define SLEEPS(type, _nr, _alert)                                              \
	{ .name = type##_NAME " sleeps, " #_nr " objects, alert " #_alert,            \
	  .setup = setup_blocked, .run = run_wait, .verify = verify_timeout,   \
	  .want = -ETIMEDOUT, .sleeps = true, .nr = _nr, .alert = _alert,      \
	  .all = type##_ALL, .memory = ENTRIES((_nr) + (_alert)), .copies = 2 }
#define SLEEPS_FIFO(type, _nr, _alert)                                         \
	{ .name = type##_NAME " of a FIFO task, " #_nr " mutexes, alert " #_alert,    \
	  .setup = setup_held, .run = run_wait, .verify = verify_timeout,      \
	  .want = -ETIMEDOUT, .sleeps = true, .nr = _nr, .alert = _alert,      \
	  .all = type##_ALL, .fifo = true, .renews = true,                   \
	  .memory = ENTRIES((_nr) + (_alert)), .copies = 2 }
#define any_NAME "ANY"
#define any_ALL false
#define all_NAME "ALL"
#define all_ALL true
#define EACH_SIZE(row, type)                                                   \
	row(type, 1, 0), row(type, 1, 1), row(type, 8, 0), row(type, 8, 1),    \
	row(type, 9, 0), row(type, 16, 0), row(type, 16, 1), row(type, 17, 0), \
	row(type, 64, 0), row(type, 64, 1)
/* One of each size class of entries. */
#define EACH_FIFO_SIZE(row, type)                                              \
	row(type, 1, 0), row(type, 1, 1), row(type, 8, 1), row(type, 9, 0), row(type, 17, 0)

static const struct op ops[] = {
	{ .name = "ANY, ready", .setup = setup_ready, .run = run_wait, .verify = verify_ready,
	  .nr = 1, .copies = 2 },
	{ .name = "ANY, 64 ready", .setup = setup_ready, .run = run_wait, .verify = verify_ready,
	  .nr = 64, .alert = true, .copies = 2 },
	{ .name = "ALL, 64 ready", .setup = setup_ready, .run = run_wait, .verify = verify_ready,
	  .nr = 64, .alert = true, .all = true, .copies = 2 },
	{ .name = "ANY, alert is set", .setup = setup_signaled_alert, .run = run_wait,
	  .verify = verify_alert, .nr = 5, .alert = true, .copies = 2 },
	{ .name = "ALL, alert is set", .setup = setup_signaled_alert, .run = run_wait,
	  .verify = verify_alert, .nr = 5, .alert = true, .all = true, .copies = 2 },
	{ .name = "ANY, abandoned", .setup = setup_abandoned, .run = run_wait,
	  .verify = verify_owner_dead, .want = -EOWNERDEAD, .nr = 1, .copies = 2 },
	{ .name = "ALL, abandoned", .setup = setup_abandoned, .run = run_wait,
	  .verify = verify_owner_dead, .want = -EOWNERDEAD, .nr = 1, .all = true, .copies = 2 },
	{ .name = "ANY, no time", .setup = setup_blocked, .run = run_wait, .verify = verify_timeout,
	  .want = -ETIMEDOUT, .nr = 64, .alert = true, .copies = 2 },
	{ .name = "ALL, no time", .setup = setup_blocked, .run = run_wait, .verify = verify_timeout,
	  .want = -ETIMEDOUT, .nr = 64, .alert = true, .all = true, .copies = 2 },
	{ .name = "ANY of a FIFO task, no time", .setup = setup_held, .run = run_wait,
	  .verify = verify_timeout, .want = -ETIMEDOUT, .nr = 17, .fifo = true, .copies = 2 },

	EACH_SIZE(SLEEPS, any),
	EACH_SIZE(SLEEPS, all),
	EACH_FIFO_SIZE(SLEEPS_FIFO, any),
	EACH_FIFO_SIZE(SLEEPS_FIFO, all),

	{ .name = "ANY of a FIFO task, chain", .setup = setup_chain, .run = run_wait,
	  .verify = verify_timeout, .want = -ETIMEDOUT, .sleeps = true, .nr = 1, .fifo = true,
	  .renews = true, .copies = 2 },
	{ .name = "ALL of a FIFO task, chain", .setup = setup_chain, .run = run_wait,
	  .verify = verify_timeout, .want = -ETIMEDOUT, .sleeps = true, .nr = 1, .all = true,
	  .fifo = true, .renews = true, .copies = 2 },
	/* The mutex has its contribution already. */
	{ .name = "ANY of a FIFO task, behind another", .setup = setup_inherited, .run = run_wait,
	  .verify = verify_timeout, .want = -ETIMEDOUT, .sleeps = true, .nr = 1, .fifo = true,
	  .copies = 2 },
};

int main(void)
{
	return RUN_OPS(ops);
}
