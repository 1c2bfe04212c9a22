// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receiving threads get a descriptor table of their own, by unshare(CLONE_FILES) or
 * close_range(CLOSE_RANGE_UNSHARE). The driver knows a receiving process by its table.
 */
#include "channel.h"

#include <linux/capability.h>
#include <semaphore.h>
#include <sys/syscall.h>

#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE 2
#endif

static void await_semaphore(sem_t *sem)
{
	while (sem_wait(sem))
		;
}

/* ---- one thread, which gets its own table when the test says so ---- */

/**
 * struct mover - a thread that receives, and then gets a table of its own
 * @first, @last: descriptors that its copy does not have; last 0: the copy is complete
 * @id: of the request that it has received
 * @moved, @go, @done: it has its table; it may go on; @then has returned
 * @then: what it does after that, or NULL
 */
struct mover {
	int channel;
	unsigned int first, last;
	uint64_t id;
	sem_t moved, go, done;
	int (*then)(struct mover *m);
	pthread_t thread;
	int ret;
};

static int unshare_table(struct mover *m)
{
	request_t got;
	int ret = receive(m->channel, TRY_RECV2, &got);

	m->id = got.entry_id;
	if (!ret && m->last)
		ret = syscall(SYS_close_range, m->first, m->last, CLOSE_RANGE_UNSHARE);
	else if (!ret)
		ret = unshare(CLONE_FILES);
	return ret;
}

static void *mover_main(void *arg)
{
	struct mover *m = arg;

	m->ret = unshare_table(m);
	sem_post(&m->moved);
	await_semaphore(&m->go);
	if (m->then)
		m->ret = m->then(m);
	sem_post(&m->done);
	await_semaphore(&m->go);
	return NULL;
}

/* It has received, and has its own table. */
static void start_mover(struct mover *m)
{
	sem_init(&m->moved, 0, 0);
	sem_init(&m->go, 0, 0);
	sem_init(&m->done, 0, 0);
	assert_int_equal(pthread_create(&m->thread, NULL, mover_main, m), 0);
	await_semaphore(&m->moved);
	assert_ret(m->ret, 0);
}

static void continue_mover(struct mover *m)
{
	sem_post(&m->go);
	await_semaphore(&m->done);
	assert_ret(m->ret, 0);
}

static void end_mover(struct mover *m)
{
	sem_post(&m->go);
	pthread_join(m->thread, NULL);
}

/* unshare() copies the table, then fails for another reason and closes the copy again. */
static int fail_to_move(struct mover *m)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 } };
	int ret = syscall(SYS_capset, &header, none);

	if (!ret)
		ret = unshare(CLONE_FILES | CLONE_NEWUTS) && errno == EPERM ? 0 : -EPROTO;
	return ret ? ret : reply(m->channel, m->id);
}

static int receive_and_fail(struct mover *m)
{
	request_t got;
	int ret = receive(m->channel, TRY_RECV2, &got);

	m->id = got.entry_id;
	return ret ? ret : fail_to_move(m);
}

static void *stayer_main(void *arg)
{
	struct mover *m = arg;

	m->ret = receive_and_fail(m);
	return NULL;
}

/* Like a fork() that fails: a thread keeps its table, and the requests that it has received. */
static void a_copy_that_comes_to_nothing(void **state)
{
	struct fixture *f = *state;
	struct mover m = { .channel = new_channel(f, 8) };
	struct call *sender = start_send(f, m.channel, 10, 1);

	assert_int_equal(pthread_create(&m.thread, NULL, stayer_main, &m), 0);
	pthread_join(m.thread, NULL);
	assert_ret(m.ret, 0);
	assert_call(sender, 0);
}

/* The kernel copies the table and closes the channel in the copy, which the driver sees. */
static void a_copy_that_is_closed(void **state)
{
	struct fixture *f = *state;
	struct mover m = { .channel = new_channel(f, 8) };
	struct call *sender = start_send(f, m.channel, 10, 1), *pending;

	own_fd(f, fcntl(f->dev, F_DUPFD_CLOEXEC, m.channel + 1));
	m.first = m.last = m.channel;
	start_mover(&m);
	assert_call(sender, -ECONNRESET);
	/* The other threads still have the channel open. */
	pending = start_send(f, m.channel, 10, 2);
	serve(m.channel, 10, 2);
	assert_call(pending, 0);
	continue_mover(&m);
	end_mover(&m);
}

/*
 * The kernel copies tables in blocks, and leaves out blocks of which every entry is to be closed.
 */
