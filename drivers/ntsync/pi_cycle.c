// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cycles of tasks that wait for each other, of which some way out keeps them from being
 * a plain deadlock: another object, a deadline, a receiver who is not part of it.
 *
 *   T1 --waits for--> S1 --boosts--> T2 --waits for--> S2 --boosts--> T1
 *			\--boosts--> T3, which runs
 *
 * When somebody better has waited for one of them and has left, the equations of pi.c
 * still hold with his level going round: each has it from the other. T3 would keep it as
 * long as T1 and T2 like. So now and then one source of each cycle is cut out, what
 * depended on it sinks, and then it contributes again what is left without itself.
 *
 * A depth-first walk over the records finds the cycles: an edge back into the path that
 * leads to it closes one. Without these edges there is none. A walk, and the cutting after it,
 * is made under pi_lock, which is free between two of them.
 */
#include "channel.h"
#include "pi.h"

/* Who has @e already; he does not go before we have let go of pi_lock. */
static struct ntsync_receiver *receiver_of(const struct ntsync_channel_entry *e)
{
	guard(raw_spinlock)(&e->channel->obj->lock);
	return e->receiver;
}

/*
 * The next of those to whom @r's task's request @e is worth something: who has it, or
 * who could receive it, but for the task itself.
 */
static struct ntsync_pi_source *next_receiver(struct ntsync_pi_task *r,
					      const struct ntsync_channel_entry *e)
{
	struct list_head *sources = &e->channel->sources;
	struct list_head *at = r->walk.receiver;
	struct ntsync_receiver *to = receiver_of(e);

	if (to && at)
		return NULL;
	while (!to) {
		at = at ? at->next : sources->next;
		if (at == sources)
			return NULL;
		to = list_entry(at, struct ntsync_receiver, of_channel);
		if (to->task == r->task)
			to = NULL;
	}
	r->walk.receiver = &to->of_channel;
	return &to->source;
}

/* What entry @i of @w is about, if it is a mutex that may contribute because of it. */
static struct ntsync_pi_source *source_of(const struct ntsync_wait *w, u32 i)
{
	const struct ntsync_wait_entry *e = &w->entries[i];
	struct ntsync_pi_mutex *m = e->obj->ops->owned ? e->obj->mutex.pi : NULL;

	if (!m || (ntsync_wait_is_all_entry(w, i) && RB_EMPTY_NODE(&e->pi)))
		return NULL;
	return &m->source;
}

/* What @r's task waits for, one after the other; NULL at the end. */
static struct ntsync_pi_source *next_source(struct ntsync_pi_task *r)
{
	struct ntsync_wait *w = ntsync_sleeper_pin_locked(r->task);
	struct ntsync_pi_source *source = NULL;

	if (!w)
		return NULL;
	while (!source && r->walk.entry < w->nr)
		source = source_of(w, r->walk.entry++);
	if (!source && w->send)
		source = next_receiver(r, w->send);
	ntsync_sleeper_unpin_locked(w);
	return source;
}

static void enter(struct ntsync_pi_task *r, struct ntsync_pi_task *from)
{
	r->walk = (struct ntsync_pi_walk){ .from = from, .on_path = true, .round = ntsync_pi_round };
}

/*
 * How many edges are looked at without letting somebody else have the lock. A walk can't be
 * interrupted, as what it has seen may change; one that is longer is given up, and the next
 * round starts somewhere else. It takes dozens of receivers that send to each other's channels.
 */
#define MAX_EDGES	1024

/* Everything that can be reached from @r; what closes a cycle goes to @cut. */
static void walk_from(struct ntsync_pi_task *r, struct list_head *cut)
{
	unsigned int edges = 0;

	enter(r, NULL);
	while (r) {
		struct ntsync_pi_source *source = NULL;
		struct ntsync_pi_task *to;

		if (++edges <= MAX_EDGES)
			source = next_source(r);
		if (!source) {
			r->walk.on_path = false;
			r = r->walk.from;
			continue;
		}
		to = source->contrib.task;
		if (!to)
			continue;
		if (to->walk.round != ntsync_pi_round) {
			enter(to, r);
			r = to;
		} else if (to->walk.on_path) {
			list_move(&source->dirty, cut);
		}
	}
}

static struct ntsync_pi_source *pop(struct list_head *list)
{
	struct ntsync_pi_source *source;

	source = list_first_entry_or_null(list, struct ntsync_pi_source, dirty);
	if (source)
		list_del_init(&source->dirty);
	return source;
}

/* Nothing is marked, and nothing will be when this returns. */
static void cut_and_mend(struct list_head *cut)
{
	struct ntsync_pi_source *source;
	struct ntsync_pi_task *r;
	struct hlist_node *next;
	int i;

	list_for_each_entry(source, cut, dirty) {
		source->contrib.task->walk.cut = true;
		ntsync_contrib_detach(&source->contrib);
	}
	hash_for_each_safe(ntsync_pi_records, i, next, r, hash) {
		if (r->walk.cut) {
			r->walk.cut = false;
			ntsync_pi_update_task(r);
		}
	}
	/* A source that is freed meanwhile, or marked, leaves the list. */
	ntsync_pi_catch_up_locked(0);
	while ((source = pop(cut)))
		ntsync_pi_mark(source);
	ntsync_pi_catch_up_locked(0);
}

static struct ntsync_pi_task *next_unseen(const struct hlist_head *bucket)
{
	struct ntsync_pi_task *r;

	hlist_for_each_entry(r, bucket, hash) {
		if (r->walk.round != ntsync_pi_round)
			return r;
	}
	return NULL;
}

/* From one that was not seen yet; false if there is none in @bucket. */
static bool one_walk(const struct hlist_head *bucket)
{
	struct ntsync_pi_task *r;
	LIST_HEAD(cut);

	ntsync_pi_lock_again();
	r = next_unseen(bucket);
	if (r) {
		walk_from(r, &cut);
		if (unlikely(!list_empty(&cut)))
			cut_and_mend(&cut);
	}
	ntsync_pi_unlock();
	return r;
}

/* One round; by the sweeper. */
void ntsync_pi_break_cycles(void)
{
	unsigned int i, size = ARRAY_SIZE(ntsync_pi_records);

	ntsync_pi_lock_again();
	ntsync_pi_round++;
	ntsync_pi_unlock();
	for (i = 0; i < size; i++) {
		const struct hlist_head *bucket = &ntsync_pi_records[(ntsync_pi_round + i) % size];

		while (!hlist_empty(bucket) && one_walk(bucket))
			ntsync_pi_nap();
	}
}
