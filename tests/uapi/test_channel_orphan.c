// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every descriptor of a channel is closed, in every process, while senders wait in it. The senders
 * themselves keep the file open, so only the close can end their calls.
 */
#include "channel.h"

#include <sys/socket.h>
#include <sys/syscall.h>

#define SENDERS 5

static void start_senders(struct fixture *f, int channel, struct call *senders[SENDERS])
{
	for (int i = 0; i < SENDERS; i++)
		senders[i] = start_send(f, channel, i * 20, i);
}

static void assert_all_calls(struct call *const senders[SENDERS], int ret)
{
	for (int i = 0; i < SENDERS; i++)
		assert_call(senders[i], ret);
}

/* Longer than the interval of any thread that polls whether a channel is still in use. */
static void wait_a_while(void)
{
	sleep_ms(1500);
}

static void nobody_has_ever_received(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 8);
	struct call *senders[SENDERS];

	start_senders(f, channel, senders);
	close_fd(f, channel);
	assert_all_calls(senders, -EPIPE);
}

static void one_of_two_descriptors(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 8), twin = own_fd(f, fcntl(channel, F_DUPFD_CLOEXEC, 0));
	struct call *senders[SENDERS];

	start_senders(f, channel, senders);
	close_fd(f, channel);
	for (int i = 0; i < SENDERS; i++)
		assert_call_asleep(senders[i]);
	close_fd(f, twin);
	assert_all_calls(senders, -EPIPE);
}

/* Another process has a descriptor, and may still receive. */
static void until_the_other_process_has_gone(void **state)
{
	struct fixture *f = *state;

	for (int how = 0; how < 3; how++) {
		int channel = new_channel(f, 8);
		struct peer *p = receiver_start(f, channel);
		struct call *senders[SENDERS];

		start_senders(f, channel, senders);
		close_fd(f, channel);
		if (!how)
			wait_a_while();
		for (int i = 0; i < SENDERS; i++)
			assert_call_asleep(senders[i]);
		switch (how) {
		case 0:
			peer_kill(p);
			break;
		case 1:
			receiver_closes(p);
			break;
		case 2:
			peer_tell(p, 'e');
			assert_peer_ok(p);
		}
		assert_all_calls(senders, -EPIPE);
	}
}

/* It receives after all other closes, and before the channel is given up. */
static void the_other_process_receives(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 8);
	struct peer *p = receiver_start(f, channel);
	struct call *senders[SENDERS];

	start_senders(f, channel, senders);
	close_fd(f, channel);
	wait_a_while();
	assert_int_equal(receiver_takes(p), SENDERS);
	assert_int_equal(receiver_takes(p), SENDERS - 1);
	for (int i = 0; i < SENDERS; i++)
		assert_call_asleep(senders[i]);
	peer_kill(p);
	for (int i = 0; i < SENDERS; i++)
		assert_call(senders[i], i < SENDERS - 2 ? -EPIPE : -ECONNRESET);
}

/* The receivers are threads of the sender's process. */
static void with_receivers_inside(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 8);
	struct call *receivers[2], *served[2], *senders[SENDERS], *parked;

	for (int i = 0; i < 2; i++) {
		receivers[i] = start_recv(f, channel, RECV, NULL);
		served[i] = start_send(f, channel, 10, i);
		assert_got(receivers[i], 10, i);
	}
	start_senders(f, channel, senders);
	close_fd(f, channel);
	for (int i = 0; i < 2; i++)
		assert_call(served[i], -ECONNRESET);
	assert_all_calls(senders, -EPIPE);

	channel = new_channel(f, 8);
	parked = start_recv(f, channel, RECV2, NULL);
	close_fd(f, channel);
	assert_call(parked, -EBADF);
}

