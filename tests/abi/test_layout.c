// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every number and every layout of the interface: programs that were compiled with other headers
 * depend on them.
 */
#include <linux/ntsync.h>

#include "pin.h"

static void pin_features(void)
{
	PIN_SIZE(struct ntsync_features_args, 16);
	PIN_FIELD(struct ntsync_features_args, features, 0, 8);
	PIN_FIELD(struct ntsync_features_args, version, 8, 4);
	PIN_FIELD(struct ntsync_features_args, reserved, 12, 4);
	PIN_VALUE(NTSYNC_IOC_QUERY_FEATURES, 0x80104e8f);
	pin_group("feature query");

	PIN_VALUE(NTSYNC_FEATURE_PRIORITY_QUEUES, 0x1);
	PIN_VALUE(NTSYNC_FEATURE_MUTEX_PI, 0x2);
	PIN_VALUE(NTSYNC_FEATURE_EVENT_SET_PI, 0x4);
	PIN_VALUE(NTSYNC_FEATURE_CHANNEL, 0x8);
	PIN_VALUE(NTSYNC_FEATURE_CHANNEL_TRY_RECV2, 0x10);
	PIN_VALUE(NTSYNC_FEATURE_AGGREGATE_WAIT, 0x20);
	PIN_VALUE(NTSYNC_FEATURE_URING_FD, 0x40);
	PIN_VALUE(NTSYNC_FEATURE_POLL, 0x80);
	PIN_VALUE(NTSYNC_FEATURE_SIGNAL_AND_WAIT, 0x100);
	PIN_VALUE(NTSYNC_FEATURE_BOOTTIME, 0x200);
	PIN_VALUE(NTSYNC_FEATURE_LEND, 0x400);
	PIN_VALUE(NTSYNC_FEATURE_ADDRESS, 0x800);
	pin_group("feature bits");
}

static void pin_sem(void)
{
	PIN_SIZE(struct ntsync_sem_args, 8);
	PIN_FIELD(struct ntsync_sem_args, count, 0, 4);
	PIN_FIELD(struct ntsync_sem_args, max, 4, 4);
	PIN_VALUE(NTSYNC_IOC_CREATE_SEM, 0x40084e80);
	PIN_VALUE(NTSYNC_IOC_SEM_RELEASE, 0xc0044e81);
	PIN_VALUE(NTSYNC_IOC_SEM_READ, 0x80084e8b);
	pin_group("semaphore");
}

static void pin_mutex(void)
{
	PIN_SIZE(struct ntsync_mutex_args, 8);
	PIN_FIELD(struct ntsync_mutex_args, owner, 0, 4);
	PIN_FIELD(struct ntsync_mutex_args, count, 4, 4);
	PIN_VALUE(NTSYNC_IOC_CREATE_MUTEX, 0x40084e84);
	PIN_VALUE(NTSYNC_IOC_MUTEX_UNLOCK, 0xc0084e85);
	PIN_VALUE(NTSYNC_IOC_MUTEX_KILL, 0x40044e86);
	PIN_VALUE(NTSYNC_IOC_MUTEX_READ, 0x80084e8c);
	pin_group("mutex");
}

