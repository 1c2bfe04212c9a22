// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receivers, receiving processes, and what happens to requests when they go away: no sender waits
 * for a reply that can't come.
 *
 * A receiver is a task that has called a receive, or an aggregate wait for the channel. It stays
 * one until it exits. A receiving process is a descriptor table that receivers use. It stays one
 * until it has closed its last descriptor of the channel; struct ntsync_process stands for it.
 *
 *   event			detected by		consequence
 *   a receiver exits		receiver_exit.c		its dispatched requests: ECONNRESET
 *   the last descriptor of a	flush()			dispatched requests of its
 *   receiving process is closed			receivers: ECONNRESET
 *   ... and that was the last	flush(), a receiver's	pending requests, and all sends
 *   receiving process		exit			until the next receive: EPIPE
 *   no process has a descriptor	flush(), senders that	pending requests: EPIPE
 *   any more			wake up to check
 *
 * Requests end in batches: the exit worker and flush() call end_batch_locked(), which gives each its
 * error.
 *
 * A close can race with the first receive of a process:
 *
 *   receive				close
 *
 *   holds the file
 *					removes the descriptor
 *   adds the receiving process		flush(): is there one?
 *   is there a descriptor?		  yes: removes the process, ends its receives
 *     no: removes the process, -EBADF	  no: nothing to do
 *
 * The second one sees what the first one has done. So no process remains that no flush() removes.
 *
 * The descriptor table can't be searched under obj->lock. While it is searched, another process may
 * pass in a new descriptor, and a thread may receive by it. So receives are counted, and a search
 * that found nothing is repeated if a receive has begun since:
 *
 *   close				receive
 *
 *   lock(obj): nr_receives is 7
 *   is there a descriptor? no
 *					a descriptor is installed
 *					lock(obj): nr_receives becomes 8
 *   lock(obj): nr_receives is not 7
 *   is there a descriptor? yes
 *
 * If nr_receives is still 7 the process is closed, and the receive adds a new one.
 */
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "receiver.h"

/* ---- the end of a request ---- */

/* Ends @req: its sender returns. The caller has called ntsync_section_make_room(). */
void ntsync_request_finish_locked(struct ntsync_section *s, struct ntsync_request *req,
				enum ntsync_send_result result)
{
	ntsync_assert_obj_lock(req->channel->obj);
	if (result == NTSYNC_SEND_REPLIED)
		ntsync_request_add_latency_locked(req, &req->channel->response);
	ntsync_request_remove_locked(req);
	ntsync_wait_claim(req->wait, result);
	ntsync_section_wake_locked(s, req->wait->acquirer.task);
}

/*
 * No receiving process is left: pending requests end with EPIPE. A receive may begin while the lock
 * is dropped; it resets c->broken and gets the rest.
 */
static void fail_pending_locked(struct ntsync_section *s, struct ntsync_channel *c)
{
	struct ntsync_request *req;

	c->broken = true;
	for (;;) {
		ntsync_section_make_room(s);
		req = ntsync_channel_first_pending(c);
		if (!c->broken || !req)
			break;
		ntsync_request_finish_locked(s, req, NTSYNC_SEND_BROKEN);
	}
}

/*
 * Requests that were dispatched to @r end with ECONNRESET. The lock is dropped in between; @r is
 * current's, so it is not freed meanwhile.
 */
static void reset_requests_locked(struct ntsync_section *s, struct ntsync_receiver *r)
{
	struct ntsync_request *req;

	for (;;) {
		ntsync_section_make_room(s);
		req = ntsync_receiver_first_request(r);
		if (!req)
			break;
		ntsync_request_finish_locked(s, req, NTSYNC_SEND_RESET);
	}
}

/* ---- receiving processes ---- */

static bool process_before(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct ntsync_process, by_files)->files <
	       rb_entry(b, struct ntsync_process, by_files)->files;
}

static int compare_files(const void *files, const struct rb_node *node)
{
	const struct ntsync_process *p = rb_entry(node, struct ntsync_process, by_files);

	return files < p->files ? -1 : files > p->files;
}

static struct ntsync_process *find_process(const struct ntsync_channel *c, const void *files)
{
	return rb_entry_safe(rb_find(files, &c->processes, compare_files), struct ntsync_process,
			     by_files);
}

