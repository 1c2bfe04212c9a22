// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mutexes as the arbiter sees them: who waits, what that is worth to the owner, and
 * the memory for it. A mutex has a struct ntsync_pi_mutex, it is "active", while
 * real-time tasks wait for it.
 */
#include <linux/sched/rt.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "pi.h"

static LIST_HEAD(active);

/* ---- memory ---- */

/* With the record that it brings along. */
static struct ntsync_pi_mutex *mutex_alloc(gfp_t gfp)
{
	struct ntsync_pi_mutex *m = kzalloc(sizeof(*m), gfp);

	if (!m)
		return NULL;
	m->spare = kzalloc(sizeof(*m->spare), gfp);
	if (!m->spare) {
		kfree(m);
		return NULL;
	}
	return m;
}

static void mutex_free(struct ntsync_pi_mutex *m)
{
	kfree(m->spare);
	kfree(m);
}

/* ---- what it contributes ---- */

/* How many who don't count are passed over; nobody shares an id with so many. */
#define MAX_OWN	16

/*
 * The best level among those whom the mutex keeps waiting: nobody inherits from
 * himself, nor from a task that has the same owner id and gets it all the same. Of too
 * many of the latter the owner does inherit: pi_lock is not held while all are looked at.
 */
static int level_of_waiters(const struct ntsync_pi_mutex *m, const struct task_struct *owner)
{
	u32 id = READ_ONCE(m->obj->mutex.owner);
	struct ntsync_waitq_node *n;
	unsigned int own = 0;

	for (n = ntsync_waitq_first(&m->waiters); n; n = ntsync_waitq_next(n)) {
		const struct ntsync_wait_entry *e = container_of(n, struct ntsync_wait_entry, pi);

		if ((e->wait->taker.task != owner && e->wait->taker.owner != id) ||
		    ++own > MAX_OWN)
			return n->level;
	}
	return MAX_RT_PRIO;
}

/* ---- becoming active, and the end of that ---- */

static const struct ntsync_pi_source_ops mutex_source;
static void mark_mutex(struct ntsync_pi_news *news);

static struct ntsync_pi_mutex *activate(struct ntsync_obj *obj, struct list_head *kits)
{
	struct ntsync_pi_mutex *m = obj->mutex.pi;

	if (m)
		return m;
	m = list_first_entry_or_null(kits, struct ntsync_pi_mutex, active);
	if (m)
		list_del(&m->active);
	else
		m = mutex_alloc(GFP_KERNEL | __GFP_NOFAIL);

	ntsync_pi_spare_add(m->spare);
	m->spare = NULL;
	m->obj = obj;
	ntsync_waitq_init(&m->waiters);
	ntsync_pi_source_init(&m->source, &mutex_source, obj);
	m->news.mark = mark_mutex;
	list_add(&m->active, &active);

	guard(raw_spinlock)(&obj->lock);
	obj->mutex.pi = m;
	return m;
}

/* How much news has been marked. */
static int deactivate(struct ntsync_pi_mutex *m)
{
	int nr;

	scoped_guard(raw_spinlock, &m->obj->lock)
		m->obj->mutex.pi = NULL;
	/* There may be news of it, and there can't be any more after this. */
	nr = ntsync_pi_mark_news();
	list_del(&m->source.dirty);
	list_del(&m->active);
	kfree(m);
	ntsync_pi_spare_drop();
	return nr;
}

/* ---- what the arbiter calls ---- */

/*
 * Does it do so already? Most who come and go are neither the best nor the owner. Not if
 * somebody has changed the owner's parameters.
 */
static bool contributes(const struct ntsync_pi_source *source, const struct task_struct *owner,
			int level)
{
	const struct ntsync_pi_task *r = source->contrib.task;

	if (!r)
		return level == MAX_RT_PRIO;
	return r->task == owner && source->contrib.node.level == level &&
	       READ_ONCE(owner->rt_priority) == (r->prio ?: r->base.prio);
}

static void contribute(struct ntsync_pi_source *source, struct task_struct *owner, int level)
{
	struct ntsync_pi_task *old = source->contrib.task, *new = NULL;

	if (level < MAX_RT_PRIO)
		new = ntsync_pi_watch(owner);
	if (old)
		ntsync_contrib_detach(&source->contrib);
	if (new) {
		ntsync_contrib_attach(&source->contrib, new, level);
		ntsync_pi_update_task(new);
	}
	if (old && old != new)
		ntsync_pi_update_task(old);
}

