// SPDX-License-Identifier: GPL-2.0-only
/*
 * The locks of ntsync_lock.h: who holds one has the priority of those that wait for it, and so has
 * the server that it waits for.
 */
#include "addr.h"
#include "lend.h"

#include <ntsync_lock.h>

enum { MINOR = 20 };

/* A signal does not end these waits, so they have a deadline: a failed test would hang longer. */
#define SECONDS 120

/* What the actors of the running test contend for, until when. */
static struct {
	struct ntsync_cs cs;
	struct ntsync_rw rw;
	struct ntsync_cond cond;
	bool called;
	uint64_t deadline;
} s;

/* ---- an actor's locker, which its first job makes ---- */

#define MAX_LOCKERS 16
static struct ntsync_locker lockers[MAX_LOCKERS];

static void begin(struct fixture *f)
{
	need_addresses(f);
	memset(lockers, 0, sizeof(lockers));
	memset(&s, 0, sizeof(s));
	s.deadline = monotonic_ns() + SECONDS * NS_PER_SEC;
}

/* If it can't be made it is one that no lock accepts. */
static struct ntsync_locker *locker_of(struct actor *a)
{
	struct ntsync_locker *me = &lockers[a->owner % MAX_LOCKERS];

	if (!me->tid)
		ntsync_locker_init(me, a->f->dev, 0);
	if (me->tid != (uint32_t)a->tid || me->dev != a->f->dev)
		me->tid = 0;
	return me;
}

/* ---- jobs ---- */

static int enter_cs(struct actor *a, void *unused)
{
	(void)unused;
	return ntsync_cs_enter_until(locker_of(a), &s.cs, s.deadline);
}

static int leave_cs(struct actor *a, void *unused)
{
	(void)unused;
	return ntsync_cs_leave(locker_of(a), &s.cs);
}

static int lock_rw(struct actor *a, void *unused)
{
	(void)unused;
	return ntsync_rw_lock_until(locker_of(a), &s.rw, s.deadline);
}

static int unlock_rw(struct actor *a, void *unused)
{
	(void)unused;
	return ntsync_rw_unlock(locker_of(a), &s.rw);
}

static int share_rw(struct actor *a, void *unused)
{
	(void)unused;
	return ntsync_rw_lock_shared_until(locker_of(a), &s.rw, s.deadline);
}

static int unshare_rw(struct actor *a, void *unused)
{
	(void)unused;
	return ntsync_rw_unlock_shared(locker_of(a), &s.rw);
}

static int share_and_unshare_rw(struct actor *a, void *unused)
{
	int ret = share_rw(a, unused);

	return ret ? ret : unshare_rw(a, unused);
}

static int work_and_leave_cs(struct actor *a, void *unused)
{
	work_here();
	return leave_cs(a, unused);
}

static int work_and_unlock_rw(struct actor *a, void *unused)
{
	work_here();
	return unlock_rw(a, unused);
}

/* It has the critical section then. */
static int await_call_in_cs(struct actor *a, void *unused)
{
	int ret = enter_cs(a, unused);

	while (!ret && !s.called)
		ret = ntsync_cond_wait_cs(locker_of(a), &s.cond, &s.cs, s.deadline);
	return ret;
}

static int await_call_in_rw(struct actor *a, void *unused)
{
	int ret = lock_rw(a, unused);

	while (!ret && !s.called)
		ret = ntsync_cond_wait_rw(locker_of(a), &s.cond, &s.rw, false, s.deadline);
	return ret;
}

static int call_waiter(struct actor *a, void *unused)
{
	(void)unused;
	s.called = true;
	return ntsync_cond_wake(locker_of(a), &s.cond);
}

static int lend(struct actor *a, void *borrower)
{
	return ntsync_locker_lend(locker_of(a), ((struct actor *)borrower)->tid);
}

static int unlend(struct actor *a, void *unused)
{
	(void)unused;
	return ntsync_locker_unlend(locker_of(a));
}

static int lend_and_exchange(struct actor *a, void *pipe_server)
{
	const struct pipe_server *server = pipe_server;
	int ret = lend(a, server->server);

	if (!ret)
		ret = exchange_by_pipe(server);
	return ret ? ret : unlend(a, NULL);
}