static int is_same_file(const void *wanted, struct file *file, unsigned int fd)
{
	return wanted == file;
}

/* A table without users is being closed: descriptors that are still in it do not count. */
static bool has_descriptor(const void *table, struct file *file)
{
	struct files_struct *files = (struct files_struct *)table;

	return atomic_read(&files->count) && iterate_fd(files, 0, is_same_file, file);
}

/* Ends the receive or the aggregate wait that @r sleeps in, with EBADF. */
static void unpark_receiver_locked(struct ntsync_section *s, struct ntsync_receiver *r)
{
	struct ntsync_wait_entry *e = r->parked;

	if (!e)
		return;
	ntsync_obj_dequeue_locked(r->channel->obj, e, &s->todo);
	if (ntsync_wait_claim(e->wait, NTSYNC_CLOSED))
		ntsync_section_wake_locked(s, r->t->task);
}

/*
 * A receiver has joined or left a process. One without a process inherits from no pending request.
 */
static void mark_pending_for_update_locked(struct ntsync_channel *c)
{
	const struct ntsync_request *req = ntsync_channel_first_pending(c);

	if (req)
		ntsync_channel_mark_for_update_locked(c, ntsync_waitq_prio(&req->node));
}

static void leave_process_locked(struct ntsync_receiver *r)
{
	list_del_init(&r->process_node);
	r->process = NULL;
	mark_pending_for_update_locked(r->channel);
}

/*
 * Removes all receivers from @p. First it ends their receives, so that nothing more is dispatched
 * to them, then it resets the requests that were. A receiver may be freed whenever the lock is
 * dropped, so each step starts with the first one in the list. @p stays: current has removed it,
 * and no other task frees it.
 */
static void remove_members_locked(struct ntsync_section *s, struct ntsync_process *p)
{
	struct ntsync_request *req;
	struct ntsync_receiver *r;

	for (;;) {
		ntsync_section_make_room(s);
		r = list_first_entry_or_null(&p->members, struct ntsync_receiver, process_node);
		if (!r)
			break;
		list_move(&r->process_node, &p->leaving);
		unpark_receiver_locked(s, r);
		ntsync_receiver_drop_notification_locked(r);
		s->steps++;
	}
	for (;;) {
		ntsync_section_make_room(s);
		r = list_first_entry_or_null(&p->leaving, struct ntsync_receiver, process_node);
		if (!r)
			break;
		req = ntsync_receiver_first_request(r);
		if (req)
			ntsync_request_finish_locked(s, req, NTSYNC_SEND_RESET);
		else
			leave_process_locked(r);
		s->steps++;
	}
}

/*
 * From now on @p does not receive. Without a receiving process the channel is broken at once, so
 * that the exit worker ends pending requests, too, if the task that closes is preempted.
 */
static void remove_process_locked(struct ntsync_channel *c, struct ntsync_process *p)
{
	rb_erase(&p->by_files, &c->processes);
	p->closed = true;
	if (RB_EMPTY_ROOT(&c->processes))
		c->broken = true;
}

/*
 * Removes the receiving process with table @files from the channel, if there is one. Returns false
 * and does nothing if it has begun a receive since find_last_receive() returned @last.
 */
static bool remove_process(struct ntsync_channel *c, const void *files, u64 last)
{
	struct ntsync_process *p;
	struct ntsync_section s;
	bool again;

	ntsync_obj_lock(&s, c->obj);
	p = find_process(c, files);
	again = p && p->last_receive != last;
	if (p && !again) {
		remove_process_locked(c, p);
		remove_members_locked(&s, p);
		if (RB_EMPTY_ROOT(&c->processes))
			fail_pending_locked(&s, c);
		else
			ntsync_obj_hand_off(&s, s.obj); /* pass on its notifications */
	}
	ntsync_obj_unlock(&s);
	if (!again)
		kfree(p);
	return !again;
}

/* c->nr_receives at the process's last receive; 0 if no receiving process has that table. */
static u64 find_last_receive(struct ntsync_channel *c, const void *files)
{
	const struct ntsync_process *p;

	guard(raw_spinlock)(&c->obj->lock);
	p = find_process(c, files);
	return p ? p->last_receive : 0;
}

/*
 * Removes the receiving process with table @files if it has no descriptor of the channel. Returns
 * true if there is no such process, or no longer.
 */
