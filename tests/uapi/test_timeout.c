// SPDX-License-Identifier: GPL-2.0-only
/* Deadlines: the meaning of each value, on each clock, and in time namespaces. */
#include "fixture.h"

#include <inttypes.h>
#include <signal.h>

static const unsigned long requests[] = { ANY, ALL };
static const uint32_t clock_flags[] = { 0, NTSYNC_WAIT_REALTIME, NTSYNC_WAIT_BOOTTIME };

/* The last one is not there without its feature, as on the in-tree driver. */
static size_t nr_clocks(const struct fixture *f)
{
	return ARRAY_SIZE(clock_flags) - !(f->features & NTSYNC_FEATURE_BOOTTIME);
}

#define for_each_request(request)                                              \
	for (const unsigned long *request = requests;                          \
	     request < requests + ARRAY_SIZE(requests); request++)
#define for_each_clock(f, flag)                                                \
	for (const uint32_t *flag = clock_flags; flag < clock_flags + nr_clocks(f); flag++)

/* Every value above S64_MAX but the last is in the past, and so are these. */
static const uint64_t passed[] = {
	0, 1, NS_PER_SEC, (uint64_t)INT64_MAX + 1, 0xc000000000000000, UINT64_MAX - 1,
};

/*
 * The in-tree driver passes these to the kernel's timers as negative times, which set no timer: the
 * wait then lasts until some other timer expires.
 */
static bool is_unreliable(const struct fixture *f, uint64_t timeout)
{
	return !f->ours && timeout > INT64_MAX;
}

static void passed_deadlines_try_once(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1);

	for_each_request(r) {
		for_each_clock(f, flags) {
			for (size_t i = 0; i < ARRAY_SIZE(passed); i++) {
				struct ntsync_wait_args args = ARGS(
					FDS(sem), .owner = OWNER, .flags = *flags,
					.timeout = passed[i]);

				if (is_unreliable(f, passed[i]))
					continue;
				assert_wait(f, *r, args, -ETIMEDOUT, 0);
				release(sem, 1, 0);
				assert_wait(f, *r, args, 0, 0);
				assert_sem(sem, 0, 1);
			}
		}
	}
}

static void passed_deadlines_with_an_alert(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1), alert = new_auto(f, true);

	for_each_request(r) {
		struct ntsync_wait_args args = ARGS(FDS(sem), .owner = OWNER, .alert = alert);

		assert_wait(f, *r, args, 0, 1);
		assert_wait(f, *r, args, -ETIMEDOUT, 0);
		set_event(alert, 0);
	}
}

/* The instant before the call, which only the clock's own value shows to be past. */
static void just_passed(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1);

	for_each_request(r) {
		for_each_clock(f, flags)
			assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .flags = *flags,
						.timeout = now_ns(choose_clock(*flags))),
				    -ETIMEDOUT, 0);
	}
}

/* If they were taken for past or wrapped values the wait would return; it must go on. */
static void far_deadlines_sleep(void **state)
{
	static const uint64_t far[] = { UINT64_MAX, INT64_MAX, INT64_MAX - 1 };
	struct fixture *f = *state;
	int event = new_auto(f, false);

	for_each_request(r) {
		for_each_clock(f, flags) {
			for (size_t i = 0; i < ARRAY_SIZE(far); i++) {
				struct waiter *w = start(f, *r, ARGS(
					FDS(event), .owner = OWNER, .flags = *flags,
					.timeout = far[i]));

				set_event(event, 0);
				assert_woken(w, 0, 0);
			}
		}
	}
}

/* A wait that wrongly times out does so within this time; a correct one goes on. */
static void never_is_never(void **state)
{
	struct fixture *f = *state;
	struct waiter *w[ARRAY_SIZE(requests) * ARRAY_SIZE(clock_flags)];
	size_t nr = 0;

	for_each_request(r) {
		for_each_clock(f, flags)
			w[nr++] = start(f, *r, ARGS(FDS(new_sem(f, 0, 1)), .owner = OWNER,
						    .flags = *flags, .timeout = FOREVER));
	}
	sleep_ms(500);
	while (nr)
		assert_asleep(w[--nr]);
}

