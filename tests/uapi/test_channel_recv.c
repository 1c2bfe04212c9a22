// SPDX-License-Identifier: GPL-2.0-only
/* Which receiver gets a request: exactly one, the highest, by any of the three calls. */
#include "channel.h"

#include <semaphore.h>
#include <signal.h>

static const unsigned long receives[] = { RECV, RECV2, TRY_RECV2 };
static const unsigned long blocking[] = { RECV, RECV2 };

static void an_empty_channel(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2);
	request_t got = { .entry_id = UNTOUCHED, .thread_token = UNTOUCHED };
	const request_t before = got;

	assert_ret(receive(channel, TRY_RECV2, &got), -EAGAIN);
	assert_memory_equal(&got, &before, sizeof(got));
	/* A request that a receiver works on can't be received. */
	start_send(f, channel, 0, 1);
	take(channel, 0, 1);
	assert_ret(receive(channel, TRY_RECV2, &got), -EAGAIN);
	assert_memory_equal(&got, &before, sizeof(got));
	/* The address is not checked before there is a request. */
	assert_ret(receive(channel, TRY_RECV2, NULL), -EAGAIN);
}

static void each_call_takes_what_is_there(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2);

	for (size_t i = 0; i < ARRAY_SIZE(receives); i++) {
		struct call *sender = start_send(f, channel, 10 + i, i);

		assert_ret(reply(channel, take_by(channel, receives[i], 10 + i, i)), 0);
		assert_call(sender, 0);
		assert_empty(channel);
	}
}

static void each_call_waits(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2);

	for (size_t i = 0; i < ARRAY_SIZE(blocking); i++) {
		struct call *receiver = start_recv(f, channel, blocking[i], NULL);
		struct call *sender = start_send(f, channel, 10 + i, i);

		assert_ret(reply(channel, assert_got(receiver, 10 + i, i)), 0);
		assert_call(sender, 0);
		call_end(receiver);
	}
}

/*
 * One request, one receiver. The others have not run in between, so none of them was woken for
 * nothing.
 */
#define PARKED 6

static int count_out(struct call *const receivers[PARKED])
{
	int out = 0;

	for (int i = 0; i < PARKED; i++)
		out += call_out(receivers[i]);
	return out;
}

static void one_request_wakes_one(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 8);
	struct call *receivers[PARKED];
	long switches[PARKED];

	for (int i = 0; i < PARKED; i++) {
		receivers[i] = start_recv(f, channel, blocking[i % 2], NULL);
		switches[i] = call_switches(receivers[i]);
	}
	for (int n = 1; n <= PARKED; n++) {
		start_send(f, channel, 0, n);
		while (count_out(receivers) < n)
			sleep_ms(1);
		assert_int_equal(count_out(receivers), n);
		for (int i = 0; i < PARKED; i++) {
			if (!call_out(receivers[i]))
				assert_int_equal(call_switches(receivers[i]), switches[i]);
		}
		assert_int_equal(channel_info(channel, "waiters-any"), PARKED - n);
		assert_int_equal(channel_info(channel, "dispatched"), n);
	}
	assert_depth(channel, 0);
}

static void the_highest_receiver_gets_it(void **state)
{
	static const struct waiter_sched scheds[] = {
		{ .policy = SCHED_FIFO, .prio = 30 }, { .policy = SCHED_OTHER },
		{ .policy = SCHED_RR, .prio = 50 },   { .policy = SCHED_FIFO, .prio = 10 },
		{ .policy = SCHED_FIFO, .prio = 30 }, { .policy = SCHED_BATCH },
	};
	static const int order[] = { 2, 0, 4, 3, 1, 5 };
	struct fixture *f = *state;
	int channel = new_channel(f, 8);
	struct call *receivers[ARRAY_SIZE(scheds)];

	need_realtime();
	for (size_t i = 0; i < ARRAY_SIZE(scheds); i++)
		receivers[i] = start_recv(f, channel, blocking[i % 2], &scheds[i]);
	for (size_t n = 0; n < ARRAY_SIZE(order); n++) {
		start_send(f, channel, 1 + n, n);
		assert_got(receivers[order[n]], 1 + n, n);
		for (size_t later = n + 1; later < ARRAY_SIZE(order); later++)
			assert_call_asleep(receivers[order[later]]);
	}
}