/* While the descriptor is in a socket's buffer no process has it, but it is not lost. */
static void in_a_socket(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 8), pair[2];
	struct call *senders[SENDERS];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	own_fd(f, pair[0]);
	own_fd(f, pair[1]);
	start_senders(f, channel, senders);
	assert_int_equal(send_rights(pair[0], channel), 1);
	close_fd(f, channel);
	wait_a_while();
	for (int i = 0; i < SENDERS; i++)
		assert_call_asleep(senders[i]);
	channel = own_fd(f, receive_rights(pair[1]));
	assert_depth(channel, SENDERS);
	/* Sent once more, but no process receives it: there is no close() that could tell. */
	assert_int_equal(send_rights(pair[0], channel), 1);
	close_fd(f, channel);
	wait_a_while();
	close_fd(f, pair[0]);
	close_fd(f, pair[1]);
	assert_all_calls(senders, -EPIPE);
}

struct lone {
	int channel;
};

static int send_and_tell(struct peer *p, void *arg)
{
	peer_say(p, -try_send(((struct lone *)arg)->channel, 10, 1));
	return 0;
}

/*
 * The sender's own descriptor counts, even if the sender is the only thread of its process and
 * asleep: another process may copy it with pidfd_getfd().
 */
static void the_senders_own_descriptor(void **state)
{
	struct fixture *f = *state;
	struct lone l = { new_channel(f, 8) };
	struct peer *p = peer_start(f, send_and_tell, &l);
	int number = l.channel, pidfd;

	peer_await_asleep(p, SEND);
	close_fd(f, l.channel);
	wait_a_while();
	pidfd = own_fd(f, syscall(SYS_pidfd_open, peer_pid(p), 0));
	l.channel = own_fd(f, syscall(SYS_pidfd_getfd, pidfd, number, 0));
	serve(l.channel, 10, 1);
	assert_int_equal(peer_hear(p), 0);
	assert_peer_ok(p);
}

/* ---- a close at the same moment ---- */

struct race {
	int channel;
	unsigned long request;
	pthread_barrier_t start;
	int ret;
};

static void *call_at_once(void *arg)
{
	struct race *r = arg;
	request_t got;

	pthread_barrier_wait(&r->start);
	if (r->request == SEND)
		r->ret = try_send(r->channel, 10, 1);
	else
		r->ret = receive(r->channel, r->request, &got);
	return NULL;
}

static void race_with_close(struct fixture *f, unsigned long request, int expected)
{
	struct race r = { .request = request };

	pthread_barrier_init(&r.start, NULL, 2);
	for (int i = 0; i < 150; i++) {
		pthread_t thread;

		r.channel = new_channel(f, 8);
		pthread_create(&thread, NULL, call_at_once, &r);
		pthread_barrier_wait(&r.start);
		for (volatile int spin = 0; spin < i % 50 * 20; spin++)
			;
		close_fd(f, r.channel);
		pthread_join(thread, NULL);
		if (r.ret != -EBADF)
			assert_ret(r.ret, expected);
	}
	pthread_barrier_destroy(&r.start);
}

/* Whichever comes first, the call must end. */
static void a_close_races_with_a_send(void **state)
{
	race_with_close(*state, SEND, -EPIPE);
}

static void a_close_races_with_a_receive(void **state)
{
	race_with_close(*state, RECV, -EBADF);
	race_with_close(*state, RECV2, -EBADF);
	race_with_close(*state, TRY_RECV2, -EAGAIN);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CHANNEL_TEST(nobody_has_ever_received),
		CHANNEL_TEST(one_of_two_descriptors),
		CHANNEL_TEST(until_the_other_process_has_gone),
		CHANNEL_TEST(the_other_process_receives),
		CHANNEL_TEST(with_receivers_inside),
		CHANNEL_TEST(in_a_socket),
		CHANNEL_TEST(the_senders_own_descriptor),
		CHANNEL_TEST(a_close_races_with_a_send),
		CHANNEL_TEST(a_close_races_with_a_receive),
	};

	return RUN(tests);
}
