// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module must stay while anything of it is in use. In each test something is in use: if the
 * module can be removed, that test fails, and so do the following ones.
 */
#include "fixture.h"

#include <signal.h>
#include <sys/syscall.h>

static void need_module(void)
{
	if (geteuid())
		skip_because("not root, so nothing can be unloaded");
	if (access("/sys/module/ntsync/refcnt", F_OK))
		skip_because("built into this kernel");
}

static void assert_in_use(void)
{
	long ret = syscall(SYS_delete_module, "ntsync", O_NONBLOCK);

	assert_int_equal(ret, -1);
	if (errno != EBUSY && errno != EAGAIN)
		fail_msg("delete_module: %s", strerror(errno));
}

static void close_device(struct fixture *f)
{
	close(f->dev);
	f->dev = -1;
}

static void with_an_open_device(void **state)
{
	struct fixture *f = *state;

	need_module();
	assert_in_use();
	assert_ret(try_wait(f, new_auto(f, true), OWNER), 0);
}

static void with_only_an_object(void **state)
{
	struct fixture *f = *state;
	int sem;

	need_module();
	for (int kind = 0; kind < 3; kind++) {
		int obj = kind == 0 ? new_sem(f, 0, 1) :
			  kind == 1 ? new_mutex(f, 0, 0) : new_auto(f, false);

		close_device(f);
		assert_in_use();
		f->dev = open("/dev/ntsync", O_RDWR | O_CLOEXEC);
		assert_true(f->dev >= 0);
		close_fd(f, obj);
	}
	sem = new_sem(f, 0, 1);
	close_device(f);
	assert_in_use();
	release(sem, 1, 0);
}

/* Every descriptor is closed: only the running call keeps the module. */
static void with_only_a_wait(void **state)
{
	static const unsigned long requests[] = { ANY, ALL };
	struct fixture *f = *state;

	need_module();
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		int sem = new_sem(f, 0, 1);
		struct waiter *w;

		count_signals(SIGUSR1, 0);
		w = start_on(f, requests[i], sem);
		close_fd(f, sem);
		close_device(f);
		assert_in_use();
		waiter_signal(w, SIGUSR1);
		assert_woken(w, -EINTR, 0);
		f->dev = open("/dev/ntsync", O_RDWR | O_CLOEXEC);
		assert_true(f->dev >= 0);
	}
}

static void still_works(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1);
	struct waiter *w = start_on(f, ANY, sem);

	need_module();
	assert_in_use();
	release(sem, 1, 0);
	assert_woken(w, 0, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(with_an_open_device),
		TEST(with_only_an_object),
		TEST(with_only_a_wait),
		TEST(still_works),
	};

	return RUN(tests);
}