/* The processes of the receivers make no difference. */
static int park(struct peer *p, void *arg)
{
	struct sched_param param = { .sched_priority = 40 };
	request_t got;

	CHECK(!sched_setscheduler(0, SCHED_FIFO, &param));
	CHECK(!receive(*(int *)arg, RECV, &got));
	peer_say(p, got.payload_off);
	peer_wait(p);
	CHECK(!reply(*(int *)arg, got.entry_id));
	return 0;
}

static void the_highest_receiver_of_several_processes(void **state)
{
	static const struct waiter_sched above = { .policy = SCHED_FIFO, .prio = 50 };
	static const struct waiter_sched below = { .policy = SCHED_FIFO, .prio = 30 };
	struct fixture *f = *state;
	int channel = new_channel(f, 8);
	struct call *mine[2], *sender;
	struct peer *p;

	need_realtime();
	mine[0] = start_recv(f, channel, RECV, &below);
	p = peer_start(f, park, &channel);
	peer_await_asleep(p, RECV);
	mine[1] = start_recv(f, channel, RECV, &above);
	start_send(f, channel, 0, 1);
	assert_got(mine[1], 0, 1);
	sender = start_send(f, channel, 0, 2);
	assert_int_equal(peer_hear(p), 2);
	assert_call_asleep(mine[0]);
	peer_go(p);
	assert_call(sender, 0);
	assert_peer_ok(p);
	start_send(f, channel, 0, 3);
	assert_got(mine[0], 0, 3);
}

static void the_rest_is_pending(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 8);
	struct call *recv = start_recv(f, channel, RECV, NULL);
	struct call *recv2 = start_recv(f, channel, RECV2, NULL), *late;

	for (uint64_t i = 1; i <= 5; i++)
		start_send(f, channel, 10 * i, i);
	assert_got(recv, 10, 1);
	assert_got(recv2, 20, 2);
	assert_depth(channel, 3);
	take_by(channel, TRY_RECV2, 50, 5);
	late = call_running(f, channel, RECV, NULL, NULL);
	assert_got(late, 40, 4);
	take_by(channel, RECV2, 30, 3);
	assert_empty(channel);
}

/*
 * The request belongs to the receiver from the moment of the send on, even if the receiver can't
 * run for a while. The test occupies CPU 0, on which the receiver is; a thread on another CPU sends
 * and checks.
 */
static const struct waiter_sched on_cpu_0 = { .policy = SCHED_FIFO, .prio = 10, .cpu = 1 };

struct outside {
	struct fixture *f;
	int channel;
	struct call *receiver;
	bool signal_first, signal_last;
	pthread_t thread;
	sem_t go;
	atomic_bool done;
	int sent, tried;
};

static void *send_and_try(void *arg)
{
	static const struct waiter_sched cpu_1 = { .policy = SCHED_OTHER, .cpu = 2 };
	struct outside *o = arg;
	struct call *sender;
	request_t got;

	sem_wait(&o->go);
	if (o->signal_first)
		call_signal(o->receiver, SIGUSR1);
	sender = call_running(o->f, o->channel, SEND, &MESSAGE(0, 1), &cpu_1);
	o->sent = call_asleep(sender);
	if (o->signal_last)
		call_signal(o->receiver, SIGUSR1);
	o->tried = receive(o->channel, TRY_RECV2, &got);
	atomic_store(&o->done, true);
	return NULL;
}

/*
 * The signal, if any, comes before or after the request; the receiver can't run until both have
 * come. The thread on CPU 1 waits on a semaphore, not for a timer: a timer that it starts before it
 * is moved there expires on CPU 0, where PREEMPT_RT's timer thread can't run, either.
 */
static void check_while_it_cannot_run(struct fixture *f, bool signal_first, bool signal_last)
{
	static struct outside o;
	cpu_set_t cpu;
	int channel = new_channel(f, 8);

	need_realtime();
	need_cpus(2);
	o = (struct outside){ .f = f, .channel = channel, .signal_first = signal_first,
			      .signal_last = signal_last };
	count_signals(SIGUSR1, 0);
	o.receiver = start_recv(f, channel, RECV, &on_cpu_0);
	sem_init(&o.go, 0, 0);
	pthread_create(&o.thread, NULL, send_and_try, &o);
	CPU_ZERO(&cpu);
	CPU_SET(1, &cpu);
	pthread_setaffinity_np(o.thread, sizeof(cpu), &cpu);
	occupy_cpu(50);
	sem_post(&o.go);
	while (!atomic_load(&o.done))
		;
	free_cpu();
	pthread_join(o.thread, NULL);
	sem_destroy(&o.go);
	assert_true(o.sent);
	assert_ret(o.tried, -EAGAIN);
	assert_got(o.receiver, 0, 1);
	assert_int_equal(atomic_load(&signals_counted), signal_first || signal_last);
}

