// SPDX-License-Identifier: GPL-2.0-only
/* poll, select and epoll on objects and channels: they never acquire anything. */
#include "channel.h"
#include "asleep.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>

#define READABLE (POLLIN | POLLRDNORM)
#define EVERYTHING (POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLPRI | POLLRDHUP | POLLRDBAND)

static int poll_now(int fd)
{
	struct pollfd p = { .fd = fd, .events = EVERYTHING };
	int ret = poll(&p, 1, 0);

	assert_true(ret >= 0);
	assert_int_equal(ret, p.revents != 0);
	return p.revents;
}

static bool select_now(int fd)
{
	struct timeval none = { 0 };
	fd_set in, out;

	FD_ZERO(&in);
	FD_SET(fd, &in);
	out = in;
	return select(fd + 1, &in, &out, NULL, &none) == 1 && FD_ISSET(fd, &in) &&
	       !FD_ISSET(fd, &out);
}

static bool epoll_now(int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT }, got;
	int set = epoll_create1(EPOLL_CLOEXEC), n;

	assert_int_equal(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event), 0);
	n = epoll_wait(set, &got, 1, 0);
	close(set);
	return n == 1 && got.events == EPOLLIN;
}

/* Each of the three, twice, as none may change anything. */
#define assert_readable(fd, yes) check_readable(fd, yes, __LINE__)
static void check_readable(int fd, bool yes, int line)
{
	for (int i = 0; i < 2; i++) {
		if (poll_now(fd) == (yes ? READABLE : 0) && select_now(fd) == yes &&
		    epoll_now(fd) == yes)
			continue;
		print_error("line %d: poll %#x select %d epoll %d, want readable %d\n", line,
			    poll_now(fd), select_now(fd), epoll_now(fd), yes);
		fail();
	}
}

/* ---- states ---- */

static void is_announced(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "objects can't be polled");
	assert_true(f->features & NTSYNC_FEATURE_POLL);
}

static void semaphore(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 2);

	only_ours(f, "objects can't be polled");
	assert_readable(sem, false);
	release(sem, 2, 0);
	assert_readable(sem, true);
	assert_sem(sem, 2, 2);
	assert_ret(try_wait(f, sem, OWNER), 0);
	assert_readable(sem, true);
	assert_ret(try_wait(f, sem, OWNER), 0);
	assert_readable(sem, false);
	release(sem, 0, 0);
	assert_readable(sem, false);
}

static void events(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "objects can't be polled");
	for (int manual = 0; manual < 2; manual++) {
		int event = new_event(f, manual, false);

		assert_readable(event, false);
		set_event(event, 0);
		assert_readable(event, true);
		assert_event(event, manual, 1);
		assert_ret(try_wait(f, event, OWNER), 0);
		assert_readable(event, manual);
		reset_event(event, manual);
		assert_readable(event, false);
		/* It is signaled no longer than it takes to release the waiters. */
		pulse_event(event, 0);
		assert_readable(event, false);
	}
}

/* A free mutex is ready. A held one is not, not even for its owner, as poll has no owner id. */
static void mutex(void **state)
{
	struct fixture *f = *state;
	int mutex = new_mutex(f, OWNER, 1);

	only_ours(f, "objects can't be polled");
	assert_readable(mutex, false);
	unlock(mutex, OWNER, 1);
	assert_readable(mutex, true);
	assert_mutex(mutex, 0, 0);
	assert_ret(try_wait(f, mutex, OWNER), 0);
	assert_readable(mutex, false);
	kill_owner(mutex, OWNER);
	assert_readable(mutex, true);
	assert_abandoned(mutex);
	assert_ret(try_wait(f, mutex, OWNER), -EOWNERDEAD);
	assert_readable(mutex, false);
}

static void channel(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2);
	struct call *a, *b;
	uint64_t id;

	assert_readable(channel, false);
	a = start_send(f, channel, 0, 1);
	assert_readable(channel, true);
	assert_depth(channel, 1);
	/* A poller is no receiver. */
	assert_int_equal(channel_info(channel, "receivers"), 0);
	b = start_send(f, channel, 9, 2);
	id = take(channel, 9, 2);
	assert_readable(channel, true);
	serve(channel, 0, 1);
	assert_readable(channel, false);
	assert_ret(reply(channel, id), 0);
	assert_readable(channel, false);
	assert_call(a, 0);
	assert_call(b, 0);
}

static void a_request_that_left_or_came_back(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2);
	struct call *sender;

	count_signals(SIGUSR1, 0);
	sender = start_send(f, channel, 0, 1);
	call_signal(sender, SIGUSR1);
	assert_call(sender, -EINTR);
	assert_readable(channel, false);
	start_send(f, channel, 0, 2);
	assert_ret(receive(channel, TRY_RECV2, read_only(f, NULL, sizeof(request_t))), -EFAULT);
	assert_readable(channel, true);
	serve(channel, 0, 2);
}