static bool remove_process_if_no_fd(struct ntsync_channel *c, struct file *file, const void *files)
{
	u64 last;

	do {
		last = find_last_receive(c, files);
		if (!last)
			return true;
		if (has_descriptor(files, file))
			return false;
	} while (!remove_process(c, files, last));
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
	r->requests = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&r->process_node);
	INIT_LIST_HEAD(&r->notification.node);
	r->notification.obj = c->obj;
	r->contrib.kind = NTSYNC_CONTRIB_CHANNEL;
	r->contrib.object = c->id;
	return r;
}

/* For current; no other task adds a receiver for it, so there is no need to look again. */
static struct ntsync_receiver *add_receiver(struct ntsync_channel *c, struct ntsync_task *t)
{
	struct ntsync_receiver_task *rt = ntsync_receiver_task_alloc();
	struct ntsync_receiver *r;

	if (!rt)
		return ERR_PTR(-ENOMEM);
	r = alloc_receiver(c, t);
	if (!r) {
		ntsync_receiver_task_free(rt);
		return ERR_PTR(-ENOMEM);
	}
	scoped_guard(raw_spinlock, &c->obj->lock) {
		rb_add(&r->by_task, &c->receivers, receiver_before);
		c->nr_receivers++;
	}
	ntsync_receiver_watch_exit(r, rt);
	return r;
}

static inline void count_receive_locked(struct ntsync_channel *c, struct ntsync_process *p)
{
	c->broken = false;
	p->last_receive = ++c->nr_receives;
}

/* Adds @r, which is current's, to current's process: the existing one, or @new. */
static struct ntsync_process *join_process(struct ntsync_receiver *r, struct ntsync_process *new)
{
	struct ntsync_channel *c = r->channel;
	struct ntsync_section s;
	struct ntsync_process *p;

	ntsync_obj_lock(&s, c->obj);
	p = find_process(c, current->files);
	if (!p) {
		p = new;
		rb_add(&p->by_files, &c->processes, process_before);
	}
	count_receive_locked(c, p);
	r->process = p;
	list_move(&r->process_node, &p->members);
	mark_pending_for_update_locked(c);
	ntsync_obj_unlock(&s);
	return p;
}

/* @r is current's receiver, or NULL if current has none yet. */
static struct ntsync_receiver *enter_process(struct ntsync_channel *c, struct file *file,
					     struct ntsync_receiver *r, struct ntsync_task *t)
{
	struct ntsync_process *p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);

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
	if (join_process(r, p) != p) {
		kfree(p);
		return r;
	}
	return remove_process_if_no_fd(c, file, current->files) ? ERR_PTR(-EBADF) : r;
}

/*
 * Resets the requests of @r and removes it from its process. @r is current's, so it is not freed
 * while the lock is dropped.
 */
static void reset_receiver(struct ntsync_receiver *r)
{
	struct ntsync_section s;

	ntsync_obj_lock(&s, r->channel->obj);
	reset_requests_locked(&s, r);
	ntsync_receiver_drop_notification_locked(r);
	if (r->process)
		leave_process_locked(r);
	ntsync_obj_hand_off(&s, s.obj);
	ntsync_obj_unlock(&s);
}

/**
 * ntsync_receiver_enter() - begin a receive
 * @c: the channel
 * @file: its file
 * @t: current's record
 *
 * Makes current a receiver, and its process a receiving process, if they are not.
 *
 * Return: current's receiver, which exists as long as current does and @file is held; -ENOMEM;
 * -EBADF if the process has closed the channel meanwhile.
 */
struct ntsync_receiver *ntsync_receiver_enter(struct ntsync_channel *c, struct file *file,
					      struct ntsync_task *t)
{
	struct ntsync_receiver *r;
	bool closed = false;

	scoped_guard(raw_spinlock, &c->obj->lock) {
		r = ntsync_receiver_find_locked(c, t);
		if (likely(r && r->process && r->process->files == current->files)) {
			closed = r->process->closed;
			if (likely(!closed)) {
				count_receive_locked(c, r->process);
				return r;
			}
		}
	}
	/* current has a new descriptor, but remove_members_locked() has not got to @r yet. */
	if (closed)
		reset_receiver(r);
	/* If current has got another descriptor table, this takes it out of its old process. */
	return enter_process(c, file, r, t);
}

