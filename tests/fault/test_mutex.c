// SPDX-License-Identifier: GPL-2.0-only
#include "fail_nth.h"

static int run_create_mutex(struct scenario *s)
{
	return store_fd(s, call_pair(s, s->f->dev, NTSYNC_IOC_CREATE_MUTEX, SELF, 3));
}

static void verify_create_mutex(struct scenario *s)
{
	assert_mutex(s->made, SELF, 3);
	close(s->made);
}

static void setup_owned(struct scenario *s)
{
	add_object(s, new_mutex(s->f, SELF, 2));
}

static int run_unlock(struct scenario *s)
{
	return call_pair(s, s->objs[0], NTSYNC_IOC_MUTEX_UNLOCK, SELF, UNTOUCHED);
}

static void verify_unlock(struct scenario *s)
{
	assert_int_equal(read_result(s, 1), 2);
	assert_mutex(s->objs[0], SELF, 1);
	assert_ret(try_wait(s->f, s->objs[0], SELF), 0);
}

static int run_unlock_of_holder(struct scenario *s)
{
	return call_pair(s, s->objs[0], NTSYNC_IOC_MUTEX_UNLOCK, HOLDER, UNTOUCHED);
}

/* The old holder owns nothing any more; a new one replaces it. */
static void verify_handed_over(struct scenario *s)
{
	assert_woken(s->waiter, 0, 0);
	s->waiter = NULL;
	unlock(s->objs[0], OWNER, 1);
	end_holders(s);
	memset(s->holders, 0, sizeof(s->holders));
	await_no_records();
	add_holder(s, s->objs, 1, s->gate);
	wait_for_first(s, SCHED_FIFO, 20);
	save_state(s);
}

static int run_kill(struct scenario *s)
{
	return call_word(s, NTSYNC_IOC_MUTEX_KILL, SELF);
}

static void verify_kill(struct scenario *s)
{
	assert_abandoned(s->objs[0]);
	assert_ret(try_wait(s->f, s->objs[0], SELF), -EOWNERDEAD);
	assert_ret(try_wait(s->f, s->objs[0], SELF), 0);
}

static int run_mutex_read(struct scenario *s)
{
	return call_pair(s, s->objs[0], NTSYNC_IOC_MUTEX_READ, UNTOUCHED, UNTOUCHED);
}

static void verify_mutex_read(struct scenario *s)
{
	assert_int_equal(read_result(s, 0), SELF);
	assert_int_equal(read_result(s, 1), 2);
}

static void verify_abandoned_read(struct scenario *s)
{
	assert_int_equal(read_result(s, 0), 0);
	assert_int_equal(read_result(s, 1), 0);
}

static const struct op ops[] = {
	{ .name = "CREATE_MUTEX", .run = run_create_mutex, .verify = verify_create_mutex,
	  .memory = 2, .copies = 1 },
	{ .name = "MUTEX_UNLOCK", .setup = setup_owned, .run = run_unlock, .verify = verify_unlock,
	  .copies = 1 },
	{ .name = "MUTEX_UNLOCK to a FIFO task", .setup = setup_inherited,
	  .run = run_unlock_of_holder, .verify = verify_handed_over, .copies = 1 },
	{ .name = "MUTEX_KILL", .setup = setup_owned, .run = run_kill, .verify = verify_kill },
	{ .name = "MUTEX_READ", .setup = setup_owned, .run = run_mutex_read,
	  .verify = verify_mutex_read, .copies = 1 },
	{ .name = "MUTEX_READ, abandoned", .setup = setup_abandoned, .run = run_mutex_read,
	  .verify = verify_abandoned_read, .want = -EOWNERDEAD, .copies = 1 },
};

int main(void)
{
	return RUN_OPS(ops);
}
