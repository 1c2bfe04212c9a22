// SPDX-License-Identifier: GPL-2.0-only
/*
 * AGGREGATE_WAIT on channels: a waiter that was woken for a request goes away, or does something
 * else before it receives. The request must be notified to another waiter.
 */
#include "aggregate.h"

#include <semaphore.h>
#include <signal.h>

/* The wait has returned with the readiness of the channel. */
#define assert_agg_notified(w) assert_agg_woken(w, 0, 0, 0)
#define agg_start_on_channel(f, channel) agg_start_on(f, OBJ(channel))

/* ---- the notified thread does something else first ---- */

/**
 * struct busy - a thread that is notified, does something else, and waits again
 * @woken: its wait has returned
 * @gate: it waits for this in between; the driver is not involved
 */
struct busy {
	struct fixture *f;
	int channel;
	sem_t woken, gate;
	pthread_t thread;
	atomic_int tid;
	int ret;
};

static void await_semaphore(sem_t *sem)
{
	while (sem_wait(sem))
		;
}

static int return_twice(struct busy *b)
{
	agg_t args = AGG_FOREVER(OBJ(b->channel));
	int ret = agg_call(b->f->dev, &args);

	sem_post(&b->woken);
	await_semaphore(&b->gate);
	return ret ? ret : agg_call(b->f->dev, &args);
}

static void *busy_main(void *arg)
{
	struct busy *b = arg;

	atomic_store(&b->tid, gettid());
	b->ret = return_twice(b);
	return NULL;
}

static void await_waiting(struct busy *b)
{
	while (!atomic_load(&b->tid) || !asleep_in(getpid(), b->tid, agg_request()))
		sleep_ms(1);
}

/* It has been woken for request 1. */
static struct call *start_busy(struct busy *b, struct fixture *f, int channel)
{
	struct call *sender;

	*b = (struct busy){ .f = f, .channel = channel };
	sem_init(&b->woken, 0, 0);
	sem_init(&b->gate, 0, 0);
	assert_int_equal(pthread_create(&b->thread, NULL, busy_main, b), 0);
	await_waiting(b);
	sender = start_send(f, channel, 0, 1);
	await_semaphore(&b->woken);
	return sender;
}

static void end_busy(struct busy *b)
{
	pthread_join(b->thread, NULL);
	assert_ret(b->ret, 0);
}

static void notified_again_at_once(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2);
	struct busy b;

	start_busy(&b, f, channel);
	sem_post(&b.gate);
	end_busy(&b);
	serve(channel, 0, 1);
}

/* It received nothing. Once it sleeps again, the next request wakes it. */
static void an_old_notification_is_given_up(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2);
	struct busy b;

	start_busy(&b, f, channel);
	serve(channel, 0, 1);
	sem_post(&b.gate);
	await_waiting(&b);
	start_send(f, channel, 0, 2);
	end_busy(&b);
	serve(channel, 0, 2);
}

/*
 * If its request has been withdrawn, the notification counts for the next one: one request wakes
 * one waiter.
 */
static void a_notification_without_its_request(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2);
	struct call *sender;
	struct agg_wait *w;
	struct busy b;

	count_signals(SIGUSR1, 0);
	sender = start_busy(&b, f, channel);
	call_signal(sender, SIGUSR1);
	assert_call(sender, -EINTR);
	w = agg_start_on_channel(f, channel);
	start_send(f, channel, 0, 2);
	assert_agg_asleep(w);
	/* With one more request there is work for two. */
	start_send(f, channel, 0, 3);
	assert_agg_notified(w);
	sem_post(&b.gate);
	end_busy(&b);
	serve(channel, 0, 2);
	serve(channel, 0, 3);
}

/**
 * struct caller - a thread that is notified, and then makes another call
 * @other, @signal: objects for that call
 * @woken: its wait has returned
 * @go: it may make the call
 */
struct caller {
	struct fixture *f;
	int channel, other, signal;
	int (*then)(struct caller *c);
	sem_t woken, go;
	pthread_t thread;
	atomic_int tid;
	int ret;
};

