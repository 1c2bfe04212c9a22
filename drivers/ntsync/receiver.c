// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who receives from a channel, and what becomes of its entries when he goes: nobody
 * waits for a reply that can't come.
 *
 * A receiver is a task that has called a receive; it is one until it exits. A party is
 * a process, which is a table of descriptors, with receivers; it is one until it has
 * closed its last descriptor of the channel.
 *
 *	event				noticed by		entries dispatched to them
 *	a receiver exits		sched_process_exit	ECONNRESET
 *	a party lets go, or dies	flush()			ECONNRESET
 *	 ... and it was the last one				pending ones: EPIPE, and all
 *								later ones until somebody receives
 *	nobody has a descriptor		flush(), watch		pending ones: EPIPE
 *
 * A close can race with a receive:
 *
 *   receive				close
 *
 *   holds the file
 *					out of the table
 *   no party yet: makes one		flush(): is there a party?
 *   is the file in the table?		  yes: it goes, and all its receives
 *     no: leaves again, -EBADF		  no: nothing to do
 *
 * One of the two sees the other, so there is no party that no flush() will end.
 */
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hashtable.h>
#include <linux/mutex.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "channel.h"

#define EXIT_BITS	8

/* All receivers, by task, for those who exit; and those who have done so. */
static DEFINE_HASHTABLE(by_exit, EXIT_BITS);
static LIST_HEAD(dead);
static DEFINE_RAW_SPINLOCK(exit_lock);

/* Whoever frees a receiver holds it; outside obj->lock and pi_lock. */
static DEFINE_MUTEX(reap_lock);

static struct ntsync_hook exit_hook;

/* ---- the end of an entry ---- */

/* @e is done with: its sender returns. Make room in @h before. */
void ntsync_entry_finish_locked(struct ntsync_hold *h, struct ntsync_channel_entry *e,
				enum ntsync_send_result result)
{
	struct ntsync_channel *c = e->channel;

	ntsync_assert_obj_lock(c->obj);
	ntsync_entry_remove_locked(e);
	ntsync_wait_claim(e->wait, result);
	ntsync_hold_wake_locked(h, e->wait->taker.task);
	ntsync_pi_channel_changed_locked(c, e->node.level);
}

/* Nobody is left who receives: all that is pending ends, unless somebody comes. */
static void desert_locked(struct ntsync_hold *h, struct ntsync_channel *c)
{
	struct ntsync_channel_entry *e;

	c->deserted = true;
	for (;;) {
		ntsync_hold_make_room(h);
		e = ntsync_channel_first_pending(c);
		if (!c->deserted || !e)
			break;
		ntsync_entry_finish_locked(h, e, NTSYNC_SEND_DESERTED);
	}
}

/* What @r has received and not replied to. */
static void reset_entries_locked(struct ntsync_hold *h, struct ntsync_receiver *r)
{
	struct ntsync_channel_entry *e;

	for (;;) {
		ntsync_hold_make_room(h);
		e = ntsync_receiver_first_entry(r);
		if (!e)
			break;
		ntsync_entry_finish_locked(h, e, NTSYNC_SEND_RESET);
	}
}

/* ---- parties ---- */

static bool party_before(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct ntsync_party, by_files)->files <
	       rb_entry(b, struct ntsync_party, by_files)->files;
}

static int compare_files(const void *files, const struct rb_node *node)
{
	const struct ntsync_party *p = rb_entry(node, struct ntsync_party, by_files);

	return files < p->files ? -1 : files > p->files;
}

static struct ntsync_party *find_party(const struct ntsync_channel *c, const void *files)
{
	return rb_entry_safe(rb_find(files, &c->parties, compare_files), struct ntsync_party,
			     by_files);
}

static int is_same_file(const void *wanted, struct file *file, unsigned int fd)
{
	return wanted == file;
}

static bool has_descriptor(const void *files, struct file *file)
{
	return iterate_fd((struct files_struct *)files, 0, is_same_file, file);
}

void ntsync_receiver_drop_notice_locked(struct ntsync_receiver *r)
{
	ntsync_assert_obj_lock(r->channel->obj);
	if (r->noticed) {
		r->noticed = false;
		r->channel->notices--;
	}
}

/* It does not wait for requests any more. */
static void unpark_locked(struct ntsync_hold *h, struct ntsync_receiver *r)
{
	struct ntsync_wait_entry *e = r->parked;

	if (!e)
		return;
	ntsync_obj_dequeue_locked(r->channel->obj, e);
	if (ntsync_wait_claim(e->wait, NTSYNC_CLOSED))
		ntsync_hold_wake_locked(h, r->task);
}

/* First none of them gets anything any more, then what they have got goes back. */
static void dismiss_members_locked(struct ntsync_hold *h, struct ntsync_party *p)
{
	struct ntsync_receiver *r;

	for (;;) {
		ntsync_hold_make_room(h);
		r = list_first_entry_or_null(&p->members, struct ntsync_receiver, member);
		if (!r)
			break;
		list_move(&r->member, &p->leaving);
		unpark_locked(h, r);
		ntsync_receiver_drop_notice_locked(r);
		h->steps++;
	}
	while ((r = list_first_entry_or_null(&p->leaving, struct ntsync_receiver, member))) {
		reset_entries_locked(h, r);
		list_del_init(&r->member);
		r->party = NULL;
		h->steps++;
	}
}

