/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIBNTSYNC_NT_WAIT_H
#define LIBNTSYNC_NT_WAIT_H

#include "nt.h"

/**
 * struct nt_wait - a wait in progress
 * @nt: the table.
 * @thread: who waits.
 * @count: how many objects it holds.
 * @all: it is for all of them.
 * @timers: some of them are timers.
 * @opts: for the driver.
 * @pins: what holds the objects, whatever becomes of their handles.
 * @fds: the same for the driver.
 */
struct nt_wait {
	struct ntsync_nt *nt;
	struct nt_thread *thread;
	uint32_t count;
	bool all;
	bool timers;
	struct ntsync_wait_opts opts;
	struct nt_pin pins[NTSYNC_MAX_WAIT_COUNT];
	int fds[NTSYNC_MAX_WAIT_COUNT];
};

/* A wait for nothing, yet. After an error there is nothing to end. */
uint32_t nt_wait_begin(struct nt_wait *wait, struct ntsync_nt *nt, bool alertable,
		       struct ntsync_nt_deadline deadline);
/* One object more. */
uint32_t nt_wait_add(struct nt_wait *wait, uint32_t handle);
/* All that can fail before anything has happened; and timers that are due are signaled. */
uint32_t nt_wait_prepare(struct nt_wait *wait);
/* The caller owns one of its mutants as often as possible. */
bool nt_wait_is_at_limit(const struct nt_wait *wait);
uint32_t nt_wait_run(struct nt_wait *wait);
/* The same, if the driver was called already: from its answer on. */
uint32_t nt_wait_go_on(const struct nt_wait *wait, int ret, uint32_t index);
/* Lets go of the objects. */
void nt_wait_end(struct nt_wait *wait);

#endif /* LIBNTSYNC_NT_WAIT_H */
