// SPDX-License-Identifier: GPL-2.0-only
#include "nt_test.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Only a hang may reach this, also on an emulated and instrumented machine. */
#define WATCHDOG_SECONDS 180

struct helper {
	struct fixture *f;
	helper_fn call;
	void *arg;
	pthread_t thread;
	atomic_int tid;
	atomic_bool out;
	uint32_t status;
};

static pthread_mutex_t trace_lock = PTHREAD_MUTEX_INITIALIZER;

/*
 * With signals blocked: a thread that is suspended in here would keep the lock. Of a million
 * records most come when there is no room left, so that is checked first.
 */
static void store_record(void *context, const struct ntsync_nt_record *record)
{
	struct fixture *f = context;
	sigset_t all, saved;

	if (__atomic_load_n(&f->nr_records, __ATOMIC_RELAXED) >= MAX_RECORDS)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	pthread_mutex_lock(&trace_lock);
	if (f->nr_records < MAX_RECORDS) {
		f->records[f->nr_records] = *record;
		__atomic_store_n(&f->nr_records, f->nr_records + 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&trace_lock);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
}

void forget_records(struct fixture *f)
{
	pthread_mutex_lock(&trace_lock);
	f->nr_records = 0;
	pthread_mutex_unlock(&trace_lock);
}

static void make_table(struct fixture *f, struct ntsync_nt_config *config)
{
	int ret;

	config->trace = store_record;
	config->trace_context = f;
	f->nr_records = 0;
	ret = ntsync_nt_create(config, &f->nt);
	if (ret)
		fail_msg("no table: %s", strerror(-ret));
}

void use_config(struct fixture *f, struct ntsync_nt_config *config)
{
	check(f);
	ntsync_nt_destroy(f->nt);
	make_table(f, config);
}

void use_xbox360(struct fixture *f)
{
	struct ntsync_nt_config config;

	ntsync_nt_config_init_xbox360(&config);
	use_config(f, &config);
}

int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct ntsync_nt_config config;

	if (!f)
		return -1;
	*state = f;
	alarm(WATCHDOG_SECONDS);
	f->fds_before = env_count_fds();
	ntsync_nt_config_init(&config);
	make_table(f, &config);
	return 0;
}

int setup_source_first(void **state)
{
	int ret = setup(state);

	if (!ret)
		((struct fixture *)*state)->source_first = true;
	return ret;
}

void check(struct fixture *f)
{
	int broken = ntsync_nt_check(f->nt);

	if (broken)
		fail_msg("%d invariants are broken", broken);
}

int teardown(void **state)
{
	struct fixture *f = *state;
	int broken, left;

	broken = ntsync_nt_check(f->nt);
	ntsync_nt_destroy(f->nt);
	left = env_count_fds() - f->fds_before;
	alarm(0);
	free(f);
	if (broken)
		print_error("# %d invariants are broken\n", broken);
	if (left)
		print_error("# %d descriptors too many are open\n", left);
	return broken || left ? -1 : 0;
}

