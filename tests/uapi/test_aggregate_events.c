// SPDX-License-Identifier: GPL-2.0-only
/* AGGREGATE_WAIT on files: which events it reports, and to which waiters. */
#include "aggregate.h"

#include <sys/eventfd.h>
#include <sys/socket.h>

/* ---- events ---- */

static void hang_up(void **state)
{
	struct fixture *f = *state;
	struct agg_wait *w;
	int ends[2];

	need_aggregate(f);
	new_pipe(f, ends);
	w = agg_start_on(f, FILE_IN(ends[0]));
	close_fd(f, ends[1]);
	assert_agg_woken(w, 0, 0, POLLHUP);
	/* Also to a waiter that asked for no events, or for others. */
	assert_agg_ready(f, 0, POLLHUP, FILE_FOR(ends[0], 0));
	assert_agg_ready(f, 0, POLLHUP, FILE_FOR(ends[0], POLLPRI));
}

static void data_and_hang_up(void **state)
{
	struct fixture *f = *state;
	int ends[2];

	need_aggregate(f);
	new_pipe(f, ends);
	put_byte(ends[1]);
	close_fd(f, ends[1]);
	assert_agg_ready(f, 0, POLLIN | POLLHUP, FILE_IN(ends[0]));
	drain_fd(ends[0]);
	assert_agg_ready(f, 0, POLLHUP, FILE_IN(ends[0]));
}

static void error(void **state)
{
	struct fixture *f = *state;
	struct agg_wait *w;
	int ends[2];

	need_aggregate(f);
	new_pipe(f, ends);
	fill_fd(ends[1]);
	w = agg_start_on(f, FILE_FOR(ends[1], 0));
	close_fd(f, ends[0]);
	assert_agg_woken(w, 0, 0, POLLERR);
	assert_agg_ready(f, 0, POLLERR, FILE_FOR(ends[1], 0));
}

static void half_closed_socket(void **state)
{
	struct fixture *f = *state;
	struct agg_wait *w;
	int ends[2];

	need_aggregate(f);
	new_socketpair(f, SOCK_STREAM, ends);
	w = agg_start_on(f, FILE_FOR(ends[0], POLLRDHUP));
	assert_int_equal(shutdown(ends[1], SHUT_WR), 0);
	assert_agg_woken(w, 0, 0, POLLRDHUP);
	assert_agg_ready(f, 0, POLLIN | POLLRDHUP, FILE_FOR(ends[0], POLLIN | POLLRDHUP));
}

/* poll(2) and the aggregate wait agree on many states. */
static void as_poll_says(void **state)
{
	struct fixture *f = *state;
	int pair[2], ends[2], fds[5];

	need_aggregate(f);
	new_pipe(f, ends);
	new_socketpair(f, SOCK_DGRAM, pair);
	fds[0] = pair[0];
	fds[1] = pair[1];
	fds[2] = ends[0];
	fds[3] = ends[1];
	fds[4] = new_eventfd(f, 1);
	put_byte(pair[0]);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		for (uint32_t events = 0; events < 0x4000; events = events * 2 + 1) {
			struct pollfd p = { .fd = fds[i], .events = events };

			if (poll(&p, 1, 0))
				assert_agg_ready(f, 0, (uint16_t)p.revents,
						 FILE_FOR(fds[i], events));
			else
				assert_agg_nothing(f, FILE_FOR(fds[i], events));
		}
	}
}

/* An event that the waiter did not ask for wakes it, but does not end its wait. */
static void other_events_do_not_end_it(void **state)
{
	struct fixture *f = *state;
	struct agg_wait *w;
	int ends[2];

	need_aggregate(f);
	new_socketpair(f, SOCK_STREAM, ends);
	w = agg_start_on(f, FILE_FOR(ends[0], POLLRDHUP));
	put_byte(ends[1]);
	assert_agg_asleep(w);
	shutdown(ends[1], SHUT_WR);
	assert_agg_woken(w, 0, 0, POLLRDHUP);
}

/* ---- several ---- */

static void many_of_them(void **state)
{
	struct fixture *f = *state;
	source_t sources[NTSYNC_AGG_MAX];
	const agg_t args = AGG_ARGS(.timeout = FOREVER, .sources = (uintptr_t)sources,
				    .nb_sources = NTSYNC_AGG_MAX);

	need_aggregate(f);
	for (size_t i = 0; i < NTSYNC_AGG_MAX; i++)
		sources[i] = FILE_IN(new_eventfd(f, 0));
	for (size_t i = 0; i < NTSYNC_AGG_MAX; i += 9) {
		struct agg_wait *w = agg_start(f, args);

		add_one(sources[i].fd);
		assert_agg_woken(w, 0, i, POLLIN);
		drain_fd(sources[i].fd);
	}
}

static void every_waiter_is_told(void **state)
{
	struct fixture *f = *state;
	struct agg_wait *waits[8];
	int fd = new_eventfd(f, 0);

	need_aggregate(f);
	for (size_t i = 0; i < ARRAY_SIZE(waits); i++)
		waits[i] = agg_start_on(f, FILE_IN(fd), FILE_IN(fd));
	add_one(fd);
	for (size_t i = 0; i < ARRAY_SIZE(waits); i++)
		assert_agg_woken(waits[i], 0, 0, POLLIN);
}

/* Another thread reads the byte before the waiter can run: it goes on sleeping. */
static void taken_by_another_in_between(void **state)
{
	const struct waiter_sched below = { .policy = SCHED_FIFO, .prio = 10, .cpu = 1 };
	struct fixture *f = *state;
	int fd = new_eventfd(f, 0);
	struct agg_wait *w;

	need_aggregate(f);
	need_realtime();
	w = agg_running(f, AGG_FOREVER(FILE_IN(fd)), &below);
	assert_agg_asleep(w);
	occupy_cpu(50);
	add_one(fd);
	drain_fd(fd);
	free_cpu();
	assert_agg_asleep(w);
	add_one(fd);
	assert_agg_woken(w, 0, 0, POLLIN);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		AGG_TEST(hang_up),
		AGG_TEST(data_and_hang_up),
		AGG_TEST(error),
		AGG_TEST(half_closed_socket),
		AGG_TEST(as_poll_says),
		AGG_TEST(other_events_do_not_end_it),
		AGG_TEST(many_of_them),
		AGG_TEST(every_waiter_is_told),
		AGG_TEST(taken_by_another_in_between),
	};

	return RUN(tests);
}