static void *caller_main(void *arg)
{
	struct caller *c = arg;
	agg_t args = AGG_FOREVER(OBJ(c->channel));

	atomic_store(&c->tid, gettid());
	c->ret = agg_call(c->f->dev, &args);
	sem_post(&c->woken);
	await_semaphore(&c->go);
	if (!c->ret)
		c->ret = c->then(c);
	return NULL;
}

/* Its wait is asleep. */
static void start_caller(struct caller *c, struct fixture *f)
{
	c->f = f;
	c->channel = new_channel(f, 2);
	sem_init(&c->woken, 0, 0);
	sem_init(&c->go, 0, 0);
	assert_int_equal(pthread_create(&c->thread, NULL, caller_main, c), 0);
	while (!atomic_load(&c->tid) || !asleep_in(getpid(), c->tid, agg_request()))
		sleep_ms(1);
}

static void end_caller(struct caller *c)
{
	pthread_join(c->thread, NULL);
	assert_ret(c->ret, 0);
}

static int send_2(struct caller *c)
{
	return try_send(c->channel, 0, 2);
}

/*
 * The thread was notified of a request that another thread has received. While it waits for a reply
 * it can't receive: its own request must wake another waiter.
 */
static void the_notified_thread_sends(void **state)
{
	struct fixture *f = *state;
	struct caller c = { .then = send_2 };
	struct call *receiver;

	start_caller(&c, f);
	start_send(f, c.channel, 0, 1);
	await_semaphore(&c.woken);
	serve(c.channel, 0, 1);
	receiver = start_recv(f, c.channel, RECV2, NULL);
	sem_post(&c.go);
	assert_ret(reply(c.channel, assert_got(receiver, 0, 2)), 0);
	end_caller(&c);
}

/* ---- handed on ---- */

static int call_wait_any(struct caller *c)
{
	return nt(c->f->dev, ANY, &ARGS(FDS(c->other), .owner = OWNER, .timeout = FOREVER));
}

static int call_wait_all(struct caller *c)
{
	return nt(c->f->dev, ALL, &ARGS(FDS(c->other), .owner = OWNER, .timeout = FOREVER));
}

static int call_signal_and_wait(struct caller *c)
{
	struct ntsync_signal_and_wait_args args = { .signal = c->signal, .wait = c->other,
						    .owner = OWNER, .timeout = FOREVER };

	return nt(c->f->dev, NTSYNC_IOC_SIGNAL_AND_WAIT, &args);
}

static int call_aggregate_wait(struct caller *c)
{
	agg_t args = AGG_FOREVER(OBJ(c->other));

	return agg_call(c->f->dev, &args);
}

/* A receiver stays asleep while @c, which was woken for a request, sleeps in another call. */
static void check_passed_on(struct caller *c, struct fixture *f)
{
	struct call *receiver;

	start_caller(c, f);
	receiver = start_recv(f, c->channel, RECV2, NULL);
	start_send(f, c->channel, 0, 1);
	await_semaphore(&c->woken);
	assert_call_asleep(receiver);
	sem_post(&c->go);
	assert_ret(reply(c->channel, assert_got(receiver, 0, 1)), 0);
}

static void handed_on_by_one_who_waits(void **state)
{
	static int (*const waits[])(struct caller *c) = {
		call_wait_any, call_wait_all, call_signal_and_wait, call_aggregate_wait,
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(waits); i++) {
		struct caller c = { .then = waits[i], .other = new_sem(f, 0, 1),
				    .signal = new_manual(f, false) };

		check_passed_on(&c, f);
		release(c.other, 1, 0);
		end_caller(&c);
	}
}

static int call_send(struct caller *c)
{
	return try_send(c->other, 0, 3);
}

static int call_receive(struct caller *c)
{
	request_t got;
	int ret = receive(c->other, RECV, &got);

	return ret ? ret : reply(c->other, got.entry_id);
}

