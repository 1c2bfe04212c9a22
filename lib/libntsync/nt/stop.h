/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ending the waits of one thread, or of all. */
#ifndef LIBNTSYNC_NT_STOP_H
#define LIBNTSYNC_NT_STOP_H

#include "thread.h"

bool nt_is_stopped(const struct ntsync_nt *nt);
/*
 * At the beginning of a wait: the status that refuses it, or SUCCESS and in @stops what
 * nt_stop_take() compares with.
 */
uint32_t nt_stop_refuse(struct nt_thread *thread, uint64_t *stops);
/*
 * An event of the thread has ended its wait: the status of a stop since nt_stop_refuse(), or of an
 * interruption, which is taken by that; SUCCESS if there is neither.
 */
uint32_t nt_stop_take(struct nt_thread *thread, uint64_t stops);

/* Ends the thread's present wait, or its next one: it finds the reason, or starts again. */
void nt_stop_wake_locked(struct nt_thread *thread);

#endif /* LIBNTSYNC_NT_STOP_H */
