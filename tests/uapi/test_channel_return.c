// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process closes its last descriptor of a channel while it is given a new one through a socket. A
 * thread that receives through the new one is a receiver: its receive must not end with EBADF, it
 * keeps the requests that it has received, and pending senders wait for it.
 */
#include "channel.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>

/*
 * To find out whether a process has a descriptor left, the driver scans its whole table. With this
 * many entries that takes a millisecond or more.
 */
#define TABLE 400000
#define ROUNDS 150
#define STEP_NS 40000

static int new_pair(struct fixture *f, int pair[2])
{
	int ret = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);

	own_fd(f, pair[0]);
	own_fd(f, pair[1]);
	return ret;
}

/* Grows the table to that size; closing its last entry does not shrink it. */
static void grow_table(void)
{
	struct rlimit limit = { TABLE + 1, TABLE + 1 };
	int fd;

	if (setrlimit(RLIMIT_NOFILE, &limit))
		skip_because("may not have %d descriptors", TABLE);
	fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, TABLE);
	assert_true(fd >= 0);
	close(fd);
}

static void pin_to_cpu(pthread_attr_t *attr, int policy, int prio)
{
	const struct waiter_sched sched = { .policy = policy, .prio = prio, .cpu = 1 };

	pthread_attr_init(attr);
	set_thread_sched(attr, &sched);
}

/* Another thread of the test closes it, so the teardown must not. */
static int new_unowned_channel(struct fixture *f)
{
	struct ntsync_channel_create_args args = { .max_depth = 8 };
	int fd = nt(f->dev, NTSYNC_IOC_CREATE_CHANNEL, &args);

	assert_true(fd >= 0);
	return fd;
}

/* ---- between the look at the table and what follows from it ---- */

struct closer {
	int channel;
	pthread_t thread;
};

static void *close_channel(void *arg)
{
	close(((struct closer *)arg)->channel);
	return NULL;
}

static void choose_sleep_ns(long ns)
{
	struct timespec t = { 0, ns };

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t))
		;
}

/*
 * True if the new descriptor was in the table before the close had given up the channel, as the
 * request was still there. The descriptor stays open then.
 */
static bool receive_while_closing(struct fixture *f, int pair[2], long delay)
{
	struct closer c = { .channel = new_unowned_channel(f) };
	pthread_attr_t attr;
	struct call *sender;
	request_t got;
	int fd, ret;

	assert_ret(receive(c.channel, TRY_RECV2, &got), -EAGAIN);
	sender = start_send(f, c.channel, 10, 1);
	assert_int_equal(send_rights(pair[0], c.channel), 1);
	pin_to_cpu(&attr, SCHED_OTHER, 0);
	assert_int_equal(pthread_create(&c.thread, &attr, close_channel, &c), 0);
	pthread_attr_destroy(&attr);
	choose_sleep_ns(delay);
	fd = receive_rights(pair[1]);
	assert_true(fd >= 0);
	ret = receive(fd, TRY_RECV2, &got);
	pthread_join(c.thread, NULL);
	if (ret) {
		assert_ret(ret, -EAGAIN);
		assert_call(sender, -EPIPE);
	} else {
		assert_ret(reply(fd, got.entry_id), 0);
		assert_call(sender, 0);
	}
	call_end(sender);
	close(fd);
	return !ret;
}

/*
 * The closer scans the table under a lock that installing the new descriptor needs too, so the
 * receiver runs right after the scan. It has the higher priority, and both are on one CPU.
 */
static void right_behind_the_look(void **state)
{
	struct fixture *f = *state;
	int pair[2], kept = 0;

	only_ours(f, "it has no channels");
	need_realtime();
	grow_table();
	assert_int_equal(new_pair(f, pair), 0);
	occupy_cpu(20);
	for (int i = 0; i < ROUNDS; i++)
		kept += receive_while_closing(f, pair, (long)i * STEP_NS);
	free_cpu();
	print_message("# kept in %d of %d rounds\n", kept, ROUNDS);
	assert_in_range(kept, 1, ROUNDS);
}

/* ---- before all receivers have been woken ---- */

#define RECEIVERS 20

struct receiver {
	int channel, sock, ret, again, fd;
	atomic_int tid;
	pthread_t thread;
};

static void *receive_again(void *arg)
{
	struct receiver *r = arg;
	request_t got;

	atomic_store(&r->tid, gettid());
	r->ret = receive(r->channel, RECV2, &got);
	r->fd = receive_rights(r->sock);
	r->again = receive(r->fd, TRY_RECV2, &got);
	return NULL;
}

static void start_receiver(struct receiver *r, int channel, int sock)
{
	pthread_attr_t attr;

	*r = (struct receiver){ .channel = channel, .sock = sock };
	pin_to_cpu(&attr, SCHED_FIFO, 20);
	assert_int_equal(pthread_create(&r->thread, &attr, receive_again, r), 0);
	pthread_attr_destroy(&attr);
	while (!atomic_load(&r->tid) || !asleep_in(getpid(), r->tid, RECV2))
		sleep_ms(1);
}

/*
 * All of them sleep in a receive and have a higher priority than the closing thread: the first ones
 * run before that has woken the last ones.
 */
static void while_others_are_still_to_be_told(void **state)
{
	struct fixture *f = *state;
	struct receiver receivers[RECEIVERS];
	pthread_attr_t attr;
	struct closer c;
	int pair[2];

	only_ours(f, "it has no channels");
	need_realtime();
	c.channel = new_unowned_channel(f);
	assert_int_equal(new_pair(f, pair), 0);
	for (int i = 0; i < RECEIVERS; i++) {
		start_receiver(&receivers[i], c.channel, pair[1]);
		assert_int_equal(send_rights(pair[0], c.channel), 1);
	}
	pin_to_cpu(&attr, SCHED_OTHER, 0);
	assert_int_equal(pthread_create(&c.thread, &attr, close_channel, &c), 0);
	pthread_attr_destroy(&attr);
	for (int i = 0; i < RECEIVERS; i++)
		pthread_join(receivers[i].thread, NULL);
	pthread_join(c.thread, NULL);
	for (int i = 0; i < RECEIVERS; i++) {
		assert_ret(receivers[i].ret, -EBADF);
		assert_ret(receivers[i].again, -EAGAIN);
		own_fd(f, receivers[i].fd);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CHANNEL_TEST(right_behind_the_look),
		CHANNEL_TEST(while_others_are_still_to_be_told),
	};

	return RUN(tests);
}
