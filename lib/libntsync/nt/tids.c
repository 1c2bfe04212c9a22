// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * From an id to its thread. Alerts come this way, also to one of thousands of threads, so it is
 * a hash table. Those that have lost their id by ntsync_nt_thread_abandon() are under 0.
 */
#include "nt.h"

#include <stdlib.h>

#define FIRST_CHAINS 64

static struct nt_thread **chain_of(const struct ntsync_nt *nt, uint32_t tid)
{
	/* Knuth's multiplicative hash: ids are often multiples of 4. */
	return &nt->threads[(tid * 2654435769u) >> 16 & (nt->nr_thread_chains - 1)];
}

struct nt_thread *nt_thread_find_locked(struct ntsync_nt *nt, uint32_t tid)
{
	struct nt_thread *thread = *chain_of(nt, tid);

	while (thread && thread->tid != tid)
		thread = thread->next;
	return thread;
}

static void link_locked(struct ntsync_nt *nt, struct nt_thread *thread)
{
	struct nt_thread **chain = chain_of(nt, thread->tid);

	thread->next = *chain;
	*chain = thread;
}

struct nt_thread *nt_thread_next_locked(const struct ntsync_nt *nt, const struct nt_thread *thread)
{
	size_t chain = thread ? (size_t)(chain_of(nt, thread->tid) - nt->threads) + 1 : 0;

	if (thread && thread->next)
		return thread->next;
	while (chain < nt->nr_thread_chains && !nt->threads[chain])
		chain++;
	return chain < nt->nr_thread_chains ? nt->threads[chain] : NULL;
}

/* Up to 65536 chains. If there is no memory for more, they get longer. */
static void grow_locked(struct ntsync_nt *nt)
{
	size_t nr_old = nt->nr_thread_chains;
	struct nt_thread **old = nt->threads, **new;

	if (nt->nr_threads < nr_old || nr_old == 65536)
		return;
	new = calloc(2 * nr_old, sizeof(*new));
	if (!new)
		return;
	nt->threads = new;
	nt->nr_thread_chains = 2 * nr_old;
	for (size_t i = 0; i < nr_old; i++) {
		while (old[i]) {
			struct nt_thread *thread = old[i];

			old[i] = thread->next;
			link_locked(nt, thread);
		}
	}
	free(old);
}

void nt_thread_enlist_locked(struct ntsync_nt *nt, struct nt_thread *thread)
{
	grow_locked(nt);
	link_locked(nt, thread);
	nt->nr_threads++;
}

void nt_thread_unlist_locked(struct ntsync_nt *nt, struct nt_thread *thread)
{
	struct nt_thread **link = chain_of(nt, thread->tid);

	while (*link != thread)
		link = &(*link)->next;
	*link = thread->next;
	nt->nr_threads--;
}

int nt_tids_init(struct ntsync_nt *nt)
{
	nt->threads = calloc(FIRST_CHAINS, sizeof(struct nt_thread *));
	nt->nr_thread_chains = FIRST_CHAINS;
	return nt->threads ? 0 : -ENOMEM;
}

void nt_tids_exit(struct ntsync_nt *nt)
{
	free(nt->threads);
}
