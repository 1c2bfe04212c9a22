// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keys. A place on which tasks wait has a key. The sleeping tasks are in its queues. Its
 * contribution passes their priority on to the key's owner.
 *
 * Nothing is allocated for a key. The first waiter of a place brings one, on its stack, and
 * carries it. When the carrier leaves, the key moves to the next waiter in the same critical
 * section of bucket->lock. That is constant work, as no waiter has a pointer to the key: each finds
 * it by its address. So does a chain walk:
 *
 *   walk					waiter, or its waker
 *
 *   lock(t) t->wait? gets the space unlock(t)
 *   lock(bucket)				lock(bucket)
 *   lock(t) still in that wait?		takes the waiter out, moves the key
 *     requeues the waiter unlock(t)		unlock(bucket)
 *   finds the key by the address		lock(t) t->wait = NULL unlock(t)
 *   unlock(bucket)				[the stack is used again]
 */
#include <linux/sched/rt.h>

#include "key.h"

/* ---- the tree of a bucket ---- */

static struct ntsync_key *node_to_key(const struct rb_node *node)
{
	return rb_entry(node, struct ntsync_key, rb);
}

static int compare_address(const void *address, const struct rb_node *node)
{
	u64 a = *(const u64 *)address, b = node_to_key(node)->address;

	return a < b ? -1 : a > b;
}

static int compare_keys(struct rb_node *node, const struct rb_node *other)
{
	return compare_address(&node_to_key(node)->address, other);
}

/* The key of an address, or NULL: nobody waits there. */
struct ntsync_key *ntsync_key_find_locked(struct ntsync_bucket *b, u64 address)
{
	lockdep_assert_held(&b->lock);
	return rb_entry_safe(rb_find(&address, &b->keys, compare_address), struct ntsync_key, rb);
}

/* Returns the key of the waiter's address. For the first waiter there it inserts &aw->key. */
struct ntsync_key *ntsync_key_insert_locked(struct ntsync_addr_waiter *aw)
{
	struct ntsync_key *key = &aw->key;
	struct rb_node *found;

	lockdep_assert_held(&aw->bucket->lock);
	key->address = aw->address;
	found = rb_find_add(&key->rb, &aw->bucket->keys, compare_keys);
	if (found)
		return node_to_key(found);
	ntsync_waitq_init(&key->queue);
	ntsync_waitq_init(&key->older);
	key->nr_pending_wakes = 0;
	key->user = NTSYNC_NO_USER;
	return key;
}

/* ---- the queues ---- */

static bool contains(const struct ntsync_waitq *q, const struct ntsync_waitq_node *n)
{
	const struct rb_node *top = &n->rb;

	while (rb_parent(top))
		top = rb_parent(top);
	return q->tree.rb_root.rb_node == top;
}

/* Is the waiter, which is in a queue, in key->older? */
bool ntsync_key_is_older_locked(const struct ntsync_key *key, const struct ntsync_addr_waiter *aw)
{
	return unlikely(key->older.count) && contains(&key->older, &aw->node);
}

static struct ntsync_waitq *find_queue(struct ntsync_key *key, const struct ntsync_addr_waiter *aw)
{
	return ntsync_key_is_older_locked(key, aw) ? &key->older : &key->queue;
}

static bool waiter_is_higher(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct ntsync_addr_waiter, pi)->pi_rank <
	       rb_entry(b, struct ntsync_addr_waiter, pi)->pi_rank;
}

/* @aw contributes @pi_rank to the owner. */
static void set_pi_rank(struct ntsync_key *key, struct ntsync_addr_waiter *aw, u32 pi_rank)
{
	if (!RB_EMPTY_NODE(&aw->pi)) {
		if (aw->pi_rank == pi_rank)
			return;
		rb_erase_cached(&aw->pi, &key->rt_waiters);
		RB_CLEAR_NODE(&aw->pi);
	}
	if (pi_rank == NTSYNC_NO_CONTRIB)
		return;
	aw->pi_rank = pi_rank;
	rb_add_cached(&aw->pi, &key->rt_waiters, waiter_is_higher);
}

/*
 * current enters the queue, with the priority that it has. Changes of that after
 * ntsync_pi_begin_wait() find the waiter. The caller has set @aw->wait.contributes, and updates the
 * key.
 */
void ntsync_key_queue_locked(struct ntsync_key *key, struct ntsync_addr_waiter *aw)
{
	struct ntsync_task *t = aw->wait.acquirer.t;
	int prio = ntsync_task_queue_prio(current);

	lockdep_assert_held(&aw->bucket->lock);
	if (likely(!aw->arrival))
		aw->arrival = ++aw->bucket->arrivals;
	ntsync_waitq_insert_at(&key->queue, &aw->node, prio, aw->arrival);
	if (likely(!aw->wait.contributes || prio == MAX_RT_PRIO))
		return;
	guard(raw_spinlock)(&t->lock);
	prio = ntsync_pi_update_wait_prio_locked(t, &aw->wait);
	set_pi_rank(key, aw, ntsync_contrib_pass_on(prio, aw->wait.hops));
}

