// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receivers exit while senders wait. A sender whose request has been received gets ECONNRESET. When
 * no receiver is left, the pending senders get EPIPE; once a process receives again, the channel
 * works as before.
 *
 * The senders are threads of the test, the receivers other processes. The test itself must not
 * receive, as it would then be a receiver that is left.
 */
#include "channel.h"

#include <signal.h>
#include <sys/syscall.h>

static void check_works_again(struct fixture *f, int channel)
{
	struct peer *p = receiver_start(f, channel);
	struct call *sender;

	receiver_parks(p);
	sender = start_send(f, channel, 10, 77);
	assert_ret(reply(channel, peer_hear(p)), 0);
	assert_call(sender, 0);
}

static void before_the_first_receiver(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 8);
	struct peer *p = receiver_start(f, channel), *other = receiver_start(f, channel);
	struct call *sender = start_send(f, channel, 10, 1);

	/* A process that has never received exits: senders are not affected. */
	receiver_closes(p);
	assert_call_asleep(sender);
	peer_kill(p);
	assert_call_asleep(sender);
	assert_ret(reply(channel, receiver_takes(other)), 0);
	assert_call(sender, 0);
}

/* A way in which a receiving process gives up the channel. */
typedef void (*give_up_fn)(struct peer *p);

static void check_end(struct peer *p)
{
	peer_tell(p, 'e');
	assert_peer_ok(p);
}

static const give_up_fn ways[] = { peer_kill, receiver_closes, check_end };

static void all_are_told(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		int channel = new_channel(f, 8);
		struct peer *p = receiver_start(f, channel);
		struct call *dispatched[3], *pending[3];

		for (int n = 0; n < 3; n++)
			dispatched[n] = start_send(f, channel, 50, n);
		for (int n = 0; n < 3; n++)
			receiver_takes(p);
		for (int n = 0; n < 3; n++)
			pending[n] = start_send(f, channel, n * 40, n);
		ways[i](p);
		for (int n = 0; n < 3; n++) {
			assert_call(dispatched[n], -ECONNRESET);
			assert_call(pending[n], -EPIPE);
			assert_ret(reply(channel, n + 1), -ENOENT);
		}
		assert_depth(channel, 0);
		assert_int_equal(channel_info(channel, "dispatched"), 0);
		assert_ret(try_send(channel, 0, 9), -EPIPE);
		assert_ret(try_send(channel, 99, 9), -EPIPE);
		check_works_again(f, channel);
	}
}

/* The priority is checked before EPIPE, the depth after it. */
static void epipe_in_the_order_of_checks(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 1);
	struct peer *p = receiver_start(f, channel);

	receiver_parks(p);
	peer_kill(p);
	assert_ret(try_send(channel, 0, 1), -EPIPE);
	assert_ret(try_send(channel, 100, 1), -EINVAL);
	assert_ret(nt(channel, SEND, NULL), -EFAULT);
}

static int enter_and_stay(struct peer *p, void *arg)
{
	request_t got;

	CHECK(receive(*(int *)arg, TRY_RECV2, &got) == -EAGAIN);
	peer_say(p, 1);
	peer_wait(p);
	CHECK(!receive(*(int *)arg, TRY_RECV2, &got));
	peer_say(p, got.entry_id);
	peer_wait(p);
	return 0;
}

/* TRY_RECV2 that finds nothing is enough. Ids continue. */
static void a_try_makes_a_receiver(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2);
	struct peer *p = receiver_start(f, channel);
	struct call *sender;

	start_send(f, channel, 10, 1);
	receiver_takes(p);
	peer_kill(p);
	assert_ret(try_send(channel, 10, 2), -EPIPE);
	p = peer_start(f, enter_and_stay, &channel);
	peer_hear(p);
	sender = start_send(f, channel, 10, 3);
	peer_go(p);
	assert_int_equal(peer_hear(p), 2);
	assert_ret(reply(channel, 2), 0);
	assert_call(sender, 0);
	sender = start_send(f, channel, 10, 4);
	peer_go(p);
	assert_peer_ok(p);
	assert_call(sender, -EPIPE);
	check_works_again(f, channel);
}

static void several_processes_receive(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		int channel = new_channel(f, 8);
		struct peer *a = receiver_start(f, channel), *b = receiver_start(f, channel);
		struct call *of_a, *of_b, *pending;
		uint64_t id;

		of_a = start_send(f, channel, 10, 1);
		receiver_takes(a);
		of_b = start_send(f, channel, 10, 2);
		id = receiver_takes(b);
		pending = start_send(f, channel, 10, 3);
		ways[i](a);
		assert_call(of_a, -ECONNRESET);
		assert_call_asleep(of_b);
		assert_call_asleep(pending);
		assert_ret(reply(channel, id), 0);
		assert_call(of_b, 0);
		receiver_takes(b);
		start_send(f, channel, 10, 4);
		ways[i](b);
		assert_call(pending, -ECONNRESET);
		assert_ret(try_send(channel, 10, 5), -EPIPE);
		check_works_again(f, channel);
	}
}

