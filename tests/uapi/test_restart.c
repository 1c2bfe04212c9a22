// SPDX-License-Identifier: GPL-2.0-only
/*
 * A call that is interrupted and made again keeps its place in the queue, whichever waiters have
 * come meanwhile. Else a thread that is interrupted often would never be served.
 */
#include "aggregate.h"
#include "channel.h"

#include <signal.h>

/* The handler has run, and the waiter sleeps in its call again. */
static void interrupt_waiter(struct waiter *w, int before)
{
	waiter_signal(w, SIGUSR1);
	await_signals(before + 1);
	assert_asleep(w);
}

static void interrupt_call(struct call *c, int before)
{
	call_signal(c, SIGUSR1);
	await_signals(before + 1);
	assert_call_asleep(c);
}

static const unsigned long requests[] = { ANY, ALL };

static void a_wait(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "it arrives anew");
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		for (int alert = 0; alert < 2; alert++) {
			int sem = new_sem(f, 0, 2), other = new_manual(f, requests[i] == ALL);
			struct ntsync_wait_args args =
				ARGS(FDS(sem, other), .owner = OWNER, .timeout = FOREVER,
				     .alert = alert ? new_auto(f, false) : 0);
			struct waiter *first, *second;

			count_signals(SIGUSR1, SA_RESTART);
			first = start(f, requests[i], args);
			second = start(f, requests[i], args);
			for (int n = 0; n < 5; n++)
				interrupt_waiter(first, n);
			release(sem, 1, 0);
			assert_asleep(second);
			assert_woken(first, 0, 0);
			release(sem, 1, 0);
			assert_woken(second, 0, 0);
		}
	}
}

/* Each time that it is interrupted, other waiters have come. */
static void behind_those_who_were_there(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 9);
	struct waiter *w[5];

	only_ours(f, "it arrives anew");
	count_signals(SIGUSR1, SA_RESTART);
	for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
		w[i] = start(f, ANY, ARGS(FDS(sem), .owner = i + 1, .timeout = FOREVER));
		interrupt_waiter(w[i > 2 ? 2 : i], i);
	}
	for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
		release(sem, 1, 0);
		assert_ptr_equal(next_woken(f), w[i]);
	}
}

static void a_pending_request(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4);
	struct call *first, *second;

	count_signals(SIGUSR1, SA_RESTART);
	first = start_send(f, channel, 0, 1);
	second = start_send(f, channel, 0, 2);
	for (int n = 0; n < 5; n++) {
		interrupt_call(first, n);
		assert_depth(channel, 2);
	}
	serve(channel, 0, 1);
	serve(channel, 0, 2);
	assert_call(first, 0);
	assert_call(second, 0);
}

static atomic_int in_handler;
static atomic_bool may_return;

static void stay_in_handler(int sig)
{
	(void)sig;
	atomic_fetch_add(&in_handler, 1);
	while (!atomic_load(&may_return))
		sched_yield();
}

/* Sends until the queue has room; counts how often it had none. */
struct patient {
	int channel, ret;
	atomic_int refused;
};

static void *send_patiently(void *arg)
{
	struct patient *p = arg;

	while ((p->ret = try_send(p->channel, 0, 1)) == -EAGAIN) {
		atomic_fetch_add(&p->refused, 1);
		sleep_ms(1);
	}
	return NULL;
}

/* While its handler runs, another request takes the last place in the queue. */
static void a_request_that_finds_no_room(void **state)
{
	struct fixture *f = *state;
	struct patient p = { .channel = new_channel(f, 2) };
	struct call *second, *third;
	pthread_t first;

	atomic_store(&may_return, false);
	atomic_store(&in_handler, 0);
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = stay_in_handler,
						.sa_flags = SA_RESTART }, NULL);
	assert_int_equal(pthread_create(&first, NULL, send_patiently, &p), 0);
	await_info(p.channel, "depth", 1);
	second = start_send(f, p.channel, 0, 2);
	pthread_kill(first, SIGUSR1);
	while (!atomic_load(&in_handler))
		sleep_ms(1);
	third = start_send(f, p.channel, 0, 3);
	atomic_store(&may_return, true);
	while (!atomic_load(&p.refused))
		sleep_ms(1);
	serve(p.channel, 0, 2);
	await_info(p.channel, "depth", 2);
	serve(p.channel, 0, 1);
	serve(p.channel, 0, 3);
	pthread_join(first, NULL);
	assert_ret(p.ret, 0);
	assert_call(second, 0);
	assert_call(third, 0);
}

static void a_receive(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4);
	struct call *first, *second;

	count_signals(SIGUSR1, SA_RESTART);
	first = start_recv(f, channel, RECV2, NULL);
	second = start_recv(f, channel, RECV2, NULL);
	for (int n = 0; n < 5; n++)
		interrupt_call(first, n);
	start_send(f, channel, 0, 1);
	assert_call_asleep(second);
	assert_ret(reply(channel, assert_got(first, 0, 1)), 0);
}

static void an_aggregate_wait(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 2);
	const struct ntsync_aggregate_source source = { NTSYNC_AGG_OBJECT, 0, sem, 0 };
	const struct ntsync_aggregate_wait_args args = {
		.timeout = FOREVER, .sources = (uintptr_t)&source, .nb_sources = 1,
	};
	struct call *first, *second;

	only_ours(f, "no AGGREGATE_WAIT");
	count_signals(SIGUSR1, SA_RESTART);
	first = call_running(f, f->dev, NTSYNC_IOC_AGGREGATE_WAIT, &args, NULL);
	assert_call_asleep(first);
	second = call_running(f, f->dev, NTSYNC_IOC_AGGREGATE_WAIT, &args, NULL);
	assert_call_asleep(second);
	for (int n = 0; n < 5; n++)
		interrupt_call(first, n);
	release(sem, 1, 0);
	assert_call_asleep(second);
	assert_call(first, 0);
	release(sem, 1, 0);
	assert_call(second, 0);
}