/* The party that has table @files, if there is one, has let go of the channel. */
static void disband(struct ntsync_channel *c, const void *files)
{
	struct ntsync_party *p;
	struct ntsync_hold h;

	ntsync_obj_hold(&h, c->obj);
	p = find_party(c, files);
	if (p) {
		rb_erase(&p->by_files, &c->parties);
		p->left = true;
		dismiss_members_locked(&h, p);
		if (RB_EMPTY_ROOT(&c->parties))
			desert_locked(&h, c);
		else
			ntsync_wake_takers(&h); /* notices that are to be handed on */
	}
	ntsync_obj_unhold(&h);
	kfree(p);
}

/* ---- receivers ---- */

static int compare_task(const void *task, const struct rb_node *node)
{
	const struct ntsync_receiver *r = rb_entry(node, struct ntsync_receiver, by_task);

	return (const struct task_struct *)task < r->task ? -1 :
	       (const struct task_struct *)task > r->task;
}

static bool receiver_before(struct rb_node *a, const struct rb_node *b)
{
	return compare_task(rb_entry(a, struct ntsync_receiver, by_task)->task, b) < 0;
}

struct ntsync_receiver *ntsync_receiver_find_locked(const struct ntsync_channel *c,
						    const struct task_struct *p)
{
	return rb_entry_safe(rb_find(p, &c->receivers, compare_task),
			     struct ntsync_receiver, by_task);
}

/* One for current; only current itself makes one. */
static struct ntsync_receiver *add_receiver(struct ntsync_channel *c)
{
	struct ntsync_receiver *r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);

	if (!r)
		return ERR_PTR(-ENOMEM);
	r->channel = c;
	r->task = get_task_struct(current);
	r->entries = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&r->member);
	INIT_LIST_HEAD(&r->dead);
	if (ntsync_pi_receiver_add(r)) {
		put_task_struct(r->task);
		kfree(r);
		return ERR_PTR(-ENOMEM);
	}
	scoped_guard(raw_spinlock, &c->obj->lock) {
		rb_add(&r->by_task, &c->receivers, receiver_before);
		c->nr_receivers++;
	}
	scoped_guard(raw_spinlock, &exit_lock)
		hash_add(by_exit, &r->by_exit, (unsigned long)r->task);
	return r;
}

/* @r is of current's process now; true if that is a party because of this. */
static bool join_party(struct ntsync_receiver *r, struct ntsync_party **new)
{
	struct ntsync_channel *c = r->channel;
	struct ntsync_party *p;

	guard(raw_spinlock)(&c->obj->lock);
	p = find_party(c, current->files);
	if (!p) {
		p = *new;
		rb_add(&p->by_files, &c->parties, party_before);
		*new = NULL;
		c->deserted = false;
	}
	r->party = p;
	list_move(&r->member, &p->members);
	return !*new;
}

static struct ntsync_receiver *join(struct ntsync_channel *c, struct file *file,
				    struct ntsync_receiver *r)
{
	struct ntsync_party *p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	bool is_new;

	if (!p)
		return ERR_PTR(-ENOMEM);
	p->files = current->files;
	INIT_LIST_HEAD(&p->members);
	INIT_LIST_HEAD(&p->leaving);
	if (!r)
		r = add_receiver(c);
	if (IS_ERR(r)) {
		kfree(p);
		return r;
	}
	is_new = join_party(r, &p);
	kfree(p);
	if (is_new && !has_descriptor(current->files, file)) {
		disband(c, current->files);
		return ERR_PTR(-EBADF);
	}
	return r;
}

/**
 * ntsync_receiver_enter() - current receives from a channel
 * @c: the channel
 * @file: its file
 *
 * Return: current's record; it stays as long as current lives and @file is held.
 * -ENOMEM; -EBADF if the process has closed the channel meanwhile.
 */
struct ntsync_receiver *ntsync_receiver_enter(struct ntsync_channel *c, struct file *file)
{
	struct ntsync_receiver *r;

	scoped_guard(raw_spinlock, &c->obj->lock) {
		r = ntsync_receiver_find_locked(c, current);
		if (likely(r && r->party && r->party->files == current->files)) {
			if (r->party->left)
				return ERR_PTR(-EBADF);
			return r;
		}
		/* It comes back with another table of descriptors. */
		if (r && r->party && r->party->left)
			return ERR_PTR(-EBADF);
	}
	return join(c, file, r);
}

/* ---- the end of receivers ---- */

