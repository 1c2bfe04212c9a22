// SPDX-License-Identifier: GPL-2.0-only
/*
 * The signal stands, also when there is no memory for the wait: then as after a deadline.
 */
#include "fail_nth.h"

/* An event to signal, and something to wait for. */
static void setup_ready(struct stage *s)
{
	watch(s, new_auto(s->f, false));
	watch(s, new_sem(s->f, 1, 1));
}

static void setup_blocked(struct stage *s)
{
	watch(s, new_auto(s->f, false));
	watch(s, new_sem(s->f, 0, 1));
}

static void setup_held(struct stage *s)
{
	watch(s, new_auto(s->f, false));
	watch(s, new_mutex(s->f, 0, 0));
	add_holder(s, &s->objs[1], 1, s->gate);
}

static int run_signal_and_wait(struct stage *s)
{
	const struct ntsync_signal_and_wait_args args = {
		.signal = s->objs[0], .wait = s->objs[1], .owner = SELF,
		.timeout = s->deadline, .index = UNTOUCHED,
	};

	return call(s, s->f->dev, NTSYNC_IOC_SIGNAL_AND_WAIT, &args, sizeof(args));
}

static void verify_ready(struct stage *s)
{
	assert_int_equal(((const struct ntsync_signal_and_wait_args *)s->arg)->index, 0);
	reset_event(s->objs[0], 1);
	release(s->objs[1], 1, 0);
}

static void verify_timeout(struct stage *s)
{
	reset_event(s->objs[0], 1);
}

static void settle_signal(struct stage *s, enum injected injected)
{
	if (injected == MEMORY)
		reset_event(s->objs[0], 1);
}

static const struct op ops[] = {
	{ .name = "SIGNAL_AND_WAIT, ready", .setup = setup_ready, .run = run_signal_and_wait,
	  .verify = verify_ready, .copies = 1 },
	{ .name = "SIGNAL_AND_WAIT sleeps", .setup = setup_blocked, .run = run_signal_and_wait,
	  .verify = verify_timeout, .want = -ETIMEDOUT, .sleeps = true, .copies = 1 },
	{ .name = "SIGNAL_AND_WAIT of a FIFO task", .setup = setup_held,
	  .run = run_signal_and_wait, .verify = verify_timeout, .settle = settle_signal,
	  .want = -ETIMEDOUT, .fifo = true, .anew = true, .sleeps = true, .copies = 1 },
};

int main(void)
{
	return RUN_OPS(ops);
}
