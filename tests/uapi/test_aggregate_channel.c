// SPDX-License-Identifier: GPL-2.0-only
/*
 * AGGREGATE_WAIT on channels: it is ready while a request is pending, and each request wakes one
 * waiter.
 */
#include "aggregate.h"

/* The wait has returned with the readiness of the channel. */
#define assert_agg_notified(w) assert_agg_woken(w, 0, 0, 0)
#define agg_start_on_channel(f, channel) agg_start_on(f, OBJ(channel))

/* ---- level-triggered ---- */

static void tells_as_long_as_something_is_pending(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4), sem = new_sem(f, 0, 1);
	struct call *a, *b;

	assert_agg_nothing(f, OBJ(channel));
	a = start_send(f, channel, 10, 1);
	b = start_send(f, channel, 20, 2);
	for (int i = 0; i < 3; i++)
		assert_agg_ready(f, 1, 0, OBJ(sem), OBJ(channel));
	assert_depth(channel, 2);
	serve(channel, 20, 2);
	assert_agg_ready(f, 0, 0, OBJ(channel));
	serve(channel, 10, 1);
	assert_agg_nothing(f, OBJ(channel));
	assert_call(a, 0);
	assert_call(b, 0);
}

static void a_dispatched_request_is_not_pending(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 1);
	struct call *sender;
	uint64_t id;

	sender = start_send(f, channel, 10, 1);
	id = take(channel, 10, 1);
	assert_agg_nothing(f, OBJ(channel));
	assert_ret(reply(channel, id), 0);
	assert_call(sender, 0);
}

static void wakes_a_sleeper(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 1), sem = new_sem(f, 0, 1), fd = new_eventfd(f, 0);
	struct call *sender;
	struct agg_wait *w;

	w = agg_start_on(f, FILE_IN(fd), OBJ(sem), OBJ(channel));
	sender = start_send(f, channel, 0, 1);
	assert_agg_woken(w, 0, 2, 0);
	assert_depth(channel, 1);
	serve(channel, 0, 1);
	assert_call(sender, 0);
}

static void in_the_order_of_the_array(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 1), other = new_channel(f, 1), sem = new_sem(f, 1, 1);
	int fd = new_eventfd(f, 1);

	start_send(f, channel, 0, 1);
	start_send(f, other, 99, 1);
	assert_agg_ready(f, 1, 0, FILE_IN(fd), OBJ(channel), OBJ(sem), OBJ(other));
	assert_agg_ready(f, 0, 0, OBJ(other), FILE_IN(fd), OBJ(channel), OBJ(sem));
	assert_agg_ready(f, 0, 0, OBJ(sem), OBJ(other));
	assert_sem(sem, 0, 1);
	serve(channel, 0, 1);
	assert_agg_ready(f, 3, 0, FILE_IN(fd), OBJ(channel), OBJ(sem), OBJ(other));
	serve(other, 99, 1);
	assert_agg_ready(f, 0, POLLIN, FILE_IN(fd), OBJ(channel), OBJ(sem), OBJ(other));
}

static void the_same_channel_twice(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2), same = own_fd(f, dup(channel));
	struct agg_wait *w;

	for (int i = 0; i < 3; i++) {
		w = agg_start_on(f, OBJ(channel), OBJ(same), OBJ(channel));
		start_send(f, channel, 0, i);
		assert_agg_notified(w);
		serve(channel, 0, i);
		/* Else it would be the one to be woken for the next request. */
		call_end(agg_of(w));
	}
}

/* ---- one request, one waiter ---- */

#define CROWD 8

static unsigned int count_out(struct agg_wait *const *waits)
{
	unsigned int out = 0;

	for (size_t i = 0; i < CROWD; i++)
		out += !call_asleep(agg_of(waits[i]));
	return out;
}

static void one_request_wakes_one(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, CROWD), sem = new_sem(f, 0, 1);
	struct agg_wait *waits[CROWD];
	long switches[CROWD];

	for (size_t i = 0; i < CROWD; i++)
		waits[i] = agg_start_on(f, OBJ(channel), OBJ(sem));
	for (size_t n = 1; n <= CROWD; n++) {
		for (size_t i = 0; i < CROWD; i++)
			switches[i] = call_switches(agg_of(waits[i]));
		start_send(f, channel, 0, n);
		/* In order of arrival, as all have the same priority. */
		assert_agg_notified(waits[n - 1]);
		assert_int_equal(count_out(waits), n);
		/* The other waiters have not run at all. */
		for (size_t i = n; i < CROWD; i++)
			assert_int_equal(call_switches(agg_of(waits[i])), switches[i]);
	}
	for (size_t n = 1; n <= CROWD; n++)
		serve(channel, 0, n);
}

