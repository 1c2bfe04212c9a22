// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests through a channel, from @n senders. All threads have the same priority, so on one CPU a
 * server that sleeps finds a request of every sender when it runs: a burst, which is one call here.
 */
#include "ops.h"

#include <errno.h>
#include <libntsync.h>
#include <sched.h>
#include <unistd.h>

static int channel;
static uint32_t prio;
static atomic_uint senders;

static const uint32_t none, urgent = 60;

static void *run_sender(void *number)
{
	while (!atomic_load(&threads_stop) &&
	       !ntsync_channel_send_pi(channel, SCHED_FIFO, prio, 1, 2))
		;
	atomic_fetch_sub(&senders, 1);
	return number;
}

static int begin(const struct operation *op)
{
	channel = ntsync_channel_create(dev, NTSYNC_CHANNEL_MAX_DEPTH);
	if (channel < 0)
		return channel;
	prio = *(const uint32_t *)op->with;
	atomic_store(&senders, op->n);
	return start_threads(op->n, run_sender, 0);
}

static int recv2(const struct operation *op, uint64_t *ns)
{
	struct ntsync_channel_request request;

	for (uint32_t i = 0; i < op->n; i++)
		if (ntsync_channel_recv2(channel, &request) ||
		    ntsync_channel_reply(channel, request.id))
			return -1;
	return (int)op->n;
}

/* As an event loop does: sleep, receive all requests, sleep. */
static int receive_one(void)
{
	const struct ntsync_aggregate_source source = { .type = NTSYNC_AGG_OBJECT, .fd = channel };
	const struct ntsync_aggregate_opts opts = { .deadline = NTSYNC_WAIT_FOREVER };
	struct ntsync_channel_request request;
	int ret;

	while ((ret = ntsync_channel_try_recv2(channel, &request)) == -EAGAIN) {
		ret = ntsync_aggregate_wait(dev, &source, 1, &opts, NULL, NULL);
		if (ret)
			return ret;
	}
	return ret ? ret : ntsync_channel_reply(channel, request.id);
}

static int aggregate(const struct operation *op, uint64_t *ns)
{
	for (uint32_t i = 0; i < op->n; i++)
		if (receive_one())
			return -1;
	return (int)op->n;
}

static void end(const struct operation *op)
{
	struct ntsync_channel_request request;

	atomic_store(&threads_stop, true);
	while (atomic_load(&senders)) {
		if (ntsync_channel_try_recv2(channel, &request))
			sched_yield();
		else
			ntsync_channel_reply(channel, request.id);
	}
	join_threads();
	close(channel);
}

const struct operation channel_ops[] = {
	{ "channel/1", begin, recv2, end, 1, &none },
	{ "channel/8", begin, recv2, end, 8, &none },
	{ "channel/64", begin, recv2, end, 64, &none },
	{ "channel/1/aggregate", begin, aggregate, end, 1, &none },
	{ "channel/8/aggregate", begin, aggregate, end, 8, &none },
	{ "channel/64/aggregate", begin, aggregate, end, 64, &none },
	{ "channel/1/urgent", begin, recv2, end, 1, &urgent },
	{ "channel/64/urgent", begin, recv2, end, 64, &urgent },
	{ 0 },
};