/* ---- the end of receivers ---- */

/*
 * ntsync_obj_unlock() for the holder of receiver_free_lock. Senders may wait for that lock's
 * holder, so a kworker updates the receivers.
 */
static void unlock_and_update_later(struct ntsync_section *s)
{
	struct ntsync_channel *c = s->obj->channel;
	bool needs_update = s->needs_update | ntsync_obj_take_needs_update_locked(s->obj);
	bool has_receivers = c->nr_receivers;

	s->needs_update = false;
	ntsync_obj_unlock(s);
	if (needs_update && has_receivers)
		ntsync_channel_update_receivers_later(c);
}

/*
 * Removes the receiving process of @r if that process dies and @r is its last receiver.
 * @dying_files may come from any of its receivers. The other threads of the process are being
 * killed then, and none of them receives. flush() removes the process, too, but it runs in a thread
 * that inherits nothing, and may be preempted.
 */
static void remove_dying_process_locked(struct ntsync_receiver *r, const void *dying_files)
{
	struct ntsync_process *p = r->process;

	if (!p || p->closed)
		return;
	if (p->files == dying_files)
		p->dies = true;
	/* Only a closed process has receivers in p->leaving, so p->members has all that there are. */
	if (p->dies && list_is_singular(&p->members)) {
		remove_process_locked(r->channel, p);
		p->freed_with_receiver = true;
	}
}

/*
 * Ends requests that @r can't serve any more: those that were dispatched to it, and the pending
 * ones if no receiving process is left. Returns false if that was only one batch of them.
 */
static bool end_batch_locked(struct ntsync_section *s, struct ntsync_receiver *r)
{
	struct ntsync_channel *c = r->channel;
	struct ntsync_request *req;

	while (s->steps < NTSYNC_WAKE_BATCH) {
		req = ntsync_receiver_first_request(r);
		if (!req && c->broken)
			req = ntsync_channel_first_pending(c);
		if (!req)
			return true;
		ntsync_request_finish_locked(s, req, req->receiver ? NTSYNC_SEND_RESET :
							       NTSYNC_SEND_BROKEN);
	}
	return false;
}

static void remove_receiver_locked(struct ntsync_section *s, struct ntsync_receiver *r)
{
	struct ntsync_channel *c = r->channel;

	rb_erase(&r->by_task, &c->receivers);
	c->nr_receivers--;
	list_del(&r->process_node);
	/*
	 * Once the lock is dropped remove_process() may free the process, unless that is freed with
	 * @r.
	 */
	if (r->process && !r->process->freed_with_receiver)
		r->process = NULL;
	ntsync_contrib_set_locked(&r->contrib, NULL, NTSYNC_NO_CONTRIB, 0, &s->todo);
}

/**
 * ntsync_receiver_end_batch() - end a receiver whose task has exited, one batch at a time
 * @r: the receiver
 * @dying_files: the descriptor table of a process that dies, to which the task belonged, or NULL
 *
 * Does one batch: first of the channel's pending hand-offs, then of the requests that end with @r.
 * If none is left it removes @r from the channel.
 *
 * Context: process; sleeps; the caller holds receiver_free_lock.
 * Return: true if @r was removed; the caller frees it.
 */
bool ntsync_receiver_end_batch(struct ntsync_receiver *r, const void *dying_files)
{
	struct ntsync_obj *obj = r->channel->obj;
	bool drained, ended = false;
	struct ntsync_section s;

	ntsync_receiver_free_assert_held();
	ntsync_section_init(&s, obj, false);
	raw_spin_lock(&obj->lock);
	/* Another receiver gets its notification. */
	if (ntsync_receiver_notified_locked(r)) {
		ntsync_receiver_drop_notification_locked(r);
		obj->handoff_pending = true;
	}
	/* ntsync_obj_lock() would do all hand-offs. A channel needs no all_lock for them. */
	drained = !obj->handoff_pending || ntsync_section_drain_batch(&s);
	if (drained) {
		remove_dying_process_locked(r, dying_files);
		ended = end_batch_locked(&s, r);
	}
	if (ended)
		remove_receiver_locked(&s, r);
	unlock_and_update_later(&s);
	return ended;
}

