// SPDX-License-Identifier: GPL-2.0-only
#include "../uapi/channel.h"
#include "fail_nth.h"

#include <poll.h>

typedef struct ntsync_aggregate_source source_t;

static source_t sources[NTSYNC_AGG_MAX];
static int pipe_fds[2];

static int run_aggregate(struct scenario *s)
{
	const struct ntsync_aggregate_wait_args args = {
		.timeout = s->deadline, .sources = (uintptr_t)sources, .nb_sources = s->op->nr,
		.owner = SELF, .fired_index = UNTOUCHED, .fired_events = UNTOUCHED,
	};

	return call(s, s->f->dev, NTSYNC_IOC_AGGREGATE_WAIT, &args, sizeof(args));
}

static int run_timespec(struct scenario *s)
{
	const struct ntsync_aggregate_wait_timespec_args args = {
		.deadline.tv_nsec = 1, .sources = (uintptr_t)sources, .nb_sources = s->op->nr,
		.owner = SELF, .fired_index = UNTOUCHED, .fired_events = UNTOUCHED,
	};

	return call(s, s->f->dev, NTSYNC_IOC_AGGREGATE_WAIT_TIMESPEC, &args, sizeof(args));
}

static void add_obj(unsigned int i, int obj)
{
	sources[i] = (source_t){ .type = NTSYNC_AGG_OBJECT, .fd = obj };
}

static void add_pipe(struct scenario *s, unsigned int i, bool ready)
{
	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	own_fd(s->f, pipe_fds[0]);
	own_fd(s->f, pipe_fds[1]);
	if (ready)
		assert_int_equal(write(pipe_fds[1], "", 1), 1);
	sources[i] = (source_t){ .type = NTSYNC_AGG_FD, .events = POLLIN, .fd = pipe_fds[0] };
}

/* Semaphores with count 0, followed by a pipe. */
static void setup_sources(struct scenario *s, bool ready)
{
	for (unsigned int i = 0; i + 1 < s->op->nr; i++)
		add_obj(i, add_object(s, new_sem(s->f, 0, 1)));
	add_pipe(s, s->op->nr - 1, ready);
}

static void setup_blocked(struct scenario *s)
{
	setup_sources(s, false);
}

static void setup_pipe_ready(struct scenario *s)
{
	setup_sources(s, true);
}

static void setup_sem_ready(struct scenario *s)
{
	setup_sources(s, true);
	release(s->objs[1], 1, 0);
}

static void setup_held(struct scenario *s)
{
	add_object(s, new_mutex(s->f, 0, 0));
	add_obj(0, s->objs[0]);
	add_pipe(s, 1, false);
	add_holder(s, s->objs, 1, s->gate);
}

static void setup_channel(struct scenario *s)
{
	add_obj(0, add_object(s, new_channel(s->f, 4)));
	start_send(s->f, s->objs[0], 0, 1);
}

static void assert_fired(const struct scenario *s, uint32_t index, uint32_t events)
{
	const struct ntsync_aggregate_wait_args *args = (const void *)s->arg;

	assert_int_equal(args->fired_index, index);
	assert_int_equal(args->fired_events, events);
}

static void verify_sem(struct scenario *s)
{
	assert_fired(s, 1, 0);
	release(s->objs[1], 1, 0);
}

static void verify_pipe(struct scenario *s)
{
	assert_fired(s, s->op->nr - 1, POLLIN);
}

static void verify_timeout(struct scenario *s)
{
	assert_fired(s, NTSYNC_AGG_TIMEOUT, UNTOUCHED);
}

/* A notified waiter is a receiver, but only a receive gets the request. */
static void verify_channel(struct scenario *s)
{
	assert_fired(s, 0, 0);
	serve(s->objs[0], 0, 1);
	close_fd(s->f, s->info[0]);
	close_fd(s->f, s->objs[0]);
	s->nr_objs = 0;
	setup_channel(s);
}

/* The sources are copied one by one. */
static const struct op ops[] = {
	{ .name = "AGGREGATE_WAIT, semaphore ready", .setup = setup_sem_ready,
	  .run = run_aggregate, .verify = verify_sem, .nr = 5, .memory = 1, .copies = 6 },
	{ .name = "AGGREGATE_WAIT, pipe ready", .setup = setup_pipe_ready, .run = run_aggregate,
	  .verify = verify_pipe, .nr = 5, .memory = 1, .copies = 6 },
	{ .name = "AGGREGATE_WAIT_TIMESPEC, no time", .setup = setup_blocked, .run = run_timespec,
	  .want = -ETIMEDOUT, .nr = 5, .memory = 1, .copies = 6 },
	{ .name = "AGGREGATE_WAIT sleeps", .setup = setup_blocked, .run = run_aggregate,
	  .verify = verify_timeout, .want = -ETIMEDOUT, .sleeps = true, .nr = 20, .memory = 2,
	  .copies = 21 },
	{ .name = "AGGREGATE_WAIT of a FIFO task", .setup = setup_held, .run = run_aggregate,
	  .verify = verify_timeout, .want = -ETIMEDOUT, .fifo = true, .renews = true, .sleeps = true,
	  .nr = 2, .memory = 1, .copies = 3 },
	{ .name = "AGGREGATE_WAIT, a channel for the first time", .setup = setup_channel,
	  .run = run_aggregate, .verify = verify_channel, .teardown = channel_teardown, .nr = 1,
	  .memory = 4, .copies = 2 },
};

int main(void)
{
	return RUN_OPS(ops);
}
