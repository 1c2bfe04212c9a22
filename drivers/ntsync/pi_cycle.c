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
 * leads to it closes one. Without these edges there is none. All under pi_lock.
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

/* What @r's task waits for, one after the other; NULL at the end. */
static struct ntsync_pi_source *next_source(struct ntsync_pi_task *r)
{
	struct ntsync_wait *w = ntsync_sleeper_pin_locked(r->task);
	struct ntsync_pi_source *source = NULL;

	if (!w)
		return NULL;
	while (!source && r->walk.entry < w->nr) {
		const struct ntsync_wait_entry *e = &w->entries[r->walk.entry++];

		if (e->obj->ops->owned && ntsync_waitq_queued(&e->pi))
			source = &e->obj->mutex.pi->source;
	}
	if (!source && w->send)
		source = next_receiver(r, w->send);
	ntsync_sleeper_unpin_locked(w);
	return source;
}

static void enter(struct ntsync_pi_task *r, struct ntsync_pi_task *from)
{
	r->walk = (struct ntsync_pi_walk){ .from = from, .on_path = true, .seen = true };
}

/* Everything that can be reached from @r; what closes a cycle goes to @cut. */
static void walk_from(struct ntsync_pi_task *r, struct list_head *cut)
{
	enter(r, NULL);
	while (r) {
		struct ntsync_pi_source *source = next_source(r);
		struct ntsync_pi_task *to;

		if (!source) {
			r->walk.on_path = false;
			r = r->walk.from;
			continue;
		}
		to = source->contrib.task;
		if (!to)
			continue;
		if (to->walk.on_path) {
			list_move(&source->dirty, cut);
		} else if (!to->walk.seen) {
			enter(to, r);
			r = to;
		}
	}
}

static void find_cycles(struct list_head *cut)
{
	struct ntsync_pi_task *r;
	int i;

	hash_for_each(ntsync_pi_records, i, r, hash)
		r->walk.seen = false;
	hash_for_each(ntsync_pi_records, i, r, hash) {
		if (!r->walk.seen)
			walk_from(r, cut);
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
void ntsync_pi_break_cycles_locked(void)
{
	struct ntsync_pi_source *source;
	struct ntsync_pi_task *r;
	struct hlist_node *next;
	LIST_HEAD(cut);
	int i;

	find_cycles(&cut);
	if (likely(list_empty(&cut)))
		return;
	list_for_each_entry(source, &cut, dirty)
		ntsync_contrib_detach(&source->contrib);
	hash_for_each_safe(ntsync_pi_records, i, next, r, hash)
		ntsync_pi_update_task(r);
	/* A source that is freed meanwhile, or marked, leaves the list. */
	ntsync_pi_catch_up_locked(0);
	while ((source = pop(&cut)))
		ntsync_pi_mark(source);
	ntsync_pi_catch_up_locked(0);
}