static void pin_event(void)
{
	PIN_SIZE(struct ntsync_event_args, 8);
	PIN_FIELD(struct ntsync_event_args, manual, 0, 4);
	PIN_FIELD(struct ntsync_event_args, signaled, 4, 4);
	PIN_VALUE(NTSYNC_IOC_CREATE_EVENT, 0x40084e87);
	PIN_VALUE(NTSYNC_IOC_EVENT_SET, 0x80044e88);
	PIN_VALUE(NTSYNC_IOC_EVENT_RESET, 0x80044e89);
	PIN_VALUE(NTSYNC_IOC_EVENT_PULSE, 0x80044e8a);
	PIN_VALUE(NTSYNC_IOC_EVENT_READ, 0x80084e8d);
	pin_group("event");

	PIN_SIZE(struct ntsync_signal_and_wait_args, 32);
	PIN_FIELD(struct ntsync_signal_and_wait_args, timeout, 0, 8);
	PIN_FIELD(struct ntsync_signal_and_wait_args, signal, 8, 4);
	PIN_FIELD(struct ntsync_signal_and_wait_args, wait, 12, 4);
	PIN_FIELD(struct ntsync_signal_and_wait_args, flags, 16, 4);
	PIN_FIELD(struct ntsync_signal_and_wait_args, owner, 20, 4);
	PIN_FIELD(struct ntsync_signal_and_wait_args, alert, 24, 4);
	PIN_FIELD(struct ntsync_signal_and_wait_args, index, 28, 4);
	PIN_VALUE(NTSYNC_IOC_SIGNAL_AND_WAIT, 0xc0204e99);
	PIN_SIZE(struct ntsync_event_set_pi_args, 16);
	PIN_FIELD(struct ntsync_event_set_pi_args, flags, 0, 4);
	PIN_FIELD(struct ntsync_event_set_pi_args, policy, 4, 4);
	PIN_FIELD(struct ntsync_event_set_pi_args, prio, 8, 4);
	PIN_FIELD(struct ntsync_event_set_pi_args, __pad, 12, 4);
	PIN_VALUE(NTSYNC_IOC_EVENT_SET_PI, 0x40104e8e);
	pin_group("event, set with a priority");
}

static void pin_wait(void)
{
	PIN_SIZE(struct ntsync_wait_args, 40);
	PIN_FIELD(struct ntsync_wait_args, timeout, 0, 8);
	PIN_FIELD(struct ntsync_wait_args, objs, 8, 8);
	PIN_FIELD(struct ntsync_wait_args, count, 16, 4);
	PIN_FIELD(struct ntsync_wait_args, index, 20, 4);
	PIN_FIELD(struct ntsync_wait_args, flags, 24, 4);
	PIN_FIELD(struct ntsync_wait_args, owner, 28, 4);
	PIN_FIELD(struct ntsync_wait_args, alert, 32, 4);
	PIN_FIELD(struct ntsync_wait_args, uring_fd, 36, 4);
	PIN_FIELD(struct ntsync_wait_args, pad, 36, 4);
	PIN_VALUE(NTSYNC_IOC_WAIT_ANY, 0xc0284e82);
	PIN_VALUE(NTSYNC_IOC_WAIT_ALL, 0xc0284e83);
	PIN_VALUE(NTSYNC_WAIT_REALTIME, 0x1);
	PIN_VALUE(NTSYNC_WAIT_BOOTTIME, 0x80000000u);
	PIN_VALUE(NTSYNC_MAX_WAIT_COUNT, 64);
	PIN_VALUE(NTSYNC_INDEX_URING_READY, 0xfffffffeu);
	pin_group("wait for any and all");
}

static void pin_channel_create(void)
{
	PIN_SIZE(struct ntsync_channel_create_args, 8);
	PIN_FIELD(struct ntsync_channel_create_args, max_depth, 0, 4);
	PIN_FIELD(struct ntsync_channel_create_args, __pad, 4, 4);
	PIN_VALUE(NTSYNC_IOC_CREATE_CHANNEL, 0xc0084e90);
	PIN_VALUE(NTSYNC_CHANNEL_MAX_DEPTH, 1024);
	pin_group("channel, create");
}

static void pin_channel_send(void)
{
	PIN_SIZE(struct ntsync_channel_send_args, 24);
	PIN_FIELD(struct ntsync_channel_send_args, policy, 0, 4);
	PIN_FIELD(struct ntsync_channel_send_args, prio, 4, 4);
	PIN_FIELD(struct ntsync_channel_send_args, payload_off, 8, 8);
	PIN_FIELD(struct ntsync_channel_send_args, reply_off, 16, 8);
	PIN_VALUE(NTSYNC_IOC_CHANNEL_SEND_PI, 0xc0184e91);
	PIN_VALUE(NTSYNC_IOC_CHANNEL_REPLY, 0x40084e93);
	pin_group("channel, send and reply");
}

