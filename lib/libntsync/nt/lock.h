/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Locks and memory for a thread that the runtime may suspend by a signal or cancel at any
 * point: a thread that stopped while it holds a lock, or the allocator's, would stop all others.
 */
#ifndef LIBNTSYNC_NT_LOCK_H
#define LIBNTSYNC_NT_LOCK_H

#include <pthread.h>
#include <signal.h>
#include <stddef.h>

/**
 * struct nt_saved - what nt_block() changed in the calling thread
 * @signals: its signal mask before.
 * @cancel_state: whether it could be cancelled before.
 */
struct nt_saved {
	sigset_t signals;
	int cancel_state;
};

/**
 * struct nt_lock - a lock for infrequent operations
 * @mutex: has priority inheritance. Held with all signals and cancellation blocked.
 */
struct nt_lock {
	pthread_mutex_t mutex;
};

int nt_lock_init(struct nt_lock *lock);
void nt_lock_exit(struct nt_lock *lock);
void nt_lock(struct nt_lock *lock, struct nt_saved *saved);
void nt_unlock(struct nt_lock *lock, const struct nt_saved *saved);

/* Until nt_unblock() the calling thread runs no signal handler and cannot be cancelled. */
void nt_block(struct nt_saved *saved);
void nt_unblock(const struct nt_saved *saved);

/* realloc() between nt_block() and nt_unblock(). A @size of 0 frees @memory. */
void *nt_realloc(void *memory, size_t size);

/* A full memory barrier. Not inline: compilers warn of it there with ThreadSanitizer. */
void nt_barrier(void);

#endif /* LIBNTSYNC_NT_LOCK_H */