/* The waiter leaves its queue. The caller updates the key before it releases the lock. */
void ntsync_key_dequeue_locked(struct ntsync_key *key, struct ntsync_addr_waiter *aw)
{
	lockdep_assert_held(&aw->bucket->lock);
	ntsync_waitq_erase(find_queue(key, aw), &aw->node);
	if (unlikely(!RB_EMPTY_NODE(&aw->pi)))
		set_pi_rank(key, aw, NTSYNC_NO_CONTRIB);
}

/* The priority of a waiter in a queue may have changed. */
void ntsync_key_requeue_locked(struct ntsync_key *key, struct ntsync_addr_waiter *aw, int prio)
{
	lockdep_assert_held(&aw->bucket->lock);
	if (ntsync_waitq_prio(&aw->node) != prio)
		ntsync_waitq_requeue(find_queue(key, aw), &aw->node, prio);
}

/* ---- the owner ---- */

/* A waiter of @user is the first one to name an owner. */
void ntsync_key_set_user_locked(struct ntsync_key *key, u64 user)
{
	key->user = user;
	key->rt_waiters = RB_ROOT_CACHED;
	key->owner = NULL;
	key->contrib.to = NULL;
	key->contrib.kind = NTSYNC_CONTRIB_ADDRESS;
	key->contrib.object = key->address;
}

/* The key has a user. The caller updates the key before it releases the lock. */
void ntsync_key_set_owner_locked(struct ntsync_key *key, struct ntsync_task *owner)
{
	struct ntsync_task *old = key->owner;

	if (old == owner)
		return;
	key->owner = owner ? ntsync_task_get(owner) : NULL;
	ntsync_task_put(old);
}

/*
 * The highest contribution of a waiter that is not the owner itself. The owner has one wait at
 * most, so the loop skips one node at most.
 */
static u32 find_contrib_rank(const struct ntsync_key *key)
{
	struct rb_node *n;

	for (n = rb_first_cached(&key->rt_waiters); n; n = rb_next(n)) {
		const struct ntsync_addr_waiter *aw = rb_entry(n, struct ntsync_addr_waiter, pi);

		if (aw->wait.acquirer.t != key->owner)
			return aw->pi_rank;
	}
	return NTSYNC_NO_CONTRIB;
}

/* The key has a user. */
static void update_contrib(struct ntsync_key *key, struct ntsync_todo *todo)
{
	u32 rank = NTSYNC_NO_CONTRIB;

	if (unlikely(key->owner && !RB_EMPTY_ROOT(&key->rt_waiters.rb_root)))
		rank = find_contrib_rank(key);
	if (unlikely(key->contrib.to || rank != NTSYNC_NO_CONTRIB))
		ntsync_contrib_set_locked(&key->contrib, key->owner, rank, SCHED_FIFO, todo);
}

/* ---- the carrier ---- */

static bool is_only_node(const struct rb_node *node, const struct rb_root *root)
{
	return root->rb_node == node && !node->rb_left && !node->rb_right;
}

/* The last waiter has left. */
void ntsync_key_remove_locked(struct ntsync_key *key, struct ntsync_bucket *b)
{
	if (unlikely(ntsync_key_has_user(key)))
		ntsync_key_set_owner_locked(key, NULL);
	if (likely(is_only_node(&key->rb, &b->keys)))
		b->keys = RB_ROOT;
	else
		rb_erase(&key->rb, &b->keys);
	RB_CLEAR_NODE(&key->rb);
}

/*
 * *to = *key copies the rb_nodes without the lock of the owner's record. rb_replace_node_cached()
 * copies the contribution's node again under that lock.
 */
static struct ntsync_key *move_key(struct ntsync_key *key, struct ntsync_bucket *b)
{
	struct ntsync_waitq_node *n = ntsync_waitq_first(&key->queue) ?:
				      ntsync_waitq_first(&key->older);
	struct ntsync_key *to = &ntsync_node_to_waiter(n)->key;
	struct ntsync_task *owner = ntsync_key_has_user(key) ? key->contrib.to : NULL;

	*to = *key;
	rb_replace_node(&key->rb, &to->rb, &b->keys);
	RB_CLEAR_NODE(&key->rb);
	if (owner) {
		guard(raw_spinlock)(&owner->lock);
		rb_replace_node_cached(&key->contrib.rb, &to->contrib.rb, &owner->contribs);
	}
	return to;
}

static bool has_waiters(const struct ntsync_key *key)
{
	return key->queue.count || key->older.count;
}

