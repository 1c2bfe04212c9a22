// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mutexes as the arbiter sees them: what those who wait are worth to the owner, and the
 * memory for it. A mutex has a struct ntsync_pi_mutex, it is "active", from when a real-time
 * task has to wait for it until the sweeper finds that none does any more: one that is
 * contended once will be so again.
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

/* ---- becoming active, and the end of that ---- */

static const struct ntsync_pi_source_ops mutex_source;
static void mark_mutex(struct ntsync_pi_news *news);

struct ntsync_pi_mutex *ntsync_pi_activate(struct ntsync_obj *obj, struct list_head *kits)
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
	m->alls = RB_ROOT_CACHED;
	ntsync_pi_source_init(&m->source, &mutex_source, obj);
	m->news.mark = mark_mutex;
	m->seen_level = MAX_RT_PRIO;
	/* Behind those who visit all: they would never be through with ever new ones. */
	list_add(&m->active, &active);
	ntsync_pi_mark(&m->source);
	ntsync_pi_start_watching();

	guard(raw_spinlock)(&obj->lock);
	obj->mutex.pi = m;
	obj->mutex.was_active = true;
	return m;
}

/* If no real-time task waits for it. */
static bool try_detach(struct ntsync_pi_mutex *m)
{
	struct ntsync_wait_entry *first;

	guard(raw_spinlock)(&m->obj->lock);
	first = ntsync_obj_first_any(m->obj);
	if (!RB_EMPTY_ROOT(&m->alls.rb_root) || (first && ntsync_waitq_level(&first->node) < MAX_RT_PRIO))
		return false;
	m->obj->mutex.pi = NULL;
	ntsync_pi_count_guess_locked(m, 0);
	ntsync_pi_count_owner_locked(m, NULL);
	return true;
}

/* True if it is not active any more. *@done: how much news has been marked. */
static bool try_deactivate(struct ntsync_pi_mutex *m, int *done)
{
	if (m->source.contrib.task || !try_detach(m))
		return false;
	/* There may be news of it, and there can't be any more after this. */
	*done += ntsync_pi_mark_news();
	list_del(&m->source.dirty);
	list_del(&m->active);
	kfree(m);
	ntsync_pi_spare_drop();
	return true;
}

/* @obj, which nobody uses any more, goes. */
void ntsync_pi_mutex_destroy(struct ntsync_obj *obj)
{
	int done = 0;

	ntsync_pi_lock();
	if (obj->mutex.pi)
		WARN_ON_ONCE(!try_deactivate(obj->mutex.pi, &done));
	ntsync_pi_catch_up_locked(done);
	ntsync_pi_unlock();
}

/* For the sweeper. A mutex that nobody of interest waits for any more ends. */
bool ntsync_pi_unless_idle(struct ntsync_pi_visit *v, struct ntsync_pi_mutex *m)
{
	return !try_deactivate(m, &v->done);
}

/* How many are passed, and how many are marked, in one go. */
#define MANY	32
#define FEW	8

