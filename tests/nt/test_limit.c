// SPDX-License-Identifier: GPL-2.0-only
/* Limits: handles and their values, values in quarantine, descriptors. */
#include "nt_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void use_quarantine(struct fixture *f, uint32_t quarantine, uint32_t max_handles)
{
	struct ntsync_nt_config config;

	ntsync_nt_config_init(&config);
	config.reuse = NTSYNC_NT_REUSE_QUARANTINE;
	config.quarantine = quarantine;
	config.max_handles = max_handles;
	use_config(f, &config);
}

static void stale_handle_after_reuse(void **state)
{
	struct fixture *f = *state;
	uint32_t stale, value = 0;

	use_quarantine(f, 10, 100);
	stale = new_event(f, false, false);
	close_handle(f, stale);
	/* Ten others must be closed before the value is used again. */
	for (int i = 0; i < 10; i++) {
		value = new_event(f, false, false);
		assert_int_not_equal(value, stale);
		assert_status(ntsync_nt_close(f->nt, stale), NTSYNC_STATUS_INVALID_HANDLE);
		close_handle(f, value);
	}
	for (int i = 0; i < 3 && value != stale; i++) {
		value = new_event(f, false, false);
		close_handle(f, value);
	}
	assert_int_equal(value, stale);
	check(f);
}

static void quarantine_does_not_lower_the_limit(void **state)
{
	struct fixture *f = *state;
	uint32_t handles[20], out;

	use_quarantine(f, 7, 20);
	for (int round = 0; round < 5; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(handles); i++)
			handles[i] = new_event(f, false, false);
		assert_status(ntsync_nt_create_event(f->nt, &out, NULL, false, false),
			      NTSYNC_STATUS_INSUFFICIENT_RESOURCES);
		assert_int_equal(out, 0);
		for (size_t i = 0; i < ARRAY_SIZE(handles); i++)
			close_handle(f, handles[i]);
		check(f);
	}
}

/* A failed create closes nothing, so it must not shorten the quarantine. */
static void failed_creates_do_not_shorten_the_quarantine(void **state)
{
	const struct ntsync_nt_attributes taken = { .name = "taken" };
	struct fixture *f = *state;
	uint32_t stale, out;

	use_quarantine(f, 2, 100);
	assert_ok(ntsync_nt_create_event(f->nt, &out, &taken, false, false));
	stale = new_event(f, false, false);
	close_handle(f, stale);
	for (int i = 0; i < 10; i++) {
		for (int j = 0; j < i; j++)
			assert_status(ntsync_nt_create_event(f->nt, &out, &taken, false, false),
				      NTSYNC_STATUS_OBJECT_NAME_COLLISION);
		assert_int_not_equal(new_event(f, false, false), stale);
	}
}

/* A failed create is no generation either. */
static void failed_creates_are_no_generation(void **state)
{
	const struct ntsync_nt_attributes taken = { .name = "taken" };
	struct fixture *f = *state;
	uint32_t out, handle;

	for (int reuse = 0; reuse < 2; reuse++) {
		assert_ok(ntsync_nt_create_event(f->nt, &out, &taken, false, false));
		for (int i = 0; i < 5; i++)
			assert_status(ntsync_nt_create_event(f->nt, &out, &taken, false, false),
				      NTSYNC_STATUS_OBJECT_NAME_COLLISION);
		handle = new_event(f, false, false);
		assert_int_equal(info_of(f, handle).generation, 1);
		use_quarantine(f, 1, 100);
	}
}

static void limit(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_config config;
	uint32_t handles[3], out = UNTOUCHED;

	ntsync_nt_config_init(&config);
	config.max_handles = 3;
	use_config(f, &config);
	for (size_t i = 0; i < 3; i++)
		handles[i] = new_event(f, false, false);
	assert_status(ntsync_nt_create_event(f->nt, &out, NULL, false, false),
		      NTSYNC_STATUS_INSUFFICIENT_RESOURCES);
	assert_int_equal(out, 0);
	close_handle(f, handles[1]);
	assert_int_equal(new_semaphore(f, 0, 1), handles[1]);
	assert_status(ntsync_nt_duplicate(f->nt, handles[0], &out, 0),
		      NTSYNC_STATUS_INSUFFICIENT_RESOURCES);
	check(f);
}

