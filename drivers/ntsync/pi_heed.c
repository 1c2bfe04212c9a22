// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the arbiter has to hear of an active mutex: called under obj->lock where waiters
 * come and go and where the owner changes. Most of that changes nothing for anybody, above
 * all where tasks of one priority hand a mutex round, and then pi_lock is not taken.
 *
 * Not quiet, somebody inherits: another owner is news, and so is another best waiter.
 * Quiet, nobody does: a waiter is news who is better than the owner's base, and so is an
 * owner whose base is worse than the best waiter.
 *
 * What a task inherits that is no better than its base matters in one case: if it sends a
 * request, that inherits it (pi_channel.c). So nothing is quiet for who sends:
 *
 *   a task that begins to send		somebody who waits for its mutex
 *
 *   senders++				owned++, with obj->lock
 *   <full barrier>			<full barrier>
 *   owned? then it is looked at	senders? then it gets a record
 *
 * It is enough to compare with what the arbiter has seen, although it may not have done yet
 * what follows from that: whoever was news waits for it (ntsync_pi_catch_up()), and who goes
 * to sleep without having been news looks whether somebody is at work (ntsync_pi_block()).
 */
#include <linux/hash.h>
#include <linux/jhash.h>
#include <linux/rcupdate.h>

#include "pi.h"

/* By a hash of the task, so some more than it has. */
#define BITS	7

/* How many active mutexes it owns, or owned last. */
static atomic_t owned[1 << BITS];

/* In how many sends it is. */
static atomic_t senders[1 << BITS];

static atomic_t *of(atomic_t *table, const struct task_struct *p)
{
	return &table[hash_ptr(p, BITS)];
}

/*
 * How many active mutexes have that owner id, of which it is a guess who that is. By another hash
 * than owner.c's: whoever has to be learnt again and again shares a place there.
 */
static atomic_t guessed[1 << BITS];

static atomic_t *guessed_of(u32 owner)
{
	return &guessed[jhash_1word(owner, 0) % ARRAY_SIZE(guessed)];
}

/* For which id mutex @m counts there, or 0; obj->lock. A full barrier if that is another one. */
void ntsync_pi_count_guess_locked(struct ntsync_pi_mutex *m, u32 owner)
{
	if (likely(m->guessed == owner))
		return;
	if (m->guessed)
		atomic_dec(guessed_of(m->guessed));
	m->guessed = owner;
	if (owner)
		atomic_inc_return(guessed_of(owner));
}

/* For whom it counts in owned[], likewise. */
void ntsync_pi_count_owner_locked(struct ntsync_pi_mutex *m, const struct task_struct *owner)
{
	if (m->counted == owner)
		return;
	if (m->counted)
		atomic_dec(of(owned, m->counted));
	WRITE_ONCE(m->counted, owner);
	if (owner)
		atomic_inc_return(of(owned, owner));
}

bool ntsync_pi_may_be_guessed(u32 owner)
{
	return atomic_read(guessed_of(owner));
}

bool ntsync_pi_is_sending(const struct task_struct *p)
{
	return atomic_read(of(senders, p));
}

/* By current. True if it owns what may be worth something to its request only. */
bool ntsync_pi_count_sender(void)
{
	atomic_inc_return(of(senders, current));
	return atomic_read(of(owned, current));
}

void ntsync_pi_end_send(void)
{
	atomic_dec(of(senders, current));
}

/* What a waiter must be better than for a quiet mutex of @owner to be looked at. */
static int enough_for(const struct task_struct *owner)
{
	return ntsync_pi_is_sending(owner) ? NTSYNC_UNKNOWN_LEVEL :
					     ntsync_pi_peek_base_level(owner);
}

static bool counts(const struct ntsync_obj *obj, const struct ntsync_wait_entry *e,
		   const struct task_struct *owner)
{
	return e->wait->taker.task != owner && e->wait->taker.owner != obj->mutex.owner;
}

/* How many who don't count are passed over; nobody shares an id with so many. */
#define MAX_OWN	16