/*
 * Equation [1] for one mutex, [2] and [3] for its owner and, if that has changed, for
 * the old one too, after the new one. How much news has been marked.
 */
static int update_mutex(struct ntsync_pi_source *source)
{
	struct ntsync_pi_mutex *m = container_of(source, struct ntsync_pi_mutex, source);
	const struct ntsync_pi_task *old = source->contrib.task;
	struct task_struct *owner = NULL;
	int level = MAX_RT_PRIO;

	if (m->waiters.count)
		owner = ntsync_owner_get_task(m->obj, old ? old->task : NULL);
	if (owner)
		level = level_of_waiters(m, owner);
	if (!contributes(source, owner, level))
		contribute(source, owner, level);
	if (owner)
		put_task_struct(owner);
	return m->waiters.count ? 0 : deactivate(m);
}

static int mutex_level(const struct ntsync_pi_source *source, const struct task_struct *p)
{
	return level_of_waiters(container_of(source, struct ntsync_pi_mutex, source), p);
}

static const struct ntsync_pi_source_ops mutex_source = {
	.name = "mutex",
	.level = mutex_level,
	.update = update_mutex,
};

static void mark_mutex(struct ntsync_pi_news *news)
{
	ntsync_pi_mark(&container_of(news, struct ntsync_pi_mutex, news)->source);
}

/* ---- the waits for it ---- */

/* Entry @e of a sleeper stands for @level now, with the mutex that it waits for. */
void ntsync_pi_update_entry(struct ntsync_wait_entry *e, int level, struct list_head *kits)
{
	struct ntsync_pi_mutex *m;

	if (level < MAX_RT_PRIO) {
		if (ntsync_waitq_queued(&e->pi) && e->pi.level == level)
			return;
		m = activate(e->obj, kits);
		if (ntsync_waitq_queued(&e->pi))
			ntsync_waitq_move(&m->waiters, &e->pi, level);
		else
			ntsync_waitq_insert(&m->waiters, &e->pi, level);
		e->wait->pi = true;
		ntsync_pi_mark(&m->source);
	} else if (ntsync_waitq_queued(&e->pi)) {
		m = e->obj->mutex.pi;
		ntsync_waitq_erase(&m->waiters, &e->pi);
		ntsync_pi_mark(&m->source);
	}
}

void ntsync_pi_free_kits(struct list_head *kits)
{
	struct ntsync_pi_mutex *m, *next;

	list_for_each_entry_safe(m, next, kits, active)
		mutex_free(m);
}

/* One for each mutex that might have to be activated. */
int ntsync_pi_alloc_kits(const struct ntsync_wait *w, struct list_head *kits)
{
	u32 i;

	for (i = 0; i < w->nr; i++) {
		struct ntsync_obj *obj = w->entries[i].obj;
		struct ntsync_pi_mutex *m;

		if (!obj->ops->owned || READ_ONCE(obj->mutex.pi))
			continue;
		m = mutex_alloc(GFP_KERNEL_ACCOUNT);
		if (!m) {
			ntsync_pi_free_kits(kits);
			return -ENOMEM;
		}
		list_add(&m->active, kits);
	}
	return 0;
}

/* current has used an owner id that was not known as its own: guesses may be wrong. */
void ntsync_pi_learnt(const struct ntsync_device *dev, u32 owner)
{
	struct ntsync_pi_mutex *m;

	smp_mb(); /* one that is activated just now finds what we have learnt */
	if (list_empty_careful(&active))
		return;
	ntsync_pi_lock();
	list_for_each_entry(m, &active, active) {
		const struct ntsync_obj *obj = m->obj;

		if (obj->dev == dev && READ_ONCE(obj->mutex.guessed) &&
		    READ_ONCE(obj->mutex.owner) == owner)
			ntsync_pi_mark(&m->source);
	}
	ntsync_pi_catch_up_locked(0);
	ntsync_pi_unlock();
}

bool ntsync_pi_mutexes_idle(void)
{
	return list_empty(&active);
}
