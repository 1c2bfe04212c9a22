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
 *	a receiver exits		sched_process_exit,	ECONNRESET
 *					and the reaper
 *	a party lets go, or dies	flush()			ECONNRESET
 *	 ... and it was the last one				pending ones: EPIPE, and all
 *								later ones until somebody receives
 *	nobody has a descriptor		flush(), the senders	pending ones: EPIPE
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
 *
 * The table can't be looked at under obj->lock. Meanwhile a descriptor may come in, from
 * elsewhere, and somebody receives by it. So each receive is counted, and who has found no
 * descriptor looks again if one has begun since:
 *
 *   close				receive
 *
 *   lock(obj): entered = 7
 *   is the file in the table? no	the file is put into the table
 *					lock(obj): entered = 8
 *   lock(obj): still 7? no, again
 *   is the file in the table? yes
 *
 * or "still 7", and the party has gone when the receive begins, which makes a new one.
 */
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "receiver.h"

/* ---- the end of an entry ---- */

/* @e is done with: its sender returns. Make room in @h before. */
void ntsync_entry_finish_locked(struct ntsync_hold *h, struct ntsync_channel_entry *e,
				enum ntsync_send_result result)
{
	ntsync_assert_obj_lock(e->channel->obj);
	if (result == NTSYNC_SEND_REPLIED)
		ntsync_entry_measure_locked(e, &e->channel->response);
	ntsync_entry_remove_locked(e);
	ntsync_wait_claim(e->wait, result);
	ntsync_hold_wake_locked(h, e->wait->taker.task);
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

/* What @r has received and not replied to. Nobody else frees @r meanwhile. */
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

/* A table that nobody uses any more is being closed, whatever is still in it. */
static bool has_descriptor(const void *table, struct file *file)
{
	struct files_struct *files = (struct files_struct *)table;

	return atomic_read(&files->count) && iterate_fd(files, 0, is_same_file, file);
}

/* It does not wait for requests any more. */
static void unpark_locked(struct ntsync_hold *h, struct ntsync_receiver *r)
{
	struct ntsync_wait_entry *e = r->parked;

	if (!e)
		return;
	ntsync_obj_dequeue_locked(r->channel->obj, e, &h->todo);
	if (ntsync_wait_claim(e->wait, NTSYNC_CLOSED))
		ntsync_hold_wake_locked(h, r->t->task);
}

/* Somebody may receive now what is pending, or may not any more. */
static void party_changed_locked(struct ntsync_channel *c)
{
	const struct ntsync_channel_entry *e = ntsync_channel_first_pending(c);

	if (e)
		ntsync_channel_mark_stale_locked(c, ntsync_waitq_level(&e->node));
}

/* It is not one of its party any more. */
static void leave_party_locked(struct ntsync_receiver *r)
{
	list_del_init(&r->member);
	r->party = NULL;
	party_changed_locked(r->channel);
}

/*
 * First none of them gets anything any more, then what they have got goes back. Whoever
 * has been looked at may be gone when room has been made.
 */
static void dismiss_members_locked(struct ntsync_hold *h, struct ntsync_party *p)
{
	struct ntsync_channel_entry *e;
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
	for (;;) {
		ntsync_hold_make_room(h);
		r = list_first_entry_or_null(&p->leaving, struct ntsync_receiver, member);
		if (!r)
			break;
		e = ntsync_receiver_first_entry(r);
		if (e)
			ntsync_entry_finish_locked(h, e, NTSYNC_SEND_RESET);
		else
			leave_party_locked(r);
		h->steps++;
	}
}

/*
 * The party that has table @files, if there is one, has let go of the channel, unless somebody
 * has begun to receive since it was at @entered; false then.
 */
static bool disband(struct ntsync_channel *c, const void *files, u64 entered)
{
	struct ntsync_party *p;
	struct ntsync_hold h;
	bool again;

	ntsync_obj_hold(&h, c->obj);
	p = find_party(c, files);
	again = p && p->entered != entered;
	if (p && !again) {
		rb_erase(&p->by_files, &c->parties);
		p->left = true;
		dismiss_members_locked(&h, p);
		if (RB_EMPTY_ROOT(&c->parties))
			desert_locked(&h, c);
		else
			ntsync_wake_takers(&h, h.obj); /* notices that are to be handed on */
	}
	ntsync_obj_unhold(&h);
	if (!again)
		kfree(p);
	return !again;
}

/* 0 if there is no party with that table. */
static u64 last_entered(struct ntsync_channel *c, const void *files)
{
	const struct ntsync_party *p;

	guard(raw_spinlock)(&c->obj->lock);
	p = find_party(c, files);
	return p ? p->entered : 0;
}

/* Whoever has table @files receives, and has no descriptor: it goes. True if nobody is left. */
static bool disband_if_closed(struct ntsync_channel *c, struct file *file, const void *files)
{
	u64 entered;

	do {
		entered = last_entered(c, files);
		if (!entered)
			return true;
		if (has_descriptor(files, file))
			return false;
	} while (!disband(c, files, entered));
	return true;
}

/* ---- receivers ---- */

static int compare_task(const void *t, const struct rb_node *node)
{
	const struct ntsync_receiver *r = rb_entry(node, struct ntsync_receiver, by_task);

	return (const struct ntsync_task *)t < r->t ? -1 : (const struct ntsync_task *)t > r->t;
}

static bool receiver_before(struct rb_node *a, const struct rb_node *b)
{
	return compare_task(rb_entry(a, struct ntsync_receiver, by_task)->t, b) < 0;
}

struct ntsync_receiver *ntsync_receiver_find_locked(const struct ntsync_channel *c,
						    const struct ntsync_task *t)
{
	return rb_entry_safe(rb_find(t, &c->receivers, compare_task),
			     struct ntsync_receiver, by_task);
}

static struct ntsync_receiver *alloc_receiver(struct ntsync_channel *c, struct ntsync_task *t)
{
	struct ntsync_receiver *r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);

