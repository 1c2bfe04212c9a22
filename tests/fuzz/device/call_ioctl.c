// SPDX-License-Identifier: GPL-2.0-only
/* The calls of the driver. */
#include "call.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>

static long do_ioctl(struct call_context *c, unsigned int cmd, const void *args, size_t size)
{
	return result_of(ioctl(call_fd(c), cmd, place(c, args, size)));
}

static long do_create(struct call_context *c, unsigned int cmd, const void *args, size_t size)
{
	return store_fd(c, c->call->result, do_ioctl(c, cmd, args, size));
}

long run_open(struct call_context *c)
{
	return store_fd(c, c->call->result, result_of(open("/dev/ntsync", O_RDWR | O_CLOEXEC)));
}

long run_query(struct call_context *c)
{
	struct ntsync_features_args args = {};

	return do_ioctl(c, NTSYNC_IOC_QUERY_FEATURES, &args, sizeof(args));
}

/* ---- objects ---- */

long run_create_sem(struct call_context *c)
{
	struct ntsync_sem_args args = { .count = arg(c, "count"), .max = arg(c, "max") };

	return do_create(c, NTSYNC_IOC_CREATE_SEM, &args, sizeof(args));
}

long run_create_mutex(struct call_context *c)
{
	struct ntsync_mutex_args args = { .owner = arg(c, "owner"), .count = arg(c, "count") };

	return do_create(c, NTSYNC_IOC_CREATE_MUTEX, &args, sizeof(args));
}

long run_create_event(struct call_context *c)
{
	struct ntsync_event_args args = { .manual = arg(c, "manual"), .signaled = arg(c, "signaled") };

	return do_create(c, NTSYNC_IOC_CREATE_EVENT, &args, sizeof(args));
}

long run_create_channel(struct call_context *c)
{
	struct ntsync_channel_create_args args = { .max_depth = arg(c, "depth") };

	return do_create(c, NTSYNC_IOC_CREATE_CHANNEL, &args, sizeof(args));
}

static long run_word(struct call_context *c, unsigned int cmd, uint32_t word)
{
	return do_ioctl(c, cmd, &word, sizeof(word));
}

static long run_pair(struct call_context *c, unsigned int cmd, uint32_t first)
{
	uint32_t pair[2] = { first };

	return do_ioctl(c, cmd, pair, sizeof(pair));
}

long run_sem_release(struct call_context *c)
{
	return run_word(c, NTSYNC_IOC_SEM_RELEASE, arg(c, "count"));
}

long run_sem_read(struct call_context *c)
{
	return run_pair(c, NTSYNC_IOC_SEM_READ, 0);
}

long run_mutex_unlock(struct call_context *c)
{
	return run_pair(c, NTSYNC_IOC_MUTEX_UNLOCK, arg(c, "owner"));
}

long run_mutex_kill(struct call_context *c)
{
	return run_word(c, NTSYNC_IOC_MUTEX_KILL, arg(c, "owner"));
}

long run_mutex_read(struct call_context *c)
{
	return run_pair(c, NTSYNC_IOC_MUTEX_READ, 0);
}

long run_event_set(struct call_context *c)
{
	return run_word(c, NTSYNC_IOC_EVENT_SET, 0);
}

long run_event_reset(struct call_context *c)
{
	return run_word(c, NTSYNC_IOC_EVENT_RESET, 0);
}

long run_event_pulse(struct call_context *c)
{
	return run_word(c, NTSYNC_IOC_EVENT_PULSE, 0);
}

long run_event_read(struct call_context *c)
{
	return run_pair(c, NTSYNC_IOC_EVENT_READ, 0);
}

long run_event_set_pi(struct call_context *c)
{
	struct ntsync_event_set_pi_args args = {
		.flags = arg(c, "flags"),
		.policy = arg(c, "policy"),
		.prio = prio_arg(c),
	};

	return do_ioctl(c, NTSYNC_IOC_EVENT_SET_PI, &args, sizeof(args));
}