static void pin_channel_recv(void)
{
	PIN_SIZE(struct ntsync_channel_recv_args, 32);
	PIN_FIELD(struct ntsync_channel_recv_args, entry_id, 0, 8);
	PIN_FIELD(struct ntsync_channel_recv_args, payload_off, 8, 8);
	PIN_FIELD(struct ntsync_channel_recv_args, reply_off, 16, 8);
	PIN_FIELD(struct ntsync_channel_recv_args, sender_tid, 24, 4);
	PIN_FIELD(struct ntsync_channel_recv_args, prio, 28, 4);
	PIN_VALUE(NTSYNC_IOC_CHANNEL_RECV, 0xc0204e92);
	pin_group("channel, receive");

	PIN_SIZE(struct ntsync_channel_recv2_args, 40);
	PIN_FIELD(struct ntsync_channel_recv2_args, entry_id, 0, 8);
	PIN_FIELD(struct ntsync_channel_recv2_args, payload_off, 8, 8);
	PIN_FIELD(struct ntsync_channel_recv2_args, reply_off, 16, 8);
	PIN_FIELD(struct ntsync_channel_recv2_args, sender_tid, 24, 4);
	PIN_FIELD(struct ntsync_channel_recv2_args, prio, 28, 4);
	PIN_FIELD(struct ntsync_channel_recv2_args, thread_token, 32, 8);
	PIN_VALUE(NTSYNC_IOC_CHANNEL_RECV2, 0xc0284e96);
	PIN_VALUE(NTSYNC_IOC_CHANNEL_TRY_RECV2, 0xc0284e98);
	pin_group("channel, receive with a token");
}

static void pin_channel_threads(void)
{
	PIN_SIZE(struct ntsync_channel_register_thread_args, 16);
	PIN_FIELD(struct ntsync_channel_register_thread_args, tid, 0, 4);
	PIN_FIELD(struct ntsync_channel_register_thread_args, __pad, 4, 4);
	PIN_FIELD(struct ntsync_channel_register_thread_args, token, 8, 8);
	PIN_VALUE(NTSYNC_IOC_CHANNEL_REGISTER_THREAD, 0x40104e94);
	PIN_VALUE(NTSYNC_IOC_CHANNEL_DEREGISTER_THREAD, 0x40044e95);
	pin_group("channel, tokens of threads");
}

static void pin_aggregate(void)
{
	PIN_SIZE(struct ntsync_aggregate_wait_args, 40);
	PIN_FIELD(struct ntsync_aggregate_wait_args, timeout, 0, 8);
	PIN_FIELD(struct ntsync_aggregate_wait_args, sources, 8, 8);
	PIN_FIELD(struct ntsync_aggregate_wait_args, nb_sources, 16, 4);
	PIN_FIELD(struct ntsync_aggregate_wait_args, fired_index, 20, 4);
	PIN_FIELD(struct ntsync_aggregate_wait_args, flags, 24, 4);
	PIN_FIELD(struct ntsync_aggregate_wait_args, owner, 28, 4);
	PIN_FIELD(struct ntsync_aggregate_wait_args, fired_events, 32, 4);
	PIN_FIELD(struct ntsync_aggregate_wait_args, __pad, 36, 4);
	PIN_VALUE(NTSYNC_IOC_AGGREGATE_WAIT, 0xc0284e97);
	pin_group("aggregate wait");

	PIN_SIZE(struct ntsync_aggregate_wait_timespec_args, 48);
	PIN_FIELD(struct ntsync_aggregate_wait_timespec_args, nb_sources, 0, 4);
	PIN_FIELD(struct ntsync_aggregate_wait_timespec_args, reserved, 4, 4);
	PIN_FIELD(struct ntsync_aggregate_wait_timespec_args, sources, 8, 8);
	PIN_FIELD(struct ntsync_aggregate_wait_timespec_args, deadline, 16, 16);
	PIN_FIELD(struct ntsync_aggregate_wait_timespec_args, deadline.tv_sec, 16, 8);
	PIN_FIELD(struct ntsync_aggregate_wait_timespec_args, deadline.tv_nsec, 24, 8);
	PIN_FIELD(struct ntsync_aggregate_wait_timespec_args, fired_index, 32, 4);
	PIN_FIELD(struct ntsync_aggregate_wait_timespec_args, fired_events, 36, 4);
	PIN_FIELD(struct ntsync_aggregate_wait_timespec_args, flags, 40, 4);
	PIN_FIELD(struct ntsync_aggregate_wait_timespec_args, owner, 44, 4);
	PIN_VALUE(NTSYNC_IOC_AGGREGATE_WAIT_TIMESPEC, 0xc0304e97);
	pin_group("aggregate wait, published layout");
}