	if (!r)
		return NULL;
	r->channel = c;
	r->t = ntsync_task_get(t);
	r->entries = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&r->member);
	INIT_LIST_HEAD(&r->notice.node);
	r->notice.obj = c->obj;
	r->contrib.kind = NTSYNC_CONTRIB_CHANNEL;
	r->contrib.object = c->id;
	return r;
}

/* One for current; only current itself makes one. */
static struct ntsync_receiver *add_receiver(struct ntsync_channel *c, struct ntsync_task *t)
{
	struct ntsync_receiver_task *of = ntsync_receiver_task_alloc();
	struct ntsync_receiver *r;

	if (!of)
		return ERR_PTR(-ENOMEM);
	r = alloc_receiver(c, t);
	if (!r) {
		ntsync_receiver_task_free(of);
		return ERR_PTR(-ENOMEM);
	}
	scoped_guard(raw_spinlock, &c->obj->lock) {
		rb_add(&r->by_task, &c->receivers, receiver_before);
		c->nr_receivers++;
	}
	ntsync_receiver_listen(r, of);
	return r;
}

/* A receive begins. */
static inline void enter_party_locked(struct ntsync_channel *c, struct ntsync_party *p)
{
	c->deserted = false;
	p->entered = ++c->entered;
}

/* @r is of current's process from now on: its party, which is @new if there was none. */
static struct ntsync_party *join_party(struct ntsync_receiver *r, struct ntsync_party *new)
{
	struct ntsync_channel *c = r->channel;
	struct ntsync_hold h;
	struct ntsync_party *p;

	ntsync_obj_hold(&h, c->obj);
	p = find_party(c, current->files);
	if (!p) {
		p = new;
		rb_add(&p->by_files, &c->parties, party_before);
	}
	enter_party_locked(c, p);
	r->party = p;
	list_move(&r->member, &p->members);
	party_changed_locked(c);
	ntsync_obj_unhold(&h);
	return p;
}