/* ---- what the program repeats, and what does not keep it ---- */

/*
 * The thread waits, is interrupted, and then makes other calls, one after the other, until one
 * sleeps. With a @signal the first call is a SIGNAL_AND_WAIT.
 */
struct script {
	struct fixture *f;
	int signal;
	struct ntsync_wait_args calls[4];
	atomic_int at, tid;
	int ret[4];
	pthread_t thread;
};

static unsigned long script_request(const struct script *s, int call)
{
	return s->signal && !call ? NTSYNC_IOC_SIGNAL_AND_WAIT : ANY;
}

static int signal_and_wait(const struct script *s)
{
	struct ntsync_signal_and_wait_args args = {
		.signal = s->signal, .wait = *(const uint32_t *)(uintptr_t)s->calls[0].objs,
		.owner = s->calls[0].owner, .timeout = s->calls[0].timeout,
	};

	return nt(s->f->dev, NTSYNC_IOC_SIGNAL_AND_WAIT, &args);
}

static void *run_script(void *arg)
{
	struct script *s = arg;

	atomic_store(&s->tid, gettid());
	for (int i = 0; i < 4 && s->calls[i].owner; i++) {
		atomic_store(&s->at, i);
		if (script_request(s, i) == ANY)
			s->ret[i] = nt(s->f->dev, ANY, &s->calls[i]);
		else
			s->ret[i] = signal_and_wait(s);
	}
	return NULL;
}

static void script_start(struct fixture *f, struct script *s)
{
	s->f = f;
	atomic_store(&s->at, -1);
	count_signals(SIGUSR1, 0);
	assert_int_equal(pthread_create(&s->thread, NULL, run_script, s), 0);
}

/* Returns once it sleeps in that call. */
static void script_await(struct script *s, int call)
{
	while (atomic_load(&s->at) < call || !asleep_in(getpid(), s->tid, script_request(s, call)))
		sleep_ms(1);
	assert_int_equal(atomic_load(&s->at), call);
}

static void is_first_again(struct fixture *f, int signal)
{
	int sem = new_sem(f, 0, 9);
	struct ntsync_wait_args args = ARGS(FDS(sem), .owner = 1, .timeout = FOREVER);
	struct script s = { .signal = signal, .calls = { args, args } };
	struct waiter *w;

	script_start(f, &s);
	script_await(&s, 0);
	w = start_as(f, ANY, sem, 2);
	pthread_kill(s.thread, SIGUSR1);
	script_await(&s, 1);
	release(sem, 1, 0);
	assert_asleep(w);
	pthread_join(s.thread, NULL);
	assert_ret(s.ret[0], -EINTR);
	assert_ret(s.ret[1], 0);
	release(sem, 1, 0);
	assert_woken(w, 0, 0);
}

/* A program that repeats the call itself, as libraries do, keeps its place too. */
static void repeated_by_the_program(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "it arrives anew");
	is_first_again(f, 0);
}

/* After a SIGNAL_AND_WAIT it repeats the wait. */
static void the_rest_of_a_signal_and_wait(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "no SIGNAL_AND_WAIT");
	is_first_again(f, new_auto(f, false));
}

/*
 * A call with another object, owner, deadline or clock is a different one. After a different call
 * the same one is new too, even if the different one did not have to wait.
 */
static void another_call_is_none(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 9), own = new_sem(f, 0, 9), ready = new_manual(f, true);
	const struct ntsync_wait_args plain = ARGS(FDS(sem), .owner = 1, .timeout = FOREVER);
	const struct ntsync_wait_args at_once = ARGS(FDS(ready), .owner = 1);
	const struct ntsync_wait_args first[] = {
		ARGS(FDS(own), .owner = 1, .timeout = FOREVER),
		ARGS(FDS(sem), .owner = 7, .timeout = FOREVER),
		ARGS(FDS(sem), .owner = 1, .timeout = long_from_now()),
		ARGS(FDS(sem), .owner = 1, .timeout = FOREVER, .flags = NTSYNC_WAIT_REALTIME),
		ARGS(FDS(sem, own), .owner = 1, .timeout = FOREVER),
		plain,
	};

	for (size_t i = 0; i < ARRAY_SIZE(first); i++) {
		struct script s = { .calls = { first[i], plain } };
		int last = 1;
		struct waiter *w;

		if (i == ARRAY_SIZE(first) - 1) {
			s.calls[1] = at_once;
			s.calls[2] = plain;
			last = 2;
		}
		script_start(f, &s);
		script_await(&s, 0);
		w = start_as(f, ANY, sem, 2);
		pthread_kill(s.thread, SIGUSR1);
		script_await(&s, last);
		release(sem, 1, 0);
		assert_woken(w, 0, 0);
		release(sem, 1, 0);
		pthread_join(s.thread, NULL);
		assert_ret(s.ret[0], -EINTR);
		for (int call = 1; call <= last; call++)
			assert_ret(s.ret[call], 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CHANNEL_TEST(a_wait),
		CHANNEL_TEST(behind_those_who_were_there),
		CHANNEL_TEST(a_pending_request),
		CHANNEL_TEST(a_request_that_finds_no_room),
		CHANNEL_TEST(a_receive),
		CHANNEL_TEST(an_aggregate_wait),
		CHANNEL_TEST(repeated_by_the_program),
		CHANNEL_TEST(the_rest_of_a_signal_and_wait),
		CHANNEL_TEST(another_call_is_none),
	};

	return RUN(tests);
}
