// SPDX-License-Identifier: GPL-2.0-only
/*
 * Channel: a queue of requests, ordered by priority. The sender sleeps until the reply. While a
 * request is pending, all receivers inherit its priority; once dispatched, only its receiver does
 * (source.c).
 *
 *   sender			receiver (parked)		any task
 *
 *   lock(obj)
 *   queues the request
 *   claims the receiver's wait,
 *   dispatches the request to it
 *   unlock(obj), wakes it
 *   boosts it			boosts itself if that is
 *				not done, returns with the
 *				request
 *   sleeps			...				REPLY: lock(obj)
 *								finds the request by id,
 *								ends it,
 *								claims the sender's wait
 *								unlock(obj), wakes it
 *   lock(obj), unlock(obj)					unboosts the receiver
 *   returns
 *
 * A parked receiver is a waiter in obj->any, as with any other object: "signaled" means that a
 * request is pending, and "acquire" dispatches the first one. So which receiver gets which request
 * is decided in one place, under obj->lock, and a request that was dispatched wins over a signal
 * that interrupts the receiver.
 *
 * A request is executed at most once. A sender that leaves before the reply removes its request
 * under obj->lock. If the request was pending, the call may be restarted, and the new request keeps
 * the place in the queue. If it was dispatched, the call returns -EINTR and is never restarted.
 */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "core/ticket.h"
#include "core/trace.h"
#include "receiver.h"

static bool channel_signaled(const struct ntsync_obj *obj, u32 owner)
{
	return READ_ONCE(obj->channel->pending.count);
}

static void dispatch_first_locked(struct ntsync_channel *c, struct ntsync_receiver *r)
{
	struct ntsync_request *req = ntsync_channel_first_pending(c);

	ntsync_assert_obj_lock(c->obj);
	ntsync_request_dispatch_locked(req, r);
	r->message = (struct ntsync_message){
		.id = req->id,
		.payload = req->payload,
		.reply = req->reply,
		.token = ntsync_token_get_locked(&c->tokens, req->pid),
		.tid = req->tid,
		.prio = req->prio,
	};
}

static void channel_acquire(struct ntsync_obj *obj, struct ntsync_acquirer *acquirer)
{
	struct ntsync_channel *c = obj->channel;
	struct ntsync_receiver *r = ntsync_receiver_find_locked(c, acquirer->t);

	if (acquirer->notify_only)
		ntsync_receiver_notify_locked(r);
	else
		dispatch_first_locked(c, r);
	acquirer->must_walk |= ntsync_receiver_update_contrib_locked(r);
}

static struct ntsync_wait_entry *channel_next_waiter(struct ntsync_obj *obj)
{
	const struct ntsync_channel *c = obj->channel;

	return c->pending.count > c->nr_notified ? ntsync_obj_first_any(obj) : NULL;
}

static void channel_enqueued(struct ntsync_obj *obj, struct ntsync_wait_entry *e,
			     struct ntsync_todo *todo)
{
	struct ntsync_receiver *r = ntsync_receiver_find_locked(obj->channel, e->wait->acquirer.t);

	r->parked = e;
	/* A notification left from an earlier wait would stop the next request from waking us. */
	ntsync_receiver_drop_notification_locked(r);
	if (ntsync_receiver_closed_locked(r))
		ntsync_wait_claim(e->wait, NTSYNC_CLOSED);
	ntsync_channel_mark_for_update_locked(obj->channel, ntsync_receiver_work_prio(r));
}

static void channel_dequeued(struct ntsync_obj *obj, struct ntsync_wait_entry *e,
			     struct ntsync_todo *todo)
{
	struct ntsync_receiver *r = ntsync_receiver_find_locked(obj->channel, e->wait->acquirer.t);

	r->parked = NULL;
	ntsync_channel_mark_for_update_locked(obj->channel, ntsync_receiver_work_prio(r));
}

static void channel_destroy(struct ntsync_obj *obj)
{
	struct ntsync_channel *c = obj->channel;

	/* A sender holds the file, so there is none. */
	WARN_ON_ONCE(c->pending.count || c->nr_dispatched);
	ntsync_receivers_destroy(c);
	ntsync_tokens_destroy(&c->tokens);
	kfree(c);
}

static int channel_enter(struct ntsync_obj *obj, struct file *file, struct ntsync_task *t)
{
	return PTR_ERR_OR_ZERO(ntsync_receiver_enter(obj->channel, file, t));
}

/* Passes on current's notification, as its aggregate wait could not write the result. */
static void channel_undelivered(struct ntsync_obj *obj)
{
	struct ntsync_section s;

	ntsync_obj_lock(&s, obj);
	ntsync_receiver_drop_notification_locked(ntsync_receiver_find_locked(obj->channel,
								       ntsync_task_current()));
	ntsync_obj_hand_off(&s, s.obj);
	ntsync_obj_unlock(&s);
}