static void highest_waiter_first(void **state)
{
	const struct waiter_sched high = { .policy = SCHED_FIFO, .prio = 20 };
	struct fixture *f = *state;
	int channel = new_channel(f, 2);
	struct agg_wait *normal, *urgent;

	need_realtime();
	normal = agg_start_on_channel(f, channel);
	urgent = agg_running(f, AGG_FOREVER(OBJ(channel)), &high);
	assert_agg_asleep(urgent);
	start_send(f, channel, 0, 1);
	assert_agg_notified(urgent);
	assert_agg_asleep(normal);
	start_send(f, channel, 0, 2);
	assert_agg_notified(normal);
	serve(channel, 0, 1);
	serve(channel, 0, 2);
}

/* Receivers and aggregate waiters are in the same queue. */
static void beside_receivers(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2);
	struct agg_wait *w;
	struct call *receiver;

	receiver = start_recv(f, channel, RECV2, NULL);
	w = agg_start_on_channel(f, channel);
	start_send(f, channel, 10, 1);
	assert_ret(reply(channel, assert_got(receiver, 10, 1)), 0);
	assert_agg_asleep(w);
	start_send(f, channel, 10, 2);
	assert_agg_notified(w);
	serve(channel, 10, 2);
}

/* Readiness reserves no request: another thread may receive it first. */
static void a_notification_reserves_nothing(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2);
	struct agg_wait *w;

	w = agg_start_on_channel(f, channel);
	start_send(f, channel, 10, 1);
	assert_agg_notified(w);
	serve(channel, 10, 1);
}

/* ---- receivers and processes ---- */

static void a_waiter_is_a_receiver(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2), sem = new_sem(f, 1, 1);

	assert_int_equal(channel_info(channel, "receivers"), 0);
	/* Also after a wait that something else has ended. */
	assert_agg_ready(f, 0, 0, OBJ(sem), OBJ(channel));
	assert_int_equal(channel_info(channel, "receivers"), 1);
	assert_agg_nothing(f, OBJ(sem), OBJ(channel));
	assert_int_equal(channel_info(channel, "receivers"), 1);
}

/* The only process that could receive. */
static int poll_once(struct peer *p, void *arg)
{
	const int *fds = arg;
	const source_t sources[] = { OBJ(fds[1]) };
	agg_t args = AGG_ARGS(.nb_sources = 1, .sources = (uintptr_t)sources);

	CHECK(!agg_call(fds[0], &args));
	peer_say(p, 0);
	peer_wait(p);
	return 0;
}

static void senders_of_a_waiter_that_left(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2), fds[] = { f->dev, channel };
	struct call *sender;
	struct peer *p;

	sender = start_send(f, channel, 0, 1);
	p = peer_start(f, poll_once, fds);
	peer_hear(p);
	peer_kill(p);
	assert_call(sender, -EPIPE);
	assert_ret(try_send(channel, 0, 2), -EPIPE);
	/* Until another process receives from the channel. */
	assert_agg_nothing(f, OBJ(channel));
	start_send(f, channel, 0, 3);
	serve(channel, 0, 3);
}

static void closed_by_the_process(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2), other = own_fd(f, dup(channel)), sem = new_sem(f, 0, 1);
	struct agg_wait *plain, *twice;

	plain = agg_start_on(f, OBJ(sem), OBJ(channel));
	twice = agg_start_on(f, OBJ(channel), OBJ(other), OBJ(channel));
	close_fd(f, channel);
	assert_agg_asleep(plain);
	assert_agg_asleep(twice);
	close_fd(f, other);
	assert_agg_woken(plain, -EBADF, 0, 0);
	assert_agg_woken(twice, -EBADF, 0, 0);
	assert_sem(sem, 0, 1);
}

/* Another process still has a descriptor of the channel. */
static int keep_open(struct peer *p, void *arg)
{
	(void)arg;
	peer_say(p, 0);
	peer_wait(p);
	return 0;
}

static void closed_here_and_open_there(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2);
	struct agg_wait *w;
	struct peer *p;

	p = peer_start(f, keep_open, NULL);
	peer_hear(p);
	w = agg_start_on_channel(f, channel);
	close_fd(f, channel);
	assert_agg_woken(w, -EBADF, 0, 0);
	peer_go(p);
	assert_peer_ok(p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		AGG_TEST(tells_as_long_as_something_is_pending),
		AGG_TEST(a_dispatched_request_is_not_pending),
		AGG_TEST(wakes_a_sleeper),
		AGG_TEST(in_the_order_of_the_array),
		AGG_TEST(the_same_channel_twice),
		AGG_TEST(one_request_wakes_one),
		AGG_TEST(highest_waiter_first),
		AGG_TEST(beside_receivers),
		AGG_TEST(a_notification_reserves_nothing),
		AGG_TEST(a_waiter_is_a_receiver),
		AGG_TEST(senders_of_a_waiter_that_left),
		AGG_TEST(closed_by_the_process),
		AGG_TEST(closed_here_and_open_there),
	};

	return RUN(tests);
}
