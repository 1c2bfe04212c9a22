// SPDX-License-Identifier: GPL-2.0-only
#include "aggregate.h"

#include <sys/eventfd.h>
#include <sys/socket.h>

struct agg_wait {
	struct agg_wait *next;
	struct call *call;
	source_t sources[NTSYNC_AGG_MAX];
	agg_t before, args;
	agg_timespec_t timespec;
	bool woken;
};

/* Of the running test. */
static unsigned long request;
static struct agg_wait *waits;

static int set_up(void **state, unsigned long layout)
{
	request = layout;
	return channel_setup(state);
}

int agg_setup(void **state)
{
	return set_up(state, AGG);
}

int agg_setup_timespec(void **state)
{
	return set_up(state, AGG_TIMESPEC);
}

int agg_teardown(void **state)
{
	int ret = channel_teardown(state);

	while (waits) {
		struct agg_wait *w = waits;

		waits = w->next;
		free(w);
	}
	return ret;
}

unsigned long agg_request(void)
{
	return request;
}

agg_timespec_t agg_as_timespec(const agg_t *args)
{
	uint64_t timeout = args->timeout ? args->timeout : 1;
	agg_timespec_t ts = {
		.nb_sources = args->nb_sources,
		.reserved = args->__pad,
		.sources = args->sources,
		.fired_index = args->fired_index,
		.fired_events = args->fired_events,
		.flags = args->flags,
		.owner = args->owner,
	};

	if (timeout != FOREVER) {
		ts.deadline.tv_sec = timeout / NS_PER_SEC;
		ts.deadline.tv_nsec = timeout % NS_PER_SEC;
	}
	return ts;
}

/* Copies the results; every other word must be as before. */
static void copy_results(agg_t *args, const agg_timespec_t *after)
{
	agg_timespec_t before = agg_as_timespec(args);

	args->fired_index = before.fired_index = after->fired_index;
	args->fired_events = before.fired_events = after->fired_events;
	assert_memory_equal(after, &before, sizeof(before));
}

int agg_call(int dev, agg_t *args)
{
	agg_timespec_t ts = agg_as_timespec(args);
	int ret;

	if (request == AGG)
		return nt(dev, AGG, args);
	ret = nt(dev, AGG_TIMESPEC, &ts);
	copy_results(args, &ts);
	return ret;
}

static void check_word(const char *name, uint32_t got, uint32_t want, const char *file, int line)
{
	if (got == want)
		return;
	print_error("%s is %#x, want %#x\n", name, got, want);
	_fail(file, line);
}

static void check_results(int got, const agg_t *before, agg_t after, int ret, uint32_t index,
			  uint32_t events, const char *file, int line)
{
	bool written = !ret || ret == -EOWNERDEAD;

	if (ret == -ETIMEDOUT)
		index = NTSYNC_AGG_TIMEOUT;
	else if (!written)
		index = before->fired_index;
	fixture_assert_ret(got, ret, "aggregate wait", file, line);
	check_word("index", after.fired_index, index, file, line);
	check_word("events", after.fired_events, written ? events : before->fired_events, file,
		   line);
	after.fired_index = before->fired_index;
	after.fired_events = before->fired_events;
	_assert_memory_equal(&after, before, sizeof(after), file, line);
}

void agg_assert(int dev, agg_t args, int ret, uint32_t index, uint32_t events, const char *file,
		int line)
{
	agg_t before = args;
	int got = agg_call(dev, &args);

	check_results(got, &before, args, ret, index, events, file, line);
}

struct agg_wait *agg_running(struct fixture *f, agg_t args, const struct waiter_sched *sched)
{
	struct agg_wait *w = calloc(1, sizeof(*w));
	void *argument;

	assert_non_null(w);
	w->next = waits;
	waits = w;
	memcpy(w->sources, (void *)(uintptr_t)args.sources, args.nb_sources * sizeof(source_t));
	args.sources = (uintptr_t)w->sources;
	w->before = w->args = args;
	w->timespec = agg_as_timespec(&args);
	argument = request == AGG ? (void *)&w->args : &w->timespec;
	w->call = call_at(f, f->dev, request, argument, sched);
	return w;
}

struct agg_wait *agg_start(struct fixture *f, agg_t args)
{
	struct agg_wait *w = agg_running(f, args, NULL);

	if (!call_asleep(w->call))
		fail_msg("the wait did not block: %s", strerror(-call_ret(w->call)));
	return w;
}

struct call *agg_of(struct agg_wait *w)
{
	return w->call;
}

void agg_assert_woken(struct agg_wait *w, int ret, uint32_t index, uint32_t events,
		      const char *file, int line)
{
	int got = call_ret(w->call);

	if (request == AGG_TIMESPEC && !w->woken)
		copy_results(&w->args, &w->timespec);
	w->woken = true;
	check_results(got, &w->before, w->args, ret, index, events, file, line);
}

int new_eventfd(struct fixture *f, unsigned int value)
{
	return own_fd(f, eventfd(value, EFD_CLOEXEC | EFD_NONBLOCK));
}

void new_pipe(struct fixture *f, int ends[2])
{
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	own_fd(f, ends[0]);
	own_fd(f, ends[1]);
}

void new_socketpair(struct fixture *f, int type, int ends[2])
{
	assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	own_fd(f, ends[0]);
	own_fd(f, ends[1]);
}

void add_one(int event_fd)
{
	assert_int_equal(eventfd_write(event_fd, 1), 0);
}

void put_byte(int fd)
{
	assert_int_equal(write(fd, "x", 1), 1);
}

void drain_fd(int fd)
{
	char bytes[256];

	while (read(fd, bytes, sizeof(bytes)) > 0)
		;
}

void fill_fd(int fd)
{
	char bytes[4096] = { 0 };

	while (write(fd, bytes, sizeof(bytes)) > 0)
		;
}
