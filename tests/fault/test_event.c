// SPDX-License-Identifier: GPL-2.0-only
#include "fail_nth.h"

static int run_create_event(struct scenario *s)
{
	return store_fd(s, call_pair(s, s->f->dev, NTSYNC_IOC_CREATE_EVENT, 1, 1));
}

static void verify_create_event(struct scenario *s)
{
	assert_event(s->made, 1, 1);
	close(s->made);
}

static void setup_event(struct scenario *s)
{
	add_object(s, new_auto(s->f, false));
}

static void setup_signaled(struct scenario *s)
{
	add_object(s, new_auto(s->f, true));
}

static void setup_event_waiter(struct scenario *s)
{
	setup_event(s);
	wait_for_first(s, SCHED_OTHER, 0);
}

static int run_set(struct scenario *s)
{
	return call_word(s, NTSYNC_IOC_EVENT_SET, UNTOUCHED);
}

static int run_reset(struct scenario *s)
{
	return call_word(s, NTSYNC_IOC_EVENT_RESET, UNTOUCHED);
}

static int run_pulse(struct scenario *s)
{
	return call_word(s, NTSYNC_IOC_EVENT_PULSE, UNTOUCHED);
}

static int call_set_pi(int event, uint32_t prio)
{
	struct ntsync_event_set_pi_args args = { .policy = SCHED_FIFO, .prio = prio };

	return nt(event, NTSYNC_IOC_EVENT_SET_PI, &args);
}

static int run_set_pi(struct scenario *s)
{
	struct ntsync_event_set_pi_args args = { .policy = SCHED_FIFO, .prio = 20 };

	return call(s, s->objs[0], NTSYNC_IOC_EVENT_SET_PI, &args, sizeof(args));
}

static void verify_set(struct scenario *s)
{
	reset_event(s->objs[0], 1);
}

static void verify_reset(struct scenario *s)
{
	assert_int_equal(read_result(s, 0), 1);
	set_event(s->objs[0], 0);
}

static void verify_woken(struct scenario *s)
{
	assert_woken(s->waiter, 0, 0);
	await_no_records();
	wait_for_first(s, SCHED_OTHER, 0);
}

static int run_event_read(struct scenario *s)
{
	return call_pair(s, s->objs[0], NTSYNC_IOC_EVENT_READ, UNTOUCHED, UNTOUCHED);
}

static void verify_event_read(struct scenario *s)
{
	assert_int_equal(read_result(s, 0), 0);
	assert_int_equal(read_result(s, 1), 1);
}

/* The signal comes with FIFO @prio, and the next wait ends the boost. */
static void assert_boost(struct scenario *s, uint32_t prio)
{
	struct task_attr attr;

	assert_int_equal(task_get_attr(0, &attr), 0);
	assert_int_equal(attr.policy, SCHED_FIFO);
	assert_int_equal(attr.prio, prio);
	assert_not_ready(s->f, s->gate);
	assert_int_equal(task_get_attr(0, &attr), 0);
	assert_int_equal(attr.policy, SCHED_OTHER);
}

static void consume_boost(struct scenario *s, uint32_t prio)
{
	assert_ret(try_wait(s->f, s->objs[0], SELF), 0);
	assert_boost(s, prio);
	assert_ret(call_set_pi(s->objs[0], 10), 0);
}

static void setup_staged(struct scenario *s)
{
	setup_event(s);
	assert_ret(call_set_pi(s->objs[0], 10), 0);
}

static void verify_staged(struct scenario *s)
{
	consume_boost(s, 20);
}

/* The boost of the earlier signal has stayed. */
static void refused_staged(struct scenario *s)
{
	consume_boost(s, 10);
}

static int run_consume(struct scenario *s)
{
	const struct ntsync_wait_args args = ARGS(.objs = (uintptr_t)s->objs, .count = 1,
						  .owner = SELF);

	return call(s, s->f->dev, ANY, &args, sizeof(args));
}

static void verify_consumed(struct scenario *s)
{
	assert_boost(s, 10);
	assert_ret(call_set_pi(s->objs[0], 10), 0);
}

static const struct op ops[] = {
	{ .name = "CREATE_EVENT", .run = run_create_event, .verify = verify_create_event,
	  .memory = 2, .copies = 1 },
	{ .name = "EVENT_SET", .setup = setup_event, .run = run_set, .verify = verify_set },
	{ .name = "EVENT_SET to a waiter", .setup = setup_event_waiter, .run = run_set,
	  .verify = verify_woken },
	{ .name = "EVENT_RESET", .setup = setup_signaled, .run = run_reset,
	  .verify = verify_reset },
	{ .name = "EVENT_PULSE", .setup = setup_event, .run = run_pulse },
	{ .name = "EVENT_PULSE to a waiter", .setup = setup_event_waiter, .run = run_pulse,
	  .verify = verify_woken },
	{ .name = "EVENT_SET_PI", .setup = setup_event, .run = run_set_pi, .verify = verify_set,
	  .copies = 1 },
	{ .name = "EVENT_SET_PI to a waiter", .setup = setup_event_waiter, .run = run_set_pi,
	  .verify = verify_woken, .copies = 1 },
	{ .name = "EVENT_SET_PI in place of another", .setup = setup_staged, .run = run_set_pi,
	  .verify = verify_staged, .refused = refused_staged, .copies = 1 },
	{ .name = "ANY takes a boost", .setup = setup_staged, .run = run_consume,
	  .verify = verify_consumed, .copies = 2 },
	{ .name = "EVENT_READ", .setup = setup_signaled, .run = run_event_read,
	  .verify = verify_event_read, .copies = 1 },
};

int main(void)
{
	return RUN_OPS(ops);
}
