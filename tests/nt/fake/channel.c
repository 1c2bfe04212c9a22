// SPDX-License-Identifier: GPL-2.0-only
#include "fake_channel.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

/**
 * struct request - a request, on the stack of fake_channel_sleep()
 * @received: not pending any more
 * @replied: its sender returns
 */
struct request {
	struct request *next;
	const void *channel;
	struct ntsync_channel_recv2_args args;
	bool received, replied;
	pthread_cond_t done;
};

static struct request *requests;
static uint64_t last_id;
static _Thread_local struct request own;
static _Thread_local int queue_error;

static int set_errno(int error)
{
	errno = error;
	return -1;
}

static struct request *find_pending(const void *channel)
{
	struct request *r = requests;

	while (r && (r->channel != channel || r->received))
		r = r->next;
	return r;
}

bool fake_channel_is_pending(const void *channel)
{
	return find_pending(channel);
}

static uint32_t count_pending(const void *channel)
{
	uint32_t count = 0;

	for (struct request *r = requests; r; r = r->next)
		count += r->channel == channel && !r->received;
	return count;
}

bool fake_channel_queue(const void *channel, uint32_t depth,
			const struct ntsync_channel_send_args *args)
{
	struct request **end = &requests;

	queue_error = count_pending(channel) >= depth ? EAGAIN : 0;
	if (queue_error)
		return false;
	own = (struct request){
		.channel = channel,
		.args = {
			.entry_id = ++last_id, .payload_off = args->payload_off,
			.reply_off = args->reply_off, .sender_tid = (uint32_t)gettid(),
			.prio = args->prio,
		},
	};
	pthread_cond_init(&own.done, NULL);
	while (*end)
		end = &(*end)->next;
	*end = &own;
	return true;
}

static void unlink_own(void)
{
	struct request **link = &requests;

	while (*link != &own)
		link = &(*link)->next;
	*link = own.next;
	pthread_cond_destroy(&own.done);
}

int fake_channel_sleep(const void *channel, pthread_mutex_t *lock)
{
	(void)channel;
	if (queue_error)
		return set_errno(queue_error);
	while (!own.replied)
		pthread_cond_wait(&own.done, lock);
	unlink_own();
	return 0;
}

int fake_channel_take(const void *channel, struct ntsync_channel_recv2_args *args)
{
	struct request *r = find_pending(channel);

	if (!r)
		return set_errno(EAGAIN);
	r->received = true;
	*args = r->args;
	return 0;
}

int fake_channel_reply(const void *channel, uint64_t id)
{
	for (struct request *r = requests; r; r = r->next) {
		if (r->channel == channel && r->args.entry_id == id && r->received && !r->replied) {
			r->replied = true;
			pthread_cond_signal(&r->done);
			return 0;
		}
	}
	return set_errno(ENOENT);
}

bool fake_channel_asleep(pid_t tid, pthread_mutex_t *lock)
{
	struct request *r;

	pthread_mutex_lock(lock);
	for (r = requests; r && r->args.sender_tid != (uint32_t)tid;)
		r = r->next;
	pthread_mutex_unlock(lock);
	return r;
}