/* A closed handle that is still waited on does not count, though its value can't be used yet. */
static void limit_while_closed_ones_are_in_use(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_config config;
	uint32_t event, keep, closed, out = UNTOUCHED;
	struct helper *waiter;

	for (int reuse = 0; reuse < 2; reuse++) {
		ntsync_nt_config_init(&config);
		config.max_handles = 2;
		config.reuse = reuse;
		config.quarantine = 3;
		use_config(f, &config);
		event = new_event(f, false, false);
		keep = duplicate(f, event);
		closed = event;
		waiter = start_asleep(f, wait_for_handle, &event);
		close_handle(f, closed);
		assert_int_not_equal(new_event(f, false, false), closed);
		assert_status(ntsync_nt_create_event(f->nt, &out, NULL, false, false),
			      NTSYNC_STATUS_INSUFFICIENT_RESOURCES);
		assert_ok(ntsync_nt_set_event(f->nt, keep, NULL));
		assert_status(finish(waiter), NTSYNC_STATUS_WAIT_0);
	}
}

/* As many handles as there are values, and none more. */
static void check_seven(struct fixture *f, struct ntsync_nt_config *config)
{
	uint32_t out = UNTOUCHED;

	config->max_handles = 7;
	use_config(f, config);
	for (uint32_t i = 0; i < 7; i++)
		assert_int_equal(new_event(f, false, false), config->handle_base + 4 * i);
	assert_status(ntsync_nt_create_event(f->nt, &out, NULL, false, false),
		      NTSYNC_STATUS_INSUFFICIENT_RESOURCES);
	assert_invalid(f, config->handle_base + 28);
}

static void up_to_the_last_value(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_config config;

	ntsync_nt_config_init(&config);
	config.handle_base = 0xffffffe0;
	check_seven(f, &config);
	config.handle_base = 4;
	config.failure_value = 32;
	check_seven(f, &config);
}

/* The next value would be a pseudo-handle, or no handle. */
static void no_value_beyond_the_last(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_config config;
	uint32_t event, keep, out = UNTOUCHED;
	struct helper *waiter;

	ntsync_nt_config_init(&config);
	config.handle_base = 0xfffffff4;
	config.max_handles = 2;
	use_config(f, &config);
	event = new_event(f, false, false);
	keep = duplicate(f, event);
	waiter = start_asleep(f, wait_for_handle, &event);
	close_handle(f, 0xfffffff4);
	assert_status(ntsync_nt_duplicate(f->nt, keep, &out, 0),
		      NTSYNC_STATUS_INSUFFICIENT_RESOURCES);
	assert_ok(ntsync_nt_set_event(f->nt, keep, NULL));
	assert_status(finish(waiter), NTSYNC_STATUS_WAIT_0);
	assert_int_equal(duplicate(f, keep), 0xfffffff4);
}

static void retain_too_often(void **state)
{
	struct fixture *f = *state;
	uint32_t handle = new_event(f, false, false);

	for (int i = 0; i < 4093; i++)
		assert_ok(ntsync_nt_retain(f->nt, handle));
	assert_status(ntsync_nt_retain(f->nt, handle), NTSYNC_STATUS_INSUFFICIENT_RESOURCES);
	for (int i = 0; i < 4093; i++)
		close_handle(f, handle);
	assert_int_equal(info_of(f, handle).references, 1);
	close_handle(f, handle);
	assert_invalid(f, handle);
}

#define THREAD 500u

static uint32_t attach_thread(struct fixture *f, void *arg)
{
	(void)arg;
	return (uint32_t)-ntsync_nt_thread_attach(f->nt, THREAD);
}

static uint32_t wait_alertably(struct fixture *f, void *arg)
{
	(void)arg;
	return ntsync_nt_delay(f->nt, true, POLL);
}

static uint32_t attach_and_wait_alertably(struct fixture *f, void *arg)
{
	return attach_thread(f, arg) ? UNTOUCHED : wait_alertably(f, arg);
}