/* The object is handed to a waiter: a poller sees nothing. */
static void handed_to_a_waiter(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1);
	struct waiter *w;

	only_ours(f, "objects can't be polled");
	w = start_on(f, ANY, sem);
	release(sem, 1, 0);
	assert_readable(sem, false);
	assert_woken(w, 0, 0);
}

/* The device itself is never ready: epoll refuses it. */
static void device(void **state)
{
	struct fixture *f = *state;
	struct epoll_event event = { .events = EPOLLIN };
	int set = own_fd(f, epoll_create1(EPOLL_CLOEXEC));

	assert_int_equal(epoll_ctl(set, EPOLL_CTL_ADD, f->dev, &event), -1);
	assert_int_equal(errno, EPERM);
}

/* ---- sleepers ---- */

struct poller {
	int fd, revents;
	pthread_t thread;
	atomic_int tid;
	atomic_bool out;
};

static void *poll_main(void *arg)
{
	struct poller *p = arg;
	struct pollfd pollfd = { .fd = p->fd, .events = EVERYTHING };

	atomic_store(&p->tid, gettid());
	if (poll(&pollfd, 1, -1) == 1)
		p->revents = pollfd.revents;
	atomic_store(&p->out, true);
	return NULL;
}

static bool asleep_in_poll(pid_t tid)
{
	struct sleeping_call call;

	if (!asleep_in_call(getpid(), tid, &call))
		return false;
#ifdef SYS_poll
	return call.nr == SYS_poll;
#else
	return call.nr == SYS_ppoll;	/* what poll() calls on newer architectures, arm64 among them */
#endif
}

static void start_poll(struct poller *p, int fd)
{
	*p = (struct poller){ .fd = fd };
	assert_int_equal(pthread_create(&p->thread, NULL, poll_main, p), 0);
	while (!atomic_load(&p->tid) || !asleep_in_poll(p->tid))
		sleep_ms(1);
}

#define assert_poll_woken(p)                                                   \
	do {                                                                   \
		pthread_join((p)->thread, NULL);                               \
		assert_int_equal((p)->revents, READABLE);                      \
	} while (0)

static void each_kind_wakes(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 2), mutex = new_mutex(f, OWNER, 1), killed = new_mutex(f, OWNER, 1);
	int automatic = new_auto(f, false), manual = new_manual(f, false);
	struct poller pollers[5];

	only_ours(f, "objects can't be polled");
	start_poll(&pollers[0], sem);
	start_poll(&pollers[1], mutex);
	start_poll(&pollers[2], killed);
	start_poll(&pollers[3], automatic);
	start_poll(&pollers[4], manual);
	release(sem, 1, 0);
	assert_poll_woken(&pollers[0]);
	unlock(mutex, OWNER, 1);
	assert_poll_woken(&pollers[1]);
	kill_owner(killed, OWNER);
	assert_poll_woken(&pollers[2]);
	set_event(automatic, 0);
	assert_poll_woken(&pollers[3]);
	assert_ret(nt(manual, NTSYNC_IOC_EVENT_SET_PI,
		      &(struct ntsync_event_set_pi_args){ .policy = SCHED_FIFO, .prio = 1 }), 0);
	assert_poll_woken(&pollers[4]);
	assert_sem(sem, 1, 2);
	assert_event(automatic, 0, 1);
}

static void a_request_wakes(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2);
	struct poller p;

	start_poll(&p, channel);
	start_send(f, channel, 0, 1);
	assert_poll_woken(&p);
	serve(channel, 0, 1);
}

/* Every poller is woken, and every waiter gets its object. */
static void all_pollers_are_woken(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 2);
	struct poller pollers[6];
	struct waiter *w;

	only_ours(f, "objects can't be polled");
	for (size_t i = 0; i < ARRAY_SIZE(pollers); i++)
		start_poll(&pollers[i], sem);
	w = start_on(f, ANY, sem);
	release(sem, 2, 0);
	for (size_t i = 0; i < ARRAY_SIZE(pollers); i++)
		assert_poll_woken(&pollers[i]);
	assert_woken(w, 0, 0);
	assert_sem(sem, 1, 2);
}

/* A wait for all changes the object's state in another way. */
static void what_a_wait_all_gives_back(void **state)
{
	struct fixture *f = *state;
	int mutex = new_mutex(f, 0, 0), sem = new_sem(f, 0, 1), never = new_sem(f, 0, 1);
	struct waiter *w;
	struct poller p;

	only_ours(f, "objects can't be polled");
	w = start(f, ALL, ARGS(FDS(mutex, sem), .owner = OWNER, .timeout = FOREVER));
	assert_readable(mutex, true);
	release(sem, 1, 0);
	assert_woken(w, 0, 0);
	assert_readable(mutex, false);
	w = start(f, ALL, ARGS(FDS(mutex, never), .owner = OWNER + 1, .timeout = FOREVER));
	start_poll(&p, mutex);
	unlock(mutex, OWNER, 1);
	assert_poll_woken(&p);
	assert_asleep(w);
}

