/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ending the waits of one thread, or of all. */
#ifndef LIBNTSYNC_NT_STOP_H
#define LIBNTSYNC_NT_STOP_H

#include "thread.h"

bool nt_is_stopped(const struct ntsync_nt *nt);
/*
 * At the beginning of a wait: the status that refuses it, or SUCCESS and in @stops what
 * nt_stop_take() compares with. An interruption is taken by that.
 */
uint32_t nt_stop_refuse(struct nt_thread *thread, uint64_t *stops);
/* The same, and the interruption stays. */
uint32_t nt_stop_look(struct nt_thread *thread, uint64_t *stops);
/*
 * The status that a call returns which nt_stop_look() has refused. Takes the interruption. One that was
 * withdrawn since then came too late for that.
 */
uint32_t nt_stop_obey(struct nt_thread *thread, uint64_t stops, uint32_t status);
/*
 * An event of the thread has ended its wait: the status of a stop since nt_stop_refuse(), or of an
 * interruption, which is taken by that; SUCCESS if there is neither.
 */
uint32_t nt_stop_take(struct nt_thread *thread, uint64_t stops);

/* Ends the thread's present wait, or its next one: it finds the reason, or starts again. */
void nt_stop_wake_locked(struct nt_thread *thread);

#endif /* LIBNTSYNC_NT_STOP_H */