static void handed_on_by_one_who_sends(void **state)
{
	struct fixture *f = *state;
	struct caller c = { .then = call_send, .other = new_channel(f, 2) };

	check_passed_on(&c, f);
	assert_ret(reply(c.other, take_by(c.other, RECV2, 0, 3)), 0);
	end_caller(&c);
}

static void handed_on_by_one_who_receives(void **state)
{
	struct fixture *f = *state;
	struct caller c = { .then = call_receive, .other = new_channel(f, 2) };

	check_passed_on(&c, f);
	assert_ret(try_send(c.other, 0, 3), 0);
	end_caller(&c);
}

/* Two waiters are asleep; the first is woken for the request. Returns the second. */
static struct agg_wait *notify_first(struct fixture *f, int channel, struct agg_wait **first)
{
	struct agg_wait *second;

	*first = agg_start_on_channel(f, channel);
	second = agg_start_on_channel(f, channel);
	start_send(f, channel, 0, 1);
	assert_agg_notified(*first);
	assert_agg_asleep(second);
	return second;
}

static void handed_on_by_a_thread_that_ends(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2);
	struct agg_wait *first, *second;

	second = notify_first(f, channel, &first);
	call_end(agg_of(first));
	assert_agg_notified(second);
	serve(channel, 0, 1);
}

/* A process that waits for a channel. The test then kills it, or ends it in another way. */
static int wait_for_channel(struct peer *p, void *arg)
{
	const int *fds = arg;
	const source_t sources[] = { OBJ(fds[1]) };
	agg_t args = AGG_ARGS(.timeout = FOREVER, .nb_sources = 1, .sources = (uintptr_t)sources);

	peer_say(p, 0);
	CHECK(!agg_call(fds[0], &args));
	peer_say(p, 1);
	peer_wait(p);
	CHECK(!close(fds[1]));
	peer_say(p, 2);
	peer_wait(p);
	return 0;
}

static struct agg_wait *notify_process(struct fixture *f, int channel, struct peer **p)
{
	int fds[] = { f->dev, channel };
	struct agg_wait *w;

	*p = peer_start(f, wait_for_channel, fds);
	assert_int_equal(peer_hear(*p), 0);
	while (!asleep_in(peer_pid(*p), peer_pid(*p), agg_request()))
		sleep_ms(1);
	w = agg_start_on_channel(f, channel);
	start_send(f, channel, 0, 1);
	assert_int_equal(peer_hear(*p), 1);
	assert_agg_asleep(w);
	return w;
}

static void handed_on_by_a_process_that_is_killed(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2);
	struct agg_wait *w;
	struct peer *p;

	w = notify_process(f, channel, &p);
	peer_kill(p);
	assert_agg_notified(w);
	serve(channel, 0, 1);
}

static void handed_on_by_a_process_that_closes(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2);
	struct agg_wait *w;
	struct peer *p;

	w = notify_process(f, channel, &p);
	peer_go(p);
	assert_int_equal(peer_hear(p), 2);
	assert_agg_notified(w);
	serve(channel, 0, 1);
}

/* A wait that can't write its result has not been notified. */
static void passed_on_when_the_result_faults(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2);
	const source_t sources[] = { OBJ(channel) };
	const agg_t args = AGG_ARGS(.nb_sources = 1, .sources = (uintptr_t)sources,
				    .timeout = FOREVER);
	const agg_timespec_t ts = agg_as_timespec(&args);
	void *arg = agg_is_timespec() ? read_only(f, &ts, sizeof(ts)) :
					read_only(f, &args, sizeof(args));
	struct agg_wait *second;
	struct call *first;

	first = call_at(f, f->dev, agg_request(), arg, NULL);
	assert_call_asleep(first);
	second = agg_start_on_channel(f, channel);
	start_send(f, channel, 0, 1);
	assert_call(first, -EFAULT);
	assert_agg_notified(second);
	/* The same on entry. */
	assert_ret(nt(f->dev, agg_request(), arg), -EFAULT);
	call_end(agg_of(second));
	second = agg_running(f, AGG_FOREVER(OBJ(channel)), NULL);
	assert_agg_notified(second);
	serve(channel, 0, 1);
}

