/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A wait in steps: nt_wait_begin(), nt_wait_add() for each object, nt_wait_prepare(),
 * nt_wait_refuse(), nt_wait_run(), nt_wait_end().
 */
#ifndef LIBNTSYNC_NT_WAIT_H
#define LIBNTSYNC_NT_WAIT_H

#include "handle.h"
#include "thread.h"

/**
 * struct nt_polls - what makes a wait an aggregate wait, which may also be for channels
 * @sources: descriptors that it polls.
 * @count: how many.
 * @events: the events of the one that ended the wait.
 */
struct nt_polls {
	struct ntsync_aggregate_source sources[NTSYNC_AGG_MAX];
	uint32_t count;
	uint32_t events;
};

/**
 * struct nt_wait - a wait
 * @nt: the table.
 * @thread: the calling thread.
 * @count: how many objects there are.
 * @all: the wait is for all of them at once.
 * @alertable: an alert ends it.
 * @timers: some of them are timers.
 * @adopted: some of them were adopted: two of those may be the same.
 * @stops: for nt_stop_take().
 * @polls: NULL unless it is an aggregate wait. Set by the caller after nt_wait_begin().
 * @opts: the driver's options.
 * @pins: the objects, pinned: the wait goes on if their handles are closed.
 * @fds: their descriptors.
 */
struct nt_wait {
	struct ntsync_nt *nt;
	struct nt_thread *thread;
	uint32_t count;
	bool all;
	bool alertable;
	bool timers;
	bool adopted;
	uint64_t stops;
	struct nt_polls *polls;
	struct ntsync_wait_opts opts;
	struct nt_pin pins[NTSYNC_MAX_WAIT_COUNT];
	int fds[NTSYNC_MAX_WAIT_COUNT];
};

/* A wait without objects. nt_wait_end() is called only if this succeeds. */
uint32_t nt_wait_begin(struct nt_wait *wait, struct ntsync_nt *nt, bool alertable,
		       struct ntsync_nt_deadline deadline);
uint32_t nt_wait_add(struct nt_wait *wait, uint32_t handle);
/* Does what may fail, while nothing has happened yet, and signals overdue timers. */
uint32_t nt_wait_prepare(struct nt_wait *wait);
/* The status of a stop or an interruption that refuses the wait, or SUCCESS. */
uint32_t nt_wait_refuse(struct nt_wait *wait);
/* Whether the caller owns one of the mutants as often as it may. */
bool nt_wait_is_at_limit(const struct nt_wait *wait);
/* The status; WAIT_0 + &nt_wait.count + i for descriptor i of &nt_wait.polls. */
uint32_t nt_wait_run(const struct nt_wait *wait);
/* nt_wait_run() after the driver was called once and answered @ret and @index. */
uint32_t nt_wait_resume(const struct nt_wait *wait, int ret, uint32_t index);
/* Unpins the objects. */
void nt_wait_end(struct nt_wait *wait);

#endif /* LIBNTSYNC_NT_WAIT_H */
