// SPDX-License-Identifier: GPL-2.0-only
/* Waits for objects, channels and descriptors. */
#include "nt_test.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#define CANCELLED NTSYNC_STATUS_CANCELLED

static struct ntsync_nt_source object_source(uint32_t handle)
{
	return (struct ntsync_nt_source){ .type = NTSYNC_AGG_OBJECT, .handle = handle };
}

static struct ntsync_nt_source fd_source(int fd)
{
	return (struct ntsync_nt_source){ .type = NTSYNC_AGG_FD, .events = POLLIN, .fd = fd };
}

static uint32_t try_sources(struct fixture *f, const struct ntsync_nt_source *sources,
			    uint32_t count, uint32_t *events)
{
	return ntsync_nt_wait_aggregate(f->nt, sources, count, false, POLL, events);
}

/**
 * struct call - a wait of a helper
 * @sources: for these
 * @count: how many
 * @alertable: whether it is alertable
 * @events: its result
 */
struct call {
	struct ntsync_nt_source sources[4];
	uint32_t count;
	bool alertable;
	uint32_t events;
};

#define THREAD 40u

static uint32_t wait_for_sources(struct fixture *f, void *arg)
{
	struct call *call = arg;

	ntsync_nt_thread_attach(f->nt, THREAD);
	return ntsync_nt_wait_aggregate(f->nt, call->sources, call->count, call->alertable, FOREVER,
					&call->events);
}

static void objects_come_before_descriptors(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, false, false), semaphore = new_semaphore(f, 1, 1);
	uint32_t events = UNTOUCHED;
	struct ntsync_nt_source sources[4];
	int pipes[2];

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	sources[0] = fd_source(pipes[0]);
	sources[1] = object_source(event);
	sources[2] = object_source(semaphore);
	sources[3] = fd_source(pipes[0]);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	assert_status(try_sources(f, sources, 4, &events), NTSYNC_STATUS_WAIT_0 + 2);
	assert_int_equal(events, 0);
	assert_ok(ntsync_nt_set_event(f->nt, event, NULL));
	assert_status(try_sources(f, sources, 4, &events), NTSYNC_STATUS_WAIT_0 + 1);
	/* Both were acquired. */
	assert_status(try_sources(f, sources + 1, 3, &events), NTSYNC_STATUS_WAIT_0 + 2);
	assert_int_equal(events, POLLIN);
	assert_status(try_sources(f, sources, 4, NULL), NTSYNC_STATUS_WAIT_0);
	close(pipes[0]);
	close(pipes[1]);
}

static void nothing_is_ready(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_source sources[2] = { object_source(new_event(f, false, false)) };
	uint32_t events = UNTOUCHED;
	int pipes[2];

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	sources[1] = fd_source(pipes[0]);
	assert_status(try_sources(f, sources, 2, &events), NTSYNC_STATUS_TIMEOUT);
	assert_status(ntsync_nt_wait_aggregate(f->nt, sources, 2, true, in_ms(20), &events),
		      NTSYNC_STATUS_TIMEOUT);
	assert_status(ntsync_nt_wait_aggregate(f->nt, sources, 2, false,
					       (struct ntsync_nt_deadline){
						       realtime_ns() + 20 * NS_PER_MS,
						       NTSYNC_WAIT_REALTIME }, &events),
		      NTSYNC_STATUS_TIMEOUT);
	assert_int_equal(events, UNTOUCHED);
	close(pipes[0]);
	close(pipes[1]);
}

static void each_kind_wakes_it(void **state)
{
	struct fixture *f = *state;
	struct call call = { .sources = { { 0 }, object_source(new_event(f, false, false)) },
			     .count = 2 };
	struct helper *helper;
	int pipes[2];
	char got;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	call.sources[0] = fd_source(pipes[0]);
	for (int alertable = 0; alertable < 2; alertable++) {
		call.alertable = alertable;
		helper = start_asleep(f, wait_for_sources, &call);
		assert_ok(ntsync_nt_set_event(f->nt, call.sources[1].handle, NULL));
		assert_status(finish(helper), NTSYNC_STATUS_WAIT_0 + 1);
		assert_int_equal(call.events, 0);
		helper = start_asleep(f, wait_for_sources, &call);
		assert_int_equal(write(pipes[1], "x", 1), 1);
		assert_status(finish(helper), NTSYNC_STATUS_WAIT_0);
		assert_int_equal(call.events, POLLIN);
		assert_int_equal(read(pipes[0], &got, 1), 1);
	}
	helper = start_asleep(f, wait_for_sources, &call);
	close(pipes[1]);
	assert_status(finish(helper), NTSYNC_STATUS_WAIT_0);
	assert_int_equal(call.events, POLLHUP);
	close(pipes[0]);
}