static const struct ntsync_obj_ops channel_ops = {
	.name = "channel",
	.signaled = channel_signaled,
	.acquire = channel_acquire,
	.next_waiter = channel_next_waiter,
	.enqueued = channel_enqueued,
	.dequeued = channel_dequeued,
	.update_inheritors = ntsync_channel_update_receivers,
	.show = ntsync_channel_show,
	.show_tasks = ntsync_channel_show_tasks,
	.destroy = channel_destroy,
	.enter = channel_enter,
	.undelivered = channel_undelivered,
	.pass_on = ntsync_receiver_pass_on_notification,
	.source = &ntsync_channel_source,
};

struct ntsync_obj *ntsync_channel_create(struct ntsync_device *dev, u32 max_depth)
{
	struct ntsync_channel *c;
	struct ntsync_obj *obj;

	if (!max_depth || max_depth > NTSYNC_CHANNEL_MAX_DEPTH)
		return ERR_PTR(-EINVAL);
	c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);
	if (!c)
		return ERR_PTR(-ENOMEM);
	obj = ntsync_obj_alloc(dev, &channel_ops);
	if (!obj) {
		kfree(c);
		return ERR_PTR(-ENOMEM);
	}
	c->obj = obj;
	c->id = obj->id;
	c->max_depth = max_depth;
	ntsync_channel_source_init(c);
	ntsync_waitq_init(&c->pending);
	obj->channel = c;
	return obj;
}

static bool is_channel(const struct ntsync_obj *obj)
{
	return obj->ops == &channel_ops;
}

/* ---- send ---- */

/*
 * current is about to sleep until a reply and can't receive meanwhile. Another receiver must be
 * woken for the request that current was notified of; the caller does that.
 */
static void drop_own_notification_locked(struct ntsync_channel *c, const struct ntsync_task *t)
{
	struct ntsync_receiver *r;

	if (likely(!c->nr_notified))
		return;
	r = ntsync_receiver_find_locked(c, t);
	if (r)
		ntsync_receiver_drop_notification_locked(r);
}

static int queue_request(struct ntsync_channel *c, struct ntsync_request *req,
			 struct file *file)
{
	struct ntsync_section s;
	int ret = 0;

	ntsync_obj_lock(&s, c->obj);
	if (c->broken) {
		ret = -EPIPE;
	} else if (c->pending.count >= c->max_depth) {
		ret = -EAGAIN;
	} else {
		drop_own_notification_locked(c, req->wait->acquirer.t);
		ntsync_request_queue_locked(req, ntsync_pi_inherited_prio(req->wait));
		trace_ntsync_channel_send(c->id, req->id, current->pid, req->prio);
		ntsync_obj_hand_off(&s, s.obj);
		ntsync_channel_check_reachable_locked(&s, c, file, 0);
	}
	ntsync_obj_unlock(&s);
	return ret;
}

/*
 * Sleeps until the reply. While there is no receiving process, flush() may miss that the channel
 * has become unreachable, because another reference to the file goes later, such as one in a
 * socket. So senders check every 500 ms, too.
 */
static int sleep_for_reply(struct ntsync_channel *c, struct ntsync_wait *w, struct file *file)
{
	struct ntsync_deadline deadline = { .clock = CLOCK_MONOTONIC };
	int ret;

	for (;;) {
		deadline.expires = KTIME_MAX;
		/* No receiving process, whose close could end the wait: wake up to check. */
		if (!READ_ONCE(c->processes.rb_node))
			deadline.expires = ktime_add_ms(ktime_get(), 500);
		ret = ntsync_wait_sleep(w, &deadline, NULL);
		if (ret != -ETIMEDOUT)
			return ret;
		ntsync_channel_check_reachable(c, file, 0);
	}
}

/*
 * Removes @req if it has not ended yet. @ret says why the sender woke up; returns what the call
 * returns.
 */
static int finish_send(struct ntsync_channel *c, struct ntsync_request *req, int ret)
{
	struct ntsync_section s;

	ntsync_obj_lock(&s, c->obj);
	if (ntsync_wait_claim(req->wait, NTSYNC_SEND_WITHDRAWN)) {
		if (req->receiver)
			ret = -EINTR;
		ntsync_request_remove_locked(req);
		trace_ntsync_channel_withdraw(c->id, req->id, current->pid);
	}
	ntsync_obj_unlock(&s);

	switch (atomic_read(&req->wait->claim)) {
	case NTSYNC_SEND_REPLIED:
		return 0;
	case NTSYNC_SEND_RESET:
		return -ECONNRESET;
	case NTSYNC_SEND_BROKEN:
		return -EPIPE;
	default:
		return ret;
	}
}