/*
 * The best level among those whom the mutex keeps waiting: nobody inherits from himself, nor
 * from a task that has the same owner id and gets it all the same. Of too many of the latter
 * the owner does inherit: the lock is not held while all are looked at.
 */

/* Among those in the any-queue; obj->lock. */
int ntsync_pi_any_level_locked(const struct ntsync_obj *obj, const struct task_struct *owner)
{
	struct ntsync_waitq_node *n;
	unsigned int own = 0;

	for (n = ntsync_waitq_first(&obj->any); n; n = ntsync_waitq_next(n)) {
		int level = ntsync_waitq_level(n);

		if (level == MAX_RT_PRIO)
			break;
		if (counts(obj, container_of(n, struct ntsync_wait_entry, node), owner) ||
		    ++own > MAX_OWN)
			return level;
	}
	return MAX_RT_PRIO;
}

/* Among the wait-alls; obj->lock and pi_lock. */
int ntsync_pi_all_level_locked(const struct ntsync_pi_mutex *m, const struct task_struct *owner)
{
	struct rb_node *n;
	unsigned int own = 0;

	for (n = rb_first_cached(&m->alls); n; n = rb_next(n)) {
		const struct ntsync_wait_entry *e = rb_entry(n, struct ntsync_wait_entry, pi);

		if (counts(m->obj, e, owner) || ++own > MAX_OWN)
			return e->wait->level;
	}
	return MAX_RT_PRIO;
}

static bool owner_is_news(const struct ntsync_obj *obj, const struct task_struct *owner)
{
	struct ntsync_pi_mutex *m = obj->mutex.pi;
	int level;

	if (owner) {
		ntsync_pi_count_guess_locked(m, 0);
		ntsync_pi_count_owner_locked(m, owner);
	}
	if (!m->quiet)
		return owner != m->seen_owner;
	level = ntsync_pi_any_level_locked(obj, owner);
	return level < MAX_RT_PRIO && level < enough_for(owner);
}

void ntsync_pi_heed_owner(struct ntsync_obj *obj, const struct task_struct *owner)
{
	ntsync_assert_obj_lock(obj);
	if (owner_is_news(obj, owner))
		ntsync_pi_changed_locked(&obj->mutex.pi->news);
}

/* Somebody is before @e who counts: then nothing depends on @e. */
static bool is_second(const struct ntsync_wait_entry *e)
{
	const struct ntsync_obj *obj = e->obj;
	const struct ntsync_wait_entry *first = ntsync_obj_first_any(obj);

	return first != e && !obj->mutex.guessed && counts(obj, first, obj->mutex.task_id.task);
}

/* The owner may have been given another base since the arbiter has looked. */
static bool is_better_than_owner(const struct ntsync_wait_entry *e)
{
	const struct task_struct *owner;

	guard(rcu)();
	owner = ntsync_owner_find_locked(e->obj, NULL);
	return owner && counts(e->obj, e, owner) &&
	       ntsync_waitq_level(&e->node) < enough_for(owner);
}

static bool waiter_is_news(const struct ntsync_wait_entry *e)
{
	const struct ntsync_pi_mutex *m = e->obj->mutex.pi;

	if (is_second(e))
		return false;
	if (m->quiet)
		return is_better_than_owner(e);
	return counts(e->obj, e, m->seen_owner) && ntsync_waitq_level(&e->node) < m->seen_level;
}

void ntsync_pi_heed_waiter(struct ntsync_wait_entry *e)
{
	struct ntsync_pi_mutex *m = e->obj->mutex.pi;

	ntsync_assert_obj_lock(e->obj);
	if (!m)
		e->wait->unheeded = true;
	else if (waiter_is_news(e))
		ntsync_pi_changed_locked(&m->news);
}

void ntsync_pi_heed_leaver(struct ntsync_obj *obj)
{
	struct ntsync_pi_mutex *m = obj->mutex.pi;

	ntsync_assert_obj_lock(obj);
	if (!m->quiet && ntsync_pi_any_level_locked(obj, m->seen_owner) != m->seen_level)
		ntsync_pi_changed_locked(&m->news);
}