/* ---- a hog that runs while somebody holds a lock ---- */

/* The waiter's @take waits for the holder, which then works. The waiter ends with @release. */
static void check_lock(struct fixture *f, job_fn hold, job_fn work, job_fn take, job_fn release)
{
	struct actor *waiter = actor_high(f), *holder = actor_low(f, "holder");

	begin(f);
	assert_ret(actor_do(holder, hold, NULL), 0);
	actor_tell(waiter, take, NULL);
	actor_tell(holder, work, NULL);
	hog_release();
	assert_not_held_up(waiter, 0);
	assert_ret(actor_finish(holder), 0);
	assert_unboosted(holder);
	assert_ret(actor_do(waiter, release, NULL), 0);
}

static void a_critical_section(void **state)
{
	check_lock(*state, enter_cs, work_and_leave_cs, enter_cs, leave_cs);
}

static void an_exclusive_holder_and_a_writer(void **state)
{
	check_lock(*state, lock_rw, work_and_unlock_rw, lock_rw, unlock_rw);
}

static void an_exclusive_holder_and_a_reader(void **state)
{
	check_lock(*state, lock_rw, work_and_unlock_rw, share_rw, unshare_rw);
}

/* The thread that is woken finds the lock held by the one that has woken it. */
static void check_cond(struct fixture *f, job_fn hold, job_fn work, job_fn await, job_fn release)
{
	struct actor *waiter = actor_high(f), *holder = actor_low(f, "holder");

	begin(f);
	actor_tell(waiter, await, NULL);
	actor_assert_asleep_in(waiter, ADDR_WAIT);
	assert_ret(actor_do(holder, hold, NULL), 0);
	assert_unboosted(holder);
	assert_ret(actor_do(holder, call_waiter, NULL), 0);
	assert_boosted(holder, HIGH);
	actor_tell(holder, work, NULL);
	hog_release();
	assert_not_held_up(waiter, 0);
	assert_ret(actor_finish(holder), 0);
	assert_unboosted(holder);
	assert_ret(actor_do(waiter, release, NULL), 0);
}

static void a_condition_with_a_critical_section(void **state)
{
	check_cond(*state, enter_cs, work_and_leave_cs, await_call_in_cs, leave_cs);
}

static void a_condition_with_an_exclusive_lock(void **state)
{
	check_cond(*state, lock_rw, work_and_unlock_rw, await_call_in_rw, unlock_rw);
}

/* ---- who inherits ---- */

static bool is_real_time(struct actor *a)
{
	struct task_attr attr;

	return !task_get_attr(a->tid, &attr) && attr.policy == SCHED_FIFO;
}

static void the_next_holder_inherits(void **state)
{
	struct fixture *f = *state;
	struct actor *high = actor_high(f), *minor = actor_new(f, "minor", FIFO(MINOR));
	struct actor *holder = actor_normal(f);

	begin(f);
	assert_ret(actor_do(holder, enter_cs, NULL), 0);
	actor_tell(minor, enter_cs, NULL);
	actor_assert_asleep_in(minor, ADDR_WAIT);
	assert_boosted(holder, MINOR);
	assert_true(arbiter_has(holder->tid, "address", SCHED_FIFO, MINOR));
	actor_tell(high, enter_cs, NULL);
	actor_assert_asleep_in(high, ADDR_WAIT);
	assert_boosted(holder, HIGH);
	/* The most urgent one, not the first. */
	assert_ret(actor_do(holder, leave_cs, NULL), 0);
	assert_unboosted(holder);
	assert_ret(actor_finish(high), 0);
	actor_assert_asleep_in(minor, ADDR_WAIT);
	assert_ret(actor_do(high, leave_cs, NULL), 0);
	assert_ret(actor_finish(minor), 0);
	assert_ret(actor_do(minor, leave_cs, NULL), 0);
}