/* @r was removed from its channel and its task's list. A process that it still has ends with it. */
void ntsync_receiver_free(struct ntsync_receiver *r)
{
	kfree(r->process);
	ntsync_task_put(r->t);
	kfree(r);
}

static bool destroy_first_receiver(struct ntsync_channel *c)
{
	struct ntsync_receiver_task *unused;
	struct ntsync_receiver *r;

	guard(ntsync_receiver_free)();
	r = rb_entry_safe(rb_first(&c->receivers), struct ntsync_receiver, by_task);
	if (!r)
		return false;
	while (!ntsync_receiver_end_batch(r, NULL))
		;
	unused = ntsync_receiver_unwatch_exit(r);
	ntsync_receiver_free(r);
	ntsync_receiver_task_free(unused);
	return true;
}

/*
 * The channel is being destroyed. receiver_free_lock is dropped after each receiver, as others need
 * it.
 */
void ntsync_receivers_destroy(struct ntsync_channel *c)
{
	while (destroy_first_receiver(c))
		;
	WARN_ON_ONCE(!RB_EMPTY_ROOT(&c->processes));
}

/* ---- close ---- */

/*
 * Does current's call lack a file reference of its own? fdget() takes none in a process with one
 * thread. Only asked while there is no receiving process, see
 * ntsync_channel_check_reachable_locked().
 */
bool ntsync_channel_borrows_file(const struct ntsync_channel *c, struct file *file)
{
	return !READ_ONCE(c->processes.rb_node) && atomic_read(&current->files->count) == 1 &&
	       has_descriptor(current->files, file);
}

/*
 * Ends all pending requests with EPIPE if there is no receiving process and can't be one any more:
 * every file reference belongs to a sleeping sender's call, or is one of @others. An open
 * descriptor keeps the channel reachable, even if only a sender has it: it could be passed to a
 * receiver.
 */
void ntsync_channel_check_reachable_locked(struct ntsync_section *s, struct ntsync_channel *c,
					   struct file *file, int others)
{
	ntsync_assert_obj_lock(c->obj);
	if (RB_EMPTY_ROOT(&c->processes) && c->pending.count &&
	    file_count(file) <= c->pending.count - c->nr_borrowing + others)
		fail_pending_locked(s, c);
}

void ntsync_channel_check_reachable(struct ntsync_channel *c, struct file *file, int others)
{
	struct ntsync_section s;

	ntsync_obj_lock(&s, c->obj);
	ntsync_channel_check_reachable_locked(&s, c, file, others);
	ntsync_obj_unlock(&s);
}

/*
 * Is @table a copy of current's table that the kernel discards, because fork() or unshare() has
 * failed? Then current still has its own table, with the descriptor. An exiting task has no table.
 * close_range(CLOSE_RANGE_UNSHARE) also closes descriptors in a copy, but that has count 1.
 */
static bool is_discarded_copy(const void *table, struct file *file)
{
	const struct files_struct *files = table;

	return !atomic_read(&files->count) && current->files &&
	       has_descriptor(current->files, file);
}

/*
 * current has got a descriptor table of its own since it received, by unshare() or exec, and closes
 * its last descriptor there. Its process may keep the channel, but current has nothing left to
 * reply by, so its requests are reset. The record of a task that exits has been removed by now:
 * then this does nothing, and the exit worker or remove_process() resets the requests.
 */
static void reset_moved_receiver(struct ntsync_channel *c, struct file *file, const void *files)
{
	const struct ntsync_task *t = ntsync_task_current();
	struct ntsync_receiver *r = NULL;

	if (!t)
		return;
	scoped_guard(raw_spinlock, &c->obj->lock) {
		r = ntsync_receiver_find_locked(c, t);
		if (r && (!r->process || r->process->files == files))
			r = NULL;
	}
	if (likely(!r) || has_descriptor(files, file) || is_discarded_copy(files, file))
		return;
	reset_receiver(r);
}

/*
 * A descriptor of the channel was closed in table @files. That is NULL if the kernel has closed a
 * file that was in no table.
 */
void ntsync_receivers_flush(struct ntsync_channel *c, struct file *file, const void *files)
{
	remove_process_if_no_fd(c, file, files);
	if (files)
		reset_moved_receiver(c, file, files);
	if (READ_ONCE(c->pending.count))
		ntsync_channel_check_reachable(c, file, 1);
}
