// SPDX-License-Identifier: GPL-2.0-only
/*
 * Round trips between two threads: with a byte (ping-pong), and with two words there and one back,
 * as a channel carries (request).
 */
#include "ops.h"

#include <errno.h>

static struct link *there, *back;
static uint32_t bytes;

static void *run_other_thread(void *number)
{
	char data[LINK_BYTES];

	while (!link_await(there, data, bytes) && !atomic_load(&threads_stop))
		if (link_ring(back, data, bytes / 2 + 1))
			break;
	return number;
}

static int begin(const struct operation *op)
{
	there = link_open(op->with);
	back = link_open(op->with);
	bytes = op->n;
	if (op->with == &by_addr && (!there || !back))
		return -ENOTSUP;
	return !there || !back || start_threads(1, run_other_thread, 0);
}

static int round_trip(const struct operation *op, uint64_t *ns)
{
	char data[LINK_BYTES] = { 0 };

	return link_ring(there, data, op->n) || link_await(back, data, op->n / 2 + 1) ? -1 : 1;
}

static void end(const struct operation *op)
{
	char data[LINK_BYTES] = { 0 };

	atomic_store(&threads_stop, true);
	link_ring(there, data, op->n);
	join_threads();
	link_close(there);
	link_close(back);
}

const struct operation pingpong_ops[] = {
	{ "pingpong/ntsync", begin, round_trip, end, 1, &by_event },
	{ "pingpong/eventfd", begin, round_trip, end, 1, &by_eventfd },
	{ "pingpong/addr", begin, round_trip, end, 1, &by_addr },
	{ "pingpong/futex", begin, round_trip, end, 1, &by_futex },
	{ "pingpong/sem_t", begin, round_trip, end, 1, &by_sem_t },
	{ "pingpong/pipe", begin, round_trip, end, 1, &by_pipe },
	{ "pingpong/socket", begin, round_trip, end, 1, &by_socket },
	{ "request/event", begin, round_trip, end, LINK_BYTES, &by_event },
	{ "request/eventfd", begin, round_trip, end, LINK_BYTES, &by_eventfd },
	{ "request/futex", begin, round_trip, end, LINK_BYTES, &by_futex },
	{ "request/sem_t", begin, round_trip, end, LINK_BYTES, &by_sem_t },
	{ "request/pipe", begin, round_trip, end, LINK_BYTES, &by_pipe },
	{ "request/socket", begin, round_trip, end, LINK_BYTES, &by_socket },
	{ 0 },
};