/* ---- waits ---- */

static long run_wait(struct call_context *c, unsigned int cmd)
{
	uint32_t objs[MAX_LIST], flags = arg(c, "flags"), count = arg(c, "count");
	struct ntsync_wait_args args = {
		.timeout = deadline_of(arg(c, "timeout"), flags),
		.objs = arg(c, "badobjs") ? 1 : (uintptr_t)objs,
		.count = count ? count : c->call->nr_list,
		.flags = flags,
		.owner = arg(c, "owner"),
		.alert = slot_fd(c, arg(c, "alert")),
		.uring_fd = slot_fd(c, arg(c, "uring")),
	};

	for (unsigned int i = 0; i < c->call->nr_list; i++)
		objs[i] = slot_fd(c, c->call->list[i].slot);
	return do_ioctl(c, cmd, &args, sizeof(args));
}

long run_wait_any(struct call_context *c)
{
	return run_wait(c, NTSYNC_IOC_WAIT_ANY);
}

long run_wait_all(struct call_context *c)
{
	return run_wait(c, NTSYNC_IOC_WAIT_ALL);
}

long run_signal_and_wait(struct call_context *c)
{
	uint32_t flags = arg(c, "flags");
	struct ntsync_signal_and_wait_args args = {
		.timeout = deadline_of(arg(c, "timeout"), flags),
		.signal = slot_fd(c, arg(c, "signal")),
		.wait = slot_fd(c, arg(c, "wait")),
		.flags = flags,
		.owner = arg(c, "owner"),
		.alert = slot_fd(c, arg(c, "alert")),
	};

	return do_ioctl(c, NTSYNC_IOC_SIGNAL_AND_WAIT, &args, sizeof(args));
}

static void fill_sources(struct call_context *c, struct ntsync_aggregate_source *sources, uint32_t pad)
{
	for (unsigned int i = 0; i < c->call->nr_list; i++) {
		const struct item *item = &c->call->list[i];

		sources[i] = (struct ntsync_aggregate_source){
			.type = item->type,
			.events = item->events,
			.fd = slot_fd(c, item->slot),
			.__pad = pad,
		};
	}
}

long run_aggregate(struct call_context *c)
{
	struct ntsync_aggregate_source sources[MAX_LIST];
	uint32_t flags = arg(c, "flags");
	struct ntsync_aggregate_wait_args args = {
		.timeout = deadline_of(arg(c, "timeout"), flags),
		.sources = arg(c, "badobjs") ? 1 : (uintptr_t)sources,
		.nb_sources = c->call->nr_list,
		.flags = flags,
		.owner = arg(c, "owner"),
		.__pad = arg(c, "pad"),
	};

	fill_sources(c, sources, arg(c, "srcpad"));
	return do_ioctl(c, NTSYNC_IOC_AGGREGATE_WAIT, &args, sizeof(args));
}

long run_aggregate_timespec(struct call_context *c)
{
	struct ntsync_aggregate_source sources[MAX_LIST];
	uint32_t flags = arg(c, "flags");
	uint64_t deadline = deadline_of(arg(c, "timeout"), flags);
	struct ntsync_aggregate_wait_timespec_args args = {
		.nb_sources = c->call->nr_list,
		.reserved = arg(c, "pad"),
		.sources = arg(c, "badobjs") ? 1 : (uintptr_t)sources,
		.flags = flags,
		.owner = arg(c, "owner"),
		.deadline.tv_nsec = arg(c, "nsec"),
	};

	if (deadline > INT64_MAX && deadline != UINT64_MAX) {
		args.deadline.tv_sec = -1;
	} else if (deadline <= INT64_MAX) {
		args.deadline.tv_sec = deadline / 1000000000;
		args.deadline.tv_nsec += deadline % 1000000000;
		/* 0 is a deadline in the past here, and none there. */
		if (!deadline && !args.deadline.tv_nsec)
			args.deadline.tv_nsec = 1;
	}
	fill_sources(c, sources, 0);
	return do_ioctl(c, NTSYNC_IOC_AGGREGATE_WAIT_TIMESPEC, &args, sizeof(args));
}

