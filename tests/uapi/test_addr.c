// SPDX-License-Identifier: GPL-2.0-only
/* ADDR_WAIT and ADDR_WAKE: arguments, errors, and what ends a wait. Order is in test_addr_wake.c. */
#include "addr.h"

#include <signal.h>
#include <sys/mman.h>

#define NO_TASK 0x3fffffffu

static uint32_t word;

/* ---- arguments ---- */

static void arguments_are_checked(void **state)
{
	struct fixture *f = *state;
	int event = new_auto(f, false);

	need_addr(f);
	assert_ret(nt(f->dev, ADDR_WAIT, NULL), -EFAULT);
	assert_ret(nt(f->dev, ADDR_WAIT, unmapped(f)), -EFAULT);
	assert_ret(nt(f->dev, ADDR_WAKE, NULL), -EFAULT);
	assert_ret(nt(f->dev, ADDR_WAKE, unmapped(f)), -EFAULT);
	assert_ret(nt(event, ADDR_WAIT, &ADDR_ARGS(&word)), -ENOTTY);
	assert_ret(nt(event, ADDR_WAKE, &(struct ntsync_addr_wake_args){ 0 }), -ENOTTY);
	for (int bit = 0; bit < 32; bit++) {
		const uint32_t known = NTSYNC_WAIT_REALTIME | NTSYNC_WAIT_BOOTTIME |
				       NTSYNC_ADDR_SHARED | NTSYNC_ADDR_TAKE_OVER;

		if (!(known & 1u << bit))
			assert_addr_wait(f, ADDR_ARGS(&word, .flags = 1u << bit), -EINVAL,
					 UNTOUCHED);
		if (1u << bit != NTSYNC_ADDR_SHARED)
			assert_ret(addr_wake(f, &word, 1, 1u << bit), -EINVAL);
	}
	assert_addr_wait(f, ADDR_ARGS(&word, .flags = NTSYNC_WAIT_REALTIME | NTSYNC_WAIT_BOOTTIME),
			 -EINVAL, UNTOUCHED);
	assert_addr_wait(f, ADDR_ARGS(&word, .__pad = 1), -EINVAL, UNTOUCHED);
	assert_addr_wait(f, ADDR_ARGS(&word, .owner = gettid()), -EINVAL, UNTOUCHED);
}

static void sizes_and_alignment(void **state)
{
	static _Alignas(16) char memory[32];
	struct ntsync_addr_wait_args args = ADDR_ARGS(&word);
	struct fixture *f = *state;

	need_addr(f);
	for (uint32_t size = 0; size <= 32; size++) {
		bool legal = size == 1 || size == 2 || size == 4 || size == 8;

		for (uint32_t at = 0; at < 8; at++) {
			args.addr = (uintptr_t)&memory[at];
			args.size = size;
			assert_addr_wait(f, args, legal && !(at % size) ? -ETIMEDOUT : -EINVAL,
					 UNTOUCHED);
		}
	}
	args = ADDR_ARGS(&word);
	args.size = 1u << 31;
	assert_addr_wait(f, args, -EINVAL, UNTOUCHED);
}

/* Only as many bytes as the size says are compared. */
static void the_word_is_compared(void **state)
{
	static uint64_t value = 0x1122334455667788;
	struct fixture *f = *state;

	need_addr(f);
	for (uint32_t size = 1; size <= 8; size *= 2) {
		uint64_t mask = ~0ull >> (64 - 8 * size);
		struct ntsync_addr_wait_args args = ADDR_ARGS(&value, .expected = value);

		args.size = size;
		assert_addr_wait(f, args, -ETIMEDOUT, UNTOUCHED);
		args.expected &= mask;
		assert_addr_wait(f, args, -ETIMEDOUT, UNTOUCHED);
		args.expected ^= 1;
		assert_addr_wait(f, args, -EAGAIN, UNTOUCHED);
		args.expected ^= 1 | 1ull << (8 * size - 1);
		assert_addr_wait(f, args, -EAGAIN, UNTOUCHED);
	}
}