static void not_before_the_deadline(void **state)
{
	static const uint64_t delays[] = { 0, 1000, NS_PER_MS, 30 * NS_PER_MS, 200 * NS_PER_MS };
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1);

	for_each_request(r) {
		for_each_clock(f, flags) {
			for (size_t i = 0; i < ARRAY_SIZE(delays); i++) {
				clockid_t clock = choose_clock(*flags);
				uint64_t deadline = now_ns(clock) + delays[i];

				assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER,
							.flags = *flags, .timeout = deadline),
					    -ETIMEDOUT, 0);
				assert_true(now_ns(clock) >= deadline);
			}
		}
	}
}

/* One clock's present is the other's far future, or its far past. */
static void the_flag_chooses_the_clock(void **state)
{
	struct fixture *f = *state;
	int event = new_auto(f, false);

	if (now_ns(CLOCK_REALTIME) < monotonic_ns() + 3600 * NS_PER_SEC)
		skip_because("the wall clock is not set");
	for_each_request(r) {
		struct waiter *w;

		assert_wait(f, *r, ARGS(FDS(event), .owner = OWNER, .flags = NTSYNC_WAIT_REALTIME,
					.timeout = monotonic_ns() + 600 * NS_PER_SEC),
			    -ETIMEDOUT, 0);
		for_each_clock(f, flags) {
			if (choose_clock(*flags) == CLOCK_REALTIME)
				continue;
			w = start(f, *r, ARGS(FDS(event), .owner = OWNER, .flags = *flags,
					      .timeout = now_ns(CLOCK_REALTIME)));
			set_event(event, 0);
			assert_woken(w, 0, 0);
		}
	}
}

#define TIMER_LIST "/proc/timer_list"

/*
 * The clock of the kernel's timer that expires at @expires on a clock of its own; -1 if there is
 * none. The kernel numbers its clocks; those from 4 on have the timers of normal tasks.
 */
static clockid_t find_timer(uint64_t expires)
{
	static const clockid_t clocks[] = {
		CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_TAI,
	};
	clockid_t found = -1;
	char line[256], wanted[64];
	FILE *timers = fopen(TIMER_LIST, "re");
	unsigned int index = 0;

	assert_non_null(timers);
	snprintf(wanted, sizeof(wanted), "expires at %" PRIu64 "-", expires);
	while (fgets(line, sizeof(line), timers)) {
		if (sscanf(line, " .index: %u", &index) != 1 && strstr(line, wanted))
			found = clocks[index % ARRAY_SIZE(clocks)];
	}
	fclose(timers);
	return found;
}

/* While the machine is not suspended CLOCK_BOOTTIME looks like CLOCK_MONOTONIC from outside. */
static void the_timer_is_of_that_clock(void **state)
{
	struct fixture *f = *state;

	if (access(TIMER_LIST, R_OK))
		skip_because("can't read " TIMER_LIST);
	for_each_request(r) {
		for_each_clock(f, flags) {
			int event = new_auto(f, false);
			clockid_t clock = choose_clock(*flags);
			uint64_t expires = now_ns(clock) + 3600 * NS_PER_SEC;
			struct waiter *w = start(f, *r, ARGS(FDS(event), .owner = OWNER,
							     .flags = *flags,
							     .timeout = expires));

			assert_int_equal(find_timer(expires), clock);
			set_event(event, 0);
			assert_woken(w, 0, 0);
		}
	}
}

static void stepping_the_wall_clock(void **state)
{
	static const struct waiter_sched realtime = { .policy = SCHED_FIFO, .prio = 10 };
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1);
	struct waiter *wall, *monotonic, *later, *boottime = NULL;

	need_settable_clock();
	need_realtime();
	wall = start_sched(f, ANY, ARGS(FDS(sem), .owner = OWNER, .flags = NTSYNC_WAIT_REALTIME,
					.timeout = in_an_hour()),
			   &realtime);
	later = start(f, ALL, ARGS(FDS(sem), .owner = OWNER, .flags = NTSYNC_WAIT_REALTIME,
				   .timeout = now_ns(CLOCK_REALTIME) + 36000 * NS_PER_SEC));
	monotonic = start(f, ANY, ARGS(FDS(sem), .owner = OWNER,
				       .timeout = monotonic_ns() + 3600 * NS_PER_SEC));
	if (f->features & NTSYNC_FEATURE_BOOTTIME)
		boottime = start(f, ANY, ARGS(FDS(sem), .owner = OWNER,
					      .flags = NTSYNC_WAIT_BOOTTIME,
					      .timeout = now_ns(CLOCK_BOOTTIME) + 3600 * NS_PER_SEC));
	step_wall_clock(AN_HOUR_LATER);
	assert_woken(wall, -ETIMEDOUT, 0);
	step_wall_clock(-AN_HOUR_LATER);
	assert_asleep(later);
	assert_asleep(monotonic);
	assert_true(!boottime || waiter_asleep(boottime));
}