/* An alert is before descriptors, and stays if an object ends the wait. */
static void alerts(void **state)
{
	struct fixture *f = *state;
	struct call call = { .sources = { object_source(new_event(f, false, false)) }, .count = 1,
			     .alertable = true };
	uint32_t event = call.sources[0].handle;
	struct ntsync_nt_source sources[2] = { fd_source(-1), call.sources[0] };
	struct helper *helper = start_asleep(f, wait_for_sources, &call);
	int pipes[2];

	assert_ok(ntsync_nt_alert_thread(f->nt, THREAD));
	assert_status(finish(helper), NTSYNC_STATUS_ALERTED);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	sources[0].fd = pipes[0];
	assert_ok(ntsync_nt_queue_apc(f->nt, ntsync_nt_thread_id(f->nt)));
	assert_ok(ntsync_nt_set_event(f->nt, event, NULL));
	assert_status(ntsync_nt_wait_aggregate(f->nt, sources, 2, true, FOREVER, NULL),
		      NTSYNC_STATUS_WAIT_0 + 1);
	assert_status(ntsync_nt_wait_aggregate(f->nt, sources, 2, false, FOREVER, NULL),
		      NTSYNC_STATUS_WAIT_0);
	assert_status(ntsync_nt_wait_aggregate(f->nt, sources, 2, true, FOREVER, NULL),
		      NTSYNC_STATUS_USER_APC);
	assert_status(ntsync_nt_wait_aggregate(f->nt, sources, 2, true, FOREVER, NULL),
		      NTSYNC_STATUS_WAIT_0);
	close(pipes[0]);
	close(pipes[1]);
}

static void a_stop_ends_it(void **state)
{
	struct fixture *f = *state;
	struct call call = { .sources = { object_source(new_event(f, false, false)) }, .count = 1 };
	struct helper *helper;

	for (int alertable = 0; alertable < 2; alertable++) {
		call.alertable = alertable;
		helper = start_asleep(f, wait_for_sources, &call);
		assert_ok(ntsync_nt_stop(f->nt, CANCELLED));
		assert_status(finish(helper), CANCELLED);
		assert_ok(ntsync_nt_set_event(f->nt, call.sources[0].handle, NULL));
		assert_status(try_sources(f, call.sources, 1, NULL), CANCELLED);
		ntsync_nt_resume(f->nt);
		assert_status(try_sources(f, call.sources, 1, NULL), NTSYNC_STATUS_WAIT_0);
		helper = start_asleep(f, wait_for_sources, &call);
		assert_ok(ntsync_nt_interrupt_thread(f->nt, THREAD, CANCELLED));
		assert_status(finish(helper), CANCELLED);
	}
}

/* As in any wait, what a thread acquires is abandoned when it ends. */
static void mutants(void **state)
{
	struct fixture *f = *state;
	struct call call = { .sources = { object_source(new_event(f, false, false)),
					  object_source(new_mutant(f, false)) }, .count = 2 };
	struct ntsync_nt_config config;

	assert_status(finish(start(f, wait_for_sources, &call)), NTSYNC_STATUS_WAIT_0 + 1);
	assert_status(try_sources(f, call.sources, 2, NULL), NTSYNC_STATUS_ABANDONED_WAIT_0 + 1);
	assert_ok(ntsync_nt_release_mutant(f->nt, call.sources[1].handle, NULL));
	ntsync_nt_config_init(&config);
	config.mutant_limit = 1;
	use_config(f, &config);
	call.sources[0] = object_source(new_mutant(f, true));
	call.sources[1] = object_source(new_event(f, false, true));
	assert_status(try_sources(f, call.sources, 2, NULL), NTSYNC_STATUS_MUTANT_LIMIT_EXCEEDED);
	call.sources[2] = call.sources[0];
	assert_status(try_sources(f, call.sources + 1, 2, NULL), NTSYNC_STATUS_WAIT_0);
}