static void no_memory_there(void **state)
{
	struct fixture *f = *state;
	uint32_t *hole = unmapped(f);

	need_addr(f);
	assert_addr_wait(f, ADDR_ARGS(hole), -EFAULT, UNTOUCHED);
	/* Not an address of a program at all. */
	assert_addr_wait(f, ADDR_ARGS((uint64_t *)~7ul), -EFAULT, UNTOUCHED);
	assert_addr_wait(f, ADDR_ARGS((uint64_t *)NULL), -EFAULT, UNTOUCHED);
	/* It is not touched by a wake. */
	assert_ret(addr_wake(f, hole, 1, 0), 0);
	assert_ret(addr_wake(f, NULL, 1, 0), 0);
	assert_ret(addr_wake(f, (void *)~7ul, ~0u, 0), 0);
}

/* A page that is only read, one that was never touched, and one whose content was thrown away. */
static void pages_are_fetched(void **state)
{
	struct fixture *f = *state;
	const uint32_t init = 7;
	uint32_t *p;

	need_addr(f);
	p = read_only(f, &init, sizeof(init));
	assert_addr_wait(f, ADDR_ARGS(p, .expected = init), -ETIMEDOUT, UNTOUCHED);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(p, MAP_FAILED);
	for (int i = 0; i < 3; i++) {
		assert_addr_wait(f, ADDR_ARGS(p), -ETIMEDOUT, UNTOUCHED);
		assert_addr_wait(f, ADDR_ARGS(p, .expected = 1), -EAGAIN, UNTOUCHED);
		*p = 5;
		assert_addr_wait(f, ADDR_ARGS(p, .expected = 5), -ETIMEDOUT, UNTOUCHED);
		assert_int_equal(madvise(p, 4096, MADV_DONTNEED), 0);
	}
	munmap(p, 4096);
}

/* The value comes before the owner: a word that has changed has another one. */
static void owners_are_checked(void **state)
{
	struct fixture *f = *state;
	struct ntsync_addr_wait_args args = ADDR_ARGS(&word, .owner = NO_TASK);

	need_addr(f);
	if (!(f->features & NTSYNC_FEATURE_LEND))
		skip_because("no inheritance");
	assert_addr_wait(f, args, -ESRCH, UNTOUCHED);
	args.owner = 2;
	assert_addr_wait(f, args, -EPERM, UNTOUCHED);
	args.expected++;
	assert_addr_wait(f, args, -EAGAIN, UNTOUCHED);
	args.owner = NO_TASK;
	assert_addr_wait(f, args, -EAGAIN, UNTOUCHED);
	args.expected--;
	args.owner = getppid();
	assert_addr_wait(f, args, -ETIMEDOUT, UNTOUCHED);
}

/* ---- what ends a wait ---- */

static void a_wake_ends_it(void **state)
{
	struct fixture *f = *state;
	struct addr_call *c;

	need_addr(f);
	c = start_addr(f, ADDR_SLEEP(&word), NULL);
	assert_ret(addr_wake(f, &word + 1, 1, 0), 0);
	assert_ret(addr_wake(f, (char *)&word + 1, ~0u, 0), 0);
	assert_ret(addr_wake(f, &word, 0, 0), 0);
	assert_addr_asleep(c);
	assert_ret(addr_wake(f, &word, 1, 0), 1);
	assert_addr_woken(c, 0);
	/* It is written only if there is an alert. */
	assert_int_equal(c->args.index, UNTOUCHED);
	assert_int_equal(word, 0);
	assert_ret(addr_wake(f, &word, 1, 0), 0);
}

/* Keys belong to no instance, and their size does not count. */
static void another_instance_wakes(void **state)
{
	struct fixture *f = *state;
	struct fixture other = *f;
	struct addr_call *c;

	need_addr(f);
	other.dev = open_device(f);
	c = start_addr(f, ADDR_SLEEP((uint8_t *)&word), NULL);
	assert_ret(addr_wake(&other, &word, 1, 0), 1);
	assert_addr_woken(c, 0);
}

static void deadlines(void **state)
{
	static const uint32_t flags[] = {
		0, NTSYNC_WAIT_REALTIME, NTSYNC_WAIT_BOOTTIME,
		NTSYNC_WAIT_BOOTTIME | NTSYNC_ADDR_TAKE_OVER,
	};
	static const uint64_t passed[] = { 0, 1, FOREVER - 1 };
	struct fixture *f = *state;

	need_addr(f);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		uint64_t soon = now_ns(choose_clock(flags[i])) + 20 * NS_PER_MS;

		assert_addr_wait(f, ADDR_ARGS(&word, .timeout = soon, .flags = flags[i]),
				 -ETIMEDOUT, UNTOUCHED);
		assert_true(now_ns(choose_clock(flags[i])) >= soon);
		for (size_t j = 0; j < ARRAY_SIZE(passed); j++)
			assert_addr_wait(f, ADDR_ARGS(&word, .timeout = passed[j],
						      .flags = flags[i]),
					 -ETIMEDOUT, UNTOUCHED);
	}
	assert_ret(addr_wake(f, &word, 1, 0), 0);
}