/* What the namespace adds to the host's clocks, in seconds. */
struct offset_case {
	int64_t monotonic;
	int64_t boottime;
	int sem;
	int event;
};

static int wait_once(struct fixture *f, unsigned long request, uint64_t timeout, int obj,
		     uint32_t flags)
{
	struct ntsync_wait_args args = ARGS(FDS(obj), .owner = OWNER, .flags = flags,
					    .timeout = timeout);

	return nt(f->dev, request, &args);
}

static int signal_and_wait(struct fixture *f, uint64_t timeout, int obj, uint32_t flags)
{
	struct ntsync_signal_and_wait_args args = {
		.timeout = timeout, .signal = new_manual(f, false), .wait = obj, .flags = flags,
		.owner = OWNER,
	};

	return nt(f->dev, NTSYNC_IOC_SIGNAL_AND_WAIT, &args);
}

static int aggregate(struct fixture *f, uint64_t timeout, int obj, uint32_t flags)
{
	const struct ntsync_aggregate_source source = { .type = NTSYNC_AGG_OBJECT, .fd = obj };
	struct ntsync_aggregate_wait_args args = {
		.timeout = timeout, .sources = (uintptr_t)&source, .nb_sources = 1, .flags = flags,
	};

	return nt(f->dev, NTSYNC_IOC_AGGREGATE_WAIT, &args);
}

static int aggregate_timespec(struct fixture *f, uint64_t timeout, int obj, uint32_t flags)
{
	const struct ntsync_aggregate_source source = { .type = NTSYNC_AGG_OBJECT, .fd = obj };
	struct ntsync_aggregate_wait_timespec_args args = {
		.deadline = { timeout / NS_PER_SEC, timeout % NS_PER_SEC },
		.sources = (uintptr_t)&source, .nb_sources = 1, .flags = flags,
	};

	return nt(f->dev, NTSYNC_IOC_AGGREGATE_WAIT_TIMESPEC, &args);
}

static int address(struct fixture *f, uint64_t timeout, int obj, uint32_t flags)
{
	uint32_t word = 0;
	struct ntsync_addr_wait_args args = {
		.timeout = timeout, .addr = (uintptr_t)&word, .size = sizeof(word), .flags = flags,
	};

	(void)obj;
	return nt(f->dev, NTSYNC_IOC_ADDR_WAIT, &args);
}

/* The calls that the in-tree driver lacks. Runs in the time namespace. */
static int other_calls_inside(struct fixture *f, int sem, uint32_t flags)
{
	static int (*const calls[])(struct fixture *f, uint64_t timeout, int obj, uint32_t flags) = {
		signal_and_wait, aggregate, aggregate_timespec, address,
	};
	clockid_t clock = choose_clock(flags);

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		uint64_t deadline = now_ns(clock) + 20 * NS_PER_MS;

		CHECK(calls[i](f, deadline, sem, flags) == -ETIMEDOUT);
		CHECK(now_ns(clock) >= deadline);
	}
	return 0;
}

/* Runs in the time namespace. */
static int wait_inside(struct fixture *f, void *arg)
{
	struct offset_case *c = arg;

	for_each_request(r) {
		for_each_clock(f, flags) {
			clockid_t clock = choose_clock(*flags);
			uint64_t deadline = now_ns(clock) + 100 * NS_PER_MS;

			CHECK(wait_once(f, *r, deadline, c->sem, *flags) == -ETIMEDOUT);
			CHECK(now_ns(clock) >= deadline);
			/* Whether the namespace shifts it below zero or not: it is in the past. */
			for (size_t i = 0; i < ARRAY_SIZE(passed); i++) {
				if (is_unreliable(f, passed[i]))
					continue;
				if (passed[i] <= now_ns(clock) || passed[i] > INT64_MAX)
					CHECK(wait_once(f, *r, passed[i], c->sem, *flags) ==
					      -ETIMEDOUT);
			}
			if (f->ours && other_calls_inside(f, c->sem, *flags))
				return 1;
		}
	}
	return 0;
}