static struct ntsync_receiver *join(struct ntsync_channel *c, struct file *file,
				    struct ntsync_receiver *r, struct ntsync_task *t)
{
	struct ntsync_party *p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);

	if (!p)
		return ERR_PTR(-ENOMEM);
	p->files = current->files;
	INIT_LIST_HEAD(&p->members);
	INIT_LIST_HEAD(&p->leaving);
	if (!r)
		r = add_receiver(c, t);
	if (IS_ERR(r)) {
		kfree(p);
		return r;
	}
	if (join_party(r, p) != p) {
		kfree(p);
		return r;
	}
	return disband_if_closed(c, file, current->files) ? ERR_PTR(-EBADF) : r;
}

/*
 * What @r has got goes back, and it is not one of its party any more. Nobody else frees @r
 * meanwhile.
 */
static void quit_locked(struct ntsync_hold *h, struct ntsync_receiver *r)
{
	reset_entries_locked(h, r);
	ntsync_receiver_drop_notice_locked(r);
	if (r->party)
		leave_party_locked(r);
	ntsync_wake_takers(h, h->obj);
}

/* current's party has let go, and is on its way to tell @r; the process has the channel again. */
static void quit(struct ntsync_receiver *r)
{
	struct ntsync_hold h;

	ntsync_obj_hold(&h, r->channel->obj);
	quit_locked(&h, r);
	ntsync_obj_unhold(&h);
}

/**
 * ntsync_receiver_enter() - current receives from a channel
 * @c: the channel
 * @file: its file
 * @t: current's record
 *
 * Return: the receiver; it stays as long as current lives and @file is held.
 * -ENOMEM; -EBADF if the process has closed the channel meanwhile.
 */
struct ntsync_receiver *ntsync_receiver_enter(struct ntsync_channel *c, struct file *file,
					      struct ntsync_task *t)
{
	struct ntsync_receiver *r;
	bool left = false;

	scoped_guard(raw_spinlock, &c->obj->lock) {
		r = ntsync_receiver_find_locked(c, t);
		if (likely(r && r->party && r->party->files == current->files)) {
			left = r->party->left;
			if (likely(!left)) {
				enter_party_locked(c, r->party);
				return r;
			}
		}
	}
	if (left)
		quit(r);
	/* With another table of descriptors it is of another party, whatever becomes of the old. */
	return join(c, file, r, t);
}

/* ---- the end of receivers ---- */

/* Not in its task's list any more. Under the reap lock. */
void ntsync_receiver_free(struct ntsync_receiver *r)
{
	struct ntsync_channel *c = r->channel;
	struct ntsync_hold h;
	bool stale;

	ntsync_reap_assert_held();
	ntsync_obj_hold(&h, c->obj);
	reset_entries_locked(&h, r);
	ntsync_receiver_drop_notice_locked(r);
	ntsync_wake_takers(&h, h.obj);
	rb_erase(&r->by_task, &c->receivers);
	c->nr_receivers--;
	list_del(&r->member);
	ntsync_contrib_move_locked(&r->contrib, NULL, NTSYNC_NO_CONTRIB, 0, &h.todo);
	stale = h.stale | ntsync_obj_take_stale_locked(c->obj);
	h.stale = false;
	ntsync_obj_unhold(&h);
	/* Not if the channel goes, too. */
	if (stale && c->nr_receivers)
		ntsync_channel_update_receivers_later(c);

	ntsync_task_put(r->t);
	kfree(r);
}

/* The first that is left of a channel that nobody uses any more. */
static bool destroy_one(struct ntsync_channel *c)
{
	struct ntsync_receiver_task *unused;
	struct ntsync_receiver *r;

	guard(ntsync_reap_lock)();
	r = rb_entry_safe(rb_first(&c->receivers), struct ntsync_receiver, by_task);
	if (!r)
		return false;
	unused = ntsync_receiver_forget(r);
	ntsync_receiver_free(r);
	ntsync_receiver_task_free(unused);
	return true;
}