static void nothing_to_hand_on_after_receiving(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2);
	struct agg_wait *w;
	struct peer *p;

	w = notify_process(f, channel, &p);
	serve(channel, 0, 1);
	peer_kill(p);
	assert_agg_asleep(w);
	start_send(f, channel, 0, 2);
	assert_agg_notified(w);
	serve(channel, 0, 2);
}

/* ---- a notification has precedence over other ends of the wait ---- */

/*
 * The waiter is on a CPU that the test occupies: it is notified while it can't run, and then
 * something else happens to it. The sender has a higher priority than the test, so that all of its
 * send is done at once.
 */
static struct agg_wait *notify_late(struct fixture *f, int channel, bool expires)
{
	const struct waiter_sched below = { .policy = SCHED_FIFO, .prio = 10, .cpu = 1 };
	const struct waiter_sched above = { .policy = SCHED_FIFO, .prio = 60, .cpu = 1 };
	struct agg_wait *w;

	w = agg_running(f, AGG_ARGS(AGG_EXPIRES(expires), SOURCES(OBJ(channel))), &below);
	assert_agg_asleep(w);
	occupy_cpu(50);
	call_running(f, channel, SEND, &MESSAGE(0, 1), &above);
	await_info(channel, "depth", 1);
	return w;
}

static void wins_over_a_signal(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2);
	struct agg_wait *w;

	need_realtime();
	count_signals(SIGUSR1, 0);
	w = notify_late(f, channel, false);
	call_signal(agg_of(w), SIGUSR1);
	free_cpu();
	assert_agg_notified(w);
	serve(channel, 0, 1);
}

static void wins_over_the_deadline(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2);
	struct agg_wait *w;

	need_realtime();
	need_settable_clock();
	w = notify_late(f, channel, true);
	pass_an_hour();
	free_cpu();
	assert_agg_notified(w);
	serve(channel, 0, 1);
}

/* A wait that has already ended for another reason leaves the request to other waiters. */
static void an_interrupted_waiter_has_no_notification(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2);
	struct agg_wait *first, *second;

	count_signals(SIGUSR1, 0);
	first = agg_start_on_channel(f, channel);
	second = agg_start_on_channel(f, channel);
	call_signal(agg_of(first), SIGUSR1);
	assert_agg_woken(first, -EINTR, 0, 0);
	start_send(f, channel, 0, 1);
	assert_agg_notified(second);
	serve(channel, 0, 1);
}

static void ended_by_another_source(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2), fd = new_eventfd(f, 0);
	struct agg_wait *first, *second;

	first = agg_start_on(f, OBJ(channel), FILE_IN(fd));
	second = agg_start_on_channel(f, channel);
	add_one(fd);
	assert_agg_woken(first, 0, 1, POLLIN);
	start_send(f, channel, 0, 1);
	assert_agg_notified(second);
	serve(channel, 0, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		AGG_TEST(notified_again_at_once),
		AGG_TEST(an_old_notification_is_given_up),
		AGG_TEST(a_notification_without_its_request),
		AGG_TEST(the_notified_thread_sends),
		AGG_TEST(handed_on_by_one_who_waits),
		AGG_TEST(handed_on_by_one_who_sends),
		AGG_TEST(handed_on_by_one_who_receives),
		AGG_TEST(handed_on_by_a_thread_that_ends),
		AGG_TEST(handed_on_by_a_process_that_is_killed),
		AGG_TEST(handed_on_by_a_process_that_closes),
		AGG_TEST(passed_on_when_the_result_faults),
		AGG_TEST(nothing_to_hand_on_after_receiving),
		AGG_TEST(wins_over_a_signal),
		AGG_TEST(wins_over_the_deadline),
		AGG_TEST(an_interrupted_waiter_has_no_notification),
		AGG_TEST(ended_by_another_source),
	};

	return RUN(tests);
}