/* ---- channels ---- */

long run_send(struct call_context *c)
{
	struct ntsync_channel_send_args args = {
		.policy = arg(c, "policy"),
		.prio = prio_arg(c),
		.payload_off = 1,
		.reply_off = 2,
	};

	return do_ioctl(c, NTSYNC_IOC_CHANNEL_SEND_PI, &args, sizeof(args));
}

static long receive(struct call_context *c, unsigned int cmd, size_t size)
{
	struct ntsync_channel_recv2_args args = {}, result;
	long ret = do_ioctl(c, cmd, &args, size);

	if (!ret) {
		memcpy(&result, placed(c), sizeof(result));
		atomic_store(&shared->last_id, result.entry_id);
	}
	return ret;
}

long run_recv(struct call_context *c)
{
	return receive(c, NTSYNC_IOC_CHANNEL_RECV, sizeof(struct ntsync_channel_recv_args));
}

long run_recv2(struct call_context *c)
{
	return receive(c, NTSYNC_IOC_CHANNEL_RECV2, sizeof(struct ntsync_channel_recv2_args));
}

long run_try_recv2(struct call_context *c)
{
	return receive(c, NTSYNC_IOC_CHANNEL_TRY_RECV2, sizeof(struct ntsync_channel_recv2_args));
}

/* 0: what was received last, by whomever. */
long run_reply(struct call_context *c)
{
	uint64_t id = arg(c, "id");

	if (!id)
		id = atomic_load(&shared->last_id);
	return do_ioctl(c, NTSYNC_IOC_CHANNEL_REPLY, &id, sizeof(id));
}

long run_register(struct call_context *c)
{
	struct ntsync_channel_register_thread_args args = {
		.tid = target_tid(c, arg(c, "tid")),
		.token = arg(c, "token"),
	};

	return do_ioctl(c, NTSYNC_IOC_CHANNEL_REGISTER_THREAD, &args, sizeof(args));
}

long run_deregister(struct call_context *c)
{
	return run_word(c, NTSYNC_IOC_CHANNEL_DEREGISTER_THREAD, target_tid(c, arg(c, "tid")));
}

/* ---- loans and addresses ---- */

long run_lend(struct call_context *c)
{
	struct ntsync_lend_args args = {
		.tid = target_tid(c, arg(c, "tid")),
		.flags = arg(c, "flags"),
	};

	return do_ioctl(c, NTSYNC_IOC_LEND, &args, sizeof(args));
}

long run_unlend(struct call_context *c)
{
	return result_of(ioctl(call_fd(c), NTSYNC_IOC_UNLEND));
}

long run_addr_wait(struct call_context *c)
{
	uint32_t flags = arg(c, "flags");
	struct ntsync_addr_wait_args args = {
		.timeout = deadline_of(arg(c, "timeout"), flags),
		.addr = (uintptr_t)address_of(arg(c, "addr")),
		.expected = arg(c, "expected"),
		.size = arg(c, "size"),
		.flags = flags,
		.owner = target_tid(c, arg(c, "owner")),
		.alert = slot_fd(c, arg(c, "alert")),
		.__pad = arg(c, "pad"),
	};

	return do_ioctl(c, NTSYNC_IOC_ADDR_WAIT, &args, sizeof(args));
}

long run_addr_wake(struct call_context *c)
{
	struct ntsync_addr_wake_args args = {
		.addr = (uintptr_t)address_of(arg(c, "addr")),
		.count = arg(c, "count"),
		.flags = arg(c, "flags"),
	};

	return do_ioctl(c, NTSYNC_IOC_ADDR_WAKE, &args, sizeof(args));
}

/* Any number, with a struct of zeros. */
long run_raw(struct call_context *c)
{
	char zeros[64] = "";

	return do_ioctl(c, arg(c, "nr"), zeros, sizeof(zeros));
}
