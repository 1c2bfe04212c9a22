// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a task to the wait that it sleeps in, for the arbiter: whoever gets a boost
 * while it waits passes it on to those it waits for.
 *
 * Every wait that blocks is registered here, and nearly none is ever looked up, so
 * registering takes no lock and no memory: one compare-and-exchange into a table
 * with open addressing. The rest of the work is with those who look:
 *
 *	key		meaning
 *	0		free
 *	BUSY		being filled in
 *	task		that task sleeps in ->wait
 *	task | PINNED	the arbiter is looking; only under pi_lock
 *
 * A sleeper that finds itself pinned when it wants to leave takes pi_lock, and is
 * not pinned any more when it has it.
 *
 *   sleeper (blocks)			arbiter (boosts it)
 *
 *   level = my priority		sched_setattr_nocheck(sleeper)
 *   queues itself with level		<full barrier>
 *   registers (full barrier)		looks it up
 *   my priority still level?
 *
 * One of the two sees the other: either the arbiter finds the wait and moves it, or
 * the sleeper sees its new priority and goes to the arbiter (ntsync_pi_block()).
 */
#include <linux/hash.h>
#include <linux/list.h>

#include "lock.h"
#include "ntsync_internal.h"

#define BITS	12
#define PROBES	16
#define BUSY	2UL
#define PINNED	1UL

struct ntsync_sleeper {
	atomic_long_t key;
	struct ntsync_wait *wait;
};

static struct ntsync_sleeper table[1 << BITS];

/* Who found no place; thousands must be asleep for that. Protected by pi_lock. */
static LIST_HEAD(overflow);

static struct ntsync_sleeper *probe(const struct task_struct *p, unsigned int i)
{
	return &table[(hash_ptr(p, BITS) + i) % ARRAY_SIZE(table)];
}

/* A full barrier in any case. */
void ntsync_sleeper_register(struct ntsync_wait *w)
{
	struct task_struct *p = w->taker.task;
	unsigned int i;

	for (i = 0; i < PROBES; i++) {
		struct ntsync_sleeper *s = probe(p, i);

		if (atomic_long_read(&s->key) || atomic_long_cmpxchg(&s->key, 0, BUSY))
			continue;
		s->wait = w;
		w->slot = s;
		/* After this anybody may find us, and whoever does not is seen by us. */
		atomic_long_set_release(&s->key, (long)p);
		/* Pairs with the one in ntsync_sleeper_pin_locked(). */
		smp_mb();
		return;
	}

	ntsync_pi_lock();
	w->overflow = true;
	list_add(&w->overflow_link, &overflow);
	ntsync_pi_unlock();
	/* Likewise. */
	smp_mb();
}

/* True if it is done; else ntsync_sleeper_unregister_locked() has to do it. */
bool ntsync_sleeper_try_unregister(struct ntsync_wait *w)
{
	long key = (long)w->taker.task;

	return w->slot && atomic_long_try_cmpxchg(&w->slot->key, &key, 0);
}

void ntsync_sleeper_unregister_locked(struct ntsync_wait *w)
{
	if (w->overflow)
		list_del(&w->overflow_link);
	else
		atomic_long_set(&w->slot->key, 0);
}

/* The wait that @p sleeps in, if any; it stays until it is unpinned. */
struct ntsync_wait *ntsync_sleeper_pin_locked(struct task_struct *p)
{
	struct ntsync_wait *w;
	unsigned int i;

	/* After its priority was changed; pairs with the one that registering ends with. */
	smp_mb();
	for (i = 0; i < PROBES; i++) {
		struct ntsync_sleeper *s = probe(p, i);
		long key = (long)p;

		/* Most are not there, and then no line has to be ours. */
		if (atomic_long_read(&s->key) == key &&
		    atomic_long_try_cmpxchg(&s->key, &key, (long)p | PINNED))
			return s->wait;
	}
	list_for_each_entry(w, &overflow, overflow_link) {
		if (w->taker.task == p)
			return w;
	}
	return NULL;
}

void ntsync_sleeper_unpin_locked(struct ntsync_wait *w)
{
	if (!w->overflow)
		atomic_long_set_release(&w->slot->key, (long)w->taker.task);
}