/* A writer that holds the lock inherits from a reader that waits; readers that hold it inherit nothing. */
static void readers_do_not_inherit(void **state)
{
	struct fixture *f = *state;
	struct actor *high = actor_high(f), *minor = actor_new(f, "minor", FIFO(MINOR));
	struct actor *reader = actor_normal(f);

	begin(f);
	assert_ret(actor_do(reader, share_rw, NULL), 0);
	actor_tell(minor, lock_rw, NULL);
	actor_assert_asleep_in(minor, ADDR_WAIT);
	assert_unboosted(reader);
	assert_ret(actor_do(reader, unshare_rw, NULL), 0);
	assert_ret(actor_finish(minor), 0);
	actor_tell(high, share_rw, NULL);
	actor_assert_asleep_in(high, ADDR_WAIT);
	assert_boosted(minor, HIGH);
	assert_ret(actor_do(minor, unlock_rw, NULL), 0);
	assert_unboosted(minor);
	assert_ret(actor_finish(high), 0);
	assert_ret(actor_do(high, unshare_rw, NULL), 0);
}

/* Readers that no real-time thread needs would keep the writer out. */
static void real_time_readers_pass_a_writer(void **state)
{
	struct fixture *f = *state;
	struct actor *high = actor_high(f), *writer = actor_new(f, "writer", NORMAL(0));
	struct actor *reader = actor_new(f, "reader", NORMAL(0));

	begin(f);
	s.rw.word = 1;
	actor_tell(writer, lock_rw, NULL);
	actor_assert_asleep_in(writer, ADDR_WAIT);
	actor_tell(reader, share_and_unshare_rw, NULL);
	actor_assert_asleep_in(reader, ADDR_WAIT);
	assert_ret(actor_do(high, share_rw, NULL), 0);
	assert_int_equal(s.rw.word, 2 | NTSYNC_LOCK_WAITERS);
	assert_ret(actor_do(high, unshare_rw, NULL), 0);
	assert_ret(actor_do(high, unshare_rw, NULL), 0);
	/* One of the two comes first. */
	assert_ret(actor_finish(writer), 0);
	assert_ret(actor_do(writer, unlock_rw, NULL), 0);
	assert_ret(actor_finish(reader), 0);
}