static void *open_to_signals(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/* A thread that waits for a lock of the table has all signals blocked, including the watchdog's. */
static void start_thread_for_watchdog(void)
{
	pthread_t thread;

	if (!pthread_create(&thread, NULL, open_to_signals, NULL))
		pthread_detach(thread);
}

int setup_old_driver(void **state)
{
	env_old_driver(true);
	return setup(state);
}

int teardown_old_driver(void **state)
{
	int ret = teardown(state);

	env_old_driver(false);
	return ret;
}

bool driver_offers(uint32_t features)
{
	struct ntsync_nt *nt;
	bool offers;

	if (ntsync_nt_create(NULL, &nt))
		return false;
	offers = (ntsync_nt_features(nt) & features) == features;
	ntsync_nt_destroy(nt);
	return offers;
}

int nt_run_group(const char *group, const struct CMUnitTest *tests, size_t count)
{
	start_thread_for_watchdog();
	setvbuf(stdout, NULL, _IOLBF, 0);
	return _cmocka_run_group_tests(group, tests, count, NULL, NULL);
}

int nt_run_by_channels(const char *group, const struct CMUnitTest *with, size_t nr_with,
		       const struct CMUnitTest *without, size_t nr_without)
{
	bool has_channels = driver_offers(NTSYNC_NT_FEATURE_CHANNEL);
	bool is_fake = env_old_driver(false);
	int failed = 0;

	if (has_channels)
		failed = nt_run_group(group, with, nr_with);
	if (is_fake || !has_channels)
		failed += nt_run_group(group, without, nr_without);
	return failed;
}

void assert_status_at(uint32_t got, uint32_t want, const char *call, const char *file, int line)
{
	if (got == want)
		return;
	print_error("%s: got %#x, want %#x\n", call, got, want);
	_fail(file, line);
}

const struct ntsync_nt_record *assert_record_at(struct fixture *f, enum ntsync_nt_operation op,
						uint32_t handle, const char *file, int line)
{
	const struct ntsync_nt_record *got = &f->records[0];

	if (f->nr_records && got->operation == op && got->handle == handle) {
		static struct ntsync_nt_record found;

		found = *got;
		memmove(f->records, f->records + 1, --f->nr_records * sizeof(*got));
		return &found;
	}
	print_error("%zu records, first: operation %d, handle %#x; want %d, %#x\n", f->nr_records,
		    got->operation, got->handle, op, handle);
	_fail(file, line);
	return NULL;
}

uint32_t new_event(struct fixture *f, bool manual, bool signaled)
{
	uint32_t handle;

	assert_ok(ntsync_nt_create_event(f->nt, &handle, NULL, manual, signaled));
	return handle;
}

uint32_t new_mutant(struct fixture *f, bool owned)
{
	uint32_t handle;

	assert_ok(ntsync_nt_create_mutant(f->nt, &handle, NULL, owned));
	return handle;
}

uint32_t new_semaphore(struct fixture *f, int32_t count, int32_t limit)
{
	uint32_t handle;

	assert_ok(ntsync_nt_create_semaphore(f->nt, &handle, NULL, count, limit));
	return handle;
}

uint32_t new_timer(struct fixture *f, bool manual)
{
	uint32_t handle;

	assert_ok(ntsync_nt_create_timer(f->nt, &handle, NULL, manual));
	return handle;
}

struct ntsync_nt_timer_state timer_state(struct fixture *f, uint32_t timer)
{
	struct ntsync_nt_timer_state state;

	assert_ok(ntsync_nt_query_timer(f->nt, timer, &state));
	return state;
}

void set_ms(struct fixture *f, uint32_t timer, unsigned int ms, unsigned int period_ms)
{
	assert_ok(ntsync_nt_set_timer(f->nt, timer, in_ms(ms), period_ms * NS_PER_MS, NULL));
}

uint32_t duplicate(struct fixture *f, uint32_t handle)
{
	uint32_t new;

	assert_ok(ntsync_nt_duplicate(f->nt, handle, &new, 0));
	return new;
}

void close_handle(struct fixture *f, uint32_t handle)
{
	assert_ok(ntsync_nt_close(f->nt, handle));
}

uint32_t count_objects(struct fixture *f, enum ntsync_nt_type type)
{
	struct ntsync_nt_count count;

	ntsync_nt_count(f->nt, type, &count);
	return count.objects;
}

struct ntsync_nt_info info_of(struct fixture *f, uint32_t handle)
{
	struct ntsync_nt_info info;

	assert_ok(ntsync_nt_query(f->nt, handle, &info));
	return info;
}

bool event_signaled(struct fixture *f, uint32_t handle)
{
	bool signaled;

	assert_ok(ntsync_nt_query_event(f->nt, handle, NULL, &signaled));
	return signaled;
}

int32_t semaphore_count(struct fixture *f, uint32_t handle)
{
	int32_t count;

	assert_ok(ntsync_nt_query_semaphore(f->nt, handle, &count, NULL));
	return count;
}

struct ntsync_nt_deadline in_ms(unsigned int ms)
{
	return (struct ntsync_nt_deadline){ now_ns() + ms * NS_PER_MS, 0 };
}

uint32_t poll_handle(struct fixture *f, uint32_t handle)
{
	return ntsync_nt_wait_single(f->nt, handle, false, POLL);
}

static void *helper_thread(void *arg)
{
	struct helper *helper = arg;

	atomic_store(&helper->tid, gettid());
	helper->status = helper->call(helper->f, helper->arg);
	atomic_store(&helper->out, true);
	return NULL;
}

struct helper *start(struct fixture *f, helper_fn call, void *arg)
{
	struct helper *helper = calloc(1, sizeof(*helper));

	assert_non_null(helper);
	helper->f = f;
	helper->call = call;
	helper->arg = arg;
	assert_int_equal(pthread_create(&helper->thread, NULL, helper_thread, helper), 0);
	return helper;
}

bool still_asleep(struct helper *helper)
{
	bool asleep = atomic_load(&helper->tid) && env_asleep(atomic_load(&helper->tid));

	/* Checked last: by now it might sleep for another reason. */
	return asleep && !atomic_load(&helper->out);
}

void interrupt(struct helper *helper, int sig)
{
	pthread_kill(helper->thread, sig);
}

static atomic_bool handled;

static void note_signal(int sig)
{
	(void)sig;
	atomic_store(&handled, true);
}

static void interrupt_by_signal(struct helper *helper)
{
	const struct sigaction action = { .sa_handler = note_signal };

	atomic_store(&handled, false);
	sigaction(SIGUSR2, &action, NULL);
	pthread_kill(helper->thread, SIGUSR2);
	while (!atomic_load(&handled))
		sleep_ms(1);
}

void interrupt_sleep(struct helper *helper)
{
	if (!env_interrupt_asleep(atomic_load(&helper->tid)))
		interrupt_by_signal(helper);
	while (!still_asleep(helper))
		sleep_ms(1);
}

struct helper *start_asleep(struct fixture *f, helper_fn call, void *arg)
{
	struct helper *helper = start(f, call, arg);

	while (!still_asleep(helper)) {
		if (atomic_load(&helper->out))
			fail_msg("the call returned %#x instead of waiting", helper->status);
		sleep_ms(1);
	}
	return helper;
}

uint32_t finish(struct helper *helper)
{
	uint32_t status;

	pthread_join(helper->thread, NULL);
	status = helper->status;
	free(helper);
	return status;
}

uint32_t wait_for_handle(struct fixture *f, void *arg)
{
	return ntsync_nt_wait_single(f->nt, *(uint32_t *)arg, false, FOREVER);
}

void disturb_thread(struct fixture *f, int i, uint32_t tid, uint32_t status)
{
	switch (i % 5) {
	case 0:
		assert_ok(ntsync_nt_interrupt_thread(f->nt, tid, status));
		break;
	case 1:
		assert_ok(ntsync_nt_alert_thread(f->nt, tid));
		break;
	case 2:
		assert_ok(ntsync_nt_queue_apc(f->nt, tid));
		break;
	case 3:
		assert_ok(ntsync_nt_stop(f->nt, status));
		ntsync_nt_resume(f->nt);
		break;
	default:
		sched_yield();
	}
}

uint64_t random_seed(void)
{
	const char *given = getenv("NTSYNC_TEST_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);

	print_message("# NTSYNC_TEST_SEED=%llu\n", (unsigned long long)seed);
	return seed * 2 + 1;
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

uint64_t realtime_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

void sleep_ms(unsigned int ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}
