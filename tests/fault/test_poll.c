// SPDX-License-Identifier: GPL-2.0-only
/*
 * poll(2) has no error for "no memory", and epoll asks an object only once, when it is added:
 * what they are told of is not to depend on memory that we allocate.
 */
#include "fail_nth.h"

#include <poll.h>
#include <sys/epoll.h>

static void setup_sem(struct stage *s)
{
	watch(s, new_sem(s->f, 1, 1));
}

static int run_poll(struct stage *s)
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

static int new_set(struct stage *s)
{
	return own_fd(s->f, epoll_create1(EPOLL_CLOEXEC));
}

static int add(int set, int obj, uint32_t flags)
{
	struct epoll_event event = { .events = EPOLLIN | flags };

	return epoll_ctl(set, EPOLL_CTL_ADD, obj, &event) ? -errno : 0;
}

static int told(int set)
{
	struct epoll_event event;

	return epoll_wait(set, &event, 1, 0);
}

static void setup_epoll(struct stage *s)
{
	if (s->made)
		close_fd(s->f, s->made);
	s->made = new_set(s);
	watch(s, new_sem(s->f, 0, 1));
}

static int run_epoll(struct stage *s)
{
	return add(s->made, s->objs[0], 0);
}

static int run_exclusive(struct stage *s)
{
	return add(s->made, s->objs[0], EPOLLEXCLUSIVE);
}

static void verify_epoll(struct stage *s)
{
	assert_int_equal(told(s->made), 0);
	release(s->objs[0], 1, 0);
	assert_int_equal(told(s->made), 1);
	assert_ret(try_wait(s->f, s->objs[0], SELF), 0);
	assert_int_equal(told(s->made), 0);
}

/* A semaphore that a set was added to without memory of its own. */
static void add_spared(struct stage *s)
{
	enum injected injected;
	int set, sem, ret;

	for (unsigned int n = 1;; n++) {
		set = new_set(s);
		sem = new_sem(s->f, 0, 1);
		inject_arm(n);
		ret = add(set, sem, EPOLLEXCLUSIVE);
		injected = inject_disarm();
		if (!ret && injected == MEMORY)
			break;
		assert_int_not_equal(injected, NOTHING);
		close_fd(s->f, sem);
		close_fd(s->f, set);
	}
	watch(s, sem);
}

/* Whom it would be enough to wake is who asked first, for another object. */
static void setup_exclusive(struct stage *s)
{
	setup_epoll(s);
	add_spared(s);
}

static const struct op ops[] = {
	{ .name = "poll", .setup = setup_sem, .run = run_poll, .anew = true, .copies = 1,
	  .spared = 1 },
	{ .name = "epoll", .setup = setup_epoll, .run = run_epoll, .verify = verify_epoll,
	  .anew = true, .memory = 1, .copies = 1, .spared = 1 },
	{ .name = "epoll: exclusive", .setup = setup_exclusive, .run = run_exclusive,
	  .verify = verify_epoll, .anew = true, .memory = 1, .copies = 1, .spared = 1 },
};

int main(void)
{
	return RUN_OPS(ops);
}
