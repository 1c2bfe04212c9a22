/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keys, and the waiters in their queues. For the files of this folder only. A wake-up is pending if
 * an ADDR_WAKE has counted a waiter and has not claimed it yet; wake.c explains that.
 */
#ifndef NTSYNC_ADDR_KEY_H
#define NTSYNC_ADDR_KEY_H

#include <linux/rbtree.h>
#include <linux/types.h>

#include "addr.h"
#include "core/space.h"
#include "core/wait.h"
#include "pi/contrib.h"
#include "pi/source.h"

/* No user: nobody has named an owner, or a waiter names none. */
#define NTSYNC_NO_USER	U64_MAX

/**
 * struct ntsync_key - what is kept for a place while tasks wait there
 * @rb: in bucket->keys
 * @address: of the place
 * @queue: the waiters that are not in @older
 * @older: the waiters that were queued when an ADDR_WAKE of more than one batch began; see wake.c.
 *	The first @nr_pending_wakes of them are still to be woken. The others stay here until
 *	join_queues(), which may swap the two queues
 * @nr_pending_wakes: see @older
 * @user: only waiters of this user name owners and contribute. It is the effective uid of the first
 *	waiter that has named an owner, and one bit: that waiter needed CAP_SYS_NICE for it. Or
 *	NTSYNC_NO_USER
 * @rt_waiters: waiters of both queues that contribute to the owner, by pi_rank
 * @owner: record of the task that inherits, counted; NULL: nobody does
 * @contrib: to @owner
 *
 * The members after @user are not initialised while @user is NTSYNC_NO_USER. Most keys never have
 * an owner.
 *
 * It is embedded in one of its waiters, the carrier, and moves to another one when the carrier
 * leaves. So nothing points to it but the tree of the bucket and that of the owner's contributions.
 * bucket->lock protects it.
 */
struct ntsync_key {
	struct rb_node rb;
	u64 address;
	struct ntsync_waitq queue;
	struct ntsync_waitq older;
	u32 nr_pending_wakes;
	u64 user;
	struct rb_root_cached rt_waiters;
	struct ntsync_task *owner;
	struct ntsync_contrib contrib;
};

/**
 * struct ntsync_addr_waiter - a blocked ADDR_WAIT; on the sleeper's stack
 * @wait: the blocked call; its only entry is the alert
 * @node: in a queue of the key
 * @arrival: its arrival in the bucket; 0 until it is queued, unless a ticket has kept one
 * @pi: in key->rt_waiters
 * @pi_rank: the key in that tree, see ntsync_contrib_rank()
 * @boosted_self: it has taken on a priority to name the owner; see find_prio_to_take_on()
 * @take_over: see &struct ntsync_addr_req
 * @uid: current's effective uid
 * @user: as that of a key
 * @address: the address
 * @bucket: the bucket
 * @space: the bucket's space; current's record has a reference while current is in the call
 * @key: in use if @key.rb is in the bucket's tree
 */
struct ntsync_addr_waiter {
	struct ntsync_wait wait;
	struct ntsync_waitq_node node;
	u64 arrival;
	struct rb_node pi;
	u32 pi_rank;
	bool boosted_self;
	bool take_over;
	uid_t uid;
	u64 user;
	u64 address;
	struct ntsync_bucket *bucket;
	struct ntsync_space *space;
	struct ntsync_key key;
};

extern const struct ntsync_addr_wait_ops ntsync_addr_ops;

struct ntsync_key *ntsync_key_find_locked(struct ntsync_bucket *b, u64 address);
struct ntsync_key *ntsync_key_insert_locked(struct ntsync_addr_waiter *aw);
void ntsync_key_queue_locked(struct ntsync_key *key, struct ntsync_addr_waiter *aw);
bool ntsync_key_is_older_locked(const struct ntsync_key *key, const struct ntsync_addr_waiter *aw);
void ntsync_key_dequeue_locked(struct ntsync_key *key, struct ntsync_addr_waiter *aw);
void ntsync_key_requeue_locked(struct ntsync_key *key, struct ntsync_addr_waiter *aw, int prio);
void ntsync_key_set_user_locked(struct ntsync_key *key, u64 user);
void ntsync_key_set_owner_locked(struct ntsync_key *key, struct ntsync_task *owner);
void ntsync_key_remove_locked(struct ntsync_key *key, struct ntsync_bucket *b);
bool ntsync_key_update_locked(struct ntsync_key *key, struct ntsync_bucket *b,
			      struct ntsync_todo *todo);