static void a_signal_ends_it(void **state)
{
	struct fixture *f = *state;
	struct addr_call *c;

	need_addr(f);
	count_signals(SIGUSR1, 0);
	c = start_addr(f, ADDR_SLEEP(&word), NULL);
	call_signal(c->call, SIGUSR1);
	assert_addr_woken(c, -EINTR);
	assert_ret(addr_wake(f, &word, 1, 0), 0);
}

/* The call compares again. */
static void it_is_restarted(void **state)
{
	struct fixture *f = *state;
	struct addr_call *c;

	need_addr(f);
	count_signals(SIGUSR1, SA_RESTART);
	c = start_addr(f, ADDR_SLEEP(&word), NULL);
	call_signal(c->call, SIGUSR1);
	await_signals(1);
	assert_addr_asleep(c);
	__atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
	call_signal(c->call, SIGUSR1);
	assert_addr_woken(c, -EAGAIN);
	word = 0;
}

/* ---- the alert ---- */

static void alerts_are_checked(void **state)
{
	struct fixture *f = *state;
	int other = open_device(f), mutex = new_mutex(f, 0, 0);
	struct ntsync_event_args event = { .manual = 1 };
	int closed = new_auto(f, true);

	need_addr(f);
	close_fd(f, closed);
	assert_addr_wait(f, ADDR_ARGS(&word, .alert = mutex), -EINVAL, UNTOUCHED);
	assert_addr_wait(f, ADDR_ARGS(&word, .alert = f->dev), -EINVAL, UNTOUCHED);
	assert_addr_wait(f, ADDR_ARGS(&word, .alert = closed), -EINVAL, UNTOUCHED);
	assert_addr_wait(f, ADDR_ARGS(&word, .alert = new_channel(f, 1)), -EINVAL, UNTOUCHED);
	assert_addr_wait(f, ADDR_ARGS(&word, .alert = own_fd(f, nt(other, NTSYNC_IOC_CREATE_EVENT,
								   &event))),
			 -EINVAL, UNTOUCHED);
}

static void an_alert_ends_it(void **state)
{
	struct fixture *f = *state;
	int event = new_auto(f, true), sem = new_sem(f, 1, 2);
	struct addr_call *c;

	need_addr(f);
	/* Not if the word has another value. */
	assert_addr_wait(f, ADDR_ARGS(&word, .expected = 1, .alert = event), -EAGAIN, UNTOUCHED);
	assert_event(event, 0, 1);
	/* Before the deadline is looked at. */
	assert_addr_wait(f, ADDR_ARGS(&word, .alert = event), 0, 1);
	assert_event(event, 0, 0);
	assert_addr_wait(f, ADDR_SLEEP(&word, .alert = sem), 0, 1);
	assert_sem(sem, 0, 2);
	assert_addr_wait(f, ADDR_ARGS(&word, .alert = sem), -ETIMEDOUT, UNTOUCHED);

	c = start_addr(f, ADDR_SLEEP(&word, .alert = event), NULL);
	set_event(event, 0);
	assert_addr_woken(c, 0);
	assert_int_equal(c->args.index, 1);
	assert_event(event, 0, 0);
	assert_ret(addr_wake(f, &word, 1, 0), 0);

	c = start_addr(f, ADDR_SLEEP(&word, .alert = event), NULL);
	assert_ret(addr_wake(f, &word, 1, 0), 1);
	assert_addr_woken(c, 0);
	assert_int_equal(c->args.index, 0);
	set_event(event, 0);
	assert_event(event, 0, 1);
}