static void pin_aggregate_source(void)
{
	PIN_SIZE(struct ntsync_aggregate_source, 16);
	PIN_FIELD(struct ntsync_aggregate_source, type, 0, 4);
	PIN_FIELD(struct ntsync_aggregate_source, events, 4, 4);
	PIN_FIELD(struct ntsync_aggregate_source, fd, 8, 4);
	PIN_FIELD(struct ntsync_aggregate_source, __pad, 12, 4);
	PIN_VALUE(NTSYNC_AGG_OBJECT, 1);
	PIN_VALUE(NTSYNC_AGG_FD, 2);
	PIN_VALUE(NTSYNC_AGG_MAX, 64);
	PIN_VALUE(NTSYNC_AGG_FLAG_REALTIME, 0x1);
	PIN_VALUE(NTSYNC_AGG_FLAG_BOOTTIME, 0x80000000u);
	PIN_VALUE(NTSYNC_AGG_TIMEOUT, 0xffffffffu);
	pin_group("aggregate source");
}

static void pin_lend(void)
{
	PIN_SIZE(struct ntsync_lend_args, 8);
	PIN_FIELD(struct ntsync_lend_args, tid, 0, 4);
	PIN_FIELD(struct ntsync_lend_args, flags, 4, 4);
	PIN_VALUE(NTSYNC_IOC_LEND, 0x40084e9a);
	PIN_VALUE(NTSYNC_IOC_UNLEND, 0x00004e9b);
	PIN_VALUE(NTSYNC_LEND_LATER, 0x1);
	pin_group("loans");
}

static void pin_addr(void)
{
	PIN_SIZE(struct ntsync_addr_wait_args, 48);
	PIN_FIELD(struct ntsync_addr_wait_args, timeout, 0, 8);
	PIN_FIELD(struct ntsync_addr_wait_args, addr, 8, 8);
	PIN_FIELD(struct ntsync_addr_wait_args, expected, 16, 8);
	PIN_FIELD(struct ntsync_addr_wait_args, size, 24, 4);
	PIN_FIELD(struct ntsync_addr_wait_args, flags, 28, 4);
	PIN_FIELD(struct ntsync_addr_wait_args, owner, 32, 4);
	PIN_FIELD(struct ntsync_addr_wait_args, alert, 36, 4);
	PIN_FIELD(struct ntsync_addr_wait_args, index, 40, 4);
	PIN_FIELD(struct ntsync_addr_wait_args, __pad, 44, 4);
	PIN_VALUE(NTSYNC_IOC_ADDR_WAIT, 0xc0304e9c);
	PIN_VALUE(NTSYNC_ADDR_SHARED, 0x10);
	PIN_VALUE(NTSYNC_ADDR_TAKE_OVER, 0x20);
	PIN_SIZE(struct ntsync_addr_wake_args, 16);
	PIN_FIELD(struct ntsync_addr_wake_args, addr, 0, 8);
	PIN_FIELD(struct ntsync_addr_wake_args, count, 8, 4);
	PIN_FIELD(struct ntsync_addr_wake_args, flags, 12, 4);
	PIN_VALUE(NTSYNC_IOC_ADDR_WAKE, 0x40104e9d);
}

int main(void)
{
	pin_features();
	pin_sem();
	pin_mutex();
	pin_event();
	pin_wait();
	pin_channel_create();
	pin_channel_send();
	pin_channel_recv();
	pin_channel_threads();
	pin_aggregate();
	pin_aggregate_source();
	pin_lend();
	pin_addr();
	pin_end();
	return 0;
}