#define PIECE 512

/*
 * In this copy nothing is closed, so the driver sees nothing. The thread can't reply any more, but
 * other threads can, and its exit is seen.
 */
static void a_copy_that_never_had_it(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 8);
	struct mover m = { .first = PIECE, .last = ~0u };
	struct call *sender, *other;

	m.channel = own_fd(f, fcntl(channel, F_DUPFD_CLOEXEC, PIECE));
	close_fd(f, channel);
	for (int i = 0; i < 2; i++) {
		sender = start_send(f, m.channel, 10, 1);
		start_mover(&m);
		assert_call_asleep(sender);
		if (!i)
			assert_ret(reply(m.channel, m.id), 0);
		continue_mover(&m);
		end_mover(&m);
		assert_call(sender, i ? -ECONNRESET : 0);
	}
	other = start_send(f, m.channel, 10, 2);
	serve(m.channel, 10, 2);
	assert_call(other, 0);
}

static int find_nothing(struct mover *m)
{
	return receive(m->channel, TRY_RECV2, &(request_t){ 0 }) == -EAGAIN ? 0 : -EINVAL;
}

static int reply_once(struct mover *m)
{
	return reply(m->channel, m->id);
}

/*
 * From its next receive on the thread belongs to its own table; the end of the old one does not
 * affect it.
 */
static void receives_again_after_it_moved(void **state)
{
	struct fixture *f = *state;
	struct mover m = { .channel = new_channel(f, 8), .then = find_nothing };
	struct call *sender = start_send(f, m.channel, 10, 1);

	start_mover(&m);
	continue_mover(&m);
	close_fd(f, m.channel);
	assert_call_asleep(sender);
	end_mover(&m);
	assert_call(sender, -ECONNRESET);
}

static void replies_after_it_moved(void **state)
{
	struct fixture *f = *state;
	struct mover m = { .channel = new_channel(f, 8), .then = reply_once };
	struct call *sender = start_send(f, m.channel, 10, 1);

	start_mover(&m);
	continue_mover(&m);
	assert_call(sender, 0);
	end_mover(&m);
}

/* ---- the end of a thread with a table of its own ---- */

#define SENDERS 40
#define ROUNDS 30

struct crowd {
	int channel;
	atomic_bool stop;
	atomic_int wrong;
};

static void *send_again_and_again(void *arg)
{
	struct crowd *c = arg;

	while (!atomic_load(&c->stop)) {
		if (try_send(c->channel, 0, 1) != -ECONNRESET)
			atomic_fetch_add(&c->wrong, 1);
	}
	return NULL;
}

static void *take_all_and_end(void *arg)
{
	struct crowd *c = arg;
	request_t got;

	for (int i = 0; i < SENDERS; i++) {
		if (receive(c->channel, TRY_RECV2, &got))
			atomic_fetch_add(&c->wrong, 1);
	}
	if (unshare(CLONE_FILES))
		atomic_fetch_add(&c->wrong, 1);
	return NULL;
}

/*
 * Two threads reset its requests: the exit worker, as the thread exits, and a little later the
 * thread itself, as its table is closed. Both have much to reset, and only one of them may be the
 * last.
 */
static void ends_with_a_table_of_its_own(void **state)
{
	struct fixture *f = *state;
	struct crowd c = { .channel = new_channel(f, SENDERS) };
	pthread_t senders[SENDERS], thread;

	need_cpus(2);
	for (int i = 0; i < SENDERS; i++)
		assert_int_equal(pthread_create(&senders[i], NULL, send_again_and_again, &c), 0);
	for (int round = 1; round <= ROUNDS; round++) {
		await_info(c.channel, "depth", SENDERS);
		atomic_store(&c.stop, round == ROUNDS);
		assert_int_equal(pthread_create(&thread, NULL, take_all_and_end, &c), 0);
		pthread_join(thread, NULL);
	}
	for (int i = 0; i < SENDERS; i++)
		pthread_join(senders[i], NULL);
	assert_int_equal(c.wrong, 0);
	await_info(c.channel, "receivers", 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CHANNEL_TEST(a_copy_that_comes_to_nothing),
		CHANNEL_TEST(a_copy_that_is_closed),
		CHANNEL_TEST(a_copy_that_never_had_it),
		CHANNEL_TEST(receives_again_after_it_moved),
		CHANNEL_TEST(replies_after_it_moved),
		CHANNEL_TEST(ends_with_a_table_of_its_own),
	};

	return RUN(tests);
}