/* What was acquired stays acquired. */
static void the_index_cant_be_written(void **state)
{
	struct fixture *f = *state;
	int event = new_auto(f, true);
	const struct ntsync_addr_wait_args init = ADDR_ARGS(&word, .alert = event);

	need_addr(f);
	assert_ret(nt(f->dev, ADDR_WAIT, read_only(f, &init, sizeof(init))), -EFAULT);
	assert_event(event, 0, 0);
	assert_ret(nt(f->dev, ADDR_WAIT, read_only(f, &init, sizeof(init))), -ETIMEDOUT);
	assert_ret(nt(f->dev, ADDR_WAIT, at_page_end(f, &init, sizeof(init))), -ETIMEDOUT);
	assert_ret(nt(f->dev, ADDR_WAIT, past_page_end(f, &init, sizeof(init))), -EFAULT);
}

/* ---- files ---- */

/* Two mappings of one page of a file. */
struct shared {
	int fd;
	uint32_t *a, *b;
};

static void *map_shared(int fd, int prot)
{
	void *p = mmap(NULL, 8192, prot, MAP_SHARED, fd, 4096);

	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}

static void share(struct fixture *f, struct shared *s)
{
	s->fd = own_fd(f, memfd_create("words", MFD_CLOEXEC));
	assert_int_equal(ftruncate(s->fd, 3 * 4096), 0);
	s->a = map_shared(s->fd, PROT_READ | PROT_WRITE);
	s->b = map_shared(s->fd, PROT_READ | PROT_WRITE);
}

static void unshare_it(struct shared *s)
{
	munmap(s->a, 8192);
	munmap(s->b, 8192);
}

static void a_file_has_keys(void **state)
{
	struct fixture *f = *state;
	struct addr_call *c, *private;
	struct shared s;

	need_addr(f);
	share(f, &s);
	c = start_addr(f, ADDR_SLEEP(&s.a[1027], .flags = NTSYNC_ADDR_SHARED), NULL);
	private = start_addr(f, ADDR_SLEEP(&s.a[1027]), NULL);
	assert_ret(addr_wake(f, &s.b[1027], 2, 0), 0);
	assert_ret(addr_wake(f, &s.b[3], 2, NTSYNC_ADDR_SHARED), 0);
	assert_ret(addr_wake(f, &s.b[1027], 2, NTSYNC_ADDR_SHARED), 1);
	assert_addr_woken(c, 0);
	assert_addr_asleep(private);
	assert_ret(addr_wake(f, &s.a[1027], 2, 0), 1);
	assert_addr_woken(private, 0);
	/* Changed by way of the other mapping. */
	s.b[1027] = 9;
	assert_addr_wait(f, ADDR_ARGS(&s.a[1027], .flags = NTSYNC_ADDR_SHARED),
			 -EAGAIN, UNTOUCHED);
	unshare_it(&s);
}

static void *unmap_page(void)
{
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_int_equal(munmap(p, 4096), 0);
	return p;
}

/* Private memory has the same key with the flag and without it. */
static void private_memory_is_private(void **state)
{
	struct fixture *f = *state;
	uint32_t *hole = unmap_page();
	struct addr_call *c;

	need_addr(f);
	c = start_addr(f, ADDR_SLEEP(&word, .flags = NTSYNC_ADDR_SHARED), NULL);
	assert_ret(addr_wake(f, &word, 1, 0), 1);
	assert_addr_woken(c, 0);
	c = start_addr(f, ADDR_SLEEP(&word), NULL);
	assert_ret(addr_wake(f, &word, 1, NTSYNC_ADDR_SHARED), 1);
	assert_addr_woken(c, 0);
	assert_ret(addr_wake(f, hole, 1, NTSYNC_ADDR_SHARED), -EFAULT);
	assert_addr_wait(f, ADDR_ARGS(hole, .flags = NTSYNC_ADDR_SHARED), -EFAULT, UNTOUCHED);
}

/* A process that can only read a file must not take wake-ups from those that use it. */
static void a_file_that_is_only_read(void **state)
{
	struct fixture *f = *state;
	char path[64];
	struct shared s;
	uint32_t *p;
	int fd;

	need_addr(f);
	share(f, &s);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", s.fd);
	fd = own_fd(f, open(path, O_RDONLY | O_CLOEXEC));
	p = map_shared(fd, PROT_READ);
	assert_addr_wait(f, ADDR_ARGS(p, .flags = NTSYNC_ADDR_SHARED), -EACCES,
			 UNTOUCHED);
	assert_ret(addr_wake(f, p, 1, NTSYNC_ADDR_SHARED), -EACCES);
	/* It could be made writable. */
	assert_int_equal(mprotect(s.b, 8192, PROT_READ), 0);
	assert_addr_wait(f, ADDR_ARGS(s.b, .flags = NTSYNC_ADDR_SHARED), -ETIMEDOUT,
			 UNTOUCHED);
	munmap(p, 8192);
	unshare_it(&s);
}