static void no_descriptors(void **state)
{
	struct fixture *f = *state;
	uint32_t event, dup, out = UNTOUCHED;

	ntsync_nt_thread_id(f->nt);
	event = new_event(f, false, false);
	assert_true(env_fail_creates(EMFILE));
	assert_status(ntsync_nt_create_event(f->nt, &out, NULL, false, false),
		      NTSYNC_STATUS_TOO_MANY_OPENED_FILES);
	assert_int_equal(out, 0);
	assert_status(ntsync_nt_create_event(f->nt, &out,
					     &(struct ntsync_nt_attributes){ .name = "x" },
					     false, false),
		      NTSYNC_STATUS_TOO_MANY_OPENED_FILES);
	assert_status(ntsync_nt_create_timer(f->nt, &out, NULL, false),
		      NTSYNC_STATUS_TOO_MANY_OPENED_FILES);
	/* A thread gets its event when it attaches, not at its first alertable wait. */
	assert_ok(ntsync_nt_delay(f->nt, true, POLL));
	assert_int_equal(finish(start(f, attach_thread, NULL)), EMFILE);
	assert_status(finish(start(f, wait_alertably, NULL)), NTSYNC_STATUS_NO_MEMORY);
	/* What was sent to the thread before is there once it can attach. */
	assert_ok(ntsync_nt_queue_apc(f->nt, THREAD));
	assert_int_equal(finish(start(f, attach_thread, NULL)), EMFILE);
	/* One descriptor per object, not per handle. */
	assert_ok(ntsync_nt_duplicate(f->nt, event, &dup, 0));
	assert_true(env_fail_creates(0));
	assert_status(finish(start(f, attach_and_wait_alertably, NULL)), NTSYNC_STATUS_USER_APC);
	if (env_fail_creates(ENOMEM)) {
		assert_status(ntsync_nt_create_mutant(f->nt, &out, NULL, true),
			      NTSYNC_STATUS_NO_MEMORY);
		env_fail_creates(0);
	}
	check(f);
}

static struct rlimit read_fd_limit(void)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	return limit;
}

/* Each object needs a descriptor, and the usual soft limit is meant for programs with few. */
static void the_limit_of_descriptors_is_raised(void **state)
{
	struct fixture *f = *state;
	const struct rlimit before = read_fd_limit();
	const struct rlimit low = { .rlim_cur = before.rlim_max - 1, .rlim_max = before.rlim_max };
	struct ntsync_nt_config config;

	ntsync_nt_config_init(&config);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	config.flags = NTSYNC_NT_KEEP_FD_LIMIT;
	use_config(f, &config);
	assert_true(read_fd_limit().rlim_cur == low.rlim_cur);
	config.flags = 0;
	use_config(f, &config);
	assert_true(read_fd_limit().rlim_cur == before.rlim_max);
	setrlimit(RLIMIT_NOFILE, &before);
}

/* A guest that creates objects without end must leave descriptors for the rest of the process. */
static void some_descriptors_are_left(void **state)
{
	enum { LIMIT = 1200, LEFT = 60 };
	const struct rlimit before = read_fd_limit();
	const struct rlimit low = { .rlim_cur = LIMIT, .rlim_max = before.rlim_max };
	const struct rlimit more = { .rlim_cur = LIMIT + 100, .rlim_max = before.rlim_max };
	struct fixture *f = *state;
	struct ntsync_nt_config config;
	int fds[LEFT], opened = 0;
	uint32_t status, handle;

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	ntsync_nt_config_init(&config);
	config.flags = NTSYNC_NT_KEEP_FD_LIMIT;
	use_config(f, &config);
	do
		status = ntsync_nt_create_event(f->nt, &handle, NULL, false, false);
	while (!status);
	assert_status(status, NTSYNC_STATUS_TOO_MANY_OPENED_FILES);
	assert_ok(finish(start(f, attach_and_wait_alertably, NULL)));
	while (opened < LEFT && (fds[opened] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		opened++;
	for (int i = 0; i < opened; i++)
		close(fds[i]);
	assert_int_equal(opened, LEFT);
	/* The current limit counts. */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &more), 0);
	for (int i = 0; i < 100; i++)
		new_event(f, false, false);
	setrlimit(RLIMIT_NOFILE, &before);
}

/**
 * struct crowd - threads that attach and stay
 * @tried: how many have tried
 * @attached: how many are
 */
struct crowd {
	atomic_int tried;
	atomic_int attached;
};