/* ---- descriptors ---- */

enum { CLOSE, DUP2, CLOSE_RANGE, NR_CLOSES };

static int close_by(int how, int fd)
{
	switch (how) {
	case CLOSE:
		return close(fd);
	case DUP2:
		return dup2(STDERR_FILENO, fd) < 0;
	default:
		return close_range(fd, fd, 0);
	}
}

struct doubled {
	int channel, how;
};

static int receive_and_close_twice(struct peer *p, void *arg)
{
	struct doubled *d = arg;
	int twin = dup(d->channel);
	request_t got;

	CHECK(twin >= 0);
	CHECK(!receive(d->channel, RECV, &got));
	peer_say(p, got.entry_id);
	peer_wait(p);
	CHECK(!close_by(d->how, d->channel));
	CHECK(receive(twin, TRY_RECV2, &got) == 0);
	peer_say(p, got.entry_id);
	peer_wait(p);
	CHECK(!close_by(d->how, twin));
	peer_say(p, 0);
	peer_wait(p);
	return 0;
}

static void closing_one_of_two_is_not_letting_go(void **state)
{
	struct fixture *f = *state;

	for (int how = 0; how < NR_CLOSES; how++) {
		struct doubled d = { new_channel(f, 8), how };
		struct call *first = start_send(f, d.channel, 10, 1);
		struct peer *p = peer_start(f, receive_and_close_twice, &d);
		struct call *second, *pending;

		assert_int_equal(peer_hear(p), 1);
		second = start_send(f, d.channel, 10, 2);
		peer_go(p);
		assert_int_equal(peer_hear(p), 2);
		pending = start_send(f, d.channel, 10, 3);
		assert_call_asleep(first);
		assert_call_asleep(second);
		assert_ret(reply(d.channel, 1), 0);
		assert_call(first, 0);
		peer_go(p);
		peer_hear(p);
		assert_call(second, -ECONNRESET);
		assert_call(pending, -EPIPE);
		check_works_again(f, d.channel);
		peer_go(p);
		assert_peer_ok(p);
	}
}

#define PARKED 4

static struct parked {
	int channel;
	pid_t tids[PARKED];
	int rets[PARKED];
	unsigned long requests[PARKED];
	pthread_t threads[PARKED];
} parked;

static void *park(void *arg)
{
	int i = (int)(intptr_t)arg;
	request_t got;

	parked.tids[i] = gettid();
	parked.rets[i] = receive(parked.channel, parked.requests[i], &got);
	return NULL;
}

static int park_threads(struct peer *p, void *arg)
{
	(void)arg;
	for (intptr_t i = 0; i < PARKED; i++) {
		parked.requests[i] = i % 2 ? RECV : RECV2;
		CHECK(!pthread_create(&parked.threads[i], NULL, park, (void *)i));
	}
	for (int i = 0; i < PARKED; i++) {
		while (!asleep_in(getpid(), parked.tids[i], parked.requests[i]))
			sleep_ms(1);
	}
	peer_say(p, 0);
	peer_wait(p);
	CHECK(!close(parked.channel));
	for (int i = 0; i < PARKED; i++) {
		CHECK(!pthread_join(parked.threads[i], NULL));
		CHECK(parked.rets[i] == -EBADF);
	}
	return 0;
}

/* Its threads are parked on a new channel. */
static struct peer *start_parked_process(struct fixture *f)
{
	struct peer *p;

	memset(&parked, 0, sizeof(parked));
	parked.channel = new_channel(f, 8);
	p = peer_start(f, park_threads, NULL);
	peer_hear(p);
	return p;
}

static void parked_receivers_are_woken(void **state)
{
	struct fixture *f = *state;
	struct peer *p = start_parked_process(f);

	assert_int_equal(channel_info(parked.channel, "waiters-any"), PARKED);
	peer_go(p);
	assert_peer_ok(p);
	assert_int_equal(channel_info(parked.channel, "waiters-any"), 0);
	assert_ret(try_send(parked.channel, 0, 1), -EPIPE);
	check_works_again(f, parked.channel);
}

static void parked_receivers_are_killed(void **state)
{
	struct fixture *f = *state;
	struct peer *p = start_parked_process(f);

	peer_kill(p);
	assert_int_equal(channel_info(parked.channel, "waiters-any"), 0);
	assert_ret(try_send(parked.channel, 0, 1), -EPIPE);
	check_works_again(f, parked.channel);
}

/* Its own senders get an error, those of others don't. */
static void other_receivers_stay(void **state)
{
	struct fixture *f = *state;
	struct call *sender;
	struct peer *p, *other;

	memset(&parked, 0, sizeof(parked));
	parked.channel = new_channel(f, 8);
	other = receiver_start(f, parked.channel);
	p = peer_start(f, park_threads, NULL);
	peer_hear(p);
	receiver_parks(other);
	peer_go(p);
	assert_peer_ok(p);
	assert_int_equal(channel_info(parked.channel, "waiters-any"), 1);
	sender = start_send(f, parked.channel, 10, 1);
	assert_ret(reply(parked.channel, peer_hear(other)), 0);
	assert_call(sender, 0);
}