static void beyond_the_end_of_a_file(void **state)
{
	struct fixture *f = *state;
	struct shared s;

	need_addr(f);
	share(f, &s);
	assert_int_equal(ftruncate(s.fd, 4096), 0);
	assert_addr_wait(f, ADDR_ARGS(s.a, .flags = NTSYNC_ADDR_SHARED), -EFAULT, UNTOUCHED);
	assert_ret(addr_wake(f, s.a, 1, NTSYNC_ADDR_SHARED), -EFAULT);
	unshare_it(&s);
}

static int wait_in_file(struct fixture *f, void *p)
{
	uint32_t *there = p;

	CHECK(!nt(f->dev, ADDR_WAIT, &ADDR_SLEEP(there, .flags = NTSYNC_ADDR_SHARED)));
	nt(f->dev, ADDR_WAIT, &ADDR_SLEEP(there, .expected = 1));
	return 1;
}

static void another_process_wakes(void **state)
{
	struct fixture *f = *state;
	struct shared s;
	pid_t pid;

	need_addr(f);
	share(f, &s);
	pid = child_start(f, wait_in_file, s.a);
	while (!asleep_in(pid, pid, ADDR_WAIT))
		sleep_ms(1);
	/* Its private key is another one than ours. */
	assert_ret(addr_wake(f, s.a, 1, 0), 0);
	s.a[0] = 1;
	assert_ret(addr_wake(f, s.b, 1, NTSYNC_ADDR_SHARED), 1);
	while (!asleep_in(pid, pid, ADDR_WAIT))
		sleep_ms(1);
	assert_ret(addr_wake(f, s.a, 1, 0), 0);
	kill(pid, SIGKILL);
	assert_int_equal(child_finish(pid), 128 + SIGKILL);
	unshare_it(&s);
}

/* ---- the end of a process ---- */

static int wait_for_kill(struct fixture *f, void *p)
{
	nt(f->dev, ADDR_WAIT, &ADDR_SLEEP((uint32_t *)p, .flags = NTSYNC_ADDR_SHARED));
	return 1;
}

static void a_killed_waiter_leaves(void **state)
{
	struct fixture *f = *state;
	struct addr_call *c;
	struct shared s;
	pid_t pid;

	need_addr(f);
	share(f, &s);
	/* The killed one carries the key. */
	pid = child_start(f, wait_for_kill, s.a);
	while (!asleep_in(pid, pid, ADDR_WAIT))
		sleep_ms(1);
	c = start_addr(f, ADDR_SLEEP(s.a, .flags = NTSYNC_ADDR_SHARED), NULL);
	kill(pid, SIGKILL);
	assert_int_equal(child_finish(pid), 128 + SIGKILL);
	assert_ret(addr_wake(f, s.b, ~0u, NTSYNC_ADDR_SHARED), 1);
	assert_addr_woken(c, 0);
	unshare_it(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ADDR_TEST(arguments_are_checked),
		ADDR_TEST(sizes_and_alignment),
		ADDR_TEST(the_word_is_compared),
		ADDR_TEST(no_memory_there),
		ADDR_TEST(pages_are_fetched),
		ADDR_TEST(owners_are_checked),
		ADDR_TEST(a_wake_ends_it),
		ADDR_TEST(another_instance_wakes),
		ADDR_TEST(deadlines),
		ADDR_TEST(a_signal_ends_it),
		ADDR_TEST(it_is_restarted),
		ADDR_TEST(alerts_are_checked),
		ADDR_TEST(an_alert_ends_it),
		ADDR_TEST(the_index_cant_be_written),
		ADDR_TEST(a_file_has_keys),
		ADDR_TEST(private_memory_is_private),
		ADDR_TEST(a_file_that_is_only_read),
		ADDR_TEST(beyond_the_end_of_a_file),
		ADDR_TEST(another_process_wakes),
		ADDR_TEST(a_killed_waiter_leaves),
	};

	return RUN(tests);
}
