// SPDX-License-Identifier: GPL-2.0-only
/* Waits for a value. */
#include "lock.h"

#include <sys/mman.h>
#include <sys/wait.h>

static _Alignas(16) unsigned char memory[32];

/* ---- one thread ---- */

static void arguments_are_checked(void **state)
{
	struct locks *l = locks_of(state);
	struct ntsync_locker nobody = { .dev = l->dev };
	const uint64_t value = 0, other = 1;

	assert_ret(ntsync_wait_on_address(&nobody, &value, &other, 8, 0), -EINVAL);
	memset(memory, 0, sizeof(memory));
	for (uint32_t size = 0; size <= 32; size++) {
		bool legal = size == 1 || size == 2 || size == 4 || size == 8;

		for (uint32_t at = 0; at < 8; at++)
			assert_ret(ntsync_wait_on_address(&l->me, &memory[at], &value, size, 0),
				   legal && !(at % size) ? -ETIMEDOUT : -EINVAL);
	}
}

/* Only as many bytes as the size says, of memory that need not be aligned. */
static void the_value_is_compared(void **state)
{
	struct locks *l = locks_of(state);
	unsigned char compare[9] = { 0 };

	for (uint32_t size = 1; size <= 8; size *= 2) {
		memset(memory, 0x5a, sizeof(memory));
		memset(compare, 0x5a, size + 1);
		assert_ret(ntsync_wait_on_address(&l->me, memory, &compare[1], size, 0),
			   -ETIMEDOUT);
		assert_ret(ntsync_wait_on_address(&l->me, memory, &compare[1], size,
						  in_a_moment()), -ETIMEDOUT);
		memory[size]++;
		assert_ret(ntsync_wait_on_address(&l->me, memory, &compare[1], size, 0),
			   -ETIMEDOUT);
		memory[size - 1]++;
		assert_ret(ntsync_wait_on_address(&l->me, memory, &compare[1], size,
						  NTSYNC_WAIT_FOREVER), 0);
	}
}

/* ---- two ---- */

struct wait {
	uint32_t size;
	unsigned char *at;
};

static int wait_for_change(struct worker *w, void *arg)
{
	static const uint64_t zero;
	struct wait *wait = arg;

	return ntsync_wait_on_address(&w->me, wait->at, &zero, wait->size, NTSYNC_WAIT_FOREVER);
}

static void a_change_ends_it(void **state)
{
	struct locks *l = locks_of(state);

	for (uint32_t size = 1; size <= 8; size *= 2) {
		struct wait wait = { size, &memory[8] };
		struct worker *w;

		memset(memory, 0, sizeof(memory));
		w = start_worker(l, wait_for_change, &wait);
		await_asleep(w, wait.at);
		/* A wake without a change does not end it, nor does a change around it. */
		ntsync_addr_wake(l->me.dev, wait.at, 1, 0);
		memory[7]++;
		memory[8 + size]++;
		ntsync_addr_wake(l->me.dev, wait.at, 1, 0);
		await_asleep(w, wait.at);
		__atomic_fetch_add(&memory[8 + size - 1], 1, __ATOMIC_SEQ_CST);
		ntsync_addr_wake(l->me.dev, wait.at, UINT32_MAX, 0);
		assert_worker(w, 0);
	}
}

static void all_are_woken(void **state)
{
	struct locks *l = locks_of(state);
	struct wait wait = { 4, memory };
	struct worker *w[4];

	memset(memory, 0, sizeof(memory));
	for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
		w[i] = start_worker(l, wait_for_change, &wait);
		await_asleep(w[i], memory);
	}
	__atomic_fetch_add(memory, 1, __ATOMIC_SEQ_CST);
	assert_ret(ntsync_addr_wake(l->me.dev, memory, UINT32_MAX, 0), ARRAY_SIZE(w));
	for (size_t i = 0; i < ARRAY_SIZE(w); i++)
		assert_worker(w[i], 0);
}

/* ---- two processes, in turn ---- */

struct turns {
	_Alignas(8) unsigned char whose[8];
	unsigned long count;
};

static int take_turns(struct locks *l, struct turns *t, uint32_t size, unsigned char mine)
{
	uint64_t not_mine = 0;
	struct ntsync_locker me;

	memset(&not_mine, !mine, 1);
	CHECK(!ntsync_locker_init(&me, l->dev, NTSYNC_LOCKER_SHARED));
	for (int i = 0; i < 500; i++) {
		CHECK(!ntsync_wait_on_address(&me, t->whose, &not_mine, size, NTSYNC_WAIT_FOREVER));
		t->count++;
		__atomic_store_n(&t->whose[0], !mine, __ATOMIC_SEQ_CST);
		ntsync_addr_wake(me.dev, t->whose, 1, me.flags);
	}
	return 0;
}

static void processes_take_turns(void **state)
{
	struct locks *l = locks_of(state);
	struct turns *t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;

	assert_ptr_not_equal(t, MAP_FAILED);
	for (uint32_t size = 1; size <= 8; size *= 2) {
		pid_t pid = fork();

		if (!pid)
			_exit(take_turns(l, t, size, 1));
		assert_int_equal(take_turns(l, t, size, 0), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	assert_int_equal(t->count, 4000);
	munmap(t, sizeof(*t));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		LOCK_TEST(arguments_are_checked),
		LOCK_TEST(the_value_is_compared),
		LOCK_TEST(a_change_ends_it),
		LOCK_TEST(all_are_woken),
		LOCK_TEST(processes_take_turns),
	};

	return RUN_LOCKS(tests);
}
