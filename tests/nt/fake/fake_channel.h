/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests of the fake's channels, in the order of arrival. All under the fake's lock. A channel is
 * known by its address only. The calls return as the ioctls do, with errno.
 */
#ifndef TESTS_NT_FAKE_CHANNEL_H
#define TESTS_NT_FAKE_CHANNEL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <libntsync.h>

bool fake_channel_is_pending(const void *channel);
/* Queues a request of the calling thread; false if as many as @depth are pending. */
bool fake_channel_queue(const void *channel, uint32_t depth,
			const struct ntsync_channel_send_args *args);
/* Sleeps until the caller's request has a reply. */
int fake_channel_sleep(const void *channel, pthread_mutex_t *lock);
int fake_channel_take(const void *channel, struct ntsync_channel_recv2_args *args);
int fake_channel_reply(const void *channel, uint64_t id);
/* Whether thread @tid waits for a reply. Takes @lock. */
bool fake_channel_asleep(pid_t tid, pthread_mutex_t *lock);

#endif /* TESTS_NT_FAKE_CHANNEL_H */