/* Identifies the request, in case the call is made again: restarted, or repeated by the program. */
static u64 hash_request(const struct ntsync_request *req)
{
	u64 call = ntsync_ticket_hash(req->channel->id, req->payload);

	return ntsync_ticket_hash(ntsync_ticket_hash(call, req->reply), req->prio);
}

static int send_and_wait(struct ntsync_channel *c, struct ntsync_request *req,
			 struct file *file, struct ntsync_task *t)
{
	const u64 dev = c->obj->dev->id, call = hash_request(req);
	struct ntsync_wait_req wait_req = { };
	struct ntsync_wait w;
	int ret;

	wait_req.arrival = ntsync_ticket_find(t, dev, call);
	ntsync_wait_init(&w, &wait_req, t, NULL, false);
	w.send = req;
	w.send_to = c->obj;
	w.send_prio = ntsync_request_requested_prio(req);
	req->wait = &w;
	ntsync_pi_begin_wait(&w);
	ret = queue_request(c, req, file);
	if (!ret) {
		ntsync_notifications_pass_on(t);
		ntsync_pi_before_sleep(&w);
		ret = sleep_for_reply(c, &w, file);
		ret = finish_send(c, req, ret);
	}
	ntsync_pi_end_wait(&w);
	/* A request that finds the queue full keeps its ticket for the next attempt. */
	if (unlikely(ret == -ERESTARTSYS || (ret == -EAGAIN && wait_req.arrival)))
		t->ticket = (struct ntsync_ticket){ w.arrival, dev, call };
	return ret;
}

/**
 * ntsync_channel_send() - send a request and wait for the reply
 * @obj: the channel
 * @file: its file
 * @policy: SCHED_FIFO or SCHED_RR
 * @prio: priority of the request, or 0; clamped to what the caller may pass on
 * @payload: passed to the receiver
 * @reply: passed to the receiver
 *
 * Context: process; sleeps; the caller keeps the object.
 * Return: 0, -EINVAL, -ENOMEM, -EPIPE, -EAGAIN, -ECONNRESET, -EINTR, -ERESTARTSYS.
 */
int ntsync_channel_send(struct ntsync_obj *obj, struct file *file, u32 policy, u32 prio,
			u64 payload, u64 reply)
{
	struct ntsync_task *t = ntsync_task_find_or_create();
	struct ntsync_request *req;
	int ret;

	if (!is_channel(obj))
		return -EINVAL;
	req = t ? ntsync_request_alloc() : NULL;
	if (!req)
		return -ENOMEM;
	req->channel = obj->channel;
	req->payload = payload;
	req->reply = reply;
	req->pid = task_pid(current);
	req->tid = task_pid_vnr(current);
	req->prio = prio ? ntsync_boost_clamp(prio) : 0;
	req->policy = req->prio ? policy : SCHED_FIFO;
	req->borrows_file = ntsync_channel_borrows_file(obj->channel, file);
	ret = send_and_wait(obj->channel, req, file, t);
	ntsync_request_free(req);
	return ret;
}

/* ---- receive ---- */

/* Returns -EAGAIN if no request is pending. If @block is set, @e is in the queue then. */
static int dispatch_or_park(struct ntsync_receiver *r, struct ntsync_wait_entry *e, bool block)
{
	struct ntsync_obj *obj = e->obj;
	struct ntsync_section s;
	int ret = 0;

	ntsync_obj_lock(&s, obj);
	if (ntsync_receiver_closed_locked(r)) {
		ret = -EBADF;
	} else {
		if (block)
			r->set++;
		ntsync_receiver_drop_notification_locked(r);
		if (channel_signaled(obj, 0)) {
			dispatch_first_locked(obj->channel, r);
		} else {
			ret = -EAGAIN;
			if (block)
				ntsync_wait_queue_locked(e, &s.todo);
		}
	}
	ntsync_obj_unlock(&s);
	return ret;
}

static int sleep_for_request(struct ntsync_wait *w, const struct ntsync_deadline *deadline)
{
	u32 index;
	int ret;

	ntsync_notifications_pass_on(w->acquirer.t);
	ntsync_pi_before_sleep(w);
	ret = ntsync_wait_sleep(w, deadline, NULL);
	ntsync_wait_dequeue_any(&w->entries[0]);
	return ntsync_wait_result(w, ret, &index);
}

static int receive_request(struct ntsync_obj *obj, struct ntsync_receiver *r, bool block)
{
	struct ntsync_wait_req wait_req = {
		.objs = &obj,
		.count = 1,
		.deadline.expires = KTIME_MAX,
	};
	struct ntsync_wait_entry entry;
	struct ntsync_wait w;
	int ret;

	ntsync_ticket_take(r->t, &wait_req, NTSYNC_CALL_RECEIVE);
	ntsync_wait_init(&w, &wait_req, r->t, &entry, false);
	ntsync_pi_begin_wait(&w);
	ret = dispatch_or_park(r, &entry, block);
	if (ret == -EAGAIN && block)
		ret = sleep_for_request(&w, &wait_req.deadline);
	ntsync_pi_end_wait(&w);
	ntsync_ticket_save(&w, &wait_req, NTSYNC_CALL_RECEIVE, ret);
	return ret;
}

