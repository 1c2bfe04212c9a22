// SPDX-License-Identifier: GPL-2.0-only
/*
 * poll(2) has no error for "no memory", and epoll polls an object only once, when it is added:
 * their results must not depend on memory that the driver allocates.
 */
#include "fail_nth.h"

#include <poll.h>
#include <sys/epoll.h>

static void setup_sem(struct scenario *s)
{
	add_object(s, new_sem(s->f, 1, 1));
}

static int run_poll(struct scenario *s)
{
	struct pollfd fd = { .fd = s->objs[0], .events = POLLIN };
	int ready = poll(&fd, 1, 0);

	if (ready < 0)
		return -errno;
	if (fd.revents & POLLERR)
		return -ENOMEM;
	return fd.revents == POLLIN ? 0 : -EIO;
}

/* ---- epoll ---- */

static int new_set(struct scenario *s)
{
	return own_fd(s->f, epoll_create1(EPOLL_CLOEXEC));
}

static int add_to_set(int set, int obj, uint32_t flags)
{
	struct epoll_event event = { .events = EPOLLIN | flags };

	return epoll_ctl(set, EPOLL_CTL_ADD, obj, &event) ? -errno : 0;
}

static int await_set(int set)
{
	struct epoll_event event;

	return epoll_wait(set, &event, 1, 0);
}

static void setup_epoll(struct scenario *s)
{
	if (s->made)
		close_fd(s->f, s->made);
	s->made = new_set(s);
	add_object(s, new_sem(s->f, 0, 1));
}

static int run_epoll(struct scenario *s)
{
	return add_to_set(s->made, s->objs[0], 0);
}

static int run_exclusive(struct scenario *s)
{
	return add_to_set(s->made, s->objs[0], EPOLLEXCLUSIVE);
}

static void verify_epoll(struct scenario *s)
{
	assert_int_equal(await_set(s->made), 0);
	release(s->objs[0], 1, 0);
	assert_int_equal(await_set(s->made), 1);
	assert_ret(try_wait(s->f, s->objs[0], SELF), 0);
	assert_int_equal(await_set(s->made), 0);
}

/* A semaphore that was added to an epoll set while the driver had no memory for that. */
static void add_without_memory(struct scenario *s)
{
	enum injected injected;
	int set, sem, ret;

	for (unsigned int n = 1;; n++) {
		set = new_set(s);
		sem = new_sem(s->f, 0, 1);
		inject_arm(n);
		ret = add_to_set(set, sem, EPOLLEXCLUSIVE);
		injected = inject_disarm();
		if (!ret && injected == MEMORY)
			break;
		assert_int_not_equal(injected, NOTHING);
		close_fd(s->f, sem);
		close_fd(s->f, set);
	}
	add_object(s, sem);
}

/* The poller that asked first, for another object, is the one that would be woken alone. */
static void setup_exclusive(struct scenario *s)
{
	setup_epoll(s);
	add_without_memory(s);
}

static const struct op ops[] = {
	{ .name = "poll", .setup = setup_sem, .run = run_poll, .renews = true, .copies = 1,
	  .succeeds_without = 1 },
	{ .name = "epoll", .setup = setup_epoll, .run = run_epoll, .verify = verify_epoll,
	  .renews = true, .memory = 1, .copies = 1, .succeeds_without = 1 },
	{ .name = "epoll: exclusive", .setup = setup_exclusive, .run = run_exclusive,
	  .verify = verify_epoll, .renews = true, .memory = 1, .copies = 1, .succeeds_without = 1 },
};

int main(void)
{
	return RUN_OPS(ops);
}