static bool has_carrier(const struct ntsync_key *key)
{
	return ntsync_waitq_queued(&container_of(key, struct ntsync_addr_waiter, key)->node);
}

/**
 * ntsync_key_update_locked() - the end of each change of a key's waiters or owner
 * @key: the key; not valid afterwards
 * @b: its bucket; the lock is held
 * @todo: gets the records whose contributions change
 *
 * Moves the key to another waiter if the carrier has left, or removes it if all have.
 *
 * Return: true if wake-ups are pending.
 */
bool ntsync_key_update_locked(struct ntsync_key *key, struct ntsync_bucket *b,
			      struct ntsync_todo *todo)
{
	lockdep_assert_held(&b->lock);
	if (unlikely(ntsync_key_has_user(key)))
		update_contrib(key, todo);
	if (!key->older.count)
		key->nr_pending_wakes = 0;
	if (!has_waiters(key)) {
		ntsync_key_remove_locked(key, b);
		return false;
	}
	if (!has_carrier(key))
		key = move_key(key, b);
	return key->nr_pending_wakes;
}

/* The priority that current should take on before it names another owner, else MAX_RT_PRIO. */
int ntsync_key_prio_to_take_on_locked(const struct ntsync_key *key,
				      const struct ntsync_task *self_record)
{
	struct rb_node *n = ntsync_key_has_user(key) ? rb_first_cached(&key->rt_waiters) : NULL;

	if (likely(!n))
		return MAX_RT_PRIO;
	return ntsync_pi_prio_to_take_on(rb_entry(n, struct ntsync_addr_waiter, pi)->pi_rank,
					 self_record);
}

/* ---- a chain walk ---- */

/* The space of the waiter, counted, if @t is still in wait @seq; else NULL. */
static struct ntsync_space *get_space(struct ntsync_task *t, u32 seq, struct ntsync_bucket **b)
{
	struct ntsync_addr_waiter *aw;

	guard(raw_spinlock)(&t->lock);
	if (!t->wait || t->seq != seq)
		return NULL;
	aw = container_of(t->wait, struct ntsync_addr_waiter, wait);
	*b = aw->bucket;
	return ntsync_space_get(aw->space);
}

/* Sets *@prio. Returns the waiter and its *@key, if it is queued. */
static struct ntsync_addr_waiter *update_prio(struct ntsync_task *t, u32 seq,
					      struct ntsync_bucket *b, int *prio,
					      struct ntsync_key **key)
{
	struct ntsync_addr_waiter *aw;

	guard(raw_spinlock)(&t->lock);
	if (!t->wait || t->seq != seq)
		return NULL;
	aw = container_of(t->wait, struct ntsync_addr_waiter, wait);
	*prio = ntsync_pi_update_wait_prio_locked(t, &aw->wait);
	if (!ntsync_waitq_queued(&aw->node))
		return NULL;
	*key = ntsync_key_find_locked(b, aw->address);
	ntsync_key_requeue_locked(*key, aw, *prio);
	if (aw->wait.contributes)
		set_pi_rank(*key, aw, ntsync_contrib_pass_on(*prio, aw->wait.hops));
	return aw;
}

/*
 * Releases bucket->lock. If wake-ups are pending and the waiter is in key->older, it also makes one
 * batch of them: the tasks that should make them may have a lower priority than the waiter has now.
 */
static void update_key_and_unlock(struct ntsync_key *key, struct ntsync_addr_waiter *aw,
				  struct ntsync_todo *changed, struct ntsync_todo *others)
{
	struct ntsync_bucket *b = aw->bucket;

	if (aw->wait.contributes) {
		update_contrib(key, changed);
		if (key->contrib.to && !changed->nr)
			ntsync_todo_add(others, key->contrib.to);
	}
	if (unlikely(key->nr_pending_wakes && ntsync_key_is_older_locked(key, aw)))
		ntsync_addr_drain_batch(key, b, changed);
	else
		raw_spin_unlock(&b->lock);
}

/* ntsync_addr_wait_ops::update */
static int update_waiter(struct ntsync_task *t, u32 seq, struct ntsync_todo *changed,
			 struct ntsync_todo *others)
{
	struct ntsync_bucket *b;
	struct ntsync_space *space = get_space(t, seq, &b);
	struct ntsync_addr_waiter *aw;
	struct ntsync_key *key;
	int prio = MAX_RT_PRIO;

	if (!space)
		return prio;
	raw_spin_lock(&b->lock);
	/* Valid while it is in the queue, which it leaves only under bucket->lock. */
	aw = update_prio(t, seq, b, &prio, &key);
	if (aw)
		update_key_and_unlock(key, aw, changed, others);
	else
		raw_spin_unlock(&b->lock);
	ntsync_space_put(space);
	return prio;
}

const struct ntsync_addr_wait_ops ntsync_addr_ops = {
	.update = update_waiter,
};