/* Goes on with @v; false at the end. */
bool ntsync_pi_visit_some(struct ntsync_pi_visit *v)
{
	unsigned int passed = 0, marked = 0;

	if (!v->place.active.next)
		list_add(&v->place.active, &active);
	while (!list_is_last(&v->place.active, &active)) {
		struct ntsync_pi_mutex *m = list_next_entry(&v->place, active);

		if (passed++ == MANY || marked == FEW)
			return true;
		list_move(&v->place.active, &m->active);
		/* Not somebody else's place. */
		if (m->obj && v->wanted(v, m)) {
			ntsync_pi_mark(&m->source);
			marked++;
		}
	}
	list_del(&v->place.active);
	return false;
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
	return r->task == owner && ntsync_waitq_level(&source->contrib.node) == level &&
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
 * A reference to the owner, or NULL, and what it should get, which is nothing if it has as
 * much of its own. What is said of it in pi_heed.c later is said of what is seen here.
 */
static struct task_struct *look_at_mutex(struct ntsync_pi_mutex *m, int *level)
{
	const struct ntsync_pi_task *old = m->source.contrib.task;
	struct task_struct *owner;

	guard(raw_spinlock)(&m->obj->lock);
	guard(rcu)();
	/* Before it is looked up: see ntsync_pi_learnt(). */
	ntsync_pi_count_guess_locked(m, m->obj->mutex.guessed ? m->obj->mutex.owner : 0);
	owner = ntsync_owner_find_locked(m->obj, old ? old->task : NULL);
	ntsync_pi_count_owner_locked(m, owner);
	m->seen_owner = owner;
	m->seen_level = ntsync_pi_any_level_locked(m->obj, owner);
	*level = min(m->seen_level, ntsync_pi_all_level_locked(m, owner));
	if (!owner || (!ntsync_pi_is_sending(owner) && !ntsync_pi_task_needs(owner, *level)))
		*level = MAX_RT_PRIO;
	m->quiet = *level == MAX_RT_PRIO && RB_EMPTY_ROOT(&m->alls.rb_root);
	return owner ? get_task_struct(owner) : NULL;
}

/*
 * Equation [1] for one mutex, [2] and [3] for its owner and, if that has changed, for
 * the old one too, after the new one.
 */
static void update_mutex(struct ntsync_pi_source *source)
{
	struct ntsync_pi_mutex *m = container_of(source, struct ntsync_pi_mutex, source);
	struct task_struct *owner;
	int level;

	owner = look_at_mutex(m, &level);
	if (!contributes(source, owner, level))
		contribute(source, owner, level);
	if (owner)
		put_task_struct(owner);
}

static int mutex_level(const struct ntsync_pi_source *source, const struct task_struct *p)
{
	const struct ntsync_pi_mutex *m = container_of(source, struct ntsync_pi_mutex, source);

	guard(raw_spinlock)(&m->obj->lock);
	return min(ntsync_pi_any_level_locked(m->obj, p), ntsync_pi_all_level_locked(m, p));
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

static bool waits_better(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct ntsync_wait_entry, pi)->wait->level <
	       rb_entry(b, struct ntsync_wait_entry, pi)->wait->level;
}

/* Entry @e of a wait-all stands for the level of its wait now, with the mutex that it waits for. */
void ntsync_pi_update_all_entry(struct ntsync_wait_entry *e, struct list_head *kits)
{
	bool counts = e->wait->level < MAX_RT_PRIO, counted = !RB_EMPTY_NODE(&e->pi);
	struct ntsync_pi_mutex *m;

	if (!counts && !counted)
		return;
	m = ntsync_pi_activate(e->obj, kits);
	if (counted) {
		rb_erase_cached(&e->pi, &m->alls);
		RB_CLEAR_NODE(&e->pi);
	}
	if (counts) {
		rb_add_cached(&e->pi, &m->alls, waits_better);
		e->wait->pi = true;
	}
	ntsync_pi_mark(&m->source);
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

struct learnt {
	const struct ntsync_device *dev;
	u32 owner;
};

static bool was_guessed(struct ntsync_pi_visit *v, struct ntsync_pi_mutex *m)
{
	const struct ntsync_obj *obj = m->obj;
	const struct learnt *l = v->arg;

	return obj->dev == l->dev && READ_ONCE(obj->mutex.guessed) &&
	       READ_ONCE(obj->mutex.owner) == l->owner;
}

/* current has used an owner id that was not known as its own: guesses may be wrong. */
void ntsync_pi_learnt(const struct ntsync_device *dev, u32 owner)
{
	const struct learnt l = { .dev = dev, .owner = owner };
	struct ntsync_pi_visit v = { .wanted = was_guessed, .arg = &l,
				     .breathe = ntsync_pi_let_others_in };

	/* A mutex that counts from now on finds what we have learnt. */
	smp_mb();
	if (!ntsync_pi_may_be_guessed(owner))
		return;
	ntsync_pi_lock();
	ntsync_pi_visit_locked(&v);
	ntsync_pi_unlock();
}

bool ntsync_pi_mutexes_idle(void)
{
	return list_empty(&active);
}