/* ---- epoll ---- */

static int add_to_epoll(struct fixture *f, int fd, uint32_t flags)
{
	struct epoll_event event = { .events = EPOLLIN | flags };
	int set = own_fd(f, epoll_create1(EPOLL_CLOEXEC));

	assert_int_equal(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event), 0);
	return set;
}

static int await_epoll(int set)
{
	struct epoll_event event;

	return epoll_wait(set, &event, 1, 0);
}

static void level_triggered(void **state)
{
	struct fixture *f = *state;
	int event = new_auto(f, false), set;

	only_ours(f, "objects can't be polled");
	set = add_to_epoll(f, event, 0);
	assert_int_equal(await_epoll(set), 0);
	set_event(event, 0);
	assert_int_equal(await_epoll(set), 1);
	assert_int_equal(await_epoll(set), 1);
	assert_ret(try_wait(f, event, OWNER), 0);
	assert_int_equal(await_epoll(set), 0);
}

/* An edge each time that the object becomes ready, or more of it does. */
static void edge_triggered(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 9), set;

	only_ours(f, "objects can't be polled");
	set = add_to_epoll(f, sem, EPOLLET);
	for (int i = 0; i < 3; i++) {
		release(sem, 1, i);
		assert_int_equal(await_epoll(set), 1);
		assert_int_equal(await_epoll(set), 0);
	}
}

/* A handler that reads the state, or acquires one of several units, must not cause another edge. */
static void a_look_is_no_edge(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 9), event = new_manual(f, false), sems, events;

	only_ours(f, "objects can't be polled");
	sems = add_to_epoll(f, sem, EPOLLET);
	events = add_to_epoll(f, event, EPOLLET);
	release(sem, 3, 0);
	set_event(event, 0);
	assert_int_equal(await_epoll(sems), 1);
	assert_int_equal(await_epoll(events), 1);
	assert_sem(sem, 3, 9);
	assert_event(event, 1, 1);
	assert_ret(try_wait(f, sem, OWNER), 0);
	assert_ret(try_wait(f, event, OWNER), 0);
	assert_wait(f, ALL, ARGS(FDS(sem, event), .owner = OWNER), 0, 0);
	assert_int_equal(await_epoll(sems), 0);
	assert_int_equal(await_epoll(events), 0);
}

static void epoll_on_a_channel(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2), set = add_to_epoll(f, channel, EPOLLET);

	start_send(f, channel, 0, 1);
	assert_int_equal(await_epoll(set), 1);
	assert_int_equal(await_epoll(set), 0);
	start_send(f, channel, 0, 2);
	assert_int_equal(await_epoll(set), 1);
	serve(channel, 0, 1);
	/* A request that returns to the queue because it can't be delivered. */
	assert_ret(receive(channel, TRY_RECV2, read_only(f, NULL, sizeof(request_t))), -EFAULT);
	assert_int_equal(await_epoll(set), 1);
	serve(channel, 0, 2);
	assert_int_equal(await_epoll(set), 0);
}

/* epoll removes closed files. */
static void closed_while_watched(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 1, 1), channel = new_channel(f, 1), set, other;

	set = add_to_epoll(f, sem, 0);
	other = add_to_epoll(f, channel, 0);
	assert_int_equal(await_epoll(set), 1);
	close_fd(f, sem);
	close_fd(f, channel);
	assert_int_equal(await_epoll(set), 0);
	assert_int_equal(await_epoll(other), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CHANNEL_TEST(is_announced),
		CHANNEL_TEST(semaphore),
		CHANNEL_TEST(events),
		CHANNEL_TEST(mutex),
		CHANNEL_TEST(channel),
		CHANNEL_TEST(a_request_that_left_or_came_back),
		CHANNEL_TEST(handed_to_a_waiter),
		CHANNEL_TEST(device),
		CHANNEL_TEST(each_kind_wakes),
		CHANNEL_TEST(a_request_wakes),
		CHANNEL_TEST(all_pollers_are_woken),
		CHANNEL_TEST(what_a_wait_all_gives_back),
		CHANNEL_TEST(level_triggered),
		CHANNEL_TEST(edge_triggered),
		CHANNEL_TEST(a_look_is_no_edge),
		CHANNEL_TEST(epoll_on_a_channel),
		CHANNEL_TEST(closed_while_watched),
	};

	return RUN(tests);
}