/* ---- threads ---- */

static void *receive_and_exit(void *arg)
{
	request_t got;

	if (!receive(*(int *)arg, RECV, &got))
		syscall(SYS_exit, 0);
	return NULL;
}

static void *receive_and_return(void *arg)
{
	request_t got;

	receive(*(int *)arg, RECV, &got);
	return NULL;
}

static int run_exiting_threads(struct peer *p, void *arg)
{
	static void *(*const bodies[])(void *) = { receive_and_return, receive_and_exit };
	request_t got;

	for (int i = 0; i < 2; i++) {
		pthread_t thread;

		CHECK(!pthread_create(&thread, NULL, bodies[i], arg));
		peer_wait(p);
	}
	CHECK(!receive(*(int *)arg, RECV, &got));
	CHECK(!reply(*(int *)arg, got.entry_id));
	peer_wait(p);
	return 0;
}

/* Its requests are lost; the process can still receive others. */
static void a_thread_ends(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 8);
	struct peer *p = peer_start(f, run_exiting_threads, &channel);
	struct call *pending;

	for (int i = 0; i < 2; i++) {
		assert_ret(try_send(channel, 20, i), -ECONNRESET);
		pending = start_send(f, channel, 10, 5);
		assert_call_asleep(pending);
		count_signals(SIGUSR1, 0);
		call_signal(pending, SIGUSR1);
		assert_call(pending, -EINTR);
		peer_go(p);
	}
	assert_ret(try_send(channel, 10, 6), 0);
	peer_go(p);
	assert_peer_ok(p);
	assert_ret(try_send(channel, 10, 7), -EPIPE);
}

static void *receive_all(void *arg)
{
	int channel = *(int *)arg;
	request_t got;

	while (!receive(channel, RECV, &got))
		reply(channel, got.entry_id);
	return NULL;
}

static int end_first_thread(struct peer *p, void *arg)
{
	pthread_t thread;
	request_t got;

	CHECK(!receive(*(int *)arg, RECV, &got));
	CHECK(!pthread_create(&thread, NULL, receive_all, arg));
	peer_say(p, got.entry_id);
	peer_wait(p);
	syscall(SYS_exit, 0);
	return 1;
}

/* The first thread of a process is no exception. */
static void the_first_thread_ends(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 8);
	struct peer *p = peer_start(f, end_first_thread, &channel);
	struct call *sender = start_send(f, channel, 10, 1);

	peer_hear(p);
	assert_call_asleep(sender);
	peer_go(p);
	assert_call(sender, -ECONNRESET);
	assert_ret(try_send(channel, 10, 2), 0);
	peer_kill(p);
	assert_ret(try_send(channel, 10, 3), -EPIPE);
}

#define THREADS 8

static void *receive_and_stay(void *arg)
{
	request_t got;

	receive(*(int *)arg, RECV, &got);
	pause();
	return NULL;
}

static int run_many_receivers(struct peer *p, void *arg)
{
	pthread_t thread;

	for (int i = 0; i < THREADS; i++)
		CHECK(!pthread_create(&thread, NULL, receive_and_stay, arg));
	peer_wait(p);
	return 0;
}

/* Half of the threads have a request, the other half are parked. */
static void killed_with_many_threads(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 8);
	struct call *senders[THREADS / 2];
	struct peer *p = peer_start(f, run_many_receivers, &channel);

	for (int i = 0; i < THREADS / 2; i++)
		senders[i] = start_send(f, channel, i, i);
	await_info(channel, "waiters-any", THREADS / 2);
	await_info(channel, "dispatched", THREADS / 2);
	peer_kill(p);
	for (int i = 0; i < THREADS / 2; i++)
		assert_call(senders[i], -ECONNRESET);
	assert_ret(try_send(channel, 0, 9), -EPIPE);
	check_works_again(f, channel);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CHANNEL_TEST(before_the_first_receiver),
		CHANNEL_TEST(all_are_told),
		CHANNEL_TEST(epipe_in_the_order_of_checks),
		CHANNEL_TEST(a_try_makes_a_receiver),
		CHANNEL_TEST(several_processes_receive),
		CHANNEL_TEST(closing_one_of_two_is_not_letting_go),
		CHANNEL_TEST(parked_receivers_are_woken),
		CHANNEL_TEST(parked_receivers_are_killed),
		CHANNEL_TEST(other_receivers_stay),
		CHANNEL_TEST(a_thread_ends),
		CHANNEL_TEST(the_first_thread_ends),
		CHANNEL_TEST(killed_with_many_threads),
	};

	return RUN(tests);
}