static void it_is_handed_over(void **state)
{
	check_while_it_cannot_run(*state, false, false);
}

static void a_request_beats_a_later_signal(void **state)
{
	check_while_it_cannot_run(*state, false, true);
}

/* It was still waiting when the request came, so it got the request. */
static void a_request_beats_an_earlier_signal(void **state)
{
	check_while_it_cannot_run(*state, true, false);
}

static void a_signal_ends_it(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 8);

	count_signals(SIGUSR1, 0);
	for (size_t i = 0; i < ARRAY_SIZE(blocking); i++) {
		struct call *receiver = start_recv(f, channel, blocking[i], NULL);

		call_signal(receiver, SIGUSR1);
		assert_call(receiver, -EINTR);
		assert_int_equal(channel_info(channel, "waiters-any"), 0);
		/* The receiver has left its call: this request is not for it. */
		start_send(f, channel, 0, i);
		serve(channel, 0, i);
	}
}

static void a_restart_goes_on_waiting(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 8);

	for (size_t i = 0; i < ARRAY_SIZE(blocking); i++) {
		struct call *receiver = start_recv(f, channel, blocking[i], NULL);

		count_signals(SIGUSR1, SA_RESTART);
		for (int n = 1; n <= 3; n++) {
			call_signal(receiver, SIGUSR1);
			await_signals(n);
			assert_call_asleep(receiver);
		}
		start_send(f, channel, 0, i);
		assert_got(receiver, 0, i);
	}
}

/* The next highest receiver gets the request that would have been for the one that has left. */
static void a_receiver_that_leaves_is_no_receiver(void **state)
{
	static const struct waiter_sched high = { .policy = SCHED_FIFO, .prio = 50 };
	struct fixture *f = *state;
	int channel = new_channel(f, 8);
	struct call *left, *stays;

	need_realtime();
	count_signals(SIGUSR1, 0);
	left = start_recv(f, channel, RECV, &high);
	stays = start_recv(f, channel, RECV, NULL);
	call_signal(left, SIGUSR1);
	assert_call(left, -EINTR);
	start_send(f, channel, 0, 1);
	assert_got(stays, 0, 1);
}

/* A receiver may work on any number of requests, and reply in any order. */
static void several_at_a_time(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 8);
	struct call *senders[7];
	uint64_t ids[7];

	for (int i = 0; i < 7; i++)
		senders[i] = start_send(f, channel, i, i);
	for (int i = 6; i >= 0; i--)
		ids[i] = take_by(channel, receives[i % 3], i, i);
	for (int i = 0; i < 7; i++) {
		int next = i * 3 % 7;

		assert_ret(reply(channel, ids[next]), 0);
		assert_call(senders[next], 0);
		for (int j = i + 1; j < 7; j++)
			assert_call_asleep(senders[j * 3 % 7]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CHANNEL_TEST(an_empty_channel),
		CHANNEL_TEST(each_call_takes_what_is_there),
		CHANNEL_TEST(each_call_waits),
		CHANNEL_TEST(one_request_wakes_one),
		CHANNEL_TEST(the_highest_receiver_gets_it),
		CHANNEL_TEST(the_highest_receiver_of_several_processes),
		CHANNEL_TEST(the_rest_is_pending),
		CHANNEL_TEST(it_is_handed_over),
		CHANNEL_TEST(a_request_beats_a_later_signal),
		CHANNEL_TEST(a_request_beats_an_earlier_signal),
		CHANNEL_TEST(a_signal_ends_it),
		CHANNEL_TEST(a_restart_goes_on_waiting),
		CHANNEL_TEST(a_receiver_that_leaves_is_no_receiver),
		CHANNEL_TEST(several_at_a_time),
	};

	return RUN(tests);
}
