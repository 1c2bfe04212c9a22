// SPDX-License-Identifier: GPL-2.0-only
#include "fail_nth.h"

static int run_create_sem(struct scenario *s)
{
	return store_fd(s, call_pair(s, s->f->dev, NTSYNC_IOC_CREATE_SEM, 2, 3));
}

static void verify_create_sem(struct scenario *s)
{
	assert_sem(s->made, 2, 3);
	close(s->made);
}

static void setup_sem(struct scenario *s)
{
	add_object(s, new_sem(s->f, 1, 5));
}

static int run_release(struct scenario *s)
{
	return call_word(s, NTSYNC_IOC_SEM_RELEASE, 2);
}

static void verify_release(struct scenario *s)
{
	assert_int_equal(read_result(s, 0), 1);
	assert_sem(s->objs[0], 3, 5);
	assert_ret(try_wait(s->f, s->objs[0], SELF), 0);
	assert_ret(try_wait(s->f, s->objs[0], SELF), 0);
}

static int run_sem_read(struct scenario *s)
{
	return call_pair(s, s->objs[0], NTSYNC_IOC_SEM_READ, UNTOUCHED, UNTOUCHED);
}

static void verify_sem_read(struct scenario *s)
{
	assert_int_equal(read_result(s, 0), 1);
	assert_int_equal(read_result(s, 1), 5);
}

static void setup_sem_waiter(struct scenario *s)
{
	add_object(s, new_sem(s->f, 0, 5));
	wait_for_first(s, SCHED_OTHER, 0);
}

static int run_release_one(struct scenario *s)
{
	return call_word(s, NTSYNC_IOC_SEM_RELEASE, 1);
}

static void verify_sem_waiter(struct scenario *s)
{
	assert_int_equal(read_result(s, 0), 0);
	assert_woken(s->waiter, 0, 0);
	wait_for_first(s, SCHED_OTHER, 0);
}

static const struct op ops[] = {
	{ .name = "CREATE_SEM", .run = run_create_sem, .verify = verify_create_sem, .memory = 2,
	  .copies = 1 },
	{ .name = "SEM_RELEASE", .setup = setup_sem, .run = run_release, .verify = verify_release },
	{ .name = "SEM_RELEASE to a waiter", .setup = setup_sem_waiter, .run = run_release_one,
	  .verify = verify_sem_waiter },
	{ .name = "SEM_READ", .setup = setup_sem, .run = run_sem_read, .verify = verify_sem_read,
	  .copies = 1 },
};

int main(void)
{
	return RUN_OPS(ops);
}