/* reap_lock held; nobody finds it by its task any more. */
static void free_receiver(struct ntsync_receiver *r)
{
	struct ntsync_channel *c = r->channel;
	struct ntsync_hold h;

	ntsync_obj_hold(&h, c->obj);
	reset_entries_locked(&h, r);
	ntsync_receiver_drop_notice_locked(r);
	ntsync_wake_takers(&h);
	rb_erase(&r->by_task, &c->receivers);
	c->nr_receivers--;
	list_del(&r->member);
	ntsync_obj_unhold(&h);

	ntsync_pi_receiver_remove(r);
	put_task_struct(r->task);
	kfree(r);
}

/* Takes it out of whichever list it is in. */
static void forget(struct ntsync_receiver *r)
{
	guard(raw_spinlock)(&exit_lock);
	hash_del(&r->by_exit);
	list_del_init(&r->dead);
}

static struct ntsync_receiver *next_dead(void)
{
	struct ntsync_receiver *r;

	guard(raw_spinlock)(&exit_lock);
	r = list_first_entry_or_null(&dead, struct ntsync_receiver, dead);
	if (r)
		list_del_init(&r->dead);
	return r;
}

static void reap(struct work_struct *work)
{
	struct ntsync_receiver *r;

	guard(mutex)(&reap_lock);
	while ((r = next_dead()))
		free_receiver(r);
}
static DECLARE_WORK(reaper, reap);

/* Called by every task that exits, with preemption off. */
static void on_exit(void *unused, struct task_struct *p, bool group_dead)
{
	struct ntsync_receiver *r;
	struct hlist_node *next;
	bool found = false;

	if (likely(hlist_empty(&by_exit[hash_min((unsigned long)p, EXIT_BITS)])))
		return;
	scoped_guard(raw_spinlock, &exit_lock) {
		hash_for_each_possible_safe(by_exit, r, next, by_exit, (unsigned long)p) {
			if (r->task != p)
				continue;
			hash_del(&r->by_exit);
			list_add_tail(&r->dead, &dead);
			found = true;
		}
	}
	if (found)
		queue_work(system_unbound_wq, &reaper);
}

/* With the channel; nobody uses it any more. */
void ntsync_receivers_destroy(struct ntsync_channel *c)
{
	struct ntsync_receiver *r;

	guard(mutex)(&reap_lock);
	while ((r = rb_entry_safe(rb_first(&c->receivers), struct ntsync_receiver, by_task))) {
		forget(r);
		free_receiver(r);
	}
	WARN_ON_ONCE(!RB_EMPTY_ROOT(&c->parties));
}

int ntsync_receiver_init(void)
{
	return ntsync_hook_init(&exit_hook, "sched_process_exit", on_exit);
}

void ntsync_receiver_exit(void)
{
	ntsync_hook_exit(&exit_hook);
	cancel_work_sync(&reaper);
}

/* ---- nobody has a descriptor any more ---- */

/* Those who wait hold the file, and nobody else but @others does. */
static bool is_orphaned(const struct ntsync_channel *c, struct file *file, int others)
{
	u32 senders = READ_ONCE(c->pending.count);

	return senders && file_count(file) <= senders + others;
}

static void desert(struct ntsync_channel *c)
{
	struct ntsync_hold h;

	ntsync_obj_hold(&h, c->obj);
	desert_locked(&h, c);
	ntsync_obj_unhold(&h);
}

/* As long as there are receivers somebody has a descriptor. */
static bool waits_for_first_receiver(const struct ntsync_channel *c)
{
	return c->pending.count && RB_EMPTY_ROOT(&c->parties);
}

/*
 * When two processes let go at the same moment each sees the other's reference. So it is
 * looked at again, as long as senders wait for the first receiver.
 */
static void watch(struct work_struct *work)
{
	struct ntsync_channel *c = container_of(work, struct ntsync_channel, watch.work);
	struct file *file = c->watched;
	bool again;

	if (is_orphaned(c, file, 1))
		desert(c);
	scoped_guard(raw_spinlock, &c->obj->lock) {
		again = waits_for_first_receiver(c);
		if (!again)
			c->watched = NULL;
	}
	if (again)
		schedule_delayed_work(&c->watch, HZ);
	else
		fput(file);
}

static void start_watch(struct ntsync_channel *c, struct file *file)
{
	scoped_guard(raw_spinlock, &c->obj->lock) {
		if (c->watched || !waits_for_first_receiver(c))
			return;
		c->watched = get_file(file);
	}
	schedule_delayed_work(&c->watch, HZ / 10);
}

void ntsync_channel_init_watch(struct ntsync_channel *c)
{
	INIT_DELAYED_WORK(&c->watch, watch);
}

/* A process has closed a descriptor of the channel, of which @files is the table. */
void ntsync_receivers_flush(struct ntsync_channel *c, struct file *file, const void *files)
{
	bool is_party;

	scoped_guard(raw_spinlock, &c->obj->lock)
		is_party = find_party(c, files);
	if (is_party && !has_descriptor(files, file))
		disband(c, files);

	if (!READ_ONCE(c->pending.count))
		return;
	if (is_orphaned(c, file, 1))
		desert(c);
	else
		start_watch(c, file);
}