static uint32_t attach_and_stay(struct fixture *f, void *arg)
{
	struct crowd *crowd = arg;
	bool attached = ntsync_nt_thread_id(f->nt);

	atomic_fetch_add(&crowd->attached, attached);
	atomic_fetch_add(&crowd->tried, 1);
	return attached ? ntsync_nt_delay(f->nt, false, FOREVER) : NTSYNC_STATUS_CANCELLED;
}

/* Nor must a guest that has no descriptors for objects any more take the rest for its threads. */
static void threads_leave_some_too(void **state)
{
	enum { LIMIT = 1200, LEFT = 28, THREADS = 40 };
	const struct rlimit before = read_fd_limit();
	const struct rlimit low = { .rlim_cur = LIMIT, .rlim_max = before.rlim_max };
	struct helper *helpers[THREADS];
	struct fixture *f = *state;
	struct crowd crowd = { 0 };
	int fds[LEFT], opened = 0;
	uint32_t handle;

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	while (!ntsync_nt_create_event(f->nt, &handle, NULL, false, false))
		;
	for (int i = 0; i < THREADS; i++) {
		helpers[i] = start(f, attach_and_stay, &crowd);
		while (atomic_load(&crowd.tried) == i)
			sched_yield();
	}
	while (opened < LEFT && (fds[opened] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		opened++;
	for (int i = 0; i < opened; i++)
		close(fds[i]);
	assert_ok(ntsync_nt_stop(f->nt, NTSYNC_STATUS_CANCELLED));
	for (int i = 0; i < THREADS; i++)
		assert_status(finish(helpers[i]), NTSYNC_STATUS_CANCELLED);
	ntsync_nt_resume(f->nt);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(opened, LEFT);
	assert_in_range(atomic_load(&crowd.attached), 10, 20);
}

static bool check_child(rlim_t limit)
{
	int status;
	pid_t child = fork();

	if (!child)
		_exit(read_fd_limit().rlim_cur != limit);
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
	       !WEXITSTATUS(status);
}

static void children_have_the_old_limit(void **state)
{
	const struct rlimit before = read_fd_limit();
	const struct rlimit low = { .rlim_cur = before.rlim_max - 1, .rlim_max = before.rlim_max };
	struct fixture *f = *state;
	struct ntsync_nt_config config;

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	ntsync_nt_config_init(&config);
	use_config(f, &config);
	assert_true(read_fd_limit().rlim_cur == before.rlim_max);
	assert_true(check_child(low.rlim_cur));
	assert_true(read_fd_limit().rlim_cur == before.rlim_max);
	setrlimit(RLIMIT_NOFILE, &before);
}

/* Duplicates, as there are fewer descriptors than handles. */
static void a_million_handles(void **state)
{
	enum { MILLION = 1000000 };
	struct fixture *f = *state;
	uint32_t event = new_event(f, false, false);
	uint32_t *handles = malloc(MILLION * sizeof(*handles));

	assert_non_null(handles);
	for (int i = 0; i < MILLION; i++)
		assert_ok(ntsync_nt_duplicate(f->nt, event, &handles[i], 0));
	assert_int_equal(info_of(f, event).handles, MILLION + 1);
	assert_ok(ntsync_nt_set_event(f->nt, handles[MILLION - 1], NULL));
	assert_status(poll_handle(f, handles[MILLION / 2]), NTSYNC_STATUS_WAIT_0);
	check(f);
	for (int i = 0; i < MILLION; i++)
		close_handle(f, handles[i]);
	assert_int_equal(info_of(f, event).handles, 1);
	free(handles);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(stale_handle_after_reuse),
		TEST(quarantine_does_not_lower_the_limit),
		TEST(failed_creates_do_not_shorten_the_quarantine),
		TEST(failed_creates_are_no_generation),
		TEST(limit),
		TEST(limit_while_closed_ones_are_in_use),
		TEST(up_to_the_last_value),
		TEST(no_value_beyond_the_last),
		TEST(retain_too_often),
		TEST(no_descriptors),
		TEST(the_limit_of_descriptors_is_raised),
		TEST(some_descriptors_are_left),
		TEST(threads_leave_some_too),
		TEST(children_have_the_old_limit),
		TEST(a_million_handles),
	};

	return RUN(tests);
}
