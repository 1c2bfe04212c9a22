// SPDX-License-Identifier: GPL-2.0-only
/* Waits on addresses: records and spaces that are made in the first call that needs them. */
#include "fail_nth.h"

#include <signal.h>
#include <sys/mman.h>

static pid_t owner;
static uint32_t word, *shared;

static void kill_owner_process(void)
{
	if (!owner)
		return;
	kill(owner, SIGKILL);
	child_finish(owner);
	owner = 0;
}

/* A new one each time: the first wait that names it makes its record. */
static void setup_owner(struct scenario *s)
{
	(void)s;
	kill_owner_process();
	owner = fork();
	assert_true(owner >= 0);
	while (!owner)
		pause();
}

static void unmap_file(void)
{
	if (shared)
		munmap(shared, 4096);
	shared = NULL;
}

/* A new one each time, with its page in place. */
static void setup_file(struct scenario *s)
{
	(void)s;
	unmap_file();
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	*shared = 0;
}

static int wait_on(struct scenario *s, const uint32_t *at, uint64_t expected, uint32_t flags)
{
	const struct ntsync_addr_wait_args args = {
		.timeout = s->deadline,
		.addr = (uintptr_t)at,
		.expected = expected,
		.size = sizeof(*at),
		.owner = flags || expected ? 0 : (uint32_t)owner,
		.flags = flags,
	};

	return call(s, s->f->dev, NTSYNC_IOC_ADDR_WAIT, &args, sizeof(args));
}

static int run_named(struct scenario *s)
{
	return wait_on(s, &word, 0, 0);
}

static int run_in_file(struct scenario *s)
{
	return wait_on(s, shared, 0, NTSYNC_ADDR_SHARED);
}

static int run_changed(struct scenario *s)
{
	return wait_on(s, &word, 1, 0);
}

static int run_wake(struct scenario *s)
{
	const struct ntsync_addr_wake_args args = { .addr = (uintptr_t)&word, .count = 1 };

	return call(s, s->f->dev, NTSYNC_IOC_ADDR_WAKE, &args, sizeof(args));
}

static void verify_owner(struct scenario *s)
{
	struct task_attr attr;

	(void)s;
	assert_ret(task_get_attr(owner, &attr), 0);
	assert_int_equal(attr.policy, SCHED_OTHER);
}

static int end_all(void **state)
{
	kill_owner_process();
	unmap_file();
	return fixture_teardown(state);
}

static const struct op ops[] = {
	{ .name = "ADDR_WAIT names a task", .setup = setup_owner, .run = run_named,
	  .verify = verify_owner, .teardown = end_all, .want = -ETIMEDOUT, .sleeps = true,
	  .renews = true, .memory = 1, .copies = 2, .fifo = true },
	{ .name = "ADDR_WAIT in a file", .setup = setup_file, .run = run_in_file,
	  .teardown = end_all, .want = -ETIMEDOUT, .sleeps = true, .renews = true, .memory = 1,
	  .copies = 2 },
	{ .name = "ADDR_WAIT for another value", .run = run_changed, .want = -EAGAIN, .copies = 2 },
	{ .name = "ADDR_WAKE", .run = run_wake, .copies = 1 },
};

int main(void)
{
	return RUN_OPS(ops);
}
