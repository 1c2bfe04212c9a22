// SPDX-License-Identifier: GPL-2.0-only
#include "addr.h"

#define MAX_CALLS 1200

/* Of the running test. */
static struct addr_call *waits[MAX_CALLS];
static size_t nr_waits;

int addr_wake(struct fixture *f, const volatile void *word, uint32_t count, uint32_t flags)
{
	struct ntsync_addr_wake_args args = {
		.addr = (uintptr_t)word,
		.count = count,
		.flags = flags,
	};
	int ret = ioctl(f->dev, ADDR_WAKE, &args);

	return ret < 0 ? -errno : ret;
}

void addr_assert_wait(int dev, struct ntsync_addr_wait_args args, int ret, uint32_t index,
		      const char *file, int line)
{
	struct ntsync_addr_wait_args before = args;

	fixture_assert_ret(nt(dev, ADDR_WAIT, &args), ret, "ADDR_WAIT", file, line);
	before.index = index;
	_assert_memory_equal(&args, &before, sizeof(args), file, line);
}

struct addr_call *start_addr_running(struct fixture *f, struct ntsync_addr_wait_args args,
				     const struct waiter_sched *sched)
{
	struct addr_call *c = malloc(sizeof(*c));

	assert_non_null(c);
	assert_true(nr_waits < MAX_CALLS);
	waits[nr_waits++] = c;
	c->args = args;
	c->call = call_at(f, f->dev, ADDR_WAIT, &c->args, sched);
	return c;
}

struct addr_call *start_addr(struct fixture *f, struct ntsync_addr_wait_args args,
			     const struct waiter_sched *sched)
{
	struct addr_call *c = start_addr_running(f, args, sched);

	assert_addr_asleep(c);
	return c;
}

int addr_teardown(void **state)
{
	int ret = channel_teardown(state);

	while (nr_waits)
		free(waits[--nr_waits]);
	return ret;
}
