// SPDX-License-Identifier: GPL-2.0-only
/* The signal stands even if there is no memory for the wait, as it does after a deadline. */
#include "fail_nth.h"

/* An event to signal, and an object to wait for. */
static void setup_ready(struct scenario *s)
{
	add_object(s, new_auto(s->f, false));
	add_object(s, new_sem(s->f, 1, 1));
}

static void setup_blocked(struct scenario *s)
{
	add_object(s, new_auto(s->f, false));
	add_object(s, new_sem(s->f, 0, 1));
}

static void setup_held(struct scenario *s)
{
	add_object(s, new_auto(s->f, false));
	add_object(s, new_mutex(s->f, 0, 0));
	add_holder(s, &s->objs[1], 1, s->gate);
}

static int run_signal_and_wait(struct scenario *s)
{
	const struct ntsync_signal_and_wait_args args = {
		.signal = s->objs[0], .wait = s->objs[1], .owner = SELF,
		.timeout = s->deadline, .index = UNTOUCHED,
	};

	return call(s, s->f->dev, NTSYNC_IOC_SIGNAL_AND_WAIT, &args, sizeof(args));
}

static void verify_ready(struct scenario *s)
{
	assert_int_equal(((const struct ntsync_signal_and_wait_args *)s->arg)->index, 0);
	reset_event(s->objs[0], 1);
	release(s->objs[1], 1, 0);
}

static void verify_timeout(struct scenario *s)
{
	reset_event(s->objs[0], 1);
}

static void fix_up_signal(struct scenario *s, enum injected injected)
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
	  .run = run_signal_and_wait, .verify = verify_timeout, .fix_up = fix_up_signal,
	  .want = -ETIMEDOUT, .fifo = true, .renews = true, .sleeps = true, .copies = 1 },
};

int main(void)
{
	return RUN_OPS(ops);
}