/* The last reader, which is the test, leaves, and the writer that it wakes takes the lock. */
static int lock_after_readers(struct actor *a, void *unused)
{
	struct ntsync_locker *me = locker_of(a);
	uint32_t seen = 1 | NTSYNC_LOCK_WAITERS;

	(void)unused;
	if (!__atomic_compare_exchange_n(&s.rw.word, &seen,
					 me->tid | NTSYNC_LOCK_EXCLUSIVE | NTSYNC_LOCK_WAITERS,
					 false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return -EAGAIN;
	me->held++;
	return 0;
}

/* Another one has slept since before, and nobody wakes it now. It has to notice. */
static void a_writer_after_readers_inherits(void **state)
{
	struct fixture *f = *state;
	struct actor *high = actor_high(f), *writer = actor_new(f, "writer", NORMAL(0));
	struct actor *next = actor_new(f, "next", NORMAL(0));

	begin(f);
	s.rw.word = 1;
	assert_ret(actor_do(next, enter_cs, NULL), 0);
	actor_tell(next, lock_rw, NULL);
	actor_assert_asleep_in(next, ADDR_WAIT);
	assert_ret(actor_do(writer, lock_after_readers, NULL), 0);
	actor_tell(high, enter_cs, NULL);
	for (unsigned int polls = 0; !is_real_time(writer); polls++)
		let_others_run(polls);
	assert_boosted(next, HIGH);
	assert_boosted(writer, HIGH);
	assert_ret(actor_do(writer, unlock_rw, NULL), 0);
	assert_unboosted(writer);
	assert_ret(actor_finish(next), 0);
	assert_ret(actor_do(next, unlock_rw, NULL), 0);
	assert_ret(actor_do(next, leave_cs, NULL), 0);
	assert_ret(actor_finish(high), 0);
	assert_ret(actor_do(high, leave_cs, NULL), 0);
}

/* ---- loans of lockers ---- */

static void a_real_time_thread_lends(void **state)
{
	struct fixture *f = *state;
	struct actor *lender = actor_high(f), *borrower = actor_normal(f);

	begin(f);
	assert_ret(actor_do(lender, lend, borrower), 0);
	assert_boosted(borrower, HIGH);
	assert_ret(actor_do(lender, unlend, NULL), 0);
	assert_unboosted(borrower);
	assert_ret(actor_do(lender, unlend, NULL), 0);
}

/* It is told by nobody, and looks again after 100 ms. */
static void a_thread_gets_a_policy(void **state)
{
	struct fixture *f = *state;
	struct actor *lender = actor_new(f, "lender", NORMAL(0)), *borrower = actor_normal(f);

	begin(f);
	assert_ret(actor_do(lender, lend, borrower), 0);
	assert_unboosted(borrower);
	actor_set_attr(lender, FIFO(MINOR));
	for (unsigned int polls = 0; !is_real_time(borrower); polls++) {
		let_others_run(polls);
		assert_ret(actor_do(lender, lend, borrower), 0);
	}
	assert_boosted(borrower, MINOR);
	assert_ret(actor_do(lender, unlend, NULL), 0);
	assert_unboosted(borrower);
}

/* A holder may inherit during the server call. */
static void a_holder_lends_later(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f), *holder = actor_new(f, "holder", NORMAL(0));
	struct actor *borrower = actor_normal(f);

	begin(f);
	assert_ret(actor_do(holder, enter_cs, NULL), 0);
	assert_ret(actor_do(holder, lend, borrower), 0);
	assert_unboosted(borrower);
	actor_tell(waiter, enter_cs, NULL);
	actor_assert_asleep_in(waiter, ADDR_WAIT);
	assert_boosted(borrower, HIGH);
	assert_ret(actor_do(holder, unlend, NULL), 0);
	assert_unboosted(borrower);
	assert_ret(actor_do(holder, leave_cs, NULL), 0);
	assert_ret(actor_finish(waiter), 0);
	assert_ret(actor_do(waiter, leave_cs, NULL), 0);
}

/* ---- real-time thread, critical section, its holder in a call of a server, a mutex, its owner ---- */

struct chain {
	struct actor *waiter, *holder, *server, *owner;
	struct pipe_server pipes;
};

/* @serve is the server's job. It sleeps in the wait for the mutex then, and the waiter is idle. */
static void chain_begin(struct fixture *f, struct chain *c, struct actor *holder, job_fn serve,
			job_fn call)
{
	begin(f);
	*c = (struct chain){
		.waiter = actor_high(f), .holder = holder,
		.server = actor_new(f, "server", NORMAL(0)),
		.owner = actor_new(f, "owner", NORMAL(0)),
	};
	pipe_server_init(f, &c->pipes, c->server);
	c->pipes.mutex = new_mutex(f, 0, 0);
	assert_ret(actor_locks(c->owner, c->pipes.mutex), 0);
	assert_ret(actor_do(holder, enter_cs, NULL), 0);
	actor_tell(c->server, serve, &c->pipes);
	actor_tell(holder, call, &c->pipes);
	await_call(holder);
	actor_assert_asleep(c->server);
}

/* The server's request in three jobs: the mutex is locked, and unlocked, and the client answered. */
static int take_request(struct actor *server, void *pipe_server)
{
	const struct pipe_server *p = pipe_server;
	char c;

	return read(p->request[0], &c, 1) == 1 ? wait_any_here(server, p->mutex, FOREVER) : -EIO;
}

static int answer_request(struct actor *server, void *pipe_server)
{
	const struct pipe_server *p = pipe_server;

	(void)server;
	return write(p->reply[1], "", 1) == 1 ? 0 : -EIO;
}

/* Each keeps the waiter's priority for as long as the waiter depends on it, and no longer. */
static void check_chain(struct fixture *f, struct actor *holder)
{
	struct chain c;

	chain_begin(f, &c, holder, take_request, lend_and_exchange);
	actor_tell(c.waiter, enter_cs, NULL);
	actor_assert_asleep_in(c.waiter, ADDR_WAIT);
	assert_boosted(c.holder, HIGH);
	assert_boosted(c.server, HIGH);
	assert_boosted(c.owner, HIGH);

	assert_ret(actor_unlocks(c.owner, c.pipes.mutex), 0);
	assert_unboosted(c.owner);
	assert_ret(actor_finish(c.server), 0);
	assert_boosted(c.server, HIGH);
	assert_boosted(c.holder, HIGH);

	assert_ret(actor_unlocks(c.server, c.pipes.mutex), 0);
	assert_boosted(c.server, HIGH);

	assert_ret(actor_do(c.server, answer_request, &c.pipes), 0);
	assert_ret(actor_finish(c.holder), 0);
	assert_unboosted(c.server);
	assert_boosted(c.holder, HIGH);

	assert_ret(actor_do(c.holder, leave_cs, NULL), 0);
	assert_unboosted(c.holder);
	assert_ret(actor_finish(c.waiter), 0);
	assert_ret(actor_do(c.waiter, leave_cs, NULL), 0);
	pi_assert_exact(f);
}

static int lend_exchange_and_leave_cs(struct actor *a, void *pipe_server)
{
	int ret = lend_and_exchange(a, pipe_server);

	return ret ? ret : leave_cs(a, NULL);
}

/* All of them share the CPU with the hog. */
static void check_chain_and_hog(struct fixture *f, struct actor *holder)
{
	struct chain c;

	chain_begin(f, &c, holder, serve_by_pipe, lend_exchange_and_leave_cs);
	actor_tell(c.waiter, enter_cs, NULL);
	actor_work_and_unlock(c.owner, c.pipes.mutex);
	hog_release();
	assert_not_held_up(c.waiter, 0);
	assert_ret(actor_finish(c.owner), 0);
	assert_ret(actor_finish(c.server), 0);
	assert_ret(actor_finish(c.holder), 0);
	assert_ret(actor_do(c.waiter, leave_cs, NULL), 0);
	pi_assert_exact(f);
}

static void a_chain_of_all_kinds(void **state)
{
	check_chain(*state, actor_low(*state, "holder"));
}

static void a_chain_with_a_normal_holder(void **state)
{
	check_chain(*state, actor_normal(*state));
}

static void a_chain_and_a_hog(void **state)
{
	check_chain_and_hog(*state, actor_low(*state, "holder"));
}

static void a_chain_with_a_normal_holder_and_a_hog(void **state)
{
	check_chain_and_hog(*state, actor_normal(*state));
}

/* A waiter that a failed test has left may have no deadline: it enters again after its wait. */
static int free_locks(void **state)
{
	struct fixture *f = *state;

	s.cs.word = 0;
	s.rw.word = 0;
	addr_wake_here(f->dev, (int *)&s.cs.word, MAX_LOCKERS, 0);
	addr_wake_here(f->dev, (int *)&s.rw.word, MAX_LOCKERS, 0);
	return pi_teardown(state);
}

#define LOCK_TEST(fn) { #fn, fn, pi_setup, free_locks, (char *)(__FILE__ ":" #fn) }

int main(void)
{
	static const struct CMUnitTest tests[] = {
		LOCK_TEST(a_critical_section),
		LOCK_TEST(an_exclusive_holder_and_a_writer),
		LOCK_TEST(an_exclusive_holder_and_a_reader),
		LOCK_TEST(a_condition_with_a_critical_section),
		LOCK_TEST(a_condition_with_an_exclusive_lock),
		LOCK_TEST(the_next_holder_inherits),
		LOCK_TEST(readers_do_not_inherit),
		LOCK_TEST(real_time_readers_pass_a_writer),
		LOCK_TEST(a_writer_after_readers_inherits),
		LOCK_TEST(a_real_time_thread_lends),
		LOCK_TEST(a_thread_gets_a_policy),
		LOCK_TEST(a_holder_lends_later),
		LOCK_TEST(a_chain_of_all_kinds),
		LOCK_TEST(a_chain_with_a_normal_holder),
		LOCK_TEST(a_chain_and_a_hog),
		LOCK_TEST(a_chain_with_a_normal_holder_and_a_hog),
	};

	return RUN(tests);
}