/* A mutant at its limit comes before a descriptor. */
static void a_limit_comes_before_descriptors(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_source sources[3];
	struct ntsync_nt_config config;
	int pipes[2];

	ntsync_nt_config_init(&config);
	config.mutant_limit = 1;
	use_config(f, &config);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	sources[0] = fd_source(pipes[0]);
	sources[1] = object_source(new_event(f, false, false));
	sources[2] = object_source(new_mutant(f, true));
	assert_status(try_sources(f, sources, 3, NULL), NTSYNC_STATUS_MUTANT_LIMIT_EXCEEDED);
	close(pipes[0]);
	close(pipes[1]);
}

static void a_timer_ends_it(void **state)
{
	struct fixture *f = *state;
	uint32_t timer = new_timer(f, false);
	struct ntsync_nt_source source = object_source(timer);

	set_ms(f, timer, 20, 0);
	assert_status(ntsync_nt_wait_aggregate(f->nt, &source, 1, false, FOREVER, NULL),
		      NTSYNC_STATUS_WAIT_0);
	assert_status(try_sources(f, &source, 1, NULL), NTSYNC_STATUS_TIMEOUT);
}

static void bad_arguments(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_source sources[NTSYNC_NT_MAX_SOURCES + 1];
	struct ntsync_nt_source source = object_source(new_event(f, true, true));
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		sources[i] = source;
	assert_status(try_sources(f, sources, 0, NULL), NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(try_sources(f, NULL, 1, NULL), NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(try_sources(f, sources, NTSYNC_NT_MAX_SOURCES + 1, NULL),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	source.events = POLLIN;
	assert_status(try_sources(f, &source, 1, NULL), NTSYNC_STATUS_INVALID_PARAMETER);
	source = (struct ntsync_nt_source){ .type = 3 };
	assert_status(try_sources(f, &source, 1, NULL), NTSYNC_STATUS_INVALID_PARAMETER);
	source = object_source(0x1000);
	assert_status(try_sources(f, &source, 1, NULL), NTSYNC_STATUS_INVALID_HANDLE);
	source.handle = NTSYNC_NT_CURRENT_THREAD;
	assert_status(try_sources(f, &source, 1, NULL), NTSYNC_STATUS_INVALID_HANDLE);
	sources[1] = fd_source(-1);
	assert_status(try_sources(f, sources, 2, NULL), NTSYNC_STATUS_INVALID_PARAMETER);
	sources[1].fd = 900;
	assert_status(try_sources(f, sources, 2, NULL),
		      driver_offers(NTSYNC_NT_FEATURE_CHANNEL) ? NTSYNC_STATUS_INVALID_PARAMETER :
								 NTSYNC_STATUS_NOT_SUPPORTED);
	close(file);
}

static void as_many_as_there_may_be(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_source sources[NTSYNC_NT_MAX_SOURCES];

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		sources[i] = object_source(new_event(f, false, i == ARRAY_SIZE(sources) - 1));
	assert_status(ntsync_nt_wait_aggregate(f->nt, sources, ARRAY_SIZE(sources), true, FOREVER,
					       NULL), NTSYNC_STATUS_WAIT_0 + 62);
	assert_status(ntsync_nt_wait_aggregate(f->nt, sources, ARRAY_SIZE(sources), true, POLL,
					       NULL), NTSYNC_STATUS_TIMEOUT);
}

static void not_supported(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_source source = object_source(new_event(f, false, true));

	assert_int_equal(ntsync_nt_features(f->nt) & NTSYNC_NT_FEATURE_CHANNEL, 0);
	assert_status(try_sources(f, &source, 1, NULL), NTSYNC_STATUS_NOT_SUPPORTED);
	assert_true(event_signaled(f, source.handle));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(objects_come_before_descriptors),
		TEST(nothing_is_ready),
		TEST(each_kind_wakes_it),
		TEST(alerts),
		TEST(a_stop_ends_it),
		TEST(mutants),
		TEST(a_limit_comes_before_descriptors),
		TEST(a_timer_ends_it),
		TEST(as_many_as_there_may_be),
		TEST(bad_arguments),
	};
	const struct CMUnitTest without[] = {
		TEST(bad_arguments),
		{ "not_supported", not_supported, setup_old_driver, teardown_old_driver, NULL },
	};

	return RUN_BY_CHANNELS(tests, without);
}