int ntsync_key_prio_to_take_on_locked(const struct ntsync_key *key,
				      const struct ntsync_task *self_record);

static inline struct ntsync_addr_waiter *ntsync_node_to_waiter(struct ntsync_waitq_node *n)
{
	return container_of(n, struct ntsync_addr_waiter, node);
}

/* The users of keys: see &struct ntsync_key. */
static inline u64 ntsync_make_user(uid_t uid, bool by_cap)
{
	return (u64)uid << 1 | by_cap;
}

static inline uid_t ntsync_user_to_uid(u64 user)
{
	return user >> 1;
}

static inline bool ntsync_user_by_cap(u64 user)
{
	return user & 1;
}

/* Has anybody named an owner? */
static inline bool ntsync_key_has_user(const struct ntsync_key *key)
{
	return key->user != NTSYNC_NO_USER;
}

/* ---- what a record remembers of spaces: the last one of each kind ---- */

static inline struct ntsync_space **ntsync_space_slot(struct ntsync_task *t,
						      const struct ntsync_place *place)
{
	return &t->spaces[place->file ? 1 : 0];
}

static inline bool ntsync_has_space(struct ntsync_task *t, const struct ntsync_place *place)
{
	const struct ntsync_space *s = *ntsync_space_slot(t, place);

	return s && s->id == place->id;
}

/* Consumes the reference to @s. */
static inline void ntsync_remember_space(struct ntsync_task *t, const struct ntsync_place *place,
					 struct ntsync_space *s)
{
	struct ntsync_space **slot = ntsync_space_slot(t, place);

	ntsync_space_put(*slot);
	*slot = s;
}

/* How many waiters are woken at a time; for the reason given at NTSYNC_WAKE_BATCH. */
#define NTSYNC_ADDR_BATCH	8

/**
 * struct ntsync_wake_batch - waiters that are claimed in one critical section and woken after it
 * @nr: how many
 * @namer: the user for which current has named an owner of the key; NTSYNC_NO_USER: none
 * @foreign: the chains behind the records in @todo are those of another user, who may have made
 *	them long: a worker walks them
 * @waiters: valid until bucket->lock is released or waker_done is set
 * @tasks: their tasks, counted
 * @todo: records whose contributions have changed
 *
 * Declare it __uninitialized.
 */
struct ntsync_wake_batch {
	unsigned int nr;
	u64 namer;
	bool foreign;
	struct ntsync_addr_waiter *waiters[NTSYNC_ADDR_BATCH];
	struct task_struct *tasks[NTSYNC_ADDR_BATCH];
	struct ntsync_todo todo;
};

static inline void ntsync_wake_batch_init(struct ntsync_wake_batch *b)
{
	b->nr = 0;
	b->namer = NTSYNC_NO_USER;
	b->foreign = false;
	b->todo.nr = 0;
}

void ntsync_addr_leave_slow(struct ntsync_addr_waiter *aw);
void ntsync_addr_drain_batch(struct ntsync_key *key, struct ntsync_bucket *bucket,
			     struct ntsync_todo *changed);

/*
 * The sleep of a waiter is over. If it sees waker_done, a waker has taken it out of the queue and
 * does not access it any more.
 */
static inline void ntsync_addr_leave(struct ntsync_addr_waiter *aw)
{
	if (unlikely(!smp_load_acquire(&aw->wait.waker_done))) /* (Z), pairs with (Y) in wake.c */
		ntsync_addr_leave_slow(aw);
}

#endif