/* With the channel. Others want the lock, too, so it is not held from the first to the last. */
void ntsync_receivers_destroy(struct ntsync_channel *c)
{
	while (destroy_one(c))
		;
	WARN_ON_ONCE(!RB_EMPTY_ROOT(&c->parties));
}

/* ---- close ---- */

/*
 * The only thread of a process uses its descriptor's reference to the file for its calls,
 * and has no other. Only of interest before the first receiver has come.
 */
bool ntsync_channel_borrows_file(const struct ntsync_channel *c, struct file *file)
{
	return !READ_ONCE(c->parties.rb_node) && atomic_read(&current->files->count) == 1 &&
	       has_descriptor(current->files, file);
}

/*
 * The end for all, if those who wait for a first receiver are the only ones left who have
 * the channel: all references to the file are those of their calls, and of @others who
 * don't count. Not if one of them has a descriptor: somebody could be given that.
 */
void ntsync_channel_orphan_locked(struct ntsync_hold *h, struct ntsync_channel *c,
				  struct file *file, int others)
{
	ntsync_assert_obj_lock(c->obj);
	if (RB_EMPTY_ROOT(&c->parties) && c->pending.count &&
	    file_count(file) <= c->pending.count - c->nr_borrowing + others)
		desert_locked(h, c);
}

void ntsync_channel_check_orphan(struct ntsync_channel *c, struct file *file, int others)
{
	struct ntsync_hold h;

	ntsync_obj_hold(&h, c->obj);
	ntsync_channel_orphan_locked(&h, c, file, others);
	ntsync_obj_unhold(&h);
}

/* Is current a receiver of a party that has another table? Not if it exits: see below. */
static struct ntsync_receiver *find_stranger_locked(const struct ntsync_channel *c,
						    const void *files)
{
	const struct ntsync_task *t = ntsync_task_find();
	struct ntsync_receiver *r = t ? ntsync_receiver_find_locked(c, t) : NULL;

	return r && r->party && r->party->files != files ? r : NULL;
}

/*
 * A copy of current's table that the kernel has made for a fork() or an unshare() which then
 * failed: current has its own table as ever. When it exits it has none any more; and
 * close_range() closes in the copy before that becomes its own, but somebody uses that copy.
 */
static bool is_given_up(const void *table, struct file *file)
{
	const struct files_struct *files = table;

	return !atomic_read(&files->count) && current->files &&
	       has_descriptor(current->files, file);
}

/*
 * current has left the table of its party, by unshare() or exec, and closes its copy. If that
 * is because it exits, the reaper knows about it already:
 *
 *   current				reaper
 *
 *   sched_process_exit: it is dead
 *   closes its table: flush()		lock(reap_lock)
 *     is it a receiver? yes		resets its entries, frees the record
 *     lock(reap_lock)			unlock(reap_lock)
 *     is it still one? no
 *
 * or the other way round, and the reaper finds a record without entries.
 */
static void check_stranger(struct ntsync_channel *c, struct file *file, const void *files)
{
	struct ntsync_receiver *r;
	struct ntsync_hold h;

	scoped_guard(raw_spinlock, &c->obj->lock)
		r = find_stranger_locked(c, files);
	if (likely(!r) || has_descriptor(files, file) || is_given_up(files, file))
		return;
	guard(ntsync_reap_lock)();
	ntsync_obj_hold(&h, c->obj);
	r = find_stranger_locked(c, files);
	if (r)
		quit_locked(&h, r);
	ntsync_obj_unhold(&h);
}

/* A process has closed a descriptor of the channel, of which @files is the table. */
void ntsync_receivers_flush(struct ntsync_channel *c, struct file *file, const void *files)
{
	disband_if_closed(c, file, files);
	if (files) /* else it is the kernel's own, and nobody's */
		check_stranger(c, file, files);
	if (READ_ONCE(c->pending.count))
		ntsync_channel_check_orphan(c, file, 1);
}