/* Whether the namespace shifts it past the end of time or not: it is in the far future. */
static int wait_far_inside(struct fixture *f, void *arg)
{
	struct offset_case *c = arg;

	CHECK(wait_once(f, ANY, INT64_MAX, c->event, 0) == 0);
	CHECK(wait_once(f, ALL, FOREVER, c->event, 0) == 0);
	if (f->features & NTSYNC_FEATURE_BOOTTIME)
		CHECK(wait_once(f, ANY, INT64_MAX, c->event, NTSYNC_WAIT_BOOTTIME) == 0);
	return 0;
}

static int enter_time_namespace(const struct offset_case *c)
{
	char text[128];
	int fd, len, ret;

	if (unshare(CLONE_NEWTIME))
		return -errno;
	fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = snprintf(text, sizeof(text), "monotonic %" PRId64 " 0\nboottime %" PRId64 " 0\n",
		       c->monotonic, c->boottime);
	ret = write(fd, text, len) == len ? 0 : -errno;
	close(fd);
	return ret;
}

static int wait_until_asleep_then_set(pid_t pid, unsigned long request, int event)
{
	uint32_t prev;

	while (!asleep_in(pid, pid, request)) {
		/* If it has exited already it has said why. */
		CHECK(kill(pid, 0) == 0);
		sleep_ms(1);
	}
	CHECK(nt(event, NTSYNC_IOC_EVENT_SET, &prev) == 0);
	return 0;
}

#define NO_NAMESPACE 77

/* A time namespace is for the children of the process that unshares, so there are two levels. */
static int in_time_namespace(struct fixture *f, void *arg)
{
	struct offset_case *c = arg;
	int ret = enter_time_namespace(c);
	pid_t pid;

	if (ret == -EINVAL || ret == -EPERM || ret == -ENOENT)
		return NO_NAMESPACE;
	CHECK(ret == 0);
	ret = child_finish(child_start(f, wait_inside, c));
	if (ret)
		return ret;
	pid = child_start(f, wait_far_inside, c);
	if (wait_until_asleep_then_set(pid, ANY, c->event) ||
	    wait_until_asleep_then_set(pid, ALL, c->event))
		return 1;
	if (f->features & NTSYNC_FEATURE_BOOTTIME && wait_until_asleep_then_set(pid, ANY, c->event))
		return 1;
	return child_finish(pid);
}

static void check_offsets(struct fixture *f, int64_t monotonic, int64_t boottime)
{
	struct offset_case c = { .monotonic = monotonic, .boottime = boottime,
				 .sem = new_sem(f, 0, 1),
				 .event = new_auto(f, false) };
	int ret;

	/* The namespace's time must not be below zero, with room for the duration of the wait. */
	while (monotonic_ns() < 4 * NS_PER_SEC)
		sleep_ms(100);
	ret = child_finish(child_start(f, in_time_namespace, &c));
	if (ret == NO_NAMESPACE)
		skip_because("no time namespaces here");
	assert_int_equal(ret, 0);
}

/*
 * Taken as the host's time, a deadline of the clock that is ahead would be half an hour away, and
 * one of the clock that is behind would have passed. So would the latter with the other's offset.
 */
static void monotonic_ahead(void **state)
{
	check_offsets(*state, 1800, -2);
}

static void boottime_ahead(void **state)
{
	check_offsets(*state, -2, 1800);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(passed_deadlines_try_once),
		TEST(passed_deadlines_with_an_alert),
		TEST(just_passed),
		TEST(far_deadlines_sleep),
		TEST(never_is_never),
		TEST(not_before_the_deadline),
		TEST(the_flag_chooses_the_clock),
		TEST(the_timer_is_of_that_clock),
		TEST(stepping_the_wall_clock),
		TEST(monotonic_ahead),
		TEST(boottime_ahead),
	};

	return RUN(tests);
}