/**
 * ntsync_channel_recv() - receive the first request
 * @obj: the channel
 * @file: its file
 * @block: sleep until there is one
 * @msg: out: the request
 *
 * If the request can't be copied to user space, the caller puts it back by
 * ntsync_channel_put_back().
 *
 * Context: process; sleeps; the caller keeps the object.
 * Return: 0, -EINVAL, -ENOMEM, -EAGAIN, -EBADF (the process has closed the channel
 * meanwhile), -ERESTARTSYS.
 */
int ntsync_channel_recv(struct ntsync_obj *obj, struct file *file, bool block,
			struct ntsync_message *msg)
{
	/* A receive has no owner id. This finds current's record, and ends its event boost. */
	static const struct ntsync_wait_req nothing;
	struct ntsync_receiver *r;
	struct ntsync_task *t;
	int ret;

	if (!is_channel(obj))
		return -EINVAL;
	t = ntsync_wait_begin(&nothing);
	if (!t)
		return -ENOMEM;
	r = ntsync_receiver_enter(obj->channel, file, t);
	if (IS_ERR(r))
		return PTR_ERR(r);
	ret = receive_request(obj, r, block);
	if (ret)
		return ret;
	*msg = r->message;
	trace_ntsync_channel_receive(obj->channel->id, msg->id, current->pid, msg->tid, msg->prio);
	return 0;
}

/* current has received request @id, but it could not be delivered: it is pending again. */
void ntsync_channel_put_back(struct ntsync_obj *obj, u64 id)
{
	struct ntsync_channel *c = obj->channel;
	struct ntsync_request *req;
	struct ntsync_section s;

	ntsync_obj_lock(&s, obj);
	req = ntsync_request_find_locked(c, id);
	if (req && req->receiver->t->task == current) {
		ntsync_request_put_back_locked(req);
		ntsync_obj_hand_off(&s, s.obj);
	}
	ntsync_obj_unlock(&s);
}

/* ---- reply ---- */

/* Returns -ENOENT if no sender waits for a reply to @id. */
int ntsync_channel_reply(struct ntsync_obj *obj, u64 id)
{
	struct ntsync_request *req;
	struct ntsync_section s;

	if (!is_channel(obj))
		return -EINVAL;
	ntsync_obj_lock(&s, obj);
	ntsync_section_make_room(&s);
	req = ntsync_request_find_locked(obj->channel, id);
	if (req)
		ntsync_request_finish_locked(&s, req, NTSYNC_SEND_REPLIED);
	ntsync_obj_unlock(&s);
	if (!req)
		return -ENOENT;
	trace_ntsync_channel_reply(obj->channel->id, id, current->pid);
	return 0;
}

/* ---- tokens ---- */

/* Replaces an earlier token of the thread. Returns 0, -EINVAL, -ENOMEM or -ENOSPC. */
int ntsync_channel_register(struct ntsync_obj *obj, u32 tid, u64 token)
{
	struct ntsync_token *t;
	int ret;

	if (!tid || !is_channel(obj))
		return -EINVAL;
	t = ntsync_token_alloc(tid, token);
	if (!t)
		return -ENOMEM;
	scoped_guard(raw_spinlock, &obj->lock)
		ret = ntsync_token_swap_locked(&obj->channel->tokens, &t);
	ntsync_token_free(t);
	return ret;
}

int ntsync_channel_deregister(struct ntsync_obj *obj, u32 tid)
{
	struct ntsync_token *t;

	if (!is_channel(obj))
		return -EINVAL;
	scoped_guard(raw_spinlock, &obj->lock)
		t = ntsync_token_take_locked(&obj->channel->tokens, tid);
	ntsync_token_free(t);
	return 0;
}

/* ---- close ---- */

/* A descriptor was closed in descriptor table @files. */
void ntsync_channel_flush(struct ntsync_obj *obj, struct file *file, const void *files)
{
	ntsync_receivers_flush(obj->channel, file, files);
}

/* ---- init, exit ---- */

int ntsync_channel_init(void)
{
	int ret = ntsync_requests_init();

	if (ret)
		return ret;
	ret = ntsync_receiver_exit_init();
	if (ret)
		ntsync_requests_exit();
	return ret;
}

void ntsync_channel_exit(void)
{
	ntsync_receiver_exit_destroy();
	ntsync_requests_exit();
}
